"""The problems on which engines are compared, the same for every engine."""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from sparsebp.engine.learner import Learner
from sparsebp.engine.problem import Problem
from sparsebp.network.data import PerRow, Sizes, draw_samples, draw_student, draw_teacher
from sparsebp.network.model import activation

ENTROPY, SEED = 1, 0
CHUNK_CELLS = 1 << 22
QUICK_SIZES = {1000: 60, 100_000: 90, 200: 40}


@dataclass(frozen=True)
class Case:
    """A problem, an algorithm, and how long to time it.

    Attributes:
        title: for tables and the figure.
        n: neurons per layer.
        samples: m.
        student: non-zeros per row of the student's two layers; the teacher has 2 and 2.
        alphabet: values of a weight.
        maximise: max-sum on energies, instead of sum-product on hard factors.
        reinforcement: r; 0 for none.
        check: number of updates after which all messages are compared.
        updates: engine -> updates in one timed sample.
    """

    title: str
    n: int
    samples: int
    student: tuple[int, int]
    alphabet: tuple[int, ...]
    maximise: bool
    reinforcement: float
    check: int
    updates: dict[str, int]


def learner(maximise: bool, **changes) -> Learner:
    """Max-sum, or else sum-product, offline and as in the study's chapter 2 but for ``changes``."""
    fields = dict(
        algorithm="max-sum" if maximise else "sum-product",
        schedule="offline",
        factor="soft" if maximise else "hard",
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


BINARY, TERNARY = (-1, 1), (-1, 0, 1)


def cases(quick: bool) -> list[Case]:
    """All cases; ``quick``: the same on small networks, timed briefly."""

    def case(title, n, samples, student, alphabet, reinforcement=None, **updates):
        if quick:
            n, updates = QUICK_SIZES[n], dict.fromkeys(updates, 3)
        maximise = reinforcement is not None
        title = title.format(n=f"{n:,}")
        r = reinforcement or 0.0
        return Case(title, n, samples, student, alphabet, maximise, r, 5, updates)

    dense = (2, 3), TERNARY
    return [
        case("matched, N = {n}", 1000, 2, (2, 2), BINARY, sparsebp=500, PGMax=200, plain=100),
        case("matched, N = {n}", 100_000, 2, (2, 2), BINARY, sparsebp=20, PGMax=10, plain=3),
        case("mismatched, N = {n}, hard", 200, 3, *dense, sparsebp=100, PGMax=100, plain=3),
        case("mismatched, N = {n}, max-sum", 200, 10, *dense, 0.0, sparsebp=100, PGMax=4, plain=4),
        case(
            "mismatched, N = {n}, reinforced max-sum",
            *(200, 10, *dense, 0.01),
            **dict(sparsebp=50, PGMax=4, plain=4),
        ),
    ]


class Instance(NamedTuple):
    """What a student of one case knows, in the terms of the package and as plain tables.

    Attributes:
        problem, x, y: for the package.
        configurations, table, weights: see ``plain``; the table as logarithms. In the slots of a
            factor, each output weight is followed by the input weights of its hidden neuron.
            Weights are numbered: input weights by rows, then output weights by rows.
    """

    case: Case
    problem: Problem
    x: np.ndarray
    y: np.ndarray
    configurations: np.ndarray
    table: np.ndarray
    weights: np.ndarray

    @property
    def inner_weights(self) -> int:
        """Number of input weights."""
        return self.problem.patterns.inner.size

    def inner_slots(self, messages: np.ndarray) -> np.ndarray:
        """The part of (F, W, Q) messages that belongs to input weights, (F, k_out, k_in, Q)."""
        fan_out = self.problem.patterns.outer.shape[1]
        return messages.reshape(len(messages), fan_out, -1, messages.shape[-1])[:, :, 1:]


def instance(case: Case) -> Instance:
    """Draw the teacher, the samples and the student of a case, and tabulate the factors."""
    sizes, phi = Sizes(case.n, case.n, case.n), activation("tanh", b=0.1)
    teacher = draw_teacher(sizes, PerRow(2, 2), ENTROPY, SEED)
    patterns = draw_student(teacher, PerRow(*case.student), ENTROPY, SEED)
    x, y = draw_samples(teacher, phi, case.samples, ENTROPY, SEED)
    problem = Problem.of(patterns, case.alphabet, phi)
    configurations, table = tabulate(case, patterns, phi, x, y)
    numbers = np.arange(patterns.inner.size).reshape(patterns.inner.shape)
    outer = patterns.inner.size + np.arange(patterns.outer.size).reshape(patterns.outer.shape)
    weights = np.concatenate([outer[:, :, None], numbers[patterns.outer]], axis=2)
    weights = weights.reshape(len(outer), -1)
    return Instance(case, problem, x, y, configurations, table, weights)


def tabulate(case, patterns, phi, x, y):
    """All configurations of a factor and their log-potentials (Eqs. 2.5, 3.1-3.2), straight from
    the definition of the network and without the package's own factors."""
    alphabet, (fan_in, fan_out) = np.array(case.alphabet, float), case.student
    width, states = fan_out * (1 + fan_in), len(alphabet)
    configurations = np.array(list(product(range(states), repeat=width)), dtype=np.uint8)
    values = alphabet[configurations].reshape(len(configurations), fan_out, 1 + fan_in)
    table = np.zeros((len(patterns.outer), len(configurations)))
    rows = max(1, CHUNK_CELLS // table.shape[1])
    for start in range(0, len(table), rows):
        part = slice(start, start + rows)
        columns = patterns.inner[patterns.outer[part]]
        for sample, target in zip(x, y[:, part], strict=True):
            total = 0.0
            for j in range(fan_out):
                total = total + values[:, j, 0] * phi(sample[columns[:, j]] @ values[:, j, 1:].T)
            error = target[:, None] - phi(total)
            if case.maximise:
                table[part] -= error**2
            else:
                table[part][np.abs(error) > 1e-9] = -np.inf
    return configurations, table
