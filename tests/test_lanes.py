"""Registers against NumPy: what is traced into a kernel computes what Python does."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from sparsebp.engine.algebras import STRAIGHT
from sparsebp.engine.kernels.lanes import WIDTH, by_factor, empty, side_by_side
from sparsebp.engine.kernels.registers import constant, known, on_numbers, over_blocks


@given(
    factors=st.integers(1, 3 * WIDTH + 1),
    shape=st.lists(st.integers(1, 4), max_size=3).map(tuple),
)
def test_what_is_put_side_by_side_comes_back(factors, shape):
    rows = np.random.default_rng(0).normal(size=(factors, *shape))
    flat = side_by_side(rows, padding=7.0)
    numbers = int(np.prod(shape, dtype=int))
    assert flat.shape == (-(-factors // WIDTH) * WIDTH * numbers,)
    assert flat.ctypes.data % 64 == 0
    np.testing.assert_array_equal(by_factor(flat, rows.shape), rows)
    # The numbers of a block's factors are neighbours; what is beyond the last factor is padding.
    blocks = flat.reshape(-1, numbers, WIDTH)
    np.testing.assert_array_equal(blocks[0, :, 0], rows[0].ravel())
    assert (np.swapaxes(blocks, 1, 2).reshape(-1, numbers)[factors:] == 7.0).all()


class Numbers(NamedTuple):
    factor: float


class Arrays(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    out: np.ndarray


class Places(NamedTuple):
    elsewhere: np.ndarray


@known
@dataclass(frozen=True)
class Program:
    name: str
    size: int = 1


PROGRAMS = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "less": lambda x, y: np.where(x < y, 1.0, y),
    "greater": lambda x, y: np.where(x > y, x, 2.0),
    "equal": lambda x, y: np.where(np.equal(x, y), 1.0, 0.0),
    "larger": np.fmax,
    "smaller": np.fmin,
    "distance": lambda x, y: abs(x - y),
    "power": lambda x, y: np.power(abs(x), y),
    "exp": lambda x, y: np.exp(0.0 - abs(x)),
    "log": lambda x, y: np.log(1.0 + abs(y)),
    "whole": lambda x, y: np.floor(x),
    "power of two": lambda x, y: np.exp2(np.floor(0.0 - abs(y) * 2.0)),
    "mantissa": lambda x, y: np.frexp(abs(x))[0],
    "exponent": lambda x, y: 1.0 * np.frexp(abs(y))[1],
}


def compute(program, work, block, numbers, arrays, places):
    """A program of each pair of numbers, and of a number and another lane's."""
    size = program.size
    x, y = (part[block * size : block * size + size] for part in arrays[:2])
    out = arrays.out[block * 2 * size : block * 2 * size + 2 * size]
    elsewhere = arrays.x.through(places.elsewhere, block, size)
    room = work.room(size)

    def fill(k):
        room[k] = PROGRAMS[program.name](x[k], y[k])

    work.each(size, fill)

    def put(k):
        out[k] = room[k]
        out[size + k] = elsewhere[k] * numbers.factor

    work.each(size, put)
    return x[0], y[0]


compute_blocks = over_blocks(compute)


@pytest.mark.parametrize("size", [3, pytest.param(STRAIGHT + 1, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", PROGRAMS)
def test_registers_compute_as_numpy_does(name, size):
    blocks, count, program = 3, 2 * WIDTH + 3, Program(name, size)
    x, y = np.random.default_rng(0).normal(size=(2, blocks, size, WIDTH))
    x[0, 0, :2] = y[0, 0, :2]
    x[1], y[1] = np.abs(x[1]), np.abs(y[1]) * 100
    out, places = empty(2 * x.size), np.random.default_rng(1).permutation(WIDTH)
    elsewhere = np.concatenate([places + b * size * WIDTH for b in range(blocks)])

    @njit
    def run(numbers, arrays, places):
        return compute_blocks(program, 0, blocks, count, numbers, arrays, places)

    arrays = Arrays(x.ravel(), y.ravel(), out)
    found = run(Numbers(3.0), arrays, Places(elsewhere.astype(np.uint32)))
    computed, gathered = np.moveaxis(out.reshape(blocks, 2, size, WIDTH), 1, 0)
    np.testing.assert_allclose(computed, PROGRAMS[name](x, y), rtol=5e-16)
    np.testing.assert_array_equal(gathered, 3.0 * x[..., places])
    first, second = (part[:, 0].ravel()[:count] for part in (x, y))
    assert found == (max(first.max(), 0.0), second.min())


@pytest.mark.parametrize(
    "x", [*-np.logspace(-300, 3, 40), 0.0, -708.0, -709.0, -np.inf, 1.0, 700.0]
)
def test_exponentials_are_right_to_the_last_places(x):
    exp = on_numbers(lambda program, numbers: np.exp(numbers[0]))
    program = Program("")
    found = njit(lambda x: exp(program, (x,)))(x)
    expected = np.exp(x) if x >= -708 else 0.0
    assert abs(found - expected) <= 4.5e-16 * expected


def test_logarithms_are_right_to_the_last_places():
    log = on_numbers(lambda program, numbers: np.log(numbers[0]))
    program = Program("")
    run = njit(lambda x: log(program, (x,)))
    for x in [*np.logspace(-300, 300, 101), *np.linspace(0.5, 2.5, 101), 1 + 1e-12, 1.0]:
        assert abs(run(x) - np.log(x)) <= 4.5e-16 * max(abs(np.log(x)), 0.25)


def test_what_is_known_is_not_computed():
    size = constant(lambda program: program.size)
    ours, other = Program("a", 3), Program("a", 4)
    assert njit(lambda: size(ours))() == 3.0
    assert njit(lambda: size(other))() == 4.0
