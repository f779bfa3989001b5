"""Where does a hinge bend between neighbouring points of a line?"""

from typing import NamedTuple

import numpy as np

from relu_jax.analyses.hinges import Hinge

_TIE = 16  # times ε of the largest value: values so near to each other are taken for equal


class Bends(NamedTuple):
    """New points, in order."""

    row: np.ndarray  # (K,) the point before it
    share: np.ndarray  # (K,) of the way to the next point, float64
    unit: np.ndarray  # (K,) which unit bends
    kink: np.ndarray  # (K,) the value of its argument there; NaN of a maximum

    @property
    def places(self) -> np.ndarray:
        """Where the new points stand, (K,), once they are put between the others."""
        return self.row + 1 + np.arange(len(self.row))


def bends(hinge: Hinge, z: np.ndarray, followed: np.ndarray) -> Bends:
    """Find where the units of a hinge bend, if their arguments are linear between the points.

    Args:
        hinge: an activation or a maximum.
        z: (P, n), its argument at the points.
        followed: (P - 1,), whether the next point stands on the same line.

    Edges: what bends at one of the points itself is not listed.

    Example:
        >>> z = np.array([[-1.0, 2.0], [3.0, 1.0]], np.float32)
        >>> bends(Hinge("relu", (), 2, (0.0,)), z, np.array([True]))
        Bends(row=array([0]), share=array([0.25]), unit=array([0]), kink=array([0.]))
    """
    found = _crossed(hinge.kinks, z, followed) if hinge.of is None else _won(hinge.of, z, followed)
    row, share, unit, kink = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((share, row))
    return Bends(row[order], share[order], unit[order], kink[order])


def _crossed(kinks: tuple[float, ...], z: np.ndarray, followed: np.ndarray) -> list[Bends]:
    """Find where an argument crosses a kink."""
    found = []
    for kink in kinks:
        above = z > kink
        crossed = above[1:] != above[:-1]
        crossed &= followed[:, None]
        row, unit = np.divmod(np.flatnonzero(crossed), z.shape[1])
        low, high = z[row, unit].astype(np.float64), z[row + 1, unit].astype(np.float64)
        share = (kink - low) / (high - low)
        new = (share > 0) & (share < 1)
        found.append(Bends(row[new], share[new], unit[new], np.full(new.sum(), kink)))
    return found


def _won(of: np.ndarray, z: np.ndarray, followed: np.ndarray) -> list[Bends]:
    """Find where another of several lines becomes the largest.

    Where one is the largest at both ends it is so between them. Else the walk is along the largest,
    from each line to that which crosses it next.
    """
    values = np.where(of >= 0, z[:, of], -np.inf)  # (P, units, k)
    low, high = values[:-1], values[1:]
    with np.errstate(invalid="ignore"):  # what is no value stays so
        steep = np.where(of >= 0, high - low, -np.inf)
    sizes = np.abs(z).max(axis=1)
    near = _TIE * np.finfo(z.dtype).eps * np.maximum(sizes[1:], sizes[:-1])
    # Of those that are equal, the one that is the largest a little further on, or before.
    first = _leader(low, steep, near)
    last = _leader(high, -np.where(of >= 0, steep, np.inf), near)
    row, unit = np.nonzero((first != last) & followed[:, None])
    winner, final = first[row, unit], last[row, unit]
    share = np.zeros(len(row))
    found = []
    while len(row):
        at_low, slope = low[row, unit].astype(np.float64), steep[row, unit].astype(np.float64)
        each = np.arange(len(row))
        faster = slope > slope[each, winner][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = (at_low[each, winner][:, None] - at_low) / (
                slope - slope[each, winner][:, None]
            )
        crossing = np.where(faster, np.maximum(crossing, share[:, None]), np.inf)
        share = crossing.min(axis=1)
        # Several may cross there: the steepest goes on.
        here = crossing <= share[:, None]
        winner = np.where(here, slope, -np.inf).argmax(axis=1)
        valid, new = share < 1, (share > 0) & (share < 1)
        found.append(_of_maximum(row[new], share[new], unit[new]))
        on = valid & (winner != final)
        row, unit, winner, final, share = row[on], unit[on], winner[on], final[on], share[on]
    return found or [_of_maximum(row, share, unit)]


def _of_maximum(row: np.ndarray, share: np.ndarray, unit: np.ndarray) -> Bends:
    return Bends(row, share, unit, np.full(len(row), np.nan))


def _leader(values: np.ndarray, growing: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Choose the largest of several values; of those nearly as large, that which grows most."""
    close = values >= values.max(axis=2, keepdims=True) - near[:, None, None]
    return np.where(close, growing, -np.inf).argmax(axis=2)
