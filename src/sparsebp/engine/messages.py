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

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np

from sparsebp.engine import factors as fac
from sparsebp.engine.kernels.algebras import LEAST_BELIEF, LOWEST, from_logs, to_logs
from sparsebp.engine.kernels.lanes import WIDTH, by_factor, side_by_side
from sparsebp.engine.kernels.updates import step_kernel
from sparsebp.engine.learner import LOG_SUM, MAX_TIMES
from sparsebp.engine.problem import Beliefs


class Messages:
    """All messages on one factor graph, and the steps that update them.

    Messages of the output weights, which are leaves, take part in the steps only while their
    fields move, that is with reinforcement, unless ``leaves`` says otherwise. Else they are
    computed once, at the end (section 2.1.1), and factors that are tables have the output weights
    summed out beforehand. With ``in_logs`` hard factors too are calculated in logarithms.

    With method blocked there is one variable for all input weights of a hidden neuron, with the S
    joint states of these in place of k_in weights with Q states. Output weights are summed out.

    Args:
        learner: a ``learner.Learner``.
        problem: a ``problem.Problem``.
        factors: ``factors.HardFactors`` or ``factors.SoftFactors``, as the learner's rules ask for.
        prior: the ``problem.Beliefs`` that fields come from (Eq. 2.11).
        rng: of the initial messages; not used where ``initial_scale`` is 0.
        in_logs, leaves: as above.

    Attributes:
        steps: number of steps done.
        converged: whether no message changed by the tolerance or more in the last step.
        certain: False once a message or belief has no possible value left or, with probabilities,
            may have lost one to rounding.
        logarithmic: whether the algebra is one of logarithms, in which that is a contradiction.
        u, h: (E, k_in, Q) log-messages of the input weights, factor-to-variable and back, in units
            of energy with soft factors (Eq. 3.3); edge e = a * k_out + j joins factor a with the
            hidden neuron in its slot j.
        v, g: (E, Q) the same of the output weights.
        belief, belief_outer: log-beliefs (H, k_in, Q) and (E, Q); ones without reinforcement.
    """

    def __init__(self, learner, problem, factors, prior, rng, in_logs=False, leaves=None):
        rules = learner.rules
        self._blocked, self._of_weights = learner.method == "blocked", problem.states
        if self._blocked:
            prior = Beliefs(problem.states.joined(prior.inner)[:, None], prior.outer)
            problem = problem.blocked()
        self.learner, self.problem, self.rules, self.prior = learner, problem, rules, prior
        self.algebra = LOG_SUM if in_logs and rules.probability else rules.algebra
        self.logarithmic = self.algebra > MAX_TIMES
        self.steps, self.converged, self.certain = 0, False, True
        (hidden, k_in, q), (outputs, k_out, _) = (part.shape for part in prior)
        damping = float(learner.damping)
        self._damping = (
            damping if learner.damped in ("factor-to-variable", "both") else 0.0,
            damping if learner.damped in ("variable-to-factor", "both") else 0.0,
        )
        self._tolerance = float(learner.tolerance)

        self._shape = outputs, k_out, k_in, q
        u, v = np.zeros(self._shape), np.zeros(prior.outer.shape)
        if learner.initial_scale > 0:
            u = rng.normal(0.0, learner.initial_scale, u.shape)
            v = rng.normal(0.0, learner.initial_scale, v.shape)
        g = self._normalised(prior.outer)
        self._u, self._v, self._g = map(self._lanes, (self._normalised(u), self._normalised(v), g))
        self._h = self._lanes(np.zeros(self._shape))
        self._undamped_h = self._h.copy() if self._damping[1] > 0 else self._h
        order, hidden_order = problem.orders
        self._given = from_logs(prior.inner, self.logarithmic)[hidden_order].ravel()
        self._given_outer = self._lanes(prior.outer)
        self._belief = np.full_like(self._given, self._one)
        self._belief_outer = np.full_like(self._given_outer, self._one)
        self._factors, self._moving = factors, rules.reinforcement > 0 if leaves is None else leaves
        self._fields = self._given.copy() if self._moving else self._given

        a, j = np.divmod(problem.readers[hidden_order], k_out)
        rank = np.empty_like(order)
        rank[order] = np.arange(outputs)
        block, lane = np.divmod(rank[a], WIDTH)
        self._positions = ((block * k_out + j) * (k_in * q * WIDTH) + lane).ravel()
        self._everything = (0, hidden), (0, -(-outputs // WIDTH))
        self._kernel = step_kernel(self.algebra, k_in, k_out, q, problem.readers.shape[1])
        if self._moving or not (self._blocked or self._better_as_table()):
            self._stepped = self._with_outputs()
        else:
            field, temperature = from_logs(g, self.logarithmic), rules.temperature
            table = fac.sum_out_outputs(factors, problem.states, field, self.algebra, temperature)
            self._stepped = self._for_kernel(table, None, 0)

    u = property(lambda self: self._logs(self._u, self._shape[2:]))
    h = property(lambda self: self._logs(self._h, self._shape[2:]))
    v = property(lambda self: self._logs(self._v, self.prior.outer.shape[2:]))
    g = property(lambda self: self._logs(self._g, self.prior.outer.shape[2:]))
    belief_outer = property(lambda self: self._logs(self._belief_outer, self.prior.outer.shape[2:]))

    @property
    def belief(self):
        belief = np.empty_like(self.prior.inner)
        belief[self.problem.orders[1]] = self._belief.reshape(belief.shape)
        return to_logs(belief, self.logarithmic)

    def run(self, steps: int, threads: int = 1) -> int:
        """Update all messages, up to ``steps`` times. Returns how many steps were done.

        Ends early on convergence or when in doubt. With several threads each works on a range of
        hidden neurons, then of factors; results do not depend on their number.
        """
        arguments = self._arguments()
        if threads == 1:
            done, change, self.certain = self._kernel(
                steps, self.steps, *self._everything, *arguments, self._stepped
            )
            self.steps += done
        else:
            done = 0
            hidden, blocks = (_parts(start, stop, threads) for start, stop in self._everything)
            halves = [(part, (0, 0)) for part in hidden], [((0, 0), part) for part in blocks]
            with ThreadPoolExecutor(threads) as pool:
                while done < steps and self.certain:
                    for half in halves:
                        found = pool.map(
                            lambda part: self._kernel(
                                1, self.steps, *part, *arguments, self._stepped
                            ),
                            half,
                        )
                        _, changes, certain = zip(*found, strict=True)
                        self.certain &= all(certain)
                    change, done, self.steps = max(changes), done + 1, self.steps + 1
                    if change < self._tolerance:
                        break
        self.converged = self.certain and change < self._tolerance
        return done

    def final_beliefs(self) -> Beliefs:
        """Log-beliefs after the steps done, of the output weights too (Eqs. 3.6, 3.8, 3.10, A.7).

        Sets ``certain``.
        """
        inner, outer = self.prior
        received = self.u[self.problem.readers]
        if self._moving:
            strength = self.rules.reinforcement * self.steps
            inner = inner + _saturated(strength, self.belief)
            outer = outer + _saturated(strength, self.belief_outer.reshape(outer.shape))
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
        self.certain &= bool(least > (-np.inf if self.logarithmic else np.log(LEAST_BELIEF)))
        if not self.certain:
            return self.prior
        return Beliefs(*(part - part.max(axis=-1, keepdims=True) for part in (inner, outer)))

    def _output_messages(self):
        """The messages v (Eq. 2.8) after the steps done, from a step with output weights in it.

        In logarithms: they depend on all input weights of a factor, and may be very small.
        """
        learner = replace(self.learner, damping=0.0, initial_scale=0.0)
        one_more = Messages(
            learner, self.problem, self._factors, self.prior, None, in_logs=True, leaves=True
        )
        one_more._u = one_more._lanes(self.u.reshape(self._shape))
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

    def _arguments(self):
        """What the kernel takes between the ranges to update and the factors."""
        rules = self.rules
        numbers = float(rules.temperature), rules.probability, rules.reinforcement
        return (
            (*numbers, *self._damping, self._tolerance),
            self._positions,
            (self._given, self._belief, self._fields),
            (self._given_outer, self._belief_outer, self._moving),
            (self._u, self._v, self._g, self._h, self._undamped_h),
        )

    def _better_as_table(self) -> bool:
        """Whether a table over input states is less work than the list of configurations."""
        if isinstance(self._factors, fac.SoftFactors):
            return True
        outputs, k_out, _, _ = self._shape
        entries = len(self._factors.configurations) / outputs
        return len(self.problem.states.tuples) ** k_out <= max(256, 4 * entries)

    def _with_outputs(self):
        """The factors over classes, that is with the output weights in them, for the kernel."""
        factors = self._factors
        if isinstance(factors, fac.SoftFactors):
            return self._for_kernel(factors.table, None, factors.states)
        return self._for_kernel(None, factors, factors.states)

    def _for_kernel(self, table, lists, classes):
        """What the kernel takes for the factors: a table, or lists of configurations."""
        states, order = self.problem.states, self.problem.orders[0]
        blank = np.flatnonzero(states.alphabet == 0)
        bounds, configurations = np.empty((0, 2), np.int64), np.empty(0, np.uint16)
        if lists is not None:
            bounds = np.stack([lists.offsets[:-1], lists.offsets[1:]], axis=1)[order]
            configurations = lists.configurations.astype(np.uint16).ravel()
        return (
            len(order),
            np.empty(0) if table is None else side_by_side(table[order], self._one),
            bounds,
            configurations,
            classes,
            states.classes[:, 0].copy(),
            int(blank[0]) if len(blank) else -1,
        )

    @property
    def _one(self) -> float:
        return 0.0 if self.logarithmic else 1.0

    def _normalised(self, logs):
        """Logarithms as messages are: of numbers that sum to one, or whose maximum is zero."""
        total = fac.log_sum(logs, 1.0 if self.rules.probability else 0.0, axis=-1)
        return logs - np.where(total == -np.inf, 0.0, total)[..., None]

    def _lanes(self, logs):
        return side_by_side(from_logs(logs, self.logarithmic)[self.problem.orders[0]], self._one)

    def _logs(self, flat, shape):
        """Messages of all edges, (E, ...), from how the kernel has them."""
        found = np.empty(self._shape[:2] + shape)
        found[self.problem.orders[0]] = by_factor(flat, found.shape)
        return to_logs(found.reshape(-1, *shape), self.logarithmic)


def _saturated(strength, belief):
    """A reinforced belief as the kernels have it, see ``algebras.power``."""
    return np.where(belief == -np.inf, -np.inf, np.maximum(strength * belief, LOWEST))


def _parts(start, stop, count):
    bounds = np.linspace(start, stop, count + 1).astype(int).tolist()
    return list(pairwise(bounds))
