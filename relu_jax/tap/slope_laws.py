"""How does the slope of a function follow from its result y = f(z), and a few bits of z?

Between its kinks, bends and extrema f is monotone and smooth, so z, and with it f′(z), is a
function of y there. Each such function is found here, in NumPy's float64, as a short polynomial.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]
_MOST_STEPS, _MOST_PIECES = 8, 4
_DEGREES = (0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32)
_FAR = 1e4  # beyond, nothing but a line is looked for
_NEAR = np.linspace(-40.0, 40.0, 8001)
_GRID = np.concatenate([-np.geomspace(_FAR, 41, 200), _NEAR, np.geomspace(41, _FAR, 200)])


class Steps(NamedTuple):
    """The slope is one of these numbers, in ascending order."""

    slopes: tuple[float, ...]


class Fit(NamedTuple):
    """f′ = factor · Σ c_k T_k(t) on a piece of f, t being a variable made of y, from -1 to 1.

    The variable is y, expm1(-a y), √|y - a| or √log((a - b) / (y - b)); the factor is 1, but y - b
    where the variable is the last.
    """

    variable: str  # "y", "exp", "root" or "log"
    a: float
    b: float
    low: float
    high: float
    coefficients: tuple[float, ...]


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
        limit: largest error of a fit, as a share of the largest slope.

    Example:
        >>> relu = lambda z: np.maximum(z, 0.0)
        >>> law(relu, lambda z: np.where(z > 0, 1.0, 0.0), (0.0,), (), 1e-6)
        Steps(slopes=(0.0, 1.0))
    """
    at = np.unique(np.concatenate([_GRID, np.asarray(kinks, np.float64)]))
    seen = slope(at)
    if not np.all(np.isfinite(seen)) or not np.all(np.isfinite(f(at))):
        return None
    steps = _steps(slope, at, seen)
    if len(steps) <= _MOST_STEPS:
        return Steps(tuple(steps))
    edges = sorted({*kinks, *bends, *_extrema(slope, at, seen)})
    if len(edges) >= _MOST_PIECES:
        return None
    left = [_side(slope, edge) for edge in edges]
    ends = itertools.pairwise((-math.inf, *edges, math.inf))
    size = float(np.max(np.abs(seen)))
    fits = [_fit(f, slope, low, high, limit * size) for low, high in ends]
    if None in left or None in fits:
        return None
    return Pieces(tuple(edges), tuple(map(bool, left)), tuple(fit for fit in fits if fit))


def _steps(slope: Curve, at: np.ndarray, seen: np.ndarray) -> list[float]:
    """List the distinct slopes, those at single points included; too many: not to the last."""
    found = set(seen.tolist())
    jumps = np.flatnonzero(seen[1:] != seen[:-1])
    if len(found) > _MOST_STEPS or len(jumps) > 2 * _MOST_STEPS:
        return sorted(found)
    for i in jumps:
        found.update(slope(np.array(_bracket(slope, at[i], at[i + 1]))).tolist())
    return sorted(found)


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
        if seen[i] * seen[j] < 0:
            low, high = at[i], at[j]
            while low < (middle := (low + high) / 2) < high:
                same = float(slope(np.array([middle]))[0]) * seen[i] > 0
                low, high = (middle, high) if same else (low, middle)
            yield float(low)


def _side(slope: Curve, edge: float) -> bool | None:
    """Say whether the slope at an edge is that on its left; None: it is that on neither side."""
    step = 1e-9 * max(1.0, abs(edge))
    left, here, right = slope(np.array([edge - step, edge, edge + step]))
    near = 1e-6 * max(abs(left), abs(right), 1e-3)
    return True if abs(here - left) <= near else False if abs(here - right) <= near else None


def _fit(f: Curve, slope: Curve, low: float, high: float, error: float) -> Fit | None:
    """Fit the slope on one piece by the first variable that a short polynomial in it serves."""
    z = _samples(slope, low, high, error)
    y, d = f(z), slope(z)
    for variable, a, b in _variables(f, y, d, low, high):
        with np.errstate(all="ignore"):
            v, factor = _variable(variable, a, b, y)
            aim = d / factor
        fair = np.isfinite(v) & np.isfinite(aim)
        if not fair.any() or (variable != "log" and not fair.all()):
            continue
        fit = _polynomial(variable, a, b, v[fair], factor[fair], d[fair], error)
        if fit is not None:
            return fit
    return None


def _samples(slope: Curve, low: float, high: float, error: float) -> np.ndarray:
    """Spread points over a piece, dense at its ends, as far out as the slope still changes."""
    inside = _GRID[(low < _GRID) & (high > _GRID)]
    seen = slope(inside)
    ends = []  # beyond them the slope is that at the end
    if low == -math.inf:
        moved = np.flatnonzero(np.abs(seen - seen[0]) > error / 30)
        low = float(inside[max(moved[0] - 1, 0)] if moved.size else max(-_FAR, inside[-1] - 10))
        ends.append(low)
    if high == math.inf:
        moved = np.flatnonzero(np.abs(seen - seen[-1]) > error / 30)
        last = min(moved[-1] + 1, len(inside) - 1) if moved.size else None
        high = float(inside[0] + 10 if last is None else inside[last])
        ends.append(high)
    x = np.linspace(0, 1, 4003)[1:-1]
    z = low + (high - low) * (1 - np.cos(np.pi * x)) / 2
    return np.unique(np.concatenate([z, inside[(inside > low) & (inside < high)], ends]))


def _variables(
    f: Curve, y: np.ndarray, d: np.ndarray, low: float, high: float
) -> Iterator[tuple[str, float, float]]:
    with np.errstate(all="ignore"):
        rates = (-np.log1p(-d) / y)[(d > 0.1) & (d < 0.9)]
    if rates.size and np.ptp(rates) <= 1e-6 * abs(rates[0]):
        yield "exp", float(rates[0]), 0.0
    yield "y", 0.0, 0.0
    ends = [f(np.array([end]))[0] for end in (low, high) if math.isfinite(end)]
    for end in ends:
        yield "root", float(end), 0.0
        if math.inf in (-low, high):
            limit = float(f(np.array([-_FAR if low == -math.inf else _FAR]))[0])
            if abs(limit) < 1e3:
                yield "log", float(end), limit


def _variable(variable: str, a: float, b: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ones = np.ones_like(y)
    if variable == "exp":
        return np.expm1(-a * y), ones
    if variable == "root":
        return np.sqrt(np.abs(y - a)), ones
    if variable == "log":
        return np.sqrt(np.maximum(np.log((a - b) / (y - b)), 0.0)), y - b
    return y, ones


def _polynomial(
    variable: str,
    a: float,
    b: float,
    v: np.ndarray,
    factor: np.ndarray,
    d: np.ndarray,
    error: float,
) -> Fit | None:
    low, high = float(v.min()), float(v.max())
    t = 2 * (v - low) / (high - low) - 1 if high > low else np.zeros_like(v)
    for degree in _DEGREES if high > low else (0,):
        c, _ = np.polynomial.chebyshev.chebfit(t, d / factor, degree, full=True, w=np.abs(factor))
        off = np.abs(np.polynomial.chebyshev.chebval(t, c) * factor - d)
        if float(off.max()) <= error:
            return Fit(variable, a, b, low, high, tuple(map(float, c)))
    return None
