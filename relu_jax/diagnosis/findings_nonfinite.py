"""Which NaN or inf came first?"""

from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.types import Cause, Finding

_PLACES = ("parameter", "data", "forward", "loss", "backward", "gradient")
_WORDS = {
    ("parameter", ""): "The parameter {name} holds {count} NaN or infinite values; all others "
    "follow from them.",
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
    ordered = sorted(facts.causes, key=lambda cause: (_PLACES.index(cause.place), cause.first))
    return [_finding(cause) for cause in ordered]


def _finding(cause: Cause) -> Finding:
    what = _WORDS[cause.place, cause.detail].format(name=cause.name, count=cause.count)
    evidence = {
        "place": cause.place,
        "values": cause.count,
        "batches": cause.batches,
        "first batch": cause.first,
    }
    return finding("non_finite", "critical", cause.name, what, evidence)
