"""Message updates on the factor graph with hidden variables (appendix B), as one kernel.

Variables are the weights and the hidden variables; each neuron but the inputs has a factor. Neurons
of all layers are numbered from the inputs to the outputs, and slots, at which a factor reads a
neuron through a weight, factor by factor. In a step all hidden variables send their messages to
their factors, then all factors send theirs back. Weights are leaves, whose messages to their factor
are their prior fields.

Inputs and outputs are hidden variables with one value, so that all layers are alike.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit, types

from sparsebp.engine.algebras import ALGEBRAS
from sparsebp.engine.kernels.cache import compiled_once
from sparsebp.engine.kernels.registers import constant, known, on_numbers


@known
@dataclass(frozen=True)
class HiddenKind:
    """What a kernel is compiled for.

    Attributes:
        algebra: a name of ``algebras.ALGEBRAS``.
        damped: whether messages to hidden variables are.
    """

    algebra: str
    damped: bool

    def calculus(self, temperature=1.0):
        """The algebra."""
        return ALGEBRAS[self.algebra](temperature)


zero = constant(lambda kind: kind.calculus().zero)
one = constant(lambda kind: kind.calculus().one)
times = on_numbers(lambda kind, x: kind.calculus().times(*x))
over = on_numbers(lambda kind, x: kind.calculus().over(*x))
total = on_numbers(lambda kind, x: kind.calculus(x[2]).total(x[:2]))
mass = on_numbers(lambda kind, x: kind.calculus().mass(x))
kept = on_numbers(lambda kind, x: kind.calculus().kept(*x))
distance = on_numbers(lambda kind, x: kind.calculus().distance(*x))
damped = on_numbers(lambda kind, x: kind.calculus().damped(x[0], x[1], x[2:]))
is_damped = constant(lambda kind: kind.damped)
least_total = constant(lambda kind: kind.calculus().least_total)

_NUMBERS, _FLOATS = types.int64[::1], types.float64[::1]
_SIGNATURE = types.Tuple((types.int64, types.float64, types.boolean))(
    types.int64,  # steps
    types.UniTuple(types.float64, 4),  # rules
    types.UniTuple(_NUMBERS, 6),  # graph
    types.Tuple((_NUMBERS, types.int32[::1])),  # configurations
    _FLOATS,  # prior
    types.UniTuple(_FLOATS, 5),  # messages
)


@cache
def hidden_kernel(*parts):
    """The steps, compiled for a ``HiddenKind`` of these parts; the arguments are those of ``_run``
    after it."""
    kind = HiddenKind(*parts)

    def run(steps, rules, graph, configurations, prior, messages):
        return _run(kind, steps, rules, graph, configurations, prior, messages)

    options = {"nogil": True, "error_model": "numpy"}
    return compiled_once(
        f"hidden-{kind.algebra}-{kind.damped}", run, _SIGNATURE, __name__, **options
    )


@njit(inline="always")
def _run(kind, steps, rules, graph, configurations, prior, messages):
    """Up to ``steps`` steps.

    Args:
        rules: temperature, tolerance, weights of old and new messages to hidden variables.
        graph: (neurons + 1,) where the values of each neuron begin in ``up``; (factors + 1,) where
            its slots begin; (slots,) the neuron that each reads; (slots + 1,) where the messages of
            each begin in ``down``; (neurons + 1,) where the readers of each neuron begin; (slots,)
            the readers, which are slots.
        configurations: (factors + 1,) where those of each factor begin; flat, of each the states
            of its slots and the value of its neuron, see ``reachable.Configurations``.
        prior: (slots * Q,) the fields of the weights.
        messages: up, of each factor to its own neuron; down, to the neurons that it reads; those
            back, from neurons to their own factor and to their readers; and to the weights, or
            an empty array, where these are not asked for.

    Returns:
        steps done, largest change of a message in the last, whether nothing was doubtful.
    """
    tolerance = rules[1]
    rooms = _rooms(graph, len(prior) // len(graph[2]))
    done, change, certain = 0, 0.0, True
    while done < steps and certain:
        told = _update_variables(kind, graph, messages)
        change, least = _update_factors(kind, rules, graph, configurations, prior, messages, rooms)
        certain = min(told, least) > least_total(kind)
        done += 1
        if change < tolerance:
            break
    return done, change, certain


@njit(forceinline=True)
def _rooms(graph, q):
    """Arrays that are long enough for each factor: what all its states say and are told, what one
    neuron is told, and products of slots; and two of whole numbers, for slots. The second is of
    places, and unsigned, so that none needs a test whether it is counted from the end."""
    values, slots, _, downs, _, _ = graph
    size = read = edges = 0
    for f in range(len(slots) - 1):
        n = f + len(values) - len(slots)
        number = values[n + 1] - values[n]
        for slot in range(slots[f], slots[f + 1]):
            count = downs[slot + 1] - downs[slot]
            number += q * count
            read = max(read, count)
        size, edges = max(size, number), max(edges, slots[f + 1] - slots[f])
    numbers = np.empty(size), np.empty(size), np.empty(read), np.empty(edges + 2)
    return numbers, (np.empty(edges + 1, np.int64), np.empty(edges + 1, np.uint64))


@njit(forceinline=True)
def _update_variables(kind, graph, messages):
    """Messages of hidden variables to factors, Eq. A.5: the product over the other factors.

    Returns:
        The smallest total of a message before it was normalised.
    """
    values, _, _, downs, first, readers = graph
    up, down, to_own, to_readers, _ = messages
    least = np.inf
    for n in range(len(values) - 1):
        from_own, count = up[values[n] : values[n + 1]], values[n + 1] - values[n]
        # The last message is that to the neuron's own factor, which leaves out no reader.
        for r in range(first[n], first[n + 1] + 1):
            if r == first[n + 1]:
                out = to_own[values[n] : values[n + 1]]
                out[:] = one(kind)
            else:
                out = to_readers[downs[readers[r]] : downs[readers[r] + 1]]
                out[:] = from_own
            for other in range(first[n], first[n + 1]):
                if other != r:
                    told = down[downs[readers[other]] : downs[readers[other] + 1]]
                    for v in range(count):
                        out[v] = times(kind, (out[v], told[v]))
            least = min(_normalise(kind, out), least)
            for v in range(count):
                out[v] = kept(kind, (out[v],))
    return least


@njit(forceinline=True)
def _update_factors(kind, rules, graph, configurations, prior, messages, rooms):
    """Messages of factors, Eqs. 2.12, A.6.

    Returns:
        By how much a message to a hidden variable changed at most, and the smallest total of one.
    """
    temperature, damping = rules[0], rules[2:]
    values, slots, read, downs, _, _ = graph
    bounds, states = configurations
    up, down, to_own, to_readers, to_weights = messages
    (incoming, outgoing, told, _), (first, _) = rooms
    q, inputs = len(prior) // len(read), len(values) - len(slots)
    change, least, entry = 0.0, np.inf, 0
    for f in range(len(slots) - 1):
        edges, n = slots[f + 1] - slots[f], f + inputs
        size = 0
        for j in range(edges):
            slot = slots[f] + j
            message = to_readers[downs[slot] : downs[slot + 1]]
            first[j] = size
            for weight in range(q):
                field, joint = prior[slot * q + weight], incoming[size : size + len(message)]
                for v in range(len(message)):
                    joint[v] = times(kind, (field, message[v]))
                size += len(message)
        first[edges] = size
        own = to_own[values[n] : values[n + 1]]
        incoming[size : size + len(own)] = own
        outgoing[: size + len(own)] = zero(kind)
        entries = (bounds[f + 1] - bounds[f]) * (edges + 1)
        _tell(kind, temperature, states[entry : entry + entries], edges, rooms)
        entry += entries
        fresh = outgoing[size : size + len(own)]
        moved, whole = _settle(kind, damping, fresh, up[values[n] : values[n + 1]])
        change, least = max(change, moved), min(least, whole)
        for j in range(edges):
            slot = slots[f] + j
            message, count = (
                to_readers[downs[slot] : downs[slot + 1]],
                downs[slot + 1] - downs[slot],
            )
            fresh = told[:count]
            fresh[:] = zero(kind)
            for weight in range(q):
                said = outgoing[first[j] + weight * count : first[j] + (weight + 1) * count]
                field = prior[slot * q + weight]
                for v in range(count):
                    x = times(kind, (said[v], field))
                    fresh[v] = total(kind, (fresh[v], x, temperature))
                if len(to_weights) > 0:
                    x = zero(kind)
                    for v in range(count):
                        y = times(kind, (said[v], message[v]))
                        x = total(kind, (x, y, temperature))
                    to_weights[slot * q + weight] = x
            if len(to_weights) > 0:
                _normalise(kind, to_weights[slot * q : (slot + 1) * q])
            moved, whole = _settle(kind, damping, fresh, down[downs[slot] : downs[slot + 1]])
            change, least = max(change, moved), min(least, whole)
    return change, least


@njit(forceinline=True)
def _tell(kind, temperature, states, edges, rooms):
    """The sum of Eqs. 2.12, A.6: each configuration tells each of its states what the others say.

    Args:
        states: of the configurations of one factor, flat.
        rooms: what all states say, and are told; the numbers of the first state of each slot.
    """
    (incoming, outgoing, _, before), (first, at) = rooms
    before[0] = one(kind)
    for entry in range(0, len(states), edges + 1):
        impossible = 0
        for j in range(edges + 1):
            at[j] = first[j] + states[entry + j]
            x = incoming[at[j]]
            before[j + 1] = times(kind, (before[j], x))
            impossible += x == zero(kind)
        if impossible > 1:
            continue  # nobody is told anything
        after = one(kind)
        for j in range(edges, -1, -1):
            x = times(kind, (before[j], after))
            outgoing[at[j]] = total(kind, (outgoing[at[j]], x, temperature))
            after = times(kind, (after, incoming[at[j]]))


@njit(forceinline=True)
def _settle(kind, damping, fresh, old):
    """Take over a fresh message: normalised, damped against the old one (Eq. 2.14).

    Returns:
        How far it is from the one before, damping left aside as in ``updates``; and its total
        before it was normalised.
    """
    whole = _normalise(kind, fresh)
    change = 0.0
    for v in range(len(fresh)):
        moved = distance(kind, (kept(kind, (fresh[v],)), old[v]))
        change = moved if moved > change else change
    for v in range(len(fresh)):
        x = fresh[v]
        if is_damped(kind):
            x = damped(kind, (old[v], x, *damping))
        old[v] = kept(kind, (x,))
    return change, whole


@njit(forceinline=True)
def _normalise(kind, message):
    """Divide a message by its total (Eq. A.3), which is returned."""
    whole = message[0]
    for v in range(1, len(message)):
        whole = mass(kind, (whole, message[v]))
    for v in range(len(message)):
        message[v] = over(kind, (message[v], whole))
    return whole
