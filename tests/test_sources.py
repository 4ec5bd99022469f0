"""The hash of a module's sources: of all that it imports, in any form, as it was loaded."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sparsebp.storage import sources
from sparsebp.storage.provenance import _commit
from tests.workflow_helpers import ROOT

FORMS = {
    "import sparsebp.one": {"one.py"},
    "import sparsebp.one as other": {"one.py"},
    "import numpy, sparsebp.one": {"one.py"},
    "import sparsebp.wing.three": {"wing/__init__.py", "wing/three.py"},
    "from sparsebp import one": {"one.py"},
    "from sparsebp import one as other, two": {"one.py", "two.py"},
    "from sparsebp import (one,  # not (two)\n    )": {"one.py"},
    "from sparsebp import (  # )\n    one,\n    two,\n)": {"one.py", "two.py"},
    "from sparsebp import one, \\\n    two": {"one.py", "two.py"},
    "from sparsebp.one import something": {"one.py"},
    "from sparsebp.wing import three": {"wing/__init__.py", "wing/three.py"},
    "from sparsebp.wing.three import x": {"wing/__init__.py", "wing/three.py"},
    "from sparsebp.wing import x": {"wing/__init__.py"},
    "from . import one": {"one.py"},
    "from .one import something": {"one.py"},
    "from .wing.three import x": {"wing/__init__.py", "wing/three.py"},
    "if True: from sparsebp import one": {"one.py"},
    "def later():\n    from sparsebp.one import x": {"one.py"},
    "x = 1; import sparsebp.one": {"one.py"},
    "from sparsebp import four": {"four.py", "one.py"},
    "from sparsebp.wing import up": {"wing/__init__.py", "wing/up.py", "two.py"},
    "from sparsebp import circle": {"circle.py"},
    "import sparsebp": set(),
    "'''from sparsebp import one'''": set(),
    "# from sparsebp import one": set(),
    "import one": set(),
    "from sparsebpx import one": set(),
}
OTHERS = {
    "one.py": "",
    "two.py": "",
    "four.py": "from . import one",
    "circle.py": "import sparsebp.module",
    "wing/__init__.py": "",
    "wing/three.py": "",
    "wing/up.py": "from ..two import x",
    "__init__.py": "",
}
PROGRAM = "from sparsebp.storage import sources; print(*sources.source_files('module'), sep='\\n')"


def python(folder, *arguments, **environment):
    """A program in a folder, the packages of which come first."""
    path = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **path, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thorough
@pytest.mark.parametrize("statement", FORMS)
def test_every_form_of_import_is_found(tmp_path, statement):
    package = tmp_path / "sparsebp"
    for name, text in {**OTHERS, "module.py": statement}.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (package / "storage").mkdir()
    shutil.copy(sources.PACKAGE / "storage/sources.py", package / "storage")
    found = python(tmp_path, "-c", PROGRAM).splitlines()
    expected = FORMS[statement] | {"module.py", "__init__.py"}
    assert {Path(path).relative_to(package).as_posix() for path in found} == expected


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, in a folder to run programs in."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(sources.PACKAGE, tmp_path / "sparsebp", ignore=ignored)
    return tmp_path


HASH = "from sparsebp.storage.sources import sources; print(sources('engine.learning'))"
EDIT = """
from pathlib import Path
path = Path("sparsebp/engine/learning.py")
edit = lambda: path.write_text(path.read_text() + "# edited")
"""


@pytest.mark.thorough
def test_what_is_recorded_is_what_was_loaded(copy):
    before = python(
        copy,
        "-c",
        "from sparsebp.storage import sources; print(sources.sources('engine.learning'))",
    )
    late = EDIT + (
        "from sparsebp.storage import provenance, sources\n"
        "from sparsebp.engine import learning\n"
        "sources.check_loaded('engine.learning'); edit()\n"
        "print(sources.sources('engine.learning'))"
    )
    assert python(copy, "-c", late) == before
    after = python(
        copy,
        "-c",
        "from sparsebp.storage import sources; print(sources.sources('engine.learning'))",
    )
    assert after != before


def test_an_edit_while_the_sources_are_loaded_is_noticed(copy):
    program = EDIT + (
        "from sparsebp.storage import sources\n"
        "edit()\n"
        "from sparsebp.engine import learning\n"
        "try: sources.check_loaded('engine.learning')\n"
        "except sources.SourcesChanged as error: print(error)"
    )
    assert "edited while they were loaded; run it again" in python(copy, "-c", program)


@pytest.mark.thorough
def test_a_step_refuses_sources_that_are_not_those_the_workflow_goes_by(copy):
    hand = "from sparsebp.storage import sources as s; s.hand_down()\n"
    hand += "import os; print(os.environ[s.SOURCES_VARIABLE])"
    handed = {sources.SOURCES_VARIABLE: python(copy, "-c", hand).strip()}
    check = (
        "from sparsebp.storage import sources; import sparsebp.steps.draw\n"
        "try: sources.check_loaded('steps.draw')\n"
        "except sources.SourcesChanged as error: print(error)\n"
        "else: print('same', bool(sources.source_files.cache_info().misses))"
    )
    # Nothing is parsed where all files are the same.
    assert python(copy, "-c", check, **handed) == "same False\n"
    # An edit of what the step does not consist of does not matter.
    with open(copy / "sparsebp/report/style.py", "a") as file:
        file.write("# edited\n")
    assert python(copy, "-c", check, **handed) == "same True\n"
    with open(copy / "sparsebp/network/patterns.py", "a") as file:
        file.write("# edited\n")
    said = python(copy, "-c", check, **handed)
    assert "sources of steps.draw were edited since the workflow began; start it again" in said


def test_what_is_handed_down_is_the_hashes_of_all_steps_and_kernels(monkeypatch):
    monkeypatch.setenv(sources.SOURCES_VARIABLE, "")  # so that it is as before in the end
    monkeypatch.delenv(sources.SOURCES_VARIABLE)
    sources.hand_down()
    handed = json.loads(os.environ[sources.SOURCES_VARIABLE])["modules"]
    steps = {f"steps.{path.stem}" for path in (sources.PACKAGE / "steps").glob("[!_]*.py")}
    assert handed == {name: sources.sources(name) for name in steps | set(sources.KERNEL_MODULES)}
    # What a workflow was told it does not tell anew.
    monkeypatch.setenv(sources.SOURCES_VARIABLE, "{}")
    sources.hand_down()
    assert os.environ[sources.SOURCES_VARIABLE] == "{}"


# The commit


def git(folder, *arguments):
    own = ["-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *own, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def unpacked(tmp_path):
    """The package unpacked in src/ of a folder in another repository; and that one's commit."""
    (tmp_path / "README").write_text("of others")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "README")
    git(tmp_path, "commit", "-qm", "of others")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(sources.PACKAGE, tmp_path / "ours/src/sparsebp", ignore=ignored)
    return tmp_path / "ours", git(tmp_path, "rev-parse", "--short=12", "HEAD")


COMMIT = "from sparsebp.storage.provenance import _commit; print(_commit())"


def test_the_commit_of_another_repository_is_not_ours(unpacked):
    folder, other = unpacked
    found = python(folder / "src", "-c", COMMIT)
    assert found.startswith("unknown (") and str(folder.parent) in found and other not in found


def test_nor_is_that_of_the_repository_that_git_is_told(unpacked):
    folder, other = unpacked
    git(folder, "init", "-q")
    git(folder, "add", "src")
    git(folder, "commit", "-qm", "ours")
    ours = git(folder, "rev-parse", "--short=12", "HEAD")
    told = {"GIT_DIR": str(folder.parent / ".git"), "GIT_WORK_TREE": str(folder.parent)}
    assert python(folder / "src", "-c", COMMIT, **told).strip() == ours != other
    with open(folder / "src/sparsebp/network/patterns.py", "a") as file:
        file.write("# edited\n")
    assert python(folder / "src", "-c", COMMIT, **told).strip() == f"{ours}-dirty"


def test_without_a_repository_or_git_it_says_why(tmp_path):
    package = tmp_path / "src/sparsebp"
    shutil.copytree(sources.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    assert "not a git repository" in python(tmp_path / "src", "-c", COMMIT)
    assert python(tmp_path / "src", "-c", COMMIT, PATH="/nowhere").startswith("unknown (git: ")


def test_here_it_is_a_commit_if_this_is_a_checkout():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    assert int(_commit().removesuffix("-dirty"), 16)
