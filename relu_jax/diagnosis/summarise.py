"""Which numbers do the sums of a diagnosis amount to?"""

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np

from relu_jax.analyses import turns
from relu_jax.diagnosis import bins, kinds, symmetry, ways
from relu_jax.diagnosis.totals import Totals
from relu_jax.diagnosis.types import Flow, Histogram, SiteReport
from relu_jax.tap import Site


class _Turn(NamedTuple):
    """One site, or one turn of its loop over layers."""

    site: Site
    turn: int
    id: str


def site_reports(sites: Sequence[Site], totals: Totals) -> dict[str, SiteReport]:
    """Build one report per site and turn, in program order.

    Args:
        sites: the observed sites, in program order.
        totals: their sums.
    """
    shown = [_report(one, totals) for one in _in_order(sites, totals) if _examples(totals, one)]
    way = ways.main_way(shown)
    gains = {}
    for i, report in enumerate(way):
        before = way[i - 1].rms_post if i else None
        after = next((r.norm_d_pre for r in way[i + 1 :] if r.norm_d_pre is not None), None)
        gains[report.id] = report._replace(
            gain_forward=_ratio(report.rms_post, before),
            gain_backward=_ratio(report.norm_d_pre, after),
        )
    return {report.id: gains.get(report.id, report) for report in shown}


def idle(sites: Sequence[Site], totals: Totals) -> dict[str, str]:
    """List the sites that ran in no batch and no turn, with their paths."""
    ran = {one.site.id for one in _in_order(sites, totals) if _examples(totals, one)}
    return {site.id: site.path for site in sites if site.id in totals.forward.keys() - ran}


def flow(reports: Sequence[SiteReport]) -> Flow:
    """Fit how signal and gradient change over depth, where they are finite and not zero."""
    way = ways.main_way(reports)
    ahead = _fitted([report.rms_post for report in way])
    back = _fitted([report.norm_d_pre for report in way][::-1])
    return Flow(ahead[0], back[0], ahead[1], back[1])


def _fitted(sizes: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Give the factor per site of a log-linear fit, and the factor from end to end."""
    points = [(i, math.log(s)) for i, s in enumerate(sizes) if s and math.isfinite(s)]
    if len(points) < 2:
        return None, None
    x, y = np.asarray(points, np.float64).T
    slope = np.polyfit(x, y, 1)[0]
    return float(np.exp(slope)), float(np.exp(y[-1] - y[0]))


def _in_order(sites: Sequence[Site], totals: Totals) -> list[_Turn]:
    """Put the turns of loops over layers in the order they run: a[0], b[0], a[1], b[1].

    Neighbours in loops of the same lengths are taken to stand in the same loop.
    """
    each = []
    for layered, group in groupby(sites, _loop_over_layers):
        members = list(group)
        if layered is None:
            each.extend(_Turn(site, 0, site.id) for site in members)
            continue
        for place in turns.running(members[0]):
            turn, mark = turns.flat(members[0], place), ",".join(map(str, place))
            each.extend(_Turn(site, turn, f"{site.id}[{mark}]") for site in members)
    return [one for one in each if one.site.id in totals.forward]


def _loop_over_layers(site: Site) -> tuple[Any, ...] | None:
    return (site.loops, site.order) if site.loop == "layers" else None


def _examples(totals: Totals, one: _Turn) -> int:
    """Count the examples of the batches in which a site ran."""
    ran = totals.ran.get(one.site.id)
    return totals.examples if ran is None else int(ran[one.turn])


def _report(one: _Turn, totals: Totals) -> SiteReport:
    site, turn = one.site, one.turn
    seen = totals.forward[site.id]
    examples = _examples(totals, one)
    n, units = int(seen.samples[turn, 0]), seen.alive.shape[1]
    elements = n * units
    known = kinds.known(site)
    alive = seen.alive[turn]
    numbers = {
        "site": site,
        "id": one.id,
        "units": units,
        "n": n,
        "examples": examples,
        "rms_pre": _rms(seen.squares_pre[turn], elements),
        "rms_post": _rms(seen.squares_post[turn], elements),
        **_backward(totals, one, elements, examples),
        **_through_time(totals, site.id),
        "dead": int(np.sum(alive == 0)),
        "activity_upper": 1.0 - 0.05 ** (1.0 / max(1, min(n, examples))),
        "saturated": _share(seen.saturated[turn], elements) if known.can_saturate else None,
        "saturated_usual": known.saturated,
        "zeros": _share(seen.zeros[turn], elements),
        "underflow": None if known.flat is not False else 1.0 - _share(alive, elements),
        "nonfinite_forward": int(seen.nonfinite_pre[turn].sum() + seen.nonfinite_post[turn].sum()),
        "hist_pre": _histogram(bins.PRE_EDGES, seen.at_least[turn], 1),
        "alive": tuple(alive.tolist()),
    }
    return SiteReport(**numbers, gain_forward=None, gain_backward=None)


def _backward(totals: Totals, one: _Turn, elements: int, examples: int) -> dict[str, Any]:
    ends = totals.backward.get(one.site.id)
    if ends is None:
        names = ("rms_d_pre", "rms_d_post", "norm_d_pre", "norm_d_post", "hist_d_pre", "alike")
        return dict.fromkeys(names) | {"nonfinite_backward": 0}
    pre, post, ahead = ends.pre, ends.post, totals.forward[one.site.id]
    sums = (ahead.squares_pre, ahead.squares_post, pre.squares, post.squares)
    return {
        "rms_d_pre": _rms(pre.squares[one.turn], elements),
        "rms_d_post": _rms(post.squares[one.turn], elements),
        "norm_d_pre": _rms(pre.squares[one.turn], examples),
        "norm_d_post": _rms(post.squares[one.turn], examples),
        "nonfinite_backward": int(pre.nonfinite[one.turn].sum() + post.nonfinite[one.turn].sum()),
        "hist_d_pre": _histogram(bins.LOG_EDGES, pre.at_least[one.turn], 2),
        "alike": symmetry.alike([each[one.turn] for each in sums], one.site.dtype),
    }


def _through_time(totals: Totals, name: str) -> dict[str, tuple[float, ...] | None]:
    """Give the RMS of each turn of a loop over steps."""
    seen = totals.turns.get(name)
    if seen is None:
        return dict.fromkeys(("turns_post", "turns_d_pre"))
    post, back = (
        None if sums is None else tuple(map(_rms_of, sums.tolist(), seen.elements.tolist()))
        for sums in (seen.post, seen.d_pre)
    )
    return {"turns_post": post, "turns_d_pre": back}


def _rms_of(squares: float, n: int) -> float:
    return math.sqrt(squares / n) if n else math.nan  # a turn that no batch came by


def _rms(squares: np.ndarray, n: int) -> float:
    return _rms_of(float(squares.sum()), n)


def _share(counts: np.ndarray, elements: int) -> float:
    return int(counts.sum()) / elements if elements else math.nan


def _histogram(edges: np.ndarray, at_least: np.ndarray, first: int) -> Histogram:
    """Turn counts from each mark on into counts between edges; the edges begin at mark `first`."""
    between = [int(low - high) for low, high in pairwise(at_least)]
    return Histogram(
        edges=tuple(map(float, edges)),
        counts=tuple(between[first:]),
        below=between[first - 1],
        above=int(at_least[-1]),
        zeros=between[0] if first == 2 else None,
    )


def _ratio(value: float | None, reference: float | None) -> float | None:
    if value is None or not reference:
        return None
    return value / reference
