"""Figures in the configuration: what each asks for, and what changes it."""

from copy import deepcopy

import pytest

from tests.configurations import BASE, DELETE, EXTENDED, load, put, refusal


def test_a_figure_knows_which_figure_of_the_thesis_an_experiment_is():
    """It is the title of a panel that has none of its own."""
    assert load(BASE).figure_spec("two")["experiments"]["wider"]["thesis"] == "Fig. 7"


def test_a_panel_of_several_experiments():
    """It has all learners that they share, and knows where each stands."""
    spec = load(EXTENDED).figure_spec("several")
    (panel,) = spec["figure"]["panels"]
    assert (panel["positions"], panel["learners"]) == ([30, 20], ["bp"])
    assert list(spec["experiments"]) == ["matched", "wider"]


def test_a_panel_with_a_curve_for_each_experiment_is_of_one_learner():
    (panel,) = load(EXTENDED).figure_spec("curves")["figure"]["panels"]
    assert (panel["positions"], panel["learners"]) == ([30, 20], ["bp"])
    shared = put("experiments/wider/learners", ["bp", "mp", "ms", "soft"], EXTENDED)
    message = refusal(shared)
    assert message == "figures.curves.panels.0.learners: ['bp', 'mp']; allowed with by: one"
    named = put("figures/curves/panels/0/learners", ["mp"], shared)
    assert list(load(named).figure_spec("curves")["learners"]) == ["mp"]


def test_a_panel_of_learners_knows_their_numbers_and_which_have_none():
    (panel,) = load(EXTENDED).figure_spec("cooled")["figure"]["panels"]
    assert (panel["experiments"], panel["at"]) == (["wider"], [2, 5])
    assert (panel["learners"], panel["numbers"]) == (["bp", "ms", "soft"], {"soft": 2.0})
    single = put("figures/cooled/panels/0/at", 2, EXTENDED)
    assert load(single).figure_spec("cooled")["figure"]["panels"][0]["at"] == [2]
    other = put("figures/cooled/panels/0/learners", ["bp", "ms"], EXTENDED)
    other = put("figures/cooled/panels/0/against", "reinforcement", other)
    (panel,) = load(other).figure_spec("cooled")["figure"]["panels"]
    assert panel["numbers"] == {"bp": 0.01, "ms": 0}


def test_a_figure_of_choices_knows_which_learners_stand_under_each():
    spec = load(EXTENDED).figure_spec("chosen")
    assert list(spec["experiments"]) == ["again"]
    assert list(spec["learners"]) == ["bp", "ms"]
    assert spec["choices"] == [
        {"values": {"damping": "0"}, "learners": {"bp": "bp-damping-0", "ms": "ms-damping-0"}},
        {"values": {"damping": "0.3"}, "learners": {"bp": "bp", "ms": "ms"}},
        {
            "values": {"reinforcement": "0.1"},
            "learners": {"bp": "bp-reinforcement-0.1", "ms": "ms"},
        },
    ]


def test_a_figure_of_choices_shows_all_sets_unless_it_names_some():
    block = put("figures/chosen/choices/sets", [2], EXTENDED)
    (only,) = load(block).figure_spec("chosen")["choices"]
    assert only["values"] == {"reinforcement": "0.1"}
    block = put("figures/chosen/choices/sets", [1, 3], EXTENDED)
    assert refusal(block) == "figures.chosen.choices.sets: 3; sets that choices.vary has: 2"


def test_a_figure_of_choices_shows_all_learners_unless_it_names_some():
    spec = load(put("figures/chosen/choices/learners", DELETE, EXTENDED)).figure_spec("chosen")
    assert list(spec["learners"]) == ["bp", "ms", "soft"]


@pytest.mark.parametrize(
    "path, value, changed",
    [
        ("choices/vary/0/damping", [0, 0.3, 0.5], {"chosen"}),
        ("figures/chosen/choices/samples", [1, 5], {"chosen"}),
        ("learners/ms/label", "max-sum", {"one", "two", "chosen", "cooled"}),
        ("learners/soft/beta", 3.0, {"two", "cooled"}),
        ("inference/tolerance", 1.0e-5, set()),
        ("experiments/matched/layers/input", 60, {"one", "several", "limited", "curves"}),
        ("figures/several/panels/0/at", 2, {"several"}),
        ("figures/limited/panels/0/at_most", 0.1, {"limited"}),
    ],
)
def test_an_edit_changes_the_figures_of_each_kind_that_depend_on_it(path, value, changed):
    before, after = (load(config) for config in (EXTENDED, put(path, value, EXTENDED)))
    different = {f for f in before.figures if before.figure_spec(f) != after.figure_spec(f)}
    assert different == changed


def test_what_is_said_of_a_figure_is_no_part_of_its_slice():
    study = load(BASE)
    said = deepcopy(BASE)
    said["figures"]["two"] |= {"message": "So it is", "found": "Nothing."}
    assert load(said).figure_spec("two") == study.figure_spec("two")
    assert load(said).figures["two"]["found"] == "Nothing."


def with_theory(value, of="one", extra=None):
    """The configuration with a theory of `wider` beside the curves of `matched`."""
    config = put("learners/dense", {"like": "bp", "method": "density-evolution"}, BASE)
    config = put("learners/dense/reinforcement", 0, config)
    config = put("experiments/wider/learners", ["bp", "ms", "soft", "dense"], config)
    config = put(f"figures/{of}/panels/0/theory", value, config)
    return put(
        "figures/one/panels/0", config["figures"]["one"]["panels"][0] | (extra or {}), config
    )


def test_a_panel_with_theory_takes_it_from_another_experiment():
    spec = load(with_theory(["wider"])).figure_spec("one")
    panel = spec["figure"]["panels"][0]
    assert panel["theory"] == {"wider": ["dense"]}
    assert panel["learners"] == ["bp", "batch4", "mp"], "its own are as they were"
    assert list(spec["experiments"]) == ["matched", "wider"]
    assert "dense" in spec["learners"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (with_theory(["matched"]), "'matched' is no other experiment"),
        (with_theory(["nothing"]), "'nothing' is no other experiment"),
        (
            with_theory(["wider"], extra={"learners": ["mp"]}),
            "'wider' has no learner with method density-evolution and an algorithm of the panel "
            "(max-product)",
        ),
        (with_theory(["wider"], extra={"minus": "bp"}), "allowed without minus only"),
    ],
)
def test_theory_that_there_is_not(config, words):
    assert words in refusal(config)


SHARE = {"experiments": ["matched", "wide"], "by": "layers.hidden", "learners": ["bp"]}
SHARE |= {"at_most": 0, "minus_log2": True, "law": True}


def with_share(**changes):
    """The configuration with a panel of shares of two sizes, and their law."""
    wide = {"like": "matched", "layers": {"input": 60, "hidden": 40, "output": 40}}
    panel = {key: value for key, value in (SHARE | changes).items() if value is not None}
    return put("figures/shares", {"panels": [panel]}, put("experiments/wide", wide, BASE))


def test_a_panel_of_shares_in_one_experiment():
    shown = {"experiment": "matched", "at_most": 0, "law": True}
    config = put("figures/shares", {"panels": [shown]}, BASE)
    (panel,) = load(config).figure_spec("shares")["figure"]["panels"]
    assert (panel["at_most"], panel["law"]) == (0, True)
    for key, value, words in (
        ("at_most", 0.1, "law: True; allowed with at_most or minus_log2 only together with"),
        ("theory", ["wider"], "allowed without at_most only"),
        ("expected", True, "allowed without at_most only"),
        ("minus", "bp", "allowed without at_most only"),
        ("against", "beta", "at_most: 0; allowed with experiments only"),
    ):
        asked = shown | {key: value} if key != "theory" else shown | {"law": False, key: value}
        assert words in refusal(put("figures/shares", {"panels": [asked]}, BASE)), key


def test_bands_are_against_samples_only():
    shown = {"experiment": "matched", "bands": True}
    load(put("figures/bands", {"panels": [shown]}, BASE))
    for key, value in (("expected", True), ("against", "beta")):
        asked = put("figures/bands", {"panels": [shown | {key: value, "at": 2}]}, BASE)
        if key == "expected":
            del asked["figures"]["bands"]["panels"][0]["at"]
        assert f"bands: True; allowed without {key} only" in refusal(asked)


def test_a_panel_of_shares_with_their_law():
    (panel,) = load(with_share()).figure_spec("shares")["figure"]["panels"]
    assert (panel["positions"], panel["at_most"], panel["law"]) == ([20, 40], 0, True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"minus_log2": False},
            "law: True; allowed with at_most or minus_log2 only together with quantity",
        ),
        (
            {"at_most": 0.1},
            "law: True; allowed with at_most or minus_log2 only together with quantity",
        ),
        (
            {"quantity": "entropy"},
            "law: True; allowed with at_most or minus_log2 only together with quantity",
        ),
        (
            {"at_most": None},
            "law: True; allowed with at_most or minus_log2 only together with quantity",
        ),
        (
            {"by": "layers.input"},
            "law: True; allowed with at_most or minus_log2 only together with quantity",
        ),
    ],
)
def test_a_law_of_shares_that_there_is_not(changes, words):
    assert words in refusal(with_share(**changes))


def test_a_logarithm_of_nothing_is_refused():
    config = with_share(by="activation.b", law=False)
    config["experiments"]["wide"]["activation"] = {"function": "tanh", "b": 0}
    message = refusal(config)
    assert "figures.shares.panels.0.minus_log2: True; activation.b is 0" in message
    assert "must be > 0" in message


def test_a_panel_of_expected_errors_has_one_scale():
    shown = {"experiment": "matched", "learners": ["bp", "batch4"], "expected": True}
    config = put("figures/believed", {"panels": [shown, shown | {"scale": "log"}]}, BASE)
    first, second = load(config).figure_spec("believed")["figure"]["panels"]
    assert (first["x_scale"], second["x_scale"]) == ("linear", "log")
    config["figures"]["believed"]["panels"][1]["quantity"] = "topology_error"
    assert "panels.1.expected: 'topology_error' is not what beliefs expect" in refusal(config)
    config["figures"]["believed"]["panels"][1] = shown | {"experiment": "wider", "learners": ["bp"]}
    assert "student with the teacher's pattern" in refusal(config)
