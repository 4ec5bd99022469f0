"""One network from what explains its outputs, and what of it is certain."""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from sparsebp.engine.kernels.search_rows import WORD
from sparsebp.engine.search.consistent import agreeing, fewest, rows_of
from sparsebp.engine.search.decoding import decode
from sparsebp.engine.search.explanations import NOT_READ, Explanations, explain
from sparsebp.engine.search.inputs import ABSENT, Candidates, Inputs
from sparsebp.engine.search.posterior import Left
from sparsebp.engine.search.subsets import explain_most
from sparsebp.engine.search.symbols import Alphabet
from sparsebp.network.model import Activation, Layer
from sparsebp.network.ranges import ENTRIES

MANY = -1
"""In place of a number of explanations: more than are listed."""


class Search(NamedTuple):
    """What was found.

    Attributes:
        inner, outer: the layers, (hidden, at_most) and (output, at most 3): column -1 and weight 0
            where a row has fewer entries. If nothing was known of the outputs and explanations are
            not certain, those chosen may need more hidden neurons than there are.
        explanations: (output,) int64, how many each output has that go together with those of
            others: 1 where it is certain, 0 where there is none, ``MANY``.
        certain: (rows of ``inner``,) bool, whether the row of a hidden neuron is, up to the
            symmetries.
        reproduced: (output,) bool, whether this network gives all that was observed, but for as
            many samples as may be wrong.
        wrong: (samples, output) bool, which observed outputs this network takes to be wrong.
        least_hidden: so many hidden neurons there have to be, where none was known.
        twins: groups of inputs that are the same, or opposite, in all samples.
        odd: whether the activation is, so that the sign of a hidden neuron is not known.
        left: for ``Posterior``; None where it is not known which outputs read what, or outputs may
            be wrong.
    """

    inner: Layer
    outer: Layer
    explanations: np.ndarray
    certain: np.ndarray
    reproduced: np.ndarray
    wrong: np.ndarray
    least_hidden: int
    twins: list[np.ndarray]
    odd: bool
    left: Left | None = None


def search(
    x: np.ndarray,
    y: np.ndarray,
    hidden: int,
    phi: Activation,
    at_most: tuple[int, int] = (2, 2),
    readers: np.ndarray | None = None,
    candidates: list[np.ndarray] | None = None,
    wrong: int = 0,
) -> Search:
    """Find the network that made samples.

    Args:
        x: (samples, input) of -1 and 1.
        y: (samples, output) float64, NaN where an output is missing.
        hidden: neurons of the hidden layer, at most.
        phi: the activation of both layers.
        at_most: entries in a row of W_in, 1 to 3, and of W_out, 1 or 2, if nothing is known of the
            outputs.
        readers: (output, slots) int64, with up to 3 slots, the hidden neurons that each output
            reads, -1 behind the last; None if nothing is known of them.
        candidates: for each hidden neuron the inputs that it may read; None for all. Where nothing
            is known of the outputs hidden neurons have no names, and so no candidates.
        wrong: samples of an output that may be wrong; 0 where outputs read three hidden neurons.

    Raises:
        ValueError: x holds other values, or the activation has no inverse.
    """
    reads = 2 if readers is None else max(2, readers.shape[1])
    alphabet = Alphabet(phi, at_most[0], reads)
    inputs = Inputs.of(x)
    lists = Candidates(inputs, candidates or [np.arange(x.shape[1])], at_most[0])
    codes = alphabet.coded(y)
    slots = at_most
    if readers is not None:
        slots = at_most[0], readers.shape[1]
        readers = _ordered(readers, reads)
    listing = alphabet, inputs, lists, codes, readers, min(at_most[1], hidden)
    if readers is not None and reads > 2:
        found = decode(alphabet, inputs, lists, codes, readers)
    else:
        found = explain_most(*listing, wrong) if wrong else explain(*listing)
    if readers is None:
        made = _unknown(alphabet, lists, found, hidden, slots)
        return _verified(alphabet, inputs, codes, made, wrong)
    found = _agreed(lists, found, readers, hidden)
    made = _known(alphabet, lists, found, hidden, readers, slots)
    left = None
    if not wrong:
        rows, own = _rows(lists, found, readers, hidden), readers[:, : slots[1]]
        left = Left(alphabet, inputs, lists, codes, own, found.listed, rows, found.open)
    return _verified(alphabet, inputs, codes, made, wrong, left)


def search_rows(
    alphabet: Alphabet, x: np.ndarray, codes: np.ndarray, readers: np.ndarray, letters: np.ndarray
) -> Search:
    """Find the network in which hidden neurons have the ``letters`` that were found before.

    The row of each is searched by itself. Then outputs say which of its rows go together. If
    letters are wrong, no row fits, or none with which the outputs are right: then these outputs
    have no explanation.

    Args:
        alphabet: of the activation.
        x: (samples, input) of -1 and 1.
        codes: (samples, output) int64, see ``Alphabet.coded``.
        readers: (output, 1 or 2) int64, the hidden neurons that each output reads.
        letters: (hidden, at_most + 1, at_most + 1, samples) bool, see ``decode``.
    """
    hidden, slots = len(letters), (alphabet.at_most, readers.shape[1])
    readers = _ordered(readers, 2)
    inputs = Inputs.of(x)
    lists = Candidates(inputs, [np.arange(x.shape[1])], alphabet.at_most)
    letters = letters.copy()
    # Rows of two that may be exchanged are listed in one order alone.
    for pair in readers[_exchangeable(lists, readers)[:, 0, 1]]:
        letters[pair] = letters[pair].any(axis=0)
    found = decode(alphabet, inputs, lists, codes, readers, letters[..., :WORD])
    found = _agreed(lists, found, readers, hidden)
    made = _known(alphabet, lists, found, hidden, readers, slots)
    return _verified(alphabet, inputs, codes, made)


def _ordered(readers: np.ndarray, slots: int) -> np.ndarray:
    """The hidden neurons that each output reads, ascending, in so many slots, -1 behind the last.

    In one order for all outputs, as rows of hidden neurons that may be exchanged are.
    """
    last = np.iinfo(readers.dtype).max
    ordered = np.sort(np.where(readers < 0, last, readers), axis=1)
    ordered[ordered == last] = NOT_READ
    more = slots - ordered.shape[1]
    return np.pad(ordered, ((0, 0), (0, more)), constant_values=NOT_READ)


def _verified(alphabet, inputs, codes, made, wrong=0, left=None) -> Search:
    """What was ``made``, see ``_unknown``, with the outputs that it gives."""
    (inner, outer), explanations, certain, least_hidden = made
    missed = ~_given(alphabet, inputs, codes, (inner, outer))
    # Where no explanation was chosen the row is blank. It does not say that an output is wrong.
    reproduced = np.count_nonzero(missed, axis=0) <= np.where(explanations > 0, wrong, 0)
    return Search(
        inner,
        outer,
        explanations,
        certain,
        reproduced,
        missed & reproduced,
        least_hidden,
        inputs.twins,
        alphabet.odd,
        left,
    )


def _unknown(alphabet, lists, found, hidden, slots):
    """Where nothing is known of the outputs: hidden neurons are the rows that occur.

    Returns:
        The layers, and explanations, certain and least_hidden as in ``Search``.
    """
    keep, least_hidden = fewest(found, hidden)
    found = found.only(keep)
    alike = np.ones(len(found.listed), np.int64)
    if len(found.listed):
        alike = lists.alike(np.zeros(len(found.listed), int), found.listed)
    each = np.where(found.rows == NOT_READ, 1, alike[found.rows])
    # In place of no hidden neuron there may be one in which twins cancel, if that says nothing; in
    # place of none at all two that cancel as their inputs are twins.
    unread = found.rows == NOT_READ
    unread[:, slots[1] :] = False
    cancel = alphabet.silent and slots[0] > 1
    unread &= cancel | ((slots[1] == 2) & unread.all(axis=1, keepdims=True))
    each[unread] = lists.pairs_or_none[0]
    explanations = _counted(found, each.prod(axis=1, dtype=float))
    needed = np.isin(np.arange(len(found.listed)), _in_all(found, found.rows)) & (alike == 1)

    chosen = _shared(found)
    rows = np.unique(chosen.rows[chosen.rows != NOT_READ])
    again = chosen.rows[:, 0] == chosen.rows[:, 1]
    again &= chosen.rows[:, 0] != NOT_READ
    copies = np.unique(chosen.rows[again, 0])
    neuron = np.full(len(found.listed) + 1, NOT_READ)
    neuron[rows] = np.arange(len(rows))
    read = neuron[chosen.rows]
    read[again, 1] = len(rows) + np.searchsorted(copies, chosen.rows[again, 1])
    every = np.concatenate([rows, copies])
    signed = lists.chosen(np.zeros(len(every), int), found.listed[every])
    blank = max(hidden - len(every), 0)
    signed = np.vstack([signed, np.full((blank, ENTRIES), ABSENT)])
    certain = np.append(needed[every], np.zeros(blank, bool))
    outer = np.full((len(found.open), 2), NOT_READ), np.zeros((len(found.open), 2), np.int64)
    outer[0][chosen.output], outer[1][chosen.output] = read, chosen.weights
    layers = _layers(signed, *outer, slots, alphabet.odd)
    return layers, explanations, certain, least_hidden


def _agreed(lists, found, readers, hidden):
    """What goes together, where it is known which hidden neurons outputs read."""
    after = found.rows[:, :, None] > found.rows[:, None]
    swapped = (_exchangeable(lists, readers)[found.output] & after).any(axis=(1, 2))
    found = found.only(~swapped)
    keep, torn = agreeing(found, readers, hidden)
    return found.only(keep & ~((readers >= 0) & torn[readers]).any(axis=1)[found.output])


def _rows(lists, found, readers, hidden):
    """The numbers of the rows that are left of each hidden neuron: all that any network has."""
    # Those that may be exchanged are listed in one order alone.
    pairs, neuron = _exchangeable(lists, readers)[found.output], readers[found.output]
    every = [neuron]
    for k, j in combinations(range(readers.shape[1]), 2):
        turned, both = neuron.copy(), pairs[:, k, j]
        turned[np.ix_(both, [k, j])] = neuron[np.ix_(both, [j, k])]
        every.append(turned)
    return rows_of(np.vstack(every), np.vstack([found.rows] * len(every)), hidden)


def _known(alphabet, lists, found, hidden, readers, slots):
    """Where it is known which hidden neurons outputs read. Returns as ``_unknown``."""
    read = readers[found.output]
    which, rows = lists.of(read), found.signed()
    each = np.column_stack([lists.alike(which[:, k], rows[:, k]) for k in range(readers.shape[1])])
    if alphabet.silent:  # nor does any output show the weight by which it is read
        each[rows[..., 0] == ABSENT] *= 2
    each[read < 0] = 1
    explanations = _counted(found, each.prod(axis=1, dtype=float))
    number = max(len(found.listed), 1)
    places = np.where(read >= 0, read * number + found.rows, NOT_READ)
    sure = np.setdiff1d(_in_all(found, places), places[each > 1])
    certain = np.isin(np.arange(hidden), sure // number)

    chosen = _walked(found, readers, hidden)
    mine, there = readers[chosen.output], chosen.rows != NOT_READ
    row_of = np.full(hidden, NOT_READ)
    row_of[mine[there]] = chosen.rows[there]
    has = np.flatnonzero(row_of != NOT_READ)
    signed = np.full((hidden, ENTRIES), ABSENT)
    signed[has] = lists.chosen(lists.of(has), found.listed[row_of[has]])
    weights = np.zeros(readers.shape, np.int64)
    weights[chosen.output] = chosen.weights
    layers = _layers(signed, readers, weights, slots, alphabet.odd)
    return layers, explanations, certain, hidden


def _exchangeable(lists: Candidates, readers: np.ndarray) -> np.ndarray:
    """Pairs of slots of outputs, (output, slots, slots) bool, the first before the second.

    Their hidden neurons are read by the same outputs, and have the same candidates.
    """
    hidden = int(readers.max(initial=NOT_READ)) + 1
    same = lists.same[lists.of(np.arange(hidden))].tolist()
    number: dict[tuple, int] = {}
    kinds = [
        number.setdefault((own, *outputs), len(number))
        for own, outputs in zip(same, _outputs_of(readers, hidden), strict=True)
    ]
    kind = np.array([*kinds, NOT_READ])[readers]
    alike = (kind[:, :, None] == kind[:, None]) & (readers >= 0)[:, None]
    return np.triu(alike, 1)


def _outputs_of(readers: np.ndarray, hidden: int) -> list[list[int]]:
    """The outputs that read each hidden neuron, ascending."""
    found: list[list[int]] = [[] for _ in range(hidden)]
    for a, read in enumerate(readers):
        for neuron in read[read >= 0]:
            found[neuron].append(a)
    return found


def _counted(found: Explanations, each: np.ndarray) -> np.ndarray:
    """How many explanations outputs have, (output,) int64, if one stands for ``each``, (n,)."""
    total = np.bincount(found.output, each, len(found.open))
    total = np.minimum(total, 2.0**62).astype(np.int64)  # many twins stand for more than int64 has
    return np.where(found.open, MANY, total)


def _in_all(found: Explanations, keys: np.ndarray) -> np.ndarray:
    """Which of the ``keys`` of explanations, (n, 2) or ``NOT_READ``, all of an output have."""
    keys = keys.copy()
    keys[keys[:, 0] == keys[:, 1], 1] = NOT_READ
    owner, slot = np.nonzero(keys != NOT_READ)
    both = np.column_stack([found.output[owner], keys[owner, slot]])
    pairs, times = np.unique(both, axis=0, return_counts=True)
    return np.unique(pairs[times == found.counts[pairs[:, 0]], 1])


def _shared(found: Explanations) -> Explanations:
    """One explanation for each output: that with the fewest new rows, or those most may share."""
    owner = np.repeat(found.output, 2)
    pairs = np.unique(np.column_stack([owner, found.rows.ravel()]), axis=0)
    rows = pairs[pairs[:, 1] != NOT_READ, 1]
    price = 1 / np.maximum(np.bincount(rows, minlength=len(found.listed) + 1), 1)
    price[NOT_READ] = 0
    chosen = found.counts[found.output] == 1
    price[found.rows[chosen]] = 0
    for own in _owned(found):
        if len(own) > 1:
            best = own[np.argmin(price[found.rows[own]].sum(axis=1))]
            chosen[best] = True
            price[found.rows[best]] = 0
    return found.only(chosen)


def _walked(found: Explanations, readers: np.ndarray, hidden: int) -> Explanations:
    """One explanation for outputs, such that all that read a hidden neuron say the same of it.

    From output to output along hidden neurons that both read, from those on that have one
    explanation. As all that is left agrees with its neighbours, such a walk is stuck only where it
    closes a ring of which no hidden neuron is certain. Its last output then has none.
    """
    own = _owned(found)
    outputs_of = _outputs_of(readers, hidden)
    row_of, done = np.full(hidden + 1, NOT_READ), np.zeros(len(readers), bool)
    chosen = np.zeros(len(found.output), bool)
    for start in np.argsort(found.counts, kind="stable"):
        pending = [int(start)]
        while pending:
            a = pending.pop()
            if done[a]:
                continue
            done[a] = True
            read = readers[a]
            given = row_of[read]
            fits = ((given == NOT_READ) | (read < 0) | (found.rows[own[a]] == given)).all(axis=1)
            if not fits.any():
                continue
            best = own[a][fits.argmax()]
            chosen[best] = True
            for neuron, row in zip(read[read >= 0], found.rows[best][read >= 0], strict=True):
                row_of[neuron] = row
                pending += outputs_of[neuron]
    return found.only(chosen)


def _owned(found: Explanations) -> list[np.ndarray]:
    """The explanations of each output."""
    return np.split(np.arange(len(found.output)), np.cumsum(found.counts)[:-1])


def _layers(
    signed: np.ndarray,
    read: np.ndarray,
    weights: np.ndarray,
    slots: tuple[int, int],
    odd: bool,
) -> tuple[Layer, Layer]:
    """Both layers, from rows of signed inputs, and what outputs read with which weights.

    Where the sign of a hidden neuron is not known, its first weight is 1.
    """
    sign = np.where(signed == ABSENT, 0, 1 - 2 * (signed & 1))
    inner = _layer(np.where(signed == ABSENT, ABSENT, signed // 2), sign, slots[0])
    if odd:
        turn = np.where(inner.weights[:, 0] < 0, -1, 1).astype(np.int8)
        inner = inner._replace(weights=inner.weights * turn[:, None])
        weights = weights * turn[read]
    return inner, _layer(read, weights, slots[1])


def _layer(topology: np.ndarray, weights: np.ndarray, at_most: int) -> Layer:
    """A layer with so many slots, in which what is there comes first, ascending."""
    order = np.argsort(np.where(topology < 0, np.iinfo(np.int64).max, topology), axis=1)
    topology, weights = (np.take_along_axis(part, order, 1) for part in (topology, weights))
    return Layer(topology[:, :at_most].astype(np.int32), weights[:, :at_most].astype(np.int8))


def _given(
    alphabet: Alphabet, inputs: Inputs, codes: np.ndarray, layers: tuple[Layer, Layer]
) -> np.ndarray:
    """Which observed outputs a network gives, (samples, output) bool; True where none was."""
    x = inputs.x[inputs.group] * inputs.sign[:, None]
    return alphabet.fits(layers[1] @ alphabet.phi(layers[0] @ x.T), codes)
