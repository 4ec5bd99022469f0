"""What a student knows of its network, and what it believes of its weights."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sparsebp.engine.layout import near_together, readers
from sparsebp.engine.learner import brief
from sparsebp.engine.states import HiddenStates
from sparsebp.network.data import Layers, Patterns
from sparsebp.network.model import Activation

WEIGHTS = range(-127, 128)
"""The values that a weight may have: estimates are int8."""


class Problem(NamedTuple):
    """What a student knows before it sees data: its patterns, alphabet and activation.

    The weights are the variables of Eq. A.1, each with a value from the alphabet.

    Attributes:
        patterns: where weights may be non-zero.
        states: of an edge: its weights' alphabet, and how values combine.
        readers: (hidden, D) the edges at which each hidden neuron is read, see ``layout.readers``.
        phi: the activation function.
        orders: of the factors and hidden neurons in memory, see ``layout.near_together``.
    """

    patterns: Patterns
    states: HiddenStates
    readers: np.ndarray
    phi: Activation
    orders: tuple[np.ndarray, np.ndarray]

    def __repr__(self) -> str:
        return brief(self)

    @classmethod
    def of(cls, patterns: Patterns, alphabet, phi: Activation, checked: bool = True) -> "Problem":
        """Prepare a student with weights in ``alphabet`` on ``patterns``.

        Args:
            patterns: biregular, as ``data.draw_student`` draws them.
            alphabet: the Q values that a weight may have, for example [-1, 0, 1].
            phi: the activation function.
            checked: False for patterns that ``arrangement.arrange`` has made regular.

        Raises:
            ValueError: a pattern or the alphabet is not one, or the hidden neurons are not all read
                equally often.
        """
        patterns = Patterns(*map(np.asarray, patterns))
        if checked:
            _check_patterns(patterns)
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

    def blocked(self) -> "Problem":
        """With one variable for all input weights of a hidden neuron, which has S values."""
        joint = np.arange(len(self.states.tuples))[:, None]
        return self._replace(states=replace(self.states, tuples=joint))


def _check_patterns(patterns: Patterns) -> None:
    """Raise ValueError unless each is a topology, of neurons that there are."""
    if len(patterns) < 2:
        raise ValueError(f"{len(patterns)} patterns; needed are two or more, W_in's to W_out's")
    below = None
    for number, topology in enumerate(patterns, 1):
        where = f"pattern {number} of {len(patterns)}"
        if topology.ndim != 2 or topology.dtype.kind not in "iu" or not topology.size:
            raise ValueError(
                f"{where}: {topology.dtype} values of shape {topology.shape}; needed are the "
                "columns of non-zeros, integers, (rows, slots)"
            )
        ordered = np.sort(topology, axis=1)
        if (ordered[:, 1:] == ordered[:, :-1]).any():
            raise ValueError(f"{where}: a row names a column twice")
        least, most = int(ordered[:, 0].min()), int(ordered[:, -1].max())
        if least < 0 or (below is not None and most >= below):
            allowed = "0 on" if below is None else f"0 to {below - 1}"
            raise ValueError(f"{where}: columns from {least} to {most}; must be from {allowed}")
        below = len(topology)


class Beliefs(Layers):
    """Log-beliefs with maximum zero: ``parts`` are (rows, slots, Q) float64, one for each layer.

    Together they are a product over the weights, Eq. 2.10.
    """

    @classmethod
    def uniform(cls, problem: Problem) -> "Beliefs":
        """No preference for any state of the weights of a problem: zeros."""
        q = len(problem.states.alphabet)
        return cls(*(np.zeros((*topology.shape, q)) for topology in problem.patterns))
