"""How often a verdict is right and wrong: docs/error_rates.md, by simulation.

python -m docs.write_error_rates

draws results whose truth is known, some minutes long, and judges them as the study's are.
"""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from sparsebp.claims import comparisons
from sparsebp.network.quantities import Status
from sparsebp.storage.atomic import written_whole

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/error_rates.md"
CONFIDENCE, REPEATS, SIMULATIONS = 0.95, 1000, (10, 30)
EXCESSES = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
PROPORTIONS = (0.2, 0.5, 0.8, 0.9, 1.0)
MARGIN, MAJORITY = 0.1, 0.5
TESTS = {
    "exact": {"a": ["e", "a"], "at": 1, "margin": {"value": MAJORITY}},
    "equal": {"a": ["e", "a"], "b": ["e", "b"], "m": [1, 1], "margin": {"value": MARGIN}},
    "not_worse": {"a": ["e", "a"], "b": ["e", "b"], "m": [1, 1], "margin": {"value": MARGIN}},
    "lower": {"a": ["e", "a"], "b": ["e", "b"], "m": [1, 1], "margin": {"value": MARGIN}},
    "above": {"a": ["e", "a"], "m": [1, 1], "margin": {"value": MARGIN}},
    "below": {"a": ["e", "a"], "m": [1, 1], "margin": {"value": MARGIN}},
    "most_variable": {"learner": "a", "others": ["b"], "experiments": ["e", "f"], "m": [1, 1]},
}
TRUTHS = {
    "exact": PROPORTIONS,
    "equal": EXCESSES[4:],
    "not_worse": EXCESSES[2:],
    "lower": EXCESSES[:5],
    "above": EXCESSES[4:],
    "below": EXCESSES[4:],
    "most_variable": EXCESSES[2:7],
}
"""What is true, by kind of test: the proportion of simulations without an error; else the
difference, the mean or by how much a spread is larger, in margins."""

HEAD = f"""# How often a verdict is wrong

`python -m docs.write_error_rates` draws results whose truth is known, and judges them like those
of the study: {REPEATS} times each, with {SIMULATIONS[0]} and with {SIMULATIONS[1]} simulations.
Each test is about one number of samples. What is measured varies normally between simulations, with
a standard deviation of one margin. For `exact`, a simulation has an error or none.

*Truth* is the mean of a − b (`equal`, `not_worse`, `lower`) or of a (`above`, `below`), in margins.
For `most_variable` it is how much larger the spread is, in standard deviations. For `exact` it is
the proportion of simulations without an error, which should be more than {MAJORITY:g}.

At confidence {CONFIDENCE:g} a test should say *holds* in 2.5 % of all cases or fewer where the
truth is at the margin or beyond, but `equal` and `not_worse` in 5 %: they test each end of the
interval at the full level. It should say *does not hold* in 2.5 % or fewer where the truth is at
the margin or on the claim's side. Each number in the table is uncertain by 0.5 % there. The
bootstrap behind `most_variable` has somewhat short intervals with few simulations. A claim holds if
all its tests hold. For *does not hold* the level is divided by the number of tests. So the verdict
on a claim is not wrong more often than a single test.

What is undecided with {SIMULATIONS[0]} simulations can be decided by more: `seeds` in
[`config.yaml`](../config.yaml).

| test | truth | {" | ".join(f"holds, n = {n} | does not hold" for n in SIMULATIONS)} |
| --- | --- | {" | ".join("--- | ---" for n in SIMULATIONS)} |
"""


class Rates(NamedTuple):
    """How often a test says "holds" and "does not hold", in proportions."""

    holds: float
    fails: float


def cases() -> Iterator[tuple[str, float, int]]:
    """Each kind of test, truth and number of simulations, in the order of the page."""
    for kind, truths in TRUTHS.items():
        yield from product([kind], truths, SIMULATIONS)


def rates(kind: str, truth: float, simulations: int, repeats: int) -> Rates:
    """Judge drawn results again and again.

    Args:
        kind: of test.
        truth: see ``TRUTHS``.
        simulations: behind each verdict.
        repeats: how many verdicts.
    """
    rng, found = np.random.default_rng(0), []
    test = TESTS[kind] | {"kind": kind, "quantity": "weight_error"}
    for _ in range(repeats):
        results = _draw(rng, kind, truth, simulations)
        outcome = comparisons.KINDS[kind].outcome(test, results, 1 - CONFIDENCE, 1)
        found.append((outcome.holds, outcome.fails))
    return Rates(*np.mean(found, axis=0).tolist())


def _draw(rng: np.random.Generator, kind: str, truth: float, simulations: int) -> dict:
    def noise():
        return MARGIN * rng.standard_normal(simulations)

    if kind == "exact":
        return {"e": _results(rng.random(simulations) >= truth, np.zeros(simulations))}
    if kind == "most_variable":
        # Between the experiments b varies by 10 standard deviations, far beyond the noise.
        ends = (0.0, 0.0), (10 + truth, 10.0)
        return {
            name: _results(*(MARGIN * level + noise() for level in levels))
            for name, levels in zip("ef", ends, strict=True)
        }
    b = noise()
    return {"e": _results(MARGIN * truth + noise() + (b if "b" in TESTS[kind] else 0), b)}


def _results(a: np.ndarray, b: np.ndarray) -> xr.Dataset:
    values = np.array([a, b], float)[..., None]
    status = np.full(values.shape, Status.CONVERGED)
    coords = {"learner": ["a", "b"], "seed": np.arange(len(a)), "n_samples": [1]}
    variables = {"weight_error": values, "status": status}
    return xr.Dataset({name: ([*coords], of) for name, of in variables.items()}, coords)


def page(found: dict[tuple[str, float, int], Rates]) -> str:
    """The page, from the rates of all ``cases``."""
    rows = [
        f"| `{kind}` | {truth:g} | "
        + " | ".join(f"{100 * rate:.1f} %" for n in SIMULATIONS for rate in found[kind, truth, n])
        + " |\n"
        for kind, truths in TRUTHS.items()
        for truth in truths
    ]
    return HEAD + "".join(rows)


def read(text: str) -> dict[tuple[str, float, int], Rates]:
    """The rates that a page shows."""
    found = {}
    for kind, truth, *cells in re.findall(
        r"^\| `(\w+)` \| (\S+) \| (\S+) % \| (\S+) % \| (\S+) % \| (\S+) % \|$", text, re.M
    ):
        pairs = np.array(cells, float).reshape(-1, 2) / 100
        found |= {
            (kind, float(truth), n): Rates(*pair.tolist())
            for n, pair in zip(SIMULATIONS, pairs, strict=True)
        }
    return found


def main() -> None:
    """Write the page."""
    text = page({case: rates(*case, REPEATS) for case in cases()})
    with written_whole(PAGE) as part:
        part.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
