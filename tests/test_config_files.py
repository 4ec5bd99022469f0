"""The files of a configuration, and what blocks take over from others."""

from copy import deepcopy

import pytest
import yaml

from sparsebp.study import files
from sparsebp.study.config import ConfigError, Study
from tests.configurations import BASE, ROOT, SCHEMA, load, refusal

STUDIES = sorted(path.stem for path in (ROOT / files.STUDIES).glob("*.yaml"))
WIDE = {
    "experiments": {
        "wide": {
            "like": "matched",
            "layers": dict.fromkeys(BASE["experiments"]["matched"]["layers"], 60),
        }
    }
}


@pytest.fixture
def project(tmp_path):
    """A function that writes config.yaml and studies, and reads them."""

    def read(config, *configfiles, given=None, **studies):
        folder = tmp_path / files.STUDIES
        folder.mkdir(parents=True, exist_ok=True)
        for path, block in (
            (tmp_path / "config.yaml", config),
            *((folder / f"{n}.yaml", b) for n, b in studies.items()),
        ):
            path.write_text(yaml.safe_dump(block))
        return files.read(tmp_path, configfiles, given)

    return read


def merged(found):
    return files.merge(*found)


@pytest.mark.parametrize(
    "value, names",
    [
        ("all", {"matched", "wider", "wide", "other"}),
        (["one"], {"matched", "wider", "wide"}),
        ([], {"matched", "wider"}),
    ],
)
def test_studies_are_found_and_switched_on_by_name(project, value, names):
    other = {"experiments": {"other": {"like": "wider", "samples": [1]}}}
    config = merged(project(BASE | {"studies": value}, one=WIDE, two=other))
    assert load(config).experiments.keys() == names


def test_an_experiment_is_of_the_file_that_adds_it_or_else_of_the_thesis(project):
    """As one that a choice makes, or an overlay."""
    more = {"experiments": {"added": {"like": "wider"}}}
    own, over = project(BASE | {"studies": "all"}, given=more, one=WIDE)
    assert "added" in merged((own, over))["experiments"]
    names = "matched", "wider", "wide", "added"
    assert [files.study_of(name, own) for name in names] == ["config", "config", "one", "config"]


def test_without_the_key_there_are_none(project):
    own, over = project(BASE, one=WIDE)
    assert ([*own.values()], over) == ([BASE], {})


def test_what_overrides_says_which_studies_there_are(project, tmp_path):
    (tmp_path / "off.yaml").write_text("studies: []")
    config = BASE | {"studies": "all"}
    assert len(project(config, tmp_path / "off.yaml", one=WIDE)[0]) == 1
    assert len(project(config, given={"studies": []}, one=WIDE)[0]) == 1
    own, over = project(config, tmp_path / "off.yaml", given={"studies": ["one"]}, one=WIDE)
    assert (len(own), [*over]) == (2, [str(tmp_path / "off.yaml"), files.GIVEN])
    assert "wide" in files.merge(own, over)["experiments"]


@pytest.mark.parametrize(
    "value, said",
    [
        ("none", "config.yaml: studies: 'none'; allowed: all, or a list of one"),
        (3, "config.yaml: studies: 3; allowed: all, or a list of one"),
        (
            ["on"],
            "config.yaml: studies: 'on' is no file of workflow/studies; nearest: one; allowed: one",
        ),
        ([{}], "config.yaml: studies: {} is no file of workflow/studies; allowed: one"),
    ],
)
def test_a_wrong_name_of_a_study_is_told(project, value, said):
    with pytest.raises(ConfigError) as error:
        project(BASE | {"studies": value}, one=WIDE)
    assert str(error.value) == said


@pytest.mark.parametrize(
    "study, said",
    [
        ({"study": {"seeds": 4}}, "one.yaml: study: config.yaml has this key, too"),
        ({"inference": {}}, "one.yaml: inference: config.yaml has this key, too"),
        ({"experiments": [1]}, "one.yaml: experiments: config.yaml has this key, too"),
        (
            {"learners": {"bp": {}}},
            "one.yaml: learners.bp: config.yaml has a block of this name, too",
        ),
        (
            {"figures": {"two": {}}},
            "one.yaml: figures.two: config.yaml has a block of this name, too",
        ),
    ],
)
def test_no_two_files_define_the_same(project, study, said):
    with pytest.raises(ConfigError) as error:
        project(BASE | {"studies": "all"}, one=study)
    assert str(error.value) == said


def test_nor_two_studies(project):
    with pytest.raises(ConfigError, match=r"two\.yaml: experiments\.wide: one\.yaml has a"):
        project(BASE | {"studies": "all"}, one=WIDE, two=WIDE)


def test_a_mistake_in_a_study_names_its_file(project):
    own, over = project(
        BASE | {"studies": "all"}, one=WIDE, two={"learners": {"x": {"like": "bp", "beta": -1}}}
    )
    with pytest.raises(ConfigError, match=r"^two\.yaml: learners\.x\.beta: -1"):
        Study.load(files.merge(own, over), SCHEMA, own | over)


# Blocks like others.


def test_a_block_takes_over_what_it_does_not_say_itself():
    config = deepcopy(BASE)
    config["learners"]["fast"] = {"like": "bp", "inference": {"max_steps": 9}}
    config["learners"]["faster"] = {"like": "fast", "label": "F", "reinforcement": 0.1}
    config["experiments"]["narrow"] = {"like": "wider", "samples": [1], "learners": ["faster"]}
    study = load(config)
    label, *bp = BASE["learners"]["bp"].items()
    assert label[0] == "label"
    made = study.learners["fast"]
    assert dict(bp).items() <= made.items()
    assert "label" not in made
    assert study.learners["faster"] == made | {"label": "F", "reinforcement": 0.1}
    wider, narrow = study.experiments["wider"], study.experiments["narrow"]
    assert {key for key in wider.keys() | narrow.keys() if wider.get(key) != narrow.get(key)} == {
        "thesis",  # which says what the other one is
        "samples",
        "learners",
    }


def test_a_key_replaces_the_whole_of_the_others_value():
    config = deepcopy(BASE)
    config["experiments"]["relu"] = {
        "like": "matched",
        "activation": {"function": "leaky-relu", "a": 0.2},
    }
    assert load(config).experiments["relu"]["activation"] == {"function": "leaky-relu", "a": 0.2}


def test_what_a_block_takes_over_changes_with_the_other_one():
    """Also by what overrides the configuration, which is merged first."""
    config = files.merge(
        {"a": BASE, "b": WIDE}, {"c": {"experiments": {"matched": {"samples": [4]}}}}
    )
    assert load(config).experiments["wide"]["samples"] == [4]


@pytest.mark.parametrize(
    "name, like, said",
    [
        ("a", "b", "experiments.a.like: 'b' is not defined; allowed: matched, wider, a"),
        ("a", ["matched"], "experiments.a.like: ['matched'] is not defined; allowed:"),
        ("a", "a", "experiments.a.like: 'a', which is like a; allowed: other blocks"),
        ("matched", "wider", "experiments.wider.like: 'matched', which is like wider;"),
    ],
)
def test_what_no_block_can_be_like_is_told(name, like, said):
    config = deepcopy(BASE)
    if name == "matched":
        config["experiments"]["wider"]["like"] = "matched"
    config["experiments"].setdefault(name, {})["like"] = like
    assert refusal(config).startswith(said)


def test_panels_have_what_their_figure_says():
    config = deepcopy(BASE)
    config["figures"]["three"] = {
        "columns": 2,
        "experiment": "wider",
        "y": [0, 1],
        "panels": [{}, {"experiment": "matched", "scale": "log"}],
    }
    config["figures"]["four"] = {"like": "three", "experiment": "matched"}
    study = load(config)
    assert [
        [
            (panel["experiments"], panel["scale"], panel["y"])
            for panel in study.figures[name]["panels"]
        ]
        for name in ("three", "four")
    ] == [
        [(["wider"], "linear", [0, 1]), (["matched"], "log", [0, 1])],
        [(["matched"], "linear", [0, 1]), (["matched"], "log", [0, 1])],
    ]
    assert study.figures["four"]["columns"] == 2


# The files of the project.


@pytest.mark.parametrize("name", [*STUDIES, None])
def test_each_study_of_the_project_can_be_left_out(name):
    """And each can be the only one, unless it says that it is about others."""
    wanted = [other for other in STUDIES if other != name]
    for studies in (wanted, [name] if name else []):
        own, over = files.read(ROOT, given={"studies": studies})
        assert len(own) == 1 + len(studies)
        Study.load(files.merge(own, over), SCHEMA)
