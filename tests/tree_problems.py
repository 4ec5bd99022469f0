"""Learning problems whose factor graphs are trees, see ``sparsebp.network.trees``."""

import numpy as np

from sparsebp.engine.learning import Beliefs, Problem
from sparsebp.network.data import Network, Samples
from sparsebp.network.model import Layer, forward
from sparsebp.network.trees import SHAPES, STARTS, TEACHERS, draw_tree
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from tests.problems import TANH, Instance


def tree(observed=4, reads=3, m=2, alphabet=(-1, 1), phi=TANH, seed=0, close=False):
    """A random tree with a teacher's answers, and the tree's diameter.

    ``close``: all outputs are observed, so that there are loops.
    """
    rng = np.random.default_rng(seed)
    patterns, diameter = draw_tree(observed, reads, rng)
    teacher = Network(*(Layer(p, rng.choice(alphabet, p.shape)) for p in patterns))
    x = rng.choice([-1, 1], (m, len(patterns.inner))).astype(np.int8)
    y = forward(teacher, phi, x)
    if not close:
        y[:, observed:] = np.nan
    return Instance(teacher, Samples(x, y), Problem.of(patterns, alphabet, phi), phi), diameter


def random_prior(one, seed=0, scale=1.0):
    """Random log-fields."""
    rng = np.random.default_rng(seed)
    return Beliefs(*(rng.normal(0, scale, p.shape) for p in Beliefs.uniform(one.problem)))


def observed(one):
    """What oracles take of an instance: its arguments without the outputs that say nothing."""
    inner, outer, alphabet, x, y, phi = one.arguments
    known = ~np.isnan(y[0])
    return inner, outer[known], alphabet, x, y[:, known], phi


def logs_of_rest(one, prior, beta=1.0):
    """What the weights of the outputs that say nothing add to log Z."""
    silent = np.isnan(one.samples.y[0])
    return np.log(np.exp(beta * prior.outer[silent]).sum(axis=-1)).sum()


def tree_results(study):
    """Numbers as of the step ``trees``, drawn at random: arrays and coordinates."""
    rng, sizes = np.random.default_rng(0), study.trees["outputs"]
    coordinates = {
        "shape": list(SHAPES),
        "teacher": list(TEACHERS),
        "outputs": sizes,
        "seed": list(range(study.study["seeds"])),
        "start": list(STARTS),
        "step": list(range(1, max(sizes) + 4)),
    }
    lengths = [*map(len, coordinates.values())]
    values = {
        "diameter": 2 * rng.integers(2, min(sizes) + 1, (lengths[0], *lengths[2:4])),
        "deviation": 10.0 ** rng.uniform(-17, 0, lengths),
        "log_partition": rng.uniform(1, 9, lengths[:4]),
    }
    values["bethe"] = values["log_partition"] + 10.0 ** rng.uniform(-16, 0, lengths[:4])
    return values, coordinates


def write_trees(path, study):
    """A file of them."""
    store.write_trees(path, *tree_results(study), record("trees", study.trees_spec()))
