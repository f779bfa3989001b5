"""Where in a polygon is which of several affine functions the largest?

One after the other they cut the polygons where they rise above the largest of those before; what
one of them has won in a polygon is then put together again, so that nothing is left of a line
between two that a third one overtakes.
"""

import numpy as np

from relu_jax.analyses import polygons
from relu_jax.analyses.polygons import New, Polygons


def won_by_several(cells: Polygons, z: np.ndarray, near: float) -> np.ndarray:
    """Say in which polygons no function is the largest at all corners, (count,).

    Args:
        cells: convex polygons.
        z: (V, k) of each corner, the functions; affine on every polygon.
        near: functions so near to each other are taken for equal.

    Example:
        >>> square = polygons.rings(np.array([4]), np.arange(4))
        >>> z = np.array([[0.0, 0.5], [1.0, 0.5], [1.0, 0.5], [0.0, 0.5]])
        >>> won_by_several(square, z, 0).tolist(), won_by_several(square, z, 0.5).tolist()
        ([True], [False])
    """
    # Column by column, in bits: this is asked of every unit and every cell.
    close = z >= z.max(axis=1, keepdims=True) - near
    some = np.zeros(cells.count, bool)
    for column in close.T:
        some |= np.logical_and.reduceat(column[cells.corners], cells.starts[:-1])
        if some.all():
            break
    return ~some


def divided_by_largest(
    cells: Polygons, z: np.ndarray, near: float, may: np.ndarray
) -> tuple[Polygons, list[New]]:
    """Cut polygons, so that on each one of several functions is the largest.

    Args:
        cells: they touch along whole edges.
        z: (V, k) of each corner, the functions; affine on every polygon.
        near: functions so near to each other are taken for equal.
        may: which polygons may be cut, (count,); the others take new corners on their edges.

    Returns:
        the polygons, and the corners that are new, in turns: each between corners before it. Not
        all of them are corners of a polygon.

    Edges: of functions that are equal, the one that comes first is the largest.

    Example:
        >>> square = polygons.rings(np.array([4]), np.arange(4))
        >>> x, y = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).T
        >>> z = np.stack([x, 1 - x, 2 * y], axis=1)
        >>> three, made = divided_by_largest(square, z, 0, np.array([True]))
        >>> three.count, [len(new.one) for new in made]
        (3, [2, 3])
    """
    n, parent, made = len(z), np.arange(cells.count), []
    for j in range(1, z.shape[1]):
        above = z[:, j] - z[:, :j].max(axis=1)
        side = np.where(np.abs(above) <= near, 0, np.sign(above)).astype(np.int8)
        cells, new, of = polygons.divided(cells, side, above, may)
        parent, may = parent[of], may[of]
        side = np.concatenate([side, np.zeros(len(new.one), np.int8)])
        z = np.concatenate([z, new.between(z)])
        made.append(new)
        wins = may & (np.maximum.reduceat(side[cells.corners], cells.starts[:-1]) > 0)
        cells, of = polygons.joined(cells, np.where(wins, parent, -1))
        parent, may = parent[of], may[of]
        cells, of = polygons.straightened(cells, n)
        parent, may = parent[of], may[of]
    return cells, made
