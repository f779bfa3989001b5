"""Which NaN or inf came first?"""

from collections.abc import Sequence
from itertools import groupby

from relu_jax.diagnosis import thresholds
from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.types import Cause, Finding

_PLACES = ("parameter", "data", "forward", "loss", "backward", "gradient")
_LEAVES = ("parameter", "data")
_WORDS = {
    ("parameter", ""): "The parameter {name} holds {count} NaN or infinite values.",
    ("data", ""): "The data leaf {name} holds {count} NaN or infinite values.",
    ("forward", "argument"): "Going forward, NaN or inf first appears in what enters {name}; "
    "parameters, data and the sites before it are finite.",
    ("forward", "result"): "{name} gives NaN or inf for finite arguments.",
    ("loss", ""): "The loss is NaN or inf although every site before it is finite.",
    ("backward", "argument"): "Going back from the loss, the gradient is first NaN or inf where "
    "it arrives at {name}: it is born after that site. The forward pass is finite.",
    ("backward", "result"): "The derivative of {name} itself turns a finite gradient into NaN or "
    "inf. The forward pass is finite.",
    ("gradient", ""): "The gradient of {name} is NaN or inf although the gradient is finite at "
    "every site: it is born before the first one.",
}


def judge(facts: Facts) -> list[Finding]:
    """Name the places where non-finite values began, the earliest kind of place first."""
    ordered = sorted(facts.causes, key=_rank)
    grouped = groupby(ordered, key=lambda cause: (cause.spreads, cause.place, cause.detail))
    return [finding for _, group in grouped for finding in _findings(list(group))]


def _rank(cause: Cause) -> tuple[bool, int, str, int]:
    return not cause.spreads, _PLACES.index(cause.place), cause.detail, cause.first


def _findings(alike: Sequence[Cause]) -> list[Finding]:
    """Report leaves together, since one step of training spreads NaN to all; sites each."""
    if alike[0].place not in _LEAVES:
        return [_finding(cause, []) for cause in alike]
    return [_finding(alike[0], [cause.name for cause in alike[1:]])]


def _finding(cause: Cause, others: Sequence[str]) -> Finding:
    what = _WORDS[cause.place, cause.detail].format(name=cause.name, count=cause.count)
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        what += f" So do {', '.join(others[:3])}{more}."
    if not cause.spreads:
        what += " Loss and gradients are finite all the same: a mask, perhaps."
    evidence = {
        "place": cause.place,
        "values": cause.count,
        "leaves": 1 + len(others),
        "batches": cause.batches,
        "first batch": cause.first,
    }
    severity = thresholds.severity("non_finite", cause.spreads) or "info"
    return finding("non_finite", severity, cause.name, what, evidence)
