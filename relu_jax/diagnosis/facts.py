"""What do the rules judge by? Everything measured, and a few questions about it."""

from collections.abc import Mapping
from typing import NamedTuple

from relu_jax.diagnosis import kinds, thresholds
from relu_jax.diagnosis.depth import Depth
from relu_jax.diagnosis.types import Cause, Evidence, Finding, Flow, ParameterReport, SiteReport
from relu_jax.tap import Linear, Site

_FLUSHED = 1e-30  # gradients this small are near the end of float32 and bfloat16
SMALLEST_HALF = 6e-8  # the smallest number of float16


class Facts(NamedTuple):
    """What was measured; sites in program order."""

    reports: tuple[SiteReport, ...]
    parameters: tuple[ParameterReport, ...]
    flow: Flow
    causes: tuple[Cause, ...]
    sites: tuple[Site, ...]  # all of them, also those that were not observed
    linear: tuple[Linear, ...]
    opaque: tuple[str, ...]
    examples: int
    idle: Mapping[str, str] = {}  # {id of a site that never ran: its path}
    depth: Depth | None = None


def finding(kind: str, severity: str, site: str, what: str, evidence: Evidence) -> Finding:
    """Build a finding with the remedy and the source of its kind."""
    row = thresholds.kind(kind)
    return Finding(kind, severity, site, what, evidence, row.remedy, row.source)


def is_finite(report: SiteReport) -> bool:
    """Say whether a site can be judged: no NaN or inf came through it."""
    return report.nonfinite_forward == 0 and report.nonfinite_backward == 0


def is_dead(report: SiteReport) -> bool:
    """Say whether no gradient passes any unit of a site."""
    return is_finite(report) and report.units > 0 and report.dead == report.units


def blocked(facts: Facts) -> list[int]:
    """List the places, in program order, of sites that no gradient passes."""
    return [i for i, report in enumerate(facts.reports) if is_dead(report)]


def is_cut(report: SiteReport) -> bool:
    """Say whether no gradient arrives at a site."""
    return report.norm_d_pre == 0


def is_flushed(facts: Facts) -> bool:
    """Say whether gradients became so small that their number format ends."""
    return any(
        r.rms_d_pre and r.rms_d_pre < (100 * SMALLEST_HALF if is_half(r) else _FLUSHED)
        for r in facts.reports
    )


def is_half(report: SiteReport) -> bool:
    """Say whether a site computes in float16, whose range ends early."""
    return report.site.dtype == "float16"


def has_flat_side(site: Site) -> bool:
    """Say whether a derivative of exactly 0 is part of the function; yes for an unknown one."""
    return kinds.known(site).flat is not False
