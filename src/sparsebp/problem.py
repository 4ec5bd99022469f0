"""What a student knows of its network, and what it believes of its weights."""

from typing import NamedTuple

import numpy as np

from sparsebp.data import Layers, Patterns
from sparsebp.factors import HiddenStates
from sparsebp.graph import near_together, readers
from sparsebp.model import Activation


class Problem(NamedTuple):
    """What a student knows before it sees data: its patterns, alphabet and activation.

    Attributes:
        readers: (hidden, D) the edges at which each hidden neuron is read, see ``graph.readers``.
        orders: of the factors and hidden neurons in memory, see ``graph.near_together``.
    """

    patterns: Patterns
    states: HiddenStates
    readers: np.ndarray
    phi: Activation
    orders: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, patterns: Patterns, alphabet, phi: Activation) -> "Problem":
        """Prepare a student with weights in ``alphabet`` on ``patterns``."""
        hidden, states = len(patterns[-2]), HiddenStates.of(alphabet, patterns.inner.shape[1])
        orders = near_together(patterns.outer, hidden)
        return cls(patterns, states, readers(patterns.outer, hidden), phi, orders)


class Beliefs(Layers):
    """Log-beliefs with maximum zero, of each layer (rows, slots, Q) float64."""

    @classmethod
    def uniform(cls, problem: Problem) -> "Beliefs":
        """No preference for any state."""
        q = len(problem.states.alphabet)
        return cls(*(np.zeros((*topology.shape, q)) for topology in problem.patterns))
