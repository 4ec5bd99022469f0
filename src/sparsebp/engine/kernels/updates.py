"""Message updates: one step of any algorithm, as a kernel compiled for its algebra and its shape.

In a step all variables send their messages to the factors, then all factors send theirs back.
Arrays are flat, of float64. A *block* is ``WIDTH`` factors side by side: their numbers are
neighbours in memory, one a lane (see ``lanes``).

===============  =============================  ===================================================
u, h             (blocks, k_out, k_in, Q,       factor-to-variable and variable-to-factor messages
                 WIDTH)                         of the input weights
v, g             (blocks, k_out, Q, WIDTH)      the same of the output weights, which are leaves
prior, belief    (hidden, k_in, Q), and as v    fields given and beliefs: input weights, leaves
table            (blocks, states^k_out, WIDTH)  what a factor says of each configuration of its
                                                edges, the last edge running fastest
===============  =============================  ===================================================

The messages of one hidden neuron's input weights multiply into one vector over its S = Q^k_in joint
states; a factor is a tensor with one axis for each hidden neuron, and is contracted once for all
its messages. What comes out for a hidden neuron is again a tensor, with one axis for each input
weight, and is contracted in the same way.
"""

from functools import cache

import numpy as np
from numba import njit, types

from sparsebp.engine.kernels.algebras import (
    damped,
    distance,
    kept,
    least_belief,
    least_total,
    mass,
    one,
    over,
    plus,
    power,
    sums_to_one,
    times,
    zero,
)
from sparsebp.engine.kernels.cache import compiled_once
from sparsebp.engine.kernels.lanes import (
    WIDTH,
    fill,
    larger,
    load,
    numbered,
    pick,
    read,
    smaller,
    store,
    where_below,
    write,
)
from sparsebp.engine.kernels.tensors import contract, contract_list, prefix_products, size_of, sweep

_NUMBERS, _FLOATS = types.int64[::1], types.float64[::1]
_RANGE = types.UniTuple(types.int64, 2)
_LISTS = types.int64[:, ::1], types.uint16[::1]
_FACTORS = types.int64, _FLOATS, *_LISTS, types.int64, _NUMBERS, types.int64
_SIGNATURE = types.Tuple((types.int64, types.float64, types.boolean))(
    types.int64,  # steps
    types.int64,  # first
    _RANGE,  # hidden
    _RANGE,  # blocks
    types.Tuple((types.float64, types.boolean, *(types.float64,) * 4)),  # rules
    _NUMBERS,  # positions
    types.UniTuple(_FLOATS, 3),  # prior
    types.Tuple((_FLOATS, _FLOATS, types.boolean)),  # leaves
    types.UniTuple(_FLOATS, 5),  # messages
    types.Tuple(_FACTORS),
)


@cache
def step_kernel(algebra: int, k_in: int, k_out: int, q: int, degree: int):
    """The steps, compiled for an algebra and a shape: the loops have constant bounds.

    Args:
        algebra: see ``algebras``.
        k_in, k_out: input weights of a hidden neuron, hidden neurons that a factor reads.
        q: states of a weight.
        degree: factors that read a hidden neuron.

    Returns:
        run(steps, first, ...) with the arguments of ``_run`` after degree.
    """

    def run(steps, first, hidden, blocks, rules, positions, prior, leaves, messages, factors):
        # Constants of this function, and so of all that it calls: each is compiled for them.
        return _run(
            algebra, k_in, k_out, q, degree,
            steps, first, hidden, blocks, rules, positions, prior, leaves, messages, factors,
        )  # fmt: skip

    name = f"steps-{algebra}-{k_in}-{k_out}-{q}-{degree}"
    options = {"nogil": True, "error_model": "numpy"}
    return compiled_once(name, run, _SIGNATURE, __name__, **options)


@njit(inline="always")
def _run(
    algebra, k_in, k_out, q, degree, steps, first, hidden, blocks, rules, positions, prior, leaves,
    messages, factors,
):  # fmt: skip
    """Up to ``steps`` steps, the first of which has number ``first``.

    Args:
        hidden, blocks: (start, stop), those to update.
        rules: temperature, probability, reinforcement, damping of u, damping of h, tolerance.
        positions: (hidden * degree,) int64, where in u the messages begin that each neuron gets.
        prior: given, belief and field of the input weights; the field is what is given unless
            there is reinforcement.
        leaves: (given, belief, moving) of the output weights. Their messages take part in the
            steps if they are moving, that is with reinforcement; so far do beliefs.
        messages: u, v, g, h, and the last h before damping (the same array where there is none).
        factors: number of factors; table, maybe empty, else (factors, 2) where the lists of
            configurations start and stop, (entries * k_out,) uint16 configurations; number of
            classes, 0 if the table is over input states; first class of each output weight; the
            output weight that is zero, or -1.

    Returns:
        steps done, largest change of a message in the last, see ``_settle``, whether nothing was
        doubtful.
    """
    temperature, probability, reinforcement, damping_u, damping_h, tolerance = rules
    s, a = size_of(q, k_in), (size_of(q, k_in + 1) - 1) // (q - 1)
    done, change, certain = 0, 0.0, True
    scratch = np.empty(WIDTH * _room(k_in, k_out, q, s, a, factors))
    while done < steps and certain:
        strength = reinforcement * (first + done)
        if leaves[2]:
            _reinforce(algebra, k_in, q, degree, strength, hidden, positions, prior, messages[0])
        certain = _update_variables(
            algebra, k_in, q, degree, hidden, positions, prior[2], messages[0], messages[4]
        )
        if blocks[1] > blocks[0]:
            change, total = _update_factors(
                algebra, k_in, k_out, q, s, a, temperature, probability, strength,
                damping_u, damping_h, first + done, blocks, leaves, messages, factors, scratch,
            )  # fmt: skip
            certain &= total > least_total(algebra)
        done += 1
        if change < tolerance:
            break
    return done, change, certain


@njit(forceinline=True)
def _reinforce(algebra, k_in, q, degree, strength, hidden, positions, prior, u):
    """Fields and beliefs of reinforced input weights, Eqs. 3.8, 3.10.

    The field is the prior times the last belief to the power r t; belief_i is the field times all
    u_{a->i}, its largest value one.
    """
    given, belief, fields = prior
    for weight in range(hidden[0] * k_in, hidden[1] * k_in):
        r, slot = divmod(weight, k_in)
        largest = zero(algebra)
        for state in range(q):
            i = weight * q + state
            x = times(algebra, given[i], power(algebra, belief[i], strength))
            fields[i] = x
            for d in range(degree):
                x = times(algebra, x, u[positions[r * degree + d] + (slot * q + state) * WIDTH])
            belief[i] = x
            largest = larger(x, largest)
        for i in range(weight * q, (weight + 1) * q):
            belief[i] = over(algebra, belief[i], largest)


@njit(forceinline=True)
def _update_variables(algebra, k_in, q, degree, hidden, positions, fields, u, h):
    """Variable-to-factor messages of the input weights, Eqs. 2.6, 3.4, 3.9, 3.11, A.5.

    h_{i->a} = field_i times all u_{b->i} of the other factors b. The product over the others is
    formed as such, not by division, so that impossible values need no special case.

    Returns:
        Whether every weight has a value that is possible without doubt. (The product of its field
        and all u is its belief.)
    """
    least = np.inf
    for r in range(hidden[0], hidden[1]):
        for slot in range(k_in):
            largest = zero(algebra)
            for state in range(q):
                i = (slot * q + state) * WIDTH
                field = read(fields, (r * k_in + slot) * q + state)
                belief = field
                for d in range(degree):
                    belief = times(algebra, belief, read(u, read(positions, r * degree + d) + i))
                    x = field
                    for other in range(degree):
                        if other != d:
                            at = read(positions, r * degree + other) + i
                            x = times(algebra, x, read(u, at))
                    write(h, read(positions, r * degree + d) + i, x)
                largest = larger(belief, largest)
            least = smaller(largest, least)
    return least > least_belief(algebra)


@njit(forceinline=True)
def _room(k_in, k_out, q, s, a, factors):
    """Numbers of a lane that ``_update_factors`` needs at once."""
    table, classes = factors[1], factors[4]
    room = k_out * (a + s + 1) + (k_in + 1) * q + s
    n = s
    if classes > 0:
        n = classes
        room += 2 * k_out * classes
    if len(table) > 0:
        room += 2 * size_of(n, k_out - 1) + size_of(n, k_out) // (n - 1)
    return room


@njit(inline="always")
def _update_factors(
    algebra, k_in, k_out, q, s, a, temperature, probability, strength, damping_u, damping_h, t,
    blocks, leaves, messages, factors, scratch,
):  # fmt: skip
    """Factor-to-variable messages of all weights, Eqs. 2.7-2.8, 2.12, 3.5, 3.7, A.6, damped.

    The sum of Eq. 2.7 has three parts. Output weights are summed out in ``_split_inputs``, or
    before all steps in ``factors.sum_out_outputs``; the other hidden neurons in ``contract``; the
    other input weights of the same neuron in ``sweep``. That of Eq. 2.8 ends in
    ``_split_outputs``. Maxima take the place of sums in Eqs. 2.12, 3.7.

    Returns:
        Largest change of a message before damping, and the least total of one. Lanes beyond the
        last factor do not count.
    """
    u, v, g, h, raw = messages
    given, belief, moving = leaves
    fading = damping_h if t > 0 else 0.0  # the first h have nothing to be damped against
    count, table, bounds, configurations, classes, first_class, blank = factors
    # Places in the scratch memory. All that do not depend on the number of classes are constant.
    inner, outgoing = 0, k_out * a  # prefix products, of which the last is incoming; outgoing
    whole = outgoing + k_out * s  # sum of all incoming
    fresh, leaf = whole + k_out, whole + k_out + k_in * q
    small, rest = leaf + q, leaf + q + s
    largest, smallest, lanes = fill(0.0), fill(np.inf), numbered()
    for b in range(blocks[0], blocks[1]):
        change, least = fill(0.0), fill(np.inf)
        for j in range(k_out):
            edge = (b * k_out + j) * k_in * q
            if damping_h > 0.0:
                for slot in range(k_in):
                    moved, _ = _settle(
                        algebra, q, probability, fading,
                        raw, edge + slot * q, h, edge + slot * q,
                    )  # fmt: skip
                    change = larger(moved, change) if fading > 0.0 else change
            prefix_products(algebra, k_in, q, h, edge, q, scratch, inner + j * a)
        if classes == 0:
            contract(
                algebra, temperature, k_out, s, size_of(s, k_out - 1), table, b * size_of(s, k_out),
                scratch, inner + a - s, a, scratch, rest, scratch, outgoing, s,
            )  # fmt: skip
        else:
            joint, back, rest_joint = rest, rest + k_out * classes, rest + 2 * k_out * classes
            for j in range(k_out):
                at = (b * k_out + j) * q
                if moving:
                    moved = _reinforced_leaf(
                        algebra, q, probability, strength, fading,
                        given, belief, v, g, at, scratch, leaf,
                    )  # fmt: skip
                    change = larger(moved, change) if fading > 0.0 else change
                _join(
                    algebra, temperature, q, s, scratch, inner + j * a + a - s, whole + j,
                    g, at, first_class, blank, joint + j * classes,
                )  # fmt: skip
            if len(table) > 0:
                length = size_of(classes, k_out - 1)
                contract(
                    algebra, temperature, k_out, classes, length, table, b * length * classes,
                    scratch, joint, classes, scratch, rest_joint, scratch, back, classes,
                )  # fmt: skip
            else:
                contract_list(
                    algebra, temperature, k_out, classes, b, count, bounds, configurations,
                    scratch, joint, back,
                )  # fmt: skip
            for j in range(k_out):
                at = (b * k_out + j) * q
                if moving:
                    _split_outputs(
                        algebra, temperature, q, s, scratch, inner + j * a + a - s, whole + j,
                        back + j * classes, first_class, blank, leaf,
                    )  # fmt: skip
                    moved, total = _settle(algebra, q, probability, damping_u, scratch, leaf, v, at)
                    change, least = larger(moved, change), smaller(total, least)
                _split_inputs(
                    algebra, temperature, q, s, scratch, back + j * classes, g, at, first_class,
                    blank, outgoing + j * s,
                )  # fmt: skip
        for j in range(k_out):
            edge = (b * k_out + j) * k_in * q
            # A tensor over the input weights' states, whose prefix products are there already.
            sweep(
                algebra, temperature, k_in, q, size_of(q, k_in - 1), scratch, outgoing + j * s,
                h, edge, q, scratch, inner + j * a + a - s, scratch, small, scratch, fresh, q,
            )  # fmt: skip
            for slot in range(k_in):
                moved, total = _settle(
                    algebra, q, probability, damping_u,
                    scratch, fresh + slot * q, u, edge + slot * q,
                )  # fmt: skip
                change, least = larger(moved, change), smaller(total, least)
        number, limit = lanes + fill(1.0 * b * WIDTH), fill(1.0 * count)
        largest = larger(where_below(number, limit, change, fill(0.0)), largest)
        smallest = smaller(where_below(number, limit, least, fill(np.inf)), smallest)
    change, total = 0.0, np.inf
    for lane in range(WIDTH):
        change, total = larger(pick(largest, lane), change), min(total, pick(smallest, lane))
    return change, total


@njit(forceinline=True)
def _settle(algebra, q, probability, damping, fresh, at, messages, to):
    """Take over a fresh message: normalised, damped against the one before (Eq. 2.14).

    Returns:
        How far it is from the one before, damping left aside: damped messages move slowly, however
        far they are from a fixed point. And its total before it was normalised.
    """
    total = _normalise(algebra, q, probability, fresh, at)
    change = fill(0.0)
    for state in range(q):
        i = (at + state) * WIDTH
        x, old = load(fresh, i), load(messages, (to + state) * WIDTH)
        change = larger(distance(algebra, kept(algebra, x), old, probability), change)
        if damping > 0.0:
            store(fresh, i, damped(algebra, old, x, damping, probability))
    if damping > 0.0 and not sums_to_one(algebra, probability):
        _normalise(algebra, q, probability, fresh, at)
    for state in range(q):
        x = kept(algebra, load(fresh, (at + state) * WIDTH))
        store(messages, (to + state) * WIDTH, x)
    return change, total


@njit(forceinline=True)
def _normalise(algebra, q, probability, message, at):
    """Divide a message by its total: the sum of probabilities (Eq. A.3), or the largest
    log-likelihood."""
    total = load(message, at * WIDTH)
    for state in range(1, q):
        total = mass(algebra, total, load(message, (at + state) * WIDTH), probability)
    inverse = over(algebra, fill(one(algebra)), total)
    for state in range(q):
        i = (at + state) * WIDTH
        store(message, i, times(algebra, load(message, i), inverse))
    return total


@njit(forceinline=True)
def _reinforced_leaf(
    algebra, q, probability, strength, damping, given, belief, v, g, at, scratch, leaf
):
    """Belief and message of a reinforced output weight, Eqs. 3.8-3.11, for one factor only.

    Returns:
        By how much the message changed, see ``_settle``.
    """
    largest = fill(zero(algebra))
    for state in range(q):
        i = (at + state) * WIDTH
        field = times(algebra, load(given, i), power(algebra, load(belief, i), strength))
        store(scratch, (leaf + state) * WIDTH, field)
        x = times(algebra, field, load(v, i))
        store(belief, i, x)
        largest = larger(x, largest)
    for state in range(q):
        i = (at + state) * WIDTH
        store(belief, i, over(algebra, load(belief, i), largest))
    return _settle(algebra, q, probability, damping, scratch, leaf, g, at)[0]


@njit(forceinline=True)
def _join(
    algebra, temperature, q, s, scratch, incoming, whole, g, at, first_class, blank, to
):  # fmt: skip
    """Add the output weight: message over input states (S,) -> over classes.

    All input states with an output weight of zero are one class.
    """
    total = fill(zero(algebra))
    for state in range(s):
        total = plus(algebra, total, load(scratch, (incoming + state) * WIDTH), temperature)
    store(scratch, whole * WIDTH, total)
    for weight in range(q):
        x, c = load(g, (at + weight) * WIDTH), to + first_class[weight]
        if weight == blank:
            store(scratch, c * WIDTH, times(algebra, x, total))
        else:
            for state in range(s):
                y = times(algebra, x, load(scratch, (incoming + state) * WIDTH))
                store(scratch, (c + state) * WIDTH, y)


@njit(forceinline=True)
def _split_outputs(
    algebra, temperature, q, s, scratch, incoming, whole, outgoing, first_class, blank, to
):
    """Factor-to-variable message of an output weight, Eq. 2.8: sum out the input states."""
    for weight in range(q):
        c = outgoing + first_class[weight]
        if weight == blank:
            total = times(algebra, load(scratch, c * WIDTH), load(scratch, whole * WIDTH))
        else:
            total = fill(zero(algebra))
            for state in range(s):
                x = load(scratch, (c + state) * WIDTH)
                y = load(scratch, (incoming + state) * WIDTH)
                total = plus(algebra, total, times(algebra, x, y), temperature)
        store(scratch, (to + weight) * WIDTH, total)


@njit(forceinline=True)
def _split_inputs(
    algebra, temperature, q, s, scratch, outgoing, g, at, first_class, blank, to
):  # fmt: skip
    """Sum out the output weight, part of Eq. 2.7: what comes out over classes -> over input states
    (S,)."""
    for state in range(s):
        total = fill(zero(algebra))
        for weight in range(q):
            c = outgoing + first_class[weight] + (0 if weight == blank else state)
            x = times(algebra, load(scratch, c * WIDTH), load(g, (at + weight) * WIDTH))
            total = plus(algebra, total, x, temperature)
        store(scratch, (to + state) * WIDTH, total)
