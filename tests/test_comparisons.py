"""Comparisons of curves: right where the truth is known, wrong no more often than stated."""

import json

import numpy as np
import pytest
from scipy import stats

from sparsebp.claims import comparisons
from sparsebp.claims.comparisons import Estimate
from sparsebp.claims.verdicts import FAILS, HOLDS, UNDECIDED, ClaimError, judge
from sparsebp.network.quantities import Status
from tests.curves import case, claims, found, noise, pair, results

REPLICATIONS = 300


@pytest.mark.parametrize(
    ("kind", "difference", "verdict"),
    [
        ("equal", 0.0, HOLDS),
        ("equal", 0.2, FAILS),
        ("equal", -0.2, FAILS),
        ("equal", [0, 0, 0.2], FAILS),
        ("equal", 0.1, UNDECIDED),
        ("not_worse", 0.0, HOLDS),
        ("not_worse", -0.2, HOLDS),
        ("not_worse", [-0.2, -0.2, 0.2], FAILS),
        ("not_worse", 0.1, UNDECIDED),
        ("lower", -0.2, HOLDS),
        ("lower", [0.1, 0.1, -0.8], HOLDS),
        ("lower", 0.2, FAILS),
        ("lower", -0.01, FAILS),  # lower for sure, but by less than the margin
        ("above", -0.1, HOLDS),
        ("above", -0.25, FAILS),
        ("above", -0.2, UNDECIDED),
        ("below", -0.25, HOLDS),
        ("below", -0.1, FAILS),
        ("below", -0.2, UNDECIDED),
    ],
)
def test_each_kind_reaches_each_verdict(kind, difference, verdict):
    rng = np.random.default_rng(1)
    record = found(case(kind), e=results(**pair(rng, np.array(difference))))
    assert record["verdict"] == verdict
    assert record["n"] == 10
    assert record["interval"][0] < record["effect"] < record["interval"][1]
    inside, outside = record["interval"], record["corrected"]
    assert verdict != UNDECIDED or outside[0] <= inside[0] or outside[1] >= inside[1]


@pytest.mark.parametrize("difference", [0.0, -0.05, -0.2])
def test_lower_is_undecided_where_its_interval_has_the_margin_inside(difference):
    data = results(**pair(np.random.default_rng(1), difference, scale=0.4))
    record = found(case("lower"), e=data)
    assert record["interval"][0] < -0.1 < record["interval"][1]
    assert record["verdict"] == UNDECIDED


def test_lower_is_above_the_other_way_round():
    rng = np.random.default_rng(26)
    for difference in rng.uniform(-0.3, 0.1, 30):
        curves = pair(rng, difference, scale=0.2)
        lower = found(case("lower"), e=results(**curves))
        curves["a"] = curves["b"] - curves["a"]
        above = found(case("above"), e=results(**curves))
        assert lower["verdict"] == above["verdict"]
        assert lower["turns"] == pytest.approx(above["turns"])


@pytest.mark.parametrize(
    ("kind", "margin"),
    [
        ("equal", 0.1),
        ("not_worse", 0.1),
        ("lower", 0.1),
        ("above", 0.2),
        ("below", 0.2),
        ("exact", 0.5),
    ],
)
def test_a_verdict_turns_at_the_margins_that_are_named(kind, margin):
    rng, reached = np.random.default_rng(27), set()
    for difference in rng.uniform(-0.3, 0.3, 40):
        curves = pair(rng, difference, scale=0.07)
        if kind == "exact":
            curves["a"] = rng.random((10, 3)) > rng.random()
        data = results(**curves)

        def judged(value, data=data):
            document = claims(case(kind, margin="tenth"), case(kind, margin="tenth"))
            document["margins"] = {"tenth": {"value": value, "reason": "a tenth"}}
            record = judge(document, {"e": data})[0]["tests"][0]
            return record["verdict"], record["turns"]

        verdict, turns = judged(margin)
        reached.add(verdict)
        assert len(turns) <= (2 if verdict == UNDECIDED else 1)
        # Between the margin and where it turns the verdict is the same, and beyond it is not.
        for turn in turns:
            step = (turn - margin) / 1000
            assert judged(turn - step)[0] == verdict
            assert turn + step <= 0 or judged(turn + step)[0] != verdict
        if not turns:
            assert all(judged(value)[0] == verdict for value in (1e-9, 0.01, 0.5, 1e6))
    assert reached == {HOLDS, FAILS, UNDECIDED}


@pytest.mark.parametrize("kind", comparisons.KINDS)
def test_a_test_holds_where_its_interval_lies_in_its_region(kind):
    """And does not hold where the corrected one lies outside, as the picture of verdicts says."""
    rng, reached = np.random.default_rng(29), set()
    for difference in rng.uniform(-0.3, 0.3, 30):
        curves = pair(rng, difference, scale=0.07)
        if kind == "exact":
            curves["a"] = rng.random((10, 3)) > rng.random()
        data = {"e": results(**curves)}
        if kind == "most_variable":
            data = varied(rng, abs(difference), 0.1)
        record = found(case(kind, **{"exact": {}}.get(kind, {"m": [1, 99]})), **data)
        unit = 1 if record["margin"] is None else record["margin"]
        low, high = (end * unit for end in comparisons.KINDS[kind].region)
        inside, outside = record["interval"], record["corrected"]
        holds = low < inside[0] and inside[1] < high
        assert holds == (record["verdict"] == HOLDS)
        assert (outside[1] < low or high < outside[0]) == (record["verdict"] == FAILS)
        reached.add(record["verdict"])
    assert {HOLDS, FAILS} <= reached


def test_one_m_that_makes_most_of_a_mean_is_named():
    curves = pair(np.random.default_rng(28), np.array([-0.8, -0.05, -0.05]), scale=0.001)
    record = found(case("lower"), e=results(**curves))
    assert record["measured"] == "weight error, mean of m = 1 to 99, 89 % of it from m = 1"
    record = found(case("lower", m=[2, 3]), e=results(**curves))
    assert record["measured"].startswith("weight error, mean of m = 2 to 3")
    even = results(**pair(np.random.default_rng(28), -0.2))
    assert found(case("lower"), e=even)["measured"] == "weight error, mean of m = 1 to 99"


@pytest.mark.parametrize(
    ("zeros", "verdict"), [(10, HOLDS), (9, HOLDS), (8, UNDECIDED), (2, UNDECIDED), (1, FAILS)]
)
def test_exact_is_clopper_and_pearson(zeros, verdict):
    a = np.full((10, 2), 0.25)
    a[:zeros, 1] = 0
    record = found(case("exact", at=2), e=results(a=a))
    assert (record["verdict"], record["effect"], record["at"]) == (verdict, zeros / 10, 2)
    # The ends solve P(X >= zeros) = P(X <= zeros) = 2.5 %.
    low, high = record["interval"]
    assert stats.binom.sf(zeros - 1, 10, low) == pytest.approx(0.025)
    assert stats.binom.cdf(zeros, 10, high) == pytest.approx(0.025 if zeros < 10 else 1)


def varied(rng, a, b, seeds=10):
    """Two experiments between which learner a varies by ``a`` and learner b by ``b``."""
    return {
        name: results(
            a=0.3 + sign * a / 2 + noise(rng, seeds, 3), b=0.3 + sign * b / 2 + noise(rng, seeds, 3)
        )
        for name, sign in (("e", 1), ("f", -1))
    }


@pytest.mark.parametrize(
    ("a", "b", "verdict"), [(0.3, 0.1, HOLDS), (0.1, 0.3, FAILS), (0.2, 0.2, UNDECIDED)]
)
def test_most_variable(a, b, verdict):
    record = found(case("most_variable", m=[1, 3]), **varied(np.random.default_rng(3), a, b))
    assert record["verdict"] == verdict
    assert record["effect"] == pytest.approx(a - b, abs=0.05)


def test_most_variable_takes_the_m_that_all_curves_have_and_reruns_alike():
    data = varied(np.random.default_rng(3), 0.3, 0.1)
    test = case("most_variable", m=[1, 3])
    sparse = {"e": data["e"], "f": data["f"].copy(deep=True)}
    sparse["f"]["weight_error"][1, :, 0] = np.nan
    same = found(test | {"m": [2, 3]}, **data)
    again = found(test, **sparse)
    assert (again["effect"], again["interval"]) == (same["effect"], same["interval"])
    direct = [sparse[e]["weight_error"][:, :, 1:].mean("seed") for e in "ef"]
    spread = abs(direct[0] - direct[1]).mean("n_samples").values
    assert again["effect"] == pytest.approx(spread[0] - spread[1])


def test_most_variable_has_an_interval_of_the_stated_level():
    rng = np.random.default_rng(24)
    data = {
        name: results(a=level + noise(rng, 40, 1), b=np.zeros((40, 1)))
        for name, level in (("e", 0.5), ("f", 0.1))
    }
    low, high = found(case("most_variable", m=[1, 1]), **data)["interval"]
    error = np.sqrt(sum(data[e]["weight_error"][0].var().item() / 40 for e in "ef"))
    assert high - low == pytest.approx(2 * stats.norm.ppf(0.975) * error, rel=0.08)


# At the edge of each hypothesis: (kind, samples of m, where the truth is, verdict that is wrong
# there, level). A rate is checked from both sides where the level is exact.
EDGES = [
    ("equal", 1, 0.1, HOLDS, 0.05, True),
    ("equal", 12, 0.1, FAILS, 0.05, False),
    ("not_worse", 1, 0.1, HOLDS, 0.05, True),
    ("not_worse", 12, 0.1, FAILS, 0.05, False),
    ("lower", 3, -0.1, HOLDS, 0.025, True),
    ("lower", 3, -0.1, FAILS, 0.025, True),
    ("above", 3, -0.2, HOLDS, 0.025, True),
    ("above", 3, -0.2, FAILS, 0.025, True),
    ("below", 3, -0.2, HOLDS, 0.025, True),
]


def assert_rate(wrong, replications, level, exact=True):
    assert wrong <= stats.binom.ppf(0.9995, replications, level)
    assert not exact or wrong >= stats.binom.ppf(0.0005, replications, level)


def count(test, verdict, *experiments):
    """How often a verdict is reached, experiment e (and f) holding many independent pairs."""
    document = claims(test)
    document["claims"] = [
        document["claims"][0] | {"id": f"C{i}", "tests": [numbered(test, i)]}
        for i in range(REPLICATIONS)
    ]
    records = judge(document, dict(zip("ef", experiments, strict=False)))
    return sum(record["verdict"] == verdict for record in records)


def numbered(test, i):
    return test | {side: [test[side][0], f"{side}{i}"] for side in "ab" if side in test}


def many(draw):
    """The curves of REPLICATIONS calls of ``draw``, as learners a0, b0, a1, ..."""
    drawn = [draw() for _ in range(REPLICATIONS)]
    return results(
        **{f"{k}{i}": curve for i, curves in enumerate(drawn) for k, curve in curves.items()}
    )


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "samples", "difference", "wrong", "level", "exact"), EDGES)
def test_wrong_verdicts_are_as_rare_as_stated(kind, samples, difference, wrong, level, exact):
    rng = np.random.default_rng(4)
    data = many(lambda: pair(rng, difference, samples=samples))
    assert_rate(count(case(kind), wrong, data), REPLICATIONS, level, exact)


def test_unpaired_verdicts_are_as_rarely_wrong():
    rng = np.random.default_rng(5)
    test = case("equal", b=["f", "b"], paired=False)
    e = many(lambda: {"a": 0.4 + noise(rng, 10, 1)})
    f = many(lambda: {"b": 0.3 + noise(rng, 6, 1, scale=0.06)})
    assert_rate(count(test, HOLDS, e, f), REPLICATIONS, 0.05)
    assert_rate(count(test, FAILS, e, f), REPLICATIONS, 0.025)


@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_exact_is_wrong_as_rarely_as_stated(seeds):
    rates = {HOLDS: 0, FAILS: 0, UNDECIDED: 0}
    for zeros in range(seeds + 1):
        a = np.arange(seeds)[:, None] >= zeros
        rates[found(case("exact"), e=results(a=a))["verdict"]] += stats.binom.pmf(zeros, seeds, 0.5)
    assert rates[HOLDS] <= 0.025
    assert rates[FAILS] <= 0.025
    assert seeds < 10 or rates[HOLDS] > 0.01


def test_most_variable_is_wrong_as_rarely_as_stated(monkeypatch):
    monkeypatch.setattr(comparisons, "RESAMPLES", 300)
    rng, reached = np.random.default_rng(7), {HOLDS: 0, FAILS: 0, UNDECIDED: 0}
    for _ in range(150):
        data = varied(rng, 0.2, 0.2)
        reached[found(case("most_variable", m=[1, 3]), **data)["verdict"]] += 1
    assert_rate(reached[HOLDS], 150, 0.05, exact=False)
    assert_rate(reached[FAILS], 150, 0.05, exact=False)


def test_intervals_cover_as_stated():
    rng = np.random.default_rng(8)
    one = Estimate.of(noise(rng, 10, 4000))
    two = one.minus(Estimate.of(noise(rng, 5, 4000, scale=0.1)))
    for estimate in (one, two):
        low, high = estimate.interval(0.9)
        assert_rate(np.count_nonzero((low > 0) | (high < 0)), 4000, 0.1)


def test_intervals_are_those_of_scipy():
    rng = np.random.default_rng(9)
    a, b = 0.4 + noise(rng, 10, 1), 0.3 + noise(rng, 7, 1, scale=0.1)
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    record = found(case("equal", b=["f", "b"], paired=False), e=results(a=a), f=results(b=b))
    assert record["interval"] == pytest.approx([welch.low.item(), welch.high.item()])
    assert record["n"] == 7
    paired = stats.ttest_rel(a[:7].mean(axis=1), b.mean(axis=1)).confidence_interval(0.95)
    record = found(case("lower"), e=results(a=a[:7], b=b))
    assert record["interval"] == pytest.approx([paired.low, paired.high])


def test_pairing_decides_what_independent_samples_leave_open():
    rng = np.random.default_rng(10)
    difficulty = noise(rng, 10, 1, scale=0.3)  # of a seed, the same for both learners
    a, b = (0.5 + difficulty + noise(rng, 10, 3, scale=0.01) for _ in "ab")
    test = case("equal", b=["f", "b"])
    data = {"e": results(a=a), "f": results(b=b)}
    assert found(test, **data)["verdict"] == HOLDS
    assert found(test | {"paired": False}, **data)["verdict"] == UNDECIDED


def test_seeds_are_paired_by_their_number():
    rng = np.random.default_rng(11)
    difficulty = noise(rng, 10, 1, scale=0.3)
    data = {"e": results(a=difficulty + noise(rng, 10, 3)), "f": results(b=difficulty.repeat(3, 1))}
    straight = found(case("equal", b=["f", "b"]), **data)
    data["f"] = data["f"].isel(seed=slice(2, None))
    assert found(case("equal", b=["f", "b"]), **data)["verdict"] == straight["verdict"] == HOLDS
    assert found(case("equal", b=["f", "b"]), **data)["n"] == 8


@pytest.mark.parametrize(
    ("kind", "difference", "scale"), [("equal", 0.05, 0.1), ("lower", -0.2, 0.2)]
)
def test_power_grows_with_the_number_of_simulations(kind, difference, scale):
    rng, held = np.random.default_rng(12), []
    for seeds in (3, 10, 60):
        records = (
            found(case(kind), e=results(**pair(rng, difference, seeds=seeds, scale=scale)))
            for _ in range(40)
        )
        held.append(sum(record["verdict"] == HOLDS for record in records))
    assert held[0] < held[1] < held[2]
    assert held[2] >= 38


def test_a_tight_verdict_is_corrected_for_the_number_of_tests_and_of_m():
    data = {"e": results(**pair(np.random.default_rng(13), 0.1, samples=1))}
    one = judge(claims(case("equal")), data)[0]["tests"][0]
    four = judge(claims(*[case("equal")] * 4), data)[0]["tests"][0]
    assert one["interval"] == four["interval"]
    assert four["corrected"][0] < one["corrected"][0]
    low, high = four["corrected"]
    d = (data["e"]["weight_error"][0] - data["e"]["weight_error"][1]).values
    ends = stats.ttest_1samp(d.ravel(), 0).confidence_interval(1 - 0.05 / 4)
    assert (low, high) == pytest.approx((ends.low, ends.high))


@pytest.mark.parametrize(
    ("kind", "a", "verdict", "interval"),
    [
        ("equal", 0.0, HOLDS, [0, 0]),
        ("equal", 0.5, FAILS, [0.5, 0.5]),
        ("not_worse", 0.0, HOLDS, [0, 0]),
        ("lower", 0.0, FAILS, [0, 0]),
        ("lower", -0.5, HOLDS, [-0.5, -0.5]),
        ("above", 0.0, FAILS, [0, 0]),
        ("below", 0.0, HOLDS, [0, 0]),
    ],
)
@pytest.mark.parametrize("paired", [True, False])
def test_simulations_that_all_agree_have_an_interval_of_no_width(
    kind, a, verdict, interval, paired
):
    data = results(a=np.full((5, 3), a), b=np.zeros((5, 3)))
    test = case(kind, paired=paired) if "b" in case(kind) else case(kind)
    record = found(test, e=data)
    assert (record["verdict"], record["interval"]) == (verdict, interval)


def test_learners_that_vary_alike_for_sure():
    flat = results(a=np.zeros((5, 3)), b=np.zeros((5, 3)))
    record = found(case("most_variable", m=[1, 3]), e=flat, f=flat)
    assert (record["verdict"], record["interval"]) == (UNDECIDED, [0, 0])


@pytest.mark.parametrize("kind", list(comparisons.KINDS))
def test_one_simulation_decides_nothing(kind):
    data = results(a=np.zeros((1, 3)), b=np.zeros((1, 3)))
    test = case(kind) | ({"m": [1, 3]} if kind == "most_variable" else {})
    record = found(test, e=data, f=data)
    assert record["verdict"] == UNDECIDED
    assert record["interval"] == ([None, None] if kind != "exact" else pytest.approx([0.025, 1]))
    json.dumps(record, allow_nan=False)


def test_missing_m_and_seeds_are_dropped_in_pairs():
    rng = np.random.default_rng(14)
    curves = pair(rng, np.array([0.5, 0, 0.5, 0]), samples=4)
    curves["a"][:, [0, 2]] = np.nan  # a schedule of batches of 2
    curves["b"][3] = np.nan
    record = found(case("equal"), e=results(**curves))
    assert (record["verdict"], record["n"]) == (HOLDS, 9)
    assert record["at"] in (2, 4)
    keep = np.arange(10) != 3
    whole = results(a=curves["a"][keep][:, [1, 3]], b=curves["b"][keep][:, [1, 3]])
    assert record["interval"] == found(case("equal"), e=whole)["interval"]
    unpaired = found(case("equal", paired=False), e=results(**curves))
    assert (unpaired["verdict"], unpaired["n"]) == (HOLDS, 9)


def test_values_of_trainings_that_did_not_run_are_not_used():
    curves = pair(np.random.default_rng(15), 0.0)
    data = results(**curves)
    data["weight_error"][0, :, 1] = 9.0
    data["status"][0, :, 1] = 0
    assert found(case("equal"), e=data)["verdict"] == HOLDS


def test_only_the_range_of_m_counts_both_ends_included():
    curves = pair(np.random.default_rng(16), np.array([0.5, 0, 0, 0.5]), samples=4)
    data = results(**curves)
    assert found(case("equal", m=[2, 3]), e=data)["verdict"] == HOLDS
    for m in ([1, 3], [2, 4]):
        record = found(case("equal", m=m), e=data)
        assert (record["verdict"], record["at"]) == (FAILS, 1 if m[0] == 1 else 4)


def test_the_m_shown_is_the_one_that_decides():
    rng = np.random.default_rng(25)
    noisy = noise(rng, 10, 2) * [1, 40]
    record = found(case("equal"), e=results(a=np.add(noisy, [0.3, 0.0]), b=np.zeros((10, 2))))
    assert (record["verdict"], record["at"]) == (FAILS, 1)
    record = found(case("equal"), e=results(a=np.add(noisy, [0.05, 0.0]), b=np.zeros((10, 2))))
    assert (record["verdict"], record["at"]) == (UNDECIDED, 2)


def test_a_range_without_common_m_names_the_claim():
    curves = pair(np.random.default_rng(17), 0.0)
    with pytest.raises(ClaimError, match=r"^C1: a − b in e: .*from 7 to 9$"):
        found(case("equal", m=[7, 9]), e=results(**curves))
    with pytest.raises(ClaimError, match=r"^C1: .*from 9 to 9$"):
        found(case("exact", at=9), e=results(**curves))
    curves["a"][:, :2], curves["b"][:, 2] = np.nan, np.nan
    for paired in (True, False):
        with pytest.raises(ClaimError, match=r"^C1: "):
            found(case("equal", paired=paired), e=results(**curves))
    short = results(
        **{name: curve[:, :1] for name, curve in pair(np.random.default_rng(1), 0).items()}
    )
    with pytest.raises(ClaimError, match=r"^C1: "):
        found(case("most_variable", m=[2, 3]), e=short, f=short)


def test_how_trainings_ended():
    status = np.ones((2, 10, 3), int)
    status[0, :4, 1], status[1, 0, 2] = Status.CONTRADICTION, Status.CONTRADICTION
    status[0, 4, 1] = 2
    data = results(status=status, **pair(np.random.default_rng(18), 0.0))
    assert found(case("equal"), e=data)["contradicted"] == 5
    assert found(case("equal", m=[3, 3]), e=data)["contradicted"] == 1
    record = found(case("exact", quantity="unsettled", at=2), e=data)
    assert (record["effect"], record["contradicted"]) == (0.5, 4)
