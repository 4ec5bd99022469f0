"""What a student knows of its network, and what it believes of its weights."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sparsebp.engine.arrangement import check_patterns
from sparsebp.engine.layout import near_together, places, readers
from sparsebp.engine.learner import brief
from sparsebp.engine.states import HiddenStates
from sparsebp.network.data import Layers, Network, Patterns
from sparsebp.network.model import Activation

WEIGHTS = range(-127, 128)
"""The values that a weight may have: estimates are int8."""


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """What a student knows before it sees data: its patterns, alphabet and activation.

    The weights are the variables of Eq. A.1, each with a value from the alphabet.

    Attributes:
        patterns: where weights may be non-zero.
        states: of an edge: its weights' alphabet, and how values combine.
        readers: (hidden, D) the edges at which each hidden neuron is read, see ``layout.readers``.
        phi: the activation function.
        orders: of the factors and hidden neurons in memory, see ``layout.near_together``.
        teacher: where it is known. Density evolution alone reads it, to predict the errors of its
            students.
    """

    patterns: Patterns
    states: HiddenStates
    readers: np.ndarray
    phi: Activation
    orders: tuple[np.ndarray, np.ndarray]
    teacher: Network | None = None

    def __repr__(self) -> str:
        return brief(self)

    @classmethod
    def of(cls, patterns: Patterns, alphabet, phi: Activation, arranged: bool = False) -> "Problem":
        """Prepare a student with weights in ``alphabet`` on ``patterns``.

        Args:
            patterns: biregular, as ``data.draw_student`` draws them.
            alphabet: the Q values that a weight may have, for example [-1, 0, 1].
            phi: the activation function.
            arranged: whether ``arrangement.arrange`` has checked them, and made them regular.

        Raises:
            ValueError: a pattern or the alphabet is not one, the hidden neurons are not all read
                equally often, or an edge has too many states, see ``states.MOST_STATES``.
        """
        patterns = Patterns(*map(np.asarray, patterns))
        if not arranged:
            check_patterns(patterns)
        weights = np.asarray(alphabet)
        whole = weights.ndim == 1 and np.isin(weights, WEIGHTS).all()
        if not whole or len(weights) < 2 or len(np.unique(weights)) < len(weights):
            raise ValueError(
                f"alphabet: {alphabet!r}; must be different integers, two or more, from "
                f"{WEIGHTS[0]} to {WEIGHTS[-1]}"
            )
        hidden, states = len(patterns[-2]), HiddenStates.of(alphabet, patterns.inner.shape[1])
        orders = near_together(patterns.outer, hidden)
        return cls(patterns, states, readers(patterns.outer, hidden), phi, orders)

    @cached_property
    def blocked(self) -> "Problem":
        """With one variable for all input weights of a hidden neuron, which has S values."""
        states = replace(self.states, tuples=np.arange(len(self.states.tuples))[:, None])
        return replace(self, states=states)

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where messages and fields are in memory, see ``layout.places``."""
        tuples = self.states.tuples
        numbers = tuples.shape[1] * (int(tuples.max()) + 1)
        return places(self.readers, self.orders, self.patterns.outer.shape[1], numbers)


class Beliefs(Layers[np.ndarray]):
    """Log-beliefs with maximum zero: ``parts`` are (rows, slots, Q) float64, one for each layer.

    Together they are a product over the weights, Eq. 2.10.
    """

    @classmethod
    def uniform(cls, problem: Problem) -> "Beliefs":
        """No preference for any state of the weights of a problem: zeros."""
        q = len(problem.states.alphabet)
        return cls(*(np.zeros((*topology.shape, q)) for topology in problem.patterns))
