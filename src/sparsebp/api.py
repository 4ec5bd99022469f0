"""The front door: from data to weights, marginals and predictions in a few lines.

All of it is in the package itself, ``import sparsebp as sb``; see the tutorial and "your own data".
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sparsebp.engine import learning
from sparsebp.engine.arrangement import Pattern, arrange
from sparsebp.engine.learner import Learner
from sparsebp.engine.problem import Problem
from sparsebp.network.data import (
    Network,
    Overlap,
    PerRow,
    Samples,
    checked_inputs,
    draw_student,
    unmasked,
)
from sparsebp.network.model import (
    ACTIVATIONS,
    Activation,
    Layer,
    activation,
    check_activation,
    forward,
    identity,
    sign,
)
from sparsebp.network.quantities import Status
from sparsebp.storage.atomic import written_whole

if TYPE_CHECKING:
    import xarray

DEFAULT_MEMORY_GIB = 4.0
"""Largest table or list of configurations, where nothing else is said."""


class Student:
    """What a student knows before it sees data.

    Args:
        patterns: where weights may be non-zero, one for each layer from W_in to W_out: columns by
            rows, as an array or as lists, or matrices of bool or of scipy.sparse. With one hidden
            layer rows may differ in length, and hidden neurons in how often they are read.
        alphabet: the values that a weight may have: different integers.
        activation: of both layers, see ``model.Activation``.
        teacher: for method density-evolution, which predicts the errors of its students.

    Raises:
        ValueError: patterns, alphabet or activation are not valid, or do not fit together; or
            hidden neurons have too many rows to list.

    Attributes:
        patterns: (rows, slots) int32 for each layer, -1 behind the end of a shorter row.
        alphabet, activation: as given.
        problem: the same as the engine takes it.
    """

    def __init__(
        self,
        *patterns: Pattern,
        alphabet: Iterable[int] = (-1, 1),
        activation: Activation,
        teacher: Network | None = None,
    ) -> None:
        check_activation("activation", activation)
        arrangement, values = arrange(*patterns), np.asarray(alphabet)
        self.alphabet, self.activation = tuple(map(int, values)), activation
        problem = Problem.of(arrangement.patterns, values, activation, arranged=True)
        self.problem = replace(problem, teacher=teacher)
        self.patterns, self._arrangement = arrangement.own, arrangement

    @classmethod
    def knowing(
        cls,
        teacher: Network,
        alphabet: Iterable[int] = (-1, 1),
        *,
        activation: Activation,
        per_row: PerRow | int | None = None,
        overlap: Overlap | float = 1.0,
        entropy: int = 0,
        seed: int = 0,
    ) -> "Student":
        """A student whose patterns contain the teacher's, or a fraction of them.

        Args:
            teacher: whose patterns they are.
            alphabet, activation: as for a student.
            per_row: non-zeros in each row, by default the teacher's.
            overlap: the fraction of the teacher's entries, or one for each layer.
            entropy, seed: of the random stream.

        Raises:
            ValueError: as ``data.draw_student``.
        """
        if per_row is None:
            slots = [layer.topology.shape[1] for layer in teacher]
            per_row = PerRow(slots[0], slots[-1], slots[1] if len(slots) > 2 else None)
        patterns = draw_student(teacher, per_row, entropy, seed, overlap)
        return cls(*patterns, alphabet=alphabet, activation=activation, teacher=teacher)

    def __repr__(self) -> str:
        shapes = ", ".join("x".join(map(str, pattern.shape)) for pattern in self.patterns)
        return f"Student({shapes}, alphabet={self.alphabet}, activation={self.activation})"


@dataclass(frozen=True, eq=False)
class Fit:
    """What a student has learnt from a number of samples. To iterate over it gives its layers.

    A fit equals itself alone.

    Attributes:
        student: who has.
        learner: how.
        n_samples: from how many samples.
        weights: (rows, slots) int8 of each layer, the most likely ones; 0 behind the end of a
            shorter row.
        beliefs: (rows, slots, Q) float64 of each layer, log-beliefs over the student's alphabet,
            with maximum zero; NaN behind the end of a shorter row.
        iterations: steps of the last batch.
        status: how the last batch ended.
        residual: the largest change of a message in its last step, damping left aside: in
            probability, or in log-likelihood; NaN where none was passed.
        expected_error: fraction of wrong weights expected from the beliefs, of sum-product with
            hard factors, else NaN.
        entropy: of the posterior in nats per weight, of offline sum-product with hard factors, else
            NaN.
    """

    student: Student
    learner: Learner
    n_samples: int
    weights: list[np.ndarray]
    beliefs: list[np.ndarray]
    iterations: int
    status: Status
    residual: float
    expected_error: float
    entropy: float

    def __iter__(self) -> Iterator[Layer]:
        return map(Layer, self.student.patterns, self.weights)

    def __repr__(self) -> str:
        return (
            f"Fit(n_samples={self.n_samples}, {self.status} after {self.iterations} steps, "
            f"learner={self.learner.algorithm})"
        )

    @property
    def marginals(self) -> list[np.ndarray]:
        """Probabilities of the states of each weight, (rows, slots, Q) float64 for each layer.

        The estimate of the posterior's marginals (Eq. 2.1), at the learner's temperature. With
        reinforcement they are sharper than those.

        Raises:
            ValueError: the algorithm has no temperature, as max-product and max-sum; their
                ``beliefs`` are of the best configuration with each state.
        """
        temperature = self.learner.rules.temperature
        if temperature == 0:
            raise ValueError(
                f"marginals: algorithm {self.learner.algorithm} has none; beliefs tell how good "
                "the best configuration with each state is"
            )
        odds = [np.exp(part / temperature) for part in self.beliefs]
        return [part / part.sum(axis=-1, keepdims=True) for part in odds]

    def predict(self, x: ArrayLike) -> np.ndarray:
        """Outputs (samples, output) of the network with these weights, for inputs ``x``.

        Raises:
            ValueError: x is not of shape (samples, input), or not of finite numbers.
        """
        return forward(self, self.student.activation, checked_inputs(self.student.patterns[0], x))

    def to_xarray(self) -> "xarray.Dataset":
        """All of it as a data set, which ``to_netcdf`` writes and ``load`` reads."""
        import xarray

        variables = {}
        for name, *parts in zip(
            _layer_names(len(self.weights)),
            self.student.patterns,
            self.weights,
            self.beliefs,
            strict=True,
        ):
            rows = f"{name}_row", f"{name}_slot"
            dimensions = rows, rows, (*rows, "state")
            for what, part, dims in zip(_PARTS, parts, dimensions, strict=True):
                variables[f"{name}_{what}"] = dims, part
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        phi = self.student.activation
        return xarray.Dataset(
            variables | {name: ((), value) for name, value in numbers.items()},
            {"state": list(self.student.alphabet)},
            {
                "learner": json.dumps(asdict(self.learner)),
                "activation": json.dumps([phi.function, phi.parameter]),
            },
        )

    def to_netcdf(self, path: str | Path) -> None:
        """Write it to a NetCDF file at ``path``, atomically. Raises OSError."""
        found = self.to_xarray()
        with written_whole(path) as part:
            found.to_netcdf(part)


_PARTS = ("pattern", "weights", "beliefs")
_NUMBERS = ("n_samples", "iterations", "status", "residual", "expected_error", "entropy")


def _layer_names(depth: int) -> list[str]:
    return ["input", *(f"middle_{number}" for number in range(1, depth - 1)), "output"]


def load(path: str | Path, activation: Activation | None = None) -> Fit:
    """Read what ``Fit.to_netcdf`` wrote.

    Args:
        path: of the file.
        activation: the function, if it is one of your own, which a file does not hold.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or the activation is missing.
    """
    import xarray

    with xarray.open_dataset(path) as file:
        found = file.load()
    if not {"learner", "activation"} <= found.attrs.keys():
        raise ValueError(f"{path}: not a fit, as Fit.to_netcdf writes it")
    phi = activation or _activation(path, *json.loads(found.attrs["activation"]))
    depth = sum(str(name).endswith("_pattern") for name in found)
    patterns, weights, beliefs = (
        [found[f"{name}_{what}"].values for name in _layer_names(depth)] for what in _PARTS
    )
    rows = [[row[row >= 0] for row in pattern] for pattern in patterns]
    student = Student(
        *(rows if depth == 2 else patterns), alphabet=found["state"].values, activation=phi
    )
    numbers = {name: found[name].item() for name in _NUMBERS}
    numbers["status"] = Status(numbers["status"])
    learner = Learner(**json.loads(found.attrs["learner"]))
    return Fit(student=student, learner=learner, weights=weights, beliefs=beliefs, **numbers)


def _activation(path: str | Path, function: str, parameter: Any) -> Activation:
    plain = {"identity": identity, "sign": sign}
    if function in plain:
        return plain[function]()
    if function not in ACTIVATIONS:
        raise ValueError(f"{path}: activation {function!r} is your own; give it to load")
    return activation(function, **{ACTIVATIONS[function].parameter_name: parameter})


def learn(
    student: Student,
    data: Samples,
    learner: Learner,
    at: Iterable[int],
    *,
    entropy: int = 0,
    seed: int = 0,
    memory_gib: float = DEFAULT_MEMORY_GIB,
    threads: int = 1,
) -> Iterator[Fit]:
    """Train a student, and yield what it has learnt at every number of samples in ``at``.

    Args:
        student: what it knows.
        data: inputs x (samples, input) and outputs y (samples, output), arrays or xarray; NaN in y
            where an output is missing.
        learner: algorithm, schedule and choices.
        at: ascending numbers of samples.
        entropy, seed: of the random streams for initial messages and ties.
        memory_gib: largest table or list of configurations.
        threads: how many work side by side; results do not depend on it.

    Raises:
        ValueError: at once, arguments are not as above, or the learner is not for this network.
            Later, factors would need more memory than allowed.
    """
    arrangement, grid = student._arrangement, list(at)
    if not arrangement.regular and learner.method not in ("messages", "blocked"):
        raise ValueError(
            f"method: {learner.method}; needs rows of equal length and hidden neurons that are "
            "read equally often, as it goes along rings or lists values layer by layer; "
            "messages and blocked take any pattern"
        )
    x, y = data
    samples = arrangement.taken_in(Samples(unmasked("x", x), unmasked("y", y)))
    runs = learning.learn(
        learner, student.problem, samples, grid, entropy, seed, memory_gib, threads
    )
    return (_fit(student, learner, trained) for trained in runs)


def _fit(student: Student, learner: Learner, trained: learning.Trained) -> Fit:
    arrangement, expected, entropy = (
        student._arrangement,
        trained.expected_error,
        trained.entropy,
    )
    weights, beliefs = list(trained.estimates), list(trained.beliefs)
    if not arrangement.regular:
        weights = arrangement.read_back(weights, 0)
        beliefs = arrangement.read_back(beliefs, np.nan)
        # Added weights may be anything, all alike.
        q, added = len(student.alphabet), arrangement.added
        total = sum(part.size for part in trained.estimates)
        expected = (expected * total - added * (1 - 1 / q)) / (total - added)
        entropy = (entropy * total - added * np.log(q)) / (total - added)
    ended = trained.iterations, trained.status, trained.residual
    return Fit(student, learner, trained.n_samples, weights, beliefs, *ended, expected, entropy)


def fit(
    student: Student,
    x: ArrayLike,
    y: ArrayLike,
    learner: Learner | str = "sum-product",
    **more: Any,
) -> Fit:
    """Train a student on all samples.

    Args:
        student: what it knows.
        x, y: inputs (samples, input) and outputs (samples, output), as for ``learn``.
        learner: or the name of its algorithm.
        more: entropy, seed, memory_gib and threads, as for ``learn``.

    Raises:
        ValueError: as ``learn``.
    """
    if isinstance(learner, str):
        learner = Learner.of(learner)
    x = checked_inputs(student.patterns[0], x)
    found = list(learn(student, Samples(x, unmasked("y", y)), learner, [len(x)], **more))
    if not found:
        raise ValueError(f"{len(x)} samples; not a multiple of batch_size {learner.batch_size}")
    return found[0]
