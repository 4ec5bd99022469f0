"""What rules hand to steps as files: no command grows with the study, and all run by hand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from sparsebp.steps import draw
from sparsebp.storage import handed, paths, store
from sparsebp.storage.provenance import record
from sparsebp.storage.sources import kernel_sources
from sparsebp.study import inspection
from tests.workflow_helpers import Project
from tests.workflow_study import CONFIG

LEARNERS = [f"rbp-{number}" for number in range(400)]
SEEDS = 10
LENGTH = 500  # of a command at most, in characters


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    handed._written.cache_clear()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_value_has_one_file_and_another_value_another(folder):
    value, other = {"a": [1, "é"]}, {"a": [1.0, "é"]}
    path = handed.write(value)
    assert handed.write(dict(value)) == path != handed.write(other)
    assert [handed.read(file) for file in (path, handed.write(other))] == [value, other]
    assert json.dumps(handed.read(path)) != json.dumps(handed.read(handed.write(other)))
    assert len(list(Path(path).parent.iterdir())) == 2


@pytest.mark.parametrize("damage", [os.remove, lambda path: os.truncate(path, 3)])
def test_what_is_lost_or_damaged_is_written_again(damage):
    value = {"a": 1}
    path = handed.write(value)
    damage(path)
    handed._written.cache_clear()  # as in another program
    assert handed.write(value) == path
    assert handed.read(path) == value


def commands(run):
    """The commands of a run that prints them."""
    return re.findall(
        r"^(?:Shell command: |\s+)?((?:NUMBA_CACHE_DIR=\S+ )?sparsebp .+)$", run.output, re.M
    )


@pytest.mark.thorough
def test_commands_of_a_dry_run_run_by_hand(folder):
    project = Project(folder, yaml.safe_load(CONFIG))
    student = "results/matched/seed-0/student.nc"
    (command,) = commands(project.make("--dry-run", "-p", student))
    environment = {"PYTHONPATH": str(project / "src")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(
        command.partition(" 2> ")[0],
        shell=True,
        cwd=project.folder,
        env=os.environ | environment,
        check=True,
    )
    study, claims = inspection.load(project.folder)
    path = project / student
    assert inspection.mismatches(study, claims, path, inspection.read(path)) == []


@pytest.mark.thorough
def test_a_slice_of_any_length_reaches_its_step(folder):
    """Linux allows 128 KiB for an argument."""
    project = Project(folder, yaml.safe_load(CONFIG))
    panels = [{"experiment": "matched", "title": "x" * 200}] * 700
    project.change({"figures.one.panels": panels})
    run = project.make("--dry-run", "-p", "figures/one.pdf")
    assert len(commands(run)) == len(run.work)
    assert max(map(len, commands(run))) < LENGTH
    study, _ = inspection.load(project.folder)
    spec = study.figure_spec("one")
    assert len(json.dumps(spec)) > 2**17
    (command,) = (one for one in commands(run) if "sparsebp figure" in one)
    assert handed.read(project / command.split()[2]) == spec


@pytest.mark.slow
def test_thousands_of_inputs_are_collected(folder, monkeypatch):
    """All that is there before, as weights that are guessed. The learners are alike."""
    config = yaml.safe_load(CONFIG)
    block = config["experiments"]["matched"]
    block |= {"layers": {"input": 4, "hidden": 4, "output": 4}, "learners": LEARNERS}
    config |= {"experiments": {"matched": block}, "figures": {}}
    config["learners"] = dict.fromkeys(LEARNERS, config["learners"]["rbp"])
    config["study"]["seeds"] = SEEDS
    project = Project(folder, config)
    study, _ = inspection.load(project.folder)
    compiled = project / paths.COMPILED.format(sources=kernel_sources(), study="config")
    compiled.parent.mkdir(parents=True)
    compiled.write_text("{}")
    monkeypatch.setattr(os, "fsync", lambda file: None)
    weights = np.ones((3, 4, 2))
    arrays = {"n_samples": [1, 2, 3], "status": np.ones(3), "iterations": np.ones(3)}
    arrays |= {"input_estimate": weights, "output_estimate": weights, "entropy": np.full(3, 0.5)}
    arrays |= {"expected_error": np.full(3, np.nan), "residual": np.zeros(3)}
    for seed in study.seeds("matched"):
        at = {"experiment": "matched", "seed": seed}
        files = {n: str(project / p.format(**at)) for n, p in inspection.DRAWN.items()}
        draw.run(study.draw_spec("matched"), seed, **files)
        made = store.provenance(files["student"])
        behind = {"inputs": made["drawn"], "draw_sources": made["sources"]}
        made = record("train", study.train_spec("matched", LEARNERS[0]), seed=seed, **behind)
        first, *others = (project / paths.TRAINED.format(**at, learner=name) for name in LEARNERS)
        store.write_trained(first, arrays, made)
        for path in others:
            os.link(first, path)
    run = project.make("-p", "results/matched.nc")
    assert run.work == {"collect matched"}
    (command,) = commands(run)
    assert len(command) < LENGTH
    results = store.read_results(project / "results/matched.nc")
    assert results["learner"].values.tolist() == LEARNERS
    assert results["seed"].values.tolist() == list(range(SEEDS))
    assert (results["status"] == 1).all() and 0 < results["weight_error"].mean() < 1
