"""Through how many linear regions of a piecewise linear network does a segment lead?

Hinge by hinge: between the points where earlier ones bend, the argument of the next is linear along
the segment, so that its bends are found by interpolation. So are the arguments at the new points:
nothing is computed there but what comes after.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.bends import Bends, bends
from relu_jax.analyses.jacobian import plan, refuse_meeting
from relu_jax.analyses.runs import SIZE, in_runs
from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.analyses.stages import Stage, stages
from relu_jax.core import errors

_FEWER = 67  # in place of SIZE, where there are few segments
_POINTS = 4096  # that are held at a time, if every unit bends once: they fit the cache
EDGE = 0.02  # of a piece, left out there: where it ends is known to rounding alone
BENT = 1e-3  # of the change over a piece: a curve
_UNEVEN = 0.382  # of the way: in the middle a curve may be where the line is
TRIED = 256  # regions on which f is looked at, whether it bends inside
APART = 4  # times ε: breakpoints nearer than that along the segment are one


class Regions(NamedTuple):
    """The breakpoints of a network along N segments, sorted by segment and place.

    A region is a run of points with one pattern of active pieces.
    """

    count: np.ndarray  # (N,) regions that each segment leads through
    segment: np.ndarray  # (K,) of each breakpoint
    at: np.ndarray  # (K,) where along the segment, between 0 and 1, which are none
    hinge: np.ndarray  # (K,) which of `hinges` bends there
    unit: np.ndarray  # (K,) which of its units, counted along the flattened axes
    hinges: tuple[str, ...]  # ids of the activations, with their turn in loops; and of maxima


class _Points(NamedTuple):
    """Points along parts of segments, in order; a part ends where the next begins."""

    part: np.ndarray  # (P,)
    at: np.ndarray  # (P,) along the whole segment

    @property
    def followed(self) -> np.ndarray:
        """Whether the next point is of the same part, (P - 1,)."""
        return self.part[1:] == self.part[:-1]


def regions(f: Callable[[Any], Any], starts: ArrayLike, ends: ArrayLike) -> Regions:
    """Find every point at which a network bends along straight segments.

    Args:
        f: a function of a batch: x, of (N, ...); any network of piecewise linear activations and
            maxima, with convolutions, poolings and residuals: `lambda x: model(params, x)`.
        starts: where N segments start, (N, ...).
        ends: where they end, of the same shape.

    Raises:
        ValueError: an activation is not piecewise linear, f bends between its breakpoints (a
            softmax, a norm), computes in half precision or mixes examples, or starts and ends
            differ in shape or are not finite.
        NotImplementedError: activations in branches or while loops.

    Edges: as exact as its arithmetic: breakpoints nearer than 4 ε of the segment's length are told
    as one; a unit that only touches its kink makes none, and one that bends exactly where another
    one before it does is not listed. Along a polyline through points p ask for p[:-1] and p[1:]:
    it leads through 1 + Σ (count - 1) regions.

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
    first, last = segments(f, starts, ends)
    size = _FEWER if len(first) < _FEWER // 4 else SIZE
    sample = jnp.asarray(np.resize(first, (size, *first.shape[1:])))
    found = stages(f, sample)
    first, last = first.astype(sample.dtype), last.astype(sample.dtype)
    wide = jnp.result_type(float) == np.float64  # a setting of each thread's own

    def walk(span: _Span) -> tuple[np.ndarray, ...]:
        with jax.enable_x64(wide):
            return _along(found, size, first, last, span)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy and XLA let go of Python's lock
        parts = list(pool.map(walk, _spans(found, len(first))))
    segment, at, hinge, unit = (np.concatenate([part[k] for part in parts]) for k in range(4))
    eps = float(jnp.finfo(sample.dtype).eps)
    inside = (at > APART * eps) & (at < 1 - APART * eps)
    order = np.flatnonzero(inside)[np.lexsort((at[inside], segment[inside]))]
    segment, at, hinge, unit = segment[order], at[order], hinge[order], unit[order]
    _refuse_other_bends(f, size, first, last, segment, at, eps)
    many = count(segment, at, len(first), APART * eps)
    return Regions(many, segment, at, hinge, unit, tuple(one.hinge.id for one in found))


def segments(
    f: Callable[[Any], Any], starts: ArrayLike, ends: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Check segments and what f makes of their ends, and give the ends as arrays.

    Raises:
        ValueError: they differ in shape or are not finite, or examples meet in f.
        TypeError: f is no function, or takes or gives no array of real floats.

    Example:
        >>> first, last = segments(jnp.tanh, jnp.zeros((1, 2)), jnp.ones((1, 2)))
        >>> last.tolist()
        [[1.0, 1.0]]
    """
    first, last = np.asarray(starts), np.asarray(ends)
    if first.shape != last.shape or not first.size or not first.ndim:
        raise errors.rejected(
            rule="every segment has a start and an end, of one shape",
            got=f"{errors.describe(first)} and {errors.describe(last)}",
            do="pass arrays of (N, ...), one row for each segment",
        )
    refuse_non_finite(np.stack([first, last]), "an end of a segment", "leave that segment out")
    some = jnp.asarray(np.concatenate([first[:8], last[:8]]))
    plan(f, some)
    refuse_meeting(f, some)
    return first, last


class _Span(NamedTuple):
    """Parts of segments that are walked along together."""

    segment: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _spans(found: Sequence[Stage], n: int) -> Iterator[_Span]:
    """Cut segments so that a unit's bends, one in each segment, stay within `_POINTS`."""
    units = 1 + sum(stage.hinge.units * max(1, len(stage.hinge.kinks)) for stage in found)
    cuts = -(-units // _POINTS)
    ends = np.linspace(0, 1, cuts + 1)
    ends[1:-1] += 2**-0.5 / 16 / cuts  # where no network bends by design
    segment = np.repeat(np.arange(n), cuts)
    low, high = np.tile(ends[:-1], n), np.tile(ends[1:], n)
    together = max(1, _POINTS // units)
    for i in range(0, len(segment), together):
        part = slice(i, i + together)
        yield _Span(segment[part], low[part], high[part])


def _along(
    found: Sequence[Stage], size: int, first: np.ndarray, last: np.ndarray, span: _Span
) -> tuple[np.ndarray, ...]:
    """Subdivide some parts of segments, hinge by hinge."""
    n = len(span.segment)
    points = _Points(np.repeat(np.arange(n), 2), np.stack([span.low, span.high], 1).ravel())
    known = {0: _placed(first, last, span.segment[points.part], points.at)}
    none = np.zeros(0, np.int64)
    breaks = [(none, np.zeros(0), none, none)]
    for i, stage in enumerate(found):
        made = in_runs(stage.run, [known[k] for k in stage.needs], size)
        known |= zip(stage.gives, made, strict=True)
        new = bends(stage.hinge, made[0], points.followed)
        later = {k for one in found[i + 1 :] for k in one.needs}
        at = points.at[new.row] + new.share * np.diff(points.at)[new.row]
        part = points.part[new.row]
        breaks.append((span.segment[part], at, np.full(len(at), i), new.unit))
        known = {k: _interleaved(known[k], new) for k in later if k in known}
        if stage.hinge.kinks and stage.gives[0] in known:
            # To the last digit: what follows from 0 alone is 0 as well.
            known[stage.gives[0]][new.places, new.unit] = new.kink
        points = _Points(_put(points.part, new, part), _put(points.at, new, at))
    return tuple(np.concatenate(column) for column in zip(*breaks, strict=True))


def _interleaved(values: np.ndarray, new: Bends) -> np.ndarray:
    """Put the values at new points between the others."""
    low, high = values[new.row], values[new.row + 1]
    share = new.share.astype(values.dtype)[:, None]
    high -= low
    high *= share
    high += low
    return _put(values, new, high)


def _put(values: np.ndarray, new: Bends, more: np.ndarray) -> np.ndarray:
    whole = np.empty((len(values) + len(more), *values.shape[1:]), values.dtype)
    behind = np.bincount(new.row + 1, minlength=len(values))[: len(values)]
    whole[np.arange(len(values)) + np.cumsum(behind)] = values
    whole[new.places] = more
    return whole


def _placed(first: np.ndarray, last: np.ndarray, segment: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Lay points along segments out as one row each."""
    low, high = (x[segment].reshape(len(segment), -1) for x in (first, last))
    return (low * (1 - at[:, None]) + high * at[:, None]).astype(first.dtype)


def _refuse_other_bends(
    f: Callable[[Any], Any],
    size: int,
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
    some = np.random.default_rng(0).permutation(whole)[:TRIED]
    low, high, of = ends[some], ends[some + 1], of[some]
    low, high = low + EDGE * (high - low), high - EDGE * (high - low)
    run = jax.jit(lambda flat: [f(flat.reshape(-1, *first.shape[1:])).reshape(len(flat), -1)])
    left, middle, right = (
        in_runs(run, [_placed(first, last, of, t)], size)[0].astype(np.float64)
        for t in (low, low + _UNEVEN * (high - low), high)
    )
    refuse_non_finite(np.stack([left, middle, right]), "f(x)", "rj.diagnose names what is not")
    off = np.abs(left + _UNEVEN * (right - left) - middle).max(axis=1)
    largest = max(np.abs(left).max(initial=0.0), np.abs(right).max(initial=0.0))
    span = np.abs(left - right).max(axis=1)
    bent = off > BENT * span + 256 * eps * largest
    if bent.any():
        raise not_affine(f"a bend in {bent.sum()} of {len(some)} regions")


def not_affine(got: str) -> Exception:
    """Word that a function is not affine between the bends of its activations.

    Example:
        >>> "a softmax" in str(not_affine("a bend in 1 of 2 regions"))
        True
    """
    return errors.rejected(
        rule="f is affine between the points where its activations bend",
        got=got,
        do="a softmax, a norm, a sort and what is taken for a loss (rj.tap.sites(f, x) tells) "
        "are not followed: ask for what stands before them",
    )


def count(segment: np.ndarray, at: np.ndarray, n: int, apart: float) -> np.ndarray:
    """Count the regions of N segments: one more than breakpoints that are apart from each other.

    Example:
        >>> count(np.array([0, 0, 1]), np.array([0.1, 0.1, 0.5]), 3, apart=1e-6).tolist()
        [2, 2, 1]
    """
    new = np.ones(len(at), bool)
    new[1:] = (segment[1:] != segment[:-1]) | (at[1:] - at[:-1] > apart)
    return 1 + np.bincount(segment[new], minlength=n)
