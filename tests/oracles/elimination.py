"""Exact posterior of a tree by eliminating its variables from the leaves to a root.

Plain dictionaries, one entry for each assignment of the variables in a table: multiply the tables
that a variable is in, sum it out, and go on with the next. No messages in two
directions, and nothing of the engine: for each marginal everything is eliminated anew. Tables hold
logarithms. In a tree a variable to eliminate can always be found whose product of tables is small.
"""

import math
from itertools import product


def tables(input_topology, output_topology, alphabet, x, y, phi, beta=None):
    """A table for each output, ``(variables, {states: log value})``.

    Variables are ("in", hidden, slot) and ("out", output, slot), states indices of the alphabet.
    Hard factors (Eq. 2.5) where ``beta`` is None, else soft ones (Eqs. 3.1-3.2).
    """
    found = []
    for a, hidden in enumerate(output_topology.tolist()):
        variables = [("out", a, j) for j in range(len(hidden))]
        variables += [("in", r, s) for r in hidden for s in range(input_topology.shape[1])]
        table = {}
        for states in product(range(len(alphabet)), repeat=len(variables)):
            weight = {v: alphabet[q] for v, q in zip(variables, states, strict=True)}
            energy, exact = 0.0, True
            for sample, target in zip(x, y[:, a], strict=True):
                total = 0.0
                for j, r in enumerate(hidden):
                    inputs = enumerate(input_topology[r])
                    field = sum(weight["in", r, s] * float(sample[i]) for s, i in inputs)
                    total += weight["out", a, j] * float(phi(field))
                residual = float(phi(total)) - target
                energy, exact = energy + residual**2, exact and abs(residual) <= 1e-9
            if beta is not None:
                table[states] = -beta * energy
            elif exact:
                table[states] = 0.0
        found.append((tuple(variables), table))
    return found


def fields(input_fields, output_fields):
    """A table for the log-field of each weight; of shapes (H, k_in, Q) and (O, k_out, Q)."""
    return [
        (((layer, row, slot),), {(q,): float(value) for q, value in enumerate(weight)})
        for layer, part in (("in", input_fields), ("out", output_fields))
        for row, weights in enumerate(part)
        for slot, weight in enumerate(weights)
    ]


def elimination_order(factors):
    """All variables, each with the fewest neighbours when its turn comes: in a tree a leaf."""
    near = {}
    for scope, _ in factors:
        for v in scope:
            near.setdefault(v, set()).update(scope)
    order = []
    while near:
        gone = min(near, key=lambda v: (len(near[v]), v))
        neighbours = near.pop(gone) - {gone}
        for v in neighbours:
            near[v] = (near[v] | neighbours) - {gone}
        order.append(gone)
    return order


def total(factors, order):
    """Logarithm of the sum of the product of all tables over all variables."""
    factors, constant = list(factors), 0.0
    for gone in order:
        touched = [f for f in factors if gone in f[0]]
        factors = [f for f in factors if gone not in f[0]]
        # From the smallest on, so that what is impossible is gone early.
        (scope, table), *others = sorted(touched, key=lambda f: len(f[0]))
        for other in others:
            scope, table = _multiplied((scope, table), other)
        at = scope.index(gone)
        rest, parts = scope[:at] + scope[at + 1 :], {}
        for states, value in table.items():
            parts.setdefault(states[:at] + states[at + 1 :], []).append(value)
        summed = {states: _added(values) for states, values in parts.items()}
        if rest:
            factors.append((rest, summed))
        else:
            constant += summed.get((), -math.inf)
    return constant


def clamped(factors, variable, state):
    """The tables with one more, which holds a variable in a state."""
    return [*factors, ((variable,), {(state,): 0.0})]


def _multiplied(one, other):
    (scope, table), (more, beside) = one, other
    added = tuple(v for v in more if v not in scope)
    shared = [v for v in more if v in scope]
    by_shared = {}
    for states, value in beside.items():
        told = dict(zip(more, states, strict=True))
        key = tuple(told[v] for v in shared)
        by_shared.setdefault(key, []).append((tuple(told[v] for v in added), value))
    places = [scope.index(v) for v in shared]
    found = {}
    for states, value in table.items():
        for rest, factor in by_shared.get(tuple(states[p] for p in places), []):
            found[states + rest] = value + factor
    return scope + added, found


def _added(values):
    largest = max(values)
    return largest + math.log(math.fsum(math.exp(v - largest) for v in values))
