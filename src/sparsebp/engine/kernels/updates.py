"""Steps of any algorithm, as a kernel compiled for its algebra and its shape.

In a step all variables send their messages to the factors, then all factors send theirs back: the
equations are in ``equations``, and what they are applied to is here. Arrays are flat, of float64. A
*block* is ``WIDTH`` factors, or hidden neurons, side by side: their numbers are neighbours in
memory, one a lane (see ``lanes``).

===============  =============================  ===================================================
u, h             (blocks, k_out, k_in, Q,       factor-to-variable and variable-to-factor messages
                 WIDTH)                         of the input weights
v, g             (blocks, k_out, Q, WIDTH)      the same of the output weights, which are leaves
field, given,    (blocks of hidden neurons,     fields and beliefs of the input weights
belief           k_in, Q, WIDTH)
given_outer,     as v                           the same of the output weights
belief_outer
table            (blocks, states^k_out, WIDTH)  what a factor says of each configuration of its
                                                edges, the last edge running fastest
===============  =============================  ===================================================
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numba import njit, types

from sparsebp.engine.algebras import ALGEBRAS, largest, smallest
from sparsebp.engine.equations import (
    EdgeStates,
    contract,
    join,
    outer,
    over_all,
    reinforced,
    settle,
    split_inputs,
    split_outputs,
    to_factor,
)
from sparsebp.engine.kernels.cache import compiled_once
from sparsebp.engine.kernels.lanes import WIDTH
from sparsebp.engine.kernels.registers import constant, known, on_numbers, over_blocks


@known
@dataclass(frozen=True)
class Kind(EdgeStates):
    """What a kernel is compiled for.

    Attributes:
        algebra: a name of ``algebras.ALGEBRAS``.
        k_in, k_out: input weights of a hidden neuron, hidden neurons that a factor reads.
        q: states of a weight.
        degree: factors that read a hidden neuron.
        blank: the state of a weight that is zero, or -1.
        listed: whether factors are lists of configurations, over classes. Else they are tables,
            over classes if ``moving``, else over input states.
        moving: whether fields are reinforced, so that messages of output weights take part.
        damped: whether messages h are. (Those of factors always are, if by nothing.)
    """

    algebra: str
    k_in: int
    k_out: int
    q: int
    degree: int
    blank: int
    listed: bool
    moving: bool
    damped: bool


class Numbers(NamedTuple):
    """What is one number for all factors: the temperature; r t; the weights of old and new messages
    u and h (Eq. 2.14); the steps done before."""

    temperature: float
    strength: float
    old_u: float
    new_u: float
    old_h: float
    new_h: float
    done: float


class Arrays(NamedTuple):
    """See the table above; and of factors that are lists, of one block, (k_out, C, WIDTH) messages:
    what each edge says of its classes, and what it is told."""

    u: np.ndarray
    v: np.ndarray
    h: np.ndarray
    g: np.ndarray
    field: np.ndarray
    given: np.ndarray
    belief: np.ndarray
    given_outer: np.ndarray
    belief_outer: np.ndarray
    table: np.ndarray
    joined: np.ndarray
    told: np.ndarray


class Places(NamedTuple):
    """Where in u messages begin, or in field those of a neuron, each of a lane, uint32.

    Attributes:
        others: (blocks, k_out, degree - 1, WIDTH), those of the other factors that read a neuron.
        neurons: (blocks, k_out, WIDTH), the neuron that an edge reads.
        readers: (blocks of hidden neurons, degree, WIDTH), those that a neuron gets.
    """

    others: np.ndarray
    neurons: np.ndarray
    readers: np.ndarray


def _algebra(kind, rooms, numbers):
    return ALGEBRAS[kind.algebra](numbers.temperature, rooms)


def _reinforce(kind, rooms, block, numbers, arrays, places):
    """Fields and beliefs of the input weights of a block of hidden neurons, Eqs. 3.8, 3.10."""
    a, q, size = _algebra(kind, rooms, numbers), kind.q, kind.k_in * kind.q
    told = [
        arrays.u.through(places.readers, block * kind.degree + d, size) for d in range(kind.degree)
    ]
    for slot in range(kind.k_in):
        own, part = _at(block * size, slot, q), _at(0, slot, q)
        received = [message[part] for message in told]
        field = reinforced(a, arrays.given[own], arrays.belief[own], received, numbers.strength)
        _put(a, field, arrays.field[own])
    return None, None


def _to_factors(kind, rooms, block, numbers, arrays, places, fields):
    """Messages of the input weights to a block of factors, Eqs. 2.6, 3.4, 3.9, 3.11, A.5.

    Returns:
        How far a damped message is from the one before; and of the belief's values that are largest
        for their weight, the smallest.
    """
    a, q, size = _algebra(kind, rooms, numbers), kind.q, kind.k_in * kind.q
    changes, beliefs, others = [], [], kind.degree - 1
    for j in range(kind.k_out):
        edge = block * kind.k_out + j
        told = [arrays.u.through(places.others, edge * others + d, size) for d in range(others)]
        if fields:
            told.insert(0, arrays.field.through(places.neurons, edge, size))
        for slot in range(kind.k_in):
            own, part = _at(edge * size, slot, q), _at(0, slot, q)
            fresh, u = to_factor(a, q, [message[part] for message in told]), arrays.u[own]

            def believed(k, fresh=fresh, u=u):
                return a.magnitude(a.times(fresh[k], u[k]))

            beliefs.append(over_all(a, largest, q, believed, a.zero))
            if kind.damped:
                weights = numbers.old_h, numbers.new_h
                changes.append(settle(a, fresh, arrays.h[own], weights)[0])
            else:
                _put(a, fresh, arrays.h[own])
    return largest(changes) if changes else None, smallest(beliefs)


class _Factors:
    """The equations of one block of factors.

    Attributes:
        changes, totals: of messages made, of which the largest and the smallest count.
    """

    def __init__(self, kind, rooms, block, numbers, arrays):
        self.kind, self.block, self.numbers, self.arrays = kind, block, numbers, arrays
        self.a = _algebra(kind, rooms, numbers)
        self.changes, self.totals = [], []

    def found(self):
        """The largest change of a message before damping, and the least total of one."""
        change = largest(self.changes) if self.changes else None
        return change, smallest(self.totals) if self.totals else None

    def to_factor(self, j):
        """The messages h of edge j, one for each input weight."""
        edge, size = self.block * self.kind.k_out + j, self.kind.k_in * self.kind.q
        return [
            self.arrays.h[_at(edge * size, slot, self.kind.q)] for slot in range(self.kind.k_in)
        ]

    def incoming(self, j):
        """What the input weights of edge j say together."""
        return outer(self.a, self.to_factor(j))

    def joined(self, j, incoming):
        """That with the output weight, whose own message is made if its field moves."""
        own, arrays, numbers = self._outer(j), self.arrays, self.numbers
        if self.kind.moving:
            given, belief = arrays.given_outer[own], arrays.belief_outer[own]
            field = reinforced(self.a, given, belief, [arrays.v[own]], numbers.strength)
            weights = (numbers.old_h, numbers.new_h) if self.kind.damped else None
            moved, _ = settle(self.a, field, arrays.g[own], weights)
            if self.kind.damped:  # the first has nothing to differ from
                self.changes.append(np.where(numbers.done > 0.0, moved, 0.0))
        return join(self.a, incoming, arrays.g[own], self.kind.blank)

    def split(self, j, told, incoming):
        """What edge j is told over classes, over input states; and its output weight's message."""
        own, kind = self._outer(j), self.kind
        if kind.moving:
            fresh = split_outputs(self.a, told, incoming, kind.q, kind.blank)
            self._settle(fresh, self.arrays.v[own])
        return split_inputs(self.a, told, self.arrays.g[own], kind.states, kind.blank)

    def to_weights(self, j, told):
        """Messages to the input weights of edge j, from what its neuron is told."""
        edge, size = self.block * self.kind.k_out + j, self.kind.k_in * self.kind.q
        _, fresh = contract(self.a, told, self.to_factor(j))
        for slot, message in enumerate(fresh):
            self._settle(message, self.arrays.u[_at(edge * size, slot, self.kind.q)])

    def _outer(self, j):
        return _at((self.block * self.kind.k_out + j) * self.kind.q, 0, self.kind.q)

    def _settle(self, fresh, old):
        change, total = settle(self.a, fresh, old, (self.numbers.old_u, self.numbers.new_u))
        self.changes.append(change)
        self.totals.append(total)


def _from_tables(kind, rooms, block, numbers, arrays, places):
    """Messages of a block of factors that are tables, Eqs. 2.7-2.8, 3.5, 3.7, A.6.

    The sum of Eq. 2.7 has three parts. Output weights are summed out in ``split_inputs``, or before
    all steps in ``factors.sum_out_outputs``; the other hidden neurons in ``contract``, and so are,
    after that, the other input weights of the same neuron. Maxima take the place of sums in
    Eqs. 2.12, 3.7.
    """
    factors, edges = _Factors(kind, rooms, block, numbers, arrays), range(kind.k_out)
    incoming = [factors.incoming(j) for j in edges]
    joined = incoming
    if kind.moving:
        joined = [factors.joined(j, incoming[j]) for j in edges]
    size = len(joined[0]) ** kind.k_out
    _, told = contract(factors.a, arrays.table[_at(block * size, 0, size)], joined)
    for j in edges:
        over_inputs = factors.split(j, told[j], incoming[j]) if kind.moving else told[j]
        factors.to_weights(j, over_inputs)
    return factors.found()


def _to_lists(kind, rooms, block, numbers, arrays, places):
    """What the edges of a block say of their classes, for factors that are lists."""
    factors = _Factors(kind, rooms, block, numbers, arrays)
    for j in range(kind.k_out):
        joined = factors.joined(j, factors.incoming(j))
        _put(factors.a, joined, arrays.joined[_at(0, j, kind.classes)])
    return factors.found()


def _from_lists(kind, rooms, block, numbers, arrays, places):
    """Messages of a block of factors that are lists, as ``_from_tables``."""
    factors = _Factors(kind, rooms, block, numbers, arrays)
    for j in range(kind.k_out):
        incoming = factors.incoming(j) if kind.moving else None
        factors.to_weights(j, factors.split(j, arrays.told[_at(0, j, kind.classes)], incoming))
    return factors.found()


def _at(start, number, size):
    """The places of a part, of parts of equal size."""
    return slice(start + number * size, start + (number + 1) * size)


def _put(a, numbers, memory):
    def put(k):
        memory[k] = numbers[k]

    a.work.each(len(numbers), put)


_reinforce_blocks = over_blocks(_reinforce)
_to_factors_with_fields = over_blocks(partial(_to_factors, fields=True))
_to_factors_without = over_blocks(partial(_to_factors, fields=False))
_from_tables_blocks = over_blocks(_from_tables)
_to_lists_blocks = over_blocks(_to_lists)
_from_lists_blocks = over_blocks(_from_lists)
_times = on_numbers(lambda kind, x: ALGEBRAS[kind.algebra]().times(*x))
_total = on_numbers(lambda kind, x: ALGEBRAS[kind.algebra](x[2]).total(x[:2]))
_zero = constant(lambda kind: ALGEBRAS[kind.algebra].zero)
_one = constant(lambda kind: ALGEBRAS[kind.algebra].one)
_k_out = constant(lambda kind: kind.k_out)
_classes = constant(lambda kind: kind.classes)


@njit(inline="always")
def _contract_lists(kind, block, count, temperature, lists, arrays):
    """``contract`` for factors that are lists of configurations, each of weight one.

    Lanes beyond the last factor say nothing.
    """
    (bounds, configurations), joined, told = lists, arrays.joined, arrays.told
    told[:] = _zero(kind)
    for lane in range(WIDTH):
        factor = block * WIDTH + lane
        if factor >= count:
            told[lane::WIDTH] = _one(kind)
            continue
        # Numbers without a sign, for Numba would ask each whether it is negative.
        for entry in range(np.uintp(bounds[factor, 0]), np.uintp(bounds[factor, 1])):
            for j in range(_k_out(kind)):
                x = _one(kind)
                for other in range(_k_out(kind)):
                    if other != j:
                        i = _place(kind, configurations, entry, other, lane)
                        x = _times(kind, (x, joined[i]))
                i = _place(kind, configurations, entry, j, lane)
                told[i] = _total(kind, (told[i], x, temperature))


@njit(inline="always")
def _place(kind, configurations, entry, j, lane):
    """Where the number of a lane is for edge j of a configuration."""
    c = configurations[entry * np.uintp(_k_out(kind)) + np.uintp(j)]
    return (np.uintp(j * _classes(kind)) + np.uintp(c)) * np.uintp(WIDTH) + np.uintp(lane)


_F, _I = types.float64, types.int64
_FLOATS, _PLACES = _F[::1], types.uint32[::1]
_SIGNATURE = types.Tuple((_I, _F, types.boolean))(
    _I,  # steps
    _I,  # first
    types.UniTuple(_I, 7),  # ranges
    types.boolean,  # fields
    types.UniTuple(_F, 7),  # rules
    types.NamedUniTuple(_FLOATS, len(Arrays._fields), Arrays),
    types.NamedUniTuple(_PLACES, len(Places._fields), Places),
    types.Tuple((types.int64[:, ::1], types.uint16[::1])),  # lists
)


@cache
def step_kernel(*parts):
    """The steps, compiled for an algebra and a shape.

    Args:
        parts: those of a ``Kind``.

    Returns:
        A function of

        - steps: how many to do, at most; first: the number of the first one.
        - ranges: where to start and stop with blocks of hidden neurons, of factors that are sent
          messages, and of factors that send some; the number of factors.
        - fields: whether there are fields that prefer some value.
        - rules: temperature; r; tolerance; weights of old and new messages u, then h.
        - arrays, places: see ``Arrays``, ``Places``.
        - lists: (factors, 2) where the lists of configurations start and stop, and (entries *
          k_out,) uint16 configurations.

        It returns the steps done, the largest change of a message in the last, see ``settle``, and
        whether nothing was doubtful.
    """
    kind = Kind(*parts)
    algebra = ALGEBRAS[kind.algebra]
    moving, listed, damped_h = kind.moving, kind.listed, kind.damped
    none, whole = algebra.weights(0.0)
    least_belief, least_total = algebra.least_belief, algebra.least_total

    def run(steps, first, ranges, fields, rules, arrays, places, lists):
        temperature, reinforcement, tolerance, old_u, new_u, old_h, new_h = rules
        hidden, no_hidden, sent, no_sent, block, no_block, count = ranges
        done, change, certain = 0, 0.0, True
        while done < steps and certain:
            t = first + done
            # The first messages h have nothing to be damped against.
            old, new = (old_h, new_h) if t > 0 else (none, whole)
            strength = reinforcement * t
            numbers = Numbers(temperature, strength, old_u, new_u, old, new, float(t))
            if moving:
                _reinforce_blocks(kind, hidden, no_hidden, count, numbers, arrays, places)
            if fields:
                moved, belief = _to_factors_with_fields(
                    kind, sent, no_sent, count, numbers, arrays, places
                )
            else:
                moved, belief = _to_factors_without(
                    kind, sent, no_sent, count, numbers, arrays, places
                )
            certain = belief > least_belief
            change = moved if damped_h and t > 0 else 0.0
            if listed:
                for b in range(block, no_block):
                    moved, _ = _to_lists_blocks(kind, b, b + 1, count, numbers, arrays, places)
                    change = max(change, moved)
                    _contract_lists(kind, b, count, temperature, lists, arrays)
                    moved, total = _from_lists_blocks(
                        kind, b, b + 1, count, numbers, arrays, places
                    )
                    change, certain = max(change, moved), certain and total > least_total
            else:
                moved, total = _from_tables_blocks(
                    kind, block, no_block, count, numbers, arrays, places
                )
                change, certain = max(change, moved), certain and total > least_total
            done += 1
            if change < tolerance:
                break
        return done, change, certain

    options = {"nogil": True, "error_model": "numpy"}
    name = "steps-" + "-".join(map(str, parts))
    return compiled_once(name, run, _SIGNATURE, __name__, **options)
