"""Messages on one instance, and trees on which they are exact."""

import numpy as np

from sparsebp.engine import factors as fac
from sparsebp.engine.learning import Beliefs, propagate


def build(one, how):
    """Factors of all samples of an instance, for a learner."""
    make = fac.soft_factors if how.rules.soft else fac.hard_factors
    return make(one.problem.states, *one.problem.patterns, one.phi, *one.samples, memory_gib=1)


def run(one, how, prior=None, seed=0, observe=None):
    """Pass messages on all samples of an instance."""
    prior = prior or Beliefs.uniform(one.problem)
    rng = np.random.default_rng(seed)
    return propagate(how, one.problem, build(one, how), prior, rng, observe)


def probabilities(log_beliefs):
    """Normalised probabilities from logarithms."""
    p = np.exp(log_beliefs)
    return p / p.sum(axis=-1, keepdims=True)


TREES = {
    "one output": dict(sizes=(4, 2, 1), teacher=(2, 2)),
    "one output, three read": dict(sizes=(6, 3, 1), teacher=(2, 3)),
    "one output, ternary": dict(sizes=(4, 2, 1), teacher=(2, 2), alphabet=(-1, 0, 1)),
    "a forest": dict(sizes=(8, 4, 2), teacher=(2, 2)),
    "one weight per hidden neuron": dict(sizes=(3, 3, 1), teacher=(1, 3), alphabet=(-1, 0, 1)),
}
