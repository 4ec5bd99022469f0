"""The exact posterior where hidden neurons and outputs form rings, by transfer matrices.

If every output reads two hidden neurons and every hidden neuron is read by two outputs, hidden
neurons and outputs alternate around disjoint rings. An input weight is shared only through its
hidden neuron. So with one joint state s for each hidden neuron, the S = Q^k_in values of its input
weights, an output is a matrix between the states of the hidden neurons that it reads,

    M(s, s') = sum over its output weights (q, q') of its factor,

and the total of a ring is the trace of the product of its matrices. What the rest of a ring says of
one output is the product of all other matrices: its *environment*. Factor times environment is the
joint distribution of the output's weights and the states beside it, and so has every marginal.

Sums and products are those of an algebra, see ``algebras``, and are done by
``kernels.ring_updates``. With hard factors a matrix counts configurations, and that tells maxima,
too: every configuration that is possible is a most probable one.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sparsebp.engine import factors as fac
from sparsebp.engine.algebras import MaxPlus
from sparsebp.engine.kernels.lanes import WIDTH, by_factor, empty, side_by_side
from sparsebp.engine.kernels.ring_updates import (
    Arrays,
    Places,
    Walk,
    draw_kernel,
    place,
    ring_kernel,
)
from sparsebp.engine.learner import Learner
from sparsebp.engine.problem import Beliefs, Problem
from sparsebp.engine.states import log_sum


class Solution(NamedTuple):
    """The exact posterior of one batch, Eq. 2.1.

    Attributes:
        beliefs: T log-marginals; at T = 0 log-max-marginals (Eq. 2.13).
        log_total: T log of the sum over all configurations of exp(log-factors / T); at T = 0 the
            largest product of factors, in logarithms. -inf where no configuration is possible.
        draw: at T = 0, from a random generator a configuration as alphabet indices (H, k_in) and
            (output, 2), drawn uniformly among the most probable ones.
    """

    beliefs: Beliefs
    log_total: float
    draw: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


class Rings(NamedTuple):
    """The rings of a problem, and which products of matrices solve it.

    Matrices are numbered as they lie in memory: one for each output in the order of the walk, the
    identity, products.

    Attributes:
        problem: patterns and states.
        outputs: (output,) int64, ring after ring as one meets them walking around each.
        slots: (output,) int64, the slot of the hidden neuron that the walk comes from.
        bounds: (rings + 1,) int64, where rings begin, and the last is over.
        left, right: (matrices,) int64, the two that each is the product of; 0 for one that is none.
        merged: (matrices,) int64, of which ring it is a part; -1 for one that is none.
        environments: (output,) int64, the matrix that is an output's environment.
        whole: (rings,) int64, the product around each.
    """

    problem: Problem
    outputs: np.ndarray
    slots: np.ndarray
    bounds: np.ndarray
    left: np.ndarray
    right: np.ndarray
    merged: np.ndarray
    environments: np.ndarray
    whole: np.ndarray

    @property
    def extent(self) -> tuple[int, int, int]:
        """How many outputs, matrices, and numbers of a matrix."""
        return len(self.outputs), len(self.left), len(self.problem.states.tuples) ** 2

    @classmethod
    def of(cls, problem: Problem) -> "Rings":
        """Walk around all rings, and plan what to multiply.

        Neighbours are multiplied in pairs, their products likewise, up to the whole ring. An
        environment of a product is that of each of its two parts, once the other part is multiplied
        in. So there are fewer than three products for each output.

        Args:
            problem: of rings, see ``Learner.check_network``.
        """
        outputs, slots, starts = _walk(problem.patterns.outer, problem.readers)
        bounds = np.append(starts, len(outputs))
        none = np.full(len(outputs), -1)
        planned = [_blocks(0, 0, none), _blocks(0, 0, none[:1])]
        one = planned[0].shape[1]
        ring = np.repeat(np.arange(len(starts)), np.diff(bounds))
        numbers, levels = np.arange(len(outputs)), []

        def made(left, right, rings):
            first = sum(part.shape[1] for part in planned)
            planned.append(_blocks(left, right, rings))
            return first + np.arange(len(left))

        while len(numbers) > len(starts):
            inside = np.arange(len(ring)) - np.searchsorted(ring, ring)
            even, last = inside % 2 == 0, np.append(ring[1:] != ring[:-1], True)
            left = np.flatnonzero(even & ~last)
            levels.append((numbers, left, np.cumsum(even) - 1))
            merged = numbers.copy()
            merged[left] = made(numbers[left], numbers[left + 1], ring[left])
            numbers, ring = merged[even], ring[even]
        whole, environments = numbers, np.full(len(numbers), one)
        for numbers, left, parent in reversed(levels):
            above = environments[parent]
            environments = above.copy()
            environments[left] = made(numbers[left + 1], above[left], none[: len(left)])
            environments[left + 1] = made(above[left], numbers[left], none[: len(left)])
        left, right, merges = np.concatenate(planned, axis=1)
        return cls(problem, outputs, slots, bounds, left, right, merges, environments, whole)


def _blocks(left, right, merged):
    """These numbers of matrices as rows, and what fills the last block."""
    count = len(merged)
    found = np.zeros((3, -(-count // WIDTH) * WIDTH), np.int64)
    found[2] = -1
    for row, part in zip(found, (left, right, merged), strict=True):
        row[:count] = part
    return found


def _walk(output_topology: np.ndarray, readers: np.ndarray):
    """Outputs and slots in the order of a walk around each ring, and where rings begin."""
    walk: list[int] = []
    starts = []
    outputs = len(output_topology)
    met, neurons = [False] * outputs, output_topology.ravel().tolist()
    both = readers.sum(axis=1).tolist()
    for first in range(outputs):
        if met[first]:
            continue
        starts.append(len(walk))
        edge = 2 * first
        while not met[edge // 2]:
            met[edge // 2] = True
            walk.append(edge)
            # Edges are 2 * output + slot: on to the output's other slot, whose neuron has another.
            arrival = edge ^ 1
            edge = both[neurons[arrival]] - arrival
    return *np.divmod(np.array(walk), 2), np.array(starts)


def solve(
    rings: Rings, factors: fac.HardFactors | fac.SoftFactors, learner: Learner, memory_gib: float
) -> Solution:
    """The exact posterior of all weights, Eq. 2.1, without fields on them.

    Args:
        rings: of the problem.
        factors: of one batch.
        learner: its temperature, and the algebras to calculate in, the next one where the numbers
            of a matrix are too different for the one before.
        memory_gib: how much all matrices may take, in GiB.

    Raises:
        ValueError: the matrices would need more memory than allowed.
    """
    _, matrices, size = rings.extent
    fac.refuse_beyond(memory_gib, matrices * size, f"{matrices} matrices of {size} numbers")
    if matrices * size > np.iinfo(np.uint32).max:
        raise ValueError(f"{matrices} matrices of {size} numbers; at most 2**32 - 1 can be counted")
    hard, temperature = isinstance(factors, fac.HardFactors), learner.rules.temperature
    # Logarithms are those of weights, and so energies in units of the temperature.
    scale = 1.0 if hard or temperature == 0 else temperature
    walk, (begin, logs), base = _configurations(rings, factors, scale)
    for algebra in learner.algebras:
        least, (inner, outer, ends, totals) = _marginals(
            rings, walk, None if hard else logs, algebra
        )
        if least > algebra.least_ratio:
            break
    if hard and temperature == 0:
        inner, outer, totals = (np.where(x > -np.inf, 0.0, x) for x in (inner, outer, totals))
    beliefs = Beliefs.uniform(rings.problem)
    at = rings.outputs, rings.slots
    beliefs.inner[rings.problem.patterns.outer[at]] = scale * inner
    beliefs.outer[at] = scale * outer[:, 0]
    beliefs.outer[rings.outputs, 1 - rings.slots] = scale * outer[:, 1]
    total = scale * float(totals.sum() + base)
    if total > -np.inf:
        beliefs = Beliefs(*(part - part.max(axis=-1, keepdims=True) for part in beliefs))

    def draw(rng):
        weights = begin, logs.ravel()
        return _most_probable(rings, walk, weights, ends, hard, learner.tie_tolerance, rng)

    return Solution(beliefs, total, draw)


def _configurations(rings, factors, scale):
    """What the factors allow.

    Returns:
        The rings for kernels; where the weights of each output's configurations are, and their
        logarithms, the largest of an output zero; and their sum over outputs that was taken off.
    """
    states = rings.problem.states
    blank = states.alphabet[states.class_output] == 0
    state = np.where(blank, 0, states.class_tuple)
    stop = np.where(blank, len(states.tuples), state + 1)
    classes = np.stack([states.class_output, state, stop], axis=1)
    if isinstance(factors, fac.HardFactors):
        starts, stops = factors.offsets[:-1], factors.offsets[1:]
        walk = Walk(rings.outputs, rings.slots, starts, stops, factors.configurations, classes)
        return walk, (starts, np.zeros(len(factors.configurations))), 0.0
    each = factors.states**2
    starts = np.zeros(factors.outputs, np.int64)
    every = np.stack(np.divmod(np.arange(each), factors.states), axis=1)
    largest = factors.table.max(axis=1)
    walk = Walk(rings.outputs, rings.slots, starts, starts + each, every, classes)
    logs = (factors.table - largest[:, None]) / scale
    return walk, (np.arange(factors.outputs) * each, logs), largest.sum() / scale


def _marginals(rings, walk, logs, algebra):
    """Marginals as logarithms, not normalised, calculated in an algebra.

    Args:
        walk: see ``Walk``.
        logs: (output, C * C) of tables; None for lists.

    Returns:
        The smallest number of a matrix that is not zero, the largest being one; and (output,
        k_in, Q) of the input weights of the neurons walked from, (output, 2, Q) of output weights,
        (rings, S) of the states where rings begin and end, and the total of each ring.
    """
    states, (outputs, matrices, size) = rings.problem.states, rings.extent
    (count, k_in), q, blocks = states.tuples.shape, len(states.alphabet), -(-outputs // WIDTH)
    least, table = algebra.one, empty(0)
    if logs is not None:
        numbers = algebra.from_logs(logs)
        least = numbers.min()
        numbers = numbers.reshape(outputs, *(len(states.class_output),) * 2)[rings.outputs]
        turned = rings.slots == 1
        numbers[turned] = np.swapaxes(numbers[turned], 1, 2)
        table = side_by_side(numbers, algebra.one)
    arrays = Arrays(
        *map(empty, (matrices * size, matrices)),
        table,
        *(empty(blocks * k * q * WIDTH) for k in (k_in, 2)),
    )
    one, diagonal = place(blocks * WIDTH, size), np.arange(count) * ((count + 1) * WIDTH)
    arrays.matrices[one : one + size * WIDTH : WIDTH] = algebra.zero
    arrays.matrices[one + diagonal] = algebra.one
    places = Places(
        *(
            side_by_side(place(x, size).astype(np.uint32), 0)
            for x in (rings.left, rings.right, rings.environments)
        )
    )
    kernel = ring_kernel(algebra.__name__, k_in, q, states.blank, logs is None)
    least = min(least, kernel((blocks, blocks + 1, matrices // WIDTH), walk, arrays, places))
    inner, outer = (
        algebra.to_logs(by_factor(flat, (outputs, k, q)))
        for flat, k in ((arrays.inner, k_in), (arrays.outer, 2))
    )
    ends = algebra.to_logs(arrays.matrices[place(rings.whole, size)[:, None] + diagonal])
    merges = np.flatnonzero(rings.merged >= 0)
    tops = algebra.to_logs(arrays.tops[merges])
    tops = np.bincount(rings.merged[merges], tops, minlength=len(ends))
    return least, (
        inner,
        outer,
        ends,
        log_sum(ends, 0.0 if algebra is MaxPlus else 1.0, axis=1) + tops,
    )


def _most_probable(rings, walk, weights, ends, counted, tie_tolerance, rng):
    """One of the most probable configurations, each as likely as any other of them.

    Args:
        walk, weights: see ``ring_updates.draw_kernel``.
        ends: (rings, S) logarithms: of the number of configurations, if ``counted``, else of the
            largest probability, by the state where a ring begins and ends.
    """
    states, (inner, outer) = rings.problem.states, rings.problem.patterns
    kernel, bounds = draw_kernel(), rings.bounds.tolist()
    work = tuple(np.empty((2, np.diff(bounds).max() + 1, len(states.tuples))))
    chosen = np.empty((len(outer), 3), np.int64)

    def drawn(ring, lots):
        return kernel(walk, weights, ring, tie_tolerance, lots, work, chosen)

    for first, last, end in zip(bounds, bounds[1:], ends, strict=False):
        lots = rng.random(1 + last - first)
        if counted:
            numbers = end
        else:
            numbers = np.full(len(end), -np.inf)
            for state in np.flatnonzero(end >= end.max() - tie_tolerance):
                numbers[state] = drawn((first, last, state), lots[:0])
        total = np.cumsum(np.exp(numbers - numbers.max()))
        state = np.searchsorted(total, lots[0] * total[-1], side="right")
        drawn((first, last, state), lots[1:])
    hidden, picked = np.empty(len(inner), np.int64), np.empty(outer.shape, np.int64)
    hidden[outer[rings.outputs, rings.slots]] = chosen[:, 0]
    picked[rings.outputs, rings.slots] = chosen[:, 1]
    picked[rings.outputs, 1 - rings.slots] = chosen[:, 2]
    return states.tuples[hidden], picked
