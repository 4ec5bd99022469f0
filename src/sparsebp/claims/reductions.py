"""Reductions of results: the values of named numbers, and what figures show of curves and trees.

A number, see ``numbers``, is reduced, step by step:

1. ``count``: how many of its values meet a condition. That leaves one number.
2. Over simulations: their mean; or their standard deviation (``simulations: spread``); or the mean
   of the m from which on each of them is at most ``until``. Of trees this step is left out.
3. Over m: the m from which on the magnitude is at most ``from``; or the ``slope`` of a line, see
   ``_slope``.
4. ``take``: the largest (``max``), the least (``min``) or the largest in magnitude (``largest``) of
   all that is left. Without it there is a number for each experiment, learner and case of a list.
"""

import numpy as np
import scipy  # its parts load when they are used
import xarray as xr

from sparsebp.claims.numbers import CONFIDENCE, Value, as_list, m_range, names

EXACT = 1e-12
"""Beliefs on trees closer than this to the marginals are exact but for rounding."""

CONDITIONS = {
    "is": lambda values, limit: np.isin(values, limit),
    "above": lambda values, limit: values > limit,
    "at_most": lambda values, limit: values <= limit,
}


def evaluate(name: str, number: dict, results: dict) -> dict[str, Value]:
    """The values of a number by full name.

    Args:
        name: of the number.
        number: as in numbers.yaml; ``sizes`` besides where its slope is against a size.
        results: data sets over (learner, seed, n_samples) by experiment, and those of
            ``numbers.BLOCKS``.
    """
    if "trees" in number:
        values = _trees(number, results["trees"])
    elif "from_scratch" in number:
        values = _from_scratch(number, results["from_scratch"])
    else:
        values = _curves(number, results)
    if "count" in number:
        ((condition, limit),) = number["count"].items()
        return {name: Value(float(CONDITIONS[condition](values, limit).sum()))}
    found = xr.Dataset({"value": values}) if "trees" in number else _estimate(number, values)
    if "take" in number:
        found = _take(found, number["take"])
    scale = 1 if number.get("times") == "2^m" else number.get("times", 1)
    return {full: _value(found.sel(place), scale) for full, place in names(name, number).items()}


def _value(found: xr.Dataset, scale: float) -> Value:
    at = {key: float(found[key].squeeze()) if key in found else 0.0 for key in ("half", "bound")}
    half = at["half"] * abs(scale) if "half" in found else np.nan
    return Value(float(found["value"].squeeze()) * scale, half, bool(at["bound"]))


def _curves(number: dict, results: dict) -> xr.DataArray:
    """Values (experiment, learner, seed, n_samples), NaN where not run."""
    experiments, (first, last) = as_list(number["experiments"]), m_range(number)
    parts = []
    for experiment in experiments:
        data = results[experiment].sel(n_samples=slice(first, last))
        values = data[number.get("quantity", "weight_error")].where(data["status"] > 0)
        chosen = values.sel(learner=as_list(number["learners"]))
        if "minus" in number:
            chosen = chosen - values.sel(learner=number["minus"], drop=True)
        parts.append(chosen)
    found = xr.concat(parts, xr.Variable("experiment", experiments), join="outer")
    return found * 2.0 ** found["n_samples"] if number.get("times") == "2^m" else found


def _from_scratch(number: dict, data: xr.Dataset) -> xr.DataArray:
    """Values (case, seed, n_samples), NaN where not run."""
    first, last = m_range(number)
    values = data[number["from_scratch"]].sel(n_samples=slice(first, last))
    parts = []
    for case in as_list(number["cases"]):
        part = values.sel(case=case).dropna("candidates", how="all")
        most = part["candidates"][-1]
        parts.append(part.sel(candidates=number.get("candidates", most), drop=True))
    return xr.concat(parts, "case")


def _estimate(number: dict, values: xr.DataArray) -> xr.Dataset:
    """Steps 2 and 3: value, half and bound over all dimensions but seed, and n_samples if left."""
    bound = xr.zeros_like(values.isel(seed=0, drop=True), bool)
    if "until" in number:
        first = samples_until(values, values.notnull(), number["until"])
        last = values["n_samples"].where(values.notnull()).max("n_samples")
        values, bound = first.fillna(last), first.isnull().any("seed")
    if "slope" in number:
        return _slope(number, values.where(~bound), "until" not in number)
    spread = number.get("simulations") == "spread"
    error = values.std("seed", ddof=1, skipna=False)
    value = error if spread else values.mean("seed", skipna=False)
    count = values.sizes["seed"]
    half = error / np.sqrt(count) * scipy.stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)
    if "from" in number:
        ran = value.notnull()
        first = samples_until(np.abs(value), ran, number["from"])
        last = value["n_samples"].where(ran).max("n_samples")
        value, half, bound = first.fillna(last), xr.full_like(last, np.nan), first.isnull()
    known = {"half": half} if number.get("interval") else {}
    return xr.Dataset({"value": value, "bound": bound, **known})


def samples_until(values: xr.DataArray, ran: xr.DataArray, limit: float) -> xr.DataArray:
    """The m from which on values are at most a limit; NaN where the last one is not.

    Args:
        values: over n_samples and more.
        ran: where there should be a value; a missing one is not at most the limit.
        limit: of the values.
    """
    above = (ran & ~(values <= limit)).transpose(..., "n_samples")
    later = np.logical_or.accumulate(above.values[..., ::-1], axis=-1)[..., ::-1]
    return values["n_samples"].where(ran & ~above.copy(data=later)).min("n_samples")


def _slope(number: dict, values: xr.DataArray, logs: bool) -> xr.Dataset:
    """The slope of the line through values over (experiment, learner, seed) and maybe n_samples.

    Against ``m`` that is through the values of one experiment at several m, else through those of
    several experiments against the binary logarithm of their ``sizes``. Values are the binary
    logarithms of means or spreads; but the m of ``until`` as they are, one of each simulation.
    """
    against = "n_samples" if number["slope"] == "m" else "experiment"
    if logs:
        over = (
            values.std("seed", ddof=1)
            if number.get("simulations") == "spread"
            else values.mean("seed")
        )
        with np.errstate(divide="ignore"):
            values = np.log2(over)
    x = (
        values["n_samples"]
        if against == "n_samples"
        else xr.DataArray(np.log2(number["sizes"]), dims="experiment")
    )
    points = [dim for dim in (against, "seed") if dim in values.dims]
    rest = [dim for dim in values.dims if dim not in points]
    if "n_samples" in rest:
        values, rest = values.squeeze("n_samples", drop=True), [d for d in rest if d != "n_samples"]

    def line(y, x):
        x, y = np.broadcast_to(x[:, None], (len(x), y.size // len(x))).ravel(), y.ravel()
        if against == "n_samples":  # a schedule has no value between two batches
            x, y = x[~np.isnan(y)], y[~np.isnan(y)]
        if len(x) < 3 or not np.isfinite(y).all():
            return np.nan, np.nan
        fit = scipy.stats.linregress(x, y)
        return fit.slope, fit.stderr * scipy.stats.t.ppf((1 + CONFIDENCE) / 2, len(x) - 2)

    slope, half = xr.apply_ufunc(
        line,
        values,
        x,
        input_core_dims=[points, [against]],
        output_core_dims=[[], []],
        vectorize=True,
    )
    return xr.Dataset({"value": slope} | ({"half": half} if number.get("interval") else {}))


def _take(found: xr.Dataset, which: str) -> xr.Dataset:
    """Step 4, over all dimensions. An extreme is a bound if any of what it is of is."""
    value = found["value"]
    taken = {"max": value.max, "min": value.min, "largest": np.abs(value).max}[which]()
    return xr.Dataset(
        {"value": taken} | ({"bound": found["bound"].any()} if "bound" in found else {})
    )


# Trees.


def steps_needed(data: xr.Dataset) -> xr.DataArray:
    """Steps from a uniform start until beliefs are and stay exact: (shape, teacher, outputs, seed).

    That is one after the last step at which some belief is off by more than ``EXACT``.
    """
    off = data["deviation"].sel(start="uniform", drop=True) > EXACT
    return data["step"].where(off, 0).max("step") + 1


def _half(data: xr.Dataset) -> xr.DataArray:
    """Half the diameter of each tree, the same for every teacher."""
    return data["diameter"] // 2 + xr.zeros_like(data["log_partition"], int)


def _last(data: xr.Dataset) -> xr.DataArray:
    found = data["deviation"]
    last = data["step"].where(found.notnull()).max("step")
    return found.where(data["step"] == last).max("step")


def _before(data: xr.Dataset) -> xr.DataArray:
    return data["deviation"].sel(start="uniform", drop=True).sel(step=(_half(data) - 1).clip(1))


TREES = {
    "belief_error": _last,
    "error_before": _before,
    "steps": steps_needed,
    "half_diameter": _half,
    "steps_to_spare": lambda data: _half(data) - steps_needed(data),
    "log_partition": lambda data: np.abs(data["log_partition"]),
    "log_partition_error": lambda data: np.abs(data["bethe"] - data["log_partition"]),
}
"""What a number of trees may be about, from results/trees.nc:

the largest error of a belief after the last step, by ``start`` too, and one step before half the
diameter from a uniform start; the steps that beliefs take to be exact; half the diameter of the
factor graph; how many steps fewer; the magnitude of log Z, and the error of the Bethe free energy.
"""


def _trees(number: dict, data: xr.Dataset) -> xr.DataArray:
    """Values (shape, teacher, outputs, seed), of some also by start."""
    chosen = {key: as_list(value) for key, value in number["where"].items()}
    return TREES[number["trees"]](data).sel(chosen)
