"""The package as others get it: its version, what a wheel holds, and the files that hosts read."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

import sparsebp
from sparsebp.cli import main
from tests import mutations

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PYPROJECT["project"]["version"]


def read(path: str):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


# The version, which pyproject.toml alone says


def test_the_version_is_that_of_the_project():
    assert sparsebp.__version__ == VERSION


def test_the_program_says_its_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert not end.value.code
    assert capsys.readouterr() == (f"sparsebp {VERSION}\n", "")


def test_nothing_is_loaded_for_the_version_before_it_is_asked_for():
    program = (
        "import sys, sparsebp; "
        "print(*(name for name in sys.modules if name[:8] in ('sparsebp', 'numpy', 'numba')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("sparsebp\n", "")


def test_other_names_are_missing_as_in_any_module():
    with pytest.raises(AttributeError, match="module 'sparsebp' has no attribute 'versions'"):
        _ = sparsebp.versions


def test_the_citation_and_the_change_log_are_of_this_version():
    assert read("CITATION.cff")["version"] == VERSION
    titles = [
        line.removeprefix("## [").partition("]")[0]
        for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("## [")
    ]
    assert titles[0] == "Unreleased"
    assert titles[1:2] in ([], [VERSION])


# A wheel


def test_a_wheel_has_all_modules_and_says_that_they_are_typed(tmp_path):
    folder = tmp_path / "project"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignored)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    program = "from setuptools.build_meta import build_wheel; build_wheel('..')"
    subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"sparsebp-{VERSION}-")
    with ZipFile(wheel) as file:
        found = {name for name in file.namelist() if ".dist-info/" not in name}
    modules = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")}
    assert found == {*modules, "sparsebp/py.typed"}


# What hosts and pre-commit read


def steps() -> list[dict]:
    (job,) = read(".github/workflows/ci.yml")["jobs"].values()
    return job["steps"]


def test_hooks_call_programs_of_the_environment():
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    listed = [
        re.split("[><=]", one)[0] for one in PYPROJECT["project"]["optional-dependencies"]["dev"]
    ]
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].split()[0] in listed
        assert re.compile(hook["files"])
    ids = [hook["id"] for hook in repository["hooks"]]
    assert ids == ["ruff-check", "ruff-format", "snakefmt"]


def test_the_hosted_tests_are_those_of_ci_run_on_every_python():
    (job,) = read(".github/workflows/ci.yml")["jobs"].values()
    minor = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    listed = [minor.fullmatch(one) for one in PYPROJECT["project"]["classifiers"]]
    assert job["strategy"]["matrix"]["python"] == [found[1] for found in listed if found]
    assert [step["run"] for step in steps() if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o100


def test_actions_are_pinned_by_their_commit():
    used = [step["uses"] for step in steps() if "uses" in step]
    assert len(used) == 2
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)


def test_the_hosted_documentation_is_that_of_make_docs():
    pages = read(".readthedocs.yaml")
    commands = [*pages["build"]["jobs"]["install"], *pages["build"]["jobs"]["build"]["html"]]
    assert commands[:2] == ["make .venv/.installed", "make docs"]
    assert (ROOT / pages["sphinx"]["configuration"]).is_file()
    assert pages["build"]["tools"]["python"] == "3.11"


def test_the_catalog_is_told_that_rules_name_no_environment():
    deployment = read(".snakemake-workflow-catalog.yml")["usage"]["software-stack-deployment"]
    assert not any(deployment.values())
    for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(conda|container|containerized|envmodules):", text, re.M), path


@pytest.mark.parametrize("mistake", mutations.MUTATIONS.values(), ids=mutations.MUTATIONS)
def test_every_mistake_made_on_purpose_has_its_place(mistake):
    text = (ROOT / "src/sparsebp" / mistake.file).read_text(encoding="utf-8")
    assert mutations.edited(text, mistake) != text
