"""Messages of single weights: by direct sums over all rows, by counting all networks of trees, and
what a search makes of them."""

from itertools import product

import numpy as np
import pytest

import sparsebp as sb
from sparsebp.engine.kernels.row_sums import LANES, row_sums_kernel
from sparsebp.engine.memory import passing_mb
from sparsebp.engine.row_messages import (
    CERTAIN,
    Believed,
    Passing,
    _automaton,
    letters,
    pass_messages,
)
from sparsebp.engine.search.assembly import search_rows
from sparsebp.engine.search.symbols import Alphabet

PHI, B = sb.tanh(b=0.1), 0.1
HOW = Passing(0.3, 1e-3, 50)


def rows_with(inputs, at_most):
    """All rows of -1, 0 and 1 with at most so many non-zeros."""
    rows = np.array(list(product((-1, 0, 1), repeat=inputs)))
    return rows[np.abs(rows).sum(axis=1) <= at_most]


def normalised(values):
    return values / values.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("at_most", [1, 2, 3, 6])
@pytest.mark.parametrize("damping", [0.0, 0.4])
def test_a_step_is_that_of_direct_sums_over_all_rows(at_most, damping):
    """Nothing is shared with the kernel: here each row is a term of its own."""
    rng = np.random.default_rng(at_most)
    hidden, samples, inputs = 2, 7, 6
    x = rng.choice([-1, 1], (samples, inputs))
    old = normalised(rng.random((hidden, samples, inputs, 3)))
    said = rng.random((hidden, samples, 2 * at_most + 1))
    said[0, 0, 0] = said[1, 2, -1] = 0
    following, value = _automaton(at_most)
    # In the kernel hidden neurons are the last axis.
    ends = np.moveaxis(said[..., value], 0, -1).copy()
    messages = np.moveaxis(old, 0, -1).copy()
    fields, beliefs = np.empty((2, inputs, 3, hidden))
    fields[:] = messages.prod(axis=0)
    to_ends = np.empty_like(ends)
    row_sums_kernel()(x, ends, messages, fields, following, damping, to_ends, beliefs)
    products = messages.prod(axis=0)
    np.testing.assert_allclose(fields, products / products.max(axis=1, keepdims=True), rtol=1e-10)
    messages, beliefs, to_ends = (np.moveaxis(a, -1, 0) for a in (messages, beliefs, to_ends))
    to_sums = to_ends @ np.eye(said.shape[2])[value]

    rows = rows_with(inputs, at_most)
    at = np.arange(inputs)
    for h in range(hidden):
        new = np.empty_like(old[h])
        for m in range(samples):
            field = np.prod(np.delete(old[h], m, axis=0), axis=0)
            each = field[at, rows + 1]  # (rows, inputs)
            z = rows @ x[m]
            chance = each.prod(axis=1)
            expected = [chance[z == value].sum() for value in range(-at_most, at_most + 1)]
            np.testing.assert_allclose(
                normalised(to_sums[h, m]), normalised(np.array(expected)), rtol=1e-10
            )
            for k in range(inputs):
                without = np.delete(each, k, axis=1).prod(axis=1)
                for w in (-1, 0, 1):
                    those = rows[:, k] == w
                    mean = (without * said[h, m, z + at_most])[those].sum() / without[those].sum()
                    new[m, k, w + 1] = mean
        new = damping * old[h] + (1 - damping) * normalised(new)
        np.testing.assert_allclose(messages[h], new, rtol=1e-10, atol=1e-50)
        chance = np.prod(new, axis=0)[at, rows + 1].prod(axis=1)
        for k in range(inputs):
            expected = [chance[rows[:, k] == w].sum() for w in (-1, 0, 1)]
            np.testing.assert_allclose(
                beliefs[h, k], normalised(np.array(expected)), rtol=1e-10, atol=1e-50
            )


def test_rows_do_not_depend_on_how_many_are_read_at_once():
    """One row more than are read at once: two parts, of which the last has one row less."""
    rng, (following, value) = np.random.default_rng(0), _automaton(2)
    samples, inputs, hidden = 7, 5, LANES + 1
    x = rng.choice([-1, 1], (samples, inputs))
    said = rng.random((samples, len(value), hidden))
    old = np.moveaxis(normalised(rng.random((hidden, samples, inputs, 3))), 0, -1)

    def step(chosen):
        ends, messages = said[..., chosen].copy(), old[..., chosen].copy()
        fields, beliefs = messages.prod(axis=0), np.empty(messages.shape[1:])
        to_ends = np.empty_like(ends)
        given = x, ends, messages, fields, following, 0.3
        row_sums_kernel()(*given, to_ends, beliefs)
        return messages, fields, to_ends, beliefs

    together = step(np.arange(hidden))
    for h in (0, hidden // 2, hidden // 2 + 1, hidden - 1):
        for part, alone in zip(together, step(np.array([h])), strict=True):
            np.testing.assert_allclose(part[..., [h]], alone, rtol=1e-12)


def counted(x, y, readers, at_most):
    """Probabilities by trying all networks: of input weights, output weights and sums."""
    hidden, (samples, inputs) = int(readers.max()) + 1, x.shape
    rows = rows_with(inputs, at_most)
    inner = np.zeros((hidden, inputs, 3))
    outer = np.zeros((*readers.shape, 2))
    sums = np.zeros((hidden, samples, 2 * at_most + 1))
    for chosen in product(range(len(rows)), repeat=hidden):
        network = rows[list(chosen)]
        z = network @ x.T
        value = np.tanh(z - B)
        for signs in product((-1, 1), repeat=readers.size):
            v = np.reshape(signs, readers.shape)
            made = np.tanh(np.einsum("as,asm->ma", v, value[readers]) - B)
            if np.abs(made - y).max() < 1e-12:
                for h in range(hidden):
                    inner[h, np.arange(inputs), network[h] + 1] += 1
                    sums[h, np.arange(samples), z[h] + at_most] += 1
                for place in np.ndindex(readers.shape):
                    outer[(*place, (v[place] + 1) // 2)] += 1
    return normalised(inner), normalised(outer), normalised(sums)


@pytest.mark.parametrize("inputs, at_most", [(3, 3), (2, 2), (4, 2), (3, 1)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_trees_messages_are_exact(inputs, at_most, seed):
    """With one sample, and outputs that are no ring. If rows have a limit, weights of a row are
    not independent, and only what is not a weight of W_in is exact."""
    rng, readers = np.random.default_rng(seed), np.array([[0, 1], [1, 2]])
    x = rng.choice([-1, 1], (1, inputs))
    rows = rows_with(inputs, at_most)
    network = rows[rng.integers(len(rows), size=3)]
    v = rng.choice([-1, 1], readers.shape)
    y = np.tanh(np.einsum("as,asm->ma", v, np.tanh(network @ x.T - B)[readers]) - B)
    alphabet = Alphabet(PHI, at_most)
    believed = pass_messages(alphabet, x, alphabet.coded(y), readers, Passing(0.0, 1e-12, 20))
    inner, outer, sums = counted(x, y, readers, at_most)
    assert believed.converged and believed.steps < 20
    np.testing.assert_allclose(believed.sums, sums, atol=1e-10)
    np.testing.assert_allclose(believed.outer, outer, atol=1e-10)
    if at_most == inputs:
        np.testing.assert_allclose(believed.inner, inner, atol=1e-10)


def problem(neurons, m, seed, phi=PHI, per_row=2):
    """Teacher, data and readers; outputs that read the same two hidden neurons are not among it."""
    teacher = sb.draw_teacher(neurons, per_row=per_row, seed=seed)
    x, y = sb.draw_samples(teacher, phi, m, seed=seed)
    alphabet = Alphabet(phi, 2)
    return teacher, alphabet, x, alphabet.coded(y), teacher.outer.topology.astype(np.int64)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_what_they_find_is_found_or_told(seed):
    """A row is certain after the search only if the teacher has it."""
    teacher, alphabet, x, codes, readers = problem(40, 24, seed)
    believed = pass_messages(alphabet, x, codes, readers, HOW)
    missed, _ = sb.symmetric_error(teacher, believed.layers(readers))
    assert missed <= 0.1
    found = search_rows(alphabet, x, codes, readers, letters(believed.sums))
    missed, wrong = sb.symmetric_error(teacher, [found.inner, found.outer])
    assert np.count_nonzero(found.explanations != 1) / 40 >= wrong
    assert missed <= np.mean(~found.certain) <= 0.1


def true_sums(teacher, x):
    dense = np.zeros((len(teacher.inner.topology), x.shape[1]), int)
    np.put_along_axis(dense, teacher.inner.topology.astype(int), teacher.inner.weights, axis=1)
    return np.eye(5)[(x @ dense.T).T + 2]


@pytest.mark.parametrize("per_row", [2, sb.PerRow(2, 1)])
def test_a_wrong_value_that_is_held_fixed_is_noticed(per_row):
    teacher, alphabet, x, codes, readers = problem(20, 24, 1, per_row=per_row)
    sums = true_sums(teacher, x)
    right = search_rows(alphabet, x, codes, readers, letters(sums))
    assert sb.symmetric_error(teacher, [right.inner, right.outer]) == (0, 0)
    assert (right.explanations == 1).all() and right.certain.all() and right.reproduced.all()
    sums[7, 3] = np.roll(sums[7, 3], 2)
    wrong = search_rows(alphabet, x, codes, readers, letters(sums))
    reading = (readers == 7).any(axis=1)
    assert (wrong.explanations[reading] == 0).all() and not wrong.certain[7]
    assert (wrong.explanations[~reading] <= 1).all()


def test_two_neurons_that_the_same_outputs_read_may_be_swapped():
    """Messages may settle on either order; both are the same network."""
    readers = np.array([[0, 1], [0, 1], [2, 3], [2, 3]])
    rng = np.random.default_rng(5)
    x = rng.choice([-1, 1], (20, 12))
    network = np.zeros((4, 12), int)
    for h in range(4):
        network[h, [h, 11 - h]] = rng.choice([-1, 1], 2)
    v = np.array([[1, 1], [1, -1], [-1, 1], [1, 1]])
    z = network @ x.T
    y = PHI(np.einsum("as,asm->ma", v, PHI(z.astype(float))[readers]))
    alphabet = Alphabet(PHI, 2)
    for order in ([0, 1, 2, 3], [1, 0, 2, 3], [1, 0, 3, 2]):
        sums = np.eye(5)[z[order] + 2]
        found = search_rows(alphabet, x, alphabet.coded(y), readers, letters(sums))
        assert (found.explanations == 1).all() and found.reproduced.all()


def test_letters_are_fixed_where_a_value_is_certain():
    sums = np.full((1, 3, 5), (1 - CERTAIN) / 8)
    sums[0, 0, 4] = CERTAIN  # z = 2
    sums[0, 1, 1] = CERTAIN  # z = -1
    sums[0, 2] = 0.2
    found = letters(sums)[0]
    assert [np.argwhere(found[..., m]).tolist() for m in range(3)] == [
        [[2, 2]],
        [[1, 0]],
        [[0, 0], [1, 0], [1, 1], [2, 0], [2, 1], [2, 2]],
    ]


def test_the_estimate_is_the_most_likely_of_each_weight():
    """No more than so many in a row, those that are least likely 0."""
    inner = np.array([[[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0, 0.1, 0.9], [0.1, 0.8, 0.1]]])
    outer = np.array([[[0.6, 0.4]], [[0.3, 0.7]]])
    believed = Believed(inner, outer, np.full((1, 1, 5), 0.2), 1, True)
    one, two = believed.layers(np.array([[0], [0]]))
    assert one.topology.tolist() == [[2, 0]] and one.weights.tolist() == [[1, 1]]
    assert two.topology.tolist() == [[0], [0]] and two.weights.tolist() == [[-1], [1]]
    inner[0, 0] = 0.1, 0.8, 0.1
    inner[0, 1] = 0.1, 0.7, 0.2
    assert believed.layers(np.array([[0], [0]]))[0].weights.tolist() == [[1, 0]]


def test_steps_end_at_the_limit_or_when_beliefs_settle():
    _, *given = problem(20, 24, 1)
    few = pass_messages(*given, Passing(0.3, 1e-12, 2))
    assert few.steps == 2 and not few.converged
    loose = pass_messages(*given, Passing(0.3, 0.999, 50))
    assert loose.steps < 50 and loose.converged


def test_the_estimate_of_memory_is_beyond_the_arrays():
    """The messages to input weights alone are three numbers for each weight and sample."""
    assert passing_mb(200, 40) > 3 * 8 * 200 * 200 * 40 / 1e6 + 500
    assert passing_mb(2000, 40) > 3 * 8 * 2000 * 2000 * 40 / 1e6 + 500
