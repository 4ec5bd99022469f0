"""What any update of all messages has to move and to compute, and how fast this machine does so.

``page.md`` says what is counted: a flooding update of sum-product or max-sum in the best scheme
known to us. Its time is at least the larger of bytes / bandwidth and operations / rate: a perfect
overlap of both, and no cost of gathering, branches or calls.
"""

import time
from typing import NamedTuple

import numpy as np
from numba import njit

from sparsebp.engine import factors as fac
from speed.engines import Own

CHAIN = 8  # dependent pairs of operations on each number in the loops that measure arithmetic


class Work(NamedTuple):
    """Of one update of all messages: bytes touched, bytes moved and arithmetic operations."""

    touched: int
    moved: int
    operations: int


class Limit(NamedTuple):
    """The work of a case, the speed of the machine, and the least time, in seconds."""

    work: Work
    bandwidth: float
    rate: float

    @property
    def moving(self) -> float:
        return self.work.moved / self.bandwidth

    @property
    def computing(self) -> float:
        return self.work.operations / self.rate

    @property
    def seconds(self) -> float:
        return max(self.moving, self.computing)


def work(own: Own) -> Work:
    """Count the work of one update. ``page.md`` states the counting."""
    problem, case = own.instance.problem, own.instance.case
    (hidden, k_in), (outputs, k_out) = (pattern.shape for pattern in problem.patterns)
    q, s = len(case.alphabet), len(problem.states.tuples)
    edges, readers = outputs * k_out, problem.readers.shape[1]
    reinforced = case.reinforcement > 0
    n = own.factors.states if reinforced else s

    messages = edges * k_in * (q - 1) * 8
    constant = edges * (readers - 1) * 4
    operations = edges * k_in * q * (readers - 1)  # to factors
    operations += edges * s * (k_in - 1)  # to joint states
    operations += edges * k_in * s * k_in  # and back
    operations += edges * k_in * q  # normalisation
    if case.maximise:
        constant += outputs * n**k_out * 8
        operations += outputs * sum(4 * n**axes for axes in range(2, k_out + 1))
    else:
        rules, uniform = own.learner.rules, np.ones((outputs, k_out, q))
        rows = np.arange(outputs)
        entries = np.count_nonzero(
            fac.sum_out_outputs(
                own.factors, rows, problem.states, uniform, False, rules.temperature
            )
        )
        constant += entries * (8 + k_out)
        operations += entries * (4 * k_out - 4)
    if reinforced:
        messages += edges * (q - 1) * 8  # of output weights
        messages += (hidden * k_in + edges) * (q - 1) * 8  # beliefs
        operations += 3 * (hidden * k_in + edges) * q
        operations += edges * (n + s + 4 * q * s)  # to and from states with the output weight
    return Work(messages + constant, 2 * messages + constant, operations)


def limit(work: Work, maximise: bool) -> Limit:
    """The least time of this work, from what the machine is now measured to do."""
    return Limit(work, bandwidth(work.touched), arithmetic(maximise))


def bandwidth(size: int) -> float:
    """Bytes per second of a loop that reads two arrays and writes one, ``size`` bytes in all."""
    arrays = [np.ones(max(int(size) // 24, 64)) for _ in range(3)]
    return 3 * arrays[0].nbytes / _seconds(_triad, *arrays)


def arithmetic(maximise: bool) -> float:
    """Operations per second on doubles in the first cache: multiply-add, or add and maximum."""
    values = np.ones(1024)
    loop = _add_max if maximise else _multiply_add
    return 2 * CHAIN * len(values) / _seconds(loop, values, 0.5, 0.25)


def _seconds(function, *arguments) -> float:
    """Of one call of ``function(times, *arguments)``'s body, the best of several measurements."""
    times, took = 1, 0.0
    function(times, *arguments)
    while took < 0.005:
        times *= 2
        started = time.process_time()
        function(times, *arguments)
        took = time.process_time() - started
    best = took
    for _ in range(4):
        started = time.process_time()
        function(times, *arguments)
        best = min(best, time.process_time() - started)
    return best / times


@njit
def _triad(times, a, b, c):
    for repeat in range(times):
        factor = 1.0 / (repeat + 1)
        for i in range(len(a)):
            a[i] = b[i] + factor * c[i]


# Four chains of operations at a time, because one chain alone waits for its own results.
@njit(fastmath={"contract"})
def _multiply_add(times, values, a, b):
    quarter = len(values) // 4
    for _ in range(times):
        for i in range(quarter):
            w, x = values[i], values[i + quarter]
            y, z = values[i + 2 * quarter], values[i + 3 * quarter]
            for _ in range(CHAIN):
                w, x, y, z = w * a + b, x * a + b, y * a + b, z * a + b
            values[i], values[i + quarter] = w, x
            values[i + 2 * quarter], values[i + 3 * quarter] = y, z


@njit
def _add_max(times, values, a, b):
    quarter = len(values) // 4
    for _ in range(times):
        for i in range(quarter):
            w, x = values[i], values[i + quarter]
            y, z = values[i + 2 * quarter], values[i + 3 * quarter]
            for _ in range(CHAIN):
                w, x, y, z = w + a, x + a, y + a, z + a
                w, x = w if w > b else b, x if x > b else b
                y, z = y if y > b else b, z if z > b else b
            values[i], values[i + quarter] = w, x
            values[i + 2 * quarter], values[i + 3 * quarter] = y, z
