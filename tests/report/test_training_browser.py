"""Do pointer, keyboard and downloads tell the numbers of the record?"""

import csv
import io
import math
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from relu_jax import report
from relu_jax.report import text
from tests.report import cases, chromium, trained

pytestmark = pytest.mark.browser

CAUGHT = """
window.saved = null;
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  blob.text().then((text) => { window.saved = [blob.type, text]; });
  return make(blob);
};
"""


def opened(browser: Any, tmp_path: Any, case: dict[str, Any]) -> None:
    file = tmp_path / "page.html"
    report.write(case, file)
    chromium.show(browser, file, 1280, 900)
    browser.execute_script(CAUGHT)


def saved(browser: Any, button: Any) -> tuple[str, str]:
    """Press a button that downloads, and give the type and the text of what it made."""
    browser.execute_script("window.saved = null; arguments[0].click()", button)
    return tuple(WebDriverWait(browser, 10).until(lambda b: b.execute_script("return saved")))


def table(browser: Any, name: str) -> list[list[str]]:
    button = browser.find_element(By.CSS_SELECTOR, f"[data-csv='{name}.csv']")
    kind, told = saved(browser, button)
    assert kind == "text/csv"
    return list(csv.reader(io.StringIO(told, newline="")))


def test_arrow_keys_walk_over_a_map(browser, tmp_path):
    case = trained.report(layers=3, steps=12)
    opened(browser, tmp_path, case)
    box = browser.find_element(By.CSS_SELECTOR, ".heat-box")
    output = box.find_element(By.TAG_NAME, "output")
    (run,) = case["watched"]

    def wanted(i: int, j: int) -> str:
        site = run["sites"][i]
        place = f"step {text.number(run['steps'][j])}"
        return f"{site['id']}, {place}: {text.number(site['rms_d_pre'][j])}"

    keys = (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    told = []
    for key in (*keys, Keys.ARROW_UP, Keys.ARROW_LEFT, Keys.ARROW_LEFT):
        box.send_keys(key)
        told.append(output.text)
    path = [(0, 0), (0, 1), (1, 1), (2, 1), (2, 1), (1, 1), (1, 0), (1, 0)]
    assert told == [wanted(*at) for at in path]


def test_the_pointer_tells_the_cell_it_is_at(browser, tmp_path):
    case = trained.report(layers=3, steps=12)
    opened(browser, tmp_path, case)
    box = browser.find_elements(By.CSS_SELECTOR, ".heat-box")[2]
    chart, output = (box.find_element(By.TAG_NAME, name) for name in ("svg", "output"))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    (run,) = case["watched"]
    unit = 480 / chart.rect["width"]
    left, top, step, height = (
        float(chart.get_attribute(f"data-{key}")) for key in ("left", "top", "step", "height")
    )
    for i, j in ((0, 0), (2, 11), (1, 5)):
        x = (left + (j + 0.5) * step) / unit - chart.rect["width"] / 2
        y = (top + (i + 0.5) * height) / unit - chart.rect["height"] / 2
        ActionChains(browser).move_to_element_with_offset(chart, round(x), round(y)).perform()
        share = text.number(run["sites"][i]["silent"][j] / 64)
        assert output.text == f"layers/{i}, step {text.number(run['steps'][j])}: {share}"


def test_tables_are_downloaded_with_all_digits(browser, tmp_path):
    case = trained.whole()
    opened(browser, tmp_path, case)
    (run,) = case["runs"]
    head, *rows = table(browser, "sites")
    assert [row[1] for row in rows] == [site["id"] for site in run["sites"]]
    columns = {"RMS pre": "rms_pre", "RMS post": "rms_post", "RMS ∂pre": "rms_d_pre", "n": "n"}
    for name, key in columns.items():
        column = head.index(name)
        assert [row[column] for row in rows] == [repr(site[key]) for site in run["sites"]]
    assert rows[0][head.index("dead")] == "0 / 64"
    head, *rows = table(browser, "what_if")
    (ranking,) = case["tried"]
    assert [row[0] for row in rows] == [one["name"] for one in ranking["variants"]]
    assert [float(row[1]) for row in rows] == [one["score"] for one in ranking["variants"]]
    assert [float(row[4]) for row in rows] == [0.123456789] * 4


def test_a_name_that_is_a_formula_is_text_in_a_table(browser, tmp_path):
    case = cases.single()
    case["runs"][0]["sites"][0] |= {
        "id": '=HYPERLINK("http://x")',
        "path": "",
        "rms_pre": -math.inf,
    }
    opened(browser, tmp_path, case)
    head, row, *_ = table(browser, "sites")
    assert row[1] == '\'=HYPERLINK("http://x")'
    assert row[head.index("RMS pre")] == "-inf", "a number is no formula"
