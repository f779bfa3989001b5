"""Is each share drawn as dark as it is large, and is what is missing seen to be missing?"""

import math
from xml.etree import ElementTree

import pytest

from relu_jax.report.strips import Row, strips


def cells(*rows):
    root = ElementTree.fromstring(strips(rows, "label"))
    boxes = [e for e in root.iter("rect") if "legend-cell" not in e.get("class")]
    return boxes, [e.text for e in root.iter("text")]


def test_shade_grows_with_the_share_and_percents_are_written():
    boxes, texts = cells(Row("net", "after training", 0, (0.0, 0.25, 0.999, 1.0)))
    shades = [float(b.get("fill-opacity")) for b in boxes]
    assert shades == sorted(shades)
    assert shades[0] < 0.1
    assert shades[-1] == 1.0
    assert {"25", "100", "trained", "net"} <= set(texts)


def test_almost_none_and_almost_all_are_told_from_none_and_all():
    _, texts = cells(Row("net", "", 0, (0.0, 4e-4, 0.9996, 1.0)))
    assert texts[2:-4] == ["<1", ">99", "100"]


def test_missing_and_broken_cells_are_marked():
    boxes, texts = cells(Row("net", "", 0, (None, math.nan, math.inf)))
    assert [b.get("class") for b in boxes] == ["cell none", "cell bad", "cell bad"]
    assert "–" in texts
    assert texts.count("×") == 2


def test_shares_outside_their_range_stay_in_the_picture():
    boxes, _ = cells(Row("net", "", 0, (-1.0, 7.0)))
    assert [float(b.get("fill-opacity")) for b in boxes] == [0.08, 1.0]


@pytest.mark.parametrize("count", [1, 8, 40, 200])
def test_cells_fill_the_width_and_never_leave_it(count):
    boxes, texts = cells(Row("net", "", 0, (0.5,) * count))
    assert len(boxes) == count
    assert max(float(b.get("x")) + float(b.get("width")) for b in boxes) <= 360.1
    assert texts.count("50") >= (count if count <= 12 else 0)
    assert ("100 %" in texts) == (count > 12), "shades without numbers have a legend"


def test_a_group_has_one_heading_and_no_site_is_said():
    _, texts = cells(Row("net", "a", 0, ()), Row("net", "b", 0, ()), Row("other", "", 1, ()))
    assert texts.count("net") == 1
    assert texts.count("no site") == 3


def test_no_rows_at_all():
    assert cells() == ([], [])
