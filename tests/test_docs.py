"""The documentation: what it shows has to work."""

import re
from pathlib import Path

import yaml
from snakemake.utils import update_config

from sparsebp.study.config import Study

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def test_examples_of_new_experiments_learners_and_panels_are_valid():
    text = (ROOT / "docs/experiments.md").read_text()
    blocks = [yaml.safe_load(part) for part in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    del config["choices"]["learners"]  # the example is for all of its experiment's
    for block in blocks:
        if "inference" in block:  # the one example that belongs inside an experiment
            block = {"experiments": {"wide": block}}
        update_config(config, block)
    config["experiments"]["wide"]["learners"] += ["bp-batch8", "rms-fast", "warm"]
    study = Study.load(config, SCHEMA)
    assert study.train_spec("wide", "warm")["learner"]["initial_scale"] == 1.0
    assert study.figure_spec("wide")["figure"]["panels"][1]["learners"][-1] == "warm"


def test_links_lead_somewhere():
    links = [
        (path, link)
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text())
        if "://" not in link
    ]
    assert len({path for path, _ in links}) > 2
    for path, link in links:
        assert (path.parent / link).exists(), f"{link} in {path}"


def test_pages_name_targets_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        path.name: set(re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(), re.MULTILINE))
        for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    }
    assert {"figures", "test"} <= named["README.md"] <= targets
    assert {"test", "lint", "lock"} <= named["CONTRIBUTING.md"] <= targets
