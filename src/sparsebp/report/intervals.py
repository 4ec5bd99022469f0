"""Confidence intervals of the mean of a few errors, some of which are zero, and of a share.

Student's t gives an interval that is symmetric about the mean, and so reaches below zero, where no
error is. The bootstrap draws values again from those found; their mean is never below the smallest.
With few values the usual quantiles of these means are too close to each other. Here they are taken
further out, so that for normal values the interval is as wide as that of t: the expanded percentile
interval of T. Hesterberg, The American Statistician 69, 371 (2015).

A share of simulations is binomial. Its interval is that of Clopper and Pearson, as in the verdicts;
the bootstrap would have none where all simulations agree.
"""

from functools import cache

import numpy as np
from scipy import stats

from sparsebp.claims.numbers import CONFIDENCE

DRAWN = 10_000  # samples of the bootstrap


def mean_interval(values):
    """The ends of the confidence interval of the mean of two or more values.

    With the n values x, and n numbers k drawn from 1 to n with equal chances, the ends are the
    quantiles q and 1 - q of the mean of the x_k, where q = Phi(-sqrt(n / (n - 1)) t), t is the
    quantile of Student's t with n - 1 degrees of freedom for this confidence, and Phi the normal
    distribution.

    Args:
        values: (n,) of float, n >= 2.

    Returns:
        The lower and the upper end. The same values have the same ends, in any order.
    """
    values, n = np.sort(values), len(values)
    if values[0] == values[-1]:
        return values[0], values[0]
    t = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)
    outside = stats.norm.cdf(-np.sqrt(n / (n - 1)) * t)
    means = _counts(n) @ values / n
    low, high = np.quantile(means, [outside, 1 - outside])
    return max(low, values[0]), min(high, values[-1])


def share_interval(values):
    """The ends of the confidence interval of a share (Clopper and Pearson).

    If k of n values are 1, the ends are the chances p at which k or more of n, and k or fewer, have
    a probability of (1 - confidence) / 2. The lower end is 0 if k = 0, the upper one 1 if k = n.

    Args:
        values: (n,) of 0 and 1, n >= 1.

    Returns:
        The lower and the upper end.
    """
    return stats.binomtest(np.count_nonzero(values), len(values)).proportion_ci(CONFIDENCE)


@cache
def _counts(n):
    """How often each of n values is drawn, for each sample of the bootstrap: (DRAWN, n)."""
    return np.random.default_rng(n).multinomial(n, np.full(n, 1 / n), size=DRAWN).astype(float)
