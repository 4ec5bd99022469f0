"""Numbers of any size against whole numbers of Python, which have no end."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from sparsebp.engine.algebras import ALGEBRAS, LOWEST, WIDE, SumTimes
from sparsebp.engine.kernels.registers import on_numbers
from sparsebp.engine.wide import Wide
from tests.test_lanes import Program

SUM, MAX = WIDE.values()
PARTS = st.tuples(st.floats(1, 2, exclude_max=True), st.integers(-3000, 100))
NUMBERS = PARTS.map(lambda parts: Fraction(parts[0]) * Fraction(2) ** parts[1])


def packed(number):
    """A fraction as it is in memory: e + m - 1."""
    if number == 0:
        return -np.inf
    e = number.numerator.bit_length() - number.denominator.bit_length()
    e -= Fraction(2) ** e > number
    return float(e + number / Fraction(2) ** e - 1)


def is_near(ours, number):
    """Whether a number in memory is a fraction, to what its exponent leaves of 53 bits."""
    return ours == pytest.approx(packed(number), abs=1e-15 + 4e-16 * abs(packed(number)))


def in_registers(function):
    """What a kernel of an operation computes, from numbers in memory."""
    compute = on_numbers(lambda program, numbers: function(*numbers))
    program = Program("")
    run = njit(lambda x, y, z: compute(program, (x, y, z)))
    return lambda *numbers: run(*numbers)


OPERATIONS = {
    "times": (lambda a, x, y, z: a.times(a.times(x, y), z), lambda x, y, z: x * y * z),
    "over": (lambda a, x, y, z: a.over(a.times(x, y), z), lambda x, y, z: x * y / z),
    "total": (lambda a, x, y, z: a.total([x, a.times(y, z)]), lambda x, y, z: x + y * z),
    "mass": (lambda a, x, y, z: a.mass([x, y, z]), lambda x, y, z: x + y + z),
}


@pytest.fixture(scope="module")
def compiled():
    return {
        name: in_registers(lambda x, y, z, ours=ours: ours(SUM(), x, y, z))
        for name, (ours, _) in OPERATIONS.items()
    }


@given(x=NUMBERS, y=NUMBERS, z=NUMBERS)
def test_operations_are_those_of_numbers(compiled, x, y, z):
    memory = [packed(number) for number in (x, y, z)]
    # What memory keeps of them, of which the exponent takes some bits.
    x, y, z = (kept(number) for number in memory)
    for name, (ours, exact) in OPERATIONS.items():
        expected = exact(x, y, z)
        assert is_near(compiled[name](*memory), expected), name
        assert is_near(+ours(SUM(), *(np.array([x]) for x in memory)), expected), name


def kept(x):
    e = int(np.floor(x))
    return (1 + Fraction(x) - e) * Fraction(2) ** e


@given(x=NUMBERS, y=NUMBERS)
def test_the_largest_is_that_of_numbers(x, y):
    assert (packed(x) < packed(y)) <= (x < y) <= (packed(x) <= packed(y))
    assert +MAX().total([packed(x), packed(y)]) == max(packed(x), packed(y))


@pytest.mark.parametrize("size", [0.0, -1.0, -1e3, -1e6, -1e12, 3 * LOWEST])
def test_zero_stays_zero_and_adds_nothing_to_numbers_of_any_size(size):
    a, zero = SUM(), SUM.zero
    x = np.array([size])
    assert +a.times(zero, x) == +a.total([zero, zero]) == +a.over(zero, x) == zero
    assert +a.total([zero, x]) == +a.total([x, a.times(zero, x)]) == x
    assert +a.times(a.one, x) == x
    assert +a.over(x, a.total([zero, x])) == +a.over(a.total([zero, x]), x) == a.one
    assert a.magnitude(zero) == -np.inf < a.magnitude(x)


def test_what_is_lost_beside_a_large_exponent_is_lost_from_the_mantissa_too():
    """Of numbers alike to what an exponent counts, none is more: pinned weights that contradict
    each other leave a tie, and not what rounding makes of it."""
    a, pinned = SUM(), np.array([-1e20])
    one, other = a.times(a.from_logs(np.array([-0.1])), pinned), a.times(np.array([0.0]), pinned)
    total = a.total([one, other, pinned])
    for x in (one, other, pinned):
        for share in (a.over(a.total([x]), total), a.times(x, a.over(a.one, total))):
            np.testing.assert_allclose(SUM.to_logs(+share), -np.log(3.0))


@given(logs=st.lists(st.floats(-1e9, 50), min_size=1))
def test_logarithms_come_back(logs):
    logs = np.array([*logs, -np.inf, 0.0])
    back = SUM.to_logs(SUM.from_logs(logs))
    np.testing.assert_allclose(back, logs, rtol=5e-16, atol=5e-16)


@pytest.mark.parametrize("exponent", [0.0, 0.01, 1.0, 7.3])
def test_powers_are_those_of_logarithms(exponent):
    power = in_registers(lambda x, y, z: SUM().power(x, y))
    for log in (-1e5, -800.0, -1.0, -1e-3, 0.0):
        number = float(SUM.from_logs(np.array(log)))
        for found in (power(number, exponent, 0.0), float(+SUM().power(number, exponent))):
            back = float(SUM.to_logs(np.array(found)))
            assert back == pytest.approx(exponent * log, rel=1e-14, abs=1e-15)
    # A growing field never turns into an impossibility, and an impossibility into no field.
    assert np.isfinite(power(-1e290, 1e200, 0.0))
    assert power(-np.inf, exponent, 0.0) == -np.inf


@pytest.mark.parametrize("compiled", [True, False])
def test_what_is_kept_of_a_message_stays_possible(compiled):
    kept = in_registers(lambda x, y, z: SUM().kept(x))
    if not compiled:
        kept = lambda x, y, z: float(+SUM().kept(np.array(x)))  # noqa: E731
    for number in (0.0, -1.5, -1e300, -np.inf):
        assert kept(number, 0.0, 0.0) == number
    assert kept(-1e308, 0.0, 0.0) == -1e300


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9])
def test_damped_is_the_mean_of_numbers_of_any_size(alpha):
    """Eq. 2.14. Without damping the old message counts for nothing, however large it is."""
    damped = in_registers(lambda x, y, z: SUM().damped(x, y, (z, 1.0 - z)))
    for old, new in ((Fraction(3, 4), Fraction(1, 2**3000)), (Fraction(1, 2**2000), Fraction(1))):
        exact = Fraction(alpha) * old + Fraction(1.0 - alpha) * new
        old, new = packed(old), packed(new)
        assert is_near(damped(old, new, alpha), exact)
        found = SUM().damped(np.array(old), np.array(new), SUM.weights(alpha))
        assert is_near(float(+found), exact)


def test_distances_are_those_of_probabilities():
    distance = in_registers(lambda x, y, z: SUM().distance(x, y))
    for x, y in ((0.5, 0.25), (1.0, 1e-12), (1e-12, 1e-20), (0.0, 0.3), (0.0, 0.0)):
        with np.errstate(divide="ignore"):
            packed = SUM.from_logs(np.log([x, y]))
        assert distance(*packed, 0.0) == pytest.approx(abs(x - y), rel=1e-13, abs=1e-300)


def test_every_algebra_of_probabilities_has_a_wide_one_that_loses_nothing():
    narrow = {kind for kind in ALGEBRAS.values() if kind.probability and not kind.lossless}
    assert narrow == WIDE.keys() and SumTimes in narrow
    for kind, wide in WIDE.items():
        assert wide.lossless and wide.probability
        number = Wide.of(np.array([-0.5]))
        assert +kind().total([number.m]) == number.m
