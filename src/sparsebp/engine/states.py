"""The states of an edge: an output weight and the input weights of the hidden neuron it reads."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from sparsebp.engine.arrangement import SILENT
from sparsebp.network.model import Activation

MOST_STATES = 2**16
"""Of an edge: they are listed, and numbered by uint16."""


@dataclass(frozen=True, eq=False)
class HiddenStates:
    """The states of one edge: output weight, and input weights of its hidden neuron.

    Attributes:
        alphabet: (Q,) float64, the values of a weight.
        tuples: (S, k_in) int64, S = Q^k_in: the alphabet index of each input weight.
        classes: (Q, S) int64, the class of (output weight, input weights).
        class_output: (C,) int64, the output weight's alphabet index of a class.
        class_tuple: (C,) int64, the input weights' index of a class; 0, standing for all of
            them, where the output weight is zero.
    """

    alphabet: np.ndarray
    tuples: np.ndarray
    classes: np.ndarray
    class_output: np.ndarray
    class_tuple: np.ndarray

    @classmethod
    def of(cls, alphabet, fan_in: int) -> "HiddenStates":
        """States for weights in ``alphabet`` and ``fan_in`` input weights per hidden neuron.

        Raises:
            ValueError: there would be more than ``MOST_STATES``.
        """
        alphabet = np.asarray(alphabet, float)
        states = sum(1 if value == 0 else len(alphabet) ** fan_in for value in alphabet)
        if states > MOST_STATES:
            raise ValueError(
                f"{fan_in} input weights of a hidden neuron, each of {len(alphabet)} values: "
                f"{len(alphabet)}^{fan_in} rows, which are listed for each output weight other "
                f"than 0; allowed are {MOST_STATES} states in all. Where a neuron may read any "
                "input, sb.from_scratch needs no such list"
            )
        tuples = np.array(list(product(range(len(alphabet)), repeat=fan_in)), dtype=np.int64)
        pairs = [
            (q, s)
            for q, value in enumerate(alphabet)
            for s in range(len(tuples))
            if value != 0 or s == 0
        ]
        number = {pair: c for c, pair in enumerate(pairs)}
        classes = np.array(
            [
                [number[q, s if value != 0 else 0] for s in range(len(tuples))]
                for q, value in enumerate(alphabet)
            ]
        )
        class_output, class_tuple = np.array(pairs).T.copy()
        return cls(alphabet, tuples, classes, class_output, class_tuple)

    @property
    def blank(self) -> int:
        """The alphabet index of a weight that is zero, or -1."""
        found = np.flatnonzero(self.alphabet == 0)
        return int(found[0]) if len(found) else -1

    def contributions(
        self, input_topology: np.ndarray, phi: Activation, x: np.ndarray
    ) -> np.ndarray:
        """What each class adds to an output's pre-activation, ``w_out psi(w_in . x)``.

        Args:
            input_topology: (..., k_in) int, the inputs of hidden neurons in an array of any shape;
                ``arrangement.NOTHING`` is an input of 0, and a neuron of ``SILENT`` answers 0.
            phi: the activation.
            x: (samples, input).

        Returns:
            (samples, ..., C) float64, contiguous.
        """
        weights = self.alphabet[self.tuples]
        if irregular := input_topology.min() < 0:
            x = np.pad(x, ((0, 0), (0, 2)))  # what NOTHING and SILENT read
        hidden = phi(x[:, input_topology].astype(float) @ weights.T)
        if irregular:
            hidden[:, (input_topology == SILENT).all(axis=-1)] = 0.0
        return self.alphabet[self.class_output] * np.take(hidden, self.class_tuple, axis=-1)

    def joined(self, fields: np.ndarray) -> np.ndarray:
        """Log-fields of input weights as one of their joint state: (..., k_in, Q) -> (..., S)."""
        parts = (fields[..., slot, column] for slot, column in enumerate(self.tuples.T))
        return sum(parts)  # type: ignore[return-value]  # an array: there are slots

    def over_classes(self, joint: np.ndarray, temperature: float) -> np.ndarray:
        """Log-messages over joint states as over classes, without output weights: (E, S) -> (E, C).

        Args:
            joint: (E, S) log-messages of the input weights of an edge together.
            temperature: of the sum over all of them where the output weight is zero.
        """
        found = joint[:, self.class_tuple]
        blank = self.alphabet[self.class_output] == 0
        found[:, blank] = log_sum(joint, temperature, axis=-1)[:, None]
        return found

    def marginals(self, joint: np.ndarray, temperature: float) -> np.ndarray:
        """Log-marginals of each input weight: (..., S) -> (..., k_in, Q), not normalised.

        Args:
            joint: (..., S) log-beliefs over the joint states of hidden neurons.
            temperature: of the sum, see ``log_sum``.
        """
        found = np.empty((*joint.shape[:-1], self.tuples.shape[1], len(self.alphabet)))
        for slot, column in enumerate(self.tuples.T):
            for q in range(len(self.alphabet)):
                found[..., slot, q] = log_sum(joint[..., column == q], temperature, axis=-1)
        return found


def log_sum(terms: np.ndarray, temperature: float, axis: int) -> np.ndarray:
    """T log sum exp(terms / T) along an axis at temperature T; the maximum at T = 0.

    Args:
        terms: float64 of any shape, -inf for what is impossible.
        temperature: T, at least 0.
        axis: the one that is summed over, and left out of the result.
    """
    largest = terms.max(axis=axis)
    if temperature == 0:
        return largest
    base = np.expand_dims(np.where(np.isfinite(largest), largest, 0.0), axis)
    with np.errstate(divide="ignore"):
        return base.squeeze(axis) + temperature * np.log(
            np.exp((terms - base) / temperature).sum(axis=axis)
        )
