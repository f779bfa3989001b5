"""What is measured at a site while the program runs? Sums that add up over batches.

Everything here is traced into one program with the loss. Per unit, in float32 or wider: sums of
squares at three scales, so that neither 1e-25 nor 1e25 is lost, and counts, which are exact.
Histograms look at a fixed, strided subset of at most `bins.LOOKED_AT` elements per site and
batch. The host adds batches up in float64 and int64.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from relu_jax.analyses.saturation import BELOW as SATURATED_BELOW
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array
from relu_jax.diagnosis import bins
from relu_jax.tap import Site

SCALES = (1.0, 2.0**75, 2.0**-80)  # as they are; for squares too small; for squares too large
TINY = 2.0**-80  # below, squares of float32 may have been flushed to 0
_EXACT = 2**24  # float32 counts exactly up to here
_GRID = 8.0  # where sup |f′| of an unknown function is looked for: [-8, 8]

Sums: TypeAlias = Any  # JAX arrays in the program, NumPy arrays on the host


class Forward(NamedTuple):
    """What is kept of one site's forward values. Arrays per unit, unless said."""

    samples: Sums  # scalar: samples per unit
    squares_pre: Sums  # three scales, then units
    squares_post: Sums
    nonfinite_pre: Sums
    nonfinite_post: Sums
    zeros: Sums
    alive: Sums  # f′(z) ≠ 0, or z not finite
    saturated: Sums
    at_least: Sums  # per mark of `bins`: elements of the subset of z from there on


class Backward(NamedTuple):
    """What is kept of one cotangent, as floats that add up. Arrays per unit, unless said."""

    squares: Sums  # three scales, then units
    nonfinite: Sums
    at_least: Sums  # per mark of `bins`: elements of the subset whose magnitude is from there on


def forward(sups: Mapping[str, float | None]) -> Callable[[Site, Any, Array, Array], Forward]:
    """Build what `tap` calls with the values at each site.

    Args:
        sups: {site id: sup |f′|}; None has it measured on [-8, 8] in the program.
    """

    def seen(site: Site, act: Callable[[Array], Array], pre: Array, post: Array) -> Forward:
        steep = jnp.abs(slope(act, pre))
        sup = sups[site.id]
        limit = SATURATED_BELOW * (_steepest(act, pre) if sup is None else jnp.float32(sup))
        finite = jnp.isfinite(pre)
        wide = widened(pre)
        sums, counts = summed(
            site,
            [*squares(wide), *squares(widened(post))],
            [
                ~finite,
                ~jnp.isfinite(post),
                post == 0,
                (steep != 0) | ~finite,
                steep.astype(jnp.float32) < limit,
            ],
        )
        n = len(SCALES)
        nonfinite_pre, nonfinite_post, zeros, alive, saturated = counts
        return Forward(
            samples=jnp.int32(_count(pre.shape, sample_axes(site, pre.ndim))),
            squares_pre=jnp.stack(sums[:n]),
            squares_post=jnp.stack(sums[n:]),
            nonfinite_pre=nonfinite_pre,
            nonfinite_post=nonfinite_post,
            zeros=zeros,
            alive=alive,
            saturated=saturated,
            at_least=_at_least(subset(wide), bins.PRE_MARKS),
        )

    return seen


def backward(site: Site, cotangent: Array) -> Backward:
    """Sum up one cotangent; `tap` calls it inside the backward pass."""
    wide = widened(cotangent)
    sums, (nonfinite,) = summed(site, squares(wide), [~jnp.isfinite(cotangent)])
    at_least = _at_least(jnp.abs(subset(wide)), bins.MAGNITUDE_MARKS)
    return Backward(jnp.stack(sums), *(x.astype(jnp.float32) for x in (nonfinite, at_least)))


def sample_axes(site: Site, ndim: int) -> tuple[int, ...]:
    """List the axes that are summed over: all but those that count units."""
    return tuple(axis for axis in range(ndim) if axis not in site.unit_axes)


def squares(x: Array) -> list[Array]:
    """Square, at each of the three scales."""
    return [jnp.square(x * jnp.asarray(scale, x.dtype)) for scale in SCALES]


def summed(
    site: Site, values: Sequence[Array], conditions: Sequence[Array]
) -> tuple[list[Array], list[Array]]:
    """Sum values, and count conditions, over samples: in one loop over the elements."""
    axes = sample_axes(site, values[0].ndim)
    # Floats are summed faster than integers on a CPU, and count exactly up to 2^24.
    number = values[0].dtype if _count(values[0].shape, axes) < _EXACT else jnp.int32
    terms = [*values, *(condition.astype(number) for condition in conditions)]
    zeros = [jnp.zeros((), term.dtype) for term in terms]
    sums = lax.reduce(terms, zeros, lambda a, b: list(map(operator.add, a, b)), axes)
    return list(sums[: len(values)]), list(sums[len(values) :])


def _count(shape: tuple[int, ...], axes: Sequence[int]) -> int:
    return math.prod(shape[axis] for axis in axes)


def slope(act: Callable[[Array], Array], pre: Array) -> Array:
    """Differentiate as the program would."""
    post, pullback = jax.vjp(act, pre)
    return pullback(jnp.ones_like(post))[0]


def _steepest(act: Callable[[Array], Array], pre: Array) -> Array:
    """Find sup |f′| on a grid, laid out in the shape of `pre`, since f may know that shape."""
    grid = jnp.linspace(-_GRID, _GRID, min(max(pre.size, 1), 257), dtype=jnp.float32)
    at = jnp.resize(grid, pre.shape).astype(pre.dtype)
    steep = jnp.abs(slope(act, at)).astype(jnp.float32)
    return jnp.max(jnp.where(jnp.isfinite(steep), steep, jnp.zeros_like(steep)), initial=0.0)


def subset(x: Array) -> Array:
    """Take at most `bins.LOOKED_AT` elements, evenly spread, of every unit some."""
    width = x.shape[-1] if x.ndim else 1
    return lax.slice(x.reshape(-1), (0,), (x.size,), (bins.stride(x.size, width),))


def _at_least(subset: Array, marks: np.ndarray) -> Array:
    """Count the elements from each mark on: comparisons are cheaper than scatters."""
    reached = subset[:, None] >= jnp.asarray(marks, subset.dtype)[None, :]
    return jnp.sum(reached, axis=0, dtype=jnp.int32)
