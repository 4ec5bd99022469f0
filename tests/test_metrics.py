"""The three errors against full matrices: Eqs. 2.2, 3.12 and 3.13."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsebp.network.data import Network, Samples
from sparsebp.network.metrics import (
    excess_error,
    flipped_error,
    generalization_error,
    on_pattern,
    symmetric_error,
    topology_error,
    weight_error,
)
from sparsebp.network.model import Layer, activation, forward

FUNCTIONS = {
    "tanh": (activation("tanh", b=0.1), lambda z: np.tanh(z - 0.1)),
    "leaky-relu": (activation("leaky-relu", a=0.1), lambda z: np.where(z > 0, z, 0.1 * z)),
}


def layer(rng, rows, columns, slots, alphabet):
    """Random entries, without repeats in a row; the columns in no order."""
    topology = np.array([rng.permutation(columns)[:slots] for _ in range(rows)], np.int32)
    return Layer(topology, rng.choice(alphabet, size=(rows, slots)).astype(np.int8))


def matrices(one, columns):
    """Weights, and where they may be non-zero, as full matrices."""
    weights, mask = np.zeros((2, len(one.topology), columns))
    np.put_along_axis(weights, one.topology.astype(int), one.weights, axis=1)
    np.put_along_axis(mask, one.topology.astype(int), 1, axis=1)
    return weights, mask


def case(seed, sizes, slots):
    """A teacher and a student whose pattern may lack entries of the teacher's."""
    rng = np.random.default_rng(seed)
    inputs, hidden, outputs = sizes
    shapes = ((hidden, inputs), (outputs, hidden))
    teacher, student = (
        [layer(rng, *shape, min(k, shape[1]), values) for shape, k in zip(shapes, ks, strict=True)]
        for ks, values in zip(slots, ((-1, 1), (-1, 0, 1)), strict=True)
    )
    return Network(*teacher), student, (inputs, hidden)


def test_a_student_with_fewer_weights_can_have_a_topology_error_above_one():
    """By hand: of 8 teacher weights 7 are missed, and 3 of the student's 4 are elsewhere."""
    teacher = Network(
        Layer(np.array([[0, 1], [0, 1]]), np.ones((2, 2))),
        Layer(np.array([[0, 1], [0, 1]]), np.ones((2, 2))),
    )
    student = [
        Layer(np.array([[2], [3]]), np.array([[1], [-1]])),
        Layer(np.array([[1], [2]]), np.array([[1], [1]])),
    ]
    assert weight_error(teacher, student) == 7 / 8
    assert topology_error(teacher, student) == (7 + 3) / 4
    assert excess_error(teacher, student) == 3 / 4


numbers = st.integers(1, 6)
cases = st.builds(
    case,
    st.integers(0, 2**32),
    st.tuples(numbers, numbers, numbers),
    st.tuples(st.tuples(numbers, numbers), st.tuples(numbers, numbers)),
)


@given(cases)
def test_weight_error_is_one_minus_the_overlap(one):
    teacher, student, columns = one
    right = total = 0
    for theirs, ours, width in zip(teacher, student, columns, strict=True):
        truth, mask = matrices(theirs, width)
        right += ((matrices(ours, width)[0] == truth) & (mask == 1)).sum()
        total += mask.sum()
    assert weight_error(teacher, student) == pytest.approx(1 - right / total, abs=1e-15)


@given(cases)
def test_topology_error_is_equation_3_12(one):
    teacher, student, columns = one
    errors = possible = 0
    for theirs, ours, width in zip(teacher, student, columns, strict=True):
        _, a_teacher = matrices(theirs, width)
        j, a = matrices(ours, width)
        errors += (a_teacher * (1 - abs(j)) + a * (1 - a_teacher) * abs(j)).sum()
        possible += a.sum()
    assert topology_error(teacher, student) == pytest.approx(errors / possible, abs=1e-15)


@given(cases, st.sampled_from(sorted(FUNCTIONS)), st.integers(1, 9))
def test_generalization_error_is_equation_3_13(one, name, count):
    _, student, columns = one
    phi, function = FUNCTIONS[name]
    rng = np.random.default_rng(count)
    x = rng.choice([-1, 1], size=(count, columns[0])).astype(np.int8)
    y = rng.normal(size=(count, len(student[1].topology)))
    w_in, w_out = (matrices(ours, width)[0] for ours, width in zip(student, columns, strict=True))
    distances = ((y - function(function(x @ w_in.T) @ w_out.T)) ** 2).sum(axis=1)
    expected = distances.sum() / count / y.shape[1]
    assert generalization_error(student, phi, Samples(x, y)) == pytest.approx(expected, rel=1e-12)


def test_one_error_of_each_kind():
    """By hand: 4 teacher weights, 6 places in the student."""
    teacher = Network(
        Layer(np.array([[0], [1]]), np.array([[1], [-1]])),
        Layer(np.array([[0], [1]]), np.array([[1], [1]])),
    )
    student = [
        Layer(np.array([[0, 1], [0, 1]]), np.array([[-1, 1], [0, 0]])),  # wrong, excess, -, missed
        Layer(np.array([[0], [0]]), np.array([[1], [0]])),  # right; the other is not in the pattern
    ]
    assert weight_error(teacher, student) == 3 / 4
    assert flipped_error(teacher, student) == 0
    assert topology_error(teacher, student) == 3 / 6
    assert excess_error(teacher, student) == 1 / 6


def test_flipped_neurons_of_deeper_networks_are_counted_once_each():
    """Two hidden layers of 2 neurons, two weights a row: a flip of one neuron in each layer."""
    full = np.array([[0, 1], [0, 1]])
    teacher = Network(*(Layer(full, np.array([[1, -1], [1, 1]])) for _ in range(3)))
    first, middle, last = (layer.weights.copy() for layer in teacher)
    first[0] *= -1
    middle[:, 0] *= -1

    def errors():
        student = [Layer(full, weights) for weights in (first, middle, last)]
        return weight_error(teacher, student), flipped_error(teacher, student)

    assert errors() == (4 / 12, 4 / 12)
    middle[1] *= -1
    last[:, 1] *= -1
    # The weight between the two flipped neurons is right again: neither has all signs opposite.
    assert errors() == (6 / 12, 0)
    middle[1, 0] *= -1
    assert errors() == (7 / 12, 7 / 12)


@given(cases)
def test_excess_is_the_part_of_the_topology_error_without_a_teacher_weight(one):
    teacher, student, columns = one
    excess = possible = 0
    for theirs, ours, width in zip(teacher, student, columns, strict=True):
        (truth, _), (j, a) = matrices(theirs, width), matrices(ours, width)
        excess += ((truth == 0) & (j != 0)).sum()
        possible += a.sum()
    assert excess_error(teacher, student) == pytest.approx(excess / possible, abs=1e-15)
    assert excess_error(teacher, student) <= topology_error(teacher, student)


@given(cases, st.integers(0, 2**32), st.booleans())
def test_flipped_error_counts_hidden_neurons_with_every_sign_opposite(one, seed, spoil):
    """Some hidden neurons of a perfect student are flipped; one weight may be set right again."""
    teacher, _, columns = one
    rng = np.random.default_rng(seed)
    (w_in, _), (w_out, _) = (matrices(t, w) for t, w in zip(teacher, columns, strict=True))
    signs = rng.choice([-1, 1], size=len(w_in))
    w_in, w_out = w_in * signs[:, None], w_out * signs
    if spoil:
        w_in[0] *= np.where(np.arange(len(w_in[0])) == teacher.inner.topology[0, 0], -1, 1)
    student = [
        Layer(np.tile(np.arange(width), (len(full), 1)), full.astype(np.int8))
        for full, width in ((w_in, columns[0]), (w_out, columns[1]))
    ]
    # A neuron is flipped as a whole if every weight that the teacher has of it is its negative.
    truths = [matrices(t, w)[0] for t, w in zip(teacher, columns, strict=True)]
    wrong = 0
    for j in range(len(w_in)):
        true = np.concatenate([truths[0][j], truths[1][:, j]])
        found = np.concatenate([w_in[j], w_out[:, j]])
        if (found == -true).all():
            wrong += np.count_nonzero(true)
    total = sum(np.count_nonzero(t) for t in truths)
    assert flipped_error(teacher, student) == pytest.approx(wrong / total, abs=1e-15)
    assert flipped_error(teacher, student) <= weight_error(teacher, student)


@given(cases, st.sampled_from(sorted(FUNCTIONS)))
def test_a_perfect_student_makes_no_error(one, name):
    """Its pattern has every place, in another order, and zeros where the teacher has none."""
    teacher, _, columns = one
    phi, function = FUNCTIONS[name]
    student = []
    for theirs, width in zip(teacher, columns, strict=True):
        truth, _ = matrices(theirs, width)
        everywhere = np.tile(np.arange(width)[::-1], (len(truth), 1))
        student.append(Layer(everywhere, truth[:, ::-1].astype(np.int8)))
    x = np.random.default_rng(0).choice([-1, 1], size=(7, columns[0]))
    w_in, w_out = (matrices(t, width)[0] for t, width in zip(teacher, columns, strict=True))
    y = function(function(x @ w_in.T) @ w_out.T)
    assert weight_error(teacher, student) == 0
    assert topology_error(teacher, student) == 0
    assert generalization_error(student, phi, Samples(x, y)) == pytest.approx(0, abs=1e-24)


@given(st.integers(0, 2**32), numbers, numbers, numbers, st.integers(1, 3))
def test_on_pattern_reads_many_estimates_at_once(seed, rows, slots, wanted, count):
    rng, columns = np.random.default_rng(seed), 6
    one = layer(rng, rows, columns, slots, (-1, 0, 1))
    values = rng.choice([-1, 0, 1], size=(count, rows, slots)).astype(np.int8)
    places = layer(rng, rows, columns, wanted, (1,)).topology
    found = on_pattern(values, one.topology, places)
    assert found.dtype == np.int8
    for read, estimate in zip(found, values, strict=True):
        full, _ = matrices(Layer(one.topology, estimate), columns)
        np.testing.assert_array_equal(read, np.take_along_axis(full, places.astype(int), axis=1))


def shuffled(layers, rng, odd=False):
    """The same network with its hidden neurons in another order, with other signs if ``odd``."""
    inner, outer = layers
    order = rng.permutation(len(inner.topology))
    sign = rng.choice([-1, 1], len(order)) if odd else np.ones(len(order), int)
    place = np.argsort(order)
    moved = Layer(inner.topology[order], inner.weights[order] * sign[:, None])
    slots = rng.permutation(outer.topology.shape[1])
    read = Layer(place[outer.topology], outer.weights * sign[place][outer.topology])
    return [moved, Layer(read.topology[:, slots], read.weights[:, slots])]


@given(seed=st.integers(0, 1000), odd=st.booleans())
def test_symmetries_are_no_errors(seed, odd):
    rng = np.random.default_rng(seed)
    teacher = Network(layer(rng, 6, 5, 2, (-1, 1)), layer(rng, 5, 6, 2, (-1, 1)))
    assert symmetric_error(teacher, shuffled(teacher, rng, odd), odd) == (0, 0)
    # Whatever a network says differs if its outputs do, and only then.
    other = [layer(rng, 6, 5, 2, (-1, 1)), layer(rng, 5, 6, 2, (-1, 1))]
    phi = activation("tanh", b=0.0 if odd else 0.3)
    x = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1).T
    same = np.abs(forward(teacher, phi, x) - forward(other, phi, x)).max(axis=0) < 1e-9
    rows, outputs = symmetric_error(teacher, other, odd)
    if odd:  # on -2, 0 and 2 it is linear, so that other pairs of inputs may say the same
        assert outputs >= 1 - same.mean()
    else:
        assert outputs == pytest.approx(1 - same.mean())
    assert 0 <= rows <= 1


def test_symmetric_errors_by_hand():
    inner = Layer(np.array([[0, 1], [2, -1]]), np.array([[1, -1], [1, 0]]))
    teacher = Network(inner, Layer(np.array([[0, 1], [0, -1]]), np.array([[1, 1], [-1, 0]])))
    flipped = Layer(np.array([[2, 1], [1, 0]]), np.array([[1, 0], [1, -1]]))
    student = [flipped, Layer(np.array([[1, 0], [1, 0]]), np.array([[-1, 1], [1, 0]]))]
    assert symmetric_error(teacher, student) == (0.5, 1)
    assert symmetric_error(teacher, student, odd=True) == (0, 0)
    student[1].weights[1, 0] = -1
    assert symmetric_error(teacher, student, odd=True) == (0, 0.5)
    # Two hidden neurons of one row that cancel are as none.
    twice = [
        Layer(np.zeros((2, 1), int), np.ones((2, 1), int)),
        Layer(*np.array([[[0, 1]], [[1, -1]]])),
    ]
    none = Network(
        Layer(np.zeros((1, 1), int), np.ones((1, 1), int)), Layer(*np.zeros((2, 1, 1), int))
    )
    assert symmetric_error(none, twice) == (0, 0)
