r"""How many wrong rows of weights agree with the samples, from nothing but counting.

A hidden neuron has a row of at most two entries of -1 or 1, among k inputs that are random signs.
Another row agrees with it if its pre-activation z is the same in all m samples. In m_0 of them z is
0, in the others -2 or 2. Given these, the expected number of other rows that agree is

.. math:: \Lambda(m_0) = 4 \tbinom{k-2}{2} 2^{-m_0} 4^{-(m - m_0)} + 4 (k - 2) 2^{-m}
   + [m_0 = m] \, \bigl(2 + 4 (k - 2) 2^{-m}\bigr).

- Two other inputs, with 4 choices of signs, have the sum 0 with probability 1/2, and 2 or -2 with
  probability 1/4 each.
- One input in common, with the same sign: the other term, one of 2 (k - 2), has to be the same as
  the one it stands for, in each sample with probability 1/2; either of two inputs may be kept.
- One input in common, with the opposite sign: if z = 2 u, the sum of -u and a sign is not z. If
  z = u - u, the other term has to be u, with probability 1/2. So this counts if z is always 0.
- Both inputs in common: only the opposite row can agree, and so can the row without entries. Both
  do if z is always 0: the 2.
- A row with one entry has an odd z, and never agrees.

A row with one entry, z = -1 or 1, agrees with another such row alone: 2 (k - 1) 2^{-m}. A row
without entries, z = 0, agrees with every row of two entries whose sum is always 0:
4 binom(k, 2) 2^{-m}.

Rows that agree are rare and hardly depend on each other, so that their number is taken for a
Poisson number: a row is the only one with probability exp(-Lambda), which is averaged over m_0, a
binomial number of m with probability 1/2. Averaged itself, Lambda is dominated by few teachers with
many rows that agree, and says less.
"""

from math import comb

import numpy as np
import scipy  # its parts load when they are used

from sparsebp.network.data import NEURONS
from sparsebp.network.ranges import FRACTION, SAMPLES, Range

CANDIDATES, ENTRIES = Range(2, 10_000_000, whole=True), Range(0, 2, whole=True)


def wrong_rows(
    candidates: int, samples: int, at_zero: int | None = None, entries: int = 2
) -> float:
    """The expected number of other rows with at most two entries that agree with a row.

    Args:
        candidates: k, the inputs that a row may read.
        samples: m.
        at_zero: m_0, in how many the row's z is 0; None for the mean over m_0. A row with fewer
            than two entries has none to choose.
        entries: of the row.

    Raises:
        ValueError: a number is out of range.
    """
    k, m = candidates, samples
    CANDIDATES.check("candidates", k)
    SAMPLES.check("samples", m)
    ENTRIES.check("entries", entries)
    if entries < 2:
        return (4 * comb(k, 2) if entries == 0 else 2 * (k - 1)) * 0.5**m
    if at_zero is None:
        every = np.arange(m + 1)
        means = [wrong_rows(k, m, int(m_0)) for m_0 in every]
        return float(scipy.stats.binom.pmf(every, m, 0.5) @ means)
    Range(0, m, whole=True).check("at_zero", at_zero)
    others = 4 * comb(k - 2, 2) * 0.5**at_zero * 0.25 ** (m - at_zero)
    shared = 4 * (k - 2) * 0.5**m
    return others + shared + (2 + shared) * (at_zero == m)


def ambiguous(candidates: int, samples: int, entries: int = 2) -> float:
    """The probability that some other row agrees with a row. Arguments as for ``wrong_rows``."""
    if entries < 2:
        return float(-np.expm1(-wrong_rows(candidates, samples, entries=entries)))
    every = np.arange(samples + 1)
    means = np.array([wrong_rows(candidates, samples, int(m_0)) for m_0 in every])
    return float(scipy.stats.binom.pmf(every, samples, 0.5) @ -np.expm1(-means))


def most_wrong(share: float, samples: int, outputs: int) -> int:
    """In how many samples an output is wrong at most, with 99 % for all outputs.

    Args:
        share: the probability that an output is wrong in a sample.
        samples: m.
        outputs: how many there are.

    Raises:
        ValueError: a number is out of range.
    """
    FRACTION.check("share", share)
    SAMPLES.check("samples", samples)
    NEURONS.check("outputs", outputs)
    below = scipy.special.bdtr(np.arange(samples), samples, share)
    return int(np.searchsorted(below, 0.99 ** (1 / outputs)))
