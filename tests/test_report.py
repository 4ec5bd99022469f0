"""The report, as a colleague has it: unpacked, opened in a browser from a file, without a network.

It is made from the figures, experiments and claims of the thesis as they stand, on results that are
drawn here, with few simulations and one other choice.
The tests in a browser need chromium and chromedriver, and are skipped where these are missing.
"""

import io
import json
import re
from itertools import groupby
from zipfile import ZipFile

import numpy as np
import pytest
import yaml
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from sparsebp.network import quantities
from sparsebp.report.tables import SYMBOLS
from sparsebp.steps import draw
from sparsebp.storage import formats, store
from sparsebp.storage.provenance import record
from sparsebp.study import inspection
from sparsebp.study.config import Study
from sparsebp.study.numbers_file import NOT_COMPUTED
from tests.browser import requests
from tests.configurations import whole
from tests.scratch_problems import write_from_scratch
from tests.tree_problems import write_trees
from tests.workflow_helpers import ROOT, Project

pytestmark = pytest.mark.slow

CONFIG = whole()
CONFIG["study"]["seeds"] = 3
CONFIG["choices"] |= {"samples": [4, 16], "vary": [{"damping": [0]}]}
# Text that would mean something to what sets it, if it were let: in every key that has text, and
# in names. An image would be an error in the browser.
MEANT = "5$ and 6$ $\\frac{1}$ *a* `b`_ |c| &amp; [d]_ \\e -- https://o.org q@r.org _f g_"
IMAGE = "<img src=x onerror=document.body.remove()>"
CONFIG["experiments"]["odd_"] = CONFIG["experiments"]["matched_tanh"] | {
    "thesis": f"Fig. 7 {IMAGE}",
    "learners": ["bp-online", "odd-"],
}
CONFIG["learners"]["odd-"] = CONFIG["learners"]["bp-offline"] | {"label": f"{IMAGE} {MEANT}"}
CONFIG["figures"]["odd_"] = {
    "thesis": f"Fig. 7 {IMAGE} {MEANT}".replace("{", "").replace("}", ""),
    "message": f"{IMAGE} {MEANT}",
    "found": f"It is {{bp_loss_mismatch_2}}, {IMAGE} {MEANT}",
    "panels": [{"experiment": "odd_", "title": f"{IMAGE} {MEANT}"}, {"experiment": "odd_"}],
}
for name in ("choices_fig3_2", "reconstruction_grid"):
    del CONFIG["figures"][name]["choices"]["sets"]
CONFIG["trees"]["outputs"] = CONFIG["figures"]["trees"]["trees"]["outputs"] = [4, 7]
STUDY = Study.load(CONFIG, ROOT / "workflow/schemas/config.schema.yaml")
CLAIMS = yaml.safe_load((ROOT / "workflow/claims.yaml").read_text())["claims"]
FIRST = {"experiment": "illustration", "seed": 0}
MENU = ["1. Verdicts", "2. Explorer", "3. Figures", "4. Data", "5. Provenance"]


def write_results(path, experiment):
    """Results as of an experiment: errors that fall with the number of samples."""
    spec = STUDY.collect_spec(experiment)
    coordinates = {
        "learner": spec["learners"],
        "seed": list(STUDY.seeds(experiment)),
        "n_samples": spec["samples"],
    }
    shape = tuple(map(len, coordinates.values()))
    rng = np.random.default_rng(0)
    values = {name: np.zeros(shape) for name in quantities.QUANTITIES}
    for name in ("weight_error", "topology_error", "generalization_error"):
        values[name] = np.exp(-np.array(spec["samples"])) * rng.uniform(0.5, 1, shape)
    values["status"] = np.ones(shape, np.int8)
    store.write_results(path, values, coordinates, record("collect", spec))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The study with all of its results, figures and pages, and its report."""
    project = Project(tmp_path_factory.mktemp("report"), CONFIG)
    files = {what: project / path.format(**FIRST) for what, path in inspection.DRAWN.items()}
    files["teacher"].parent.mkdir(parents=True)
    draw.run(STUDY.draw_spec("illustration"), 0, **files)
    for experiment in STUDY.experiments:
        write_results(project / f"results/{experiment}.nc", experiment)
    write_trees(project / "results/trees.nc", STUDY)
    write_from_scratch(project / "results/from_scratch.nc", STUDY)
    project.make("--report", "report.zip", "--report-after-run")
    with ZipFile(project / "report.zip") as file:
        file.extractall(project.folder)
    return project


def variable(page, name):
    """A variable of the page's script."""
    found = re.search(
        rf"^var {name} = ", page.read_text(encoding="utf-8").replace("    ", ""), re.M
    )
    assert found, name
    return json.JSONDecoder().raw_decode(found.string, found.end())[0]


def test_report_holds_the_files_as_they_are(project):
    page = project / "report/report.html"
    results = variable(page, "results")
    assert results.keys() == (
        {f"figures/{name}.svg" for name in CONFIG["figures"]}
        | {f"results/{name}.{end}" for name in STUDY.experiments for end in ("nc", "csv", "html")}
        | {"results/verdicts.html", "results/explorer.html", "results/provenance.html"}
    )
    assert NOT_COMPUTED not in str([entry["caption"] for entry in results.values()])
    number = json.loads((project / "results/numbers.json").read_text())["numbers"]
    assert (
        f"It is {number['bp_loss_mismatch_2']['text']}, "
        in (results["figures/odd_.svg"]["caption"])
    )
    for path, entry in results.items():
        assert (page.parent / entry["data_uri"]).read_bytes() == (project / path).read_bytes()
        assert entry["caption"] and "System Message" not in entry["caption"]
        if path.endswith(".csv"):
            assert [name for name in quantities.QUANTITIES if name not in entry["caption"]] == []
    assert "System Message" not in variable(page, "workflow_desc")


def test_tables_hold_all_results(project):
    lines = (project / "results/matched_tanh.csv").read_text().splitlines()
    assert lines[0].split(",") == [*formats.RESULT_DIMENSIONS, *quantities.QUANTITIES]
    experiment = CONFIG["experiments"]["matched_tanh"]
    shape = (
        experiment["learners"],
        range(CONFIG["study"]["seeds"]),
        range(experiment["samples"]["last"]),
    )
    assert len(lines) == 1 + np.prod([len(part) for part in shape])


def test_report_leaves_nothing_to_do(project):
    assert project.todo() == set()


def test_study_that_cannot_test_the_claims_has_a_report_without_verdicts(project, tmp_path):
    few, page = tmp_path / "few.yaml", tmp_path / "few.html"
    thesis = [name for name, block in CONFIG["experiments"].items() if "thesis" in block]
    config = {"experiments": {name: {"samples": {"last": 8}} for name in thesis}}
    few.write_text(yaml.safe_dump(config))
    options = ("--configfile", str(few), "--rerun-triggers", "mtime")
    run = project.make(*options, "--report", str(page))
    assert sorted(variable(page, "categories")) == MENU[1:]
    assert "no verdicts on the claims" in variable(page, "workflow_desc")
    assert run.jobs == []


# --- In a browser


@pytest.fixture
def browser(project, opened):
    """The browser with the report just opened."""
    opened.get((project / "report/report.html").as_uri())
    opened.results = project / "results"
    wait(opened, lambda b: b.find_elements(By.CSS_SELECTOR, ".prose figure"))
    return opened


def unfold(browser):
    """Open all that is folded."""
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")


def wait(browser, condition):
    """Wait until a function of the browser is true."""
    WebDriverWait(browser, 20).until(condition)


def colours(element):
    """How many colours an element shows."""
    picture = Image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB")
    return len(picture.getcolors(picture.width * picture.height))


def test_page_opens_without_an_error_or_a_request(browser):
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
    sent = requests(browser)
    assert sent
    assert {url.partition(":")[0] for url in sent} <= {"file", "data"}


def test_the_drawings_open_the_page(browser):
    network, factor_graph = browser.find_elements(By.CSS_SELECTOR, ".prose .drawings figure")
    assert "Fig. 1.2" in network.text and "Fig. 2.1" in factor_graph.text
    assert "sees" not in network.text  # until it is unfolded
    assert network.rect["y"] == factor_graph.rect["y"] < 1000
    assert network.rect["x"] + network.rect["width"] < factor_graph.rect["x"]


def test_the_first_page_takes_two_screens_and_says_what_was_found(browser):
    """All claims with their verdicts and three pictures; the rest is folded."""
    prose = browser.find_element(By.CSS_SELECTOR, ".prose")
    assert prose.get_property("scrollHeight") < 2.5 * 1000
    rows = browser.find_elements(By.CSS_SELECTOR, ".glance tbody > tr")
    assert len(rows) == len(CLAIMS)
    judged = json.loads((browser.results / "verdicts.json").read_text())["records"]
    verdicts = {r["id"]: r["verdict"] for r in judged if not (r["choice"] or r["reading"])}
    for row, claim in zip(rows, CLAIMS, strict=True):
        name, statement, configured, *_ = (c.text for c in row.find_elements(By.TAG_NAME, "td"))
        assert (name, statement) == (claim["id"], claim["statement"])
        assert configured == SYMBOLS[verdicts[name]]
    shown = browser.find_elements(By.CSS_SELECTOR, ".prose figure")
    assert sum(picture.is_displayed() for picture in shown) == 3
    order = [e.text for e in browser.find_elements(By.CSS_SELECTOR, ".prose h1")]
    assert order[-7:] == ["What was found", "How to read the rest", *MENU]


def test_the_first_page_says_in_sentences_what_was_found(browser):
    """Those that have all of their numbers, as the run has found them."""
    sentences = yaml.safe_load((ROOT / "workflow/numbers.yaml").read_text())["findings"]
    numbers = json.loads((browser.results / "numbers.json").read_text())["numbers"]
    for name, number in numbers.items():
        if number["value"] is not None:
            sentences = [text.replace(f"{{{name}}}", number["text"]) for text in sentences]
    complete = [text for text in sentences if "{" not in text]
    assert 0 < len(complete) < len(sentences)  # nothing ever is without an error here
    shown = browser.find_elements(By.CSS_SELECTOR, ".prose .findings > li")
    assert [part.text for part in shown if part.is_displayed()] == complete


def test_verdicts_come_before_figures_and_tell_of_every_claim(browser):
    unfold(browser)
    rows = browser.find_elements(By.CSS_SELECTOR, ".verdicts tbody > tr")
    assert len(rows) == len(CLAIMS)
    for row, claim in zip(rows, CLAIMS, strict=True):
        assert row.is_displayed()
        assert row.text.startswith(claim["id"])
        assert claim["statement"] in row.text and claim["thesis"] in row.text
        assert re.search("holds|does not hold|undecided", row.text)
        about = {test[side][0] for test in claim["tests"] for side in "ab" if side in test}
        if about and about <= set(CONFIG["choices"]["experiments"].values()):
            assert "other choices: " in row.text
        assert len(claim["tests"]) == 1 or f"all {len(claim['tests'])} tests" in row.text
    order = [e.text for e in browser.find_elements(By.CSS_SELECTOR, ".prose h1")]
    assert order[-5:] == MENU
    above, glance, picture, table = (
        browser.find_element(By.CSS_SELECTOR, part).rect["y"]
        for part in (".drawings", ".glance", ".picture svg", ".verdicts")
    )
    intervals = browser.find_element(By.CSS_SELECTOR, ".picture svg")
    assert intervals.rect["width"] > 600 and colours(intervals) > 100
    below = browser.find_elements(By.CSS_SELECTOR, "figure:not(.drawings figure)")[1].rect["y"]
    assert above < glance < picture < table < below


def test_every_figure_is_seen_with_its_caption(browser):
    unfold(browser)
    figures = browser.find_elements(By.CSS_SELECTOR, ".prose figure")
    assert len(figures) == len(CONFIG["figures"])
    by_thesis = {name: block.get("thesis", "none") for name, block in CONFIG["figures"].items()}
    ordered = sorted(CONFIG["figures"].items(), key=lambda item: (by_thesis[item[0]], item[0]))
    assert [name for name, _ in ordered[:3]] == ["network", "factor_graph", "fig2_2"]
    for figure, (name, block) in zip(figures, ordered, strict=True):
        assert block.get("thesis", name) in figure.text
        picture = figure.find_element(By.TAG_NAME, "svg")
        caption = figure.find_element(By.TAG_NAME, "figcaption").text
        if "drawing" in block:
            assert picture.rect["width"] > 250 and colours(picture) > 100
            assert "the factor of output 1 sees" in caption and "Message passing" not in caption
            assert "6 input, 6 hidden and 6 output neurons" in caption
            continue
        assert picture.rect["width"] > 600 and colours(picture) > 100
        if "trees" in block:
            assert "3 graphs of each kind and size, of 4, 7 observed outputs" in caption
            assert "undamped sum-product with hard factors" in caption
            continue
        if "from_scratch" in block:
            assert "mean of 3 simulations" in caption
            assert "1000 input, hidden and output neurons each" in caption
            continue
        parts = [p for kind in ("panels", "maps") for p in STUDY.figures[name].get(kind, [])]
        drawn = {e for p in parts for e in p["experiments"]}
        [count] = {len(STUDY.seeds(e)) for e in drawn or [block["choices"]["experiment"]]}
        assert f"{count} simulations" in caption
        learners = {n for p in parts for n in p["learners"]}
        methods = {STUDY.learners[learner].get("method") for learner in learners}
        if methods == {"density-evolution"}:
            assert "a population of messages, until it settles, at most 500 steps" in caption
            continue
        names = {p["experiment"] for p in block.get("panels", []) if "experiment" in p}
        passing = [STUDY.experiments[e]["inference"] for e in drawn] or [CONFIG["inference"]]
        for text in (
            lambda how: f"damping {how['damping']} of {how['damped']}",
            lambda how: (
                f"start from random {how['initial_messages']} messages"
                if how["initial_scale"]
                else "start from uniform messages"
            ),
            lambda how: f"at most {how['max_steps']} steps",
            lambda how: f"changes by more than {how['tolerance']}",
        ):
            assert any(text(how) in caption for how in passing)
        assert "read out among all states" in caption
        for name in names:
            experiment = CONFIG["experiments"][name]
            layers, phi = experiment["layers"], experiment["activation"]
            assert name in caption
            assert f"{layers['input']} input, {layers['hidden']} hidden" in caption
            grid = STUDY.experiments[name]["samples"]
            assert (f"m from {grid[0]} to {grid[-1]}" if grid[1:] else f"m = {grid[0]}") in caption
            teacher = experiment["nonzeros_per_row"]
            student = experiment["student"].get("nonzeros_per_row", teacher)
            assert (
                f"the teacher has {teacher['input']} non-zero weights per row in the input layer "
                f"and {teacher['output']} in the output layer"
            ) in caption
            assert f"the student may have {student['input']} and {student['output']}" in caption
            shape = "tanh(x − 0.1)" if phi["function"] == "tanh" else "max(x, 0.1 x)"
            assert shape in caption


def test_plain_text_is_seen_as_it_is(browser, project):
    """Neither does it end what it stands in, nor is any of it missing."""
    unfold(browser)
    block = CONFIG["figures"]["odd_"]
    [figure] = [
        part
        for part in browser.find_elements(By.CSS_SELECTOR, ".prose figure")
        if "Fig. 7" in part.text
    ]
    assert figure.find_element(By.TAG_NAME, "h3").text == block["thesis"]
    caption = figure.find_element(By.TAG_NAME, "figcaption").text
    numbers = json.loads((project / "results/numbers.json").read_text())["numbers"]
    number = numbers["bp_loss_mismatch_2"]["text"]
    found = block["found"].replace("{bp_loss_mismatch_2}", number)
    assert found != block["found"]
    published = "Found with the configuration as published (numbers: of this one)"
    assert f"{published}: {block['message']}. {found}\n" in caption
    assert f"odd_: Fig. 7 {IMAGE}; 1000 input" in caption
    label = CONFIG["learners"]["odd-"]["label"]
    assert "online: sum-product" in caption and f"{label}: sum-product" in caption
    assert not re.search(r" [.,;]( |$)", caption, re.M)
    assert browser.find_elements(By.CSS_SELECTOR, ".prose figcaption a, .prose img") == []
    lists = [part.text for part in browser.find_elements(By.CSS_SELECTOR, ".prose li")]
    assert [text for text in lists if text.startswith("odd_: odd_.")]
    results = variable(project / "report/report.html", "results")
    assert results["figures/odd_.svg"]["labels"]["thesis"] == block["thesis"]
    browser.execute_script("app.showCategory('3. Figures')")
    wait(browser, lambda b: block["thesis"] in b.find_element(By.TAG_NAME, "nav").text)
    assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []
    assert "System Message" not in browser.page_source


def test_menu_is_in_order_and_leads_to_every_file(browser, project):
    text = browser.find_element(By.TAG_NAME, "nav").text
    assert re.findall(r"^\d\. \w+$", text, re.M) == MENU
    results = variable(project / "report/report.html", "results")
    pages = [f"results/{name}.html" for name in STUDY.experiments]
    alike = {page for i, page in enumerate(pages) if i % 8}
    for path, entry in results.items():
        browser.execute_script("app.showResultInfo(arguments[0])", path)
        button = browser.find_element(
            By.CSS_SELECTOR, "nav li a[type=button], nav li a.inline-block"
        )
        if entry["mime_type"] not in ("text/html", "image/svg+xml"):
            assert button.get_attribute("href") == (project / "report" / entry["data_uri"]).as_uri()
            continue
        if path in alike:
            continue
        button.click()
        if entry["mime_type"] == "image/svg+xml":
            picture = browser.find_element(By.CSS_SELECTOR, ".p-3 > img")
            least = 200 if "network" in path else 300  # pixels: the drawing of a network is narrow
            wait(browser, lambda _, p=picture, w=least: p.get_property("naturalWidth") > w)
            assert colours(picture) > 100
        else:
            browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
            assert len(browser.find_element(By.CSS_SELECTOR, ".page").text) > 200
            browser.switch_to.default_content()


def test_tables_of_the_page_of_verdicts_sort_on_their_own_page_alone(browser, project):
    assert browser.find_elements(By.CSS_SELECTOR, ".sortable button") == []
    judged = json.loads((project / "results/verdicts.json").read_text())["records"]
    verdicts = [r["verdict"] for r in judged if not (r["choice"] or r["reading"])]
    browser.get((project / "results/verdicts.html").as_uri())

    def column(number):
        cells = f".verdicts > tbody > tr > td:nth-child({number})"
        return [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, cells)]

    assert [text[2:] for text in column(3)] == verdicts
    number, _, verdict, _ = browser.find_elements(By.CSS_SELECTOR, ".verdicts button")
    verdict.click()
    shown = [text[2:] for text in column(3)]
    assert sorted(shown) == sorted(verdicts)
    assert len([*groupby(shown)]) == len({*verdicts}) < len([*groupby(verdicts)])
    number.click()
    assert column(1) == [claim["id"] for claim in CLAIMS]  # C2 before C10


def test_links_in_the_text_work(browser, project):
    """All lead to a file of the report that is called so. Some, of each kind, are followed."""
    results = variable(project / "report/report.html", "results")
    links = browser.find_elements(By.CSS_SELECTOR, ".prose a")
    assert len(links) == 3 * len(STUDY.experiments) + 2  # and the verdicts, and the explorer
    unfold(browser)
    for link in links:
        href = link.get_attribute("href")
        [path] = re.findall(r"^javascript:app.showResultInfo\('(.*)'\)$", href)
        assert path in results and path.endswith(f"/{link.text}")
    for link in links[::16]:
        unfold(browser)
        name = link.text
        link.click()
        wait(browser, lambda b, name=name: name in b.find_element(By.TAG_NAME, "nav").text)
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []


def test_provenance_tells_what_the_results_carry(browser, project):
    carried = store.provenance(project / "results/matched_tanh.nc")
    browser.get((project / "results/provenance.html").as_uri())
    text = browser.find_element(By.CSS_SELECTOR, ".page").text
    assert carried["sources"] in text
    for name, version in carried["versions"].items():
        assert f"{name} {version}" in text
    assert all(name in text for name in STUDY.experiments)
