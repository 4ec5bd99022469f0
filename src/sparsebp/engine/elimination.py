"""Exact marginals and normalisation by variable elimination, without a message.

Every weight is an index of a tensor network: a tensor for each observed output (Eq. 2.5), and one
for the prior of each weight. The network is contracted with the library opt_einsum, in an order
that it finds, and for all marginals at once: a further index numbers copies of the network, in each
of which one weight is held in one state. Cheap where there are few loops, and exact with any.
"""

from itertools import chain

import numpy as np
from opt_einsum import contract, contract_path

from sparsebp.engine.problem import Beliefs, Problem
from sparsebp.network.model import preactivations


def posterior(
    problem: Problem, x: np.ndarray, y: np.ndarray, prior: Beliefs
) -> tuple[Beliefs, float]:
    """The posterior under hard factors, Eq. 2.1, and its normalisation Z, Eq. A.2.

    Configurations that reproduce y from x are as likely as the prior has them.

    Args:
        problem: what the student knows.
        x, y: (samples, input) and (samples, output), NaN where an output is unobserved.
        prior: finite log-fields of all weights.

    Returns:
        Marginals, as probabilities, in the shape of beliefs, and log Z in nats.
    """
    inner, outer = problem.patterns
    alphabet = problem.states.alphabet
    # Of all weights in one row: first those of the input layer.
    weights, q = inner.size + outer.size, len(alphabet)
    number = np.arange(inner.size).reshape(inner.shape)
    fields = np.vstack([part.reshape(-1, q) for part in prior])
    copies = weights  # the index of the copies
    held = np.ones((weights, q, weights, q))
    held[np.arange(weights), :, np.arange(weights)] = np.eye(q)
    held = held.reshape(weights * q, weights, q) * np.exp(fields)
    tensors = [np.ones(q)] * weights
    indices = [[weight] for weight in range(weights)]
    for output in np.flatnonzero(~np.isnan(y).all(axis=0)):
        read = outer[output]
        first = inner.size + output * outer.shape[1]
        indices.append([*range(first, first + len(read)), *number[read].ravel()])
        tensors.append(_factor(problem, inner[read], x, y[:, output]))
    # The order is found for one copy: with several it would seem cheap not to sum over weights.
    order, _ = contract_path(*chain(*zip(tensors, indices, strict=True)), [], optimize="greedy")
    for weight in range(weights):
        tensors[weight], indices[weight] = held[:, weight], [copies, weight]
    operands = chain(*zip(tensors, indices, strict=True))
    z = contract(*operands, [copies], optimize=order).reshape(weights, q)
    marginals = z / z.sum(axis=1, keepdims=True)
    parts = np.split(marginals, [inner.size])
    shaped = [part.reshape(one.shape) for part, one in zip(parts, prior, strict=True)]
    return Beliefs(*shaped), float(np.log(z[0].sum()))


def _factor(problem, inputs, x, y):
    """Eq. 2.5: 1 where the weights of one output reproduce it, else 0. An axis for each output
    weight, then for each input weight of each of its hidden neurons."""
    (reads, k_in), alphabet = inputs.shape, problem.states.alphabet
    axes = reads * (1 + k_in)
    grids = np.meshgrid(*[alphabet] * axes, indexing="ij", sparse=True)
    total = 0.0
    for slot in range(reads):
        own = grids[reads + slot * k_in : reads + (slot + 1) * k_in]
        field = sum(w[..., None] * x[:, i] for w, i in zip(own, inputs[slot], strict=True))
        total = total + grids[slot][..., None] * problem.phi(field)
    low, high = preactivations(problem.phi, y)
    return ((total >= low) & (total <= high)).all(axis=-1).astype(float)
