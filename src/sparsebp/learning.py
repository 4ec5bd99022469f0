"""Learning by message passing: one loop for every algorithm and schedule.

An algorithm is its ``algorithms.Rules``. A schedule is the sequence of batches that
``algorithms.batches`` yields; after each batch the beliefs become the prior fields of the next
(Eqs. 2.10-2.11), except offline, where every number of samples starts afresh.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sparsebp import factors as fac
from sparsebp import messages as msg
from sparsebp.algorithms import Learner, Status, batches
from sparsebp.data import Patterns, Samples, Stream, generator
from sparsebp.graph import readers
from sparsebp.model import Activation


class Problem(NamedTuple):
    """What a student knows before it sees data: its patterns, alphabet and activation."""

    patterns: Patterns
    states: fac.HiddenStates
    readers: np.ndarray
    phi: Activation

    @classmethod
    def of(cls, patterns: Patterns, alphabet, phi: Activation) -> "Problem":
        """Prepare a student with weights in ``alphabet`` on ``patterns``."""
        hidden, fan_in = patterns.inner.shape
        states = fac.HiddenStates.of(alphabet, fan_in)
        return cls(patterns, states, readers(patterns.outer, hidden), phi)


class Beliefs(NamedTuple):
    """Log-beliefs with maximum zero: inner (H, k_in, Q), outer (output, k_out, Q), float64."""

    inner: np.ndarray
    outer: np.ndarray

    @classmethod
    def uniform(cls, problem: Problem) -> "Beliefs":
        """No preference for any state."""
        q = len(problem.states.alphabet)
        return cls(*(np.zeros((*topology.shape, q)) for topology in problem.patterns))


class Outcome(NamedTuple):
    """Beliefs after message passing, the number of steps and how it ended."""

    beliefs: Beliefs
    iterations: int
    status: Status


class Trained(NamedTuple):
    """A student's state at one number of samples, as ``learn`` yields it.

    Attributes:
        n_samples: how many samples it has seen.
        inner, outer: int8 weight estimates, (H, k_in) and (output, k_out).
        iterations: steps of the last batch.
        status: how the last batch ended.
        expected_error: fraction of wrong estimates expected from the beliefs, where they are
            probabilities of the posterior (sum-product with hard factors), else NaN, as after a
            contradiction.
    """

    n_samples: int
    inner: np.ndarray
    outer: np.ndarray
    iterations: int
    status: Status
    expected_error: float


def learn(
    learner: Learner,
    problem: Problem,
    samples: Samples,
    grid: list[int],
    entropy: int,
    seed: int,
    memory_gib: float,
) -> Iterator[Trained]:
    """Train one student, and yield it at every number of samples that its schedule reaches.

    Args:
        learner: what to run.
        problem: what the student knows.
        samples: the training data; at least max(grid) of them.
        grid: ascending numbers of samples.
        entropy, seed: of the random streams for initial messages and tie-breaks.
        memory_gib: largest table or list of configurations.

    Raises:
        ValueError: the factors would need more memory than allowed.
    """
    rules = learner.rules
    beliefs, status = Beliefs.uniform(problem), Status.NOT_RUN
    factors, previous = None, None
    for batch in batches(learner, grid):
        if batch.fresh:
            beliefs = Beliefs.uniform(problem)
        elif status == Status.CONTRADICTION:
            # Beliefs that contradict the data cannot be carried on; what was known stands.
            if batch.report:
                yield _estimate(learner, problem, Outcome(beliefs, 0, status), batch, entropy, seed)
            continue
        # More samples of the same batch extend its factors; another batch has factors of its own.
        extends = previous is not None and previous.start == batch.start
        new = slice(previous.stop if extends else batch.start, batch.stop)
        where = (problem.states, *problem.patterns, problem.phi, samples.x[new], samples.y[new])
        if extends:
            factors = (fac.accumulate if rules.soft else fac.restrict)(factors, *where)
        else:
            factors = (fac.soft_factors if rules.soft else fac.hard_factors)(*where, memory_gib)
        rng = generator(entropy, seed, Stream.INITIAL_MESSAGES, batch.stop)
        outcome = propagate(learner, problem, factors, beliefs, rng)
        beliefs, status, previous = outcome.beliefs, outcome.status, batch
        if batch.report:
            yield _estimate(learner, problem, outcome, batch, entropy, seed)


def propagate(
    learner: Learner,
    problem: Problem,
    factors: fac.HardFactors | fac.SoftFactors,
    prior: Beliefs,
    rng: np.random.Generator,
    observe: Callable[["Messages"], None] | None = None,
) -> Outcome:
    """Pass messages on one factor graph until they settle: the loop of all algorithms.

    Args:
        learner: rules and choices.
        problem: patterns and states.
        factors: of one batch.
        prior: log-fields of all weights.
        rng: for the initial messages.
        observe: called after every step with the current messages.

    Returns:
        Beliefs, steps and status. After a contradiction the beliefs are the prior's.
    """
    now, status, steps = Messages(learner, problem, factors, prior, rng), Status.STEP_LIMIT, 0
    while status == Status.STEP_LIMIT and steps < learner.max_steps:
        now.set_fields(steps)
        now.update_to_factors(damped=steps > 0)
        now.update_from_factors()
        steps += 1
        if not now.possible:
            return Outcome(prior, steps, Status.CONTRADICTION)
        if now.damp() < learner.tolerance:
            status = Status.CONVERGED
        if observe is not None:
            observe(now)
    beliefs = now.final_beliefs(steps)
    if not (now.possible and _consistent(learner, problem, factors, prior)):
        return Outcome(prior, steps, Status.CONTRADICTION)
    return Outcome(beliefs, steps, status)


def _consistent(learner, problem, factors, prior) -> bool:
    """Whether hard factors leave every weight a value, as far as messages can tell.

    Damped messages of impossible values fade but never vanish, so that factors which exclude each
    other would go unnoticed. Undamped max-product on the supports alone tells, in a few steps.
    """
    if isinstance(factors, fac.SoftFactors) or learner.damping == 0:
        return True
    check = replace(
        learner, algorithm="max-product", reinforcement=0.0, damping=0.0, initial_scale=0.0
    )
    support = Beliefs(*(np.where(part == -np.inf, -np.inf, 0.0) for part in prior))
    outcome = propagate(check, problem, factors, support, np.random.default_rng(0))
    return outcome.status != Status.CONTRADICTION


class Messages:
    """All messages on one factor graph, and the updates that make up a step.

    Messages of the output weights, which are leaves, take part in the steps only while their
    fields move, that is with reinforcement. Else they are summed out of the factors beforehand and
    computed once, at the end (section 2.1.1).

    Attributes (see ``sparsebp.messages`` for shapes):
        u, h: factor-to-variable and variable-to-factor messages of the input weights.
        v, g: the same of the output weights.
        belief, belief_outer: log-beliefs of input and output weights; without reinforcement only
            after ``final_beliefs``.
        possible: False once a message or belief has no possible value left: a contradiction.
    """

    def __init__(self, learner, problem, factors, prior, rng):
        self.rules, self.states, self.readers = learner.rules, problem.states, problem.readers
        self.prior, self.prior_outer = prior.inner, _rows(prior.outer)
        self.shape = prior.outer.shape
        _, fan_in, q = prior.inner.shape
        edges, prob, damping = len(self.prior_outer), self.rules.probability, float(learner.damping)
        self.damping_u = damping if learner.damped in ("factor-to-variable", "both") else 0.0
        self.damping_h = damping if learner.damped in ("variable-to-factor", "both") else 0.0

        self.u, self.v = np.zeros((edges, fan_in, q)), np.zeros((edges, q))
        if learner.initial_scale > 0:
            self.u = rng.normal(0.0, learner.initial_scale, self.u.shape)
            self.v = rng.normal(0.0, learner.initial_scale, self.v.shape)
        self.possible = msg.leaf_messages(_rows(self.u), prob, _rows(self.u))
        self.possible &= msg.leaf_messages(self.v, prob, self.v)
        self.h, self.g = np.zeros_like(self.u), np.zeros_like(self.v)
        self.u_new, self.v_new = np.empty_like(self.u), np.empty_like(self.v)
        self.h_new, self.g_new = np.empty_like(self.h), np.empty_like(self.g)
        self.belief, self.belief_outer = np.zeros_like(self.prior), np.zeros_like(self.prior_outer)
        self.field, self.field_outer = self.prior.copy(), self.prior_outer.copy()
        self.incoming = np.empty((edges, len(self.states.tuples)))
        self.outgoing = np.empty_like(self.incoming)

        self.factors, self.reduced = factors, None
        if self.rules.reinforcement == 0:
            self.possible &= msg.leaf_messages(self.prior_outer, prob, self.g)
            self.reduced = fac.sum_out_outputs(
                factors, self.states, self.g.reshape(self.shape), self.rules.temperature
            )

    def set_fields(self, t: int) -> None:
        """Fields at step t: the prior and, with reinforcement, r t times the belief (Eqs. 3.8,
        3.10); the beliefs then follow from them and the last factor-to-variable messages."""
        strength = self.rules.reinforcement * t
        msg.reinforce(_rows(self.prior), strength, _rows(self.belief), _rows(self.field))
        msg.reinforce(self.prior_outer, strength, self.belief_outer, self.field_outer)
        if self.reduced is None:
            self._update_beliefs()

    def update_to_factors(self, damped: bool) -> None:
        """Variable-to-factor messages (Eqs. 2.6, 3.4, 3.9, 3.11). The first ones have nothing to be
        damped against."""
        alpha = self.damping_h if damped else 0.0
        # The scale of a message matters only where it is damped: else spare the logarithms.
        prob = self.rules.probability
        self.possible &= msg.to_factors(
            self.u, self.field, self.readers, prob and self.damping_h > 0, self.h_new
        )
        if alpha > 0:
            msg.damp(_rows(self.h), _rows(self.h_new), alpha, prob)
        else:
            self.h, self.h_new = self.h_new, self.h
        if self.reduced is None:
            self.possible &= msg.leaf_messages(self.field_outer, prob, self.g_new)
            msg.damp(self.g, self.g_new, alpha, prob)
        msg.gather(self.h, self.states.tuples, self.incoming)

    def update_from_factors(self) -> None:
        """New factor-to-variable messages (Eqs. 2.7, 2.8, 2.12, 3.5, 3.7), not yet damped."""
        states, rules = self.states, self.rules
        if self.reduced is None:
            joint = self._contract_all_weights()
            msg.split_inputs(joint, self.g, states.classes, rules.temperature, self.outgoing)
        else:
            _contract(self.reduced, self.incoming, rules.temperature, self.outgoing)
        self.possible &= msg.scatter(
            self.outgoing, self.h, states.tuples, rules.temperature, rules.probability, self.u_new
        )

    def damp(self) -> float:
        """Take over the new factor-to-variable messages, damped. Returns the largest change."""
        prob = self.rules.probability
        change = msg.damp(_rows(self.u), _rows(self.u_new), self.damping_u, prob)
        if self.reduced is None:
            change = max(change, msg.damp(self.v, self.v_new, self.damping_u, prob))
        return change

    def final_beliefs(self, t: int) -> Beliefs:
        """Log-beliefs after t steps, of the output weights too (Eqs. A.7, 3.6, 3.8, 3.10)."""
        if self.reduced is None:
            self.set_fields(t)
        else:
            self.update_to_factors(damped=False)
            self._contract_all_weights()
            self.v = self.v_new
            self._update_beliefs()
        return Beliefs(self.belief, self.belief_outer.reshape(self.shape))

    def _update_beliefs(self):
        self.possible &= msg.beliefs(self.u, self.field, self.readers, self.belief)
        self.possible &= msg.leaf_messages(self.field_outer + self.v, False, self.belief_outer)

    def _contract_all_weights(self):
        """Contract the factors with the output weights in them. Fills v_new."""
        states, temperature = self.states, self.rules.temperature
        joint = np.empty((len(self.incoming), self.factors.states))
        outgoing = np.empty_like(joint)
        zero = states.alphabet == 0
        msg.join_outputs(
            self.incoming, self.g, states.class_output, states.class_tuple, zero, temperature, joint
        )
        _contract(self.factors, joint, temperature, outgoing)
        self.possible &= msg.split_outputs(
            outgoing, self.incoming, states.classes, temperature, self.rules.probability, self.v_new
        )
        return outgoing


def _contract(factors, incoming, temperature, out):
    if isinstance(factors, fac.SoftFactors):
        fan_in = len(incoming) // len(factors.table)
        msg.contract_soft(factors.table, incoming, fan_in, temperature, out)
    else:
        msg.contract_hard(
            factors.offsets, factors.configurations, factors.log_weight, incoming, temperature, out
        )


def _rows(messages: np.ndarray) -> np.ndarray:
    """The same memory as (messages, Q)."""
    return messages.reshape(-1, messages.shape[-1])


def _estimate(learner, problem, outcome, batch, entropy, seed) -> Trained:
    """Read the weights off the beliefs: the most likely state, ties broken at random."""
    rng = generator(entropy, seed, Stream.TIE_BREAKS, batch.stop)
    alphabet = problem.states.alphabet
    inner, outer = outcome.beliefs
    lots = rng.random(inner.shape), rng.random(outer.shape)
    inner = _pick(inner, learner.tie_tolerance, lots[0])
    allowed = np.arange(len(alphabet))
    if learner.output_readout == "nonzero":
        allowed = np.flatnonzero(alphabet)
    outer = allowed[_pick(outer[..., allowed], learner.tie_tolerance, lots[1][..., allowed])]
    expected, known = np.nan, outcome.status != Status.CONTRADICTION
    if known and learner.rules.probability and learner.rules.temperature > 0:
        wrong = [
            1 - np.exp(np.take_along_axis(b, k[..., None], -1)[..., 0]) / np.exp(b).sum(-1)
            for b, k in zip(outcome.beliefs, (inner, outer), strict=True)
        ]
        expected = np.concatenate([part.ravel() for part in wrong]).mean()
    inner, outer = (alphabet[k].astype(np.int8) for k in (inner, outer))
    return Trained(batch.stop, inner, outer, outcome.iterations, outcome.status, expected)


def _pick(log_beliefs, tie_tolerance, lots) -> np.ndarray:
    """Index of the largest belief along the last axis; of near-equal ones that with the largest
    of the random numbers ``lots``."""
    ties = log_beliefs >= log_beliefs.max(axis=-1, keepdims=True) - tie_tolerance
    return np.where(ties, lots, -1.0).argmax(axis=-1)
