"""Is every number of a downloaded table that of the record, to the last digit?"""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from relu_jax import report
from relu_jax.report import definitions
from relu_jax.report.watched import EVENTS
from tests.report import chromium, trained

pytestmark = pytest.mark.browser

RECORD = trained.everything()
Entry = Mapping[str, Any]
WORDED = {"kind", "shape", "dead", "nonfinite", "zero_grad", "hits", "slopes", "lost"}

CAUGHT = """
window.saved = [];
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  window.saved.push(blob.text().then((text) => [blob.type, text]));
  return make(blob);
};
document.querySelectorAll("details").forEach((part) => { part.open = true; });
"""


@pytest.fixture(scope="module")
def browser(browser, tmp_path_factory):
    """One page for all tests of this file, all its parts open, what it saves caught."""
    file = tmp_path_factory.mktemp("page") / "page.html"
    report.write(RECORD, file)
    chromium.show(browser, file, 1280, 900)
    browser.execute_script(CAUGHT)
    return browser


def downloaded(browser: Any, selector: str, *, keyboard: bool) -> list[tuple[str, str, str]]:
    """Press every button by the mouse, or the last of each name by a key: name, type, text."""
    buttons = {}
    for i, button in enumerate(browser.find_elements(By.CSS_SELECTOR, selector)):
        name = button.get_attribute("data-csv") or ""
        buttons[name if keyboard else (name, i)] = (name, button)
    browser.execute_script("window.saved = []")
    for _, button in buttons.values():
        button.send_keys(Keys.ENTER) if keyboard else chromium.click(button)
    told = browser.execute_async_script("Promise.all(window.saved).then(arguments[0])")
    return [(name, *one) for (name, _), one in zip(buttons.values(), told, strict=True)]


@pytest.mark.parametrize("keyboard", [False, True], ids=["mouse", "keyboard"])
def test_the_record_is_downloaded(browser, tmp_path, keyboard):
    ((_, kind, told),) = downloaded(browser, "[data-download]", keyboard=keyboard)
    file = tmp_path / "again.json"
    file.write_text(told, encoding="utf-8")
    assert kind == "application/json"
    assert repr(report.read(file)) == repr(RECORD), "as words: NaN is not itself"


@pytest.mark.parametrize("keyboard", [False, True], ids=["mouse", "keyboard"])
def test_every_table_is_downloaded_with_the_numbers_of_the_record(browser, keyboard):
    tables = defaultdict(list)
    for name, kind, told in downloaded(browser, "[data-csv]", keyboard=keyboard):
        assert kind == "text/csv"
        tables[name].append(list(csv.reader(io.StringIO(told, newline=""))))
    count = len(browser.find_elements(By.TAG_NAME, "table"))
    assert sum(map(len, tables.values())) == (len(TABLES) if keyboard else count)
    assert set(tables) == {f"{name}.csv" for name in TABLES}
    for name, (records, columns) in TABLES.items():
        found = tables[f"{name}.csv"]
        assert len(found) == (1 if keyboard else len(records))
        for (head, *rows), entries in zip(found, records[-len(found) :], strict=True):
            for heading, read in columns.items():
                at = head.index(heading)
                pairs = zip([row[at] for row in rows], map(read, entries), strict=True)
                assert all(same(*pair) for pair in pairs), (name, heading)


def same(cell: str, value: Any) -> bool:
    if value is None or isinstance(value, str):
        return cell == (value or "–")
    return math.isnan(float(cell)) if math.isnan(value) else float(cell) == value


def numbers(columns: Sequence[definitions.Column]) -> dict[str, Callable[[Entry], Any]]:
    """Give how to read the columns that hold one number of the record."""
    return {one.heading: itemgetter(one.key) for one in columns if one.key not in WORDED}


def of_runs(key: str) -> list[Sequence[Entry]]:
    return [run[key] for run in RECORD["runs"]]


def in_depth(*keys: str) -> list[Sequence[Entry]]:
    found = []
    for run in RECORD["runs"]:
        part = run.get("depth")
        for key in keys if part else ():
            part = part[key]
        found += [part] if part else []
    return found


def gain(one: Entry) -> Any:
    return None if one["own"] else one["gain"]["value"]


RATES = {
    "gradient per site": itemgetter("backward_rate"),
    "gradient in total": itemgetter("backward_total"),
    "signal per site": itemgetter("forward_rate"), "signal in total": itemgetter("forward_total"),
}  # fmt: skip
TABLES: dict[str, tuple[list[Any], dict[str, Any]]] = {  # records of each table; its columns
    "what_if": (
        [one["variants"] for one in RECORD["tried"]],
        {
            "change": itemgetter("name"), "loss": itemgetter("score"), "better by": gain,
            "signal": lambda one: one["flow"]["forward_total"],
            "signal in theory": lambda one: one["expected"]["forward_total"],
            "gradient": lambda one: one["flow"]["backward_total"],
            "gradient in theory": lambda one: one["expected"]["backward_total"],
        },
    ),
    "events": (
        [run["events"][:EVENTS] for run in RECORD["watched"]],
        {"step": itemgetter("step"), "where": itemgetter("name"), "what": itemgetter("what")},
    ),
    "rates": ([of_runs("flow")], RATES),
    "flow": (in_depth("flow", "sites"), numbers(definitions.FLOW_COLUMNS)),
    "kinks": (in_depth("kinks"), numbers(definitions.KINK_COLUMNS)),
    "codes": (in_depth("codes"), numbers(definitions.CODE_COLUMNS)),
    "sites": (of_runs("sites"), {"site": itemgetter("id")} | numbers(definitions.SITE_COLUMNS)),
    "parameters": (
        of_runs("parameters"),
        {"parameter": itemgetter("path")} | numbers(definitions.PARAMETER_COLUMNS),
    ),
    "linear_maps": (
        of_runs("linear"),
        {"map": itemgetter("path"), "inputs": itemgetter("n_in"), "outputs": itemgetter("n_out")},
    ),
}  # fmt: skip
