"""How do the sums of many batches become one, on the host, in float64 and int64?"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from relu_jax.analyses import turns
from relu_jax.diagnosis import step
from relu_jax.diagnosis.statistics import SCALES, TINY, Backward, Forward
from relu_jax.tap import Cotangent, Site


class Turns(NamedTuple):
    """Sums of squares over all units, per turn of a loop over steps, in the order they run."""

    post: np.ndarray
    d_pre: np.ndarray | None
    elements: np.ndarray  # values at each turn


class Totals(NamedTuple):
    """Sums over batches. Arrays are [turns of a loop over layers, values]."""

    loss: float  # sum of examples · loss
    examples: int
    batches: int
    forward: dict[str, Forward]
    backward: dict[str, Cotangent]
    moved: np.ndarray  # per parameter leaf: batches whose gradient is not all 0
    turns: dict[str, Turns]  # of the sites in loops over steps
    ran: dict[str, np.ndarray]  # of sites that may not run: examples of the batches they ran in


def of_batch(seen: step.Seen, sites: Mapping[str, Site], examples: int) -> Totals:
    """Read what one batch gave."""
    forward = {name: _read(sites[name], one) for name, one in seen.forward.items()}
    return Totals(
        loss=float(seen.loss) * examples,
        examples=examples,
        batches=1,
        forward=forward,
        backward={
            name: Cotangent(_read(sites[name], one.pre), _read(sites[name], one.post))
            for name, one in seen.backward.items()
        },
        moved=np.asarray([peak != 0 for peak in seen.steepest], np.int64),
        turns={
            name: _through_time(sites[name], one, seen.backward.get(name))
            for name, one in seen.forward.items()
            if turns.has_time(sites[name])
        },
        ran={
            name: examples * (one.samples[:, 0] > 0)
            for name, one in forward.items()
            if sites[name].may_not_run
        },
    )


def add(total: Totals | None, new: Totals) -> Totals:
    """Add a batch to the sum.

    Edges: a site whose number of units changes from batch to batch has no units to tell apart:
    it is counted as one. Where the number of steps changes, the batches with most are told.
    """
    if total is None:
        return new
    for name in new.forward:
        if total.forward[name].alive.shape != new.forward[name].alive.shape:
            total, new = _as_one_unit(total, name), _as_one_unit(new, name)
    for name in new.turns:
        total, new = _longer(total, new, name), _longer(new, total, name)
    return jax.tree.map(np.add, total, new)._replace(
        loss=total.loss + new.loss,
        examples=total.examples + new.examples,
        batches=total.batches + new.batches,
    )


def _as_one_unit(sums: Totals, name: str) -> Totals:
    """Sum over the units of a site; what is not per unit stays."""
    ahead = sums.forward[name]
    units = ahead.alive.shape[1]
    whole = {
        key: value.sum(axis=1, keepdims=True) if key not in ("samples", "at_least") else value
        for key, value in ahead._asdict().items()
    }
    one = Forward(**whole | {"samples": ahead.samples * units})
    ends = sums.backward.get(name)
    backward = {} if ends is None else {name: Cotangent(*map(_pooled, ends))}
    return sums._replace(forward=sums.forward | {name: one}, backward=sums.backward | backward)


def _longer(sums: Totals, others: Totals, name: str) -> Totals:
    """Where the others have more turns in time, put zeros of their length."""
    if len(sums.turns[name].post) >= len(others.turns[name].post):
        return sums
    none = jax.tree.map(np.zeros_like, others.turns[name])
    return sums._replace(turns=sums.turns | {name: none})


def _pooled(end: Backward) -> Backward:
    return end._replace(
        squares=end.squares.sum(axis=1, keepdims=True),
        nonfinite=end.nonfinite.sum(axis=1, keepdims=True),
    )


def combined(scaled: np.ndarray) -> np.ndarray:
    """Take, of sums of squares at three scales, the one whose scale kept it, in float64."""
    plain, raised, lowered = (
        part.astype(np.float64) / scale**2 for part, scale in zip(scaled, SCALES, strict=True)
    )
    fits = np.isfinite(plain) & (plain >= TINY)
    return np.where(fits, plain, np.where(plain < TINY, raised, lowered))


def _through_time(site: Site, ahead: Any, back: Any) -> Turns:
    """Sum squares over units, turn by turn."""
    samples = np.asarray(ahead.samples, np.int64)
    return Turns(
        post=_per_turn(site, ahead.squares_post),
        d_pre=None if back is None else _per_turn(site, back.pre.squares),
        elements=turns.elements(site, samples, math.prod(np.shape(ahead.alive)[len(site.loops) :])),
    )


def _per_turn(site: Site, scaled: Any) -> np.ndarray:
    squares = combined(np.moveaxis(np.asarray(scaled), len(site.loops), 0))
    units = tuple(range(len(site.loops), squares.ndim))
    return turns.through_time(site, squares.sum(axis=units))


def _read(site: Site, summary: Any) -> Any:
    """Bring one site's summary into the form that adds up."""
    read = {}
    for name, value in summary._asdict().items():
        array = np.asarray(value)
        if name.startswith("squares"):
            array = combined(np.moveaxis(array, len(site.loops), 0))
        else:
            array = array.astype(np.int64)
        read[name] = _turns(site, array)
    return type(summary)(**read)


def _turns(site: Site, array: np.ndarray) -> np.ndarray:
    """Sum over the turns of a loop over steps; keep those of a loop over layers apart."""
    each = array.reshape(math.prod(site.loops), *array.shape[len(site.loops) :])
    if site.loop != "layers":
        each = each.sum(axis=0, keepdims=True)
    return each.reshape(len(each), -1)
