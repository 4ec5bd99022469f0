"""The search for surviving configurations against trying them all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsebp.engine import factors as fac
from sparsebp.engine import memory
from sparsebp.engine.survivors import FEW, half_sums, join_halves
from sparsebp.network.model import activation, preactivations
from tests.problems import RELU, TANH, instance

# Non-zeros per row and alphabet: from 2 to 8^4 and 19^3 configurations per factor.
SHAPES = [
    ((1, 1), (-1, 1)),
    ((2, 1), (-1, 0, 1)),
    ((2, 2), (-1, 1)),
    ((3, 2), (-1, 0, 1)),
    ((2, 3), (-1, 1)),
    ((2, 3), (-1, 0, 1)),
    ((2, 4), (-1, 1)),
    ((1, 5), (-1, 1)),
    ((1, 5), (-1, 0, 1)),
    ((2, 2), (-9, -2, 0, 5)),
    ((2, 4), (-9, 9)),
]
ACTIVATIONS = [TANH, RELU, activation("tanh", b=-3.0), activation("leaky-relu", a=0.0)]


def all_configurations(count, edges):
    """(count^edges, edges), in lexicographic order."""
    return np.indices((count,) * edges).reshape(edges, -1).T


@given(
    shape=st.sampled_from(SHAPES),
    phi=st.sampled_from(ACTIVATIONS),
    m=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=80)
def test_hard_factors_are_the_same_as_by_trying_everything(shape, phi, m, seed):
    per_row, alphabet = shape
    one = instance(n=5, m=m, teacher=per_row, alphabet=alphabet, phi=phi, seed=seed)
    states, (inner, outer), x = one.problem.states, one.problem.patterns, one.samples.x
    z = states.contributions(inner, phi, x)
    every = all_configurations(len(states.class_output), per_row[1])
    # Outputs of random weights of the student, which drive many neurons into saturation.
    truth = every[np.random.default_rng(seed).integers(len(every), size=len(outer))]
    y = phi(z[:, outer, truth].sum(axis=-1))
    factors = fac.hard_factors(states, inner, outer, phi, x, y, memory_gib=1)
    expected = []
    for a, read in enumerate(outer):
        total = sum(z[:, neuron, every[:, j]] for j, neuron in enumerate(read))
        low, high = preactivations(phi, y[:, a, None])
        match = ((total >= low) & (total <= high)).all(axis=0)
        expected.append(every[match])
        assert (every[match] == truth[a]).all(axis=1).any()
    np.testing.assert_array_equal(factors.configurations, np.concatenate(expected))
    np.testing.assert_array_equal(np.diff(factors.offsets), [len(rows) for rows in expected])
    assert factors.configurations.dtype == factors.offsets.dtype == np.int64
    assert factors.offsets[0] == 0


@pytest.mark.parametrize("phi", ACTIVATIONS, ids=str)
def test_outputs_out_of_reach_leave_no_configuration(phi):
    one = instance(n=6, m=3, teacher=(2, 3), alphabet=(-1, 0, 1), phi=phi)
    y = np.where(np.arange(6) % 2, 100.0, -100.0) * np.ones((3, 1))
    where = one.problem.states, *one.problem.patterns, phi
    factors = fac.hard_factors(*where, one.samples.x, y, memory_gib=1)
    assert factors.configurations.shape == (0, 3) and factors.offsets.tolist() == [0] * 7


def test_slices_of_factors_are_put_together(monkeypatch):
    one = instance(n=50, m=3, teacher=(2, 3))
    arguments = one.problem.states, *one.problem.patterns, one.phi, *one.samples, 1
    whole = fac.hard_factors(*arguments)
    monkeypatch.setattr(memory, "CHUNK_CELLS", 700)
    sliced = fac.hard_factors(*arguments)
    np.testing.assert_array_equal(sliced.configurations, whole.configurations)
    np.testing.assert_array_equal(sliced.offsets, whole.offsets)


@given(
    classes=st.integers(1, 12),
    edges=st.integers(1, 5),
    m=st.integers(1, 4),
    width=st.sampled_from([0.1, 1.0, 4.0, np.inf]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=100)
def test_joined_halves_lie_within_the_bounds(classes, edges, m, width, seed):
    classes = min(classes, {4: 8, 5: 5}.get(edges, 12))
    rng = np.random.default_rng(seed)
    terms = rng.normal(size=(m, 3, edges, classes))
    if seed % 2:
        terms = np.round(terms)  # many equal sums
    centre = rng.normal(size=(m, 3)) + 0.01
    low, high = centre - width / 2, centre + width / 2
    high[rng.random(high.shape) < 0.3] = np.inf
    every = all_configurations(classes, edges)
    total = sum(terms[:, :, j][:, :, every[:, j]] for j in range(edges))
    inside = ((total >= low[..., None]) & (total <= high[..., None])).all(axis=0)
    counts, flat = join_halves(terms, low, high, limit=inside.sum())
    np.testing.assert_array_equal(counts, inside.sum(axis=1))
    np.testing.assert_array_equal(flat, np.nonzero(inside)[1])
    if len(flat):
        assert join_halves(terms, low, high, limit=len(flat) - 1)[1] is None


def test_the_search_takes_the_square_root_of_the_configurations():
    # 4^16 and 4^15 configurations: trying them all would take minutes.
    for edges in (16, 15):
        terms = np.random.default_rng(edges).normal(size=(3, 1, edges, 4))
        truth = np.arange(edges) % 4
        target = terms[:, :, np.arange(edges), truth].sum(axis=-1)
        counts, flat = join_halves(terms, target - 1e-9, target + 1e-9, limit=100)
        assert counts.tolist() == [1] and 4**edges > FEW
        assert flat.tolist() == [np.ravel_multi_index(truth, (4,) * edges)]
    assert half_sums(4, 16) == 2 * 4**8 + 1 and half_sums(4, 15) == 2 * 4**7 + 4


@pytest.mark.parametrize("far", [1e-3, 1.0, 1e6], ids=str)
@pytest.mark.parametrize("spread", [0.0, 1e-12, 0.1])
def test_sums_that_lie_together_in_few_boxes_are_all_tested(far, spread):
    """One class far from all others makes boxes wide: nearly all sums of a half are in one of them,
    equal or not. So all pairs of halves are tried, and none is lost or found twice."""
    rng = np.random.default_rng(0)
    terms = spread * rng.normal(size=(3, 2, 6, 6))
    terms[..., 0] += far
    every = all_configurations(6, 6)
    total = sum(terms[:, :, j][:, :, every[:, j]] for j in range(6))
    # Of the first factor those around the middle survive, of the second those with two far terms.
    width = np.array([[spread + 1e-9], [0.4 * far + 1e-9]])
    centre = np.broadcast_to([0.0, 2 * far], (3, 2))
    low, high = centre - width.T, centre + width.T
    inside = ((total >= low[..., None]) & (total <= high[..., None])).all(axis=0)
    assert len(every) > FEW and 0 < inside.sum() < inside.size
    counts, flat = join_halves(terms, low, high, limit=inside.sum())
    np.testing.assert_array_equal(counts, inside.sum(axis=1))
    np.testing.assert_array_equal(flat, np.nonzero(inside)[1])


def test_a_search_in_which_all_keys_are_equal_ends():
    """All pairs of halves are tried then, 4^10 of them: none fits, or more than are asked for."""
    terms = np.zeros((4, 1, 10, 4))
    terms[:3, ..., 0], bounds = 1e6, np.ones((4, 1))
    counts, flat = join_halves(terms, 0.4 * bounds, 0.6 * bounds, limit=100)
    assert counts.tolist() == [0] and not len(flat)
    assert join_halves(terms, -0.1 * bounds, 0.1 * bounds, limit=100)[1] is None
    counts, flat = join_halves(terms, -0.1 * bounds, 0.1 * bounds, limit=3**10)
    assert counts.tolist() == [len(np.unique(flat))] == [3**10]


def test_memory_for_the_search_and_for_the_list_is_refused_before_it_is_taken():
    one = instance(n=20, m=1, teacher=(2, 8))
    make = one.problem.states, *one.problem.patterns, one.phi, *one.samples
    with pytest.raises(ValueError, match=r"searching the 8\^8 .* GiB; .*1e-06.*memory_gib"):
        fac.hard_factors(*make, memory_gib=1e-6)
    # Of 8^8 configurations a tenth agrees with one sample: gigabytes for 20 factors.
    with pytest.raises(ValueError, match=r"8\^8 .* each output.* 1 samples.* 0.01 GiB.*memory_gib"):
        fac.hard_factors(*make, memory_gib=0.01)
