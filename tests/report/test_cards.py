"""Do table, plot and picture show the numbers they are given, and only those?"""

import math
import re
from xml.etree import ElementTree

import pytest

from relu_jax.report.cards import Panel, activation_table, picture, plot_text, simplified

RELU = Panel("f", [[(-2.0, 0.0), (0.0, 0.0)], [(0.0, 0.0), (2.0, 2.0)]], [(0.0, 0.0)])
ROW = {
    "name": "relu", "formula": "max(x, 0)", "range": "[0, inf)", "mean": 0.398942,
    "gain": 1.414214, "kinks": (0.0,),
}  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def drawn(*panels):
    return ElementTree.fromstring(picture("a <title>", panels))


def test_a_table_has_a_line_per_row_and_aligned_columns():
    other = ROW | {"name": "step", "gain": None, "kinks": (-1.0, 2.5)}
    lines = activation_table([ROW, other]).splitlines()
    assert [line.split()[0] for line in lines] == ["name", "relu", "step"]
    assert lines[1].endswith("1.414  0")
    assert lines[2].endswith("–      -1, 2.5")
    assert lines[0].index("range") == lines[1].index("[0") == lines[2].index("[0")


def test_a_long_formula_is_cut_to_the_width():
    long = ROW | {"formula": "x + " * 60}
    lines = activation_table([ROW, long], width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" in lines[2]
    assert "max(x, 0)" in lines[1]


def test_a_plot_is_ascii_and_follows_the_curve():
    lines = plot_text([RELU, RELU._replace(name="f'")]).splitlines()
    assert all(line.isascii() for line in lines)
    assert len(lines) == 2 * 7 + 1
    first = [line.split("|", 1)[1] for line in lines[:7]]
    assert first[0].rstrip().endswith("*")
    assert len(first[0].rstrip()) == 64
    assert first[6].startswith("*" * 30)
    assert lines[0].startswith("f       2 |")
    assert lines[-1].split() == ["-2", "2"]


def test_a_plot_of_what_is_not_finite_leaves_it_out():
    odd = Panel("f", [[(-1.0, math.nan), (0.0, 1.0), (0.5, math.inf), (1.0, 2.0)]])
    assert "*" in plot_text([odd])
    assert len(drawn(odd).findall(f".//{SVG}text")) > 1


def test_a_picture_stands_alone_and_names_its_panels():
    root = drawn(RELU, RELU._replace(name="f'"))
    assert root.get("aria-label") == "a <title>"
    assert root.find(f"{SVG}style") is not None
    titles = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "t"]
    assert titles == ["f", "f'"]


def test_a_line_falls_where_its_values_fall():
    root = drawn(RELU)
    lines = [path.get("d") for path in root.iter(f"{SVG}path") if path.get("class") == "l"]
    assert len(lines) == 2  # one per piece: no line across a jump
    points = [tuple(map(float, p.split())) for d in lines for p in re.split("[ML]", d)[1:]]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    assert x0 < x1 == x2 < x3
    assert y0 == y1 == y2 > y3
    assert x1 == pytest.approx((x0 + x3) / 2, abs=0.11)
    [dot] = root.iter(f"{SVG}circle")
    assert (float(dot.get("cx")), float(dot.get("cy"))) == (x1, y1)


def test_a_singularity_does_not_flatten_the_rest():
    steep = [(0.001 * i, 1 / (1e-9 + 0.001 * i)) for i in range(1000)]
    root = drawn(Panel("f'", [steep]))
    labels = [t.text for t in root.iter(f"{SVG}text") if t.get("text-anchor") == "end"]
    assert max(float(label.replace(",", "")) for label in labels) < 1e3


def test_points_on_a_line_are_left_out():
    line = [(0.1 * i, 0.2 * i) for i in range(100)]
    assert simplified(line) == [line[0], line[-1]]
    bent = [*line, (20.0, 0.0)]
    assert simplified(bent) == [line[0], line[-1], (20.0, 0.0)]
    wave = [(0.1 * i, 20 * math.sin(0.1 * i)) for i in range(200)]
    kept = simplified(wave, within=0.5)
    assert 10 < len(kept) < 100
    for x, y in wave:
        left = max(p for p in kept if p[0] <= x)
        right = min(p for p in kept if p[0] >= x)
        share = (x - left[0]) / (right[0] - left[0]) if right[0] > left[0] else 0.0
        assert abs(left[1] + share * (right[1] - left[1]) - y) <= 0.5
