"""Probabilities of weights from scratch: against counting all networks, one by one."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import sparsebp as sb
from sparsebp.engine.search import explanations as exp
from sparsebp.engine.search import posterior as post
from sparsebp.engine.search.assembly import search
from sparsebp.engine.search.posterior import Posterior
from sparsebp.network.model import forward
from tests.oracles import search as oracle
from tests.test_search import TANH, draw, of_phi


def of_readers(outer):
    """The columns of the non-zeros of each row, (rows, 2), -1 behind the last."""
    found = np.full((len(outer), 2), -1)
    for place, row in zip(found, outer, strict=True):
        columns = np.flatnonzero(row)
        place[: len(columns)] = columns
    return found


def counted(x, y, phi, at_most, readers, lists):
    """Rows of each hidden neuron, and signs of each output weight, over all networks."""
    hidden, read = len(lists), [[int(h) for h in row if h >= 0] for row in readers]
    rows = [Counter() for _ in range(hidden)]
    signs, total = np.zeros((*readers.shape, 2)), 0
    for network, weights in oracle.named_networks(x, y, phi, at_most, read, hidden):
        if any(
            not {i for i, _ in row} <= set(some) for row, some in zip(network, lists, strict=True)
        ):
            continue
        total += 1
        for count, row in zip(rows, network, strict=True):
            count[row] += 1
        for a, own in enumerate(weights):
            for slot, sign in enumerate(own):
                signs[a, slot, (sign + 1) // 2] += 1
    return rows, signs, total


def told(rows):
    """Rows with their probabilities, as the oracle tells them."""
    return {
        tuple((int(i), int(w)) for i, w in zip(*row, strict=True) if w): p
        for *row, p in zip(*rows, strict=True)
    }


def dense(patterns, marginals, columns):
    """The probabilities of all weights, (rows, columns, 3): 0 for certain outside the pattern."""
    found = np.zeros((len(patterns), columns, 3))
    found[..., 1] = 1
    for row, where, chances in zip(found, patterns, marginals, strict=True):
        row[where[where >= 0]] = chances[where >= 0]
    return found


@of_phi
@given(
    seed=st.integers(0, 10**6),
    m=st.integers(2, 9),
    most=st.sampled_from([4, 1000]),
    listed=st.booleans(),
)
@settings(max_examples=25)
def test_probabilities_are_those_of_counting_all_networks(phi, seed, m, most, listed):
    """Where some outputs have more explanations than are listed, too, if others say enough."""
    rng = np.random.default_rng(seed)
    inner, outer, x, y = draw(rng, 4, 3, 3, m, phi)
    y[rng.random(y.shape) < 0.1] = np.nan
    readers, lists = of_readers(outer), [np.arange(4)] * 3
    if listed:
        lists = [np.union1d(np.flatnonzero(row), rng.integers(0, 4, 2)) for row in inner]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exp, "MOST_FOUND", most)
        left = search(x, y, 3, phi, (2, 2), readers, lists if listed else None).left
    ours = Posterior(left)
    read = np.isin(np.arange(3), readers)
    assume(len(ours.unknown) < 3)
    rows, signs, total = counted(x, y, phi, 2, readers, lists)
    chances = dense(ours.patterns[0], ours.marginals[0], 4)
    for h in range(3):
        if h in ours.unknown:
            assert ours.unknown[h] == (post.OPEN if read[h] else post.UNREAD)
            assert most < 1000 or not read[h] or np.isnan(y).all(axis=0).any()
            continue
        theirs = {row: n / total for row, n in rows[h].items()}
        found = told(ours.rows(h))
        assert found.keys() == theirs.keys()
        assert all(abs(found[row] - theirs[row]) < 1e-12 for row in theirs)
        marginals = np.zeros((4, 3))
        for row, p in theirs.items():
            weights = dict(row)
            marginals[range(4), [1 + weights.get(i, 0) for i in range(4)]] += p
        np.testing.assert_allclose(chances[h], marginals, rtol=0, atol=1e-12)
        estimate = dict(zip(ours.patterns[0][h].tolist(), ours.weights[0][h].tolist(), strict=True))
        best = marginals[range(4), [1 + estimate.get(i, 0) for i in range(4)]]
        np.testing.assert_allclose(best, marginals.max(axis=1), rtol=0, atol=1e-8)
    known = ~np.isnan(ours.marginals[1])
    theirs = np.insert(signs / total, 1, 0, axis=2)
    np.testing.assert_allclose(ours.marginals[1][known], theirs[known], rtol=0, atol=1e-12)
    sure = ~np.isin(readers, list(ours.unknown)).any(axis=1, keepdims=True) & (readers >= 0)
    assert known[sure].all() and not known[readers < 0].any()


@pytest.mark.parametrize("at_most", [1, 3])
@pytest.mark.parametrize("seed", range(6))
def test_rows_of_other_lengths_are_counted(at_most, seed):
    """With three entries, two twins may cancel beside a third input."""
    rng = np.random.default_rng(seed)
    inner, outer, x, _ = draw(rng, 4, 2, 2, 4, TANH, least=1)
    x[:, 3] = -x[:, 0]
    inner = np.where(np.cumsum(inner != 0, axis=1) <= at_most, inner, 0)
    y, readers = TANH(TANH(x @ inner.T) @ outer.T), of_readers(outer)
    ours = Posterior(search(x, y, 2, TANH, (at_most, 2), readers).left)
    rows, _, total = counted(x, y, TANH, at_most, readers, [np.arange(4)] * 2)
    for h in set(range(2)) - set(ours.unknown):
        theirs = {row: n / total for row, n in rows[h].items()}
        assert told(ours.rows(h)) == pytest.approx(theirs, rel=0, abs=1e-12)
    assert len(ours.unknown) < 2


def test_exact_learning_on_a_known_pattern_says_the_same():
    """On rings where data rule out that an output weight is 0, a student of two candidates a row
    has the same prior."""
    compared = undecided = 0
    for seed in range(30):
        teacher = sb.draw_teacher(8, 2, 3, seed, drawing="matching")
        inner, outer = (layer.topology for layer in teacher)
        x, y = sb.draw_samples(teacher, TANH, 4, 3, seed)
        student = sb.Student(inner, outer, alphabet=(-1, 0, 1), activation=TANH)
        learner = sb.Learner("sum-product", method="exact")
        fit = sb.fit(student, x, y, learner).marginals
        found = sb.from_scratch(x, y, 8, activation=TANH, inner=inner, outer=outer)
        ours = found.posterior()
        _, ring = connected_components(coo_array((np.ones(8), outer.T), shape=(8, 8)), False)
        silent = np.isin(ring, ring[outer[(fit[1][..., 1] > 0).any(axis=1), 0]])
        mine, theirs = (
            dense(where, part, 8)[~silent]
            for where, part in ((ours.patterns[0], ours.marginals[0]), (inner, fit[0]))
        )
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12)
        loud = ~silent[outer[:, 0]]
        np.testing.assert_allclose(ours.marginals[1][loud], fit[1][loud], rtol=0, atol=1e-12)
        compared += len(mine)
        undecided += np.count_nonzero((theirs > 0.1) & (theirs < 0.9))
    assert compared > 80 and undecided > 30


def test_probabilities_are_those_with_which_weights_are_so():
    """Over networks drawn as the prior has them, the probability of the true value of a weight has
    the mean of the sum of all squares."""
    excess, undecided, rows = [], 0, oracle.all_rows(20, 2)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        inner = np.zeros((12, 20), int)
        for place in inner:
            for i, w in rows[rng.integers(len(rows))]:
                place[i] = w
        readers = np.argsort(rng.random((18, 12)), axis=1)[:, :2]
        x = rng.choice([-1, 1], (6, 20))
        h = TANH(x @ inner.T)
        y = TANH((rng.choice([-1, 1], readers.shape) * h[:, readers]).sum(axis=2))
        ours, excess = Posterior(search(x, y, 12, TANH, readers=readers).left), [*excess, 0.0]
        chances = dense(ours.patterns[0], ours.marginals[0], 20)
        known = ~np.isin(np.arange(12), list(ours.unknown))
        true = np.take_along_axis(chances, 1 + inner[..., None], axis=2)[..., 0]
        excess[-1] = (true - (chances**2).sum(axis=2))[known].sum()
        undecided += np.count_nonzero(chances[known].max(axis=2) < 0.9)
    assert undecided > 100 and np.std(excess) > 0.05
    assert abs(np.mean(excess)) < 4 * np.std(excess) / np.sqrt(len(excess))


def test_a_single_network_is_certain_and_the_estimate_is_it():
    teacher = sb.draw_teacher(120, 2, 1, 2)
    x, y = sb.draw_samples(teacher, TANH, 30, 1, 2)
    outer = teacher.outer.topology
    assert len(np.unique(outer, axis=0)) == 120  # no two may be swapped
    found = sb.from_scratch(x, y, 120, activation=TANH, outer=outer)
    ours = found.posterior()
    assert not ours.unknown and sb.weight_error(teacher, list(ours)) == 0
    assert repr(ours) == "Posterior(120 of 120 hidden neurons have it)"
    for part in ours.marginals:
        assert set(part[~np.isnan(part)]) == {0, 1}
    rows = ours.rows(7)
    np.testing.assert_array_equal(rows.patterns, np.sort(teacher.inner.topology[7:8], axis=1))
    np.testing.assert_allclose(forward(ours, TANH, x), y, rtol=0, atol=1e-12)


def test_a_swap_of_two_hidden_neurons_is_as_likely_as_none():
    """Both are read by the same two outputs."""
    rng = np.random.default_rng(3)
    x = rng.choice([-1, 1], (30, 8))
    h = TANH(np.column_stack([x[:, 0] + x[:, 1], x[:, 2] - x[:, 3]]))
    y = TANH(np.column_stack([h[:, 0] + h[:, 1], -h[:, 0] - h[:, 1]]))
    found = sb.from_scratch(x, y, 2, activation=TANH, outer=[[0, 1], [0, 1]])
    assert found.certain.all()
    for neuron in range(2):
        assert told(found.posterior().rows(neuron)) == {
            ((0, 1), (1, 1)): 0.5,
            ((2, 1), (3, -1)): 0.5,
        }


def test_what_no_network_made_has_no_probabilities():
    """Nor have those it depends on; others do."""
    teacher = sb.draw_teacher(60, 2, 1, 3)
    x, y = sb.draw_samples(teacher, TANH, 30, 1, 3)
    y[4, 9] += 0.01
    outer = teacher.outer.topology
    ours = sb.from_scratch(x, y, 60, activation=TANH, outer=outer).posterior()
    assert ours.unknown == dict.fromkeys(sorted(outer[9].tolist()), post.NONE_FITS)
    assert np.isnan(ours.marginals[1][9]).all() and np.isnan(ours.marginals[1]).sum() == 6
    gone = np.isin(np.arange(60), outer[9])
    np.testing.assert_array_equal(np.isnan(ours.marginals[0]).all(axis=(1, 2)), gone)
    assert not ours.weights[0][gone].any() and not ours.weights[1][9].any()


def test_tensors_and_lists_of_rows_are_bounded(monkeypatch):
    teacher = sb.draw_teacher(60, 2, 1, 3)
    x, y = sb.draw_samples(teacher, TANH, 8, 1, 3)
    left = search(x, y, 60, TANH, readers=teacher.outer.topology.astype(np.int64)).left
    free = Posterior(left)
    for name in ("MOST_NUMBERS", "MOST_ROWS"):
        with monkeypatch.context() as patch:
            patch.setattr(post, name, 3)
            ours = Posterior(left)
        assert len(ours.unknown) > len(free.unknown) and set(ours.unknown.values()) == {post.OPEN}
        for neuron in set(range(60)) - set(ours.unknown):
            np.testing.assert_allclose(
                ours.rows(neuron).probabilities, free.rows(neuron).probabilities, atol=1e-12
            )


@pytest.mark.parametrize("more", [{}, {"outer": [[0], [1], [1]], "wrong_outputs": 1}])
def test_without_names_or_with_wrong_outputs_there_are_no_probabilities(more):
    x = np.random.default_rng(0).choice([-1, 1], (20, 6))
    y = TANH(TANH(x[:, :3] + x[:, 3:]))
    found = sb.from_scratch(x, y, 3, activation=TANH, **more)
    with pytest.raises(
        ValueError, match=r"^posterior: needs the pattern outer and wrong_outputs=0"
    ):
        found.posterior()


def test_a_hidden_neuron_without_probabilities_says_why():
    x = np.random.default_rng(0).choice([-1, 1], (20, 6))
    y = TANH(TANH(x[:, :2] + x[:, 2:4]))
    ours = sb.from_scratch(x, y, 3, activation=TANH, outer=[[0], [2]]).posterior()
    with pytest.raises(ValueError, match=r"^hidden neuron 1: no output reads it"):
        ours.rows(1)
    for wrong in (-1, 3, 0.5):
        with pytest.raises(ValueError, match=rf"^neuron: {wrong}; must be an integer, at least 0"):
            ours.rows(wrong)
    assert np.isnan(ours.marginals[0][1]).all() and not np.isnan(ours.marginals[0][2]).all()
