"""How do activations look: all in one table, one as a plot in the terminal or as a picture?

From plain numbers; `relu_jax.activations` measures them.
"""

import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.text import number, shorten

Points = Sequence[tuple[float, float]]

_COLUMNS = ("name", "formula", "range", "mean", "gain", "kinks")
_HEADINGS = ("name", "formula", "range", "E f", "gain", "kinks")
_WIDE, _LEAST = 120, 24
_COLUMN_CELLS, _ROWS = 64, 7
_PANEL, _HEIGHT, _GAP = 190, 150, 40
_STYLE = (
    "text{font:10px system-ui,sans-serif;fill:#555}.t{font-size:12px;fill:#222}"
    ".l{fill:none;stroke:#0072b2;stroke-width:1.6}.k{fill:#d98c00}"
    ".a{stroke:#999;stroke-width:.7}"
    "@media(prefers-color-scheme:dark){text{fill:#aaa}.t{fill:#eee}.l{stroke:#4aa8e8}}"
)


class Panel(NamedTuple):
    """Hold one curve: its name, its pieces between jumps, and single points on it."""

    name: str
    pieces: Sequence[Points]
    dots: Points = ()


def activation_table(rows: Sequence[Mapping[str, Any]], *, width: int | None = None) -> str:
    """Draw a table of activations as text.

    Args:
        rows: with `name`, `formula`, `range` as text, numbers `mean` and `gain` (or None), and
            `kinks` as numbers.
        width: columns of the terminal; None asks it, or takes 120 without one.

    Returns:
        A heading and a line per row; formulas are cut in the middle to fit.

    Example:
        >>> row = {"name": "relu", "formula": "max(x, 0)", "range": "[0, inf)"}
        >>> row |= {"mean": 0.39894, "gain": 1.41421, "kinks": (0.0,)}
        >>> print(activation_table([row]))
        name  formula    range     E f     gain   kinks
        relu  max(x, 0)  [0, inf)  0.3989  1.414  0
    """
    cells = [_HEADINGS, *(tuple(_cell(row, key) for key in _COLUMNS) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    spare = (width or _terminal_width()) - sum(widths) - 2 * len(widths)
    widths[1] = max(_LEAST, widths[1] + min(0, spare)) if widths[1] > _LEAST else widths[1]
    lines = []
    for line in cells:
        cut = [line[0], shorten(line[1], widths[1]), *line[2:]]
        lines.append("  ".join(f"{c:<{w}}" for c, w in zip(cut, widths, strict=True)).rstrip())
    return "\n".join(lines)


def _cell(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if key == "kinks":
        return ", ".join(map(number, value))
    return value if isinstance(value, str) else number(value)


def _terminal_width() -> int:
    on_terminal = bool(sys.stdout and sys.stdout.isatty())
    return shutil.get_terminal_size((_WIDE, 24)).columns if on_terminal else _WIDE


def plot_text(panels: Sequence[Panel]) -> str:
    """Plot curves under one another in ASCII, for a terminal.

    Example:
        >>> print(plot_text([Panel("f", [[(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0)]])]).splitlines()[0])
        f       1 |                                                             ***
    """
    low, high = _span(panels)
    across = svg.Scale(low, high, False, 0, _COLUMN_CELLS - 1)
    drawn = [_panel_text(panel, across) for panel in panels]
    ends = f"{number(low, 3):<{_COLUMN_CELLS // 2}}{number(high, 3):>{_COLUMN_CELLS // 2}}"
    return "\n".join([*drawn, " " * 11 + ends])


def _panel_text(panel: Panel, across: svg.Scale) -> str:
    up = _heights(panel)._replace(start=_ROWS - 1, stop=0)
    canvas = [[" "] * _COLUMN_CELLS for _ in range(_ROWS)]
    if up.low <= 0 <= up.high:
        canvas[round(up.at(0))] = ["-"] * _COLUMN_CELLS
    for piece in panel.pieces:
        for part in _finite(piece):
            for x, y in _filled(part, across):
                if up.low <= y <= up.high:
                    canvas[round(up.at(y))][round(across.at(x))] = "*"
    labels = [f"{panel.name:<4}{number(up.high, 3):>5} |", *[" " * 10 + "|"] * (_ROWS - 2)]
    labels.append(f"{number(up.low, 3):>9} |")
    rows = zip(labels, canvas, strict=True)
    return "\n".join(f"{label}{''.join(row)}".rstrip() for label, row in rows)


def _finite(piece: Points) -> list[Points]:
    """Part a line at what is not finite."""
    runs = groupby(piece, key=lambda point: math.isfinite(point[1]))
    return [list(run) for finite, run in runs if finite]


def _filled(piece: Points, across: svg.Scale) -> Points:
    """Add points on the lines between far neighbours, at least one per column."""
    filled = list(piece[:1])
    for (a, b), (c, d) in pairwise(piece):
        steps = max(1, math.ceil(across.at(c) - across.at(a)) * 2)
        filled += [(a + (c - a) * i / steps, b + (d - b) * i / steps) for i in range(1, steps + 1)]
    return filled


def picture(title: str, panels: Sequence[Panel]) -> str:
    """Draw curves side by side as one SVG file that needs no other.

    Args:
        title: what it shows, for screen readers.
        panels: f, f' and f'', say; each gets its own vertical scale.

    Returns:
        The text of the file.

    Edges: values beyond what nearly all of a curve takes, as next to a singularity, are cut.

    Example:
        >>> drawn = picture("relu", [Panel("f", [[(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0)]])])
        >>> drawn.startswith("<svg"), drawn.count('class="l"')
        (True, 1)
    """
    low, high = _span(panels)
    drawn = [svg.element("style", Markup(_STYLE))]
    for i, panel in enumerate(panels):
        left = i * (_PANEL + _GAP) + _GAP
        drawn += _panel(panel, svg.Scale(low, high, False, left, left + _PANEL))
    width = len(panels) * (_PANEL + _GAP) + 8
    box = f"0 0 {width} {_HEIGHT + 34}"
    options = {"viewBox": box, "width": width, "role": "img", "aria_label": title}
    return str(svg.element("svg", *drawn, xmlns="http://www.w3.org/2000/svg", **options)) + "\n"


def _panel(panel: Panel, across: svg.Scale) -> list[Markup]:
    up = _heights(panel).over(_HEIGHT + 14, 20)
    drawn = [svg.element("text", panel.name, x=across.start, y=12, class_="t")]
    for y, label in svg.ticks(up, 4):
        drawn.append(svg.element("text", label, x=across.start - 3, y=y + 3, text_anchor="end"))
    for x, label in svg.ticks(across, 4):
        drawn.append(svg.element("text", label, x=x, y=_HEIGHT + 28, text_anchor="middle"))
    if up.low <= 0 <= up.high:
        drawn.append(_rule(across.start, across.stop, up.at(0), up.at(0)))
    if across.low <= 0 <= across.high:
        drawn.append(_rule(across.at(0), across.at(0), up.start, up.stop))
    for piece in panel.pieces:
        for part in _within(piece, up):
            points = simplified([_placed(across, up, point) for point in part])
            drawn.append(svg.element("path", d=svg.path(points), class_="l"))
    for x, y in panel.dots:
        if up.low <= y <= up.high:
            drawn.append(svg.element("circle", cx=across.at(x), cy=up.at(y), r=2.4, class_="k"))
    return drawn


def _placed(across: svg.Scale, up: svg.Scale, point: tuple[float, float]) -> tuple[float, float]:
    # Rounded twice, here and when it is written: the last bits must not decide a tie.
    return round(across.at(point[0]), 6), round(up.at(point[1]), 6)


def _rule(x1: float, x2: float, y1: float, y2: float) -> Markup:
    return svg.element("path", d=svg.path([(x1, y1), (x2, y2)]), class_="a")


def _span(panels: Sequence[Panel]) -> tuple[float, float]:
    x = [x for panel in panels for piece in panel.pieces for x, _ in piece]
    return min(x), max(x)


def _heights(panel: Panel) -> svg.Scale:
    """Fit a scale round all but the highest and the lowest hundredth of far-off values."""
    y = sorted(y for piece in panel.pieces for _, y in piece if math.isfinite(y))
    if not y:
        return svg.scale([], log=False)
    cut = len(y) // 100
    low, high = y[cut], y[len(y) - 1 - cut]
    room = max(high - low, 1e-9)
    kept = [v for v in y if low - room <= v <= high + room]
    return svg.rounded(svg.scale(kept, log=False))


def _within(piece: Points, up: svg.Scale) -> list[Points]:
    """Part a line where it leaves the panel."""
    runs = groupby(piece, key=lambda point: up.low <= point[1] <= up.high)
    parts = [list(run) for inside, run in runs if inside]
    return [part for part in parts if len(part) > 1]


def simplified(points: Points, within: float = 0.4) -> Points:
    """Leave out points that lie on the line between those kept, to within a distance in y.

    Example:
        >>> simplified([(0.0, 0.0), (1.0, 0.1), (2.0, 0.0), (3.0, 5.0)])
        [(0.0, 0.0), (2.0, 0.0), (3.0, 5.0)]
    """
    kept, ranges = {0, len(points) - 1}, [(0, len(points) - 1)]
    while ranges:
        first, last = ranges.pop()
        (a, b), (c, d) = points[first], points[last]
        off = [abs(b + (d - b) * (x - a) / (c - a) - y) for x, y in points[first + 1 : last]]
        if off and max(off) > within:
            middle = first + 1 + off.index(max(off))
            kept.add(middle)
            ranges += [(first, middle), (middle, last)]
    return [points[i] for i in sorted(kept)]
