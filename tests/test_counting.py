"""The number of wrong rows that agree, against listing all rows for random samples."""

from itertools import product
from math import comb

import numpy as np
import pytest

import sparsebp as sb
from sparsebp.network.counting import ambiguous, most_wrong, wrong_rows


def simulated(k, m, entries, repeats, seed):
    """For random samples how many of all other rows agree with one row, and at how many z is 0.

    Rows have at most two entries. The vectors z of all of them are compared as they are.
    """
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(k) for j in range(i)]
    first, second = np.array(pairs).T
    found, at_zero = [], []
    for _ in range(repeats):
        x = rng.choice([-1, 1], (m, k)).astype(np.int8)
        z = x[:, :entries].sum(axis=1, dtype=np.int8)
        agree = np.count_nonzero((z == 0).all())  # the row without entries
        agree += sum((s * x == z[:, None]).all(axis=0).sum() for s in (1, -1))
        for s, t in product((1, -1), repeat=2):
            agree += (s * x[:, first] + t * x[:, second] == z[:, None]).all(axis=0).sum()
        found.append(agree - 1)  # without itself
        at_zero.append(np.count_nonzero(z == 0))
    return np.array(found), np.array(at_zero)


# Inputs, samples and entries of the row; the mean is exact, so all that errs is the simulation.
CASES = [(6, 2, 2), (12, 3, 2), (5, 4, 2), (30, 6, 2), (40, 9, 2), (9, 3, 1), (30, 5, 1), (8, 3, 0)]


@pytest.mark.parametrize(("k", "m", "entries"), CASES)
def test_the_mean_number_is_that_of_random_samples(k, m, entries):
    """Within 4.5 standard errors, for each number of samples at zero that is frequent."""
    found, at_zero = simulated(k, m, entries, 4000, seed=k)
    for m_0 in range(m + 1) if entries == 2 else [None]:
        here = found if m_0 is None else found[at_zero == m_0]
        if len(here) >= 100:
            error = 4.5 * here.std(ddof=1) / np.sqrt(len(here))
            law = wrong_rows(k, m, m_0, entries)
            assert abs(here.mean() - law) <= error + 1e-9
    error = 4.5 * found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - wrong_rows(k, m, entries=entries)) <= error


@pytest.mark.parametrize(("k", "m"), [(30, 8), (30, 12), (60, 12), (60, 14)])
def test_the_probability_of_a_unique_row(k, m):
    """Within 4.5 standard errors and 0.03: numbers of rows that agree are not quite Poisson."""
    found, _ = simulated(k, m, 2, 2000, seed=m)
    share = np.mean(found > 0)
    error = 4.5 * np.sqrt(share * (1 - share) / len(found))
    assert 0.01 < share < 0.99
    assert abs(share - ambiguous(k, m)) <= error + 0.03


def test_by_hand():
    """If z is always 0: 6 + 4 + 2 + 4 rows for k = 6 and m = 2."""
    assert wrong_rows(6, 2, 2) == 16
    assert wrong_rows(12, 3, 3) == 22.5 + 5 + 2 + 5
    assert wrong_rows(2, 5, 3) == 0
    assert wrong_rows(10, 4, 1) == 4 * 28 / 2 / 64 + 2


@pytest.mark.parametrize(
    ("k", "shares"),
    [(200, [0.452, 0.117, 0.023, 0.005]), (1000, [0.979, 0.684, 0.242, 0.053])],
)
def test_shares_found_before(k, shares):
    """What an earlier exploration calculated from the same law, for m = 12, 14, 16, 18."""
    assert [ambiguous(k, m) for m in (12, 14, 16, 18)] == pytest.approx(shares, abs=6e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1, 5), "candidates: 1; must be an integer, at least 2"),
        ((5, 0), "samples: 0"),
        ((5, 4, 5), "at_zero: 5; must be an integer, at least 0 and at most 4"),
        ((5, 4, None, 3), "entries: 3; must be"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        wrong_rows(*arguments)


@pytest.mark.parametrize("m", [13, 15])
def test_the_law_is_that_of_whole_networks(m):
    """The share of hidden rows that are not certain if it is known which outputs read them.

    Within 4.5 standard errors, of neurons that are independent, and 0.01.
    """
    phi, open_rows, n = sb.tanh(b=0.1), 0, 200
    for seed in range(5):
        teacher = sb.draw_teacher(n, 2, 2, seed)
        data = sb.draw_samples(teacher, phi, m, 2, seed)
        found = sb.from_scratch(*data, n, activation=phi, outer=teacher.outer.topology)
        assert sb.weight_error(teacher, list(found)) < 0.5
        open_rows += np.count_nonzero(~found.certain)
    law = ambiguous(n, m)
    assert 0.02 < law < 0.98
    error = 4.5 * np.sqrt(law * (1 - law) / (5 * n))
    assert abs(open_rows / (5 * n) - law) <= error + 0.01


def test_most_wrong_is_the_least_that_none_exceeds():
    """By summing the binomial distribution."""
    for share, samples, outputs in ((0.05, 64, 200), (0.3, 10, 1), (0.01, 24, 1000), (0.0, 5, 9)):

        def none_exceeds(most, share=share, samples=samples, outputs=outputs):
            terms = (
                comb(samples, c) * share**c * (1 - share) ** (samples - c) for c in range(most + 1)
            )
            return sum(terms) ** outputs

        least = most_wrong(share, samples, outputs)
        assert none_exceeds(least) >= 0.99
        assert least == 0 or none_exceeds(least - 1) < 0.99
