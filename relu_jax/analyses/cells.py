"""Into which cells does a piecewise linear network divide a plane?

Hinge by hinge and unit by unit: where a unit's argument crosses its kink inside a cell, the cell is
cut in two along that line; by a maximum, into the parts on which one argument is the largest. On
every cell all arguments are affine, so that those at a new corner follow from the two corners
beside it.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.envelopes import divided_by_largest, won_by_several
from relu_jax.analyses.hinges import Hinge
from relu_jax.analyses.jacobian import plan, refuse_meeting
from relu_jax.analyses.polygons import New, Polygons, divided, taken, together
from relu_jax.analyses.regions import BENT, EDGE, TRIED, not_affine
from relu_jax.analyses.runs import SIZE, in_runs
from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.analyses.stages import Stage, stages
from relu_jax.core import errors
from relu_jax.core.integers import integer

_ON = 8  # times ε of the largest argument: corners so near to a line lie on it
_EPS = float(np.finfo(np.float32).eps)


class Cells(NamedTuple):
    """The cells of a network on a square slice of its inputs; a cell is a convex polygon.

    The corners of cell i are `vertices[corners[starts[i] : starts[i + 1]]]`, going round; cells
    that touch share them.
    """

    vertices: np.ndarray  # (V, 2) float64, of the slice: (0, 0) to (1, 1)
    values: np.ndarray  # (V, C) of f; between the corners of a cell it is affine
    starts: np.ndarray  # (count + 1,)
    corners: np.ndarray  # (K,)

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.starts) - 1

    @property
    def areas(self) -> np.ndarray:
        """The area of each cell, (count,); they add up to 1."""
        x, y = self.vertices[self.corners].T
        ahead = Polygons(self.starts, self.corners).ahead
        return 0.5 * np.abs(np.add.reduceat(x * y[ahead] - x[ahead] * y, self.starts[:-1]))

    def polygon(self, i: int) -> np.ndarray:
        """Give the corners of one cell, (n, 2)."""
        return self.vertices[self.corners[self.starts[i] : self.starts[i + 1]]]


def cells(
    f: Callable[[Any], Any],
    corner: ArrayLike,
    right: ArrayLike,
    up: ArrayLike,
    *,
    most: int = 1_000_000,
) -> Cells:
    """Find all cells of a network on a slice: on each, f is affine.

    The slice is corner + s · right + t · up, with s and t from 0 to 1.

    Args:
        f: a function of a batch: x, of (N, ...); any network of piecewise linear activations and
            maxima, such as max pooling: `lambda x: model(params, x)`.
        corner: one input, of shape (...).
        right: along the lower side, of the same shape; of two inputs, their difference.
        up: along the left side.
        most: cells, at which it stops.

    Raises:
        ValueError: an activation is not piecewise linear, f bends inside of cells (a softmax, a
            norm), computes in half precision or mixes examples, the shapes differ, a number is
            not finite, or there are more cells than `most`.
        NotImplementedError: activations in branches or while loops.

    Edges: as exact as its arithmetic, float32: what is thinner than 8 ε of a unit's largest
    argument is told together with the cell beside it. Arguments of a maximum that are equal on a
    cell, such as a window of zeros, do not cut it.

    Source: Humayun et al. 2023 (SplineCam: exact partitions on a two-dimensional slice).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> w = jnp.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
        >>> f = lambda x: jax.nn.relu(x @ w - jnp.array([[0.5, 0.5, 1.5]]))  # a cross, a corner
        >>> found = cells(f, jnp.zeros(2), jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]))
        >>> found.count, found.areas.round(3).tolist()
        (5, [0.25, 0.25, 0.25, 0.125, 0.125])
    """
    most = integer("most", most)
    origin, along, across = (np.asarray(v) for v in (corner, right, up))
    if not origin.shape == along.shape == across.shape or not origin.size:
        raise errors.rejected(
            rule="a slice is a corner and two directions, inputs of one shape",
            got=", ".join(errors.describe(v) for v in (origin, along, across)),
            do="pass single examples: x0, x1 - x0 and x2 - x0",
        )
    refuse_non_finite(np.stack([origin, along, across]), "a slice", "choose another one")
    x = jnp.asarray(np.broadcast_to(origin, (SIZE, *origin.shape)))
    plan(f, x[:2])
    refuse_meeting(f, jnp.asarray(np.stack([origin, origin + along, origin + across])))
    found = stages(f, x)
    place = functools.partial(
        _placed, *(v.astype(x.dtype).ravel() for v in (origin, along, across))
    )
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    polygons = Polygons(np.array([0, 4]), np.arange(4))
    known: dict[int, np.ndarray] = {0: place(corners)}
    for i, stage in enumerate(found):
        made = in_runs(stage.run, [known[k] for k in stage.needs])
        known |= zip(stage.gives, made, strict=True)
        later = {k for one in found[i + 1 :] for k in one.needs} & known.keys()
        own = stage.gives[0]
        rows = {k: _Rows(known[k]) for k in {*later, own}}
        table = _Rows(corners)
        polygons = _cut(stage, rows[own], [*rows.values()], table, polygons, most)
        corners, known = table.filled, {k: rows[k].filled for k in later}
    run = jax.jit(lambda flat: [f(flat.reshape(-1, *origin.shape)).reshape(len(flat), -1)])
    values = in_runs(run, [place(corners)])[0]
    _refuse_other_bends(run, place, corners, polygons)
    return Cells(corners, values, *polygons)


class _Rows:
    """An array of rows that grows."""

    def __init__(self, rows: np.ndarray) -> None:
        self._n, self._held = len(rows), rows

    @property
    def filled(self) -> np.ndarray:
        return self._held[: self._n]

    def append(self, rows: np.ndarray) -> None:
        n = self._n + len(rows)
        if n > len(self._held):
            more = np.empty((2 * n, *self._held.shape[1:]), self._held.dtype)
            more[: self._n] = self.filled
            self._held = more
        self._held[self._n : n] = rows
        self._n = n

    def keep(self, n: int, places: np.ndarray) -> None:
        """Keep the first n rows and those at some places after them."""
        rows = self.filled[places]
        self._n = n
        self.append(rows)


@np.errstate(invalid="ignore", over="ignore")  # what is not finite is told at the end
def _cut(
    stage: Stage,
    argument: _Rows,
    rows: Sequence[_Rows],
    table: _Rows,
    polygons: Polygons,
    most: int,
) -> Polygons:
    """Cut the cells along the lines of one hinge, unit by unit; rows and table grow."""
    of, held, cut = stage.hinge.of, [table, *rows], polygons
    walk = (
        _at_kinks(stage.hinge, argument, held, polygons)
        if of is None
        else _at_maxima(of, argument, held, polygons)
    )
    for cut in walk:
        if cut.count > most:
            raise errors.rejected(
                rule=f"a slice has at most {most} cells",
                got=f"{cut.count}, at {stage.hinge.id}",
                do="take a smaller slice, or pass a larger most=",
            )
    return cut


def _at_kinks(
    hinge: Hinge, argument: _Rows, held: Sequence[_Rows], polygons: Polygons
) -> Iterator[Polygons]:
    """Cut the cells where an argument crosses a kink."""
    for unit, kink in itertools.product(range(hinge.units), hinge.kinks):
        z = argument.filled[:, unit].astype(np.float64)
        near = _ON * _EPS * max(np.abs(z).max(), abs(kink))
        side = np.where(np.abs(z - kink) <= near, 0, np.sign(z - kink)).astype(np.int8)
        polygons, new, _ = divided(polygons, side, z - kink)
        if len(new.one):
            for rows in held:
                rows.append(new.between(rows.filled))
            argument.filled[-len(new.one) :, unit] = kink
        yield polygons


def _at_maxima(
    of: np.ndarray, argument: _Rows, held: Sequence[_Rows], polygons: Polygons
) -> Iterator[Polygons]:
    """Cut the cells where another argument becomes the largest."""
    for unit in of:
        z = argument.filled[:, unit[unit >= 0]].astype(np.float64)
        near = _ON * _EPS * np.abs(z).max(initial=0)
        several = won_by_several(polygons, z, near)
        if several.any():
            polygons = _by_largest(z, near, several, held, polygons)
            yield polygons


def _by_largest(
    z: np.ndarray, near: float, several: np.ndarray, held: Sequence[_Rows], polygons: Polygons
) -> Polygons:
    """Cut the cells in which several of the functions z are the largest."""
    n = len(z)
    at_one = np.zeros(n, bool)
    at_one[taken(polygons, several).corners] = True
    beside = np.logical_or.reduceat(at_one[polygons.corners], polygons.starts[:-1])
    some = taken(polygons, beside)
    number, corners = np.unique(some.corners, return_inverse=True)
    own = Polygons(some.starts, corners.ravel())
    cut, made = divided_by_largest(own, z[number], near, several[beside])
    used = np.unique(cut.corners)[len(number) :]
    for new in made:
        new = New(number[new.one], number[new.other], new.share)
        number = np.append(number, len(held[0].filled) + np.arange(len(new.one)))
        for rows in held:
            rows.append(new.between(rows.filled))
    for rows in held:
        rows.keep(n, number[used])
    number[used] = n + np.arange(len(used))
    return together([taken(polygons, ~beside), Polygons(cut.starts, number[cut.corners])])


def _placed(
    origin: np.ndarray, right: np.ndarray, up: np.ndarray, corners: np.ndarray
) -> np.ndarray:
    return (origin + corners[:, :1] * right + corners[:, 1:] * up).astype(origin.dtype)


def _refuse_other_bends(
    run: Callable[[Any], Any],
    place: Callable[[np.ndarray], np.ndarray],
    corners: np.ndarray,
    polygons: Polygons,
) -> None:
    """Refuse a function that is not affine on its cells, on some of them."""
    n = len(polygons.starts) - 1
    rng = np.random.default_rng(0)
    some = np.sort(rng.permutation(n)[:TRIED])
    sizes = np.diff(polygons.starts)
    of = np.repeat(np.isin(np.arange(n), some), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes[some])])[:-1]
    at = corners[polygons.corners[of]]
    center = np.add.reduceat(at, starts, axis=0) / sizes[some][:, None]
    at += EDGE * (np.repeat(center, sizes[some], axis=0) - at)
    # Not the mean of the corners: in the middle a curve may be where the plane is.
    share = rng.uniform(0.1, 1, len(at))
    share /= np.repeat(np.add.reduceat(share, starts), sizes[some])
    inside = np.add.reduceat(at * share[:, None], starts, axis=0)
    own, given = (in_runs(run, [place(x)])[0].astype(np.float64) for x in (at, inside))
    refuse_non_finite(np.concatenate([given, own]), "f(x)", "rj.diagnose names what is not")
    expected = np.add.reduceat(own * share[:, None], starts, axis=0)
    span = np.maximum.reduceat(own, starts, axis=0) - np.minimum.reduceat(own, starts, axis=0)
    off = np.abs(given - expected)
    bent = (off > BENT * span.max(axis=1, keepdims=True) + 256 * _EPS * np.abs(own).max()).any(1)
    if bent.any():
        raise not_affine(f"a bend in {bent.sum()} of {len(some)} cells")
