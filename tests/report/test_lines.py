"""Does a line chart show every value it is given, also those that have no place?"""

import math
from xml.etree import ElementTree

import pytest

from relu_jax.report import svg
from relu_jax.report.lines import Frame, Series, line_chart, spark_line, thin


def chart(*lines, log=True):
    y = svg.scale((v for one in lines for v in one.y), log=log)
    x = svg.scale((v for one in lines for v in one.x), log=False)
    return ElementTree.fromstring(line_chart(lines, Frame("label", x, y, "site", "RMS")))


def found(root, tag, css):
    return [e for e in root.iter(tag) if css in e.get("class", "").split()]


def of(values, style=0):
    return Series(style, tuple(range(1, len(values) + 1)), tuple(values))


def test_a_line_falls_where_its_values_fall():
    root = chart(of([1e-6, 1e-3, 1.0]))
    marks = [(float(m.get("cx")), float(m.get("cy"))) for m in found(root, "circle", "mark")]
    assert marks[0][1] > marks[1][1] > marks[2][1]
    middle = (marks[0][1] + marks[2][1]) / 2
    assert marks[1][1] == pytest.approx(middle, abs=0.11)
    assert len(found(root, "path", "line")) == 1


def test_gaps_are_marked_on_named_rails_and_break_the_line():
    values = [0.1, math.nan, 0.1, math.inf, 0.1, 0.0, 0.1, None, 0.1, -math.inf, -1.0]
    root = chart(of(values))
    assert len(found(root, "path", "gap")) == 6
    assert {t.text for t in found(root, "text", "gap-name")} == {
        "∞",
        "NaN",
        "0",
        "< 0",
        "-∞",
        "n/a",
    }
    assert len(found(root, "path", "line")) == 5


def test_a_linear_scale_draws_zero_and_negative_values():
    root = chart(of([0.0, -1.0, 1.0]), log=False)
    assert found(root, "path", "gap") == []


@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_any_number_of_sites(count):
    root = chart(of([0.5] * count))
    assert len(found(root, "path", "line")) == min(count, 1)
    assert len(found(root, "circle", "mark")) == (count if count <= 40 else 0)
    ticks = [t.text for t in found(root, "text", "tick") if "middle" in t.get("class")]
    assert len(ticks) <= 13


def test_long_curves_are_told_apart_by_marks():
    root = chart(of([1.0] * 200, 0), of([2.0] * 200, 1))
    (first,), (second,) = found(root, "g", "s0"), found(root, "g", "s1")
    circles, squares = found(first, "circle", "mark"), found(second, "path", "mark")
    assert len(circles) == len(squares) == 8
    assert found(chart(of([1.0] * 200)), "circle", "mark") == [], "one alone needs none"


def test_no_series_gives_an_empty_frame():
    assert found(chart(), "path", "line") == []


def test_each_series_has_its_own_style_and_form():
    root = chart(of([1.0, 2.0], 0), of([2.0, 3.0], 1))
    assert len(found(root, "g", "s0")) == len(found(root, "g", "s1")) == 1
    assert len(found(root, "circle", "mark")) == 2


def test_sparks_end_in_dots_and_mark_gaps():
    y = svg.scale([1e-3, 1.0], log=True)
    root = ElementTree.fromstring(spark_line([1e-3, math.nan, 0.0, 1.0], y, 2, "flow"))
    assert len(found(root, "path", "gap")) == 2
    assert len(found(root, "circle", "mark")) == 2
    assert "<circle" not in spark_line([], y, 0, "empty")
    assert spark_line([None], y, 0, "none").count('class="gap"') == 1


def test_thinning_keeps_the_ends_and_every_change_of_state():
    values = [1.0] * 5_000
    values[1_234], values[4_321] = math.nan, math.inf
    kept = thin(Series(3, tuple(range(5_000)), tuple(values)))
    assert {0, 1_233, 1_234, 1_235, 4_321, 4_999} <= set(kept.x)
    assert len(kept.x) < 260
    assert kept.style == 3
    assert [values[i] for i in kept.x if math.isfinite(values[i])] == [
        v for v in kept.y if v is not None and math.isfinite(v)
    ]


def test_thinning_leaves_short_and_uneven_curves():
    assert thin(Series(0, (1, 2, 3), (0.1, 0.2))) == Series(0, (1, 2), (0.1, 0.2))
    assert thin(Series(0, (), ())).x == ()


def test_a_curve_that_flickers_stays_bounded():
    flicker = tuple(math.nan if i % 2 else 1.0 for i in range(10_000))
    assert len(thin(Series(0, tuple(range(10_000)), flicker)).x) <= 960
