"""Message updates: the kernels that every algorithm shares.

All messages and beliefs are kept as logarithms, so that nothing underflows: minus infinity means
impossible, and only that. Algorithms differ in two numbers (see ``algorithms.Rules``):

temperature T
    Sums over configurations are ``T log sum exp(. / T)`` (Eq. 3.5 with T = 1 / beta). T = 1 with
    hard factors is sum-product (Eqs. 2.7, A.6), T -> 0 is the maximum of max-product (Eq. 2.12)
    and of max-sum (Eq. 3.7).
probability
    True: messages are probabilities, stored as logarithms that sum to one; damping and the change
    of a message are meant for the probabilities. False: messages are log-likelihoods (Eq. 3.3)
    whose maximum is zero, damped as they are.

Arrays, all float64 unless said otherwise. Edge e = a * k_out + j joins factor a with the hidden
neuron in its slot j; E = output * k_out edges.

=====================  =================  ========================================================
u, h                   (E, k_in, Q)       factor-to-variable and variable-to-factor messages of
                                          the input weights
v, g                   (E, Q)             the same for the output weights, which are leaves
field, belief          (H, k_in, Q)       of input weights; (E, Q) of output weights
incoming, outgoing     (E, states)        messages per hidden neuron, between edges and factors
=====================  =================  ========================================================

Kernels fill their ``out`` argument; those that normalise return whether every message had a
possible value, and False is a contradiction.
"""

import numpy as np
from numba import njit

# A reinforced field saturates here, so that a growing field never turns into an impossibility.
LOWEST = -1e300
# Maxima kept side by side in a sweep over a table.
LANES = 8


@njit(cache=True)
def _exp(x):
    """exp(x) for x <= 0; the largest term of a sum, x = 0, is common and costs nothing."""
    return 1.0 if x == 0.0 else np.exp(x)


@njit(cache=True)
def _normalise(row, probability):
    """Shift a log-message: to sum one (probability) or to maximum zero. False if impossible."""
    largest = row.max()
    if largest == -np.inf:
        return False
    shift = largest
    if probability:
        total = 0.0
        for q in range(len(row)):
            total += _exp(row[q] - largest)
        shift += np.log(total)
    for q in range(len(row)):
        row[q] -= shift
    return True


@njit(cache=True)
def to_factors(u, field, readers, probability, out):
    """Variable-to-factor messages h of the input weights, Eqs. 2.6, 3.4, 3.9, 3.11.

    h_{i->a} = field_i + sum over b != a of u_{b->i}. The product over the other factors is formed
    as such, not by division, so that impossible values need no special case.

    Args:
        readers: (H, D) int64, the edges at which each hidden neuron is read.
    """
    possible = True
    hidden, degree = readers.shape
    for r in range(hidden):
        for d in range(degree):
            e = readers[r, d]
            for s in range(u.shape[1]):
                for q in range(u.shape[2]):
                    total = field[r, s, q]
                    for other in range(degree):
                        if other != d:
                            total += u[readers[r, other], s, q]
                    out[e, s, q] = total
                possible &= _normalise(out[e, s], probability)
    return possible


@njit(cache=True)
def beliefs(u, field, readers, out):
    """Log-beliefs of the input weights, Eqs. A.7, 3.6, 3.8, 3.10: field_i + sum of all u_{a->i}.

    The maximum of each is zero.
    """
    possible = True
    for r in range(readers.shape[0]):
        for s in range(u.shape[1]):
            for q in range(u.shape[2]):
                total = field[r, s, q]
                for d in range(readers.shape[1]):
                    total += u[readers[r, d], s, q]
                out[r, s, q] = total
            possible &= _normalise(out[r, s], False)
    return possible


@njit(cache=True)
def leaf_messages(total, probability, out):
    """Normalised copy of ``total``, (E, Q): messages and beliefs of the output weights."""
    possible = True
    for e in range(len(total)):
        out[e] = total[e]
        possible &= _normalise(out[e], probability)
    return possible


@njit(cache=True)
def gather(h, tuples, out):
    """Per hidden neuron: out[e, s] = sum over the input weights of h at state s, (E, S)."""
    for e in range(len(h)):
        for s in range(len(tuples)):
            total = 0.0
            for slot in range(tuples.shape[1]):
                total += h[e, slot, tuples[s, slot]]
            out[e, s] = total


@njit(cache=True)
def scatter(outgoing, h, tuples, temperature, probability, out):
    """Factor-to-variable messages u of the input weights, from those per hidden neuron.

    u[e, slot, q]: the sum over states s with weight q in this slot of outgoing[e, s] and the
    messages h of the neuron's other input weights (the rest of Eqs. 2.7, 2.12, 3.5, 3.7).
    """
    possible = True
    count, fan_in = tuples.shape
    terms = np.empty(count)
    total = np.empty(out.shape[2])
    for e in range(len(h)):
        for slot in range(fan_in):
            row = out[e, slot]
            row[:] = -np.inf
            for s in range(count):
                terms[s] = outgoing[e, s]
                for other in range(fan_in):
                    if other != slot:
                        terms[s] += h[e, other, tuples[s, other]]
                row[tuples[s, slot]] = max(row[tuples[s, slot]], terms[s])
            if temperature > 0:
                total[:] = 0.0
                for s in range(count):
                    largest = row[tuples[s, slot]]
                    if largest > -np.inf:
                        total[tuples[s, slot]] += _exp((terms[s] - largest) / temperature)
                for q in range(len(row)):
                    if row[q] > -np.inf:
                        row[q] += temperature * np.log(total[q])
            possible &= _normalise(row, probability)
    return possible


@njit(cache=True)
def join_outputs(incoming, g, class_output, class_tuple, zero, temperature, out):
    """Add the output weights: messages over input states (E, S) -> over classes (E, C).

    Args:
        class_output, class_tuple: see ``factors.HiddenStates``.
        zero: (Q,) bool, whether a weight is zero; its class sums over all input states.
    """
    for e in range(len(incoming)):
        for c in range(len(class_output)):
            q = class_output[c]
            if zero[q]:
                out[e, c] = g[e, q] + _log_sum(incoming[e], temperature)
            else:
                out[e, c] = g[e, q] + incoming[e, class_tuple[c]]


@njit(cache=True)
def split_inputs(outgoing, g, classes, temperature, out):
    """Sum out the output weight: messages over classes (E, C) -> over input states (E, S)."""
    terms = np.empty(len(classes))
    for e in range(len(outgoing)):
        for s in range(classes.shape[1]):
            for q in range(len(classes)):
                terms[q] = outgoing[e, classes[q, s]] + g[e, q]
            out[e, s] = _log_sum(terms, temperature)


@njit(cache=True)
def split_outputs(outgoing, incoming, classes, temperature, probability, out):
    """Factor-to-variable messages v of the output weights, Eq. 2.8, (E, Q)."""
    possible = True
    terms = np.empty(classes.shape[1])
    for e in range(len(outgoing)):
        for q in range(len(classes)):
            for s in range(classes.shape[1]):
                terms[s] = outgoing[e, classes[q, s]] + incoming[e, s]
            out[e, q] = _log_sum(terms, temperature)
        possible &= _normalise(out[e], probability)
    return possible


@njit(cache=True)
def _log_sum(terms, temperature):
    """T log sum exp(terms / T); the maximum at T = 0."""
    largest = terms.max()
    if temperature == 0.0 or largest == -np.inf:
        return largest
    total = 0.0
    for x in terms:
        total += _exp((x - largest) / temperature)
    return largest + temperature * np.log(total)


@njit(cache=True)
def contract_hard(offsets, configurations, log_weight, incoming, temperature, out):
    """Sum over the surviving configurations of each factor, per edge and state.

    out[e, c]: the sum over entries with state c on edge e of the entry's weight and the incoming
    messages of the factor's *other* edges (Eqs. 2.7, 2.8, 2.12).
    """
    fan_in = configurations.shape[1]
    out[:] = -np.inf
    longest = 0
    for a in range(len(offsets) - 1):
        longest = max(longest, offsets[a + 1] - offsets[a])
    terms = np.empty((longest, fan_in))
    total = np.empty((fan_in, out.shape[1]))
    for a in range(len(offsets) - 1):
        start, stop, first = offsets[a], offsets[a + 1], a * fan_in
        for entry in range(start, stop):
            for j in range(fan_in):
                x = log_weight[entry]
                for other in range(fan_in):
                    if other != j:
                        x += incoming[first + other, configurations[entry, other]]
                terms[entry - start, j] = x
                c = configurations[entry, j]
                out[first + j, c] = max(out[first + j, c], x)
        if temperature > 0:
            total[:] = 0.0
            for entry in range(start, stop):
                for j in range(fan_in):
                    c = configurations[entry, j]
                    largest = out[first + j, c]
                    if largest > -np.inf:
                        total[j, c] += _exp((terms[entry - start, j] - largest) / temperature)
            for j in range(fan_in):
                for c in range(out.shape[1]):
                    if total[j, c] > 1:
                        out[first + j, c] += temperature * np.log(total[j, c])


@njit(cache=True)
def contract_soft(table, incoming, fan_in, temperature, out):
    """Sum over all configurations of each factor, per edge and state (Eqs. 3.5, 3.7).

    The table of a factor has one axis per edge. One axis after the other is summed against its
    incoming message; on the way its own outgoing message is taken against those of the remaining
    edges. One sweep over the table, and ever smaller ones, instead of one per edge.
    """
    states = incoming.shape[1]
    rest = np.empty(table.shape[1])
    others = np.empty(max(table.shape[1] // states, 1))
    for a in range(len(table)):
        first = a * fan_in
        current = table[a]
        for j in range(fan_in):
            length = len(current) // states
            # others[k]: incoming messages of the edges after j, summed, at their configuration k.
            others[0] = 0.0
            filled = 1
            for later in range(j + 1, fan_in):
                for k in range(filled - 1, -1, -1):
                    base = others[k]
                    for c in range(states):
                        others[k * states + c] = base + incoming[first + later, c]
                filled *= states
            _sweep(current, incoming[first + j], others, length, temperature, rest, out[first + j])
            current = rest[:length]


@njit(cache=True)
def _sweep(current, message, others, length, temperature, rest, out):
    """Both sums over the first axis of a table current[c, k], c of the edge at hand:

    out[c] = sum over k of current[c, k] + others[k], the outgoing message, and
    rest[k] = sum over c of current[c, k] + message[c], the table without this edge.
    """
    best = np.empty(LANES)
    remaining = np.full(length, -np.inf)
    whole = length - length % LANES
    for c in range(len(message)):
        part = current[c * length : (c + 1) * length]
        here = message[c]
        best[:] = -np.inf
        # Maxima are kept in lanes: a single running maximum would not vectorise.
        for start in range(0, whole, LANES):
            for lane in range(LANES):
                x = part[start + lane]
                y = x + others[start + lane]
                best[lane] = y if y > best[lane] else best[lane]
                y = x + here
                old = remaining[start + lane]
                remaining[start + lane] = y if y > old else old
        for k in range(whole, length):
            best[0] = max(best[0], part[k] + others[k])
            remaining[k] = max(remaining[k], part[k] + here)
        out[c] = best.max()
    if temperature > 0:
        total = np.zeros(length)
        for c in range(len(message)):
            row = 0.0
            for k in range(length):
                x = current[c * length + k]
                if out[c] > -np.inf:
                    row += np.exp((x + others[k] - out[c]) / temperature)
                if remaining[k] > -np.inf:
                    total[k] += np.exp((x + message[c] - remaining[k]) / temperature)
            if row > 0:
                out[c] += temperature * np.log(row)
        for k in range(length):
            if total[k] > 0:
                remaining[k] += temperature * np.log(total[k])
    rest[:length] = remaining


@njit(cache=True)
def damp(old, new, alpha, probability):
    """Eq. 2.14: old <- alpha * old + (1 - alpha) * new. Returns the largest change of a message.

    Args:
        old, new: (rows, Q) normalised log-messages; ``new`` is used up.
        alpha: damping, 0 <= alpha < 1.
    """
    change = 0.0
    for row in range(old.shape[0]):
        for q in range(old.shape[1]):
            if alpha > 0 and old[row, q] != new[row, q]:
                if probability:
                    new[row, q] = np.logaddexp(
                        np.log(alpha) + old[row, q], np.log1p(-alpha) + new[row, q]
                    )
                else:
                    new[row, q] = alpha * old[row, q] + (1 - alpha) * new[row, q]
        if not probability:
            _normalise(new[row], False)
        for q in range(old.shape[1]):
            if probability:
                change = max(change, abs(np.exp(new[row, q]) - np.exp(old[row, q])))
            elif old[row, q] != new[row, q]:
                change = max(change, abs(new[row, q] - old[row, q]))
            old[row, q] = new[row, q]
    return change


@njit(cache=True)
def reinforce(prior, strength, belief, out):
    """The field of a reinforced step, Eqs. 3.8, 3.10: out = prior + strength * belief.

    Args:
        prior, belief, out: (rows, Q) logarithms.
        strength: r * t.
    """
    for row in range(prior.shape[0]):
        for q in range(prior.shape[1]):
            out[row, q] = prior[row, q]
            if strength > 0 and belief[row, q] < 0:
                if belief[row, q] == -np.inf:
                    out[row, q] = -np.inf
                else:
                    out[row, q] += max(strength * belief[row, q], LOWEST)
