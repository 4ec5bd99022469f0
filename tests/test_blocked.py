"""Messages with one variable for all input weights of a hidden neuron."""

import numpy as np
import pytest

from sparsebp.engine.learning import learn
from sparsebp.engine.messages import Beliefs
from sparsebp.network.data import Samples
from sparsebp.network.quantities import Status
from tests.oracles.enumeration import enumerate_posterior
from tests.oracles.rings import solve_rings
from tests.problems import instance, learner
from tests.propagation import run
from tests.test_exact import FULL_SIZE, probabilities, spoilt

# Outputs read one hidden neuron, which has more readers: no loops among neurons and outputs, but
# among its input weights, one variable each, there are.
TREES = {
    "three weights": dict(sizes=(3, 1, 2), teacher=(3, 1), seed=1),
    "two weights of three values": dict(
        sizes=(2, 1, 2), teacher=(2, 1), alphabet=(-1, 0, 1), seed=1
    ),
    "a forest": dict(sizes=(6, 2, 4), teacher=(3, 1), seed=2),
}


def blocked(algorithm="sum-product", **changes):
    return learner(algorithm, **dict(method="blocked", tolerance=1e-13, max_steps=2000) | changes)


def gap(beliefs, truth):
    """The largest difference from the marginals of an oracle."""
    theirs = truth.input_marginals, truth.output_marginals
    return max(np.abs(probabilities(b) - p).max() for b, p in zip(beliefs, theirs, strict=True))


@pytest.mark.thorough
@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("tree", TREES)
def test_exact_on_trees_of_neurons(tree, damping):
    one = instance(m=1, **TREES[tree])
    truth = enumerate_posterior(*one.arguments)
    assert gap(run(one, blocked(damping=damping)).beliefs, truth) < 1e-9
    beliefs = run(one, blocked("max-product", damping=damping)).beliefs
    np.testing.assert_allclose(np.exp(beliefs.inner), truth.input_max_marginals, atol=1e-9)
    np.testing.assert_allclose(np.exp(beliefs.outer), truth.output_max_marginals, atol=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("damped", ["factor-to-variable", "variable-to-factor"])
@pytest.mark.parametrize("tree", ["three weights", "two weights of three values"])
def test_soft_factors_on_trees_of_neurons(tree, damped):
    one = spoilt(instance(m=3, **TREES[tree]), np.random.default_rng(0))
    for beta in (0.5, 30.0):
        truth = enumerate_posterior(*one.arguments, beta=beta)
        beliefs = run(one, blocked(factor="soft", beta=beta, damped=damped)).beliefs
        assert gap(Beliefs(*(beta * part for part in beliefs)), truth) < 1e-9
    beliefs = run(one, learner(factor="soft", beta=0.5)).beliefs
    truth = enumerate_posterior(*one.arguments, beta=0.5)
    assert gap(Beliefs(*(0.5 * part for part in beliefs)), truth) > 1e-3, "a variable per weight"
    truth = enumerate_posterior(*one.arguments, beta=1.0)
    beliefs = run(one, blocked("max-sum", damped=damped)).beliefs
    least = truth.input_min_energy, truth.output_min_energy
    for ours, theirs in zip(beliefs, least, strict=True):
        np.testing.assert_allclose(-ours, theirs - truth.minimum_energy, atol=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("m", [1, 2, 4])
@pytest.mark.parametrize("figure", ["2.2", "3.1"])
def test_exact_on_long_rings(figure, m):
    one = instance(m=m, **FULL_SIZE[figure])
    truth = solve_rings(*one.arguments)
    outcome = run(one, blocked())
    assert outcome.status == Status.CONVERGED
    assert gap(outcome.beliefs, truth) < 1e-8


@pytest.mark.thorough
def test_beliefs_of_weights_are_carried_to_the_next_sample():
    one = instance(m=2, **TREES["two weights of three values"])
    how, prior = blocked(schedule="online"), (None, None)
    for m, trained in enumerate(learn(how, one.problem, one.samples, [1, 2], 1, 0, 1)):
        sample = Samples(*(part[m : m + 1] for part in one.samples))
        arguments = one._replace(samples=sample).arguments
        truth = enumerate_posterior(*arguments, log_prior_input=prior[0], log_prior_output=prior[1])
        marginals = truth.input_marginals, truth.output_marginals
        likely = np.concatenate([part.max(-1).ravel() for part in marginals])
        assert trained.expected_error == pytest.approx(1 - likely.mean(), abs=1e-8)
        with np.errstate(divide="ignore"):
            prior = [np.log(part) for part in marginals]


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", ["sum-product", "max-product"])
def test_a_contradiction(algorithm):
    one = instance(n=20, m=4)
    one.samples.y[2, 7] += 0.01  # no configuration gives this output
    runs = learn(blocked(algorithm), one.problem, one.samples, [2, 4], 1, 0, 1)
    assert [run.status for run in runs] == [Status.CONVERGED, Status.CONTRADICTION]


def test_what_is_refused():
    with pytest.raises(ValueError, match="reinforcement is for method messages; given: blocked"):
        blocked(reinforcement=0.1)
    one = instance(n=10, m=3)
    with pytest.raises(ValueError, match=r"table of 10 x 4\^2 states of hidden neurons takes 160"):
        list(learn(blocked(), one.problem, one.samples, [1], 1, 0, 1e-6))


@pytest.mark.thorough
def test_the_bethe_entropy_is_exact_where_messages_are():
    for one, grid in (
        (instance(m=1, **TREES["two weights of three values"]), [1]),
        (instance(m=3, **FULL_SIZE["2.2"]), [1, 3]),
    ):
        truth = list(learn(learner(method="blocked"), one.problem, one.samples, grid, 1, 0, 1))
        for trained, m in zip(truth, grid, strict=True):
            seen = Samples(*(part[:m] for part in one.samples))
            arguments = one._replace(samples=seen).arguments
            oracle = enumerate_posterior if m * len(one.samples.y[0]) < 10 else solve_rings
            expected = oracle(*arguments).log_partition / (trained.inner.size + trained.outer.size)
            assert trained.entropy == pytest.approx(expected, abs=1e-7)
            assert expected > 0
    # The loops among weights that two outputs read hide what is left open: docs/exact.md.
    [trained] = learn(learner(), one.problem, one.samples, [3], 1, 0, 1)
    assert 0 < trained.entropy < 0.5 * expected
    for how in (learner("max-product"), learner(reinforcement=0.1), learner(schedule="online")):
        [*_, last] = learn(how, one.problem, one.samples, [3], 1, 0, 1)
        assert np.isnan(last.entropy)
