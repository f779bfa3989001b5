"""How does one number change along an axis, for several runs at once? Line charts.

A value that has no place on the scale is never dropped in silence: the line breaks, and a
cross stands on a rail that says what the value is (0, NaN, ∞, not defined).
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.text import number

_MANY = 40
_MARKS = 8  # on a curve of more points than that
_RAILS = {"inf": "∞", "nan": "NaN", "0": "0", "<0": "< 0", "-inf": "-∞", "none": "n/a"}
_TOP = ("inf", "nan")


class Series(NamedTuple):
    """One line: the style index 0 to 7, points, and what the pointer shows on each."""

    style: int
    x: tuple[float | int, ...]
    y: tuple[float | int | None, ...]
    notes: tuple[str, ...] = ()


class Frame(NamedTuple):
    """What the lines are drawn in; panels that share `y` can be compared."""

    label: str
    x: svg.Scale
    y: svg.Scale
    x_label: str
    y_label: str
    width: int = 480
    height: int = 290
    whole_x: bool = True


def line_chart(series: Sequence[Series], frame: Frame) -> Markup:
    """Draw lines over one axis, with rails for what cannot be placed.

    Args:
        series: the lines; a later one is drawn over an earlier one.
        frame: scales, labels and size.

    Returns:
        One `<svg>` element.

    Edges:
        No series, or series without points, give the empty frame. More than 40 points in a
        line are drawn without marks.

    Example:
        >>> y = svg.scale([1e-3, 1.0], log=True)
        >>> frame = Frame("gradient", svg.Scale(1, 2, False), y, "site", "RMS")
        >>> "<path" in line_chart([Series(0, (1, 2), (1e-3, 1.0))], frame)
        True
    """
    rails = _rails(series, frame)
    top = 30 + 16 * sum(name in _TOP for name in rails)
    bottom = frame.height - 42 - 16 * sum(name not in _TOP for name in rails)
    left, right = 52, frame.width - 14
    placed = frame._replace(x=frame.x.over(left, right), y=frame.y.over(bottom, top))
    heights = _rail_heights(rails, top, bottom)
    drawn = [_axes(placed, left, right), _rail_lines(heights, left, right)]
    drawn += [_line(one, placed, heights, _every(one, series)) for one in series]
    return svg.drawing(frame.width, frame.height, frame.label, drawn)


def spark_line(
    values: Sequence[float | int | None], y: svg.Scale, style: int, label: str
) -> Markup:
    """Draw one small line without axes; gaps are crosses at the bottom edge.

    Args:
        values: one per site, in program order.
        y: shared scale, so that neighbouring sparks can be compared.
        style: series index.
        label: description for screen readers.

    Example:
        >>> y = svg.scale([1e-3, 1.0], log=True)
        >>> spark_line([1e-3, None, 1.0], y, 0, "gradient").count('class="gap"')
        1
    """
    width, height = 240, 52
    across = svg.Scale(0, max(1, len(values) - 1), False, 6, width - 6)
    frame = Frame(label, across, y.over(height - 8, 7), "", "")
    one = Series(style, tuple(range(len(values))), tuple(values))
    kinds = {svg.state(v, log=y.log) for v in values} - {""}
    drawn = [svg.element("line", x1=6, x2=width - 6, y1=height - 2, y2=height - 2, class_="rule")]
    drawn.append(_line(one, frame, dict.fromkeys(kinds, height - 5.0), 0))
    drawn.append(_end_dots(one, frame))
    return svg.drawing(width, height, label, drawn)


def thin(series: Series, most: int = 240) -> Series:
    """Keep at most about `most` points, the last one and every change of state among them.

    Args:
        series: any number of points.
        most: points kept of an undisturbed curve.

    Example:
        >>> len(thin(Series(0, tuple(range(10_000)), (0.5,) * 10_000)).x)
        240
    """
    n = min(len(series.x), len(series.y))
    states = [svg.state(v, log=False) for v in series.y[:n]]
    kept = {round(i * (n - 1) / (most - 1)) for i in range(most)} if n > most else set(range(n))
    kept |= {j for i in range(1, n) if states[i] != states[i - 1] for j in (i - 1, i)}
    order = sorted(kept)[: 4 * most]
    return Series(
        series.style, tuple(series.x[i] for i in order), tuple(series.y[i] for i in order)
    )


def _end_dots(one: Series, frame: Frame) -> Markup:
    ends = {0, len(one.y) - 1} if one.y else set()
    dots = [
        svg.element("circle", cx=frame.x.at(i), cy=frame.y.at(y), r=3, class_="mark")
        for i in sorted(ends)
        if (y := one.y[i]) is not None and not svg.state(y, log=frame.y.log)
    ]
    return svg.group(dots, class_=f"series s{one.style}")


def _rails(series: Sequence[Series], frame: Frame) -> list[str]:
    seen = {svg.state(v, log=frame.y.log) for one in series for v in one.y}
    return [name for name in _RAILS if name in seen]


def _rail_heights(rails: Sequence[str], top: float, bottom: float) -> dict[str, float]:
    above = [name for name in rails if name in _TOP]
    below = [name for name in rails if name not in _TOP]
    heights = {name: top - 16.0 * (len(above) - i) for i, name in enumerate(above)}
    return heights | {name: bottom + 16.0 * (i + 1) for i, name in enumerate(below)}


def _rail_lines(heights: dict[str, float], left: float, right: float) -> Markup:
    drawn: list[Markup] = []
    for name, y in heights.items():
        drawn.append(svg.element("line", x1=left, x2=right, y1=y, y2=y, class_="rail"))
        drawn.append(
            svg.element("text", _RAILS[name], x=left - 8, y=y + 4, class_="tick end gap-name")
        )
    return svg.group(drawn)


def _axes(frame: Frame, left: float, right: float) -> Markup:
    drawn: list[Markup] = []
    for y, label in svg.ticks(frame.y):
        drawn.append(svg.element("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
        drawn.append(svg.element("text", label, x=left - 8, y=y + 4, class_="tick end"))
    base = frame.height - 24
    for x, label in _x_ticks(frame):
        drawn.append(svg.element("text", label, x=x, y=base, class_="tick middle"))
    drawn.append(svg.element("text", frame.y_label, x=0, y=12, class_="axis"))
    drawn.append(svg.element("text", frame.x_label, x=right, y=frame.height - 6, class_="axis end"))
    return svg.group(drawn)


def _x_ticks(frame: Frame) -> list[tuple[float, str]]:
    low, high = frame.x.low, frame.x.high
    if frame.whole_x and high - low <= 12:
        return [(frame.x.at(i), number(i)) for i in range(round(low), round(high) + 1) if i >= 1]
    return [(x, label) for x, label in svg.ticks(frame.x, 6) if label != "0" or not frame.whole_x]


def _every(one: Series, series: Sequence[Series]) -> int:
    """Say which points have a mark: all of few; of many, some, where lines are to be told apart."""
    if len(one.y) <= _MANY:
        return 1
    return -(-len(one.y) // _MARKS) if len(series) > 1 else 0


def _line(one: Series, frame: Frame, heights: dict[str, float], every: int) -> Markup:
    pieces: list[list[tuple[float, float]]] = [[]]
    gaps: list[Markup] = []
    marks: list[Markup] = []
    for i, (x, y) in enumerate(zip(one.x, one.y, strict=False)):
        note = one.notes[i] if i < len(one.notes) else ""
        why = svg.state(y, log=frame.y.log)
        if why or y is None:
            pieces.append([])
            gaps.append(_cross(frame.x.at(x), heights[why], note))
            continue
        pieces[-1].append((frame.x.at(x), frame.y.at(y)))
        if every and (i - one.style * every // _MARKS) % every == 0:
            across, up = pieces[-1][-1]
            marks.append(svg.marker(one.style, across, up, note))
    lines = [
        svg.element("path", d=svg.path(p if len(p) > 1 else [p[0], p[0]]), class_="line")
        for p in pieces
        if p
    ]
    return svg.group([*lines, *marks, *gaps], class_=f"series s{one.style}")


def _cross(x: float, y: float, note: str) -> Markup:
    title = [svg.element("title", note)] if note else []
    d = f"M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6"
    return svg.element("path", *title, d=d, class_="gap")
