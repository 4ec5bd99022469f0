"""The message updates of every algorithm: the thesis's equations, in NumPy's notation.

A number is one value of a message, and a message a sequence of numbers. All is about one factor, or
one hidden neuron. A number may be a float; or an array, and then the same is done to many factors
at once; or a register of a kernel that is being compiled, see ``kernels.registers``. So kernels are
written by these functions, and these functions run as they are, under a debugger too.

The updates are the same for every algorithm but for its *algebra*: what is summed over
configurations ("total") and multiplied along edges ("times").

================  ====================  ==============  ============================================
algebra           total                 times           messages are
================  ====================  ==============  ============================================
``SumTimes``      x + y                 x y             probabilities: sum-product (Eqs. 2.7, A.6)
``MaxTimes``      max(x, y)             x y             probabilities: max-product (Eq. 2.12)
``MaxPlus``       max(x, y)             x + y           log-likelihoods: max-sum (Eq. 3.7)
``LogSum``        T log(e^x/T + e^y/T)  x + y           log-likelihoods at T = 1 / beta (Eq. 3.5)
``WideSumTimes``  x + y                 x y             those of ``SumTimes``, of any size
``WideMaxTimes``  max(x, y)             x y             those of ``MaxTimes``, of any size
================  ====================  ==============  ============================================

The messages of one hidden neuron's input weights multiply into one vector over its S = Q^k_in joint
states; a factor is a tensor with one axis for each hidden neuron, and is contracted once for all
its messages. What comes out for a hidden neuron is again a tensor, with one axis for each input
weight, and is contracted in the same way.
"""

from functools import reduce

import numpy as np

from sparsebp.engine.wide import LN2, Wide

# Up to so many terms are written out, more are looped over.
STRAIGHT = 100
# Smaller probabilities are zero, as processors are slow with the very smallest floats.
FAINT = 1e-300
# Floats above this are whole numbers.
MOST_COUNTED = 2.0**52
# A reinforced field saturates here, so that a growing field never turns into an impossibility.
LOWEST = -1e300


def summed(terms):
    """The sum."""
    return reduce(lambda sum_, x: sum_ + x, terms)


def largest(terms):
    """The maximum."""
    return reduce(lambda top, x: np.fmax(x, top), terms)


def smallest(terms):
    """The minimum."""
    return reduce(lambda least, x: np.fmin(x, least), terms)


def log_sum(terms, temperature):
    """T log sum exp(./T); minus infinity where all terms are."""
    top = largest(terms)
    base = np.where(top > -np.inf, top, 0.0)
    return top + temperature * np.log(summed([np.exp((x - base) / temperature) for x in terms]))


class Lists:
    """Where equations keep numbers when Python runs them: in lists."""

    def room(self, size: int) -> list:
        """Room for so many numbers."""
        return [None] * size

    def loop(self, count: int, body) -> None:
        """Call body(0), body(1), ..."""
        for k in range(count):
            body(k)

    def each(self, count: int, body) -> None:
        """The same, written out if that is short, which is fastest."""
        if count > STRAIGHT:
            return self.loop(count, body)
        for k in range(count):
            body(k)


class SumTimes:
    """Probabilities, summed: sum-product, Eqs. 2.7-2.8, A.6.

    Args:
        temperature: T, which matters to ``LogSum`` alone.
        work: what numbers are kept in.

    Attributes:
        zero, one: neutral in total: impossible; and in times: no preference.
        probability: whether messages are probabilities, or their logarithms.
        lossless: whether numbers may be of any size; else those too small are lost.
        least_total, least_belief: products of probabilities lose what is below the smallest float,
            1e-308. Nothing depends on that where the total of each message and the largest value of
            each belief is above these. Else the calculation is in doubt, and is repeated in wide
            numbers. Where nothing is lost, what is not above is impossible.
        least_ratio: likewise of the smallest number of a matrix, if it is not zero, to the largest:
            no product of two of them is rounded to zero.
    """

    zero, one = 0.0, 1.0
    probability, lossless = True, False
    least_total, least_belief = 1e-200, 1e-90
    least_ratio = 1e-150

    def __init__(self, temperature=1.0, work=None):
        self.temperature, self.work = temperature, work or Lists()

    def times(self, x, y):
        """What x and y say together."""
        return x * y

    def over(self, x, y):
        """The opposite of times."""
        return x / y

    def total(self, terms):
        """What one or another says: the sum of Eqs. 2.7-2.8."""
        return summed(terms)

    def mass(self, terms):
        """What a message is divided by: the sum of probabilities (Eq. A.3)."""
        return summed(terms)

    def power(self, x, exponent):
        """times, ``exponent`` times over: a reinforced belief (Eqs. 3.8, 3.10)."""
        return np.power(x, exponent)

    def kept(self, x):
        """What is kept of a number of a message: it is zero where it is too small to count."""
        return x if self.lossless else np.where(x < FAINT, 0.0, x)

    def magnitude(self, x):
        """What is compared with ``least_total``, ``least_belief`` and ``least_ratio``."""
        return x

    def distance(self, x, y):
        """How far x is from y, in probability or log-likelihood."""
        return abs(x - y)

    @staticmethod
    def weights(alpha: float) -> tuple[float, float]:
        """Of the old and the new message, for ``damped``."""
        return alpha, 1.0 - alpha

    def damped(self, old, new, weights):
        """Eq. 2.14: alpha * old + (1 - alpha) * new, of probabilities or log-likelihoods."""
        return weights[0] * old + weights[1] * new

    @classmethod
    def from_logs(cls, logs: np.ndarray) -> np.ndarray:
        """Logarithms as numbers of this algebra, in an array of its own."""
        numbers = np.exp(logs)
        return np.where(numbers < FAINT, 0.0, numbers)

    @classmethod
    def to_logs(cls, numbers: np.ndarray) -> np.ndarray:
        """The inverse of ``from_logs``: -inf where a probability is zero."""
        with np.errstate(divide="ignore"):
            return np.log(numbers)


class MaxTimes(SumTimes):
    """Probabilities, of which the largest counts: max-product, Eq. 2.12."""

    def total(self, terms):
        """The maximum in place of the sum, Eq. 2.12."""
        return largest(terms)


class MaxPlus(SumTimes):
    """Log-likelihoods, of which the largest counts: max-sum, Eq. 3.7."""

    zero, one = -np.inf, 0.0
    probability, lossless = False, True
    least_total = least_belief = least_ratio = -np.inf

    def times(self, x, y):
        """What x and y say together."""
        return x + y

    def over(self, x, y):
        """The opposite of times."""
        return x - y

    def total(self, terms):
        """The maximum, Eq. 3.7."""
        return largest(terms)

    def mass(self, terms):
        """The largest log-likelihood."""
        return largest(terms)

    def power(self, x, exponent):
        return np.where(x > -np.inf, np.fmax(x * exponent, LOWEST), x)

    def distance(self, x, y):
        # Both may be minus infinity.
        return np.where(np.equal(x, y), 0.0, abs(x - y))

    def damped(self, old, new, weights):
        # Zero times minus infinity is not a number.
        return np.where(weights[0] > 0.0, super().damped(old, new, weights), new)

    @classmethod
    def from_logs(cls, logs):
        """Logarithms as they are, in an array of their own."""
        return logs.copy()

    @classmethod
    def to_logs(cls, numbers):
        """The same."""
        return numbers.copy()


class LogSum(MaxPlus):
    """Log-likelihoods, summed at temperature T: sum-product with soft factors, Eq. 3.5."""

    def total(self, terms):
        """T log sum exp(./T), Eq. 3.5."""
        return log_sum(terms, self.temperature)


class WideSumTimes(SumTimes):
    """``SumTimes`` in numbers of any size, see ``Wide``, of which none is lost."""

    zero, one = -np.inf, 0.0
    lossless = True
    least_total = least_belief = least_ratio = -np.inf

    def times(self, x, y):
        x, y = Wide.of(x), Wide.of(y)
        e = x.e + y.e
        # The sum of a large exponent and a small one has lost the small one. So it loses its m.
        return Wide(np.where(e > -MOST_COUNTED, x.m * y.m, 1.0), e)

    def over(self, x, y):
        x, y = Wide.of(x), Wide.of(y)
        return Wide(x.m / y.m, x.e - y.e)

    def total(self, terms):
        terms = [Wide.of(x) for x in terms]
        top = largest([x.e for x in terms])
        base = np.where(top > -np.inf, top, 0.0)  # of zeros alone too
        return Wide(summed([x.m * np.exp2(x.e - base) for x in terms]), top)

    def mass(self, terms):
        return WideSumTimes.total(self, terms)

    def power(self, x, exponent):
        return Wide.exp2(MaxPlus.power(self, Wide.of(x).log2, exponent))

    def kept(self, x):
        """x, but what is possible stays so: undamped messages can grow beyond any float."""
        x = Wide.of(x)
        return Wide(x.m, np.where(x.e > -np.inf, np.fmax(x.e, LOWEST), x.e))

    def magnitude(self, x):
        """The exponent."""
        return Wide.of(x).e

    def distance(self, x, y):
        x, y = Wide.of(x), Wide.of(y)
        return abs(x.m * np.exp2(x.e) - y.m * np.exp2(y.e))

    @classmethod
    def weights(cls, alpha):
        """Of the old and the new message, for ``damped``."""
        with np.errstate(divide="ignore"):
            old, new = cls.from_logs(np.array([np.log(alpha), np.log1p(-alpha)]))
        return float(old), float(new)

    def damped(self, old, new, weights):
        return self.mass([self.times(weights[0], old), self.times(weights[1], new)])

    @classmethod
    def from_logs(cls, logs):
        """Logarithms as numbers of this algebra, in an array of its own."""
        return Wide.exp2(logs / LN2).packed

    @classmethod
    def to_logs(cls, numbers):
        """The inverse of ``from_logs``."""
        return Wide.of(numbers).log2 * LN2


class WideMaxTimes(WideSumTimes):
    """``MaxTimes`` in numbers of any size."""

    def total(self, terms):
        return largest(terms)


WIDE = {SumTimes: WideSumTimes, MaxTimes: WideMaxTimes}
"""What repeats in wide numbers a calculation that is in doubt."""
ALGEBRAS = {
    kind.__name__: kind
    for kind in (
        SumTimes,
        MaxTimes,
        MaxPlus,
        LogSum,
        WideSumTimes,
        WideMaxTimes,
    )
}


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
