"""The exact posterior where hidden neurons and outputs form rings, by transfer matrices.

If every output reads two hidden neurons and every hidden neuron is read by two outputs, hidden
neurons and outputs alternate around disjoint rings. An input weight is shared only through its
hidden neuron. So with one joint state s for each hidden neuron, the S = Q^k_in values of its input
weights, an output is a matrix between the states of the hidden neurons that it reads,

    M(s, s') = sum over its output weights (q, q') of its factor,

and the total of a ring is the trace of the product of its matrices. What the rest of a ring says of
one output is the product of all other matrices: its *environment*. Factor times environment is the
joint distribution of the output's weights and the states beside it, and so has every marginal.

As in ``equations``, sums of logarithms at temperature T are T log sum exp(./T), and maxima at
T = 0: one code for marginals, max-marginals, minimum energies and finite beta.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sparsebp.engine import factors as fac
from sparsebp.engine.problem import Beliefs, Problem


class Solution(NamedTuple):
    """The exact posterior of one batch, Eq. 2.1.

    Attributes:
        beliefs: T log-marginals; at T = 0 log-max-marginals (Eq. 2.13).
        log_total: T log of the sum over all configurations of exp(log-factors / T); at T = 0 the
            largest product of factors, in logarithms. -inf where no configuration is possible.
        draw: from a random generator, a configuration as alphabet indices (H, k_in) and
            (output, 2), drawn uniformly among the most probable ones.
    """

    beliefs: Beliefs
    log_total: float
    draw: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


class Rings(NamedTuple):
    """The rings, one after the other, each as the outputs that one meets walking around it.

    Attributes:
        outputs: (output,) int64 in the order of the walk.
        slots: (output,) int64, the slot of the hidden neuron that the walk comes from.
        starts: (rings,) int64, where each ring begins.
        ends: (rings,) int64, where it is over.
    """

    outputs: np.ndarray
    slots: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def find_rings(output_topology: np.ndarray, readers: np.ndarray) -> Rings:
    """The rings of a pattern.

    Args:
        output_topology: (output, 2) int.
        readers: (hidden, 2) edges at which each hidden neuron is read, see ``layout.readers``.

    """
    walk: list[int] = []
    starts, met = [], np.zeros(len(output_topology), bool)
    for first in range(len(met)):
        if met[first]:
            continue
        starts.append(len(walk))
        edge = 2 * first
        while not met[edge // 2]:
            met[edge // 2] = True
            walk.append(edge)
            # Edges are 2 * output + slot: on to the output's other slot, whose neuron has another.
            arrival = edge ^ 1
            edge = readers[output_topology.flat[arrival]].sum() - arrival
    outputs, slots = np.divmod(np.array(walk), 2)
    return Rings(outputs, slots, np.array(starts), np.array([*starts[1:], len(walk)]))


def solve(
    problem: Problem,
    factors: fac.HardFactors | fac.SoftFactors,
    temperature: float,
    tie_tolerance: float,
    memory_gib: float,
) -> Solution:
    """The exact posterior of all weights, Eq. 2.1, without fields on them.

    Args:
        problem: patterns and states; of rings, see ``Learner.check_network``.
        factors: of one batch.
        temperature: T.
        tie_tolerance: log-probabilities this close to the largest tie with it, at T = 0.
        memory_gib: largest table allowed, in GiB.

    Raises:
        ValueError: the factors would need more memory than allowed.
    """
    states, outer = problem.states, problem.patterns.outer
    rings = find_rings(outer, problem.readers)
    q, count = states.classes.shape
    fac.refuse_beyond(memory_gib, len(outer) * (q * count) ** 2, "tabulating all factors on rings")
    tables = _tables(factors, states, rings)
    matrices = fac.log_sum(fac.log_sum(tables, temperature, axis=1), temperature, axis=2)
    lengths = rings.ends - rings.starts
    ring = np.repeat(np.arange(len(lengths)), lengths)
    environments, whole = _environments(matrices, ring, temperature)
    totals = fac.log_sum(np.diagonal(whole, axis1=1, axis2=2), temperature, axis=1)

    # Axes: output in walking order; output weight and state walked from; those walked to.
    closed = tables + np.swapaxes(environments, 1, 2)[:, None, :, None, :]
    start = fac.log_sum(closed.reshape(*closed.shape[:3], -1), temperature, axis=3)
    stop = fac.log_sum(np.moveaxis(closed, 3, 1).reshape(*start.shape[:2], -1), temperature, axis=2)
    beliefs = Beliefs.uniform(problem)
    at = rings.outputs, rings.slots
    joint = fac.log_sum(start, temperature, axis=1)
    beliefs.inner[outer[at]] = states.marginals(joint, temperature)
    beliefs.outer[at] = fac.log_sum(start, temperature, axis=2)
    beliefs.outer[rings.outputs, 1 - rings.slots] = stop
    total = float(totals.sum())
    if total > -np.inf:
        beliefs = Beliefs(*(part - part.max(axis=-1, keepdims=True) for part in beliefs))

    def draw(rng):
        return _most_probable(problem, rings, tables, tie_tolerance, rng)

    return Solution(beliefs, total, draw)


def _tables(factors, states, rings) -> np.ndarray:
    """Log-factors (output, Q, S, Q, S) in walking order, the edge walked from first."""
    count, flat = factors.states, states.classes.ravel()
    if isinstance(factors, fac.SoftFactors):
        tables = factors.table.reshape(-1, count, count)
    else:
        tables = np.full((len(rings.outputs), count, count), -np.inf)
        tables[factors.owners(), *factors.configurations.T] = 0.0
    tables = tables[rings.outputs]
    turned = rings.slots == 1
    tables[turned] = np.swapaxes(tables[turned], 1, 2)
    return tables[:, flat][:, :, flat].reshape(-1, *states.classes.shape, *states.classes.shape)


def _environments(matrices, ring, temperature):
    """Of each matrix the product of all others of its ring, from the next one on around it.

    Neighbours are multiplied in pairs, and the products are asked for their own environments, in
    which the partner is then multiplied: fewer than three products for each matrix.

    Args:
        matrices: (n, S, S) log-matrices, ring after ring.
        ring: (n,) int, the ring of each.

    Returns:
        environments (n, S, S), and the product around each ring (rings, S, S).
    """
    place = np.arange(len(ring)) - np.searchsorted(ring, ring)
    even, last = place % 2 == 0, np.append(ring[1:] != ring[:-1], True)
    left = np.flatnonzero(even & ~last)
    if not len(left):
        one = np.where(np.eye(matrices.shape[1], dtype=bool), 0.0, -np.inf)
        return np.broadcast_to(one, matrices.shape), matrices
    parent = np.cumsum(even) - 1
    merged = matrices[even]
    merged[parent[left]] = _product(matrices[left], matrices[left + 1], temperature)
    above, whole = _environments(merged, ring[even], temperature)
    environments = above[parent]
    environments[left] = _product(matrices[left + 1], above[parent[left]], temperature)
    environments[left + 1] = _product(above[parent[left]], matrices[left], temperature)
    return environments, whole


def _product(first, second, temperature):
    """Products of log-matrices (n, S, S), without a sum over (n, S, S, S) at once."""

    def terms():
        return (first[:, :, s, None] + second[:, s, None, :] for s in range(first.shape[1]))

    largest = np.full(first.shape, -np.inf)
    for term in terms():
        np.maximum(largest, term, out=largest)
    if temperature == 0:
        return largest
    base, total = np.where(largest == -np.inf, 0.0, largest), np.zeros_like(largest)
    for term in terms():
        total += np.exp((term - base) / temperature)
    with np.errstate(divide="ignore"):
        return base + temperature * np.log(total)


def _most_probable(problem, rings, tables, tie_tolerance, rng):
    """One of the most probable configurations, each as likely as any other of them.

    Each ring is walked twice. On the way back, every state of the hidden neuron where the walk is,
    and of the one where it ends, gets the log-probability of the best rest of the ring, and the
    number of rests that are as good; on the way forth the states are drawn by these numbers.
    """
    states, (inner, outer) = problem.states, problem.patterns
    size = len(states.tuples)
    hidden, chosen = np.empty(len(inner), np.int64), np.empty(outer.shape, np.int64)
    best_of_outputs = tables.max(axis=(1, 3))
    tied = tables >= best_of_outputs[:, None, :, None, :] - tie_tolerance
    ways = np.log(tied.sum(axis=(1, 3)))
    for first, last in zip(rings.starts, rings.ends, strict=True):
        best = np.where(np.eye(size, dtype=bool), 0.0, -np.inf)
        rests = [(best, np.zeros_like(best))]
        for matrix, many in zip(
            best_of_outputs[first:last][::-1], ways[first:last][::-1], strict=True
        ):
            rests.append(_extended(matrix, many, *rests[-1], tie_tolerance))
        best, many = (np.diagonal(part) for part in rests.pop())
        state = end = _drawn(np.where(best >= best.max() - tie_tolerance, many, -np.inf), rng)
        for at in range(first, last):
            output, slot = rings.outputs[at], rings.slots[at]
            hidden[outer[output, slot]] = state
            best, many = (part[:, end] for part in rests.pop())
            # Output weight of the edge walked from, that of the edge walked to, and its state.
            paths = tables[at, :, state] + best
            numbers = np.where(paths >= paths.max() - tie_tolerance, many, -np.inf)
            pick = np.unravel_index(_drawn(numbers.ravel(), rng), numbers.shape)
            chosen[output, slot], chosen[output, 1 - slot], state = pick
    return states.tuples[hidden], chosen


def _extended(matrix, ways, best, many, tie_tolerance):
    """The best rest of a ring, and the logarithm of how many there are, from one output earlier.

    Args:
        matrix, ways: (S, S) largest log-factor of the output, and of how many output weights.
        best, many: (S, S) from the state where the walk is to that where it ends.
    """
    paths = matrix[:, :, None] + best[None]
    longer = paths.max(axis=1)
    numbers = np.where(paths >= longer[:, None] - tie_tolerance, ways[:, :, None] + many, -np.inf)
    return longer, fac.log_sum(numbers, 1.0, axis=1)


def _drawn(log_weights, rng) -> int:
    """An index drawn with probabilities in the ratio of exp(log_weights)."""
    weights = np.cumsum(np.exp(log_weights - log_weights.max()))
    return int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))
