"""Where is a function 0, in real numbers?"""

from typing import NamedTuple

import numpy as np

from relu_jax.activations.activation import Activation
from relu_jax.activations.curves import Curve, evaluate
from relu_jax.activations.extremes import MOST, Extremes
from relu_jax.activations.flat_parts import Interval, snapped


class Zeros(NamedTuple):
    """Hold where f is 0: points nearest to 0, intervals, and how many more points."""

    points: tuple[float, ...]
    intervals: tuple[Interval, ...]
    more: int


def zeros(act: Activation, seen: Curve, level: tuple[Interval, ...], found: Extremes) -> Zeros:
    """List where f is 0 in real numbers: isolated points, and intervals out of `flat_parts`.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.bounded import TANH
        >>> from relu_jax.activations.extremes import extremes
        >>> seen = curve(TANH)
        >>> zeros(TANH, seen, (), extremes(TANH, seen, 0, ())).points
        (0.0,)
    """
    x, y = seen.order(0)
    held = tuple(p for p in level if (y[(x > p.low) & (x < p.high)] == 0).all())
    sign = np.sign(y)
    sign[[i for i in range(x.size) if any(p.low <= x[i] <= p.high for p in held)]] = 2
    single = (sign[1:-1] == 0) & (sign[:-2] != 0) & (sign[2:] != 0)
    crossed = np.flatnonzero(sign[1:] * sign[:-1] == -1)
    points = [
        *x[1:-1][single],
        *(r for r in _roots(act, x[crossed], x[crossed + 1]) if r is not None),
    ]
    size = np.abs(y[np.abs(x) < 1]).max()
    points += [t.where.low for t in found.turns if abs(t.value) <= 1e-15 * size]
    distinct = sorted({snapped(seen, round(float(p), 12)) for p in points}, key=abs)
    outside = [p for p in distinct if not any(h.low <= p <= h.high for h in held)]
    intervals = tuple(_with_ends(act, piece) for piece in held)
    return Zeros(tuple(sorted(outside[:MOST])), intervals, max(0, len(outside) - MOST))


def _with_ends(act: Activation, piece: Interval) -> Interval:
    at_ends = evaluate(act, np.array([piece.low, piece.high]))[0]
    belongs = np.isfinite([piece.low, piece.high]) & (at_ends == 0)
    return piece._replace(closed=(bool(belongs[0]), bool(belongs[1])))


def _roots(act: Activation, low: np.ndarray, high: np.ndarray) -> list[float | None]:
    """Halve brackets of a change of sign; None where f steps over 0."""
    if not low.size:
        return []
    before = evaluate(act, low)[0]
    height = np.maximum(np.abs(before), np.abs(evaluate(act, high)[0]))
    for _ in range(60):
        middle = (low + high) / 2
        same = np.sign(evaluate(act, middle)[0]) == np.sign(before)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    left = np.abs(evaluate(act, (low + high) / 2)[0])
    return [
        float(root) if size <= 1e-6 * top else None
        for root, size, top in zip((low + high) / 2, left, height, strict=True)
    ]
