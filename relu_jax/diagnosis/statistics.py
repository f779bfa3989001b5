"""What is measured at a site while the program runs? Sums that add up over batches.

Everything here is traced into one program with the loss. Per unit, in float32 or wider: sums of
squares, at two more scales where the first may have lost some, so that neither 1e-25 nor 1e25 is
lost, and counts, which are exact. Histograms look at a fixed, strided subset of at most
`bins.LOOKED_AT` elements per site and batch. The host adds batches up in float64 and int64.
"""

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
from relu_jax.diagnosis.reductions import samples, summed, where
from relu_jax.tap import Site

SCALES = (1.0, 2.0**75, 2.0**-80)  # as they are; for squares too small; for squares too large
TINY = 2.0**-80  # below, squares of float32 may have been flushed to 0
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
        finite, wide, out = jnp.isfinite(pre), widened(pre), widened(post)
        (plain_pre, plain_post), (zeros, alive, saturated) = summed(
            site,
            [jnp.square(wide), jnp.square(out)],
            [post == 0, (steep != 0) | ~finite, steep.astype(jnp.float32) < limit],
        )
        n = samples(site, pre.shape)
        lost = jnp.any(_lost(plain_pre)) | jnp.any(_lost(plain_post) & (zeros < n))
        # f(z) once more: handed on as it is, all of it would have to be kept.
        (rest_pre, rest_post), (nonfinite_pre, nonfinite_post) = _rest(
            site, lost, lambda: [widened(pre), widened(act(pre))]
        )
        return Forward(
            samples=jnp.int32(n),
            squares_pre=jnp.stack([plain_pre, *rest_pre]),
            squares_post=jnp.stack([plain_post, *rest_post]),
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
    (plain,), (zeros,) = summed(site, [jnp.square(wide)], [wide == 0])
    lost = jnp.any(_lost(plain) & (zeros < samples(site, wide.shape)))
    (rest,), (nonfinite,) = _rest(site, lost, lambda: [widened(cotangent)])
    at_least = _at_least(jnp.abs(subset(wide)), bins.MAGNITUDE_MARKS)
    squares = jnp.stack([plain, *rest])
    return Backward(squares, *(x.astype(jnp.float32) for x in (nonfinite, at_least)))


def squares(x: Array) -> list[Array]:
    """Square, at each of the three scales."""
    return [jnp.square(x * jnp.asarray(scale, x.dtype)) for scale in SCALES]


def _lost(plain: Array) -> Array:
    """Say where a sum of squares may have lost some, or is of values that are not finite."""
    return ~(jnp.isfinite(plain) & (plain >= jnp.asarray(TINY, plain.dtype)))


def _rest(
    site: Site, lost: Array, made: Callable[[], Sequence[Array]]
) -> tuple[list[list[Array]], list[Array]]:
    """Sum squares at the other scales, and count what is not finite, where that is asked for."""

    def measured() -> tuple[list[list[Array]], list[Array]]:
        arrays = lax.stop_gradient(made())  # of a trained slope in f
        scaled = [square for x in arrays for square in squares(x)[1:]]
        sums, counts = summed(site, scaled, [~jnp.isfinite(x) for x in arrays])
        n = len(SCALES) - 1
        return [sums[i : i + n] for i in range(0, len(sums), n)], counts

    return where(lost, measured)


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
