"""Search for the rows of weights that explain one output, over whole lists of inputs.

Samples are bits of one word, 64 at most. An input has a word, with a bit set where it is +1, and a
signed input, the number 2 i + s with s = 1 for a weight of -1, has this word or its complement. A
row of weights is three signed inputs, ascending, or fewer with -1 behind the last. It has a word
for each letter (see ``search.symbols``): where so many of its terms are +1.
"""

from functools import cache

import numpy as np
from numba import njit, types

from sparsebp.engine.kernels.cache import compiled_once
from sparsebp.network.ranges import ENTRIES

WORD = 64
"""Samples in a word."""
LETTERS = ENTRIES + 1
FULL = 1
"""An output that has more rows, or more explanations, than are listed."""

_NONE, _ALL, _ONE = np.uint64(0), ~np.uint64(0), np.uint64(1)
_MIX = np.uint64(0x9E3779B97F4A7C15)

_WORDS = types.uint64[::1]
_INTS = types.int64[::1]
_SIGNATURE = types.Tuple((types.int64[:, ::1], types.int8[::1]))(
    _WORDS,
    types.Tuple((_INTS, _INTS, _INTS)),
    types.int64[:, ::1],
    types.boolean[:, :, :, ::1],
    types.int64[:, ::1],
    types.uint64[:, :, ::1],
    types.int64[:, ::1],
    types.Tuple((types.int64, types.int64)),
)


_ROWS_SIGNATURE = types.Tuple((types.int64[:, ::1], types.int8[::1]))(
    _WORDS,
    types.Tuple((_INTS, _INTS, _INTS)),
    _INTS,
    types.uint64[:, :, ::1],
    types.uint64,
    types.int64,
)


@cache
def explain_kernel():
    """The search, compiled, with the arguments of ``_explain``."""
    return compiled_once("explain", _explain, _SIGNATURE, __name__, nogil=True)


@cache
def rows_kernel():
    """The search for rows of single hidden neurons, with the arguments of ``_list_rows``."""
    return compiled_once("rows", _list_rows, _ROWS_SIGNATURE, __name__, nogil=True)


def _explain(words, lists, codes, tables, entries, limits, tasks, most):
    """List the pairs of rows that explain an output, for each of many tasks.

    Given the first row, the output says which letter the second has in each sample. So the second
    is looked up among the rows that the output allows, in a sorted list.

    Args:
        words: (inputs,) uint64.
        lists: of candidates: offsets and inputs, int64, list c being
            inputs[offsets[c]:offsets[c + 1]], ascending; and how often a row may have each of these
            inputs, int64, with the same sign.
        codes: (output, samples) int64, the sum that each output has, -1 where it is missing.
        tables: (P, C, LETTERS, LETTERS) bool, the letters of each sum, for pairs of kinds.
        entries: (P, 2) int64, of the kinds of a pair.
        limits: (L, LETTERS, LETTERS) uint64, where a row with so many entries may have which
            letter, whatever the output says.
        tasks: (T, 7) int64: output, pair of kinds, list of the first and of the second row,
            whether rows may be exchanged, so that only one order is listed, and the limits of the
            first and of the second row.
        most: rows that are listed for a hidden neuron, and explanations for a task.

    Returns:
        (n, 1 + 2 ENTRIES) int64, the task and the signed inputs of both rows; and (T,) int8,
        whether a task is ``FULL``; then none of it is listed.
    """
    (offsets, inputs, often), (most_rows, most_found) = lists, most
    first = np.empty((most_rows, ENTRIES), np.int64)
    second = np.empty_like(first)
    found, total = np.empty((1024, 1 + 2 * ENTRIES), np.int64), 0
    full = np.zeros(len(tasks), np.int8)
    relation = np.empty((LETTERS, LETTERS), np.uint64)
    one, two = np.empty(LETTERS, np.uint64), np.empty(LETTERS, np.uint64)
    letters, wanted = np.empty(LETTERS, np.uint64), np.empty(LETTERS, np.uint64)
    for t in range(len(tasks)):
        output, pair, list_1, list_2, exchanged, limit_1, limit_2 = tasks[t]
        in_one, in_two = entries[pair]
        valid = _relation(codes[output], tables[pair], relation)
        one[:], two[:] = _NONE, _NONE
        for k in range(LETTERS):
            for j in range(LETTERS):
                relation[k, j] &= limits[limit_1, in_one, k] & limits[limit_2, in_two, j]
                one[k] |= relation[k, j]
                two[j] |= relation[k, j]
        some, more = offsets[list_1], offsets[list_1 + 1]
        n1 = _rows(words, inputs[some:more], often[some:more], in_one, one, valid, first)
        others, n2 = first, n1
        if not (list_1 == list_2 and in_one == in_two and (one == two).all()):
            others = second
            some, more = offsets[list_2], offsets[list_2 + 1]
            n2 = _rows(words, inputs[some:more], often[some:more], in_two, two, valid, others)
        if n1 < 0 or n2 < 0:
            full[t] = FULL
            continue
        if n1 == 0 or n2 == 0:
            continue
        hashes = np.empty(n2, np.uint64)
        for j in range(n2):
            _letters(words, others[j], letters)
            hashes[j] = _hash(letters, valid)
        order = np.argsort(hashes)
        hashes = hashes[order]
        start = total
        for i in range(n1):
            _letters(words, first[i], letters)
            for j in range(LETTERS):
                wanted[j] = _NONE
                for k in range(LETTERS):
                    wanted[j] |= letters[k] & relation[k, j]
            key = _hash(wanted, valid)
            for place in range(np.searchsorted(hashes, key), n2):
                if hashes[place] != key:
                    break
                j = order[place]
                if exchanged and not _before(first[i], others[j]):
                    continue
                _letters(words, others[j], letters)
                if _differ(letters, wanted, valid):
                    continue
                if total - start == most_found:
                    full[t] = FULL
                    break
                if total == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[total, 0] = t
                found[total, 1 : 1 + ENTRIES] = first[i]
                found[total, 1 + ENTRIES :] = others[j]
                total += 1
            if full[t]:
                total = start
                break
    return found[:total], full


def _list_rows(words, lists, which, allowed, valid, most):
    """List the rows that hidden neurons may have, each by itself.

    Args:
        words, lists: as for ``_explain``.
        which: (H,) int64, the list of candidates of each.
        allowed: (H, LETTERS, LETTERS) uint64, where a row with so many entries may have which
            letter.
        valid: uint64, the samples that there are.
        most: rows that are listed for a hidden neuron.

    Returns:
        (n, 1 + ENTRIES) int64, the hidden neuron and the signed inputs of its row; and (H,) int8,
        which of them are ``FULL``; then none of its rows is listed.
    """
    offsets, inputs, often = lists
    out = np.empty((most, ENTRIES), np.int64)
    found, total = np.empty((1024, 1 + ENTRIES), np.int64), 0
    full = np.zeros(len(which), np.int8)
    for h in range(len(which)):
        some, more = offsets[which[h]], offsets[which[h] + 1]
        start = total
        for entries in range(LETTERS):
            own = allowed[h, entries]
            n = _rows(words, inputs[some:more], often[some:more], entries, own, valid, out)
            if n < 0 or total - start + n > most:
                full[h], total = FULL, start
                break
            while total + n > len(found):
                found = np.concatenate((found, np.empty_like(found)))
            found[total : total + n, 0] = h
            found[total : total + n, 1:] = out[:n]
            total += n
    return found[:total], full


@njit
def _relation(codes, table, relation):
    """Where which pairs of letters are allowed; returns where the output was observed."""
    valid = _NONE
    relation[:] = _NONE
    for s in range(len(codes)):
        if codes[s] >= 0:
            bit = _ONE << np.uint64(s)
            valid |= bit
            for k in range(LETTERS):
                for j in range(LETTERS):
                    if table[codes[s], k, j]:
                        relation[k, j] |= bit
    return valid


@njit
def _word(words, signed):
    """Where a signed input is +1."""
    word = words[signed >> 1]
    return ~word if signed & 1 else word


@njit
def _extend(letters, word):
    """The letters of a row with one more term, in place of those without it."""
    for k in range(LETTERS - 1, 0, -1):
        letters[k] = (letters[k] & ~word) | (letters[k - 1] & word)
    letters[0] &= ~word


@njit
def _letters(words, row, out):
    """Where a row has which letter."""
    out[:] = _NONE
    out[0] = _ALL
    for signed in row:
        if signed >= 0:
            _extend(out, _word(words, signed))


@njit
def _rows(words, inputs, often, entries, allowed, valid, out):
    """List the rows with so many entries whose letters are allowed; returns how many, or -1.

    Only signed inputs come into question that are +1 wherever all terms are, and -1 wherever none
    is +1. Where no two neighbouring letters are allowed, all terms but the last say what the last
    is. These bits lead to the inputs that have them, among which the last is looked up.
    """
    out[0] = -1
    if entries == 0:
        return 0 if valid & ~allowed[0] else 1
    plus, minus, fixed = valid, valid, valid
    for k in range(entries):
        plus &= ~allowed[k]
        minus &= ~allowed[k + 1]
        fixed &= ~(allowed[k] & allowed[k + 1])
    if plus & minus:
        return 0
    signed, count = np.empty(2 * len(inputs), np.int64), 0
    room, own = np.empty_like(signed), np.empty(len(signed), np.uint64)
    for place in range(2 * len(inputs)):
        one = 2 * inputs[place >> 1] + (place & 1)
        word = _word(words, one)
        if not (word & minus) | (~word & plus):
            signed[count], room[count], own[count] = one, often[place >> 1], word
            count += 1
    order = np.argsort(own[:count] & fixed)
    own = own[order]
    # Inputs are sorted by their fixed bits. Those of one place form a linked list: its first is in
    # heads, and tails has the one after each, -1 behind the last.
    heads, tails = np.full(count + 1, -1, np.int64), np.empty(count, np.int64)
    for c in range(count - 1, -1, -1):
        place = _place(own[c] & fixed, heads)
        tails[c], heads[place] = heads[place], c
    choice = signed[order], room[order], own, heads, tails
    where = allowed, valid, fixed
    letters, row = np.empty(LETTERS, np.uint64), np.full(ENTRIES, -1, np.int64)
    if entries == 1:
        return _complete(words, choice, where, row, 0, letters, out, 0)
    total = 0
    for c in range(count):
        row[0] = signed[c]
        if entries == 2:
            total = _complete(words, choice, where, row, 1, letters, out, total)
        else:
            for d in range(c, count):
                if total >= 0 and _may_follow(signed[d], row, 1, room[d]):
                    row[1] = signed[d]
                    total = _complete(words, choice, where, row, 2, letters, out, total)
                    row[1] = -1
        if total < 0:
            break
    return total


@njit
def _complete(words, choice, where, row, filled, letters, out, total):
    """Add to the list all rows that have these terms, which are ``filled``, and one behind them.

    Returns how many there are now, or -1 if they are more than ``out`` takes.
    """
    (signed, room, own, heads, tails), (allowed, valid, fixed) = choice, where
    _letters(words, row, letters)
    plus, minus = _NONE, _NONE  # where the last term has to be so
    for k in range(filled + 1):
        plus |= letters[k] & ~allowed[k]
        minus |= letters[k] & ~allowed[k + 1]
    plus, minus = plus & valid, minus & valid
    if plus & minus:
        return total
    c = heads[_place(plus & fixed, heads)]
    while c >= 0:
        if not (own[c] & minus) | (~own[c] & plus) and _may_follow(signed[c], row, filled, room[c]):
            if total == len(out):
                return -1
            out[total] = row
            out[total, filled] = signed[c]
            total += 1
        c = tails[c]
    return total


@njit
def _place(bits, heads):
    """The place in ``heads`` for these bits: a hash. Others may share it: all bits are checked."""
    half = np.uint64(32)
    return np.int64(((bits * _MIX) >> half) * np.uint64(len(heads)) >> half)


@njit
def _may_follow(signed, row, filled, room):
    """Whether a row may have a signed input behind those with which it is ``filled``."""
    if filled == 0:
        return True
    last = row[filled - 1]
    if signed >> 1 == last >> 1:
        times = 1
        for k in range(filled):
            times += row[k] == signed
        return signed == last and times <= room
    return signed > last


@njit
def _hash(letters, valid):
    """A number that tells most rows apart."""
    number = _NONE
    for k in range(LETTERS):
        number = (number ^ (letters[k] & valid)) * _MIX
        number ^= number >> np.uint64(29)
    return number


@njit
def _differ(one, two, valid):
    """Whether two rows have different letters in an observed sample."""
    wrong = _NONE
    for k in range(LETTERS):
        wrong |= one[k] ^ two[k]
    return wrong & valid


@njit
def _before(one, two):
    """Whether a row does not come after another."""
    for k in range(ENTRIES):
        if one[k] != two[k]:
            return one[k] < two[k]
    return True
