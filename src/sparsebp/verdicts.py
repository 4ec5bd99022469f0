"""Verdicts: which claims of the thesis the results bear out, with effect sizes and intervals.

A claim is a list of tests (workflow/claims.yaml), and each test a comparison of curves over seeds.
A claim holds if all its tests hold, does not hold if one does not, and is undecided otherwise.

Levels. With alpha = 1 - confidence, each test and each number of samples m is tested at level alpha
for "holds": since all must pass, no correction is needed (intersection-union). One that fails is
enough for "does not hold", so there the level is alpha over the number of tests and of m
(Bonferroni). Either verdict of a claim is wrong with a probability of at most alpha, as far as the
t-intervals' normal means go. Choices are separate questions: nothing is corrected between them.

Simulations that all agree give an interval of zero width: two learners that make the same estimates
on every seed are found the same, and errors that are all zero are found to be zero. It says that
these simulations agree, not that every one would: of n alike, up to 1 - alpha**(1/n) of all others
could still differ, unless there is a reason why not. One simulation gives an infinite interval.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
SYMBOLS = {HOLDS: "✓", FAILS: "✗", UNDECIDED: "?"}
QUANTITIES = {
    "weight_error": "weight error",
    "topology_error": "topology error",
    "generalization_error": "generalisation error",
    "expected_error": "expected error",
    "iterations": "iterations",
    "unsettled": "failure to settle",
}
DIMENSIONS = ("learner", "seed", "n_samples")
CONVERGED, CONTRADICTED = 1, 3  # values of `status`
RESAMPLES = 9999
ONE_COLUMN_EACH = 6  # with more choices than this, each has a row of the table instead


class ClaimError(ValueError):
    """A claim that cannot be tested; the message names the claim and what is wrong."""


class Estimate(NamedTuple):
    """Means with their standard errors and degrees of freedom, each (m,) float."""

    mean: np.ndarray
    error: np.ndarray
    freedom: np.ndarray

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the two-sided t-intervals, (m,) each."""
        half = self.error * stats.t.ppf((1 + confidence) / 2, self.freedom)
        return self.mean - half, self.mean + half


class Outcome(NamedTuple):
    """What a test found.

    Attributes:
        holds, fails: never both.
        effect: the estimate, at ``at`` or in the mean over m.
        interval: of the effect, for "holds", of the confidence ``level``.
        corrected: of the effect, for "does not hold", corrected for the number of tests and of m.
        at: the m that decides, or where the effect is largest.
        n: simulations behind it; the smallest number where samples differ.
        slack: how far the interval lies on the claim's side, in margins; negative if beyond.
    """

    holds: bool
    fails: bool
    effect: float
    interval: tuple[float, float]
    corrected: tuple[float, float]
    level: float
    at: int
    n: int
    slack: float


def judge(claims: dict, results: dict[str, xr.Dataset], choices: dict | None = None) -> list[dict]:
    """Test every claim, and under each choice those that are about its experiments alone.

    Args:
        claims: as in claims.yaml.
        results: experiment -> data set over (learner, seed, n_samples).
        choices: name -> {name in the claims: name in the results} for experiments and learners. A
            claim is tested under a choice that names all the claim's experiments; a name that the
            choice does not give stays.

    Returns:
        Records that JSON can hold, ``choice`` None first: id, thesis, statement, choice, verdict,
        tests, and key, the index of the test that decides (the tightest one).

    Raises:
        ClaimError: an unknown kind, margin, quantity, experiment, learner or choice, or curves
            without a common m.
    """
    learners = {name: data["learner"].values.tolist() for name, data in results.items()}
    check(claims, learners, choices)
    alpha, records = 1 - claims["confidence"], []
    for choice, claim, tests in _cases(claims, choices):
        found = []
        for test in tests:
            if "margin" in test:
                test = test | {"margin": claims["margins"][test["margin"]]}
            try:
                outcome = KINDS[test["kind"]].outcome(test, results, alpha, len(tests))
            except ClaimError as error:
                raise ClaimError(f"{_where(claim, choice)}: {error}") from None
            found.append((outcome, test))
        verdicts = [_verdict(outcome) for outcome, _ in found]
        overall = next((v for v in (FAILS, UNDECIDED) if v in verdicts), HOLDS)
        deciding = [i for i, verdict in enumerate(verdicts) if verdict == overall]
        records.append(
            {
                "id": claim["id"],
                "thesis": claim["thesis"],
                "statement": claim["statement"],
                "choice": choice,
                "verdict": overall,
                "key": min(deciding, key=lambda i: found[i][0].slack),
                "tests": [_record(outcome, test, results) for outcome, test in found],
            }
        )
    return records


def check(claims: dict, learners: dict[str, list[str]], choices: dict | None = None) -> None:
    """Raise ClaimError unless all that claims and choices name exists.

    Args:
        learners: experiment -> its learners.
    """
    ids = Counter(claim["id"] for claim in claims["claims"])
    for name, count in ids.items():
        if count > 1:
            raise ClaimError(f"{name}: {count} claims have this id")
    for choice, claim, tests in _cases(claims, choices):
        where = _where(claim, choice)
        for test in tests:
            _known(where, "kind", test["kind"], KINDS)
            _known(where, "quantity", test["quantity"], QUANTITIES)
            if "margin" in test:
                _known(where, "margin", test["margin"], claims["margins"])
            for experiment, learner in _curves(test):
                _known(where, "experiment", experiment, learners)
                _known(where, f"learner in {experiment}", learner, learners[experiment])
    roles = {name for _, _, tests in _cases(claims) for test in tests for name in _names(test)}
    for choice, names in (choices or {}).items():
        for role in names:
            _known(f"choice {choice!r}", "experiment or learner of the claims", role, roles)
        if not any(found == choice for found, _, _ in _cases(claims, choices)):
            raise ClaimError(f"choice {choice!r}: no claim is about its experiments alone")


def check_samples(
    claims: dict, grids: dict[str, dict[str, list[int]]], choices: dict | None = None
) -> None:
    """Raise ClaimError unless the curves of each test have a number of samples in common.

    Args:
        grids: experiment -> learner -> the m at which it is measured.
    """
    for choice, claim, tests in _cases(claims, choices):
        for test in tests:
            first, last = _range(test)
            common = set.intersection(*(set(grids[e][learner]) for e, learner in _curves(test)))
            if not any(first <= m <= last for m in common):
                where = f"{_where(claim, choice)}: {_contrast(test)}"
                raise ClaimError(f"{where}: no common m from {first} to {last}")


def experiments(claims: dict, choices: dict | None = None) -> list[str]:
    """Names of the experiments whose results the claims need, sorted."""
    cases = _cases(claims, choices)
    return sorted({e for _, _, tests in cases for test in tests for e, _ in _curves(test)})


def summary(records: list[dict]) -> str:
    """How many claims hold, and for which it depends on the choice: Markdown."""
    base = Counter(record["verdict"] for record in records if record["choice"] is None)
    lines = [
        f"Of {base.total()} claims, {base[HOLDS]} hold, {base[FAILS]} do not hold and "
        f"{base[UNDECIDED]} are undecided at this number of simulations.\n"
    ]
    for name in dict.fromkeys(record["id"] for record in records):
        under = {verdict: [] for verdict in SYMBOLS}
        for record in records:
            if record["id"] == name and record["choice"] is not None:
                under[record["verdict"]].append(record["choice"])
        parts = [f"{verdict} under {', '.join(some)}" for verdict, some in under.items() if some]
        if len(parts) > 1:
            lines.append(f"- {name} {'; '.join(parts)}.")
    return "\n".join(lines) + "\n"


def table(records: list[dict]) -> str:
    """The claims with their verdicts, and the verdicts under each choice: Markdown tables."""
    rows = []
    for record in records:
        if record["choice"] is None:
            key = record["tests"][record["key"]]
            number = f"{key['contrast']}, {key['measured']}: {_number(key)}"
            cells = [record[name] for name in ("id", "thesis", "statement")]
            rows.append([*cells, f"**{record['verdict']}**", number, str(key["n"])])
    head = ["", "thesis", "claim", "verdict", "deciding number [interval]", "n"]
    parts = [_markdown(head, rows), "n: simulations. Of several tests, the tightest is shown.\n"]
    found = {(r["choice"], r["id"]): SYMBOLS[r["verdict"]] for r in records if r["choice"]}
    if found:
        chosen = {name for _, name in found}
        down = [name for name in dict.fromkeys(r["id"] for r in records) if name in chosen]
        across = list(dict.fromkeys(choice for choice, _ in found))
        if len(across) > ONE_COLUMN_EACH:
            down, across = across, down
            found = {(name, choice): symbol for (choice, name), symbol in found.items()}
        rows = [[one, *(found.get((other, one), "") for other in across)] for one in down]
        key = ", ".join(f"{symbol} {verdict}" for verdict, symbol in SYMBOLS.items())
        parts.append(f"Under other choices: {key}; empty: not tested.\n")
        parts.append(_markdown(["", *across], rows))
    return "\n".join(parts)


# Which tests there are.


def _cases(claims: dict, choices: dict | None = None) -> Iterator[tuple[str | None, dict, list]]:
    """Each choice (None first), claim and list of tests, with the names that the choice gives."""
    for choice, names in {None: None, **(choices or {})}.items():
        for claim in claims["claims"]:
            about = {experiment for test in claim["tests"] for experiment, _ in _curves(test)}
            if names is None:
                yield choice, claim, claim["tests"]
            elif about <= set(names):
                yield choice, claim, [_renamed(test, names) for test in claim["tests"]]


def _curves(test: dict) -> list[tuple[str, str]]:
    """The (experiment, learner) pairs of a test."""
    if "experiments" in test:
        learners = [test["learner"], *test["others"]]
        return [(experiment, learner) for experiment in test["experiments"] for learner in learners]
    return [tuple(test[side]) for side in ("a", "b") if side in test]


def _range(test: dict) -> list[int]:
    """The first and last m of a test."""
    return test["m"] if "m" in test else [test["at"], test["at"]]


def _names(test: dict) -> set[str]:
    return {name for curve in _curves(test) for name in curve}


def _renamed(test: dict, names: dict[str, str]) -> dict:
    new = dict(test)
    for key in ("a", "b", "learner", "others", "experiments"):
        if key in test:
            old = test[key]
            new[key] = names.get(old, old) if key == "learner" else [names.get(n, n) for n in old]
    return new


def _where(claim: dict, choice: str | None) -> str:
    return claim["id"] if choice is None else f"{claim['id']} under {choice!r}"


def _known(where: str, what: str, name: str, allowed) -> None:
    if name not in allowed:
        raise ClaimError(f"{where}: no {what} {name!r}; there are: {', '.join(sorted(allowed))}")


# Samples, and means over them.


class Sample(NamedTuple):
    """Values (learner, seed, m) float, NaN where missing; their seeds and m, both ascending."""

    values: np.ndarray
    seeds: np.ndarray
    m: np.ndarray

    def at(self, seeds: np.ndarray, m: np.ndarray) -> np.ndarray:
        """The values at some of its seeds and m."""
        rows, columns = np.searchsorted(self.seeds, seeds), np.searchsorted(self.m, m)
        return self.values[:, rows[:, None], columns]


def _sample(results: dict, test: dict, experiment: str, *learners: str) -> Sample:
    """Curves of an experiment at the m in the test's range that all these learners have."""
    data, (first, last) = results[experiment].variables, _range(test)
    names, seeds, m = (data[name].values for name in DIMENSIONS)
    rows = [np.flatnonzero(names == learner)[0] for learner in learners]
    inside = (first <= m) & (m <= last)

    def read(variable):
        return data[variable].transpose(*DIMENSIONS).values[rows][..., inside]

    status, quantity = read("status"), test["quantity"]
    values = status != CONVERGED if quantity == "unsettled" else read(quantity)
    values = np.where(status > 0, values, np.nan)
    there = ~np.isnan(values).all(axis=1).any(axis=0)
    return Sample(values[..., there], seeds, m[inside][there])


def _complete(test: dict, *samples: Sample, paired: bool) -> tuple[list[np.ndarray], np.ndarray]:
    """The values of each sample at the m that all have, for the seeds that lack none of these m.

    Paired, a seed that one sample lacks is dropped from all.

    Returns:
        (learner, seed, m) without NaN, one for each sample; the m.
    """
    m = reduce(np.intersect1d, (sample.m for sample in samples))
    parts = [sample.at(sample.seeds, m) for sample in samples]
    seeds = [s.seeds[~np.isnan(p).any(axis=(0, 2))] for s, p in zip(samples, parts, strict=True)]
    if paired:
        seeds = [reduce(np.intersect1d, seeds)] * len(seeds)
    if not len(m) or not all(map(len, seeds)):
        first, last = _range(test)
        raise ClaimError(
            f"{_contrast(test)}: no simulation with {test['quantity']} at a common m from {first} "
            f"to {last}"
        )
    return [sample.at(some, m) for sample, some in zip(samples, seeds, strict=True)], m


def _difference(test: dict, results: dict) -> tuple[Estimate, Estimate, np.ndarray, int]:
    """a - b at each m; a - b in the mean over m, as of one m; the m; the number of seeds.

    Paired, it is the difference seed by seed; otherwise the two means are compared with the degrees
    of freedom of Welch and Satterthwaite.
    """
    paired = test.get("paired", True)
    samples = (_sample(results, test, *test[side]) for side in "ab")
    ((a,), (b,)), m = _complete(test, *samples, paired=paired)
    if paired:
        return _estimate(a - b), _estimate(_mean_over_m(a - b)), m, len(a)
    each, mean = _welch(_estimate(a), _estimate(b)), map(_estimate, map(_mean_over_m, (a, b)))
    return each, _welch(*mean), m, min(len(a), len(b))


def _mean_over_m(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=1, keepdims=True)


def _estimate(values: np.ndarray) -> Estimate:
    """The mean over seeds of (seed, m) values; the error of one seed is infinite."""
    n = len(values)
    error = values.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(values.shape[1], np.inf)
    return Estimate(values.mean(axis=0), error, np.full(values.shape[1], max(n - 1.0, 1.0)))


def _welch(a: Estimate, b: Estimate) -> Estimate:
    variances = np.array([a.error**2, b.error**2])
    freedoms = np.array([a.freedom, b.freedom])
    total = variances.sum(axis=0)
    usable = (total > 0) & np.isfinite(total)
    share = np.divide(variances, total, out=np.full_like(variances, 0.5), where=usable)
    return Estimate(a.mean - b.mean, np.sqrt(total), 1 / (share**2 / freedoms).sum(axis=0))


# The kinds of tests: (test, results, alpha, number of tests of the claim) -> Outcome.


def _exact(test, results, alpha, looks) -> Outcome:
    """In more than a proportion of the simulations a is zero (Clopper-Pearson)."""
    [(values,)], _ = _complete(test, _sample(results, test, *test["a"]), paired=True)
    proportion, n = test["margin"]["value"], len(values)
    binomial = stats.binomtest(np.count_nonzero(values == 0), n)
    interval = tuple(binomial.proportion_ci(1 - alpha))
    corrected = tuple(binomial.proportion_ci(1 - alpha / looks))
    return Outcome(
        holds=interval[0] > proportion,
        fails=corrected[1] < proportion,
        effect=binomial.statistic,
        interval=interval,
        corrected=corrected,
        level=1 - alpha,
        at=test["at"],
        n=n,
        slack=(interval[0] - proportion) / proportion,
    )


def _at_every_m(test, results, alpha, looks, sides) -> Outcome:
    """At every m, a - b times each of the signs ``sides`` is less than the margin."""
    difference, _, m, n = _difference(test, results)
    margin = test["margin"]["value"]
    interval = difference.interval(1 - 2 * alpha)
    corrected = difference.interval(1 - alpha / (looks * len(m)))
    # The ends farthest from and nearest to what is claimed, at each m.
    reach = np.max([interval[1] if side > 0 else -interval[0] for side in sides], axis=0)
    beyond = np.max([corrected[0] if side > 0 else -corrected[1] for side in sides], axis=0)
    fails = bool((beyond > margin).any())
    worst = np.argmax(beyond if fails else reach)
    return Outcome(
        holds=bool((reach < margin).all()),
        fails=fails,
        effect=difference.mean[worst],
        interval=tuple(end[worst] for end in interval),
        corrected=tuple(end[worst] for end in corrected),
        level=1 - 2 * alpha,
        at=m[worst],
        n=n,
        slack=(margin - reach.max()) / margin,
    )


def _equal(test, results, alpha, looks) -> Outcome:
    """a and b are the same within the margin at every m: two one-sided tests at each."""
    return _at_every_m(test, results, alpha, looks, sides=(1, -1))


def _not_worse(test, results, alpha, looks) -> Outcome:
    """a exceeds b by less than the margin at every m: one one-sided test at each."""
    return _at_every_m(test, results, alpha, looks, sides=(1,))


def _lower(test, results, alpha, looks) -> Outcome:
    """In the mean over m, a is below b, and not by less than the margin for sure.

    It does not hold if the whole interval lies above -margin: higher, or practically the same.
    """
    each, mean, m, n = _difference(test, results)
    margin = test["margin"]["value"]
    low, high = (end.item() for end in mean.interval(1 - alpha))
    corrected = tuple(end.item() for end in mean.interval(1 - alpha / looks))
    return Outcome(
        holds=high < 0 and low <= -margin,
        fails=corrected[0] > -margin,
        effect=mean.mean.item(),
        interval=(low, high),
        corrected=corrected,
        level=1 - alpha,
        at=m[np.argmax(np.abs(each.mean))],
        n=n,
        slack=-high / margin,
    )


def _beyond(test, results, alpha, looks, side) -> Outcome:
    """In the mean over m, a is on the claimed side of the margin: 1 for above, -1 for below."""
    [(values,)], m = _complete(test, _sample(results, test, *test["a"]), paired=True)
    mean, margin = _estimate(_mean_over_m(values)), test["margin"]["value"]
    interval = tuple(end.item() for end in mean.interval(1 - alpha))
    corrected = tuple(end.item() for end in mean.interval(1 - alpha / looks))
    distances = sorted(side * (end - margin) for end in interval)
    return Outcome(
        holds=distances[0] > 0,
        fails=max(side * (end - margin) for end in corrected) < 0,
        effect=mean.mean.item(),
        interval=interval,
        corrected=corrected,
        level=1 - alpha,
        at=m[np.argmax(np.abs(values.mean(axis=0) - margin))],
        n=len(values),
        slack=distances[0] / margin,
    )


def _above(test, results, alpha, looks) -> Outcome:
    """The mean over m of a is above the margin."""
    return _beyond(test, results, alpha, looks, side=1)


def _below(test, results, alpha, looks) -> Outcome:
    """The mean over m of a is below the margin."""
    return _beyond(test, results, alpha, looks, side=-1)


def _most_variable(test, results, alpha, looks) -> Outcome:
    """A learner's spread between experiments is larger than that of any other learner.

    The spread is the largest minus the smallest mean over seeds, averaged over the m that all
    curves have. Percentile bootstrap: seeds are drawn within each experiment, the same for all
    learners. Noise adds to a spread, so that learners whose spread is within the noise compare by
    their noise; and with 10 seeds such an interval is about a tenth too short.
    """
    learners = [test["learner"], *test["others"]]
    samples = (_sample(results, test, name, *learners) for name in test["experiments"])
    curves, m = _complete(test, *samples, paired=False)

    def spread(*seeds):
        """(learner, ..., m): of the means over the seeds drawn, (..., n) int each."""
        means = [c[:, drawn].mean(axis=-2) for c, drawn in zip(curves, seeds, strict=True)]
        return np.ptp(means, axis=0)

    def excess(*seeds, axis=-1):
        mean = spread(*(drawn.astype(int) for drawn in seeds)).mean(axis=-1)
        return mean[0] - mean[1:].max(axis=0)

    every = [np.arange(c.shape[1]) for c in curves]
    n, effect = min(map(len, every)), excess(*every)
    if n > 1:
        settings = {"n_resamples": RESAMPLES, "batch": 1000, "vectorized": True}
        drawn = stats.bootstrap(
            every, excess, method="percentile", rng=np.random.default_rng(0), **settings
        ).bootstrap_distribution
    else:
        drawn = np.array([-np.inf, np.inf])
    interval, corrected = (
        tuple(np.quantile(drawn, [a / 2, 1 - a / 2], method="inverted_cdf"))
        for a in (alpha, alpha / looks)
    )
    return Outcome(
        holds=interval[0] > 0,
        fails=corrected[1] < 0,
        effect=effect,
        interval=interval,
        corrected=corrected,
        level=1 - alpha,
        at=m[np.argmax(spread(*every)[0])],
        n=n,
        slack=interval[0] / (abs(effect) or 1.0),
    )


class Kind(NamedTuple):
    """A kind of test: how it decides, what it measures, and what its two verdicts mean."""

    outcome: Callable[..., Outcome]
    measured: str
    holds: str
    fails: str


_MEAN = "{quantity}, mean of m = {m[0]} to {m[1]}"
KINDS = {
    "exact": Kind(
        _exact,
        "proportion of simulations with no {quantity} at m = {at}",
        "more than {margin:g}",
        "less than {margin:g}",
    ),
    "equal": Kind(
        _equal,
        "{quantity} at m = {at}",
        "the same within ±{margin:g} at every m",
        "different by more than {margin:g}",
    ),
    "lower": Kind(_lower, _MEAN, "lower", "not lower, or by less than {margin:g}"),
    "not_worse": Kind(
        _not_worse,
        "{quantity} at m = {at}",
        "higher by less than {margin:g} at every m, if at all",
        "higher by more than {margin:g}",
    ),
    "above": Kind(_above, _MEAN, "above {margin:g}", "below {margin:g}"),
    "below": Kind(_below, _MEAN, "below {margin:g}", "above {margin:g}"),
    "most_variable": Kind(
        _most_variable,
        "spread of the " + _MEAN,
        "larger than that of any other",
        "smaller than that of another",
    ),
}


# Records and their text.


def _verdict(outcome: Outcome) -> str:
    return HOLDS if outcome.holds else FAILS if outcome.fails else UNDECIDED


def _record(outcome: Outcome, test: dict, results: dict) -> dict:
    """A test and its outcome; an end at infinity is None."""
    kind, margin = KINDS[test["kind"]], test.get("margin", {"value": None, "reason": None})
    m, quantity = _range(test), QUANTITIES[test["quantity"]]
    record = {
        "kind": test["kind"],
        "contrast": _contrast(test),
        "measured": kind.measured.format(quantity=quantity, at=outcome.at, m=m),
        "m": m,
        "verdict": _verdict(outcome),
        "effect": float(outcome.effect),
        "interval": _ends(outcome.interval),
        "level": round(outcome.level, 9),
        "corrected": _ends(outcome.corrected),
        "n": outcome.n,
        "at": int(outcome.at),
        "margin": margin["value"],
        "reason": margin["reason"],
        "contradicted": _contradicted(test, results),
    }
    holds, fails = (text.format(margin=margin["value"]) for text in (kind.holds, kind.fails))
    found = {HOLDS: holds, FAILS: fails, UNDECIDED: f"too uncertain to tell whether {holds}"}
    subject = f"{record['contrast']}: {record['measured']}"
    return record | {"reading": f"{subject} is {_number(record)}; {found[record['verdict']]}."}


def _ends(interval) -> list[float | None]:
    return [float(end) if np.isfinite(end) else None for end in interval]


def _contrast(test: dict) -> str:
    """The curves of a test in words."""
    if "experiments" in test:
        return f"{test['learner']} − the most variable other"
    (experiment, learner), *other = _curves(test)
    if not other:
        return f"{learner} in {experiment}"
    if other[0][0] == experiment:
        return f"{learner} − {other[0][1]} in {experiment}"
    return f"{learner} in {experiment} − {other[0][1]} in {other[0][0]}"


def _contradicted(test: dict, results: dict) -> int:
    """How many trainings of the curves and m of a test met a contradiction."""
    status = test | {"quantity": "status"}
    samples = (_sample(results, status, *curve) for curve in _curves(test))
    return sum(int((sample.values == CONTRADICTED).sum()) for sample in samples)


def _number(record: dict) -> str:
    """The effect with the interval that decides."""
    ends = record["corrected" if record["verdict"] == FAILS else "interval"]
    low, high = (f"{e:.3g}" if e is not None else "∞" for e in ends)
    return f"{record['effect']:.3g} [{'-' * (ends[0] is None)}{low}, {high}]"


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    rows = [[str(cell).replace("|", "\\|") for cell in row] for row in [head, *rows]]
    rows.insert(1, ["---"] * len(head))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
