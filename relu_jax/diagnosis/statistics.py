"""What is measured at a site while the program runs? Sums that add up over batches.

Everything here is traced into one program with the loss. Per unit, in float32 or wider: sums of
squares at three scales, so that neither 1e-25 nor 1e25 is lost, and counts, which are exact
below 2²⁴ samples per unit and batch. Histograms look at a fixed, strided subset of at most
`bins.LOOKED_AT` elements per site and batch. The host adds batches up in float64 and int64.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from relu_jax.core.types import Array
from relu_jax.diagnosis import bins
from relu_jax.tap import Site

SCALES = (1.0, 2.0**75, 2.0**-80)  # as they are; for squares too small; for squares too large
SATURATED_BELOW = 0.1  # of sup |f′|
_EXACT = 2**24  # float32 counts exactly up to here
_GRID = 8.0  # where sup |f′| of an unknown function is looked for: [-8, 8]


class Forward(NamedTuple):
    """What is kept of one site's forward values. Arrays per unit, unless said."""

    samples: Array  # scalar: samples per unit
    squares_pre: Array  # three scales, then units
    squares_post: Array
    nonfinite_pre: Array
    nonfinite_post: Array
    zeros: Array
    alive: Array  # f′(z) ≠ 0, or z not finite
    saturated: Array
    below: Array  # per edge: elements of the subset of z that are smaller
    looked_at: Array  # scalar: elements of the subset that are no NaN


class Backward(NamedTuple):
    """What is kept of one cotangent, as floats that add up. Arrays per unit, unless said."""

    squares: Array  # three scales, then units
    nonfinite: Array
    below: Array  # per edge: elements of the subset whose magnitude is smaller
    zeros: Array  # scalar, of the subset
    looked_at: Array  # scalar: elements of the subset that are no NaN


def forward(sups: Mapping[str, float | None]) -> Callable[[Site, Any, Array, Array], Forward]:
    """Build what `tap` calls with the values at each site.

    Args:
        sups: {site id: sup |f′|}; None has it measured on [-8, 8] in the program.
    """

    def seen(site: Site, act: Callable[[Array], Array], pre: Array, post: Array) -> Forward:
        slope = jnp.abs(_slope(act, pre))
        sup = sups[site.id]
        limit = SATURATED_BELOW * (_steepest(act, pre) if sup is None else jnp.float32(sup))
        finite = jnp.isfinite(pre)
        wide_pre, wide_post = widened(pre), widened(post)
        squares_pre = squares(site, wide_pre)
        return Forward(
            samples=jnp.int32(pre.size // max(1, math.prod(unit_shape(site, pre.shape)))),
            squares_pre=squares_pre,
            squares_post=squares(site, wide_post),
            nonfinite_pre=count(site, ~finite),
            nonfinite_post=count(site, ~jnp.isfinite(post)),
            zeros=count(site, post == 0),
            alive=count(site, (slope != 0) | ~finite),
            saturated=count(site, slope.astype(jnp.float32) < limit),
            **_below(wide_pre, bins.PRE_EDGES),
        )

    return seen


def backward(site: Site, cotangent: Array) -> Backward:
    """Sum up one cotangent; `tap` calls it inside the backward pass."""
    wide = widened(cotangent)
    subset = jnp.abs(_subset(wide))
    return Backward(
        squares=squares(site, wide),
        nonfinite=count(site, ~jnp.isfinite(cotangent)).astype(jnp.float32),
        zeros=jnp.sum(subset == 0, dtype=jnp.float32),
        **{k: v.astype(jnp.float32) for k, v in _counted(subset, bins.MAGNITUDE_EDGES).items()},
    )


def widened(x: Array) -> Array:
    """Give x at least the precision of float32."""
    return x if x.dtype == jnp.float64 else x.astype(jnp.float32)


def squares(site: Site, x: Array) -> Array:
    """Sum squares over samples at each of `SCALES`: three values per unit."""
    scaled = [jnp.square(x * jnp.asarray(scale, x.dtype)) for scale in SCALES]
    return jnp.stack([jnp.sum(values, axis=sample_axes(site, x.ndim)) for values in scaled])


def count(site: Site, condition: Array) -> Array:
    """Count over samples how often a condition holds, exactly."""
    axes = sample_axes(site, condition.ndim)
    samples = math.prod(condition.shape[a] for a in axes)
    # Float sums are the faster ones on a CPU.
    dtype = jnp.float32 if samples < _EXACT else jnp.int32
    return jnp.sum(condition.astype(dtype), axis=axes)


def sample_axes(site: Site, ndim: int) -> tuple[int, ...]:
    """List the axes that are summed over."""
    return tuple(axis for axis in range(ndim) if axis not in site.unit_axes)


def unit_shape(site: Site, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give the shape that is left."""
    return tuple(shape[axis] for axis in sorted(site.unit_axes))


def _slope(act: Callable[[Array], Array], pre: Array) -> Array:
    post, pullback = jax.vjp(act, pre)
    return pullback(jnp.ones_like(post))[0]


def _steepest(act: Callable[[Array], Array], pre: Array) -> Array:
    """Find sup |f′| on a grid, laid out in the shape of `pre`, since f may know that shape."""
    grid = jnp.linspace(-_GRID, _GRID, min(max(pre.size, 1), 257), dtype=jnp.float32)
    at = jnp.resize(grid, pre.shape).astype(pre.dtype)
    slope = jnp.abs(_slope(act, at)).astype(jnp.float32)
    return jnp.max(jnp.where(jnp.isfinite(slope), slope, jnp.zeros_like(slope)), initial=0.0)


def _subset(x: Array) -> Array:
    width = x.shape[-1] if x.ndim else 1
    return lax.slice(x.reshape(-1), (0,), (x.size,), (bins.stride(x.size, width),))


def _below(x: Array, edges: np.ndarray) -> dict[str, Array]:
    return _counted(_subset(x), edges)


def _counted(subset: Array, edges: np.ndarray) -> dict[str, Array]:
    """Count how many elements lie below each edge: comparisons are cheaper than scatters."""
    marks = jnp.asarray(edges, subset.dtype)
    smaller = subset[:, None] < marks[None, :]
    return {
        "below": jnp.sum(smaller, axis=0, dtype=jnp.int32),
        "looked_at": jnp.sum(~jnp.isnan(subset), dtype=jnp.int32),
    }
