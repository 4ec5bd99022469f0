r"""Gradient descent where nothing is known of the pattern: dense layers, sparse by a penalty.

What the search from scratch is compared with. With M samples, N_out outputs and a penalty lambda,

.. math:: \frac{1}{M N_{\mathrm{out}}} \sum_{\eta, a} (y_{\eta a} - f_{\eta a})^2
   + \frac{\lambda}{N_{\mathrm{out}}} \Bigl( \sum |W_{\mathrm{in}}|
   + \sum |W_{\mathrm{out}}| \Bigr)

is lowered by Adam from the library Optax on JAX, in single precision, at a rate that falls to zero
as a cosine. Then each row keeps its largest weights in magnitude, as signs. They are not fitted
again: that would change none of the places that are kept.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sparsebp.engine.gradient import loaded
from sparsebp.network.data import PerRow
from sparsebp.network.model import Activation, Layer

HELD_OUT = 5
"""One of so many samples is not fitted, but validates, while the penalty is chosen."""


class Descent(NamedTuple):
    """How a network is fitted.

    Attributes:
        penalties: the values of lambda that are tried.
        learning_rate: of Adam, in the first step.
        steps: of Adam.
    """

    penalties: list[float]
    learning_rate: float
    steps: int


def descend(
    x: np.ndarray,
    y: np.ndarray,
    phi: Activation,
    hidden: int,
    per_row: PerRow,
    how: Descent,
    rng: np.random.Generator,
    missed: Callable[[list[Layer]], float] | None = None,
) -> list[Layer]:
    """Both layers of a network that is fitted to samples and pruned, W_in and W_out.

    Args:
        x, y: (samples, input) and (samples, output), of two or more samples.
        phi: the activation of both layers, tanh or leaky ReLU.
        hidden: how many hidden neurons there are.
        per_row: how many weights each row keeps.
        how: the penalties and the optimiser.
        rng: of the first weights, Gaussian with variance 1 / columns, the same for all penalties.
        missed: how much the layers of a penalty lack, so that the truth chooses among them. None:
            the error on the last fifth of the samples does, which are then not fitted; with the
            penalty chosen, all samples are.

    Raises:
        ValueError: the libraries are not installed.
    """
    fit, error = _compiled(phi, how)
    x, y = x.astype(np.float32), y.astype(np.float32)
    shapes = (hidden, x.shape[1]), (y.shape[1], hidden)
    first = [(rng.standard_normal(s) / np.sqrt(s[1])).astype(np.float32) for s in shapes]
    if missed is not None:
        found = (_pruned(fit(first, x, y, penalty), per_row) for penalty in how.penalties)
        return min(found, key=missed)
    kept = len(x) - max(1, len(x) // HELD_OUT)
    fits = (fit(first, x[:kept], y[:kept], penalty) for penalty in how.penalties)
    errors = [float(error(weights, x[kept:], y[kept:])) for weights in fits]
    return _pruned(fit(first, x, y, how.penalties[int(np.argmin(errors))]), per_row)


def _pruned(weights, per_row: PerRow) -> list[Layer]:
    layers = []
    for dense, count in zip(map(np.asarray, weights), (per_row.input, per_row.output), strict=True):
        largest = np.argsort(-np.abs(dense), axis=1, kind="stable")[:, :count]
        signs = np.sign(np.take_along_axis(dense, largest, axis=1))
        layers.append(Layer(largest.astype(np.int32), signs.astype(np.int8)))
    return layers


def _compiled(phi: Activation, how: Descent) -> tuple[Any, Any]:
    """``fit(first, x, y, penalty)`` gives weights, and ``error(weights, x, y)`` the mean square."""
    jax, jnp, optax, apply = loaded(phi, "gradient_descent")
    optimiser = optax.adam(optax.cosine_decay_schedule(how.learning_rate, how.steps))

    @jax.jit
    def error(weights, x, y):
        inner, outer = weights
        return jnp.mean((apply(apply(x @ inner.T) @ outer.T) - y) ** 2)

    def cost(weights, x, y, penalty):
        size = sum(jnp.abs(layer).sum() for layer in weights)
        return error(weights, x, y) + penalty * size / len(weights[-1])

    @jax.jit
    def fit(first, x, y, penalty):
        def step(_, state):
            weights, moments = state
            gradient = jax.grad(cost)(weights, x, y, penalty)
            changes, moments = optimiser.update(gradient, moments)
            return optax.apply_updates(weights, changes), moments

        return jax.lax.fori_loop(0, how.steps, step, (first, optimiser.init(first)))[0]

    return fit, error
