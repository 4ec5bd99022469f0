"""The Bethe free energy: how many configurations the messages of a factor graph stand for."""

import numpy as np

from sparsebp.engine.factors import HardFactors, SoftFactors
from sparsebp.engine.learner import Rules
from sparsebp.engine.problem import Beliefs, Problem
from sparsebp.engine.states import log_sum


def log_partition(
    u: np.ndarray,
    problem: Problem,
    factors: HardFactors | SoftFactors,
    prior: Beliefs,
    rules: Rules,
) -> float:
    """The logarithm of the normalisation Z (Eq. A.2) in the Bethe approximation, exact on trees.

    Mezard and Montanari, Information, Physics, and Computation, (14.27):

        log Z = sum_a log Z_a + sum_i log Z_i - sum_(ia) log Z_ia,

    with Z_a the sum of the factor times the messages h_{i->a}, Z_i that of the prior times the
    messages u_{a->i}, and Z_ia that of u_{a->i} h_{i->a}. Here h_{i->a} is formed from the u, as
    the prior times those of the other factors, so that each Z_ia is Z_i, and a variable in D
    factors counts (1 - D) log Z_i. What is left to give are the messages u of the input weights:
    an output weight, in one factor, counts nothing, and its message to it is its prior, so that v
    and g are not asked for. Nor does it matter how messages are normalised. At a fixed point the
    value is stationary: it is wrong by the square of what the messages are wrong by.

    With hard factors Z sums the prior over the configurations that reproduce the data. With a
    uniform prior, which is one of zeros, it is their number, and log Z the entropy of the
    posterior. (Input weights count where their output weight is zero, too.) With soft factors the
    prior is in units of energy, as messages are: Z sums exp(beta (prior - H)).

    Args:
        u: (E, k_in, Q) factor-to-variable log-messages of the input weights, ``Messages.u``. Taken
            at a fixed point without reinforcement, for which alone this is the free energy.
        problem: patterns and states.
        factors: those that the messages come from.
        prior: log-fields of all weights.
        rules: the algorithm's.

    Returns:
        log Z in nats; at zero temperature the largest log-likelihood in its place, which is minus
        the minimum energy where the prior is uniform. -inf after a contradiction.
    """
    temperature, states = rules.temperature, problem.states
    degree = problem.readers.shape[1]
    received = u[problem.readers]  # (hidden, D, k_in, Q)
    # As sums over the others, for minus infinity cannot be taken off again.
    others = [np.delete(received, d, axis=1).sum(axis=1) for d in range(degree)]
    h = np.empty_like(u)
    h[problem.readers] = prior.inner[:, None] + np.stack(others, axis=1)

    inner = states.over_classes(states.joined(h), temperature)
    per_factor = inner.reshape(*prior.outer.shape[:2], -1) + prior.outer[..., states.class_output]
    of_factors = _contracted(factors, per_factor, temperature)
    of_variables = log_sum(prior.inner + received.sum(axis=1), temperature, axis=-1)
    if of_factors.min() == -np.inf or of_variables.min() == -np.inf:
        return -np.inf
    total = of_factors.sum() + (1 - degree) * of_variables.sum()
    return float(total / temperature if temperature > 0 else total)


def _contracted(factors, messages, temperature):
    """T log Z_a of every factor, (outputs,), from messages (outputs, k_out, C)."""
    outputs, k_out, count = messages.shape
    if isinstance(factors, SoftFactors):
        left = factors.table
        for edge in reversed(range(k_out)):
            left = left.reshape(outputs, -1, count) + messages[:, edge, None]
            left = log_sum(left, temperature, axis=-1)
        return left.ravel()
    starts = factors.offsets[:-1]
    if (starts == factors.offsets[1:]).any():
        return np.full(outputs, -np.inf)
    owner = factors.owners()
    terms = sum(messages[owner, j, factors.configurations[:, j]] for j in range(k_out))
    largest = np.maximum.reduceat(terms, starts)
    if temperature == 0 or largest.min() == -np.inf:
        return largest
    return largest + np.log(np.add.reduceat(np.exp(terms - largest[owner]), starts))
