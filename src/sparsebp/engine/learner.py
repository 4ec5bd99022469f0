"""Which algorithms and schedules there are, and what sets each apart from the others."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from sparsebp.engine.algebras import WIDE, LogSum, MaxPlus, MaxTimes, SumTimes
from sparsebp.network.ranges import Range

METHODS = {
    "messages": "messages on the thesis's factor graph, with one variable for each weight",
    "blocked": "messages with one variable for all input weights of a hidden neuron",
    "exact": "the exact posterior, where hidden neurons and outputs form rings",
    "density-evolution": "the messages of blocked for N to infinity, where no loop is closed",
    "layered": "messages on the factor graph with hidden variables, for any number of layers",
}
"""How the beliefs of a batch are found, each in words; see ``learning.learn``."""


class Algorithm(NamedTuple):
    """One algorithm: all that sets it apart from others.

    Attributes:
        label: what figures call it.
        temperature: of the sums over configurations: 1, as of beliefs that are probabilities, where
            soft factors have one of their own, 1 / beta; 0 for maxima; None for no messages.
        algebras: what the updates consist of, see ``algebras``, by the factors that it takes, the
            default first; none without messages.
        reinforced: whether it can be (Eqs. 3.8-3.11).
    """

    label: str
    temperature: float | None
    algebras: dict[str, type[SumTimes]]
    reinforced: bool = False


ALGORITHMS = {
    "sum-product": Algorithm("BP", 1.0, {"hard": SumTimes, "soft": LogSum}, reinforced=True),
    "max-product": Algorithm("max-product", 0.0, {"hard": MaxTimes}),
    "max-sum": Algorithm("max-sum", 0.0, {"soft": MaxPlus}, reinforced=True),
    "gradient-descent": Algorithm("gradient descent", None, {}),
}
"""The algorithms by name."""


DESCENT = ("network", "learning_rate")
"""Keys of the learners by gradient descent, and of no others."""

OPEN_CHOICES = (
    "damping",
    "damped",
    "initial_scale",
    "initial_messages",
    "initial_distribution",
    "tolerance",
    "max_steps",
    "tie_tolerance",
    "output_readout",
)
"""Keys of a learner that say how it goes about its algorithm, which the thesis leaves open."""

RANDOM_START = ("initial_messages", "initial_distribution")
"""Those that matter where the first messages are random: with an ``initial_scale`` above 0."""


def open_choices(algorithm: str, method: str) -> tuple[str, ...]:
    """Those of ``OPEN_CHOICES`` that a training with an algorithm and a method depends on."""
    if ALGORITHMS[algorithm].temperature is None:
        return ("tolerance", "max_steps")
    if method == "density-evolution":  # without damping: messages would mix with others' ones
        return tuple(key for key in OPEN_CHOICES if key not in ("damping", "damped"))
    return ("tie_tolerance", "output_readout") if method == "exact" else OPEN_CHOICES


NAMES = {
    "algorithm": tuple(ALGORITHMS),
    "schedule": ("offline", "mini-batch", "online"),
    "factor": ("hard", "soft"),
    "damped": ("factor-to-variable", "variable-to-factor", "both"),
    "initial_messages": ("factor-to-variable", "variable-to-factor"),
    "initial_distribution": ("normal", "uniform"),
    "output_readout": ("alphabet", "nonzero"),
    "method": tuple(METHODS),
    "network": ("sparse", "dense"),
}
"""What a learner's keys may be that are names."""

NUMBERS = {
    "beta": Range(1e-6, 1e12),
    "batch_size": Range(2, 100_000, whole=True),
    "reinforcement": Range(0, 10),
    "damping": Range(0, 1, below=True),
    "initial_scale": Range(0, 100),
    "tolerance": Range(0, 1, above=True),
    "max_steps": Range(1, 1_000_000, whole=True),
    "tie_tolerance": Range(0, 100),
    "learning_rate": Range(0, 100, above=True),
    "max_values": Range(1, 1_000_000, whole=True),
}
"""What those may be that are numbers."""


def brief(record: Any) -> str:
    """The named tuple or dataclass ``record`` in one line, arrays by their shapes: to be its
    ``__repr__``."""

    def text(value: object) -> str:
        if isinstance(value, np.ndarray):
            return "x".join(map(str, value.shape))
        if isinstance(value, tuple):
            return f"({', '.join(map(text, value))})"
        if is_dataclass(value):
            return type(value).__name__
        return f"{value:.4g}" if isinstance(value, float) else f"{value}"

    names = getattr(record, "_fields", None) or [field.name for field in fields(record)]
    parts = ", ".join(f"{name}={text(getattr(record, name))}" for name in names)
    return f"{type(record).__name__}({parts})"


class Rules(NamedTuple):
    """What sets one algorithm apart from another.

    Attributes:
        algebra: which sums and products the updates are made of, see ``algebras``.
        temperature: T of the sums over configurations, see there.
        soft: factors are energies (Eq. 3.2) instead of constraints (Eq. 2.5).
        reinforcement: r of Eqs. 3.8, 3.10; 0 for none.
    """

    algebra: type[SumTimes]
    temperature: float
    soft: bool
    reinforcement: float


def _those(**values: object) -> str:
    """Names of the algorithms that have these values."""
    return " and ".join(
        name for name, kind in ALGORITHMS.items() if values.items() <= kind._asdict().items()
    )


@dataclass(frozen=True)
class Learner:
    """An algorithm, a schedule and the open choices. Built and checked from a config block.

    Attributes:
        algorithm: a key of ``ALGORITHMS``.
        schedule: offline, mini-batch or online.
        factor: hard or soft.
        beta: inverse temperature of sum-product with soft factors, else None.
        batch_size: of the mini-batch schedule, else None.
        reinforcement: r; 0 for none.
        damping: alpha of Eq. 2.14, in [0, 1).
        damped: factor-to-variable, variable-to-factor or both.
        initial_scale: s of the first log-messages, see ``first_logs``; 0 for uniform messages.
        initial_messages: which start at random: factor-to-variable, of all weights; or
            variable-to-factor, of the input weights. Output weights are leaves, whose first
            messages to factors are their priors.
        initial_distribution: of these log-messages: normal or uniform.
        tolerance: largest change of a message at convergence.
        max_steps: limit on the number of steps.
        tie_tolerance: log-beliefs this close to the largest tie with it.
        output_readout: alphabet, or nonzero for output weights estimated among nonzero states.
        method: a key of ``METHODS``.
        network: of gradient descent, sparse or dense, else None.
        learning_rate: of gradient descent, else None.
        max_values: of a hidden variable, for method layered, else None; see ``reachable``.

    The defaults are those of the configuration's schema.

    Raises:
        ValueError: a value that is not allowed, see ``NAMES`` and ``NUMBERS``, or that does not go
            with another; names the key, the value and what is allowed.
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
    initial_messages: str = "factor-to-variable"
    initial_distribution: str = "normal"
    tolerance: float = 1e-6
    max_steps: int = 500
    tie_tolerance: float = 1e-9
    output_readout: str = "alphabet"
    method: str = "messages"
    network: str | None = None
    learning_rate: float | None = None
    max_values: int | None = None

    @classmethod
    def of(cls, algorithm: str) -> "Learner":
        """With all defaults, and the factors that the ``algorithm`` takes."""
        kind = ALGORITHMS.get(algorithm)
        return cls(algorithm, factor=next(iter(kind.algebras if kind else {}), "hard"))

    def __post_init__(self) -> None:
        for field in fields(self):
            key, value = field.name, getattr(self, field.name)
            if value is None and field.default is None:
                continue
            if key in NAMES and value not in NAMES[key]:
                raise ValueError(f"{key}: {value!r}; allowed: {', '.join(NAMES[key])}")
            if key in NUMBERS:
                NUMBERS[key].check(key, value)
        kind, soft = ALGORITHMS[self.algorithm], self.factor == "soft"
        if kind.algebras and self.factor not in kind.algebras:
            needed = " or ".join(kind.algebras)
            raise ValueError(f"factor: {self.factor!r}; algorithm {self.algorithm} needs {needed}")
        if soft and kind.temperature and self.beta is None:
            raise ValueError(
                f"{self.algorithm} with factor: soft needs beta, the inverse temperature"
            )
        if self.beta is not None and not (soft and kind.temperature):
            raise ValueError(f"beta is for {_those(temperature=1.0)} with factor: soft only")
        if (self.batch_size is None) == (self.schedule == "mini-batch"):
            raise ValueError("batch_size goes with schedule: mini-batch, and only with it")
        if self.reinforcement and not kind.reinforced:
            raise ValueError(f"reinforcement is for {_those(reinforced=True)}")
        for key in DESCENT:
            if (getattr(self, key) is not None) != self.is_gradient_descent:
                raise ValueError(f"{key} goes with algorithm: gradient-descent, and only with it")
        if self.is_gradient_descent and self.method != "messages":
            raise ValueError(f"method: {self.method!r}; algorithm gradient-descent has none")
        if self.is_gradient_descent and (self.schedule != "offline" or soft):
            raise ValueError(
                f"schedule: {self.schedule!r}, factor: {self.factor!r}; algorithm gradient-descent "
                "is offline and has no factors"
            )
        if self.reinforcement and self.method != "messages":
            raise ValueError(f"reinforcement is for method messages; given: {self.method}")
        if self.method in ("exact", "density-evolution") and self.schedule != "offline":
            raise ValueError(
                f"schedule: {self.schedule!r}; method {self.method} is for offline only"
            )
        if (
            self.method == "exact"
            and self.finds_configuration
            and self.output_readout != "alphabet"
        ):
            raise ValueError(
                f"output_readout: {self.output_readout!r}; with method exact, {self.algorithm} "
                "finds a whole configuration, for which only alphabet is allowed"
            )
        if (self.max_values is None) == (self.method == "layered"):
            raise ValueError("max_values goes with method: layered, and only with it")
        if self.method == "layered":
            self._check_layered()

    def _check_layered(self) -> None:
        for key, value, allowed in (
            ("factor", self.factor, "hard"),
            ("damped", self.damped, "factor-to-variable"),
            ("initial_messages", self.initial_messages, "factor-to-variable"),
        ):
            if value != allowed:
                raise ValueError(f"{key}: {value!r}; method layered takes {allowed} only")

    def check_network(self, per_row: int, per_column: int, hidden_layers: int) -> None:
        """Raise ValueError unless the method is for a network of this kind.

        Args:
            per_row, per_column: non-zeros in each row and column of the student's W_out.
            hidden_layers: how many there are.
        """
        if hidden_layers > 1 and self.method != "layered":
            raise ValueError(
                f"method {self.method} is for one hidden layer; {hidden_layers} of them "
                "(layers.hidden_layers) need layered"
            )
        if self.method == "exact" and (per_row, per_column) != (2, 2):
            raise ValueError(
                f"method exact needs 2 non-zeros per row and per column of the student's output "
                f"layer, which has {per_row} and {per_column}"
            )

    @property
    def is_gradient_descent(self) -> bool:
        """Whether this is gradient descent, which passes no messages."""
        return ALGORITHMS[self.algorithm].temperature is None

    @property
    def is_theory(self) -> bool:
        """Whether this is density evolution, which predicts the errors of a teacher's students."""
        return self.method == "density-evolution"

    @property
    def rules(self) -> Rules:
        """The update rules of the algorithm, if it passes messages."""
        kind, soft = ALGORITHMS[self.algorithm], self.factor == "soft"
        temperature = kind.temperature or 0.0
        if self.beta is not None:
            temperature = 1.0 / self.beta
        # A float, also where a configuration says 0: kernels are compiled for floats.
        return Rules(kind.algebras[self.factor], temperature, soft, float(self.reinforcement))

    @property
    def finds_configuration(self) -> bool:
        """With method exact: the estimate is a most probable configuration, not of marginals."""
        return self.rules.temperature == 0

    @property
    def has_entropy(self) -> bool:
        """Whether sums of messages count configurations, so that they have an entropy.

        With hidden variables and without loops they would too, but nothing asks for it.
        """
        counting = self.method != "layered" and not self.is_theory
        alone = self.schedule == "offline" and counting
        return alone and self.rules == Rules(SumTimes, 1.0, False, 0.0)

    @property
    def dampings(self) -> tuple[float, float]:
        """Of factor-to-variable and variable-to-factor messages, Eq. 2.14."""
        alpha = float(self.damping)
        u, h = (self.damped in (name, "both") for name in NAMES["damped"][:2])
        return alpha * u, alpha * h

    @property
    def starts_to_factors(self) -> bool:
        """Whether the first messages from variables to factors are random."""
        return self.initial_scale > 0 and self.initial_messages == "variable-to-factor"

    def first_logs(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
        """The first log-messages, up to constants: 0; or random, normal with the standard deviation
        s = ``initial_scale``, or uniform in [-s, 0].

        Args:
            rng: not used where s is 0.
            shape: of the array.
        """
        scale = self.initial_scale
        if not scale > 0:
            return np.zeros(shape)
        if self.initial_distribution == "normal":
            return rng.normal(0.0, scale, shape)
        return rng.uniform(-scale, 0.0, shape)

    @property
    def algebras(self) -> list[type[SumTimes]]:
        """Of what a training calculates in: that of its rules, and with hard factors wide numbers,
        which settle doubts. Rings count configurations wherever factors are hard or T > 0."""
        algebra = self.rules.algebra
        if self.method == "exact" and algebra is not MaxPlus:
            return [SumTimes, WIDE[SumTimes]]
        return [algebra] if self.rules.soft else [algebra, WIDE[algebra]]

    def kernels(
        self, k_in: int, k_out: int, alphabet: list[int], degree: int
    ) -> set[tuple[str | int | bool, ...]]:
        """All kernels that a training needs: which of ``steps.kernels``, and its parts.

        Args:
            k_in, k_out, degree: the shape of the student's network, see ``updates.Kind``.
            alphabet: the values of its weights.
        """
        if self.is_gradient_descent:
            return set()
        names = [algebra.__name__ for algebra in self.algebras]
        q, blank = len(alphabet), alphabet.index(0) if 0 in alphabet else -1
        if self.method == "exact":
            solved = {("rings", name, k_in, q, blank, not self.rules.soft) for name in names}
            return solved | ({("draw",)} if self.finds_configuration else set())
        if self.method == "layered":
            undamped = {("hidden", name, False) for name in (names[-1], MaxPlus.__name__)}
            return undamped | {("hidden", name, self.damping > 0) for name in names}
        hard, moving = not self.rules.soft, self.reinforcement > 0
        damped = self.dampings[1] > 0 and not self.is_theory
        # With a small table, no list of configurations is asked for.
        tables = [False, True] if hard and q ** (k_in * k_out) > SMALL_TABLE else [False]
        if self.method == "blocked" or self.is_theory:
            k_in, q, tables = 1, q**k_in, [False]
        lists = [hard] if moving else tables
        found = {(name, listed, moving, damped) for name in names for listed in lists}
        if not moving and self.method == "messages":  # the last messages of output weights
            found.add((names[-1], hard, True, False))
        if hard and not self.is_theory:  # what is excluded
            found |= {(MaxPlus.__name__, listed, False, False) for listed in tables}
            if self.method == "messages":
                found.add((MaxPlus.__name__, hard, True, False))
        shape = k_in, k_out, q, degree, blank
        return {("steps", name, *shape, *rest) for name, *rest in found}


SMALL_TABLE = 256
"""Up to so many cells of a factor, a table is less work than a list, however short."""
