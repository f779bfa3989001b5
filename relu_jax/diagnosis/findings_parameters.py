"""Does every parameter get a gradient, and an update of a sensible size?"""

import math
from collections.abc import Sequence

import jax.numpy as jnp

from relu_jax.diagnosis import facts as of
from relu_jax.diagnosis import thresholds, ways
from relu_jax.diagnosis.facts import Facts, finding
from relu_jax.diagnosis.types import Finding, ParameterReport, SiteReport

# What Flax, Haiku, Keras, Equinox and PyTorch call the running statistics of a norm.
_STATISTICS = (
    "mean", "var", "running_mean", "running_var", "moving_mean", "moving_variance",
)  # fmt: skip


def judge(facts: Facts) -> list[Finding]:
    """Find frozen parameters, and updates that are too large or too small."""
    if any(cause.spreads for cause in facts.causes):
        return []  # gradients of NaN and inf tell nothing: relu turns NaN into exactly 0
    return [*_frozen(facts), *_large(facts.parameters), *_small(facts.parameters)]


def _frozen(facts: Facts) -> list[Finding]:
    """Report leaves with a gradient of exactly 0, unless a dead layer explains it."""
    left = [p for p in facts.parameters if p.zero_grad and not _explained(facts, p)]
    kept = [p for p in left if _is_statistic(p)]
    if kept and len(left) < len(facts.parameters):
        left = [p for p in left if p not in kept]
        told = _frozen_group(facts, kept, "info", "")
        also = " By name these are running statistics, which no gradient should reach."
        return [*_cut_off(facts, left), told._replace(what=told.what + also)]
    return _cut_off(facts, left)


def _is_statistic(parameter: ParameterReport) -> bool:
    names = parameter.path.removesuffix("/value").split("/")
    return names[-1] in _STATISTICS


def _cut_off(facts: Facts, left: Sequence[ParameterReport]) -> list[Finding]:
    if not left:
        return []
    share = len(left) / len(facts.parameters)
    severity = thresholds.severity("frozen_parameter", share) or "info"
    if share == 1.0:
        return [
            finding("frozen_parameter", severity, "", _none_at_all(facts), {"leaves": len(left)})
        ]
    if zero := _zero_weight(facts):
        severity = "info"
    cut = [p for p in left if (site := _own_site(facts, p)) is not None and of.is_cut(site)]
    groups = [cut] if cut else []
    groups += _layers([p for p in left if p not in cut])
    return [_frozen_group(facts, group, severity, zero) for group in groups]


def _none_at_all(facts: Facts) -> str:
    what = "No parameter gets any gradient: the loss does not depend on them"
    if any(map(of.is_half, facts.reports)):
        what += (
            f", or its gradient is below {of.SMALLEST_HALF:.0e}, where float16 ends: scale it up"
        )
    return what + "."


def _frozen_group(
    facts: Facts, group: Sequence[ParameterReport], severity: str, zero: str
) -> Finding:
    """Report leaves that are frozen together, under the name of the one nearest to the loss."""
    order = {report.site.path: i for i, report in enumerate(facts.reports)}
    name = max(group, key=lambda p: (order.get(p.path, -1), len(p.shape))).path
    others = [p.path for p in group if p.path != name]
    what = f"The gradient of {name} is exactly 0 on every batch"
    what += f", and so is that of {', '.join(others[:3])}" if others else ""
    what += f" and {len(others) - 3} more" if len(others) > 3 else ""
    what += f"; {zero} is all 0, so this may change with the first step." if zero else "."
    evidence = {"leaves": len(group), "examples": facts.examples}
    return finding("frozen_parameter", severity, name, what, evidence)


def _explained(facts: Facts, parameter: ParameterReport) -> bool:
    """Say whether a dead layer, one that never ran, or a gradient too small explains the zero."""
    silent = {r.site.id for r in facts.reports if r.rms_post == 0}
    fed_by = next((x.sites for x in facts.linear if x.path == parameter.path), ())
    if fed_by and silent.issuperset(fed_by):
        return True
    if any(_layer(path) == _layer(parameter.path) for path in facts.idle.values() if path):
        return True
    walls = of.blocked(facts)
    site = _own_site(facts, parameter)
    if site is None:
        return bool(walls)
    if not of.is_cut(site):
        return False
    place = facts.reports.index(site)
    return of.is_flushed(facts) or any(
        wall >= place and not ways.apart(facts.reports[wall], site) for wall in walls
    )


def _own_site(facts: Facts, parameter: ParameterReport) -> SiteReport | None:
    """Find the site that a leaf's layer feeds: its weight stands beside the leaf."""
    beside = _layer(parameter.path)
    exact = [r for r in facts.reports if r.site.path == parameter.path]
    near = [r for r in facts.reports if r.site.path and _layer(r.site.path) == beside]
    return next(iter(exact or near), None)


def _zero_weight(facts: Facts) -> str:
    """Name a weight that is all 0 and does get a gradient: it holds the others back for now."""
    weights = {linear.path for linear in facts.linear}
    zero = (p.path for p in facts.parameters if p.rms == 0 and not p.zero_grad)
    return next((path for path in zero if path in weights), "")


def _layers(left: Sequence[ParameterReport]) -> list[list[ParameterReport]]:
    groups: dict[str, list[ParameterReport]] = {}
    for parameter in left:
        groups.setdefault(_layer(parameter.path), []).append(parameter)
    return list(groups.values())


def _layer(path: str) -> str:
    return path.rpartition("/")[0] or path


def _large(parameters: Sequence[ParameterReport]) -> list[Finding]:
    ratios = {p.path: p.update_ratio or 0.0 for p in _weights(parameters)}
    what = "One step of the optimiser changes {name} by {value:.2g} of its size{others}."
    return _worst("large_update", ratios, ratios, what)


def _small(parameters: Sequence[ParameterReport]) -> list[Finding]:
    ratios = {p.path: p.update_ratio or 0.0 for p in _weights(parameters) if p.update_ratio}
    lost = {
        p.path: float(jnp.finfo(p.dtype).eps) / ratios[p.path]
        for p in parameters
        if p.path in ratios
    }
    what = "The update of {name} is {value:.2g} of its size, below what its dtype resolves{others}."
    return _worst("small_update", lost, ratios, what)


def _weights(parameters: Sequence[ParameterReport]) -> list[ParameterReport]:
    """Leave biases out: they start near 0, where a ratio says nothing."""
    return [p for p in parameters if len(p.shape) > 1 and p.rms > 0]


def _worst(
    kind: str, judged: dict[str, float], ratios: dict[str, float], what: str
) -> list[Finding]:
    """Report the leaf with the largest value, and count the others beyond a limit."""
    beyond = {k: v for k, v in judged.items() if math.isfinite(v) and thresholds.severity(kind, v)}
    if not beyond:
        return []
    name = max(beyond, key=lambda path: beyond[path])
    severity = thresholds.severity(kind, beyond[name]) or "info"
    others = f" ({len(beyond) - 1} more leaves likewise)" if len(beyond) > 1 else ""
    told = what.format(name=name, value=ratios[name], others=others)
    evidence = {"update ratio": ratios[name], "leaves": len(beyond)}
    return [finding(kind, severity, name, told, evidence)]
