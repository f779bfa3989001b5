"""Do the histograms show where the counts are, and say what they leave out?"""

import math
import re
from xml.etree import ElementTree

import pytest

from relu_jax.report.ridges import Ridge, ridge, ridge_chart, span

EDGES = tuple(float(e) for e in range(11))
PEAK = Ridge(EDGES, (0, 0, 1, 2, 9, 2, 1, 0, 0, 0), 0, 0, 0, "peak")


def drawn(*ridges, bounds=(0.0, 10.0), magnitudes=False):
    return ElementTree.fromstring(ridge_chart(ridges, bounds, 0, "label", magnitudes=magnitudes))


def steps(root):
    """Read the outline back: (left edge, height) of every step."""
    area = next(e.get("d") for e in root.iter("path") if e.get("class") == "area")
    return [(float(x), float(y)) for x, y in re.findall(r"H([\d.]+)V([\d.]+)", area)]


def test_the_outline_stands_over_the_bins_to_scale():
    outline = steps(drawn(PEAK))
    base = outline[-1][1]
    heights = [round(base - y, 1) for _, y in outline]
    assert max(heights) == heights[2]
    assert heights[1] / heights[2] == pytest.approx(2 / 9, abs=0.01)
    width = (outline[3][0] - outline[2][0]) / 1
    assert outline[2][0] == pytest.approx(34 + 4 * width, abs=0.2)


def test_unequal_bins_are_drawn_by_density():
    outline = steps(drawn(Ridge((0.0, 1.0, 10.0), (5, 45), 0, 0, 0, "flat")))
    assert len(outline) == 2, "equal densities make one step"


def test_span_cuts_tails_but_never_the_body():
    assert span([PEAK]) == (2.0, 7.0)
    long_tail = PEAK._replace(counts=(1, 0, 0, 0, 1_000_000, 0, 0, 0, 0, 0))
    assert span([long_tail]) == (4.0, 5.0)
    assert span([PEAK, PEAK._replace(edges=tuple(e + 20 for e in EDGES))]) == (2.0, 27.0)
    assert span([]) == span([PEAK._replace(counts=(0,) * 10)]) == (0.0, 1.0)


def test_zeros_stand_as_a_bar_of_their_share():
    bars = [float(e.get("height")) for e in drawn(PEAK._replace(zeros=45)).iter("rect")]
    assert bars == [pytest.approx(0.85 * 24 * 1.7 * 0.75, abs=0.1)]
    assert list(drawn(PEAK).iter("rect")) == []


BROKEN = [
    None,
    {},
    {"edges": [0.0, 1.0], "counts": [1, 2]},
    {"edges": [0.0, math.nan], "counts": [1]},
    {"edges": [0.0, None], "counts": [1]},
    {"edges": [], "counts": [], "below": 4},
]


@pytest.mark.parametrize("histogram", BROKEN, ids=str)
def test_what_does_not_fit_together_is_drawn_empty(histogram):
    read = ridge(histogram, "site 1")
    assert read.counts == ()
    root = drawn(read, PEAK)
    assert sum(e.get("class") == "area" for e in root.iter("path")) == 1


def test_counts_outside_the_bounds_leave_a_base_line():
    root = drawn(PEAK, bounds=(100.0, 200.0))
    assert [e.get("class") for e in root.iter("line")].count("base") == 1


@pytest.mark.parametrize("count", [0, 1, 200])
def test_height_is_limited(count):
    root = drawn(*[PEAK] * count)
    assert float(root.get("viewBox").split()[3]) < 1_100
    assert sum(e.get("class") == "area" for e in root.iter("path")) == count


def test_magnitudes_are_labelled_as_powers_of_ten():
    texts = [e.text for e in drawn(PEAK, bounds=(-8.4, 0.5), magnitudes=True).iter("text")]
    assert {"1", "10⁻²", "10⁻⁸"} <= set(texts)


def test_bounds_without_length_are_widened():
    assert list(drawn(PEAK, bounds=(3.0, 3.0)).iter("path"))
