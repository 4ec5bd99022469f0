"""Density evolution, against counting, the exact posterior, blocked messages and a plain twin."""

from dataclasses import replace

import numpy as np
import pytest

from sparsebp import api
from sparsebp.engine.density_evolution import LAST
from sparsebp.engine.learner import Learner
from sparsebp.network import data, metrics
from sparsebp.network.model import leaky_relu, tanh
from sparsebp.network.quantities import Status
from tests.oracles.population import Population

THEORY = Learner("sum-product", method="density-evolution")
TANH, RELU = tanh(0.1), leaky_relu(0.1)


def case(neurons, teacher=(2, 2), student=None, phi=TANH, m=8, seed=0):
    """A student that knows its teacher, and samples."""
    network = data.draw_teacher(neurons, data.PerRow(*teacher), 1, seed, "matching")
    alphabet = (-1, 1) if student in (None, teacher) else (-1, 0, 1)
    per_row = data.PerRow(*(student or teacher))
    pupil = api.Student.knowing(network, alphabet, activation=phi, per_row=per_row, entropy=1)
    return network, pupil, data.draw_samples(network, phi, m, 1, seed)


def errors(fits, network):
    return np.array([metrics.weight_error(network, list(fit)) for fit in fits])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("phi", "law"),
    [
        (TANH, lambda m: 2.0**-m / 4 + (3 / 8) ** m / 8),
        (RELU, lambda m: 2.0**-m / 2 + ((3 / 8) ** m - (1 / 4) ** m) / 8),
    ],
)
def test_counting(phi, law):
    """What samples leave open, counted in docs/exact.md: within four standard errors.

    Weights of one neuron are wrong together, four at most, so the variance is at most four times
    that of independent ones.
    """
    network, pupil, samples = case(20_000, phi=phi)
    grid = [3, 5, 8]
    found = errors(api.learn(pupil, samples, THEORY, grid), network)
    wanted = np.array([law(m) for m in grid])
    error = 2 * np.sqrt(wanted / 80_000)
    assert (np.abs(found - wanted) < 4 * error).all(), (found, wanted)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("teacher", "student"), [((2, 2), (2, 2)), ((3, 2), (3, 2)), ((2, 2), (3, 2))]
)
def test_exact_posterior_of_large_networks(teacher, student):
    """The posterior has the errors that density evolution expects, in networks of other draws."""
    grid = [1, 2, 4]
    network, pupil, samples = case(4000, teacher, student)
    other, another, given = case(4000, teacher, student, seed=1)
    theory = errors(api.learn(pupil, samples, THEORY, grid), network)
    exact = errors(api.learn(another, given, replace(THEORY, method="exact"), grid), other)
    weights = sum(layer.weights.size for layer in network)
    error = np.sqrt(2 * 4 * exact / weights)  # of the difference; correlated as above
    assert (np.abs(theory - exact) < 4 * error).all(), (theory, exact)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "learner",
    [
        THEORY,
        Learner("max-product", method="density-evolution"),
        Learner("max-sum", method="density-evolution", factor="soft"),
        Learner("sum-product", method="density-evolution", factor="soft", beta=3.0),
    ],
    ids=["sum-product", "max-product", "max-sum", "finite temperature"],
)
def test_blocked_messages_of_large_networks(learner):
    """With three readers there are loops, but long ones: errors are those of blocked messages."""
    grid = [1, 2, 3]
    network, pupil, samples = case(1000, (2, 3))
    other, another, given = case(1000, (2, 3), seed=1)
    theory = errors(api.learn(pupil, samples, learner, grid), network)
    found = errors(api.learn(another, given, replace(learner, method="blocked"), grid), other)
    error = np.sqrt(2 * 5 * found / 5000)
    assert (np.abs(theory - found) < 4 * error).all(), (theory, found)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2])
def test_weights_that_are_wrong_together(seed):
    """Outputs err as in the network of the same teacher; with one last step by 0.01 more."""
    network, pupil, samples = case(5000, student=(2, 3), seed=seed)
    test = data.draw_samples(network, TANH, 200, 1, seed + 1000)
    theory, found = (
        next(api.learn(pupil, samples, learner, [1]))
        for learner in (THEORY, replace(THEORY, method="blocked"))
    )
    apart = np.subtract(
        *(metrics.generalization_error(list(fit), TANH, test) for fit in (theory, found))
    )
    assert abs(apart) < 0.004


@pytest.mark.thorough
@pytest.mark.parametrize(("algorithm", "mode"), [("sum-product", "sum"), ("max-product", "max")])
@pytest.mark.parametrize(
    ("teacher", "spare"), [((2, 2), (0, 0)), ((2, 3), (0, 0)), ((2, 2), (1, 0)), ((2, 2), (0, 1))]
)
def test_plain_populations(algorithm, mode, teacher, spare):
    """The twin draws fresh neurons in each step, without a network at all."""
    alphabet = (-1, 0, 1) if any(spare) else (-1, 1)
    twin = Population(*teacher, 2, *spare, alphabet, mode, size=1000)
    for _ in range(6):
        twin.step()
    wanted = twin.measure(3000)[0]
    student = teacher[0] + spare[0], teacher[1] + spare[1]
    network, pupil, samples = case(2000, teacher, student)
    learner = replace(THEORY, algorithm=algorithm)
    [found] = errors(api.learn(pupil, samples, learner, [2]), network)
    # Of each, five weights of a neuron being wrong together; that of the twin's messages besides.
    error = np.sqrt(5 * wanted * (1 / 3000 + 1 / 1000 + 1 / 2000) / sum(teacher))
    assert abs(found - wanted) < 4 * error, (found, wanted)


def test_what_it_expects_of_itself():
    """The beliefs are those of a posterior: errors are as many as they say."""
    network, pupil, samples = case(2000)
    for fit in api.learn(pupil, samples, THEORY, [1, 2, 3]):
        error = metrics.weight_error(network, list(fit))
        assert abs(error - fit.expected_error) < 4 * 2 * np.sqrt(error / 8000)
        assert np.isnan(fit.entropy) and fit.status == Status.CONVERGED


def test_reproducible_and_undamped():
    _, pupil, samples = case(200)
    first, again, damped = (
        next(api.learn(pupil, samples, learner, [2], threads=threads))
        for learner, threads in ((THEORY, 1), (THEORY, 2), (replace(THEORY, damping=0.9), 1))
    )
    for other in (again, damped):
        assert other.iterations == first.iterations
        for one, two in zip(first.beliefs, other.beliefs, strict=True):
            np.testing.assert_array_equal(one, two)


def test_limit_of_steps():
    _, pupil, samples = case(200, student=(2, 3))
    [fit] = api.learn(pupil, samples, replace(THEORY, max_steps=9), [1])
    assert fit.status == Status.STEP_LIMIT
    assert fit.iterations == 9 + LAST, "the last are those with the network as it is"


def test_random_start():
    """A start that prefers some states is forgotten."""
    network, pupil, samples = case(4000)
    start = replace(THEORY, initial_scale=1.0)
    found = errors(
        (next(api.learn(pupil, samples, learner, [2])) for learner in (THEORY, start)), network
    )
    assert abs(found[0] - found[1]) < 4 * np.sqrt(2 * 4 * found[0] / 16_000)


def test_refusals():
    network, pupil, samples = case(20)
    with pytest.raises(ValueError, match="needs the teacher"):
        api.fit(api.Student(*pupil.patterns, activation=TANH), *samples, THEORY)
    noisy = samples._replace(y=samples.y + 0.1)
    with pytest.raises(ValueError, match="as with noise"):
        api.fit(pupil, *noisy, THEORY)
    patterns = data.draw_student(network, 2, overlap=0.5)
    with pytest.raises(ValueError, match="contain the teacher's"):
        api.fit(api.Student(*patterns, activation=TANH, teacher=network), *samples, THEORY)
    with pytest.raises(ValueError, match="offline only"):
        replace(THEORY, schedule="online")
    with pytest.raises(ValueError, match="reinforcement is for method messages"):
        replace(THEORY, reinforcement=0.1)
