"""Which NaN or inf came first?"""

from collections.abc import Sequence
from itertools import groupby

from relu_jax.core.wording import plural
from relu_jax.diagnosis import thresholds
from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.types import Cause, Finding

_PLACES = ("parameter", "data", "forward", "loss", "backward", "gradient")
_LEAVES = ("parameter", "data")
_WORDS = {
    ("parameter", ""): "The parameter {name} holds {count} NaN or infinite {values}.",
    ("data", ""): "The data leaf {name} holds {count} NaN or infinite {values}.",
    ("forward", "argument"): "Going forward, NaN or inf first appears in what enters {name}; "
    "parameters, data and {before} are finite.",
    ("forward", "result"): "{name} gives NaN or inf for finite arguments.",
    ("loss", ""): "The loss is NaN or inf although {ahead}.",
    ("backward", "argument"): "Going back from the loss, the gradient is first NaN or inf where "
    "it arrives at {name}: it is born after that site. The forward pass is finite.",
    ("backward", "result"): "The derivative of {name} itself turns a finite gradient into NaN or "
    "inf. The forward pass is finite.",
    ("gradient", ""): "The gradient of {name} is NaN or inf although {back}.",
}
# Told by what was measured: where something was not entered, it may be born in there.
_INFERRED = (("forward", "argument"), ("loss", ""), ("backward", "argument"), ("gradient", ""))


def judge(facts: Facts) -> list[Finding]:
    """Name the places where non-finite values began, the earliest kind of place first."""
    ordered = sorted(facts.causes, key=_rank)
    grouped = groupby(ordered, key=lambda cause: (cause.spreads, cause.place, cause.detail))
    return [finding for _, group in grouped for finding in _findings(facts, list(group))]


def _rank(cause: Cause) -> tuple[bool, int, str, int]:
    return not cause.spreads, _PLACES.index(cause.place), cause.detail, cause.first


def _findings(facts: Facts, alike: Sequence[Cause]) -> list[Finding]:
    """Report leaves together, since one step of training spreads NaN to all; sites each."""
    if alike[0].place not in _LEAVES:
        return [_finding(facts, cause, []) for cause in alike]
    if alike[0].place == "parameter" and 1 < len(alike) >= len(facts.parameters) / 2:
        return [_diverged(facts, alike)]
    return [_finding(facts, alike[0], [cause.name for cause in alike[1:]])]


def _diverged(facts: Facts, alike: Sequence[Cause]) -> Finding:
    """Tell of a training that is over: every update after the first NaN spread it further."""
    told = _finding(facts, alike[0], [cause.name for cause in alike[1:]])
    what = (
        f"{len(alike)} of {len(facts.parameters)} parameters hold NaN or infinite values: "
        "the training that made them has diverged."
    )
    return told._replace(what=what, site="", remedy=thresholds.DIVERGED)


def _finding(facts: Facts, cause: Cause, others: Sequence[str]) -> Finding:
    what = _WORDS[cause.place, cause.detail].format(
        name=cause.name,
        count=cause.count,
        values=plural(cause.count, "value", "values"),
        **_scope(facts, cause.name),
    )
    if facts.opaque and (cause.place, cause.detail) in _INFERRED:
        what += f" Not entered: {', '.join(facts.opaque[:3])}; it may be born there."
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
    remedy = thresholds.NON_FINITE[cause.place, cause.detail]
    return finding("non_finite", severity, cause.name, what, evidence)._replace(remedy=remedy)


def _scope(facts: Facts, name: str) -> dict[str, str]:
    """Word how far the sites that were measured speak for the program."""
    if not facts.sites:
        nothing = "no activation was found to look at in between"
        return {
            "before": "whatever else was measured",
            "ahead": f"parameters and data are finite; {nothing}",
            "back": f"the loss is finite; {nothing}",
        }
    observed = {report.site.id for report in facts.reports}
    whole = observed.issuperset(site.id for site in facts.sites)
    both = whole and all(report.norm_d_pre is not None for report in facts.reports)
    every = "every site" if both else "every site where it was measured"
    return {
        "before": "the sites before it" if whole else "the observed sites before it",
        "ahead": "every site before it is finite" if whole else "every observed site is finite",
        "back": f"the gradient is finite at {every}: it is born in what {name} itself goes into",
    }
