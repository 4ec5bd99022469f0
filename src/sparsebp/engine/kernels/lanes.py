"""Numbers of many factors side by side in memory, as registers load them, see ``registers``."""

import numpy as np

WIDTH = 8
"""How many factors a block has."""


def empty(size: int, dtype: type = np.float64) -> np.ndarray:
    """An array whose blocks begin where registers are loaded fastest, at 64 bytes."""
    item = np.dtype(dtype).itemsize
    room = np.empty(size + 64 // item, dtype)
    first = -room.ctypes.data % 64 // item
    return room[first : first + size]


def side_by_side(rows: np.ndarray, padding: float) -> np.ndarray:
    """Numbers of a factor in each row -> flat, ``WIDTH`` factors a block, the factor fastest.

    Args:
        rows: (factors, ...) of any dtype.
        padding: for the lanes beyond the last factor.

    Returns:
        (ceil(factors / WIDTH) * numbers of a factor * WIDTH,) of the same dtype.
    """
    blocks = -(-len(rows) // WIDTH)
    numbers = rows[0].size
    flat = empty(blocks * numbers * WIDTH, rows.dtype)
    padded = np.swapaxes(flat.reshape(blocks, numbers, WIDTH), 1, 2)
    whole = len(rows) // WIDTH
    padded[:whole] = rows[: whole * WIDTH].reshape(whole, WIDTH, numbers)
    if whole < blocks:
        left = len(rows) - whole * WIDTH
        padded[whole, :left] = rows[whole * WIDTH :].reshape(left, numbers)
        padded[whole, left:] = padding
    return flat


def by_factor(flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The opposite of ``side_by_side``: (factors, ...), a copy of the given shape."""
    blocks = -(-shape[0] // WIDTH)
    rows = np.swapaxes(flat.reshape(blocks, -1, WIDTH), 1, 2).reshape(blocks * WIDTH, -1)
    return rows[: shape[0]].reshape(shape)
