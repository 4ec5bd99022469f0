"""Teachers, students and samples, each drawn from a random stream of its own."""

from enum import IntEnum
from typing import Generic, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from sparsebp.network.model import MATCH_TOLERANCE, Activation, Layer, check_activation, forward
from sparsebp.network.patterns import DRAWINGS, biregular, overlapping
from sparsebp.network.ranges import ENTROPY, FRACTION, SAMPLES, Range


class Stream(IntEnum):
    """One random stream per purpose, so that changing one thing leaves the others as they were."""

    TEACHER_PATTERN = 0
    TEACHER_WEIGHTS = 1
    SAMPLES = 2
    TEST_SAMPLES = 3
    STUDENT_PATTERN = 4
    INITIAL_MESSAGES = 5
    TIE_BREAKS = 6
    NOISE = 7
    TREES = 8
    CANDIDATES = 9


def generator(entropy: int, seed: int, stream: Stream, *more: int) -> np.random.Generator:
    """The generator of one stream of one simulation.

    Args:
        entropy: root of all streams of the study.
        seed: number of the simulation.
        stream: what the numbers are for.
        more: further integers that set streams apart, for example a number of samples.

    Raises:
        ValueError: entropy or seed is negative, or no integer.
    """
    ENTROPY.check("entropy", entropy)
    ENTROPY.check("seed", seed)
    sequence = np.random.SeedSequence(entropy, spawn_key=(seed, int(stream), *more))
    return np.random.Generator(np.random.PCG64(sequence))


class Sizes(NamedTuple):
    """Numbers of neurons in the layers.

    Attributes:
        input, hidden, output: neurons in one layer of the kind.
        hidden_layers: how many hidden layers there are, all of one size.
    """

    input: int
    hidden: int
    output: int
    hidden_layers: int = 1

    @classmethod
    def of(cls, sizes: "Sizes | int") -> "Sizes":
        """As many neurons in each layer, where ``sizes`` is one number."""
        return sizes if isinstance(sizes, Sizes) else cls(sizes, sizes, sizes)


class PerRow(NamedTuple):
    """Non-zeros per row of the matrices of weights.

    Attributes:
        input, output: of W_in and W_out.
        hidden: of those between hidden layers, if there are any.
    """

    input: int
    output: int
    hidden: int | None = None

    @classmethod
    def of(cls, per_row: "PerRow | int") -> "PerRow":
        """As many in each layer, where ``per_row`` is one number."""
        return per_row if isinstance(per_row, PerRow) else cls(per_row, per_row, per_row)


class Overlap(NamedTuple):
    """Fractions of the teacher's entries that the student's patterns contain.

    Attributes:
        input, output: of W_in and W_out, from 0 to 1.
    """

    input: float = 1
    output: float = 1

    @classmethod
    def of(cls, overlap: "Overlap | float") -> "Overlap":
        """The same in both layers, where ``overlap`` is one number."""
        return overlap if isinstance(overlap, Overlap) else cls(overlap, overlap)


class Noise(NamedTuple):
    """What happens to training outputs, to each on its own.

    Attributes:
        flipped: the fraction that changes sign.
        jittered: the fraction that gets a Gaussian number added.
        scale: the standard deviation of that number, whose mean is 0.
    """

    flipped: float = 0
    jittered: float = 0
    scale: float = 0


NEURONS, PER_ROW = Range(1, 10_000_000, whole=True), Range(1, 20, whole=True)
RANGES = {
    Sizes: (NEURONS, NEURONS, NEURONS, Range(1, 20, whole=True)),
    PerRow: (PER_ROW, PER_ROW, PER_ROW),
    Overlap: (FRACTION, FRACTION),
    Noise: (FRACTION, FRACTION, Range(0, 1000)),
}
"""What each of these may be."""


def check(*records: Sizes | PerRow | Overlap | Noise) -> None:
    """Raise ValueError unless all numbers in the ``records`` are allowed, see ``RANGES``."""
    for record in records:
        for name, value, allowed in zip(record._fields, record, RANGES[type(record)], strict=True):
            if value is not None:
                allowed.check(name, value)


Part = TypeVar("Part")
"""What ``Layers`` have for each layer."""


class Layers(tuple[Part, ...], Generic[Part]):
    """One thing for each layer of weights: the ``parts``, two or more, from inputs to outputs."""

    def __new__(cls, *parts: Part) -> Self:
        return super().__new__(cls, parts)

    def __getnewargs__(self) -> tuple[Part, ...]:
        return tuple(self)

    @property
    def inner(self) -> Part:
        """That of the first layer."""
        return self[0]

    @property
    def middle(self) -> tuple[Part, ...]:
        """Those between the first and the last layer."""
        return self[1:-1]

    @property
    def outer(self) -> Part:
        """That of the last layer."""
        return self[-1]


class Network(Layers[Layer]):
    """A teacher: its ``parts`` are a ``model.Layer`` each, with weights of -1 and +1 (int8)."""


class Patterns(Layers[np.ndarray]):
    """Where the weights of each layer may be non-zero: its ``parts`` are int32 topologies."""


class Samples(NamedTuple):
    """Input-output pairs: x (samples, input) int8 of -1 and +1, y (samples, output) float64."""

    x: np.ndarray
    y: np.ndarray


def draw_teacher(
    sizes: Sizes | int,
    per_row: PerRow | int,
    entropy: int = 0,
    seed: int = 0,
    drawing: str = "trades",
) -> Network:
    """Draw a teacher: biregular patterns, and weights uniform on {-1, +1}.

    Args:
        sizes: of the layers, or one number for all.
        per_row: non-zeros in each row, or one number for all layers; sizes and they fix those in
            each column.
        entropy, seed: of the random streams, see ``generator``.
        drawing: of the patterns, one of ``patterns.DRAWINGS``: trades; or matching, which is for
            large networks, see ``patterns.biregular``.

    Raises:
        ValueError: sizes and degrees are none, or do not fit; no such drawing, or not for these.
    """
    sizes, per_row = Sizes.of(sizes), PerRow.of(per_row)
    check(sizes, per_row)
    if drawing not in DRAWINGS:
        raise ValueError(f"drawing: {drawing!r}; allowed: {', '.join(DRAWINGS)}")
    rng = generator(entropy, seed, Stream.TEACHER_PATTERN)
    inner = biregular(sizes.hidden, sizes.input, per_row.input, rng, drawing)
    outer = biregular(sizes.output, sizes.hidden, per_row.output, rng, drawing)
    # There is a number for these where there are such layers.
    middle = [
        biregular(sizes.hidden, sizes.hidden, per_row.hidden, rng, drawing)  # type: ignore[arg-type]
        for _ in range(1, sizes.hidden_layers)
    ]
    rng = generator(entropy, seed, Stream.TEACHER_WEIGHTS)
    # Those that every network has come first, so that they do not depend on the depth.
    first, last, *between = (Layer(p, _signs(rng, p.shape)) for p in (inner, outer, *middle))
    return Network(first, *between, last)


def draw_student(
    teacher: Network,
    per_row: PerRow | int,
    entropy: int = 0,
    seed: int = 0,
    overlap: Overlap | float = 1.0,
) -> Patterns:
    """Draw the student's patterns, which contain a fraction of the teacher's entries.

    By default they contain all, and equal the teacher's where as dense.

    Args:
        teacher: what to contain.
        per_row: of the student, or one number for all layers.
        entropy, seed: of the random streams, see ``generator``.
        overlap: the fraction of the teacher's entries, or one for each layer.

    Between hidden layers they are the teacher's.

    Raises:
        ValueError: sizes, degrees and overlap are none, or do not fit.
    """
    per_row, overlap = PerRow.of(per_row), Overlap.of(overlap)
    check(per_row, overlap)
    inner, outer = teacher.inner.topology, teacher.outer.topology
    inputs, hidden = int(inner.max()) + 1, int(outer.max()) + 1
    rng = generator(entropy, seed, Stream.STUDENT_PATTERN)
    return Patterns(
        overlapping(inner, inputs, per_row.input, overlap.input, rng),
        *(layer.topology for layer in teacher.middle),
        overlapping(outer, hidden, per_row.output, overlap.output, rng),
    )


def draw_samples(
    teacher: Network,
    phi: Activation,
    count: int,
    entropy: int = 0,
    seed: int = 0,
    test: bool = False,
) -> Samples:
    """Draw ``count`` inputs uniform on {-1, +1} and let the teacher answer them.

    The first m samples are the same whatever the count. Another processor may round tanh in
    another way, and so y: see docs/cluster.md, Another processor.

    Args:
        teacher: with y = phi(W_out phi(W_in x)), Eq. 1.1.
        phi: its activation function.
        count: number of samples.
        entropy, seed: of the random streams, see ``generator``.
        test: draw from another stream, for samples that no student is trained on.

    Returns:
        x: (count, inputs) int8, and y: (count, output) float64.

    Raises:
        ValueError: phi is not an activation, or the count is out of range.
    """
    check_activation("phi", phi)
    SAMPLES.check("count", count)
    stream = Stream.TEST_SAMPLES if test else Stream.SAMPLES
    inputs = int(teacher.inner.topology.max()) + 1
    x = _signs(generator(entropy, seed, stream), (count, inputs))
    return Samples(x, forward(teacher, phi, x))


def unmasked(name: str, values: ArrayLike) -> np.ndarray:
    """The ``values`` as an array. Raises ValueError, with their ``name``, if some are masked.

    NumPy would hand on what is behind the mask as if it had been measured.
    """
    rows = values if isinstance(values, list | tuple) else [values]
    if any(map(np.ma.is_masked, rows)):
        filled = "a missing output is NaN, as in y.astype(float).filled(np.nan)"
        raise ValueError(
            f"{name} is masked in part; {filled if name == 'y' else 'no input can be missing'}"
        )
    return np.asarray(values)


def checked_inputs(inner: np.ndarray, x: ArrayLike) -> np.ndarray:
    """Inputs as an array, after a check that they are for a network.

    Args:
        inner: (hidden, k_in) int, the first topology; -1 behind the end of a shorter row.
        x: (samples, input) numbers, with a column for each input that is read.

    Raises:
        ValueError: they are of another shape, or not finite numbers; says what is needed.
    """
    x, needed = unmasked("x", x), int(inner.max(initial=-1)) + 1
    if x.ndim != 2 or x.shape[1] < needed:
        raise ValueError(
            f"x is of shape {x.shape}; needed are two dimensions, with a row for each sample, and "
            f"at least {needed} columns, the inputs"
        )
    _check_numbers("x", x)
    if not np.isfinite(x).all():
        raise ValueError("x holds values that are not finite; NaN is allowed in y alone")
    return x


def checked_data(
    inner: np.ndarray, outer: np.ndarray, x: ArrayLike, y: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Samples as arrays, after a check that they are for a network.

    Args:
        inner, outer: (hidden, k_in) and (output, k_out) int, the first and last topology.
        x: (samples, input) numbers, with a column for each input that is read.
        y: (samples, output) numbers; NaN where an output is missing.

    Returns:
        x as it is, and y as float64.

    Raises:
        ValueError: they are of other shapes, or not such numbers; says which are needed.
    """
    x, y = checked_inputs(inner, x), unmasked("y", y)
    if y.ndim != 2 or len(x) != len(y):
        raise ValueError(
            f"x is of shape {x.shape} and y of shape {y.shape}; needed are two dimensions and as "
            "many rows in both, one for each sample"
        )
    if y.shape[1] != len(outer):
        raise ValueError(f"y is of shape {y.shape}; needed are {len(outer)} columns, the outputs")
    _check_numbers("y", y)
    if np.isinf(y).any():
        raise ValueError("y holds values that are not finite; of those NaN alone is allowed")
    return x, y.astype(float, copy=False)


def _check_numbers(name: str, array: np.ndarray) -> None:
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} holds {array.dtype} values; allowed are real numbers")


def checked_samples(patterns: Patterns, samples: Samples, needed: int) -> Samples:
    """The ``samples`` as ``checked_data`` returns them, ``needed`` of them or more.

    Args:
        patterns: the student's.

    Raises:
        ValueError: as there, or they are fewer.
    """
    samples = Samples(*checked_data(patterns.inner, patterns.outer, *samples))
    if len(samples.x) < needed:
        raise ValueError(f"{len(samples.x)} samples; the numbers of samples go up to {needed}")
    return samples


def disturb(y: np.ndarray, noise: Noise, entropy: int, seed: int) -> np.ndarray:
    """Outputs (samples, output) with noise.

    Those of the first m samples are the same whatever their number, and what a smaller fraction
    changes, a larger one changes likewise.

    Args:
        y: (samples, output) float64, the teacher's answers.
        noise: how many are changed, and how.
        entropy, seed: of the random stream.

    Raises:
        ValueError: the noise is none.
    """
    check(noise)
    flips, jitters, normal = (generator(entropy, seed, Stream.NOISE, k) for k in range(3))
    flipped = np.where(flips.random(y.shape) < noise.flipped, -y, y)
    jitter = noise.scale * normal.standard_normal(y.shape)
    return flipped + np.where(jitters.random(y.shape) < noise.jittered, jitter, 0.0)


def mistake(y: np.ndarray, share: float, entropy: int, seed: int) -> np.ndarray:
    """Outputs (samples, output) of which some are wrong: each is another one of them.

    They are where ``disturb`` flips signs.

    Args:
        y: (samples, output) float64, the teacher's answers.
        share: of the outputs, each on its own, that is wrong.
        entropy, seed: of the random stream.

    Raises:
        ValueError: the share is no fraction, or all outputs are the same.
    """
    FRACTION.check("share", share)
    if np.ptp(y) <= MATCH_TOLERANCE:
        raise ValueError(f"all outputs are {y.flat[0]:g}; needed are two that differ")
    which, others = (generator(entropy, seed, Stream.NOISE, k) for k in (0, 3))
    wrong, found = which.random(y.shape) < share, y.copy()
    left = wrong
    while left.any():
        drawn = y.flat[others.integers(y.size, size=y.shape)]
        found = np.where(left, drawn, found)
        left = wrong & (np.abs(found - y) <= MATCH_TOLERANCE)
    return found


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    # Filled row by row, so that the first rows do not depend on how many there are.
    return (2 * rng.integers(0, 2, size=shape, dtype=np.int64) - 1).astype(np.int8)
