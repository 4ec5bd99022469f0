"""The plain way: for every factor, every configuration and every weight, in one Numba loop.

No more is made of the problem than that a factor is a table with one entry for each combination of
its weights' values. Messages of sum-product are probabilities, those of max-sum log-likelihoods.

A factor has W weights of Q values each, so Q^W configurations.

================  ==================  =============================================================
configurations    (Q^W, W) uint8      the value of each weight, as an index of the alphabet
table             (F, Q^W) float64    the factors: probabilities, or minus energies
weights           (F, W) int64        number of the weight in each slot of a factor
places            (weights, D) int64  slots where a weight occurs, as factor * W + slot; -1 if fewer
u, h              (F, W, Q) float64   messages from and to the factors
field, belief     (weights, Q)        as messages
================  ==================  =============================================================
"""

import numpy as np
from numba import njit


@njit
def sum_product(table, configurations, h, u):
    """Factor-to-variable messages of sum-product (Eqs. 2.7, 2.8)."""
    factors, width, _ = u.shape
    before = np.empty(width)
    for a in range(factors):
        u[a] = 0.0
        for c in range(len(configurations)):
            product = table[a, c]
            for w in range(width):
                before[w] = product
                product *= h[a, w, configurations[c, w]]
            product = 1.0
            for w in range(width - 1, -1, -1):
                u[a, w, configurations[c, w]] += before[w] * product
                product *= h[a, w, configurations[c, w]]
        for w in range(width):
            u[a, w] /= u[a, w].sum()


@njit
def max_sum(table, configurations, h, u):
    """Factor-to-variable messages of max-sum (Eq. 3.7)."""
    factors, width, _ = u.shape
    for a in range(factors):
        u[a] = -np.inf
        for c in range(len(configurations)):
            total = table[a, c]
            for w in range(width):
                total += h[a, w, configurations[c, w]]
            for w in range(width):
                q = configurations[c, w]
                u[a, w, q] = max(u[a, w, q], total - h[a, w, q])
        for w in range(width):
            u[a, w] -= u[a, w].max()


@njit
def multiply(field, u, places, h, belief):
    """Variable-to-factor messages and beliefs of sum-product (Eqs. 2.6, A.7)."""
    width = u.shape[1]
    for i in range(len(places)):
        belief[i] = field[i]
        for here in places[i]:
            if here >= 0:
                a, w = divmod(here, width)
                belief[i] *= u[a, w]
                h[a, w] = field[i]
                for other in places[i]:
                    if other >= 0 and other != here:
                        h[a, w] *= u[other // width, other % width]
                h[a, w] /= h[a, w].sum()
        belief[i] /= belief[i].sum()


@njit
def add(field, u, places, h, belief):
    """Variable-to-factor messages and beliefs of max-sum (Eqs. 3.4, 3.6, 3.10, 3.11)."""
    width = u.shape[1]
    for i in range(len(places)):
        belief[i] = field[i]
        for here in places[i]:
            if here >= 0:
                a, w = divmod(here, width)
                belief[i] += u[a, w]
                h[a, w] = field[i]
                for other in places[i]:
                    if other >= 0 and other != here:
                        h[a, w] += u[other // width, other % width]
                h[a, w] -= h[a, w].max()
        belief[i] -= belief[i].max()


class Plain:
    """Sum-product, max-sum or reinforced max-sum on tables, from uniform messages.

    Args:
        table, configurations, weights: see above; ``table`` as logarithms.
        maximise: max-sum instead of sum-product.
        reinforcement: r of Eq. 3.10; 0 for none. For max-sum only.
    """

    def __init__(self, table, configurations, weights, maximise, reinforcement):
        self.table = table if maximise else np.exp(table)
        self.configurations, self.maximise = configurations, maximise
        self.reinforcement = reinforcement
        self.places = occurrences(weights)
        states = int(configurations.max()) + 1
        uniform = 0.0 if maximise else 1 / states
        self.u = np.full((*weights.shape, states), uniform)
        self.h = np.empty_like(self.u)
        self.belief = np.full((len(self.places), states), uniform)
        self.field = np.full_like(self.belief, 0.0 if maximise else 1.0)
        self.steps = 0

    def run(self, steps: int) -> None:
        """Update all messages ``steps`` times."""
        for _ in range(steps):
            self.update_to_factors()
            if self.maximise:
                max_sum(self.table, self.configurations, self.h, self.u)
            else:
                sum_product(self.table, self.configurations, self.h, self.u)
            self.steps += 1

    def update_to_factors(self) -> None:
        """Update variable-to-factor messages and beliefs."""
        if self.reinforcement:
            self.field[:] = self.reinforcement * self.steps * self.belief
        (add if self.maximise else multiply)(self.field, self.u, self.places, self.h, self.belief)


def occurrences(weights: np.ndarray) -> np.ndarray:
    """The slots in which each weight occurs: ``places`` above."""
    flat = weights.ravel()
    order = np.argsort(flat, kind="stable")
    counts = np.bincount(flat)
    places = np.full((len(counts), counts.max()), -1)
    rank = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    places[flat[order], rank] = order
    return places
