"""How does one run look in a terminal? Findings, one row per site, coverage."""

import io
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from relu_jax.report.coverage import coverage_words
from relu_jax.report.definitions import SITE_COLUMNS, Column
from relu_jax.report.text import counted, number, shorten, value, words
from relu_jax.report.verdicts import Run, reassurance, runs, severity_of

_WIDTH = 120
_NAME, _LONG = 28, 400
_MARKS = {"critical": "✖", "warning": "▲", "info": "i", "healthy": "✔", "unmeasured": "?"}
_STYLES = {
    "critical": "bold red",
    "warning": "bold yellow",
    "info": "cyan",
    "healthy": "bold green",
    "unmeasured": "bold magenta",
}
_SHOWN = (
    "kind", "rms_pre", "rms_post", "gain_forward", "rms_d_pre", "gain_backward",
    "dead", "saturated", "zeros",
)  # fmt: skip
_FAULTS = ("underflow", "nonfinite")
_EXPLAINED = ("saturated", *_FAULTS)
_LEFT_OUT_FIRST = ("gain_forward", "rms_post", "zeros", "kind", "gain_backward", "rms_pre")


def table(run: Mapping[str, Any], *, width: int | None = None) -> str:
    """Draw one run as text: verdict, findings, a row per site, coverage.

    Args:
        run: one entry of a report's ``runs``.
        width: columns of the terminal; None asks the terminal, or takes 120 without one.

    Returns:
        Lines of text. They carry colour codes only if standard output is a terminal and
        neither NO_COLOR nor TERM=dumb says otherwise; characters that its encoding lacks
        are written as escapes.

    Edges:
        Names from the model stay text: markup is not read, control characters are escapes.

    Example:
        >>> run = {"name": "a[b]", "sites": [{"id": "relu_0", "kind": "relu", "rms_pre": 0.5}]}
        >>> print(table(run, width=80).splitlines()[0])
        ✔ Healthy  a[b]
    """
    shown = runs({"runs": [dict(run)]})[0]
    columns = max(40, width or _terminal_width())
    parts = [_verdict(shown), *_findings(shown), _sites(shown, columns), _coverage(shown)]
    return _encodable(_printed(Group(*parts), columns))


def _printed(content: RenderableType, width: int) -> str:
    coloured = _on_terminal() and not os.environ.get("NO_COLOR")
    coloured = coloured and os.environ.get("TERM") != "dumb"
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=coloured,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as captured:
        console.print(content)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _terminal_width() -> int:
    return shutil.get_terminal_size((_WIDTH, 24)).columns if _on_terminal() else _WIDTH


def _on_terminal() -> bool:
    return bool(sys.stdout and sys.stdout.isatty())


def _encodable(text: str) -> str:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _verdict(run: Run) -> Text:
    return Text.assemble(
        (f"{_MARKS[run.severity]} {run.word}", _STYLES[run.severity]),
        (f"  {shorten(run.name, _LONG)}", "bold"),
        f"  {_summary(run)}",
    )


def _summary(run: Run) -> str:
    record = run.record
    told = {"loss": record.get("loss"), **(record.get("metrics") or {})}
    parts = [f"{value(k)} {number(v)}" for k, v in told.items() if v is not None]
    examples, batches = record.get("n_examples"), record.get("n_batches")
    if examples is not None and batches is not None:
        of_these = counted(examples, "example", "examples")
        parts.append(f"{of_these} in {counted(batches, 'batch', 'batches')}")
    return " · ".join(parts)


def _findings(run: Run) -> list[RenderableType]:
    if not run.findings:
        return [Padding(Text(reassurance(run)), (0, 0, 0, 2))]
    return [Padding(_finding(finding), (0, 0, 0, 2)) for finding in run.findings]


def _finding(finding: Mapping[str, Any]) -> Text:
    severity = severity_of(finding)
    site = str(finding.get("site") or "")
    told = Text.assemble(
        (f"{_MARKS[severity]} {words(value(str(finding.get('kind') or 'finding')))}",
         _STYLES[severity]),
        (f" at {shorten(site, _LONG)}" if site else "", "bold"),
        f": {shorten(str(finding.get('what') or ''), _LONG)}",
    )  # fmt: skip
    evidence = finding.get("evidence") or {}
    if evidence:
        told.append(f"\n  {shorten(value(dict(evidence)), _LONG)}", "dim")
    if finding.get("remedy"):
        told.append(f"\n  try: {shorten(str(finding['remedy']), _LONG)}")
    return told


def _sites(run: Run, width: int) -> RenderableType:
    if not run.sites:
        return Text("no activation site", "dim")
    names = [shorten(str(site.get("id")), _NAME) for site in run.sites]
    columns = _fitting(run, width - max(map(cell_len, names)) - 8)
    drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    drawn.add_column("#", justify="right", no_wrap=True)
    drawn.add_column("site", overflow="fold")
    for column in columns:
        justify = "left" if column.key == "kind" else "right"
        drawn.add_column(column.heading, justify=justify, no_wrap=True)
    for i, (site, name) in enumerate(zip(run.sites, names, strict=True), 1):
        cells = [Text(shorten(column.worded(site), _NAME)) for column in columns]
        drawn.add_row(str(i), Text(name, _site_style(run, site)), *cells)
    return Group(drawn, Text(_legend(run, columns), "dim"))


def _legend(run: Run, columns: Sequence[Column]) -> str:
    """Say what a heading alone does not, and what had no room."""
    told = [f"{c.heading}: {c.meaning}" for c in columns if c.key in _EXPLAINED]
    left_out = [c.heading for c in _wanted(run) if c not in columns]
    if left_out:
        told.append(f"No room for {', '.join(left_out)}: see --out or --json, or widen the window.")
    return "\n".join(told)


def _fitting(run: Run, room: int) -> list[Column]:
    """Choose the columns that fit; a fault is never left out for lack of room."""
    columns = _wanted(run)
    for key in _LEFT_OUT_FIRST:
        if sum(_column_width(run, c) for c in columns) > room:
            columns = [c for c in columns if c.key != key]
    return columns


def _wanted(run: Run) -> list[Column]:
    faulty = [k for k in _FAULTS if any(_faulty(site, k) for site in run.sites)]
    return [c for c in SITE_COLUMNS if c.key in (*_SHOWN, *faulty)]


def _column_width(run: Run, column: Column) -> int:
    cells = (shorten(column.worded(site), _NAME) for site in run.sites)
    return 3 + max(cell_len(column.heading), *map(cell_len, cells))


def _faulty(site: Mapping[str, Any], key: str) -> bool:
    if key == "nonfinite":
        return bool(site.get("nonfinite_forward") or site.get("nonfinite_backward"))
    return bool(site.get(key))


def _site_style(run: Run, site: Mapping[str, Any]) -> str:
    severity = run.severity_at(site)
    return _STYLES[severity] if severity else ""


def _coverage(run: Run) -> Text:
    return Text("Coverage: " + shorten(coverage_words(run.record.get("coverage")), _LONG), "dim")
