"""Which chart answers which question? Stored runs become the input of the drawing functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.heat import Map, heat_map
from relu_jax.report.lines import Frame, Series, line_chart, spark_line, thin
from relu_jax.report.ridges import ridge, ridge_chart, span
from relu_jax.report.strips import Row, strips
from relu_jax.report.text import number, percent, shorten, value, words
from relu_jax.report.verdicts import Run

_NOTE = 60
_CURVES = 4
_RANKS = 100


class Panel(NamedTuple):
    """One drawing with the heading and the note over it; empty ones are not shown."""

    heading: str
    picture: Markup
    note: str = ""


def flow(runs: Sequence[Run], key: str, what: str) -> tuple[Panel, ...]:
    """Draw one number of every site on a log scale over depth, a panel per stage.

    Args:
        runs: all runs; those of one stage share a panel, all panels share the scale.
        key: which number of the site records.
        what: its name for the axis.

    Returns:
        One panel per stage, in order of first appearance; none when there is no site.

    Example:
        >>> from relu_jax.report import verdicts
        >>> (run,) = verdicts.runs({"runs": [{"sites": [{"id": "relu_0", "rms_d_pre": 0.5}]}]})
        >>> len(flow([run], "rms_d_pre", "RMS gradient"))
        1
    """
    if not any(run.sites for run in runs):
        return ()
    y = svg.scale((site.get(key) for run in runs for site in run.sites), log=True)
    deepest = max(len(run.sites) for run in runs)
    x = svg.Scale(0.6, deepest + 0.4, False)
    panels = []
    for stage in dict.fromkeys(run.stage for run in runs if run.sites):
        lines = [_depth_series(run, key) for run in runs if run.stage == stage and run.sites]
        label = f"{what} over depth, log scale. {stage}"
        frame = Frame(label, x, y, "site, input → output", f"↑ {what}")
        panels.append(Panel(words(stage), line_chart(lines, frame)))
    return tuple(panels)


def spark(run: Run, runs: Sequence[Run]) -> Markup:
    """Draw a run's gradient over depth, small, on the scale of all runs.

    Example:
        >>> from relu_jax.report import verdicts
        >>> (run,) = verdicts.runs({"runs": [{"sites": [{"id": "relu_0", "rms_d_pre": 0.5}]}]})
        >>> spark(run, [run])[:4]
        Markup('<svg')
    """
    y = svg.scale((site.get("rms_d_pre") for one in runs for site in one.sites), log=True)
    values = [site.get("rms_d_pre") for site in run.sites]
    return spark_line(values, y, run.style, "gradient from input to output, log scale")


def ends(run: Run) -> tuple[str, str]:
    """Word the gradient at the first and at the last site.

    Example:
        >>> from relu_jax.report import verdicts
        >>> (run,) = verdicts.runs({"runs": [{"sites": [{"id": "relu_0", "rms_d_pre": 0.5}]}]})
        >>> ends(run)
        ('0.5', '0.5')
    """
    values = [site.get("rms_d_pre") for site in run.sites] or [None]
    return number(values[0], 2), number(values[-1], 2)


def shares(runs: Sequence[Run]) -> tuple[Panel, ...]:
    """Draw dead, saturated and zero fractions per layer, a panel each.

    Example:
        >>> from relu_jax.report import verdicts
        >>> (run,) = verdicts.runs({"runs": [{"sites": [{"id": "relu_0", "rms_d_pre": 0.5}]}]})
        >>> [panel.heading for panel in shares([run])]
        ['Saturated', 'Exact zeros', 'Dead units']
    """
    if not any(run.sites for run in runs):
        return ()
    rows = sorted(runs, key=lambda run: [r.group for r in runs].index(run.group))
    wanted = (("Saturated", _saturated), ("Exact zeros", _zeros), ("Dead units", _dead))
    return tuple(
        Panel(heading, strips([_row(run, share) for run in rows], f"{heading} per site"))
        for heading, share in wanted
    )


def activity(runs: Sequence[Run]) -> tuple[Panel, ...]:
    """Draw how often the units of each site are active, least active first, a map per run.

    Example:
        >>> from relu_jax.report import verdicts
        >>> sites = [{"id": "w", "n": 4, "alive": [0, 4]}]
        >>> (panel,) = activity(verdicts.runs({"runs": [{"sites": sites}]}))
        >>> panel.picture.count("|1|"), "0|0|" in panel.picture
        (25, True)
    """
    panels = []
    for run in runs:
        told = [site for site in run.sites if site.get("alive") and site.get("n")]
        if not told:
            continue
        names = tuple(str(site.get("id") or "") for site in told)
        ranked = tuple(_ranked(site["alive"], site["n"]) for site in told)
        of = Map(names, tuple(range(1, _RANKS + 1)), ranked)
        label = f"how often units are active, {shorten(run.name, _NOTE)}"
        axis = "units in percent, least active first"
        picture = heat_map(of, svg.Scale(0, 1, False), label, axis, "rank")
        panels.append(Panel(shorten(run.group, _NOTE), picture, shorten(run.stage, _NOTE)))
    return tuple(panels)


def _ranked(alive: Sequence[int], n: int) -> tuple[float, ...]:
    """Give the shares of samples of as many units as there are ranks, evenly spread."""
    ordered = sorted(alive)
    places = (int((i + 0.5) * len(ordered) / _RANKS) for i in range(_RANKS))
    return tuple(ordered[place] / n for place in places)


def histograms(runs: Sequence[Run], key: str) -> tuple[tuple[Panel, ...], bool]:
    """Draw one histogram panel per run.

    Args:
        runs: all runs; their panels come in this order.
        key: which histogram of the site records.

    Returns:
        The panels of the runs that have sites, and whether all share one axis. They do
        unless the widest is more than eight times the narrowest.

    Example:
        >>> from relu_jax.report import verdicts
        >>> (run,) = verdicts.runs({"runs": [{"sites": [{"id": "relu_0", "rms_d_pre": 0.5}]}]})
        >>> panels, shared = histograms([run], "hist_pre")
        >>> len(panels), shared
        (1, True)
    """
    stacks = {
        run.order: [ridge(site.get(key), _histogram_note(site, i, key)) for i, site in _each(run)]
        for run in runs
        if run.sites
    }
    bounds = {index: span(stack) for index, stack in stacks.items()}
    widths = [high - low for low, high in bounds.values()]
    common = bool(widths) and max(widths) <= 8 * min(widths)
    if common:
        lows, highs = zip(*bounds.values(), strict=True)
        bounds = dict.fromkeys(bounds, (min(lows), max(highs)))
    panels = []
    for run in runs:
        if run.order in stacks:
            label = f"histograms per site of {shorten(run.name, _NOTE)}"
            picture = ridge_chart(
                stacks[run.order],
                bounds[run.order],
                run.style,
                label,
                magnitudes=key == "hist_d_pre",
            )
            panels.append(Panel(shorten(run.group, _NOTE), picture, shorten(run.stage, _NOTE)))
    return tuple(panels), common


def curves(runs: Sequence[Run]) -> tuple[Panel, ...]:
    """Draw the training history, a panel per recorded quantity (the first four).

    Example:
        >>> from relu_jax.report import verdicts
        >>> history = {"step": [0, 1], "loss": [2.0, 1.0]}
        >>> [panel.heading for panel in curves(verdicts.runs({"runs": [{"history": history}]}))]
        ['Loss']
    """
    taught = [run for run in runs if (run.record.get("history") or {}).get("step")]
    keys = dict.fromkeys(k for run in taught for k in run.record["history"] if k != "step")
    return tuple(_curve(taught, key) for key in list(keys)[:_CURVES])


def _curve(runs: Sequence[Run], key: str) -> Panel:
    lines = []
    for run in runs:
        history = run.record["history"]
        lines.append(thin(Series(run.style, tuple(history["step"]), tuple(history.get(key) or ()))))
    y = svg.fitted(v for one in lines for v in one.y)
    x = svg.scale((v for one in lines for v in one.x), log=False)
    name = shorten(key, 30)
    frame = Frame(f"{name} over training steps", x, y, "step", f"↑ {name}", whole_x=False)
    return Panel(words(name), line_chart(lines, frame))


def _depth_series(run: Run, key: str) -> Series:
    values = tuple(site.get(key) for site in run.sites)
    notes = tuple(f"{_where(run, site, i)} · {number(site.get(key))}" for i, site in _each(run))
    return Series(run.style, tuple(range(1, len(values) + 1)), values, notes)


def _row(run: Run, share: Callable[[Mapping[str, Any]], tuple[Any, str]]) -> Row:
    told = [share(site) for site in run.sites]
    notes = tuple(
        f"{_where(run, site, i)} · {text}"
        for (i, site), (_, text) in zip(_each(run), told, strict=True)
    )
    return Row(run.group, run.stage, run.style, tuple(v for v, _ in told), notes)


def _saturated(site: Mapping[str, Any]) -> tuple[Any, str]:
    """Show what is beyond the usual: half the values of a healthy rectifier are on its off side."""
    share, usual = site.get("saturated"), site.get("saturated_usual") or 0.0
    told = f"saturated {percent(share)}, usual {percent(usual)}"
    if not isinstance(share, float) or usual >= 1:
        return share, told
    return max(0.0, (share - usual) / (1 - usual)), told


def _zeros(site: Mapping[str, Any]) -> tuple[Any, str]:
    return site.get("zeros"), f"exact zeros {percent(site.get('zeros'))}"


def _dead(site: Mapping[str, Any]) -> tuple[Any, str]:
    dead, units = site.get("dead"), site.get("units")
    share = dead / units if dead is not None and units else None
    return share, f"{number(dead)} of {number(units)} units dead"


def _histogram_note(site: Mapping[str, Any], index: int, key: str) -> str:
    histogram = site.get(key) or {}
    cut = [f"{value(histogram[k])} {k}" for k in ("below", "above", "zeros") if histogram.get(k)]
    return ", ".join([f"site {index}: {shorten(str(site.get('id')), _NOTE)}", *cut])


def _each(run: Run) -> list[tuple[int, Mapping[str, Any]]]:
    return list(enumerate(run.sites, 1))


def _where(run: Run, site: Mapping[str, Any], index: int) -> str:
    stage = f" · {shorten(run.stage, 30)}" if run.stage else ""
    place = " · in a branch" if site.get("branch") else ""
    place += " · last turn of a while loop" if site.get("in_while") else ""
    name = shorten(str(site.get("id")), _NOTE)
    return f"{shorten(run.group, _NOTE)}{stage} · site {index}: {name}{place}"
