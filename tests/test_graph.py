"""Random patterns: degrees, refusals, and draws that are uniform over all that is possible."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import chisquare

from sparsebp.engine.layout import near_together, readers
from sparsebp.network import patterns
from sparsebp.network.data import draw_teacher
from sparsebp.network.patterns import biregular, containing, overlapping


def assert_biregular(topology, rows, columns, per_row):
    """Right degrees, no repeats, ascending, int32."""
    assert topology.dtype == np.int32
    assert topology.shape == (rows, per_row)
    assert (np.diff(topology, axis=1) > 0).all()
    assert topology.min() >= 0
    per_column = rows * per_row // columns
    assert np.bincount(topology.ravel(), minlength=columns).tolist() == [per_column] * columns


ratios, seeds = st.integers(1, 4), st.integers(0, 2**32)


@st.composite
def shapes(draw):
    """(rows, columns, per_row) that fit: per_row up to full, any ratio of rows to columns."""
    n, u, v = draw(st.integers(1, 12)), draw(ratios), draw(ratios)
    return n * v, n * u, u * draw(st.integers(1, n))


@given(shapes(), seeds)
def test_biregular_has_the_degrees_asked_for(shape, seed):
    assert_biregular(biregular(*shape, np.random.default_rng(seed)), *shape)


@pytest.mark.parametrize(
    "shape", [(1000, 1000, 2), (800, 1200, 3), (800, 800, 2), (200, 200, 3), (60, 60, 60)]
)
def test_biregular_at_the_sizes_of_the_study(shape):
    assert_biregular(biregular(*shape, np.random.default_rng(0)), *shape)


def test_biregular_repeats_with_the_generator_and_differs_between_generators():
    first, again, other = (biregular(30, 30, 2, np.random.default_rng(s)) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    "shape, arithmetic",
    [
        ((999, 1000, 2), ["999", "x 2", "= 1998", "1000"]),
        ((800, 1200, 2), ["800", "x 2", "= 1600", "1200"]),
        ((4, 3, 4), ["4 non-zeros", "3 columns"]),
        ((0, 3, 1), ["0 rows"]),
        ((3, 3, 0), ["0 non-zeros"]),
        ((3, 3, -1), ["-1 non-zeros"]),
    ],
)
def test_biregular_refuses_what_does_not_fit(shape, arithmetic):
    with pytest.raises(ValueError) as refusal:
        biregular(*shape, np.random.default_rng(0))
    assert [part for part in arithmetic if part not in str(refusal.value)] == []


def assert_uniform(draws, possible):
    """Every draw is possible, and their counts are those of a uniform distribution."""
    counts = Counter(draws)
    assert set(counts) <= set(possible)
    assert chisquare([counts[one] for one in possible]).pvalue > 1e-4


@pytest.mark.thorough
def test_biregular_is_uniform_over_all_patterns_of_4x4():
    pairs = list(itertools.combinations(range(4), 2))
    patterns = [
        p for p in itertools.product(pairs, repeat=4) if set(Counter(sum(p, ())).values()) == {2}
    ]
    assert len(patterns) == 90
    rng = np.random.default_rng(1)
    draws = (biregular(4, 4, 2, rng) for _ in range(2700))
    assert_uniform((tuple(map(tuple, draw.tolist())) for draw in draws), patterns)


@pytest.mark.thorough
def test_the_bias_of_matching_is_small_where_it_is_largest():
    """Where the total variation distance from the uniform distribution is at most 0.07."""
    rng, draws, possible = np.random.default_rng(4), 20_000, 90
    counts = Counter(biregular(4, 4, 2, rng, "matching").tobytes() for _ in range(draws))
    assert len(counts) == possible
    statistic, _ = chisquare(list(counts.values()))
    # The distance squared is at most a quarter of the divergence, of which this is an estimate.
    divergence = (statistic - (possible - 1)) / draws
    assert divergence + 4 * np.sqrt(2 * possible) / draws < 4 * 0.07**2


def rings(topology):
    """Number of rings that rows and columns form when each has two entries."""
    n = len(topology)
    rows, columns = np.repeat(np.arange(n), 2), n + topology.ravel()
    patterns = coo_array((np.ones(2 * n), (rows, columns)), shape=(2 * n, 2 * n))
    return connected_components(patterns, directed=False)[0]


def by_rejection(n, rng):
    """The exact uniform distribution: stubs matched at random until no row has a column twice."""
    while True:
        topology = rng.permutation(np.repeat(np.arange(n), 2)).reshape(n, 2)
        if (topology[:, 0] != topology[:, 1]).all():
            return topology


@pytest.mark.parametrize(
    "rows, columns, per_row",
    [(300, 300, 1), (300, 300, 3), (300, 300, 10), (200, 300, 6), (300, 200, 4)],
)
def test_matched_patterns_are_biregular(rows, columns, per_row):
    topology = biregular(rows, columns, per_row, np.random.default_rng(per_row), "matching")
    assert topology.dtype == np.int32 and topology.shape == (rows, per_row)
    assert (topology[:, 1:] > topology[:, :-1]).all()
    assert (np.bincount(topology.ravel(), minlength=columns) == rows * per_row // columns).all()


def test_what_is_too_dense_to_be_matched():
    with pytest.raises(ValueError, match="4 non-zeros in each of 4 rows are too dense"):
        biregular(4, 4, 4, np.random.default_rng(0), "matching")
    assert biregular(4, 4, 4, np.random.default_rng(0)).tolist() == [[0, 1, 2, 3]] * 4
    with pytest.raises(ValueError, match="drawing: 'stubs'; allowed: trades, matching"):
        draw_teacher(10, 2, drawing="stubs")


def squares(topology):
    """Number of pairs of columns that two rows have in common: rings of two rows."""
    n = len(topology)
    ones = np.ones(topology.size)
    pattern = coo_array((ones, (np.repeat(np.arange(n), topology.shape[1]), topology.ravel())))
    shared = (pattern @ pattern.T).tocoo()
    shared = shared.data[shared.coords[0] != shared.coords[1]]
    return (shared * (shared - 1)).sum() / 4


@pytest.mark.thorough
def test_matching_draws_as_trades_do_but_for_a_vanishing_bias():
    """Short rings are where a bias would show: they are what switches make and break."""
    rng, draws = np.random.default_rng(3), 300
    matched, traded = (
        [squares(biregular(200, 200, 4, rng, drawing)) for _ in range(draws)]
        for drawing in ("matching", "trades")
    )
    error = np.sqrt((np.var(matched) + np.var(traded)) / draws)
    assert abs(np.mean(matched) - np.mean(traded)) < 4 * error
    # The comparison can tell: squares are as many as the degrees say, (3 * 3)^2 / 4.
    assert 4 * error < 2 and abs(np.mean(matched) - 81 / 4) < 2


@pytest.mark.thorough
def test_biregular_has_as_many_rings_as_the_configuration_model():
    rng, draws = np.random.default_rng(2), 320
    ours = [rings(biregular(200, 200, 2, rng)) for _ in range(draws)]
    exact = [rings(by_rejection(200, rng)) for _ in range(4 * draws)]
    error = np.sqrt(np.var(ours) / len(ours) + np.var(exact) / len(exact))
    assert abs(np.mean(ours) - np.mean(exact)) < 4 * error
    # The comparison can tell: one ring more or fewer in every other pattern would show.
    assert 4 * error < 1 / 2


class Tied:
    """A generator of zeros and ones, with which most cards of a trade are tied."""

    def __init__(self, rng):
        self._rng, self.permutation = rng, rng.permutation

    def random(self, shape):
        return self._rng.integers(0, 2, shape).astype(float)


def traded(topology, rng, forbidden):
    """What trades make of a pattern, in plain Python, whose sort leaves ties as they are."""
    rows, slots = topology.tolist(), topology.shape[1]
    half = len(rows) // 2
    for _ in range(20 + 5 * math.ceil(math.log2(len(rows)))):
        order = rng.permutation(len(rows)).tolist()
        keys = rng.random((half, 2 * slots)).tolist()
        for a, b, key in zip(order[:half], order[half : 2 * half], keys, strict=True):
            cards, banned = rows[a] + rows[b], {*forbidden[a], *forbidden[b]}
            for place, card in enumerate(cards):
                if card in banned or cards.count(card) == 2:
                    key[place] = -1 if place < slots else 2
            dealt = [card for _, card in sorted(zip(key, cards, strict=True), key=lambda k: k[0])]
            rows[a], rows[b] = dealt[:slots], dealt[slots:]
    return np.sort(rows, axis=1)


@pytest.mark.parametrize("generator", [Tied, lambda rng: rng], ids=["tied", "as drawn"])
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("per_row", range(1, 11))
def test_trades_leave_ties_as_they_are(per_row, beside, generator):
    """So there is one order, which no processor's way to sort can change."""
    n = 25
    pattern = biregular(n, n, per_row, np.random.default_rng(0))
    forbidden = biregular(n, n, 3, np.random.default_rng(1)) if beside else None
    ours, plain = (generator(np.random.default_rng(2)) for _ in range(2))
    expected = traded(pattern, plain, forbidden.tolist() if beside else [[]] * n)
    np.testing.assert_array_equal(patterns._trade(pattern, ours, forbidden), expected)


@st.composite
def extensions(draw, densest):
    """(rows, columns, teacher's per_row, student's) that fit, up to a density of the student."""
    per_row = draw(st.integers(2, 6))
    n = draw(st.integers(math.ceil(per_row / densest), 2 * math.ceil(per_row / densest)))
    u, v = draw(ratios), draw(ratios)
    return n * v, n * u, u * draw(st.integers(1, per_row - 1)), u * per_row


def check_containing(extension, seed):
    rows, columns, slots, per_row = extension
    rng = np.random.default_rng(seed)
    teacher = biregular(rows, columns, slots, rng)
    student = containing(teacher, columns, per_row, rng)
    assert_biregular(student, rows, columns, per_row)
    assert all(set(t) <= set(s) for t, s in zip(teacher.tolist(), student.tolist(), strict=True))


@pytest.mark.thorough
@given(extensions(densest=0.5), seeds)
def test_containing_keeps_the_teacher_and_has_the_degrees_asked_for(extension, seed):
    check_containing(extension, seed)


@pytest.mark.thorough
@given(extensions(densest=1), seeds)
def test_containing_finds_room_in_dense_patterns(extension, seed):
    """What a biregular teacher leaves free always has a biregular part (König's theorem)."""
    check_containing(extension, seed)


@pytest.mark.parametrize("n", [3, 4, 6, 20])
def test_containing_can_fill_the_last_place_of_every_row(n):
    rng = np.random.default_rng(n)
    student = containing(biregular(n, n, n - 1, rng), n, n, rng)
    assert student.tolist() == [list(range(n))] * n


def test_containing_at_the_size_of_the_study():
    check_containing((200, 200, 2, 3), seed=0)


def test_containing_without_more_entries_is_the_teacher():
    teacher = biregular(20, 20, 2, np.random.default_rng(0))
    student = containing(teacher, 20, 2, np.random.default_rng(1))
    assert student.dtype == np.int32
    assert (student == teacher).all()


@pytest.mark.parametrize(
    "per_row, columns, message",
    [
        (1, 6, "1 non-zeros per row cannot contain a teacher with 2"),
        (7, 6, "7 non-zeros per row do not fit in 6 columns"),
        (3, 5, "= 18, which is not a multiple of 5"),
    ],
)
def test_containing_refuses_what_does_not_fit(per_row, columns, message):
    teacher = biregular(6, 6, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        containing(teacher, columns, per_row, np.random.default_rng(1))


@pytest.mark.parametrize("n", [4, 30])
def test_containing_gives_up_where_there_is_no_room(n):
    """All rows hold columns 0 and 1, so no row can take them, but each needs one more entry."""
    with pytest.raises(ValueError, match="room"):
        containing(np.tile([0, 1], (n, 1)), n, 3, np.random.default_rng(0))


@pytest.mark.parametrize(
    "teacher, number",
    [
        pytest.param([[0], [1], [2], [3]], 9, id="derangements of 4"),
        pytest.param([[0, 1], [1, 2], [2, 3], [0, 3]], 2, id="one ring of 4"),
        pytest.param([[0, 1], [0, 1], [2, 3], [2, 3]], 4, id="two rings of 2"),
        pytest.param([[0, 1], [1, 2], [2, 3], [3, 4], [0, 4]], 13, id="one ring of 5"),
    ],
)
def test_containing_is_uniform_over_all_added_permutations(teacher, number):
    n, rng = len(teacher), np.random.default_rng(3)
    possible = [
        p
        for p in itertools.permutations(range(n))
        if not any(c in row for c, row in zip(p, teacher, strict=True))
    ]
    assert len(possible) == number
    slots = len(teacher[0])
    draws = [containing(np.array(teacher), n, slots + 1, rng) for _ in range(120 * number)]
    added = [
        tuple((set(s) - set(t)).pop() for s, t in zip(draw.tolist(), teacher, strict=True))
        for draw in draws
    ]
    assert_uniform(added, possible)


def shared(one, other):
    return sum(len(set(a) & set(b)) for a, b in zip(one.tolist(), other.tolist(), strict=True))


@st.composite
def overlaps(draw):
    """(rows, columns, teacher's per_row, student's, overlap) that fit, and leave much room."""
    n, u, v = draw(st.integers(12, 16)), draw(ratios), draw(ratios)
    slots, per_row = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    most = min(slots, per_row) * n * u * v
    overlap = draw(st.one_of(st.just(0), st.just(most), st.integers(0, most))) / (slots * n * u * v)
    return n * v, n * u, u * slots, u * per_row, overlap


@pytest.mark.thorough
@given(overlaps(), seeds)
def test_overlapping_has_the_degrees_and_the_overlap_asked_for(case, seed):
    rows, columns, slots, per_row, overlap = case
    teacher = biregular(rows, columns, slots, np.random.default_rng(seed))
    student, again = (
        overlapping(teacher, columns, per_row, overlap, np.random.default_rng(seed + 1))
        for _ in range(2)
    )
    assert_biregular(student, rows, columns, per_row)
    assert shared(teacher, student) == round(overlap * teacher.size)
    assert (student == again).all()


@pytest.mark.parametrize("per_row", [2, 3])
def test_overlapping_with_all_entries_is_as_containing(per_row):
    teacher = biregular(20, 20, 2, np.random.default_rng(0))
    one = containing(teacher, 20, per_row, np.random.default_rng(1))
    assert (overlapping(teacher, 20, per_row, 1, np.random.default_rng(1)) == one).all()


@pytest.mark.thorough
@pytest.mark.parametrize("per_row, overlap", [(1, 0.25), (2, 0), (2, 0.5), (3, 0.5)])
def test_overlapping_treats_all_cells_alike(per_row, overlap):
    """Every cell of the teacher is kept equally often, and so is every other cell taken."""
    n, draws, rng = 12, 500, np.random.default_rng(4)
    teacher = np.sort((np.arange(n)[:, None] + [0, 1]) % n, axis=1)
    taken, theirs = np.zeros((n, n)), np.zeros((n, n), bool)
    np.put_along_axis(theirs, teacher, True, axis=1)
    for _ in range(draws):
        student = overlapping(teacher, n, per_row, overlap, rng)
        taken[np.arange(n)[:, None], student] += 1
    kept = 2 * n * overlap
    for cells, expected in ((theirs, kept), (~theirs, n * per_row - kept)):
        mean = draws * expected / cells.sum()
        assert taken[cells].sum() == draws * expected
        # Counts of one cell vary as those of draws that have it or not.
        sigma = np.sqrt(mean * (1 - mean / draws))
        assert abs(taken[cells] - mean).max() <= 4.5 * sigma


@pytest.mark.thorough
def test_overlapping_reaches_every_pattern():
    """Of 4 x 4 with two per row: all patterns that hold half of one ring, and no others."""
    pairs, teacher = list(itertools.combinations(range(4), 2)), [(0, 1), (1, 2), (2, 3), (0, 3)]
    possible = {
        p
        for p in itertools.product(pairs, repeat=4)
        if set(Counter(sum(p, ())).values()) == {2}
        and sum(len(set(a) & set(b)) for a, b in zip(p, teacher, strict=True)) == 4
    }
    rng = np.random.default_rng(5)
    draws = (overlapping(np.array(teacher), 4, 2, 0.5, rng) for _ in range(30 * len(possible)))
    assert {tuple(map(tuple, draw.tolist())) for draw in draws} == possible


@pytest.mark.parametrize(
    "per_row, overlap, message",
    [
        (1, 1, "1 of the teacher's 12 entries are 12; a pattern with 1 per row has 6"),
        (5, 0, "0 of the teacher's 12 entries are 0; the other 30 do not fit in the 24 cells"),
        (5, 0.5, "no room was found for a pattern with 5 non-zeros per row and 6 of the teacher's"),
        (7, 0.5, "7 non-zeros per row do not fit in 6 columns"),
        (1, 2, "are 24"),
    ],
)
def test_overlapping_refuses_what_does_not_fit(per_row, overlap, message):
    teacher = biregular(6, 6, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        overlapping(teacher, 6, per_row, overlap, np.random.default_rng(1), tries=3)


@given(shapes(), seeds)
def test_readers_lists_the_edges_that_end_at_each_hidden_neuron(shape, seed):
    rows, columns, per_row = shape
    topology = biregular(rows, columns, per_row, np.random.default_rng(seed))
    edges = readers(topology, columns)
    assert edges.shape == (columns, rows * per_row // columns)
    assert (np.diff(edges, axis=1) > 0).all()
    assert sorted(edges.ravel().tolist()) == list(range(rows * per_row))
    for neuron, row in enumerate(edges.tolist()):
        assert {topology[e // per_row, e % per_row] for e in row} == {neuron}


@pytest.mark.parametrize(
    "topology, hidden, said",
    [
        ([[0, 1], [0, 1], [0, 2]], 3, "neuron 0 is read by 3 outputs"),  # and others by 2 and 1
        ([[0, 1], [0, 1]], 3, "neuron 0 is read by 2 outputs"),  # and the last by none
        ([[0, 1], [2, 3]], 3, "read by 1 outputs"),  # one more neuron than there are
    ],
)
def test_readers_refuses_uneven_patterns(topology, hidden, said):
    with pytest.raises(ValueError, match=f"{said}.*read by as many outputs"):
        readers(np.array(topology), hidden)


def test_large_graphs_are_ordered_so_that_messages_travel_little():
    n, rng = 12_000, np.random.default_rng(0)
    outer = biregular(n, n, 2, rng)
    order, hidden = near_together(outer, n)
    for permutation in (order, hidden):
        np.testing.assert_array_equal(np.sort(permutation), np.arange(n))
    place = np.empty(n, int)
    place[hidden] = np.arange(n)
    reach = np.abs(place[outer[order]] - np.arange(n)[:, None])
    # Around a ring and back; as drawn, a hidden neuron is a third of the graph away.
    assert np.median(reach) < 4
    assert np.median(np.abs(outer - np.arange(n)[:, None])) > n / 5
    for same in near_together(outer[: n // 2] % (n // 4), n // 4):
        np.testing.assert_array_equal(same, np.arange(len(same)))
