"""From where on does a float type round the derivative to exactly 0?

Measured on this backend each time it is asked: compilers and releases differ.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from relu_jax.activations.activation import Activation
from relu_jax.core import errors

DTYPES = ("float32", "bfloat16", "float16")
_HALVES = np.arange(65536, dtype=np.uint16)  # the bit patterns of every 16-bit float


class Vanishing(NamedTuple):
    """Hold from which |x| on the derivative is exactly 0 on each side, in one float type.

    `below` is for negative numbers, `above` for positive ones. inf says that f' never is 0 for
    good, 0 that it is 0 on the whole side. A NaN counts as not 0; subnormal arguments are not
    looked at.
    """

    dtype: str
    below: float
    above: float


def vanishing(act: Activation, dtype: str) -> Vanishing:
    """Find on each side the smallest number from which on f' is exactly 0.

    Every number is tried in 16 bits. In float32 every number of 16 bits is, then every number
    between the last of these at which f' is not 0 and the next.

    Args:
        act: any activation.
        dtype: one of `DTYPES`.

    Raises:
        ValueError: another dtype.

    Example:
        >>> from relu_jax.activations.rectifiers import RELU6
        >>> vanishing(RELU6, "float16")
        Vanishing(dtype='float16', below=0.0, above=6.0)
    """
    if dtype not in DTYPES:
        raise errors.rejected(
            rule=f"where f' vanishes is measured in {', '.join(DTYPES)}",
            got=repr(dtype),
            do="pick one of them",
        )
    first = _HALVES.astype(np.uint32) << 16 if dtype == "float32" else _HALVES
    x, alive = _slopes(act, dtype, first)
    return Vanishing(dtype, *(_end(act, dtype, x, alive, side) for side in (-1, 1)))


def _end(act: Activation, dtype: str, x: np.ndarray, alive: np.ndarray, side: int) -> float:
    size = side * x
    last = size[alive].max(initial=0.0)
    if last == size.max():
        return float("inf")
    if last == 0:
        return 0.0
    if dtype == "float32":
        start = np.array(side * last, np.float32).view(np.uint32)
        finer, alive = _slopes(act, dtype, start + np.arange(65536, dtype=np.uint32))
        last = (side * finer)[alive].max(initial=last)
        size = np.concatenate([size, side * finer])
    return float(size[size > last].min())


def _slopes(act: Activation, dtype: str, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the normal numbers among these bit patterns, and whether f' is not 0 there."""
    x, slope = (np.asarray(part) for part in _derivative(act, dtype, bits))
    normal = np.isfinite(x) & (np.abs(x) >= float(jnp.finfo(dtype).tiny))
    return x[normal], slope[normal] != 0


@partial(jax.jit, static_argnames=("act", "dtype"))
def _derivative(act: Activation, dtype: str, bits: jax.Array) -> tuple[jax.Array, jax.Array]:
    x = lax.bitcast_convert_type(bits, jnp.dtype(dtype))
    return x.astype(jnp.float32), act.derivative(x).astype(jnp.float32)
