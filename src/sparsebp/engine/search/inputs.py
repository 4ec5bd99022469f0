"""Inputs as words of bits, and which of them no sample tells apart.

Two inputs that are the same in all samples, or opposite in all, are *twins*. The search works with
one of them. A row that it finds then stands for as many rows as twins can take the places.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, combinations, permutations, product
from typing import NamedTuple

import numpy as np

from sparsebp.engine.kernels.search_rows import WORD
from sparsebp.network.ranges import ENTRIES

ABSENT = -1
"""In place of a signed input, where a row has fewer."""


class Inputs(NamedTuple):
    """What samples say of inputs.

    Attributes:
        group: (inputs,) int64, the group of twins that an input belongs to.
        sign: (inputs,) int8, 1 where an input is as its group, -1 where it is opposite.
        x: (groups, samples) int8, what a group is.
        words: (groups,) uint64, the first samples, see ``kernels.search_rows``.
    """

    group: np.ndarray
    sign: np.ndarray
    x: np.ndarray
    words: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> "Inputs":
        """From ``x`` (samples, input).

        Raises:
            ValueError: inputs are not -1 and +1.
        """
        if not (np.abs(x) == 1).all():
            wrong = x[np.abs(x) != 1][0]
            raise ValueError(f"x holds {wrong!s}; the search takes inputs of -1 and 1 alone")
        sign = x[0].astype(np.int8)
        bits = np.packbits(x == x[0], axis=0).T
        whole = np.ascontiguousarray(bits).view(f"V{bits.shape[1]}").ravel()
        _, first, group = np.unique(whole, return_index=True, return_inverse=True)
        ours = np.ascontiguousarray((x[:, first] * sign[first]).T.astype(np.int8))
        return cls(group, sign, ours, _words(ours))

    def of_samples(self, samples: np.ndarray) -> "Inputs":
        """What some samples say of the same groups, which may be alike in these.

        Args:
            samples: (n,) int64, their numbers.
        """
        x = np.ascontiguousarray(self.x[:, samples])
        return self._replace(x=x, words=_words(x))

    @property
    def twins(self) -> list[np.ndarray]:
        """The inputs of each group of more than one."""
        order = np.argsort(self.group, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(self.group[order])) + 1)
        return [part for part in parts if len(part) > 1]


def _words(x: np.ndarray) -> np.ndarray:
    """The first samples of ``x`` (groups, samples) as bits, (groups,) uint64."""
    places = np.uint64(1) << np.arange(min(WORD, x.shape[1]), dtype=np.uint64)
    return ((x[:, :WORD] > 0) * places).sum(axis=1, dtype=np.uint64)


class Candidates:
    """Lists of inputs that rows may read, as groups of twins.

    Args:
        inputs: what samples say of them.
        lists: of inputs, each without repeats.
        at_most: entries of a row.

    Attributes:
        offsets: (lists + 1,) int64; list c has the entries offsets[c]:offsets[c + 1].
        group: (entries,) int64, ascending in each list.
        count: (entries,) int64, how many inputs of the list are in the group.
        pairs_or_none: (lists,) int64, how many rows of a list are always 0: that without entries,
            and those of two twins that cancel.
        same: (lists,) int64, the same number for lists of the same inputs.
        members: (entries, ENTRIES) int64, signed inputs that are as the group, as many as there
            are, then ``ABSENT``.
    """

    def __init__(self, inputs: Inputs, lists: Sequence[np.ndarray], at_most: int) -> None:
        self._at_most = at_most
        self._groups = len(inputs.x)
        number: dict[bytes, int] = {}
        self.same = np.array(
            [number.setdefault(np.sort(one).tobytes(), len(number)) for one in lists]
        )
        owner = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
        member = np.concatenate([np.zeros(0, int), *lists]).astype(np.int64)
        place = owner * self._groups + inputs.group[member]
        order = np.argsort(place, kind="stable")
        signed = (2 * member + (inputs.sign[member] < 0))[order]
        self._places, self._start, self.count = np.unique(
            place[order], return_index=True, return_counts=True
        )
        self._signed = signed
        owner, self.group = np.divmod(self._places, self._groups)
        self.offsets = np.append(0, np.cumsum(np.bincount(owner, minlength=len(lists))))
        place = np.minimum(self._start[:, None] + np.arange(ENTRIES), len(signed) - 1)
        there = np.arange(ENTRIES) < self.count[:, None]
        self.members = np.where(there, signed[place], ABSENT)
        pairs = np.bincount(owner, self.count * (self.count - 1) // 2, len(lists))
        self.pairs_or_none = 1 + 2 * pairs.astype(np.int64)
        if not len(signed):  # of a row without entries, too, one is looked up
            self.count, self.members = np.ones(1, np.int64), np.full((1, ENTRIES), ABSENT)

    @property
    def shared(self) -> bool:
        """Whether there is one list for all hidden neurons."""
        return len(self.offsets) == 2

    def of(self, neurons: np.ndarray) -> np.ndarray:
        """The number of the list of each of some hidden neurons, int64; of -1, which is none, 0."""
        return np.zeros_like(neurons) if self.shared else np.maximum(neurons, 0)

    def alike(self, which: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """How many rows of signed inputs a row of signed groups stands for, (n,) int64.

        A row has any members of its groups. If it has two entries fewer than it may, it may also
        have a pair of twins that cancel.

        Args:
            which: (n,) int64, the list of each row.
            rows: (n, ENTRIES) int64, signed groups.
        """
        count = np.where(rows == ABSENT, 1, self.count[self._entry(which, rows)])
        # The second of a group has one member less to be, the third two, in any order.
        times = np.zeros_like(rows)
        for slot in range(1, ENTRIES):
            again = (rows[:, slot] == rows[:, slot - 1]) & (rows[:, slot] != ABSENT)
            times[:, slot] = np.where(again, times[:, slot - 1] + 1, 0)
        found = ((count - times).prod(axis=1)) // (times + 1).prod(axis=1)
        entries, n = (rows != ABSENT).sum(axis=1), count[:, 0]
        # Of the group of the only entry n (n - 1) (n - 2) / 2 rows have two twins and the opposite
        # of a third, fewer than n times all n (n - 1) pairs.
        fewer = np.where(entries == 1, n * (n - 1) * (n + 2) // 2, 0)
        more = found * self.pairs_or_none[which] - fewer
        return np.where(entries + 2 <= self._at_most, more, found)

    def every(self, which: int, row: np.ndarray) -> list[tuple[int, ...]]:
        """The rows of signed inputs, each ascending, that a row of signed groups stands for.

        Args:
            which: the list of the row.
            row: (ENTRIES,) int64, signed groups.
        """
        row = row[row != ABSENT]
        places = self._entry(np.full(len(row), which), row[:, None])[:, 0]
        choices = [
            combinations((self._twins(place) ^ (signed & 1)).tolist(), times)
            for (place, signed), times in Counter(zip(places, row, strict=True)).items()
        ]
        found = {tuple(sorted(chain(*parts))) for parts in product(*choices)}
        if len(row) + 2 <= self._at_most:
            own = np.arange(*self.offsets[which : which + 2])
            both = chain(*(permutations(self._twins(p).tolist(), 2) for p in own))
            found |= {
                tuple(sorted([*one, plus, minus ^ 1]))
                for (plus, minus), one in product(list(both), list(found))
                if not {signed >> 1 for signed in one} & {plus >> 1, minus >> 1}
            }
        return sorted(found)

    def _twins(self, place: int) -> np.ndarray:
        """The signed inputs that are as the group of an entry."""
        return self._signed[self._start[place] : self._start[place] + self.count[place]]

    def chosen(self, which: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Signed inputs in place of signed groups, (n, ENTRIES) int64.

        Args:
            which, rows: as for ``alike``.
        """
        members, found = self.members[self._entry(which, rows)], np.full(rows.shape, ABSENT)
        times = np.zeros(len(rows), int)
        for slot in range(ENTRIES):
            if slot:
                times = np.where(rows[:, slot] == rows[:, slot - 1], times + 1, 0)
            found[:, slot] = members[np.arange(len(rows)), slot, times]
        return np.where(rows == ABSENT, ABSENT, found ^ (rows & 1))

    def _entry(self, which: np.ndarray, rows: np.ndarray) -> np.ndarray:
        wanted = which[:, None] * self._groups + np.maximum(rows, 0) // 2
        return np.minimum(np.searchsorted(self._places, wanted), max(len(self._places) - 1, 0))
