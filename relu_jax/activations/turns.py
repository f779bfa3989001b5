"""Where does a curve turn: its local maxima and minima, or the stretches where it stays at one?

What is closer together than the grid of `curves`, or smaller than a billionth of the curve, is
missed.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from relu_jax.activations.activation import Activation
from relu_jax.activations.curves import Curve, evaluate
from relu_jax.activations.flat_parts import Interval, snapped, widened
from relu_jax.activations.kink_facts import singular

STEPS = (1e-4, -1e-4)
_FINE = 1e-9  # of the size of a curve: a smaller turn is rounding

Place = tuple[int, int, int]  # first index, last index, 1 for a maximum or -1 for a minimum


class Turn(NamedTuple):
    """Hold a local maximum or minimum; `where` is an interval if the curve is level there."""

    kind: str
    value: float
    where: Interval


def turning(y: np.ndarray) -> Iterator[Place]:
    """Yield the place of each turn: first index, last index, 1 for a maximum or -1.

    Example:
        >>> list(turning(np.array([0.0, 2.0, 2.0, 1.0, 1.5])))
        [(1, 2, 1), (3, 3, -1)]
    """
    core = np.abs(y)[np.abs(y) > 0]
    least = _FINE * float(np.quantile(core, 0.9)) if core.size else 0.0
    low = high = 0
    rising = 0
    values = y.tolist()  # floats of Python compare in less than half of the time
    for i, value in enumerate(values):
        high = i if value > values[high] else high
        low = i if value < values[low] else low
        if rising >= 0 and values[high] - value > least + _FINE * abs(values[high]):
            if rising:
                yield _level(y, high, i, 1)
            rising, low = -1, i
        elif rising <= 0 and value - values[low] > least + _FINE * abs(values[low]):
            if rising:
                yield _level(y, low, i, -1)
            rising, high = 1, i


def _level(y: np.ndarray, first: int, stop: int, kind: int) -> Place:
    """Find the last index before `stop` at which y still has its extreme value."""
    same = np.abs(y[first:stop] - y[first]) <= 1e-14 * abs(y[first])
    return first, first + (stop - first if same.all() else int(same.argmin())) - 1, kind


def refined(
    act: Activation, seen: Curve, order: int, places: Sequence[Place]
) -> list[tuple[Turn, Place]]:
    """Move turns to where they are between the grid's points, and drop those without end.

    Args:
        act: any activation.
        seen: its curve.
        order: 0 for f, 1 for f', 2 for f''.
        places: some of what `turning` yields for ``seen.order(order)``.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.bounded import TANH
        >>> seen = curve(TANH)
        >>> found = refined(TANH, seen, 2, list(turning(seen.order(2)[1])))
        >>> [(turn.kind, round(turn.where.low, 6)) for turn, _ in found]
        [('maximum', -0.658479), ('minimum', 0.658479)]
    """
    x, y = seen.order(order)
    points = [place for place in places if place[0] == place[1]]
    at = dict(zip(points, _zoomed(act, seen, order, x, points), strict=True))
    scale = float(np.quantile(np.abs(y), 0.5))
    found = []
    for place in places:
        first, last, kind = place
        where, value = at.get(place) or widened(act, order, x, y, first, last, highest=seen.highest)
        where = _settled(seen, where)
        if where.low == where.high in seen.kinks and any(
            singular(seen, where.low, side, order) for side in (0, 1)
        ):
            continue
        value = float(value) if abs(value) > 1e-15 * scale else 0.0
        found.append((Turn("maximum" if kind > 0 else "minimum", value, where), place))
    return found


def _settled(seen: Curve, where: Interval) -> Interval:
    """Snap both ends; a level stretch of no width is a point, at the kink if there is one."""
    low, high = (snapped(seen, end) for end in where[:2])
    if high - low <= 1e-5 * max(1.0, abs(low)):
        point = next((end for end in (low, high) if end in seen.kinks), (low + high) / 2)
        low = high = point if abs(point) > 1e-7 else 0.0
    return Interval(low, high)


def _zoomed(
    act: Activation, seen: Curve, order: int, x: np.ndarray, points: Sequence[Place]
) -> list[tuple[Interval, float]]:
    """Narrow the neighbours of each turn to where the next derivative, if any, changes sign."""
    if not points:
        return []
    centre, _, kind = (np.array(part) for part in zip(*points, strict=True))
    low, high = x[np.maximum(centre - 1, 0)], x[np.minimum(centre + 1, x.size - 1)]
    low, high, at, value = _narrowed(act, seen, order, kind, low, high)
    for _ in range(3):
        low, high, at, value = _narrowed(act, seen, order, kind, low, high)
    return [(Interval(p, p), v) for p, v in zip(at.tolist(), value.tolist(), strict=True)]


def _narrowed(
    act: Activation, seen: Curve, order: int, kind: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return a bracket some hundred times narrower for each turn, the best point and its value."""
    rows, each = np.arange(low.size), max(65, 8192 // low.size)
    tried = np.linspace(low, high, each, axis=1)
    if order:
        tried = np.where(np.isin(tried, seen.kinks), np.nextafter(tried, np.inf), tried)
    found = evaluate(act, tried.ravel(), highest=seen.highest)
    y = kind[:, None] * found.reshape(-1, *tried.shape)
    if order < 2:
        rises = y[order + 1] > 0
        clear = rises[:, 0] & ~rises[:, -1]
    else:
        # A value is flat at its turn: its difference over a step tells the place far better.
        ahead, behind = (evaluate(act, (tried + h).ravel())[2].reshape(tried.shape) for h in STEPS)
        rises = kind[:, None] * (ahead - behind) > 0
        smooth = np.ptp(y[2], axis=1) < 0.1 * np.abs(y[2]).max(axis=1)
        clear = rises[:, 0] & ~rises[:, -1] & smooth
    best = np.where(clear, rises.argmin(axis=1), np.nanargmax(y[order], axis=1))
    after = np.where(clear, best, np.minimum(best + 1, each - 1))
    before = np.maximum(best - 1, 0)
    value = kind * np.nanmax(y[order], axis=1)
    return tried[rows, before], tried[rows, after], tried[rows, best], value
