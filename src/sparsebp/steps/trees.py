"""Belief propagation on trees, and on rings, beside the exact posterior (appendix A)."""

from itertools import product

import numpy as np

from sparsebp.engine.algebras import WIDE
from sparsebp.engine.bethe import log_partition
from sparsebp.engine.elimination import posterior
from sparsebp.engine.factors import hard_factors
from sparsebp.engine.learner import Learner
from sparsebp.engine.messages import Messages
from sparsebp.engine.problem import Beliefs, Problem
from sparsebp.network.data import Samples, Stream, generator
from sparsebp.network.model import Layer, activation, forward
from sparsebp.network.trees import SHAPES, STARTS, TEACHERS, draw_tree
from sparsebp.storage import store
from sparsebp.storage.provenance import record

# Hidden neurons that an output reads. A ring is a chain with an output more, which closes it.
READS = {"chain": 2, "tree": 3, "ring": 2}
# Standard deviation of the first log-messages.
SCALES = {"uniform": 0.0, "random": 1.0}
# Steps beyond those that the diameter asks for.
MORE = 3
RING_STEPS = 2000


def run(spec: dict, output: str) -> None:
    """Write how far beliefs are from marginals at every step, and log Z both ways.

    Each seed is another tree, with fields of its own for all weights. The step counted is one
    update of all variable-to-factor messages, then of all factor-to-variable ones, undamped.

    Args:
        spec: see ``Study.trees_spec``.
    """
    block, seeds = spec["trees"], spec["seeds"]
    sizes, phi = block["outputs"], activation(**block["activation"])
    coordinates = {
        "shape": list(SHAPES),
        "teacher": list(TEACHERS),
        "outputs": sizes,
        "seed": list(range(seeds)),
        "start": list(STARTS),
        "step": list(range(1, max(sizes) + MORE + 1)),
    }
    lengths = [len(labels) for labels in coordinates.values()]
    values = {
        "deviation": np.full(lengths, np.nan),
        "diameter": np.zeros((len(SHAPES), *lengths[2:4]), int),
        **{name: np.empty(lengths[:4]) for name in ("log_partition", "bethe")},
    }
    places = product(*(enumerate(coordinates[name]) for name in ("shape", "teacher", "outputs")))
    for (i, shape), (j, teacher), (k, observed) in places:
        for seed in range(seeds):
            rng = generator(spec["entropy"], seed, Stream.TREES, READS[shape], observed)
            patterns, diameter = draw_tree(observed, READS[shape], rng)
            problem = Problem.of(patterns, [-1, 1], phi)
            samples = _answers(patterns, teacher, phi, rng)
            if shape != "ring":
                samples.y[:, observed:] = np.nan
            prior = Beliefs(
                *(rng.normal(0.0, block["fields"], p.shape) for p in Beliefs.uniform(problem))
            )
            marginals, log_z = posterior(problem, *samples, prior)
            factors = hard_factors(problem.states, *patterns, phi, *samples, memory_gib=1)
            values["diameter"][i, k, seed] = diameter
            values["log_partition"][i, j, k, seed] = log_z
            for start, name in enumerate(STARTS):
                # In wide numbers, for which no field is too large.
                how = _learner(SCALES[name])
                now = Messages(how, problem, factors, prior, rng, WIDE[how.rules.algebra])
                for step in range(diameter // 2 + MORE):
                    now.run(1)
                    far = _distance(now.final_beliefs(), marginals)
                    values["deviation"][i, j, k, seed, start, step] = far
                if start == 0:
                    if shape == "ring":
                        now.run(RING_STEPS)
                    bethe = log_partition(now.u, problem, factors, prior, now.rules)
                    values["bethe"][i, j, k, seed] = bethe
    store.write_trees(output, values, coordinates, record("trees", spec))


def _answers(patterns, teacher, phi, rng) -> Samples:
    """One sample, of a teacher on these patterns.

    A ``random`` teacher has random weights and sees a random input. Hidden neurons that are known
    tell nothing on, and information does not get far. Those of a ``relay`` are all in the same
    state, and the signs with which an output reads them alternate: no output can tell which of them
    are, and what is known of one bears on all.
    """
    inner, outer = patterns
    if teacher == "random":
        x, *weights = (rng.choice([-1, 1], s) for s in ((1, len(inner)), inner.shape, outer.shape))
    else:
        x, inside = np.ones((1, len(inner)), int), np.ones(inner.shape)
        weights = inside, np.broadcast_to((-1.0) ** np.arange(outer.shape[1]), outer.shape)
    network = (Layer(p, w) for p, w in zip(patterns, weights, strict=True))
    return Samples(x, forward(network, phi, x))


def _learner(initial_scale: float) -> Learner:
    """Undamped sum-product with hard factors: Eqs. A.5-A.6."""
    return Learner(
        "sum-product",
        damping=0.0,
        initial_scale=initial_scale,
        tolerance=1e-15,
        max_steps=RING_STEPS,
        tie_tolerance=0.0,
    )


def _distance(beliefs: Beliefs, marginals: Beliefs) -> float:
    """The largest difference of a probability, over all states of all weights."""
    far = 0.0
    for logs, exact_ones in zip(beliefs, marginals, strict=True):
        p = np.exp(logs)
        far = max(far, np.abs(p / p.sum(axis=-1, keepdims=True) - exact_ones).max())
    return far
