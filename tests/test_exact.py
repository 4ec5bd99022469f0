"""The exact posterior on rings, against enumeration and against the oracle of transfer matrices."""

from itertools import pairwise

import numpy as np
import pytest

from sparsebp.engine import factors as fac
from sparsebp.engine import rings
from sparsebp.engine.learning import learn
from sparsebp.engine.rings import Rings, solve
from sparsebp.network.data import Samples
from sparsebp.network.model import Layer, forward
from sparsebp.network.quantities import Status
from tests.oracles.enumeration import enumerate_posterior
from tests.oracles.rings import solve_rings
from tests.problems import RELU, instance, learner, quick_first

SMALL = {
    "binary 2, 2": dict(n=5),
    "binary 2, 2, relu": dict(n=5, phi=RELU),
    "binary 3, 2": dict(n=4, teacher=(3, 2)),
    "binary 3, 2, rectangular": dict(sizes=(6, 4, 4), teacher=(3, 2)),
    "ternary 2, 2": dict(n=3, alphabet=(-1, 0, 1)),
}
FULL_SIZE = {
    "2.2": dict(n=1000),
    "2.3": dict(n=1000, phi=RELU),
    "2.4b": dict(n=1000, teacher=(3, 2)),
    "2.4c": dict(sizes=(1200, 800, 800), teacher=(3, 2)),
    "3.1": dict(n=200, student=(3, 2), alphabet=(-1, 0, 1)),
}


def exact(method="sum-product", **changes):
    return learner(method, method="exact", **changes)


def solution(one, how, memory_gib=1):
    """The exact posterior of all samples of an instance, for a learner."""
    make = fac.soft_factors if how.rules.soft else fac.hard_factors
    factors = make(one.problem.states, *one.problem.patterns, one.phi, *one.samples, memory_gib)
    return solve(Rings.of(one.problem), factors, how, memory_gib)


def spoilt(one, rng):
    """Outputs of no network, so that no two configurations have an energy in common."""
    noise = rng.normal(0, 0.1, one.samples.y.shape)
    return one._replace(samples=one.samples._replace(y=one.samples.y + noise))


def probabilities(log_beliefs):
    p = np.exp(log_beliefs)
    return p / p.sum(axis=-1, keepdims=True)


def energy(one, inner, outer):
    """Eq. 3.2, summed over the factors, of a configuration."""
    layers = [Layer(p, w) for p, w in zip(one.problem.patterns, (inner, outer), strict=True)]
    return ((one.samples.y - forward(layers, one.phi, one.samples.x)) ** 2).sum()


def walked(output_topology, found):
    """The hidden neurons that each ring leads along, from its start to where it ends."""
    for first, last in pairwise(found.bounds):
        come_from = output_topology[found.outputs[first:last], found.slots[first:last]]
        go_to = output_topology[found.outputs[first:last], 1 - found.slots[first:last]]
        yield come_from, go_to


def test_rings_lead_from_each_output_to_the_next_and_close():
    problem = instance(n=300).problem
    outer = problem.patterns.outer
    found = Rings.of(problem)
    assert sorted(found.outputs) == list(range(300))
    lengths = []
    for come_from, go_to in walked(outer, found):
        assert (come_from == np.roll(go_to, 1)).all()
        assert len(set(come_from)) == len(come_from)
        lengths.append(len(come_from))
    assert sum(lengths) == 300 and len(lengths) > 1


@pytest.mark.parametrize("beta", quick_first([None, 0.7, 40.0]))
@pytest.mark.parametrize("shape", quick_first(SMALL))
def test_marginals_are_those_of_enumeration(shape, beta):
    one = instance(m=2, **SMALL[shape])
    if beta:
        one = spoilt(one, np.random.default_rng(0))
    truth = enumerate_posterior(*one.arguments, beta=beta)
    found = solution(one, exact(factor="soft" if beta else "hard", beta=beta))
    for ours, theirs in zip(
        found.beliefs, (truth.input_marginals, truth.output_marginals), strict=True
    ):
        assert (ours.max(-1) == 0).all()
        np.testing.assert_allclose(probabilities((beta or 1) * ours), theirs, atol=1e-10)
    assert (beta or 1) * found.log_total == pytest.approx(truth.log_partition, abs=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("shape", SMALL)
def test_maxima_are_those_of_enumeration(shape):
    one = instance(m=2, **SMALL[shape])
    truth = enumerate_posterior(*one.arguments)
    found = solution(one, exact("max-product"))
    theirs = truth.input_max_marginals, truth.output_max_marginals
    for ours, maxima in zip(found.beliefs, theirs, strict=True):
        np.testing.assert_array_equal(np.exp(ours), maxima)
    assert found.log_total == 0

    one = spoilt(one, np.random.default_rng(1))
    truth = enumerate_posterior(*one.arguments, beta=1.0)
    found = solution(one, exact("max-sum"))
    theirs = truth.input_min_energy, truth.output_min_energy
    for ours, least in zip(found.beliefs, theirs, strict=True):
        np.testing.assert_allclose(-ours, least - truth.minimum_energy, atol=1e-10)
    assert -found.log_total == pytest.approx(truth.minimum_energy, abs=1e-10)
    [trained] = learn(exact("max-sum"), one.problem, one.samples, [2], 1, 0, 1)
    reached = energy(one, trained.inner, trained.outer)
    assert reached == pytest.approx(truth.minimum_energy, abs=1e-10)
    assert truth.minimum_energy > 1e-3


@pytest.mark.thorough
@pytest.mark.parametrize("m", [1, 2, 5])
@pytest.mark.parametrize("figure", FULL_SIZE)
def test_the_sizes_of_the_thesis(figure, m):
    one = instance(m=m, **FULL_SIZE[figure])
    truth = solve_rings(*one.arguments)
    found = solution(one, exact())
    theirs = truth.input_marginals, truth.output_marginals
    for ours, marginals in zip(found.beliefs, theirs, strict=True):
        np.testing.assert_allclose(probabilities(ours), marginals, atol=1e-10)
    assert found.log_total == pytest.approx(truth.log_partition, rel=1e-12)
    found = solution(one, exact("max-product"))
    theirs = truth.input_max_marginals, truth.output_max_marginals
    for ours, maxima in zip(found.beliefs, theirs, strict=True):
        np.testing.assert_array_equal(np.exp(ours), maxima)
    # All configurations that reproduce the data are as probable, and this is one of them.
    [trained] = learn(exact("max-product"), one.problem, one.samples, [m], 1, 0, 1)
    assert energy(one, trained.inner, trained.outer) < 1e-18


@pytest.mark.thorough
@pytest.mark.parametrize("beta", [0.5, 1e4])
def test_probabilities_of_any_range(beta, monkeypatch):
    """Where those of a matrix are too different for floats, they are wide ones."""
    one = spoilt(instance(n=300, m=4, teacher=(3, 2)), np.random.default_rng(0))
    truth = solve_rings(*one.arguments, beta=beta)
    used, kernel = [], rings.ring_kernel
    monkeypatch.setattr(
        rings, "ring_kernel", lambda *parts: used.append(parts[0]) or kernel(*parts)
    )
    found = solution(one, exact(factor="soft", beta=beta))
    assert used == (["SumTimes", "WideSumTimes"] if beta > 1 else ["SumTimes"])
    for ours, marginals in zip(
        found.beliefs, (truth.input_marginals, truth.output_marginals), strict=True
    ):
        np.testing.assert_allclose(probabilities(beta * ours), marginals, atol=1e-9)
    assert beta * found.log_total == pytest.approx(truth.log_partition, rel=1e-10)


@pytest.mark.thorough
@pytest.mark.parametrize("shape", ["binary 2, 2", "ternary 2, 2"])
def test_the_most_probable_configuration_is_drawn_uniformly(shape):
    """With hard factors that is a draw from the posterior; within 5 standard deviations."""
    one = instance(m=1, **SMALL[shape])
    truth = enumerate_posterior(*one.arguments)
    draw, rng, draws = solution(one, exact("max-product")).draw, np.random.default_rng(0), 2000
    counts = [np.zeros(part.shape) for part in (truth.input_marginals, truth.output_marginals)]
    for _ in range(draws):
        for count, part in zip(counts, draw(rng), strict=True):
            count += part[..., None] == np.arange(count.shape[-1])
    uncertain = 0
    for count, p in zip(counts, (truth.input_marginals, truth.output_marginals), strict=True):
        assert (np.abs(count / draws - p) <= 5 * np.sqrt(p * (1 - p) / draws) + 1e-9).all()
        uncertain += ((p > 0.05) & (p < 0.45)).sum()
    assert uncertain > 4


@pytest.mark.thorough
def test_what_is_learnt():
    grid, one = [1, 2, 3], instance(m=3, **SMALL["binary 3, 2"])
    runs = list(learn(exact(), one.problem, one.samples, grid, 1, 0, 1))
    assert [run.n_samples for run in runs] == grid
    for run in runs:
        seen = Samples(*(part[: run.n_samples] for part in one.samples))
        truth = enumerate_posterior(*one._replace(samples=seen).arguments)
        marginals = truth.input_marginals, truth.output_marginals
        likely = np.concatenate([part.max(-1).ravel() for part in marginals])
        assert run.expected_error == pytest.approx(1 - likely.mean(), abs=1e-10)
        assert run.entropy == pytest.approx(truth.log_partition / likely.size, abs=1e-10)
        for estimate, p in zip((run.inner, run.outer), marginals, strict=True):
            chosen = np.take_along_axis(p, (estimate[..., None] + 1) // 2, -1)[..., 0]
            np.testing.assert_allclose(chosen, p.max(-1), atol=1e-10)
        assert (run.iterations, run.status) == (0, Status.CONVERGED)
    for how in (exact("max-product"), exact("max-sum"), exact(factor="soft", beta=1.0)):
        [run] = learn(how, one.problem, one.samples, [3], 1, 0, 1)
        assert np.isnan(run.entropy) and np.isnan(run.expected_error)


@pytest.mark.parametrize("algorithm", ["sum-product", "max-product"])
def test_a_contradiction(algorithm):
    one = instance(n=20, m=4)
    one.samples.y[2, 7] += 0.01  # no configuration gives this output
    runs = list(learn(exact(algorithm), one.problem, one.samples, [2, 4], 1, 0, 1))
    assert [run.status for run in runs] == [Status.CONVERGED, Status.CONTRADICTION]
    assert np.isnan(runs[1].entropy) and np.isnan(runs[1].expected_error)
    assert set(np.unique(runs[1].inner)) == {-1, 1}


def test_what_cannot_be_solved_is_refused():
    with pytest.raises(ValueError, match="'online'; method exact is for offline only"):
        exact(schedule="online")
    with pytest.raises(ValueError, match="reinforcement is for method messages; given: exact"):
        exact(reinforcement=0.1)
    with pytest.raises(ValueError, match="'nonzero'; with method exact, max-product"):
        exact("max-product", output_readout="nonzero")
    one = instance(n=6, teacher=(2, 3))
    with pytest.raises(ValueError, match="output layer, which has 3 and 3"):
        list(learn(exact(), one.problem, one.samples, [1], 1, 0, 1))
    # Ten of outputs and the identity, in three blocks; nine blocks of products.
    with pytest.raises(ValueError, match="96 matrices of 16 numbers takes 1536 numbers"):
        solution(instance(n=10, m=3), exact(), memory_gib=4e-6)
