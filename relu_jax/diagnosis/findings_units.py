"""Do the units of a site pass the gradient on?"""

from collections.abc import Sequence

from relu_jax.diagnosis import facts as of
from relu_jax.diagnosis import kinds, thresholds, ways
from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.types import Finding, SiteReport

_APART = 3  # sites told one by one; more are told together
_OF_ONE_CAUSE = ("symmetric_units",)  # a start that draws nothing: told together, however few
_FEW = 4  # units: of fewer, a few may well be the same on purpose
_HALF_WORDS = 2  # bytes: rounding to 0 is the format's doing, not only the argument's


def judge(facts: Facts) -> list[Finding]:
    """Find symmetric, dead, underflowing and saturated sites: one finding per site, the cause."""
    return _together(_apart(facts))


def blamed(facts: Facts) -> list[str]:
    """List the sites with a finding of their own that is more than an info."""
    return [one.site for one in _apart(facts) if one.severity != "info"]


def _apart(facts: Facts) -> list[Finding]:
    found = []
    begun = [c.name for c in facts.causes if (c.place, c.detail) == ("backward", "result")]
    for i, report in enumerate(facts.reports):
        if report.nonfinite_forward:
            break  # what comes after carries its NaN or inf
        # Where NaN begins in the derivative, the size of the argument is its cause.
        if not of.is_finite(report) and report.id not in begun:
            continue
        walls = (before for before in facts.reports[:i] if of.is_dead(before))
        if of.is_dead(report) and not all(ways.apart(wall, report) for wall in walls):
            continue  # it sees a constant: told with the first
        found += _first(_symmetric(report), _dead(facts, i), _underflow(report), _saturated(report))
    return found


def _together(found: Sequence[Finding]) -> list[Finding]:
    """Say what many sites share once: under the first of them, or the worst where it is mild."""
    told = []
    for kind, severity in dict.fromkeys((one.kind, one.severity) for one in found):
        alike = [one for one in found if (one.kind, one.severity) == (kind, severity)]
        if len(alike) <= _APART and severity != "info" and kind not in _OF_ONE_CAUSE:
            told += alike
            continue
        named = alike[0] if severity != "info" else max(alike, key=_share)
        others = [one.site for one in alike if one is not named]
        more = ", …" if len(others) > _APART else ""
        also = f" To some degree also at {', '.join(others[:_APART])}{more}." if others else ""
        evidence = {**named.evidence, "sites": len(alike)}
        told.append(named._replace(what=named.what + also, evidence=evidence))
    return told


def _share(found: Finding) -> float:
    return float(found.evidence.get("dead", 0)) / float(found.evidence.get("units", 1))


def _first(*candidates: Finding | None) -> list[Finding]:
    return [found for found in candidates if found is not None][:1]


def _symmetric(report: SiteReport) -> Finding | None:
    """Report units that compute one and the same thing; a gate of a few values has too few."""
    alike, units = report.alike or 0, report.units
    severity = thresholds.severity("symmetric_units", alike / units) if units >= _FEW else None
    if severity is None:
        return None
    left = 1 + units - alike
    width = "a single unit" if left == 1 else f"{left} units"
    quantity = f"All {units}" if alike == units else f"{alike} of {units}"
    what = (
        f"{quantity} units of {report.id} compute the same, forward and backward: the layer has "
        f"the width of {width}, and equal gradients keep it so."
    )
    return finding("symmetric_units", severity, report.id, what, {"alike": alike, "units": units})


def _dead(facts: Facts, i: int) -> Finding | None:
    report = facts.reports[i]
    if not of.has_flat_side(report.site) or not report.units:
        return None
    severity = thresholds.severity("dead_units", report.dead / report.units)
    if severity is None:
        return None
    seen = min(report.n, report.examples)
    if seen * (report.units if of.is_dead(report) else 1) < thresholds.FEW_EXAMPLES.value:
        severity = thresholds.FEW_EXAMPLES.severity
    walled = facts.reports[i + 1 :] if of.is_dead(report) else ()
    after = [r.id for r in walled if of.is_dead(r) and not ways.apart(report, r)]
    what = (
        f"{_quantity(report)} of {report.id} are dead: the derivative of {report.site.kind} is "
        f"exactly 0 on all {seen} examples.{_aftermath(report, after)}"
    )
    evidence = {
        "dead": report.dead,
        "units": report.units,
        "examples": seen,
        "activity at most": report.activity_upper,
        "zeros": report.zeros,
    }
    return finding("dead_units", severity, report.id, what, evidence)


def _quantity(report: SiteReport) -> str:
    share = f"{report.dead} of {report.units} units"
    return f"All {report.units} units" if report.dead == report.units else share


def _aftermath(report: SiteReport, after: Sequence[str]) -> str:
    if report.dead < report.units:
        return ""
    told = " No gradient passes to the layers before it."
    return f"{told} {', '.join(after[:4])} after it see a constant." if after else told


def _underflow(report: SiteReport) -> Finding | None:
    share = report.underflow or 0.0
    severity = _careful(thresholds.severity("underflow", share), report)
    # In float32 only extreme arguments underflow: their size is the fault, and is told as such.
    if severity is None or _bytes(report.site.dtype) > _HALF_WORDS:
        return None
    if not kinds.known(report.site).bounded:  # its off side passes next to nothing anyway
        severity = "warning" if severity == "critical" else "info"
    what = (
        f"{share:.0%} of the derivatives at {report.id} are rounded to exactly 0 in "
        f"{report.site.dtype}, though {report.site.kind} has a slope there."
    )
    evidence = {"underflow": share, "dtype": report.site.dtype, "rms_pre": report.rms_pre}
    return finding("underflow", severity, report.id, what, evidence)


def _saturated(report: SiteReport) -> Finding | None:
    known = kinds.known(report.site)
    if report.saturated is None or known.saturated is None:
        return None
    if known.flat and not known.bounded:
        return None  # its flat side is meant; units that never leave it are dead
    excess = (report.saturated - known.saturated) / (1 - known.saturated)
    severity = thresholds.severity("saturated", excess)
    if not known.bounded:  # one side passes the gradient, the other is the rectifier's off side
        severity = "warning" if severity == "critical" else None
    severity = _careful(severity, report)
    if severity is None:
        return None
    what = (
        f"{report.saturated:.0%} of {report.id} is saturated: {report.site.kind} is nearly flat "
        f"there (standard normal arguments would give {known.saturated:.1%})."
    )
    evidence = {
        "saturated": report.saturated,
        "expected": known.saturated,
        "rms_pre": report.rms_pre,
        "gradient factor": _factor(report),
    }
    return finding("saturated", severity, report.id, what, evidence)


def _careful(severity: str | None, report: SiteReport) -> str | None:
    """Warn of no share that was measured on a handful of values."""
    few = report.n * report.units < thresholds.FEW_VALUES.value
    return thresholds.FEW_VALUES.severity if severity and few else severity


def _factor(report: SiteReport) -> float | str:
    if report.norm_d_pre is None or not report.norm_d_post:
        return "not measured"
    return report.norm_d_pre / report.norm_d_post


def _bytes(dtype: str) -> int:
    return 2 if dtype in ("bfloat16", "float16") else 1 if "float8" in dtype else 4
