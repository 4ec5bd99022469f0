"""Search for the rows of weights that explain one output, over whole lists of inputs.

Samples are bits of one word, 64 at most. An input has a word, with a bit set where it is +1, and a
signed input, the number 2 i + s with s = 1 for a weight of -1, has this word or its complement. A
row of weights is two signed inputs, the first below the second, or -1 in place of one that is
absent. It has a word for each letter (see ``search.symbols``): where its terms have that letter.
"""

from functools import cache

import numpy as np
from numba import njit, types

from sparsebp.engine.kernels.cache import compiled_once

WORD = 64
"""Samples in a word."""
FULL = 1
"""An output that has more rows, or more explanations, than are listed."""

_NONE, _ALL, _ONE = np.uint64(0), ~np.uint64(0), np.uint64(1)
_MIX = np.uint64(0x9E3779B97F4A7C15)

_WORDS = types.uint64[::1]
_INTS = types.int64[::1]
_SIGNATURE = types.Tuple((types.int64[:, ::1], types.int8[::1]))(
    _WORDS,
    types.Tuple((_INTS, _INTS, types.boolean[::1])),
    types.int64[:, ::1],
    types.boolean[:, :, :, ::1],
    types.int64[:, ::1],
    types.int64[:, ::1],
    types.Tuple((types.int64, types.int64)),
)


@cache
def explain_kernel():
    """The search, compiled, with the arguments of ``_explain``."""
    return compiled_once("explain", _explain, _SIGNATURE, __name__, nogil=True)


def _explain(words, lists, codes, tables, entries, tasks, most):
    """List the pairs of rows that explain an output, for each of many tasks.

    Given the first row, the output says which letter the second has in each sample. So the second
    is looked up among the rows that the output allows, in a sorted list.

    Args:
        words: (inputs,) uint64.
        lists: of candidates: offsets and inputs, int64, list c being
            inputs[offsets[c]:offsets[c + 1]]; and for each of these inputs, bool, whether a row may
            have it twice, with the same sign.
        codes: (output, samples) int64, the sum that each output has, -1 where it is missing.
        tables: (P, C, 3, 3) bool, the letters of each sum, for pairs of kinds.
        entries: (P, 2) int64, of the kinds of a pair.
        tasks: (T, 5) int64: output, pair of kinds, list of the first and of the second row, and
            whether rows may be exchanged, so that only one order is listed.
        most: rows that are listed for a hidden neuron, and explanations for a task.

    Returns:
        (n, 5) int64, the task and the signed inputs of both rows; and (T,) int8, whether a task is
        ``FULL``; then none of it is listed.
    """
    (offsets, inputs, twice), (most_rows, most_found) = lists, most
    first, second = np.empty((most_rows, 2), np.int64), np.empty((most_rows, 2), np.int64)
    found, total = np.empty((1024, 5), np.int64), 0
    full = np.zeros(len(tasks), np.int8)
    relation = np.empty((3, 3), np.uint64)
    one, two = np.empty(3, np.uint64), np.empty(3, np.uint64)
    letters, wanted = np.empty(3, np.uint64), np.empty(3, np.uint64)
    for t in range(len(tasks)):
        output, pair, list_1, list_2, exchanged = tasks[t]
        valid = _relation(codes[output], tables[pair], relation)
        for k in range(3):
            one[k], two[k] = _NONE, _NONE
            for j in range(3):
                one[k] |= relation[k, j]
                two[k] |= relation[j, k]
        some, more = offsets[list_1], offsets[list_1 + 1]
        n1 = _rows(words, inputs[some:more], twice[some:more], entries[pair, 0], one, valid, first)
        others, n2 = first, n1
        alike = list_1 == list_2 and entries[pair, 0] == entries[pair, 1]
        if not (alike and (one == two).all()):
            others = second
            some, more = offsets[list_2], offsets[list_2 + 1]
            n2 = _rows(
                words, inputs[some:more], twice[some:more], entries[pair, 1], two, valid, others
            )
        if n1 < 0 or n2 < 0:
            full[t] = FULL
            continue
        if n1 == 0 or n2 == 0:
            continue
        hashes = np.empty(n2, np.uint64)
        for j in range(n2):
            _letters(words, others[j, 0], others[j, 1], letters)
            hashes[j] = _hash(letters, valid)
        order = np.argsort(hashes)
        hashes = hashes[order]
        start = total
        for i in range(n1):
            _letters(words, first[i, 0], first[i, 1], letters)
            for j in range(3):
                wanted[j] = _NONE
                for k in range(3):
                    wanted[j] |= letters[k] & relation[k, j]
            key = _hash(wanted, valid)
            for place in range(np.searchsorted(hashes, key), n2):
                if hashes[place] != key:
                    break
                j = order[place]
                if exchanged and not _before(first[i], others[j]):
                    continue
                _letters(words, others[j, 0], others[j, 1], letters)
                if _differ(letters, wanted, valid):
                    continue
                if total - start == most_found:
                    full[t] = FULL
                    break
                if total == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[total, 0] = t
                found[total, 1:3] = first[i]
                found[total, 3:5] = others[j]
                total += 1
            if full[t]:
                total = start
                break
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
            for k in range(3):
                for j in range(3):
                    if table[codes[s], k, j]:
                        relation[k, j] |= bit
    return valid


@njit
def _word(words, signed):
    """Where a signed input is +1."""
    word = words[signed >> 1]
    return ~word if signed & 1 else word


@njit
def _letters(words, i, j, out):
    """Where a row has which letter."""
    out[0], out[1], out[2] = _ALL, _NONE, _NONE
    if i >= 0:
        a = _word(words, i)
        out[0], out[1] = ~a, a
        if j >= 0:
            b = _word(words, j)
            out[0], out[1], out[2] = ~(a | b), a ^ b, a & b


@njit
def _rows(words, inputs, twice, entries, allowed, valid, out):
    """List the rows with so many entries whose letters are allowed; returns how many, or -1.

    Only signed inputs that are +1 where both terms are, and -1 where both are, come into question.
    Of two in a row one says what the other is where the letter is known to be the middle one, or
    known not to be. By these bits they are sorted, and the other is looked up.
    """
    if entries == 0:
        out[0] = -1
        return 0 if valid & ~allowed[0] else 1
    last = allowed[entries]
    if entries == 1:
        plus, minus = valid & ~allowed[0], valid & ~last
    else:
        plus = valid & ~allowed[0] & ~allowed[1]
        minus = valid & ~allowed[1] & ~allowed[2]
    if valid & ~(allowed[0] | allowed[1] | allowed[2]) or plus & minus:
        return 0
    kept, count = np.empty(2 * len(inputs), np.int64), 0
    for place in range(2 * len(inputs)):
        word = _word(words, 2 * inputs[place >> 1] + (place & 1))
        if not (word & minus) | (~word & plus):
            kept[count] = place
            count += 1
    if entries == 1:
        if count > len(out):
            return -1
        for c in range(count):
            out[c, 0], out[c, 1] = 2 * inputs[kept[c] >> 1] + (kept[c] & 1), -1
        return count
    middle = valid & allowed[1] & ~allowed[0] & ~allowed[2]
    known = middle | (valid & ~allowed[1])
    keys = np.empty(count, np.uint64)
    for c in range(count):
        keys[c] = _word(words, 2 * inputs[kept[c] >> 1] + (kept[c] & 1)) & known
    order = np.argsort(keys)
    keys = keys[order]
    total = 0
    for c in range(count):
        i = 2 * inputs[kept[order[c]] >> 1] + (kept[order[c]] & 1)
        a = _word(words, i)
        key = keys[c] ^ middle
        for place in range(np.searchsorted(keys, key), count):
            if keys[place] != key:
                break
            j = 2 * inputs[kept[order[place]] >> 1] + (kept[order[place]] & 1)
            if j < i or (i >> 1 == j >> 1 and (j > i or not twice[kept[order[place]] >> 1])):
                continue
            b = _word(words, j)
            wrong = (~(a | b) & ~allowed[0]) | ((a ^ b) & ~allowed[1]) | (a & b & ~allowed[2])
            if wrong & valid:
                continue
            if total == len(out):
                return -1
            out[total, 0], out[total, 1] = i, j
            total += 1
    return total


@njit
def _hash(letters, valid):
    """A number that tells most rows apart."""
    number = ((letters[0] & valid) * _MIX) ^ (letters[2] & valid)
    number = (number ^ (number >> np.uint64(29))) * _MIX
    return number ^ (letters[1] & valid)


@njit
def _differ(one, two, valid):
    """Whether two rows have different letters in an observed sample."""
    return ((one[0] ^ two[0]) | (one[1] ^ two[1]) | (one[2] ^ two[2])) & valid


@njit
def _before(one, two):
    """Whether a row does not come after another."""
    return one[0] < two[0] or (one[0] == two[0] and one[1] <= two[1])
