"""The steps by hand: what they write, and what they refuse."""

import json
import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import netCDF4
import numpy as np
import pytest
import xarray as xr

from sparsebp.cli import main
from sparsebp.network.quantities import Status
from sparsebp.storage import store
from sparsebp.storage.sources import sources
from tests.given import given
from tests.step_helpers import (
    COLLECT,
    DATASET,
    DRAW,
    DRAWN,
    GRID,
    LAYERS,
    LEARNER,
    LEARNERS,
    SPECS,
    STUDENT,
    TRAIN,
    call,
    changed,
    lacking,
    options,
    read,
    run,
    simulations,
    sized,
    variables,
)

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    assert set(run(folder)) == {0}
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A folder of its own with all files of the tiny experiment."""
    shutil.copytree(made / "results", tmp_path / "results")
    return tmp_path


def test_the_steps_make_the_files_of_the_data_contract(made):
    found = {path.relative_to(made / "results").as_posix() for path in made.rglob("*.nc")}
    names = (*DRAWN, *LEARNERS)
    expected = {f"tiny/seed-{seed}/{name}.nc" for seed in (0, 1) for name in names}
    assert found == {"tiny.nc", *expected}
    assert [path for path in made.rglob("*") if path.is_file() and path.suffix != ".nc"] == []

    inner, outer = ("hidden", "input_slot"), ("output", "output_slot")
    place = made / "results/tiny/seed-1"
    topologies = {"input_topology": (inner, "i"), "output_topology": (outer, "i")}
    weights = {"input_weights": (inner, "i"), "output_weights": (outer, "i")}
    assert variables(place / "teacher.nc").items() >= (topologies | weights).items()
    assert variables(place / "student.nc").items() >= topologies.items()
    trained = variables(place / "bp.nc")
    assert trained["input_estimate"] == (("n_samples", *inner), "i")
    assert trained["output_estimate"] == (("n_samples", *outer), "i")
    assert {"iterations", "status"} <= trained.keys()


def test_results_have_a_value_where_the_schedule_has_one(made):
    with xr.open_dataset(made / "results/tiny.nc") as results:
        results.load()
    assert results["learner"].values.tolist() == ["bp", "batch2"]
    assert results["seed"].values.tolist() == [0, 1]
    assert results["n_samples"].values.tolist() == GRID
    there = np.array([[[True, True, True]] * 2, [[False, True, True]] * 2])
    for name in ("weight_error", "topology_error", "generalization_error"):
        assert results[name].dims == ("learner", "seed", "n_samples")
        np.testing.assert_array_equal(np.isfinite(results[name]), there)
    for name in ("iterations", "status"):
        np.testing.assert_array_equal(results[name].values != 0, there)


def check_errors(folder, learner, seed):
    """Compare the weight errors with those found from the files alone, with full matrices.

    Returns:
        The weight errors, for each number of samples.
    """
    place = folder / f"results/tiny/seed-{seed}"
    teacher, student, trained = (read(place / f"{n}.nc") for n in ("teacher", "student", learner))
    with xr.open_dataset(folder / "results/tiny.nc") as results:
        errors = results["weight_error"].sel(learner=learner, seed=seed)
        for row, m in enumerate(trained["n_samples"].tolist()):
            wrong = 0
            for layer, columns in (("input", 9), ("output", 6)):
                truth, estimate = np.zeros((2, 6, columns))
                topology, guessed = teacher[f"{layer}_topology"], student[f"{layer}_topology"]
                np.put_along_axis(truth, topology, teacher[f"{layer}_weights"], axis=1)
                np.put_along_axis(estimate, guessed, trained[f"{layer}_estimate"][row], axis=1)
                wrong += np.count_nonzero((truth != 0) & (truth != estimate))
            assert float(errors.sel(n_samples=m)) == pytest.approx(wrong / (6 * 3 + 6 * 2))
    return errors.values


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_results_are_the_errors_of_the_estimates(made, learner, seed):
    check_errors(made, learner, seed)


def test_the_same_estimates_have_other_errors_against_another_teacher(folder):
    for seed in (0, 1):
        for learner in LEARNERS:
            path = folder / f"results/tiny/seed-{seed}/{learner}.nc"
            with netCDF4.Dataset(path, "a") as trained:
                for layer in ("input", "output"):
                    trained[f"{layer}_estimate"][:] = 1
    output = {"output": folder / "results/tiny.nc"}
    assert call("collect", COLLECT, *options("collect", folder, **output)) == 0
    first, second = (check_errors(folder, "bp", seed) for seed in (0, 1))
    assert (first != second).all()


def test_the_student_learns(made):
    """By four samples, belief propagation gets most of these 30 weights right."""
    with xr.open_dataset(made / "results/tiny.nc") as results:
        errors = results["weight_error"].sel(learner="bp").mean("seed").values
    assert errors[-1] < 0.25
    assert errors[-1] <= errors[0]


def test_steps_repeat_exactly(made, tmp_path):
    assert set(run(tmp_path)) == {0}
    for path in made.rglob("*.nc"):
        again = read(tmp_path / path.relative_to(made))
        for name, array in read(path).items():
            np.testing.assert_array_equal(array, again[name])


# Bad input


@pytest.fixture
def refused(folder, capsys):
    """Run a step that must fail with one line on stderr and leave no file behind."""

    def check(step, spec, *said, **files):
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        outputs = DRAWN if step == "draw" else ("output",)
        files = {name: folder / f"new-{name}.nc" for name in outputs} | files
        assert call(step, spec, *options(step, folder, **files)) not in (0, None)
        stderr = capsys.readouterr().err
        assert len(stderr.splitlines()) == 1
        assert [part for part in (step, *map(str, said)) if part not in stderr] == []
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before

    return check


each_step = pytest.mark.parametrize("step", SPECS)
KEYS = [(step, key) for step, spec in SPECS.items() for key in spec]
PART_KEYS = [(part, key) for part, spec in DRAW.items() for key in spec]


@pytest.mark.parametrize("text", ["{", "", "[]", "3", '"text"', "null"])
def test_spec_that_is_no_json_object(refused, text):
    refused("draw", text, "not")


def test_spec_from_a_pipe(folder):
    output = folder / "piped.nc"
    words = map(str, options("train", folder, output=output))
    command = [sys.executable, "-c", "from sparsebp.cli import main; raise SystemExit(main())"]
    subprocess.run(
        [*command, "train", "/dev/stdin", *words], input=json.dumps(TRAIN).encode(), check=True
    )
    one, other = read(output), read(folder / "results/tiny/seed-0/bp.nc")
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


@each_step
def test_spec_cut_off(refused, step):
    refused(step, json.dumps(SPECS[step])[:-1], "not JSON")


@each_step
def test_spec_that_is_no_file(refused, step, monkeypatch):
    monkeypatch.setattr("tests.step_helpers.given", lambda value: json.dumps(value)[:200])
    refused(step, SPECS[step], "No such file")


@pytest.mark.parametrize("step, key", KEYS)
def test_spec_that_lacks_a_key(refused, step, key):
    refused(step, {k: v for k, v in SPECS[step].items() if k != key}, key)


@pytest.mark.parametrize("part, key", PART_KEYS)
def test_spec_that_lacks_a_key_of_a_part(refused, part, key):
    rest = {k: v for k, v in DRAW[part].items() if k != key}
    refused("draw", DRAW | {part: rest}, key)


@pytest.mark.parametrize(
    "step, path, key",
    [
        ("draw", ["teacher", "nonzeros_per_row"], "output"),
        ("draw", ["dataset", "activation"], "function"),
        ("draw", ["dataset", "activation"], "b"),
        ("draw", ["student", "nonzeros_per_row"], "input"),
        ("train", ["learner"], "algorithm"),
    ],
)
def test_spec_that_lacks_a_key_of_a_block(refused, step, path, key):
    refused(step, lacking(SPECS[step], key, *path), key)


@pytest.mark.parametrize(
    "step, path", [("draw", ["student", "nonzeros_per_row"]), ("train", ["learner"])]
)
def test_spec_with_an_unknown_key_in_a_block(refused, step, path):
    refused(step, changed(SPECS[step], {"other": 3}, *path), "other")


@pytest.mark.parametrize(
    "layers",
    [
        3,
        LAYERS | {"input": "9"},
        LAYERS | {"input": 10},
        LAYERS | {"middle": 3},
        LAYERS | {"input": 9.0},
        LAYERS | {"input": True},
        LAYERS | {"hidden_layers": 0},
        {"input": 9, "output": 6},
    ],
)
def test_sizes_that_cannot_be_drawn(refused, layers):
    refused("draw", sized(layers))


@pytest.mark.parametrize("part", DRAWN)
@pytest.mark.parametrize("key, value", [("entropy", 2), ("layers", LAYERS | {"input": 18})])
def test_parts_that_do_not_fit_together(refused, part, key, value):
    refused("draw", changed(DRAW, {key: value}, part), key)


@pytest.mark.parametrize(
    "step, path, changes",
    [
        ("draw", ["dataset"], {"samples": -1}),
        ("draw", ["dataset"], {"samples": "x"}),
        ("draw", ["dataset", "activation"], {"function": "relu"}),
        ("draw", ["student"], {"alphabet": "x"}),
        ("draw", ["student"], {"nonzeros_per_row": {"input": 2, "output": 2}}),
        ("train", [], {"samples": []}),
        ("train", [], {"samples": 3}),
        ("train", [], {"samples": [1, 1, 2]}),
        ("train", [], {"samples": [True, 2, 3]}),
        ("train", [], {"samples": [1.0, 2]}),
        ("train", ["activation"], {"b": float("nan")}),
        ("train", ["learner"], {"damping": float("nan")}),
        ("train", ["learner"], {"damping": 1}),
        ("train", ["learner"], {"max_steps": 0}),
        ("train", ["learner"], {"max_steps": 50.5}),
        ("draw", ["dataset", "activation"], {"b": float("inf")}),
        ("draw", ["dataset", "activation"], {"function": "leaky-relu", "a": -0.1, "b": None}),
        ("draw", ["dataset"], {"noise": {"flipped": 1.5}}),
        ("draw", ["dataset"], {"samples": True}),
        ("draw", ["dataset"], {"test_samples": 0}),
        ("draw", ["student"], {"alphabet": [0, 1]}),
        ("draw", ["student"], {"alphabet": [-1, -0.5, 1]}),
        ("draw", ["student"], {"overlap": {"input": 2, "output": 1}}),
        ("draw", ["teacher", "nonzeros_per_row"], {"input": True}),
        ("draw", ["teacher", "nonzeros_per_row"], {"input": 2.0}),
        ("train", ["learner"], {"algorithm": "x"}),
        ("train", ["learner"], {"schedule": "x"}),
        ("collect", [], {"samples": [1]}),
        ("collect", [], {"samples": [1, 2, 3, 4]}),
        ("collect", [], {"seeds": 3}),
        ("collect", [], {"learners": ["bp", "other"]}),
    ],
)
def test_spec_with_a_bad_value(refused, step, path, changes):
    refused(step, changed(SPECS[step], changes, *path))


@pytest.mark.parametrize("entropy", ["x", -1])
def test_entropy_that_is_no_whole_number(refused, entropy):
    refused("draw", {part: spec | {"entropy": entropy} for part, spec in DRAW.items()})


INPUTS = [("train", "student"), ("train", "dataset")]
INPUTS += [("collect", name) for name in (*DRAWN, "trained")]
each_input = pytest.mark.parametrize("step, name", INPUTS)


@each_input
def test_missing_input(refused, folder, step, name):
    refused(step, SPECS[step], "absent.nc", **{name: folder / "absent.nc"})


@each_input
def test_truncated_input(refused, folder, step, name):
    whole = folder / f"results/tiny/seed-0/{'bp' if name == 'trained' else name}.nc"
    half = folder / "half.nc"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    refused(step, SPECS[step], half, **{name: half})


@each_input
def test_input_of_another_kind(refused, folder, step, name):
    results = folder / "results/tiny.nc"
    refused(step, SPECS[step], results, **{name: results})


@pytest.fixture
def others(folder):
    """Make teacher, data set and student of another size."""

    def make(**sizes):
        files = {name: folder / f"other-{name}.nc" for name in DRAWN}
        assert call("draw", sized(LAYERS | sizes), *options("draw", folder, **files)) == 0
        return files

    return make


@pytest.mark.parametrize("sizes", [{"input": 6}, {"output": 12}], ids=str)
def test_data_set_of_another_size_than_the_student(refused, others, sizes):
    dataset = others(**sizes)["dataset"]
    refused("train", TRAIN, dataset, dataset=dataset)


def test_data_set_drawn_apart_from_the_student(refused, folder):
    dataset = folder / "results/tiny/seed-1/dataset.nc"
    refused("train", TRAIN, dataset, "seed of its provenance is 1", dataset=dataset)


def test_data_set_with_too_few_samples(refused):
    refused("train", TRAIN | {"samples": [5]}, "dataset.nc", 4, 5)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("sizes", [{"input": 6}, {"hidden": 12, "output": 12}], ids=str)
def test_files_of_different_sizes_are_not_compared(refused, others, name, sizes):
    other = others(**sizes)[name]
    refused("collect", COLLECT, **{name: other})


@pytest.mark.parametrize("changes", [{"sources": "0" * 16}, {"versions": {"numpy": "1"}}, None])
def test_estimates_of_another_engine_or_of_none_are_not_collected(refused, folder, changes):
    with netCDF4.Dataset(folder / "results/tiny/seed-1/bp.nc", "a") as file:
        provenance = json.loads(file.provenance) | (changes or {})
        file.provenance = json.dumps(provenance if changes else {})
    refused("collect", COLLECT)


OTHERWISE = [{"sources": "0" * 16}, {"versions": {"numpy": "1.2.3"}}]


@pytest.mark.parametrize("name", [*DRAWN])
@pytest.mark.parametrize("changes", OTHERWISE, ids=str)
def test_files_drawn_by_different_programs_are_not_collected(refused, folder, name, changes):
    with netCDF4.Dataset(folder / f"results/tiny/seed-1/{name}.nc", "a") as file:
        file.provenance = json.dumps(json.loads(file.provenance) | changes)
    refused("collect", COLLECT, "different sources or library versions")


@pytest.mark.parametrize("name", ["dataset", "student"])
@pytest.mark.parametrize("changes", OTHERWISE, ids=str)
def test_files_drawn_by_different_programs_are_not_trained_on(refused, folder, name, changes):
    with netCDF4.Dataset(folder / f"results/tiny/seed-0/{name}.nc", "a") as file:
        file.provenance = json.dumps(json.loads(file.provenance) | changes)
    refused("train", TRAIN, *changes)


@pytest.mark.parametrize("name", [*DRAWN, "bp"])
def test_simulations_of_different_configurations_are_not_collected(refused, folder, name):
    with netCDF4.Dataset(folder / f"results/tiny/seed-1/{name}.nc", "a") as file:
        provenance = json.loads(file.provenance)
        provenance["spec"]["entropy"] = 2
        file.provenance = json.dumps(provenance)
    refused("collect", COLLECT)


GRADIENT = LEARNER | {
    "algorithm": "gradient-descent", "network": "sparse", "learning_rate": 0.03, "tolerance": 1e-4,
}  # fmt: skip


@pytest.fixture
def descended(folder):
    """Train by gradient descent beside the others."""
    for name in ("jax", "optax"):
        pytest.importorskip(name, reason=f"{name}: the extra `gradient` is not installed")
    for seed in (0, 1):
        output = folder / f"results/tiny/seed-{seed}/gd.nc"
        given = options("train", folder, seed, output=output)
        assert call("train", TRAIN | {"learner": GRADIENT}, *given) == 0
    return folder


def test_gradient_descent_has_a_generalisation_error_and_no_weights(descended):
    output = {"output": descended / "results/tiny.nc"}
    spec = COLLECT | {"learners": ["gd", "bp"]}
    assert call("collect", spec, *options("collect", descended, **output)) == 0
    with xr.open_dataset(descended / "results/tiny.nc") as results:
        results.load()
    found = results.sel(learner="gd")
    for name in ("weight_error", "flipped_error", "topology_error", "excess_error"):
        assert found[name].isnull().all()
        assert results[name].sel(learner="bp").notnull().all()
    assert found["expected_error"].isnull().all()
    assert np.isin(found["status"], [1, 2]).all() and (found["iterations"] > 0).all()
    for seed in (0, 1):
        place = descended / f"results/tiny/seed-{seed}"
        with (
            netCDF4.Dataset(place / "gd.nc") as file,
            netCDF4.Dataset(place / "dataset.nc") as data,
        ):
            assert file.kind == "predicted"
            assert file["prediction"].dimensions == ("n_samples", "test_sample", "output")
            assert json.loads(file.provenance)["libraries"].keys() == {"jax", "jaxlib", "optax"}
            errors = [np.mean((p - data["y_test"][:]) ** 2) for p in file["prediction"][:]]
        np.testing.assert_allclose(found["generalization_error"].sel(seed=seed), errors, rtol=1e-12)


def test_predictions_that_are_not_of_the_learner_are_not_collected(descended, refused):
    """Estimates in their place, and predictions for other samples."""
    spec, place = COLLECT | {"learners": ["gd"]}, descended / "results/tiny/seed-1"
    whole = (place / "gd.nc").read_bytes()
    with netCDF4.Dataset(place / "bp.nc", "a") as file, netCDF4.Dataset(place / "gd.nc") as other:
        file.provenance = other.provenance
    (place / "gd.nc").write_bytes((place / "bp.nc").read_bytes())
    refused("collect", spec, "predicted file is expected", "trained")
    (place / "gd.nc").write_bytes(whole)
    with netCDF4.Dataset(place / "gd.nc") as file:
        arrays = {name: file[name][:] for name in file.variables}
        made = json.loads(file.provenance)
    store.write_predicted(
        place / "gd.nc", arrays | {"prediction": arrays["prediction"][:, 1:]}, made
    )
    refused("collect", spec, "gd.nc", "another shape than y_test")


def test_a_missing_library_is_one_line_that_names_the_extra(folder, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "optax", None)
    refused("train", TRAIN | {"learner": GRADIENT}, "pip install 'sparsebp[gradient]'")


def test_a_training_says_what_a_contradiction_means(folder, caplog):
    """Outputs that are rounded contradict each other, and say so."""
    path = folder / "results/tiny/seed-0/dataset.nc"
    with netCDF4.Dataset(path, "a") as file:
        file["y"][:] = np.asarray(file["y"][:]).round(8)
    output = folder / "rounded.nc"
    assert call("train", TRAIN, *options("train", folder, output=output)) == 0
    assert (read(output)["status"] == Status.CONTRADICTION).all()
    assert caplog.text.count("outputs that are rounded, to 8 digits for example, or noisy") == 1
    caplog.clear()
    with netCDF4.Dataset(path, "a") as file:
        file["y"][:] = -np.asarray(file["y"][:])
    soft = LEARNER | {"algorithm": "max-sum", "factor": "soft"}
    given = options("train", folder, output=output)
    assert call("train", TRAIN | {"learner": soft}, *given) == 0
    assert "m = 4: " in caplog.text and "rounded" not in caplog.text
    assert (read(output)["status"] != Status.CONTRADICTION).all()


def test_overlap_and_noise_are_drawn(folder):
    """As asked for, the fresh samples without noise; and all else as without."""
    student = STUDENT | {"overlap": {"input": 0, "output": 0.5}}
    spec = DRAW | {"student": student, "dataset": DATASET | {"noise": {"flipped": 1}}}
    files = {name: folder / f"other-{name}.nc" for name in DRAWN}
    assert call("draw", spec, *options("draw", folder, **files)) == 0
    before = {name: read(folder / f"results/tiny/seed-0/{name}.nc") for name in DRAWN}
    after = {name: read(path) for name, path in files.items()}
    for kind, names in {"teacher": before["teacher"], "dataset": ("x", "x_test", "y_test")}.items():
        for name in names:
            np.testing.assert_array_equal(before[kind][name], after[kind][name])
    np.testing.assert_array_equal(after["dataset"]["y"], -before["dataset"]["y"])
    for layer, overlap in (("input", 0), ("output", 0.5)):
        ours, theirs = (after[kind][f"{layer}_topology"] for kind in ("student", "teacher"))
        rows = zip(ours.tolist(), theirs.tolist(), strict=True)
        assert sum(len(set(a) & set(b)) for a, b in rows) == overlap * theirs.size


@pytest.mark.parametrize(
    "path",
    [["tiny"], ["tiny", "1"], ["tiny", "0", "dataset"], ["tiny", "1", "trained", "bp"]],
    ids="-".join,
)
def test_inputs_that_lack_a_file(refused, folder, path):
    inputs = lacking(simulations(folder), path[-1], *path[:-1])
    file = given(inputs)
    refused("collect", COLLECT, f"{file}: lacks the key {path[-1]!r}", inputs=file)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tiny": "teacher.nc"}', '{"tiny": {"0": {"teacher": 3}}}']
)
def test_inputs_that_are_not_as_they_should_be(refused, text):
    refused("collect", COLLECT, inputs=given(text))


def test_files_of_another_seed_or_learner_are_not_collected(refused, folder):
    """In the place of each other: what the files say of themselves does not fit."""
    inputs = simulations(folder)["tiny"]
    swapped = given({"tiny": {"0": inputs["1"], "1": inputs["0"]}})
    refused("collect", COLLECT, "seed of its provenance is 1; expected is 0", inputs=swapped)
    trained = inputs["1"]["trained"]
    mixed = trained | {"bp": trained["batch2"], "batch2": trained["bp"]}
    swapped = given({"tiny": inputs | {"1": inputs["1"] | {"trained": mixed}}})
    refused("collect", COLLECT, "different configurations", inputs=swapped)


@each_step
@pytest.mark.parametrize("place", ["results", "pipe", "results/tiny.nc/output.nc"])
def test_output_that_cannot_be_written(refused, folder, step, place, monkeypatch):
    """A folder or a pipe is in its place, or a file in the place of its folder. No work is done."""
    os.mkfifo(folder / "pipe")
    monkeypatch.setitem(sys.modules, f"sparsebp.steps.{step}", None)
    output = "student" if step == "draw" else "output"
    files = {output: folder / place}
    refused(step, SPECS[step], folder / place.removesuffix("/output.nc"), **files)


@pytest.mark.parametrize("seed", [-1, "x"])
def test_bad_seed(folder, capsys, seed):
    files = {name: folder / f"new-{name}.nc" for name in DRAWN}
    assert call("draw", DRAW, *options("draw", folder, seed, **files)) not in (0, None)
    assert "seed" in capsys.readouterr().err.lower()
    assert not list(folder.glob("new-*"))


@pytest.mark.parametrize("size", ["inf", "nan", "0", "-1", "-inf"])
def test_bad_memory(folder, capsys, size):
    given = options("train", folder, output=folder / "new.nc")
    assert call("train", TRAIN, *given, f"--memory-gib={size}") == 1
    said = f"sparsebp train: --memory-gib {float(size)}; must be a finite number above 0\n"
    assert capsys.readouterr().err == said
    assert not (folder / "new.nc").exists()


@each_input
def test_input_that_never_ends(refused, folder, step, name):
    """To open a pipe that nobody writes to takes until somebody does."""
    os.mkfifo(folder / "pipe.nc")
    refused(
        step, SPECS[step], f"{folder / 'pipe.nc'}: not a regular file", **{name: folder / "pipe.nc"}
    )


def test_figure_of_another_file(folder, capsys):
    spec = {"name": "f", "figure": {"panels": []}, "learners": {}, "experiments": {"tiny": {}}}
    teacher = folder / "results/tiny/seed-0/teacher.nc"
    inputs = given({"tiny": str(teacher)})
    ends = call("figure", spec, "--inputs", inputs, "--output", folder / "figure.pdf")
    assert ends not in (0, None)
    stderr = capsys.readouterr().err
    assert str(teacher) in stderr
    assert len(stderr.splitlines()) == 1
    assert not (folder / "figure.pdf").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_page_of_what_are_no_verdicts(folder, capsys, text):
    (folder / "verdicts.json").write_text(text)
    files = {"verdicts": "verdicts.json", "output": "page.html", "figure": "page.png"}
    options = [word for key, name in files.items() for word in (f"--{key}", str(folder / name))]
    assert main(["verdict_page", *options]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and str(folder / "verdicts.json") in lines[0]
    assert [*folder.glob("page.*")] == []


@pytest.mark.parametrize("step", ["table", "provenance_page"])
def test_page_or_table_of_another_file(folder, capsys, step):
    output, file = folder / "output", str(folder / "none.nc")
    page = ["--page", str(folder / "page.html")]
    words = ["--results", file, *page] if step == "table" else ["--inputs", given({"none": file})]
    assert main([step, *words, "--output", str(output)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "none.nc" in lines[0]
    assert not output.exists() and not (folder / "page.html").exists()


# Start-up


@pytest.mark.parametrize(
    "step, unneeded",
    [
        ("draw", ["numba", "scipy", "xarray", "matplotlib"]),
        ("train", ["scipy.linalg", "xarray", "matplotlib"]),
        ("collect", ["numba", "scipy", "matplotlib"]),
    ],
)
def test_a_step_loads_only_what_it_needs(folder, step, unneeded):
    """Hundreds of jobs start and end within a second."""
    code = (
        "import sys, sparsebp.cli\n"
        "assert sparsebp.cli.main(sys.argv[1:-1]) == 0\n"
        "print(*[name for name in sys.argv[-1].split(',') if name in sys.modules])"
    )
    files = {} if step == "draw" else {"output": folder / "new.nc"}
    arguments = [step, given(SPECS[step]), *map(str, options(step, folder, **files))]
    command = [sys.executable, "-c", code, *arguments, ",".join(unneeded)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


# Provenance


def test_files_say_what_made_them(made):
    for name, spec in DRAW.items():
        with netCDF4.Dataset(made / f"results/tiny/seed-1/{name}.nc") as file:
            provenance = json.loads(file.provenance)
        assert provenance["step"] == "draw"
        assert provenance["spec"] == spec
        assert provenance["seed"] == 1
        assert provenance["sources"] == sources("steps.draw")
        assert {"numpy", "sparsebp"} <= provenance["versions"].keys()
        assert provenance["commit"]
        assert 0 < provenance["seconds"] < 3600
        assert provenance["host"] == platform.node()
        assert provenance["processor"].split()[0] == platform.machine()
        made_at = datetime.fromisoformat(provenance["made"])
        assert made_at.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - made_at) < timedelta(hours=1)
        assert provenance["drawn"] == DRAW


def test_results_say_what_is_behind_them(made):
    with netCDF4.Dataset(made / "results/tiny.nc") as file:
        provenance = json.loads(file.provenance)
    assert provenance["spec"] == COLLECT
    given = DRAW | {"bp": TRAIN}
    batch2 = TRAIN | {"learner": LEARNER | LEARNERS["batch2"]}
    assert provenance["inputs"] == given | {"batch2": batch2}
    engine = provenance["engine"]
    assert engine["sources"] == sources("steps.train")
    assert engine["commits"] == [provenance["commit"]]
    assert engine["hosts"] == [platform.node()]
    assert engine["processors"] == [provenance["processor"]]
    assert provenance["draw_sources"] == sources("steps.draw")
    assert provenance["draw_versions"] == provenance["versions"]
    assert engine["training_seconds"] > 0
