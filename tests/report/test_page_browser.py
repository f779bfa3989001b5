"""Does a browser show the page without an error, without a request, and every name as text?"""

import json
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from relu_jax import report
from relu_jax.report import text
from tests.report import cases, chromium, trained

pytestmark = pytest.mark.browser

WIDTHS = (1280, 390)  # a laptop and a phone
OVERFLOWS = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


def opened(browser: webdriver.Chrome, tmp_path: Path, case: dict[str, Any], width: int) -> None:
    """Write a report and show its page in a window of this width."""
    file = tmp_path / "page.html"
    report.write(case, file)
    chromium.show(browser, file, width, 900)


def requests(browser: webdriver.Chrome) -> list[str]:
    """List what the page asked for since it was opened, itself included."""
    messages = [json.loads(row["message"])["message"] for row in browser.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


CASES = [
    cases.example, cases.hostile, cases.broken, cases.single, cases.wide,
    trained.whole, trained.hostile, trained.broken,
]  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_page_opens_without_an_error_and_without_a_request(browser, tmp_path, case, width):
    opened(browser, tmp_path, case(), width)
    for part in browser.find_elements(By.CSS_SELECTOR, "[data-open=yes]"):
        part.click()
    assert browser.get_log("browser") == []
    asked = [url for url in requests(browser) if not url.startswith("data:")]
    assert asked == [(tmp_path / "page.html").as_uri()]
    assert browser.execute_script(OVERFLOWS) <= 0, "the page scrolls sideways"


def test_an_error_and_a_request_would_be_noticed(browser, tmp_path):
    file = tmp_path / "bad.html"
    file.write_text("<img src='missing.png'><script>undefined_name()</script>", encoding="utf-8")
    browser.get_log("performance")
    browser.get(file.as_uri())
    assert any("undefined_name" in row["message"] for row in browser.get_log("browser"))
    assert (tmp_path / "missing.png").as_uri() in requests(browser)


def test_hostile_names_run_nothing_and_are_read_in_full(browser, tmp_path):
    whole = cases.hostile() | {k: trained.hostile()[k] for k in ("watched", "tried")}
    opened(browser, tmp_path, whole, WIDTHS[0])
    browser.execute_script("window.alerted = 0; window.alert = () => { window.alerted += 1; }")
    for name in ("[data-open=yes]", ".legend button"):
        for element in browser.find_elements(By.CSS_SELECTOR, name):
            browser.execute_script("arguments[0].click()", element)
    shown = browser.execute_script("return document.body.textContent")
    for name in cases.HOSTILE:
        assert text.visible(name) in shown
    assert browser.execute_script("return window.alerted") == 0
    assert browser.find_elements(By.CSS_SELECTOR, "img, [onmouseover], [onerror]") == []


def test_the_verdicts_are_the_first_thing_on_the_screen(browser, tmp_path):
    opened(browser, tmp_path, cases.example(), WIDTHS[0])
    cards = browser.find_elements(By.CSS_SELECTOR, ".group .card:first-of-type")
    assert len(cards) == 4
    assert all(
        card.rect["y"] + card.find_element(By.TAG_NAME, "h4").rect["height"] < 700 for card in cards
    )
    assert "Critical" in cards[0].text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_reader_s_colour_scheme(browser, tmp_path, scheme):
    feature = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})
    opened(browser, tmp_path, cases.single(), WIDTHS[0])
    colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    lightness = sum(int(part) for part in colour.strip("rgba()").split(",")[:3]) / 3
    assert (lightness > 128) == (scheme == "light")


def test_printing_shows_every_part(browser, tmp_path):
    opened(browser, tmp_path, cases.example(), WIDTHS[0])
    shown = len(browser.find_elements(By.CSS_SELECTOR, "main details[open]"))
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    parts = browser.find_elements(By.CSS_SELECTOR, "main details")
    assert parts
    assert all(part.get_attribute("open") is not None for part in parts)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {})["data"]
    assert len(printed) > 10_000
    browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert len(browser.find_elements(By.CSS_SELECTOR, "main details[open]")) == shown < len(parts)
