"""What a panel draws: the values of its curves, with their intervals, and how trainings ended."""

from itertools import chain

import numpy as np
import pandas as pd
import xarray as xr

from sparsebp.claims.reductions import samples_until
from sparsebp.network.quantities import Status
from sparsebp.report.intervals import mean_interval, share_interval
from sparsebp.report.style import MARKS, NEVER
from sparsebp.study.figure_blocks import is_dots, is_share

UNSETTLED = (Status.STEP_LIMIT, Status.OSCILLATING)


def key_of(panel):
    """The key whose numbers the curves of a panel are; None if they are learners."""
    return "n_samples" if "numbers" in panel else panel.get("by")


def drawn(panel):
    """The learners of a panel, and those of its theory."""
    return [*panel["learners"], *chain.from_iterable(panel.get("theory", {}).values())]


def places_of(panel):
    """{learner: horizontal position} in a panel of learners, the limits beyond all others."""
    numbers = panel["numbers"]
    limits = [name for name in panel["learners"] if name not in numbers]
    positive = [number for number in numbers.values() if number > 0]
    logarithmic = panel.get("x_scale") == "log" and positive
    ends = np.array([min(positive), max(positive)] if logarithmic else sorted(numbers.values()))
    low, high = (np.log10(ends) if logarithmic else ends)[[0, -1]]
    beyond = high + ((high - low) / 7 or 1) * np.arange(1, len(limits) + 1)
    return numbers | dict(zip(limits, 10**beyond if logarithmic else beyond, strict=True))


def curves_of(panel):
    """What the curves of a panel are: learners, or numbers, ascending."""
    if not key_of(panel):
        return drawn(panel)
    return sorted(panel["at"] if "numbers" in panel else panel["positions"])


def points_of(panel, results):
    """The points of a panel: columns curve, limit, x, mean, low, high and statuses, a set.

    Points that no seed has a value for have a mean of NaN, and still statuses. So have all points
    of a panel of dots; there each value is a further point, without a status.
    """
    table = _table(panel, results)
    interval = share_interval if is_share(panel) else mean_interval
    points = []
    for (curve, limit, x), group in table.groupby(["curve", "limit", "x"]):
        values = group["value"].dropna().to_numpy()
        if is_dots(panel):
            points += [(curve, limit, x, value, np.nan, np.nan, set()) for value in values]
            values = values[:0]
        low, high = interval(values) if len(values) > 1 else (np.nan, np.nan)
        mean = values.mean() if len(values) else np.nan
        points.append((curve, limit, x, mean, low, high, {*group["status"].dropna()} & {*MARKS}))
    return pd.DataFrame(points, columns=["curve", "limit", "x", "mean", "low", "high", "statuses"])


def _table(panel, results):
    """The values of a panel: columns curve, seed, x, status and what is drawn, as `value`.

    And whether they are of a `limit`.
    """
    tables = []
    sources = {experiment: panel["learners"] for experiment in panel["experiments"]}
    for experiment, names in (sources | panel.get("theory", {})).items():
        data = results[experiment].sel(learner=names)
        data = data[[panel["quantity"], "status"]].rename({panel["quantity"]: "value"})
        ended = data["status"].isin(UNSETTLED) if is_dots(panel) else data["status"] > 0
        data["value"] = data["value"].where(ended)
        if panel.get("expected"):
            data["expected"] = results[experiment]["expected_error"].sel(learner=names).mean("seed")
        if "minus" in panel:
            other = results[experiment][panel["quantity"]].sel(learner=panel["minus"], drop=True)
            data["value"] = data["value"] - other
        if "at" in panel:
            data = data.sel(n_samples=np.atleast_1d(panel["at"]))
        elif is_share(panel):
            known = data["value"].notnull().any(["seed", "n_samples"])
            data["value"] = (data["value"] <= panel["at_most"]).where((data["status"] > 0) & known)
        elif "at_most" in panel:
            data = first_at_most(data, panel["at_most"])
        tables.append(data.to_dataframe().reset_index())
    numbers = panel.get("positions", [0] * len(tables))
    table = pd.concat(tables, keys=numbers, names=["number"]).reset_index("number")
    table["limit"] = False
    if "numbers" in panel:
        table["limit"] = ~table["learner"].isin([*panel["numbers"]])
        table["number"] = table["learner"].map(places_of(panel))
    if panel.get("minus_log2"):
        table["shifted"] = table["n_samples"] - np.log2(table["number"])
    x = "number" if "against" in panel else "n_samples"
    x = "shifted" if panel.get("minus_log2") else x
    x = "expected" if panel.get("expected") else x
    curve = {"n_samples": "n_samples", None: "learner"}.get(key_of(panel), "number")
    return table.rename(columns={x: "x", curve: "curve"})


def first_at_most(data, limit):
    """The number of samples from which on values are at most a limit, and the status there.

    That is the largest there is, with the status `NEVER`, where the last value is above the limit.
    """
    ran = data["status"] > 0
    samples = data["n_samples"]
    first = samples_until(data["value"], ran, limit)
    value = first.fillna(samples.where(ran).max("n_samples"))
    status = data["status"].where(samples == value).max("n_samples")
    return xr.Dataset({"value": value, "status": status.where(first.notnull(), NEVER)})


def shown_of(panel, table, name):
    """The points of a curve between the ends of the horizontal axis."""
    ends = panel.get("x") or (-np.inf, np.inf)
    return table[(table["curve"] == name) & table["x"].between(*ends)]


def ended_of(panel, table):
    """The curves of a panel with trainings that did not converge: (name, {status: positions})."""
    rows = []
    for name in curves_of(panel):
        points = shown_of(panel, table, name)
        found = {
            status: points["x"][[status in statuses for statuses in points["statuses"]]].tolist()
            for status in MARKS
        }
        if any(found.values()):
            rows.append((name, {status: where for status, where in found.items() if where}))
    return rows
