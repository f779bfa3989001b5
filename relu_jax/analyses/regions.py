"""Through how many linear regions of a piecewise linear network does a segment lead?

Layer by layer: between the points where earlier activations bend, the argument of the next one is
linear along the segment, so that its bends are found by interpolation. The network is evaluated
once at every breakpoint, for many segments in one batch.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.hinges import Hinge, arguments, hinges
from relu_jax.core import errors
from relu_jax.core.types import Array

_BATCH = 2048  # points that are evaluated at a time
_AT_ONCE = 2**28  # bytes of arguments that are held
_TRIED = 256  # regions on which f is looked at, whether it bends inside
_APART = 4  # times ε: breakpoints nearer than that along the segment are one


class Regions(NamedTuple):
    """The breakpoints of a network along N segments, sorted by segment and place.

    A region is a run of points with one pattern of active pieces.
    """

    count: np.ndarray  # (N,) regions that each segment leads through
    segment: np.ndarray  # (K,) of each breakpoint
    at: np.ndarray  # (K,) where along the segment, between 0 and 1, which are none
    hinge: np.ndarray  # (K,) which of `hinges` bends there
    unit: np.ndarray  # (K,) which of its units, counted along the flattened axes
    hinges: tuple[str, ...]  # ids of the activations, with their turn in loops


class _Points(NamedTuple):
    """Points along segments, sorted, and what is known of the hinges to come."""

    segment: np.ndarray
    at: np.ndarray
    z: list[np.ndarray]


class _Breaks(NamedTuple):
    segment: np.ndarray
    at: np.ndarray
    unit: np.ndarray


def regions(f: Callable[[Any], Any], starts: ArrayLike, ends: ArrayLike) -> Regions:
    """Find every point at which a network bends along straight segments.

    Args:
        f: a function of a batch: x, of (N, ...); any network of piecewise linear activations, with
            convolutions and residuals: `lambda x: model(params, x)`.
        starts: where N segments start, (N, ...).
        ends: where they end, of the same shape.

    Raises:
        ValueError: an activation is not piecewise linear, f bends between its breakpoints (a
            maximum over a window), or starts and ends differ in shape.
        NotImplementedError: activations in branches or while loops.

    Edges: as exact as its arithmetic: breakpoints nearer than 4 ε of the segment's length are told
    as one, and a unit that only touches its kink makes none.

    Source: Novak et al. 2018 and Hanin & Rolnick 2019 count regions along curves; the subdivision
    layer by layer is that of Sun, Humayun et al. 2023 (SplineCam), along a line.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def tent(x):  # up to 1, and down again
        ...     return jax.nn.relu(x @ jnp.ones((1, 2)) - jnp.array([[0, 0.5]])) @ jnp.array(
        ...         [[2], [-4.0]]
        ...     )
        >>> found = regions(lambda x: tent(tent(x)), jnp.zeros((1, 1)), jnp.ones((1, 1)))
        >>> found.count.tolist(), found.at.tolist()
        ([4], [0.25, 0.5, 0.75])
    """
    first, last = np.asarray(starts), np.asarray(ends)
    if first.shape != last.shape or not first.size:
        raise errors.rejected(
            rule="every segment has a start and an end, of one shape",
            got=f"{errors.describe(first)} and {errors.describe(last)}",
            do="pass arrays of (N, ...), one row for each segment",
        )
    size = min(_BATCH, max(64, 4 * len(first)))
    sample = jnp.asarray(np.resize(first, (size, *first.shape[1:])))
    found = hinges(f, sample)
    evaluate = _in_batches(arguments(f, found), size)
    units = sum(z.shape[1] for z in evaluate(first[:1])[1])
    run = max(1, _AT_ONCE // (4 * max(1, units) ** 2))
    parts = [
        _along(evaluate, found, first[i : i + run], last[i : i + run], i)
        for i in range(0, len(first), run)
    ]
    segment, at, hinge, unit = (np.concatenate([part[k] for part in parts]) for k in range(4))
    eps = float(jnp.finfo(sample.dtype).eps)
    inside = (at > _APART * eps) & (at < 1 - _APART * eps)
    segment, at, hinge, unit = segment[inside], at[inside], hinge[inside], unit[inside]
    _refuse_other_bends(evaluate, first, last, segment, at, eps)
    count = _count(segment, at, len(first), _APART * eps)
    return Regions(count, segment, at, hinge, unit, tuple(one.id for one in found))


def _in_batches(given: Callable[[Array], Any], size: int) -> Callable[[np.ndarray], Any]:
    """Evaluate any number of points, so many at a time that one program does."""

    def evaluate(x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        ys, zs = [], []
        for i in range(0, len(x), size):
            part = x[i : i + size]
            y, z = given(jnp.asarray(np.resize(part, (size, *x.shape[1:]))))
            ys.append(np.asarray(y)[: len(part)])
            zs.append([np.asarray(one)[: len(part)] for one in z])
        return np.concatenate(ys), [np.concatenate(one) for one in zip(*zs, strict=True)]

    return evaluate


def _along(
    evaluate: Callable[[np.ndarray], Any],
    found: Sequence[Hinge],
    first: np.ndarray,
    last: np.ndarray,
    offset: int,
) -> tuple[np.ndarray, ...]:
    """Subdivide some segments, hinge by hinge."""
    n = len(first)
    points = _points(evaluate, first, last, np.repeat(np.arange(n), 2), np.tile([0.0, 1.0], n))
    breaks: list[tuple[int, _Breaks]] = []
    for i, hinge in enumerate(found):
        new = _bends(points, hinge.kinks)
        breaks.append((i, new))
        more = _points(evaluate, first, last, new.segment, new.at, done=i + 1)
        points = _merged(points, more)
    segment = np.concatenate([new.segment for _, new in breaks] or [np.zeros(0, int)])
    at = np.concatenate([new.at for _, new in breaks] or [np.zeros(0)])
    unit = np.concatenate([new.unit for _, new in breaks] or [np.zeros(0, int)])
    hinge = np.concatenate([np.full(len(new.at), i) for i, new in breaks] or [np.zeros(0, int)])
    order = np.lexsort((at, segment))
    return segment[order] + offset, at[order], hinge[order], unit[order]


def _refuse_other_bends(
    evaluate: Callable[[np.ndarray], Any],
    first: np.ndarray,
    last: np.ndarray,
    segment: np.ndarray,
    at: np.ndarray,
    eps: float,
) -> None:
    """Refuse a function that is not linear between its breakpoints, on some of the regions."""
    n = len(first)
    ends = np.concatenate([at, np.tile([0.0, 1.0], n)])
    of = np.concatenate([segment, np.repeat(np.arange(n), 2)])
    order = np.lexsort((ends, of))
    ends, of = ends[order], of[order]
    whole = np.flatnonzero((of[1:] == of[:-1]) & (np.diff(ends) > 1e3 * eps))
    some = np.random.default_rng(0).permutation(whole)[:_TRIED]
    low, high, of = ends[some], ends[some + 1], of[some]
    left, middle, right = (
        evaluate(_placed(first, last, of, t))[0].reshape(len(some), -1).astype(np.float64)
        for t in (low, (low + high) / 2, high)
    )
    off = np.abs(left + right - 2 * middle).max(axis=1)
    size = max(np.abs(left).max(initial=0.0), np.abs(right).max(initial=0.0))
    span = np.abs(left - right).max(axis=1)
    bent = off > 1e-2 * span + 256 * eps * size
    if bent.any():
        raise errors.rejected(
            rule="f is linear between the points where its activations bend",
            got=f"a bend in {bent.sum()} of {len(some)} regions",
            do="a maximum over a window, a softmax, a norm and what is taken for a loss "
            "(rj.tap.sites(f, x) tells) are not followed: ask for what stands before them",
        )


def _placed(first: np.ndarray, last: np.ndarray, segment: np.ndarray, at: np.ndarray) -> np.ndarray:
    part = at.reshape(-1, *[1] * (first.ndim - 1))
    return (first[segment] * (1 - part) + last[segment] * part).astype(first.dtype)


def _points(
    evaluate: Callable[[np.ndarray], Any],
    first: np.ndarray,
    last: np.ndarray,
    segment: np.ndarray,
    at: np.ndarray,
    done: int = 0,
) -> _Points:
    """Evaluate points, sorted by segment and place: the arguments of the hinges to come."""
    order = np.lexsort((at, segment))
    segment, at = segment[order], at[order]
    if not len(at):
        return _Points(segment, at, [])
    return _Points(segment, at, evaluate(_placed(first, last, segment, at))[1][done:])


def _bends(points: _Points, kinks: Sequence[float]) -> _Breaks:
    """Find where the next hinge bends, between neighbouring points of a segment."""
    z, found = points.z[0], []
    together = points.segment[1:] == points.segment[:-1]
    for kink in kinks:
        above = z > kink
        row, unit = np.nonzero((above[1:] != above[:-1]) & together[:, None])
        low, high = z[row, unit].astype(np.float64), z[row + 1, unit].astype(np.float64)
        before, after = points.at[row], points.at[row + 1]
        at = before + (kink - low) / (high - low) * (after - before)
        found.append(_Breaks(points.segment[row], at, unit))
    return _Breaks(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _merged(points: _Points, more: _Points) -> _Points:
    """Put new points among the others, and drop what is known of the hinge that is done."""
    if not len(more.at):
        return points._replace(z=points.z[1:])
    segment = np.concatenate([points.segment, more.segment])
    at = np.concatenate([points.at, more.at])
    order = np.lexsort((at, segment))
    pairs = zip(points.z[1:], more.z, strict=True)
    return _Points(segment[order], at[order], [np.concatenate(pair)[order] for pair in pairs])


def _count(segment: np.ndarray, at: np.ndarray, n: int, apart: float) -> np.ndarray:
    """Count regions: one more than breakpoints apart from each other."""
    new = np.ones(len(at), bool)
    new[1:] = (segment[1:] != segment[:-1]) | (at[1:] - at[:-1] > apart)
    return 1 + np.bincount(segment[new], minlength=n)
