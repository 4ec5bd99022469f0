"""Errors of a student against its teacher (Eqs. 2.2, 3.12, 3.13), and what they consist of."""

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


def flipped_error(teacher: Network, student: list[Layer]) -> float:
    """The part of ``weight_error`` that lies in hidden neurons flipped as a whole.

    Those have the opposite sign in each weight that the teacher has of them: their row of weights
    and their column in the next layer's. Where phi(-z) is close to -phi(z), that hardly changes any
    output.
    """
    flipped = [
        on_pattern(ours.weights, ours.topology, theirs.topology) == -theirs.weights
        for theirs, ours in zip(teacher, student, strict=True)
    ]
    # Of weights between hidden layers each may be in a neuron at either end that is.
    wrong = [np.zeros(part.shape, bool) for part in flipped]
    for below in range(len(flipped) - 1):
        read = teacher[below + 1].topology
        whole = flipped[below].all(axis=1)
        np.logical_and.at(whole, read, flipped[below + 1])
        wrong[below] |= whole[:, None]
        wrong[below + 1] |= whole[read]
    return sum(map(np.count_nonzero, wrong)) / sum(part.size for part in wrong)


def topology_error(teacher: Network, student: list[Layer]) -> float:
    """Eq. 3.12: missed and excess non-zeros over the number of possibly non-zero weights."""
    missed = total = 0
    for theirs, ours in zip(teacher, student, strict=True):
        missed += np.count_nonzero(on_pattern(ours.weights, ours.topology, theirs.topology) == 0)
        total += ours.weights.size
    return missed / total + excess_error(teacher, student)


def excess_error(teacher: Network, student: list[Layer]) -> float:
    """The part of ``topology_error`` that is non-zeros where the teacher has none."""
    excess = total = 0
    for theirs, ours in zip(teacher, student, strict=True):
        present = on_pattern(np.ones_like(theirs.weights), theirs.topology, ours.topology)
        excess += np.count_nonzero((present == 0) & (ours.weights != 0))
        total += ours.weights.size
    return excess / total


def generalization_error(student: list[Layer], phi: Activation, test: Samples) -> float:
    """Eq. 3.13: mean over fresh samples of the squared output distance per output neuron."""
    return float(np.mean((test.y - forward(student, phi, test.x)) ** 2))
