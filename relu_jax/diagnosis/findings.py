"""What is wrong, where, and what to try? The rules, and the order of what they find."""

from relu_jax.diagnosis import (
    findings_depth,
    findings_flow,
    findings_input,
    findings_nonfinite,
    findings_parameters,
    findings_structure,
    findings_time,
    findings_units,
    thresholds,
)
from relu_jax.diagnosis.facts import Facts
from relu_jax.diagnosis.types import Finding

_ORDER = tuple(kind.name for kind in thresholds.KINDS)


def judge(facts: Facts) -> tuple[Finding, ...]:
    """Apply every rule: critical first, causes before what they cause, then program order."""
    blamed = findings_units.blamed(facts)
    through_time = findings_time.judge(facts)
    found = [
        *findings_nonfinite.judge(facts),
        *findings_input.judge(facts, blamed),
        *findings_units.judge(facts),
        *through_time,
        *_unexplained(findings_flow.judge(facts, blamed), through_time),
        *findings_parameters.judge(facts),
        *findings_structure.judge(facts),
        *findings_depth.judge(facts.depth),
    ]
    return tuple(sorted(found, key=_rank))


def _unexplained(over_depth: list[Finding], through_time: list[Finding]) -> list[Finding]:
    """Leave out what a loop over steps tells already: its sums carry it into those over depth."""
    return [
        one
        for one in over_depth
        if not any(one.kind == cause.kind and _rank(cause) <= _rank(one) for cause in through_time)
    ]


def _rank(found: Finding) -> tuple[int, int]:
    return thresholds.SEVERITIES.index(found.severity), _ORDER.index(found.kind)
