"""What is wrong, where, and what to try? The rules, and the order of what they find."""

from relu_jax.diagnosis import (
    findings_flow,
    findings_nonfinite,
    findings_parameters,
    findings_structure,
    findings_units,
    thresholds,
)
from relu_jax.diagnosis.facts import Facts
from relu_jax.diagnosis.types import Finding

_ORDER = tuple(kind.name for kind in thresholds.KINDS)


def judge(facts: Facts) -> tuple[Finding, ...]:
    """Apply every rule: critical first, causes before what they cause, then program order."""
    units = findings_units.judge(facts)
    found = [
        *findings_nonfinite.judge(facts),
        *units,
        *findings_flow.judge(facts, findings_units.blamed(facts)),
        *findings_parameters.judge(facts),
        *findings_structure.judge(facts),
    ]
    return tuple(sorted(found, key=_rank))


def _rank(found: Finding) -> tuple[int, int]:
    return thresholds.SEVERITIES.index(found.severity), _ORDER.index(found.kind)
