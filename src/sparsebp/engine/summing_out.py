"""Output weights summed out of lists of configurations, the sum over them in Eq. 2.7.

What is left is a table over the joint states of the input weights of each edge. A configuration
counts in one cell of it or, where an output weight is zero, in those of all states of its edge.
"""

from functools import cache

import numpy as np
from numba import njit, types

from sparsebp.engine.kernels.cache import compiled_once


def summed_out(factors, rows, states, field, in_logs: bool, temperature: float) -> np.ndarray:
    """The table, (n, S^k_out) float64; see ``factors.sum_out_outputs``.

    Args:
        factors: ``factors.HardFactors``.
        rows: as there.
        states: the ``states.HiddenStates``.
        field, in_logs, temperature: as there.
    """
    count, fan_in = len(states.tuples), field.shape[1]
    table = np.full((len(rows), count**fan_in), -np.inf if in_logs else 0.0)
    blank = states.alphabet[states.class_output] == 0
    classes = np.stack([states.class_output, states.class_tuple, np.where(blank, count, 1)])
    summing_kernel()(
        (factors.offsets, np.ascontiguousarray(factors.configurations), rows),
        np.ascontiguousarray(field),
        classes,
        (in_logs, float(temperature)),
        count,
        table,
    )
    return table * temperature if in_logs and temperature > 0 else table


_SIGNATURE = types.void(
    types.Tuple((types.int64[::1], types.int64[:, ::1], types.int64[::1])),  # factors
    types.float64[:, :, ::1],  # field
    types.int64[:, ::1],  # classes
    types.Tuple((types.boolean, types.float64)),  # how
    types.int64,  # count
    types.float64[:, ::1],  # table
)


@cache
def summing_kernel():
    """The sum, compiled: run(factors, field, classes, how, count, table) adds to the table."""
    return compiled_once("summing-out", _run, _SIGNATURE, __name__, error_model="numpy")


def _run(factors, field, classes, how, count, table):
    offsets, configurations, rows = factors
    output, first, copies = classes
    in_logs, temperature = how
    edges = configurations.shape[1]
    cells = np.empty(table.shape[1], np.int64)
    for i, a in enumerate(rows):
        row = table[i]
        for entry in range(offsets[a], offsets[a + 1]):
            weight = 0.0 if in_logs else 1.0
            cells[0], number = 0, 1
            for edge in range(edges):
                state = configurations[entry, edge]
                factor = field[a, edge, output[state]]
                weight = weight + factor if in_logs else weight * factor
                _spread(cells, number, count, first[state], copies[state])
                number *= copies[state]
            for i in range(number):
                before = row[cells[i]]
                if temperature == 0.0:
                    row[cells[i]] = max(before, weight)
                elif in_logs:
                    row[cells[i]] = np.logaddexp(before, weight / temperature)
                else:
                    row[cells[i]] = before + weight


@njit
def _spread(cells, number, count, first, copies):
    """One more edge, in so many states from the first on: each cell becomes as many."""
    # From the end, so that none is overwritten before its turn.
    for i in range(number - 1, -1, -1):
        base = cells[i] * count + first
        for k in range(copies - 1, -1, -1):
            cells[i * copies + k] = base + k
