"""Which change was the best? A stored ranking becomes a chart of gains, curves and a table."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from relu_jax.report import svg
from relu_jax.report.forest import Interval, forest
from relu_jax.report.lines import Frame, Series, line_chart, thin
from relu_jax.report.panels import Panel
from relu_jax.report.text import digits, number, shorten, words
from relu_jax.report.verdicts import runs

_STYLES = 8


class Row(NamedTuple):
    """One change as the table shows it."""

    name: str
    style: int | None  # of its curve; None: it is not drawn
    own: bool  # the network as it is
    cells: tuple[tuple[str, str], ...]  # what is shown, and all its digits where those are more


class Tried(NamedTuple):
    """One ranking as it is shown."""

    name: str
    headline: str
    measure: str
    rows: tuple[Row, ...]
    charts: tuple[Panel, ...]
    undrawn: int  # changes whose losses have no curve


def tried(report: Mapping[str, Any]) -> tuple[Tried, ...]:
    """Draw every ranking that a report holds.

    Args:
        report: a report dictionary.

    Example:
        >>> variants = [{"name": "relu → gelu", "score": 0.5, "gain": {"value": 0.1}}]
        >>> (shown,) = tried({"tried": [{"variants": variants, "measure": "loss"}]})
        >>> shown.rows[0].cells[:2]
        (('0.5', ''), ('0.1', ''))
    """
    taken = {run.group: run.style for run in runs(report)}
    return tuple(_ranking(one, taken) for one in report.get("tried") or ())


def _ranking(ranking: Mapping[str, Any], taken: Mapping[str, int]) -> Tried:
    variants = ranking.get("variants") or ()
    measure = str(ranking.get("measure") or "score")
    styles = _styles(variants, taken)
    curves = _curves(variants, styles)
    return Tried(
        name=str(ranking.get("name") or "What if"),
        headline=str(ranking.get("headline") or ""),
        measure=measure,
        rows=tuple(
            _row(one, style if curves else None)
            for one, style in zip(variants, styles, strict=True)
        ),
        charts=(*_gains(variants, measure), *curves),
        undrawn=styles.count(None),
    )


def _styles(variants: Sequence[Mapping[str, Any]], taken: Mapping[str, int]) -> list[int | None]:
    """Give a change the style of the run of its name, and the others those that are left."""
    names = [str(one.get("name") or "") for one in variants]
    free = iter([i for i in range(_STYLES) if i not in taken.values()] or range(_STYLES))
    return [taken[name] if name in taken else next(free, None) for name in names]


def _row(variant: Mapping[str, Any], style: int | None) -> Row:
    gain, flow = variant.get("gain") or {}, variant.get("flow") or {}
    theory = variant.get("expected") or {}
    own = bool(variant.get("own"))
    ends = [gain.get("low"), gain.get("high")]
    interval = "–" if own or None in ends else f"[{number(ends[0], 3)}, {number(ends[1], 3)}]"
    added = variant.get("added") or ()
    kinds = [
        words(str(kind)) + (" (new)" if kind in added else "")
        for kind in variant.get("warnings") or ()
    ]
    return Row(
        name=str(variant.get("name") or ""),
        style=style,
        own=own,
        cells=(
            _cell(variant.get("score")),
            _cell(None if own else gain.get("value")),
            (interval, ""),
            _cell(flow.get("forward_total")),
            _cell(theory.get("forward_total")),
            _cell(flow.get("backward_total")),
            _cell(theory.get("backward_total")),
            (", ".join(kinds) or "none", ""),
        ),
    )


def _cell(value: Any) -> tuple[str, str]:
    shown = number(value, 3)
    return shown, digits(value, shown)


def _gains(variants: Sequence[Mapping[str, Any]], measure: str) -> tuple[Panel, ...]:
    rows = [
        Interval(str(one.get("name") or ""), *((one.get("gain") or {}).get(k) for k in _ENDS))
        for one in variants
        if not one.get("own")
    ]
    if not rows:
        return ()
    axis = f"how much lower: {shorten(measure, 30)}, with 95 % interval"
    return (Panel("Better by", forest(rows, f"How much lower the {measure} is", axis)),)


_ENDS = ("value", "low", "high")


def _curves(
    variants: Sequence[Mapping[str, Any]], styles: Sequence[int | None]
) -> tuple[Panel, ...]:
    """Draw the loss of every change, mean over its seeds."""
    lines = [
        thin(Series(style, tuple(range(len(mean))), tuple(mean)))
        for one, style in zip(variants, styles, strict=True)
        if style is not None and (mean := _mean(one.get("losses") or ()))
    ]
    if not lines:
        return ()
    y = svg.fitted(v for one in lines for v in one.y)
    x = svg.scale((v for one in lines for v in one.x), log=False)
    label = "Loss of each change over steps, mean over seeds"
    frame = Frame(label, x, y, "step", "↑ loss, mean over seeds", whole_x=False)
    return (Panel("Loss on the way", line_chart(lines, frame)),)


def _mean(losses: Sequence[Sequence[Any]]) -> list[float]:
    whole = [[float(x) for x in one] for one in losses if one]
    return [sum(step) / len(step) for step in zip(*whole, strict=False)]
