"""Every sparse network that reproduces samples, by trying all rows of weights.

A network is told by its outputs alone, as hidden neurons have no names: each is the sorted list of
what it adds up, (weight, row), with a row as a sorted tuple of (input, weight). Two forms of the
same are told as one: hidden neurons that cancel are left out; where the activation is odd the first
weight of a row is +1; and where phi(0) = 0 rows without entries are left out.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations, product

import numpy as np

TOLERANCE = 1e-9

Row = tuple[tuple[int, int], ...]
Output = tuple[tuple[int, Row], ...]


def all_rows(inputs: int, at_most: int) -> list[Row]:
    """All rows with at most so many entries of -1 and 1."""
    return [
        tuple(zip(columns, signs, strict=True))
        for size in range(at_most + 1)
        for columns in combinations(range(inputs), size)
        for signs in product((-1, 1), repeat=size)
    ]


def hidden_value(row: Row, x: np.ndarray, phi: Callable) -> np.ndarray:
    """(samples,) what a hidden neuron answers."""
    return phi(sum((w * x[:, i].astype(float) for i, w in row), np.zeros(len(x))))


def canonical(parts, odd: bool, silent: bool) -> Output:
    """One form of an output, from its (weight, row)."""
    total: Counter = Counter()
    for weight, row in parts:
        row = tuple(sorted(row))
        if odd and row and row[0][1] < 0:
            weight, row = -weight, tuple((i, -w) for i, w in row)
        if row or not silent:
            total[row] += weight
    return tuple(sorted((int(np.sign(n)), row) for row, n in total.items() for _ in range(abs(n))))


def outputs_that_fit(
    x: np.ndarray, y: np.ndarray, phi: Callable, at_most: int, outer_at_most: int, wrong: int = 0
) -> set[Output]:
    """All that one output may be, from its values y (samples,); NaN where it is missing.

    So many of the values may be ``wrong``.
    """
    zero, one = phi(np.zeros(1))[0], np.arange(-at_most, at_most + 1.0)
    odd, silent = bool(np.allclose(phi(one), -phi(-one))), zero == 0
    parts = [
        (weight, row, weight * hidden_value(row, x, phi))
        for row in all_rows(x.shape[1], at_most)
        for weight in (-1, 1)
    ]
    parts.append((0, (), np.zeros(len(x))))
    seen, found = ~np.isnan(y), set()
    for weight, row, value in parts if outer_at_most == 2 else parts[-1:]:
        answers = phi(np.array([value + other for *_, other in parts]))
        missed = (np.abs(answers - y)[:, seen] >= TOLERANCE).sum(axis=1)
        for k in np.flatnonzero(missed <= wrong):
            chosen = [(weight, row), parts[k][:2]]
            found.add(canonical([part for part in chosen if part[0]], odd, silent))
    return found


def neurons(network: tuple[Output, ...]) -> int:
    """How many hidden neurons a network needs."""
    most: Counter = Counter()
    for output in network:
        most |= Counter(row for _, row in output)
    return most.total()


def networks(choices: list[set[Output]], hidden: int) -> Iterator[tuple[Output, ...]]:
    """All networks of at most so many hidden neurons, of what each output may be."""
    return (network for network in product(*choices) if neurons(network) <= hidden)


def named_networks(
    x: np.ndarray, y: np.ndarray, phi: Callable, at_most: int, readers: list[list[int]], hidden: int
) -> Iterator[tuple[tuple[Row, ...], tuple[tuple[int, ...], ...]]]:
    """All networks where it is known which hidden neurons each output reads: rows, and weights.

    Outputs y may be NaN, where they are missing.
    """
    rows = all_rows(x.shape[1], at_most)
    values = np.array([hidden_value(row, x, phi) for row in rows])
    fits = []  # for each output the weights, and whether it fits for each choice of rows
    for a, read in enumerate(readers):
        fits.append([])
        for weights in product((-1, 1), repeat=len(read)):
            total = np.zeros(len(x))
            for weight in weights:
                total = total[..., None, :] + weight * values
            fit = (np.abs(phi(total) - y[:, a]) < TOLERANCE) | np.isnan(y[:, a])
            fits[-1].append((weights, fit.all(axis=-1)))
    for chosen in product(range(len(rows)), repeat=hidden):
        fitting = []
        for read, choices in zip(readers, fits, strict=True):
            own = tuple(chosen[h] for h in read)
            fitting.append([weights for weights, fit in choices if fit[own]])
            if not fitting[-1]:
                break
        else:
            for signs in product(*fitting):
                yield tuple(rows[k] for k in chosen), signs
