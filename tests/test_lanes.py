"""Numbers side by side, against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from sparsebp.engine.kernels.lanes import (
    WIDTH,
    by_factor,
    fill,
    larger,
    load,
    numbered,
    pick,
    put,
    read,
    rounded_product,
    side_by_side,
    smaller,
    store,
    where_below,
    write,
)


@given(
    factors=st.integers(1, 3 * WIDTH + 1),
    shape=st.lists(st.integers(1, 4), max_size=3).map(tuple),
)
def test_what_is_put_side_by_side_comes_back(factors, shape):
    rows = np.random.default_rng(0).normal(size=(factors, *shape))
    flat = side_by_side(rows, padding=7.0)
    numbers = int(np.prod(shape, dtype=int))
    assert flat.shape == (-(-factors // WIDTH) * WIDTH * numbers,)
    np.testing.assert_array_equal(by_factor(flat, rows.shape), rows)
    # The numbers of a block's factors are neighbours; what is beyond the last factor is padding.
    blocks = flat.reshape(-1, numbers, WIDTH)
    np.testing.assert_array_equal(blocks[0, :, 0], rows[0].ravel())
    assert (np.swapaxes(blocks, 1, 2).reshape(-1, numbers)[factors:] == 7.0).all()


@njit
def compute(x, y, out):
    a, b = load(x, 0), load(y, 0)
    values = (
        a + b,
        a - b,
        a * b,
        a / b,
        larger(a, b),
        smaller(a, b),
        where_below(a, b, fill(1.0), b),
        numbered(),
        rounded_product(a, b),
    )
    for i in range(len(values)):
        store(out, i * WIDTH, values[i])
    write(out, len(values) * WIDTH, pick(a, 2))
    store(out, len(values) * WIDTH + 1, put(a, 1, read(y, 3)))


def test_lanes_compute_as_numpy_does():
    x, y = np.random.default_rng(0).normal(size=(2, WIDTH))
    x[0] = y[0]
    out = np.full(10 * WIDTH + 1, np.nan)
    compute(x, y, out)
    replaced = np.where(np.arange(WIDTH) == 1, y[3], x)
    expected = (
        *(x + y, x - y, x * y, x / y),
        *(np.maximum(x, y), np.minimum(x, y), np.where(x < y, 1.0, y)),
        np.arange(WIDTH),
        x * y,
        *(x[2], replaced),
    )
    np.testing.assert_array_equal(out, np.concatenate([np.atleast_1d(part) for part in expected]))


@pytest.mark.parametrize("x, y", [(np.nan, 2.0), (-np.inf, 2.0), (2.0, -np.inf)])
def test_the_larger_is_a_number_where_the_second_is(x, y):
    out = np.empty(10 * WIDTH + 1)
    compute(np.full(WIDTH, x), np.full(WIDTH, y), out)
    assert (out[4 * WIDTH : 5 * WIDTH] == 2.0).all()
