"""By how much is each of several things better, and how sure is that? Dots with intervals."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.text import number, shorten

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 480, 176, 14, 24, 8


class Interval(NamedTuple):
    """One row: a name, a value and the ends of its interval; None where there is none."""

    name: str
    value: float | int | None
    low: float | int | None = None
    high: float | int | None = None


def forest(rows: Sequence[Interval], label: str, axis: str) -> Markup:
    """Draw each value as a dot with its interval over one axis, with a line at 0.

    Args:
        rows: in drawing order.
        label: description for screen readers.
        axis: name of the numbers.

    Returns:
        One `<svg>` element.

    Edges:
        What has no value, or no finite one, says so in its row.

    Example:
        >>> rows = [Interval("a", 1.0, 0.5, 1.5), Interval("b", None)]
        >>> forest(rows, "gains", "gain").count("<circle")
        1
    """
    ends = [x for row in rows for x in (row.value, row.low, row.high)]
    x = svg.rounded(svg.scale([0.0, *ends], log=False)).over(_LEFT, _WIDTH - _RIGHT)
    bottom = _TOP + _ROW * len(rows)
    drawn = [
        part
        for at, tick in svg.ticks(x, 5)
        for part in (
            svg.element("line", x1=at, x2=at, y1=_TOP, y2=bottom, class_="grid"),
            svg.element("text", tick, x=at, y=bottom + 14, class_="tick middle"),
        )
    ]
    zero = x.at(0.0)
    drawn.append(svg.element("line", x1=zero, x2=zero, y1=_TOP, y2=bottom, class_="zero"))
    drawn += [_row(row, x, _TOP + _ROW * (i + 0.5)) for i, row in enumerate(rows)]
    drawn.append(svg.element("text", axis, x=_WIDTH - _RIGHT, y=bottom + 30, class_="axis end"))
    return svg.drawing(_WIDTH, bottom + 34, label, drawn)


def _row(row: Interval, x: svg.Scale, y: float) -> Markup:
    name = svg.element(
        "text", svg.element("title", row.name), shorten(row.name, 22), x=_LEFT - 10, y=y + 4,
        class_="tick end change",
    )  # fmt: skip
    why = svg.state(row.value, log=False)
    if why or row.value is None:
        told = svg.element("text", number(row.value), x=_LEFT + 6, y=y + 4, class_="tick")
        return svg.group([name, told])
    drawn = [name]
    if not any(svg.state(end, log=False) for end in (row.low, row.high)):
        low, high = (x.at(end) for end in (row.low, row.high) if end is not None)
        drawn.append(svg.element("line", x1=low, x2=high, y1=y, y2=y, class_="line"))
    note = f"{row.name}: {number(row.value)} [{number(row.low)}, {number(row.high)}]"
    drawn.append(svg.marker(0, x.at(row.value), y, note))
    return svg.group(drawn, class_="series s0")
