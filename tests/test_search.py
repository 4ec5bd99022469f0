"""Learning from scratch: against enumeration of all networks, and on teachers of every kind."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sparsebp as sb
from sparsebp.engine.search import explanations as exp
from sparsebp.engine.search import subsets
from sparsebp.engine.search.assembly import MANY, search
from sparsebp.engine.search.inputs import ABSENT, Candidates, Inputs
from sparsebp.engine.search.symbols import Alphabet
from sparsebp.network.metrics import symmetric_error
from sparsebp.network.model import forward
from tests.oracles import search as oracle

TANH = sb.tanh(b=0.1)
PHIS = {
    "tanh": TANH,
    "odd tanh": sb.tanh(b=0.0),
    "far tanh": sb.tanh(b=-1.5),
    "leaky": sb.leaky_relu(a=0.1),
    "identity": sb.identity(),
    "own": sb.Activation("sinh", lambda x: np.sinh(x - 0.2), lambda y: np.arcsinh(y) + 0.2),
}
of_phi = pytest.mark.parametrize("phi", PHIS.values(), ids=PHIS)


def draw(rng, inputs, hidden, outputs, samples, phi, least=0):
    """A network with rows of ``least`` to two entries as dense matrices, and its samples."""

    def layer(rows, columns):
        dense = np.zeros((rows, columns))
        for row in dense:
            row[rng.choice(columns, rng.integers(least, 3), replace=False)] = 1
        return dense * rng.choice([-1, 1], dense.shape)

    inner, outer = layer(hidden, inputs), layer(outputs, hidden)
    x = rng.choice([-1, 1], (samples, inputs)).astype(np.int8)
    return inner, outer, x, phi(phi(x @ inner.T) @ outer.T)


def of_dense(inner, outer, odd=False, silent=False):
    """Outputs of a network as the oracle tells them."""
    rows = [tuple((int(i), int(row[i])) for i in np.flatnonzero(row)) for row in inner]
    return [
        oracle.canonical([(int(r[h]), rows[h]) for h in np.flatnonzero(r)], odd, silent)
        for r in outer
    ]


def dense(layer, columns):
    """A layer as a matrix."""
    found = np.zeros((len(layer.topology), columns), int)
    for row, where, weights in zip(found, *layer, strict=True):
        np.add.at(row, where[where >= 0], weights[where >= 0])
    return found


def found_outputs(found, inputs, phi):
    """Outputs of what was found, as the oracle tells them."""
    inner = dense(found.inner, inputs)
    z = np.arange(-2, 3.0)
    flags = bool(np.allclose(phi(z), -phi(-z))), phi(np.zeros(1))[0] == 0
    return of_dense(inner, dense(found.outer, len(inner)), *flags)


def in_groups(output, inputs, odd, silent):
    """An output with groups of twins in place of inputs; what cancels is left out."""
    parts = []
    for weight, row in output:
        total = {}
        for i, w in row:
            group = int(inputs.group[i])
            total[group] = total.get(group, 0) + w * int(inputs.sign[i])
        parts.append((weight, tuple(sorted((g, w) for g, w in total.items() if w))))
    return oracle.canonical(parts, odd, silent)


def explained(found, a, alphabet):
    """The explanations of output ``a``, as the oracle tells outputs."""
    ours = []
    mine = found.output == a
    for weights, rows in zip(found.weights[mine], found.rows[mine], strict=True):
        parts = []
        for weight, number in zip(weights, rows, strict=True):
            if number == exp.NOT_READ:
                continue
            signed = found.listed[number][found.listed[number] != ABSENT]
            total = {int(s) // 2: 0 for s in signed}
            for s in signed:
                total[int(s) // 2] += 1 - 2 * (int(s) & 1)
            parts.append((int(weight), tuple(sorted(total.items()))))
        ours.append(oracle.canonical(parts, alphabet.odd, alphabet.silent))
    return ours


@of_phi
@given(seed=st.integers(0, 10**6), m=st.integers(1, 9), at_most=st.sampled_from([1, 2, 3]))
@settings(max_examples=40)
def test_explanations_are_those_of_trying_everything(phi, seed, m, at_most):
    rng = np.random.default_rng(seed)
    _, _, x, y = draw(rng, 4, 3, 2, m, phi)
    y[rng.random(y.shape) < 0.1] = np.nan
    y[0, 0] += 0.3 * (rng.random() < 0.2)
    assume((~np.isnan(y)).any(axis=0).all())
    alphabet, inputs = Alphabet(phi, at_most), Inputs.of(x)
    lists = Candidates(inputs, [np.arange(4)], at_most)
    found = exp.explain(alphabet, inputs, lists, alphabet.coded(y))
    assume(not found.open.any())
    for a in range(2):
        ours = explained(found, a, alphabet)
        every = oracle.outputs_that_fit(x, y[:, a], phi, at_most, 2)
        theirs = {in_groups(output, inputs, alphabet.odd, alphabet.silent) for output in every}
        assert len(set(ours)) == len(ours)
        assert set(ours) == theirs


@of_phi
@given(seed=st.integers(0, 10**6), m=st.integers(8, 14), wrong=st.integers(1, 3))
@settings(max_examples=15)
def test_explanations_that_miss_few_are_those_of_trying_everything(phi, seed, m, wrong):
    """The fewest misses that an output can be explained with, and one more, up to the bound."""
    rng = np.random.default_rng(seed)
    _, _, x, y = draw(rng, 4, 3, 2, m, phi)
    y[rng.random(y.shape) < 0.05] = np.nan
    at = rng.choice(m, wrong, replace=False)
    y[at, 0] = rng.choice(y[:, 1], wrong)
    y[at[0], 1] += 0.3 * rng.choice([0, 1])
    alphabet, inputs = Alphabet(phi, 2), Inputs.of(x)
    lists = Candidates(inputs, [np.arange(4)], 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subsets, "OVERLOOKED", 1e-9)
        found = subsets.explain_most(alphabet, inputs, lists, alphabet.coded(y), None, 2, wrong)
    assume(not found.open.any())
    for a in range(2):
        ours = explained(found, a, alphabet)
        for most in range(wrong + 1):
            if oracle.outputs_that_fit(x, y[:, a], phi, 2, 2, most):
                break
        every = oracle.outputs_that_fit(x, y[:, a], phi, 2, 2, min(most + 1, wrong))
        theirs = {in_groups(output, inputs, alphabet.odd, alphabet.silent) for output in every}
        assert len(set(ours)) == len(ours)
        assert set(ours) == theirs


@of_phi
@given(seed=st.integers(0, 10**6), m=st.integers(5, 12))
@settings(max_examples=40)
def test_what_is_certain_is_so_in_every_network(phi, seed, m):
    rng = np.random.default_rng(seed)
    *_, x, y = draw(rng, 4, 3, 3, m, phi)
    y[0, 0] += 0.3 * (rng.random() < 0.2)
    choices = [oracle.outputs_that_fit(x, y[:, a], phi, 2, 2) for a in range(3)]
    found = search(x, y, 3, phi)
    np.testing.assert_array_equal(found.explanations == 0, [not some for some in choices])
    choices = [some for some in choices if some]
    assume(np.prod([len(some) for some in choices]) < 30000)
    every = list(oracle.networks(choices, 3))
    ours = found_outputs(found, 4, phi)
    if every:
        assert found.least_hidden <= min(map(oracle.neurons, every))
    for place, a in enumerate(np.flatnonzero(found.explanations)):
        if found.explanations[a] == 1:
            assert {network[place] for network in every} <= {ours[a]}
        if found.explanations[a] > 0:
            assert found.reproduced[a]
    rows = [tuple((int(i), int(r[i])) for i in np.flatnonzero(r)) for r in dense(found.inner, 4)]
    for row in (row for row, sure in zip(rows, found.certain, strict=True) if sure):
        assert all(row in [r for o in network for _, r in o] for network in every)


@of_phi
@given(seed=st.integers(0, 10**6), m=st.integers(4, 10))
@settings(max_examples=25)
def test_with_known_readers_what_is_certain_is_so_in_every_network(phi, seed, m):
    rng = np.random.default_rng(seed)
    hidden = 3
    inner, outer, x, y = draw(rng, 4, hidden, 3, m, phi, least=1)
    inner[0] *= rng.random() < 0.7
    y = phi(phi(x @ inner.T) @ outer.T)
    readers = np.full((3, 2), -1)
    for a, row in enumerate(outer):
        readers[a, : np.count_nonzero(row)] = np.flatnonzero(row)
    found = search(x, y, hidden, phi, readers=readers)
    read = [list(map(int, row[row >= 0])) for row in readers]
    every = list(oracle.named_networks(x, y, phi, 2, read, hidden))
    assert every
    z = np.arange(-2, 3.0)
    odd = bool(np.allclose(phi(z), -phi(-z)))

    def told(rows, signs):
        return [
            oracle.canonical(
                [(v, rows[h]) for v, h in zip(weights, heads, strict=True)], odd, False
            )
            for weights, heads in zip(signs, read, strict=True)
        ]

    ours = dense(found.inner, 4)
    our_rows = [tuple((int(i), int(row[i])) for i in np.flatnonzero(row)) for row in ours]
    weights = dense(found.outer, hidden)
    our_signs = [[int(weights[a, h]) for h in heads] for a, heads in enumerate(read)]
    mine = told(our_rows, our_signs)
    theirs = [told(*network) for network in every]
    for a in range(3):
        assert found.explanations[a]
        if found.explanations[a] == 1:
            assert all(network[a] == mine[a] for network in theirs)
    sets = [frozenset(a for a in range(3) if h in read[a]) for h in range(hidden)]
    for h in np.flatnonzero(found.certain):
        if sets.count(sets[h]) == 1:
            for rows, _ in every:
                other = tuple((i, -w) for i, w in rows[h])
                assert our_rows[h] == rows[h] or (odd and our_rows[h] == other)


@given(seed=st.integers(0, 10**6), at_most=st.sampled_from([1, 2, 3]))
@settings(max_examples=40)
def test_a_row_of_groups_stands_for_all_rows_of_twins(seed, at_most):
    """So many rows of inputs have the same sums, by trying all of them."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-1, 1], (6, 6)) * rng.choice([-1, 1], (1, 6))
    x = x[:, rng.integers(0, 3, 6)] * rng.choice([-1, 1], 6)
    lists, inputs = [np.arange(6), np.sort(rng.choice(6, 4, replace=False))], Inputs.of(x)
    candidates = Candidates(inputs, lists, at_most)
    for which, some in enumerate(lists):
        count = {}
        for row in oracle.all_rows(6, at_most):
            if {i for i, _ in row} <= set(some):
                z = tuple(sum((w * x[:, i] for i, w in row), np.zeros(6, int)))
                count.setdefault(z, []).append(row)
        for z, rows in count.items():
            least = min(rows, key=len)
            signed = sorted(
                2 * int(inputs.group[i]) + (w * int(inputs.sign[i]) < 0) for i, w in least
            )
            signed = np.array([signed + [ABSENT] * (3 - len(signed))])
            assert candidates.alike(np.array([which]), signed)[0] == len(rows)
            every = candidates.every(which, signed[0])
            told = [tuple(2 * i + (w < 0) for i, w in row) for row in rows]
            assert every == sorted(told)
            chosen = candidates.chosen(np.array([which]), signed)[0]
            chosen = chosen[chosen != ABSENT]
            assert len({s // 2 for s in chosen}) == len(least) and set(chosen // 2) <= set(some)
            assert tuple((x[:, chosen // 2] * (1 - 2 * (chosen & 1))).sum(axis=1)) == z


# Whole networks


def errors(teacher, found):
    """The fractions of hidden rows and of outputs that are wrong, up to the symmetries."""
    return symmetric_error(teacher, [found.inner, found.outer], found.odd)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("phi", [TANH, sb.leaky_relu(a=0.1)], ids=str)
def test_a_teacher_is_found_from_its_samples_alone(phi, seed):
    teacher = sb.draw_teacher(120, 2, 1, seed)
    found = search(*sb.draw_samples(teacher, phi, 34, 1, seed), 120, phi)
    assert errors(teacher, found) == (0, 0)
    assert found.certain.all() and found.reproduced.all() and (found.explanations == 1).all()
    assert not found.odd and found.least_hidden == 120


@pytest.mark.parametrize("seed", range(4))
def test_an_odd_activation_leaves_signs_open(seed):
    """And, as it is linear on -2, 0, 2, the pairing of inputs if two outputs have the same four."""
    phi, teacher = sb.tanh(b=0.0), sb.draw_teacher(120, 2, 1, seed)
    found = search(*sb.draw_samples(teacher, phi, 34, 1, seed), 120, phi)
    _, pair, times = np.unique(
        teacher.outer.topology, axis=0, return_inverse=True, return_counts=True
    )
    alone = times[pair] == 1
    assert alone.sum() > 100 and (found.explanations[alone] == 1).all()
    assert found.odd and found.reproduced.all() and found.least_hidden == 120
    assert (found.inner.weights[:, 0] == 1).all()
    ours, theirs = dense(found.inner, 120), dense(teacher.inner, 120)
    rows = {tuple(row) for row in [*theirs, *-theirs]}
    assert all(tuple(row) in rows for row in ours[found.certain])
    assert found.certain.sum() >= alone.sum()
    assert errors(teacher, found)[1] <= 1 - alone.mean()


@pytest.mark.parametrize("phi", [TANH, sb.leaky_relu(a=0.1), sb.tanh(b=0.0)], ids=str)
def test_known_readers_give_hidden_neurons_their_names(phi):
    teacher = sb.draw_teacher(120, 2, 1, 5)
    readers = teacher.outer.topology.astype(np.int64)
    found = search(*sb.draw_samples(teacher, phi, 34, 1, 5), 120, phi, readers=readers)
    assert errors(teacher, found) == (0, 0)
    assert found.certain.all() and found.reproduced.all() and (found.explanations == 1).all()
    np.testing.assert_array_equal(found.outer.topology, readers)
    ours, theirs = dense(found.inner, 120), dense(teacher.inner, 120)
    same = (ours == theirs).all(axis=1) | ((ours == -theirs).all(axis=1) & found.odd)
    # But for pairs that the same two outputs read, which may be swapped.
    pairs, times = np.unique(readers, axis=0, return_counts=True)
    assert set(np.flatnonzero(~same)) <= set(pairs[times == 2].ravel())
    assert same.mean() > 0.9


def test_candidates_take_fewer_samples():
    """Each hidden neuron reads two of five inputs; so few samples leave rows open without that."""
    teacher, rng = sb.draw_teacher(150, 2, 1, 8), np.random.default_rng(8)
    x, y = sb.draw_samples(teacher, TANH, 11, 1, 8)
    lists = [np.union1d(row, rng.choice(150, 3, replace=False)) for row in teacher.inner.topology]
    readers = teacher.outer.topology.astype(np.int64)
    found = search(x, y, 150, TANH, readers=readers, candidates=lists)
    free = search(x, y, 150, TANH, readers=readers)
    assert found.certain.sum() > 140 > 100 > free.certain.sum()
    ours, theirs = dense(found.inner, 150), dense(teacher.inner, 150)
    assert (ours == theirs)[found.certain].all()
    for row, some in zip(found.inner.topology, lists, strict=True):
        assert set(row[row >= 0]) <= set(some)


def test_rows_with_one_entry_or_none_are_found():
    rng, shapes = np.random.default_rng(3), [2, 1, 2, 0, 1, 2, 2, 1] * 5
    inner, outer = np.zeros((40, 30), int), np.zeros((40, 40), int)
    for a, entries in enumerate(shapes):
        inner[a, rng.choice(30, entries, replace=False)] = 1
        outer[a, [a, (a + 1) % 40][: 1 + (a % 3 > 0)]] = 1
    inner *= rng.choice([-1, 1], inner.shape)
    outer *= rng.choice([-1, 1], outer.shape)
    x = rng.choice([-1, 1], (40, 30))
    found = search(x, TANH(TANH(x @ inner.T) @ outer.T), 40, TANH)
    one = found.explanations == 1
    true = of_dense(inner, outer)
    ours = found_outputs(found, 30, TANH)
    assert all(ours[a] == true[a] for a in np.flatnonzero(one))
    # Two inputs read alone, by weights of opposite sign, may change places: phi is affine on -1, 1.
    alone = [
        len(parts) == 2 and [len(row) for _, row in parts] == [1, 1] and parts[0][0] != parts[1][0]
        for parts in true
    ]
    assert one[np.logical_not(alone)].all() and found.reproduced.all()


def test_the_empty_output_row_is_the_explanation_of_a_constant():
    rng = np.random.default_rng(4)
    x = rng.choice([-1, 1], (12, 5))
    y = TANH(np.column_stack([np.zeros(12), TANH(x[:, 0] + x[:, 1])]))
    found = search(x, y, 1, TANH)
    assert found.explanations.tolist() == [1, 1]
    assert dense(found.outer, 1).tolist() == [[0], [1]]


def test_inputs_that_coincide_are_told_and_their_rows_are_not_certain():
    teacher = sb.draw_teacher(60, 2, 1, 2)
    x = sb.draw_samples(teacher, TANH, 40, 1, 2).x.copy()
    x[:, 7], x[:, 20] = x[:, 3], -x[:, 41]
    y = forward(teacher, TANH, x)
    found = search(x, y, 60, TANH)
    assert [group.tolist() for group in found.twins] in ([[3, 7], [20, 41]], [[20, 41], [3, 7]])
    reads = np.isin(teacher.inner.topology, [3, 7, 20, 41]).any(axis=1)
    _, outputs = errors(teacher, found)
    touched = reads[teacher.outer.topology].any(axis=1)
    np.testing.assert_array_equal(found.explanations > 1, touched)
    assert (found.explanations > 0).all() and outputs <= touched.mean()
    assert (~found.certain).sum() == reads.sum() and found.reproduced.all()
    # Any two that may change places are two explanations.
    one = touched & (reads[teacher.outer.topology].sum(axis=1) == 1)
    assert set(found.explanations[one]) <= {2, 3, 4}


def test_data_that_no_network_made_are_not_explained():
    rng = np.random.default_rng(9)
    x, y = rng.choice([-1, 1], (20, 50)), np.tanh(rng.standard_normal((20, 50)))
    found = search(x, y, 50, TANH)
    assert not found.explanations.any() and not found.reproduced.any()
    assert not found.certain.any() and found.least_hidden == 0
    assert not found.outer.weights.any() and not found.inner.weights.any()


def made_wrong(rng, y, count):
    """In ``count`` samples of each output the value of another output: never the right one."""
    wrong, found = np.zeros(y.shape, bool), y.copy()
    for a in range(y.shape[1]):
        for s in rng.choice(len(y), count, replace=False):
            others = y[s, np.abs(y[s] - y[s, a]) > 1e-6]
            found[s, a], wrong[s, a] = rng.choice(others), True
    return found, wrong


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("phi", [TANH, sb.leaky_relu(a=0.1), sb.tanh(b=0.0)], ids=str)
def test_wrong_outputs_are_found_with_the_network(phi, known):
    teacher = sb.draw_teacher(80, 2, 3, 8)
    x, right = sb.draw_samples(teacher, phi, 44, 3, 8)
    y, wrong = made_wrong(np.random.default_rng(8), right, 3)
    readers = teacher.outer.topology.astype(np.int64) if known else None
    found = search(x, y, 80, phi, readers=readers, wrong=4)
    assert errors(teacher, found) == (0, 0)
    assert (found.explanations == 1).all() and found.certain.all() and found.reproduced.all()
    np.testing.assert_array_equal(found.wrong, wrong)
    assert not search(x, y, 80, phi, readers=readers).explanations.any()


def test_outputs_with_more_misses_than_allowed_are_not_explained():
    teacher = sb.draw_teacher(80, 2, 3, 9)
    x, right = sb.draw_samples(teacher, TANH, 44, 3, 9)
    y, wrong = made_wrong(np.random.default_rng(9), right, 2)
    y[:6, 7] = -right[:6, 7]  # which no network gives
    y[5:8, 6] = right[5:8, 6] + 0.01
    wrong[:, 6:8] = y[:, 6:8] != right[:, 6:8]
    found = search(x, y, 80, TANH, wrong=5)
    more = np.arange(80) == 7
    np.testing.assert_array_equal(found.explanations, np.where(more, 0, 1))
    assert not found.wrong[:, more].any() and not found.reproduced[more].any()
    np.testing.assert_array_equal(found.wrong[:, ~more], wrong[:, ~more])


@pytest.mark.parametrize("samples", [12, 40])
def test_samples_that_say_too_little_are_no_guess_and_soon_given_up(samples, monkeypatch):
    """Twelve are too few to leave some out; of forty most are missing in some outputs."""
    calls = []
    monkeypatch.setattr(subsets, "explain", lambda *a, **k: calls.append(0) or exp.explain(*a, **k))
    teacher = sb.draw_teacher(80, 2, 3, 9)
    x, y = sb.draw_samples(teacher, TANH, samples, 3, 9)
    y[4:, :5] = np.nan
    found = search(x, y, 80, TANH, wrong=1)
    few = np.arange(80) < (5 if samples == 40 else 80)
    np.testing.assert_array_equal(found.explanations == MANY, few)
    assert (found.explanations[~few] == 1).all() and len(calls) < 100


def test_outputs_of_another_network_are_told_from_those_that_are_explained():
    """Three outputs read three hidden neurons, all others two."""
    teacher = sb.draw_teacher(90, 2, 1, 6)
    x, y = sb.draw_samples(teacher, TANH, 30, 1, 6)
    h = TANH(teacher.inner @ x)
    y[:, [4, 30, 77]] = TANH(h[:, :3] + h[:, 3:6] - h[:, 6:9])
    found = search(x, y, 90, TANH)
    assert np.flatnonzero(found.explanations == 0).tolist() == [4, 30, 77]
    np.testing.assert_array_equal(found.reproduced, found.explanations > 0)
    assert found.explanations.max() == 1
    ours, theirs = found_outputs(found, 90, TANH), of_dense(*(dense(part, 90) for part in teacher))
    assert [a for a in range(90) if ours[a] != theirs[a]] == [4, 30, 77]


@pytest.mark.parametrize("known", [False, True])
def test_what_was_not_found_says_of_no_output_that_it_is_wrong(known):
    """Three observed values can be explained in too many ways: no row is shown, none predicts."""
    teacher = sb.draw_teacher(20, 2, 1, 0)
    x, y = sb.draw_samples(teacher, TANH, 40, 1, 0)
    y[3:, 0] = np.nan
    more = {"outer": teacher.outer.topology} if known else {}
    found = sb.from_scratch(x, y, 20, activation=TANH, wrong_outputs=3, **more)
    assert found.explanations[0] == MANY
    assert not found.reproduced[0] and not found.wrong.any()
    np.testing.assert_array_equal(np.isnan(found.predict(x)).all(axis=0), ~found.reproduced)
    assert found.reproduced[1:].all()


def test_twins_that_cancel_take_two_entries_of_a_row():
    phi = sb.leaky_relu(a=0.3)
    x = np.random.default_rng(0).choice([-1, 1], (12, 3))
    x[:, 1] = x[:, 0]
    found = search(x, phi(phi(1.0 * x[:, 2:])), 2, phi, (1, 2))
    assert found.explanations.tolist() == [1]
    nothing = search(x, np.zeros((12, 1)), 2, phi, (2, 1))
    assert nothing.explanations.tolist() == [3], "no neuron, or twins with either sign"


def test_a_row_that_is_read_twice_is_that_of_two_hidden_neurons():
    x = np.random.default_rng(0).choice([-1, 1], (60, 8))
    y = TANH(2 * TANH(np.column_stack([x[:, 0] + x[:, 1], x[:, 2] - x[:, 3]])))
    one = search(x, y[:, :1], 1, TANH)
    assert one.explanations.tolist() == [0] and not one.reproduced.any()
    one = search(x, y[:, :1], 2, TANH)
    assert one.explanations.tolist() == [1] and one.least_hidden == 2 == len(one.certain)
    for hidden in (2, 4):
        both = search(x, y, hidden, TANH)
        assert both.least_hidden == 4 == len(both.inner.topology) and both.reproduced.all()


def test_a_chosen_network_with_too_many_hidden_neurons_says_so():
    teacher = sb.draw_teacher(30, 2, seed=1)
    found = sb.from_scratch(*sb.draw_samples(teacher, TANH, 8, seed=1), 30, activation=TANH)
    assert found.least_hidden <= 30 < len(found.certain)
    assert f"the network shown has {len(found.certain)} hidden neurons" in repr(found)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(
    "read", [[[0, 1], [2, 3]], [[0, 1, 2]], [[0, 1], [2, 3], [4, 5, 0]]], ids=str
)
def test_hidden_neurons_that_the_same_outputs_read_may_be_swapped(read, named):
    """That is no second explanation, whether their candidates are told or not."""
    rng = np.random.default_rng(0)
    x = rng.choice([-1, 1], (60, 8))
    inputs = [[0, 1], [2, 3], [1, 4], [3, 5], [6, 7], [2, 5]][: 1 + max(map(max, read))]
    h = TANH(np.column_stack([x[:, i] - x[:, j] for i, j in inputs]))
    y = TANH(np.column_stack([h[:, own] @ [1, -1, 1][: len(own)] for own in read]))
    inner = [range(8)] * len(inputs) if named else None
    found = sb.from_scratch(x, y, len(inputs), activation=TANH, outer=read, inner=inner)
    assert (found.explanations == 1).all() and found.reproduced.all()
    assert found.certain.all()


def test_hidden_neurons_with_other_candidates_may_not_be_swapped():
    x = np.random.default_rng(0).choice([-1, 1], (60, 8))
    y = TANH(TANH(x[:, :1] + x[:, 1:2]) + TANH(x[:, 2:3] + x[:, 3:4]))
    inner = [[2, 3, 4, 5], [0, 1, 6]]
    found = sb.from_scratch(x, y, 2, activation=TANH, outer=[[0, 1]], inner=inner)
    assert found.explanations.tolist() == [1]
    assert found.patterns[0].tolist() == [[2, 3], [0, 1]]


def test_hidden_neurons_without_candidates_have_empty_rows():
    x = np.random.default_rng(0).choice([-1, 1], (5, 8))
    y = np.full((5, 2), TANH(2 * TANH(np.zeros(1)))[0])
    found = sb.from_scratch(
        x, y, 4, activation=TANH, outer=[[0, 1], [2, 3]], inner=[[], [], [], []]
    )
    assert found.explanations.tolist() == [1, 1] and found.reproduced.all()
    assert not np.any(found.weights[0])


def test_numbers_of_explanations_do_not_overflow():
    """All inputs are twins: (3000 choose 3)^2 explanations are more than int64 holds."""
    x, phi = np.ones((1, 3000), np.int8), TANH
    y = phi(2 * phi(np.full((1, 1), 3.0)))
    found = sb.from_scratch(x, y, 2, activation=phi, at_most=sb.PerRow(3, 2))
    assert found.explanations[0] == 2**62 and found.ambiguous.tolist() == [0]


def test_an_output_that_is_known_to_read_nothing_is_constant():
    rng = np.random.default_rng(2)
    x = rng.choice([-1, 1], (15, 6))
    y = TANH(np.column_stack([np.zeros(15), TANH(x[:, 1] - x[:, 4]), TANH(x[:, 1] - x[:, 4])]))
    found = search(x, y, 2, TANH, readers=np.array([[-1, -1], [1, -1], [-1, -1]]))
    assert found.explanations.tolist() == [1, 1, 0]
    assert found.certain.tolist() == [False, True] and found.reproduced.tolist() == [1, 1, 0]
    none = search(x, y[:, :1], 2, TANH, readers=np.array([[-1, -1]]))
    assert none.explanations.tolist() == [1] and not none.certain.any()


def test_readers_may_be_told_in_any_order():
    """Of two hidden neurons that the same outputs read, too."""
    rng = np.random.default_rng(3)
    x = rng.choice([-1, 1], (30, 8))
    h = TANH(np.column_stack([x[:, 0] + x[:, 1], x[:, 2] - x[:, 3]]))
    y = TANH(np.column_stack([h[:, 0] + h[:, 1], -h[:, 0] - h[:, 1], -h[:, 1]]))
    for third in ([1, -1], [-1, 1]):
        found = search(x, y, 2, TANH, readers=np.array([[0, 1], [1, 0], third]))
        assert found.explanations.tolist() == [1, 1, 1] and found.reproduced.all()
        assert found.outer.topology.tolist() == [[0, 1], [0, 1], [1, -1]]
        assert found.outer.weights.tolist() == [[1, 1], [-1, -1], [-1, 0]]


def test_outputs_that_contradict_each_other_are_told_where_readers_are_known():
    """Two outputs read hidden neuron 0, and give it different rows."""
    rng = np.random.default_rng(1)
    x = rng.choice([-1, 1], (30, 8))
    z = TANH(np.column_stack([x[:, 0] + x[:, 1], x[:, 2] - x[:, 3], x[:, 4] + x[:, 5]]))
    y = TANH(np.column_stack([z[:, 0], z[:, 1], z[:, 2]]))
    found = search(x, y, 2, TANH, (2, 1), readers=np.array([[0], [0], [1]]))
    assert found.explanations.tolist() == [0, 0, 1]
    assert found.certain.tolist() == [False, True]


@pytest.mark.parametrize("phi", [TANH, sb.tanh(b=0.0)], ids=str)
def test_outputs_that_contradict_each_other_leave_those_beside_them_alone(phi):
    """In a ring of outputs one is of another hidden neuron than it says."""
    teacher = sb.draw_teacher(60, 2, 1, 11)
    readers = teacher.outer.topology.astype(np.int64)
    x = sb.draw_samples(teacher, phi, 40, 1, 11).x
    h = phi(teacher.inner @ x)
    y = phi(teacher.outer @ h)
    first, second = readers[8]
    stranger = next(h for h in range(60) if h not in readers[(readers == first).any(axis=1)])
    y[:, 8] = phi(h[:, stranger] - h[:, second])
    found = search(x, y, 60, phi, readers=readers)
    touched = (readers == first).any(axis=1)
    assert set(np.flatnonzero(found.explanations == 0)) <= set(np.flatnonzero(touched))
    assert found.explanations[8] == 0 and not found.certain[first]
    near = (readers == second).any(axis=1) & ~touched
    assert near.any() and (found.explanations[near] == 1).all()
    ours, theirs = dense(found.inner, 60), dense(teacher.inner, 60)
    rest = np.arange(60) != first
    same = (ours == theirs).all(axis=1) | ((ours == -theirs).all(axis=1) & found.odd)
    assert same[rest].all()
    assert found.certain[rest].all()


@pytest.mark.parametrize("named", [False, True])
def test_rows_of_three_entries_are_found(named):
    teacher = sb.draw_teacher(60, sb.PerRow(3, 2), 1, 4)
    x, y = sb.draw_samples(teacher, TANH, 32, 1, 4)
    readers = teacher.outer.topology.astype(np.int64) if named else None
    found = search(x, y, 60, TANH, (3, 2), readers)
    assert errors(teacher, found) == (0, 0)
    assert found.certain.all() and (found.explanations == 1).all()
    # A student of two entries has no explanation of them.
    assert not search(x, y, 60, TANH, (2, 2), readers).explanations.any()


def test_too_few_hidden_neurons_are_told():
    teacher = sb.draw_teacher(60, 2, 1, 3)
    found = search(*sb.draw_samples(teacher, TANH, 40, 1, 3), 55, TANH)
    assert found.least_hidden == 60 and errors(teacher, found) == (0, 0)


def test_few_samples_are_no_guess():
    teacher = sb.draw_teacher(100, 2, 1, 4)
    found = search(*sb.draw_samples(teacher, TANH, 5, 1, 4), 100, TANH)
    assert not found.certain.any() and (found.explanations != 1).all()


def test_more_samples_than_a_word_has_bits():
    """All count: after 64 that leave two inputs the same, one more tells them apart."""
    teacher = sb.draw_teacher(50, 2, 1, 7)
    x = sb.draw_samples(teacher, TANH, 70, 1, 7).x.copy()
    reader = int(np.flatnonzero((teacher.inner.topology == 5).any(axis=1))[0])
    x[:64, 9] = x[:64, 5]
    x[64:, 9] = -x[64:, 5]
    y = forward(teacher, TANH, x)
    found = search(x, y, 50, TANH)
    assert errors(teacher, found) == (0, 0) and found.certain.all() and not found.twins
    y[69, 3] += 0.01
    assert search(x, y, 50, TANH).explanations[3] == 0
    assert reader < 50


def test_missing_outputs_say_nothing():
    teacher = sb.draw_teacher(80, 2, 1, 9)
    x, y = sb.draw_samples(teacher, TANH, 60, 1, 9)
    y[np.random.default_rng(0).random(y.shape) < 0.4] = np.nan
    y[:, 11] = np.nan
    found = search(x, y, 80, TANH)
    assert found.explanations[11] < 0
    rest = np.arange(80) != 11
    assert (found.explanations[rest] == 1).all() and found.reproduced.all()
    assert errors(teacher, found)[1] == 1 / 80


@pytest.mark.parametrize("phi", [sb.relu(), sb.sign()], ids=str)
def test_activations_without_an_inverse_are_refused(phi):
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=rf"{phi.function}: .* the search needs an inverse"):
        search(x, x, 3, phi)


def test_activations_that_fall_are_refused():
    falls = sb.Activation("falls", lambda z: -z, lambda y: -y)
    with pytest.raises(ValueError, match="falls: of -2 and -1 the values are 2 and 1; the search"):
        search(np.ones((2, 3)), np.ones((2, 3)), 3, falls)


def test_an_output_for_many_sums_is_refused():
    """Hidden values up to z = 2 differ, but the outputs of larger sums are all 1.7."""
    cut = sb.Activation(
        "cut",
        lambda z: np.where(z < 1.5, z, np.minimum(1.5 + z / 10, 1.7)),
        interval=lambda y: (
            np.where(y < 1.5, y, 10 * (y - 1.5)),
            np.select([y < 1.5, y < 1.7], [y, 10 * (y - 1.5)], np.inf),
        ),
    )
    with pytest.raises(ValueError, match=r"cut: the output 1.7 stands for other pre-activations"):
        search(np.ones((2, 3)), np.zeros((2, 3)), 3, cut)


def test_inputs_that_are_no_signs_are_refused():
    with pytest.raises(ValueError, match=r"^x holds 0.5; the search takes inputs of -1 and 1"):
        search(np.array([[1, 0.5]]), np.zeros((1, 1)), 1, TANH)
