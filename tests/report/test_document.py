"""Is the page one closed file in which every name is text?"""

import base64
import collections
import hashlib
import html.parser
import json
import re
import subprocess
import sys

import pytest

from relu_jax import report
from relu_jax.core import strict_json
from relu_jax.core.errors import UsageError
from relu_jax.report import document, text
from tests.report import cases, trained

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(html.parser.HTMLParser):
    """Collect elements, attributes and text, and check that elements close in order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.open = collections.Counter(), [], []
        self.texts, self.raw = [], collections.defaultdict(list)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *pair) for pair in attrs]
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.raw[self.open[-1]].append(data)
        else:
            self.texts.append(data)


def parsed(content):
    reader = Reader()
    reader.feed(content)
    reader.close()
    assert reader.open == []
    return reader


def benign(case):
    """Build a hostile report with plain names: the same page, but for the texts."""
    plain = {name: f"name{i}" for i, name in enumerate(cases.HOSTILE)}

    def rename(x):
        if isinstance(x, dict):
            return {plain.get(k, k): rename(v) for k, v in x.items()}
        if isinstance(x, list):
            return [rename(v) for v in x]
        suffix = isinstance(x, str) and x.endswith("/p") and plain.get(x[:-2], "")
        return suffix + "/p" if suffix else plain.get(x, x) if isinstance(x, str) else x

    return rename(case())


CASES = [
    cases.example, cases.hostile, cases.broken, cases.single, cases.wide,
    trained.whole, trained.report, trained.hostile, trained.broken,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_page_is_well_formed_and_closed(case):
    read = parsed(report.page(case()))
    for _, name, value in read.attributes:
        assert not name.startswith("on"), name
        assert name != "style", "an inline style is against the policy"
        if name in ("href", "src", "action", "srcset", "data"):
            assert value.startswith("#") or value == "data:,"
    assert read.tags["script"] == 2
    assert read.tags["style"] == 1
    assert not {"img", "iframe", "object", "embed", "form", "base"} & set(read.tags)
    ids = [value for _, name, value in read.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    targets = {
        value[1:] for tag, name, value in read.attributes if name == "href" and tag != "link"
    }
    assert targets <= set(ids)


@pytest.mark.parametrize("case", [cases.hostile, trained.hostile])
def test_hostile_names_add_no_element_and_no_attribute(case):
    hostile, plain = parsed(report.page(case())), parsed(report.page(benign(case)))
    assert hostile.tags == plain.tags
    assert collections.Counter(a[:2] for a in hostile.attributes) == collections.Counter(
        a[:2] for a in plain.attributes
    )


def test_without_autoescape_hostile_names_would_be_noticed(monkeypatch):
    document._environment.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(document._environment(), "autoescape", False)
        naked = report.page(cases.hostile())
    document._environment.cache_clear()
    assert "<script>alert(1)</script>" in naked
    assert "<script>alert(1)</script>" not in report.page(cases.hostile())


@pytest.mark.parametrize("name", cases.HOSTILE, ids=lambda name: ascii(name[:16]))
def test_hostile_names_are_found_as_text_in_full(name):
    read = parsed(report.page(cases.hostile()))
    assert text.visible(name) in {t.strip(" ") for t in read.texts}
    assert "\u202e" not in "".join(read.texts)


def test_the_policy_allows_the_inline_blocks_by_their_sums_and_nothing_else():
    content = report.page(cases.single())
    read = parsed(content)
    policy = next(value for _, name, value in read.attributes if "default-src" in str(value))
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules.pop("default-src") == rules.pop("base-uri") == rules.pop("form-action") == "'none'"
    assert rules.pop("img-src") == "data:"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        digest = hashlib.sha256(read.raw[tag][-1].encode()).digest()
        assert rules.pop(rule) == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert rules == {}
    assert content.index("Content-Security-Policy") < content.index("<style>")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_embedded_record_is_the_report(case):
    read = parsed(report.page(case()))
    embedded = read.raw["script"][0]
    assert not set("<>&") & set(embedded)
    assert strict_json.from_json(embedded) == strict_json.from_json(
        strict_json.to_json(case())
    ) or case in (cases.broken, trained.broken)
    assert json.loads(embedded) == json.loads(strict_json.to_json(case()))


def test_the_same_report_gives_the_same_page():
    assert report.page(cases.example()) == report.page(cases.example())


def test_a_large_report_stays_under_a_megabyte_and_a_half():
    assert len(report.page(cases.wide(20, 8)).encode()) < 1_500_000
    watched = cases.wide(20, 2) | {"watched": [trained.watched(layers=20, steps=1000)]}
    assert len(report.page(watched).encode()) < 1_500_000


@pytest.mark.parametrize("layers", [0, 1, 200])
def test_any_depth_is_drawn(layers):
    made = cases.wide(max(layers, 1), 2)
    for run in made["runs"]:
        run["sites"] = run["sites"][:layers]
    assert len(parsed(report.page(made)).tags) > 20


def test_twenty_groups_and_no_run():
    assert "network 19" in report.page(cases.wide(2, 20))
    assert "This report holds no run." in report.page(cases.report([]))


def test_nothing_in_the_page_or_its_sources_names_a_network_address():
    content = report.page(cases.example())
    assert re.findall(r"https?:|//[a-z]|@import|url\(", content) == []


def test_what_is_no_report_is_refused():
    with pytest.raises(
        UsageError, match=r"a report has schema 'relu_jax.report/1'; got str 'x'; pass"
    ):
        report.page({"schema": "x", "runs": []})
    with pytest.raises(UsageError, match="runs are a list of run dictionaries; got None"):
        report.page({"schema": "relu_jax.report/1"})


def test_drawing_needs_no_jax():
    code = (
        "import sys; from relu_jax import report; "
        "report.page({'schema': 'relu_jax.report/1', 'runs': []}); "
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_what_they_stand_on(scheme):
    style = parsed(report.page(cases.single())).raw["style"][0]
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    for name in ("ink", "muted", "link", "critical", "warning", "info", "healthy"):
        for ground in ("paper", "raised"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name in ("critical", "warning", "healthy"):
        for text_colour in ("ink", "muted", "link", name):
            assert contrast(colours[text_colour], colours[f"{name}-tint"]) >= 4.5, (
                name,
                text_colour,
            )
    for style_index in range(8):
        assert contrast(colours[f"s{style_index}"], colours["paper"]) >= 2.4
