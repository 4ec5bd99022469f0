"""The three descriptions of the environment agree, with each other and with what is installed.

`pyproject.toml` lists the direct dependencies with their ranges, `requirements.lock` pins every
package by hash for pip, `environment.yml` pins the direct ones for conda. What an extra
needs beyond them is pinned by a lock of its own, which need not be installed here.
"""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
EXTRAS = ("benchmark", "gradient")
LOCKS = ("requirements.lock", *(f"requirements-{extra}.lock" for extra in EXTRAS))
LOCK_TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in LOCKS}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))

# Packages that conda distributes under another name than PyPI.
CONDA_TO_PYPI = {
    "matplotlib-base": "matplotlib",
    "opt_einsum": "opt-einsum",
    "seaborn-base": "seaborn",
}

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def lock_entries(lock: str = LOCKS[0]) -> list[tuple[Requirement, list[str]]]:
    """Every requirement of a lock, with the options that follow it."""
    lines = (line for line in LOCK_TEXTS[lock].splitlines() if not line.lstrip().startswith("#"))
    logical = "\n".join(lines).replace("\\\n", " ").splitlines()
    entries = []
    for line in filter(str.strip, logical):
        requirement, *options = re.split(r"\s+(?=--)", line.strip())
        entries.append((Requirement(requirement), options))
    return entries


def locked_versions(lock: str = LOCKS[0]) -> dict[str, Version]:
    versions = {}
    for requirement, _ in lock_entries(lock):
        (pin,) = requirement.specifier
        versions[canonicalize_name(requirement.name)] = Version(pin.version)
    return versions


def listed_dependencies() -> list[str]:
    extras = PYPROJECT["project"]["optional-dependencies"]
    return sum(
        (extras[name] for name in ("study", "dev", "docs")), PYPROJECT["project"]["dependencies"]
    )


def direct_dependencies() -> dict[str, Requirement]:
    return {canonicalize_name(r.name): r for r in map(Requirement, listed_dependencies())}


def conda_pins() -> dict[str, tuple[str, str]]:
    """PyPI name -> (operator, version) of every conda package but Python and pip."""
    pins = {}
    for entry in CONDA["dependencies"]:
        if isinstance(entry, dict):
            continue
        name, operator, version = re.fullmatch(r"([\w-]+)([=<>]*)(.*)", entry).groups()
        if name not in {"python", "pip"}:
            pins[CONDA_TO_PYPI.get(name, name)] = operator, version
    return pins


LOCKED = locked_versions()
LOCKED_FOR = {extra: locked_versions(f"requirements-{extra}.lock") for extra in EXTRAS}
DIRECT = direct_dependencies()


# The lock


def test_lock_holds_more_than_the_direct_dependencies():
    assert len(LOCKED) > len(DIRECT)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_package_once_and_exactly(lock):
    names = [canonicalize_name(requirement.name) for requirement, _ in lock_entries(lock)]
    assert len(names) == len(set(names))
    for requirement, _ in lock_entries(lock):
        assert requirement.url is None, requirement.name
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement.name


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_only_hashes_and_at_least_one_per_package(lock):
    for requirement, options in lock_entries(lock):
        assert options, f"{requirement.name} has no hash"
        for option in options:
            assert HASH.fullmatch(option), f"{requirement.name}: {option}"


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("address", ["://", "--index-url", "--find-links", "file:", "@"])
def test_lock_names_no_address(lock, address):
    assert address not in LOCK_TEXTS[lock]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_says_how_it_is_made_and_names_no_path(lock):
    lines = LOCK_TEXTS[lock].splitlines()
    comments = [line.strip() for line in lines if line.lstrip().startswith("#")]
    assert "make lock" in LOCK_TEXTS[lock]
    for comment in comments:
        assert "/" not in comment and "\\" not in comment, comment


def test_direct_dependencies_are_listed_once():
    assert len(DIRECT) == len(listed_dependencies())


@pytest.mark.parametrize("name", DIRECT)
def test_locked_version_lies_in_the_declared_range(name):
    assert DIRECT[name].specifier.contains(LOCKED[name], prereleases=True)


@pytest.mark.parametrize("name", DIRECT)
def test_direct_dependency_has_a_lower_bound(name):
    assert any(pin.operator == ">=" for pin in DIRECT[name].specifier)


def test_build_backend_is_locked():
    for requirement in map(Requirement, PYPROJECT["build-system"]["requires"]):
        assert requirement.specifier.contains(LOCKED[canonicalize_name(requirement.name)])


# The extras of the benchmark and of gradient descent


def extra_dependencies() -> list[tuple[str, Requirement]]:
    listed = PYPROJECT["project"]["optional-dependencies"]
    return [(extra, Requirement(one)) for extra in EXTRAS for one in listed[extra]]


@pytest.mark.parametrize("extra", EXTRAS)
def test_lock_of_an_extra_has_only_what_the_other_lacks(extra):
    assert not LOCKED_FOR[extra].keys() & LOCKED.keys()


@pytest.mark.parametrize("extra, requirement", extra_dependencies(), ids=str)
def test_locked_version_for_an_extra_lies_in_the_declared_range(extra, requirement):
    name = canonicalize_name(requirement.name)
    assert name not in DIRECT
    assert any(pin.operator == ">=" for pin in requirement.specifier)
    assert requirement.specifier.contains(LOCKED_FOR[extra][name], prereleases=True)


def test_what_is_left_out_is_locked_nowhere():
    left_out = map(Requirement, PYPROJECT["tool"]["uv"]["override-dependencies"])
    for requirement in left_out:
        assert not requirement.marker.evaluate()
        assert requirement.name not in LOCKED.keys() | set().union(*LOCKED_FOR.values())


# conda


def test_conda_has_the_direct_dependencies_and_no_others():
    assert conda_pins().keys() == DIRECT.keys()


@pytest.mark.parametrize("name", DIRECT)
def test_conda_has_the_locked_version(name):
    operator, version = conda_pins()[name]
    if LOCKED[name].is_postrelease:
        # conda leaves out PyPI's ".postN", so its "=" stands for the release with or without it.
        assert operator == "="
        assert Version(version) == Version(LOCKED[name].base_version)
    else:
        assert operator == "=="
        assert Version(version) == LOCKED[name]


def test_conda_has_the_same_python_range():
    (python,) = (
        entry
        for entry in CONDA["dependencies"]
        if isinstance(entry, str) and re.match(r"python\b(?!-)", entry)
    )
    conda_range = SpecifierSet(python.removeprefix("python").strip())
    assert conda_range == SpecifierSet(PYPROJECT["project"]["requires-python"])


def test_conda_installs_the_package_from_this_folder():
    assert CONDA["name"] == PYPROJECT["project"]["name"]
    assert "pip" in CONDA["dependencies"]
    assert [e["pip"] for e in CONDA["dependencies"] if isinstance(e, dict)] == [["-e ."]]


# The interpreter that runs these tests

IN_CONDA = (Path(sys.prefix) / "conda-meta").is_dir()


def applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**default_environment(), "extra": extra}) for extra in extras | {""}
    )


def needed_here() -> set[str]:
    """The packages that the project needs on this machine, found by following the metadata."""
    needed: set[tuple[str, str]] = set()
    todo = list(DIRECT.values())
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in needed:
                needed.add((name, extra))
                following = map(Requirement, importlib.metadata.requires(name) or [])
                todo += [r for r in following if applies(r, {extra})]
    return {name for name, _ in needed}


def test_interpreter_is_in_the_declared_range():
    running = ".".join(map(str, sys.version_info[:3]))
    assert SpecifierSet(PYPROJECT["project"]["requires-python"]).contains(running)


def test_lock_is_complete():
    assert needed_here() <= LOCKED.keys()


@pytest.mark.parametrize(
    "name",
    [
        canonicalize_name(requirement.name)
        for requirement, _ in lock_entries()
        if applies(requirement, set())
        # conda chooses the versions of what the direct dependencies depend on.
        and (not IN_CONDA or canonicalize_name(requirement.name) in DIRECT)
    ],
)
def test_installed_version_is_the_locked_one(name):
    installed = Version(importlib.metadata.version(name))
    if IN_CONDA:
        assert installed.base_version == LOCKED[name].base_version
    else:
        assert installed == LOCKED[name]


PYTHON = """#!/bin/sh
if [ "$2" = venv ]; then
    mkdir -p "$4/bin" && rm -rf "$4"/* && mkdir "$4/bin" && cp "$0" "$4/bin/python"
fi
"""


def test_an_environment_elsewhere_is_not_emptied_through_a_link(tmp_path):
    """As in a clone that borrows that of another: ``venv --clear`` would follow the link."""
    elsewhere, program = tmp_path / "elsewhere", tmp_path / "python"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (tmp_path / ".venv").symlink_to(elsewhere)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "requirements-gradient.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    program.write_text(PYTHON)
    program.chmod(0o755)
    command = ["make", ".venv/.installed", f"PYTHON={program}"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert [path.name for path in elsewhere.iterdir()] == ["kept"]
    assert not (tmp_path / ".venv").is_symlink() and (tmp_path / ".venv/.installed").exists()
