"""How do numbers change over two axes, such as sites and steps? Rows of shaded cells.

The cells are runs of one shade; what each of them says is in words beside the drawing, and the
page's script shows the words of the cell that the pointer or the keyboard is at.
"""

import statistics
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.text import number, shorten

_WIDTH, _LEFT, _RIGHT, _TOP = 480, 150, 8, 32
_COLUMNS = 100
_SHADES = 24
_PALE = 0.08  # of the smallest value: a cell is told from paper
_LABEL = 15  # characters of a row's name


class Map(NamedTuple):
    """What a map shows: one row of values per name, one value per place on the other axis."""

    names: tuple[str, ...]
    places: tuple[int, ...]
    values: tuple[tuple[float | int | None, ...], ...]


def heat_map(of: Map, scale: svg.Scale, label: str, axis: str, place: str = "step") -> Markup:
    """Draw a map; the stronger the colour, the larger the value.

    Args:
        of: names, places and values.
        scale: of the values, as `svg.scale` gives it: maps that share one can be compared.
        label: description for screen readers, and the name of the number.
        axis: name of the axis of places.
        place: what one place is called, in the words of a cell.

    Returns:
        One `<svg>` element. `data-cells` holds the value of each cell in words, its rows divided by
        semicolons, cells by bars; `data-places` names the columns.

    Edges:
        More than 100 places are drawn as 100 groups of neighbours: the cell is their median, and is
        marked where any of them is not finite. None is a hollow cell, NaN and ∞ a crossed one; on a
        log scale 0 is the palest shade.

    Example:
        >>> shown = Map(("a",), (0, 10), ((0.0, 1.0),))
        >>> drawn = heat_map(shown, svg.Scale(0, 1, False), "x", "step")
        >>> 'data-cells="0|1"' in drawn, 'data-places="step 0|step 10"' in drawn
        (True, True)
    """
    height = min(20.0, max(6.0, 240 / max(1, len(of.names))))
    groups = _groups(len(of.places))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(groups))
    drawn = [*_legend(scale)]
    told = []
    for i, (name, values) in enumerate(zip(of.names, of.values, strict=True)):
        cells = [_median(values, group) for group in groups]
        told.append("|".join(map(number, cells)))
        top = _TOP + i * height
        drawn.append(_name(name, i, top, height))
        drawn += _row(cells, scale, top, height - min(2.0, height / 5), step)
    bottom = _TOP + height * len(of.names)
    drawn += _axis(of, groups, step, bottom, axis)
    drawn.append(svg.element("rect", width=0, height=0, class_="cursor"))
    return svg.element(
        "svg", *drawn, viewBox=f"0 0 {_WIDTH} {bottom + 34:.0f}", class_="chart heat", role="img",
        aria_label=label, data_left=str(_LEFT), data_top=str(_TOP), data_step=f"{step:.4f}",
        data_height=f"{height:.4f}", data_cells=";".join(told),
        data_places="|".join(_place(of, group, place) for group in groups),
    )  # fmt: skip


def _groups(n: int) -> list[range]:
    """Divide n places into at most 100 runs of neighbours."""
    count = min(n, _COLUMNS)
    ends = [round(i * n / count) for i in range(count + 1)] if n else []
    return [range(a, b) for a, b in pairwise(ends)]


def _median(values: Sequence[float | int | None], group: range) -> float | int | None:
    """Take the median of a few values, or the first of them that is no number."""
    there = [v for v in (values[i] for i in group if i < len(values)) if v is not None]
    bad = [v for v in there if svg.state(v, log=False)]
    return bad[0] if bad else statistics.median(there) if there else None


def _place(of: Map, group: range, place: str) -> str:
    first, last = (number(of.places[i]) for i in (group[0], group[-1]))
    return f"{place} {first}" if first == last else f"{place}s {first}–{last}"


def _row(
    cells: Sequence[float | int | None], scale: svg.Scale, top: float, height: float, step: float
) -> list[Markup]:
    drawn, at = [], 0
    for shade, run in groupby(_shade(value, scale) for value in cells):
        n = len(list(run))
        box = {"y": top, "height": height, **_between(_LEFT + at * step, _LEFT + (at + n) * step)}
        if isinstance(shade, str):
            drawn.append(svg.element("rect", **box, class_=f"cell {shade}"))
            drawn += [_cross(**box)] if shade == "bad" else []
        else:
            drawn.append(svg.element("rect", **box, fill_opacity=_opacity(shade), class_="cell"))
        at += n
    return drawn


def _between(left: float, right: float) -> dict[str, float]:
    """Give x and width such that what begins at `right` neither overlaps nor leaves a gap."""
    x = round(left, 1)
    return {"x": x, "width": round(right, 1) - x}


def _cross(y: float, height: float, x: float, width: float) -> Markup:
    one, other = [(x, y), (x + width, y + height)], [(x, y + height), (x + width, y)]
    return svg.element("path", d=svg.path(one) + svg.path(other), class_="cell bad")


def _shade(value: float | int | None, scale: svg.Scale) -> int | str:
    """Choose one of the shades, or the class of a cell that has none."""
    why = svg.state(value, log=scale.log)
    if why == "none" or value is None:
        return "none"
    if why in ("0", "<0"):
        return 0
    if why:
        return "bad"
    share = min(1.0, max(0.0, scale.over(0, 1).at(value)))
    return min(_SHADES - 1, int(share * _SHADES))


def _opacity(shade: int) -> str:
    return f"{_PALE + (1 - _PALE) * shade / (_SHADES - 1):.2f}"


def _legend(scale: svg.Scale) -> list[Markup]:
    """Draw all shades in a row, with numbers under their places."""
    left, width, top = _LEFT, 160.0, 2.0
    step = width / _SHADES
    drawn = [
        svg.element("rect", **_between(left + i * step, left + (i + 1) * step), y=top, height=8,
                    fill_opacity=_opacity(i), class_="cell")
        for i in range(_SHADES)
    ]  # fmt: skip
    for x, label in _ends(scale.over(left, left + width)):
        drawn.append(svg.element("text", label, x=x, y=top + 22, class_="tick middle"))
    return drawn


def _ends(scale: svg.Scale) -> list[tuple[float, str]]:
    """Give both ends of the legend and its middle; of powers of ten, a whole one."""
    linear, low, high = scale._replace(log=False), scale.low, scale.high
    if scale.log:
        middle = (int(low) + int(high)) // 2
        return [(linear.at(e), svg.power(int(e))) for e in sorted({low, middle, high})]
    return [(linear.at(v), number(v, 3)) for v in (low, low / 2 + high / 2, high)]


def _name(name: str, i: int, top: float, height: float) -> Markup:
    """Write a row's name; where rows are narrow, some are written."""
    every = max(1, round(13 / height + 0.49))
    whole = svg.element("title", name)
    text = f"{i + 1} {shorten(name, _LABEL)}" if i % every == 0 else ""
    middle = top + height / 2 + 4
    return svg.element("text", whole, text, x=_LEFT - 8, y=middle, class_="tick end heat-name")


def _axis(of: Map, groups: Sequence[range], step: float, bottom: float, axis: str) -> list[Markup]:
    last, right = len(groups) - 1, _WIDTH - _RIGHT
    drawn = []
    for i in sorted({round(i * last / 3) for i in range(4)} if groups else ()):
        ends = 0 < i == last  # within the drawing, however long the number
        x = right if ends else _LEFT + (i + 0.5) * step
        told, form = number(of.places[groups[i][0]]), "tick end" if ends else "tick middle"
        drawn.append(svg.element("text", told, x=x, y=bottom + 14, class_=form))
    return [*drawn, svg.element("text", axis, x=right, y=bottom + 30, class_="axis end")]
