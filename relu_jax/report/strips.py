"""Which layers are saturated, silent or dead, in which run? One strip of shaded cells per run."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.text import ABSENT, percent, shorten

_WIDTH, _LEFT, _CELL, _GAP, _HEAD = 360, 58, 20, 3, 24
_ROOM = 25
_DARK = 0.63  # above this share, text in ink has less than 4.5 of contrast to the cell


class Row(NamedTuple):
    """One run: its group, stage, style index, and a fraction (or None) per site."""

    group: str
    stage: str
    style: int
    values: tuple[float | int | None, ...]
    notes: tuple[str, ...] = ()


def strips(rows: Sequence[Row], label: str) -> Markup:
    """Draw one strip per row, rows of a group under one heading; darker is more.

    Args:
        rows: in drawing order; rows of one group follow each other.
        label: description for screen readers.

    Returns:
        One `<svg>` element.

    Edges:
        None is a hollow cell, NaN or ∞ a crossed one. A row without values says so. Shares
        are written into cells that are wide enough, for up to 12 sites; of more, a legend
        under the strips says what the shades mean.

    Example:
        >>> strips([Row("a", "", 0, (0.0, 1.0, None))], "dead").count("<rect")
        3
    """
    most = max((len(row.values) for row in rows), default=0)
    step = (_WIDTH - _LEFT) / max(1, most)
    drawn, y = [], 0.0
    for name, members in groupby(rows, key=lambda row: row.group):
        block = list(members)
        drawn.append(_heading(name, block[0].style, y))
        y += _HEAD
        for row in block:
            drawn.append(_strip(row, y, step))
            y += _CELL + _GAP
        y += 8
    drawn.append(_numbers(most, step, y + 6))
    if step >= _ROOM or not rows:
        return svg.drawing(_WIDTH, y + 12, label, drawn)
    return svg.drawing(_WIDTH, y + 48, label, [*drawn, _legend(y + 22)])


def _legend(y: float) -> Markup:
    """Say what the shades mean, where cells are too narrow for numbers."""
    parts = []
    for i, share in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        x = _LEFT + 36 * i
        box = {"x": x, "y": y, "width": 34, "height": 8, "fill_opacity": _shade(share)}
        parts.append(svg.element("rect", **box, class_="cell legend-cell"))
        parts.append(svg.element("text", percent(share), x=x + 17, y=y + 21, class_="tick middle"))
    return svg.group(parts)


def _short(share: float) -> str:
    """Word a share in three characters: whole percents, and what is almost none or all."""
    whole = round(100 * share)
    return {0: "<1", 100: ">99"}.get(whole, str(whole))


def _shade(share: float) -> str:
    return f"{0.08 + 0.92 * share:.2f}"


def _heading(name: str, style: int, y: float) -> Markup:
    mark = svg.group([svg.marker(style, 6, y + 12)], class_=f"series s{style}")
    text = svg.element("text", shorten(name, 40), x=18, y=y + 16, class_="row-name")
    return svg.group([mark, text])


def _strip(row: Row, y: float, step: float) -> Markup:
    stage = {"at initialisation": "at init", "after training": "trained"}.get(row.stage, row.stage)
    drawn = [svg.element("text", shorten(stage, 9), x=0, y=y + 14, class_="tick")]
    if not row.values:
        drawn.append(svg.element("text", "no site", x=_LEFT, y=y + 14, class_="tick"))
    for i, value in enumerate(row.values):
        note = row.notes[i] if i < len(row.notes) else ""
        drawn += _cell(value, _LEFT + i * step, y, step, note)
    return svg.group(drawn)


def _cell(value: float | int | None, x: float, y: float, step: float, note: str) -> list[Markup]:
    width = step - min(2.0, step / 5)
    why = svg.state(value, log=False)
    title = [svg.element("title", note)] if note else []
    box = {"x": x, "y": y, "width": width, "height": _CELL}
    if why or value is None:
        text = ABSENT if why == "none" else "×"
        cells = [
            svg.element("rect", *title, **box, class_=f"cell {'none' if why == 'none' else 'bad'}")
        ]
    else:
        share = min(1.0, max(0.0, float(value)))
        text = percent(share).removesuffix(" %") if share else ""
        text = text if len(text) < 4 else _short(share)
        cells = [svg.element("rect", *title, **box, fill_opacity=_shade(share), class_="cell")]
    if step < _ROOM or not text:
        return cells
    tone = "cell-text strong" if not why and value is not None and value > _DARK else "cell-text"
    return [*cells, svg.element("text", text, x=x + width / 2, y=y + 14, class_=tone)]


def _numbers(most: int, step: float, y: float) -> Markup:
    every = next(k for k in (1, 2, 5, 10, 20, 50, 100, 10**9) if k * step >= 22)
    shown = [i for i in range(1, most + 1) if i == 1 or i % every == 0]
    return svg.group(
        svg.element("text", str(i), x=_LEFT + (i - 0.5) * step, y=y, class_="tick middle")
        for i in shown
    )
