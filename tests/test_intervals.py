"""Intervals of means and shares: against all that can be drawn, and against Student's t."""

import itertools
from math import comb

import numpy as np
import pytest
from scipy import stats

from sparsebp.report.intervals import mean_interval, share_interval


def test_two_values_are_the_ends():
    """At 95 %, two values tell no more than that the mean is between them."""
    assert mean_interval(np.array([3.0, 1.0])) == (1.0, 3.0)


@pytest.mark.parametrize("values", [[0.0, 0, 0], [0.1] * 10])
def test_values_that_agree_have_an_interval_of_no_length(values):
    assert mean_interval(np.array(values)) == (values[0], values[0])


def test_the_order_is_nothing():
    rng = np.random.default_rng(0)
    values = rng.random(10)
    assert mean_interval(values) == mean_interval(rng.permutation(values))


@pytest.mark.parametrize("seed", range(5))
def test_ends_are_quantiles_of_all_samples_that_can_be_drawn(seed):
    """Of the 6^6 means, as many are beyond an end as the normal distribution has beyond a t."""
    values = np.random.default_rng(seed).exponential(size=6)
    means = np.array([*itertools.product(values, repeat=6)]).mean(axis=1)
    outside = stats.norm.sf((6 / 5) ** 0.5 * stats.t(5).isf(0.025))
    low, high = mean_interval(values)
    # 10,000 draws of these means have that many beyond, give or take five deviations.
    give = 5 * (outside / 10_000) ** 0.5
    for beyond, at in ((means < low, means <= low), (means > high, means >= high)):
        assert beyond.mean() - give < outside < at.mean() + give


def test_many_values_have_the_interval_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(size=300)
    expected = stats.t.interval(0.95, 299, values.mean(), stats.sem(values))
    np.testing.assert_allclose(mean_interval(values), expected, atol=0.05 * np.ptp(expected))


@pytest.mark.thorough
@pytest.mark.parametrize("n, least", [(5, 0.90), (10, 0.93), (30, 0.93)])
def test_as_many_intervals_hold_the_mean_of_normal_values_as_are_said_to(n, least):
    rng = np.random.default_rng(n)
    ends = np.array([mean_interval(rng.normal(size=n)) for _ in range(1000)])
    held = ((ends[:, 0] < 0) & (ends[:, 1] > 0)).mean()
    assert least < held < 0.98


@pytest.mark.parametrize("n", [3, 10])
def test_no_interval_leaves_what_was_found(n):
    rng = np.random.default_rng(2)
    for _ in range(20):
        values = rng.random(n) * (rng.random(n) < 0.4)
        low, high = mean_interval(values)
        assert 0 <= values.min() <= low <= values.mean() <= high <= values.max()


def at_least(ones, n, chance):
    """The probability of so many ones or more among n values, by counting."""
    return sum(comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(ones, n + 1))


@pytest.mark.parametrize("n", [2, 5, 10, 30])
def test_beyond_the_interval_of_a_share_is_what_would_hardly_be_found(n):
    """At either end as much or more, and as little or less, has a probability of 2.5 %."""
    for ones in range(n + 1):
        values = np.arange(n) < ones
        low, high = share_interval(np.random.default_rng(0).permutation(values).astype(float))
        assert low <= ones / n <= high
        assert low == 0 if ones == 0 else at_least(ones, n, low) == pytest.approx(0.025)
        assert high == 1 if ones == n else 1 - at_least(ones + 1, n, high) == pytest.approx(0.025)


@pytest.mark.parametrize("n", [2, 10])
@pytest.mark.parametrize("chance", [0.01, 0.2, 0.5, 0.97])
def test_the_interval_of_a_share_misses_the_chance_in_one_of_twenty_at_most(n, chance):
    """By summing over all that can be found, which is what a bootstrap of ten cannot promise."""
    missed = 0
    for ones in range(n + 1):
        low, high = share_interval(np.arange(n) < ones)
        found = at_least(ones, n, chance) - at_least(ones + 1, n, chance)
        missed += found * (not low <= chance <= high)
    assert missed <= 0.05
