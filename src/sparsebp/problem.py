"""What a student knows of its network, and what it believes of its weights."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sparsebp.data import Layers, Patterns
from sparsebp.factors import HiddenStates
from sparsebp.graph import near_together, readers
from sparsebp.model import Activation


class Problem(NamedTuple):
    """What a student knows before it sees data: its patterns, alphabet and activation.

    Attributes:
        patterns: where weights may be non-zero.
        states: of an edge: its weights' alphabet, and how values combine.
        readers: (hidden, D) the edges at which each hidden neuron is read, see ``graph.readers``.
        phi: the activation function.
        orders: of the factors and hidden neurons in memory, see ``graph.near_together``.
    """

    patterns: Patterns
    states: HiddenStates
    readers: np.ndarray
    phi: Activation
    orders: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, patterns: Patterns, alphabet, phi: Activation) -> "Problem":
        """Prepare a student with weights in ``alphabet`` on ``patterns``.

        Args:
            patterns: biregular, as ``data.draw_student`` draws them.
            alphabet: the Q values that a weight may have, for example [-1, 0, 1].
            phi: the activation function.

        Raises:
            ValueError: the hidden neurons are not all read equally often.
        """
        hidden, states = len(patterns[-2]), HiddenStates.of(alphabet, patterns.inner.shape[1])
        orders = near_together(patterns.outer, hidden)
        return cls(patterns, states, readers(patterns.outer, hidden), phi, orders)

    def blocked(self) -> "Problem":
        """With one variable for all input weights of a hidden neuron, which has S values."""
        joint = np.arange(len(self.states.tuples))[:, None]
        return self._replace(states=replace(self.states, tuples=joint))


class Beliefs(Layers):
    """Log-beliefs with maximum zero, of each layer (rows, slots, Q) float64."""

    @classmethod
    def uniform(cls, problem: Problem) -> "Beliefs":
        """No preference for any state of the weights of a problem: zeros."""
        q = len(problem.states.alphabet)
        return cls(*(np.zeros((*topology.shape, q)) for topology in problem.patterns))
