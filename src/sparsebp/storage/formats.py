"""What the variables of the study's files may hold, in words and as a check."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sparsebp.network.quantities import QUANTITIES, Status
from sparsebp.network.trees import SHAPES, STARTS, TEACHERS

MOST_NUMBERS = 10**10
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
CONSECUTIVE = Rule("numbers one after the other", lambda n: n == n[0] + np.arange(len(n)))
COUNTS = Rule("numbers from 0", lambda values: values >= 0)
FINITE_OR_NAN = Rule("finite numbers, or NaN", lambda values: ~np.isinf(values))
FRACTIONS = Rule("numbers from 0 to 1, or NaN", lambda v: np.isnan(v) | (np.abs(v - 0.5) <= 0.5001))
FROM_ZERO = Rule("numbers from 0, or NaN", lambda values: ~(values < 0))
ERRORS = Rule("finite numbers from 0, or NaN", lambda v: np.isnan(v) | ((v >= 0) & np.isfinite(v)))

EACH_BIREGULAR = Rule(
    "of each layer " + BIREGULAR.words, lambda layers: all(map(_biregular, layers))
)


def _statuses(*allowed: Status) -> Rule:
    *first, last = (str(status.value) for status in allowed)
    return Rule(f"{', '.join(first)} or {last}", lambda values: np.isin(values, allowed))


def _named(names: tuple[str, ...]) -> Rule:
    return Rule(", ".join(names), lambda values: tuple(values.tolist()) == names)


# Of results/from_scratch.nc, and of the files behind it: (long name, comment).
FOUND = {
    "ambiguous_rows": ("share of hidden neurons whose row of weights is not certain", ""),
    "certain_outputs": ("share of outputs with one explanation", ""),
    "found_rows": (
        "share of the teacher's hidden neurons whose row is in the network found",
        "metrics.symmetric_error",
    ),
    "wrong_rows": (
        "share of hidden neurons whose row is said to be certain, and is none of the teacher's",
        "",
    ),
    "exact": (
        "1 if the network found is the teacher up to its symmetries, else 0",
        "metrics.symmetric_error",
    ),
}

PATTERNS = {"input_topology": BIREGULAR, "output_topology": BIREGULAR}
# Of networks with several hidden layers.
MIDDLE_PATTERN = {"middle_topology": EACH_BIREGULAR}
ALLOWED = {
    "teacher": PATTERNS
    | MIDDLE_PATTERN
    | {"input_weights": SIGNS, "output_weights": SIGNS, "middle_weights": SIGNS},
    "dataset": {"x": SIGNS, "y": FINITE, "x_test": SIGNS, "y_test": FINITE},
    "student": PATTERNS
    | MIDDLE_PATTERN
    | {
        "alphabet": Rule(
            "different numbers, -1 and 1 among them",
            lambda values: _distinct(values) and {-1, 1} <= set(values.tolist()),
        )
    },
    "trained": {
        "n_samples": ASCENDING,
        "iterations": COUNTS,
        "status": _statuses(*(status for status in Status if status)),
        "residual": FROM_ZERO,
        "expected_error": FRACTIONS,
        "entropy": FINITE_OR_NAN,
    },
    "predicted": {
        "n_samples": ASCENDING,
        "prediction": FINITE,
        "iterations": COUNTS,
        "status": _statuses(Status.CONVERGED, Status.STEP_LIMIT),
    },
    "results": {
        "learner": Rule("different names", _distinct),
        "seed": CONSECUTIVE,
        "n_samples": ASCENDING,
        "weight_error": FRACTIONS,
        "flipped_error": FRACTIONS,
        "topology_error": ERRORS,  # more than 1 where the student has fewer weights
        "excess_error": FRACTIONS,
        "generalization_error": ERRORS,
        "residual": FROM_ZERO,
        "expected_error": FRACTIONS,
        "entropy": FINITE_OR_NAN,
        "iterations": COUNTS,
        "status": _statuses(*Status),
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
    "search": {
        "candidates": ASCENDING,
        "n_samples": ASCENDING,
        **dict.fromkeys(FOUND, Rule("numbers from 0 to 1", lambda v: np.abs(v - 0.5) <= 0.5001)),
        "exact": Rule("0 and 1", lambda v: np.isin(v, (0, 1))),
    },
    "from_scratch": {
        "case": Rule("different names", _distinct),
        "candidates": ASCENDING,
        "seed": SEEDS,
        "n_samples": ASCENDING,
        **dict.fromkeys(FOUND, FRACTIONS),
        "exact": Rule("0 and 1, or NaN", lambda v: np.isnan(v) | np.isin(v, (0, 1))),
    },
}

RESULT_DIMENSIONS = ("learner", "seed", "n_samples")


TREES_DIMENSIONS = ("shape", "teacher", "outputs", "seed")


SEARCH_DIMENSIONS = ("candidates", "n_samples")
FROM_SCRATCH_DIMENSIONS = ("case", "candidates", "seed", "n_samples")


# Of quantities; all others are numbers with a fraction.
DTYPES = {"iterations": "i4", "status": "i1"}
TOPOLOGIES = {
    "input_topology": (("hidden", "input_slot"), "i4"),
    "output_topology": (("output", "output_slot"), "i4"),
}


# Contents of each kind of file: variable -> (dimensions, dtype).
CONTRACT = {
    "teacher": TOPOLOGIES
    | {
        "input_weights": (("hidden", "input_slot"), "i1"),
        "output_weights": (("output", "output_slot"), "i1"),
    },
    "dataset": {
        "x": (("sample", "input"), "i1"),
        "y": (("sample", "output"), "f8"),
        "x_test": (("test_sample", "input"), "i1"),
        "y_test": (("test_sample", "output"), "f8"),
    },
    "student": TOPOLOGIES | {"alphabet": (("state",), "i1")},
    "trained": {
        "n_samples": (("n_samples",), "i4"),
        "input_estimate": (("n_samples", "hidden", "input_slot"), "i1"),
        "output_estimate": (("n_samples", "output", "output_slot"), "i1"),
        "iterations": (("n_samples",), "i4"),
        "status": (("n_samples",), "i1"),
        "residual": (("n_samples",), "f8"),
        "expected_error": (("n_samples",), "f8"),
        "entropy": (("n_samples",), "f8"),
    },
    "predicted": {
        "n_samples": (("n_samples",), "i4"),
        "prediction": (("n_samples", "test_sample", "output"), "f8"),
        "iterations": (("n_samples",), "i4"),
        "status": (("n_samples",), "i1"),
    },
    "results": {
        "learner": (("learner",), str),
        "seed": (("seed",), "i8"),
        "n_samples": (("n_samples",), "i8"),
    }
    | {name: (RESULT_DIMENSIONS, DTYPES.get(name, "f8")) for name in QUANTITIES},
    "trees": {
        "shape": (("shape",), str),
        "teacher": (("teacher",), str),
        "outputs": (("outputs",), "i8"),
        "seed": (("seed",), "i8"),
        "start": (("start",), str),
        "step": (("step",), "i8"),
        "diameter": (("shape", "outputs", "seed"), "i4"),
        "deviation": ((*TREES_DIMENSIONS, "start", "step"), "f8"),
        "log_partition": (TREES_DIMENSIONS, "f8"),
        "bethe": (TREES_DIMENSIONS, "f8"),
    },
    "search": {
        "candidates": (("candidates",), "i4"),
        "n_samples": (("n_samples",), "i4"),
        **dict.fromkeys(FOUND, (SEARCH_DIMENSIONS, "f8")),
    },
    "from_scratch": {
        "case": (("case",), str),
        "candidates": (("candidates",), "i8"),
        "seed": (("seed",), "i8"),
        "n_samples": (("n_samples",), "i8"),
        **dict.fromkeys(FOUND, (FROM_SCRATCH_DIMENSIONS, "f8")),
    },
}


# Contents of files about networks with several hidden layers, besides.
_MIDDLE = ("middle", "hidden", "middle_slot")


DEEP = {
    "teacher": {"middle_topology": (_MIDDLE, "i4"), "middle_weights": (_MIDDLE, "i1")},
    "student": {"middle_topology": (_MIDDLE, "i4")},
    "trained": {"middle_estimate": (("n_samples", *_MIDDLE), "i1")},
}


def scratch_coordinates(cases: dict, seeds: int) -> dict[str, list]:
    """The labels along each of ``FROM_SCRATCH_DIMENSIONS``.

    Args:
        cases: blocks by name, with ``candidates`` and ``samples``.
        seeds: how many simulations there are.
    """
    return {
        "case": list(cases),
        "candidates": sorted({k for case in cases.values() for k in case["candidates"]}),
        "seed": list(range(seeds)),
        "n_samples": sorted({m for case in cases.values() for m in case["samples"]}),
    }


# The same of results/trees.nc.
TREE_QUANTITIES = {
    "diameter": ("diameter of the factor graph", "of a ring, of the chain that it closes"),
    "deviation": (
        "largest difference of a belief from the exact marginal after a step",
        "NaN after the last step",
    ),
    "log_partition": ("exact log Z", "nats"),
    "bethe": ("log Z in the Bethe approximation, at the fixed point", "nats"),
}


# What every provenance says, see ``provenance.record``.
PROVENANCE = {
    "step": str,
    "spec": dict,
    "sources": str,
    "versions": dict,
    "commit": str,
    "seconds": float,
}


# Attributes by which a file means other numbers than it holds.
RECODING = {"scale_factor", "add_offset", "_Unsigned", "missing_value", "_FillValue"}
