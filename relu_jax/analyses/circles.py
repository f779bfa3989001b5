"""Through how many linear regions of a piecewise linear network does a circle lead?

As along a segment (`regions`), hinge by hinge. Between bends every argument is a sinusoid of the
angle and a constant, known by three of its values: those at both ends of an arc and in its middle.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.jacobian import plan, refuse_meeting
from relu_jax.analyses.regions import APART, Regions, count
from relu_jax.analyses.runs import SIZE, in_runs
from relu_jax.analyses.stages import Stage, refuse_maxima, stages
from relu_jax.core import errors

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
        sine = (np.sin(shift) / np.sin(half)).astype(low.dtype)[:, None]
        rest = (_versed(shift) / _versed(half)).astype(low.dtype)[:, None]
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
        ValueError: an activation is not piecewise linear, or the shapes differ.
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
    x = jnp.asarray(np.resize(parts[0], (SIZE, *parts[0].shape[1:])))
    plan(f, x[:2])
    refuse_meeting(f, x[:2])
    found = stages(f, x)
    refuse_maxima(found)
    rows = [part.reshape(len(part), -1).astype(x.dtype) for part in parts]
    each = [_around(found, *(row[i] for row in rows)) for i in range(len(rows[0]))]
    eps = APART * float(jnp.finfo(x.dtype).eps)
    circle = np.repeat(np.arange(len(each)), [len(at) for at, *_ in each])
    at, hinge, unit = (np.concatenate([one[k] for one in each]) for k in range(3))
    # On a circle the last breakpoint is followed by the first.
    many = count(circle, at, len(each), eps) - 1
    return Regions(
        np.maximum(many, 1), circle, at, hinge, unit, tuple(one.hinge.id for one in found)
    )


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
    a = (high - low) / 2 / np.sin(half)[:, None]
    b = ((high + low) / 2 - middle) / _versed(half)[:, None]
    found = []
    for kink in kinks:
        c = middle - kink
        square = a**2 - (c + 2 * b) * c
        root = np.sqrt(np.maximum(square, 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            far = -(a + np.where(a < 0, -root, root))
            for t in (far / (c + 2 * b), c / far):  # neither cancels
                inside = (square > 0) & (np.abs(t) < np.tan(half / 2)[:, None])
                arc, unit = np.nonzero(inside)
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
