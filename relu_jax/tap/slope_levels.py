"""Which few numbers stand in for a slope, each on an interval of z, with the least squared error?

Every z from -100 to 100 counts the same, as in the tables of Novikov et al. 2023, which this comes
to (arXiv:2202.00441). What is best follows two rules: at a cut the slope crosses the mean of the
numbers on either side, and each number is the mean of the slope on its interval.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]
_REACH = 100.0
_NEAR = 12.0
_TYPICAL = 4.0
_FINE = np.concatenate([
    -np.geomspace(_REACH, _NEAR, 200)[:-1],
    np.linspace(-_NEAR, _NEAR, 9601),
    np.geomspace(_NEAR, _REACH, 200)[1:],
])  # fmt: skip
_MIDDLES, _STEPS = (_FINE[1:] + _FINE[:-1]) / 2, np.diff(_FINE)
_EVERY = 8  # of the fine points, those among which the search for cuts begins
_TURNS = 100  # both rules in turn: cuts stand still to 1e-6 after a few dozen


class Levels(NamedTuple):
    """Numbers for a slope, from left to right, and the arguments that part them."""

    cuts: tuple[float, ...]
    slopes: tuple[float, ...]


def levels(f: Curve, slope: Curve, n: int) -> Levels | None:
    """Find the n numbers, None where they do not tell the slope.

    They tell it where they leave less than half of its variance, both on [-4, 4] and on the whole.

    Args:
        f: the function, on float64 arrays; it has to be finite everywhere.
        slope: its derivative.
        n: how many, at least 2.

    Example:
        >>> bent = lambda z: np.where(z > 1.5, z - 1.125, z / 4)
        >>> step = levels(bent, lambda z: np.where(z > 1.5, 1.0, 0.25), 2)
        >>> np.round(step.cuts, 3).tolist(), np.round(step.slopes, 3).tolist()
        ([1.5], [0.25, 1.0])
    """
    with np.errstate(all="ignore"):
        seen = slope(_MIDDLES)
        defined = np.isfinite(f(_MIDDLES)).all()
    if not defined or not np.isfinite(seen).all() or np.abs(seen).max() > 1e6:
        return None
    found = _settled(seen, _best(seen, n))
    told = np.array(found.slopes)[np.searchsorted(np.array(found.cuts), _MIDDLES)]
    typical = np.abs(_MIDDLES) <= _TYPICAL
    told_well = all(
        _variance(seen - told, weights) < 0.5 * _variance(seen, weights)
        for weights in (_STEPS, _STEPS * typical)
    )
    return found if told_well else None


def _variance(values: np.ndarray, weights: np.ndarray) -> float:
    mean = np.average(values, weights=weights)
    return float(np.average(np.square(values - mean), weights=weights))


def _best(seen: np.ndarray, n: int) -> np.ndarray:
    """Choose the n - 1 cuts of the least squared error among every eighth of the fine points."""
    at = np.arange(0, _FINE.size, _EVERY)
    parts = (_STEPS, seen * _STEPS, seen**2 * _STEPS)
    z, first, second = (np.concatenate([[0.0], np.cumsum(part)])[at] for part in parts)
    length = z[None, :] - z[:, None]
    ahead = length > 0
    with np.errstate(all="ignore"):
        mean_part = np.square(first[None, :] - first[:, None]) / length
    cost = np.where(ahead, second[None, :] - second[:, None] - mean_part, np.inf)
    best, came = cost[0], []
    for _ in range(n - 1):
        total = best[:, None] + cost
        came.append(total.argmin(0))
        best = total.min(0)
    end, cuts = at.size - 1, []
    for before in reversed(came):
        end = before[end]
        cuts.append(_FINE[at[end]])
    return np.array(cuts[::-1])


def _settled(seen: np.ndarray, cuts: np.ndarray) -> Levels:
    """Apply the two rules in turn, at each cut within reach of its neighbours."""
    integral = np.concatenate([[0.0], np.cumsum(seen * _STEPS)])
    means = np.zeros(cuts.size + 1)
    for _ in range(_TURNS):
        ends = np.concatenate([[-_REACH], cuts, [_REACH]])
        means = np.diff(np.interp(ends, _FINE, integral)) / np.diff(ends)
        halves = (means[1:] + means[:-1]) / 2
        cuts = np.array(
            [_crossing(_MIDDLES, seen, *pair) for pair in zip(halves, cuts, strict=True)]
        )
    return Levels(tuple(map(float, cuts)), tuple(map(float, means)))


def _crossing(z: np.ndarray, seen: np.ndarray, level: float, near: float) -> float:
    """Find where the slope crosses a level, nearest to a point; the point itself where nowhere."""
    above = seen > level
    places = np.flatnonzero(above[1:] != above[:-1])
    if not places.size:
        return near
    i = places[np.abs(z[places] - near).argmin()]
    share = (level - seen[i]) / (seen[i + 1] - seen[i])
    return float(z[i] + share * (z[i + 1] - z[i]))
