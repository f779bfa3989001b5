"""Is each cell as strong as its value is large, and is its value in words that of the record?"""

import itertools
import math
from xml.etree import ElementTree

import pytest

from relu_jax.report import svg
from relu_jax.report.heat import Map, heat_map


def drawn(*rows, log=False, scale=None, places=None):
    width = len(rows[0]) if rows else 0
    of = Map(tuple(f"row {i}" for i in range(len(rows))), tuple(places or range(width)), rows)
    scale = scale or svg.scale((v for row in rows for v in row), log=log)
    return ElementTree.fromstring(heat_map(of, scale, "label", "step"))


def cells(root):
    """Give class, shade and width of each run of cells, without the legend and the cursor."""
    return [
        (e.get("class"), float(e.get("fill-opacity") or "nan"), float(e.get("width")))
        for e in list(root.iter("rect"))[24:-1]
    ]


def words(root):
    return [row.split("|") for row in root.get("data-cells").split(";")]


def test_shades_grow_with_the_value():
    shades = [shade for _, shade, _ in cells(drawn((0.0, 0.25, 0.5, 1.0)))]
    assert shades == sorted(shades)
    assert (shades[0], shades[-1]) == (0.08, 1.0)


def test_shades_of_a_log_scale_grow_with_the_power():
    shades = [shade for _, shade, _ in cells(drawn((1e-4, 1e-3, 1e-2, 1e-1, 1.0), log=True))]
    steps = [b - a for a, b in itertools.pairwise(shades)]
    assert max(steps) - min(steps) < 0.05


def test_the_legend_says_both_ends_and_the_middle():
    def legend(**options):
        texts = [e for e in drawn((1e-7, 1e-3), **options).iter("text") if e.get("y") == "24"]
        return [e.text for e in texts]

    assert legend(log=True) == ["10⁻⁷", "10⁻⁵", "10⁻³"]
    assert legend(scale=svg.Scale(0, 1, False)) == ["0", "0.5", "1"]


def test_cells_of_a_row_touch_and_do_not_overlap():
    root = drawn(tuple(float(i) for i in range(77)))
    boxes = [(float(e.get("x")), float(e.get("width"))) for e in list(root.iter("rect"))[24:-1]]
    for (x, width), (following, _) in itertools.pairwise(boxes):
        assert x + width == pytest.approx(following, abs=1e-9)


def test_neighbours_of_one_shade_are_one_rectangle():
    kinds = cells(drawn((1.0, 1.0, 1.0, 0.0)))
    assert len(kinds) == 2
    assert kinds[0][2] == pytest.approx(3 * kinds[1][2], rel=0.01)


def test_what_has_no_place_on_the_scale_is_seen():
    root = drawn((None, math.nan, math.inf, 0.0, 1.0), log=True)
    assert [kind for kind, *_ in cells(root)] == ["cell none", "cell bad", "cell", "cell"]
    assert words(root) == [["–", "NaN", "∞", "0", "1"]]


def test_many_places_are_medians_of_neighbours():
    values = tuple(float(i) for i in range(1000))
    root = drawn(values, places=range(0, 10_000, 10))
    (row,), places = words(root), root.get("data-places").split("|")
    assert (len(row), len(places)) == (100, 100)
    assert (row[0], row[99]) == ("4.5", "994.5")
    assert (places[0], places[99]) == ("steps 0–90", "steps 9,900–9,990")


def test_one_value_that_is_not_finite_marks_its_group():
    values = [1.0] * 200
    values[57] = math.nan
    assert words(drawn(tuple(values)))[0][28] == "NaN"


def test_a_value_beyond_the_scale_has_the_end_of_it():
    shades = [s for _, s, _ in cells(drawn((-5.0, 7.0), scale=svg.Scale(0, 1, False)))]
    assert shades == [0.08, 1.0]


@pytest.mark.parametrize(("n", "places"), [(1, 1), (40, 7), (200, 250)])
def test_cells_stay_in_the_picture(n, places):
    root = drawn(*[tuple(float(i) for i in range(places))] * n)
    _, _, width, height = map(float, root.get("viewBox").split())
    boxes = list(root.iter("rect"))[24:-1]
    assert max(float(b.get("x")) + float(b.get("width")) for b in boxes) <= width
    assert max(float(b.get("y")) + float(b.get("height")) for b in boxes) <= height


def test_every_row_has_its_whole_name_once():
    root = drawn(*[(1.0,)] * 60)
    names = [e.find("title").text for e in root.iter("text") if e.find("title") is not None]
    assert names == [f"row {i}" for i in range(60)]


def test_no_row_and_no_place():
    assert cells(drawn()) == []
    assert cells(drawn((), ())) == []
