"""How do spectra and slices of the input look? Stored numbers become a chart and a picture."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.lines import Frame, Series, line_chart, thin
from relu_jax.report.panels import Panel
from relu_jax.report.text import counted, digits, number, shorten

_STYLES = 8
_SIDE = 480
_ENDS = 6  # style of the smallest and the largest
_THEORY = 1


class Shown(NamedTuple):
    """One spectrum or slice as it is shown: a picture, and what there is to say."""

    panel: Panel
    facts: tuple[tuple[str, str, str], ...]  # name, what is shown, all digits where those are more


def spectra(report: Mapping[str, Any]) -> tuple[Shown, ...]:
    """Draw the singular values of each spectrum by rank: median, smallest, largest, and theory.

    Example:
        >>> one = {"name": "a", "median": [2.0, 1.0], "low": [1.0, 0.5], "high": [3.0, 2.0]}
        >>> (shown,) = spectra({"spectra": [one]})
        >>> shown.panel.heading, shown.panel.picture.count('class="line"')
        ('a', 3)
    """
    return tuple(_spectrum(one) for one in report.get("spectra") or ())


def slices(report: Mapping[str, Any]) -> tuple[Shown, ...]:
    """Draw the cells of each slice: colour and number are of the output that is largest there.

    Example:
        >>> one = {"name": "a", "grid": 1, "polygons": [[0, 0, 1, 0, 1, 1]], "strongest": [0]}
        >>> (shown,) = slices({"slices": [one]})
        >>> "M0 480L480 480L480 0Z" in shown.panel.picture
        True
    """
    return tuple(_slice(one) for one in report.get("slices") or ())


def _spectrum(one: Mapping[str, Any]) -> Shown:
    lines = []
    expected = "expected" in one
    for key, style in (("low", _ENDS), ("high", _ENDS), ("median", 0), ("expected", _THEORY)):
        values = tuple(one.get(key) or ())
        if not values and key == "expected":
            continue
        lines.append(thin(Series(style, tuple(range(1, len(values) + 1)), values)))
    y = svg.scale((v for line in lines for v in line.y), log=True)
    x = svg.scale((v for line in lines for v in line.x), log=False)
    name = shorten(str(one.get("name") or "spectrum"), 60)
    label = f"Singular values of {name} by rank, log scale: median, smallest and largest"
    label += ", and theory" if expected else ""
    frame = Frame(label, x, y, "rank", "↑ singular value", whole_x=False)
    facts = [
        ("examples", one.get("examples")), ("not finite", one.get("nonfinite")),
        ("outputs", one.get("n_out")),
        ("inputs", one.get("n_in")), *(one.get("numbers") or {}).items(),
    ]  # fmt: skip
    notes = ["" if one.get("whole", True) else "the largest alone"]
    notes.append("orange: theory" if expected else "")
    note = "; ".join(filter(None, notes))
    return Shown(Panel(name, line_chart(lines, frame), note), tuple(_fact(*f) for f in facts))


def _fact(name: Any, value: Any) -> tuple[str, str, str]:
    shown = number(value)
    return str(name).replace("_", " "), shown, digits(value, shown)


def _slice(one: Mapping[str, Any]) -> Shown:
    polygons, grid = one.get("polygons") or (), one.get("grid") or 1
    shapes: dict[int, list[list[tuple[float, float]]]] = defaultdict(list)
    for polygon, strongest in zip(polygons, one.get("strongest") or (), strict=False):
        shapes[int(strongest)].append(_corners(polygon, _SIDE / grid))
    drawn = [
        svg.group(_cells(shapes[output], output), class_=f"series s{output % _STYLES}")
        for output in sorted(shapes)
    ]
    name = shorten(str(one.get("name") or "slice"), 60)
    count = counted(one.get("cells"), "cell", "cells")
    label = f"Linear regions on a slice, {name}: {count}"
    picture = svg.drawing(_SIDE, _SIDE, label, drawn)
    facts = (("cells", one.get("cells")), ("outputs", one.get("outputs")))
    return Shown(Panel(name, picture, count), tuple(_fact(*f) for f in facts))


def _cells(shapes: Sequence[Sequence[tuple[float, float]]], output: int) -> list[Markup]:
    """Draw the cells of one output, its number in the largest: not by colour alone."""
    largest = max(shapes, key=_area)
    x, y = (sum(column) / len(largest) for column in zip(*largest, strict=True))
    return [
        svg.element("path", d="".join(map(_outline, shapes)), class_="cell-shape"),
        svg.element("text", str(output), x=x, y=y + 4, class_="cell-text"),
    ]


def _corners(polygon: Sequence[float], unit: float) -> list[tuple[float, float]]:
    """Place the corners of one polygon: the slice's (0, 0) is at the lower left."""
    pairs = zip(polygon[::2], polygon[1::2], strict=False)
    return [(x * unit, _SIDE - y * unit) for x, y in pairs]


def _outline(corners: Sequence[tuple[float, float]]) -> str:
    return svg.path(corners) + "Z"


def _area(corners: Sequence[tuple[float, float]]) -> float:
    pairs = zip(corners, [*corners[1:], *corners[:1]], strict=True)
    return abs(sum(a * d - b * c for (a, b), (c, d) in pairs))
