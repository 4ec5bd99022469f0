"""Memory: what is refused, and work in parts that bound it."""

from itertools import pairwise

# Rows of dense work done at once, to bound memory.
CHUNK_CELLS = 1 << 22


def chunks(rows: int, cells: int) -> list[slice]:
    """Slices of rows with so many cells each, that bound memory."""
    bounds = [*range(0, rows, max(1, CHUNK_CELLS // cells)), rows]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def refuse_beyond(memory_gib: float, numbers: int, what: str) -> None:
    """Raise ValueError if as many numbers of 8 bytes are more than allowed.

    Args:
        memory_gib: what is allowed, in GiB.
        numbers: how many there would be.
        what: takes them, for the message.
    """
    size = numbers * 8 / 2**30
    if size > memory_gib:
        raise ValueError(
            f"{what} takes {numbers} numbers, {size:.3g} GiB; allowed are {memory_gib} GiB "
            "(study.memory_gib)"
        )
