"""The open choices: which learners there are of each, and which blocks of them are refused."""

import pytest

from tests.configurations import BASE, DELETE, load, put, refusal, specs

CHOICES = {
    "experiments": {"again": "wider", "matched_again": "matched"},
    "samples": [1, 4],
    "vary": [
        {"damping": [0, 0.3], "initial_scale": [0, 1.5]},
        {"output_readout": ["nonzero"]},
        {"reinforcement": [0.01, 0.1]},
    ],
}


def test_every_combination_of_the_values_of_a_set_is_a_choice():
    study = load(put("choices", CHOICES))
    titles = [f"damping {d}, initial_scale {s}" for d in (0, 0.3) for s in (0, 1.5)]
    titles += ["output_readout nonzero", "reinforcement 0.01", "reinforcement 0.1"]
    assert list(study.choices) == titles
    for names in study.choices.values():
        assert (names["wider"], names["matched"]) == ("again", "matched_again")


def test_learners_differ_from_those_they_vary_in_the_values_of_the_choice_alone():
    plain, study = load(BASE), load(put("choices", CHOICES))
    for again, original in CHOICES["experiments"].items():
        for learner in plain.experiments[original]["learners"]:
            before = plain.learner(original, learner)
            assert study.learner(again, learner) == before
            for title, names in study.choices.items():
                after = study.learner(again, names.get(learner, learner))
                values = dict(part.split() for part in title.split(", "))
                if not before["reinforcement"]:
                    values.pop("reinforcement", None)
                expected = before | {
                    key: value if key == "output_readout" else float(value)
                    for key, value in values.items()
                }
                if expected["initial_scale"] > 0:  # which and how is read then
                    start = {"initial_messages": "factor-to-variable"}
                    expected |= start | {"initial_distribution": "normal"}
                assert after == expected


def test_a_choice_that_is_the_setting_itself_is_not_trained_twice():
    study = load(put("choices", CHOICES))
    assert study.choices["damping 0.3, initial_scale 0"].keys() == {"wider", "matched"}
    assert study.choices["reinforcement 0.01"].keys() == {"wider", "matched"}
    learners = study.experiments["again"]["learners"]
    assert len(learners) == len(set(learners)) == 3 + 3 * 3 + 3 + 1
    assert "bp-damping-0-initial-scale-1.5" in learners
    overridden = put("experiments/wider/inference", {"damping": 0}, put("choices", CHOICES))
    names = load(overridden).choices["damping 0.3, initial_scale 0"]
    assert names["ms"] == "ms-damping-0.3-initial-scale-0"  # for one of the two it differs


def test_a_learner_without_reinforcement_is_trained_once_for_all_its_strengths():
    crossed = [{"damping": [0], "reinforcement": [0.02, 0.1]}]
    study = load(put("choices", CHOICES | {"vary": crossed}))
    weak, strong = study.choices.values()
    assert weak["ms"] == strong["ms"] == "ms-damping-0"
    assert [names["bp"] for names in (weak, strong)] == [
        f"bp-reinforcement-{strength}-damping-0" for strength in (0.02, 0.1)
    ]
    assert study.experiments["again"]["learners"].count("ms-damping-0") == 1


def test_choices_have_the_teachers_data_and_students_of_their_experiment():
    study = load(put("choices", CHOICES | {"samples": [4, 5]}))
    assert study.draw_spec("again") == study.draw_spec("wider")


def test_choices_change_nothing_else():
    before, after = specs(load(BASE)), specs(load(put("choices", CHOICES)))
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize(
    "path, value, said",
    [
        ("experiments/again", "narrow", ["choices.experiments.again", "narrow", "matched, wider"]),
        ("experiments/matched", "wider", ["choices.experiments.matched", "already"]),
        ("experiments/no-name", "wider", ["no-name"]),
        ("experiments", {}, ["choices.experiments"]),
        ("samples", [], ["samples", "empty"]),
        ("samples", [4, 1], ["samples", "ascending"]),
        ("samples", DELETE, ["choices", "samples", "missing"]),
        ("vary", [], ["choices.vary"]),
        ("vary", [{}], ["choices.vary.0"]),
        ("vary/0/damping", [], ["choices.vary.0.damping"]),
        ("vary/0/damping", [0, 0], ["choices.vary.0.damping", "unique"]),
        ("vary/0/damping/1", 1, ["choices.vary.0.damping.1", "less than 1"]),
        ("vary/0/damping/1", "x", ["choices.vary.0.damping.1", "number"]),
        ("vary/1/output_readout/0", "zero", ["vary.1.output_readout.0", "alphabet, nonzero"]),
        ("vary/2/reinforcement/0", -1, ["choices.vary.2.reinforcement.0", "at least 0"]),
        ("vary/0/beta", [1], ["choices.vary.0", "'beta'", "damping"]),
        ("seeds", 3, ["choices", "'seeds'", "vary"]),
    ],
)
def test_bad_choices_are_named(path, value, said):
    message = refusal(put(f"choices/{path}", value, put("choices", CHOICES)))
    for part in said:
        assert part in message


def test_a_learner_has_not_the_name_of_another_ones_variant():
    config = put("choices", CHOICES | {"vary": [{"max_steps": [7]}]})
    other = {"algorithm": "max-sum", "factor": "soft", "schedule": "offline"}
    message = refusal(put("learners/ms-max-steps-7", other, config))
    assert "learners.ms-max-steps-7" in message
