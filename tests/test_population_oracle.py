"""Checks of the density-evolution oracle: exact enumeration and known values."""

import itertools

import numpy as np
import pytest

from .oracles import population as pop

MODES = ("sum", "max", "energy")
ALPHABETS = ((-1, 1), (-1, 0, 1))


def enumerate_tree(x, y, rows, alphabet, mode):
    """Exact tables by brute force over all weights of a small network.

    x[i] (K, m): inputs of hidden neuron i; rows: the neurons each output reads;
    y[a] (m,): its true value.  Returns the (unnormalised) marginals of every
    hidden neuron's state and of every output weight.
    """
    states = list(itertools.product(alphabet, repeat=x.shape[1]))
    hidden = [[pop.tanh_bias(np.array(s) @ xi) for s in states] for xi in x]
    n_out = sum(len(row) for row in rows)
    start = -np.inf if mode == "energy" else 0.0
    about_states = np.full((len(x), len(states)), start)
    about_weights = np.full((n_out, len(alphabet)), start)
    for s in itertools.product(range(len(states)), repeat=len(x)):
        for q in itertools.product(range(len(alphabet)), repeat=n_out):
            left, error = iter(q), 0.0
            for row, target in zip(rows, y, strict=True):
                z = sum(alphabet[next(left)] * hidden[i][s[i]] for i in row)
                error += ((pop.tanh_bias(z) - target) ** 2).sum()
            score = -error if mode == "energy" else float(error < 1e-16)
            for table, chosen in ((about_states, s), (about_weights, q)):
                for node, value in enumerate(chosen):
                    old = table[node, value]
                    table[node, value] = old + score if mode == "sum" else max(old, score)
    return about_states, about_weights


def teacher(rng, count, rows, alphabet, m):
    """Random inputs, all states' hidden values, and the outputs' true pre-activations."""
    x = rng.choice([-1, 1], (count, 2, m))
    states = np.array(list(itertools.product(alphabet, repeat=2)))
    h = pop.tanh_bias(np.einsum("sk,nkm->nsm", states, x))
    true = rng.integers(len(states), size=count)
    z = [sum(rng.choice(alphabet) * h[i, true[i]] for i in row) for row in rows]
    return x, h, z


def same(message, table, mode):
    expected = pop.combine([table[None]], mode)
    np.testing.assert_allclose(pop.combine([message], mode), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("m", [1, 2])
def test_one_output(alphabet, mode, m):
    rows = [(0, 1)]
    x, h, z = teacher(np.random.default_rng(m), 2, rows, alphabet, m)
    states, weights = enumerate_tree(x, pop.tanh_bias(np.array(z)), rows, alphabet, mode)
    cavity = np.zeros((1, 2, h.shape[1])) if mode == "energy" else np.ones((1, 2, h.shape[1]))
    for slot in (0, 1):
        for about, table in (("state", states), ("weight", weights)):
            found = pop.from_output(h[None], cavity, z[0][None], alphabet, slot, mode, about)
            same(found, table[slot], mode)


@pytest.mark.parametrize("mode", MODES)
def test_output_of_three(mode):
    rows, alphabet = [(0, 1, 2)], (-1, 1)
    x, h, z = teacher(np.random.default_rng(3), 3, rows, alphabet, 2)
    states, weights = enumerate_tree(x, pop.tanh_bias(np.array(z)), rows, alphabet, mode)
    cavity = np.zeros((1, 3, 4)) if mode == "energy" else np.ones((1, 3, 4))
    for slot in range(3):
        for about, table in (("state", states), ("weight", weights)):
            found = pop.from_output(h[None], cavity, z[0][None], alphabet, slot, mode, about)
            same(found, table[slot], mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_two_outputs_sharing_a_neuron(alphabet, mode):
    rows = [(0, 1), (1, 2)]
    m = 1
    x, h, z = teacher(np.random.default_rng(4), 3, rows, alphabet, m)
    if len(alphabet) == 3:  # smaller: one input slot, to keep the enumeration short
        x = x[:, :1]
        h = pop.tanh_bias(np.array(alphabet)[None, :, None] * x)
        z = [h[0, 2] - h[1, 0], h[1, 0] + 0 * h[2, 0]]
    states, weights = enumerate_tree(x, pop.tanh_bias(np.array(z)), rows, alphabet, mode)
    S = h.shape[1]
    flat = np.full(S, 0.0 if mode == "energy" else 1.0)

    junk = np.arange(S) + 0.5  # a neuron's own message, which must not come back to it

    def ask(output, cavity, slot, about="state"):
        values, cavities = h[list(rows[output])][None], np.stack(cavity)[None]
        return pop.from_output(values, cavities, z[output][None], alphabet, slot, mode, about)

    to_shared = [ask(0, (flat, junk), 1), ask(1, (junk, flat), 0)]
    to_shared = [pop.combine([message], mode) for message in to_shared]
    same(pop.combine(to_shared, mode), states[1], mode)
    same(ask(0, (junk, to_shared[1][0]), 0), states[0], mode)
    same(ask(1, (to_shared[0][0], junk), 1), states[2], mode)
    for slot in (0, 1):
        same(ask(0, (flat, to_shared[1][0]), slot, "weight"), weights[slot], mode)
        same(ask(1, (to_shared[0][0], flat), slot, "weight"), weights[2 + slot], mode)


def test_ties_and_marginals():
    belief = np.array([[0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
    np.testing.assert_allclose(pop.wrong(belief, np.array([0, 0]), "sum"), [0.5, 1])
    np.testing.assert_allclose(pop.wrong(np.log(belief), np.array([1, 2]), "energy"), [0.5, 0])
    states = np.array(list(itertools.product((-1, 1), repeat=2)))
    table = np.array([[0.1, 0.2, 0.3, 0.4]])
    np.testing.assert_allclose(pop.input_marginals(table, states, (-1, 1), 1, "sum"), [[0.4, 0.6]])
    np.testing.assert_allclose(pop.input_marginals(table, states, (-1, 1), 0, "max"), [[0.2, 0.4]])


def test_rows_of_outputs():
    """The teacher's slots come first; each slot draws from its own population."""
    network = pop.Population(2, 2, 3, spare_out=1, alphabet=(-1, 0, 1), size=50)
    for kind in network.kinds:
        network.pops[kind] = (*network.pops[kind][:2], np.full((50, 9), kind))
    h, cavity, z, w = network.output(7)
    assert h.shape == (7, 3, 9, 3) and z.shape == (7, 3)
    assert np.all(cavity == np.array([0, 0, 1])[:, None])
    own = (*network.draw(7), np.full((7, 9), 2))
    for slot, expected in ((0, [2, 0, 1]), (2, [0, 0, 2])):
        h, cavity, z, w = network.output(7, own, slot)
        assert np.all(cavity == np.array(expected)[:, None])
        np.testing.assert_array_equal(h[:, slot], own[0])
        if slot == 0:  # what is left is the other teacher's neuron, up to its sign
            rest = np.abs(z - w[:, :1] * own[0][np.arange(7), own[1]])
            other = np.abs(h[:, 1])
            assert np.all(np.isclose(other, rest[:, None]).all(2).any(1))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "sizes, m, error, size",
    [
        (dict(k_in=2, k_out=2), 1, 0.1727, 2000),
        (dict(k_in=2, k_out=2), 2, 0.0800, 2000),
        (dict(k_in=3, k_out=2), 1, 0.1808, 2000),
        (dict(k_in=2, k_out=2, spare_in=1, alphabet=(-1, 0, 1)), 1, 0.332, 2000),
        (dict(k_in=2, k_out=2, spare_out=1, alphabet=(-1, 0, 1)), 1, 0.322, 400),
    ],
)
def test_weight_error(sizes, m, error, size):
    network = pop.Population(m=m, size=size, seed=1, **sizes)
    found = []
    for _ in range(8):
        network.step()
        found.append(network.measure(size // 2)[0])
    assert np.mean(found[4:]) == pytest.approx(error, rel=0.05)
