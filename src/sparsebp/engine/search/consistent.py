"""Explanations of single outputs that go together: those of one network.

Each is ruled out only where no network has it. Which of them are ruled out is found fast, not
completely: what is left with one explanation has no other.
"""

import numpy as np

from sparsebp.engine.search.explanations import NOT_READ, Explanations

ROUNDING = 1e-6
"""Of sums of prices, which are fractions of small numbers."""


def fewest(found: Explanations, hidden: int) -> tuple[np.ndarray, int]:
    r"""Keep what a network with so many hidden neurons may have, where nothing is known of them.

    Hidden neurons that are read have different rows, or could be one. A row that is in all
    explanations of some output is *needed*. Any other row r has a price of 1, which is dealt out
    among the outputs that may take it. A network pays for its rows at least what its outputs pay:

    .. math::

       \text{hidden neurons} \ge |\text{needed}| + \sum_a \min_c \mathrm{cost}_a(c), \qquad
       \mathrm{cost}_a(c) = \sum_{r \in c,\, \text{not needed}} u_{ar}, \qquad \sum_a u_{ar} \le 1,

    with c the explanations of output a. An explanation whose cost exceeds the least of its output
    by more than what is left to ``hidden`` is in no such network. This holds for any prices. They
    are dealt out evenly; then again, evenly among those outputs where the row is in a cheapest
    explanation, if it is in any; and both again until nothing changes.

    Args:
        found: the explanations.
        hidden: how many hidden neurons there are at most.

    Returns:
        (n,) bool, which to keep; and the least number of hidden neurons that there have to be. If
        that is more than ``hidden``, all are kept.
    """
    keep, least_hidden, left = np.ones(len(found.output), bool), 0, found
    while True:
        output, owner, of_output, of_row, place = _places(left)
        counts, rows = left.counts, 2 * len(left.listed)
        needed = np.zeros(rows, bool)
        needed[of_row[np.bincount(place, minlength=len(of_row)) == counts[of_output]]] = True
        buyer = ~needed[of_row]
        drop = np.zeros(len(output), bool)
        for _ in range(2):
            price = buyer / np.maximum(np.bincount(of_row, buyer, rows), 1)[of_row]
            cost = np.bincount(owner, price[place], len(output))
            least = np.full(len(counts), np.inf)
            np.minimum.at(least, output, cost)
            bound = needed.sum() + least[counts > 0].sum()
            least_hidden = max(least_hidden, int(np.ceil(bound - ROUNDING)))
            if least_hidden > hidden:
                return np.ones(len(keep), bool), least_hidden
            more = cost - least[output]
            drop |= more > hidden - bound + ROUNDING
            cheapest = np.zeros(len(of_row), bool)
            cheapest[place[more[owner] < ROUNDING]] = True
            wanted = np.bincount(of_row, cheapest, rows) > 0
            buyer &= cheapest | ~wanted[of_row]
        if not drop.any():
            return keep, least_hidden
        keep[np.flatnonzero(keep)[drop]] = False
        left = found.only(keep)


def _places(found: Explanations) -> tuple[np.ndarray, ...]:
    """Which rows are in which explanations.

    Returns:
        (n,) the output of each explanation; for each row in one the number of the explanation; and
        for each pair of an output and a row the output and the row; and for each row in an
        explanation the number of its pair.
    """
    rows = found.rows.copy()
    # An output that reads a row twice reads two hidden neurons: the second is a row of its own.
    number = len(found.listed)
    rows[(rows[:, 0] == rows[:, 1]) & (rows[:, 1] != NOT_READ), 1] += number
    owner, slot = np.nonzero(rows != NOT_READ)
    key = found.output[owner] * 2 * number + rows[owner, slot]
    pairs, place = np.unique(key, return_inverse=True)
    return found.output, owner, *np.divmod(pairs, max(2 * number, 1)), place


def agreeing(
    found: Explanations, readers: np.ndarray, hidden: int
) -> tuple[np.ndarray, np.ndarray]:
    """Keep what all outputs that read a hidden neuron may say of it, where it is known who does.

    A hidden neuron of which its outputs say nothing in common is told, and rules out nothing.

    Args:
        found: the explanations.
        readers: (output, 2) int64, the hidden neurons that each output reads, or -1.
        hidden: how many hidden neurons there are.

    Returns:
        (n,) bool, which to keep; and (hidden,) bool, of which neurons outputs contradict.
    """
    keep, number = np.ones(len(found.output), bool), max(len(found.listed), 1)
    read = readers[found.counts > 0]
    wanted = np.bincount(read[read >= 0], minlength=hidden)
    torn = np.zeros(len(wanted), bool)
    while True:
        output, rows = found.output[keep], found.rows[keep]
        neuron = readers[output]
        there = neuron >= 0
        key = np.where(there, neuron * number + rows, 0)
        owner, slot = np.nonzero(there)
        said = np.unique(np.column_stack([output[owner], key[owner, slot]]), axis=0)[:, 1]
        keys, times = np.unique(said, return_counts=True)
        agreed = times == wanted[keys // number]
        has = np.zeros(len(wanted), bool)
        has[keys[agreed] // number] = True
        torn |= (wanted > 0) & ~has
        place = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
        fine = ~there | torn[neuron] | (agreed[place] if len(keys) else False)
        drop = ~fine.all(axis=1)
        if not drop.any():
            return keep, torn
        keep[np.flatnonzero(keep)[drop]] = False


def rows_of(neuron: np.ndarray, rows: np.ndarray, hidden: int) -> list[np.ndarray]:
    """The numbers of the rows that each hidden neuron has in explanations, int64.

    Args:
        neuron, rows: (n, slots) int64, the hidden neurons of explanations, or -1, and their rows.
        hidden: how many hidden neurons there are.
    """
    pairs = np.column_stack([neuron.ravel(), rows.ravel()])
    pairs = np.unique(pairs[pairs[:, 0] >= 0], axis=0)
    return np.split(pairs[:, 1], np.searchsorted(pairs[:, 0], np.arange(1, hidden)))
