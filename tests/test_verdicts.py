"""The verdicts: right where the truth is known, wrong no more often than stated."""

import copy
import json

import numpy as np
import pytest
import xarray as xr
import yaml
from jsonschema import Draft202012Validator, ValidationError
from scipy import stats

from sparsebp import store, verdicts
from sparsebp.cli import main
from sparsebp.config import ConfigError, Study, claimed_experiments, load_claims
from sparsebp.steps import verdicts as step
from sparsebp.verdicts import FAILS, HOLDS, UNDECIDED, ClaimError, judge
from tests.conftest import ROOT

MARGINS = {
    "half": {"value": 0.5, "reason": "a proportion, for tests"},
    "tenth": {"value": 0.1, "reason": "a tenth, for tests of the tests"},
}
REPLICATIONS = 300
QUANTITIES = ("weight_error", "topology_error", "generalization_error")


def results(status=1, **curves):
    """A data set of curves by learner, (seed, m) each; m from 1; NaN where not run."""
    values = np.array(list(curves.values()), float)
    dims = ("learner", "seed", "n_samples")
    names = (*QUANTITIES, "expected_error", "iterations")
    data = {name: (dims, values.copy()) for name in names}
    data["status"] = dims, np.where(np.isnan(values), 0, np.broadcast_to(status, values.shape))
    coords = dict(zip(dims, (list(curves), *map(np.arange, values.shape[1:])), strict=True))
    coords["n_samples"] = np.arange(values.shape[2]) + 1
    return xr.Dataset(data, coords=coords)


def claims(*tests, confidence=0.95):
    """A document of one claim."""
    claim = {"id": "C1", "thesis": "Fig. 1", "statement": "So it is.", "tests": list(tests)}
    return {"confidence": confidence, "margins": MARGINS, "claims": [claim]}


def case(kind, **more):
    """A test of a against b in experiment e."""
    shared = {"kind": kind, "quantity": "weight_error"}
    if kind == "most_variable":
        return shared | {"learner": "a", "others": ["b"], "experiments": ["e", "f"]} | more
    shared["a"] = ["e", "a"]
    if kind == "exact":
        return shared | {"at": 1, "margin": "half"} | more
    if kind in ("equal", "lower", "not_worse"):
        shared["b"] = ["e", "b"]
    return shared | {"m": [1, 99], "margin": "tenth"} | more


def found(test, **data):
    """The record of one test."""
    [record] = judge(claims(test), data)
    assert record["verdict"] == record["tests"][0]["verdict"]
    return record["tests"][0]


def noise(rng, *shape, scale=0.02):
    return scale * rng.standard_normal(shape)


def pair(rng, difference, seeds=10, scale=0.02, samples=3):
    """Curves a and b whose difference has this mean (one, or one for each m)."""
    b = 0.3 + noise(rng, seeds, samples)
    return {"a": b + difference + noise(rng, seeds, samples, scale=scale), "b": b}


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


def test_lower_is_undecided_between_zero_and_a_visible_difference():
    data = results(**pair(np.random.default_rng(1), -0.05, scale=0.4))
    assert found(case("lower"), e=data)["verdict"] == UNDECIDED


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
    ("lower", 3, 0.0, HOLDS, 0.025, True),
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


@pytest.mark.parametrize(("kind", "samples", "difference", "wrong", "level", "exact"), EDGES)
def test_wrong_verdicts_are_as_rare_as_stated(kind, samples, difference, wrong, level, exact):
    # In the lower of a and b the noise is large enough that an interval can miss the margin.
    rng, scale = np.random.default_rng(4), 0.2 if kind == "lower" else 0.02
    data = many(lambda: pair(rng, difference, scale=scale, samples=samples))
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
    monkeypatch.setattr(verdicts, "RESAMPLES", 300)
    rng, reached = np.random.default_rng(7), {HOLDS: 0, FAILS: 0, UNDECIDED: 0}
    for _ in range(150):
        data = varied(rng, 0.2, 0.2)
        reached[found(case("most_variable", m=[1, 3]), **data)["verdict"]] += 1
    assert_rate(reached[HOLDS], 150, 0.05, exact=False)
    assert_rate(reached[FAILS], 150, 0.05, exact=False)


def test_intervals_cover_as_stated():
    rng = np.random.default_rng(8)
    one = verdicts._estimate(noise(rng, 10, 4000))
    two = verdicts._welch(one, verdicts._estimate(noise(rng, 5, 4000, scale=0.1)))
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
    ("kind", "difference", "scale"), [("equal", 0.05, 0.1), ("lower", -0.12, 0.2)]
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


@pytest.mark.parametrize("kind", list(verdicts.KINDS))
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
    status[0, :4, 1], status[1, 0, 2] = verdicts.CONTRADICTED, verdicts.CONTRADICTED
    status[0, 4, 1] = 2
    data = results(status=status, **pair(np.random.default_rng(18), 0.0))
    assert found(case("equal"), e=data)["contradicted"] == 5
    assert found(case("equal", m=[3, 3]), e=data)["contradicted"] == 1
    record = found(case("exact", quantity="unsettled", at=2), e=data)
    assert (record["effect"], record["contradicted"]) == (0.5, 4)


def test_a_claim_needs_all_its_tests_and_names_the_tightest():
    rng = np.random.default_rng(19)
    data = {
        "e": results(**pair(rng, 0.0)),
        "near": results(**pair(rng, 0.05)),
        "edge": results(**pair(rng, 0.1)),
        "far": results(**pair(rng, 0.5)),
    }
    tests = {e: case("equal", a=[e, "a"], b=[e, "b"]) for e in data}
    for names, verdict, key in (
        (("e", "near"), HOLDS, 1),
        (("near", "e"), HOLDS, 0),
        (("e", "edge", "near"), UNDECIDED, 1),
        (("e", "far", "edge"), FAILS, 1),
    ):
        [record] = judge(claims(*(tests[e] for e in names)), data)
        assert (record["verdict"], record["key"]) == (verdict, key)


def test_readings_say_what_was_found():
    data = results(**pair(np.random.default_rng(20), 0.2))
    record = found(case("equal"), e=data)
    low, high = record["corrected"]
    assert record["reading"] == (
        f"a − b in e: weight error at m = {record['at']} is {record['effect']:.3g} "
        f"[{low:.3g}, {high:.3g}]; different by more than 0.1."
    )
    record = found(case("exact"), e=data)
    assert "proportion of simulations with no weight error at m = 1 is 0 [0, " in record["reading"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "nicer"}, "C1: no kind 'nicer'; there are: above, "),
        ({"margin": "wide"}, "C1: no margin 'wide'; there are: half, tenth"),
        ({"quantity": "joy"}, "C1: no quantity 'joy'; there are: "),
        ({"a": ["g", "a"]}, "C1: no experiment 'g'; there are: e"),
        ({"b": ["e", "c"]}, "C1: no learner in e 'c'; there are: a, b"),
    ],
)
def test_a_name_that_does_not_exist_is_named(change, message):
    data = {"e": results(**pair(np.random.default_rng(21), 0.0))}
    with pytest.raises(ClaimError, match=message):
        judge(claims(case("equal") | change), data)


def test_an_id_is_used_once():
    document = claims(case("equal"))
    document["claims"] *= 2
    with pytest.raises(ClaimError, match="C1: 2 claims have this id"):
        verdicts.check(document, {"e": ["a", "b"]})


# Choices.


def chosen():
    """Two claims about two experiments, and data of e under other choices too."""
    rng = np.random.default_rng(22)
    document = claims(case("equal"))
    document["claims"].append(
        {
            "id": "C2",
            "thesis": "Fig. 2",
            "statement": "x | y.",
            "tests": [case("above", a=["f", "b"])],
        }
    )
    far = {f"{name}-hot": curve for name, curve in pair(rng, 0.5).items()}
    return document, {
        "e": results(**pair(rng, 0.0), **far),
        "e_random": results(**pair(rng, 0.5)),
        "f": results(**pair(rng, 0.0)),
    }


CHOICES = {
    "uniform": {"e": "e", "f": "f"},
    "random start": {"e": "e_random"},
    "hot | cold": {"e": "e", "a": "a-hot", "b": "b-hot"},
}


def test_choices_put_other_results_in_their_roles():
    document, data = chosen()
    records = judge(document, data, CHOICES)
    assert [(r["id"], r["choice"], r["verdict"]) for r in records] == [
        ("C1", None, HOLDS),
        ("C2", None, HOLDS),
        ("C1", "uniform", HOLDS),
        ("C2", "uniform", HOLDS),
        ("C1", "random start", FAILS),
        ("C1", "hot | cold", FAILS),
    ]
    assert records[-1]["tests"][0]["contrast"] == "a-hot − b-hot in e"
    assert records[-2]["tests"][0]["contrast"] == "a − b in e_random"
    assert verdicts.experiments(document, CHOICES) == ["e", "e_random", "f"]
    assert verdicts.experiments(document) == ["e", "f"]
    text = verdicts.summary(records)
    assert text.startswith("Of 2 claims, 2 hold, 0 do not hold and 0 are undecided")
    assert "- C1 holds under uniform; does not hold under random start, hot | cold.\n" in text
    assert "C2 " not in text


def test_a_claim_of_two_experiments_needs_a_choice_that_names_both():
    document, data = chosen()
    document["claims"][0]["tests"].append(case("above", a=["f", "b"]))
    records = judge(document, data, {"both": {"e": "e_random", "f": "f"}, "f alone": {"f": "f"}})
    tried = [(r["id"], r["choice"]) for r in records if r["choice"]]
    assert tried == [("C1", "both"), ("C2", "both"), ("C2", "f alone")]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"e": "g"}, "C1 under 'new': no experiment 'g'; there are: e, "),
        ({"e": "e", "a": "c"}, "C1 under 'new': no learner in e 'c'"),
        ({"e": "e", "c": "a"}, "choice 'new': no experiment or learner of the claims 'c'"),
        ({"a": "a-hot"}, "choice 'new': no claim is about its experiments alone"),
    ],
)
def test_a_choice_that_cannot_be_made_is_named(choice, message):
    document, data = chosen()
    with pytest.raises(ClaimError, match=message):
        judge(document, data, {"new": choice})


def cells(text):
    """The cells of each row of the Markdown tables in a text."""
    rows = (line.replace(r"\|", "¦") for line in text.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_choices_lies_whichever_way_fits(monkeypatch):
    document, data = chosen()
    records = judge(document, data, CHOICES)
    rows = cells(verdicts.table(records))
    assert all(len(row) == 6 for row in rows[:4])
    assert rows[3][2:4] == ["x ¦ y.", "**holds**"]
    assert rows[4:] == [
        ["", "uniform", "random start", "hot ¦ cold"],
        ["---"] * 4,
        ["C1", "✓", "✗", "✗"],
        ["C2", "✓", "", ""],
    ]
    monkeypatch.setattr(verdicts, "ONE_COLUMN_EACH", 2)
    assert cells(verdicts.table(records))[4:] == [
        ["", "C1", "C2"],
        ["---"] * 3,
        ["uniform", "✓", "✓"],
        ["random start", "✗", ""],
        ["hot ¦ cold", "✗", ""],
    ]
    assert "✓" not in verdicts.table(judge(document, data))


# The claims of the thesis.


@pytest.fixture
def document():
    return yaml.safe_load((ROOT / "workflow" / "claims.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def validator():
    path = ROOT / "workflow" / "schemas" / "claims.schema.yaml"
    schema = yaml.safe_load(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture
def study(config, schema):
    return Study.load(config, schema)


def every_test(document):
    return [test for claim in document["claims"] for test in claim["tests"]]


def test_the_claims_follow_their_schema(document, validator):
    validator.validate(document)
    assert {f"C{i}" for i in range(1, 15)} <= {claim["id"] for claim in document["claims"]}
    assert document["confidence"] == 0.95
    assert all(len(margin["reason"]) > 40 for margin in document["margins"].values())
    used = {test["margin"] for test in every_test(document) if "margin" in test}
    assert used == set(document["margins"])


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "nicer"},
        {"quantity": "joy"},
        {"margin": None},
        {"m": [1]},
        {"at": 3},
        {"a": ["e"]},
        {"typo": 1},
    ],
)
def test_the_schema_refuses(document, validator, change):
    test = document["claims"][1]["tests"][0]
    test.update(change)
    with pytest.raises(ValidationError):
        validator.validate(document)


@pytest.mark.parametrize("kind", list(verdicts.KINDS))
def test_the_schema_knows_every_kind_and_what_it_needs(validator, kind):
    test = case(kind) | ({"m": [1, 3]} if kind == "most_variable" else {})
    validator.validate(claims(test) | {"margins": MARGINS})
    for key in set(test) - {"paired"}:
        lacking = claims({k: v for k, v in test.items() if k != key})
        assert not validator.is_valid(lacking), key
    allowed = validator.schema["$defs"]["test"]["properties"]
    assert set(allowed["kind"]["enum"]) == set(verdicts.KINDS)
    assert set(allowed["quantity"]["enum"]) == set(verdicts.QUANTITIES)


def test_the_claims_are_about_the_experiments_of_the_configuration(document, study):
    ran = {name: block["learners"] for name, block in study.experiments.items()}
    verdicts.check(document, ran)
    for test in every_test(document):
        first, last = verdicts._range(test)
        for experiment, learner in verdicts._curves(test):
            grid = study.experiments[experiment]["samples"]
            assert {first, last} <= set(grid), (experiment, test)
            size = study.learner(experiment, learner)["batch_size"] or 1
            assert test["kind"] != "exact" or test["at"] % size == 0


def test_what_is_paired_has_the_same_teachers_and_inputs(document, study):
    def design(experiment):
        return study.teacher_spec(experiment)

    for test in every_test(document):
        if "b" in test:
            same = design(test["a"][0]) == design(test["b"][0])
            assert test.get("paired", True) == same, test


def world(study, seeds=10):
    """Results as the thesis tells them: every claim is true."""
    rng = np.random.default_rng(23)
    found = {}
    for number, (name, block) in enumerate(study.experiments.items()):
        m = np.array(block["samples"])
        curves = {}
        for learner in block["learners"]:
            falling = 0.3 * 0.5**m * (m < 14)
            error = {quantity: falling.copy() for quantity in QUANTITIES}
            if learner.startswith("mp"):
                error["weight_error"] = 1.3 * falling
            if learner == "mp-online" and name not in ("matched_tanh", "matched_relu"):
                error["weight_error"] = error["weight_error"] + 0.02 * number
            if name == "output_mismatch":
                if learner in ("bp", "rbp"):
                    error["topology_error"] = error["topology_error"] + 0.1
                    error["generalization_error"] = error["generalization_error"] + 0.05
                else:
                    error["weight_error"] = falling + (0.04 if learner == "rms" else 0.08)
                    floor = 0.001 if learner == "rms" else 0.02
                    error["generalization_error"] = falling + floor
            size = study.learner(name, learner)["batch_size"] or 1
            ran = np.where(m % size == 0, 1, np.nan)
            for quantity, curve in error.items():
                sample = curve * (1 + noise(rng, seeds, len(m), scale=0.01)) * ran
                curves.setdefault(quantity, {})[learner] = sample
        data = results(**curves["weight_error"]).assign_coords(n_samples=m)
        for quantity in QUANTITIES:
            data[quantity][:] = np.array(list(curves[quantity].values()))
        found[name] = data
    return found


def test_in_the_world_of_the_thesis_every_claim_holds(document, study):
    records = judge(document, world(study))
    assert {r["id"]: r["verdict"] for r in records if r["verdict"] != HOLDS} == {}
    assert "18 hold, 0 do not hold and 0 are undecided" in verdicts.summary(records)
    rows = cells(verdicts.table(records))[2:]
    assert [row[0] for row in rows] == [claim["id"] for claim in document["claims"]]
    assert all(len(row) == 6 and row[5] == "10" for row in rows)


@pytest.mark.parametrize(
    ("experiment", "learner", "quantity", "change", "fail"),
    [
        ("matched_tanh", "bp-offline", "weight_error", 0.03, {"C1", "C2", "C3", "C6", "C16"}),
        ("dense_input", "mp-offline", "weight_error", 0.1, {"C4", "C5"}),
        ("dense_output", "bp-offline", "weight_error", 0.01, {"C6", "C15"}),
        ("input_mismatch", "rms", "topology_error", 0.05, {"C7", "C17"}),
        ("output_mismatch", "bp", "weight_error", 0.1, {"C8", "C10", "C12"}),
        ("output_mismatch", "bp", "topology_error", -0.1, {"C9", "C10"}),
        ("output_mismatch", "ms", "topology_error", 0.1, {"C11"}),
        ("output_mismatch", "rms", "weight_error", 0.04, {"C13"}),
        ("output_mismatch", "rms", "generalization_error", 0.03, {"C14"}),
        ("output_mismatch", "rbp", "status", 1, {"C18"}),
    ],
)
def test_each_claim_fails_where_the_world_differs(
    document, study, experiment, learner, quantity, change, fail
):
    data = world(study)
    curve = {"learner": data[experiment]["learner"].values.tolist().index(learner)}
    data[experiment][quantity][curve] += change
    records = judge(document, data)
    assert {r["id"] for r in records if r["verdict"] == FAILS} == fail


def write(path, found):
    """Write results as the step that collects them does."""
    values = {name: array.values for name, array in found.items()}
    for name in store.RESULTS:  # the tests of verdicts make do with fewer
        values.setdefault(name, np.zeros(found["status"].shape))
    coordinates = {name: array.values for name, array in found.coords.items()}
    store.write_results(path, values, coordinates, {"step": "collect", "sources": "0"})


def test_the_step_writes_records_and_tables_alike_each_time(tmp_path, document, study):
    data = world(study, seeds=3)
    for name, found in data.items():
        write(tmp_path / f"{name}.nc", found)
    before = copy.deepcopy(document)
    spec = {"claims": document, "choices": {"same": {"output_mismatch": "output_mismatch"}}}
    written = []
    for folder in ("one", "two"):
        path = tmp_path / folder / "verdicts.json"
        step.run(spec, str(tmp_path / "{experiment}.nc"), str(path))
        written.append((path.read_bytes(), path.with_suffix(".md").read_bytes()))
    assert written[0] == written[1]
    assert document == before
    content = json.loads(written[0][0])
    assert content["records"] == judge(document, data, spec["choices"])
    assert content["provenance"]["spec"] == spec
    assert content["provenance"]["step"] == "verdicts"
    text = written[0][1].decode()
    assert verdicts.table(content["records"]) in text
    assert verdicts.summary(content["records"]) in text
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "verdicts.json",
        "verdicts.md",
    ]


def test_the_command_judges_or_says_in_one_line_what_is_missing(tmp_path, capsys):
    spec = json.dumps({"claims": claims(case("equal")), "choices": {}})
    files = ["--results", str(tmp_path / "{experiment}.nc"), "--output", str(tmp_path / "v.json")]
    assert main(["verdicts", spec, *files]) == 1
    assert capsys.readouterr().err == f"sparsebp verdicts: {tmp_path / 'e.nc'}: no such file\n"
    data = results(**pair(np.random.default_rng(24), 0.0))
    write(tmp_path / "e.nc", data)
    assert main(["verdicts", spec, *files]) == 0
    content = json.loads((tmp_path / "v.json").read_text())
    assert content["records"][0]["verdict"] == HOLDS
    assert "scipy" in content["provenance"]["versions"]
    assert "C1" in (tmp_path / "v.md").read_text()


SCHEMA = ROOT / "workflow" / "schemas" / "claims.schema.yaml"


def test_claims_are_loaded_as_they_stand(document):
    assert load_claims(ROOT / "workflow" / "claims.yaml", SCHEMA) == document


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("confidence: 0.95", "confidence: 1.0", "confidence: 1.0; must be less than 1"),
        ("confidence: 0.95", "confidence: .nan", "confidence: nan is not of type number"),
        ("confidence: 0.95", "", "top level: key 'confidence' is missing"),
        ("claims:", "claim:", "top level: unknown key 'claim'; allowed: "),
        ("kind: exact, a", "kind: nicer, a", "claims.0.tests.0.kind: 'nicer'; allowed: exact, "),
        ("at: 20", "at: 20.0", "claims.0.tests.0.at: 20.0 is not of type integer"),
        ("claims:", "claims: [", "while parsing"),
    ],
)
def test_bad_claims_are_refused_in_one_line(tmp_path, old, new, message):
    text = (ROOT / "workflow" / "claims.yaml").read_text(encoding="utf-8")
    path = tmp_path / "some.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_claims(path, SCHEMA)
    assert str(error.value).startswith(f"some.yaml: {message}")
    assert len(str(error.value).splitlines()) == 1


def test_a_study_has_what_its_claims_need_or_cannot_test_them(document, config, schema):
    study = Study.load(config, schema)
    assert claimed_experiments(document, {}, study) == verdicts.experiments(document)
    config["experiments"]["matched_tanh"]["samples"] = [1, 8]
    with pytest.raises(ConfigError, match="C1: bp-offline in matched_tanh: no common m from 20 to"):
        claimed_experiments(document, {}, Study.load(config, schema))
    # A schedule measures at multiples of its batch size alone.
    config["experiments"]["matched_tanh"]["samples"] = [20, 22]
    document["claims"][1]["tests"][2]["m"] = [21, 24]
    with pytest.raises(ConfigError, match="C2: bp-batch4 − bp-offline in matched_tanh: no common"):
        claimed_experiments(document, {}, Study.load(config, schema))
