"""From scratch: a network from samples alone, with nothing known of where its weights are.

The front door to ``engine.search``, as ``api`` is to message passing; ``import sparsebp as sb`` has
both.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from sparsebp.engine.arrangement import NOTHING, Pattern, padded
from sparsebp.engine.search.assembly import MANY, search
from sparsebp.engine.search.posterior import Left, Posterior
from sparsebp.engine.search.symbols import Alphabet
from sparsebp.network.data import NEURONS, PerRow, checked_data, checked_inputs, unmasked
from sparsebp.network.model import Activation, Layer, check_activation, forward
from sparsebp.network.ranges import Range

AT_MOST, READ = PerRow(3, 2), 3
"""Non-zeros in a row that the search takes, and in one of a known pattern of outputs."""


@dataclass(frozen=True, eq=False)
class Found:
    """A network that was found, and what of it is certain. To iterate over it gives its layers.

    Hidden neurons have no names unless it is known which outputs read them: the network is one of
    many that are the same but for their order, and but for two that the same outputs read. What is
    certain is so up to that.

    Attributes:
        activation: of both layers.
        n_samples: from how many samples.
        hidden: how many hidden neurons there were said to be.
        patterns: (hidden, slots) and (output, slots) int32, the columns of the entries; -1 behind
            the last. While explanations are not certain, and ``outer`` was not given, those chosen
            may need more hidden neurons than there were said to be.
        weights: int8 of the same shapes, -1 and 1; 0 behind the last.
        certain: (rows of W_in,) bool, whether the row of a hidden neuron is the only one.
        explanations: (output,) int64, in how many ways an output can be explained together with
            the others: 1 where it is certain, 0 where in none, -1 where in more than are listed.
        reproduced: (output,) bool, whether this network gives all observed outputs, but for at most
            ``wrong_outputs`` samples.
        wrong: (samples, output) bool, which observed outputs this network takes to be wrong: those
            that it does not give, where the output is ``reproduced``.
        least_hidden: so many hidden neurons the explained outputs need. If that is more than
            ``hidden``, some explanation is wrong, and the layers have as many as they need.
        twins: inputs that cannot be told apart: groups that are the same, or opposite, in all
            samples.
        signs: whether signs of hidden neurons are known. With an odd activation they are not: a
            neuron may have the opposite sign in its row and wherever it is read.
        left: what ``posterior`` goes by; None where it has none.
    """

    activation: Activation
    n_samples: int
    hidden: int
    patterns: list[np.ndarray]
    weights: list[np.ndarray]
    certain: np.ndarray
    explanations: np.ndarray
    reproduced: np.ndarray
    wrong: np.ndarray
    least_hidden: int
    twins: list[np.ndarray]
    signs: bool
    left: Left | None = field(repr=False)

    def __iter__(self) -> Iterator[Layer]:
        return map(Layer, self.patterns, self.weights)

    def __repr__(self) -> str:
        parts = [
            f"{np.count_nonzero(self.explanations == 1)} of {len(self.explanations)} outputs are "
            "certain"
        ]
        if len(self.ambiguous):
            parts.append(f"{len(self.ambiguous)} ambiguous")
        if len(self.unexplained):
            parts.append(f"{len(self.unexplained)} unexplained")
        if self.wrong.any():
            parts.append(f"{np.count_nonzero(self.wrong)} values of y are taken to be wrong")
        if self.twins:
            parts.append(f"groups of inputs that cannot be told apart: {len(self.twins)}")
        if not self.signs:
            parts.append("signs of hidden neurons are not known")
        if self.least_hidden > self.hidden:
            parts.append(f"{self.least_hidden} hidden neurons are needed")
        elif len(self.certain) > self.hidden:
            parts.append(f"the network shown has {len(self.certain)} hidden neurons")
        return f"Found(n_samples={self.n_samples}, {', '.join(parts)})"

    @property
    def ambiguous(self) -> np.ndarray:
        """The outputs that can be explained in several ways; more samples tell which is right."""
        return np.flatnonzero((self.explanations > 1) | (self.explanations == MANY))

    @property
    def unexplained(self) -> np.ndarray:
        """The outputs that no rows explain, or none that go together with those of others."""
        return np.flatnonzero(self.explanations == 0)

    def predict(self, x: ArrayLike) -> np.ndarray:
        """Outputs (samples, output) for inputs ``x``; NaN where samples are not reproduced, or
        say too little to list what explains them.

        Raises:
            ValueError: x is not of shape (samples, input), or not of finite numbers.
        """
        y = forward(self, self.activation, checked_inputs(self.patterns[0], x))
        return np.where(self.reproduced & (self.explanations > 0), y, np.nan)

    def posterior(self) -> Posterior:
        """The probabilities of all weights, of a teacher without noise that is as likely to be any.

        Raises:
            ValueError: ``outer`` was not given, so that hidden neurons have no names; or outputs
                may be wrong.
        """
        if self.left is None:
            raise ValueError(
                "posterior: needs the pattern outer and wrong_outputs=0; without names of hidden "
                "neurons, or a law of what is wrong, there are no probabilities"
            )
        return Posterior(self.left)


def from_scratch(
    x: ArrayLike,
    y: ArrayLike,
    hidden: int,
    *,
    activation: Activation,
    at_most: PerRow | int = 2,
    outer: Pattern = None,
    inner: Pattern = None,
    wrong_outputs: int = 0,
) -> Found:
    """Find the sparse network that made samples, from the samples alone.

    Every explanation of every output is listed, and verified on every sample. So what is certain
    has no other explanation by such a network, and what none explains is told.

    With ``wrong_outputs`` an explanation may miss so many samples of its output, and no more. It
    counts if no other misses fewer, or if the best misses one sample less, as one miss may be
    chance. So what is certain has at least two misses fewer than any other that is allowed.
    Explanations are then looked for in random subsets of the samples, until one that counts is
    overlooked with a probability of at most 0.001.

    Args:
        x: inputs (samples, input) of -1 and 1.
        y: outputs (samples, output), NaN where one is missing.
        hidden: how many hidden neurons there are.
        activation: of both layers. Its values have to say what they come from.
        at_most: non-zeros in a row, or one number for each layer: up to 3 in W_in, 2 in W_out, or 3
            there with ``outer``.
        outer: which hidden neurons each output reads, as for ``Student``: 3 at most, and 2 where
            outputs may be wrong; None if that is not known.
        inner: which inputs each hidden neuron may read, where ``outer`` is given; None for all.
        wrong_outputs: in how many samples an output may be wrong: of another value, or one that no
            network gives.

    Raises:
        ValueError: arguments are not as above; the activation has no inverse, as relu and sign.
    """
    check_activation("activation", activation)
    NEURONS.check("hidden", hidden)
    per_row = _checked(at_most, AT_MOST.output if outer is None else READ)
    shape = np.shape(y)
    inputs, outputs = (np.zeros((1, 1), int), np.zeros((shape[-1] if shape else 1, 1), int))
    x, y = checked_data(inputs, outputs, x, y)
    if not len(x):
        raise ValueError("0 samples; needed is one or more")
    Range(0, len(x) - 1, whole=True).check("wrong_outputs", wrong_outputs)
    readers = candidates = None
    if outer is not None:
        readers = _pattern("outer", outer, y.shape[1], hidden)
        most, why = (AT_MOST.output, " with wrong_outputs") if wrong_outputs else (READ, "")
        if readers.shape[1] > most:
            raise ValueError(
                f"outer: {readers.shape[1]} entries in a row; the search takes at most {most}{why}"
            )
    if inner is not None:
        if outer is None:
            raise ValueError(
                "inner: given without outer; while it is not known which outputs read them, hidden "
                "neurons have no names, and so no inputs of their own"
            )
        rows = _pattern("inner", inner, hidden, x.shape[1])
        candidates = [row[row != NOTHING] for row in rows]
    slots = per_row.input, per_row.output
    found = search(x, y, hidden, activation, slots, readers, candidates, wrong_outputs)
    layers = found.inner, found.outer
    return Found(
        activation,
        len(x),
        hidden,
        [layer.topology for layer in layers],
        [layer.weights for layer in layers],
        found.certain,
        found.explanations,
        found.reproduced,
        found.wrong,
        found.least_hidden,
        found.twins,
        not found.odd,
        found.left,
    )


def snap(
    y: ArrayLike, tolerance: float, *, activation: Activation, at_most: PerRow | int = 2
) -> np.ndarray:
    """Outputs without small noise, for ``from_scratch``: each as the possible value it is near to.

    Args:
        y: outputs (samples, output), NaN where one is missing.
        tolerance: how far an output may be off, as three standard deviations of Gaussian noise.
        activation: of both layers.
        at_most: non-zeros in a row, or one number for each layer, up to 3. If ``from_scratch`` gets
            ``outer``, W_out's is the length of its longest row.

    Returns:
        float64 of the same shape: the value of a network that is within ``tolerance``; NaN where
        several are, as if the output was missing; and what it was where none is, as if it was
        wrong.

    Raises:
        ValueError: arguments are not as above; the activation has no inverse, as relu and sign.
    """
    check_activation("activation", activation)
    Range(0, 1000).check("tolerance", tolerance)
    per_row = _checked(at_most, READ)
    alphabet = Alphabet(activation, per_row.input, max(AT_MOST.output, per_row.output))
    return alphabet.snapped(unmasked("y", y).astype(float), tolerance)


def _checked(at_most: PerRow | int, output: int) -> PerRow:
    per_row = PerRow.of(at_most)
    for name, most in (("input", AT_MOST.input), ("output", output)):
        Range(1, most, whole=True).check(f"at_most, {name}", getattr(per_row, name))
    return per_row


def _pattern(name: str, pattern: Pattern, rows: int, columns: int) -> np.ndarray:
    """The columns of a pattern, (rows, slots) int64, ``NOTHING`` behind the last."""
    topology, present = padded(name, pattern)
    if len(topology) != rows:
        raise ValueError(f"{name}: {len(topology)} rows; needed are {rows}")
    ordered = np.sort(np.where(present, topology, NOTHING), axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NOTHING)
    wrong = (present & ((topology < 0) | (topology >= columns))).any(axis=1) | twice.any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{name}: row {row} is {topology[row, present[row]].tolist()}; needed are different "
            f"columns from 0 to {columns - 1}"
        )
    return topology.astype(np.int64)
