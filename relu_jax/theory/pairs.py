"""Are these the variances and the covariance of two normal variables with mean 0?"""

from typing import TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.scalars import is_known, real

Pairs: TypeAlias = tuple[Array, Array, Array]  # q1, q2 and the covariance, of one shape


def pairs(q1: ArrayLike, q2: ArrayLike, covariance: ArrayLike) -> Pairs:
    """Broadcast to arrays of one float type, and refuse what no normal pair has.

    Args:
        q1: variance of u, at least 0.
        q2: variance of v.
        covariance: at most √(q1 q2) in size, to within rounding.

    Returns:
        (q1, q2, covariance), in their common float type; integers and Python numbers in JAX's
        default.

    Raises:
        ValueError: a variance below 0 or infinite, or a covariance too large, where nothing is
            traced.
        TypeError: what is no real number.

    Edges: NaN passes. Where a value is traced, a variance below 0 becomes NaN, and a covariance
    that is too large passes: `correlation` clips it.

    Example:
        >>> q1, q2, c = pairs(1.0, jnp.float32([1.0, 4.0]), 0.5)
        >>> q1.shape, q2.tolist(), str(c.dtype)
        ((2,), [1.0, 4.0], 'float32')
    """
    for name, value in (("q1", q1), ("q2", q2), ("covariance", covariance)):
        real(name, value, do="pass variances and a covariance of real numbers")
    dtype = jnp.result_type(q1, q2, covariance)
    dtype = dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.result_type(float)
    known = is_known(q1, q2, covariance)
    if known:
        _refuse(q1, q2, covariance, 1 + float(jnp.finfo(dtype).eps) ** 0.5)
    one, two, c = (jnp.asarray(x, dtype) for x in (q1, q2, covariance))
    if not known:
        one, two = (jnp.where(q < 0, jnp.nan, q) for q in (one, two))
    arrays = jnp.broadcast_arrays(one, two, c)
    return arrays[0], arrays[1], arrays[2]


def _refuse(q1: ArrayLike, q2: ArrayLike, covariance: ArrayLike, slack: float) -> None:
    a, b, c = (np.asarray(x, np.float64) for x in (q1, q2, covariance))
    endless = np.isinf(a).any() or np.isinf(b).any()
    if endless or (a < 0).any() or (b < 0).any() or (abs(c) > slack * np.sqrt(a * b)).any():
        raise errors.rejected(
            rule="q1 and q2 are finite variances and |covariance| is at most sqrt(q1 q2)",
            got=f"q1 from {a.min():g}, q2 from {b.min():g}, |covariance| to {abs(c).max():g}",
            do="pass variances and a covariance, not standard deviations or a correlation",
        )
