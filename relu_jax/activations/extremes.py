"""What are the bounds of a function, does it attain them, and where does it fall?"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from relu_jax.activations.activation import Activation
from relu_jax.activations.curves import NEAREST, Curve
from relu_jax.activations.flat_parts import Interval
from relu_jax.activations.kink_facts import singular
from relu_jax.activations.turns import Turn, refined, turning

MOST = 6  # turns that are told, from the nearest to 0 on
_TAIL = 0.01  # of the grid's end: where a tail begins


class Bound(NamedTuple):
    """Hold the infimum or the supremum, where it is, and whether a finite x attains it."""

    value: float
    where: Interval
    attained: bool


class Extremes(NamedTuple):
    """Hold the bounds of a function, its turns nearest to 0, and how many more there are."""

    lowest: Bound
    highest: Bound
    turns: tuple[Turn, ...]
    more: int


def extremes(act: Activation, seen: Curve, order: int, level: tuple[Interval, ...]) -> Extremes:
    """Find the bounds and the turns of f or of a derivative.

    Args:
        act: any activation.
        seen: its `curve`.
        order: 0 for f, 1 for f', 2 for f''; kinks do not belong to a derivative.
        level: what `flat_parts` gave.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.smooth import SILU
        >>> found = extremes(SILU, curve(SILU), 0, ())
        >>> round(found.lowest.value, 6), round(found.lowest.where.low, 6), found.lowest.attained
        (-0.278465, -1.278465, True)
    """
    x, y = seen.order(order)
    places = list(turning(y))
    told = sorted(places, key=lambda turn: abs(x[turn[0]]))[:MOST]
    best = {choose(places, key=lambda turn: y[turn[0]]) for choose in (min, max) if places}
    found = refined(act, seen, order, sorted({*told, *best}))
    turns = [turn for turn, place in found if place in told]
    bounds = [Bound(turn.value, turn.where, _attains(seen, order, turn)) for turn, _ in found]
    bounds += [b for side in (0, 1) for b in _tail(seen, order, side, x, y, level)]
    bounds += _singularities(seen, order)
    bounds = [bound._replace(value=bound.value + 0.0) for bound in bounds]  # no -0
    # Of two equal bounds, one that is attained counts.
    lowest = min(bounds, key=lambda b: (b.value, not b.attained))
    highest = max(bounds, key=lambda b: (b.value, b.attained))
    return Extremes(lowest, highest, tuple(turns), len(places) - len(told))


def _attains(seen: Curve, order: int, turn: Turn) -> bool:
    """Say whether the value is taken: at a step, only the value at the kink itself is."""
    x = turn.where.low
    if order or turn.where.low != turn.where.high or x not in seen.kinks:
        return True
    return bool(abs(seen.y[0, seen.x == x][0] - turn.value) <= 1e-9 * max(1.0, abs(turn.value)))


def _tail(
    seen: Curve, order: int, side: int, x: np.ndarray, y: np.ndarray, level: tuple[Interval, ...]
) -> list[Bound]:
    """Tell what the curve comes near to, far out on one side: nothing new if it is periodic."""
    sign = (-1, 1)[side]
    end = np.abs(seen.x).max()
    far = y[(sign * x > _TAIL * end)][::sign]
    rest = y[(sign * x > 0) & (sign * x <= _TAIL * end)]
    at = Interval(sign * np.inf, sign * np.inf)
    if far.size < 3:  # beyond the largest float
        limit = seen.ends[order, side]
        return [] if np.isnan(limit) else [Bound(float(limit), at, False)]
    if any(True for _ in turning(far)):
        grows = np.abs(far).max() > 2 * np.abs(rest).max()
        return [Bound(s * np.inf, at, False) for s in (-1, 1) if grows and (s * far > 0).any()]
    held = any(np.isinf(piece[side]) for piece in level)
    if held and order < 2:
        edge = next(piece for piece in level if np.isinf(piece[side]))
        return [Bound(float(far[-1]), edge, True)]
    return [Bound(_limit(far, float(seen.ends[order, side])), at, False)]


def _limit(far: np.ndarray, end: float) -> float:
    """Choose the limit of a tail without turns: its constant, or the value at infinity if it nears.

    Where the program has no value at infinity, a tail that shrinks ends at 0.
    """
    first, last = far[0], far[-1]
    if np.ptp(far) <= 1e-12 * np.abs(far).max():
        return float(last)
    if np.isinf(end) or (np.isfinite(end) and abs(last - end) < abs(first - end)):
        return end
    return 0.0 if abs(last) < abs(first) else float(np.sign(last - first) * np.inf)


def _singularities(seen: Curve, order: int) -> list[Bound]:
    if not order:
        return []
    return [
        Bound(float(np.sign(seen.near(x, NEAREST)[order, side]) * np.inf), Interval(x, x), False)
        for x in seen.kinks
        for side in (0, 1)
        if singular(seen, x, side, order)
    ]


def falls(seen: Curve, found: Extremes, level: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """List the intervals on which f falls, between the turns that are told.

    Args:
        seen: the curve.
        found: its `extremes` of order 0.
        level: what `flat_parts` gave.

    Returns:
        intervals; a single point where f steps down.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.smooth import SILU
        >>> seen = curve(SILU)
        >>> [piece] = falls(seen, extremes(SILU, seen, 0, ()), ())
        >>> piece.low, round(piece.high, 4)
        (-inf, -1.2785)
    """
    turns = sorted(found.turns, key=lambda turn: turn.where)
    if not turns:
        y = seen.order(0)[1]
        return (Interval(-np.inf, np.inf),) if y[-1] < y[0] else ()
    pieces = [Interval(a.where.high, b.where.low) for a, b in pairwise(turns) if a.value > b.value]
    if not found.more and turns[0].kind == "minimum":
        start = next((p.high for p in level if p.low == -np.inf), -np.inf)
        pieces.insert(0, Interval(start, turns[0].where.low))
    if not found.more and turns[-1].kind == "maximum":
        end = next((p.low for p in level if p.high == np.inf), np.inf)
        pieces.append(Interval(turns[-1].where.high, end))
    return tuple(pieces)
