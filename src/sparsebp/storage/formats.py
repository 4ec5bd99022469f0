"""What the variables of the study's files may hold, in words and as a check."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

NUMBERS = 10**10
"""Of one variable, at most: a file can claim any number, and take no room for it."""


class Rule(NamedTuple):
    """``allows`` gets the values, of which there are some, and says whether they may be, each or
    all at once."""

    words: str
    allows: Callable[[np.ndarray], np.ndarray | bool]


def _biregular(topology: np.ndarray) -> bool:
    if topology.min() < 0 or topology.max() >= topology.size:
        return False
    counts, rows = np.bincount(topology.ravel()), np.sort(topology, axis=1)
    return bool((counts == counts[0]).all() and (rows[:, 1:] != rows[:, :-1]).all())


def _distinct(values: np.ndarray) -> bool:
    return len(set(values.tolist())) == len(values)


BIREGULAR = Rule("neurons from 0 on, each as often, and no column twice in a row", _biregular)
SIGNS = Rule("-1 and 1", lambda values: np.abs(values.astype(int)) == 1)
FINITE = Rule("finite numbers", np.isfinite)
ASCENDING = Rule("ascending numbers from 1", lambda m: m[0] > 0 and (np.diff(m) > 0).all())
SEEDS = Rule("0, 1, 2 ...", lambda seeds: seeds == np.arange(len(seeds)))
COUNTS = Rule("numbers from 0", lambda values: values >= 0)
FINITE_OR_NAN = Rule("finite numbers, or NaN", lambda values: ~np.isinf(values))
FRACTIONS = Rule("numbers from 0 to 1, or NaN", lambda v: np.isnan(v) | (np.abs(v - 0.5) <= 0.5001))
ERRORS = Rule("finite numbers from 0, or NaN", lambda v: np.isnan(v) | ((v >= 0) & np.isfinite(v)))

EACH_BIREGULAR = Rule(
    "of each layer " + BIREGULAR.words, lambda layers: all(map(_biregular, layers))
)
# Of results/trees.nc, in this order.
SHAPES, TEACHERS, STARTS = ("chain", "tree", "ring"), ("relay", "random"), ("uniform", "random")


def _named(names: tuple[str, ...]) -> Rule:
    return Rule(", ".join(names), lambda values: tuple(values.tolist()) == names)


PATTERNS = {"input_topology": BIREGULAR, "output_topology": BIREGULAR}
# Of networks with several hidden layers.
MIDDLE = {"middle_topology": EACH_BIREGULAR}
ALLOWED = {
    "teacher": PATTERNS
    | MIDDLE
    | {"input_weights": SIGNS, "output_weights": SIGNS, "middle_weights": SIGNS},
    "dataset": {"x": SIGNS, "y": FINITE, "x_test": SIGNS, "y_test": FINITE},
    "student": PATTERNS
    | MIDDLE
    | {
        "alphabet": Rule(
            "different numbers, -1 and 1 among them",
            lambda values: _distinct(values) and {-1, 1} <= set(values.tolist()),
        )
    },
    "trained": {
        "n_samples": ASCENDING,
        "iterations": COUNTS,
        "status": Rule("1, 2 or 3", lambda values: (values > 0) & (values <= 3)),
        "expected_error": FRACTIONS,
        "entropy": FINITE_OR_NAN,
    },
    "predicted": {
        "n_samples": ASCENDING,
        "prediction": FINITE,
        "iterations": COUNTS,
        "status": Rule("1 or 2", lambda values: (values == 1) | (values == 2)),
    },
    "results": {
        "learner": Rule("different names", _distinct),
        "seed": SEEDS,
        "n_samples": ASCENDING,
        "weight_error": FRACTIONS,
        "flipped_error": FRACTIONS,
        "topology_error": ERRORS,  # more than 1 where the student has fewer weights
        "excess_error": FRACTIONS,
        "generalization_error": ERRORS,
        "expected_error": FRACTIONS,
        "entropy": FINITE_OR_NAN,
        "iterations": COUNTS,
        "status": Rule("0, 1, 2 or 3", lambda values: (values >= 0) & (values <= 3)),
    },
    "trees": {
        "shape": _named(SHAPES),
        "teacher": _named(TEACHERS),
        "outputs": ASCENDING,
        "seed": SEEDS,
        "start": _named(STARTS),
        "step": Rule("1, 2, 3 ...", lambda steps: steps == np.arange(1, len(steps) + 1)),
        "diameter": Rule("even numbers from 2", lambda v: (v >= 2) & (v % 2 == 0)),
        "deviation": FRACTIONS,
        "log_partition": FINITE,
        "bethe": FINITE,
    },
}
