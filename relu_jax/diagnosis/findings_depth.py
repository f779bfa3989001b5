"""What does full depth find that a pass over the batches does not? Slopes that decide by chance."""

from relu_jax.diagnosis import thresholds
from relu_jax.diagnosis.depth import Depth
from relu_jax.diagnosis.facts import finding
from relu_jax.diagnosis.types import Finding


def judge(depth: Depth | None) -> list[Finding]:
    """Name the sites at which a part of the gradient hangs on the slope at a kink."""
    found = []
    for one in depth.kinks if depth else ():
        moved = max((x for x in (one.below, one.above) if x == x), default=0.0)
        severity = thresholds.severity("kink", moved)
        if severity is None:
            continue
        hits = sum(one.hits)
        evidence = {
            "arguments": one.n, "on a kink": hits, "below": one.below, "above": one.above,
            "slopes": ", ".join(f"{slope:g}" for slope in one.slopes),
        }  # fmt: skip
        what = (
            f"{hits:,} of {one.n:,} arguments lie exactly on a kink, and the gradient moves by "
            f"{moved:.1%} with the slope of the other side there."
        )
        found.append(finding("kink", severity, one.site, what, evidence))
    return found
