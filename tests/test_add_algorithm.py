"""The page that adds an algorithm, as it stands: its edits, its test and its figure."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.configurations import whole
from tests.workflow_helpers import ROOT, Project

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/add_algorithm.md").read_text(encoding="utf-8")


def blocks(language):
    """What the page shows in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """A copy of the project with the page's edits."""
    config = whole()
    kept = {key: config[key] for key in ("study", "inference", "learners")}
    project = Project(
        tmp_path_factory.mktemp("page"), kept | {"experiments": {}, "figures": {}}, own_sources=True
    )
    for patch in blocks("diff"):
        apply = ["git", "apply", "--verbose", "-"]
        done = subprocess.run(apply, cwd=project.folder, input=patch, text=True)
        assert done.returncode == 0
    assert "MaxOffset" in (project / "src/sparsebp/engine/learner.py").read_text()
    return project


def test_the_test_of_the_page_passes_on_its_edits_and_fails_without_an_offset(edited, tmp_path):
    (test,) = blocks("python")
    (edited / "tests").symlink_to(ROOT / "tests")
    where = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(edited / "src")}
    for text, status in ((test, 0), (test.replace("OFFSET = 0.02", "OFFSET = 0.0"), 1)):
        (edited / "test_offset.py").write_text(text, encoding="utf-8")
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_offset.py"],
            cwd=edited.folder,
            env=os.environ | where,
            capture_output=True,
            text=True,
        )
        assert run.returncode == status, run.stdout
        assert ("2 passed" if status == 0 else "2 failed") in run.stdout


def test_the_figure_of_the_page_shows_it(edited):
    (text,) = blocks("yaml")
    block = yaml.safe_load(text)
    block["study"] = {"seeds": 2}
    (edited / "offset.yaml").write_text(yaml.safe_dump(block))
    run = edited.make("figures/offset.svg", "--configfile", "offset.yaml")
    assert "train offset 0 oms" in run.work
    drawn = (edited / "figures/offset.svg").read_text(encoding="utf-8")
    assert ">max-sum with an offset</text>" in drawn
