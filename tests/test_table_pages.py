"""Tables as pages: they hold what the CSV holds, and sort by the head of a column.

The tests in a browser need chromium and chromedriver, and are skipped where these are missing.
"""

import csv
import math

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from sparsebp.cli import main
from sparsebp.network.quantities import QUANTITIES
from sparsebp.report import pages
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from tests.browser import requests, show

IMAGE = "<img src=x onerror=document.body.remove()>"
WORDS = {"1": "converged", "2": "step limit", "3": "contradiction", "4": "oscillating"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with results, and the table of them as CSV and HTML."""
    folder = tmp_path_factory.mktemp("table")
    coordinates = {"learner": [IMAGE, "bp"], "seed": [0, 1, 2], "n_samples": [2, 10, 30]}
    shape = tuple(map(len, coordinates.values()))
    rng = np.random.default_rng(3)
    values = {name: 10.0 ** rng.uniform(-20, 0, shape) for name in QUANTITIES}
    values["iterations"] = rng.integers(1, 999, shape)
    values["entropy"][1] = np.nan
    values["status"] = rng.integers(1, 5, shape).astype(np.int8)
    values["status"][0, 1, 1] = 0  # not run
    spec = {"learners": coordinates["learner"], "samples": coordinates["n_samples"], "seeds": 3}
    store.write_results(folder / "one.nc", values, coordinates, record("collect", spec))
    words = {"results": "one.nc", "output": "one.csv", "page": "one.html"}
    options = [word for key, name in words.items() for word in (f"--{key}", str(folder / name))]
    assert main(["table", *options]) == 0
    return folder


@pytest.fixture
def browser(opened, folder):
    return show(opened, folder / "one.html")


def cells(browser):
    """The cells of the table, row by row."""
    text = "[...row.cells].map(cell => cell.textContent.trim())"
    script = f"return [...document.querySelectorAll('tbody tr')].map(row => {text})"
    return browser.execute_script(script)


def rows(folder):
    """The columns of the CSV file, and its rows."""
    with open(folder / "one.csv", newline="") as file:
        columns, *rows = csv.reader(file)
    return columns, rows


def test_the_page_holds_what_the_file_for_programs_holds(browser, folder):
    columns, expected = rows(folder)
    heads = browser.find_elements(By.CSS_SELECTOR, "thead th")
    assert [head.text for head in heads] == columns
    assert heads[columns.index("weight_error")].get_attribute("title") == "weight error"
    shown = cells(browser)
    assert len(shown) == len(expected) == 17
    for found, row in zip(shown, expected, strict=True):
        for name, text, value in zip(columns, found, row, strict=True):
            if name == "status":
                assert text == WORDS[value]
            elif name == "learner" or not value:
                assert text == value
            else:
                assert float(text) == pytest.approx(float(value), rel=6e-4)


def test_the_page_asks_for_nothing_and_takes_text_as_text(browser):
    assert [url for url in requests(browser) if not url.startswith("file:")] == []
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert cells(browser)[0][0] == IMAGE


@pytest.mark.parametrize("name", ["learner", "n_samples", "weight_error", "entropy", "status"])
def test_the_head_of_a_column_sorts_by_click_and_by_key(browser, folder, name):
    columns, _ = rows(folder)
    at = columns.index(name)
    before = cells(browser)
    button = browser.find_elements(By.CSS_SELECTOR, "thead button")[at]

    def order(text):
        return text if name in ("learner", "status") else float(text)

    for press, down in ((button.click, False), (lambda: button.send_keys(Keys.ENTER), True)):
        press()
        there = [row for row in before if row[at]]
        expected = sorted(there, key=lambda row: order(row[at]), reverse=down)
        found = cells(browser)
        assert [row[at] for row in found[: len(there)]] == [row[at] for row in expected]
        assert all(row[at] == "" for row in found[len(there) :])
        assert sorted(found) == sorted(before)  # rows stay whole
        heads = browser.find_elements(By.CSS_SELECTOR, "th[aria-sort]")
        (direction,) = (head.get_attribute("aria-sort") for head in heads)
        assert direction == ("descending" if down else "ascending")


def test_a_phone_scrolls_the_table_and_not_the_page(browser):
    browser.set_window_size(500, 900)
    width = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert browser.execute_script(width)
    browser.set_window_size(1440, 1000)


def test_numbers_have_four_digits_and_nothing_stands_for_what_is_not_there():
    page = pages.table("T", {"a": ""}, [(x,) for x in (1 / 3, 1234567, math.nan, 0.0, "3 < 4")])
    for cell in ("<td>0.3333\n", "<td>1234567\n", "<td>\n", "<td>0\n", "<td>3 &lt; 4\n"):
        assert cell in page
