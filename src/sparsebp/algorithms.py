"""Which algorithms and schedules there are, and what sets each apart from the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

# Of what operations the message updates consist, see ``sparsebp.algebras``.
SUM_TIMES, MAX_TIMES, MAX_PLUS, LOG_SUM = range(4)

METHODS = {
    "messages": "messages on the thesis's factor graph, with one variable for each weight",
    "layered": "messages on the factor graph with hidden variables, for any number of layers",
}
"""How the beliefs of a batch are found, each in words; see ``learning.learn``."""


class Status(IntEnum):
    """How a training ended."""

    NOT_RUN = 0
    CONVERGED = 1
    STEP_LIMIT = 2
    CONTRADICTION = 3


class Rules(NamedTuple):
    """What sets one algorithm apart from another.

    Attributes:
        temperature: T of the sums over configurations, see ``sparsebp.algebras``.
        probability: messages are probabilities (True) or log-likelihoods (False).
        soft: factors are energies (Eq. 3.2) instead of constraints (Eq. 2.5).
        reinforcement: r of Eqs. 3.8 and 3.10; 0 for none.
    """

    temperature: float
    probability: bool
    soft: bool
    reinforcement: float

    @property
    def algebra(self) -> int:
        """Which sums and products the updates are made of, see ``sparsebp.algebras``."""
        if self.probability:
            return SUM_TIMES if self.temperature > 0 else MAX_TIMES
        return LOG_SUM if self.temperature > 0 else MAX_PLUS


@dataclass(frozen=True)
class Learner:
    """An algorithm, a schedule and the open choices. Built and checked from a config block.

    Attributes:
        algorithm: sum-product, max-product or max-sum.
        schedule: offline, mini-batch or online.
        factor: hard or soft.
        beta: inverse temperature of sum-product with soft factors, else None.
        batch_size: of the mini-batch schedule, else None.
        reinforcement: r; 0 for none.
        damping: alpha of Eq. 2.14, in [0, 1).
        damped: factor-to-variable, variable-to-factor or both.
        initial_scale: standard deviation of the first factor-to-variable log-messages.
        tolerance: largest change of a message at convergence.
        max_steps: limit on the number of steps.
        tie_tolerance: log-beliefs this close to the largest tie with it.
        output_readout: alphabet, or nonzero for output weights estimated among nonzero states.
        method: a key of ``METHODS``.
        max_values: of a hidden variable, for method layered, else None; see ``reachable``.

    The defaults are those of the configuration's schema.
    """

    algorithm: str
    schedule: str = "offline"
    factor: str = "hard"
    beta: float | None = None
    batch_size: int | None = None
    reinforcement: float = 0.0
    damping: float = 0.3
    damped: str = "factor-to-variable"
    initial_scale: float = 0.0
    tolerance: float = 1e-6
    max_steps: int = 500
    tie_tolerance: float = 1e-9
    output_readout: str = "alphabet"
    method: str = "messages"
    max_values: int | None = None

    def __post_init__(self):
        if self.method not in METHODS:
            raise ValueError(f"method: {self.method!r}; allowed: {', '.join(METHODS)}")
        if self.algorithm not in ("sum-product", "max-product", "max-sum"):
            raise ValueError(
                f"algorithm: {self.algorithm!r}; allowed: sum-product, max-product, max-sum"
            )
        if self.schedule not in ("offline", "mini-batch", "online"):
            raise ValueError(f"schedule: {self.schedule!r}; allowed: offline, mini-batch, online")
        soft, finite = self.factor == "soft", self.algorithm == "sum-product"
        if self.algorithm == "max-sum" and not soft:
            raise ValueError(
                f"factor: {self.factor!r}; algorithm max-sum minimises energies and needs soft"
            )
        if self.algorithm == "max-product" and soft:
            raise ValueError(
                f"factor: {self.factor!r}; algorithm max-product needs hard; with soft use max-sum"
            )
        if soft and finite and self.beta is None:
            raise ValueError("sum-product with factor: soft needs beta, the inverse temperature")
        if self.beta is not None and not (soft and finite):
            raise ValueError("beta is for sum-product with factor: soft only")
        if (self.batch_size is None) == (self.schedule == "mini-batch"):
            raise ValueError("batch_size goes with schedule: mini-batch, and only with it")
        if self.reinforcement and self.algorithm == "max-product":
            raise ValueError("reinforcement is for sum-product and max-sum")
        if (self.max_values is None) == (self.method == "layered"):
            raise ValueError("max_values goes with method: layered, and only with it")
        if self.method == "layered":
            self._check_layered()

    def _check_layered(self):
        for key, value, allowed in (
            ("factor", self.factor, "hard"),
            ("reinforcement", self.reinforcement, 0),
            ("damped", self.damped, "factor-to-variable"),
        ):
            if value != allowed:
                raise ValueError(f"{key}: {value!r}; method layered takes {allowed} only")

    @property
    def rules(self) -> Rules:
        """The update rules of the algorithm."""
        soft = self.factor == "soft"
        temperature = {"sum-product": 1.0, "max-product": 0.0, "max-sum": 0.0}[self.algorithm]
        if self.beta is not None:
            temperature = 1.0 / self.beta
        # A float, also where a configuration says 0: kernels are compiled for floats.
        return Rules(temperature, not soft, soft, float(self.reinforcement))

    @property
    def algebras(self) -> tuple[int, ...]:
        """Of all kernels that a training needs. In logarithms it asks what hard factors exclude,
        settles doubts, and computes the last messages."""
        return (self.rules.algebra,) if self.rules.soft else (self.rules.algebra, LOG_SUM)


class Batch(NamedTuple):
    """Samples start:stop. ``fresh``: forget all earlier beliefs; ``report``: yield the result."""

    start: int
    stop: int
    fresh: bool
    report: bool


def batches(learner: Learner, grid: list[int]) -> Iterator[Batch]:
    """The batches of a schedule that reaches the sample numbers in ``grid``, in order."""
    if learner.schedule == "offline":
        for m in grid:
            yield Batch(0, m, fresh=True, report=True)
        return
    size = learner.batch_size or 1
    reachable = {m for m in grid if m % size == 0}
    for stop in range(size, max(reachable, default=0) + 1, size):
        yield Batch(stop - size, stop, fresh=False, report=stop in reachable)
