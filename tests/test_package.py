"""The package as others get it: its version, what a wheel holds, and the files that hosts read."""

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
        "import sys; before = {*sys.modules}; import sparsebp; "
        "print(*sorted({*sys.modules} - before))"
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
