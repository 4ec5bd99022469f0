"""Factors against direct enumeration of weights."""

from decimal import Decimal, getcontext
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsebp.engine import factors as fac
from sparsebp.network.model import activation, preactivations
from tests.problems import RELU, TANH, instance

SHAPES = [
    dict(n=5),
    dict(n=5, teacher=(1, 1)),
    dict(n=4, teacher=(3, 2)),
    dict(n=4, student=(3, 2), alphabet=(-1, 0, 1)),
    dict(n=4, student=(2, 3), alphabet=(-1, 0, 1)),
    dict(sizes=(6, 4, 4), teacher=(3, 2)),
]


def built(one, kind):
    """Hard or soft factors of all samples."""
    make = {"hard": fac.hard_factors, "soft": fac.soft_factors}[kind]
    return make(one.problem.states, *one.problem.patterns, one.phi, *one.samples, memory_gib=1)


def energies(one, a):
    """{(output weight, input weights) per edge: energy} of factor a, weight by weight."""
    inner, outer, alphabet, x, y, phi = one.arguments
    k_in, found = inner.shape[1], {}
    edge_states = list(product(product(alphabet, repeat=1), product(alphabet, repeat=k_in)))
    for choice in product(edge_states, repeat=outer.shape[1]):
        pre = 0.0
        for j, ((weight,), inputs) in enumerate(choice):
            pre = pre + weight * phi(x[:, inner[outer[a, j]]].astype(float) @ np.array(inputs))
        found[choice] = ((y[:, a] - phi(pre)) ** 2).sum()
    return found


def written_out(states, configuration):
    """All (output weight, input weights) that a class per edge stands for."""
    per_edge = []
    for c in configuration:
        pairs = np.argwhere(states.classes == c)
        per_edge.append(
            [((states.alphabet[q],), tuple(states.alphabet[states.tuples[s]])) for q, s in pairs]
        )
    return product(*per_edge)


@pytest.mark.parametrize("phi", [TANH, RELU], ids=["tanh", "relu"])
@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_hard_factors_list_what_reproduces_the_data(shape, m, phi):
    one = instance(m=m, phi=phi, **shape)
    factors = built(one, "hard")
    for a in range(2):
        rows = factors.configurations[factors.offsets[a] : factors.offsets[a + 1]]
        listed = [c for row in rows for c in written_out(one.problem.states, row)]
        expected = {c for c, energy in energies(one, a).items() if energy < 1e-12}
        assert len(listed) == len(set(listed)) and set(listed) == expected


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_soft_factors_tabulate_the_energies(shape):
    one = instance(m=2, **shape)
    factors = built(one, "soft")
    fan_in = one.problem.patterns.outer.shape[1]
    for a in range(2):
        table = factors.table[a].reshape((factors.states,) * fan_in)
        expected = energies(one, a)
        seen = 0
        for configuration in np.ndindex(table.shape):
            for choice in written_out(one.problem.states, configuration):
                assert -table[configuration] == pytest.approx(expected[choice], abs=1e-12)
                seen += 1
        assert seen == len(expected)


def test_the_energy_of_the_truth_is_zero():
    one = instance(n=50, m=6, student=(2, 3), alphabet=(-1, 0, 1))
    states, (inner, outer) = one.problem.states, one.truth()
    weights = len(states.alphabet) ** np.arange(inner.shape[1])[::-1]
    classes = states.classes[outer, (inner @ weights)[one.problem.patterns.outer]]
    flat = np.ravel_multi_index(tuple(classes.T), (built(one, "soft").states,) * outer.shape[1])
    table = built(one, "soft").table
    assert np.abs(table[np.arange(50), flat]).max() < 1e-20
    assert (table <= 0).all() and (table < -1e-3).mean() > 0.5


@pytest.mark.parametrize("kind", ["hard", "soft"])
@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[4]], ids=str)
def test_more_samples_extend_the_factors_of_fewer(shape, kind):
    one = instance(n=12, m=5, **{key: shape[key] for key in shape if key != "n"})
    where = one.problem.states, *one.problem.patterns, one.phi
    x, y = one.samples
    few = built(one._replace(samples=one.samples._replace(x=x[:2], y=y[:2])), kind)
    extend = fac.restrict if kind == "hard" else fac.accumulate
    more, whole = extend(few, *where, x[2:], y[2:]), built(one, kind)
    if kind == "hard":
        np.testing.assert_array_equal(more.offsets, whole.offsets)
        np.testing.assert_array_equal(more.configurations, whole.configurations)
        assert len(more.configurations) < len(few.configurations)
    else:
        np.testing.assert_allclose(more.table, whole.table, atol=1e-12)


@pytest.mark.thorough
@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["hard", "soft"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_summing_out_output_weights_equals_the_sum_over_them(shape, kind, temperature):
    one = instance(m=2, **shape)
    states, factors = one.problem.states, built(one, kind)
    outputs, fan_in = one.problem.patterns.outer.shape
    rng = np.random.default_rng(0)
    field = rng.normal(size=(outputs, fan_in, len(states.alphabet)))
    field[0, 0, 0] = -np.inf  # an output weight that is excluded altogether
    rows = np.arange(outputs)
    reduced = fac.sum_out_outputs(factors, rows, states, field, True, temperature)
    if kind == "hard" and temperature in (0.0, 1.0):
        linear = fac.sum_out_outputs(factors, rows, states, np.exp(field), False, temperature)
        np.testing.assert_allclose(linear, np.exp(reduced), rtol=1e-12)
    for a in range(2):
        dense = reduced[a].reshape((len(states.tuples),) * fan_in)
        terms = {}
        for choice, energy in energies(one, a).items():
            if kind == "hard" and energy > 1e-12:
                continue
            log_weight = 0.0 if kind == "hard" else -energy
            for j, ((weight,), _) in enumerate(choice):
                log_weight += field[a, j, np.searchsorted(states.alphabet, weight)]
            terms.setdefault(tuple(inputs for _, inputs in choice), []).append(log_weight)
        for index in np.ndindex(dense.shape):
            key = tuple(tuple(states.alphabet[states.tuples[s]]) for s in index)
            values = np.array(terms.get(key, [-np.inf]))
            expected = values.max()
            if temperature > 0 and np.isfinite(expected):
                shifted = np.exp((values - expected) / temperature)
                expected += temperature * np.log(shifted.sum())
            assert dense[index] == pytest.approx(expected, abs=1e-10)


@given(
    alphabet=st.sampled_from([(-1, 1), (-1, 0, 1), (-2, -1, 0, 1, 2), (0, 3)]),
    fan_in=st.integers(1, 3),
)
@settings(max_examples=20, deadline=None)
def test_classes_join_exactly_the_states_with_a_zero_output_weight(alphabet, fan_in):
    states = fac.HiddenStates.of(alphabet, fan_in)
    q, s = len(alphabet), len(alphabet) ** fan_in
    zeros = alphabet.count(0)
    assert states.classes.shape == (q, s)
    assert len(np.unique(states.classes)) == (q - zeros) * s + zeros == len(states.class_output)
    for k, value in enumerate(alphabet):
        assert len(np.unique(states.classes[k])) == (1 if value == 0 else s)
        assert (states.class_output[states.classes[k]] == k).all()


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_a_table_beyond_memory_is_refused_with_its_size(kind):
    one = instance(n=12, m=1, teacher=(3, 3), alphabet=(-1, 0, 1))
    make = {"hard": fac.hard_factors, "soft": fac.soft_factors}[kind]
    arguments = one.problem.states, *one.problem.patterns, one.phi, *one.samples
    with pytest.raises(ValueError, match=r"55\^3.*GiB.*memory_gib"):
        make(*arguments, memory_gib=1e-4)
    assert make(*arguments, memory_gib=1).states == 55


@pytest.mark.parametrize("phi", [TANH, RELU])
def test_a_missing_target_says_nothing(phi):
    one = instance(m=3, n=6, phi=phi)
    y = one.samples.y.copy()
    y[:, 2] = np.nan
    y[1, 4] = np.nan
    where = one.problem.states, *one.problem.patterns, phi
    hard = fac.hard_factors(*where, one.samples.x, y, 1.0)
    soft = fac.soft_factors(*where, one.samples.x, y, 1.0)
    counts = np.diff(hard.offsets)
    assert counts[2] == soft.table.shape[1] and (soft.table[2] == 0).all()
    # Without the sample in which it is missing, the rest of the samples say the same.
    known = np.array([0, 2])
    other = fac.hard_factors(*where, one.samples.x[known], one.samples.y[known], 1.0)
    assert counts[4] == np.diff(other.offsets)[4] < soft.table.shape[1]
    other = fac.soft_factors(*where, one.samples.x[known], one.samples.y[known], 1.0)
    np.testing.assert_array_equal(soft.table[4], other.table[4])
    rest = [0, 1, 3, 5]
    full = fac.hard_factors(*where, *one.samples, 1.0)
    np.testing.assert_array_equal(counts[rest], np.diff(full.offsets)[rest])


# Exactly

getcontext().prec = 60


def exact_tanh(z):
    up, down = z.exp(), (-z).exp()
    return (up - down) / (up + down)


EXACT = {
    "tanh": lambda phi: lambda z: exact_tanh(z - Decimal(phi.parameter)),
    "leaky-relu": lambda phi: lambda z: max(z, z * Decimal(phi.parameter)),
}
# Flat where outputs are: with a small slope, far from the bias, or after many inputs.
FLAT = [
    (dict(sizes=(7, 7, 7), teacher=(7, 2)), ("tanh", dict(b=3))),
    (dict(sizes=(5, 5, 5), teacher=(5, 2)), ("tanh", dict(b=0.1))),
    (dict(n=5, teacher=(3, 2)), ("tanh", dict(b=1e-4))),
    (dict(n=5, teacher=(3, 2)), ("tanh", dict(b=-3))),
    (dict(n=5, teacher=(3, 2)), ("leaky-relu", dict(a=1e-4))),
    (dict(n=5, teacher=(2, 3)), ("leaky-relu", dict(a=1e-4))),
    (dict(n=5, student=(2, 3), alphabet=(-1, 0, 1)), ("leaky-relu", dict(a=0))),
    (dict(n=5, teacher=(3, 2)), ("leaky-relu", dict(a=0.999))),
]


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("shape, phi", FLAT, ids=str)
def test_what_reproduces_the_data_is_what_does_in_exact_arithmetic(shape, phi, m):
    phi = activation(phi[0], **phi[1])
    exact = EXACT[phi.function](phi)
    one = instance(m=m, phi=phi, **shape)
    factors, states = built(one, "hard"), one.problem.states
    inner, outer = one.problem.patterns
    truth_inner, truth_outer = one.truth()
    values = [Decimal(int(value)) for value in states.alphabet]
    for a in range(1 if inner.shape[1] > 3 else 5):
        sums = []  # of each sample: what each configuration adds up to, and the teacher
        for x in one.samples.x:
            terms = []
            for hidden in outer[a]:
                inputs = [int(x[column]) for column in inner[hidden]]

                def field(row, inputs=inputs):
                    return exact(sum(values[w] * i for w, i in zip(row, inputs, strict=True)))

                fields = [field(row) for row in states.tuples]
                classes = zip(states.class_output, states.class_tuple, strict=True)
                terms.append([values[q] * fields[s] for q, s in classes])
                own = field(truth_inner[hidden]) * values[truth_outer[a][len(terms) - 1]]
                terms[-1].append(own)
            totals = terms[0][:-1]
            for more in terms[1:]:
                totals = [x + y for x in totals for y in more[:-1]]
            sums.append((totals, sum(part[-1] for part in terms)))
        # The activation is increasing, but for one of slope 0.
        flat = (phi.function, phi.parameter) == ("leaky-relu", 0)
        same = [
            all(
                abs(totals[k] - true) < Decimal("1e-40") or (flat and max(totals[k], true) <= 0)
                for totals, true in sums
            )
            for k in range(len(sums[0][0]))
        ]
        rows = factors.configurations[factors.offsets[a] : factors.offsets[a + 1]]
        shape_of = (factors.states,) * outer.shape[1]
        assert np.flatnonzero(same).tolist() == np.ravel_multi_index(rows.T, shape_of).tolist()


def test_outputs_are_compared_where_they_come_from():
    y = np.array([0.0, 0.5, -0.5, 1 - 1e-12, 1.0, 2.0, np.nan])
    low, high = preactivations(TANH, y)
    z = np.arctanh(y[:4]) + 0.1
    # Up to the rounding of y, which matters where tanh is flat.
    assert (low[:4] <= z - fac.MATCH_TOLERANCE).all() and (
        high[:4] >= z + fac.MATCH_TOLERANCE
    ).all()
    assert (high[:3] - low[:3] < 2.1 * fac.MATCH_TOLERANCE).all()
    assert low[4] > 15 and high[4] == np.inf  # what rounds to 1
    assert low[5] == np.inf  # nothing leads there
    assert (low[6], high[6]) == (-np.inf, np.inf)  # missing
    low, high = preactivations(activation("leaky-relu", a=0), np.array([-0.1, 0.0, 2.0]))
    assert high[0] == -np.inf
    assert (low[1], high[1]) == (-np.inf, pytest.approx(fac.MATCH_TOLERANCE, rel=1e-5))
    assert (low[2], high[2]) == pytest.approx((2, 2), abs=1.1 * fac.MATCH_TOLERANCE)
