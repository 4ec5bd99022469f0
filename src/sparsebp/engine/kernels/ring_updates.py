"""Products of transfer matrices around rings, as kernels; what they mean is in ``rings``.

All matrices lie in one flat array of float64, ``WIDTH`` of them side by side (see ``lanes``): first
those of the outputs in the order of the walk, then the identity, then products, each after those
that it is made of.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit, types

from sparsebp.engine.algebras import ALGEBRAS
from sparsebp.engine.equations import (
    EdgeStates,
    contract,
    first_classes,
    multiply,
    over_all,
)
from sparsebp.engine.kernels.cache import compiled_once
from sparsebp.engine.kernels.lanes import WIDTH
from sparsebp.engine.kernels.registers import constant, known, on_numbers, over_blocks


@known
@dataclass(frozen=True)
class RingKind(EdgeStates):
    """What a kernel is compiled for.

    Attributes:
        algebra: a name of ``algebras.ALGEBRAS``.
        k_in: input weights of a hidden neuron.
        q: states of a weight.
        blank: the state of a weight that is zero, or -1.
        listed: whether factors are lists of configurations, else they are tables.
    """

    algebra: str
    k_in: int
    q: int
    blank: int
    listed: bool

    def number(self, weight, state):
        """The class of an output weight and a joint state."""
        first = first_classes(self.q, self.states, self.blank)[weight]
        return first if weight == self.blank else state + first


class Walk(NamedTuple):
    """The outputs in the order of a walk around each ring, and the configurations of their factors.

    Attributes:
        outputs, slots: (output,) int64, see ``rings.Rings``.
        starts, stops: (output,) int64 by the number of the output, where its configurations are.
        configurations: (entries, 2) int64, the class of each edge.
        classes: (C, 3) int64, of a class the output weight, and which input states it stands for,
            the first and the one after the last.
    """

    outputs: np.ndarray
    slots: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    configurations: np.ndarray
    classes: np.ndarray


class Numbers(NamedTuple):
    """What is one number for all: the one that says nothing."""

    one: float


class Arrays(NamedTuple):
    """Numbers of outputs in the order of the walk, ``WIDTH`` side by side, and of matrices.

    Attributes:
        matrices: (blocks, S * S, WIDTH), row by row.
        tops: (blocks, WIDTH), what each product was divided by.
        table: (blocks, C * C, WIDTH), what a factor says of each configuration, the class of the
            edge walked to running fastest; empty for lists, which say one of each.
        inner: (blocks, k_in, Q, WIDTH), marginals of the input weights of the neuron walked from,
            not normalised.
        outer: (blocks, 2, Q, WIDTH), those of the output weights, that walked from first.
    """

    matrices: np.ndarray
    tops: np.ndarray
    table: np.ndarray
    inner: np.ndarray
    outer: np.ndarray


class Places(NamedTuple):
    """Where matrices begin, (blocks, WIDTH) uint32.

    Attributes:
        left, right: the two whose product another is.
        environments: that of each output, see ``rings``.
    """

    left: np.ndarray
    right: np.ndarray
    environments: np.ndarray


def place(number, size):
    """Where the numbers of an output or matrix begin, of which each has ``size``."""
    return number // WIDTH * (size * WIDTH) + number % WIDTH


def _own(block, size):
    return slice(block * size, block * size + size)


def _algebra(kind, rooms):
    return ALGEBRAS[kind.algebra](work=rooms)


def _multiply(kind, rooms, block, numbers, arrays, places):
    """A block of products, and the smallest number that is possible, the largest being one."""
    size = kind.states**2
    left, right = (
        arrays.matrices.through(place, block, size) for place in (places.left, places.right)
    )
    product = arrays.matrices[_own(block, size)]
    arrays.tops[block], least = multiply(_algebra(kind, rooms), left, right, kind.states, product)
    return None, least


def _open_tables(kind, rooms, block, numbers, arrays, places):
    """The matrices of a block of outputs: output weights summed out."""
    a, count, size = _algebra(kind, rooms), kind.classes, kind.states**2
    table, matrix = arrays.table[_own(block, count * count)], arrays.matrices[_own(block, size)]

    def fill(s):
        rows = [table[_own(kind.number(q, s), count)] for q in range(kind.q)]
        into = matrix[_own(s, kind.states)]

        def total(t):
            into[t] = a.total([row[kind.number(q, t)] for row in rows for q in range(kind.q)])

        a.work.each(kind.states, total)

    a.work.loop(kind.states, fill)
    return None, None


def _close_inputs(kind, rooms, block, numbers, arrays, places):
    """Matrix times environment, summed over all but one input weight."""
    a, states = _algebra(kind, rooms), kind.states
    matrix = arrays.matrices[_own(block, states * states)]
    environment = arrays.matrices.through(places.environments, block, states * states)

    joint = a.work.room(states)

    def fill(s):
        row = matrix[_own(s, states)]
        joint[s] = over_all(
            a,
            a.total,
            states,
            lambda t: a.times(row[t], environment[_own(t, states)][s]),
            a.zero,
        )

    a.work.loop(states, fill)
    _, told = contract(a, joint, [[numbers.one] * kind.q] * kind.k_in)
    for slot, message in enumerate(told):
        for q in range(kind.q):
            arrays.inner[(block * kind.k_in + slot) * kind.q + q] = message[q]
    return None, None


def _close_tables(kind, rooms, block, numbers, arrays, places):
    """Factor times environment, summed over all but one output weight."""
    a, states, count = _algebra(kind, rooms), kind.states, kind.classes
    table = arrays.table[_own(block, count * count)]
    environment = arrays.matrices.through(places.environments, block, states * states)
    joint = [[a.work.room(1) for _ in range(kind.q)] for _ in range(kind.q)]
    for row in joint:
        for cell in row:
            cell[0] = a.zero

    def add(s):
        rows = [table[_own(kind.number(q, s), count)] for q in range(kind.q)]

        def pair(t):
            weight = environment[_own(t, states)][s]
            for row, cells in zip(rows, joint, strict=True):
                for q, cell in enumerate(cells):
                    cell[0] = a.total([cell[0], a.times(row[kind.number(q, t)], weight)])

        a.work.loop(states, pair)

    a.work.loop(states, add)
    for slot, rows in enumerate((joint, zip(*joint, strict=True))):
        for q, row in enumerate(rows):
            arrays.outer[(block * 2 + slot) * kind.q + q] = a.total([cell[0] for cell in row])
    return None, None


_products = over_blocks(_multiply)
_matrices_of_tables = over_blocks(_open_tables)
_inputs = over_blocks(_close_inputs)
_outputs_of_tables = over_blocks(_close_tables)
_total = on_numbers(lambda kind, x: ALGEBRAS[kind.algebra]().total(x))
_zero = constant(lambda kind: ALGEBRAS[kind.algebra].zero)
_one = constant(lambda kind: ALGEBRAS[kind.algebra].one)
_states = constant(lambda kind: kind.states)
_q = constant(lambda kind: kind.q)
_place = njit(place)


@njit(inline="always")
def _edges(walk, k, entry):
    """Of a configuration of output k in the walk: the classes of the edges walked from and to."""
    slot = walk.slots[k]
    one = walk.classes[walk.configurations[entry, slot]]
    return one, walk.classes[walk.configurations[entry, 1 - slot]]


@njit(inline="always")
def _open_lists(kind, walk, matrices):
    """The matrices of all outputs: output weights summed out."""
    states = _states(kind)
    matrices[: _place(len(walk.outputs) + WIDTH - 1, states * states) // WIDTH * WIDTH] = _zero(
        kind
    )
    for k in range(len(walk.outputs)):
        own = _place(k, states * states)
        for entry in range(walk.starts[walk.outputs[k]], walk.stops[walk.outputs[k]]):
            one, other = _edges(walk, k, entry)
            for s in range(one[1], one[2]):
                for t in range(other[1], other[2]):
                    i = own + (s * states + t) * WIDTH
                    matrices[i] = _total(kind, (matrices[i], _one(kind)))


@njit(inline="always")
def _close_lists(kind, walk, matrices, environments, outer):
    """Factors times environments, summed over all but one output weight."""
    states, q = _states(kind), _q(kind)
    outer[:] = _zero(kind)
    for k in range(len(walk.outputs)):
        own, into = environments[k], _place(k, 2 * q)
        for entry in range(walk.starts[walk.outputs[k]], walk.stops[walk.outputs[k]]):
            one, other = _edges(walk, k, entry)
            whole = _zero(kind)
            for s in range(one[1], one[2]):
                for t in range(other[1], other[2]):
                    whole = _total(kind, (whole, matrices[own + (t * states + s) * WIDTH]))
            for i in (into + one[0] * WIDTH, into + (q + other[0]) * WIDTH):
                outer[i] = _total(kind, (outer[i], whole))


_F, _I = types.float64, types.int64
_WALK = types.NamedTuple([_I[::1], _I[::1], _I[::1], _I[::1], _I[:, ::1], _I[:, ::1]], Walk)
_MARGINALS = _F(
    types.UniTuple(_I, 3),  # blocks
    _WALK,
    types.NamedUniTuple(_F[::1], len(Arrays._fields), Arrays),
    types.NamedUniTuple(types.uint32[::1], len(Places._fields), Places),
)
_DRAW = _F(
    _WALK,
    types.Tuple((_I[::1], _F[::1])),  # weights
    types.UniTuple(_I, 3),  # ring
    _F,  # tie_tolerance
    _F[::1],  # lots
    types.Tuple((_F[:, ::1], _F[:, ::1])),  # work
    _I[:, ::1],  # chosen
)


@cache
def ring_kernel(*parts):
    """The marginals of all rings, compiled for the parts of a ``RingKind``.

    Returns:
        A function of

        - blocks: how many there are of outputs; where those of products start and stop.
        - walk, arrays, places: see ``Walk``, ``Arrays``, ``Places``. Matrices that are no product
          and not of an output are given; all else but the table is filled.

        It returns the smallest number of a product that is not zero, the largest being one.
    """
    kind = RingKind(*parts)
    listed, one = kind.listed, ALGEBRAS[kind.algebra].one

    def run(blocks, walk, arrays, places):
        outputs, start, stop = blocks
        numbers, count = Numbers(one), stop * WIDTH
        if listed:
            _open_lists(kind, walk, arrays.matrices)
        else:
            _matrices_of_tables(kind, 0, outputs, count, numbers, arrays, places)
        _, least = _products(kind, start, stop, count, numbers, arrays, places)
        _inputs(kind, 0, outputs, count, numbers, arrays, places)
        if listed:
            _close_lists(kind, walk, arrays.matrices, places.environments, arrays.outer)
        else:
            _outputs_of_tables(kind, 0, outputs, count, numbers, arrays, places)
        return least

    options = {"nogil": True, "error_model": "numpy"}
    return compiled_once("rings-" + "-".join(map(str, parts)), run, _MARGINALS, __name__, **options)


@cache
def draw_kernel():
    """One of a ring's most probable configurations, as likely as any other of them, compiled.

    The ring is walked back from a given end. Every state of the hidden neuron where the walk is
    gets the log-probability of the best rest of the ring, and the number of rests that are as good.
    On the way forth the states are drawn by these numbers.

    Returns:
        A function of

        - walk: see ``Walk``.
        - weights: where those of each output are, (output,) int64 by its number, and logarithms.
        - ring: where it begins in the walk, where it is over, and the state of the hidden neuron
          there.
        - tie_tolerance: log-probabilities this close to the largest tie with it.
        - lots: random numbers in [0, 1), one for each output of the ring; or none, to draw nothing.
        - work: two arrays of (outputs of the ring + 1, S).
        - chosen: (output, 3) int64, to be filled with the state walked from and the output weights.

        It returns the logarithm of the number of configurations.
    """
    return compiled_once("draw", _draw, _DRAW, __name__, nogil=True, error_model="numpy")


def _draw(walk, weights, ring, tie_tolerance, lots, work, chosen):
    (first, last, end), (begin, logs), (best, ways) = ring, weights, work
    best[:], ways[:] = -np.inf, -np.inf
    best[last - first, end] = ways[last - first, end] = 0.0
    for at in range(last - first - 1, -1, -1):
        k = first + at
        here, there = best[at], best[at + 1]
        start, stop = walk.starts[walk.outputs[k]], walk.stops[walk.outputs[k]]
        own = begin[walk.outputs[k]] - start
        for entry in range(start, stop):
            one, other = _edges(walk, k, entry)
            for t in range(other[1], other[2]):
                path = logs[own + entry] + there[t]
                for s in range(one[1], one[2]):
                    here[s] = max(here[s], path)
        for entry in range(start, stop):
            one, other = _edges(walk, k, entry)
            for t in range(other[1], other[2]):
                path = logs[own + entry] + there[t]
                for s in range(one[1], one[2]):
                    if _tied(path, here[s], tie_tolerance):
                        ways[at, s] = np.logaddexp(ways[at, s], ways[at + 1, t])
    state, q, states = end, walk.classes[-1, 0] + 1, best.shape[1]
    numbers = np.empty((q, q, states))
    for at in range(len(lots)):
        k = first + at
        numbers[:] = -np.inf
        start, stop = walk.starts[walk.outputs[k]], walk.stops[walk.outputs[k]]
        own = begin[walk.outputs[k]] - start
        for entry in range(start, stop):
            one, other = _edges(walk, k, entry)
            if one[1] <= state < one[2]:
                for t in range(other[1], other[2]):
                    path = logs[own + entry] + best[at + 1, t]
                    if _tied(path, best[at, state], tie_tolerance):
                        numbers[one[0], other[0], t] = ways[at + 1, t]
        total = np.cumsum(np.exp(numbers - numbers.max()).ravel())
        pick = np.searchsorted(total, lots[at] * total[-1], side="right")
        both, chosen[k, 0] = pick // states, state
        chosen[k, 1], chosen[k, 2] = both // q, both % q
        state = pick % states
    return ways[0, end]


@njit(inline="always")
def _tied(path, best, tie_tolerance):
    return path > -np.inf and path >= best - tie_tolerance
