"""Pages that are filled with numbers: those of the repository, and of a small project.

The small one is to see that the tests of the first fail when they should.
"""

import json
import re
import shutil

import numpy as np
import pytest

from docs import fill
from sparsebp.network import quantities
from sparsebp.steps import numbers
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from sparsebp.study import inspection
from sparsebp.study.numbers_file import computable
from tests.conftest import ROOT

CONFIG = """
study: {seeds: 2}
learners:
  bp: {algorithm: sum-product, schedule: offline}
  rbp: {algorithm: sum-product, schedule: offline, reinforcement: 0.01}
experiments:
  one: &block
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: {last: 3}
    learners: [bp, rbp]
  two: *block
figures:
  drawn:
    found: It is {caption}.
    panels: [{experiment: one}]
"""
NUMBERS = """
numbers:
  error: {experiments: one, learners: [bp, rbp], m: 2, interval: true, digits: 2}
  left: {experiments: two, learners: bp, m: 3, count: {above: 0}, digits: 0}
  caption: {experiments: one, learners: bp, m: 3, significant: 1}
"""
PLACE = f"{fill.FIRST}\n{fill.LAST}\n"
PAGE = (
    "Up to 0.9 ± 0.1<!--=error.bp-->, and (−7<!--=error.rbp-->); 9<!--=left--> of 2 or "
    f"(not computed)<!--=left-->.\n\n{PLACE}\nNo mark: 0.9.\n"
)
ERRORS = {"bp": [0.5, 0.25, 0.125], "rbp": [0.75, 0.0, 0.0]}  # of both simulations, by m
FILLED = (
    "Up to 0.25 ± 0.00<!--=error.bp-->, and (0.00 ± 0.00<!--=error.rbp-->); 2<!--=left--> of 2 "
)


def compute(folder, *experiments):
    """The results of some experiments, and the numbers that are found in these."""
    study, _ = inspection.load(folder)
    results = {name: str(folder / f"results/{name}.nc") for name in experiments}
    for name, path in results.items():
        block = study.experiments[name]
        values = np.array([[ERRORS[learner]] * 2 for learner in block["learners"]])
        arrays = {variable: values for variable in quantities.QUANTITIES}
        arrays |= {"status": np.ones(values.shape), "iterations": np.ones(values.shape)}
        coordinates = {"learner": block["learners"], "seed": [0, 1], "n_samples": block["samples"]}
        trained = {learner: study.train_spec(name, learner) for learner in block["learners"]}
        made = record("collect", study.collect_spec(name), inputs=study.draw_spec(name) | trained)
        behind = {"draw_sources": "d", "engine": {"sources": "t", "commits": ["c" * 12]}}
        store.write_results(path, arrays, coordinates, made | behind | {"commit": "c" * 12})
    spec = {
        name: number
        for name, number in computable(study).items()
        if number["experiments"] in experiments
    }
    numbers.run({"numbers": spec}, results, str(folder / "results/numbers.json"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a run whose numbers no page has yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "workflow/schemas", tmp_path / "workflow/schemas")
    shutil.copy2(ROOT / "workflow/claims.yaml", tmp_path / "workflow/claims.yaml")
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "workflow/numbers.yaml").write_text(NUMBERS)
    (tmp_path / "README.md").write_text("No number about results: 0.9.\n")
    (tmp_path / "docs/page.md").write_text(PAGE)
    compute(tmp_path, "one", "two")
    return tmp_path


def wrong(folder, **changes):
    """All that tests find wrong in the pages of a project."""
    study, _ = inspection.load(folder)
    study, kept = inspection.replace(study, **changes), fill.kept(folder)
    stale = [path for path, text in fill.pages(folder, kept).items() if path.read_text() != text]
    names = fill.name_mismatches(folder, study, kept)
    return [path.name for path in stale] + names + fill.configuration_mismatches(study, kept)


def test_numbers_in_the_pages_are_those_that_docs_hold():
    kept = fill.kept(ROOT)
    for path, text in fill.pages(ROOT, kept).items():
        assert path.read_text(encoding="utf-8") == text, "python -m docs.fill docs/numbers.json"
    study, _ = inspection.load(ROOT)
    found = fill.name_mismatches(ROOT, study, kept) + fill.configuration_mismatches(study, kept)
    assert not found, "\n".join([*found, "run `make fill`, or take back the change"])


def test_a_run_fills_the_pages(project, capsys):
    assert wrong(project) == ["page.md"]
    readme = (project / "README.md").read_text()
    assert fill.main(["results/numbers.json"]) == 0
    page = (project / "docs/page.md").read_text()
    assert page == (
        f"{FILLED}or 2<!--=left-->.\n\n{fill.FIRST}\n\n"
        f"*Numbers about results are those of commit {'c' * 12}.*\n\n{fill.LAST}\n\nNo mark: 0.9.\n"
    )
    assert (project / "README.md").read_text() == readme
    assert wrong(project) == []
    kept = fill.kept(project)
    assert kept.keys() == {"error.bp", "error.rbp", "left", "caption"}
    assert kept["caption"]["value"] == 0.125 and kept["caption"]["text"] == "0.1"
    assert len((project / "docs/numbers.json").read_text().splitlines()) == 6
    # Nothing is left to do, also from the copy alone.
    assert fill.main(["docs/numbers.json"]) == 0
    assert (project / "docs/page.md").read_text() == page
    assert capsys.readouterr().err == ""


def test_the_copy_knows_whether_it_is_of_these_sources(project):
    """The made-up results are of none; the sources of those that steps here would make are."""
    fill.main(["results/numbers.json"])
    study, _ = inspection.load(project)
    kept = fill.kept(project)
    assert fill.source_mismatches(study, kept) == [
        f"{name}: is of other sources, commit {'c' * 12}" for name in sorted(kept)
    ]
    now = fill.expected(study)
    fresh = {name: number | now[name] for name, number in kept.items()}
    assert fill.source_mismatches(study, fresh) == []
    del fresh["left"], fresh["caption"]["of"]
    assert fill.source_mismatches(study, fresh) == [
        "left: is not computed",
        "caption: is not computed",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("0.25 ± 0.00<", "0.24 ± 0.00<", "page.md"),
        ("2<!--=left--> of 2", "3<!--=left--> of 2", "page.md"),
        ("commit c", "commit d", "page.md"),
        ("=left-->.", "=light-->.", "page.md: light: no such number"),
        ("(0.00 ± 0.00<", "(zero<", "page.md: error.rbp: no number stands in front of the mark"),
        (fill.LAST, "", f"page.md: {fill.FIRST} and {fill.LAST} should be there, once"),
        ("<!--=error.bp-->", "", "error.bp: no page and no caption shows it"),
    ],
)
def test_a_page_that_is_not_as_it_should_be_is_named(project, old, new, line):
    fill.main(["results/numbers.json"])
    page = project / "docs/page.md"
    page.write_text(page.read_text().replace(old, new))
    assert line in wrong(project)


@pytest.mark.parametrize(
    ("file", "old", "new", "names"),
    [
        ("config.yaml", "b: 0.1", "b: 0.2", ["caption", "error.bp", "error.rbp", "left"]),
        ("config.yaml", "0.01", "0.02", ["error.bp", "error.rbp"]),
        ("config.yaml", "[bp, rbp]", "[rbp, bp]", []),
        ("config.yaml", "last: 3", "last: 4", ["caption", "error.bp", "error.rbp", "left"]),
        ("workflow/numbers.yaml", "significant: 1", "significant: 2", ["caption"]),
        ("workflow/numbers.yaml", "above: 0", "above: 0.5", ["left"]),
    ],
)
def test_numbers_of_another_configuration_are_named(project, capsys, file, old, new, names):
    fill.main(["results/numbers.json"])
    (project / file).write_text((project / file).read_text().replace(old, new))
    lines = [f"{name}: is of another configuration" for name in names]
    study, _ = inspection.load(project)
    assert sorted(fill.configuration_mismatches(study, fill.kept(project))) == lines
    before = (project / "docs/page.md").read_text()
    assert fill.main(["results/numbers.json"]) == bool(names)
    assert sorted(capsys.readouterr().err.splitlines()) == [f"fill: {line}" for line in lines]
    assert (project / "docs/page.md").read_text() == before


def test_a_run_that_lacks_some_is_refused_or_leaves_these_as_they_are(project, capsys):
    (project / "docs/numbers.json").write_text(json.dumps({"left": {"text": "9"}}))
    compute(project, "one")
    before = (project / "docs/page.md").read_text()
    assert fill.main(["results/numbers.json"]) == 1
    assert capsys.readouterr().err == ("fill: no results of two, which these numbers need: left\n")
    assert (project / "docs/page.md").read_text() == before
    assert fill.main(["results/numbers.json", "--partial"]) == 0
    page = (project / "docs/page.md").read_text()
    assert page.startswith(FILLED.replace("2<!--=left-->", "9†<!--=left-->"))
    assert "; ".join(wrong(project)) == ""
    said = f"commit {'c' * 12}. 1 of 3, with a †, were typed by hand, of an older run.*"
    assert said in page
    # What has been found stays, whatever later runs lack; what was typed goes.
    compute(project, "two")
    assert fill.main(["results/numbers.json", "--partial"]) == 0
    page = (project / "docs/page.md").read_text()
    assert page.startswith(FILLED) and fill.OLD not in page


def test_a_number_that_was_never_found_says_so(project):
    compute(project, "one")
    assert fill.main(["results/numbers.json", "--partial"]) == 0
    page = (project / "docs/page.md").read_text()
    assert page.count("(not computed)<!--=left-->") == 2
    assert wrong(project) == []


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("results/numbers.json", "{", "results/numbers.json: not a file of this study ("),
        ("workflow/numbers.yaml", "{", "numbers.yaml: line 1: "),
        ("config.yaml", CONFIG.replace("{caption}", "{caption.bp}"), "figures.drawn.found: 'capt"),
        ("docs/page.md", PAGE.replace("left-->.", "right-->."), "page.md: right: no such number"),
    ],
)
def test_what_cannot_be_filled_is_said_in_one_line(project, capsys, path, text, message):
    (project / path).write_text(text)
    assert fill.main(["results/numbers.json"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fill: {message}")


def test_other_files_are_no_numbers(project, capsys):
    assert fill.main(["results/one.nc"]) == 1
    assert capsys.readouterr().err == "fill: results/one.nc: made by 'collect'; allowed: numbers\n"


BY_PROGRAMS = {
    *("benchmark", "density", "error_rates", "growth"),
    *("keys", "mutations", "study_time", "verdicts"),
}
"""Pages that are written whole from what programs found, so that they need no marks."""
UNMARKED = re.compile(
    rf"(?<!= )(?<![\w.])\d+\.\d{{3,}}(?!\d)(?!(?: ± [\d.]+)?{fill.OLD}?<!--=)(?! ± \d)"
)


def _unconfigured(figures):
    """Sections of figures without what they say of experiments, whose names are gone already: that
    is from the configuration."""
    return re.sub(r"^- : .*$", "", figures[0], flags=re.MULTILINE)


def typed(text):
    """Numbers with three decimals or more that have no mark, outside of code and formulas."""
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--=.*?-->", "<!--=-->", text)  # names of numbers have numbers, too
    text = re.sub(r"<!-- verdicts.*?<!-- end of verdicts -->", "", text, flags=re.DOTALL)
    text = re.sub(r"<!-- figures.*?<!-- end of figures -->", _unconfigured, text, flags=re.DOTALL)
    return UNMARKED.findall(text)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_no_number_about_results_is_typed_by_hand(page):
    if page.stem not in BY_PROGRAMS:
        assert typed(page.read_text(encoding="utf-8")) == []


def test_typed_numbers_are_seen():
    assert typed("It is 0.128 at m = 2, or 0.1285 ± 0.0012.") == ["0.128", "0.0012"]
    assert typed("| 0.345 | 0.320<!--=a--> |") == ["0.345"]
    assert typed("0.0110 ± 0.0039<!--=a.ms-->, ln 2 / 4 = 0.173, `0.333`, Fig. 2.2, 0.05") == []
