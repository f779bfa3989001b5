"""Is every control of the page worked by mouse and by keyboard, and tells what the record holds?

The last table names the test of each kind of control; a control of another kind fails.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from relu_jax import report
from relu_jax.report import text
from tests.report import chromium, trained

pytestmark = pytest.mark.browser

Press = Callable[[WebElement], None]
RECORD = trained.everything()
FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable]"
SHOWN = f"Array.from(document.querySelectorAll('{FOCUSABLE}')).filter((e) => e.checkVisibility())"


@pytest.fixture(scope="module")
def browser(browser, tmp_path_factory):
    """One page for all tests of this file; none needs it as another left it."""
    file = tmp_path_factory.mktemp("page") / "page.html"
    report.write(RECORD, file)
    chromium.show(browser, file, 1280, 900)
    return browser


def by_keyboard(element: WebElement) -> None:
    element.send_keys(Keys.ENTER)


@pytest.fixture(params=[chromium.click, by_keyboard], ids=["mouse", "keyboard"])
def press(request: pytest.FixtureRequest) -> Press:
    return request.param


def all_of(browser: webdriver.Chrome, selector: str) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, selector)


def target(browser: webdriver.Chrome) -> tuple[str, float, float]:
    """Give what the address names, and where it is under the sections; far down is far up."""
    return browser.execute_script(
        "const at = document.querySelector(':target'), down = document.documentElement;"
        "const under = document.querySelector('nav').getBoundingClientRect().bottom;"
        "const end = down.scrollHeight - down.clientHeight - window.scrollY < 2;"
        "return [at.id, at.getBoundingClientRect().top - under, end ? 900 : 120]"
    )


def test_every_control_has_a_test(browser):
    found = controls(browser)
    assert [kinds for kinds in found if len(kinds) != 1] == [], "no test, or more than one"
    assert {kind for (kind,) in found} == set(CONTROLS), "a test for what is not there"
    files = {name: (Path(__file__).parent / name).read_text() for name, _ in CONTROLS.values()}
    for name, test in CONTROLS.values():
        assert f"def {test}(" in files[name]


def controls(browser: webdriver.Chrome) -> list[list[str]]:
    """List the kinds each control is of; of none, what it is."""
    return browser.execute_script(
        f"const kinds = arguments[0], all = document.querySelectorAll('{FOCUSABLE}');"
        "return Array.from(all, (e) => {"
        "  const found = kinds.filter((kind) => e.matches(kind));"
        "  return found.length ? found : [e.outerHTML.slice(0, 80), ''];"
        "})",
        list(CONTROLS),
    )


def test_a_new_kind_of_control_would_be_noticed(browser):
    add = "document.body.append(Object.assign(document.createElement('input'), {id: 'new'}))"
    browser.execute_script(add)
    found = [kinds for kinds in controls(browser) if len(kinds) != 1]
    browser.execute_script("document.getElementById('new').remove()")
    assert found == [['<input id="new">', ""]]


def test_tab_reaches_every_control_in_reading_order_with_a_ring(browser):
    browser.execute_script(
        "const tell = (e) => {"
        "  const style = getComputedStyle(e), box = e.getBoundingClientRect();"
        "  const ring = e.matches(':focus-visible') && style.outlineStyle === 'solid';"
        "  window.told.push([e, ring ? parseFloat(style.outlineWidth) : 0, box.left, box.bottom]);"
        "};"
        "window.told = []; window.tell = (event) => tell(event.target);"
        "document.activeElement.blur(); window.scrollTo(0, 0);"
        "document.addEventListener('focusin', window.tell);"
    )
    wanted = browser.execute_script(f"return {SHOWN}.length")
    first = browser.execute_script(f"return {SHOWN}[0]")
    first.send_keys("")
    browser.execute_script("window.told = window.told.slice(0, 1)")
    ActionChains(browser, duration=0).send_keys(Keys.TAB * (wanted - 1)).perform()
    browser.execute_script("document.removeEventListener('focusin', window.tell)")
    same = f"const all = {SHOWN}; return window.told.map((one) => all.indexOf(one[0]))"
    assert browser.execute_script(same) == list(range(wanted))
    seen = browser.execute_script("return window.told.map((one) => one.slice(1))")
    assert min(width for width, *_ in seen) >= 2, "a ring of two pixels"
    assert all(left >= 0 and bottom >= 0 for _, left, bottom in seen), "where it can be seen"


def test_the_first_link_skips_to_the_verdict(browser, press):
    (link,) = all_of(browser, "a.skip")
    assert link.rect["x"] < 0, "out of sight"
    link.send_keys("")
    assert link.rect["x"] >= 0, "in sight once it has the focus"
    if press is chromium.click:
        ActionChains(browser, duration=0).move_to_element(link).click().perform()
    else:
        press(link)
    assert target(browser)[0] == "headline"


def test_sections_are_reached(browser, press):
    for link in all_of(browser, "nav a"):
        press(link)
        name, top, most = target(browser)
        assert f"#{name}" == str(link.get_attribute("href")).partition("/page.html")[2]
        assert 0 <= top <= most, f"{name} is under the sections, or far below"


def test_a_verdict_leads_to_its_findings_and_to_its_site(browser, press):
    run = RECORD["runs"][0]
    card = browser.find_element(By.ID, "run-0")
    shut = "document.querySelectorAll('main details').forEach((part) => { part.open = false; })"
    browser.execute_script(shut)
    press(card.find_element(By.CSS_SELECTOR, ".card-foot a"))
    found = browser.find_element(By.CSS_SELECTOR, "details:target .finding")
    assert run["findings"][0]["what"] in found.text
    for parent in (card, found):
        browser.execute_script("document.getElementById('layers-0').open = false")
        press(parent.find_element(By.CSS_SELECTOR, "[href^='#site-']"))
        row = browser.find_element(By.CSS_SELECTOR, "tr:target")
        assert row.is_displayed()
        assert row.find_element(By.CSS_SELECTOR, "th code").text == run["findings"][0]["site"]


def test_meanings_are_those_that_a_heading_tells(browser, press):
    read = (
        "const told = (list, f) => Array.from(list, f);"
        "const table = arguments[0].parentElement.nextElementSibling.querySelector('table');"
        "const list = document.querySelector(':target + dl');"
        "return [told(table.querySelectorAll('th:has(.term)'), (h) => [h.textContent, h.title]),"
        " told(list.children, (row) => [row.children[0].textContent, row.children[1].textContent])]"
    )
    links = {link.get_attribute("href"): link for link in all_of(browser, ".tools a")}
    assert len(links) == 6
    browser.execute_script(
        "document.querySelectorAll('main details').forEach((part) => { part.open = true; })"
    )
    for link in links.values():
        press(link)
        at_headings, told = browser.execute_script(read, link)
        assert told == at_headings != []


def test_parts_open_and_close(browser):
    for part in all_of(browser, "#layers-1, #layers-1 details, #findings-1"):
        browser.execute_script("arguments[0].closest('.run').open = true", part)
        summary = part.find_element(By.TAG_NAME, "summary")
        for way in (chromium.click, by_keyboard, lambda one: one.send_keys(Keys.SPACE)):
            was = part.get_attribute("open")
            way(summary)
            assert (part.get_attribute("open") is None) != (was is None), way


def test_all_parts_open_and_close(browser, press):
    opened, closed = all_of(browser, "[data-open]")
    for button, count in ((closed, 0), (opened, len(all_of(browser, "main details"))), (closed, 0)):
        press(button)
        assert len(all_of(browser, "main details[open]")) == count


def test_a_network_is_shown_alone(browser, press):
    def faint() -> set[str]:
        return set(
            browser.execute_script(
                "const lines = Array.from(document.querySelectorAll('#flow .chart .series'));"
                "document.getAnimations().forEach((one) => one.finish());"
                "return lines.filter((e) => getComputedStyle(e).opacity < 0.5)"
                ".map((e) => e.classList[1])"
            )
        )

    for button in all_of(browser, ".legend button")[::3]:  # of both legends
        style = button.get_attribute("data-style")
        press(button)
        assert button.get_attribute("aria-pressed") == "true"
        assert faint() == {"s0", "s1", "s2", "s3"} - {f"s{style}"}
        press(button)
        assert (button.get_attribute("aria-pressed"), faint()) == ("false", set())


def test_every_map_tells_its_first_and_its_last_cell(browser):
    boxes, told = all_of(browser, ".heat-box"), ends()
    assert len(boxes) == len(told)
    for box, (first, last) in [*zip(boxes, told, strict=True)][::3]:  # of every kind
        chart, output = (box.find_element(By.TAG_NAME, name) for name in ("svg", "output"))
        box.send_keys(Keys.ARROW_RIGHT)
        assert output.text == first
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
        move = ActionBuilder(browser, duration=0)
        at = [round(x) for x in browser.execute_script(LAST, chart)]
        move.pointer_action.move_to_location(*at)
        move.perform()
        assert output.text == last


def test_a_finger_on_a_map_tells_the_cell(browser):
    (*_, box), (*_, (_, last)) = all_of(browser, ".heat-box"), ends()
    chart, output = (box.find_element(By.TAG_NAME, name) for name in ("svg", "output"))
    box.send_keys(Keys.ARROW_LEFT)
    assert output.text != last
    tap = f"const at = (() => {{ {LAST} }})(); arguments[0].dispatchEvent("
    tap += "new PointerEvent('pointerdown', {clientX: at[0], clientY: at[1]}))"
    browser.execute_script(tap, chart)
    assert output.text == last, "it does not move"


LAST = """
const chart = arguments[0], box = chart.getBoundingClientRect(), data = chart.dataset;
const unit = 480 / box.width, rows = data.cells.split(";").length;
const x = Number(data.left) + Number(data.step) * (data.places.split("|").length - 0.5);
const y = Number(data.top) + Number(data.height) * (rows - 0.5);
return [box.left + x / unit, box.top + y / unit];
"""


def ends() -> list[tuple[str, str]]:
    """Word the first and the last cell of each map, in the order of the page."""
    told = []
    for run in RECORD["watched"]:
        for key in ("rms_d_pre", "rms_post", "silent", "saturated"):
            cells = []
            for j in (0, -1):
                site = run["sites"][j]
                value = site[key][j] / (site["units"] if key == "silent" else 1)
                place = text.number(run["steps"][j])
                cells.append(f"{site['id']}, step {place}: {text.number(value)}")
            told.append((cells[0], cells[1]))
    for run in RECORD["runs"]:
        a, z = run["sites"][0], run["sites"][-1]
        least, most = min(a["alive"]) / a["n"], max(z["alive"]) / z["n"]
        first = f"{a['id']}, rank 1: {text.number(least)}"
        told.append((first, f"{z['id']}, rank 100: {text.number(most)}"))
    return told


def test_a_wide_table_is_moved_sideways(browser, press):
    chromium.resize(browser, 390, 900)
    box = all_of(browser, ".scroll")[0]
    browser.execute_script("arguments[0].scrollLeft = 0", box)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
    if press is chromium.click:
        origin = ScrollOrigin.from_element(box)
        ActionChains(browser, duration=0).scroll_from_origin(origin, 60, 0).perform()
    else:
        box.send_keys(Keys.ARROW_RIGHT)
    WebDriverWait(browser, 5).until(lambda _: box.get_property("scrollLeft") != 0)
    chromium.resize(browser, 1280, 900)


HERE, DOWNLOADS = Path(__file__).name, "test_downloads_browser.py"
CONTROLS = {
    "a.skip": (HERE, "test_the_first_link_skips_to_the_verdict"),
    "nav a": (HERE, "test_sections_are_reached"),
    ".card-foot a, .todo a, .where a": (
        HERE,
        "test_a_verdict_leads_to_its_findings_and_to_its_site",
    ),
    ".tools a": (HERE, "test_meanings_are_those_that_a_heading_tells"),
    "summary": (HERE, "test_parts_open_and_close"),
    "button[data-open]": (HERE, "test_all_parts_open_and_close"),
    ".legend button": (HERE, "test_a_network_is_shown_alone"),
    ".heat-box[tabindex='0']": (HERE, "test_every_map_tells_its_first_and_its_last_cell"),
    ".scroll[tabindex='0']": (HERE, "test_a_wide_table_is_moved_sideways"),
    "button[data-csv]": (
        DOWNLOADS,
        "test_every_table_is_downloaded_with_the_numbers_of_the_record",
    ),
    "button[data-download]": (DOWNLOADS, "test_the_record_is_downloaded"),
}
