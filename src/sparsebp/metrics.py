"""Errors of a student against its teacher (Eqs. 2.2, 3.12, 3.13)."""

import numpy as np

from sparsebp.data import Network, Samples
from sparsebp.model import Activation, Layer, forward


def on_pattern(values: np.ndarray, pattern: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Read row-wise sparse values at other columns; zero where the pattern has no entry.

    Args:
        values: (..., rows, slots) on ``pattern`` (rows, slots).
        wanted: (rows, k) int columns.

    Returns:
        (..., rows, k), of the dtype of ``values``.
    """
    match = pattern[:, None, :] == wanted[:, :, None]
    return np.where(match, values[..., :, None, :], 0).sum(axis=-1).astype(values.dtype)


def weight_error(teacher: Network, student: list[Layer]) -> float:
    """Fraction of the teacher's non-zero weights that the student has wrong: 1 - Eq. 2.2."""
    wrong = total = 0
    for theirs, ours in zip(teacher, student, strict=True):
        estimate = on_pattern(ours.weights, ours.topology, theirs.topology)
        wrong += np.count_nonzero(estimate != theirs.weights)
        total += theirs.weights.size
    return wrong / total


def topology_error(teacher: Network, student: list[Layer]) -> float:
    """Eq. 3.12: missed and excess non-zeros over the number of possibly non-zero weights."""
    wrong = total = 0
    for theirs, ours in zip(teacher, student, strict=True):
        found = on_pattern(ours.weights, ours.topology, theirs.topology)
        present = on_pattern(np.ones_like(theirs.weights), theirs.topology, ours.topology)
        wrong += np.count_nonzero(found == 0) + np.count_nonzero(
            (present == 0) & (ours.weights != 0)
        )
        total += ours.weights.size
    return wrong / total


def generalization_error(student: list[Layer], phi: Activation, test: Samples) -> float:
    """Eq. 3.13: mean over fresh samples of the squared output distance per output neuron."""
    return float(np.mean((test.y - forward(*student, phi, test.x)) ** 2))
