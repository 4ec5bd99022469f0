"""Which numbers are allowed: in a configuration, and as arguments."""

import math
from numbers import Integral, Real
from typing import Any, NamedTuple


class Range(NamedTuple):
    """The numbers that something may be.

    Attributes:
        least, most: the bounds.
        whole: whether they are integers.
        above, below: whether they are above the least, below the most.
    """

    least: float
    most: float
    whole: bool = False
    above: bool = False
    below: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a value is such a number; NaN and truth values are none."""
        kind: Any = Integral if self.whole else Real
        if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value):
            return False
        low = value > self.least if self.above else value >= self.least
        return low and (value < self.most if self.below else value <= self.most)

    def check(self, name: str, value: Any) -> None:
        """Raise ValueError, with the ``name`` of it, unless a value is such a number."""
        if not self.holds(value):
            raise ValueError(f"{name}: {value!r}; must be {self}")

    def __str__(self) -> str:
        what = "an integer" if self.whole else "a number"
        low = f"greater than {self.least}" if self.above else f"at least {self.least}"
        high = f"less than {self.most}" if self.below else f"at most {self.most}"
        return f"{what}, {low} and {high}"


MEMORY_GIB = Range(0, 100_000, above=True)
"""Of the largest table or list of configurations."""

THREADS = Range(1, 1000, whole=True)

SAMPLES = Range(1, 100_000, whole=True)
"""A number of samples."""

FRACTION = Range(0, 1)

ENTROPY = Range(0, 2**128 - 1, whole=True)
"""Of a root of random streams, or a seed: 128 bits, as many as NumPy asks for."""
ENTRIES = 3
"""Of a row, at most, that the search takes which knows nothing of where weights are."""
