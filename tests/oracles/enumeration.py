"""Exact posterior of a small two-layer network by enumerating every weight configuration.

The network is ``y = phi(W_out phi(W_in x))`` (Eq. 1.1) with weights from a finite alphabet on a
given sparse pattern. Every configuration of all weights is passed through the network, one chunk
after the other; no factor graph is used.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

MAX_CONFIGURATIONS = 2**22
HARD_TOLERANCE = 1e-9
_CHUNK = 2**13


@dataclass(frozen=True)
class Posterior:
    """Exact quantities of a posterior; every array is float64.

    Attributes
    ----------
    input_marginals, output_marginals
        Posterior marginals (Eq. 2.3), shapes (H, k_in, Q) and (O, k_out, Q), summing to 1.
    input_max_marginals, output_max_marginals
        Max-marginals (Eq. 2.13), same shapes, scaled so that the largest over the states is 1.
    input_min_energy, output_min_energy
        Minimum of sum_a H_a (Eq. 3.2) over the configurations in which that weight has that
        state, same shapes; neither beta nor the priors enter.
    log_partition
        log of the sum over configurations of prior times factors.
    minimum_energy
        Minimum of sum_a H_a over all configurations; neither beta nor the priors enter.
    """

    input_marginals: np.ndarray
    output_marginals: np.ndarray
    input_max_marginals: np.ndarray
    output_max_marginals: np.ndarray
    input_min_energy: np.ndarray
    output_min_energy: np.ndarray
    log_partition: float
    minimum_energy: float


def _forward(
    input_topology: np.ndarray,
    output_topology: np.ndarray,
    input_weights: np.ndarray,
    output_weights: np.ndarray,
    x: np.ndarray,
    phi: Callable,
) -> np.ndarray:
    """Network output (Eq. 1.1) of a chunk of weight configurations.

    input_weights (C, H, k_in) and output_weights (C, O, k_out), float; returns (C, m, O) float.
    """
    input_field = np.einsum("chs,mhs->cmh", input_weights, x[:, input_topology])
    hidden = phi(input_field)
    output_field = np.einsum("coj,cmoj->cmo", output_weights, hidden[:, :, output_topology])
    return phi(output_field)


def enumerate_posterior(
    input_topology: np.ndarray,
    output_topology: np.ndarray,
    alphabet: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    phi: Callable,
    beta: float | None = None,
    log_prior_input: np.ndarray | None = None,
    log_prior_output: np.ndarray | None = None,
) -> Posterior:
    """Enumerate P(W | y, x), proportional to prior(W) prod_a xi_a(W) (Eqs. 2.1 and 2.4).

    With ``beta`` None the factors are hard (Eq. 2.5): xi_a is 1 if |y - yhat| <= 1e-9 for every
    sample and 0 otherwise. Else they are soft (Eqs. 3.1-3.2): xi_a = exp(-beta H_a), with
    H_a = sum over samples of (y - yhat)^2.

    Parameters
    ----------
    input_topology
        (H, k_in) int, the input neuron of each possibly non-zero weight of W_in.
    output_topology
        (O, k_out) int, the hidden neuron of each possibly non-zero weight of W_out.
    alphabet
        (Q,) the states of every weight.
    x, y
        (m, N_in) of -1/+1 and (m, O) float, the samples.
    phi
        Element-wise activation of both layers.
    beta
        Inverse temperature, or None for hard factors.
    log_prior_input, log_prior_output
        (H, k_in, Q) and (O, k_out, Q) float log-probabilities, for hard and for soft factors
        alike (not multiplied by beta); None is 0. They need not be normalised.

    Raises
    ------
    ValueError
        With more than 2**22 configurations, or when no configuration has a non-zero weight.
    """
    input_topology = np.asarray(input_topology)
    output_topology = np.asarray(output_topology)
    alphabet = np.asarray(alphabet, dtype=float)
    x = np.asarray(x, dtype=float)
    y = np.asarray(y, dtype=float)
    n_states = alphabet.size
    n_input = input_topology.size
    n_output = output_topology.size
    n_weights = n_input + n_output
    n_configurations = n_states**n_weights
    if n_configurations > MAX_CONFIGURATIONS:
        raise ValueError(
            f"{n_states}**{n_weights} configurations are more than {MAX_CONFIGURATIONS}"
        )

    log_prior = np.zeros((n_weights, n_states))
    if log_prior_input is not None:
        log_prior[:n_input] = np.reshape(log_prior_input, (n_input, n_states))
    if log_prior_output is not None:
        log_prior[n_input:] = np.reshape(log_prior_output, (n_output, n_states))

    # Configuration number c has weight i in the state given by digit i of c in base Q, the first
    # weight being the most significant digit.
    place_value = n_states ** np.arange(n_weights - 1, -1, -1)
    energy = np.empty(n_configurations)
    log_weight = np.empty(n_configurations)
    for start in range(0, n_configurations, _CHUNK):
        number = np.arange(start, min(start + _CHUNK, n_configurations))
        state = number[:, None] // place_value % n_states
        weight = alphabet[state]
        y_hat = _forward(
            input_topology,
            output_topology,
            weight[:, :n_input].reshape(-1, *input_topology.shape),
            weight[:, n_input:].reshape(-1, *output_topology.shape),
            x,
            phi,
        )
        residual = y - y_hat
        energy[number] = np.sum(residual**2, axis=(1, 2))
        if beta is None:
            reproduces = np.all(np.abs(residual) <= HARD_TOLERANCE, axis=(1, 2))
            log_likelihood = np.where(reproduces, 0.0, -np.inf)
        else:
            log_likelihood = -beta * energy[number]
        log_weight[number] = log_likelihood + log_prior[np.arange(n_weights), state].sum(axis=1)

    if np.max(log_weight) == -np.inf:
        raise ValueError("no configuration of the weights has a non-zero posterior weight")

    log_sums = np.empty((n_weights, n_states))
    log_maxima = np.empty((n_weights, n_states))
    min_energy = np.empty((n_weights, n_states))
    for i in range(n_weights):
        # Middle axis: the state of weight i; the other two: all the other weights.
        others = (n_states**i, n_states, n_states ** (n_weights - i - 1))
        log_sums[i] = logsumexp(log_weight.reshape(others), axis=(0, 2))
        log_maxima[i] = log_weight.reshape(others).max(axis=(0, 2))
        min_energy[i] = energy.reshape(others).min(axis=(0, 2))

    log_partition = float(logsumexp(log_weight))
    marginals = np.exp(log_sums - log_partition)
    max_marginals = np.exp(log_maxima - np.max(log_weight))
    input_shape = (*input_topology.shape, n_states)
    output_shape = (*output_topology.shape, n_states)
    return Posterior(
        input_marginals=marginals[:n_input].reshape(input_shape),
        output_marginals=marginals[n_input:].reshape(output_shape),
        input_max_marginals=max_marginals[:n_input].reshape(input_shape),
        output_max_marginals=max_marginals[n_input:].reshape(output_shape),
        input_min_energy=min_energy[:n_input].reshape(input_shape),
        output_min_energy=min_energy[n_input:].reshape(output_shape),
        log_partition=log_partition,
        minimum_energy=float(energy.min()),
    )
