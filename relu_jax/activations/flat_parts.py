"""On which intervals does a function stand still, in real numbers?"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from relu_jax.activations.activation import Activation
from relu_jax.activations.curves import Curve, evaluate


class Interval(NamedTuple):
    """Hold the ends of an interval; they may be infinite, or equal for a point.

    `closed` says which ends belong to it, where that was asked.
    """

    low: float
    high: float
    closed: tuple[bool, bool] = (False, False)


def flat_parts(act: Activation, seen: Curve) -> tuple[Interval, ...]:
    """List the open intervals on which f' is 0 in real numbers, not by underflow.

    Edges: an interval ends at a kink within it; only activations that say they are `flat` are
    searched.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.rectifiers import RELU6
        >>> [part[:2] for part in flat_parts(RELU6, curve(RELU6))]
        [(-inf, 0.0), (6.0, inf)]
    """
    if not act.flat:
        return ()
    x, slope = seen.order(1)
    found = []
    for first, last in _runs(slope == 0):
        where, _ = widened(act, 1, x, slope, first, last, highest=seen.highest)
        low, high = (snapped(seen, end) for end in where[:2])
        ends = ((low, -1), (high, 1))
        if last - first > 2 and all(_leaves_zero(act, seen, *end) for end in ends):
            cuts = [low, *(kink for kink in seen.kinks if low < kink < high), high]
            found += [Interval(*piece) for piece in pairwise(cuts)]
    return tuple(found)


def _runs(true: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the first and the last index of each run of True."""
    steps = np.diff(np.concatenate([[0], true.astype(int), [0]]))
    starts, stops = (np.flatnonzero(steps == step).tolist() for step in (1, -1))
    yield from ((start, stop - 1) for start, stop in zip(starts, stops, strict=True))


def widened(
    act: Activation,
    order: int,
    x: np.ndarray,
    y: np.ndarray,
    first: int,
    last: int,
    *,
    highest: int = 2,
) -> tuple[Interval, float]:
    """Find where a level stretch of a curve ends, between the points of its grid.

    Args:
        act: any activation.
        order: 0 for f, 1 for f', 2 for f''.
        x: the grid.
        y: the curve on it.
        first: index of the first level point.
        last: index of the last.
        highest: as for `evaluate`, at least `order`.

    Returns:
        the interval, infinite where the grid ends, and the value on it.

    Example:
        >>> from relu_jax.activations.rectifiers import RELU6
        >>> x = np.arange(-3.5, 9)
        >>> where, value = widened(RELU6, 1, x, evaluate(RELU6, x)[1], 4, 9)
        >>> bool(abs(where.low) < 1e-6), bool(abs(where.high - 6) < 1e-6), value
        (True, True, 1.0)
    """
    ends = []
    for i, j in ((first, first - 1), (last, last + 1)):
        inside, outside = x[i], x[j] if 0 <= j < x.size else np.sign(x[i]) * np.inf
        for _ in range(4 if np.isfinite(outside) else 0):
            points = np.linspace(inside, outside, 257)
            apart = np.abs(evaluate(act, points, highest=highest)[order] - y[i]) > 1e-14 * abs(y[i])
            stop = int(apart.argmax()) or 256
            inside, outside = points[stop - 1], points[stop]
        ends.append(float(inside if np.isfinite(outside) else outside))
    return Interval(*ends), float(y[first])


def _leaves_zero(act: Activation, seen: Curve, edge: float, side: int) -> bool:
    """Say whether f' grows beyond an edge as it does at the end of a level, not of an underflow."""
    if np.isinf(edge):
        return True
    beyond = edge + side * 0.05 * max(1.0, abs(edge)) * np.linspace(0.02, 1, 50)
    return bool(np.abs(evaluate(act, beyond, highest=seen.highest)[1]).max() > 1e-12)


def snapped(seen: Curve, x: float) -> float:
    """Move a point that is next to a kink, or to 0, onto it.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.rectifiers import RELU6
        >>> snapped(curve(RELU6), 6 - 1e-12)
        6.0
    """
    for point in (*seen.kinks, 0.0):
        if abs(x - point) <= 1e-9 * max(1.0, abs(point)):
            return point
    return float(x)
