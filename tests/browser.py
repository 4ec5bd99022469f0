"""A browser without a window, for tests of pages; they are skipped where there is none."""

import json
import shutil

import pytest
from selenium import webdriver

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def headless():
    """A browser; whoever opens it quits it."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("the page is not opened: chromium or chromedriver is missing")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "headless=new",
        "no-sandbox",
        "disable-dev-shm-usage",
        "window-size=1440,1000",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(DRIVER))


def show(browser, page):
    """Open a file; of what went before nothing is told afterwards."""
    browser.get_log("browser")
    requests(browser)
    browser.get(page.as_uri())
    return browser


def requests(browser):
    """Addresses that pages have asked for since this was last asked."""
    messages = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [params["request"]["url"] for params in sent]
