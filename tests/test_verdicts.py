"""The verdicts: claims, choices, and what the claims of the thesis say."""

import copy
import json

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from sparsebp.claims import comparisons, verdicts
from sparsebp.claims.verdicts import (
    BY_CONSTRUCTION,
    FAILS,
    HOLDS,
    UNDECIDED,
    ClaimError,
    judge,
)
from sparsebp.cli import main
from sparsebp.network import quantities
from sparsebp.network.quantities import Status
from sparsebp.report import tables
from sparsebp.steps import verdicts as step
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from sparsebp.study.claims_file import claimed_experiments, load_claims
from sparsebp.study.config import ConfigError, Study
from sparsebp.study.schema import load_schema
from tests.conftest import ROOT
from tests.curves import MARGINS, NO_OTHERS, QUANTITIES, case, claims, found, noise, pair, results
from tests.given import given
from tests.test_tables import cells


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


def test_from_which_m_on_a_claim_holds():
    rng = np.random.default_rng(29)
    data = {
        "e": results(**pair(rng, np.array([0.5, 0.5, 0.0, 0.0, 0.0]), samples=5)),
        "f": results(**pair(rng, np.array([0.0, 0.0, 0.0, 0.0, 0.5]), samples=5)),
    }
    errors = np.array([1, 1, 0, 1, 0, 0])[None] * np.ones((10, 1))
    data["g"] = results(a=errors)

    def first(*tests):
        return judge(claims(*tests), data)[0]["from"]

    equal = case("equal", m=[1, 5])
    assert first(equal) == 3
    assert first(equal | {"m": [4, 5]}) == 4
    assert first(equal | {"m": [1, 2]}) is None
    other = equal | {"a": ["f", "a"], "b": ["f", "b"]}
    assert first(other) is None
    assert first(other | {"m": [1, 4]}) == 1
    assert first(equal, other | {"m": [1, 4]}) == 3
    # A mean over m may hold from an earlier one on than each m by itself.
    assert first(case("above", m=[1, 5])) == 1
    assert first(case("below", m=[1, 5])) is None
    # What is asked for at one m, at all later ones.
    exact = case("exact", a=["g", "a"], at=3)
    assert first(exact) == 5
    assert first(exact, equal) == 5
    assert first(exact, equal | {"m": [1, 4]}) is None


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
        verdicts.check_claims(document, {"e": ["a", "b"]})


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
    ],
)
def test_a_choice_that_cannot_be_made_is_named(choice, message):
    document, data = chosen()
    with pytest.raises(ClaimError, match=message):
        judge(document, data, {"new": choice})


@pytest.mark.parametrize("choice", [{"a": "a-hot"}, {"g": "h"}, {"e": "e", "other": "another"}])
def test_a_choice_may_be_about_what_no_claim_is_about(choice):
    document, data = chosen()
    records = judge(document, data, {"new": choice})
    assert {r["id"] for r in records if r["choice"]} == ({"C1"} if "e" in choice else set())


def test_a_reading_is_told_apart_from_choices_and_what_it_makes_true_is_said():
    document, data = chosen()
    readings = {"warm": {"e": "e", "f": "f"}, "random": {"e": "e_random"}}
    known = {"warm": ["C1"], "random": ["C1"], "uniform": ["C2"]}
    records = judge(document, data, {"uniform": CHOICES["uniform"]}, readings, known)
    assert [(r["id"], r["choice"], r["reading"], r["verdict"]) for r in records] == [
        ("C1", None, None, HOLDS),
        ("C2", None, None, HOLDS),
        ("C1", "uniform", None, HOLDS),
        ("C2", "uniform", None, BY_CONSTRUCTION),
        ("C1", None, "warm", BY_CONSTRUCTION),
        ("C2", None, "warm", HOLDS),
        ("C1", None, "random", FAILS),
    ]
    head, _, first, second = cells(tables.table(records))
    assert head[-2:] == ["under warm", "under random"]
    assert first[-2:] == [BY_CONSTRUCTION, FAILS]
    assert second[-2:] == [HOLDS, ""]
    spec = {"claims": document, "choices": CHOICES, "readings": readings, "by_construction": known}
    page = tables.page(records, spec)
    assert "## Under warm\n" in page and "## Under random\n" in page
    with pytest.raises(ClaimError, match="by_construction under 'warm': no claim 'C3'; there are"):
        judge(document, data, None, readings, {"warm": ["C3"]})


# The claims of the thesis.


@pytest.fixture
def document():
    return yaml.safe_load((ROOT / "workflow" / "claims.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def validator():
    path = ROOT / "workflow" / "schemas" / "claims.schema.yaml"
    schema = load_schema(path)
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


@pytest.mark.parametrize("kind", list(comparisons.KINDS))
def test_the_schema_knows_every_kind_and_what_it_needs(validator, kind):
    test = case(kind) | ({"m": [1, 3]} if kind == "most_variable" else {})
    validator.validate(claims(test) | {"margins": MARGINS})
    for key in set(test) - {"paired"}:
        lacking = claims({k: v for k, v in test.items() if k != key})
        assert not validator.is_valid(lacking), key
    allowed = validator.schema["$defs"]["test"]["properties"]
    assert set(allowed["kind"]["enum"]) == set(comparisons.KINDS)
    assert set(allowed["quantity"]["enum"]) == set(comparisons.MEASURED)


def test_the_claims_are_about_the_experiments_of_the_configuration(document, study):
    ran = {name: block["learners"] for name, block in study.experiments.items()}
    verdicts.check_claims(document, ran)
    for test in every_test(document):
        first, last = comparisons.m_range(test)
        for experiment, learner in comparisons.curves(test):
            grid = study.experiments[experiment]["samples"]
            assert {first, last} <= set(grid), (experiment, test)
            size = study.learner(experiment, learner).get("batch_size", 1)
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
            size = study.learner(name, learner).get("batch_size", 1)
            ran = np.where(m % size == 0, 1, np.nan)
            for quantity, curve in error.items():
                sample = curve * (1 + noise(rng, seeds, len(m), scale=0.01)) * ran
                curves.setdefault(quantity, {})[learner] = sample
        data = results(**curves["weight_error"]).assign_coords(n_samples=m)
        for quantity in QUANTITIES:
            data[quantity][:] = np.array(list(curves[quantity].values()))
        if "mismatch" in name:  # Without reinforcement few samples do not settle.
            plain = data["learner"].isin(["bp", "ms"]) & (data["n_samples"] < 4)
            data["status"] = data["status"].where(~plain, Status.STEP_LIMIT)
        found[name] = data
    return found


def test_in_the_world_of_the_thesis_every_claim_holds(document, study):
    records = judge(document, world(study))
    assert {r["id"]: r["verdict"] for r in records if r["verdict"] != HOLDS} == {}


@pytest.mark.thorough
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
        ("output_mismatch", "rbp", "status", Status.STEP_LIMIT, {"C18"}),
        ("input_mismatch", "ms", "status", Status.CONVERGED, {"C18"}),
        ("matched_relu", "bp-online", "weight_error", 0.001, {"C19"}),
    ],
)
def test_each_claim_fails_where_the_world_differs(
    document, study, experiment, learner, quantity, change, fail
):
    data = world(study)
    curve = {"learner": data[experiment]["learner"].values.tolist().index(learner)}
    before = 0 if quantity == "status" else data[experiment][quantity][curve]
    data[experiment][quantity][curve] = before + change
    records = judge(document, data)
    assert {r["id"] for r in records if r["verdict"] == FAILS} == fail


def write(path, found):
    """Write results as the step that collects them does."""
    values = {name: array.values for name, array in found.fillna({"iterations": 0}).items()}
    for name in quantities.QUANTITIES:  # the tests of verdicts make do with fewer
        values.setdefault(name, np.zeros(found["status"].shape))
    coordinates = {name: array.values for name, array in found.coords.items()}
    learners, seeds, samples = (found[name].values.tolist() for name in found["status"].dims)
    spec = {"experiment": path.stem, "learners": learners, "seeds": len(seeds), "samples": samples}
    store.write_results(path, values, coordinates, record("collect", spec))


@pytest.mark.thorough
def test_the_step_writes_records_and_page_alike_each_time(tmp_path, document, study):
    data = world(study, seeds=3)
    for name, curves in data.items():
        write(tmp_path / f"{name}.nc", curves)
    before = copy.deepcopy(document)
    same = {"output_mismatch": "output_mismatch"}
    spec = {"claims": document, "choices": {"same": same}, "readings": {"as told": same}}
    spec |= {"by_construction": {"as told": ["C9"]}}
    written = []
    for folder in ("one", "two"):
        path = tmp_path / folder / "verdicts.json"
        inputs = {name: str(tmp_path / f"{name}.nc") for name in data}
        step.run(spec, inputs, str(path), str(path.with_suffix(".md")))
        content = json.loads(path.read_bytes())
        assert content["provenance"].pop("seconds") >= 0
        assert content["provenance"].pop("made")
        written.append((content, path.with_suffix(".md").read_bytes()))
    assert written[0] == written[1]
    assert document == before
    content, page = written[0]
    assert content["records"] == judge(results=data, **spec)
    assert content["provenance"]["spec"] == spec
    assert content["provenance"]["step"] == "verdicts"
    assert page.decode() == tables.page(content["records"], spec)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "verdicts.json",
        "verdicts.md",
    ]


def test_the_command_judges_or_says_in_one_line_what_is_missing(tmp_path, capsys):
    spec = given({"claims": claims(case("equal"))} | NO_OTHERS)
    files = ["--inputs", given({"e": str(tmp_path / "e.nc")}), "--output", str(tmp_path / "v.json")]
    files += ["--table", str(tmp_path / "v.md")]
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
        ("claims:", "claims: [", "line "),
    ],
)
def test_bad_claims_are_refused_in_one_line(tmp_path, old, new, message):
    text = (ROOT / "workflow" / "claims.yaml").read_text(encoding="utf-8")
    path = tmp_path / "some.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_claims(path, SCHEMA)
    assert str(error.value).startswith(f"some.yaml: {message}")
    assert "\n" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_study_has_what_its_claims_need_or_cannot_test_them(document, config, schema):
    del config["choices"], config["readings"], config["figures"]
    study = Study.load(config | {"figures": {}}, schema)
    assert claimed_experiments(document, study) == verdicts.experiments(document)
    config["experiments"]["matched_tanh"]["samples"] = [1, 8]
    with pytest.raises(ConfigError, match="C1: bp-offline in matched_tanh: no common m from 20 to"):
        claimed_experiments(document, Study.load(config | {"figures": {}}, schema))
    # A schedule measures at multiples of its batch size alone.
    config["experiments"]["matched_tanh"]["samples"] = [20, 22]
    document["claims"][1]["tests"][2]["m"] = [21, 24]
    with pytest.raises(ConfigError, match="C2: bp-batch4 − bp-offline in matched_tanh: no common"):
        claimed_experiments(document, Study.load(config | {"figures": {}}, schema))
