"""Is all of the page seen, at four widths and in both themes, and soon?

Nothing is cut off or covered, no text is faint or tiny, nothing to press is too small for a
finger, and colour is never alone to tell one thing from another.
"""

import pytest
from selenium import webdriver

from relu_jax import report
from tests.report import cases, chromium, trained

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1280, 1920)


@pytest.fixture(scope="module")
def browser(browser, tmp_path_factory):
    """One page for all tests of this file, all its parts open, long names among the others."""
    record = trained.everything()
    for i, variant in enumerate(record["tried"][0]["variants"]):
        variant["name"] = f"leaky_rectified_linear → gelu_approximate {i}"
    run = record["watched"][0]
    run["steps"] = [1000 * step for step in run["steps"]]
    for i, site in enumerate(run["sites"]):
        site["id"] = f"TransformerEncoder/layers/{i}"
    file = tmp_path_factory.mktemp("page") / "page.html"
    report.write(record, file)
    chromium.show(browser, file, 1280, 900)
    shown = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"
    browser.execute_script(shown)
    yield browser
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_everything_is_seen(browser, width, scheme):
    chromium.resize(browser, width, 900)
    paint(browser, scheme)
    assert browser.execute_script(COMPLAINTS) == []


def paint(browser: webdriver.Chrome, scheme: str) -> None:
    feature = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})


SPOILT = (
    (".chart .tick { font-size: 3px; }", "small"), (".muted { color: #aaa; }", "faint"),
    (".chart .cell-text { fill: #88a; }", "faint"), (".tools a { padding: 0; }", "pressed"),
    ("table { position: absolute; left: 900px; width: 900px; }", "sideways"),
    (".chart .axis { font-size: 60px; }", "covers"),
    (".note { height: 9px; overflow: hidden; }", "cut"),
    (".heat-name { transform: translateX(-300px); }", "outside"),
)  # fmt: skip


def test_what_is_not_seen_would_be_noticed(browser):
    chromium.resize(browser, 1280, 900)
    paint(browser, "light")
    browser.execute_script(
        "const sheet = new CSSStyleSheet(); sheet.replaceSync(arguments[0]);"
        "document.adoptedStyleSheets = [sheet]",
        " ".join(rule for rule, _ in SPOILT),
    )
    found = [line.split()[0] for line in browser.execute_script(COMPLAINTS)]
    assert set(found) == {complaint for _, complaint in SPOILT}
    browser.execute_script("document.adoptedStyleSheets = []")


COMPLAINTS = r"""
const found = new Set(), wide = document.documentElement.clientWidth;
const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
const box = (e) => e.getBoundingClientRect();
const seen = (e) => box(e).width > 0 && !e.closest(".sr, .skip, .symbols, script, style, title");
const own = (e) => Array.from(e.childNodes, (n) => n.nodeType === 3 ? n.data : "").join("").trim();
const say = (what, e) => found.add(`${what} ${e.tagName}.${e.getAttribute("class")} ${own(e)}`);
if (document.documentElement.scrollWidth > wide) { found.add("sideways"); }

all("body *").filter((e) => e instanceof HTMLElement && seen(e)).forEach((e) => {
  const style = getComputedStyle(e);
  const clamped = style.webkitLineClamp !== "none" || e.matches(".spark figcaption span");
  if (style.overflowY === "hidden" && e.scrollHeight > e.clientHeight + 2 && !clamped) {
    say("cut", e);
  }
  if (e.matches("a[href], button, summary") && Math.min(box(e).width, box(e).height) < 24) {
    say("pressed", e);
  }
});

all("svg.chart").filter(seen).forEach((chart) => {
  const texts = all("text", chart).filter((e) => own(e) && seen(e));
  const unit = box(chart).width / chart.viewBox.baseVal.width;
  texts.forEach((e, i) => {
    if (parseFloat(getComputedStyle(e).fontSize) * unit < 9) { say("small", e); }
    if (box(e).left < 4 || box(e).right > wide - 4) { say("outside", e); }
    texts.slice(i + 1).forEach((other) => {
      const [a, b] = [box(e), box(other)];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 0.4 * a.height) { say("covers", e); }
    });
  });
});

const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
const over = (top, share, under) => under.slice(0, 3)
  .map((c, i) => top[i] * share + c * (1 - share));
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const colour = parts(getComputedStyle(e).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) { return colour; }
  }
  return [255, 255, 255];
};
const light = (colour) => {
  const [r, g, b] = colour.map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
};
all("body *").filter((e) => own(e) && seen(e)).forEach((e) => {
  const style = getComputedStyle(e), drawn = e.closest("svg.chart");
  let under = ground(drawn ? drawn.parentElement : e);
  if (e.matches(".cell-text")) { // on its cell, or on its own rim
    const cell = e.previousElementSibling, look = getComputedStyle(cell);
    const share = look.fill === "none" ? 0 : Number(look.fillOpacity);
    if (share) { under = over(parts(look.fill), share, under); }
    if (e.matches(".strong")) { under = parts(style.stroke); }
  }
  const ink = parts(drawn ? style.fill : style.color);
  const pair = [ink, under].map((colour) => light(colour.slice(0, 3)));
  if (Math.max(...pair) / Math.min(...pair) < 4.5) { say("faint", e); }
});
return Array.from(found);
"""


def test_colour_is_never_alone(browser):
    told = browser.execute_script(
        "const all = (s, e = document) => Array.from(e.querySelectorAll(s));"
        "const charts = all('.chart:not(.heat)').map((chart) => all('.series', chart)"
        ".filter((line) => line.querySelector('.line')));"
        "return charts.filter((lines) => lines.length > 1).map((lines) =>"
        " lines.map((line) => [line.classList[1], all('.mark', line).length]))"
    )
    assert len(told) >= 9
    for lines in told:
        assert all(marks for _, marks in lines), "a line without a mark"
    keys = "const own = (e) => e.closest('button, summary, th, h3, p');"
    keys += "return Array.from(document.querySelectorAll('.key'), (e) => own(e).textContent.trim())"
    assert all(browser.execute_script(keys)), "a mark without a name beside it"
    badges = "return Array.from(document.querySelectorAll('.badge'), (e) => e.textContent)"
    words = {"Critical", "Warning", "Healthy"}
    assert set(browser.execute_script(badges)) == words, "a severity is a word, too"


def test_every_map_has_a_legend_with_numbers(browser):
    legends = browser.execute_script(
        "return Array.from(document.querySelectorAll('svg.heat'), (chart) =>"
        " Array.from(chart.querySelectorAll('.tick.middle[y=\"24\"]'), (e) => e.textContent))"
    )
    assert len(legends) == 16
    assert legends.count(["0", "0.5", "1"]) == 12
    assert legends[0] == ["10⁻⁷", "10⁻⁵", "10⁻³"]


def test_a_large_page_is_seen_within_a_second(browser, tmp_path):
    watched = trained.watched(layers=20, steps=1000)
    file = tmp_path / "page.html"
    report.write(cases.wide(20, 2) | {"watched": [watched]}, file)
    assert file.stat().st_size < 1_500_000
    seen = []
    for _ in range(3):  # others use the machine, too
        chromium.show(browser, file, 1280, 900)
        seen.append(browser.execute_async_script(FIRST))
        if seen[-1] < 1000:
            break
    assert min(seen) < 1000, f"first contentful paint after {seen} ms"


FIRST = """
const done = arguments[0];
new PerformanceObserver((list) => {
  const paint = list.getEntries().find((one) => one.name === "first-contentful-paint");
  if (paint) { done(paint.startTime); }
}).observe({ type: "paint", buffered: true });
"""
