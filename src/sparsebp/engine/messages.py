r"""All messages on one factor graph: their arrays, and the steps that ``updates`` makes of them.

As logarithms, up to constants, the messages of every algorithm are (Eqs. 2.6-2.8, 2.12, 3.3-3.11)

.. math::

   h_i^{(t+1)}(w_i) &= p_i(w_i) + \sum_a u_{a \to i}^{(t)}(w_i) + r\,t\,h_i^{(t)}(w_i) \\
   h_{i \to a}(w_i) &= h_i(w_i) - u_{a \to i}(w_i) \\
   u_{a \to i}(w_i) &= T \log \sum_{w_j,\, j \ne i}
   \exp \Bigl[ \bigl( e_a(w) + \sum_{j \ne i} h_{j \to a}(w_j) \bigr) / T \Bigr]

with the prior p, the reinforcement r and, for each factor, e: minus the energy of soft ones, the
logarithm of 1 or 0 of hard ones. At the temperature T = 0 the maximum takes the place of the sum.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np

from sparsebp.engine import factors as fac
from sparsebp.engine.algebras import LOWEST, WIDE
from sparsebp.engine.kernels.lanes import WIDTH, by_factor, empty, side_by_side
from sparsebp.engine.kernels.updates import Arrays, Places, step_kernel
from sparsebp.engine.learner import SMALL_TABLE
from sparsebp.engine.memory import chunks
from sparsebp.engine.problem import Beliefs


class Messages:
    """All messages on one factor graph, and the steps that update them.

    Messages of the output weights, which are leaves, take part in the steps only while their
    fields move, that is with reinforcement. Else they are computed once, at the end (section
    2.1.1), and factors that are tables have the output weights summed out beforehand.

    With method blocked there is one variable for all input weights of a hidden neuron, with the S
    joint states of these in place of k_in weights with Q states. Output weights are summed out.

    Args:
        learner: a ``learner.Learner``.
        problem: a ``problem.Problem``.
        factors: ``factors.HardFactors`` or ``factors.SoftFactors``, as the learner's rules ask for.
        prior: the ``problem.Beliefs`` that fields come from (Eq. 2.11).
        rng: of the initial messages; not used where ``initial_scale`` is 0.
        algebra: to calculate in, see ``algebras``; by default that of the learner's rules.
        room: the ``table`` of earlier messages on a graph of the same size, which are not used any
            more. The new table overwrites it. That is faster: the system clears new memory first.

    Attributes:
        table: (blocks * cells * WIDTH,) float64, the factors as the kernel takes them; empty where
            they are lists.
        steps: number of steps done.
        residual: the largest change of a message in the last step, damping left aside: in
            probability, or in log-likelihood; NaN before the first.
        converged: whether the residual is below the tolerance.
        certain: False once a message or belief has no possible value left or, where the algebra is
            not lossless, may have lost one to rounding.
        u, h: (E, k_in, Q) log-messages of the input weights, factor-to-variable and back, in units
            of energy with soft factors (Eq. 3.3); edge e = a * k_out + j joins factor a with the
            hidden neuron in its slot j.
        v, g: (E, Q) the same of the output weights.
        belief, belief_outer: log-beliefs (H, k_in, Q) and (E, Q); ones without reinforcement.
    """

    def __init__(self, learner, problem, factors, prior, rng, algebra=None, room=None):
        rules = learner.rules
        self._blocked, self._of_weights = learner.method == "blocked", problem.states
        if self._blocked:
            prior = Beliefs(problem.states.joined(prior.inner)[:, None], prior.outer)
            problem = problem.blocked
        self.learner, self.problem, self.rules, self.prior = learner, problem, rules, prior
        self.algebra = algebra or rules.algebra
        self.steps, self.residual, self.certain = 0, math.nan, True
        (outputs, k_out, _), (k_in, q) = prior.outer.shape, prior.inner.shape[1:]
        self._shape = outputs, k_out, k_in, q
        g = self._normalised(prior.outer)
        self._factors = factors
        given = self.algebra.from_logs(prior.inner)[problem.orders[1]]
        self._fielded = self._moving or bool((given != self.algebra.one).any())
        given, given_outer = side_by_side(given, self.algebra.one), self._lanes(prior.outer)
        self.table, self._lists = self._for_kernel(g, room)
        self._starts_to_factors = learner.starts_to_factors
        self._arrays = Arrays(
            self._first(self._shape, rng),
            self._first(prior.outer.shape, rng),
            self._first_to_factors(rng),
            self._lanes(g),
            given.copy() if self._moving else given,
            given,
            *self._first_beliefs(given, given_outer),
            self.table,
            empty(0),
            empty(0),
        )
        self._places = Places(*problem.places)
        self._kernel = step_kernel(*self._kind())

    _moving = property(lambda self: self.rules.reinforcement > 0)
    u = property(lambda self: self._logs(self._arrays.u, self._shape[2:]))
    h = property(lambda self: self._logs(self._arrays.h, self._shape[2:]))
    v = property(lambda self: self._logs(self._arrays.v, self.prior.outer.shape[2:]))
    g = property(lambda self: self._logs(self._arrays.g, self.prior.outer.shape[2:]))
    belief_outer = property(
        lambda self: self._logs(self._arrays.belief_outer, self.prior.outer.shape[2:])
    )

    @property
    def converged(self):
        return self.certain and self.residual < self.learner.tolerance

    @property
    def belief(self):
        belief = np.empty_like(self.prior.inner)
        belief[self.problem.orders[1]] = by_factor(self._arrays.belief, belief.shape)
        return self.algebra.to_logs(belief)

    def receive(self, u: np.ndarray) -> None:
        """Take others in place of the messages ``u``, as logarithms that are normalised."""
        self._arrays.u[:] = self._lanes(u.reshape(self._shape))

    def run(self, steps: int, threads: int = 1) -> int:
        """Update all messages, up to ``steps`` times. Returns how many steps were done.

        Ends early on convergence or when in doubt. With several threads each works on a range of
        hidden neurons, then of factors; results do not depend on their number.
        """
        hidden, factors = (-(-size // WIDTH) for size in (len(self.prior.inner), self._shape[0]))
        if self._starts_to_factors and steps:
            # The messages h are there: the first step makes the messages u of them.
            self._starts_to_factors = False
            done, self.residual, self.certain = self._call(1, (0, 0, 0, 0, 0, factors))
            self.steps += done
            go_on = self.certain and not self.converged and steps > done
            return done + (self.run(steps - done, threads) if go_on else 0)
        if threads == 1:
            ranges = 0, hidden, 0, factors, 0, factors
            done, self.residual, self.certain = self._call(steps, ranges)
            self.steps += done
        else:
            # All threads do one part of a step, then the next: fields, messages h, messages u.
            parts = [
                [(*before, start, stop, *after) for start, stop in _parts(blocks, threads)]
                for before, blocks, after in (
                    ((), hidden, (0, 0, 0, 0)),
                    ((0, 0), factors, (0, 0)),
                    ((0, 0, 0, 0), factors, ()),
                )
            ]
            done, self.residual = 0, math.nan
            with ThreadPoolExecutor(threads) as pool:
                while done < steps and self.certain and not self.converged:
                    found = [
                        one
                        for part in parts[not self._moving :]
                        for one in pool.map(lambda ranges: self._call(1, ranges), part)
                    ]
                    _, changes, certain = zip(*found, strict=True)
                    self.certain, self.residual = all(certain), max(changes)
                    done, self.steps = done + 1, self.steps + 1
        return done

    def _call(self, steps, ranges):
        """Have the kernel do up to ``steps`` steps in ranges of blocks, see ``step_kernel``."""
        learner, rules, (outputs, k_out, _, _) = self.learner, self.rules, self._shape
        weights = [x for alpha in learner.dampings for x in self.algebra.weights(alpha)]
        size = k_out * len(self.problem.states.class_output) * WIDTH if self._listed else 0
        return self._kernel(
            steps,
            self.steps,
            (*ranges, outputs),
            self._fielded,
            (float(rules.temperature), rules.reinforcement, float(learner.tolerance), *weights),
            self._arrays._replace(joined=empty(size), told=empty(size)),
            self._places,
            self._lists,
        )

    def final_beliefs(self) -> Beliefs:
        """Log-beliefs after the steps done, of the output weights too (Eqs. 3.6, 3.8, 3.10, A.7).

        Sets ``certain``.
        """
        inner, outer = self.prior
        received = self.u[self.problem.readers]
        if self._moving:
            strength = self.rules.reinforcement * self.steps
            inner = inner + _saturated(strength * self.belief)
            outer = outer + _saturated(strength * self.belief_outer.reshape(outer.shape))
            v = self.v
        elif not self._blocked:
            v = self._output_messages()
        inner = inner + received.sum(axis=1)
        if self._blocked:
            outer = self._blocked_output_beliefs(received)
            inner = self._of_weights.marginals(inner[:, 0], self.rules.temperature)
        else:
            outer = outer + v.reshape(outer.shape)
        least = min(part.max(axis=-1).min() for part in (inner, outer))
        self.certain &= bool(least > self.algebra.to_logs(np.array(self.algebra.least_belief)))
        if not self.certain:
            return self.prior
        parts = (part - part.max(axis=-1, keepdims=True) for part in (inner, outer))
        return Beliefs(*map(_saturated, parts))

    def _output_messages(self):
        """The messages v (Eq. 2.8) after the steps done, from a step with output weights in it.

        In wide numbers: they depend on all input weights of a factor, and may be very small.
        """
        learner = replace(self.learner, damping=0.0, initial_scale=0.0)
        algebra = WIDE.get(self.algebra, self.algebra)
        how = learner, self.problem, self._factors, self.prior, None, algebra
        one_more = _OfAllWeights(*how)
        one_more.receive(self.u)
        one_more.run(1)
        self.certain &= one_more.certain
        return one_more.v

    def _blocked_output_beliefs(self, received):
        """The beliefs of the output weights from the messages u, (hidden, D, 1, S)."""
        inner, outer = self.prior
        h = np.empty((outer.shape[0] * outer.shape[1], inner.shape[2]))
        # As sums over the others: what is impossible cannot be taken off again.
        for d, edges in enumerate(self.problem.readers.T):
            h[edges] = (inner + np.delete(received, d, axis=1).sum(axis=1))[:, 0]
        states, temperature = self.problem.states, self.rules.temperature
        return fac.output_beliefs(self._factors, states, h, outer, temperature)

    @property
    def _listed(self) -> bool:
        """Whether factors are lists of configurations, and not tables."""
        if isinstance(self._factors, fac.SoftFactors) or self._blocked:
            return False
        return self._moving or not self._better_as_table()

    def _better_as_table(self) -> bool:
        """Whether a table over input states is less work than the list of configurations."""
        outputs, k_out, _, _ = self._shape
        entries = len(self._factors.configurations) / outputs
        return len(self.problem.states.tuples) ** k_out <= max(SMALL_TABLE, 4 * entries)

    def _kind(self):
        """Of the kernel, see ``updates.Kind``."""
        (_, k_out, k_in, q), problem = self._shape, self.problem
        return (
            self.algebra.__name__,
            k_in,
            k_out,
            q,
            problem.readers.shape[1],
            problem.states.blank,
            self._listed,
            self._moving,
            self.learner.dampings[1] > 0,
        )

    def _for_kernel(self, g, room):
        """What the kernel takes for the factors: a table, and lists of configurations."""
        problem, factors, order = self.problem, self._factors, self.problem.orders[0]
        if self._listed:
            bounds = np.stack([factors.offsets[:-1], factors.offsets[1:]], axis=1)[order]
            return empty(0), (bounds, factors.configurations.astype(np.uint16).ravel())
        outputs, k_out, _, _ = self._shape
        cells = (factors.states if self._moving else len(problem.states.tuples)) ** k_out
        field = g if self.algebra.lossless else self.algebra.from_logs(g)
        soft = isinstance(factors, fac.SoftFactors) and not self._moving
        work = problem.states.classes.size * factors.states ** (k_out - 1) if soft else cells
        table = empty(-(-outputs // WIDTH) * cells * WIDTH) if room is None else room
        for blocks in chunks(-(-outputs // WIDTH), work * WIDTH):
            rows = order[blocks.start * WIDTH : blocks.stop * WIDTH]
            part = side_by_side(self._table(rows, field), self.algebra.one)
            at = blocks.start * cells * WIDTH
            table[at : at + part.size] = part
        return table, (np.empty((0, 2), np.int64), np.empty(0, np.uint16))

    def _table(self, rows, field):
        """The table of some factors, (n, cells of one)."""
        if self._moving:
            return self._factors.table[rows]
        logs, states = self.algebra.lossless, self.problem.states
        temperature = self.rules.temperature
        table = fac.sum_out_outputs(self._factors, rows, states, field, logs, temperature)
        return self.algebra.from_logs(table) if logs else table

    def _first(self, shape, rng):
        """The first messages from factors: uniform, or random."""
        if self.learner.initial_scale > 0 and not self._starts_to_factors:
            return self._lanes(self._normalised(self.learner.first_logs(rng, shape)))
        uniform = self._normalised(np.zeros(shape[-1]))
        return self._filled(shape, self.algebra.from_logs(uniform)[0])

    def _first_to_factors(self, rng):
        """The first messages h: the priors at random, or what the first step replaces."""
        if not self._starts_to_factors:
            return self._filled(self._shape, self.algebra.one)
        fields = self.prior.inner[self.problem.patterns.outer]
        return self._lanes(self._normalised(fields + self.learner.first_logs(rng, self._shape)))

    def _first_beliefs(self, given, given_outer):
        """The beliefs before the first step; where that has no fields, what these would be."""
        if self._starts_to_factors:
            return given.copy(), given_outer, given_outer.copy()
        one = self.algebra.one
        return np.full_like(given, one), given_outer, np.full_like(given_outer, one)

    def _filled(self, shape, number):
        flat = empty(-(-shape[0] // WIDTH) * WIDTH * math.prod(shape[1:]))
        flat[:] = number
        return flat

    def _normalised(self, logs):
        """Logarithms as messages are: of numbers that sum to one, or whose maximum is zero."""
        total = fac.log_sum(logs, 1.0 if self.algebra.probability else 0.0, axis=-1)
        return logs - np.where(total == -np.inf, 0.0, total)[..., None]

    def _lanes(self, logs):
        numbers = self.algebra.from_logs(logs)[self.problem.orders[0]]
        return side_by_side(numbers, self.algebra.one)

    def _logs(self, flat, shape):
        """Messages of all edges, (E, ...), from how the kernel has them."""
        found = np.empty(self._shape[:2] + shape)
        found[self.problem.orders[0]] = by_factor(flat, found.shape)
        return self.algebra.to_logs(found.reshape(-1, *shape))


class _OfAllWeights(Messages):
    """Messages with those of the output weights in each step, whether or not their fields move."""

    _moving = True


def _saturated(logs):
    """Log-fields that never grow into impossible ones, see ``algebras.MaxPlus.power``."""
    return np.where(logs == -np.inf, -np.inf, np.maximum(logs, LOWEST))


def _parts(blocks, count):
    return list(pairwise(np.linspace(0, blocks, count + 1).astype(int).tolist()))
