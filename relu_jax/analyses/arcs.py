"""Where does a hinge bend along arcs of a circle?

Between bends every argument is a sinusoid of the angle and a constant, known by three of its
values: those at both ends of an arc and in its middle. With t = tan(φ / 2), φ being the angle from
there, it is (c + 2 a t + (c + 2 b) t²) / (1 + t²), where c is its value in the middle.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from relu_jax.analyses.hinges import Hinge

_NEAR = 8  # times ε of a unit's largest value: rounding, by which nothing crosses or rises above
_SAME = 1e-12  # of t: functions that cross there cross at one place
_TOGETHER = 2**17  # numbers that maxima compare at a time


class Values(NamedTuple):
    """An array at the ends and in the middle of arcs, (A, n) each."""

    low: np.ndarray
    middle: np.ndarray
    high: np.ndarray

    def at(self, arc: np.ndarray, shift: np.ndarray, half: np.ndarray) -> np.ndarray:
        """Give the values at angles from the middle of arcs."""
        low, middle, high = (part[arc] for part in self)
        with np.errstate(divide="ignore", invalid="ignore"):
            sine = np.where(half > 0, np.sin(shift) / np.sin(half), 0).astype(low.dtype)[:, None]
            rest = np.where(half > 0, _versed(shift) / _versed(half), 0).astype(low.dtype)[:, None]
        return middle + sine * (high - low) / 2 + rest * ((high + low) / 2 - middle)


class Bends(NamedTuple):
    """Bends in order of arcs and angles."""

    arc: np.ndarray  # (K,)
    shift: np.ndarray  # (K,) angle from the middle of the arc, float64
    unit: np.ndarray  # (K,) which unit bends
    kink: np.ndarray  # (K,) the value of its argument there; NaN of a maximum


class _Sinusoids(NamedTuple):
    """Sums c + a sin φ + b (1 - cos φ)."""

    c: np.ndarray
    a: np.ndarray
    b: np.ndarray

    def value(self, angle: np.ndarray) -> np.ndarray:
        return self.c + self.a * np.sin(angle) + self.b * _versed(angle)

    def slope(self, angle: np.ndarray) -> np.ndarray:
        return self.a * np.cos(angle) + self.b * np.sin(angle)


def bends(hinge: Hinge, z: Values, half: np.ndarray) -> Bends:
    """Find where the units of a hinge bend on arcs.

    Args:
        hinge: an activation or a maximum.
        z: its argument on A arcs, (A, n).
        half: (A,) half of each arc, an angle below a quarter turn.

    Edges: what bends at an end of an arc is not listed, nor what only touches.

    Example:
        >>> angles = np.array([[-1.0], [0.0], [1.0]])
        >>> found = bends(
        ...     Hinge("relu", (), 1, (0.5,)), Values(*np.sin(angles)[:, None]), np.ones(1)
        ... )
        >>> found.shift.round(4).tolist()  # 30°
        [0.5236]
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # an arc of no width bends nowhere
        found = _crossed(hinge.kinks, z, half) if hinge.of is None else _won(hinge.of, z, half)
        parts = [*found]
    none = np.zeros(0, np.int64)
    parts.append(Bends(none, np.zeros(0), none, np.zeros(0)))
    arc, shift, unit, kink = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((shift, arc))
    return Bends(arc[order], shift[order], unit[order], kink[order])


def _crossed(kinks: Sequence[float], z: Values, half: np.ndarray) -> Iterator[Bends]:
    """Find where an argument crosses a kink."""
    low, middle, high = (part.astype(np.float64) for part in z)
    size = np.abs(np.stack([low, middle, high])).max(axis=(0, 1), initial=0)
    _, a, b = _sinusoids(low, middle, high, half[:, None])
    for kink in kinks:
        c = middle - kink
        square = a**2 - (c + 2 * b) * c  # of the amplitude, less that of what it turns about
        root = np.sqrt(np.maximum(square, 0))
        near = _NEAR * np.finfo(z.low.dtype).eps * np.maximum(size, abs(kink))
        beyond = square > near * (np.hypot(a, b) + np.abs(c + b))
        # Not if it stays at the kink all along, such as the largest of 0 and what is rounded.
        crossed = (low > kink) != (high > kink)
        crossed &= np.maximum(np.abs(low - kink), np.abs(high - kink)) > near
        far = -(a + np.where(a < 0, -root, root))
        for t in (far / (c + 2 * b), c / far):  # neither cancels
            inside = (np.abs(t) < np.tan(half / 2)[:, None]) & (crossed | beyond)
            arc, unit = np.nonzero(inside & (square > 0))
            yield Bends(arc, 2 * np.arctan(t[arc, unit]), unit, np.full(len(arc), kink))


def _won(of: np.ndarray, z: Values, half: np.ndarray) -> Iterator[Bends]:
    """Find where another of several sinusoids becomes the largest, some arcs at a time."""
    of = np.where(of >= 0, of, of.max(axis=1, keepdims=True))  # once more the same changes nothing
    size = np.abs(np.stack(z)).max(axis=(0, 1), initial=0).astype(np.float64)
    near = _NEAR * np.finfo(z.low.dtype).eps * size[of].max(axis=1)
    together = max(1, _TOGETHER // of.size)
    for start in range(0, len(half), together):
        part = slice(start, start + together)
        low, middle, high = (v[part][:, of].reshape(-1, of.shape[1]).astype(np.float64) for v in z)
        arc, unit = np.divmod(np.arange(len(low)), len(of))
        arc += start
        for row, shift in _walked(low, middle, high, half[arc], near[unit]):
            yield Bends(arc[row], shift, unit[row], np.full(len(row), np.nan))


def _walked(
    low: np.ndarray, middle: np.ndarray, high: np.ndarray, half: np.ndarray, near: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Walk along the largest of several sinusoids, from each to that which overtakes it next.

    Args:
        low: their values where they begin, (R, k).
        middle: in the middle.
        high: at the end.
        half: of each row, half the angle, (R,).
        near: (R,), what rises above another by less does not overtake it.

    Yields:
        rows, and angles from the middle.
    """
    curves = _sinusoids(low, middle, high, half[:, None])
    # Of those that are equal, the one that grows most.
    growing = curves.slope(-half[:, None])
    close = low >= low.max(axis=1, keepdims=True) - near[:, None]
    winner = np.where(close, growing, -np.inf).argmax(axis=1)
    row, t = np.arange(len(low)), -np.tan(half / 2)
    while len(row):
        own = _Sinusoids(*(part[row] for part in curves))
        then, winner = _overtaken(own, winner, t, half[row], near[row])
        new = np.isfinite(then) & (then > t)
        yield row[new], 2 * np.arctan(then[new])
        on = np.isfinite(then)
        row, t, winner = row[on], then[on], winner[on]


def _overtaken(
    curves: _Sinusoids, winner: np.ndarray, t: np.ndarray, half: np.ndarray, near: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the next place at which another rises above the largest: ∞ for none; and which does."""
    each = np.arange(len(winner))
    above = _Sinusoids(*(part - part[each, winner][:, None] for part in curves))
    c, a, b = above
    end = half[:, None]
    square = a**2 - (c + 2 * b) * c
    root = np.sqrt(np.maximum(square, 0))
    up = np.where(a < 0, (root - a) / (c + 2 * b), -c / (a + root))  # neither cancels
    top = np.where(above.slope(end) > 0, above.value(end), c + b + np.hypot(a, b))
    rises = (square > 0) & (top > near[:, None])
    rises &= (up > t[:, None] - _SAME) & (up < np.tan(end / 2))
    crossing = np.where(rises, np.maximum(up, t[:, None]), np.inf)
    first = crossing.min(axis=1)
    # Several may cross there: the steepest goes on. At one place a slope is as large as its root.
    here = crossing <= first[:, None] + _SAME
    return first, np.where(here, root, -1).argmax(axis=1)


def _sinusoids(
    low: np.ndarray, middle: np.ndarray, high: np.ndarray, half: np.ndarray
) -> _Sinusoids:
    a = (high - low) / 2 / np.sin(half)
    return _Sinusoids(middle, a, ((high + low) / 2 - middle) / _versed(half))


def _versed(angle: np.ndarray) -> np.ndarray:
    """Return 1 - cos, without cancelling."""
    return 2 * np.sin(angle / 2) ** 2
