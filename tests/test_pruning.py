"""Gradient descent with a penalty, pruned: its cost by plain NumPy, what it finds, and how a
penalty is chosen."""

import sys

import numpy as np
import pytest

import sparsebp as sb
from sparsebp.engine import pruning
from sparsebp.engine.pruning import Descent, descend
from sparsebp.network.data import PerRow

N, PHI, PER_ROW = 8, sb.tanh(b=0.1), PerRow(2, 2)
TEACHER = sb.draw_teacher(N, 2, seed=1)
HOW = Descent([0.001, 0.02, 0.3], 0.03, 400)


@pytest.fixture
def libraries():
    for name in ("jax", "optax"):
        pytest.importorskip(name, reason=f"{name}: the extra `gradient` is not installed")


def found(m, how=HOW, missed=None, seed=0, phi=PHI):
    x, y = sb.draw_samples(TEACHER, phi, m, seed=1)
    return descend(x, y, phi, N, PER_ROW, how, np.random.default_rng(seed), missed)


def missed(layers):
    """The rows of the teacher's W_in that are nowhere, up to sign, told by dense matrices."""
    ours, theirs = (dense(layer) for layer in (layers[0], TEACHER.inner))
    return sum(not any(abs(row @ one) == one @ one == row @ row for row in ours) for one in theirs)


def dense(layer):
    matrix = np.zeros((N, N), int)
    np.put_along_axis(matrix, layer.topology.astype(int), layer.weights.astype(int), axis=1)
    return matrix


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("phi", "apply"),
    [
        (PHI, lambda z: np.tanh(z - 0.1)),
        (sb.leaky_relu(a=0.3), lambda z: np.where(z > 0, z, 0.3 * z)),
    ],
)
def test_the_first_step_of_adam_goes_against_the_gradient_of_the_cost(libraries, phi, apply):
    """It is as long as the rate in each weight, in the direction in which the cost falls."""
    rng, penalty, rate = np.random.default_rng(0), 0.05, 0.01
    x, y = rng.choice([-1, 1], (30, 5)).astype("f4"), rng.normal(size=(30, 3)).astype("f4")
    first = [rng.normal(size=shape).astype("f4") for shape in ((4, 5), (3, 4))]

    def cost(inner, outer):
        error = np.mean((apply(apply(x @ inner.T) @ outer.T) - y) ** 2)
        return error + penalty * (np.abs(inner).sum() + np.abs(outer).sum()) / 3

    fit, error = pruning._compiled(phi, Descent([penalty], rate, 1))
    assert float(error(first, x, y)) == pytest.approx(
        cost(*first) - penalty * sum(np.abs(layer).sum() for layer in first) / 3, rel=1e-5
    )
    moved = fit(first, x, y, penalty)
    exact = [layer.astype(float) for layer in first]
    for k, (before, after) in enumerate(zip(first, moved, strict=True)):
        for place in np.ndindex(before.shape):
            costs = []
            for sign in (1, -1):
                one = [layer.copy() for layer in exact]
                one[k][place] += sign * 1e-6
                costs.append(cost(*one))
            slope = (costs[0] - costs[1]) / 2e-6
            if abs(slope) > 1e-4:
                assert after[place] - before[place] == pytest.approx(
                    -rate * np.sign(slope), rel=1e-2
                )


@pytest.mark.thorough
def test_with_many_samples_it_finds_the_network_up_to_sign(libraries):
    layers = found(400, Descent([0.003, 0.03], 0.03, 1500))
    assert [layer.topology.shape for layer in layers] == [(N, 2), (N, 2)]
    assert missed(layers) <= 2
    assert missed(found(3)) > 2


@pytest.mark.thorough
def test_truth_chooses_the_best_penalty_and_validation_one_of_them(libraries):
    """All samples are fitted with the penalty chosen, so a list of one needs no choice."""
    for m, seed in ((12, 0), (25, 3)):
        alone = [found(m, HOW._replace(penalties=[p]), seed=seed) for p in HOW.penalties]
        best = min(map(missed, alone))
        assert missed(found(m, missed=missed, seed=seed)) == best
        chosen = found(m, seed=seed)
        same = [
            all(
                (a.weights == b.weights).all() and (a.topology == b.topology).all()
                for a, b in zip(chosen, one, strict=True)
            )
            for one in alone
        ]
        assert any(same)


@pytest.mark.thorough
def test_validation_asks_the_last_fifth_alone(libraries, monkeypatch):
    """The network of a penalty is told by its first weight here, and errs on what is held out."""
    seen = []

    def fit(first, x, y, penalty):
        seen.append((penalty, len(x)))
        return [np.full((N, N), penalty), np.zeros((N, N))]

    def error(weights, x, y):
        seen.append((float(weights[0][0, 0]), x[:, 0].tolist()))
        return abs(weights[0][0, 0] - 0.02)

    monkeypatch.setattr(pruning, "_compiled", lambda phi, how: (fit, error))
    found(11)
    x, _ = sb.draw_samples(TEACHER, PHI, 11, seed=1)
    held = x[9:, 0].tolist()
    expected = [one for p in HOW.penalties for one in ((p, 9), (p, held))]
    assert seen == [*expected, (0.02, 11)]


@pytest.mark.thorough
def test_it_repeats_and_differs_with_first_weights(libraries):
    one, again, other = (found(12, seed=seed) for seed in (3, 3, 4))
    for ours, theirs in zip(one, again, strict=True):
        assert (ours.topology == theirs.topology).all() and (ours.weights == theirs.weights).all()
    assert any((a.topology != b.topology).any() for a, b in zip(one, other, strict=True))


def test_rows_keep_their_largest_weights_as_signs():
    inner = np.array([[0.1, -3, 2], [1, 0, -0.5]])
    one, two = pruning._pruned([inner, inner[:, :2]], PerRow(2, 1))
    assert one.topology.tolist() == [[1, 2], [0, 2]] and one.weights.tolist() == [[-1, 1], [1, -1]]
    assert two.topology.tolist() == [[1], [0]] and two.weights.tolist() == [[-1], [1]]


@pytest.mark.parametrize("library", ["jax", "optax"])
def test_a_missing_library_is_named_with_what_to_install(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ValueError, match=r"JAX and Optax .*pip install 'sparsebp\[gradient\]'"):
        found(5)
