"""Is there an activation where one is needed?"""

from collections import Counter
from collections.abc import Sequence

from relu_jax.diagnosis import thresholds
from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.types import Finding
from relu_jax.tap import Linear


def judge(facts: Facts) -> list[Finding]:
    """Find networks without any activation, and linear maps that follow one another."""
    if not facts.sites:
        return [_no_activation(facts)]
    by_path = {linear.path: linear for linear in facts.linear}
    times = Counter(linear.path for linear in facts.linear)
    looped = {site.path for site in facts.sites if site.loops or site.in_while}
    return _not_run(list(facts.idle)) + [
        _linear_stack(by_path[path], linear, reused=times[linear.path] > 1 or linear.path in looped)
        for linear in facts.linear
        for path in linear.after
        if path in by_path
    ]


def _no_activation(facts: Facts) -> Finding:
    chained = 2 if any(linear.after for linear in facts.linear) else min(len(facts.linear), 1)
    severity = thresholds.severity("no_activation", 2 if facts.opaque else chained) or "info"
    n = len(facts.linear)
    maps = "1 linear map" if n == 1 else f"{n or 'no'} linear maps"
    what = f"No activation was found; the network has {maps}"
    what += " and is linear as a whole." if chained > 1 else "."
    if facts.opaque:
        what += f" Not entered, so not judged: {', '.join(facts.opaque[:3])}."
    path = facts.linear[0].path if facts.linear else ""
    return finding("no_activation", severity, path, what, {"linear maps": n})


def _not_run(idle: Sequence[str]) -> list[Finding]:
    if not idle:
        return []
    what = f"No batch came by {', '.join(idle[:3])}{', …' if idle[3:] else ''}: "
    what += "nothing was measured there."
    severity = thresholds.severity("not_run", len(idle)) or "info"
    return [finding("not_run", severity, idle[0], what, {"sites": len(idle)})]


def _linear_stack(first: Linear, second: Linear, *, reused: bool) -> Finding:
    """Report a pair; it is mild where the two could not be merged into one as small."""
    # Of a kernel over several places, the channels between do not bound the rank.
    narrow = second.n_in == first.n_out < min(first.n_in, second.n_out)
    grouped = max(first.groups, second.groups) > 1
    meant = narrow or reused or grouped or second.forked
    severity = thresholds.severity("linear_stack", 0 if meant else 1) or "info"
    what = f"Nothing stands between {first.path} and {second.path}: together they are one map"
    what += f" of rank at most {first.n_out}." if narrow else "."
    what += " One of them is grouped, which saves weights." if grouped else ""
    what += " What the first gives goes elsewhere too." if second.forked else ""
    what += " The second is used again, so this may be meant." if reused else ""
    evidence = {"n_in": first.n_in, "inner width": first.n_out, "n_out": second.n_out}
    return finding("linear_stack", severity, second.path, what, evidence)
