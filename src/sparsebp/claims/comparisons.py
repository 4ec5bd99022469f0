"""Comparisons of curves over simulations, each with its effect size, interval and outcome.

A comparison is a test of a claim (workflow/claims.yaml) as a dict: ``kind``, one of ``KINDS``; its
curves, (experiment, learner) each; a ``quantity``; a range of m, or ``at`` for one; a ``margin``.

Levels. With alpha = 1 - confidence, each test and each number of samples m is tested at a level of
at most alpha for "holds": since all must pass, no correction is needed (intersection-union). One
that fails is enough for "does not hold", so there the level is alpha over the number of tests and
of m (Bonferroni). Either verdict of a claim is wrong with a probability of at most alpha, as far as
the t-intervals' normal means go.

Simulations that all agree give an interval of zero width: two learners that make the same estimates
on every seed are found the same, and errors that are all zero are found to be zero. It says that
these simulations agree, not that every one would: of n alike, up to 1 - alpha**(1/n) of all others
could still differ, unless there is a reason why not. One simulation gives an infinite interval.
"""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np
import scipy  # its parts load when they are used, and none to check what a claim needs

from sparsebp.network import quantities
from sparsebp.network.quantities import Status

# What claims may be about, in words.
MEASURED = {
    name: quantities.QUANTITIES[name].words
    for name in (
        "weight_error",
        "topology_error",
        "generalization_error",
        "expected_error",
        "iterations",
    )
} | {"unsettled": "failure to settle"}
DIMENSIONS = ("learner", "seed", "n_samples")
RESAMPLES = 9999


class ComparisonError(ValueError):
    """Curves that cannot be compared; the message names them."""


class Outcome(NamedTuple):
    """What a test found.

    Attributes:
        effect: the estimate, at ``at`` or in the mean over m.
        interval: of the effect, for "holds", of the confidence ``level``.
        corrected: of the effect, for "does not hold", corrected for the number of tests and of m.
        at: the m that decides; of a mean over m, the one that contributes most.
        n: simulations behind it; the smaller number where a and b have different ones.
        margin: of the test; 0 where it has none.
        turns: two margins, a and b. If ``lenient``, the test holds for margins above a and does
            not hold for margins below b; else it holds below a and does not hold above b. In
            between it is undecided.
        lenient: whether a larger margin makes the test easier to pass.
        share: of a mean over m, what the m ``at`` contributes to it; else None.
    """

    effect: float
    interval: tuple[float, float]
    corrected: tuple[float, float]
    level: float
    at: int
    n: int
    margin: float
    turns: tuple[float, float]
    lenient: bool
    share: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the interval lies on the claim's side of the margin."""
        return self._inside(self.turns[0]) > 0

    @property
    def fails(self) -> bool:
        """Whether the corrected interval lies beyond the margin."""
        return self._inside(self.turns[1]) < 0

    @property
    def slack(self) -> float:
        """How far the interval lies on the claim's side, in margins; negative if beyond."""
        return self._inside(self.turns[0]) / (self.margin or abs(self.effect) or 1.0)

    def _inside(self, turn: float) -> float:
        return self.margin - turn if self.lenient else turn - self.margin


def curves(test: dict) -> list[tuple[str, str]]:
    """The (experiment, learner) pairs of a test."""
    if "experiments" in test:
        learners = [test["learner"], *test["others"]]
        return [(experiment, learner) for experiment in test["experiments"] for learner in learners]
    return [tuple(test[side]) for side in ("a", "b") if side in test]


def m_range(test: dict) -> list[int]:
    """The first and last m of a test."""
    return test["m"] if "m" in test else [test["at"], test["at"]]


def contrast(test: dict) -> str:
    """The curves of a test in words."""
    if "experiments" in test:
        return f"{test['learner']} − the most variable other"
    (experiment, learner), *other = curves(test)
    if not other:
        return f"{learner} in {experiment}"
    if other[0][0] == experiment:
        return f"{learner} − {other[0][1]} in {experiment}"
    return f"{learner} in {experiment} − {other[0][1]} in {other[0][0]}"


def contradicted(test: dict, results: dict) -> int:
    """How many trainings of the curves and m of a test met a contradiction."""
    status = test | {"quantity": "status"}
    samples = (_sample(results, status, *curve) for curve in curves(test))
    return sum(int((sample.values == Status.CONTRADICTION).sum()) for sample in samples)


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


class Estimate(NamedTuple):
    """Means with their standard errors and degrees of freedom, each (m,) float."""

    mean: np.ndarray
    error: np.ndarray
    freedom: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Estimate":
        """The mean over seeds of (seed, m) values; the error of one seed is infinite."""
        n, m = values.shape
        error = values.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(m, np.inf)
        return cls(values.mean(axis=0), error, np.full(m, max(n - 1.0, 1.0)))

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference to an independent estimate (Welch and Satterthwaite)."""
        variances = np.array([self.error**2, other.error**2])
        freedoms = np.array([self.freedom, other.freedom])
        total = variances.sum(axis=0)
        usable = (total > 0) & np.isfinite(total)
        share = np.divide(variances, total, out=np.full_like(variances, 0.5), where=usable)
        freedom = 1 / (share**2 / freedoms).sum(axis=0)
        return Estimate(self.mean - other.mean, np.sqrt(total), freedom)

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the two-sided t-intervals, (m,) each."""
        half = self.error * scipy.stats.t.ppf((1 + confidence) / 2, self.freedom)
        return self.mean - half, self.mean + half


def _sample(results: dict, test: dict, experiment: str, *learners: str) -> Sample:
    """Curves of an experiment at the m in the test's range that all these learners have."""
    data, (first, last) = results[experiment].variables, m_range(test)
    names, seeds, m = (data[name].values for name in DIMENSIONS)
    rows = [np.flatnonzero(names == learner)[0] for learner in learners]
    inside = (first <= m) & (m <= last)

    def read(variable):
        return data[variable].transpose(*DIMENSIONS).values[rows][..., inside]

    status, quantity = read("status"), test["quantity"]
    values = status != Status.CONVERGED if quantity == "unsettled" else read(quantity)
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
        first, last = m_range(test)
        raise ComparisonError(
            f"{contrast(test)}: no simulation with {test['quantity']} at a common m from {first} "
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
        return Estimate.of(a - b), Estimate.of(_mean_over_m(a - b)), m, len(a)
    each = Estimate.of(a).minus(Estimate.of(b))
    mean = Estimate.of(_mean_over_m(a)).minus(Estimate.of(_mean_over_m(b)))
    return each, mean, m, min(len(a), len(b))


def _single(test: dict, results: dict) -> tuple[Estimate, Estimate, np.ndarray, int]:
    """a at each m; a in the mean over m, as of one m; the m; the number of seeds."""
    [(a,)], m = _complete(test, _sample(results, test, *test["a"]), paired=True)
    return Estimate.of(a), Estimate.of(_mean_over_m(a)), m, len(a)


def _mean_over_m(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=1, keepdims=True)


# What several kinds of tests share.


def _at_every_m(test, results, alpha, looks, sides) -> Outcome:
    """At every m, a - b times each of the signs ``sides`` is less than the margin."""
    difference, _, m, n = _difference(test, results)
    interval = difference.interval(1 - 2 * alpha)
    corrected = difference.interval(1 - alpha / (looks * len(m)))
    # The ends farthest from and nearest to what is claimed, at each m.
    reach = np.max([interval[1] if side > 0 else -interval[0] for side in sides], axis=0)
    beyond = np.max([corrected[0] if side > 0 else -corrected[1] for side in sides], axis=0)
    margin = test["margin"]["value"]
    worst = np.argmax(beyond if beyond.max() > margin else reach)
    return Outcome(
        effect=difference.mean[worst],
        interval=tuple(end[worst] for end in interval),
        corrected=tuple(end[worst] for end in corrected),
        level=1 - 2 * alpha,
        at=m[worst],
        n=n,
        margin=margin,
        turns=(reach.max(), beyond.max()),
        lenient=True,
    )


def _in_the_mean(test, found, alpha, looks, side, lenient) -> Outcome:
    """The mean over m is on the claimed side of side x margin.

    Args:
        found: as ``_difference`` returns it.
        side: -1 if the mean is to be negative and is compared with minus the margin, else 1.
        lenient: see ``Outcome``.
    """
    each, mean, m, n = found
    interval = tuple(end.item() for end in mean.interval(1 - alpha))
    corrected = tuple(end.item() for end in mean.interval(1 - alpha / looks))
    # Both ends, ascending on the claimed side: for "holds", and for "does not hold".
    inner, outer = sorted(side * end for end in interval), sorted(side * end for end in corrected)
    largest = np.argmax(np.abs(each.mean))
    total = np.abs(each.mean).sum()
    return Outcome(
        effect=mean.mean.item(),
        interval=interval,
        corrected=corrected,
        level=1 - alpha,
        at=m[largest],
        n=n,
        margin=test["margin"]["value"],
        turns=(inner[1], outer[0]) if lenient else (inner[0], outer[1]),
        lenient=lenient,
        share=np.abs(each.mean[largest]) / total if total else None,
    )


# The kinds of tests, by their names in claims.yaml.


class Kind(NamedTuple):
    """A kind of test: how it decides, what it measures, what its two verdicts mean, and ``region``,
    where its interval lies if it holds: two ends in margins.

    ``outcome`` takes the test, the data sets of all experiments over (learner, seed, n_samples),
    alpha, and the number of tests of the claim, ``looks``. It raises ComparisonError if its curves
    have no m or no simulation in common.
    """

    outcome: Callable[[dict, dict, float, int], Outcome]
    measured: str
    holds: str
    fails: str
    region: tuple[float, float]


KINDS: dict[str, Kind] = {}
MEAN = "{quantity}, mean of m = {m[0]} to {m[1]}"


def _kind(measured: str, *, holds: str, fails: str, region: tuple[float, float]):
    """Enter a function into ``KINDS`` under its name, with what is said of its outcome."""

    def enter(outcome):
        KINDS[outcome.__name__] = Kind(outcome, measured, holds, fails, region)
        return outcome

    return enter


@_kind(
    "proportion of simulations with no {quantity} at m = {at}",
    holds="more than {margin:g}",
    fails="less than {margin:g}",
    region=(1, np.inf),
)
def exact(test, results, alpha, looks) -> Outcome:
    """In more than a proportion of the simulations a is zero (Clopper-Pearson)."""
    [(values,)], _ = _complete(test, _sample(results, test, *test["a"]), paired=True)
    binomial = scipy.stats.binomtest(np.count_nonzero(values == 0), len(values))
    interval = tuple(binomial.proportion_ci(1 - alpha))
    corrected = tuple(binomial.proportion_ci(1 - alpha / looks))
    return Outcome(
        effect=binomial.statistic,
        interval=interval,
        corrected=corrected,
        level=1 - alpha,
        at=test["at"],
        n=len(values),
        margin=test["margin"]["value"],
        turns=(interval[0], corrected[1]),
        lenient=False,
    )


@_kind(
    "{quantity} at m = {at}",
    holds="the same within ±{margin:g} at every m",
    fails="different by more than {margin:g}",
    region=(-1, 1),
)
def equal(test, results, alpha, looks) -> Outcome:
    """a and b are the same within the margin at every m: two one-sided tests at each."""
    return _at_every_m(test, results, alpha, looks, sides=(1, -1))


@_kind(
    "{quantity} at m = {at}",
    holds="higher by less than {margin:g} at every m, if at all",
    fails="higher by more than {margin:g}",
    region=(-np.inf, 1),
)
def not_worse(test, results, alpha, looks) -> Outcome:
    """a exceeds b by less than the margin at every m: one one-sided test at each."""
    return _at_every_m(test, results, alpha, looks, sides=(1,))


@_kind(
    MEAN,
    holds="lower by more than {margin:g}",
    fails="not lower, or by less than {margin:g}",
    region=(-np.inf, -1),
)
def lower(test, results, alpha, looks) -> Outcome:
    """In the mean over m, a is below b by more than the margin."""
    found = _difference(test, results)
    return _in_the_mean(test, found, alpha, looks, side=-1, lenient=False)


@_kind(MEAN, holds="above {margin:g}", fails="below {margin:g}", region=(1, np.inf))
def above(test, results, alpha, looks) -> Outcome:
    """The mean over m of a is above the margin."""
    return _in_the_mean(test, _single(test, results), alpha, looks, side=1, lenient=False)


@_kind(MEAN, holds="below {margin:g}", fails="above {margin:g}", region=(-np.inf, 1))
def below(test, results, alpha, looks) -> Outcome:
    """The mean over m of a is below the margin."""
    return _in_the_mean(test, _single(test, results), alpha, looks, side=1, lenient=True)


@_kind(
    "spread of the " + MEAN,
    holds="larger than that of any other",
    fails="smaller than that of another",
    region=(0, np.inf),
)
def most_variable(test, results, alpha, looks) -> Outcome:
    """A learner's spread between experiments is larger than that of any other learner.

    The spread is the largest minus the smallest mean over seeds, averaged over the m that all
    curves have. Percentile bootstrap: seeds are drawn within each experiment, the same for all
    learners. Noise adds to a spread, so that learners whose spread is within the noise compare by
    their noise; and with 10 seeds such an interval is about a tenth too short.
    """
    learners = [test["learner"], *test["others"]]
    samples = (_sample(results, test, name, *learners) for name in test["experiments"])
    parts, m = _complete(test, *samples, paired=False)

    def spread(*seeds):
        """(learner, ..., m): of the means over the seeds drawn, (..., n) int each."""
        means = [c[:, drawn].mean(axis=-2) for c, drawn in zip(parts, seeds, strict=True)]
        return np.ptp(means, axis=0)

    def excess(*seeds, axis=-1):
        mean = spread(*(drawn.astype(int) for drawn in seeds)).mean(axis=-1)
        return mean[0] - mean[1:].max(axis=0)

    every = [np.arange(c.shape[1]) for c in parts]
    n, effect = min(map(len, every)), excess(*every)
    if n > 1:
        settings = {"n_resamples": RESAMPLES, "batch": 1000, "vectorized": True}
        drawn = scipy.stats.bootstrap(
            every, excess, method="percentile", rng=np.random.default_rng(0), **settings
        ).bootstrap_distribution
    else:
        drawn = np.array([-np.inf, np.inf])
    interval, corrected = (
        tuple(np.quantile(drawn, [a / 2, 1 - a / 2], method="inverted_cdf"))
        for a in (alpha, alpha / looks)
    )
    return Outcome(
        effect=effect,
        interval=interval,
        corrected=corrected,
        level=1 - alpha,
        at=m[np.argmax(spread(*every)[0])],
        n=n,
        margin=0.0,
        turns=(interval[0], corrected[1]),
        lenient=False,
    )
