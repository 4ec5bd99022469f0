"""The command line: its help, and which sources its steps are made of."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparsebp.cli import main
from sparsebp.storage.sources import source_files, sources
from tests.step_helpers import SPECS

pytestmark = pytest.mark.thorough

OPTIONS = {
    "draw": ["SPEC", "--seed", "--teacher", "--dataset", "--student"],
    "kernels": ["SPEC", "--output", "--threads"],
    "train": ["SPEC", "--seed", "--student", "--dataset", "--output", "--threads"],
    "collect": ["SPEC", "--inputs", "--output"],
    "figure": ["SPEC", "--inputs", "--output"],
    "verdicts": ["SPEC", "--inputs", "--output", "--table"],
    "numbers": ["SPEC", "--inputs", "--output"],
    "search": ["SPEC", "--seed", "--output"],
    "from_scratch": ["SPEC", "--inputs", "--output"],
    "table": ["--results", "--output", "--page"],
    "verdict_page": ["--verdicts", "--output", "--figure"],
    "explorer": ["SPEC", "--verdicts", "--inputs", "--output"],
    "provenance_page": ["--inputs", "--output"],
    "show": ["FILE", "--configfile"],
    "why": ["TARGET", "--configfile", "--directory"],
}


@pytest.mark.parametrize("step", OPTIONS)
def test_help_describes_every_option(step, capsys):
    with pytest.raises(SystemExit) as end:
        main([step, "--help"])
    assert end.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    for option in OPTIONS[step]:
        at = next(i for i, line in enumerate(lines) if line.startswith(f"  {option}"))
        words = lines[at].split() + (lines[at + 1].split() if at + 1 < len(lines) else [])
        assert len([word for word in words if word.islower()]) >= 2


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert [step for step in OPTIONS if not re.search(rf"\n    {step}\s", out)] == []


# Sources of the steps


def names(module):
    return {path.name for path in source_files(module)}


def test_sources_of_a_step_are_those_it_imports():
    draw, train = names("steps.draw"), names("steps.train")
    assert {"draw.py", "patterns.py", "data.py", "store.py"} <= draw
    assert not {"messages.py", "factors.py", "learning.py", "cli.py", "figures.py"} & draw
    assert {"train.py", "messages.py", "factors.py", "learning.py", "patterns.py"} <= train
    assert not {"cli.py", "config.py", "figures.py", "metrics.py"} & train


@pytest.mark.parametrize("step", SPECS)
def test_nothing_that_a_step_loads_is_missing_from_its_sources(step):
    code = (
        f"import sys, sparsebp.steps.{step}\n"
        "for name, module in sys.modules.items():\n"
        "    if name.startswith('sparsebp.'):\n"
        "        print(module.__file__)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    files = {Path(line) for line in loaded.stdout.splitlines()}
    assert len(files) > 3
    assert files <= source_files(f"steps.{step}")


def test_sources_are_a_hash_that_differs_between_steps():
    hashes = {step: sources(f"steps.{step}") for step in SPECS}
    assert len(set(hashes.values())) == len(SPECS)
    assert all(len(h) == 16 and int(h, 16) >= 0 for h in hashes.values())
