"""The reference by gradient descent: the network with real weights, fitted to the same samples.

All training samples at once, the squared error of Eq. 3.13 on them, and Adam (Kingma and Ba, ICLR
2015) from the library Optax on JAX. Both are an optional dependency, loaded when this runs.
"""

import os
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from sparsebp.engine.learner import Learner, brief
from sparsebp.engine.schedules import batches
from sparsebp.network.data import Patterns, Samples, Stream, checked_samples, generator
from sparsebp.network.model import Activation
from sparsebp.network.quantities import Status

LIBRARIES = ("jax", "jaxlib", "optax")

BLOCK = 32
"""Samples are filled up to a multiple of this number. So all numbers of samples up to it share one
compiled program, and those up to twice it the next. In small networks compiling takes longer than a
fit."""


class Predicted(NamedTuple):
    """What a network that was fitted to ``n_samples`` samples answers to fresh inputs.

    Attributes:
        n_samples: how many samples it has seen.
        prediction: (test_sample, output) float64.
        iterations: steps of the optimiser.
        status: converged where the training error is at most the tolerance, else step limit.
    """

    n_samples: int
    prediction: np.ndarray
    iterations: int
    status: Status

    def __repr__(self) -> str:
        return brief(self)


def descend(
    learner: Learner,
    patterns: Patterns,
    phi: Activation,
    samples: Samples,
    x_test: np.ndarray,
    grid: list[int],
    entropy: int,
    seed: int,
) -> Iterator[Predicted]:
    """Fit a network afresh to every number of samples.

    Weights start as Gaussian numbers of variance 1 / (non-zeros per row), and descend until the
    mean squared error of the training outputs is at most ``learner.tolerance``, or for
    ``learner.max_steps`` steps.

    Args:
        learner: of algorithm gradient-descent. ``network``: weights on the patterns (sparse), or
            everywhere (dense).
        patterns: the student's.
        phi: the activation function of both layers.
        samples: the training data; at least max(grid) of them.
        x_test: (test_sample, input) fresh inputs.
        entropy, seed: of the random stream for the first weights.

    Raises:
        ValueError: at once, the samples or their numbers are not as above; or the libraries are not
            installed.
    """
    plan = batches(learner, grid)
    samples = checked_samples(patterns, samples, max(grid))
    jax, jnp, optax, apply = loaded(phi, "algorithm gradient-descent")
    inputs = samples.x.shape[1], len(patterns.inner)
    if learner.network == "dense":
        shapes = [(len(topology), n) for topology, n in zip(patterns, inputs, strict=True)]
    else:
        shapes = [topology.shape for topology in patterns]

    @jax.jit
    def forward(weights, x):
        for layer, topology in zip(weights, patterns, strict=True):
            if learner.network == "dense":
                x = apply(x @ layer.T)
            else:
                x = apply((x[:, topology] * layer).sum(axis=-1))
        return x

    optimiser = optax.adam(learner.learning_rate)

    @jax.jit
    def fit(weights, x, y, shares):
        def loss(weights):
            return jnp.mean(shares @ (forward(weights, x) - y) ** 2)

        error = jax.value_and_grad(loss)

        def step(state):
            weights, moments, steps, (_, gradient) = state
            changes, moments = optimiser.update(gradient, moments)
            weights = optax.apply_updates(weights, changes)
            return weights, moments, steps + 1, error(weights)

        def goes_on(state):
            _, _, steps, (loss, _) = state
            return (steps < learner.max_steps) & (loss > learner.tolerance)

        start = weights, optimiser.init(weights), 0, error(weights)
        weights, _, steps, (loss, _) = jax.lax.while_loop(goes_on, step, start)
        return weights, steps, loss

    def fitted(m):
        rng = generator(entropy, seed, Stream.INITIAL_MESSAGES, m)
        first = [rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
        x, y, shares = (_filled(array[:m]) for array in (samples.x, samples.y, np.full(m, 1 / m)))
        with jax.enable_x64(True):
            weights, steps, loss = fit(first, x, y, shares)
            status = Status.CONVERGED if loss <= learner.tolerance else Status.STEP_LIMIT
            prediction = np.asarray(forward(weights, jnp.asarray(x_test, float)))
        return Predicted(m, prediction, int(steps), status)

    return (fitted(batch.stop) for batch in plan)


def filled_up(samples: int) -> int:
    """How many samples a fit has with those that fill the last block, see ``BLOCK``."""
    return -(-samples // BLOCK) * BLOCK


def _filled(array: np.ndarray) -> np.ndarray:
    """Samples along the first axis, with zeros that fill the last block."""
    filled = np.zeros((filled_up(len(array)), *array.shape[1:]))
    filled[: len(array)] = array
    return filled


def loaded(phi: Activation, what: str) -> tuple[Any, Any, Any, Callable]:
    """JAX, its NumPy, Optax, and the activation ``phi`` on JAX, of tanh or leaky ReLU.

    JAX works on one thread, unless it was at work before: with more, the number of cores would
    decide how sums are rounded.

    Raises:
        ValueError: the libraries that ``what`` needs are not installed.
    """
    os.environ["NPROC"] = "1"
    try:
        import jax
        import jax.numpy as jnp
        import optax
    except ImportError as error:
        raise ValueError(
            f"{what} needs JAX and Optax ({error}): pip install 'sparsebp[gradient]'"
        ) from None
    apply = {
        "tanh": lambda z: jnp.tanh(z - phi.parameter),
        "leaky-relu": lambda z: jnp.maximum(z, phi.parameter * z),
    }[phi.function]
    return jax, jnp, optax, apply


def libraries() -> dict[str, str]:
    """The versions of the libraries that this runs on."""
    return {name: version(name) for name in LIBRARIES}
