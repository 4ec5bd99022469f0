"""Outputs that read three hidden neurons, of which it is known which: against all networks."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sparsebp as sb
from sparsebp.engine.search import decoding
from sparsebp.engine.search.assembly import MANY, search
from sparsebp.engine.search.posterior import Posterior
from sparsebp.engine.search.symbols import Alphabet
from sparsebp.network.metrics import symmetric_error
from sparsebp.network.model import forward
from tests.test_posterior import counted, told
from tests.test_search import PHIS, TANH, of_phi

LEAKY = PHIS["leaky"]


def teacher_of(neurons, seed, inner=2):
    return sb.draw_teacher(neurons, sb.PerRow(inner, 3), 1, seed, drawing="matching")


def readers_of(teacher):
    return teacher.outer.topology.astype(np.int64)


@of_phi
@given(seed=st.integers(0, 10**6), m=st.integers(2, 9), at_most=st.sampled_from([1, 2]))
@settings(max_examples=15)
def test_what_is_left_is_what_all_networks_have(phi, seed, m, at_most):
    """Outputs read one to three of three hidden neurons, in any order."""
    rng = np.random.default_rng(seed)
    inner = np.zeros((3, 3))
    for row in inner:
        row[rng.choice(3, rng.integers(0, at_most + 1), replace=False)] = 1
    inner *= rng.choice([-1, 1], inner.shape)
    readers = np.array([rng.permutation(3) for _ in range(3)])
    readers[0, rng.integers(1, 4) :] = -1
    outer = np.zeros((3, 3))
    for row, read in zip(outer, readers, strict=True):
        row[read[read >= 0]] = rng.choice([-1, 1], np.count_nonzero(read >= 0))
    x = rng.choice([-1, 1], (m, 3))
    y = phi(phi(x @ inner.T) @ outer.T)
    y[rng.random(y.shape) < 0.1] = np.nan
    found = search(x, y, 3, phi, (at_most, 2), readers)
    ours = Posterior(found.left)
    rows, _, total = counted(x, y, phi, at_most, readers, [np.arange(3)] * 3)
    assert total and (found.explanations != 0).all()
    for h in set(range(3)) - set(ours.unknown):
        theirs = {row: n / total for row, n in rows[h].items()}
        assert told(ours.rows(h)) == pytest.approx(theirs, rel=0, abs=1e-12)
        if found.certain[h] and not found.odd:
            # But for hidden neurons that the same outputs read, which may be swapped.
            alike = sum(
                (readers == h).any(axis=1).tolist() == (readers == k).any(axis=1).tolist()
                for k in range(3)
            )
            assert alike > 1 or len(theirs) == 1
    assume(len(ours.unknown) < 3)


@pytest.mark.parametrize("seed", range(4))
def test_letters_are_decoded_from_few_samples_however_many_inputs_there_are(seed):
    """Those of the teacher are never ruled out, and from ten samples on none but they are left."""
    teacher = teacher_of(300, seed)
    x, y = sb.draw_samples(teacher, TANH, 10, 1, seed)
    alphabet = Alphabet(TANH, 2, reads=3)
    left, explained = decoding._letters(alphabet, alphabet.coded(y), readers_of(teacher), 300)
    z = (x[:, teacher.inner.topology] * teacher.inner.weights).sum(axis=2)
    true = left[np.arange(300)[:, None], 2, (z.T + 2) // 2, np.arange(10)]
    assert true.all() and explained.all()
    assert (left.sum(axis=(1, 2)) == 1).mean() > 0.99


@pytest.mark.parametrize(
    ("phi", "inner", "samples"), [(TANH, 2, 26), (LEAKY, 2, 30), (TANH, 3, 26)]
)
def test_a_teacher_is_found(phi, inner, samples):
    teacher = teacher_of(120, 5, inner)
    x, y = sb.draw_samples(teacher, phi, samples, 1, 5)
    found = sb.from_scratch(
        x, y, 120, activation=phi, at_most=sb.PerRow(inner, 3), outer=teacher.outer.topology
    )
    assert sb.weight_error(teacher, list(found)) == 0
    assert found.certain.all() and found.reproduced.all() and (found.explanations == 1).all()
    test = sb.draw_samples(teacher, phi, 20, 1, 5, test=True)
    np.testing.assert_allclose(found.predict(test.x), test.y, atol=1e-12)


@pytest.mark.parametrize("samples", [5, 9, 12, 14, 16])
def test_what_is_certain_is_the_teacher_s(samples):
    """Up to a swap of hidden neurons that the same outputs read. And few samples are no guess."""
    certain = 0
    for seed in range(3):
        teacher = teacher_of(100, seed)
        x, y = sb.draw_samples(teacher, TANH, samples, 1, seed)
        found = search(x, y, 100, TANH, readers=readers_of(teacher))
        assert (found.explanations != 0).all()
        ours, theirs = (np.hstack(layer) for layer in (found.inner, teacher.inner))
        readers = [(teacher.outer.topology == neuron).any(axis=1) for neuron in range(100)]
        for neuron in np.flatnonzero(found.certain):
            same = (np.array(readers) == readers[neuron]).all(axis=1)
            assert (theirs[same] == ours[neuron]).all(axis=1).any()
        test = sb.draw_samples(teacher, TANH, 20, 1, seed, test=True)
        one = found.explanations == 1
        given = forward([found.inner, found.outer], TANH, test.x)
        np.testing.assert_allclose(given[:, one], test.y[:, one], atol=1e-12)
        certain += np.count_nonzero(found.certain)
    assert certain == 0 if samples == 5 else certain > 10 * (samples - 10)


def test_a_hidden_neuron_without_rows_leaves_its_outputs_unexplained(monkeypatch):
    """Also if other hidden neurons have more rows than are listed."""
    teacher = teacher_of(60, 3)
    x, y = sb.draw_samples(teacher, TANH, 12, 1, 3)
    inner = [np.arange(60)] * 60
    inner[7] = np.setdiff1d(np.arange(60), teacher.inner.topology[7])
    monkeypatch.setattr(decoding, "MOST_TRIPLES", 3)
    found = search(x, y, 60, TANH, readers=readers_of(teacher), candidates=inner)
    reads = (teacher.outer.topology == 7).any(axis=1)
    np.testing.assert_array_equal(found.explanations == 0, reads)
    assert (found.explanations == MANY).any()


def test_candidates_take_fewer_samples():
    teacher, rng = teacher_of(150, 8), np.random.default_rng(8)
    x, y = sb.draw_samples(teacher, TANH, 9, 1, 8)
    lists = [np.union1d(row, rng.choice(150, 3, replace=False)) for row in teacher.inner.topology]
    found = search(x, y, 150, TANH, readers=readers_of(teacher), candidates=lists)
    assert found.certain.mean() > 0.8
    same = (found.inner.topology == teacher.inner.topology).all(axis=1)
    assert same[found.certain].all()


def test_missing_outputs_and_more_samples_than_a_word_has_bits():
    """After 64 samples that leave two inputs the same, one more tells them apart."""
    teacher = teacher_of(60, 9)
    x = sb.draw_samples(teacher, TANH, 70, 1, 9).x.copy()
    x[:64, 9], x[64:, 9] = x[:64, 5], -x[64:, 5]
    y = forward(teacher, TANH, x)
    y[np.random.default_rng(0).random(y.shape) < 0.3] = np.nan
    y[:, 11] = np.nan
    found = search(x, y, 60, TANH, readers=readers_of(teacher))
    assert found.explanations[11] == MANY and not found.twins
    rest = np.arange(60) != 11
    assert (found.explanations[rest] == 1).all() and found.certain.all()
    np.testing.assert_array_equal(found.inner.weights, teacher.inner.weights)


def test_data_that_no_network_made_are_not_explained():
    teacher = teacher_of(60, 4)
    x, y = sb.draw_samples(teacher, TANH, 30, 1, 4)
    y[3, 7] += 0.01
    found = search(x, y, 60, TANH, readers=readers_of(teacher))
    rest = np.arange(60) != 7
    assert found.explanations[7] == 0 and (found.explanations[rest] == 1).all()
    y = np.tanh(np.random.default_rng(0).standard_normal(y.shape))
    found = search(x, y, 60, TANH, readers=readers_of(teacher))
    assert not found.explanations.any() and not found.certain.any()


@pytest.mark.parametrize("seed", range(5))
def test_values_of_other_outputs_make_nothing_certain_that_is_wrong(seed):
    """One value is wrong, but possible: all that this reaches is not explained."""
    teacher = teacher_of(60, seed)
    x, y = sb.draw_samples(teacher, TANH, 30, 1, seed)
    y[3, 7] = next(v for v in y[3] if abs(v - y[3, 7]) > 1e-6)
    found = search(x, y, 60, TANH, readers=readers_of(teacher))
    assert not found.explanations[7] and not found.reproduced.all()
    same = (found.inner.topology == teacher.inner.topology).all(axis=1)
    same &= (found.inner.weights == teacher.inner.weights).all(axis=1)
    assert same[found.certain].all()


def test_an_odd_activation_leaves_too_much_open():
    teacher = teacher_of(40, 2)
    x, y = sb.draw_samples(teacher, sb.tanh(), 12, 1, 2)
    found = search(x, y, 40, sb.tanh(), readers=readers_of(teacher))
    assert not found.certain.any() and (found.explanations != 0).all()
    assert symmetric_error(teacher, [found.inner, found.outer], True)[0] > 0
