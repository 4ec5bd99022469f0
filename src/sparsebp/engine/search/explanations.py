"""Which rows of weights explain an output: every one, each verified on every sample."""

from functools import lru_cache
from itertools import combinations_with_replacement, product
from typing import NamedTuple

import numpy as np

from sparsebp.engine.kernels.search_rows import WORD, explain_kernel
from sparsebp.engine.memory import MOST_FOUND, chunks
from sparsebp.engine.search.inputs import ABSENT, Candidates, Inputs
from sparsebp.engine.search.symbols import LETTERS, MISSING, UNREAD, Alphabet, Kind
from sparsebp.network.ranges import ENTRIES

MOST_ROWS = 1 << 18
"""Rows of one hidden neuron that are listed; where there are more, samples say too little."""

NOT_READ = -1
"""In place of the number of a row."""


class Explanations(NamedTuple):
    """What outputs may be: two hidden neurons, or fewer, with a weight each.

    Attributes:
        output: (n,) int64, ascending.
        weights: (n, 2) int64, -1, 0 or 1.
        rows: (n, 2) int64, the number of each row, or ``NOT_READ``.
        listed: (R, ENTRIES) int64, the signed groups of each row, see ``inputs``.
        open: (outputs,) bool, those that have more explanations than are listed; none of theirs
            is here.
    """

    output: np.ndarray
    weights: np.ndarray
    rows: np.ndarray
    listed: np.ndarray
    open: np.ndarray

    def only(self, keep: np.ndarray) -> "Explanations":
        """Those to ``keep``, (n,) bool."""
        return self._replace(
            output=self.output[keep], weights=self.weights[keep], rows=self.rows[keep]
        )

    def signed(self, part: slice = slice(None)) -> np.ndarray:
        """The signed groups of both rows of a ``part`` of them, (n, 2, ENTRIES) int64."""
        rows = self.rows[part, :, None]
        return np.where(rows == NOT_READ, ABSENT, self.listed[rows[..., 0]])

    @property
    def counts(self) -> np.ndarray:
        """How many each output has, (outputs,) int64."""
        return np.bincount(self.output, minlength=len(self.open))


def explain(
    alphabet: Alphabet,
    inputs: Inputs,
    candidates: Candidates,
    codes: np.ndarray,
    readers: np.ndarray | None = None,
    outer_at_most: int = 2,
    alone: bool = False,
) -> Explanations:
    """List all that explains each output.

    Args:
        alphabet: of the activation.
        inputs: what samples say of them.
        candidates: for each hidden neuron what it may read, or one list for all of them.
        codes: (samples, output) int64, see ``Alphabet.coded``.
        readers: (output, 2) int64, the hidden neurons that each output reads, -1 behind the last;
            None if nothing is known of them.
        outer_at_most: hidden neurons that an output reads, where nothing is known of them.
        alone: each output by itself, as others may be wrong: else outputs that read the same hidden
            neuron limit each other's rows.
    """
    kinds, tables, possible = _pairs(alphabet, readers is not None, outer_at_most)
    output, pair = feasible(possible, codes)
    exchanged = (kinds[pair, 0] == kinds[pair, 1]).all(axis=1)
    lists = np.zeros((len(output), 2), np.int64)
    if readers is not None:
        exchanged[:] = False
        lists = candidates.of(readers[output])
        fits = ((readers[output] >= 0) == (kinds[pair, :, 0] != 0)).all(axis=1)
        output, pair, lists, exchanged = (part[fits] for part in (output, pair, lists, exchanged))
    first_samples = np.ascontiguousarray(codes[:WORD].T)
    limits, neurons = np.full((1, LETTERS, LETTERS), ~np.uint64(0)), np.zeros_like(lists)
    # If the activation is odd, outputs may have rows of other signs.
    if readers is not None and not (alone or alphabet.odd):
        neurons = readers[output]
        limits = _limits(first_samples, tables, kinds, output, pair, neurons)
    tasks = np.column_stack([output, pair, lists, exchanged, neurons]).astype(np.int64)
    found, full = explain_kernel()(
        inputs.words,
        (candidates.offsets, candidates.group, candidates.count),
        first_samples,
        tables,
        np.ascontiguousarray(kinds[:, :, 1]),
        limits,
        tasks,
        (MOST_ROWS, MOST_FOUND),
    )
    beyond = np.ones(codes.shape[1], bool)
    beyond[np.flatnonzero((first_samples != MISSING).any(axis=1))] = False
    beyond[tasks[full > 0, 0]] = True
    task, signed = found[:, 0], found[:, 1:].reshape(-1, 2, ENTRIES)
    made = numbered(tasks[task, 0], kinds[tasks[task, 1], :, 0], signed, beyond)
    made = made.only(~beyond[made.output])
    made = made.only(misses(alphabet, inputs, codes, made) == 0)
    if alphabet.odd:
        made = _positive(made)
    if readers is None:
        none = (made.weights == 0).all(axis=1)
        cancel = (made.rows[:, 0] == made.rows[:, 1]) & (made.weights.sum(axis=1) == 0)
        made = made.only(none | ~cancel)
    return made.only(np.argsort(made.output, kind="stable"))


@lru_cache(1)
def _pairs(
    alphabet: Alphabet, known: bool, outer_at_most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The kinds of the hidden neurons of an output, in ways that outputs tell apart.

    Where the activation is odd a weight of -1 says no more than one of 1, as the row may have
    either sign. Where phi(0) = 0 a hidden neuron without inputs says nothing, and counts only if it
    is known to be read.

    Returns:
        (P, 2, 2) int64, weight and entries of both neurons of a pair; the letters, as of
        ``Alphabet.table``; (P, C) bool, which sums a pair can have. Calls share these arrays.
    """
    kinds = [
        Kind(weight, entries)
        for entries in range(alphabet.at_most, -1, -1)
        for weight in ((1,) if alphabet.odd or (alphabet.silent and not entries) else (1, -1))
        if entries or known or not alphabet.silent
    ]
    if known:
        pairs = [*product(kinds, [*kinds, UNREAD]), (UNREAD, UNREAD)]
    else:
        both = combinations_with_replacement([*kinds, UNREAD], 2)
        pairs = [pair for pair in both if outer_at_most == 2 or UNREAD in pair]
    tables = alphabet.table(pairs)
    return np.array(pairs, dtype=np.int64), tables, np.asarray(tables.any(axis=(2, 3)))


def feasible(allowed: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs, and pairs of kinds that rule out none of its sums: two arrays (n,) int64.

    Args:
        allowed: (P, C) bool, which sums a pair of kinds has.
        codes: (samples, output) int64, see ``Alphabet.coded``.
    """
    allowed = np.pad(allowed, ((0, 0), (0, 2)))
    allowed[:, MISSING] = True
    outputs, pairs = [np.zeros(0, int)], [np.zeros(0, int)]
    for part in chunks(codes.shape[1], len(allowed) * len(codes)):
        output, pair = np.nonzero(allowed[:, codes[:, part]].all(axis=1).T)
        outputs.append(part.start + output)
        pairs.append(pair)
    return np.concatenate(outputs), np.concatenate(pairs)


def _limits(
    codes: np.ndarray,
    tables: np.ndarray,
    kinds: np.ndarray,
    output: np.ndarray,
    pair: np.ndarray,
    neurons: np.ndarray,
) -> np.ndarray:
    """What all outputs that read a hidden neuron allow it to be, in the first samples.

    Args:
        codes: (output, samples) int64.
        tables, kinds: of pairs of kinds.
        output, pair, neurons: (n,), (n,) and (n, 2), which pairs are possible where.

    Returns:
        (hidden + 1, LETTERS, LETTERS) uint64, as the kernel takes them; in the last, for no hidden
        neuron, all bits are set.
    """
    bits = np.uint64(1) << np.arange(codes.shape[1], dtype=np.uint64)
    every = ~np.uint64(0)
    hidden = int(neurons.max(initial=-1)) + 1
    found = np.full((hidden + 1, LETTERS, LETTERS), every)
    for slot in range(2):
        allowed = np.asarray(tables.any(axis=3 - slot))  # (P, C, LETTERS)
        seen = codes[output]
        there = allowed[pair[:, None], np.maximum(seen, 0)] | (seen == MISSING)[..., None]
        words = (there * bits[:, None]).sum(axis=1, dtype=np.uint64)
        words |= ~bits.sum(dtype=np.uint64)
        # Any of the kinds in which an output may read the neuron.
        reading = np.unique(output)
        said = np.zeros((len(codes), LETTERS, LETTERS), np.uint64)
        np.bitwise_or.at(said, (output, kinds[pair, slot, 1]), words)
        read = np.zeros(len(codes), int)
        read[output] = neurons[:, slot]
        np.bitwise_and.at(found, read[reading], said[reading])
    found[hidden] = every
    return found


def numbered(
    output: np.ndarray, weights: np.ndarray, signed: np.ndarray, beyond: np.ndarray
) -> Explanations:
    """Explanations of rows that have no numbers yet.

    Args:
        output: (n,) int64.
        weights: (n, 2) int64.
        signed: (n, 2, ENTRIES) int64, the signed groups of both rows.
        beyond: (outputs,) bool, those that are open.
    """
    listed, rows = np.unique(signed.reshape(-1, ENTRIES), axis=0, return_inverse=True)
    rows = np.where(weights == 0, NOT_READ, rows.reshape(-1, 2))
    return Explanations(output, weights, rows, listed, beyond)


def misses(
    alphabet: Alphabet, inputs: Inputs, codes: np.ndarray, found: Explanations
) -> np.ndarray:
    """In how many samples each explanation does not give what was observed, (n,) int64.

    Args:
        alphabet: of the activation.
        inputs: what samples say of them.
        codes: (samples, output) int64, see ``Alphabet.coded``.
        found: the explanations.
    """
    count = np.zeros(len(found.output), np.int64)
    for part in chunks(len(count), 8 * len(codes)):
        total = np.zeros((len(count[part]), len(codes)))
        for slot in range(2):
            z = preactivation(inputs, found.signed(part)[:, slot])
            total += found.weights[part, slot, None] * alphabet.phi(z)
        fits = alphabet.fits(total, codes[:, found.output[part]].T)
        count[part] = np.count_nonzero(~fits, axis=1)
    return count


def fitting(alphabet: Alphabet, codes: np.ndarray, values: list[np.ndarray]) -> np.ndarray:
    """Which signs and rows of the hidden neurons of an output give all of its samples.

    Args:
        alphabet: of the activation.
        codes: (samples,) int64, of the output.
        values: for each hidden neuron that it reads (rows, samples) float64, what it answers.

    Returns:
        bool, an axis of two for the sign of each, -1 and 1, then an axis for the rows of each.
    """
    n, sizes = len(values), [len(value) for value in values]
    found = np.zeros((*[2] * n, *sizes), bool)
    if n == 0:
        return np.array(alphabet.fits(np.zeros(len(codes)), codes).all())
    axes = [
        value.reshape(*(len(value) if k == slot else 1 for k in range(n)), len(codes))
        for slot, value in enumerate(values)
    ]
    cells = max(1, int(np.prod(sizes[1:]))) * len(codes)
    for signs, part in product(product((0, 1), repeat=n), chunks(sizes[0], cells)):
        first = (2 * signs[0] - 1) * axes[0][part]
        total = sum(((2 * k - 1) * one for k, one in zip(signs[1:], axes[1:], strict=True)), first)
        found[(*signs, part)] = alphabet.fits(total, codes).all(axis=-1)
    return found


def preactivation(inputs: Inputs, signed: np.ndarray) -> np.ndarray:
    """That of hidden neurons in all samples, (n, samples) float64.

    Args:
        inputs: what samples say of them.
        signed: (n, ENTRIES) int64, the signed groups of rows.
    """
    weights = np.where(signed == ABSENT, 0, 1 - 2 * (signed & 1))
    return np.einsum("nk,nks->ns", weights, inputs.x[signed // 2], dtype=float)


def _positive(found: Explanations) -> Explanations:
    """The same with the first sign of each row positive, and the sign in the output's weight."""
    signed = found.signed()
    negative = (signed[..., 0] != ABSENT) & (signed[..., 0] & 1 == 1)
    turned = np.where(negative[..., None] & (signed != ABSENT), signed ^ 1, signed)
    weights = np.where(negative, -found.weights, found.weights)
    return numbered(found.output, weights, turned, found.open)
