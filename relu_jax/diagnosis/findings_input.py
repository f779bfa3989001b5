"""Is what enters the network of a sensible size?"""

import math
from collections.abc import Sequence

from relu_jax.diagnosis import facts as of
from relu_jax.diagnosis import kinds, thresholds
from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.types import Finding, SiteReport


def judge(facts: Facts, blamed: Sequence[str]) -> list[Finding]:
    """Find inputs that were not normalised, by what the first weight makes of them.

    Args:
        facts: what was measured.
        blamed: ids of sites that have a finding of their own: a saturated or a dead first site
            tells of its large argument itself.
    """
    first = _first(facts)
    if first is None or first.id in blamed or not of.is_finite(first):
        return []
    size = _size(first)
    # What every layer adds is an exploding signal, and told as that.
    beyond = size / max(1.0, facts.flow.forward_rate or 1.0)
    severity = thresholds.severity("input_scale", beyond)
    if severity is None:
        return []
    what = (
        f"What enters {first.id}, the first activation, has an RMS of {size:.3g}: either the "
        "inputs are not normalised (pixels of 0 to 255?) or the weight before it is too large."
    )
    return [finding("input_scale", severity, first.id, what, {"rms_pre": size})]


def _first(facts: Facts) -> SiteReport | None:
    """Find the first site that a weight feeds, where its function passes its argument's size on.

    A sine takes large arguments on purpose, as does what no weight feeds (a logarithm of raw
    counts), and of an unknown function nothing is claimed.
    """
    fed = next((site for site in facts.sites if site.path), None)
    if fed is None or kinds.known(fed).sup is None:
        return None
    return next((r for r in facts.reports if r.site.id == fed.id), None)


def _size(report: SiteReport) -> float:
    """Give the RMS of the argument; in a loop over steps, no more than comes out of its first."""
    first = report.turns_post[0] if report.turns_post else math.inf
    return min(report.rms_pre, first)
