"""The Bethe free energy against exhaustive enumeration; on larger trees: ``test_trees``."""

import numpy as np
import pytest

from sparsebp.engine import factors as fac
from sparsebp.engine.bethe import log_partition
from sparsebp.engine.learning import Beliefs, Messages
from tests.oracles.enumeration import enumerate_posterior
from tests.oracles.rings import solve_rings
from tests.problems import RELU, instance, learner
from tests.tree_problems import logs_of_rest, observed, random_prior, tree

TREES = {
    "chain": dict(observed=5, reads=2),
    "ternary chain": dict(observed=3, reads=2, alphabet=(-1, 0, 1)),
    "ternary chain, relu": dict(observed=3, reads=2, alphabet=(-1, 0, 1), phi=RELU),
}
SETTLE = dict(damping=0.0, tolerance=1e-14)


def bethe(one, how, prior=None, steps=None):
    """log Z of the messages at their fixed point, or after so many steps."""
    prior = prior or Beliefs.uniform(one.problem)
    make = fac.soft_factors if how.rules.soft else fac.hard_factors
    factors = make(one.problem.states, *one.problem.patterns, one.phi, *one.samples, memory_gib=1)
    now = Messages(how, one.problem, factors, prior, np.random.default_rng(0))
    now.run(steps or how.max_steps)
    assert now.converged == (steps is None)
    return log_partition(now.u, one.problem, factors, prior, how.rules)


def enumerated(one, prior, beta=None):
    """The exact log Z; the engine's prior is in units of energy where there is a beta."""
    scale = 1.0 if beta is None else beta
    known = ~np.isnan(one.samples.y[0])
    exact = enumerate_posterior(
        *observed(one),
        beta=beta,
        log_prior_input=scale * prior.inner,
        log_prior_output=scale * prior.outer[known],
    )
    return exact.log_partition + logs_of_rest(one, prior, scale)


@pytest.mark.thorough
@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("name", TREES)
def test_exact_on_trees(name, uniform):
    one, _ = tree(**TREES[name])
    prior = Beliefs.uniform(one.problem) if uniform else random_prior(one)
    log_z = bethe(one, learner(initial_scale=1.0, **SETTLE), prior)
    assert log_z == pytest.approx(enumerated(one, prior), abs=1e-10)
    if uniform:
        count = np.exp(log_z)
        assert count > 2 and count == pytest.approx(round(count), rel=1e-10)
    for beta in (0.3, 50.0):
        how = learner(factor="soft", beta=beta, initial_scale=1.0, **SETTLE)
        assert bethe(one, how, prior) == pytest.approx(enumerated(one, prior, beta), abs=1e-10)


@pytest.mark.thorough
@pytest.mark.parametrize("shape", [*TREES.values(), dict(observed=4, reads=3, m=1)], ids=str)
def test_at_zero_temperature_it_is_the_largest_log_likelihood(shape):
    one, _ = tree(**shape)
    noise = 0.1 * np.random.default_rng(1).normal(size=one.samples.y.shape)
    noisy = one._replace(samples=one.samples._replace(y=one.samples.y + noise))
    exact = enumerate_posterior(*observed(noisy), beta=1.0)
    assert exact.minimum_energy > 1e-3
    energy = bethe(noisy, learner("max-sum", **SETTLE))
    assert energy == pytest.approx(-exact.minimum_energy, abs=1e-12)
    assert bethe(one, learner("max-product", **SETTLE)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.thorough
def test_a_forest_of_single_outputs_needs_no_messages():
    """Two inputs to a hidden neuron, each of which is read once: exact after any step."""
    one = instance(m=2, sizes=(8, 4, 2), teacher=(2, 2))
    exact = enumerate_posterior(*one.arguments).log_partition
    how = learner(initial_scale=1.0, **SETTLE)
    assert bethe(one, how, steps=1) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("rules", [dict(), dict(factor="soft", beta=1.0)])
def test_wrong_on_short_rings(rules):
    one = instance(n=8, m=1)
    how = learner(**rules, **SETTLE)
    exact = solve_rings(*one.arguments, beta=how.beta).log_partition
    assert 1e-3 < abs(bethe(one, how) - exact) < 3.0


@pytest.mark.thorough
def test_stationary_at_the_fixed_point():
    """Twice as far from it, four times as wrong."""
    one, _ = tree(observed=4, reads=3)
    how = learner(factor="soft", beta=3.0, **SETTLE)
    prior = random_prior(one)
    factors = fac.soft_factors(
        one.problem.states, *one.problem.patterns, one.phi, *one.samples, memory_gib=1
    )
    now = Messages(how, one.problem, factors, prior, None)
    now.run(100)
    away = np.random.default_rng(0).normal(size=now.u.shape)
    log_z, near, nearer = (
        log_partition(now.u + step * away, one.problem, factors, prior, how.rules)
        for step in (0.0, 1e-3, 5e-4)
    )
    assert abs(near - log_z) > 1e-8
    assert near - log_z == pytest.approx(4 * (nearer - log_z), rel=0.05)


@pytest.mark.thorough
def test_normalisation_of_messages_does_not_matter():
    one, _ = tree(observed=4, reads=3)
    prior, how = random_prior(one), learner(**SETTLE)
    factors = fac.hard_factors(
        one.problem.states, *one.problem.patterns, one.phi, *one.samples, memory_gib=1
    )
    now = Messages(how, one.problem, factors, prior, None)
    now.run(100)
    shift = np.random.default_rng(0).normal(size=(*now.u.shape[:2], 1))
    one_way, other = (
        log_partition(u, one.problem, factors, prior, how.rules) for u in (now.u, now.u + shift)
    )
    assert one_way == pytest.approx(other, abs=1e-11)


def test_a_contradiction_has_no_configurations():
    one, _ = tree(observed=4, reads=3)
    y = one.samples.y.copy()
    y[0, 0] += 0.01  # no configuration gives this output
    spoilt = one._replace(samples=one.samples._replace(y=y))
    factors = fac.hard_factors(
        one.problem.states, *one.problem.patterns, one.phi, *spoilt.samples, memory_gib=1
    )
    u = np.zeros((one.problem.patterns.outer.size, 1, 2))
    prior = Beliefs.uniform(one.problem)
    assert log_partition(u, one.problem, factors, prior, learner().rules) == -np.inf
