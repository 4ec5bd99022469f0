"""Teachers, students and samples: separate random streams, fair draws, Eq. 1.1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsebp.network.data import (
    Noise,
    Overlap,
    PerRow,
    Sizes,
    disturb,
    draw_samples,
    draw_student,
    draw_teacher,
    mistake,
)
from sparsebp.network.metrics import squared_error
from sparsebp.network.model import activation
from tests.configurations import ROOT

SIZES, PER_ROW = Sizes(12, 8, 16), PerRow(3, 2)
ENTROPY = 2020
PHI = {"tanh": activation("tanh", b=0.1), "leaky-relu": activation("leaky-relu", a=0.1)}


def teacher(seed=0, sizes=SIZES, entropy=ENTROPY):
    return draw_teacher(sizes, PER_ROW, entropy, seed)


def samples(count, phi="tanh", seed=0, entropy=ENTROPY, test=False):
    network = teacher(seed, entropy=entropy)
    return draw_samples(network, PHI[phi], count, entropy, seed, test=test)


def dense(layer, columns):
    """The weight matrix, (rows, columns)."""
    matrix = np.zeros((len(layer.topology), columns))
    for row, (places, weights) in enumerate(zip(layer.topology, layer.weights, strict=True)):
        matrix[row, places] = weights
    return matrix


def assert_same(ours, others):
    for array, other in zip(ours, others, strict=True):
        np.testing.assert_array_equal(array, other)


def test_teacher_has_the_sizes_and_degrees_asked_for():
    inner, outer = teacher()
    w_in, w_out = dense(inner, SIZES.input), dense(outer, SIZES.hidden)
    assert (abs(w_in).sum(1) == 3).all()
    assert (abs(w_in).sum(0) == 3 * 8 / 12).all()
    assert (abs(w_out).sum(1) == 2).all()
    assert (abs(w_out).sum(0) == 2 * 16 / 8).all()


@pytest.mark.thorough
@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_more_samples_leave_the_first_as_they_were(first, more, test):
    few, many = samples(first, test=test), samples(first + more, test=test)
    assert_same(few, [part[:first] for part in many])


def test_the_activation_changes_the_answers_and_not_the_inputs():
    smooth, kinked = samples(20), samples(20, "leaky-relu")
    assert (smooth.x == kinked.x).all()
    assert (smooth.y != kinked.y).any(axis=1).all()


@pytest.mark.parametrize("change", [{"seed": 1}, {"entropy": 7}])
def test_simulations_differ_in_everything(change):
    one, other = teacher(), teacher(**change)
    for ours, theirs in zip(one, other, strict=True):
        assert (ours.topology != theirs.topology).any()
        assert (ours.weights != theirs.weights).any()
    assert (samples(20).x != samples(20, **change).x).any(axis=1).all()
    dense_student = PerRow(6, 3)
    patterns = [draw_student(one, dense_student, ENTROPY, 0)]
    patterns += [draw_student(one, dense_student, **{"entropy": ENTROPY, "seed": 0} | change)]
    for ours, theirs in zip(*patterns, strict=True):
        assert (ours != theirs).any()


def test_draws_repeat():
    for ours, again in zip(teacher(), teacher(), strict=True):
        assert_same(ours, again)
    assert_same(samples(9), samples(9))


def test_test_samples_are_fresh():
    train, test = samples(200).x, samples(200, test=True).x
    # Rows of 12 signs: two independent sets agree in half of the entries, give or take 4 sigma.
    assert abs(np.mean(train == test) - 0.5) < 4 * 0.5 / np.sqrt(train.size)


def signs():
    sizes = Sizes(2000, 2000, 2000)
    inner, outer = draw_teacher(sizes, PerRow(2, 3), ENTROPY, 0)
    x = draw_samples(teacher(), PHI["tanh"], 2000, ENTROPY, 0).x
    return {"input weights": inner.weights, "output weights": outer.weights, "inputs": x}


def test_weights_and_inputs_are_fair_signs():
    for name, drawn in signs().items():
        assert drawn.dtype == np.int8, name
        assert set(np.unique(drawn)) == {-1, 1}, name
        for mean in (drawn.mean(), *drawn.mean(axis=0)):
            count = drawn.size if mean == drawn.mean() else len(drawn)
            assert abs(mean) < 4.5 / np.sqrt(count), name


def test_inputs_of_one_sample_are_independent_of_one_another():
    x = samples(5000).x.astype(float)
    correlation = x.T @ x / len(x) - np.eye(x.shape[1])
    assert abs(correlation).max() < 4.5 / np.sqrt(len(x))


@pytest.mark.parametrize(
    "phi, function",
    [("tanh", lambda z: np.tanh(z - 0.1)), ("leaky-relu", lambda z: np.where(z > 0, z, 0.1 * z))],
)
@pytest.mark.parametrize("test", [False, True])
def test_samples_are_the_teachers_answers(phi, function, test):
    """Eq. 1.1 with full matrices."""
    inner, outer = teacher(seed=3)
    x, y = samples(30, phi, seed=3, test=test)
    w_in, w_out = dense(inner, SIZES.input), dense(outer, SIZES.hidden)
    assert x.shape == (30, SIZES.input)
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, function(function(x @ w_in.T) @ w_out.T), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("a", [0.0, 0.1, 0.9])
def test_inverse_of_leaky_relu(a):
    phi, y = activation("leaky-relu", a=a), np.array([-2.0, -1e-9, 0.0, 1e-9, 3.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        x = phi.inverse(y)
    np.testing.assert_array_equal(x[2:], y[2:])
    np.testing.assert_allclose(x[:2], y[:2] / a if a else -np.inf)


@pytest.mark.parametrize("b", [0.0, 0.1, -3.0])
def test_inverse_of_tanh(b):
    phi, y = activation("tanh", b=b), np.array([-1 + 1e-9, -0.5, 0.0, 0.999])
    np.testing.assert_allclose(phi(phi.inverse(y)), y, rtol=1e-14, atol=1e-15)
    with np.errstate(divide="ignore"):
        beyond = phi.inverse(np.array([-1.5, -1.0, 1.0, 100.0]))
    np.testing.assert_array_equal(beyond, [-np.inf, -np.inf, np.inf, np.inf])


@pytest.mark.parametrize("per_row", [(3, 2), (6, 2), (3, 3), (6, 4)])
def test_student_contains_the_teacher_and_equals_it_where_as_dense(per_row):
    network = teacher()
    student = draw_student(network, PerRow(*per_row), ENTROPY, 0)
    for pattern, layer, slots in zip(student, network, per_row, strict=True):
        assert pattern.dtype == np.int32
        assert pattern.shape == (len(layer.topology), slots)
        rows = zip(pattern.tolist(), layer.topology.tolist(), strict=True)
        assert all(set(theirs) <= set(ours) for ours, theirs in rows)


def test_student_contains_the_fraction_asked_for_of_each_layer():
    sizes = Sizes(24, 16, 32)
    network = teacher(sizes=sizes)
    student = draw_student(network, PER_ROW, ENTROPY, 0, Overlap(0.25, 0.75))
    for pattern, layer, overlap in zip(student, network, (0.25, 0.75), strict=True):
        assert pattern.shape == layer.topology.shape
        rows = zip(pattern.tolist(), layer.topology.tolist(), strict=True)
        assert sum(len(set(a) & set(b)) for a, b in rows) == overlap * pattern.size


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1))
def test_more_samples_leave_the_noise_of_the_first_as_it_was(first, more, flipped, jittered):
    y, noise = samples(first + more).y, Noise(flipped, jittered, 0.3)
    few, many = disturb(y[:first], noise, ENTROPY, 0), disturb(y, noise, ENTROPY, 0)
    np.testing.assert_array_equal(few, many[:first])


def test_wrong_outputs_are_others_of_the_network():
    y = draw_samples(draw_teacher(200, 2), activation("tanh", b=0.1), 100).y
    few, many = mistake(y, 0.05, 1, 0), mistake(y, 0.2, 1, 0)
    few_wrong, many_wrong = few != y, many != y
    assert not (few_wrong & ~many_wrong).any()
    assert np.isin(many, y).all() and (np.abs(many - y)[many_wrong] > 1e-9).all()
    for share, wrong in ((0.05, few_wrong), (0.2, many_wrong)):
        sd = np.sqrt(share * (1 - share) / y.size)
        assert abs(wrong.mean() - share) < 5 * sd
    flipped = disturb(y, Noise(flipped=0.2), 1, 0) != y
    np.testing.assert_array_equal(flipped, many_wrong)
    np.testing.assert_array_equal(mistake(y, 0.0, 1, 0), y)
    assert (mistake(y, 0.2, 1, 1) != many).any()


def test_mistakes_need_outputs_that_differ():
    with pytest.raises(ValueError, match=r"^all outputs are 0\.3; needed are two that differ"):
        mistake(np.full((4, 3), 0.3), 0.1, 1, 0)
    with pytest.raises(ValueError, match=r"^share: 2; must be"):
        mistake(np.eye(3), 2, 1, 0)


def test_noise_changes_the_fractions_asked_for():
    y = np.random.default_rng(0).uniform(0.1, 1, (400, 50))
    flipped = disturb(y, Noise(flipped=0.1), ENTROPY, 0)
    assert set(np.unique(flipped / y)) == {-1, 1}
    more = disturb(y, Noise(flipped=0.2), ENTROPY, 0)
    assert (more[flipped != y] == flipped[flipped != y]).all()
    jittered = disturb(y, Noise(jittered=0.3, scale=0.5), ENTROPY, 0)
    shifts = (jittered - y)[jittered != y]
    assert abs(shifts.mean()) < 4 * 0.5 / np.sqrt(len(shifts))
    assert shifts.std() == pytest.approx(0.5, rel=4 / np.sqrt(2 * len(shifts)))
    for changed, fraction in ((flipped, 0.1), (more, 0.2), (jittered, 0.3)):
        sigma = np.sqrt(fraction * (1 - fraction) / y.size)
        assert np.mean(changed != y) == pytest.approx(fraction, abs=4 * sigma)
    # Which outputs are flipped has nothing to do with which are jittered.
    both = np.mean((more != y) & (jittered != y))
    assert both == pytest.approx(0.06, abs=4 * np.sqrt(0.06 * 0.94 / y.size))
    assert (disturb(y, Noise(), ENTROPY, 0) == y).all()
    assert (disturb(y, Noise(flipped=0.1), ENTROPY, 1) != flipped).any()


@pytest.mark.parametrize("sizes", [Sizes(11, 8, 16), Sizes(12, 8, 15)])
def test_teacher_of_sizes_that_do_not_fit_is_refused(sizes):
    with pytest.raises(ValueError, match="not a multiple"):
        teacher(sizes=sizes)


def test_deeper_teachers_have_the_same_first_and_last_layer_and_more_between():
    sizes = Sizes(12, 8, 16)
    flat = draw_teacher(sizes, PerRow(3, 2), ENTROPY, 0)
    deep = draw_teacher(sizes._replace(hidden_layers=4), PerRow(3, 2, 3), ENTROPY, 0)
    assert len(deep) == 5 and len(deep.middle) == 3
    assert_same((*flat.inner, *flat.outer), (*deep.inner, *deep.outer))
    for layer in deep.middle:
        matrix = abs(dense(layer, 8))
        assert (matrix.sum(0) == 3).all() and (matrix.sum(1) == 3).all()
    assert len({layer.topology.tobytes() for layer in deep.middle}) == 3
    student = draw_student(deep, PerRow(3, 2, 3), ENTROPY, 0)
    assert_same(student, [layer.topology for layer in deep])


def test_deeper_teachers_answer_layer_by_layer():
    sizes, phi = Sizes(12, 8, 16, hidden_layers=3), activation("tanh", b=0.1)
    deep = draw_teacher(sizes, PerRow(3, 2, 2), ENTROPY, 0)
    x, y = draw_samples(deep, phi, 5, ENTROPY, 0)
    h = x.T.astype(float)
    for layer, width in zip(deep, (12, 8, 8, 8), strict=True):
        h = np.tanh(dense(layer, width) @ h - 0.1)
    np.testing.assert_allclose(y, h.T, rtol=1e-13)


def test_the_error_of_a_constant_answer():
    """As docs/findings.md has it: of the best constant, on the networks of chapter 3."""
    errors, sizes = [], Sizes(200, 200, 200)
    for seed in range(10):
        network = draw_teacher(sizes, PerRow(2, 2), ENTROPY, seed)
        test = draw_samples(network, PHI["tanh"], 50, ENTROPY, seed, test=True)
        errors.append(squared_error(np.full_like(test.y, test.y.mean()), test))
    shown = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    assert f"A constant answer has {np.mean(errors):.2f} (" in shown
