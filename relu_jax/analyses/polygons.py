"""How are convex polygons that fill a plane cut along lines, and put together again?

They are rings of numbered corners, and those that touch share the corners: an edge between two of
them is in both. What is computed at the corners is the caller's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Polygons(NamedTuple):
    """Convex polygons; the corners of polygon i are `corners[starts[i] : starts[i + 1]]`."""

    starts: np.ndarray  # (count + 1,)
    corners: np.ndarray  # (K,) numbers of the corners, going round each in turn, all the same way

    @property
    def count(self) -> int:
        """Number of polygons."""
        return len(self.starts) - 1

    @property
    def ahead(self) -> np.ndarray:
        """Which place in `corners` the next corner of the polygon has, (K,)."""
        ahead = np.arange(1, self.starts[-1] + 1)
        ahead[self.starts[1:] - 1] = self.starts[:-1]
        return ahead

    @property
    def owner(self) -> np.ndarray:
        """Of which polygon each corner is, (K,)."""
        return np.repeat(np.arange(self.count), np.diff(self.starts))


class New(NamedTuple):
    """Corners that cut edges, and where along the edge; they are numbered after all others."""

    one: np.ndarray
    other: np.ndarray
    share: np.ndarray

    def between(self, values: np.ndarray) -> np.ndarray:
        """Interpolate values at the corners before, (n, ...), to the new ones."""
        low, high = values[self.one], values[self.other]
        return low + self.share.astype(values.dtype)[:, None] * (high - low)


def rings(lengths: np.ndarray, corners: np.ndarray) -> Polygons:
    """Make polygons of so many corners each.

    Example:
        >>> rings(np.array([3, 3]), np.array([0, 1, 2, 0, 2, 3])).starts.tolist()
        [0, 3, 6]
    """
    return Polygons(np.concatenate([[0], np.cumsum(lengths)]), corners)


def taken(polygons: Polygons, which: np.ndarray) -> Polygons:
    """Take some of the polygons.

    Example:
        >>> two = rings(np.array([3, 3]), np.array([0, 1, 2, 0, 2, 3]))
        >>> taken(two, np.array([False, True])).corners.tolist()
        [0, 2, 3]
    """
    sizes = np.diff(polygons.starts)
    return rings(sizes[which], polygons.corners[np.repeat(which, sizes)])


def together(parts: Sequence[Polygons]) -> Polygons:
    """Put groups of polygons one after the other.

    Example:
        >>> one = rings(np.array([3]), np.array([0, 1, 2]))
        >>> together([one, one]).starts.tolist()
        [0, 3, 6]
    """
    lengths = np.concatenate([np.diff(part.starts) for part in parts])
    return rings(lengths, np.concatenate([part.corners for part in parts]))


def divided(
    polygons: Polygons, side: np.ndarray, z: np.ndarray, may: np.ndarray | None = None
) -> tuple[Polygons, New, np.ndarray]:
    """Cut every polygon that has corners on both sides of a line.

    Args:
        polygons: they touch along whole edges.
        side: of each corner, -1, 0 or 1.
        z: of each corner, how far from the line.
        may: which polygons may be cut, (count,); None: all. The others take the new corners on
            their edges.

    Returns:
        the polygons, the corners that are new, and of which polygon each polygon was a part.

    Example:
        >>> x = np.array([0.0, 1.0, 1.0, 0.0])  # of the corners of a square
        >>> square = rings(np.array([4]), np.arange(4))
        >>> halves, new, _ = divided(square, np.sign(x - 0.25), x - 0.25)
        >>> halves.corners.tolist(), new.share.tolist()
        ([4, 1, 2, 5, 0, 4, 5, 3], [0.25, 0.75])
    """
    starts, corners = polygons
    sides = side[corners]
    both = (np.maximum.reduceat(sides, starts[:-1]) > 0) & (
        np.minimum.reduceat(sides, starts[:-1]) < 0
    )
    if may is not None:
        both &= may
    if not both.any():
        none = np.zeros(0, np.int64)
        return polygons, New(none, none, np.zeros(0)), np.arange(polygons.count)
    sizes = np.diff(starts)
    chosen = np.repeat(both, sizes)
    a, b = corners[chosen], corners[polygons.ahead][chosen]
    owner = np.repeat(np.arange(both.sum()), sizes[both])
    crosses = side[a] * side[b] < 0
    keys, place = np.unique(_edges(a[crosses], b[crosses], len(side)), return_inverse=True)
    one, other = np.divmod(keys, len(side))
    new = New(one, other, z[one] / (z[one] - z[other]))
    # Round each polygon: a corner, and where its edge is cut, the corner that is new.
    ring = np.full((len(a), 2), -1)
    ring[:, 0] = a
    ring[crosses, 1] = len(side) + place.ravel()
    on = np.zeros((len(a), 2), np.int8)
    on[:, 0] = side[a]
    parts = [_kept(ring, keep & (ring >= 0), owner) for keep in (on >= 0, on <= 0)]
    rest = taken(polygons, ~both)
    if may is not None and rest.count and len(keys):
        rest = _met(rest, keys, len(side))
    cut = np.flatnonzero(both)
    return together([rest, *parts]), new, np.concatenate([np.flatnonzero(~both), cut, cut])


def joined(polygons: Polygons, group: np.ndarray) -> tuple[Polygons, np.ndarray]:
    """Join the polygons of each group along the edges that they share.

    Args:
        polygons: they touch along whole edges; those of a group make up a convex one.
        group: of each polygon, (count,); -1 of those that stay as they are.

    Returns:
        the polygons, and of each which polygon it was, or one that is part of it.

    Edges: of a group whose polygons do not touch, several are left.

    Example:
        >>> two = rings(np.array([3, 3]), np.array([0, 1, 2, 0, 2, 3]))
        >>> joined(two, np.array([7, 7]))[0].corners.tolist()
        [0, 1, 2, 3]
    """
    _, number, many = np.unique(group, return_inverse=True, return_counts=True)
    number = number.ravel()
    several = (group >= 0) & (many[number] > 1)
    if not several.any():
        return polygons, np.arange(polygons.count)
    within = np.repeat(several, np.diff(polygons.starts))
    a, b = polygons.corners[within], polygons.corners[polygons.ahead][within]
    piece = polygons.owner[within]
    of = number[piece]
    inner = _inside(of, a, b)
    a, b, piece, of = a[~inner], b[~inner], piece[~inner], of[~inner]
    # Every corner has as many edges that lead to it as edges that lead on.
    then = np.empty(len(a), np.int64)
    then[np.lexsort((piece, b, of))] = np.lexsort((piece, a, of))
    lead, turn = _cycles(then)
    order = np.lexsort((turn, lead))
    first = np.flatnonzero(turn[order] == 0)
    whole = rings(np.diff(first, append=len(order)), a[order])
    left = together([taken(polygons, ~several), whole])
    return left, np.concatenate([np.flatnonzero(~several), piece[order][first]])


def straightened(polygons: Polygons, first: int) -> tuple[Polygons, np.ndarray]:
    """Leave out corners between two edges of one line, where nothing else ends.

    Args:
        polygons: they fill a plane.
        first: the number of the first corner that may go; none of those that may is a corner of
            the plane.

    Returns:
        the polygons, and which they were: what has no corner left but two is none.

    Example:
        >>> square = rings(np.array([5]), np.array([0, 1, 4, 2, 3]))
        >>> straightened(square, 4)[0].corners.tolist()
        [0, 1, 2, 3]
    """
    a, b = polygons.corners, polygons.corners[polygons.ahead]
    ends, others = np.concatenate([a, b]), np.concatenate([b, a])
    may = ends >= first
    most = max(int(a.max(initial=0)), first) + 1
    met = np.unique(ends[may] * most + others[may]) // most - first
    few = np.zeros(most, bool)
    few[first:] = np.bincount(met, minlength=most - first) < 3
    stays = ~few[a]
    lengths = np.bincount(polygons.owner, stays, minlength=polygons.count).astype(np.int64)
    left = rings(lengths, a[stays])
    wide = lengths > 2
    return taken(left, wide), np.flatnonzero(wide)


def _edges(a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    """Number edges, whichever way they are followed."""
    return np.minimum(a, b) * n + np.maximum(a, b)


def _kept(ring: np.ndarray, keep: np.ndarray, owner: np.ndarray) -> Polygons:
    """Keep the corners on one side."""
    return rings(np.bincount(owner, keep.sum(axis=1)).astype(np.int64), ring[keep])


def _met(polygons: Polygons, keys: np.ndarray, n: int) -> Polygons:
    """Put new corners, which are numbered from n on, on edges that were cut from the other side."""
    own = _edges(polygons.corners, polygons.corners[polygons.ahead], n)
    place = np.minimum(np.searchsorted(keys, own), len(keys) - 1)
    ring = np.stack([polygons.corners, np.where(keys[place] == own, n + place, -1)], axis=1)
    return _kept(ring, ring >= 0, polygons.owner)


def _inside(of: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Say which edges of groups are followed both ways."""
    _, edge = np.unique(_edges(a, b, int(max(a.max(), b.max())) + 1), return_inverse=True)
    _, one = np.unique(of * len(edge) + edge.ravel(), return_inverse=True)
    one = one.ravel()
    both = (np.bincount(one, np.where(a < b, 1, -1)) == 0) & (np.bincount(one) == 2)
    return both[one]


def _cycles(then: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Follow a permutation: of each element the least of its cycle, and how far on from that."""
    lead, jump = np.arange(len(then)), then
    while (lead != lead[then]).any():
        lead = np.minimum(lead, lead[jump])
        jump = jump[jump]
    turn = np.zeros(len(then), np.int64)
    at, far = np.unique(lead), 0
    while len(at):
        turn[at] = far
        at, far = then[at], far + 1
        at = at[at != lead[at]]
    return lead, turn
