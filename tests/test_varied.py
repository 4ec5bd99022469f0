"""Keys that are varied are those of the figures and choices of the study, with their values."""

from functools import reduce

import pytest
import yaml

from sparsebp.claims.conditions import settings
from sparsebp.study.config import Study
from tests.configurations import FULL, SCHEMA

STUDY = Study.load(FULL, SCHEMA)
FAMILIES = STUDY.explorer_spec({"claims": []})["varied"]


def points(family):
    """(key, value, experiment, learner) of each curve."""
    return {
        (family["key"], value, *place)
        for places in family["curves"].values()
        for value, place in zip(family["values"], places, strict=True)
    }


def test_values_are_those_of_the_configuration():
    for family in FAMILIES:
        for key, value, experiment, learner in points(family):
            block = STUDY.experiments[experiment]
            assert learner in block["learners"]
            if key in ("beta", "reinforcement"):
                assert STUDY.learners[learner][key] == float(value)
            else:
                assert reduce(dict.__getitem__, key.split("."), block) == value


def test_every_panel_of_several_values_has_its_curves():
    seen = 0
    for figure in STUDY.figures.values():
        for panel in figure.get("panels", figure.get("maps", ())):
            key, names = panel.get("by", panel.get("against")), panel["experiments"]
            wanted = {(key, v, names[0], one) for one, v in panel.get("numbers", {}).items()}
            if "positions" in panel:
                places = list(zip(panel["positions"], names, strict=True))
                wanted = {(key, *place, one) for place in places for one in panel["learners"]}
            if wanted:
                assert any(wanted <= points(family) for family in FAMILIES), panel
                seen += 1
    assert seen > 20


def test_nothing_is_offered_twice():
    found = [points(family) for family in FAMILIES]
    assert not any(a <= b for i, a in enumerate(found) for j, b in enumerate(found) if i != j)


def test_values_ascend_and_differ():
    for family in FAMILIES:
        numbers = [float(value) for value in family["values"]]
        assert numbers == sorted(set(numbers)) and len(numbers) > 1


def test_choices_of_one_key_are_there_and_those_of_several_are_not():
    alone = [f for f in FAMILIES if f["key"] == "reinforcement"]
    assert [[*f["curves"]] for f in alone] == [["rbp", "rms"]] * 2  # the others have none
    titles = [title for title in STUDY.choices if [*settings(title)] == ["reinforcement"]]
    assert [f"reinforcement {value}" for value in alone[0]["values"]] == titles
    assert not {"damping", "initial_scale"} & {f["key"] for f in FAMILIES}


@pytest.mark.parametrize("values, count", [("[0.01]", 0), ("[0.01, 0.02]", 1)])
def test_a_key_with_one_value_is_not_varied(values, count):
    config = yaml.safe_load(f"""
study: {{seeds: 1}}
learners: {{bp: {{algorithm: sum-product, schedule: offline, reinforcement: 0.01}}}}
experiments:
  one:
    layers: {{input: 20, hidden: 20, output: 20}}
    nonzeros_per_row: {{input: 2, output: 2}}
    activation: {{function: tanh, b: 0.1}}
    student: {{alphabet: [-1, 1]}}
    samples: {{last: 5}}
    learners: [bp]
choices: {{experiments: {{again: one}}, samples: [1, 3], vary: [{{reinforcement: {values}}}]}}
figures: {{one: {{panels: [{{experiment: one}}]}}}}
""")
    assert len(Study.load(config, SCHEMA).explorer_spec({"claims": []})["varied"]) == count
