"""Patterns of any kind, made regular: what kernels need, and what results are read back from.

Kernels take rows of equal length, and hidden neurons that are all read equally often. Where a
student's are not, entries are added that say nothing:

- a hidden neuron that reads fewer inputs than others reads ``NOTHING``, an input of 0;
- an output that reads fewer hidden neurons reads added ones, which always answer 0;
- added outputs, which are never observed, read the hidden neurons that are read less often.

Messages to and from them are uniform, so that beliefs of the student's own weights stay as they
are.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sparsebp.network.data import Patterns, Samples

NOTHING, SILENT = -1, -2
"""In place of an input: an input of 0; and of a hidden neuron that always answers 0."""


class Arrangement(NamedTuple):
    """Regular patterns, and where in them a student's own entries are.

    Attributes:
        patterns: what the engine works on.
        own: the student's patterns, (rows, slots) int32, -1 behind the end of a shorter row.
        outputs: how many the student has.
    """

    patterns: Patterns
    own: Patterns
    outputs: int

    @property
    def regular(self) -> bool:
        """Whether nothing was added."""
        return not self.added

    @property
    def present(self) -> list[np.ndarray]:
        """Where the student's patterns have entries, (rows, slots) bool, for each layer."""
        return [topology >= 0 for topology in self.own]

    @property
    def added(self) -> int:
        """How many weights were added."""
        entries = sum(int(there.sum()) for there in self.present)
        return sum(topology.size for topology in self.patterns) - entries

    def taken_in(self, samples: Samples) -> Samples:
        """The samples with added outputs, which are missing.

        Raises:
            ValueError: they are not of as many outputs as the student has.
        """
        more = len(self.patterns.outer) - self.outputs
        if samples.y.ndim != 2 or samples.y.shape[1] != self.outputs:
            raise ValueError(
                f"y is of shape {samples.y.shape}; needed are {self.outputs} columns, the outputs"
            )
        if not more:
            return samples
        missing = np.full((len(samples.y), more), np.nan)
        return Samples(samples.x, np.hstack([samples.y, missing]))

    def read_back(self, parts: Iterable[np.ndarray], blank: float) -> list[np.ndarray]:
        """Values of the student's own entries.

        Args:
            parts: for each layer (rows, slots, ...) on the regular patterns.
            blank: what stands behind the end of a shorter row.
        """
        found = []
        for part, own, there in zip(parts, self.own, self.present, strict=True):
            values = part[: own.shape[0], : own.shape[1]].copy()
            values[~there] = blank
            found.append(values)
        return found


def rows_of(pattern) -> list[np.ndarray]:
    """The columns of the entries of each row of a pattern.

    Args:
        pattern: (rows, slots) int columns; a list of such rows, which may differ in length; or a
            matrix, dense of bool or of scipy.sparse, whose entries are where it is not zero.

    Raises:
        ValueError: it is none of these, or a row names a column twice or a negative one.
    """
    if hasattr(pattern, "tocsr"):
        matrix = pattern.tocsr(copy=True)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        rows = np.split(matrix.indices, matrix.indptr[1:-1])
    elif isinstance(pattern, np.ndarray) and pattern.dtype == bool and pattern.ndim == 2:
        rows = [np.flatnonzero(row) for row in pattern]
    else:
        rows = [np.asarray(row) for row in pattern]
    for number, row in enumerate(rows):
        if row.ndim != 1 or (row.size and row.dtype.kind not in "iu"):
            raise ValueError(
                f"pattern: row {number} holds {row.dtype} values of shape {row.shape}; needed are "
                "the columns of its entries, integers, or a matrix of bool or of scipy.sparse"
            )
        if row.size and (row.min() < 0 or len(np.unique(row)) < len(row)):
            raise ValueError(
                f"pattern: row {number} is {row.tolist()}; needed are different columns from 0 on"
            )
    if not rows:
        raise ValueError("pattern: it has no rows")
    return [row.astype(np.int32) for row in rows]


def arrange(inner, outer) -> Arrangement:
    """Make the patterns of a student with one hidden layer regular.

    Args:
        inner, outer: patterns of W_in and W_out, see ``rows_of``.

    Raises:
        ValueError: they are none, or do not fit together.
    """
    if _is_regular(inner, outer):
        same = Patterns(*(topology.astype(np.int32, copy=False) for topology in (inner, outer)))
        return Arrangement(same, same, len(outer))
    inner, outer = rows_of(inner), rows_of(outer)
    hidden = len(inner)
    most = max((int(row.max()) for row in outer if row.size), default=-1)
    if most >= hidden:
        raise ValueError(
            f"pattern of W_out: column {most}; W_in has {hidden} rows, hidden neurons, so "
            f"columns must be from 0 to {hidden - 1}"
        )
    own = Patterns(*map(_padded, (inner, outer)))
    if own.outer.shape[1] == 0 or own.inner.shape[1] == 0:
        raise ValueError("pattern: it has no entries")
    read = np.bincount(np.concatenate(outer), minlength=hidden)
    degree, slots = int(read.max()), own.outer.shape[1]
    lacking = [slots - len(row) for row in outer]
    if not any(lacking) and (read == degree).all():  # but for hidden neurons that read fewer
        return Arrangement(own, own, len(outer))
    silent, rows = _added(degree - read, lacking, degree, slots)
    longer = [np.append(row, hidden + more) for row, more in zip(outer, silent, strict=True)]
    regular = np.array([*longer, *rows], np.int32)
    reads_none = np.full((int(regular.max()) + 1 - hidden, own.inner.shape[1]), SILENT, np.int32)
    return Arrangement(Patterns(np.vstack([own.inner, reads_none]), regular), own, len(outer))


def _is_regular(inner, outer) -> bool:
    """Whether these are arrays of columns as kernels take them, however large."""
    for topology in (inner, outer):
        if not (isinstance(topology, np.ndarray) and topology.ndim == 2 and topology.size):
            return False
        if topology.dtype.kind not in "iu" or topology.min() < 0:
            return False
        ordered = np.sort(topology, axis=1)
        if (ordered[:, 1:] == ordered[:, :-1]).any():
            return False
    read = np.bincount(outer.ravel(), minlength=len(inner))
    return len(read) == len(inner) and bool((read == read[0]).all())


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    longest = max(map(len, rows))
    topology = np.full((len(rows), longest), NOTHING, np.int32)
    for number, row in enumerate(rows):
        topology[number, : len(row)] = row
    return topology


def _added(
    room: np.ndarray, lacking: list[int], degree: int, slots: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Which silent neurons outputs read, and which neurons of both kinds added outputs read.

    Args:
        room: (hidden,) how many more readers each hidden neuron takes.
        lacking: of each output, how many more neurons it reads.
        degree, slots: readers of each neuron, and neurons that each output reads, in the end.

    Returns:
        For each output silent neurons, from 0 on; and the rows of added outputs.
    """
    silent = max(-(-sum(lacking) // degree), *lacking)
    while True:
        left = np.full(silent, degree)
        # In turn, so that no row gets one twice and all have about as many readers.
        turn = np.arange(sum(lacking)) % silent if silent else np.zeros(0, int)
        np.subtract.at(left, turn, 1)
        places = np.concatenate([room, left])
        total = int(places.sum())
        rows = total // slots
        if total % slots == 0 and ((rows >= places.max() and len(places) >= slots) or rows == 0):
            break
        silent += 1
    ours = np.split(turn, np.cumsum(lacking)[:-1])
    added = []
    for _ in range(rows):
        # The most in need first: what is left can then always be dealt out (Gale and Ryser).
        row = np.argsort(-places, kind="stable")[:slots]
        places[row] -= 1
        added.append(row)
    return ours, added
