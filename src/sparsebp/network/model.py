r"""The sparse network, Eq. 1.1, with one activation function for both layers.

.. math:: y = \varphi(W^{\mathrm{out}} \varphi(W^{\mathrm{in}} x))

It may have more layers, Eq. B.1.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from sparsebp.network.ranges import Range

MATCH_TOLERANCE = 1e-9
"""Pre-activations that agree to this are equal: far above rounding, and far below what different
weights differ by. Of outputs it is this times the slope of the activation."""

AT_ONCE = 2**14
"""Numbers that a product with a sparse matrix works on at once, so that they stay in the cache."""

ROUNDING = 4 * np.finfo(float).eps
"""Outputs are rounded, by so much relative to the larger of 1 and their size."""


@dataclass(frozen=True)
class Activation:
    """An element-wise activation function, which does not decrease.

    Attributes:
        function: its name.
        apply: the function itself, from and to float64 of any shape.
        inverse: where it reaches y, from and to float64 of any shape: the least x with
            apply(x) >= y; -inf where all x are above, inf where none is.
        parameter: of ``activation``'s functions b or a, else None.
        interval: in place of the inverse, y -> (low, high), the least and the largest x that lead
            to y, for a function that jumps, as the sign does. By default where the inverse has its
            values for y a little smaller and a little larger, by ``ROUNDING``.

    Two are equal if name and parameter are.
    """

    function: str
    apply: Callable[[np.ndarray], np.ndarray] = field(compare=False, repr=False)
    inverse: Callable[[np.ndarray], np.ndarray] | None = field(
        default=None, compare=False, repr=False
    )
    parameter: float | None = None
    interval: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] | None = field(
        default=None, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        if (self.inverse is None) == (self.interval is None):
            raise ValueError(f"activation {self.function}: takes an inverse or an interval")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Apply the function to every element of ``x`` (float64, any shape)."""
        return self.apply(x)

    def sources(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest x that lead to each ``y`` (float64, any shape).

        Infinite where there is no bound.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.interval:
                return self.interval(y)
            assert self.inverse is not None  # see __post_init__
            slack = ROUNDING * np.maximum(1, np.abs(y))
            return self.inverse(y - slack), self.inverse(y + slack)


def check_activation(name: str, phi: Activation) -> None:
    """Raise ValueError, with the ``name`` of the argument, unless ``phi`` is an activation."""
    if not isinstance(phi, Activation):
        raise ValueError(
            f"{name}: {phi!r}; must be an activation, as sb.tanh(0.1), sb.leaky_relu(0.1), "
            "sb.relu(), sb.identity() or sb.sign(), or one of your own, an sb.Activation"
        )


LEAST = 1e-4
"""Parameters below are 0. Outputs of different weights differ by less than the parameter, and have
to differ by far more than ``MATCH_TOLERANCE``."""


class _Kind(NamedTuple):
    parameter_name: str
    allowed: Range
    apply: Callable[..., np.ndarray]
    inverse: Callable[..., np.ndarray]


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
    kind, number = ACTIVATIONS[function], float(value)
    return Activation(
        function,
        partial(kind.apply, **{name: number}),
        partial(kind.inverse, **{name: number}),
        number,
    )


def tanh(b: float = 0.0) -> Activation:
    """tanh(x - b). Raises ValueError as ``activation``."""
    return activation("tanh", b=b)


def leaky_relu(a: float = 0.0) -> Activation:
    """max(x, a x). Raises ValueError as ``activation``."""
    return activation("leaky-relu", a=a)


def relu() -> Activation:
    """max(x, 0). An output of 0 stands for all pre-activations up to 0."""
    return leaky_relu(0.0)


def identity() -> Activation:
    """x, so that the network is linear."""
    return Activation("identity", lambda x: x, lambda y: y)


def sign() -> Activation:
    """-1 below 0, else 1: an output stands for all pre-activations of its sign."""

    def interval(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low = np.select([y == 1, y == -1], [0.0, -np.inf], np.inf)
        return low, np.select([y == 1, y == -1], [np.inf, -2 * MATCH_TOLERANCE], -np.inf)

    return Activation("sign", lambda x: np.where(x < 0, -1.0, 1.0), interval=interval)


def preactivations(phi: Activation, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest pre-activation that leads to each output, to ``MATCH_TOLERANCE``.

    Args:
        phi: the activation.
        y: float64 of any shape; NaN where an output is missing.

    Returns:
        Two arrays as y; infinite where there is no bound, as for a missing output.
    """
    missing = np.isnan(y)
    low, high = phi.sources(y)
    low, high = low - MATCH_TOLERANCE, high + MATCH_TOLERANCE
    return np.where(missing, -np.inf, low), np.where(missing, np.inf, high)


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
        # Column by column, a few rows of the matrix at a time: what is read lies together.
        columns, out = np.ascontiguousarray(x.T), np.zeros((len(self.topology), len(x)))
        at_once = max(1, AT_ONCE // max(1, len(x)))
        for start in range(0, len(out), at_once):
            rows = slice(start, start + at_once)
            for column, weight in zip(self.topology[rows].T, self.weights[rows].T, strict=True):
                out[rows] += columns[column] * weight[:, None].astype(float)
        return out.T


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
