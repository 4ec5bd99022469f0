"""The explorer: its numbers are those of the files, and it works in a browser.

It is made by its step from results that are drawn here, of a study with choices and a reading. The
tests in a browser need chromium and chromedriver, and are skipped where these are missing.
"""

import json
import re

import numpy as np
import pytest
import xarray as xr
import yaml
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from sparsebp.cli import main
from sparsebp.network.quantities import QUANTITIES, Status
from sparsebp.report import explorer
from sparsebp.report.intervals import mean_interval
from sparsebp.steps import verdicts
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from sparsebp.study.config import Study
from tests.browser import requests, show
from tests.conftest import ROOT
from tests.given import given

IMAGE = "<img src=x onerror=document.body.remove()>"
ODD = f"{IMAGE} & </p> &amp; $x$"
CONFIG = f"""
study: {{seeds: 4}}
learners:
  bp: {{algorithm: sum-product, schedule: offline, label: "BP {ODD}"}}
  rbp: {{algorithm: sum-product, schedule: offline, reinforcement: 0.01}}
  batch: {{algorithm: sum-product, schedule: mini-batch, batch_size: 2}}
experiments:
  matched: &block
    thesis: "Fig. 1 {ODD}"
    layers: {{input: 20, hidden: 20, output: 20}}
    nonzeros_per_row: {{input: 2, output: 2}}
    activation: {{function: tanh, b: 0.1}}
    student: {{alphabet: [-1, 1]}}
    samples: {{last: 5}}
    learners: [bp, batch]
  mismatched:
    <<: *block
    student: {{nonzeros_per_row: {{input: 3, output: 2}}, alphabet: [-1, 0, 1]}}
    learners: [bp, rbp]
  elsewhere:
    <<: *block
    student: {{nonzeros_per_row: {{input: 3, output: 2}}, alphabet: [-1, 0, 1]}}
    learners: [bp, rbp]
  few:
    <<: *block
    learners: [rbp, bp, batch]
choices:
  experiments: {{again: mismatched}}
  samples: [1, 3, 5]
  vary: [{{damping: [0, 0.5]}}]
readings:
  other: {{names: {{mismatched: elsewhere}}, by_construction: []}}
figures:
  one: {{panels: [{{experiment: matched}}]}}
  two:
    quantity: weight_error
    panels:
      - {{experiments: [few, mismatched], by: student.nonzeros_per_row.input, learners: [bp]}}
"""
LOWER = "quantity: weight_error, margin: small, m: [1, 5]"
CLAIMS = f"""
confidence: 0.95
margins:
  half: {{value: 0.5, reason: "Of the simulations, more often than not."}}
  small: {{value: 0.01, reason: "A difference that can be seen."}}
claims:
  - id: C1
    thesis: Fig. 1
    statement: "All is well with {ODD} </script>."
    tests: [{{kind: exact, a: [matched, bp], quantity: weight_error, at: 5, margin: half}}]
  - id: C2
    thesis: Fig. 2
    statement: Two learners differ.
    tests:
      - {{kind: lower, a: [mismatched, rbp], b: [mismatched, bp], {LOWER}}}
      - {{kind: exact, a: [mismatched, bp], quantity: topology_error, at: 5, margin: half}}
  - id: C3
    thesis: Figs. 1 and 2
    statement: Networks do.
    tests: [{{kind: lower, a: [matched, batch], b: [mismatched, bp], {LOWER}}}]
"""
STUDY = Study.load(yaml.safe_load(CONFIG), ROOT / "workflow/schemas/config.schema.yaml")
SPEC = STUDY.explorer_spec(yaml.safe_load(CLAIMS))
CHOICE, RBP = "damping 0.5", "rbp-damping-0.5"
NAMES = {
    "as configured": {"matched": "matched", "mismatched": "mismatched"},
    "damping 0": {"mismatched": "again"},
    CHOICE: {"mismatched": "again"},
    "under other": {"mismatched": "elsewhere"},
}
"""The experiments that stand for those in the claims, for each row of the matrix."""


PLAIN = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


def write_results(path, experiment, seed):
    """Errors that fall with m, some zero; some trainings at the step limit; batch has even m."""
    spec, rng = STUDY.collect_spec(experiment), np.random.default_rng(seed)
    m = np.array(spec["samples"])
    at = {
        "learner": spec["learners"],
        "seed": list(STUDY.seeds(experiment)),
        "n_samples": m.tolist(),
    }
    shape = tuple(map(len, at.values()))
    values = {name: np.zeros(shape) for name in QUANTITIES}
    for name in explorer.SHOWN:
        values[name] = np.exp(-m) * rng.uniform(0.5, 1, shape) * (rng.uniform(size=shape) < 0.8)
    values["status"] = rng.choice([Status.CONVERGED, Status.STEP_LIMIT], shape)
    if "batch" in spec["learners"]:
        skipped = np.ix_([spec["learners"].index("batch")], range(shape[1]), np.flatnonzero(m % 2))
        values["status"][skipped] = Status.NOT_RUN
        for name in set(QUANTITIES) - {"status", "iterations"}:
            values[name][skipped] = np.nan
    store.write_results(path, values, at, record("collect", spec))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results, verdicts and the page."""
    folder = tmp_path_factory.mktemp("explorer")
    results = {name: str(folder / f"{name}.nc") for name in STUDY.experiments}
    for seed, (name, path) in enumerate(results.items()):
        write_results(path, name, seed)
    judged = str(folder / "verdicts.json")
    claims = yaml.safe_load(CLAIMS)
    verdicts.run(STUDY.verdicts_spec(claims), results, judged, str(folder / "verdicts.md"))
    files = ["--verdicts", judged, "--inputs", given(results)]
    page = folder / "explorer.html"
    assert main(["explorer", given(SPEC), *files, "--output", str(page)]) == 0
    return folder


@pytest.fixture(scope="module")
def shown(folder):
    return explorer.shown_in((folder / "explorer.html").read_text(encoding="utf-8"))


def test_rows_and_columns_are_those_of_the_study(shown):
    assert [way["title"] for way in shown["ways"]] == list(NAMES)
    assert [claim["id"] for claim in shown["claims"]] == ["C1", "C2", "C3"]
    assert [claim["experiments"] for claim in shown["claims"]] == [
        ["matched"], ["mismatched"], ["matched", "mismatched"],
    ]  # fmt: skip
    for way in shown["ways"]:
        found = {name: curves["experiment"] for name, curves in way["curves"].items()}
        assert found == NAMES[way["title"]]
    curves = {way["title"]: way["curves"]["mismatched"]["learners"] for way in shown["ways"]}
    assert curves["as configured"] == curves["under other"] == {"bp": "bp", "rbp": "rbp"}
    assert curves[CHOICE] == {"bp": "bp-damping-0.5", "rbp": "rbp-damping-0.5"}


def test_cells_are_the_verdicts_with_the_tests_that_decide(shown, folder):
    records = json.loads((folder / "verdicts.json").read_text())["records"]
    cells = [cell for way in shown["ways"] for cell in way["cells"]]
    assert len(cells) == len(records) == 3 + 3  # C2 under two choices and a reading, too
    for cell, judged in zip(cells, records, strict=True):
        test = judged["tests"][judged["key"]]
        same = {"claim": judged["id"], "verdict": judged["verdict"], "n": test["n"], "m": test["m"]}
        same |= {"choice": judged["choice"], "reading": judged["reading"]}
        assert cell == cell | same | {"margin": test["margin"], "meaning": test["meaning"]}
        plain = cell["number"].replace("·10", "e").translate(PLAIN)
        numbers = [float(text) for text in re.findall(r"-?\d[\d.e-]*", plain)]
        ends = test["corrected" if test["verdict"] == "does not hold" else "interval"]
        expected = [test["effect"], *(end for end in ends if end is not None)]
        assert numbers == pytest.approx(expected, rel=6e-3)
        assert "again" not in cell["test"] and "damping" not in cell["test"]


def test_curves_are_those_of_the_files(shown, folder):
    count = 0
    for way in shown["ways"]:
        for curves in way["curves"].values():
            data = xr.load_dataset(folder / f"{curves['experiment']}.nc")
            of_file = shown["results"][curves["experiment"]]
            assert of_file["commit"] == json.loads(data.attrs["provenance"])["commit"]
            for learner in curves["learners"].values():
                found, own = of_file["curves"][learner], data.sel(learner=learner)
                count += same_points(found, own)
    assert count > 100
    assert shown["results"]["matched"]["curves"]["batch"]["m"] == [2, 4]


def same_points(found, own):
    """Check the points of a curve against the file's; how many there are."""
    codes = own.status.values
    ran = own.n_samples.values[(codes > 0).any(axis=0)]
    assert found["m"] == ran.tolist()
    for m, ended in zip(ran, found["ended"], strict=True):
        statuses = own.status.sel(n_samples=m).values.tolist()
        assert ended == [statuses.count(code) for code in (1, 2, 3, 4)] and sum(ended) == 4
    for quantity in explorer.SHOWN:
        for m, (mean, low, high, n) in zip(ran, found[quantity], strict=True):
            values = own[quantity].sel(n_samples=m).values
            assert n == len(values) == 4
            expected = [sum(values) / 4, *mean_interval(values)]
            assert [mean, low, high] == pytest.approx(expected, rel=5e-4)  # to four digits
    return len(ran) * len(explorer.SHOWN)


def test_values_of_a_key_that_is_varied_have_a_curve_each(shown, folder):
    entries, damping = shown["varied"]
    assert entries["key"] == "student.nonzeros_per_row.input" and damping["key"] == "damping"
    assert [look["label"] for look in entries["looks"]] == ["2", "3"]
    assert [look["label"] for look in damping["looks"]] == ["0", "0.5"]
    assert entries["options"] == [
        {"label": "rbp", "curves": [["few", "rbp"], ["mismatched", "rbp"]]},
        {"label": f"BP {ODD}", "curves": [["few", "bp"], ["mismatched", "bp"]]},
    ]
    assert damping["options"] == [
        {"label": f"BP {ODD}", "curves": [["again", "bp-damping-0"], ["again", "bp-damping-0.5"]]},
        {"label": "rbp", "curves": [["again", "rbp-damping-0"], ["again", RBP]]},
    ]
    for family in (entries, damping):
        assert len({look["color"] for look in family["looks"]}) == len(family["looks"])
        for option in family["options"]:
            for experiment, learner in option["curves"]:
                own = xr.load_dataset(folder / f"{experiment}.nc").sel(learner=learner)
                assert same_points(shown["results"][experiment]["curves"][learner], own) >= 9


def test_learners_of_one_label_are_told_apart():
    offline = {"label": "offline", "algorithm": "sum-product", "schedule": "offline"}
    looks = explorer._looks({"bp": offline, "mp": offline | {"algorithm": "max-product"}})
    assert [look["label"] for look in looks] == ["BP, offline", "max-product, offline"]


def test_one_simulation_has_no_interval():
    data = xr.Dataset(
        {name: (("seed", "n_samples"), [[0.25, 0.0]]) for name in explorer.SHOWN}
        | {"status": (("seed", "n_samples"), [[1, 2]])},
        {"n_samples": [1, 2]},
    )
    found = explorer._curves(data)
    assert found["weight_error"] == [[0.25, None, None, 1], [0, None, None, 1]]
    assert found["m"] == [1, 2] and found["ended"] == [[1, 0, 0, 0], [0, 1, 0, 0]]


def test_a_learner_without_weights_has_no_points_of_theirs():
    data = xr.Dataset(
        {name: (("seed", "n_samples"), [[np.nan]]) for name in explorer.SHOWN}
        | {"status": (("seed", "n_samples"), [[1]])},
        {"n_samples": [8]},
    )
    data["generalization_error"][:] = 0.123456
    found = explorer._curves(data)
    assert found["weight_error"] == found["topology_error"] == [None]
    assert found["generalization_error"] == [[0.1235, None, None, 1]]


def test_text_is_never_markup(shown, folder):
    text = (folder / "explorer.html").read_text(encoding="utf-8")
    assert shown["claims"][0]["statement"] == f"All is well with {ODD} </script>."
    assert shown["experiments"]["matched"]["learners"][0]["label"] == f"BP {ODD}"
    own = text[: text.index("<script>")] + text[text.rindex("<script>") :]
    assert IMAGE not in own and "<img" not in own


def test_page_is_small_and_has_the_licences(folder):
    text = (folder / "explorer.html").read_text(encoding="utf-8")
    assert len(text.encode()) < 3e6
    for name in ("vega/LICENSE", "vega-lite/LICENSE", "d3-array/LICENSE"):
        assert f"<h3>{name}</h3>" in text


def test_a_script_that_is_not_as_released_is_refused(monkeypatch, tmp_path, shown):
    (tmp_path / "vega").mkdir()
    (tmp_path / "vega/vega.js").write_text("alert()")
    monkeypatch.setattr(explorer.Assets, "_base_path", tmp_path)
    with pytest.raises(RuntimeError, match=r"vega/vega\.js of Snakemake is not as released"):
        explorer.page(shown)


@pytest.mark.parametrize("key", ["claims", "ways"])
def test_verdicts_of_another_study_are_refused(folder, tmp_path, capsys, key):
    less = SPEC | {key: dict(list(SPEC[key].items())[1:])}
    inputs = given({name: str(folder / f"{name}.nc") for name in STUDY.experiments})
    judged, output = str(folder / "verdicts.json"), tmp_path / "page.html"
    options = ["--verdicts", judged, "--inputs", inputs, "--output", str(output)]
    assert main(["explorer", given(less), *options]) == 1
    said = f"sparsebp explorer: {judged}: other claims or choices than those of this study\n"
    assert capsys.readouterr().err == said
    assert not output.exists()


# In a browser.


@pytest.fixture
def browser(opened, folder):
    """The browser with the page just opened."""
    return show(opened, folder / "explorer.html")


def cell(browser, claim, way):
    return browser.find_element(By.CSS_SELECTOR, f"button[aria-label^='{claim}, {way}:']")


def row(browser, way):
    [button] = [
        b for b in browser.find_elements(By.CSS_SELECTOR, "tbody th button") if b.text == way
    ]
    return button


def lines_drawn(browser):
    """The outlines of all lines of the first panel, with their colours."""
    return [
        (line.get_attribute("stroke"), line.get_attribute("d"))
        for line in browser.find_element(By.CSS_SELECTOR, ".plot").find_elements(
            By.CSS_SELECTOR, ".mark-line path"
        )
    ]


def tip(browser, *parts):
    """The tooltip, as soon as it has these parts: the page draws it some time after an event."""

    def text(browser):
        return browser.find_element(By.ID, "tip").text

    WebDriverWait(browser, 20).until(
        lambda browser: all(part in text(browser) for part in parts), f"no tooltip with {parts}"
    )
    return text(browser)


def wait_for_no_tip(browser):
    WebDriverWait(browser, 20).until_not(lambda b: b.find_element(By.ID, "tip").is_displayed())


def picked(browser):
    return browser.find_element(By.ID, "picked").text


def point(folder, experiment, learner, quantity, m):
    """What a tooltip should say, from the file."""
    data = xr.load_dataset(folder / f"{experiment}.nc").sel(learner=learner, n_samples=m)
    values, codes = data[quantity].values, data.status.values.tolist()
    return [m, values.mean(), *mean_interval(values), 4], codes


def check_tip(browser, expected, codes, experiment, learner):
    """Whether the tooltip has these numbers."""
    text = tip(browser, f"m = {expected[0]}: ", f"{experiment}.nc, {learner}, ")
    found = re.search(
        r"m = (\d+): mean (\S+)\n95 % interval \[(\S+), (\S+)\]\nn = (\d+) simulations", text
    )
    assert [float(part) for part in found.groups()] == pytest.approx(expected, rel=1e-3)
    for status, name in ((Status.CONVERGED, "converged"), (Status.STEP_LIMIT, "step limit")):
        assert (f"{codes.count(status)} {name}" in text) == (status in codes)
    assert f"results/{experiment}.nc, {learner}, commit " in text


@pytest.mark.slow
def test_page_opens_without_an_error_or_a_request(browser, folder):
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert requests(browser) == [(folder / "explorer.html").as_uri()]
    assert len(browser.find_elements(By.CSS_SELECTOR, ".plot svg")) == 3
    assert browser.find_elements(By.CSS_SELECTOR, "img") == []


@pytest.mark.slow
def test_text_is_seen_as_it_is(browser):
    cell(browser, "C1", "as configured").click()
    assert f"All is well with {ODD} </script>." in picked(browser)
    assert f"Fig. 1 {ODD} (matched)" in browser.find_element(By.ID, "offered").text
    assert f"BP {ODD}" in browser.find_element(By.ID, "curves").text
    assert browser.find_elements(By.CSS_SELECTOR, "img") == []


@pytest.mark.slow
def test_a_click_on_a_row_changes_the_curves(browser):
    cell(browser, "C1", "as configured").click()
    before = lines_drawn(browser)
    cell(browser, "C2", "as configured").click()
    configured = lines_drawn(browser)
    assert configured != before and len(configured) == 2
    row(browser, CHOICE).click()
    chosen = lines_drawn(browser)
    # The configured ones stay, in grey; others come in their colours.
    assert len(chosen) == 4 and chosen != configured
    colours = [colour for colour, _ in configured]
    assert [colour for colour, _ in chosen[2:]] == colours
    assert not {colour for colour, _ in chosen[:2]} & {*colours}
    assert picked(browser).startswith(f"C2, {CHOICE}: ")
    row(browser, "under other").click()
    other = lines_drawn(browser)
    assert other[2:] != chosen[2:]
    assert len({outline.count("L") for _, outline in other}) == 1  # m = 1 to 5, and not 1, 3, 5
    # A claim that is not tested there leads back to the study as configured.
    browser.find_element(By.XPATH, "//thead//button[text()='C3']").click()
    assert picked(browser).startswith("C3, as configured: ")
    inputs = browser.find_elements(By.CSS_SELECTOR, "#offered input")
    assert [field.get_attribute("value") for field in inputs] == ["matched", "mismatched"]
    before = lines_drawn(browser)
    inputs[0 if inputs[1].is_selected() else 1].click()
    assert lines_drawn(browser) != before


@pytest.mark.slow
def test_tooltips_of_cells_hold_the_numbers_of_the_verdicts(browser, folder):
    records = json.loads((folder / "verdicts.json").read_text())["records"]
    for judged in records:
        way = judged["choice"] or (judged["reading"] and "under other") or "as configured"
        ActionChains(browser).move_to_element(cell(browser, judged["id"], way)).perform()
        test = judged["tests"][judged["key"]]
        start = f"{judged['id']}, {way}: {judged['verdict']}\n"
        text = tip(browser, start)
        assert text.startswith(start)
        assert test["measured"] in text and test["meaning"] in text
        assert f"{test['effect']:.3g} [" in text.replace("·10", "e").translate(PLAIN)
        assert f"margin {test['margin']:g}, " in text and f"n = {test['n']} simulations" in text
    ActionChains(browser).move_to_element(browser.find_element(By.TAG_NAME, "h1")).perform()
    wait_for_no_tip(browser)


@pytest.mark.slow
def test_tooltips_of_points_hold_the_numbers_of_the_results(browser, folder):
    cell(browser, "C2", CHOICE).click()
    plots = browser.find_elements(By.CSS_SELECTOR, ".plot")
    for plot, quantity in zip(plots, explorer.SHOWN, strict=True):
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
        markers = plot.find_elements(By.CSS_SELECTOR, ".mark-symbol path")
        assert len(markers) == 5 + 5 + 3 + 3
        ActionChains(browser).move_to_element(markers[-3]).perform()  # the last learner, m = 1
        learner = "rbp-damping-0.5"
        expected = point(folder, "again", learner, quantity, 1)
        check_tip(browser, *expected, "again", learner)


@pytest.mark.slow
def test_a_key_that_is_varied_shows_a_curve_for_each_value(browser, folder):
    of_claims = lines_drawn(browser)
    keys = Select(browser.find_element(By.ID, "varied"))
    assert [option.text for option in keys.options] == [
        "claims and choices",
        "input entries per row: 2 to 3 (few to mismatched)",
        "damping: 0 to 0.5 (again)",
    ]
    keys.select_by_index(1)
    assert not browser.find_element(By.ID, "matrix").is_displayed()
    assert picked(browser) == (
        f"{keys.options[1].text}\nVaried: student.nonzeros_per_row.input, in few, mismatched."
    )
    legend = [entry.text for entry in browser.find_elements(By.CSS_SELECTOR, "#curves li")]
    assert legend == ["2", "3"]
    before = lines_drawn(browser)
    assert len(before) == 2 and before != of_claims
    learners = browser.find_elements(By.CSS_SELECTOR, "#offered label")
    assert [label.text for label in learners] == ["rbp", f"BP {ODD}"]
    learners[1].click()
    assert lines_drawn(browser) != before
    for plot, quantity in zip(
        browser.find_elements(By.CSS_SELECTOR, ".plot"), explorer.SHOWN, strict=True
    ):
        markers = plot.find_elements(By.CSS_SELECTOR, ".mark-symbol path")
        assert len(markers) == 5 + 5
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
        ActionChains(browser).move_to_element(markers[5]).perform()  # the last value, m = 1
        check_tip(browser, *point(folder, "mismatched", "bp", quantity, 1), "mismatched", "bp")
        assert f"student.nonzeros_per_row.input 3, BP {ODD}\n" in tip(browser)
    keys.select_by_index(0)
    assert browser.find_element(By.ID, "matrix").is_displayed()
    assert lines_drawn(browser) == of_claims and picked(browser).startswith("C2, damping 0: ")


@pytest.mark.slow
def test_a_study_without_claims_has_a_page_of_its_varied_keys(opened, folder, tmp_path):
    spec = STUDY.explorer_spec({"claims": []})
    assert spec["results"] == ["again", "few", "mismatched"]
    files = {name: str(folder / f"{name}.nc") for name in spec["results"]}
    page = tmp_path / "explorer.html"
    assert main(["explorer", given(spec), "--inputs", given(files), "--output", str(page)]) == 0
    browser = show(opened, page)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert browser.find_element(By.TAG_NAME, "h1").text == "Varied keys and curves"
    assert not browser.find_element(By.ID, "claims").is_displayed()
    assert picked(browser).startswith("input entries per row: 2 to 3 (few to mismatched)\n")
    assert len(lines_drawn(browser)) == 2
    ActionChains(browser).send_keys(Keys.TAB, Keys.ARROW_DOWN).perform()
    assert picked(browser).startswith("damping: 0 to 0.5 (again)\n")


@pytest.mark.slow
def test_everything_is_reached_by_keyboard(browser, folder):
    def press(*keys):
        ActionChains(browser).send_keys(*keys).perform()

    press(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("id") == "varied"
    press(Keys.ARROW_DOWN)
    assert picked(browser).startswith("input entries per row")
    press(Keys.ARROW_UP, Keys.TAB)
    focused = browser.switch_to.active_element
    assert focused.get_attribute("aria-pressed") == "true"
    start = focused.get_attribute("aria-label")
    assert start.startswith("C2, damping 0: ") and tip(browser, start).startswith(start)
    press(Keys.ARROW_DOWN)
    assert tip(browser, f"C2, {CHOICE}: ").startswith(f"C2, {CHOICE}: ")
    before = lines_drawn(browser)
    press(Keys.ENTER)
    assert picked(browser).startswith(f"C2, {CHOICE}: ") and lines_drawn(browser) != before
    press(Keys.ARROW_LEFT)  # past the empty cell of C1
    assert browser.switch_to.active_element.text == CHOICE
    press(Keys.TAB, Keys.TAB)
    plot = browser.switch_to.active_element
    assert plot.get_attribute("aria-label").startswith("weight error")
    # The last learner first: m = 1, 3, 5.
    press(Keys.ARROW_RIGHT)
    expected = point(folder, "again", "rbp-damping-0.5", "weight_error", 3)
    check_tip(browser, *expected, "again", "rbp-damping-0.5")
    press(Keys.ARROW_DOWN)
    expected = point(folder, "again", "bp-damping-0.5", "weight_error", 3)
    check_tip(browser, *expected, "again", "bp-damping-0.5")
    # The ring is around the marker.
    ring = browser.find_element(By.CSS_SELECTOR, ".ring").rect
    centre = [ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2]
    markers = plot.find_elements(By.CSS_SELECTOR, ".mark-symbol path")
    places = [
        (m["x"] + m["width"] / 2, m["y"] + m["height"] / 2) for m in (x.rect for x in markers)
    ]
    assert min(np.hypot(x - centre[0], y - centre[1]) for x, y in places) < 1.5
    press(Keys.ESCAPE)
    wait_for_no_tip(browser)


@pytest.mark.slow
def test_a_phone_needs_no_scrolling_to_the_side(browser, folder):
    phone = {"width": 380, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        browser.get((folder / "explorer.html").as_uri())
        for claim, way in (("C3", "as configured"), ("C2", CHOICE)):
            cell(browser, claim, way).click()
            width = "return document.documentElement.scrollWidth"
            assert browser.execute_script(width) <= 380
        keys = Select(browser.find_element(By.ID, "varied"))
        for number in range(len(keys.options)):
            keys.select_by_index(number)
            assert browser.execute_script(width) <= 380
        for plot in browser.find_elements(By.CSS_SELECTOR, ".plot"):
            assert plot.find_element(By.TAG_NAME, "svg").rect["width"] > 300
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
