"""Which values hidden variables can take, and which configurations of a neuron there are (Eq. B.4).

A hidden variable is the vector of what a hidden neuron puts out for all samples of a batch. Weights
and inputs are discrete, so it has finitely many values: those of the neurons that it reads, under
all weights. Equal values are one. Where there are still more than wanted, neighbours are joined to
one value, which then is an interval for each sample, the hull of all that it stands for. What goes
through the network are intervals, so that the true weights are never ruled out.

A configuration of a neuron is a state of each of its slots, a weight together with a value of the
neuron read, and the value of its own that they lead to. Those of output neurons reproduce the data.
"""

from typing import NamedTuple

import numpy as np

from sparsebp.engine.factors import search
from sparsebp.engine.memory import chunks, refuse_beyond
from sparsebp.engine.survivors import half_sums
from sparsebp.network.model import MATCH_TOLERANCE, Activation, preactivations

# Values this close are equal: far above rounding, and far below the tolerance for outputs.
MERGE_TOLERANCE = 1e-12


class Values(NamedTuple):
    """The possible values of each neuron of a layer.

    Attributes:
        offsets: (neurons + 1,) int64; neuron i owns values offsets[i]:offsets[i + 1].
        low, high: (values, samples) float64; equal, but for rounding, unless values were joined.
    """

    offsets: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """How many values each neuron has, (neurons,) int64."""
        return np.diff(self.offsets)


class Configurations(NamedTuple):
    """The configurations of each neuron of a layer.

    Attributes:
        offsets: (neurons + 1,) int64; neuron i owns entries offsets[i]:offsets[i + 1].
        states: (entries, slots + 1) int32: of each slot (weight index) * (number of values of the
            neuron read) + (index of its value); last the index of the neuron's own value.
    """

    offsets: np.ndarray
    states: np.ndarray


def given(x: np.ndarray) -> Values:
    """Inputs, each of which has one value, from x (samples, input)."""
    values = x.T.astype(float)
    return Values(np.arange(len(values) + 1), values, values)


def hidden_layer(
    below: Values, topology, alphabet, phi: Activation, max_values: int, memory_gib: float
) -> tuple[Values, Configurations]:
    """All configurations of hidden neurons, and the values that they lead to (Eq. B.4).

    Args:
        below: of the layer that is read.
        topology: (neurons, slots) int.
        alphabet: (Q,) the values of a weight.
        phi: the activation.
        max_values: of a neuron at most; beyond that neighbours are joined.
        memory_gib: the largest list of configurations allowed, in GiB.

    Raises:
        ValueError: the list would need more memory than allowed.
    """
    sizes = len(alphabet) * below.counts[topology]
    slots = topology.shape[1]
    entries = sizes.astype(float).prod(axis=1)
    what = f"listing the configurations of {len(topology)} hidden neurons"
    refuse_beyond(memory_gib, int(entries.sum()) * (slots + 1 + 2 * below.low.shape[1]), what)
    parts, lows, highs, counts = [], [], [], []
    ends = _ends(below, alphabet)
    for rows in chunks(len(topology), int(entries.max()) * (slots + below.low.shape[1])):
        owner, states = _all_states(sizes[rows])
        at = (len(alphabet) * below.offsets[topology[rows]][owner] + states).T
        low, high = (phi(sum(end.take(slot, axis=0) for slot in at)) for end in ends)
        label, first_of = _distinct(owner, low, high)
        label = _joined(label, owner[first_of], low[first_of], high[first_of], max_values)
        order = _by_number(label)
        starts = np.flatnonzero(np.diff(label[order], prepend=-1))
        lows.append(np.minimum.reduceat(low[order], starts))
        highs.append(np.maximum.reduceat(high[order], starts))
        counts.append(np.bincount(owner[order[starts]], minlength=len(sizes[rows])))
        before = np.append(0, np.cumsum(counts[-1]))[owner]
        parts.append(np.column_stack([states, label - before]).astype(np.int32))
    offsets = np.append(0, np.cumsum(np.concatenate(counts)))
    values = Values(offsets, np.concatenate(lows), np.concatenate(highs))
    bounds = np.append(0, np.cumsum(entries.astype(np.int64)))
    return values, Configurations(bounds, np.concatenate(parts))


def output_layer(
    below: Values, topology, alphabet, phi: Activation, y: np.ndarray, memory_gib: float
) -> Configurations:
    """The configurations of output neurons that reproduce the samples. An output has one value.

    Args:
        below, topology, alphabet, phi, memory_gib: as for ``hidden_layer``.
        y: (samples, output), what the outputs have to be.

    Raises:
        ValueError: as ``hidden_layer``.
    """
    outputs, slots = topology.shape
    counts = below.counts[topology]
    most = len(alphabet) * int(counts.max())
    needed = half_sums(most, slots) * (len(y) + 3)
    refuse_beyond(memory_gib, needed, f"searching the {most}^{slots} configurations of an output")
    owners, found, entries = [], [], 0
    ends = [np.ascontiguousarray(end.T) for end in below[1:]]
    for rows in chunks(outputs, (len(y) + 1) * slots * most):
        read, count = topology[rows], counts[rows][..., None]
        # As many states for each slot; those beyond its own are sorted out below.
        state = np.arange(most)
        weight = np.asarray(alphabet)[np.minimum(state // count, len(alphabet) - 1)]
        value = below.offsets[read][..., None] + state % count
        one, other = (weight * end.take(value, axis=1) for end in ends)
        reach = np.abs(one - other).max(axis=-1).sum(axis=-1) / 2
        bottom, top = preactivations(phi, y[:, rows])
        # With twice the tolerance the bounds hold all that match, also after rounding.
        wide = bottom - MATCH_TOLERANCE - reach, top + MATCH_TOLERANCE + reach
        owner, states = search((one + other) / 2, *wide, memory_gib, entries)
        own = (states < len(alphabet) * count[owner, :, 0]).all(axis=1)
        owner, states = owner[own], states[own]
        low, high = (
            sum(end[:, owner, slot, state] for slot, state in enumerate(states.T)).T
            for end in (np.minimum(one, other), np.maximum(one, other))
        )
        keep = ((low <= top.T[owner]) & (high >= bottom.T[owner])).all(axis=1)
        owners.append(rows.start + owner[keep])
        found.append(states[keep])
        entries += int(np.count_nonzero(keep))
    owner, states = np.concatenate(owners), np.concatenate(found)
    offsets = np.append(0, np.cumsum(np.bincount(owner, minlength=outputs)))
    value = np.zeros(len(states), int)
    return Configurations(offsets, np.column_stack([states, value]).astype(np.int32))


def _all_states(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every combination of states, the last slot running fastest.

    Args:
        sizes: (neurons, slots) int64, how many states each slot has.

    Returns:
        The neuron of each combination, (entries,), and its states, (entries, slots).
    """
    entries = sizes.prod(axis=1)
    owner = np.repeat(np.arange(len(sizes)), entries)
    rest = np.arange(len(owner)) - np.repeat(np.cumsum(entries) - entries, entries)
    states = np.empty((len(owner), sizes.shape[1]), np.int64)
    for slot in range(sizes.shape[1] - 1, -1, -1):
        rest, states[:, slot] = np.divmod(rest, sizes[owner, slot])
    return owner, states


def _ends(below: Values, alphabet) -> list[np.ndarray]:
    """What a slot adds to the pre-activation, at least and at most: both (states, samples), for the
    states of one neuron after the other."""
    weights = np.asarray(alphabet)[:, None, None]
    neurons = [np.split(end, below.offsets[1:-1]) for end in below[1:]]
    one, other = (
        np.concatenate([(weights * part).reshape(-1, part.shape[1]) for part in parts])
        for parts in neurons
    )
    return [np.minimum(one, other), np.maximum(one, other)]


def _distinct(owner, low, high) -> tuple[np.ndarray, np.ndarray]:
    """Number the different values of each neuron.

    Returns:
        The value of each configuration, (entries,), ascending with the neurons; and one
        configuration of each value.
    """
    # Of values that are points but for rounding, one end tells all.
    points = (high - low).max() < MERGE_TOLERANCE
    label = owner
    for column in low.T if points else (*low.T, *high.T):
        order = column.argsort(kind="stable")
        order = order[_by_number(label[order])]
        new = (np.diff(label[order]) > 0) | (np.diff(column[order]) > MERGE_TOLERANCE)
        fresh = np.empty_like(label)
        fresh[order] = np.append(0, np.cumsum(new))
        label = fresh
    first_of = np.empty(label.max() + 1, np.int64)
    first_of[label] = np.arange(len(label))
    return label, first_of


def _by_number(label) -> np.ndarray:
    """The order that sorts whole numbers, equal ones as they are.

    Args:
        label: (entries,) int64, not negative. Each is packed into one number with its place, which
            together may take 63 bits.
    """
    # Sorting numbers is several times as fast as sorting their places.
    bits = len(label).bit_length()
    return np.sort(label << bits | np.arange(len(label))) & ((1 << bits) - 1)


def _joined(label, owner, low, high, max_values) -> np.ndarray:
    """The value of each configuration once neighbours are joined, where a neuron has too many.

    Args:
        label: (entries,) the value of each configuration.
        owner, low, high: the neuron of each value, ascending, and its ends.
    """
    counts = np.bincount(owner)
    if counts.max() <= max_values:
        return label
    fresh, total, centre = np.empty_like(owner), 0, (low + high) / 2
    for values in np.split(np.arange(len(owner)), np.cumsum(counts)[:-1]):
        for group in _halved(centre, values, max_values):
            fresh[group] = total
            total += 1
    return fresh[label]


def _halved(centre, values, parts) -> list[np.ndarray]:
    """Split values into as many groups of neighbours: in halves where they are the widest apart."""
    parts = min(parts, len(values))
    if parts == 1:
        return [values]
    widest = np.ptp(centre[values], axis=0).argmax()
    values = values[np.argsort(centre[values, widest], kind="stable")]
    half, cut = parts // 2, parts // 2 * len(values) // parts
    return _halved(centre, values[:cut], half) + _halved(centre, values[cut:], parts - half)
