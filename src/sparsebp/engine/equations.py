"""The message updates of every algorithm: the thesis's equations, in NumPy's notation.

A number is one value of a message, and a message a sequence of numbers. All is about one factor, or
one hidden neuron. A number may be a float; or an array, and then the same is done to many factors
at once; or a register of a kernel that is being compiled, see ``kernels.registers``. So kernels are
written by these functions, and these functions run as they are, under a debugger too.

The updates are the same for every algorithm but for its sums and products, its algebra, see
``algebras``.

The messages of one hidden neuron's input weights multiply into one vector over its S = Q^k_in joint
states; a factor is a tensor with one axis for each hidden neuron, and is contracted once for all
its messages. What comes out for a hidden neuron is again a tensor, with one axis for each input
weight, and is contracted in the same way.
"""

from functools import reduce

import numpy as np

from sparsebp.engine.algebras import STRAIGHT, largest, smallest


def vector(a, count: int, number):
    """number(0), number(1), ... of an algebra a."""
    if count <= STRAIGHT:
        return [number(k) for k in range(count)]
    return stored(a, count, number)


def stored(a, count: int, number):
    """The same in a room, where a loop may pick one."""
    found = a.work.room(count)

    def fill(k):
        found[k] = number(k)

    a.work.each(count, fill)
    return found


def over_all(a, reduced, count: int, term, neutral):
    """term(0), term(1), ... reduced to one number, such as their total."""
    if count <= STRAIGHT:
        return reduced([term(k) for k in range(count)])
    found = a.work.room(1)
    found[0] = neutral

    def add(k):
        found[0] = reduced([found[0], term(k)])

    a.work.each(count, add)
    return found[0]


def outer(a, messages):
    """What several messages say of all states together, the last message's running fastest."""
    product = messages[0]
    for message in messages[1:]:
        states = len(message)
        if len(product) * states <= STRAIGHT:
            earlier = [product[k] for k in range(len(product))]
            product = [a.times(x, message[c]) for x in earlier for c in range(states)]
            continue
        earlier, product = product, a.work.room(len(product) * states)

        def extend(k, earlier=earlier, product=product, message=message, states=states):
            for c in range(states):
                product[k * states + c] = a.times(earlier[k], message[c])

        a.work.each(len(earlier), extend)
    return product


def contract(a, tensor, messages):
    """What a tensor says to each axis, given the messages of the others: the sum of Eqs. 2.7, A.6.

    Maxima take its place in Eqs. 2.12, 3.7, and sums of exponentials in Eq. 3.5.

    State by state of the first axis, what is left is a tensor with an axis less. What this says in
    total is what the first axis is told of that state; what it says to the others is weighed with
    the first axis's message.

    Args:
        tensor: (states^axes,) numbers, the last axis running fastest.
        messages: for each axis a message.

    Returns:
        What it says in total, and for each axis a message, not normalised.
    """
    first, *others = messages
    states, size = len(first), 1
    for message in others:
        size *= len(message)
    if not others:
        own, rest = tensor, []
    elif states * size <= STRAIGHT:
        found = [contract(a, tensor[c * size : c * size + size], others) for c in range(states)]
        own = [total for total, _ in found]
        rest = [
            [
                a.total([a.times(first[c], found[c][1][i][k]) for c in range(states)])
                for k in range(len(message))
            ]
            for i, message in enumerate(others)
        ]
    else:
        # In rooms of their own, where a loop may pick one.
        weights, own = stored(a, states, lambda c: first[c]), a.work.room(states)
        rest = [stored(a, len(message), lambda k: a.zero) for message in others]

        def add(c):
            own[c], parts = contract(a, tensor[c * size : c * size + size], others)
            for told, part in zip(rest, parts, strict=True):

                def weigh(k, told=told, part=part):
                    told[k] = a.total([told[k], a.times(weights[c], part[k])])

                a.work.each(len(told), weigh)

        a.work.loop(states, add)
    total = over_all(a, a.total, states, lambda c: a.times(first[c], own[c]), a.zero)
    return total, [own, *rest]


def settle(a, fresh, old, weights=None):
    """Take over a fresh message in place of an old one: normalised, damped (Eqs. A.3, 2.14).

    Args:
        fresh: the message, not normalised.
        old: the one before, which is overwritten.
        weights: of old and new, see ``SumTimes.weights``; None for no damping.

    Returns:
        How far it is from the one before, damping left aside: damped messages move slowly, however
        far they are from a fixed point. And its total before it was normalised.
    """
    states = len(fresh)

    def normalised(message):
        total = over_all(a, a.mass, states, lambda k: message[k], a.zero)
        inverse = a.over(a.one, total)
        return vector(a, states, lambda k: a.times(message[k], inverse)), a.magnitude(total)

    new, total = normalised(fresh)
    change = over_all(a, largest, states, lambda k: a.distance(a.kept(new[k]), old[k]), 0.0)
    if weights is not None:
        undamped = new
        new = vector(a, states, lambda k: a.damped(old[k], undamped[k], weights))
        if not a.probability:  # mixed log-likelihoods have another maximum
            new, _ = normalised(new)

    def keep(k):
        old[k] = a.kept(new[k])

    a.work.each(states, keep)
    return change, total


def to_factor(a, states, parts):
    """Message of an input weight to a factor, not normalised, Eqs. 2.6, 3.4, 3.9, 3.11, A.5.

    h_{i->a} = field_i times all u_{b->i} of the other factors b. The product over the others is
    formed as such, not by division, so that impossible values need no special case.

    Args:
        states: values of the weight.
        parts: the field, unless it prefers no value, and the messages of the other factors.
    """
    return vector(a, states, lambda k: reduce(a.times, [part[k] for part in parts] or [a.one]))


def reinforced(a, given, belief, received, strength):
    """Field and belief of a weight, Eqs. 3.8, 3.10; and the message of an output weight, which has
    one factor and so sends it its field, Eqs. 3.9, 3.11.

    The field is the prior times the last belief to the power r t; the belief is the field times all
    u_{a->i}, its largest value one.

    Args:
        given: the prior.
        belief: the last, which is overwritten.
        received: messages of all its factors.
        strength: r t.

    Returns:
        The field.
    """
    states = len(given)
    field = vector(a, states, lambda k: a.times(given[k], a.power(belief[k], strength)))
    fresh = vector(a, states, lambda k: reduce(a.times, [field[k], *(u[k] for u in received)]))
    top = over_all(a, largest, states, lambda k: fresh[k], a.zero)

    def keep(k):
        belief[k] = a.over(fresh[k], top)

    a.work.each(states, keep)
    return field


def first_classes(q: int, states: int, blank: int) -> list[int]:
    """Where the classes of each output weight begin, and how many there are.

    A class is an output weight and a joint state of the input weights, which do not matter where
    the output weight is zero: that is one class.

    Args:
        q: values of a weight.
        states: S.
        blank: the number of the weight that is zero, or -1.
    """
    counts = [1 if weight == blank else states for weight in range(q)]
    return [sum(counts[:weight]) for weight in range(q + 1)]


class EdgeStates:
    """How many states an edge has: of kinds of kernels, which have these attributes."""

    k_in: int
    q: int
    blank: int

    @property
    def states(self) -> int:
        """S, the joint states of a hidden neuron's input weights."""
        return self.q**self.k_in

    @property
    def classes(self) -> int:
        """C, the states of an edge, see ``states.HiddenStates``."""
        return first_classes(self.q, self.states, self.blank)[-1]


def join(a, incoming, message, blank):
    """Add the output weight: a message over input states (S,) -> over classes."""
    q, states = len(message), len(incoming)
    firsts = first_classes(q, states, blank)
    found = a.work.room(firsts[q])
    for weight in range(q):
        if weight == blank:
            whole = over_all(a, a.total, states, lambda k: incoming[k], a.zero)
            found[firsts[weight]] = a.times(message[weight], whole)
            continue

        def spread(k, weight=weight):
            found[firsts[weight] + k] = a.times(message[weight], incoming[k])

        a.work.each(states, spread)
    return found


def split_outputs(a, told, incoming, q, blank):
    """Factor-to-variable message of an output weight, Eq. 2.8: sum out the input states."""
    states = len(incoming)
    firsts = first_classes(q, states, blank)
    found = []
    for weight, first in enumerate(firsts[:q]):
        if weight == blank:
            whole = over_all(a, a.total, states, lambda k: incoming[k], a.zero)
            found.append(a.times(told[first], whole))
        else:
            found.append(
                over_all(
                    a,
                    a.total,
                    states,
                    lambda k, first=first: a.times(told[first + k], incoming[k]),
                    a.zero,
                )
            )
    return found


def split_inputs(a, told, message, states, blank):
    """Sum out the output weight, part of Eq. 2.7: from classes -> over input states (S,)."""
    q = len(message)
    firsts = first_classes(q, states, blank)

    def number(k):
        return a.total(
            [
                a.times(told[firsts[weight] + (0 if weight == blank else k)], message[weight])
                for weight in range(q)
            ]
        )

    return vector(a, states, number)


def multiply(a, left, right, states, product):
    """The product of two matrices, divided by its largest number.

    Args:
        left, right: (states * states,) numbers, row by row.
        product: the same, to be overwritten.

    Returns:
        What it was divided by, and its smallest number that is not impossible.
    """
    size = states * states
    left, right = (stored(a, size, lambda k, x=x: x[k]) for x in (left, right))

    def fill(i):
        row = product[i * states : i * states + states]
        weights = left[i * states : i * states + states]

        def total(j):
            row[j] = over_all(
                a,
                a.total,
                states,
                lambda k: a.times(weights[k], right[k * states : k * states + states][j]),
                a.zero,
            )

        a.work.each(states, total)

    (a.work.loop if states * size > STRAIGHT else a.work.each)(states, fill)
    top = over_all(a, largest, size, lambda k: product[k], a.zero)
    unit = np.where(top > a.zero, top, a.one)
    possible = over_all(
        a, smallest, size, lambda k: np.where(product[k] > a.zero, product[k], unit), unit
    )

    def keep(k):
        product[k] = a.over(product[k], unit)

    a.work.each(size, keep)
    return unit, a.magnitude(a.over(possible, unit))
