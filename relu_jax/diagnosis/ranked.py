"""How is a ranking of changes told: as a table, as plain data, in one sentence?"""

import math
from typing import Any

from relu_jax.core.wording import plural
from relu_jax.diagnosis.types import shown

AS_IS = "as it is"  # the name of the network without any change


def headline(found: Any) -> str:
    """Say what is ranked, by what."""
    most = max(len(variant.trials) for variant in found.variants)
    seeds = f"{most} {plural(most, 'seed', 'seeds')}"
    when = "at the start: fewest warnings first, then fewest powers of ten from end to end"
    if found.steps:
        when = f"after {found.steps} {plural(found.steps, 'step', 'steps')}"
    return f"{found.measure} {when}, {seeds}; lower is better; factors are from end to end"


_COLUMNS = (
    "change", "", "better by", "95 %", "signal", "theory", "gradient", "theory",
    "warnings",
)  # fmt: skip


def table(found: Any) -> list[str]:
    """Lay the ranking out in lines."""
    head = (_COLUMNS[0], found.measure, *_COLUMNS[2:])
    rows = [head, *(_row(variant) for variant in found.variants)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(variant: Any) -> tuple[str, ...]:
    forward, backward = variant.flow
    ends = (variant.gain.low, variant.gain.high)
    interval = "–" if None in ends else f"[{ends[0]:.3g}, {ends[1]:.3g}]"
    own = variant.name == AS_IS
    return (
        shown(variant.name),
        _number(variant.score),
        "–" if own else _number(variant.gain.value),
        "–" if own else interval,
        _number(forward),
        _number(variant.expected.forward_total),
        _number(backward),
        _number(variant.expected.backward_total),
        _kinds(variant),
    )


def _kinds(variant: Any) -> str:
    words = [kind + (" (new)" if kind in variant.added else "") for kind in variant.warnings]
    return ", ".join(words) or "none"


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"


def as_dict(found: Any, name: str) -> dict[str, Any]:
    """Turn a `Comparison` into plain data, without its diagnoses."""
    severity, words = _best(found)
    return {
        "name": name,
        "measure": found.measure,
        "steps": found.steps,
        "headline": headline(found),
        "variants": [_ranked(variant) for variant in found.variants],
        "summary": [{"severity": severity, "text": f"{name}: {words}"}],
    }


def _best(found: Any) -> tuple[str, str]:
    """Say what came out, and whether it is more than chance."""
    best, gain = found.best, found.best.gain
    if not math.isfinite(best.score):
        return "warning", f"neither the network as it is nor a change has a finite {found.measure}"
    if best.name == AS_IS:
        n = len(found.variants) - 1
        none = f"none of {n} {plural(n, 'change', 'changes')} is better than the network as it is"
        return "info", none
    words = f"{shown(best.name)} is the best of {len(found.variants)}"
    if not math.isfinite(gain.value):
        return "healthy", f"{words}; the network as it is has no finite {found.measure}"
    if gain.value <= 0:  # a start: warnings count before the score
        return "healthy", f"{words}, by its warnings"
    words += f", {found.measure} lower by {gain.value:.3g}"
    if gain.low is None and not found.steps and len(best.trials) == len(found.as_is.trials) == 1:
        return "healthy", f"{words}; nothing in it is drawn"
    if gain.low is None:
        return "info", f"{words}, of one seed"
    words += f" [{gain.low:.3g}, {gain.high:.3g}]"
    return ("healthy", words) if gain.low > 0 else ("info", f"{words}, which may be chance")


def _ranked(variant: Any) -> dict[str, Any]:
    losses = [list(trial.losses) for trial in variant.trials]
    return {**_figures(variant), "warnings": list(variant.warnings), "losses": losses}


def with_trials(variant: Any) -> dict[str, Any]:
    """Turn one change into plain data, every diagnosis in it."""
    return {**_figures(variant), "trials": [_trial(trial) for trial in variant.trials]}


def _figures(variant: Any) -> dict[str, Any]:
    forward, backward = variant.flow
    return {
        "name": variant.name,
        "own": variant.name == AS_IS,
        "score": variant.score,
        "gain": variant.gain._asdict(),
        "removed": list(variant.removed),
        "added": list(variant.added),
        "expected": variant.expected._asdict(),
        "flow": {"forward_total": forward, "backward_total": backward},
    }


def _trial(trial: Any) -> dict[str, Any]:
    return {
        "seed": trial.seed,
        "losses": list(trial.losses),
        "before": trial.before.to_dict(),
        "after": None if trial.after is None else trial.after.to_dict(),
    }
