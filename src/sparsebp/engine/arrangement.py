"""Patterns of any kind, made regular: what kernels need, and what results are read back from.

Kernels take rows of equal length, and hidden neurons that are all read equally often. Where a
student's are not, entries are added that say nothing:

- a hidden neuron that reads fewer inputs than others reads ``NOTHING``, an input of 0;
- an output that reads fewer hidden neurons reads added ones, which always answer 0;
- added outputs, which are never observed, read the hidden neurons that are read less often.

Messages to and from them are uniform, so that beliefs of the student's own weights stay as they
are.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sparsebp.network.data import Patterns, Samples

Pattern = Any
"""What ``arrange`` takes as a pattern. Matrices of scipy.sparse have no type to name."""

NOTHING, SILENT = -1, -2
"""In place of an input: an input of 0; and of a hidden neuron that always answers 0."""


class Arrangement(NamedTuple):
    """Regular patterns, and where in them a student's own entries are.

    Attributes:
        patterns: what the engine works on.
        own: the student's patterns, (rows, slots) int32, -1 behind the end of a shorter row.
    """

    patterns: Patterns
    own: Patterns

    @property
    def outputs(self) -> int:
        """How many outputs the student has."""
        return len(self.own.outer)

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


def arrange(*patterns: Pattern) -> Arrangement:
    """Make the patterns of a student regular. With more than one hidden layer they have to be.

    Args:
        patterns: of each layer, from W_in to W_out: (rows, slots) int columns; a list of such rows,
            which may differ in length; or a matrix, dense of bool or of scipy.sparse, whose entries
            are where it is not zero.

    Raises:
        ValueError: as ``check_patterns``.
    """
    if len(patterns) != 2:
        same = Patterns(*map(np.asarray, patterns))
        check_patterns(same)
        return Arrangement(same, same)
    found, present = zip(
        *(padded(f"pattern {number} of 2", one) for number, one in enumerate(patterns, 1)),
        strict=True,
    )
    check_patterns(found, present)
    own = Patterns(*(topology.astype(np.int32) for topology in found))
    lacking = (~present[1]).sum(axis=1)
    read = np.bincount(own.outer[present[1]], minlength=len(own.inner))
    degree, slots = int(read.max()), own.outer.shape[1]
    if not lacking.any() and (read == degree).all():  # but for hidden neurons that read fewer
        return Arrangement(own, own)
    silent, rows = _added(degree - read, lacking, degree, slots)
    regular = np.vstack([own.outer, *rows]).astype(np.int32)
    regular[: len(own.outer)][~present[1]] = len(own.inner) + silent
    more = int(regular.max()) + 1 - len(own.inner)
    reads_none = np.full((more, own.inner.shape[1]), SILENT, np.int32)
    return Arrangement(Patterns(np.vstack([own.inner, reads_none]), regular), own)


def check_patterns(
    patterns: Sequence[np.ndarray], present: Sequence[np.ndarray] | None = None
) -> None:
    """Raise ValueError unless the rows of each pattern are different neurons of the layer below.

    Args:
        patterns: (rows, slots) columns of each layer, two or more, from W_in to W_out.
        present: where they have entries, bool of the same shapes; by default everywhere.
    """
    if len(patterns) < 2:
        raise ValueError(f"{len(patterns)} patterns; needed are two or more, W_in's to W_out's")
    present = present or [np.ones(topology.shape, bool) for topology in patterns]
    below, allowed = np.inf, "0 on"
    for number, (topology, there) in enumerate(zip(patterns, present, strict=True), 1):
        where = f"pattern {number} of {len(patterns)}"
        if topology.ndim != 2 or topology.dtype.kind not in "iu" or not topology.size:
            raise ValueError(
                f"{where}: {topology.dtype} values of shape {topology.shape}; needed are the "
                "columns of its entries, integers, in one row or more of one slot or more"
            )
        ordered = np.sort(topology, axis=1)
        twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
        wrong = ((topology < 0) & there | (topology >= below)).any(axis=1) | twice.any(axis=1)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                f"{where}: row {row} is {topology[row, there[row]].tolist()}; "
                f"needed are different columns from {allowed}"
            )
        below = len(topology)
        allowed = f"0 to {below - 1}, as pattern {number} has {below} rows"


def padded(name: str, pattern: Pattern) -> tuple[np.ndarray, np.ndarray]:
    """The columns of a pattern, (rows, slots) int64, and where in them entries are, bool.

    Args:
        name: of the pattern, for the message of an error.
        pattern: in any form that ``arrange`` takes.

    Raises:
        ValueError: it is in none of them.
    """
    whole = isinstance(pattern, np.ndarray) and pattern.ndim == 2
    if hasattr(pattern, "tocsr"):
        matrix = pattern.tocsr(copy=True)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        entries, lengths = matrix.indices, np.diff(matrix.indptr)
    elif whole and pattern.dtype == bool:
        entries, lengths = np.nonzero(pattern)[1], pattern.sum(axis=1)
    elif whole and pattern.dtype.kind in "iu":
        entries, lengths = pattern.ravel(), np.full(len(pattern), pattern.shape[1])
    else:
        rows = [np.asarray(row) for row in pattern]
        for row, values in enumerate(rows):
            if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
                raise ValueError(
                    f"{name}: row {row} holds {values.dtype} values of shape "
                    f"{values.shape}; needed are the columns of its entries, integers, or a matrix "
                    "of bool or of scipy.sparse"
                )
        entries = np.concatenate([np.zeros(0, int), *rows])
        lengths = np.array([len(row) for row in rows], int)
    present = np.arange(lengths.max(initial=0)) < lengths[:, None]
    topology = np.full(present.shape, NOTHING)
    topology[present] = entries
    return topology, present


def _added(
    room: np.ndarray, lacking: np.ndarray, degree: int, slots: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Which silent neurons outputs read, and which neurons of both kinds added outputs read.

    Args:
        room: (hidden,) how many more readers each hidden neuron takes.
        lacking: (output,) how many more neurons each output reads.
        degree, slots: readers of each neuron, and neurons that each output reads, in the end.

    Returns:
        Silent neurons, from 0 on, in the order of the outputs; and the rows of added outputs.
    """
    lack = int(lacking.sum())
    silent = max(-(-lack // degree), int(lacking.max()))
    while True:
        left = np.full(silent, degree)
        # In turn, so that no row gets one twice and all have about as many readers.
        turn = np.arange(lack) % silent if silent else np.zeros(0, int)
        np.subtract.at(left, turn, 1)
        places = np.concatenate([room, left])
        total = int(places.sum())
        rows = total // slots
        if total % slots == 0 and ((rows >= places.max() and len(places) >= slots) or rows == 0):
            break
        silent += 1
    added = []
    for _ in range(rows):
        # The most in need first: what is left can then always be dealt out (Gale and Ryser).
        row = np.argsort(-places, kind="stable")[:slots]
        places[row] -= 1
        added.append(row)
    return turn, added
