r"""Factors: what the data say about the configurations of one output neuron (Eqs. 2.5, 3.1-3.2).

.. math::

   \text{hard:} \quad \xi_a(w) &= \prod_{\eta=1}^m \delta(y_{\eta a}, f_{\eta a}(w)) \\
   \text{soft:} \quad \xi_a(w) &= e^{-\beta H_a(w)},
   \quad H_a(w) = \sum_{\eta=1}^m (y_{\eta a} - f_{\eta a}(w))^2

with f what the weights w answer to a sample.

Factor a sees the hidden neurons that output a reads, one on each of its k_out edges. An edge has a
finite set of states: an output weight together with the k_in input weights of the hidden neuron.
States that no data can tell apart are one *class*: with an output weight of zero the input weights
do not matter. A configuration of the factor is one class per edge. So that a factor costs
classes^k_out and not states^(k_out (1 + k_in)), messages meet factors per hidden neuron.

Outputs are compared where they come from: a configuration reproduces y if its pre-activation is one
that leads to y, to ``MATCH_TOLERANCE``, however flat the activation is there. Outputs that are
rounded to 8 digits contradict each other.

An output whose target is missing, NaN in y, says nothing: its hard factor allows every
configuration, and its soft one gives none of them an energy.
"""

from dataclasses import dataclass

import numpy as np

from sparsebp.engine.memory import chunks, refuse_beyond
from sparsebp.engine.states import HiddenStates, log_sum
from sparsebp.engine.summing_out import summed_out
from sparsebp.engine.survivors import half_sums, join_halves
from sparsebp.network.data import checked_data
from sparsebp.network.model import MATCH_TOLERANCE, preactivations

CONTRADICTED = (
    "contradiction: no weights reproduce the samples. With hard factors an output has to be what "
    f"the network answers, to {MATCH_TOLERANCE:g} in its pre-activation; outputs that are rounded, "
    "to 8 digits for example, or noisy contradict each other. Soft factors take them (max-sum, or "
    "sum-product with beta)"
)
"""What a contradiction means, for messages."""


@dataclass(eq=False)
class HardFactors:
    """Eqs. 2.4-2.5: for each output a factor, the configurations that reproduce all samples.

    Attributes:
        offsets: (output + 1,) int64; factor a owns entries offsets[a]:offsets[a + 1].
        configurations: (entries, k_out) int64, the class of each edge.
        states: C, the number of classes of an edge.
    """

    offsets: np.ndarray
    configurations: np.ndarray
    states: int

    @property
    def outputs(self) -> int:
        """How many factors there are."""
        return len(self.offsets) - 1

    def owners(self) -> np.ndarray:
        """The factor of each entry, (entries,) int64."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


@dataclass(eq=False)
class SoftFactors:
    """Eqs. 3.1-3.2: minus the energy of every configuration.

    Attributes:
        table: (output, C^k_out) float64, -H_a, the last edge running fastest.
        states: C, the number of classes of an edge.
    """

    table: np.ndarray
    states: int

    @property
    def outputs(self) -> int:
        """How many factors there are."""
        return len(self.table)


def hard_factors(states, input_topology, output_topology, phi, x, y, memory_gib) -> HardFactors:
    """List the configurations that reproduce y from x, factor by factor, each list ascending.

    The factor of Eq. 2.5 is 1 for those in its list, and 0 for all others.

    Args:
        states: the HiddenStates.
        input_topology, output_topology: (hidden, k_in) and (output, k_out) int.
        phi: the activation.
        x, y: (samples, input) and (samples, output); at least one sample.
        memory_gib: the largest list allowed, in GiB.

    Raises:
        ValueError: samples are not for this network, see ``data.checked_data``; the search in one
            factor, or the list, would need more memory than allowed.
    """
    x, y = checked_data(input_topology, output_topology, x, y)
    count, (outputs, fan_in) = len(states.class_output), output_topology.shape
    searched = f"searching the {count}^{fan_in} configurations of one factor"
    refuse_beyond(memory_gib, half_sums(count, fan_in) * (len(x) + 3), searched)
    owners, found, entries = [], [], 0
    for rows, terms in _blocks(states, input_topology, output_topology, phi, x):
        low, high = preactivations(phi, y[:, rows])
        # With twice the tolerance the bounds hold all that match, also after rounding.
        wide = low - MATCH_TOLERANCE, high + MATCH_TOLERANCE
        owner, configurations = search(terms, *wide, memory_gib, entries)
        keep = _between(terms, low, high, owner, configurations)
        owners.append(rows.start + owner[keep])
        found.append(configurations[keep])
        entries += len(keep)
    return _listed(np.concatenate(owners), np.concatenate(found), outputs, count)


def restrict(factors, states, input_topology, output_topology, phi, x, y) -> HardFactors:
    """Keep the configurations of ``factors`` that reproduce further samples too: the list for m + 1
    samples is a filter of the list for m. Arguments as for ``hard_factors``; no samples change
    nothing."""
    x, y = checked_data(input_topology, output_topology, x, y)
    owner, configurations = factors.owners(), factors.configurations
    keep = []
    for rows, terms in _blocks(states, input_topology, output_topology, phi, x):
        start, stop = factors.offsets[[rows.start, rows.stop]]
        local = owner[start:stop] - rows.start
        bounds = preactivations(phi, y[:, rows])
        keep.append(start + _between(terms, *bounds, local, configurations[start:stop]))
    kept = np.concatenate(keep)
    return _listed(owner[kept], configurations[kept], len(output_topology), factors.states)


def search(terms, low, high, memory_gib, entries) -> tuple[np.ndarray, np.ndarray]:
    """Configurations whose sums lie within bounds: factor, (found,), and states, (found, k_out).

    Args:
        terms, low, high: see ``survivors.join_halves``.
        memory_gib: the largest list allowed, in GiB.
        entries: how many configurations it has already.

    Raises:
        ValueError: the list would need more memory than allowed.
    """
    samples, _, fan_in, count = terms.shape
    limit = int(memory_gib * 2**30 / (8 * (fan_in + 2)))
    counts, flat = join_halves(terms, low, high, limit - entries)
    if flat is None:
        raise ValueError(
            f"of {count}^{fan_in} configurations for each output, more agree with {samples} "
            f"samples than fit into {memory_gib} GiB (study.memory_gib)"
        )
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.stack(np.unravel_index(flat, (count,) * fan_in), axis=1)


def _blocks(states, input_topology, output_topology, phi, x):
    """Factors in slices that bound memory, each with the contributions of its edges' classes,
    (samples, factors, k_out, C)."""
    outputs, fan_in = output_topology.shape
    for rows in chunks(outputs, (len(x) + 1) * fan_in * len(states.class_output)):
        yield rows, states.contributions(input_topology[output_topology[rows]], phi, x)


def _between(terms, low, high, owner, configurations) -> np.ndarray:
    """Which configurations are within bounds for every sample, (entries,) int64, ascending."""
    keep = np.arange(len(owner))
    for z, least, most in zip(terms, low, high, strict=True):
        factor = owner[keep]
        total = sum(z[factor, j, configurations[keep, j]] for j in range(z.shape[1]))
        keep = keep[(total >= least[factor]) & (total <= most[factor])]
    return keep


def _listed(owner, configurations, outputs, states) -> HardFactors:
    offsets = np.append(0, np.cumsum(np.bincount(owner, minlength=outputs)))
    return HardFactors(offsets, configurations, states)


def soft_factors(states, input_topology, output_topology, phi, x, y, memory_gib) -> SoftFactors:
    """Tabulate minus the energy of every configuration. Arguments as for ``hard_factors``.

    Raises:
        ValueError: samples are not for this network, see ``data.checked_data``; the table would
            need more memory than allowed.
    """
    count, (rows, fan_in) = len(states.class_output), output_topology.shape
    table = f"a table of {rows} x {count}^{fan_in} energies"
    refuse_beyond(memory_gib, rows * count**fan_in, table)
    factors = SoftFactors(np.zeros((rows, count**fan_in)), count)
    return accumulate(factors, states, input_topology, output_topology, phi, x, y)


def accumulate(factors, states, input_topology, output_topology, phi, x, y) -> SoftFactors:
    """``factors`` with the energies of further samples, each a term of Eq. 3.2.

    Arguments as for ``hard_factors``.
    """
    x, y = checked_data(input_topology, output_topology, x, y)
    table = factors.table.copy()
    edges = range(output_topology.shape[1])
    for sample, target in zip(x, y, strict=True):
        z = states.contributions(input_topology, phi, sample[None])[0]
        for rows in chunks(*table.shape):
            # In place, as these are most of the numbers of a training.
            missed = phi(_outer_sum([z[output_topology[rows, j]] for j in edges]))
            missed -= target[rows, None]
            missed[np.isnan(target[rows])] = 0.0
            missed *= missed
            table[rows] -= missed
    return SoftFactors(table, factors.states)


def sum_out_outputs(factors, rows, states: HiddenStates, field, in_logs: bool, temperature: float):
    """Eliminate the output weights, whose messages to the factor are their constant fields.

    This is the sum over output weights in Eq. 2.7.

    Output weights are leaves of the factor graph, so as long as their fields do not move they can
    be summed (at zero temperature: maximised) out once, and iterations see input weights alone.

    Args:
        factors: HardFactors or SoftFactors over C classes per edge.
        rows: (n,) int64, which of them.
        states: the HiddenStates.
        field: (output, k_out, Q) messages of the output weights to their factor.
        in_logs: whether fields are logarithms, and so what is returned, as with soft factors.
        temperature: of the sum; 0 for the maximum in its place.

    Returns:
        (n, S^k_out) float64, over the input states of each edge, the last running fastest.
    """
    if isinstance(factors, SoftFactors):
        return _sum_out_soft(factors.table[rows], factors.states, states, field[rows], temperature)
    return summed_out(factors, rows, states, field, in_logs, temperature)


def _sum_out_soft(table, count, states, field, temperature):
    rows, fan_in = field.shape[:2]
    table = table.reshape((rows, *(count,) * fan_in))
    for edge in range(fan_in):
        axis = 1 + edge
        terms = np.take(table, states.classes, axis=axis)  # axes: ..., Q, S, ...
        shape = [1] * terms.ndim
        shape[0], shape[axis] = rows, len(states.alphabet)
        table = log_sum(terms + field[:, edge].reshape(shape), temperature, axis)
    return table.reshape(rows, -1)


def output_beliefs(factors, states: HiddenStates, joint, field, temperature: float) -> np.ndarray:
    """Log-beliefs of the output weights: their fields times what their factor says of them.

    Args:
        factors: HardFactors or SoftFactors.
        states: the HiddenStates.
        joint: (edges, S) log-messages of each edge's input weights together to the factor.
        field: (output, k_out, Q) log-fields of the output weights.
        temperature: of the sum, see ``algebras``.

    Returns:
        (output, k_out, Q) float64.
    """
    messages = states.over_classes(joint, temperature)
    messages = messages.reshape(*field.shape[:2], -1) + field[..., states.class_output]
    if isinstance(factors, HardFactors):
        return _output_beliefs_hard(factors, states, messages, field.shape, temperature)
    fan_in, count = field.shape[1], factors.states
    found = np.empty(field.shape)
    for rows in chunks(*factors.table.shape):
        total = factors.table[rows] + _outer_sum([messages[rows, j] for j in range(fan_in)])
        for j in range(fan_in):
            parts = total.reshape(len(total), count**j, count, -1)
            of_class = log_sum(log_sum(parts, temperature, axis=3), temperature, axis=1)
            for q in range(len(states.alphabet)):
                terms = of_class[:, states.class_output == q]
                found[rows, j, q] = log_sum(terms, temperature, axis=1)
    return found


def _output_beliefs_hard(factors, states, messages, shape, temperature):
    owner, found = factors.owners(), np.empty(shape)
    columns = factors.configurations.T
    total = sum(messages[owner, j, column] for j, column in enumerate(columns))
    for j, column in enumerate(columns):
        cell = owner * shape[2] + states.class_output[column]
        sums = _log_sum_at(cell, total, shape[0] * shape[2], temperature)
        found[:, j] = sums.reshape(shape[0], shape[2])
    return found


def _log_sum_at(cell, terms, cells, temperature) -> np.ndarray:
    """``log_sum`` of the terms that belong to each of the cells; -inf where there is none."""
    table = np.full(cells, -np.inf)
    if temperature == 0:
        np.maximum.at(table, cell, terms)
        return table
    np.logaddexp.at(table, cell, terms / temperature)
    return table * temperature


def _outer_sum(parts: list[np.ndarray]) -> np.ndarray:
    """(rows, C) per edge -> (rows, C^k_out): the sum over edges for every configuration."""
    total = parts[0]
    for part in parts[1:]:
        total = (total[:, :, None] + part[:, None, :]).reshape(len(part), -1)
    return total
