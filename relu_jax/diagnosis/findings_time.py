"""Do the signal and the gradient of a recurrent network keep their size over its steps?

A loop over steps is one site, summed over its turns: what happens from turn to turn is judged
here. Judged is the smaller of two factors, that between the two ends and that of the trend (the
median slope between any two turns), so that a start-up, a growth that levels off, or one
exceptional step is no finding.
"""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from statistics import median
from typing import NamedTuple

from relu_jax.diagnosis import facts as of
from relu_jax.diagnosis import thresholds
from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.findings_flow import FAR, size, times
from relu_jax.diagnosis.types import Finding, SiteReport

_AT_MOST = 128  # turns whose pairs are compared
_Points = list[tuple[int, float]]


class _Change(NamedTuple):
    """How much something changes over the turns of a loop."""

    total: float  # log of the factor
    span: int  # turns from the first to the last that count


def judge(facts: Facts) -> list[Finding]:
    """Find signals and gradients that vanish or explode through time, once per loop."""
    timed = [r for r in facts.reports if r.turns_post is not None and of.is_finite(r)]
    found = []
    for _, group in groupby(timed, key=lambda r: (r.site.loops, r.site.order)):
        loop = list(group)
        found += _judged(loop, "gradient", _gradient)
        found += _judged(loop, "signal", _signal)
    return found


def _judged(
    loop: Sequence[SiteReport], word: str, read: Callable[[SiteReport], _Points]
) -> list[Finding]:
    """Judge one loop by the site that loses least, or gains most: others may be off the way."""
    changes = {r.id: change for r in loop if (change := _change(read(r))) is not None}
    if not changes:
        return []
    name = max(changes, key=lambda one: changes[one].total / changes[one].span)
    total, span = changes[name]
    kind = f"exploding_{word}" if total > 0 else f"vanishing_{word}"
    gated = any(report.site.gates for report in loop)
    severity = thresholds.severity(kind, _factor(total))
    severity = severity if total > 0 else _faded(changes[name], gated=gated)
    if severity is None:
        return []
    rate = math.exp(total / span)
    way = "back from the last turn" if word == "gradient" else "from the first turn on"
    what = (
        f"Through time the {word} becomes {times(total)} {size(total)} over {span + 1} turns of "
        f"the loop at {name}, {way}: it changes by a factor of {rate:.3g} per turn."
    )
    evidence = {"rate per turn": rate, "total": _factor(total), "turns": span + 1}
    told = finding(kind, severity, name, what, evidence)
    return [told._replace(remedy=thresholds.THROUGH_TIME[kind])]


def _faded(change: _Change, *, gated: bool) -> str | None:
    """Judge what vanishes through time; gates that start half open are allowed their share."""
    severity = _forgotten(-change.total)
    beyond = -change.total - change.span * math.log(thresholds.HALF_OPEN.value)
    if severity and gated and _forgotten(beyond) != severity:
        return thresholds.HALF_OPEN.severity
    return severity


def _forgotten(lost: float) -> str | None:
    reached = (limit for limit in thresholds.FORGETTING if _factor(lost) >= limit.value)
    return next((limit.severity for limit in reached), None)


def _factor(log: float) -> float:
    return math.exp(min(log, FAR))


def _gradient(report: SiteReport) -> _Points:
    """List (turns back from the last, log of the gradient there)."""
    return _logs((report.turns_d_pre or ())[::-1])


def _signal(report: SiteReport) -> _Points:
    """List (turn, log of the signal there), where a gradient says that the turn is of use."""
    sizes = report.turns_post or ()
    used = report.turns_d_pre or sizes
    return _logs([ahead if back else 0.0 for ahead, back in zip(sizes, used, strict=True)])


def _logs(sizes: Sequence[float]) -> _Points:
    return [(i, math.log(rms)) for i, rms in enumerate(sizes) if rms > 0 and math.isfinite(rms)]


def _change(points: _Points) -> _Change | None:
    """Give the factor from end to end, or that of the trend where it is smaller."""
    if len(points) < thresholds.FEW_TURNS.value:
        return None
    some = points[:: -(-len(points) // _AT_MOST)]
    slope = median((b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(some) for b in some[i + 1 :])
    span = points[-1][0] - points[0][0]
    trend, ends = slope * span, points[-1][1] - points[0][1]
    return _Change(min(trend, ends, key=abs) if trend * ends > 0 else 0.0, span)
