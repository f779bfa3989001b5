"""Through how many linear regions of a piecewise linear network does a circle lead?

As along a segment (`regions`), hinge by hinge. Between bends every argument is a sinusoid of the
angle and a constant: `arcs` tells where it bends.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.arcs import Bends, Values, bends
from relu_jax.analyses.jacobian import plan, refuse_meeting
from relu_jax.analyses.regions import APART, BENT, EDGE, TRIED, Regions, not_affine
from relu_jax.analyses.runs import SIZE, in_runs
from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.analyses.stages import Stage, stages
from relu_jax.core import errors

_UNEVEN = 0.764  # of half an arc, from its middle
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


def circle_regions(
    f: Callable[[Any], Any], center: ArrayLike, right: ArrayLike, up: ArrayLike
) -> Regions:
    """Find every point at which a network bends along circles and ellipses.

    The circle is center + cos θ · right + sin θ · up, once round.

    Args:
        f: a function of a batch: x, of (N, ...); any network of piecewise linear activations and
            maxima.
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
        NotImplementedError: activations in branches or while loops.

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
    expected = Values(*y[:3]).at(np.arange(len(some)), shift, half)
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
    known = {0: Values(*(_placed(center, right, up, angle) for angle in angles))}
    none = np.zeros(0, np.int64)
    breaks = [(np.zeros(0), none, none)]
    for i, stage in enumerate(found):
        made = [in_runs(stage.run, [known[k][end] for k in stage.needs]) for end in range(3)]
        known |= {k: Values(*values) for k, *values in zip(stage.gives, *made, strict=True)}
        new = bends(stage.hinge, known[stage.gives[0]], arcs.half)
        breaks.append((arcs.middle[new.arc] + new.shift, np.full(len(new.arc), i), new.unit))
        later = {k for one in found[i + 1 :] for k in one.needs} & known.keys()
        owner, low, high = _divided(arcs, new)
        half, middle, angles = arcs.half[owner], arcs.middle[owner], (low, (low + high) / 2, high)
        known = {k: Values(*(known[k].at(owner, at, half) for at in angles)) for k in later}
        if stage.hinge.kinks and stage.gives[0] in known:
            _snap(known[stage.gives[0]], new)
        arcs = _Arcs(middle + low, middle + high)
    at, hinge, unit = (np.concatenate(column) for column in zip(*breaks, strict=True))
    share = np.mod(at / _TURN, 1.0)
    order = np.argsort(share, kind="stable")
    return share[order], hinge[order], unit[order]


def _divided(arcs: _Arcs, new: Bends) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut arcs: of each new one its old arc, and its ends as angles from the middle of that."""
    each = np.arange(len(arcs.low))
    starts, ends = np.concatenate([each, new.arc]), np.concatenate([new.arc, each])
    low = np.concatenate([-arcs.half, new.shift])
    high = np.concatenate([new.shift, arcs.half])
    first, last = np.lexsort((low, starts)), np.lexsort((high, ends))
    return starts[first], low[first], high[last]


def _snap(z: Values, new: Bends) -> None:
    """Set an argument to its kink where it crosses it: what follows from 0 alone is 0 as well."""
    before = new.arc + np.arange(len(new.arc))  # the new arc that ends there
    z.high[before, new.unit] = new.kink
    z.low[before + 1, new.unit] = new.kink


def _placed(center: np.ndarray, right: np.ndarray, up: np.ndarray, angle: np.ndarray) -> np.ndarray:
    along = np.cos(angle)[:, None] * right + np.sin(angle)[:, None] * up
    return (center + along).astype(center.dtype)
