"""What happened in a run of training? Stored numbers of each step become charts and maps."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.heat import Map, heat_map
from relu_jax.report.lines import Frame, Series, line_chart, thin
from relu_jax.report.panels import Panel
from relu_jax.report.text import shorten, words

_CURVES = 7  # beside the loss
_MAPS = (("rms_d_pre", "RMS gradient"), ("rms_post", "RMS activation"))
_SHARES = (("silent", "Silent units"), ("saturated", "Saturated values"))
EVENTS = 20  # told on the page


class Watched(NamedTuple):
    """One run as it is shown."""

    name: str
    steps: Sequence[int]
    curves: tuple[Panel, ...]
    maps: tuple[Panel, ...]
    events: Sequence[Mapping[str, Any]]  # the first ones
    numbers_left_out: int  # that were written, and have no curve
    left_out: int  # events that are not among them
    record: Mapping[str, Any]


def watched(report: Mapping[str, Any]) -> tuple[Watched, ...]:
    """Draw every run of training that a report holds.

    Args:
        report: a report dictionary.

    Example:
        >>> run = {"name": "a", "steps": [0, 1], "loss": [2.0, 1.0], "sites": [], "events": []}
        >>> [panel.heading for panel in watched({"watched": [run]})[0].curves]
        ['Loss']
    """
    return tuple(_run(order, run) for order, run in enumerate(report.get("watched") or ()))


def _run(order: int, run: Mapping[str, Any]) -> Watched:
    steps = tuple(run.get("steps") or ())
    events = run.get("events") or ()
    written = list((run.get("numbers") or {}).items())
    shown = [("loss", run.get("loss") or ()), *written[:_CURVES]]
    return Watched(
        name=str(run.get("name") or f"run {order + 1}"),
        steps=steps,
        curves=tuple(_curve(name, steps, values) for name, values in shown if steps),
        maps=_maps(run, steps) if steps else (),
        events=events[:EVENTS],
        numbers_left_out=len(written) - len(written[:_CURVES]),
        left_out=int(run.get("n_events") or len(events)) - min(len(events), EVENTS),
        record=run,
    )


def _curve(name: str, steps: Sequence[int], values: Sequence[Any]) -> Panel:
    line = thin(Series(0, tuple(steps), tuple(values)))
    heading = shorten(name, 30)
    x = svg.scale(steps, log=False)
    y = svg.fitted(line.y)
    frame = Frame(f"{heading} over training steps", x, y, "step", f"↑ {heading}", whole_x=False)
    return Panel(words(heading), line_chart([line], frame))


def _maps(run: Mapping[str, Any], steps: Sequence[int]) -> tuple[Panel, ...]:
    sites = run.get("sites") or ()
    if not sites:
        return ()
    panels = []
    for key, heading in _MAPS:
        rows = [site.get(key) or () for site in sites]
        scale = svg.scale((v for row in rows for v in row), log=True)
        panels.append(Panel(heading, _map(sites, steps, rows, scale, heading)))
    for key, heading in _SHARES:
        rows = [_shares(site, key) for site in sites]
        panels.append(Panel(heading, _map(sites, steps, rows, svg.Scale(0, 1, False), heading)))
    return tuple(panels)


def _map(
    sites: Sequence[Mapping[str, Any]],
    steps: Sequence[int],
    rows: Sequence[Sequence[Any]],
    scale: svg.Scale,
    heading: str,
) -> Markup:
    names = tuple(str(site.get("id") or "") for site in sites)
    values = tuple(tuple(row) for row in rows)
    label = f"{heading} of each site over training steps"
    return heat_map(Map(names, tuple(steps), values), scale, label, "step")


def _shares(site: Mapping[str, Any], key: str) -> Sequence[Any]:
    """Give shares: of silent units the record holds how many."""
    values, units = site.get(key) or (), site.get("units")
    if key != "silent":
        return values
    return [None if n is None or not units else n / units for n in values]
