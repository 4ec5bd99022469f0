"""What the updates of the algorithms differ in: their sums and products.

Numbers are those of ``equations``: floats, arrays, or registers of a kernel. An *algebra* says what
is summed over configurations ("total") and multiplied along edges ("times").

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

    def damped(self, old, new, weights):
        old, new = Wide.of(old), Wide.of(new)
        # What counts for nothing is zero, and sets no size.
        e = np.where(weights[0] > 0.0, old.e, -np.inf)
        return self.mass([Wide(weights[0] * old.m, e), Wide(weights[1] * new.m, new.e)])

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
