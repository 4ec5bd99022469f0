"""The engines that are compared, each behind the same few methods.

An engine has ``start()``: uniform messages; ``run(updates)``: that many undamped updates of all
messages, continuing from where it is; ``read()``, the messages and beliefs, after which it has to
be started anew; and ``prepare(updates)``, for what has to be done before such a run is timed.
"""

from typing import NamedTuple

import numpy as np

from sparsebp.engine import factors as fac
from sparsebp.engine.messages import Messages
from sparsebp.engine.problem import Beliefs
from speed.cases import Instance, learner
from speed.plain import Plain

MEMORY_GIB = 4.0
TOLERANCE = 1e-6


class Disagreement(Exception):
    """Two engines do not compute the same."""


class State(NamedTuple):
    """What an engine has reached: messages to input weights, beliefs of input and output weights.

    Probabilities with sum-product, log-likelihoods with maximum zero with max-sum; by factor and
    slot (output, k_out, k_in, Q), by hidden neuron (hidden, k_in, Q) and (output, k_out, Q).

    Of a message, only the values count that the belief leaves possible. The others have no
    influence, and PGMax does not know them: it stores impossible as -1e32, and what is added to
    that and subtracted from it again is lost.
    """

    messages: np.ndarray
    inner: np.ndarray
    outer: np.ndarray

    @classmethod
    def of(cls, instance: Instance, messages, inner, outer) -> "State":
        """Bring log-messages and log-beliefs of any scale and shape into this form."""
        (hidden, fan_in), (outputs, fan_out) = (p.shape for p in instance.problem.patterns)
        states = len(instance.case.alphabet)
        shapes = (outputs, fan_out, fan_in), (hidden, fan_in), (outputs, fan_out)
        parts = messages, inner, outer
        messages, inner, outer = (
            np.array(part).reshape(*shape, states)
            for part, shape in zip(parts, shapes, strict=True)
        )
        if not instance.case.maximise:
            impossible = np.exp(inner - inner.max(axis=-1, keepdims=True)) == 0
            messages[impossible[instance.problem.patterns.outer]] = -np.inf
        parts = messages, inner, outer
        return cls(*(_normalised(part, instance.case.maximise) for part in parts))


def _normalised(logs: np.ndarray, maximise: bool) -> np.ndarray:
    logs = logs - logs.max(axis=-1, keepdims=True)
    if maximise:
        return logs
    return np.exp(logs) / np.exp(logs).sum(axis=-1, keepdims=True)


class Own:
    """sparsebp. All that the benchmark knows of the engine is in here."""

    name = "sparsebp"

    def __init__(self, instance: Instance):
        case, problem = instance.case, instance.problem
        self.instance = instance
        never = np.nextafter(0.0, 1.0)  # stop for a change below, but for none at all
        self.learner = learner(
            case.maximise, reinforcement=case.reinforcement, damping=0.0, tolerance=never
        )
        make = fac.soft_factors if case.maximise else fac.hard_factors
        self.factors = make(
            problem.states, *problem.patterns, problem.phi, instance.x, instance.y, MEMORY_GIB
        )

    def prepare(self, updates: int) -> None:
        """Nothing: comparing the engines has compiled the kernels."""

    def start(self) -> None:
        prior, rng = Beliefs.uniform(self.instance.problem), np.random.default_rng(0)
        self.now = Messages(self.learner, self.instance.problem, self.factors, prior, rng)

    def run(self, updates: int) -> None:
        if self.now.run(updates) < updates or not self.now.certain:
            raise Disagreement(
                f"{self.name} stopped after {self.now.steps} updates, in doubt: "
                f"{self.instance.case.title}"
            )

    def read(self) -> State:
        messages = self.now.u
        return State.of(self.instance, messages, *self.now.final_beliefs())


class PlainLoop:
    """``speed.plain``: every configuration of every factor."""

    name = "plain"

    def __init__(self, instance: Instance):
        self.instance = instance

    def prepare(self, updates: int) -> None:
        """Nothing: comparing the engines has compiled the loops."""

    def start(self) -> None:
        case, tables = self.instance.case, self.instance
        self.now = Plain(
            tables.table, tables.configurations, tables.weights, case.maximise, case.reinforcement
        )

    def run(self, updates: int) -> None:
        self.now.run(updates)

    def read(self) -> State:
        """sparsebp computes the beliefs of output weights from the messages that the next update
        sends, unless output weights take part in the updates, that is with reinforcement."""
        messages = self.instance.inner_slots(self.now.u.copy())
        self.now.update_to_factors()
        split = self.instance.inner_weights
        inner = self.now.belief[:split].copy()
        if not self.instance.case.reinforcement:
            self.now.run(1)
            self.now.update_to_factors()
        parts = messages, inner, self.now.belief[split:]
        if not self.instance.case.maximise:
            with np.errstate(divide="ignore"):
                parts = [np.log(part) for part in parts]
        return State.of(self.instance, *parts)


def available() -> dict[str, type]:
    """Name -> engine, for all that are installed."""
    engines = {engine.name: engine for engine in (Own, PlainLoop)}
    try:
        from speed.pgmax_engine import PGMaxEngine
    except ImportError:
        return engines
    return engines | {PGMaxEngine.name: PGMaxEngine}


def check(instance: Instance, engines: list) -> float:
    """Compare messages and beliefs of all engines after the same number of updates.

    Args:
        instance: what they work on.
        engines: the engines; the first is what the others are compared with.

    Returns:
        The largest difference, of probabilities, or of log-likelihoods relative to the largest.

    Raises:
        Disagreement: a difference is larger than ``TOLERANCE``.
    """
    case, worst = instance.case, 0.0
    for updates in (1, case.check):
        states = []
        for engine in engines:
            engine.start()
            engine.run(updates)
            states.append(engine.read())
        for engine, state in zip(engines[1:], states[1:], strict=True):
            for name, expected, found in zip(State._fields, states[0], state, strict=True):
                error = np.abs(found - expected).max() / max(1.0, np.abs(expected).max())
                # A comparison with NaN is false, so this is asked the other way round.
                if not error <= TOLERANCE:
                    raise Disagreement(
                        f"{case.title}: after {updates} updates {name} of {engine.name} differ "
                        f"from those of {engines[0].name} by {error:.2g}, more than {TOLERANCE:g}"
                    )
                worst = max(worst, error)
    return worst
