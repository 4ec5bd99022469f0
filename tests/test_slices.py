"""Which step depends on which keys of the configuration."""

import pytest

from sparsebp.engine.learner import OPEN_CHOICES, Learner
from sparsebp.study.config import Study
from tests.configurations import BASE, DELETE, EXTENDED, M, W, X, load, put, refusal, specs


def test_overlap_and_noise_are_in_the_slices_only_where_given():
    """So that of other experiments nothing is computed anew."""
    study = load(EXTENDED)
    draw = {name: study.draw_spec(name) for name in ("matched", "other")}
    assert draw["other"]["student"]["overlap"] == {"input": 0.5, "output": 0}
    assert draw["other"]["dataset"]["noise"] == {"flipped": 0.1, "jittered": 0.2, "scale": 0.5}
    assert draw["matched"]["student"].keys() == draw["other"]["student"].keys() - {"overlap"}
    assert draw["matched"]["dataset"].keys() == draw["other"]["dataset"].keys() - {"noise"}
    given = study.train_spec("other", "gd")["learner"]
    assert (given["network"], given["learning_rate"]) == ("dense", 0.01)
    others = study.train_spec("other", "ms")["learner"]
    more = {"network", "learning_rate", *OPEN_CHOICES}
    assert others.keys() - {*OPEN_CHOICES} == given.keys() - more


def test_a_student_without_zero_may_lack_weights_of_the_teacher():
    load(EXTENDED)
    whole = put(
        f"{X}/student", {"overlap": {"input": 1, "output": 1}, "alphabet": [-1, 1]}, EXTENDED
    )
    load(whole)
    message = refusal(put(f"{X}/student/nonzeros_per_row", {"input": 3, "output": 2}, whole))
    assert "lacks 0" in message


@pytest.mark.parametrize(
    "path, value, changed",
    [
        (f"{X}/student/overlap/input", 0.25, {("student", "other")}),
        (f"{X}/noise/flipped", 0.2, {("dataset", "other")}),
        ("learners/gd/learning_rate", 0.1, {("train", "other", "gd")}),
    ],
)
def test_an_edit_of_a_mismatch_changes_what_depends_on_it(path, value, changed):
    before, after = specs(load(EXTENDED)), specs(load(put(path, value, EXTENDED)))
    assert {key for key in before if before[key] != after[key]} == changed


def test_learners_override_experiments_which_override_the_study():
    config = put("inference", {"damping": 0.1, "max_steps": 10, "initial_scale": 1.0})
    config = put(f"{M}/inference", {"damping": 0.2, "max_steps": 20}, config)
    config = put("learners/bp/inference", {"damping": 0.4}, config)
    study = load(config)

    def options(experiment, learner):
        found = study.train_spec(experiment, learner)["learner"]
        return tuple(found[name] for name in ("damping", "max_steps", "initial_scale", "damped"))

    default = "factor-to-variable"
    assert options("matched", "bp") == (0.4, 20, 1.0, default)
    assert options("matched", "mp") == (0.2, 20, 1.0, default)
    assert options("wider", "bp") == (0.4, 10, 1.0, default)
    assert options("wider", "ms") == (0.1, 10, 1.0, default)


STEPS = ("teacher", "dataset", "student", "collect")
ALL = {"matched": ("bp", "batch4", "mp"), "wider": ("bp", "ms", "soft")}


def trainings(*experiments):
    return {("train", e, learner) for e in experiments for learner in ALL[e]}


def every(*steps):
    return {(step, e) for step in steps for e in ALL}


# A key, its new value, and the slices that change with it: all others stay.
EDITS = {
    "reinforcement": (
        ("learners/ms/reinforcement", 0.5),
        # The figures' styles go by it, and are drawn anew anyway.
        {("train", "wider", "ms"), ("figure", "one"), ("figure", "two")},
    ),
    "label": (("learners/mp/label", "other"), {("figure", "one")}),
    "grid": (
        (f"{M}/samples/last", 12),
        {("dataset", "matched"), ("collect", "matched"), *trainings("matched")},
    ),
    "grid within the same data": (
        (f"{M}/samples/step", 7),  # 1, 8
        {("collect", "matched"), *trainings("matched")},
    ),
    "figure": (("figures/two/columns", 1), {("figure", "two")}),
    "panel": (("figures/one/panels/1/y", [0, 2]), {("figure", "one")}),
    "seeds": (("study/seeds", 4), every("collect")),
    "seeds of its own": (
        (f"{M}/seeds", {"first": 1000, "last": 1003}),
        {("collect", "matched")},
    ),
    "test samples": (("study/test_samples", 11), every("dataset")),
    "memory": (("study/memory_gib", 2), set()),
    "entropy": (
        ("study/entropy", 2),
        every("teacher", "dataset", "student") | trainings("matched", "wider"),
    ),
    "inference": (("inference/damping", 0.5), trainings("matched", "wider")),
    "inference of an experiment": ((f"{W}/inference/damping", 0.5), trainings("wider")),
    "activation": (
        (f"{M}/activation/b", 0.2),
        {("dataset", "matched"), ("collect", "matched"), ("figure", "one"), *trainings("matched")},
    ),
    "student": (
        (f"{W}/student/nonzeros_per_row/input", 4),
        {("student", "wider"), ("figure", "one"), ("figure", "two")},
    ),
}


@pytest.mark.parametrize("edit, changed", EDITS.values(), ids=EDITS)
def test_an_edit_changes_the_slices_that_depend_on_it_and_no_other(edit, changed):
    before, after = specs(load(BASE)), specs(load(put(*edit)))
    assert before.keys() == after.keys()
    assert {key for key in before if before[key] != after[key]} == changed


def test_another_learner_changes_no_other_training():
    before = specs(load(BASE))
    after = specs(load(put(f"{M}/learners", ["bp", "batch4", "mp", "ms"])))
    added = {("train", "matched", "ms")}
    assert after.keys() - before.keys() == added
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {("collect", "matched"), ("figure", "one")}


def test_a_learner_has_the_defaults_of_the_schema(config, schema):
    config["inference"] = {}
    config["learners"]["plain"] = {"algorithm": "sum-product", "schedule": "offline"}
    config["experiments"]["matched_tanh"]["learners"] = ["plain"]
    del config["figures"]
    study = Study.load(config | {"figures": {}}, schema)
    assert Learner("sum-product") == Learner(**study.learner("matched_tanh", "plain"))


DEEP = put(f"{M}/layers/hidden_layers", 3, put(f"{M}/nonzeros_per_row/hidden", 2, EXTENDED))


def test_a_drawing_is_in_the_slice_of_the_teacher_if_it_is_not_the_default():
    plain = load(EXTENDED)
    for drawing in ("trades", "matching"):
        study, expected = (
            load(put(f"{M}/drawing", drawing, EXTENDED)),
            plain.teacher_spec("matched"),
        )
        if drawing == "matching":
            expected |= {"drawing": drawing}
        assert study.teacher_spec("matched") == expected
        assert study.student_spec("matched") == plain.student_spec("matched")


LAYERED = {"algorithm": "sum-product", "schedule": "online", "method": "layered", "max_values": 64}
DEEP = put("learners/deep", LAYERED, put(f"{M}/learners", ["deep"], put("figures", {}, DEEP)))


def test_deep_networks_are_told_by_two_keys_which_one_hidden_layer_goes_without():
    study = load(DEEP)
    layers = {"input": 30, "hidden": 20, "output": 20, "hidden_layers": 3}
    per_row = {"input": 3, "output": 2, "hidden": 2}
    for spec in (study.teacher_spec("matched"), study.student_spec("matched")):
        assert (spec["layers"], spec["nonzeros_per_row"]) == (layers, per_row)
    assert study.train_spec("matched", "deep")["learner"]["max_values"] == 64
    assert [
        parts
        for name, *parts in study.kernels_spec(study.experiments)["kernels"]
        if name == "hidden"
    ] == [
        ["MaxPlus", False],
        ["SumTimes", True],
        ["WideSumTimes", False],
        ["WideSumTimes", True],
    ]

    one, plain = load(put(f"{M}/layers/hidden_layers", 1, EXTENDED)), load(EXTENDED)
    for name in ("draw_spec", "collect_spec"):
        assert getattr(one, name)("matched") == getattr(plain, name)("matched")
    kernels = {name for name, *_ in plain.kernels_spec(plain.experiments)["kernels"]}
    assert kernels == {"steps", "join", "summing"}
    assert "max_values" not in plain.train_spec("matched", "bp")["learner"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (f"{M}/nonzeros_per_row/hidden", DELETE, ["nonzeros_per_row.hidden: missing"]),
        (
            M,
            DEEP["experiments"]["matched"]
            | {
                "layers": {"input": 9, "hidden": 3, "output": 3, "hidden_layers": 2},
                "nonzeros_per_row": {"input": 3, "output": 2, "hidden": 4},
            },
            ["nonzeros_per_row.hidden: 4 non-zeros per row do not fit in 3 columns"],
        ),
        (f"{M}/layers/hidden_layers", 0, ["hidden_layers", "0", "at least 1"]),
        (f"{M}/learners", ["bp"], ["bp", "method messages", "3 of them", "need layered"]),
        (
            f"{M}/student/nonzeros_per_row",
            {"input": 3, "output": 3, "hidden": 2},
            ["matched.student", "has to be the teacher's"],
        ),
        (
            f"{M}/student/overlap",
            {"input": 1, "output": 1},
            ["matched.student", "no overlap"],
        ),
        (
            "figures/drawn",
            {"drawing": {"of": "network", "experiment": "matched"}},
            ["figures.drawn.drawing.experiment", "3 hidden layers", "allowed: one"],
        ),
    ],
)
def test_what_deep_networks_cannot_be_is_refused(path, value, said):
    message = refusal(put(path, value, DEEP))
    assert [part for part in said if part not in message] == []
