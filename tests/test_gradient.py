"""Gradient descent: it fits what it can, on its pattern, and repeats; without its libraries it says
what to install."""

import sys

import numpy as np
import pytest

from sparsebp.engine.gradient import descend
from sparsebp.network.data import PerRow, Sizes, draw_samples, draw_student, draw_teacher
from sparsebp.network.model import activation
from sparsebp.network.quantities import Status
from tests.problems import TANH, learner

SIZES, PER_ROW, GRID = Sizes(8, 8, 8), PerRow(2, 2), [5, 20]
TEACHER = draw_teacher(SIZES, PER_ROW, 1, 0)
PATTERNS = draw_student(TEACHER, PER_ROW, 1, 0)
# With an odd function no neuron is stuck with the signs of all its weights flipped.
ODD, KINKED = activation("tanh", b=0), activation("leaky-relu", a=0.9)


@pytest.fixture
def libraries():
    for name in ("jax", "optax"):
        pytest.importorskip(name, reason=f"{name}: the extra `gradient` is not installed")


def run(network, phi=TANH, grid=GRID, seed=0, test=None, **changes):
    """Fit a network to the teacher's samples; ``test`` are inputs in the place of fresh ones."""
    given = dict(network=network, learning_rate=0.03, max_steps=300)
    how = learner("gradient-descent", **given | changes)
    samples = draw_samples(TEACHER, phi, max(grid), 1, 0)
    test = samples.x if test is None else test
    found = list(descend(how, PATTERNS, phi, samples, test, grid, 1, seed))
    assert [one.n_samples for one in found] == grid
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("network, phi", [("sparse", ODD), ("dense", ODD), ("dense", KINKED)])
def test_what_the_network_can_represent_is_learnt(libraries, network, phi):
    """With enough samples, on fresh ones too; and it stops when the training error says so."""
    samples, fresh = (draw_samples(TEACHER, phi, 200, 1, 0, test=test) for test in (False, True))
    for data, most in ((samples, 1e-6), (fresh, 1e-5)):
        (found,) = run(network, phi, [200], max_steps=5000, test=data.x)
        assert found.status == Status.CONVERGED
        assert 0 < found.iterations < 5000
        assert np.mean((found.prediction - data.y) ** 2) <= most


@pytest.mark.parametrize("network", ["sparse", "dense"])
def test_the_training_error_is_the_mean_over_the_samples_given(libraries, network):
    """And not over those that fill a block: it stops after the first step that is good enough.

    The samples are too few for a block, and the activation is not 0 at 0.
    """
    samples = draw_samples(TEACHER, TANH, 5, 1, 0)

    def error(**changes):
        (found,) = run(network, TANH, [5], tolerance=0.01, test=samples.x, **changes)
        return found.iterations, np.mean((found.prediction - samples.y) ** 2)

    steps, last = error(max_steps=3000)
    _, before = error(max_steps=steps - 1)
    assert steps < 3000 and last <= 0.01 < before


@pytest.mark.thorough
@pytest.mark.parametrize("network", ["sparse", "dense"])
def test_the_step_limit_is_one(libraries, network):
    for found in run(network, max_steps=7, tolerance=1e-12):
        assert (found.iterations, found.status) == (7, Status.STEP_LIMIT)


@pytest.mark.thorough
def test_a_sparse_network_never_leaves_its_pattern(libraries):
    """An output depends on the inputs that it reads through the pattern, and on no others."""
    x = draw_samples(TEACHER, TANH, 30, 1, 0, test=True).x
    reads = np.zeros((SIZES.output, SIZES.input), bool)
    for output, hidden in enumerate(PATTERNS.outer):
        reads[output, PATTERNS.inner[hidden]] = True
    for network, dependent in (("sparse", reads), ("dense", np.ones_like(reads))):
        before = run(network, test=x)[-1].prediction
        for i in range(SIZES.input):
            flipped = x.copy()
            flipped[:, i] *= -1
            changed = (run(network, test=flipped)[-1].prediction != before).any(axis=0)
            np.testing.assert_array_equal(changed, dependent[:, i])


@pytest.mark.thorough
@pytest.mark.parametrize("network", ["sparse", "dense"])
def test_it_repeats_and_differs_between_simulations(libraries, network):
    one, again, other = (run(network, seed=seed) for seed in (3, 3, 4))
    for ours, theirs, others in zip(one, again, other, strict=True):
        assert ours.prediction.dtype == np.float64
        assert (ours.prediction == theirs.prediction).all()
        assert ours[2:] == theirs[2:]
        assert (ours.prediction != others.prediction).any()


@pytest.mark.thorough
@pytest.mark.parametrize("network", ["sparse", "dense"])
def test_more_samples_leave_fewer_as_they_are(libraries, network):
    x = draw_samples(TEACHER, TANH, 9, 1, 0, test=True).x
    few, more = run(network, grid=[5], test=x)[0], run(network, test=x)[0]
    assert (few.prediction == more.prediction).all()


@pytest.mark.parametrize("library", ["jax", "optax"])
def test_a_missing_library_is_named_with_what_to_install(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        ValueError, match=r"JAX and Optax .*pip install 'sparsebp\[gradient\]'"
    ) as error:
        run("sparse")
    assert "\n" not in str(error.value)
