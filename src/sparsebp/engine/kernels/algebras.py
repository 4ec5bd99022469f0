"""Sums and products: what the message updates of all algorithms are made of.

The updates are the same for every algorithm but for two operations and the numbers that they are
about. Summing over configurations ("plus") what is multiplied along edges ("times") is

==============  ====================  ==============  =============================================
algebra         plus                  times           messages are
==============  ====================  ==============  =============================================
``SUM_TIMES``   x + y                 x y             probabilities: sum-product (Eqs. 2.7, A.6)
``MAX_TIMES``   max(x, y)             x y             probabilities: max-product (Eq. 2.12)
``MAX_PLUS``    max(x, y)             x + y           log-likelihoods: max-sum (Eq. 3.7)
``LOG_SUM``     T log(e^x/T + e^y/T)  x + y           log-likelihoods at T = 1 / beta (Eq. 3.5), or
                                                      the logarithms of probabilities
==============  ====================  ==============  =============================================

All four take numbers or ``lanes``. The algebra is a constant where a kernel is compiled, so that no
kernel holds more than its own operations. ``temperature`` and ``probability`` matter to ``LOG_SUM``
alone: T, and whether the logarithms are of probabilities, which sum to one and are damped as such.

Probabilities may get lost, being too small for a float. Where that could matter the calculation is
*doubtful*, and is repeated in logarithms, which lose nothing.
"""

import numpy as np
from numba import njit

from sparsebp.engine.kernels.lanes import each, larger, number, rounded_product, where_below
from sparsebp.engine.learner import LOG_SUM, MAX_TIMES, SUM_TIMES

# Products of probabilities lose what is below the smallest float, 1e-308. Nothing depends on that
# where the total of each message and the largest value of each belief is above these.
LEAST_TOTAL, LEAST_BELIEF = 1e-200, 1e-90
# Smaller probabilities are zero, as processors are slow with the very smallest floats.
FAINT = 1e-300
# A reinforced field saturates here, so that a growing field never turns into an impossibility.
LOWEST = -1e300


def from_logs(logs: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Logarithms as kernels have messages, an array of its own: probabilities, or as they are."""
    if logarithmic:
        return logs.copy()
    numbers = np.exp(logs)
    return np.where(numbers < FAINT, 0.0, numbers)


def to_logs(numbers: np.ndarray, logarithmic: bool) -> np.ndarray:
    """The inverse of ``from_logs``: -inf where a probability is zero."""
    if logarithmic:
        return numbers.copy()
    with np.errstate(divide="ignore"):
        return np.log(numbers)


@njit
def _log_sum(x, y, temperature):
    largest, gap = max(x, y), -abs(x - y) / temperature
    # Also where both are minus infinity, and the gap is not a number. exp(-40) is below rounding.
    if not gap > -40.0:
        return largest
    return largest + temperature * np.log1p(np.exp(gap))


@njit
def _log_damp(old, new, alpha):
    if old == new:
        return old
    return np.logaddexp(np.log(alpha) + old, np.log1p(-alpha) + new)


@njit
def _exp_distance(x, y, _):
    return abs(np.exp(x) - np.exp(y))


@njit
def _power(x, _, exponent):
    return x**exponent


@njit
def _log_power(x, _, exponent):
    if x == -np.inf:
        return x
    return max(x * exponent, LOWEST)


@njit(forceinline=True)
def zero(algebra):
    """Neutral in plus: impossible."""
    return 0.0 if algebra <= MAX_TIMES else -np.inf


@njit(forceinline=True)
def one(algebra):
    """Neutral in times: no preference."""
    return 1.0 if algebra <= MAX_TIMES else 0.0


@njit(forceinline=True)
def times(algebra, x, y):
    """What x and y say together."""
    if algebra <= MAX_TIMES:
        return x * y
    return x + y


@njit(forceinline=True)
def plus(algebra, x, y, temperature):
    """What x or y says: the sum of Eqs. 2.7-2.8, 3.5, or the maximum of Eqs. 2.12, 3.7."""
    if algebra == SUM_TIMES:
        return x + y
    if algebra == LOG_SUM and temperature > 0.0:
        return each(_log_sum, x, y, temperature)
    return larger(x, y)


@njit(forceinline=True)
def sums_to_one(algebra, probability):
    """Whether messages are probabilities, and so stay normalised when they are mixed."""
    return algebra <= MAX_TIMES or (algebra == LOG_SUM and probability)


@njit(forceinline=True)
def mass(algebra, x, y, probability):
    """Sum of probabilities, or the larger log-likelihood: what a message is divided by."""
    if algebra <= MAX_TIMES:
        return x + y
    if algebra == LOG_SUM and probability:
        return each(_log_sum, x, y, 1.0)
    return larger(x, y)


@njit(forceinline=True)
def over(algebra, x, y):
    """The opposite of times."""
    if algebra <= MAX_TIMES:
        return x / y
    return x - y


@njit(forceinline=True)
def power(algebra, x, exponent):
    """times, ``exponent`` times over: a reinforced belief (Eqs. 3.8, 3.10)."""
    if algebra <= MAX_TIMES:
        return each(_power, x, x, exponent)
    return each(_log_power, x, x, exponent)


@njit(forceinline=True)
def damped(algebra, old, new, alpha, probability):
    """Eq. 2.14: alpha * old + (1 - alpha) * new, of probabilities or of log-likelihoods."""
    if algebra == LOG_SUM and probability:
        return each(_log_damp, old, new, alpha)
    # Which of two products is rounded before their sum would else be the compiler's choice, and
    # where messages do not settle, results hang on it.
    return rounded_product(number(alpha, old), old) + number(1.0 - alpha, old) * new


@njit(forceinline=True)
def distance(algebra, x, y, probability):
    """How far x is from y, in probability or in log-likelihood; not a number at infinity."""
    if algebra == LOG_SUM and probability:
        return each(_exp_distance, x, y, 0.0)
    return larger(x - y, y - x)


@njit(forceinline=True)
def kept(algebra, x):
    """A probability that is not too small to count, else zero. Logarithms are all kept."""
    if algebra <= MAX_TIMES:
        return where_below(x, number(FAINT, x), number(0.0, x), x)
    return x


@njit(forceinline=True)
def least_belief(algebra):
    """A belief whose largest value is not above this is doubtful: in logarithms, impossible."""
    return LEAST_BELIEF if algebra <= MAX_TIMES else -np.inf


@njit(forceinline=True)
def least_total(algebra):
    """A message whose total is not above this is doubtful: in logarithms, impossible."""
    return LEAST_TOTAL if algebra <= MAX_TIMES else -np.inf
