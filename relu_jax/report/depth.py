"""What does a diagnosis in full depth show? Gains beside theory, and three tables."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from relu_jax.report import svg
from relu_jax.report.definitions import CODE_COLUMNS, FLOW_COLUMNS, KINK_COLUMNS, Column
from relu_jax.report.lines import Frame, Series, line_chart
from relu_jax.report.panels import Panel
from relu_jax.report.text import number
from relu_jax.report.verdicts import Run

_THEORY = (6, 7)  # styles of what is expected: the first that is not the run's own


class Table(NamedTuple):
    """One table: what it is of, its columns and its rows."""

    name: str
    heading: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]


class Depth(NamedTuple):
    """One run in depth, as it is shown."""

    run: Run
    examples: Any
    theory: int  # style of what is expected
    panels: tuple[Panel, ...]
    tables: tuple[Table, ...]  # those with rows


def depths(runs: Sequence[Run]) -> tuple[Depth, ...]:
    """Draw what each run holds of full depth.

    Args:
        runs: all runs; most have none.

    Example:
        >>> from relu_jax.report import verdicts
        >>> flow = {"sites": [{"site": "w", "gain_forward": 0.7, "predicted_forward": 0.71}]}
        >>> (one,) = depths(verdicts.runs({"runs": [{"depth": {"flow": flow}}]}))
        >>> [panel.heading for panel in one.panels], [table.name for table in one.tables]
        (['Forward gain', 'Backward gain'], ['flow'])
    """
    return tuple(_depth(run) for run in runs if run.record.get("depth"))


def distinct(shown: Sequence[Depth]) -> tuple[Table, ...]:
    """Give one table of each name, for the meanings of its columns.

    Example:
        >>> distinct([])
        ()
    """
    return tuple({table.name: table for one in shown for table in one.tables}.values())


def _depth(run: Run) -> Depth:
    held = run.record["depth"]
    sites = (held.get("flow") or {}).get("sites") or ()
    tables = (
        Table("flow", "Gains, measured and in theory", FLOW_COLUMNS, sites),
        Table("kinks", "Arguments on a kink", KINK_COLUMNS, held.get("kinks") or ()),
        Table("codes", "Sparsity", CODE_COLUMNS, held.get("codes") or ()),
    )
    panels = (_gains(run, sites, "forward"), _gains(run, sites, "backward")) if sites else ()
    return Depth(
        run,
        held.get("examples"),
        _theory(run),
        panels,
        tuple(one for one in tables if one.rows),
    )


def _gains(run: Run, sites: Sequence[Mapping[str, Any]], way: str) -> Panel:
    """Draw the gain of each site and what theory expects, on one scale."""
    lines = []
    expected = (f"predicted_{way}", _theory(run), _SAID)
    for key, style, what in ((f"gain_{way}", run.style, ""), expected):
        values = tuple(site.get(key) for site in sites)
        notes = tuple(f"{site.get('site')}: {number(site.get(key))}{what}" for site in sites)
        lines.append(Series(style, tuple(range(1, len(values) + 1)), values, notes))
    y = svg.scale((v for one in lines for v in one.y), log=True)
    x = svg.Scale(0.6, len(sites) + 0.4, False)
    label = f"{way} gain of each site, log scale, measured and in theory"
    frame = Frame(label, x, y, "site, input → output", f"↑ {way} gain")
    return Panel(f"{way.capitalize()} gain", line_chart(lines, frame))


def _theory(run: Run) -> int:
    return next(style for style in _THEORY if style != run.style)


_SAID = " in theory"
