"""Conditions: met by the chosen points and no other, and not longer than need be."""

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsebp.claims.conditions import cost, meets, shortest, words

KEYS = ("damping", "initial_scale", "max_steps")
GRID = list(product(["0", "0.3"], ["0", "0.1", "1"], ["100", "500"]))


def said(rule, points=GRID):
    """The conditions for the points that a rule takes, in words."""
    return [words(c, KEYS) for c in shortest([p for p in points if rule(*p)], points)]


def test_conditions_name_what_matters_and_no_more():
    assert said(lambda a, b, c: True) == [""]
    assert said(lambda a, b, c: b == "1") == ["initial_scale is 1"]
    assert said(lambda a, b, c: b != "0") == ["initial_scale is 0.1 or 1"]
    assert said(lambda a, b, c: a == "0" and b != "0") == [
        "damping is 0 and initial_scale is 0.1 or 1"
    ]
    assert sorted(said(lambda a, b, c: a == "0" or b == "1")) == [
        "damping is 0",
        "initial_scale is 1",
    ]
    assert said(lambda *p: p == GRID[3]) == [
        "damping is 0 and initial_scale is 0.1 and max_steps is 500"
    ]


def test_combinations_that_were_not_tried_may_be_covered():
    tried = [point for point in GRID if point[0] == "0" or point[1] != "1"]
    assert said(lambda a, b, c: b == "1", tried) == ["initial_scale is 1"]
    assert said(lambda a, b, c: a == "0.3", tried) == ["damping is 0.3"]


@given(st.data())
def test_conditions_are_met_by_the_chosen_and_no_other(data):
    values = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    grid = list(product(*([str(v) for v in range(n)] for n in values)))
    points = data.draw(st.lists(st.sampled_from(grid), min_size=1, unique=True))
    chosen = data.draw(st.lists(st.sampled_from(points), min_size=1, unique=True))
    conditions = shortest(chosen, points)
    assert {p for p in points if any(meets(p, c) for c in conditions)} == set(chosen)


@given(st.sets(st.sampled_from(GRID), min_size=1, max_size=4))
def test_no_fewer_conditions_would_do(chosen):
    conditions = shortest(chosen, GRID)
    allowed = (
        [None, *(c for n in range(1, len(v)) for c in combinations(v, n))]
        for v in (["0", "0.3"], ["0", "0.1", "1"], ["100", "500"])
    )
    covers = {}
    for condition in product(*allowed):
        covered = frozenset(point for point in GRID if meets(point, condition))
        if covered <= chosen:
            covers[covered] = min(cost(condition), covers.get(covered, 9))
    for fewer in range(1, len(conditions)):
        assert not any(frozenset.union(*some) == chosen for some in combinations(covers, fewer))
    if len(conditions) == 1:
        assert cost(conditions[0]) == covers[frozenset(chosen)]


@pytest.mark.parametrize("chosen", [[], [("2", "0", "100")]])
def test_what_cannot_be_described_is_refused(chosen):
    with pytest.raises(ValueError, match="not some of the points"):
        shortest(chosen, GRID)
