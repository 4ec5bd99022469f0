r"""What a pre-activation says: sums of few values, each told from the others.

Inputs are -1 and +1, weights too. A hidden neuron with k entries has the pre-activation
z = 2 l - k, with l = 0 ... k the number of its terms that are +1: the *letter* l. An output reads
at most two hidden neurons, each with a weight v and a number of entries k, a *kind* (v, k). Its own
pre-activation is then one of the few sums

.. math:: s = v_1 \varphi(2 l_1 - k_1) + v_2 \varphi(2 l_2 - k_2),

and an observed output says which. It leaves a relation between the two letters, and as different
letters have different values, one letter and the output say what the other is.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from sparsebp.network.model import MATCH_TOLERANCE, Activation, preactivations
from sparsebp.network.ranges import ENTRIES

MISSING, IMPOSSIBLE = -1, -2
"""In place of the number of a sum: no output was observed; no sum leads to this output."""
LETTERS = ENTRIES + 1


class Kind(NamedTuple):
    """How an output reads a hidden neuron: with the ``weight``, and how many ``entries`` it has."""

    weight: int
    entries: int


UNREAD = Kind(0, 0)
"""In place of a hidden neuron."""


class Alphabet:
    """The sums that an output can have, for all kinds of hidden neurons that it may read.

    Args:
        phi: the activation.
        at_most: entries of a hidden neuron.
        reads: hidden neurons that an output reads at most.

    Raises:
        ValueError: outputs or hidden values do not say what they come from, as the activation has
            no inverse there.

    Attributes:
        phi, at_most: as given.
        values: (at_most + 1, at_most + 1) float64, of a neuron with k entries and the letter l;
            NaN where l > k.
        odd: whether phi(-z) = -phi(z), so that the sign of a hidden neuron is not known.
        silent: whether phi(0) = 0, so that a hidden neuron without inputs says nothing.
        sums: (C,) float64, ascending.
    """

    def __init__(self, phi: Activation, at_most: int, reads: int = 2) -> None:
        self.phi, self.at_most = phi, at_most
        k, letter = np.ogrid[: at_most + 1, : at_most + 1]
        z = np.arange(-at_most, at_most + 1)
        value = phi(z.astype(float))
        self.values = np.where(letter <= k, value[np.minimum(2 * letter - k, k) + at_most], np.nan)
        self.odd = bool((np.abs(value + value[::-1]) <= MATCH_TOLERANCE).all())
        self.silent = bool(abs(value[at_most]) <= MATCH_TOLERANCE)
        close = np.flatnonzero(np.diff(value) <= 2 * MATCH_TOLERANCE)
        if len(close):
            one = int(close[0])
            raise ValueError(
                f"activation {phi.function}: of {z[one]} and {z[one + 1]} the values are "
                f"{value[one] + 0.0:g} and {value[one + 1] + 0.0:g}; the search needs an inverse "
                "that increases, as of tanh, leaky-relu with a > 0, or identity; sb.fit takes this "
                "activation, on patterns that are known"
            )
        parts = np.concatenate([value, -value, [0.0]])
        sums = np.zeros(1)
        for _ in range(reads):
            sums = np.unique(sums[:, None] + parts)
        self.sums = sums[np.diff(sums, prepend=-np.inf) > 2 * MATCH_TOLERANCE]
        mistaken = self.coded(phi(self.sums)) != np.arange(len(self.sums))
        if mistaken.any():
            wrong = self.sums[mistaken.argmax()]
            raise ValueError(
                f"activation {phi.function}: the output {phi(np.array([wrong]))[0]:g} stands for "
                f"other pre-activations than {wrong:g}, too; the search needs an inverse, as of "
                "tanh, leaky-relu with a > 0, or identity; sb.fit takes this activation, on "
                "patterns that are known"
            )

    def coded(self, y: np.ndarray) -> np.ndarray:
        """Which sum leads to each output: numbers, ``MISSING`` or ``IMPOSSIBLE``.

        Args:
            y: (samples, output) float64; NaN where an output is missing.

        Returns:
            int64 of the same shape. An output that several sums lead to is impossible.
        """
        low, high = preactivations(self.phi, y)
        first, last = (np.searchsorted(self.sums, *end) for end in ((low, "left"), (high, "right")))
        codes = np.where(last - first == 1, first, IMPOSSIBLE)
        return np.where(np.isnan(y), MISSING, codes)

    def snapped(self, y: np.ndarray, tolerance: float) -> np.ndarray:
        """Outputs as the one possible value that is so near, float64 of the same shape.

        NaN where several are, and as they were where none is.

        Args:
            y: float64; NaN where an output is missing.
            tolerance: how far an output may be off.
        """
        values = self.phi(self.sums)  # ascending, as the activation is
        first = np.searchsorted(values, y - tolerance, "left")
        count = np.searchsorted(values, y + tolerance, "right") - first
        near = values[np.minimum(first, len(values) - 1)]
        return np.select([np.isnan(y) | (count > 1), count == 1], [np.nan, near], y)

    def table(self, pairs: Sequence[tuple[Kind, Kind]]) -> np.ndarray:
        """Which letters have which sum, for pairs of kinds.

        Args:
            pairs: P of them.

        Returns:
            (P, C, LETTERS, LETTERS) bool, over the letters of the first and the second.
        """
        found = np.zeros((len(pairs), len(self.sums), LETTERS, LETTERS), bool)
        for number, (one, two) in enumerate(pairs):
            for l1, l2 in product(range(one.entries + 1), range(two.entries + 1)):
                total = self._part(one, l1) + self._part(two, l2)
                found[number, np.abs(self.sums - total).argmin(), l1, l2] = True
        return found

    def fits(self, sums: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Whether pre-activations ``sums`` are those of ``codes``, or of none that was observed.

        Args:
            sums: float64 of any shape.
            codes: int64 of the same shape.
        """
        near = np.abs(sums - self.sums[np.maximum(codes, 0)]) <= MATCH_TOLERANCE
        return np.where(codes < 0, codes == MISSING, near)

    def _part(self, kind: Kind, letter: int) -> float:
        return kind.weight * self.values[kind.entries, letter] if kind.weight else 0.0
