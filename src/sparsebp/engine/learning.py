"""Learning by message passing: one loop for every algorithm and schedule.

An algorithm is its ``learner.Rules``. A schedule is the sequence of batches that
``schedules.batches`` yields; after each batch the beliefs become the prior fields of the next
(Eqs. 2.10-2.11), except offline, where every number of samples starts afresh.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from sparsebp.engine import bethe, density_evolution
from sparsebp.engine import factors as fac
from sparsebp.engine.algebras import MaxPlus, SumTimes
from sparsebp.engine.hidden_messages import HiddenGraph, HiddenMessages, hidden_graph
from sparsebp.engine.learner import Learner, brief
from sparsebp.engine.messages import Messages
from sparsebp.engine.problem import Beliefs, Problem
from sparsebp.engine.rings import Rings, solve
from sparsebp.engine.schedules import Batch, batches
from sparsebp.network.data import Layers, Samples, Stream, checked_samples, generator
from sparsebp.network.quantities import Status
from sparsebp.network.ranges import ENTROPY, MEMORY_GIB, THREADS


class Solved(NamedTuple):
    """Beliefs after message passing, the number of steps and how it ended.

    Attributes:
        beliefs: log-beliefs with maximum zero.
        iterations: number of steps.
        status: how it ended.
        residual: the largest change of a message in the last step, see ``messages.Messages``; NaN
            where none was passed.
        support: -inf for what hard factors are known to exclude, else 0; None after a
            contradiction.
        log_partition: log of the number of configurations left, where it is known, else NaN.
        draw: from a random generator, the estimate as alphabet indices, where it is not to be
            read off the beliefs.
    """

    beliefs: Beliefs
    iterations: int
    status: Status
    residual: float = np.nan
    support: Beliefs | None = None
    log_partition: float = np.nan
    draw: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]] | None = None

    def __repr__(self) -> str:
        return brief(self)


class Trained(NamedTuple):
    """A student's state at one number of samples, as ``learn`` yields it.

    Attributes:
        n_samples: how many samples it has seen.
        estimates: int8 weights of each layer, (rows, slots).
        iterations: steps of the last batch.
        status: how the last batch ended.
        residual: the largest change of a message in its last step, damping left aside: in
            probability, or in log-likelihood; NaN where none was passed.
        expected_error: fraction of wrong estimates expected from the beliefs, where they are
            probabilities of the posterior (sum-product with hard factors), else NaN, as after a
            contradiction.
        entropy: of the posterior in nats per weight, as exact as the beliefs (the Bethe entropy of
            messages), of offline sum-product with hard factors and no reinforcement, else NaN.
        beliefs: log-beliefs with maximum zero.
    """

    n_samples: int
    estimates: Layers[np.ndarray]
    iterations: int
    status: Status
    residual: float
    expected_error: float
    entropy: float
    beliefs: Beliefs

    @property
    def inner(self) -> np.ndarray:
        return self.estimates.inner

    @property
    def outer(self) -> np.ndarray:
        return self.estimates.outer

    def __repr__(self) -> str:
        return brief(self)


def learn(
    learner: Learner,
    problem: Problem,
    samples: Samples,
    grid: list[int],
    entropy: int,
    seed: int,
    memory_gib: float,
    threads: int = 1,
) -> Iterator[Trained]:
    """Train one student, and yield it at every number of samples that its schedule reaches.

    Args:
        learner: what to run.
        problem: what the student knows.
        samples: the training data; at least max(grid) of them.
        grid: ascending numbers of samples.
        entropy, seed: of the random streams for initial messages and tie-breaks.
        memory_gib: largest table or list of configurations.
        threads: how many work side by side; results do not depend on it.

    Raises:
        ValueError: at once, the method is not for this network, samples, their numbers or other
            arguments are not as above; later, the factors would need more memory than allowed.
    """
    plan = batches(learner, grid)
    samples = checked_samples(problem.patterns, samples, max(grid))
    if learner.is_gradient_descent:
        raise ValueError("algorithm: gradient-descent; passes no messages, see gradient.descend")
    outputs, depth = problem.patterns.outer, len(problem.patterns) - 1
    learner.check_network(outputs.shape[1], problem.readers.shape[1], depth)
    for name, value, allowed in (
        ("memory_gib", memory_gib, MEMORY_GIB),
        ("threads", threads, THREADS),
        ("entropy", entropy, ENTROPY),
        ("seed", seed, ENTROPY),
    ):
        allowed.check(name, value)
    infer = SOLVERS[learner.method](learner, problem, samples, memory_gib, threads)
    return _learn(learner, problem, plan, infer, entropy, seed)


def _learn(learner, problem, plan, infer, entropy, seed) -> Iterator[Trained]:
    """Learn batch after batch. The beliefs after one are the prior of the next, Eq. 2.10."""
    beliefs, support, status = Beliefs.uniform(problem), None, Status.NOT_RUN
    for batch in plan:
        if batch.fresh:
            beliefs, support = Beliefs.uniform(problem), None
        elif status == Status.CONTRADICTION:
            # Beliefs that contradict the data cannot be carried on; what was known stands.
            if batch.report:
                yield _estimate(learner, problem, Solved(beliefs, 0, status), batch, entropy, seed)
            continue
        rng = generator(entropy, seed, Stream.INITIAL_MESSAGES, batch.stop)
        outcome = infer(batch, beliefs, support, rng)
        beliefs, support, status = outcome.beliefs, outcome.support, outcome.status
        if batch.report:
            yield _estimate(learner, problem, outcome, batch, entropy, seed)


class _BatchFactors:
    """The factors of one batch after the other, one factor for each output."""

    def __init__(self, learner: Learner, problem: Problem, samples: Samples, memory_gib: float):
        self._soft, self._memory_gib = learner.rules.soft, memory_gib
        self._problem, self._samples = problem, samples
        self._factors: fac.HardFactors | fac.SoftFactors | None = None
        self._last: Batch | None = None

    def of(self, batch: Batch) -> fac.HardFactors | fac.SoftFactors:
        """More samples of the same batch extend its factors; another batch has its own."""
        problem, samples, last = self._problem, self._samples, self._last
        extends = last is not None and last.start == batch.start
        new = slice(last.stop if last and extends else batch.start, batch.stop)
        where: tuple = (
            problem.states,
            *problem.patterns,
            problem.phi,
            samples.x[new],
            samples.y[new],
        )
        if extends:
            more = fac.accumulate if self._soft else fac.restrict
            self._factors = more(self._factors, *where)
        else:
            make: Callable = fac.soft_factors if self._soft else fac.hard_factors
            self._factors = make(*where, self._memory_gib)
        self._last = batch
        return self._factors


def _by_messages(learner, problem, samples, memory_gib, threads):
    factors = _BatchFactors(learner, problem, samples, memory_gib)
    return lambda batch, beliefs, support, rng: propagate(
        learner, problem, factors.of(batch), beliefs, rng, threads=threads, support=support
    )


def _by_blocks(learner, problem, samples, memory_gib, threads):
    _refuse_blocks(problem, memory_gib)
    return _by_messages(learner, problem, samples, memory_gib, threads)


def _refuse_blocks(problem, memory_gib):
    (outputs, k_out), count = problem.patterns.outer.shape, len(problem.states.tuples)
    table = f"a table of {outputs} x {count}^{k_out} states of hidden neurons"
    fac.refuse_beyond(memory_gib, outputs * count**k_out, table)


def _by_density_evolution(learner, problem, samples, memory_gib, threads):
    density_evolution.check(problem, samples)
    _refuse_blocks(problem, memory_gib)

    def infer(batch, beliefs, support, rng):
        x = samples.x[batch.start : batch.stop]
        found, steps, settled, certain = density_evolution.evolve(
            learner, problem, x, rng, memory_gib, threads
        )
        if not certain:
            return Solved(beliefs, steps, Status.CONTRADICTION)
        return Solved(found, steps, Status.CONVERGED if settled else Status.STEP_LIMIT)

    return infer


def _exactly(learner, problem, samples, memory_gib, threads):
    factors, rings = _BatchFactors(learner, problem, samples, memory_gib), Rings.of(problem)

    def infer(batch, beliefs, support, rng):
        found = solve(rings, factors.of(batch), learner, memory_gib)
        if found.log_total == -np.inf:
            return Solved(beliefs, 0, Status.CONTRADICTION)
        return Solved(
            found.beliefs,
            0,
            Status.CONVERGED,
            log_partition=found.log_total if learner.has_entropy else np.nan,
            draw=found.draw if learner.finds_configuration else None,
        )

    return infer


def _by_hidden_messages(learner, problem, samples, memory_gib, threads):
    def infer(batch, beliefs, support, rng):
        x, y = (part[batch.start : batch.stop] for part in samples)
        graph = hidden_graph(problem, x, y, learner.max_values, memory_gib)
        return propagate(learner, problem, graph, beliefs, rng, threads=threads, support=support)

    return infer


SOLVERS = {
    "messages": _by_messages,
    "blocked": _by_blocks,
    "exact": _exactly,
    "density-evolution": _by_density_evolution,
    "layered": _by_hidden_messages,
}
"""By method: from a learner, what it knows and the samples, a function (batch, prior beliefs,
support, rng) -> Solved."""


def propagate(
    learner: Learner,
    problem: Problem,
    factors: fac.HardFactors | fac.SoftFactors | HiddenGraph,
    prior: Beliefs,
    rng: np.random.Generator,
    observe: Callable[[Any], None] | None = None,
    threads: int = 1,
    support: Beliefs | None = None,
) -> Solved:
    """Pass messages on one factor graph until they settle: the loop of all algorithms.

    The posterior is that of one batch, Eq. 2.9: its factors times the prior.

    Args:
        learner: rules and choices.
        problem: patterns and states.
        factors: of one batch.
        prior: log-fields of all weights.
        rng: for the initial messages.
        observe: called after every step with the current messages.
        threads: how many work side by side; results do not depend on it.
        support: -inf for what other factors are known to exclude; by default what the prior does.

    Returns:
        Beliefs, steps and status. After a contradiction the beliefs are the prior's.

    Raises:
        ValueError: factors, prior or support are not of this problem, or not for this learner.
    """
    THREADS.check("threads", threads)
    _check_fit(learner, problem, factors, prior=prior, **{"support": support} if support else {})
    support = support or Beliefs(*(np.where(part == -np.inf, -np.inf, 0.0) for part in prior))
    if not learner.rules.soft:
        support = _possible(learner, problem, factors, support, threads)
        if support is None:
            return Solved(prior, 0, Status.CONTRADICTION)
    for algebra in learner.algebras:
        now = _messages(learner, problem, factors, prior, deepcopy(rng), algebra)
        while now.certain and not now.converged and now.steps < learner.max_steps:
            now.run(1 if observe else learner.max_steps - now.steps, threads)
            if observe is not None and now.certain:
                observe(now)
        beliefs = now.final_beliefs() if now.certain else prior
        # Probabilities were lost if they exclude what the factors do not.
        if now.algebra.lossless or (now.certain and _excludes_no_more(beliefs, support)):
            break
    if not now.certain:
        return Solved(prior, now.steps, Status.CONTRADICTION)
    iterations, residual, log_partition = now.steps, now.residual, np.nan
    if learner.has_entropy:
        log_partition = bethe.log_partition(
            now.u,
            now.problem,
            factors,  # type: ignore[arg-type]  # likewise
            now.prior,
            learner.rules,
        )
    status = Status.CONVERGED if now.converged else _at_limit(now, threads)
    return Solved(beliefs, iterations, status, residual, support, log_partition)


WATCHED = 8
"""Steps after the limit, to see where messages go: a longer period can be taken for a drift."""


def _at_limit(now: Messages | HiddenMessages, threads: int) -> Status:
    """The status of messages that have not converged: whether they oscillate.

    They do if, in ``WATCHED`` more steps, the largest distance between the first and the last value
    of a message u is less than half of the longest path (the sum of its step sizes) of any.
    """

    def measured():  # in probability, or in log-likelihood
        return np.exp(now.u) if now.algebra.probability else now.u

    first = before = measured()
    way = np.zeros_like(first)
    for _ in range(WATCHED):
        now.run(1, threads)
        after = measured()
        way += np.abs(after - before)
        before = after
    far = np.abs(before - first).max()
    return Status.OSCILLATING if now.certain and far < way.max() / 2 else Status.STEP_LIMIT


def _check_fit(learner, problem, factors, **fields: Beliefs) -> None:
    """Raise ValueError unless factors and fields are those of a problem and for a learner."""
    kinds = {True: (fac.SoftFactors,), False: (fac.HardFactors, HiddenGraph)}[learner.rules.soft]
    layered = isinstance(factors, HiddenGraph)
    if not isinstance(factors, kinds) or layered != (learner.method == "layered"):
        raise ValueError(
            f"{type(factors).__name__}: not for factor {learner.factor}, method {learner.method}"
        )
    if not isinstance(factors, HiddenGraph):
        outputs, count = len(problem.patterns.outer), len(problem.states.class_output)
        if (factors.outputs, factors.states) != (outputs, count):
            raise ValueError(
                f"factors of {factors.outputs} outputs with {factors.states} states of an edge; "
                f"the problem has {outputs} and {count}"
            )
    shapes = [(*topology.shape, len(problem.states.alphabet)) for topology in problem.patterns]
    for name, parts in fields.items():
        if [np.shape(part) for part in parts] != shapes:
            raise ValueError(f"{name} of shapes {[np.shape(p) for p in parts]}; must be {shapes}")


def _messages(learner, problem, factors, *rest, **more) -> Messages | HiddenMessages:
    kind = HiddenMessages if isinstance(factors, HiddenGraph) else Messages
    return kind(learner, problem, factors, *rest, **more)


def _possible(learner, problem, factors, support, threads) -> Beliefs | None:
    """What hard factors leave possible, as far as messages can tell: 0, and -inf for the rest.

    Undamped max-product on the supports alone tells, in a few steps. It is asked beforehand because
    messages of other kinds may not tell: damped messages of impossible values fade but never
    vanish, and probabilities may vanish though they are possible.

    Returns:
        None if some weight has no possible value: a contradiction.
    """
    alone = Learner(
        "max-product", damping=0.0, method=learner.method, max_values=learner.max_values
    )
    now = _messages(alone, problem, factors, support, None, MaxPlus)
    # It ends: a message only ever loses values.
    while now.certain and not now.converged:
        now.run(1000, threads)
    beliefs = now.final_beliefs() if now.certain else None
    return beliefs if now.certain else None


def _excludes_no_more(beliefs: Beliefs, support: Beliefs) -> bool:
    return all(
        (part[ours == -np.inf] == -np.inf).all()
        for ours, part in zip(beliefs, support, strict=True)
    )


def _estimate(learner, problem, outcome, batch, entropy, seed) -> Trained:
    """The state of a student with these beliefs, and its estimate of the weights."""
    rng = generator(entropy, seed, Stream.TIE_BREAKS, batch.stop)
    alphabet = problem.states.alphabet
    picked = outcome.draw(rng) if outcome.draw else _read_off(learner, problem, outcome, rng)
    expected, known = np.nan, outcome.status != Status.CONTRADICTION
    if known and learner.rules.algebra is SumTimes:
        wrong = [
            1 - np.exp(np.take_along_axis(b, k[..., None], -1)[..., 0]) / np.exp(b).sum(-1)
            for b, k in zip(outcome.beliefs, picked, strict=True)
        ]
        expected = np.concatenate([part.ravel() for part in wrong]).mean()
    estimates = Layers(*(alphabet[k].astype(np.int8) for k in picked))
    entropy = outcome.log_partition / sum(part.size for part in estimates)
    ended = outcome.iterations, outcome.status, outcome.residual
    return Trained(batch.stop, estimates, *ended, expected, entropy, outcome.beliefs)


def _read_off(learner, problem, outcome, rng):
    """Of each weight the most likely state, Eq. 2.3, as an index, ties broken at random."""
    lots = [rng.random(part.shape) for part in outcome.beliefs]
    every = np.arange(len(problem.states.alphabet))
    allowed = [every] * len(lots)
    if learner.output_readout == "nonzero":
        allowed[-1] = np.flatnonzero(problem.states.alphabet)
    return [
        states[_pick(part[..., states], learner.tie_tolerance, lot[..., states])]
        for part, lot, states in zip(outcome.beliefs, lots, allowed, strict=True)
    ]


def _pick(log_beliefs, tie_tolerance, lots) -> np.ndarray:
    """Index of the largest belief along the last axis; of near-equal ones that with the largest
    of the random numbers ``lots``."""
    ties = log_beliefs >= log_beliefs.max(axis=-1, keepdims=True) - tie_tolerance
    return np.where(ties, lots, -1.0).argmax(axis=-1)
