"""How does the slope of a function follow from its result y = f(z), and a few bits of z?

Between its kinks, bends and extrema f is monotone and smooth, so z, and with it f′(z), is a
function of y there. Each such function is found here, in NumPy's float64, as a short polynomial.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from relu_jax.tap.slope_fits import Curve, Fit, fitted

_MOST_STEPS, _MOST_PIECES = 8, 4
_FAR = 1e4  # beyond, nothing but a line is looked for
_NEAR = np.linspace(-40.0, 40.0, 8001)
_GRID = np.concatenate([-np.geomspace(_FAR, 41, 200), _NEAR, np.geomspace(41, _FAR, 200)])
_TYPICAL = 8.0  # arguments within are what networks see
_AROUND_0 = np.geomspace(1e-7, 1e-2, 60)
_NARROW = 1e-7  # of a cell that is looked at no closer, for arguments up to 1
_MOST_CELLS = 400  # where more are doubtful, the slope is not that of f, or f oscillates


class Steps(NamedTuple):
    """The slope is one of these numbers, in ascending order."""

    slopes: tuple[float, ...]


class Pieces(NamedTuple):
    """f is monotone between these edges, each with a fit on either side."""

    edges: tuple[float, ...]
    left: tuple[bool, ...]  # whether the edge itself belongs to the piece on its left
    fits: tuple[Fit, ...]


def law(
    f: Curve, slope: Curve, kinks: Sequence[float], bends: Sequence[float], limit: float
) -> Steps | Pieces | None:
    """Find from what the slope of f follows; None where it takes more than a few pieces.

    Args:
        f: the function, on float64 arrays.
        slope: its derivative, its convention at the kinks included.
        kinks: where the slope jumps.
        bends: where the derivative of the slope jumps.
        limit: largest error of a fit, as a share of the largest slope; where that has no bound, of
            the largest between -8 and 8.

    Example:
        >>> relu = lambda z: np.maximum(z, 0.0)
        >>> law(relu, lambda z: np.where(z > 0, 1.0, 0.0), (0.0,), (), 1e-6)
        Steps(slopes=(0.0, 1.0))
    """
    looked = _looked_at(f, slope, kinks)
    if looked is None:
        return None
    at, seen = looked
    exact = _steps(slope, at, seen)
    if exact is not None:
        return exact
    error = limit * _size(at, seen)
    named = [*kinks, *bends, *_extrema(slope, at, seen)]
    bent = [*named, *_bends(slope)]
    for edges in map(_apart, (named, bent, [*bent, *_inflections(slope)])):
        if len(edges) < _MOST_PIECES and (found := _pieces(f, slope, at, edges, error)):
            return found
    return None


def steps(f: Curve, slope: Curve, kinks: Sequence[float]) -> Steps | None:
    """Find the slopes of a piecewise linear function; None where there are more than eight.

    Args:
        f: the function, on float64 arrays.
        slope: its derivative, its convention at the kinks included.
        kinks: where it jumps; those that are not named are found.

    Example:
        >>> steps(lambda z: np.clip(z, -1, 1), lambda z: np.where(abs(z) < 1, 1.0, 0.0), (-1, 1))
        Steps(slopes=(0.0, 1.0))
    """
    looked = _looked_at(f, slope, kinks)
    return None if looked is None else _steps(slope, *looked)


def _looked_at(
    f: Curve, slope: Curve, kinks: Sequence[float]
) -> tuple[np.ndarray, np.ndarray] | None:
    """List arguments and the slope there; None where f is not defined on most of them.

    What lies, on either side of 0, beyond a value or a slope that overflows is left out.
    """
    named = np.sort(np.asarray(kinks, np.float64))
    between = [np.linspace(low, high, 9) for low, high in itertools.pairwise(named)]
    beyond = [
        k + side * max(1.0, abs(k)) * np.array([1e-3, 0.5]) for k in named for side in (-1, 1)
    ]
    near = (-_AROUND_0, _AROUND_0)
    at = _closer(f, slope, np.unique(np.concatenate([_GRID, *near, named, *between, *beyond])))
    with np.errstate(all="ignore"):
        seen = slope(at)
        lost = at[~(np.isfinite(f(at)) & np.isfinite(seen))]
    low, high = lost[lost <= 0].max(initial=-math.inf), lost[lost >= 0].min(initial=math.inf)
    kept = (at > low) & (at < high)
    return (at[kept], seen[kept]) if np.count_nonzero(kept) >= _NEAR.size // 2 else None


def _closer(f: Curve, slope: Curve, at: np.ndarray) -> np.ndarray:
    """Add arguments where f does not go as the slopes at the ends of a cell say: a narrow piece."""
    for _ in range(8):
        with np.errstate(all="ignore"):
            y, seen, width = f(at), slope(at), np.diff(at)
            mean = (seen[1:] + seen[:-1]) / 2
            size = np.maximum(np.abs(seen[1:]), np.abs(seen[:-1]))
            rise = np.diff(y) / width
            off = np.abs(rise - mean) > 1e-3 * np.maximum(size, np.abs(rise)) + 1e-9
        wide = width > _NARROW * np.maximum(1, np.abs(at[1:]))
        doubtful = np.flatnonzero(off & wide & np.isfinite(rise) & np.isfinite(mean))
        if not 0 < doubtful.size <= _MOST_CELLS:
            break
        parts = at[doubtful, None] + width[doubtful, None] * np.arange(1, 8) / 8
        at = np.unique(np.concatenate([at, parts.ravel()]))
    return at


def _size(at: np.ndarray, seen: np.ndarray) -> float:
    """Return the largest slope; where it grows on at an end, the largest of typical arguments."""
    plain = np.isin(at, _GRID)  # closer to a kink a slope may go beyond all bounds
    at, sizes = at[plain], np.abs(seen[plain])
    grows = max(sizes[0] - sizes[1], sizes[-1] - sizes[-2]) > 1e-3 * sizes.max()
    return float((sizes[np.abs(at) <= _TYPICAL] if grows else sizes).max())


def _pieces(
    f: Curve, slope: Curve, at: np.ndarray, edges: list[float], error: float
) -> Pieces | None:
    left = [_side(slope, edge) for edge in edges]
    if None in left:
        return None
    fits = []
    for low, high in itertools.pairwise((-math.inf, *edges, math.inf)):
        z = _samples(slope, at, low, high, error)
        if z is None:
            return None
        closed = [float(f(np.array([end]))[0]) for end in (low, high) if math.isfinite(end)]
        far = [float(f(at[[i]])[0]) for i, end in ((0, low), (-1, high)) if math.isinf(end)]
        inside = at[(low < at) & (at < high)]
        everywhere = f(inside), slope(inside)
        fit = fitted(f(z), slope(z), tuple(closed), tuple(far), error, everywhere)
        if fit is None:
            return None
        fits.append(fit)
    return Pieces(tuple(edges), tuple(map(bool, left)), tuple(fits))


def _apart(edges: Sequence[float]) -> list[float]:
    """Sort edges, and drop those that are others but for roundings."""
    kept: list[float] = []
    for edge in sorted(map(float, edges)):
        if not kept or edge - kept[-1] > 1e-6:
            kept.append(edge)
    return kept


def _steps(slope: Curve, at: np.ndarray, seen: np.ndarray) -> Steps | None:
    """Find the distinct slopes, those at few single points too; None where there are too many."""
    found = set(seen.tolist())
    jumps = np.flatnonzero(seen[1:] != seen[:-1])
    for i in jumps if max(len(found), len(jumps) // 2) <= _MOST_STEPS else ():
        found.update(slope(np.array(_bracket(slope, at[i], at[i + 1]))).tolist())
    return Steps(tuple(sorted(found))) if len(found) <= _MOST_STEPS else None


def _bracket(slope: Curve, low: float, high: float) -> tuple[float, float]:
    """Halve an interval until its ends are neighbours, or the slope differs at its middle."""
    before, after = slope(np.array([low, high]))
    while low < (middle := (low + high) / 2) < high:
        here = float(slope(np.array([middle]))[0])
        if here == before:
            low = middle
        elif here == after:
            high = middle
        else:
            return middle, high
    return low, high


def _extrema(slope: Curve, at: np.ndarray, seen: np.ndarray) -> Iterator[float]:
    """Yield where the slope changes its sign without a jump; where it is 0 it has none."""
    signed = np.flatnonzero(seen)
    for i, j in itertools.pairwise(signed):
        sign = np.sign(seen[i])
        if np.sign(seen[j]) == -sign:
            low, high = at[i], at[j]
            while low < (middle := (low + high) / 2) < high:
                same = np.sign(slope(np.array([middle]))[0]) == sign
                low, high = (middle, high) if same else (low, middle)
            yield float(low)


def _bends(slope: Curve) -> list[float]:
    """Find where the derivative of the slope jumps, from how the slope goes on either side."""
    with np.errstate(all="ignore"):
        turns = np.abs(np.diff(slope(_NEAR), 2))
    windows = np.lib.stride_tricks.sliding_window_view(turns, 17)  # i + 8 is the middle of window i
    around = np.maximum(windows[:, :6].max(1), windows[:, 11:].max(1))
    middle = windows[:, 8]
    sharp = (middle > 20 * around + 1e-7) & (middle == windows[:, 6:11].max(1))
    return [edge for i in np.flatnonzero(sharp) for edge in _meeting(slope, _NEAR[i + 9])]


def _meeting(slope: Curve, near: float) -> list[float]:
    """Find where the slopes on the left and on the right of a bend, drawn on, meet."""
    step = np.linspace(0.02, 0.12, 40)
    left, right = (
        np.polynomial.Polynomial.fit(near + side * step, slope(near + side * step), 10)
        for side in (-1, 1)
    )
    low, high = near - 0.02, near + 0.02
    apart = left(low) - right(low)
    if np.sign(apart) == np.sign(left(high) - right(high)):
        return []
    for _ in range(60):
        middle = (low + high) / 2
        same = np.sign(apart) == np.sign(left(middle) - right(middle))
        low, high = (middle, high) if same else (low, middle)
    # Most stand at round numbers, which the crossing meets to its roundings.
    return [round(low, 6) if abs(low - round(low, 6)) < 1e-6 else low]


def _inflections(slope: Curve) -> list[float]:
    """Find where the slope is largest or smallest: a tail on either side is fitted by itself."""
    z = _NEAR[np.abs(_NEAR) <= 1.5 * _TYPICAL]
    change = np.diff(slope(z))
    change = np.where(np.abs(change) < 1e-9, 0, change)
    sign = np.sign(change)
    pairs = itertools.pairwise(np.flatnonzero(sign))
    return [float((z[i + 1] + z[j]) / 2) for i, j in pairs if sign[i] == -sign[j]]


def _side(slope: Curve, edge: float) -> bool | None:
    """Say whether the slope at an edge is that on its left; None: it is that on neither side."""
    step = 1e-9 * max(1.0, abs(edge))
    left, here, right = slope(np.array([edge - step, edge, edge + step]))
    around = np.abs(slope(edge + np.array([-1e-2, 1e-2]))).max()
    near = max(1e-6 * max(abs(left), abs(right), 1e-3), 1e-6 * around)
    return True if abs(here - left) <= near else False if abs(here - right) <= near else None


def _samples(
    slope: Curve, at: np.ndarray, low: float, high: float, error: float
) -> np.ndarray | None:
    """Spread points over a piece, dense at its ends, as far out as the slope still changes."""
    inside = at[(low < at) & (high > at)]
    if inside.size < 10:
        return None
    seen = slope(inside)
    ends = []  # beyond them the slope is that at the end
    if low == -math.inf:
        moved = np.flatnonzero(np.abs(seen - seen[0]) > error / 30)
        low = float(inside[max(moved[0] - 1, 0)] if moved.size else max(inside[0], inside[-1] - 10))
        ends.append(low)
    if high == math.inf:
        moved = np.flatnonzero(np.abs(seen - seen[-1]) > error / 30)
        last = min(moved[-1] + 1, len(inside) - 1) if moved.size else None
        high = float(min(inside[0] + 10, inside[-1]) if last is None else inside[last])
        ends.append(high)
    x = np.linspace(0, 1, 4003)[1:-1]
    z = low + (high - low) * (1 - np.cos(np.pi * x)) / 2
    near = np.geomspace(1e-7, 1, 50) * min(1.0, (high - low) / 2)
    within = inside[(inside > low) & (inside < high)]
    return np.unique(np.concatenate([z, low + near, high - near, within, ends]))
