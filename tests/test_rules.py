"""The rules of the workflow, as text: what each declares, and where their paths come from."""

import io
import re
import subprocess
import sys
import tokenize

import pytest

from tests.workflow_helpers import ROOT, TARGETS
from tests.workflow_study import EVERYTHING

pytestmark = pytest.mark.thorough

RULE_FILES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]


def rules():
    """Text of each rule by name."""
    parts = [re.split(r"^rule (\w+):\n", path.read_text(), flags=re.M)[1:] for path in RULE_FILES]
    return {name: body for part in parts for name, body in zip(part[::2], part[1::2], strict=True)}


def test_rules_are_those_of_the_study():
    steps = {job.split()[0] for job in EVERYTHING}
    assert set(rules()) == steps | TARGETS | {
        "trees", "search", "from_scratch", "verdicts", "verdict_page", "explorer", "numbers",
        "unknown",
    }  # fmt: skip


@pytest.mark.parametrize("rule", sorted(set(rules()) - TARGETS - {"unknown"}))
def test_rule_declares_all_that_it_should(rule):
    body = rules()[rule]
    declared = set(re.findall(r"^    (\w+):", body, re.M))
    assert {"log", "benchmark", "params", "resources", "threads", "message", "shell"} <= declared
    for resource in ("mem_mb", "runtime"):
        assert re.search(rf"^        {resource}=", body, re.M)
    assert "2> {log:q}" in body


@pytest.mark.parametrize("path", RULE_FILES, ids=[path.name for path in RULE_FILES])
def test_rules_take_paths_from_one_module(path):
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    literals = [token.string for token in tokens if token.type in kinds]
    assert literals
    assert [text for text in literals if re.search(r"(results|figures)/", text)] == []


def test_workflow_is_formatted():
    command = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
