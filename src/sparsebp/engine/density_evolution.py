r"""Density evolution: message passing for N to infinity, where a network is locally a tree.

In a large random network messages that meet at a factor come from parts of the graph that have
nothing in common. So they are independent draws from one distribution, and one step of message
passing turns it into the next: it depends on the degrees, the alphabet and the samples alone, and
not on the network. Its fixed point predicts the errors without a network and without a fit.

The distribution is represented by a population. An element is an edge between a hidden neuron and
an output: the inputs that the neuron saw, which all its readers see likewise, its true weights, and
the message that it got last, over the joint states of its input weights (method blocked). In each
step the outputs read other hidden neurons: edges are dealt to the slots of the outputs anew, those
of the teacher's weights and the superfluous ones among themselves, and the teacher's answers follow
from what is read. Then the messages of Eq. A.5 are multiplied over the other readers, and those of
Eq. A.6 summed, as in any other step. So messages that meet have not met before, and no loop is
ever closed. The last steps are done with the network as it is, so that beliefs and estimates are
those of its weights, and all errors are measured as those of a training. One such step would do for
errors of single weights. The error of an output depends on weights that are wrong together, and
beliefs of neighbours go together only if they come from the same messages. The steps are fewer than
most loops of a large network are long. The spread of errors over simulations is that of the size of
the population, N.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sparsebp.engine import factors as fac
from sparsebp.engine.layout import readers
from sparsebp.engine.learner import RANDOM_START, Learner
from sparsebp.engine.messages import Messages
from sparsebp.engine.problem import Beliefs, Problem
from sparsebp.network.data import Patterns, Samples
from sparsebp.network.model import MATCH_TOLERANCE, Layer, forward
from sparsebp.network.patterns import on_pattern

WINDOW = 5
"""Steps whose means are compared, to see whether a population has settled."""

LAST = 5
"""Steps with the network as it is: how far apart beliefs can be and still go together."""


class Population:
    """The messages from outputs to hidden neurons in a network without loops.

    Args:
        learner: with method density-evolution.
        problem: what the student knows, and its teacher.
        x: (samples, input).
        rng: of the initial messages, and of the edges that are dealt.
        memory_gib: the largest table or list of configurations.
        algebra: to calculate in, see ``algebras``.

    Attributes:
        steps: number of steps done.
        certain: see ``messages.Messages``.
        u: (E, S) log-messages to the hidden neuron of each edge e = a * k_out + j about its joint
            state.
    """

    def __init__(self, learner, problem, x, rng, memory_gib, algebra):
        taken_over = ("algorithm", "factor", "beta", "initial_scale", *RANDOM_START)
        values = {key: getattr(learner, key) for key in taken_over}
        self._learner = Learner(**values, method="blocked", damping=0.0)
        self._problem, self._x, self._rng = problem, x, rng
        self._memory_gib, self._algebra = memory_gib, algebra
        self._outer, teacher = problem.patterns.outer, problem.teacher
        self._hidden = forward([teacher.inner], problem.phi, x)
        self._weights = on_pattern(teacher.outer.weights, teacher.outer.topology, self._outer)
        there = self._weights.ravel() != 0
        self._kinds = np.flatnonzero(there), np.flatnonzero(~there)
        self.steps, self.certain, self.u, self._room = 0, True, None, None

    def step(self, threads: int = 1) -> None:
        """Deal the edges, and update all messages. ``threads``: see ``messages.Messages.run``."""
        dealt = np.arange(self._weights.size)
        for kind in self._kinds:
            dealt[kind] = self._rng.permutation(kind)
        self._update(dealt, threads)

    def final_beliefs(self, threads: int = 1) -> Beliefs:
        """Log-beliefs after more steps with the network as it is. Sets ``certain``.

        They are ``LAST``, or fewer if messages do not change any more.

        Args:
            threads: see ``messages.Messages.run``.
        """
        now = self._update(np.arange(self._weights.size), threads, LAST)
        beliefs = now.final_beliefs()
        self.certain &= now.certain
        return beliefs

    def _update(self, dealt: np.ndarray, threads: int, steps: int = 1) -> Messages:
        """Steps in which each slot of an output reads through the edge that it was dealt."""
        outer = self._outer.ravel()[dealt].reshape(self._outer.shape)
        y = forward([Layer(outer, self._weights)], self._problem.phi, self._hidden)
        problem = replace(
            self._problem,
            patterns=Patterns(self._problem.patterns.inner, outer),
            readers=readers(outer, len(self._problem.readers)),
        )
        make: Callable = fac.soft_factors if self._learner.rules.soft else fac.hard_factors
        where = problem.states, *problem.patterns, problem.phi, self._x, y
        factors, prior = make(*where, self._memory_gib), Beliefs.uniform(problem)
        how = self._learner, problem, factors, prior, self._rng, self._algebra
        now = Messages(*how, room=self._room)
        if self.u is not None:
            now.receive(self.u[dealt])
        self.steps += now.run(steps, threads)
        self._room = now.table
        self.u = np.empty((dealt.size, len(problem.states.tuples)))
        self.u[dealt] = now.u.reshape(self.u.shape)
        self._learner = replace(self._learner, initial_scale=0.0)  # of the first step alone
        self.certain &= now.certain
        return now


def evolve(
    learner: Learner,
    problem: Problem,
    x: np.ndarray,
    rng: np.random.Generator,
    memory_gib: float,
    threads: int = 1,
) -> tuple[Beliefs, int, bool, bool]:
    r"""Let a population settle, and take the beliefs that it leads to.

    It has settled once the mean of :math:`\sum_s u(s)^2` over its messages, which says how
    decided they are, is the same in the last ``WINDOW`` steps as in those before: to two standard
    errors of the difference (from the spread in the last steps), or to the learner's tolerance.

    Args:
        learner, problem, x, rng, memory_gib: see ``Population``.
        threads: how many work side by side; results do not depend on it.

    Returns:
        Beliefs, number of steps, whether it has settled, and whether all messages are certain.

    Raises:
        ValueError: the factors would need more memory than allowed.
    """
    start = rng.bit_generator.state
    for algebra in learner.algebras:
        rng.bit_generator.state = start
        population = Population(learner, problem, x, rng, memory_gib, algebra)
        decided: list[float] = []
        settled = False
        while population.certain and not settled and population.steps < learner.max_steps:
            population.step(threads)
            decided.append(float(np.exp(2 * population.u).sum(axis=1).mean()))
            settled = _settled(decided, learner.tolerance)
        beliefs = population.final_beliefs(threads)
        if population.certain:
            break
    return beliefs, population.steps, settled, population.certain


def _settled(values: list[float], tolerance: float) -> bool:
    if len(values) < 2 * WINDOW:
        return False
    last, before = values[-WINDOW:], values[-2 * WINDOW : -WINDOW]
    error = np.std(last, ddof=1) * np.sqrt(2 / WINDOW)
    return bool(abs(np.mean(last) - np.mean(before)) < max(2 * error, tolerance))


def check(problem: Problem, samples: Samples) -> None:
    """Raise ValueError unless density evolution is for a student and its samples.

    Args:
        problem: what the student knows. Its patterns have to contain the teacher's.
        samples: the answers have to be the teacher's, without noise.
    """
    teacher = problem.teacher
    if teacher is None:
        raise ValueError(
            "method density-evolution needs the teacher, of whose weights it predicts the errors"
        )
    for layer, pattern in zip(teacher, problem.patterns, strict=True):
        alike = len(layer.topology) == len(pattern)
        if not (alike and on_pattern(np.ones_like(pattern), pattern, layer.topology).all()):
            raise ValueError(
                "method density-evolution needs a student whose patterns contain the teacher's"
            )
    answers = forward(teacher, problem.phi, samples.x)
    if not np.allclose(answers, samples.y, rtol=0, atol=MATCH_TOLERANCE):
        raise ValueError(
            "method density-evolution predicts the errors with the teacher's own answers; others "
            "are given, as with noise"
        )
