"""Explanations of outputs of which it is known what they read, by way of hidden values.

For outputs that read three hidden neurons: triples of rows are too many to be looked up. In place
of that, first the letters of hidden neurons are decoded (see ``symbols``), unless they are given.
In each sample a letter is ruled out if some output that reads the neuron does not allow it, with
any signs and lengths of rows that explain all of its samples, and any letters of the others that
are left.
That is repeated until nothing changes. Then the rows of each hidden neuron are searched by
themselves. What is left are few triples, which are tried.
"""

from itertools import product

import numpy as np

from sparsebp.engine.kernels.search_rows import LETTERS, WORD, rows_kernel
from sparsebp.engine.memory import MOST_FOUND, chunks
from sparsebp.engine.search.consistent import agreeing, rows_of
from sparsebp.engine.search.explanations import (
    NOT_READ,
    Explanations,
    feasible,
    fitting,
    preactivation,
)
from sparsebp.engine.search.inputs import ABSENT, Candidates, Inputs
from sparsebp.engine.search.symbols import MISSING, UNREAD, Alphabet, Kind

NO_SUM = -3
"""In place of the number of a sum: letters that rows of this length do not have."""
MOST_TRIPLES = 1 << 16
"""Of rows of the hidden neurons of an output, that are tried."""


def decode(
    alphabet: Alphabet,
    inputs: Inputs,
    lists: Candidates,
    codes: np.ndarray,
    readers: np.ndarray,
    letters: np.ndarray | None = None,
) -> Explanations:
    """List all that explains each output.

    Args:
        alphabet: of the activation, for outputs that read so many.
        inputs: what samples say of them.
        lists: for each hidden neuron what it may read, or one list for all of them.
        codes: (samples, output) int64, see ``Alphabet.coded``.
        readers: (output, reads) int64, the hidden neurons that each output reads, -1 behind the
            last.
        letters: (hidden, at_most + 1, at_most + 1, samples) bool, over the entries of a row and its
            letter, what hidden neurons may have; None to decode it from the outputs.
    """
    hidden, reads = int(readers.max(initial=-1)) + 1, readers.shape[1]
    explained = np.ones(len(readers), bool)
    if letters is None:
        letters, explained = _letters(alphabet, codes[:WORD], readers, hidden)
    listed, rows = _rows(alphabet, inputs, lists, letters)
    values = alphabet.phi(preactivation(inputs, listed))
    silent = (listed[:, 0] == ABSENT) & alphabet.silent
    made = np.zeros((0, 1 + 2 * reads), int)
    tried, beyond = np.full(len(readers), np.inf), explained.copy()
    said = (codes != MISSING).any(axis=0)
    while True:
        triples = np.array([_count(rows, read) for read in readers])
        beyond &= ~said | (triples > 0)
        pending = np.flatnonzero(beyond & said & (triples < tried) & (triples <= MOST_TRIPLES))
        tried = triples
        for output in pending:
            own = [rows[neuron] for neuron in readers[output][readers[output] >= 0]]
            table = fitting(alphabet, codes[:, output], [values[one] for one in own])
            for slot, one in enumerate(own):  # no output tells by which weight it is read
                np.moveaxis(table, (slot, len(own) + slot), (0, 1))[0, silent[one]] = False
            places = np.argwhere(table)
            if len(places) <= MOST_FOUND:
                beyond[output] = False
                part = np.full((len(places), made.shape[1]), NOT_READ)
                part[:, 0], part[:, 1 : 1 + reads] = output, 0
                part[:, 1 : 1 + len(own)] = 2 * places[:, : len(own)] - 1
                for slot, one in enumerate(own):
                    part[:, 1 + reads + slot] = one[places[:, len(own) + slot]]
                made = np.vstack([made, part])
        made = made[np.argsort(made[:, 0], kind="stable")]
        weights, numbers = np.split(made[:, 1:], 2, axis=1)
        found = Explanations(made[:, 0], weights, numbers, listed, beyond)
        if not len(pending):
            return found
        # What these outputs leave of hidden neurons makes fewer triples of the others.
        keep, _ = agreeing(found, readers, hidden)
        some = found.only(keep)
        left = rows_of(readers[some.output], some.rows, hidden)
        rows = [new if len(new) else old for new, old in zip(left, rows, strict=True)]


def _count(rows: list[np.ndarray | None], read: np.ndarray) -> float:
    """How many ways there are to choose the rows of hidden neurons."""
    own = [rows[neuron] for neuron in read[read >= 0]]
    counts = [np.inf if one is None else len(one) for one in own]
    return 0.0 if 0 in counts else float(np.prod(counts))


def _rows(alphabet, inputs, lists, letters):
    """Rows that hidden neurons may have by themselves, with these ``letters``.

    Returns:
        (R, ENTRIES) int64, the signed groups of all; and for each hidden neuron the numbers of its
        rows, or None where they are too many.
    """
    hidden, most, _, samples = letters.shape
    bits = np.uint64(1) << np.arange(samples, dtype=np.uint64)
    limits = np.zeros((hidden, LETTERS, LETTERS), np.uint64)
    limits[:, :most, :most] = (letters * bits).sum(axis=3, dtype=np.uint64)
    which = lists.of(np.arange(hidden))
    listing = lists.offsets, lists.group, lists.count
    found, full = rows_kernel()(
        inputs.words, listing, which, limits, bits.sum(dtype=np.uint64), MOST_TRIPLES
    )
    if alphabet.odd:  # the sign of a row is that of its weights in outputs
        found = found[(found[:, 1] == ABSENT) | (found[:, 1] & 1 == 0)]
    listed, number = np.unique(found[:, 1:], axis=0, return_inverse=True)
    rows = np.split(number, np.searchsorted(found[:, 0], np.arange(1, hidden)))
    return listed, [None if none else one for none, one in zip(full, rows, strict=True)]


def _letters(
    alphabet: Alphabet, codes: np.ndarray, readers: np.ndarray, hidden: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which letters hidden neurons may have, and which outputs any letters explain.

    Returns:
        (hidden, at_most + 1, at_most + 1, samples) bool, over the entries of a row and its letter;
        and (output,) bool.
    """
    most, (samples, outputs), reads = alphabet.at_most, codes.shape, readers.shape[1]
    entries, unread, letters, sums = _relations(alphabet, reads)
    possible = np.zeros((len(sums), len(alphabet.sums)), bool)
    number, place = np.nonzero(sums != NO_SUM)
    possible[number, sums[number, place]] = True
    output, kinds = feasible(possible, codes)
    right = (unread[kinds] == (readers[output] < 0)).all(axis=1)
    output, kinds = output[right], kinds[right]
    # The last is that of no hidden neuron.
    allowed = np.ones((hidden + 1, most + 1, most + 1, samples), bool)
    while True:
        before, alive = allowed.copy(), np.zeros(len(output), bool)
        said = np.zeros((outputs, reads, *allowed.shape[1:]), bool)
        for part in chunks(len(output), len(letters) * samples):
            a, p = output[part], kinds[part]
            seen, own = codes[:, a].T[:, None], sums[p][..., None]
            going = (own == seen) | ((seen == MISSING) & (own != NO_SUM))
            for slot in range(reads):
                going &= allowed[readers[a, slot, None], entries[p, slot, None], letters[:, slot]]
            alive[part] = going.any(axis=1).all(axis=1)
            going, a, p = going[alive[part]], a[alive[part]], p[alive[part]]
            for slot, letter in product(range(reads), range(most + 1)):
                where = going[:, letters[:, slot] == letter].any(axis=1)
                np.logical_or.at(said, (a, slot, entries[p, slot], letter), where)
        output, kinds = output[alive], kinds[alive]
        reading = np.unique(output)  # what nothing explains says nothing
        for slot in range(reads):
            np.logical_and.at(allowed, readers[reading, slot], said[reading, slot])
        allowed[hidden] = True
        # A row has as many entries in all samples.
        allowed &= np.all(allowed.any(axis=2, keepdims=True), axis=3, keepdims=True)
        if (allowed == before).all():
            return allowed[:hidden], np.isin(np.arange(outputs), output)


def _relations(alphabet, reads):
    """What outputs say of letters, for all kinds of hidden neurons.

    Returns:
        (P, reads) int64, the entries of all combinations of kinds, and bool, which of them are
        ``UNREAD``; (L, reads) int64, all combinations of letters; and (P, L) int64, the number of
        the sum that these have, or ``NO_SUM``.
    """
    lengths = range(alphabet.at_most + 1)
    kinds = [*(Kind(weight, entries) for entries in lengths for weight in (1, -1)), UNREAD]
    parts = [kind.weight * np.nan_to_num(alphabet.values[kind.entries]) for kind in kinds]
    which = np.array(list(product(range(len(kinds)), repeat=reads)))
    letters = np.array(list(product(lengths, repeat=reads)))
    entries = np.array([kind.entries for kind in kinds])[which]
    total = sum(np.array(parts)[which[:, slot, None], letters[:, slot]] for slot in range(reads))
    sums = np.abs(alphabet.sums - total[..., None]).argmin(axis=2)
    there = (letters <= entries[:, None]).all(axis=2)
    return entries, which == len(kinds) - 1, letters, np.where(there, sums, NO_SUM)
