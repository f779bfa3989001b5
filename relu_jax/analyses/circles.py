"""Through how many linear regions of a piecewise linear network does a circle lead?

As along a segment (`regions`), hinge by hinge. Between bends every argument is a sinusoid of the
angle and a constant, known by three of its values: those at both ends of an arc and in its middle.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.jacobian import plan, refuse_meeting
from relu_jax.analyses.regions import APART, BENT, EDGE, TRIED, Regions, not_affine
from relu_jax.analyses.runs import SIZE, in_runs
from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.analyses.stages import Stage, refuse_maxima, stages
from relu_jax.core import errors

_UNEVEN = 0.764  # of half an arc, from its middle
_NEAR = 8  # times ε of the largest value: a unit that comes no nearer does not touch its kink
_FIRST = 3  # arcs to begin with: of each, the three values differ
_TURN = 2 * np.pi


class _Arcs(NamedTuple):
    """Arcs in order; on those of one circle each ends where the next begins."""

    low: np.ndarray  # (A,) angle at which it begins
    high: np.ndarray

    @property
    def half(self) -> np.ndarray:
        return (self.high - self.low) / 2

    @property
    def middle(self) -> np.ndarray:
        return (self.high + self.low) / 2


class _Values(NamedTuple):
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


def circle_regions(
    f: Callable[[Any], Any], center: ArrayLike, right: ArrayLike, up: ArrayLike
) -> Regions:
    """Find every point at which a network bends along circles and ellipses.

    The circle is center + cos θ · right + sin θ · up, once round.

    Args:
        f: a function of a batch: x, of (N, ...); any network of piecewise linear activations.
        center: of N circles, (N, ...).
        right: from the center to where they begin; of the same shape.
        up: to the point a quarter on; of a circle as long as `right` and at a right angle to it.

    Returns:
        as `regions`: `segment` is the circle, `at` the share of the turn, from 0 to 1. Where they
        begin is no breakpoint: a circle with K breakpoints leads through K regions, or 1.

    Raises:
        ValueError: an activation is not piecewise linear, f bends between its breakpoints (a
            softmax, a norm), computes in half precision or mixes examples, the shapes differ, or
            a number is not finite.
        NotImplementedError: activations in branches or while loops, and maxima of several values,
            such as max pooling, which `regions` follows along segments.

    Edges: those of `regions`, ε being of the turn.

    Source: Novak et al. 2018, section 3 (transitions along a circle through data points).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> one, i, j = jnp.zeros((1, 2)), jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 1.0]])
        >>> found = circle_regions(jax.nn.relu, one + 0.5, i, j)
        >>> found.count.tolist(), found.at.round(3).tolist()  # at 120°, 210°, 240°, 330°
        ([4], [0.333, 0.583, 0.667, 0.917])
    """
    parts = [np.asarray(v) for v in (center, right, up)]
    if len({part.shape for part in parts}) > 1 or not parts[0].size or not parts[0].ndim:
        raise errors.rejected(
            rule="every circle has a center and two directions, of one shape",
            got=", ".join(errors.describe(v) for v in parts),
            do="pass arrays of (N, ...), one row for each circle",
        )
    refuse_non_finite(np.stack(parts), "a circle", "leave that circle out")
    x = jnp.asarray(np.resize(parts[0], (SIZE, *parts[0].shape[1:])))
    plan(f, x[:2])
    refuse_meeting(f, jnp.asarray(np.concatenate([parts[0][:4] + part[:4] for part in parts[1:]])))
    found = stages(f, x)
    refuse_maxima(found)
    rows = [part.reshape(len(part), -1).astype(x.dtype) for part in parts]
    each = [_around(found, *(row[i] for row in rows)) for i in range(len(rows[0]))]
    eps = APART * float(jnp.finfo(x.dtype).eps)
    circle = np.repeat(np.arange(len(each)), [len(at) for at, *_ in each])
    at, hinge, unit = (np.concatenate([one[k] for one in each]) for k in range(3))
    _refuse_other_bends(f, parts[0].shape[1:], rows, [one[0] for one in each])
    many = np.array([_apart(one[0], eps) for one in each])
    return Regions(many, circle, at, hinge, unit, tuple(one.hinge.id for one in found))


def _apart(at: np.ndarray, eps: float) -> int:
    """Count the regions of a circle: breakpoints apart from the next, the last from the first."""
    gaps = np.diff(at, append=at[:1] + 1)
    return max(1, int((gaps > eps).sum()))


def _refuse_other_bends(
    f: Callable[[Any], Any],
    shape: tuple[int, ...],
    rows: Sequence[np.ndarray],
    breaks: Sequence[np.ndarray],
) -> None:
    """Refuse a function that is no sinusoid and constant between its breakpoints, on some arcs."""
    lows, highs, circles = [], [], []
    for i, at in enumerate(breaks):
        ends = _TURN * (np.concatenate([at, at[:1] + 1]) if len(at) else np.array([0.0, 1.0]))
        if len(at) < 2:  # no arc is half a turn or more
            ends = np.linspace(ends[0], ends[-1], _FIRST + 1)
        lows.append(ends[:-1])
        highs.append(np.minimum(ends[1:], ends[:-1] + _TURN / _FIRST))
        circles.append(np.full(len(lows[-1]), i))
    low, high, circle = (np.concatenate(parts) for parts in (lows, highs, circles))
    wide = np.flatnonzero(high - low > 1e4 * np.finfo(np.float32).eps)
    some = np.random.default_rng(0).permutation(wide)[:TRIED]
    if not len(some):
        return
    low, high, circle = low[some], high[some], circle[some]
    low, high = low + EDGE * (high - low), high - EDGE * (high - low)
    run = jax.jit(lambda x: [f(x.reshape(-1, *shape)).reshape(len(x), -1)])
    center, right, up = (row[circle] for row in rows)
    middle, half = (low + high) / 2, (high - low) / 2
    shift = _UNEVEN * half
    y = [
        in_runs(run, [_placed(center, right, up, angle)])[0].astype(np.float64)
        for angle in (low, middle, high, middle + shift)
    ]
    refuse_non_finite(np.stack(y), "f(x)", "rj.diagnose names what is not")
    expected = _Values(*y[:3]).at(np.arange(len(some)), shift, half)
    off = np.abs(expected - y[3]).max(axis=1)
    span = np.ptp(np.stack(y[:3]), axis=0).max(axis=1)
    bent = off > BENT * span + 256 * np.finfo(np.float32).eps * np.abs(np.stack(y)).max()
    if bent.any():
        raise not_affine(f"a bend on {bent.sum()} of {len(some)} arcs")


def _around(
    found: Sequence[Stage], center: np.ndarray, right: np.ndarray, up: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Subdivide one circle, hinge by hinge."""
    # Where it begins no network bends by design.
    ends = np.linspace(0, _TURN, _FIRST + 1) + 2**-0.5 / 16
    arcs = _Arcs(ends[:-1], ends[1:])
    angles = (arcs.low, arcs.middle, arcs.high)
    known = {0: _Values(*(_placed(center, right, up, angle) for angle in angles))}
    none = np.zeros(0, np.int64)
    breaks = [(np.zeros(0), none, none)]
    for i, stage in enumerate(found):
        made = [in_runs(stage.run, [known[k][end] for k in stage.needs]) for end in range(3)]
        known |= {k: _Values(*values) for k, *values in zip(stage.gives, *made, strict=True)}
        arc, shift, unit, kink = _bends(stage.hinge.kinks, known[stage.gives[0]], arcs.half)
        breaks.append((arcs.middle[arc] + shift, np.full(len(arc), i), unit))
        later = {k for one in found[i + 1 :] for k in one.needs} & known.keys()
        owner, low, high = _divided(arcs, arc, shift)
        half = arcs.half[owner]
        new = {
            k: _Values(
                *(known[k].at(owner, angle, half) for angle in (low, (low + high) / 2, high))
            )
            for k in later
        }
        _snap(new.get(stage.gives[0]), arc, unit, kink)
        middle = arcs.middle[owner]
        arcs, known = _Arcs(middle + low, middle + high), new
    at, hinge, unit = (np.concatenate(column) for column in zip(*breaks, strict=True))
    share = np.mod(at / _TURN, 1.0)
    order = np.argsort(share, kind="stable")
    return share[order], hinge[order], unit[order]


def _bends(
    kinks: Sequence[float], z: _Values, half: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find the angles, from the middle of each arc, at which a sinusoid crosses a kink; in order.

    With t = tan(φ / 2) it is (c + 2 b) t² + 2 a t + c = 0, where c is its value in the middle.
    """
    low, middle, high = (part.astype(np.float64) for part in z)
    size = np.maximum(np.maximum(np.abs(low), np.abs(middle)), np.abs(high))
    found = []
    with np.errstate(divide="ignore", invalid="ignore"):  # an arc of no width bends nowhere
        a = (high - low) / 2 / np.sin(half)[:, None]
        b = ((high + low) / 2 - middle) / _versed(half)[:, None]
        for kink in kinks:
            c = middle - kink
            square = a**2 - (c + 2 * b) * c  # of the amplitude, less that of what it turns about
            root = np.sqrt(np.maximum(square, 0))
            near = _NEAR * np.finfo(z.low.dtype).eps * np.maximum(size, abs(kink))
            beyond = square > near * (np.hypot(a, b) + np.abs(c + b))
            crossed = (low > kink) != (high > kink)
            far = -(a + np.where(a < 0, -root, root))
            for t in (far / (c + 2 * b), c / far):  # neither cancels
                inside = (np.abs(t) < np.tan(half / 2)[:, None]) & (crossed | beyond)
                arc, unit = np.nonzero(inside & (square > 0))
                found.append((arc, 2 * np.arctan(t[arc, unit]), unit, np.full(len(arc), kink)))
    arc, shift, unit, kink = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((shift, arc))
    return arc[order], shift[order], unit[order], kink[order]


def _divided(
    arcs: _Arcs, arc: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut arcs: of each new one its old arc, and its ends as angles from the middle of that."""
    each = np.arange(len(arcs.low))
    starts, ends = np.concatenate([each, arc]), np.concatenate([arc, each])
    low = np.concatenate([-arcs.half, shift])
    high = np.concatenate([shift, arcs.half])
    first, last = np.lexsort((low, starts)), np.lexsort((high, ends))
    return starts[first], low[first], high[last]


def _snap(z: _Values | None, arc: np.ndarray, unit: np.ndarray, kink: np.ndarray) -> None:
    """Set an argument to its kink where it crosses it: what follows from 0 alone is 0 as well."""
    if z is None:
        return
    before = arc + np.arange(len(arc))  # the new arc that ends there
    z.high[before, unit] = kink
    z.low[before + 1, unit] = kink


def _versed(angle: np.ndarray) -> np.ndarray:
    """Return 1 - cos, without cancelling."""
    return 2 * np.sin(angle / 2) ** 2


def _placed(center: np.ndarray, right: np.ndarray, up: np.ndarray, angle: np.ndarray) -> np.ndarray:
    along = np.cos(angle)[:, None] * right + np.sin(angle)[:, None] * up
    return (center + along).astype(center.dtype)
