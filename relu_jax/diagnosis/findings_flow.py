"""Do the signal and the gradient keep their size over depth, and if not, where is it lost?

The factor from the first site to the last is a product: at each site what the activation does,
between sites what the weights do. So a loss is either spread over depth or has a place.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from relu_jax.diagnosis import facts as of
from relu_jax.diagnosis import thresholds, ways
from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.types import Evidence, Finding, SiteReport

FAR = 700.0  # nats: where float64 ends
_ENOUGH = 3  # gaps between sites, to tell one that stands out from the others
_OUTLIER = 4.0  # median deviations: gains that differ widely anyway single nothing out


class _Jump(NamedTuple):
    """A weight whose gain stands out."""

    site: str  # the site it feeds
    ahead: float  # log of its forward gain over the median of the others
    back: float


def judge(facts: Facts, blamed: Sequence[str]) -> list[Finding]:
    """Find signals and gradients that vanish or explode.

    Args:
        facts: what was measured.
        blamed: ids of sites that have a finding of their own: what they do is told there.
    """
    facts = facts._replace(reports=tuple(ways.main_way(facts.reports)))
    jumps = _jumps(facts.reports)
    found = [_jump(jump) for jump in jumps if jump.site not in blamed]
    found += _signal(facts, jumps)
    found += _gradient(facts, jumps, blamed)
    return found


def _signal(facts: Facts, jumps: Sequence[_Jump]) -> list[Finding]:
    chain = [r for r in facts.reports if _usable(r.rms_post)]
    if len(chain) < 2:
        return []
    total = math.log(_of(chain[-1].rms_post) / _of(chain[0].rms_post))
    spread = total - sum(jump.ahead for jump in jumps)
    kind = "exploding_signal" if total > 0 else "vanishing_signal"
    severity = _severity(kind, total, spread)
    if severity is None:
        return []
    rate = facts.flow.forward_rate or math.nan
    what = (
        f"The signal becomes {times(total)} {size(total)} from {chain[0].id} to "
        f"{chain[-1].id}: it changes by a factor of {rate:.3g} per site."
    )
    return [finding(kind, severity, chain[-1].id, what, _evidence(total, rate, len(chain)))]


def _gradient(facts: Facts, jumps: Sequence[_Jump], blamed: Sequence[str]) -> list[Finding]:
    places = [i for i, r in enumerate(facts.reports) if r.norm_d_pre == 0]
    chain = [r for r in facts.reports[places[-1] + 1 if places else 0 :] if _usable(r.norm_d_pre)]
    if len(chain) < 2:
        return []
    total = math.log(_of(chain[0].norm_d_pre) / _of(chain[-1].norm_d_pre))
    spread = total - sum(jump.back for jump in jumps) - _blamed(chain, blamed)
    kind = "exploding_gradient" if total > 0 else "vanishing_gradient"
    gone = bool(places) and of.is_flushed(facts)
    severity = "critical" if gone else _severity(kind, total, spread)
    if severity is None:
        return []
    rate = facts.flow.backward_rate or math.nan
    what = (
        f"The gradient becomes {times(total)} {size(total)} on its way back from "
        f"{chain[-1].id} to {chain[0].id}: it changes by a factor of {rate:.3g} per site."
        + (f" Below {chain[0].id} it is rounded to 0." if gone else "")
    )
    return [finding(kind, severity, facts.reports[0].id if gone else chain[0].id, what,
                    _evidence(total, rate, len(chain)))]  # fmt: skip


def _blamed(chain: Sequence[SiteReport], blamed: Sequence[str]) -> float:
    """Sum, in logs, what sites with a finding of their own do beyond the median of the others."""
    measured = {r.id: _log_ratio(r.norm_d_pre, r.norm_d_post) for r in chain[:-1]}
    own = {name: value for name, value in measured.items() if value is not None}
    others = [value for name, value in own.items() if name not in blamed]
    usual = median(others) if others else 0.0
    return sum(own[name] - usual for name in blamed if name in own)


def _severity(kind: str, total: float, spread: float) -> str | None:
    """Judge by what is spread over depth; an effect with a place of its own is told there."""
    if total * spread <= 0:
        return None
    return thresholds.severity(kind, math.exp(min(abs(total), abs(spread))))


def _jumps(reports: Sequence[SiteReport]) -> list[_Jump]:
    """Find the weights whose gain stands out forward and backward alike, against the others."""
    gaps = []
    for before, after in pairwise(reports):
        ahead = _log_ratio(after.rms_pre, before.rms_post)
        back = _log_ratio(before.norm_d_post, after.norm_d_pre)
        if ahead is not None and back is not None:
            gaps.append(_Jump(after.id, ahead, back))
    if len(gaps) < _ENOUGH:
        return []
    found = []
    for i, gap in enumerate(gaps):
        others = gaps[:i] + gaps[i + 1 :]
        ahead = _beyond(gap.ahead, [other.ahead for other in others])
        back = _beyond(gap.back, [other.back for other in others])
        if ahead * back > 0:
            found.append(_Jump(gap.site, ahead, back))
    return found


def _beyond(gain: float, others: Sequence[float]) -> float:
    """Give how far a gain lies from the median of the others; 0 where it does not stand out."""
    middle = median(others)
    usual = median(abs(other - middle) for other in others)
    far = max(math.log(thresholds.JUMP.value), _OUTLIER * usual)
    return gain - middle if abs(gain - middle) >= far else 0.0


def _jump(jump: _Jump) -> Finding:
    kind = "exploding_signal" if jump.ahead > 0 else "vanishing_signal"
    size = min(abs(jump.ahead), abs(jump.back))
    severity = thresholds.severity(kind, math.exp(size))
    more = "more" if jump.ahead > 0 else "less"
    what = (
        f"The weight before {jump.site} passes {times(jump.ahead)} {more} signal than the other "
        f"weights do, and {times(jump.back)} {more} gradient: is it scaled twice?"
    )
    evidence = {"forward factor": math.exp(jump.ahead), "backward factor": math.exp(jump.back)}
    worst = "critical" if severity == "critical" else thresholds.JUMP.severity
    return finding(kind, worst, jump.site, what, evidence)


def _usable(size: float | None) -> bool:
    return size is not None and size > 0 and math.isfinite(size)


def _of(size: float | None) -> float:
    return math.nan if size is None else size


def _log_ratio(a: float | None, b: float | None) -> float | None:
    return math.log(_of(a) / _of(b)) if _usable(a) and _usable(b) else None


def _evidence(total: float, rate: float, n: int) -> Evidence:
    return {"rate per site": rate, "total": math.exp(total), "sites": n}


def size(total: float) -> str:
    """Say which way a factor goes, by its logarithm."""
    return "larger" if total > 0 else "smaller"


def times(total: float) -> str:
    """Word a factor, by its logarithm.

    Example:
        >>> import math
        >>> times(math.log(2345)), times(-math.log(2e7))
        ('2,340 times', '2e+07 times')
    """
    factor = float(f"{math.exp(min(abs(total), FAR)):.3g}")
    return f"{factor:,.0f} times" if 100 <= factor < 1e6 else f"{factor:.3g} times"
