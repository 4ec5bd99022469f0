"""Positive numbers of any size, for messages that floats cannot hold.

Floats end at 1e-308. Beliefs that are priors of the next batch, and its prior in turn, get smaller
than that by far: to e^-1000 in a batch, and with every batch further. Logarithms hold them; but a
sum of numbers of which logarithms are known takes an exponential for each. A number and its
exponent of two, apart, take a few simple operations.
"""

import numpy as np

LN2 = float(np.log(2.0))


class Wide(np.lib.mixins.NDArrayOperatorsMixin):
    """The number m 2^e.

    In memory it is one float, e + m - 1 with m from 1 to 2: the logarithm to the base 2, but for
    straight lines between its whole values. Where a wide number is stored, or compared with others,
    it becomes that, which is in the same order.

    Attributes:
        m: a float, not far from 1.
        e: a whole number, as a float; minus infinity for zero, whatever m is.
    """

    def __init__(self, m, e):
        self.m, self.e = m, e

    @classmethod
    def of(cls, x):
        """A number x from memory, or one that is wide already."""
        if isinstance(x, cls):
            return x
        e, rest = _split(x)
        return cls(1.0 + rest, e)

    @classmethod
    def exp2(cls, x):
        """2 to the power x."""
        e, rest = _split(x)
        return cls(np.exp(rest * LN2), e)

    @property
    def log2(self):
        """The logarithm to the base 2."""
        return self.e + np.log(self.m) / LN2

    @property
    def packed(self):
        """As it is in memory."""
        m, e = np.frexp(self.m)  # m from 1/2 to 1
        return self.e + e + (m + m - 2.0)

    def __array_ufunc__(self, ufunc, method, *inputs):
        return ufunc(*map(_packed, inputs))

    def __array_function__(self, function, kinds, arguments, options):
        return function(*map(_packed, arguments), **options)


def _split(x):
    """The whole number below x, and the rest, which is 0 of minus infinity."""
    whole = np.floor(x)
    with np.errstate(invalid="ignore"):
        return whole, np.fmax(x - whole, 0.0)


def _packed(x):
    return x.packed if isinstance(x, Wide) else x
