"""Memory: what is refused, what steps take at most, and work in parts that bound it."""

from itertools import pairwise
from typing import NamedTuple

from sparsebp.engine.gradient import filled_up
from sparsebp.engine.learner import Learner

# Rows of dense work done at once, to bound memory. Larger parts are slower: the system clears the
# memory of each array that is short-lived and large.
CHUNK_CELLS = 1 << 17


def chunks(rows: int, cells: int) -> list[slice]:
    """Slices of rows with so many cells each, that bound memory."""
    bounds = [*range(0, rows, max(1, CHUNK_CELLS // cells)), rows]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def refuse_beyond(memory_gib: float, numbers: int, what: str) -> None:
    """Raise ValueError if as many numbers of 8 bytes are more than allowed.

    Args:
        memory_gib: what is allowed, in GiB.
        numbers: how many there would be.
        what: takes them, for the message.
    """
    size = numbers * 8 / 2**30
    if size > memory_gib:
        raise ValueError(
            f"{what} takes {numbers} numbers, {size:.3g} GiB; allowed are {memory_gib} GiB "
            "(study.memory_gib)"
        )


# Memory: megabytes of a program with its libraries, JAX among them, and the chunks that it works
# in; and bytes, of which a number has 8, for each
# - number in a data set: what is drawn or answered, and what numpy makes on the way to it;
# - entry of a pattern: stubs and their order, and trades, each with random numbers and masks;
# - number in the messages of an edge: fields, messages, old and new, in two orders, and logarithms;
# - configuration: the list or table, and copies that are summed, sorted and ordered for kernels;
# - weight by gradient descent: first ones, current ones, two moments, gradient, change, new ones,
#   and four of an earlier fit, which JAX frees when it likes (9.2 of the 12 were seen at most); on
#   a pattern, as many of what each weight is multiplied with in each sample, filled up to blocks;
# - cell that an overlap is drawn from: capacities, the same as a sparse matrix, and flows;
# - explanation of an output that a search lists: the list while it grows, its rows sorted, numbers.
LIBRARIES_MB, DATA_BYTES, PATTERN_BYTES, MESSAGE_BYTES = 500, 5 * 8, 16 * 8, 16 * 8
TABLE_BYTES, DESCENT_BYTES, FLOW_BYTES, EXPLANATION_BYTES = 8 * 8, 12 * 8, 5 * 8, 64 * 8

MOST_FOUND = 1000
"""Explanations of an output with rows of certain lengths that a search lists."""


class Extent(NamedTuple):
    """How large an experiment is.

    Attributes:
        layers: neurons in the input, hidden and output layer, and ``hidden_layers`` above 1.
        per_row: non-zeros per row of the student's layers.
        alphabet: the student's weights.
        grid: numbers of samples.
        test_samples: fresh samples.
    """

    layers: dict[str, int]
    per_row: dict[str, int]
    alphabet: list[int]
    grid: list[int]
    test_samples: int

    @property
    def hidden_layers(self) -> int:
        """How many there are."""
        return self.layers.get("hidden_layers", 1)

    @property
    def samples(self) -> int:
        """Samples of both kinds."""
        return max(self.grid) + self.test_samples

    @property
    def weights(self) -> int:
        """Weights of the student."""
        layers, per_row = self.layers, self.per_row
        middle = (self.hidden_layers - 1) * per_row.get("hidden", 0)
        inner = layers["hidden"] * (per_row["input"] + middle)
        return inner + layers["output"] * per_row["output"]

    @property
    def states(self) -> int:
        """States of an edge, see ``states.HiddenStates``."""
        tuples = len(self.alphabet) ** self.per_row["input"]
        return sum(1 if weight == 0 else tuples for weight in self.alphabet)

    @property
    def activities(self) -> int:
        """Numbers that the neurons of a layer are in all samples, at most."""
        return self.samples * max(self.layers[layer] for layer in ("input", "hidden", "output"))

    def listed(self, most_values: int) -> int:
        """Configurations of hidden neurons that have at most ``most_values``, at most."""
        slots = [self.per_row["input"]]
        slots += [self.per_row.get("hidden", 0)] * (self.hidden_layers - 1)
        values, listed = 1, 0
        for number in slots:
            combinations = (len(self.alphabet) * values) ** number
            listed += self.layers["hidden"] * combinations
            values = min(combinations, most_values)
        return listed


def training_mb(extent: Extent, learner: Learner, memory_gib: float) -> int:
    """An upper estimate of the memory that a training takes, in megabytes.

    A program and its libraries, data, messages, and the work on all configurations of all factors
    at once.

    Args:
        extent: of the experiment.
        learner: who is trained.
        memory_gib: beyond which the engine refuses tables.
    """
    layers, per_row = extent.layers, extent.per_row
    data = DATA_BYTES * extent.activities
    if learner.is_gradient_descent:
        weights = extent.weights * (filled_up(max(extent.grid)) + extent.test_samples)
        if learner.network == "dense":
            weights = layers["hidden"] * (layers["input"] + layers["output"])
        return _megabytes(data + DESCENT_BYTES * weights)
    q = len(extent.alphabet)
    edges = layers["output"] * per_row["output"]
    of_edge = q * (per_row["input"] + 1)
    cells = layers["output"] * extent.states ** per_row["output"]
    if learner.method in ("blocked", "density-evolution"):
        of_edge += q ** per_row["input"]
    elif learner.method == "exact":
        # Matrices: of outputs, of neighbours, and environments of both.
        cells += layers["output"] * q ** (2 * per_row["input"])
    elif learner.method == "layered":
        listed = extent.listed(learner.max_values)  # type: ignore[arg-type]  # layered ones have it
        cells = max(cells, listed)
    allowed = memory_gib * 2**30 / 8
    return _megabytes(data + MESSAGE_BYTES * edges * of_edge + TABLE_BYTES * min(cells, allowed))


def drawing_mb(extent: Extent, overlap: bool) -> int:
    """An upper estimate of the memory to draw a teacher, its data and a student, in megabytes.

    Args:
        extent: of the experiment.
        overlap: whether one is asked for, which takes matrices of all cells of a layer.
    """
    layers, cells = extent.layers, 0
    if overlap:
        cells = (layers["hidden"] + max(layers["input"], layers["output"])) ** 2
    weights = PATTERN_BYTES * extent.weights
    return _megabytes(DATA_BYTES * extent.activities + weights + FLOW_BYTES * cells)


def collecting_mb(extent: Extent) -> int:
    """An upper estimate of the memory to measure the errors of students, in megabytes.

    They are read one after the other, each with its estimates at all numbers of samples.

    Args:
        extent: of the experiment.
    """
    numbers = len(extent.grid)
    estimates = numbers * extent.weights
    predictions = numbers * extent.test_samples * extent.layers["output"]
    return _megabytes(DATA_BYTES * (extent.activities + estimates + predictions))


def searching_mb(neurons: int, samples: int) -> int:
    """An upper estimate of the memory to search a network from scratch, in megabytes.

    Args:
        neurons: of each layer.
        samples: the most that are searched.
    """
    return _megabytes(neurons * (3 * DATA_BYTES * samples + MOST_FOUND * EXPLANATION_BYTES))


def passing_mb(neurons: int, samples: int) -> int:
    """An upper estimate of the memory to pass messages of single weights, in megabytes.

    Three messages of each sample to each input weight, and for each hidden neuron in a sample
    the relation of outputs, and what is made from it: some hundreds of numbers.

    Args:
        neurons: of each layer.
        samples: the most there are.
    """
    return _megabytes(8 * neurons * samples * (3 * neurons + 1000))


def descending_mb(neurons: int, samples: int) -> int:
    """An upper estimate of the memory to fit a dense network and prune it, in megabytes.

    Of all weights and all samples there are ten arrays in single precision at once: as measured,
    rounded up.

    Args:
        neurons: of each layer.
        samples: the most that are fitted.
    """
    return _megabytes(10 * 4 * neurons * (2 * neurons + samples))


def _megabytes(size: float) -> int:
    """What a program takes that has so many bytes beside its libraries."""
    return LIBRARIES_MB + int(size / 1e6)
