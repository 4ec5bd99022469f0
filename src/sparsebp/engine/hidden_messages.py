"""Messages on the factor graph with hidden variables (appendix B), for any number of layers.

What ``messages`` is to the factor graph of section 2.1, for the same loop in ``learning``. A hidden
variable is one neuron's values for all samples of a batch, of which there are finitely many, see
``reachable``; so small batches are learnt without approximating them.
"""

from dataclasses import dataclass, replace

import numpy as np

from sparsebp.engine import reachable
from sparsebp.engine.algebras import WIDE
from sparsebp.engine.kernels.hidden_updates import hidden_kernel
from sparsebp.engine.memory import chunks
from sparsebp.engine.problem import Beliefs
from sparsebp.network.data import checked_data

CELLS = 16
"""How many numbers of memory it takes to convert one number of a message, as ``chunks`` counts. It
is large enough for a chunk to stay in the cache."""


@dataclass(eq=False)
class HiddenGraph:
    """The factor graph of one batch, Eq. B.5: of each factor the configurations where it is 1.

    Attributes:
        values: what each layer's neurons can be, the inputs' first, the last hidden layer's last.
        arrays: as the kernel takes them, see ``hidden_updates``.
        configurations: of all factors, likewise.
    """

    values: list[reachable.Values]
    arrays: tuple[np.ndarray, ...]
    configurations: tuple[np.ndarray, np.ndarray]


def hidden_graph(problem, x, y, max_values: int, memory_gib: float) -> HiddenGraph:
    """Build the factor graph of a batch, Eq. B.5.

    Args:
        problem: what the student knows.
        x, y: (samples, input) and (samples, output).
        max_values, memory_gib: see ``reachable.hidden_layer``.

    Raises:
        ValueError: samples are not for this network, see ``data.checked_data``; lists of
            configurations would need more memory than allowed.
    """
    x, y = checked_data(problem.patterns.inner, problem.patterns.outer, x, y)
    (*hidden, outer), alphabet, phi = problem.patterns, problem.states.alphabet, problem.phi
    values, found = [reachable.given(x)], []
    for topology in hidden:
        layer, configurations = reachable.hidden_layer(
            values[-1], topology, alphabet, phi, max_values, memory_gib
        )
        values.append(layer)
        found.append(configurations)
    found.append(reachable.output_layer(values[-1], outer, alphabet, phi, y, memory_gib))

    counts = [layer.counts for layer in values]
    neurons = np.cumsum([0, *map(len, counts)])
    read = np.concatenate(
        [(first + part).ravel() for first, part in zip(neurons, problem.patterns, strict=False)]
    )
    number = np.concatenate([*counts, np.ones(len(outer), int)])
    slots = np.concatenate([np.full(len(part), part.shape[1]) for part in problem.patterns])
    readers = np.bincount(read, minlength=len(number))
    starts = map(_starts, (number, slots, number[read], readers))
    values_at, slots_at, downs_at, readers_at = starts
    order = np.argsort(read, kind="stable")
    whole = values_at, slots_at, read, downs_at, readers_at, order
    lengths = np.concatenate([np.diff(part.offsets) for part in found])
    states = np.concatenate([part.states.ravel() for part in found])
    arrays = tuple(part.astype(np.int64) for part in whole)
    return HiddenGraph(values, arrays, (_starts(lengths), states))


def _starts(lengths) -> np.ndarray:
    return np.append(0, np.cumsum(lengths))


class HiddenMessages:
    """All messages on a factor graph with hidden variables, and the steps that update them.

    The messages of weights, which are leaves, are computed once, at the end. Attributes in
    common with ``messages.Messages``: steps, residual, converged, certain, algebra.

    Args:
        learner: a ``learner.Learner``.
        problem: a ``problem.Problem``.
        graph: what hidden variables can be, and how they and the weights go together.
        prior: the ``problem.Beliefs`` that the fields of the weights come from.
        rng: of the initial messages; not used where ``initial_scale`` is 0.
        algebra: to calculate in, see ``algebras``; by default that of the learner's rules.
        messages: to start from, as ``_up`` and ``_down``, changed in place; by default new ones.

    Attributes:
        up, down: flat log-messages of factors to hidden variables, see ``hidden_updates``.
        u: both.
    """

    def __init__(self, learner, problem, graph: HiddenGraph, prior, rng, algebra=None, messages=()):
        rules = learner.rules
        self.learner, self.problem, self.graph, self.prior = learner, problem, graph, prior
        self.algebra = algebra or rules.algebra
        self.steps, self.residual, self.certain = 0, np.nan, True
        weights = self.algebra.weights(float(learner.damping))
        self._rules = rules.temperature, float(learner.tolerance), *weights
        given = np.concatenate([part.ravel() for part in prior])
        self._prior = self.algebra.from_logs(given)
        values, _, _, downs, _, _ = graph.arrays
        self._up, self._down = messages or (
            _first(starts, learner, rng, self.algebra) for starts in (values, downs)
        )
        self._back = np.empty_like(self._up), np.empty_like(self._down), np.empty(0)
        self._kernel = hidden_kernel(self.algebra.__name__, learner.damping > 0)

    converged = property(lambda self: self.certain and self.residual < self._rules[1])
    up = property(lambda self: self.algebra.to_logs(self._up))
    down = property(lambda self: self.algebra.to_logs(self._down))
    u = property(lambda self: np.concatenate([self.up, self.down]))

    def run(self, steps: int, threads: int = 1) -> int:
        """Update all messages, up to ``steps`` times. Returns how many steps were done.

        Ends early on convergence or when in doubt. One thread does all, whatever ``threads`` allow.
        """
        done, self.residual, self.certain = self._kernel(
            steps,
            self._rules,
            self.graph.arrays,
            self.graph.configurations,
            self._prior,
            (self._up, self._down, *self._back),
        )
        self.steps += done
        return done

    def final_beliefs(self) -> Beliefs:
        """Log-beliefs of all weights after the steps done (Eq. A.7). Sets ``certain``.

        They estimate the marginals of the posterior, Eq. B.2.

        In wide numbers: they depend on all that a factor is told, and may be very small.
        """
        learner = replace(self.learner, damping=0.0)
        algebra = WIDE.get(self.algebra, self.algebra)
        now = [_converted(part, self.algebra, algebra) for part in (self._up, self._down)]
        last = HiddenMessages(learner, self.problem, self.graph, self.prior, None, algebra, now)
        last._back = *self._back[:2], np.empty_like(last._prior)
        last.run(1)
        told, beliefs, at = algebra.to_logs(last._back[2]), [], 0
        for part in self.prior:
            belief = part + told[at : at + part.size].reshape(part.shape)
            beliefs.append(belief - belief.max(axis=-1, keepdims=True))
            at += part.size
        self.certain &= last.certain and not any(np.isnan(part).any() for part in beliefs)
        return Beliefs(*beliefs) if self.certain else self.prior


def _converted(numbers, algebra, other) -> np.ndarray:
    """An array of ``numbers`` of an ``algebra`` as those of the ``other``, always a new one."""
    found = np.empty_like(numbers)
    for part in chunks(len(numbers), CELLS):
        found[part] = other.from_logs(algebra.to_logs(numbers[part]))
    return found


def _first(starts, learner, rng, algebra) -> np.ndarray:
    """First messages, uniform or at random, each over so many values as it starts before the
    next."""
    counts = np.diff(starts)
    if learner.initial_scale > 0:
        logs = learner.first_logs(rng, starts[-1])
        return algebra.from_logs(logs - np.repeat(np.logaddexp.reduceat(logs, starts[:-1]), counts))
    sizes, which = np.unique(counts, return_inverse=True)
    totals = np.array([np.logaddexp.reduce(np.zeros(size)) for size in sizes])
    return np.repeat(algebra.from_logs(-totals)[which], counts)
