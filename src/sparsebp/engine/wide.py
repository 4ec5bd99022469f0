"""Positive numbers of any size, for messages that floats cannot hold.

Floats end at 1e-308. In online learning the beliefs of one batch are the prior of the next, and get
smaller than that by far. Their logarithms would do, but to add two numbers from their logarithms
takes an exponential. With its exponent of two apart, a number is added and multiplied by a few
simple operations.
"""

import numpy as np

LN2 = float(np.log(2.0))


class Wide(np.lib.mixins.NDArrayOperatorsMixin):
    """The number m 2^e.

    In memory it is one float: e + m - 1, with m from 1 to 2. That is close to the logarithm to the
    base 2, equal to it where m is 1, and increases with the number. A wide number becomes that
    float where it is stored or compared.

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
        return whole, np.where(x > -np.inf, x - whole, 0.0)


def _packed(x):
    return x.packed if isinstance(x, Wide) else x
