"""Schedules: in which batches a learner gets the samples."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from sparsebp.engine.learner import Learner
from sparsebp.network.ranges import SAMPLES


class Batch(NamedTuple):
    """Samples start:stop. ``fresh``: forget all earlier beliefs; ``report``: yield the result."""

    start: int
    stop: int
    fresh: bool
    report: bool


def check_grid(grid: list[int]) -> None:
    """Raise ValueError unless a ``grid`` is numbers of samples: integers from 1 on, ascending."""
    given = list(grid) if isinstance(grid, Iterable) else [None]
    if not given or not all(map(SAMPLES.holds, given)) or any(a >= b for a, b in pairwise(given)):
        raise ValueError(f"numbers of samples: {grid!r}; must be integers from 1 on, ascending")


def batches(learner: Learner, grid: list[int]) -> Iterator[Batch]:
    """The batches of a learner's schedule that reaches the sample numbers in ``grid``, in order.

    Args:
        learner: offline, each number of samples is a batch that starts afresh; else a batch is
            ``batch_size`` samples (online: one), and numbers that are no multiple are left out.
        grid: ascending numbers of samples.

    Raises:
        ValueError: they are not.
    """
    check_grid(grid)
    return _batches(learner, grid)


def _batches(learner: Learner, grid: list[int]) -> Iterator[Batch]:
    if learner.schedule == "offline":
        for m in grid:
            yield Batch(0, m, fresh=True, report=True)
        return
    size = learner.batch_size or 1
    reachable = {m for m in grid if m % size == 0}
    for stop in range(size, max(reachable, default=0) + 1, size):
        yield Batch(stop - size, stop, fresh=False, report=stop in reachable)
