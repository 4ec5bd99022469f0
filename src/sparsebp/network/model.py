r"""The sparse network, Eq. 1.1, with one activation function for both layers.

.. math:: y = \varphi(W^{\mathrm{out}} \varphi(W^{\mathrm{in}} x))

It may have more layers, Eq. B.1.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from sparsebp.network.ranges import Range


class Activation(NamedTuple):
    """An element-wise activation function and its parameter.

    Attributes:
        function: a key of ``ACTIVATIONS``.
        parameter: b of ``tanh(x - b)`` or a of ``max(x, a x)``.
    """

    function: str
    parameter: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Apply the function to every element of ``x`` (float64, any shape)."""
        return ACTIVATIONS[self.function].apply(x, self.parameter)

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Where the non-decreasing function reaches ``y`` (float64, any shape).

        Infinite where it stays above or below ``y``.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return ACTIVATIONS[self.function].inverse(y, self.parameter)


LEAST = 1e-4
"""Parameters below are 0. Outputs of different weights differ by less than the parameter, and have
to differ by far more than ``factors.MATCH_TOLERANCE``."""


class _Kind(NamedTuple):
    parameter_name: str
    allowed: Range
    apply: Callable[[np.ndarray, float], np.ndarray]
    inverse: Callable[[np.ndarray, float], np.ndarray]


ACTIVATIONS = {
    "tanh": _Kind(
        "b",
        Range(-3, 3),
        lambda x, b: np.tanh(x - b),
        lambda y, b: np.arctanh(np.clip(y, -1.0, 1.0)) + b,
    ),
    "leaky-relu": _Kind(
        "a",
        Range(0, 1, below=True),
        lambda x, a: np.maximum(x, a * x),
        lambda y, a: np.fmin(y, y / a),  # fmin: 0 / 0, at y = a = 0, does not count
    ),
}


def activation(function: str, **parameter: float) -> Activation:
    """Return an activation function: ``activation("tanh", b=0.1)``.

    Args:
        function: ``tanh``, for tanh(x - b), or ``leaky-relu``, for max(x, a x).
        parameter: b or a, by its name.

    Raises:
        ValueError: unknown function, a parameter that it does not have, or one out of range.
    """
    if function not in ACTIVATIONS:
        raise ValueError(f"activation function: {function!r}; allowed: {', '.join(ACTIVATIONS)}")
    name = ACTIVATIONS[function].parameter_name
    if set(parameter) != {name}:
        given = ", ".join(parameter) or "nothing"
        raise ValueError(f"activation {function} takes the parameter {name}; given: {given}")
    value, allowed = parameter[name], ACTIVATIONS[function].allowed
    allowed.check(f"activation {function}: {name}", value)
    if 0 < abs(value) < LEAST:
        raise ValueError(
            f"activation {function}: {name}: {value!r}; must be 0, or {LEAST:g} at least, as "
            "smaller ones lead to outputs that cannot be told apart"
        )
    return Activation(function, float(value))


class Layer(NamedTuple):
    """A sparse weight matrix by rows.

    Attributes:
        topology: (rows, slots) int, the column of each possible non-zero.
        weights: (rows, slots), the value of each.
    """

    topology: np.ndarray
    weights: np.ndarray

    def __matmul__(self, x: np.ndarray) -> np.ndarray:
        """Multiply with the rows of ``x``: (samples, columns) -> (samples, rows), float64."""
        out = np.zeros((len(x), len(self.topology)))
        for slot in range(self.topology.shape[1]):
            out += x[:, self.topology[:, slot]] * self.weights[:, slot].astype(float)
        return out


def forward(layers: Iterable[Layer], phi: Activation, x: np.ndarray) -> np.ndarray:
    r"""Output of the network, Eqs. 1.1, B.1: :math:`y = \varphi(W^{out} \varphi(W^{in} x))`.

    Args:
        layers: the weights, from W_in, (hidden, input_slot), to W_out, (output, output_slot).
        phi: the activation of all layers.
        x: (samples, input) inputs, -1 or +1.

    Returns:
        y: (samples, output) float64.
    """
    for layer in layers:
        x = phi(layer @ x)
    return x
