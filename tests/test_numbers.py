"""Named numbers: each reduction by a value found by hand, their text, their file, and the step."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sparsebp.claims import numbers, reductions
from sparsebp.cli import main
from sparsebp.network import quantities
from sparsebp.network.trees import SHAPES, STARTS, TEACHERS
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from sparsebp.study import inspection, numbers_file
from sparsebp.study.markup import rst
from sparsebp.study.validation import ConfigError
from tests.configurations import BASE, put
from tests.configurations import load as load_study
from tests.conftest import ROOT
from tests.curves import results
from tests.given import given as given_file
from tests.scratch_problems import write_from_scratch
from tests.tree_problems import write_trees

NAN = float("nan")
# Three simulations, m = 1 to 4. Learner b has no value at m = 1 and 3.
A = [[0.5, 0.25, 0.0, 0.0], [0.5, 0.5, 0.25, 0.0], [0.25, 0.0, 0.0, 0.0]]
B = [[NAN, 0.5, NAN, 0.25], [NAN, 0.25, NAN, 0.0], [NAN, 0.5, NAN, 0.0]]
C = [[0.25, 0.25, 0.25, 0.0], [0.25, 0.25, 0.0, 0.0], [0.25, 0.25, 0.25, 0.0]]
RESULTS = {"one": results(a=A, b=B, c=C), "two": results(a=C, b=B, c=A)}


def found(more=RESULTS, **number):
    """The values of a number by full name; that of one alone."""
    if not number.keys() & numbers.BLOCKS:
        number = {"experiments": "one", "learners": "a", **number}
    values = reductions.evaluate("x", number, more)
    assert values.keys() == numbers.names("x", number).keys()
    return values["x"] if values.keys() == {"x"} else values


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ({"m": 2}, 0.25),
        ({"m": 1, "quantity": "topology_error"}, 1.25 / 3),
        ({"m": 2, "minus": "c"}, 0.0),
        ({"m": 3, "minus": "c"}, -0.25 / 3),
        ({"m": 2, "simulations": "spread"}, 0.25),  # of 1/4, 1/2 and 0, with n - 1
        ({"m": 2, "times": "2^m"}, 1.0),
        ({"m": 2, "times": 100}, 25.0),
        ({"take": "max"}, 1.25 / 3),
        ({"take": "min"}, 0.0),
        ({"take": "min", "m": [1, 2]}, 0.25),
        ({"take": "min", "minus": "c"}, -0.25 / 3),
        ({"take": "largest", "minus": "c"}, 0.5 / 3),
        ({"take": "largest", "minus": "c", "m": [3, 4]}, 0.25 / 3),
        ({"take": "max", "learners": "b"}, 1.25 / 3),
        ({"take": "max", "experiments": ["one", "two"], "m": 3}, 0.5 / 3),
        ({"take": "max", "times": "2^m"}, 1.0),  # 5/6 at m = 1, 1 at m = 2, 2/3 at m = 3
        ({"until": 0}, 3.0),  # m = 3, 4 and 2
        ({"until": 0.25}, 2.0),  # m = 2, 3 and 1
        ({"from": 0}, 4.0),
        ({"from": 0.25}, 2.0),
        ({"from": 0.1, "minus": "c"}, 2.0),  # 1/6, 0, -1/12 and 0
        ({"from": 0.05, "minus": "c"}, 4.0),
        ({"count": {"is": 0}}, 6.0),
        ({"count": {"above": 0.25}}, 3.0),
        ({"count": {"at_most": 0}, "m": [1, 3]}, 3.0),
        ({"count": {"is": 1}, "quantity": "status", "learners": ["a", "b"]}, 18.0),
        ({"count": {"at_most": 1}, "learners": "b"}, 6.0),  # and not what was not run
        ({"count": {"above": 0}, "experiments": ["one", "two"], "m": 3}, 3.0),
    ],
)
def test_values_found_by_hand(number, value):
    assert found(**number) == pytest.approx((value, NAN, False), nan_ok=True)


def test_lists_without_take_make_a_number_for_each():
    values = found(experiments=["one", "two"], learners=["a", "c"], m=3)
    assert {name: value.value for name, value in values.items()} == pytest.approx(
        {"x.one.a": 0.25 / 3, "x.one.c": 0.5 / 3, "x.two.a": 0.5 / 3, "x.two.c": 0.25 / 3}
    )
    assert found(learners=["c"], m=3).keys() == {"x.c"}
    assert found(experiments=["two"], m=3).keys() == {"x.two"}


def test_an_interval_is_that_of_student():
    """Of the three values 1/4, 1/2, 0 the standard error is 1/4 over the root of 3."""
    assert found(m=2, interval=True).half == pytest.approx(4.30265 * 0.25 / 3**0.5, rel=1e-5)
    assert found(until=0, interval=True).half == pytest.approx(4.30265 / 3**0.5, rel=1e-5)
    assert found(m=2, times=-2, interval=True).half == pytest.approx(8.6053 * 0.25 / 3**0.5)


def test_what_some_simulation_never_does_gives_a_lower_bound():
    value = found(learners="b", until=0, interval=True)  # m = 4 at best in two, never in one
    assert value.value == 4 and value.bound
    assert numbers.text({"digits": 1}, value) == "≥ 4.0"
    assert found(**{"from": 0, "learners": "b"}).bound
    assert found(**{"from": 0, "learners": ["a", "b"], "take": "max"}) == pytest.approx(
        (4.0, NAN, True), nan_ok=True
    )
    assert not found(**{"from": 0, "experiments": ["one", "two"], "take": "max"}).bound


def test_a_slope_against_m_is_that_of_binary_logarithms():
    halves = results(
        a=[[0.4, 0.2, 0.1, 0.05], [0.8, 0.4, 0.2, 0.1]], b=[[NAN, 0.25, NAN, 0.125]] * 2
    )
    value = found({"one": halves}, slope="m", interval=True)
    assert value.value == pytest.approx(-1) and value.half == pytest.approx(0, abs=1e-6)
    assert found({"one": halves}, slope="m", times=-1).value == pytest.approx(1)
    # Two points are no line with an interval; and a zero has no logarithm.
    assert np.isnan(found({"one": halves}, slope="m", learners="b").value)
    assert np.isnan(found(slope="m").value)
    zigzag = results(a=[[1, 0.25, 0.25]])
    value = found({"one": zigzag}, slope="m", interval=True)
    # Through 0, -2, -2: residuals 1/3, -2/3, 1/3 about a slope of -1; t of one degree is 12.706.
    assert value.value == pytest.approx(-1)
    assert value.half == pytest.approx(12.7062 * (2 / 3 / 2) ** 0.5, rel=1e-5)


def test_a_slope_against_sizes():
    sized = {
        name: results(
            a=[[2.0**-m / size**0.5 * (1 + x / size) for m in (1, 2, 3)] for x in (-1, 1)]
        )
        for name, size in (("one", 4), ("two", 8), ("three", 32))
    }
    number = {"experiments": [*sized], "sizes": [4, 8, 32], "slope": "layers.hidden"}
    assert found(sized, **number, m=2).value == pytest.approx(-0.5)
    assert found(sized, **number, m=2, simulations="spread").value == pytest.approx(-1.5)
    late = {
        name: results(a=[[1] * (m - 1) + [0] * (9 - m) for m in until])
        for name, until in (("one", (2, 4)), ("two", (3, 5)), ("three", (5, 7)))
    }
    assert found(late, **number, until=0, interval=True).value == pytest.approx(1)
    late["two"]["weight_error"][0, 1] = 1.0
    assert np.isnan(found(late, **number, until=0).value)


# Trees.


def trees():
    """Two trees of each kind with four outputs, whose diameters are 4 and 8."""
    axes = {"shape": SHAPES, "teacher": TEACHERS, "outputs": (4,), "seed": (0, 1)}
    axes |= {"start": STARTS, "step": range(1, 6)}
    sizes = [len(labels) for labels in axes.values()]
    deviation = np.full(sizes, 1e-16)
    data = xr.Dataset(
        {
            "deviation": ([*axes], deviation),
            "diameter": (("shape", "outputs", "seed"), np.full((3, 1, 2), [4, 8])),
            "log_partition": ([*axes][:4], np.full(sizes[:4], -3.0)),
            "bethe": ([*axes][:4], np.full(sizes[:4], -3.0)),
        },
        {name: list(labels) for name, labels in axes.items()},
    )
    data["deviation"].loc["chain", "relay", 4, 0, "uniform", 1] = 1e-3  # exact from step 2 on
    data["deviation"].loc["chain", "relay", 4, 1, "uniform", [1, 2]] = 1e-4  # from 3 on, of 4
    data["deviation"].loc["chain", "random", 4, 1, "random", 5] = 1e-5
    data["deviation"].loc["tree", "relay", 4, 1, "random", 4:] = NAN
    data["deviation"].loc["tree", "relay", 4, 1, "random", 3] = 2e-15
    data["bethe"].loc["ring", "relay", 4, 1] = -2.5
    return {"trees": data}


CHAIN = {"shape": "chain", "teacher": "relay"}


@pytest.mark.parametrize(
    ("what", "where", "reduced", "value"),
    [
        ("steps", CHAIN, {"take": "max"}, 3),
        ("steps", CHAIN, {"take": "min"}, 2),
        ("half_diameter", {"shape": "tree"}, {"take": "max"}, 4),
        ("steps_to_spare", CHAIN, {"count": {"is": 0}}, 1),
        ("steps_to_spare", CHAIN, {"take": "max"}, 1),
        ("error_before", CHAIN, {"take": "max"}, 1e-3),  # at step 1 of one, 3 of the other
        ("error_before", CHAIN, {"take": "min"}, 1e-16),
        ("belief_error", {"shape": ["chain", "tree"]}, {"take": "max"}, 1e-5),
        ("belief_error", {"shape": "tree"}, {"take": "max"}, 2e-15),
        ("log_partition", {"shape": "ring"}, {"take": "min"}, 3),
        ("log_partition_error", {"shape": "ring", "outputs": 4}, {"take": "max"}, 0.5),
        ("log_partition_error", {"shape": ["chain", "tree"]}, {"count": {"is": 0}}, 8),
    ],
)
def test_values_of_trees_found_by_hand(what, where, reduced, value):
    assert found(trees(), trees=what, where=where, **reduced).value == pytest.approx(value)


def from_scratch():
    """Two cases of two simulations; the first has two numbers of candidates and no m = 4."""
    shares = np.full((2, 2, 2, 4), NAN)
    shares[0, 0, :, :3] = [[0.5, 0.25, 0], [0.25, 0, 0]]
    shares[0, 1, :, :3] = [[1, 0.5, 0], [0.5, 0.5, 0.25]]
    shares[1, 1] = [[1, 1, 0.5, 0], [0.5, 0, 0, 0]]
    axes = {"case": ["hinted", "blind"], "candidates": [3, 9], "seed": [0, 1]}
    axes |= {"n_samples": [1, 2, 3, 4]}
    return {"from_scratch": xr.Dataset({"ambiguous_rows": ([*axes], shares)}, axes)}


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ({"cases": "hinted", "m": 2}, (0.5, NAN, False)),
        ({"cases": "hinted", "m": 2, "candidates": 3}, (0.125, NAN, False)),
        ({"cases": "blind", "m": 3, "interval": True}, (0.25, 12.7062 * 0.25, False)),
        ({"cases": "blind", "until": 0}, (3.0, NAN, False)),  # m = 4 and 2
        ({"cases": "hinted", "until": 0}, (3.0, NAN, True)),  # m = 3 and never
        ({"cases": ["hinted", "blind"], "take": "max"}, (0.75, NAN, False)),
        ({"cases": ["hinted", "blind"], "count": {"above": 0}}, (9, NAN, False)),
    ],
)
def test_values_of_what_is_found_from_scratch_by_hand(number, value):
    one = found(from_scratch(), from_scratch="ambiguous_rows", **number)
    assert one == pytest.approx(value, nan_ok=True, rel=1e-5)


def test_a_list_of_cases_makes_a_number_for_each():
    values = found(from_scratch(), from_scratch="ambiguous_rows", cases=["hinted", "blind"], m=3)
    assert {name: one.value for name, one in values.items()} == {"x.hinted": 0.125, "x.blind": 0.25}


# Text.


@pytest.mark.parametrize(
    ("number", "value", "text"),
    [
        ({"digits": 3}, (0.12449,), "0.124"),
        ({"digits": 2}, (0.3,), "0.30"),
        ({"digits": 0}, (61.0,), "61"),
        ({"digits": 2}, (-0.006,), "−0.01"),
        ({"digits": 2}, (-0.004,), "0.00"),
        ({"significant": 1}, (0.000375,), "0.0004"),
        ({"significant": 2}, (1.2767e-15,), "1.3·10⁻¹⁵"),
        ({"significant": 2}, (0.0,), "0"),
        ({"digits": 2}, (1.0, 0.25), "1.00 ± 0.25"),
        ({"digits": 1}, (12.0, NAN, True), "≥ 12.0"),
        ({"digits": 1}, (NAN,), "none"),
    ],
)
def test_text(number, value, text):
    assert numbers.text(number, numbers.Value(*value)) == text


def test_numbers_have_minus_signs_and_powers_of_ten():
    found = numbers.typeset("-5.04e-06 [-0.2, 3e+12]\nno mean-field of stage-1")
    assert found == "−5.04·10⁻⁶ [−0.2, 3·10¹²]\nno mean-field of stage-1"


WIDE = st.floats(-1e6, 1e6) | st.floats(-1e-6, 1e-6) | st.just(NAN)


@given(
    st.builds(numbers.Value, WIDE, WIDE.map(abs), st.booleans()),
    st.sampled_from(["digits", "significant"]),
    st.integers(1, 9),
)
def test_pages_recognise_every_text(value, key, places):
    assert re.fullmatch(numbers.TEXT, numbers.text({key: places}, value))


# The file.

STUDY = load_study(BASE)
SCHEMA = ROOT / "workflow/schemas/numbers.schema.yaml"
GOOD = {"experiments": "matched", "learners": "bp", "m": 8, "digits": 3}
TREES = {"trees": "steps", "where": {"shape": "chain"}, "take": "max", "digits": 0}


SCRATCH = {"from_scratch": "exact", "cases": ["one", "two"], "m": 8, "digits": 1}


def load(tmp_path, block, study=STUDY, **more):
    path = tmp_path / "numbers.yaml"
    path.write_text(yaml.safe_dump({"numbers": {"one": block}, **more}))
    return numbers_file.load_numbers(path, SCHEMA, study)


@pytest.mark.parametrize("block", [GOOD, TREES, SCRATCH | {"cases": "one"}])
def test_what_is_right_is_read(tmp_path, block):
    assert load(tmp_path, block) == ({"one": block}, [])
    sentences = ["It is {one}.", "{one} it is."]
    assert load(tmp_path, block, findings=sentences) == ({"one": block}, sentences)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (GOOD | {"digit": 3}, "numbers.one: unknown key 'digit'; allowed: "),
        (GOOD | {"significant": 3}, "numbers.one: one of digits and significant should be there"),
        ({key: GOOD[key] for key in GOOD if key != "digits"}, "numbers.one: one of digits and"),
        (GOOD | {"m": [1, 8]}, "numbers.one: of several m; allowed with count, until, from, "),
        (GOOD | {"quantity": "error"}, "numbers.one.quantity: 'error'"),
        (GOOD | {"take": "max", "interval": True}, "numbers.one.interval: not allowed together"),
        (GOOD | {"count": {"is": 0}, "until": 0}, "numbers.one.until: not allowed together with c"),
        (GOOD | {"slope": "layers.hidden"}, "numbers.one.slope: against a size; allowed with a li"),
        (GOOD | {"trees": "steps"}, "numbers.one"),
        (TREES | {"m": 3}, "numbers.one"),
        (SCRATCH | {"experiments": "matched", "learners": "bp"}, "numbers.one"),
        (SCRATCH | {"from_scratch": "weight_error"}, "numbers.one.from_scratch: 'weight_error'"),
        (SCRATCH | {"m": [1, 8]}, "numbers.one: of several m; allowed with count, until, from, "),
        (SCRATCH | {"slope": "neurons"}, "numbers.one.slope: cases have no number to be against"),
        ({**TREES, "count": {"is": 0}}, "numbers.one.take: not allowed together with count"),
        ({key: TREES[key] for key in TREES if key != "take"}, "numbers.one: of several trees; al"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, block, message):
    with pytest.raises(ConfigError) as error:
        load(tmp_path, block)
    assert str(error.value).startswith(f"numbers.yaml: {message}")
    assert len(str(error.value).splitlines()) == 1


def test_to_read_a_workflow_loads_nothing_that_only_values_need():
    """Snakemake reads it at every start, and on a cluster for every job."""
    lines = re.findall("^from sparsebp.*", (ROOT / "Snakefile").read_text(), re.M)
    assert len(lines) > 5
    unneeded = "print({'xarray', 'scipy.stats', 'numba', 'matplotlib'} & {*sys.modules})"
    program = "\n".join(["import sys", *lines, unneeded])
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("set()\n", "")


def test_a_caption_that_asks_for_an_unknown_number_is_refused(tmp_path):
    study = load_study(put("figures/one/found", "It is {one}, not {two}."))
    with pytest.raises(ConfigError, match=r"figures.one.found: 'two' is no number of numbers.yaml"):
        load(tmp_path, GOOD, study)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("It is {one}, not {two}.", "findings.0: 'two' is no number of numbers.yaml; "),
        ("It is 0.5.", "numbers.yaml: findings.0: 'It is 0.5.'"),
    ],
)
def test_a_finding_without_a_number_or_with_an_unknown_one_is_refused(tmp_path, sentence, message):
    with pytest.raises(ConfigError) as error:
        load(tmp_path, GOOD, findings=[sentence])
    assert str(error.value).startswith(message)


def test_a_study_computes_the_numbers_that_it_has_results_for():
    there = {
        "there": GOOD,
        "batches": GOOD | {"learners": "batch4", "take": "max", "m": [3, 4]},
        "sizes": {"experiments": ["matched", "wider"], "learners": "bp", "until": 0, "digits": 1}
        | {"slope": "layers.input"},
    }
    lacking = {
        "experiment": GOOD | {"experiments": "other"},
        "learner": GOOD | {"learners": "ms"},
        "reference": GOOD | {"minus": "ms"},
        "m": GOOD | {"m": 9},
        "no batch": GOOD | {"learners": "batch4", "m": 3},
        "one of them": GOOD | {"experiments": ["matched", "wider"]},
        "trees": TREES,
        "from scratch": SCRATCH,
    }
    study = inspection.replace(STUDY, numbers=there | lacking)
    expected = there | {"sizes": there["sizes"] | {"sizes": [30, 20]}}
    assert numbers_file.computable(study) == expected
    cases = {name: {"samples": [4, 8], "candidates": [3, 9]} for name in ("one", "two")}
    found = {
        "cases": SCRATCH,
        "few": SCRATCH | {"candidates": 3},
        "other": SCRATCH | {"candidates": 4},
        "m": SCRATCH | {"m": 9},
        "case": SCRATCH | {"cases": "three"},
    }
    study = inspection.replace(STUDY, numbers=found, from_scratch=cases)
    assert numbers_file.computable(study).keys() == {"cases", "few"}
    wrong = inspection.replace(STUDY, numbers={"a": there["sizes"] | {"slope": "layers.inner"}})
    with pytest.raises(ConfigError, match=r"numbers.a.slope: 'layers.inner' is neither m nor a n"):
        numbers_file.computable(wrong)


def test_captions_are_filled_when_they_are_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    caption = numbers_file.Found("*A* is {a}, B {b.c} and {1} is {not_there}.")
    assert caption == "*A* is {a}, B {b.c} and {1} is {not_there}."
    assert str(caption) == rst("*A* is (not computed), B (not computed) and {1} is (not computed).")
    (tmp_path / "results").mkdir()
    texts = {"a": {"text": "0.5 ± 0.1"}, "b.c": {"text": "−1"}}
    (tmp_path / "results/numbers.json").write_text(json.dumps({"numbers": texts}))
    assert f"{caption}" == rst("*A* is 0.5 ± 0.1, B −1 and {1} is (not computed).")


def test_a_finding_is_printed_where_it_has_all_of_its_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finding = numbers_file.Finding("*A* is {a}, and B {b.c}.")
    assert f"{finding}" == ""
    (tmp_path / "results").mkdir()
    for texts, printed in (
        ({"a": "0.5", "b.c": "−1"}, "*A* is 0.5, and B −1."),
        ({"a": "0.5"}, ""),
        ({"a": "0.5", "b.c": "none"}, ""),
    ):
        found = {name: {"text": text} for name, text in texts.items()}
        (tmp_path / "results/numbers.json").write_text(json.dumps({"numbers": found}))
        assert f"{finding}" == rst(printed)


# The step, with the numbers of this study and made-up results of all its experiments.

PROJECT, _ = inspection.load(ROOT)


def write(folder: Path, study, name: str) -> Path:
    """Results of an experiment, random ones."""
    block, rng = study.experiments[name], np.random.default_rng(len(name))
    learners, m = block["learners"], block["samples"]
    shape = len(learners), len(study.seeds(name)), len(m)
    values = {variable: rng.random(shape) for variable in quantities.QUANTITIES}
    values |= {"status": np.ones(shape, np.int8), "iterations": np.ones(shape, np.int32)}
    coordinates = {"learner": learners, "seed": list(study.seeds(name)), "n_samples": m}
    trained = {learner: study.train_spec(name, learner) for learner in learners}
    made = record("collect", study.collect_spec(name), inputs=study.draw_spec(name) | trained)
    store.write_results(folder / f"{name}.nc", values, coordinates, made)
    return folder / f"{name}.nc"


@pytest.mark.thorough
def test_all_numbers_of_this_study_are_found(tmp_path):
    spec = {"numbers": numbers_file.computable(PROJECT)}
    assert spec["numbers"].keys() == PROJECT.numbers.keys()
    behind = numbers.needed(spec["numbers"])
    paths = {name: str(tmp_path / f"{name}.nc") for name in behind}
    for name in PROJECT.experiments.keys() & behind:
        write(tmp_path, PROJECT, name)
    write_trees(paths["trees"], PROJECT)
    write_from_scratch(paths["from_scratch"], PROJECT)
    output = tmp_path / "numbers.json"
    words = ["--inputs", given_file(paths), "--output", str(output)]
    assert main(["numbers", given_file(spec), *words]) == 0
    made = json.loads(output.read_text())
    assert made["numbers"].keys() == numbers_file.full_names(PROJECT.numbers).keys()
    # Random errors never fall to zero, so some of the numbers are bounds, and some are none.
    lacking = {name for name, number in made["numbers"].items() if number["text"] == "none"}
    assert {name.partition(".")[0] for name in lacking} == {"size_doubling"}
    [error] = [n for name, n in made["numbers"].items() if name == "exact_mismatch_1"]
    data = store.read_results(paths["input_mismatch"])
    expected = data["weight_error"].sel(learner="exact", n_samples=1).values.mean()
    assert error == {"value": pytest.approx(expected), "text": f"{expected:.2f}"}
    data, _ = store.read_from_scratch(paths["from_scratch"])
    expected = data["found_rows"].sel(case="descent_by_truth", candidates=200, n_samples=24)
    value = made["numbers"]["descent_found_24.descent_by_truth"]["value"]
    assert value == pytest.approx(float(expected.mean()))
    assert inspection.mismatches(PROJECT, {}, output, inspection.read(output)) != []  # no sources
    assert (
        inspection.configuration_mismatches(made["provenance"], inspection.of_numbers(PROJECT))
        == []
    )
