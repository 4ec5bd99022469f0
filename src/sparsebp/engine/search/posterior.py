r"""The exact posterior of a network without noise, where it is known which outputs read what.

Before the data all rows with at most so many entries are as likely, and all signs of output
weights. So the posterior counts: a row r of hidden neuron h has the probability

.. math:: P(w_h = r) = Z_h(r) \,/\, \sum_{r'} Z_h(r'), \qquad
   Z_h(r) = \sum_{w :\, w_h = r} \; \prod_a \mathbf{1}[y_a = \varphi(w_a \cdot \varphi(W x))],

with Z the networks that reproduce all samples. The search has left few rows of each hidden neuron.
An output is a tensor over the rows of those that it reads, and the sum over all is contracted with
the library opt_einsum. All derivatives of its logarithm, which are the probabilities, follow from
one pass back along the same contractions. A hidden neuron of which one row is left cuts the network
in parts, which are summed one by one.
"""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import scipy  # its parts load when they are used: a search alone needs none
from opt_einsum import contract, contract_path

from sparsebp.engine.search.explanations import MOST_ROWS, fitting, preactivation
from sparsebp.engine.search.inputs import ABSENT, Candidates, Inputs
from sparsebp.engine.search.symbols import Alphabet
from sparsebp.network.model import Layer
from sparsebp.network.ranges import Range

MOST_NUMBERS = 1 << 26
"""Of a tensor. Where more are needed, probabilities are not known."""
STATES = np.array([-1, 0, 1])
"""Of a weight, in the order of its probabilities."""
TIE = 1e-9
"""Probabilities that differ by less are equal."""

UNREAD = "no output reads it, so that all rows are as likely as before"
NONE_FITS = "no network reproduces an output that depends on it"
OPEN = "more rows are left than are listed, of it or of others that it depends on"


class Left(NamedTuple):
    """What the search has left.

    Attributes:
        alphabet, inputs, lists, codes: of the search.
        readers: (output, slots) int64, the hidden neurons that each output reads, -1 behind the
            last.
        listed: (R, ENTRIES) int64, signed groups.
        rows: for each hidden neuron the numbers of the rows that are left, int64.
        open: (outputs,) bool, those that have more explanations than are listed.
    """

    alphabet: Alphabet
    inputs: Inputs
    lists: Candidates
    codes: np.ndarray
    readers: np.ndarray
    listed: np.ndarray
    rows: list[np.ndarray]
    open: np.ndarray


class Rows(NamedTuple):
    """Rows of a hidden neuron, the most likely first.

    Attributes:
        patterns: (n, at_most) int32, columns, ascending; -1 behind the last.
        weights: (n, at_most) int8, -1 and 1; 0 behind the last.
        probabilities: (n,) float64.
    """

    patterns: np.ndarray
    weights: np.ndarray
    probabilities: np.ndarray


class Posterior:
    """Probabilities of all weights. To iterate over it gives the layers of an estimate.

    Each weight of the estimate is the most likely by itself: of equal ones the first of 0, 1 and
    -1. No other estimate has fewer wrong weights in the mean. It need not reproduce the samples.

    Args:
        left: what the search has left.

    Attributes:
        patterns: (hidden, slots) and (output, slots) int32, the columns of weights that are not
            certain to be 0; -1 behind the last.
        marginals: (hidden, slots, 3) and (output, slots, 3) float64, the probabilities that a
            weight is -1, 0 or 1; NaN behind the last, and where they are not known.
        weights: (hidden, slots) and (output, slots) int8, the estimate; 0 where nothing is known.
        unknown: for each hidden neuron whose probabilities are not known, why.
    """

    def __init__(self, left: Left) -> None:
        self._left = left
        self._shares, signs, self.unknown = _solved(left)
        hidden, slots = len(left.rows), left.readers.shape
        marginals = [self._marginals(neuron) for neuron in range(hidden)]
        longest = max(len(columns) for columns, _ in marginals)
        inner = np.full((hidden, longest), ABSENT, np.int32)
        chances = np.full((hidden, longest, 3), np.nan)
        for neuron, (columns, chance) in enumerate(marginals):
            inner[neuron, : len(columns)] = columns
            chances[neuron, : len(columns)] = chance
        outer = np.zeros((*slots, 3))
        outer[..., 0], outer[..., 2] = 1 - signs, signs
        outer[np.isnan(signs)] = np.nan
        self.patterns = [inner, left.readers.astype(np.int32)]
        self.marginals = [chances, outer]
        self.weights = [_estimate(part) for part in self.marginals]

    def __iter__(self) -> Iterator[Layer]:
        return map(Layer, self.patterns, self.weights)

    def __repr__(self) -> str:
        hidden = len(self.patterns[0])
        return f"Posterior({hidden - len(self.unknown)} of {hidden} hidden neurons have it)"

    def rows(self, neuron: int) -> Rows:
        """All rows that a hidden neuron may have.

        With an odd activation each has its opposite beside it, as likely.

        Raises:
            ValueError: they are not known, and the message says why; or there is no such neuron.
        """
        Range(0, len(self._shares) - 1, whole=True).check("neuron", neuron)
        if neuron in self.unknown:
            raise ValueError(f"hidden neuron {neuron}: {self.unknown[neuron]}")
        left, found, chances = self._left, [], []
        which = int(left.lists.of(np.array(neuron)))
        shares = self._shares[neuron]
        for row, share in zip(left.rows[neuron][shares > 0], shares[shares > 0], strict=True):
            every = left.lists.every(which, left.listed[row])
            if left.alphabet.odd and every[0]:
                every += [tuple(signed ^ 1 for signed in one) for one in every]
            found += every
            chances += [share / len(every)] * len(every)
        signed = np.full((len(found), left.alphabet.at_most), ABSENT)
        for place, one in zip(signed, found, strict=True):
            place[: len(one)] = one
        order = np.argsort(-np.array(chances), kind="stable")
        signed = signed[order]
        weights = np.where(signed == ABSENT, 0, 1 - 2 * (signed & 1))
        return Rows(
            np.where(signed == ABSENT, ABSENT, signed >> 1).astype(np.int32),
            weights.astype(np.int8),
            np.array(chances)[order],
        )

    def _marginals(self, neuron):
        """Columns that rows of a hidden neuron have, and (columns, 3) probabilities."""
        if neuron in self.unknown:
            return np.zeros(0, int), np.zeros((0, 3))
        patterns, weights, chances = self.rows(neuron)
        row, slot = np.nonzero(weights)
        columns, place = np.unique(patterns[row, slot], return_inverse=True)
        found = np.zeros((len(columns), 3))
        np.add.at(found, (place, 1 + weights[row, slot]), chances[row])
        found[:, 1] = 1 - found.sum(axis=1)
        return columns, found


def _estimate(marginals: np.ndarray) -> np.ndarray:
    """The most likely values, of equal ones the first of 0, 1, -1; 0 where nothing is known."""
    order = np.array([1, 2, 0])
    chances = marginals[..., order]
    best = chances >= chances.max(axis=-1, keepdims=True) - TIE
    return STATES[order[best.argmax(axis=-1)]].astype(np.int8)


def _solved(left: Left) -> tuple[list[np.ndarray], np.ndarray, dict[int, str]]:
    """Probabilities of the rows that are left.

    Returns:
        For each hidden neuron the probabilities of its rows; (output, slots) float64, those that
        an output weight is 1, NaN where not known; and why others are not known.
    """
    lists, odd = left.lists, left.alphabet.odd
    count = np.array([len(rows) for rows in left.rows])
    ways = []
    for neuron, rows in enumerate(left.rows):
        signed = left.listed[rows]
        one = lists.alike(lists.of(np.full(len(rows), neuron)), signed).astype(float)
        ways.append(one * np.where(odd & (signed[:, 0] != ABSENT), 2, 1))
    values = left.alphabet.phi(preactivation(left.inputs, left.listed))
    shares = [one / max(one.sum(), 1) for one in ways]
    signs = np.full(left.readers.shape, np.nan)
    read = np.isin(np.arange(len(count)), left.readers)
    unknown = {int(neuron): UNREAD for neuron in np.flatnonzero(~read)}
    for outputs in _parts(left.readers, count != 1):
        own = np.unique(left.readers[outputs])
        own = own[own >= 0]
        if count[own].all():
            why = _solve_part(left, outputs, ways, values, (shares, signs))
        else:
            why = OPEN if left.open[outputs].any() else NONE_FITS
        if why:
            inside = own if why == NONE_FITS else own[count[own] != 1]
            unknown |= {int(neuron): why for neuron in inside}
    for neuron, one in enumerate(ways):
        if one.sum() > MOST_ROWS:
            unknown[neuron] = OPEN
    if odd:
        signs[~np.isnan(signs)] = 0.5
    return shares, signs, unknown


def _parts(readers: np.ndarray, joins: np.ndarray) -> list[np.ndarray]:
    """Outputs that depend on each other: they share hidden neurons that ``joins``, (hidden,) bool,
    says of which more than one row is left."""
    outputs = len(readers)
    output, slot = np.nonzero((readers >= 0) & joins[readers])
    size = outputs + len(joins)
    edges = np.ones(len(output)), (output, outputs + readers[output, slot])
    graph = scipy.sparse.coo_array(edges, shape=(size, size))
    _, part = scipy.sparse.csgraph.connected_components(graph, directed=False)
    order = np.argsort(part[:outputs], kind="stable")
    return np.split(order, np.flatnonzero(np.diff(part[order])) + 1)


def _solve_part(left, outputs, ways, values, found) -> str:
    """Fill in the probabilities of a part of the network; returns why not, or nothing."""
    shares, signs = found
    tensors, indices, own = [], [], {}
    for output in outputs:
        read = left.readers[output][left.readers[output] >= 0]
        rows = [left.rows[neuron] for neuron in read]
        if 2.0 ** len(read) * np.prod([len(row) for row in rows]) > MOST_NUMBERS:
            return OPEN
        table = fitting(left.alphabet, left.codes[:, output], [values[row] for row in rows])
        own[output] = table
        many = [neuron for neuron, row in zip(read, rows, strict=True) if len(row) != 1]
        total = table.sum(axis=tuple(range(len(read))), dtype=float)
        tensors.append(total.reshape([n for n in total.shape if n != 1]))
        indices.append(many)
    neurons = sorted(set(chain(*indices)))
    every = [*tensors, *(ways[neuron] for neuron in neurons)]
    slopes = _slopes(every, [*indices, *([neuron] for neuron in neurons)])
    if isinstance(slopes, str):
        return slopes
    for neuron, slope in zip(neurons, slopes[len(outputs) :], strict=True):
        share = ways[neuron] * slope
        shares[neuron] = share / share.sum()
    for output, slope in zip(outputs, slopes, strict=False):
        table, n = own[output], own[output].ndim // 2
        ones = table * slope.reshape(table.shape[n:])
        for slot in range(n):
            sums = np.moveaxis(ones, slot, 0).reshape(2, -1).sum(axis=1)
            signs[output, slot] = sums[1] / sums.sum()
    return ""


def _slopes(tensors: list[np.ndarray], indices: list[list[int]]) -> list[np.ndarray] | str:
    """The derivative of the total of a tensor network by each number, up to a factor for each
    tensor; or why there is none.

    Args:
        tensors: float64, not negative.
        indices: of each tensor. Each index is in more than one of them.
    """
    given = list(chain(*zip(tensors, indices, strict=True)))
    path, about = contract_path(*given, [], optimize="greedy")
    if about.largest_intermediate > MOST_NUMBERS:
        return OPEN
    nodes, live, steps = list(zip(tensors, indices, strict=True)), [*range(len(tensors))], []
    for places in path:
        chosen = [live.pop(place) for place in sorted(places, reverse=True)]
        # Indices that go on are those that others have.
        others = set(chain(*(nodes[k][1] for k in live)))
        kept = sorted(set(chain(*(nodes[k][1] for k in chosen))) & others)
        made = contract(*chain(*(nodes[k] for k in chosen)), kept)
        largest = made.max()
        if largest == 0:
            return NONE_FITS
        steps.append((len(nodes), chosen))
        live.append(len(nodes))
        nodes.append((made / largest, kept))
    slopes = {len(nodes) - 1: np.ones(())}
    for node, chosen in reversed(steps):
        for k in chosen:
            beside = chain(*(nodes[j] for j in chosen if j != k))
            slope = contract(slopes[node], nodes[node][1], *beside, nodes[k][1])
            slopes[k] = slope / slope.max()
    return [slopes[k] for k in range(len(tensors))]
