"""Messages between single weights of a row and its sums in samples, in time linear in the row.

Weights are -1, 0 and 1, inputs -1 and 1. A row is read from left to right by an automaton. Its
states are pairs: how many non-zeros there were, at most s of them, and how many terms were +1. All
rows have the same inputs, and go through the states in the same way. So the kernel reads many rows
at once. They are the last axis of all arrays, as processors add and multiply neighbours in memory
together.
"""

from functools import cache

import numpy as np
from numba import njit, types

from sparsebp.engine.kernels.cache import compiled_once

FLOOR = 1e-60
"""The least that a message says, if the most is 1: so rounding contradicts nothing for ever."""

FACTORS = 5
"""The product of so many messages is a normal number, and has a logarithm."""

LANES = 128
"""Rows that are read at once, at most. More take more memory: 20 numbers for each input and row."""

_THREE, _FOUR = types.float64[:, :, ::1], types.float64[:, :, :, ::1]
_SIGNATURE = types.void(
    types.int64[:, ::1], _THREE, _FOUR, _THREE, types.int64[:, ::1], types.float64, _THREE, _THREE
)


@cache
def row_sums_kernel():
    """One step for all rows, compiled, with the arguments of ``_pass_rows``."""
    options = {"nogil": True, "error_model": "numpy"}
    return compiled_once("row_sums", _pass_rows, _SIGNATURE, __name__, **options)


def _pass_rows(x, ends, messages, fields, following, damping, to_ends, beliefs):
    """Pass messages of all rows once, see ``row_messages``.

    Args:
        x: (samples, K) int64, -1 and 1.
        ends: (samples, S, H) float64, what outputs say of the sum of a row that ends in a state.
        messages: (samples, K, 3, H) float64, to weights, at least ``FLOOR``; replaced by new ones.
        fields: (K, 3, H) float64, the products of the old messages over samples, for each weight
            and row up to a factor: ones if the messages are uniform. Replaced by those of the new
            messages, the largest of each weight 1.
        following: (S, 3) int64, the state after a term of -1, 0 and 1, or -1 for none.
        damping: alpha of Eq. 2.14.
        to_ends: (samples, S, H) float64, sums over rows that end in each state before this step,
            scaled to add up to 1 over the states; to be filled.
        beliefs: (K, 3, H) float64, of the weights after this step, to be filled; sums are 1.
    """
    states, (samples, inputs, _, rows) = len(following), messages.shape
    parts = -(-rows // LANES)
    lanes = -(-rows // parts)
    forward, last = np.empty((inputs + 1, states, lanes)), np.ones((2, states, lanes))
    field, others = np.ones((inputs, 3, lanes)), np.empty((inputs, 3, 2, lanes))
    product, logs = np.ones((inputs, 3, lanes)), np.empty((inputs, 3, lanes))
    plus, new, total = np.ones(inputs, np.int64), np.empty((3, lanes)), np.empty(lanes)
    for low in range(0, rows, lanes):
        n = min(lanes, rows - low)
        here = slice(low, low + n)
        logs[:] = 0
        for m in range(samples):
            for k in range(inputs):
                for w in range(3):
                    _divide(field[k, w, :n], fields[k, w, here], messages[m, k, w, here])
                _scale(field[k], total)
            for s in range(states):
                last[0, s, :n] = ends[m, s, here]
            _leave_one_out(field, x[m], following, last, forward, others)
            for s in range(states):
                to_ends[m, s, here] = forward[inputs, s, :n]
            for k in range(inputs):
                for w in range(3):
                    _divide(new[w], others[k, w, 0], others[k, w, 1])
                _normalise(new, total)
                for w in range(3):
                    _mix(messages[m, k, w, here], new[w], damping)
                    _multiply(product[k, w, :n], messages[m, k, w, here])
            if m % FACTORS == FACTORS - 1 or m == samples - 1:
                logs += np.log(product)
                product[:] = 1
        last[0] = 1
        for k in range(inputs):
            for i in range(lanes):
                most = max(logs[k, 0, i], logs[k, 1, i], logs[k, 2, i])
                for w in range(3):
                    field[k, w, i] = np.exp(logs[k, w, i] - most)
            fields[k, :, here] = field[k, :, :n]
            _scale(field[k], total)
        _leave_one_out(field, plus, following, last, forward, others)
        for k in range(inputs):
            for w in range(3):
                _multiply(field[k, w], others[k, w, 1])
            _normalise(field[k], total)
            beliefs[k, :, here] = field[k, :, :n]


@njit(error_model="numpy")
def _leave_one_out(field, x, following, last, forward, others):
    """Sums over all rows that have w_k = w, without the field of w_k, times each of two ends.

    The ends are in ``last`` (2, S, lanes), what a row counts that ends in a state. Sums of a k are
    right up to a factor. They are in ``others`` (K, 3, 2, lanes), over k, w and the ends; and
    ``forward[K]`` has the sums over rows that end in each state, up to a factor.
    """
    states, (inputs, _, lanes) = len(following), field.shape
    total, behind, before = np.empty(lanes), last.copy(), np.empty_like(last)
    forward[0] = 0
    forward[0, 0] = 1
    for k in range(inputs):
        forward[k + 1] = 0
        for s in range(states):
            for w in range(3):
                after = following[s, 1 + (w - 1) * x[k]]
                if after >= 0:
                    for i in range(lanes):
                        forward[k + 1, after, i] += forward[k, s, i] * field[k, w, i]
        _normalise(forward[k + 1], total)
    for k in range(inputs - 1, -1, -1):
        others[k] = 0
        before[:] = 0
        for s in range(states):
            for w in range(3):
                after = following[s, 1 + (w - 1) * x[k]]
                if after >= 0:
                    for e in range(2):
                        for i in range(lanes):
                            others[k, w, e, i] += forward[k, s, i] * behind[e, after, i]
                        for i in range(lanes):
                            before[e, s, i] += field[k, w, i] * behind[e, after, i]
        for e in range(2):
            _normalise(before[e], total)
        behind, before = before, behind


@njit(error_model="numpy")
def _multiply(out, by):
    """The product in place of the first."""
    for i in range(len(out)):
        out[i] *= by[i]


@njit(error_model="numpy")
def _divide(out, one, two):
    """Fill in the quotient of two."""
    for i in range(len(out)):
        out[i] = one[i] / two[i]


@njit(error_model="numpy")
def _mix(old, new, damping):
    """New messages in place of old ones."""
    for i in range(len(old)):
        old[i] = max(damping * old[i] + (1 - damping) * new[i], FLOOR)


@njit(error_model="numpy")
def _normalise(parts, total):
    """Have sums over the first axis be 1."""
    total[:] = 0
    for n in range(len(parts)):
        for i in range(len(total)):
            total[i] += parts[n, i]
    for n in range(len(parts)):
        for i in range(len(total)):
            parts[n, i] /= total[i]


@njit(error_model="numpy")
def _scale(field, most):
    """Scale the fields of a weight, (3, lanes), in place: the largest is 1, none below ``FLOOR``.
    ``most`` is room for the largest."""
    for i in range(len(most)):
        most[i] = max(field[0, i], field[1, i], field[2, i])
    for w in range(3):
        for i in range(len(most)):
            field[w, i] = max(field[w, i] / most[i], FLOOR)
