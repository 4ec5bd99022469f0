"""Messages between single weights of a row and its sums in samples, in time linear in the row.

Weights are -1, 0 and 1, inputs -1 and 1. A row is read from left to right by an automaton. Its
states are pairs: how many non-zeros there were, at most s of them, and how many terms were +1.
"""

from functools import cache

import numpy as np
from numba import njit, types

from sparsebp.engine.kernels.cache import compiled_once

FLOOR = 1e-60
"""The least that a message says, if the most is 1: so rounding contradicts nothing for ever."""

_SIGNATURE = types.void(
    types.int64[:, ::1],
    types.float64[:, :, ::1],
    types.float64[:, :, :, ::1],
    types.int64[:, ::1],
    types.int64[::1],
    types.float64,
    types.float64[:, :, ::1],
    types.float64[:, :, ::1],
)


@cache
def row_sums_kernel():
    """One step for all rows, compiled, with the arguments of ``_pass_rows``."""
    return compiled_once("row_sums", _pass_rows, _SIGNATURE, __name__, nogil=True)


def _pass_rows(x, likelihood, logs, following, value, damping, to_sums, beliefs):
    """Pass messages of all rows once, see ``row_messages``.

    Args:
        x: (samples, K) int64, -1 and 1.
        likelihood: (H, samples, Z) float64, what outputs say of the sum in each sample.
        logs: (H, samples, K, 3) float64, log-messages to weights; replaced by the new ones.
        following: (S, 3) int64, the state after a term of -1, 0 and 1, or -1 for none.
        value: (S,) int64, the place in Z of the sum that a row has that ends in a state.
        damping: alpha of Eq. 2.14.
        to_sums: (H, samples, Z) float64, the messages to sums before this step, to be filled.
        beliefs: (H, K, 3) float64, of the weights after this step, to be filled; sums are 1.
    """
    states, (rows, samples, inputs, _) = len(following), logs.shape
    forward, backward = np.empty((inputs + 1, states)), np.empty((inputs + 1, states, 2))
    field, others = np.empty((inputs, 3)), np.empty((inputs, 3, 2))
    ends, total = np.ones((states, 2)), np.empty((inputs, 3))
    plus, new = np.ones(inputs, np.int64), np.empty(3)
    for h in range(rows):
        _add(logs[h], total)
        for m in range(samples):
            _exponentials(total - logs[h, m], field)
            for s in range(states):
                ends[s, 0] = likelihood[h, m, value[s]]
            _leave_one_out(field, x[m], following, ends, forward, backward, others)
            to_sums[h, m] = 0
            for s in range(states):
                to_sums[h, m, value[s]] += forward[inputs, s]
            for k in range(inputs):
                new[:] = others[k, :, 0] / others[k, :, 1]
                new /= new.sum()
                for w in range(3):
                    mixed = damping * np.exp(logs[h, m, k, w]) + (1 - damping) * new[w]
                    logs[h, m, k, w] = np.log(max(mixed, FLOOR))
        _add(logs[h], total)
        _exponentials(total, field)
        _leave_one_out(field, plus, following, ends, forward, backward, others)
        for k in range(inputs):
            beliefs[h, k] = field[k] * others[k, :, 1]
            beliefs[h, k] /= beliefs[h, k].sum()


@njit
def _add(logs, total):
    """The sums of (samples, K, 3) over samples."""
    total[:] = 0
    for m in range(len(logs)):
        total += logs[m]


@njit
def _exponentials(logs, field):
    """Fields, the largest of each weight 1, from their logarithms (K, 3)."""
    for k in range(len(logs)):
        most = max(logs[k, 0], logs[k, 1], logs[k, 2])
        for w in range(3):
            field[k, w] = max(np.exp(logs[k, w] - most), FLOOR)


@njit
def _leave_one_out(field, x, following, ends, forward, backward, others):
    """Sums over all rows that have w_k = w, without the field of w_k, times each of two ends.

    Those of a k are right up to a factor. They are in ``others`` (K, 3, 2), over k, w and the ends;
    and ``forward[K]`` has the sums over rows that end in each state, up to a factor.
    """
    inputs, states = len(field), len(following)
    forward[0] = 0
    forward[0, 0] = 1
    for k in range(inputs):
        forward[k + 1] = 0
        for s in range(states):
            for w in range(3):
                after = following[s, 1 + (w - 1) * x[k]]
                if after >= 0:
                    forward[k + 1, after] += forward[k, s] * field[k, w]
        forward[k + 1] /= forward[k + 1].sum()
    backward[inputs] = ends
    for k in range(inputs - 1, -1, -1):
        others[k] = 0
        backward[k] = 0
        for s in range(states):
            for w in range(3):
                after = following[s, 1 + (w - 1) * x[k]]
                if after >= 0:
                    for e in range(2):
                        others[k, w, e] += forward[k, s] * backward[k + 1, after, e]
                        backward[k, s, e] += field[k, w] * backward[k + 1, after, e]
        for e in range(2):
            backward[k, :, e] /= backward[k, :, e].sum()
