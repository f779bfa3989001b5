"""How near is near enough, and which small formulas stay right at their degenerate points?"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Float

from relu_jax.core import errors
from relu_jax.core.types import Array


def tolerance(dtype: DTypeLike, n: int = 1, c: float = 8.0) -> float:
    """Bound the relative rounding error of a computation: c · n · ε(dtype).

    Args:
        dtype: floating type in which the computation ran.
        n: number of roundings on the longest path, such as the terms of a sum; at least 1.
        c: slack above the worst case of one rounding; positive.

    Returns:
        The bound as a Python float, for `rtol`; multiply by a magnitude to get an `atol`.

    Raises:
        TypeError: `dtype` is not a floating type (integers have no rounding: compare exactly).
        ValueError: n < 1 or c <= 0.

    Example:
        >>> tolerance("float32") == 8 * 2.0**-23
        True
        >>> tolerance("float32", n=100) / tolerance("float32")
        100.0
    """
    if not jnp.issubdtype(jnp.dtype(dtype), jnp.floating):
        raise errors.rejected(
            rule="a tolerance belongs to a floating type",
            got=str(jnp.dtype(dtype)),
            do="compare integers and booleans exactly",
            kind=TypeError,
        )
    if n < 1 or c <= 0:
        raise errors.rejected(
            rule="n is at least 1 and c is positive", got=f"n={n}, c={c}", do="count the roundings"
        )
    return float(c * n * float(jnp.finfo(dtype).eps))


def wide_dtype(dtype: DTypeLike) -> np.dtype:
    """Name the float type to compute in: float64 for float64, float32 for all else.

    Example:
        >>> str(wide_dtype("bfloat16")), str(wide_dtype("float64"))
        ('float32', 'float64')
    """
    return np.dtype(np.float64 if jnp.dtype(dtype) == np.float64 else np.float32)


def is_half(dtype: DTypeLike) -> bool:
    """Say whether a float type is narrower than float32.

    Example:
        >>> is_half("bfloat16"), is_half("float32")
        (True, False)
    """
    return bool(jnp.issubdtype(dtype, jnp.floating)) and jnp.finfo(dtype).bits < 32


def widened(x: Array) -> Array:
    """Give x at least the precision of float32.

    Example:
        >>> str(widened(jnp.float16(1)).dtype), str(widened(jnp.float32(1)).dtype)
        ('float32', 'float32')
    """
    return x.astype(wide_dtype(x.dtype))


def narrowed(x: Array, dtype: DTypeLike) -> Array:
    """Round to a float type that is no wider, to the nearest and in a tie to the even number.

    On a CPU a float32 is rounded to bfloat16 by its bits: XLA's own conversion makes a cheap
    function take up to 1.3 times as long.

    Edges: NaN stays NaN, and quiet. Differentiated it is a conversion.

    Example:
        >>> float(narrowed(jnp.float32(1.01), "bfloat16"))
        1.0078125
    """
    dtype = jnp.dtype(dtype)
    by_bits = dtype == jnp.bfloat16 and x.dtype == jnp.float32 and jax.default_backend() == "cpu"
    return bfloat16_by_bits(x) if by_bits else x.astype(dtype)


@jax.custom_jvp
def bfloat16_by_bits(x: Array) -> Array:
    """Round a float32 to bfloat16, as `narrowed` does on a CPU.

    Example:
        >>> float(bfloat16_by_bits(jnp.float32(1.01)))
        1.0078125
    """
    return _by_bits(x)


# A call of its own, by which the tap knows it: that of a derivative rule is lost in a loop.
@jax.jit
def _by_bits(x: Array) -> Array:
    bits = lax.bitcast_convert_type(x, np.uint32)
    nearest = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    # The comparison is of the bits too: what is used twice, XLA may write to memory.
    is_nan = (bits & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)
    rounded = jnp.where(is_nan, bits | np.uint32(0x400000), nearest)
    return lax.bitcast_convert_type((rounded >> np.uint32(16)).astype(np.uint16), jnp.bfloat16)


bfloat16_by_bits.defjvps(lambda t, *_: t.astype(jnp.bfloat16))


def safe_divide(
    numerator: Float[Array, "*S"], denominator: Float[Array, "*S"], default: float = 0.0
) -> Float[Array, "*S"]:
    """Divide, with a chosen value where the denominator is zero.

    Args:
        numerator: any values.
        denominator: same shape and dtype as the numerator.
        default: result where the denominator is 0.

    Returns:
        numerator / denominator, elementwise, in the dtype of the arguments.

    Edges:
        Denominator ±0: value `default`, both gradients 0. NaN in either: NaN.
        Denominator ±inf: 0, or NaN under an infinite numerator.

    Example:
        >>> import jax.numpy as jnp
        >>> print(safe_divide(jnp.array([1.0, 1.0]), jnp.array([4.0, 0.0])))
        [0.25 0.  ]
    """
    undefined = denominator == 0
    # Two selections: the inner one keeps 0 out of the division, whose gradient would be NaN.
    quotient = numerator / jnp.where(undefined, jnp.ones_like(denominator), denominator)
    return jnp.where(undefined, jnp.full_like(quotient, default), quotient)


def rms(x: Float[Array, "..."], axis: int | tuple[int, ...] | None = None) -> Float[Array, "..."]:
    """Take the root mean square: sqrt(mean x²).

    Args:
        x: at least one element along `axis`.
        axis: axes to reduce; None reduces all.

    Returns:
        The RMS in float32, or in float64 where x is float64.

    Raises:
        ValueError: there is nothing to average.

    Edges:
        x is scaled by its largest magnitude first, so 1e-30 and 1e30 neither vanish nor
        overflow in float32; below 1.2e-38, where XLA flushes to zero, x counts as 0.
        All zero: value 0, gradient 0. Any ±inf: inf. Any NaN: NaN.

    Example:
        >>> import jax.numpy as jnp
        >>> float(rms(jnp.array([3.0, -3.0])))
        3.0
        >>> f"{float(rms(jnp.full((4,), 1e-30))):.1e}"
        '1.0e-30'
    """
    if x.size == 0:
        raise errors.rejected(
            rule="an RMS averages at least one element",
            got=errors.describe(x),
            do="leave out empty batches",
        )
    wide = widened(x)
    peak = lax.stop_gradient(jnp.max(jnp.abs(wide), axis=axis, keepdims=True))
    # Clipped, because XLA multiplies by 1 / scale, and that must not be flushed to zero either.
    scale = jnp.where(jnp.isfinite(peak), jnp.clip(peak, 2.0**-100, 2.0**100), jnp.ones_like(peak))
    mean = jnp.mean(jnp.square(wide / scale), axis=axis, keepdims=True)
    vanishes = mean == 0
    root = jnp.sqrt(jnp.where(vanishes, jnp.ones_like(mean), mean))
    value = scale * jnp.where(vanishes, jnp.zeros_like(root), root)
    return jnp.squeeze(value, axis=axis) if axis is not None else value.reshape(())
