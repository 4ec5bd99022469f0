"""Exact posterior at full size by transfer matrices around rings.

When every output reads two hidden neurons and every hidden neuron is read by two outputs, hidden
neurons and outputs alternate around disjoint rings. With one joint state per hidden neuron (its
k_in input weights, Q**k_in states) every output is a matrix between the joint states of its two
hidden neurons, and a ring is the trace of a product of matrices:

    Z = Tr(M_1 M_2 ... M_L),   M_l(s, s') = sum over the two output weights of xi_l.

The same product in which sums become maxima gives max-marginals and minimum energies. All products
are taken on logarithms, so that neither long rings nor large beta underflow or overflow.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.oracles.enumeration import Posterior

HARD_TOLERANCE = 1e-9


@dataclass(frozen=True)
class RingSolution(Posterior):
    """The exact quantities of a posterior whose factor graph is made of rings.

    Attributes
    ----------
    n_rings
        Number of rings.
    longest_ring
        Number of hidden neurons in the longest ring.
    """

    n_rings: int
    longest_ring: int


def find_rings(output_topology: np.ndarray) -> list[list[tuple[int, int]]]:
    """Decompose a pattern with two hidden neurons per output and two outputs per hidden neuron.

    output_topology is (O, 2) int. Returns one list per ring, of pairs (output, slot): the ring is
    walked from hidden neuron ``output_topology[output, slot]`` through that output to its other
    hidden neuron, where the next pair starts; after the last pair the walk is back at the first.

    Raises ValueError when the pattern is not made of such rings.
    """
    output_topology = np.asarray(output_topology)
    if output_topology.ndim != 2 or output_topology.shape[1] != 2:
        raise ValueError("rings need exactly two hidden neurons per output")
    if np.any(output_topology[:, 0] == output_topology[:, 1]):
        raise ValueError("an output reads the same hidden neuron twice")
    readers: dict[int, list[tuple[int, int]]] = {}
    for output, hidden_pair in enumerate(output_topology.tolist()):
        for slot, hidden in enumerate(hidden_pair):
            readers.setdefault(hidden, []).append((output, slot))
    if any(len(pairs) != 2 for pairs in readers.values()):
        raise ValueError("rings need every hidden neuron to be read by exactly two outputs")

    rings = []
    seen_outputs: set[int] = set()
    for first_output in range(len(output_topology)):
        if first_output in seen_outputs:
            continue
        ring = []
        output, slot = first_output, 0
        while output not in seen_outputs:
            seen_outputs.add(output)
            ring.append((output, slot))
            arrival = int(output_topology[output, 1 - slot])
            one, other = readers[arrival]
            output, slot = other if one[0] == output else one
        rings.append(ring)
    return rings


def _log_sum(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Logarithm of the sum of exp(values) over axes; -inf where every value is -inf."""
    largest = np.max(values, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):
        log_sum = np.log(np.sum(np.exp(values - shift), axis=axis))
    return log_sum + np.squeeze(shift, axis=axis)


def _largest(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Maximum over axes: the sum of the (max, +) algebra, (min, +) for energies."""
    return np.max(values, axis=axis)


def _product(left: np.ndarray, right: np.ndarray, add: Callable) -> np.ndarray:
    """Matrix product of two (S, S) matrices of logarithms, ``add`` being the sum over states."""
    return add(left[:, :, None] + right[None, :, :], axis=1)


def _solve_ring(
    log_factors: list[np.ndarray], add: Callable
) -> tuple[float, list[np.ndarray], list[np.ndarray]]:
    """Logarithm of the ring's total, and of the totals given one joint state or output weights.

    log_factors holds one (Q, Q, S, S) array for each output in walking order: output weight of
    the hidden neuron walked from, that of the one walked to, then their joint states. ``add`` is
    ``_log_sum`` or ``_largest``. Returns the total, a list of (S,) for the hidden neurons walked
    from, and a list of (Q, Q) for the pairs of output weights.
    """
    length = len(log_factors)
    n_joint = log_factors[0].shape[-1]
    transfer = [add(log_factor, axis=(0, 1)) for log_factor in log_factors]
    identity = np.full((n_joint, n_joint), -np.inf)
    np.fill_diagonal(identity, 0.0)

    before = [identity]  # before[l] = M_0 ... M_(l-1)
    for position in range(length):
        before.append(_product(before[-1], transfer[position], add))
    after = [identity]  # built backwards: after[l] = M_l ... M_(L-1)
    for position in reversed(range(length)):
        after.append(_product(transfer[position], after[-1], add))
    after.reverse()

    hidden_totals = []
    output_totals = []
    for position in range(length):
        # environment(s', s): the product of all matrices but this one, from the hidden neuron
        # walked to, around the ring, back to the hidden neuron walked from.
        environment = _product(after[position + 1], before[position], add)
        closed = log_factors[position] + environment.T
        hidden_totals.append(add(closed, axis=(0, 1, 3)))
        output_totals.append(add(closed, axis=(2, 3)))
    total = float(add(np.diagonal(before[-1]), axis=0))
    return total, hidden_totals, output_totals


class _Energies:
    """Energies of every output, from the network's equation (Eqs. 1.1 and 3.2)."""

    def __init__(self, input_topology, alphabet, x, y, phi):
        self.alphabet = alphabet
        self.y = y
        self.phi = phi
        k_in = input_topology.shape[1]
        # joint_weights (S, k_in): state s of a hidden neuron, the first weight slowest.
        joint_weights = alphabet[np.indices((alphabet.size,) * k_in).reshape(k_in, -1).T]
        # hidden (m, H, S): activation of each hidden neuron in each of its joint states.
        self.hidden = phi(x[:, input_topology] @ joint_weights.T)

    def residuals(self, output: int, hidden_from: int, hidden_to: int) -> np.ndarray:
        """Residuals y - yhat of one output, shape (m, Q, Q, S, S)."""
        start = self.alphabet[:, None] * self.hidden[:, hidden_from, None, :]  # (m, Q, S)
        end = self.alphabet[:, None] * self.hidden[:, hidden_to, None, :]
        field = start[:, :, None, :, None] + end[:, None, :, None, :]
        return self.y[:, output, None, None, None, None] - self.phi(field)


def solve_rings(
    input_topology: np.ndarray,
    output_topology: np.ndarray,
    alphabet: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    phi: Callable,
    beta: float | None = None,
) -> RingSolution:
    """Solve P(W | y, x), proportional to prod_a xi_a(W) (Eqs. 2.1 and 2.4), exactly on rings.

    With ``beta`` None the factors are hard (Eq. 2.5): xi_a is 1 if |y - yhat| <= 1e-9 for every
    sample and 0 otherwise. Else they are soft (Eqs. 3.1-3.2): xi_a = exp(-beta H_a).

    Parameters
    ----------
    input_topology
        (H, k_in) int, the input neuron of each possibly non-zero weight of W_in.
    output_topology
        (O, 2) int, the hidden neuron of each possibly non-zero weight of W_out; every hidden
        neuron occurs exactly twice, in two different rows.
    alphabet
        (Q,) the states of every weight.
    x, y
        (m, N_in) of -1/+1 and (m, O) float, the samples.
    phi
        Element-wise activation of both layers.
    beta
        Inverse temperature, or None for hard factors.

    Raises
    ------
    ValueError
        When the pattern is not made of rings, or when no configuration has a non-zero weight.
    """
    input_topology = np.asarray(input_topology)
    output_topology = np.asarray(output_topology)
    alphabet = np.asarray(alphabet, dtype=float)
    y = np.asarray(y, dtype=float)
    n_states = alphabet.size
    n_hidden, k_in = input_topology.shape
    rings = find_rings(output_topology)
    if np.unique(output_topology).tolist() != list(range(n_hidden)):
        raise ValueError("rings need every hidden neuron to be read by exactly two outputs")
    energies = _Energies(input_topology, alphabet, np.asarray(x, dtype=float), y, phi)

    input_shape = (*input_topology.shape, n_states)
    output_shape = (*output_topology.shape, n_states)
    log_sums = np.empty(input_shape), np.empty(output_shape)
    log_maxima = np.empty(input_shape), np.empty(output_shape)
    least_energies = np.empty(input_shape), np.empty(output_shape)
    log_partition = 0.0
    minimum_energy = 0.0

    for ring in rings:
        negative_energies = []
        log_factors = []
        for output, slot in ring:
            hidden_from = output_topology[output, slot]
            hidden_to = output_topology[output, 1 - slot]
            residuals = energies.residuals(output, hidden_from, hidden_to)
            energy = np.sum(residuals**2, axis=0)
            negative_energies.append(-energy)
            if beta is None:
                reproduces = np.all(np.abs(residuals) <= HARD_TOLERANCE, axis=0)
                log_factors.append(np.where(reproduces, 0.0, -np.inf))
            else:
                log_factors.append(-beta * energy)

        # Each result is shifted by the ring's total: log-marginals, log-max-marginals, and
        # minus the excess over the minimum energy.
        for factors, add, into in (
            (log_factors, _log_sum, log_sums),
            (log_factors, _largest, log_maxima),
            (negative_energies, _largest, least_energies),
        ):
            total, hidden_totals, output_totals = _solve_ring(factors, add)
            if total == -np.inf:
                raise ValueError(f"no configuration of the ring of outputs {ring} is possible")
            if add is _log_sum:
                log_partition += total
            elif into is least_energies:
                minimum_energy -= total
            for (output, slot), joint, pair in zip(ring, hidden_totals, output_totals, strict=True):
                hidden = output_topology[output, slot]
                joint = joint.reshape((n_states,) * k_in)
                for s in range(k_in):
                    others = tuple(axis for axis in range(k_in) if axis != s)
                    into[0][hidden, s] = add(joint, axis=others) - total
                into[1][output, slot] = add(pair, axis=1) - total
                into[1][output, 1 - slot] = add(pair, axis=0) - total

    return RingSolution(
        input_marginals=np.exp(log_sums[0]),
        output_marginals=np.exp(log_sums[1]),
        input_max_marginals=np.exp(log_maxima[0]),
        output_max_marginals=np.exp(log_maxima[1]),
        input_min_energy=minimum_energy - least_energies[0],
        output_min_energy=minimum_energy - least_energies[1],
        log_partition=log_partition,
        minimum_energy=minimum_energy,
        n_rings=len(rings),
        longest_ring=max(len(ring) for ring in rings),
    )
