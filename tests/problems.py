"""Small learning problems for the tests of the engine."""

from typing import NamedTuple

import numpy as np
import pytest

from sparsebp.engine.learner import Learner
from sparsebp.engine.learning import Problem
from sparsebp.network.data import (
    Network,
    Overlap,
    PerRow,
    Samples,
    Sizes,
    draw_samples,
    draw_student,
    draw_teacher,
)
from sparsebp.network.model import Activation, activation

TANH = activation("tanh", b=0.1)
RELU = activation("leaky-relu", a=0.1)


class Instance(NamedTuple):
    """A teacher, its samples and a student."""

    teacher: Network
    samples: Samples
    problem: Problem
    phi: Activation

    @property
    def arguments(self):
        """What every oracle takes first: topologies, alphabet, x, y, phi."""
        inner, outer = self.problem.patterns
        return inner, outer, self.problem.states.alphabet, *self.samples, self.phi

    def truth(self):
        """The teacher's weights as alphabet indices on the student's pattern."""
        indices = []
        layers = zip(self.teacher, self.problem.patterns, strict=True)
        for layer, pattern in layers:
            dense = np.zeros((len(pattern), 1 + max(pattern.max(), layer.topology.max())))
            np.put_along_axis(dense, layer.topology.astype(int), layer.weights.astype(float), 1)
            values = np.take_along_axis(dense, pattern.astype(int), 1)
            indices.append(np.searchsorted(self.problem.states.alphabet, values))
        return indices


def quick_first(cases, quick=1):
    """The ``cases``, of which the first are for the quick tests too. Others have kernels of their
    own, which take seconds to compile."""
    first, rest = list(cases)[:quick], list(cases)[quick:]
    return [*first, *(pytest.param(case, marks=pytest.mark.thorough) for case in rest)]


def instance(
    n=6,
    m=2,
    teacher=(2, 2),
    student=None,
    alphabet=(-1, 1),
    phi=TANH,
    seed=0,
    sizes=None,
    overlap=(1, 1),
):
    """A random instance; ``teacher``, ``student``: non-zeros per row of W_in and W_out."""
    sizes = Sizes(*(sizes or (n, n, n)))
    network = draw_teacher(sizes, PerRow(*teacher), 1, seed)
    per_row = PerRow(*(student or teacher))
    patterns = draw_student(network, per_row, 1, seed, Overlap(*overlap))
    samples = draw_samples(network, phi, m, 1, seed)
    return Instance(network, samples, Problem.of(patterns, alphabet, phi), phi)


def learner(algorithm="sum-product", **changes):
    """A learner; max-sum gets soft factors."""
    fields = dict(
        algorithm=algorithm,
        schedule="offline",
        factor="soft" if algorithm == "max-sum" else "hard",
        beta=None,
        batch_size=None,
        reinforcement=0.0,
        damping=0.3,
        damped="factor-to-variable",
        initial_scale=0.0,
        tolerance=1e-6,
        max_steps=500,
        tie_tolerance=1e-9,
        output_readout="alphabet",
    )
    return Learner(**fields | changes)
