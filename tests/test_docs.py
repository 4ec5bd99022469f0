"""The documentation: what it shows has to work."""

import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from snakemake.utils import update_config

from docs import write_error_rates, write_keys
from sparsebp.claims.comparisons import KINDS
from sparsebp.report import explorer
from sparsebp.study import files
from sparsebp.study.config import Study
from tests.configurations import FULL, ROOT, SCHEMA, nodes, whole


def test_examples_of_new_experiments_learners_and_panels_are_valid():
    text = (ROOT / "docs/experiments.md").read_text()
    blocks = [yaml.safe_load(part) for part in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    config = whole()
    del config["choices"]["learners"]  # the example is for all of its experiment's
    for name in ("choices_fig3_2", "reconstruction_grid"):
        del config["figures"][name]["choices"]["sets"]  # and has one set
    for block in blocks:
        if "inference" in block:  # the one example that belongs inside an experiment
            block = {"experiments": {"wide": block}}
        update_config(config, block)
    config["experiments"]["wide"]["learners"] += ["bp-batch8", "rms-fast", "warm"]
    study = Study.load(config, SCHEMA)
    assert study.train_spec("wide", "warm")["learner"]["initial_scale"] == 1.0
    assert study.figure_spec("wide")["figure"]["panels"][1]["learners"][-1] == "warm"


def test_the_page_of_keys_is_that_of_the_schema():
    page = write_keys.PAGE.read_text(encoding="utf-8")
    assert page == write_keys.page(), "run `python -m docs.write_keys`"


def test_the_page_of_keys_has_every_key_of_the_configuration():
    """As the configuration has them, whatever the schema says."""
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", write_keys.page(), re.M | re.S))
    for path in nodes(FULL):
        section, *rest = [key for key in path if isinstance(key, str)]
        if section in (*files.SECTIONS, "readings", "from_scratch"):
            rest = rest[1:]
        if section == "readings" or rest[:1] == ["experiments"]:  # names are anyone's
            rest = rest[:1]
        if rest and rest[0] == "inference" and section != "inference":
            section, rest = "inference", rest[1:]
        if rest and rest[0] == "samples":
            rest = rest[:1]
        if rest:
            key = re.sub(r"^(vary|panels|maps)\.", r"\1[].", ".".join(rest))
            assert f"| `{key}` |" in sections[section], path


def test_the_page_of_error_rates_is_of_all_kinds_and_what_comes_out():
    text = write_error_rates.PAGE.read_text(encoding="utf-8")
    found = write_error_rates.read(text)
    assert text == write_error_rates.page(found), "run `python -m docs.write_error_rates`"
    assert write_error_rates.TESTS.keys() == KINDS.keys()
    assert list(found) == list(write_error_rates.cases())
    for case in found:
        if case[0] != "most_variable":  # whose bootstrap takes its time
            again, many = write_error_rates.rates(*case, 40), write_error_rates.REPEATS
            for shown, seen in zip(found[case], again, strict=True):
                # Forty and a thousand draws from the same distribution.
                p = (shown * many + seen * 40) / (many + 40)
                assert abs(shown - seen) <= 4.5 * (p * (1 - p) * (1 / 40 + 1 / many)) ** 0.5 + 1e-9
    at_margin = [(kind, 1.0 - 2 * (kind == "lower")) for kind in ("lower", "above", "below")]
    rates = [rate for case in at_margin for n in (10, 30) for rate in found[(*case, n)]]
    assert all(0.012 < rate < 0.042 for rate in rates)


@pytest.mark.thorough
def test_links_to_the_explorer_open_it(tmp_path):
    """In the pages that Sphinx makes, of which some are made here."""
    docs, built = tmp_path / "docs", tmp_path / "built"
    docs.mkdir()
    shutil.copy2(ROOT / "README.md", tmp_path)
    for name in ("explorer.json", "explorer.md", "verdicts.md", "verdicts.png"):
        shutil.copy2(ROOT / "docs" / name, docs)
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8").partition("```{toctree}")[0]
    (docs / "index.md").write_text(index, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-Q",
        "-c",
        str(ROOT / "docs"),
        str(docs),
        str(built),
    ]
    subprocess.run(command, check=True, capture_output=True)
    for page in ("index.html", "verdicts.html"):
        text = (built / page).read_text(encoding="utf-8")
        links = re.findall(r"<a [^>]*explorer.html[^>]*>", text)
        assert links, page
        for link in links:
            assert 'href="explorer.html"' in link and "download" not in link
    kept = json.loads((ROOT / "docs/explorer.json").read_text(encoding="utf-8"))
    page = (built / "explorer.html").read_text(encoding="utf-8")
    assert explorer.shown_in(page) == kept and page == explorer.page(kept)
    assert len(page.encode()) < 3e6


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
