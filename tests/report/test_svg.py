"""Do scales hold every value, and does no text leave its element?"""

import itertools
import math
import random
from xml.etree import ElementTree

import pytest

from relu_jax.report import svg
from tests.report.cases import HOSTILE

AWKWARD = [None, math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 5e-324, 1e308]


def test_states_name_what_cannot_be_drawn():
    assert [svg.state(v, log=True) for v in AWKWARD] == [
        "none", "nan", "inf", "-inf", "0", "0", "<0", "", "",
    ]  # fmt: skip
    assert [svg.state(v, log=False) for v in AWKWARD[4:]] == [""] * 5
    assert svg.state("0.5", log=False) == "none"


@pytest.mark.parametrize("log", [True, False])
def test_a_scale_places_its_values_inside_and_in_order(log):
    drawn = random.Random(1)
    for size in (1, 2, 50):
        values = [10 ** drawn.uniform(-300, 300) for _ in range(size)]
        fitted = svg.scale([*values, *AWKWARD[:4]], log=log).over(10, 90)
        places = [fitted.at(v) for v in sorted(values)]
        assert all(10 - 1e-9 <= at <= 90 + 1e-9 for at in places)
        assert all(a <= b for a, b in itertools.pairwise(places))


def test_a_log_scale_is_linear_in_the_exponent():
    fitted = svg.scale([1e-6, 1.0], log=True).over(0, 60)
    assert [round(fitted.at(10.0**e), 9) for e in (-6, -3, 0)] == [0, 30, 60]


DEGENERATE = [[], [0.0], [0.5, 0.5], [1e308, -1e308], [math.nan], [1.0, 1.0 + 1e-15], [5e-324]]


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("values", DEGENERATE, ids=str)
def test_degenerate_ranges_have_a_length_and_a_few_ticks(values, log):
    fitted = svg.scale(values, log=log).over(0, 100)
    assert fitted.high > fitted.low
    for most in (4, 6):
        ticks = svg.ticks(fitted, most)
        assert 1 <= len(ticks) <= 2 * most
        assert all(-1e-6 <= at <= 100 + 1e-6 for at, _ in ticks)
        assert len({label for _, label in ticks}) == len(ticks) or values == [1.0, 1.0 + 1e-15]


def test_a_flat_curve_stays_flat_on_a_log_scale():
    fitted = svg.scale([0.5, 0.6], log=True, decades=2)
    assert fitted.high - fitted.low == 2


def test_rounding_widens_to_ticks_and_leaves_log_scales():
    widened = svg.rounded(svg.Scale(0.11, 0.79, False))
    assert (widened.low, widened.high) == (0.0, 0.8)
    log = svg.scale([1e-3, 1.0], log=True)
    assert svg.rounded(log) == log


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:16]))
def test_text_and_attributes_are_escaped(name):
    drawn = svg.drawing(
        1, 1, name, [svg.element("text", name, class_=name), svg.marker(0, 0, 0, name)]
    )
    root = ElementTree.fromstring(drawn)
    assert [child.tag for child in root.iter()] == ["svg", "text", "circle", "title"]
    assert set(root[0].attrib) == {"class"}
    assert root[0].text == root[1][0].text == root.attrib["aria-label"]


@pytest.mark.parametrize("style", range(9))
def test_marks_stand_where_they_are_put(style):
    assert svg.marker(style, 1.0, 2.0) == svg.marker(style + 8, 1.0, 2.0)
    assert "<title>" not in svg.marker(style, 1.0, 2.0)


def test_the_eight_marks_differ_in_form():
    assert len({svg.marker(style, 5.0, 5.0) for style in range(8)}) == 8


def test_coordinates_are_short():
    assert svg.path([(1 / 3, -0.01), (2.0, 1e4)]) == "M0.3 0L2 10000"
