"""What kernel does a rectifier make of two correlated normal inputs, also at correlation ±1?

Throughout (u, v) is normal with mean 0, variances q1 and q2 and covariance c, which broadcast;
`pairs` says what is refused, and which float type comes out.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.pairs import pairs

# (sin x - x cos x) / x³ in powers of x², the highest first: enough for |x| < 1/2 in float64.
SERIES = tuple((-1) ** j * (2 * j + 2) / math.factorial(2 * j + 3) for j in reversed(range(9)))


def correlation(q1: Array, q2: Array, c: Array) -> tuple[Array, Array]:
    """Return √(q1 q2) and the correlation, clipped to [-1, 1].

    Edges: where a variance is 0 the correlation is 0 and all derivatives of both are 0. NaN
    where one is below 0. The derivative passes the clip, which is there for rounding.

    Example:
        >>> one, four = jnp.float32(1.0), jnp.float32(4.0)
        >>> [float(x) for x in correlation(one, four, one)]
        [2.0, 0.5]
    """
    empty = jnp.minimum(q1, q2) == 0
    one, two = (jnp.where(empty, 1.0, q) for q in (q1, q2))
    norm = _geometric_mean(one, two)
    raw = jnp.where(empty, 0.0, c / norm)
    return jnp.where(empty, 0.0, norm), raw + lax.stop_gradient(jnp.clip(raw, -1.0, 1.0) - raw)


@jax.custom_jvp
def _geometric_mean(one: Array, two: Array) -> Array:
    product, info = one * two, jnp.finfo(one.dtype)
    usual = (one > 0) & (product > info.tiny) & (product < info.max)
    mean = jnp.where(usual, jnp.sqrt(product), jnp.sqrt(one) * jnp.sqrt(two))
    # Equal ones give themselves, to the last bit: equal inputs must not seem to differ.
    return jnp.where((one == two) & (one > 0), one, mean)


_geometric_mean.defjvps(
    lambda t, mean, one, _: t * mean / (2 * one), lambda t, mean, _, two: t * mean / (2 * two)
)


def root(q: Array) -> Array:
    """Take the square root, with derivative 0 at 0.

    Example:
        >>> float(root(jnp.float32(4.0))), float(jax.grad(root)(0.0))
        (2.0, 0.0)
    """
    empty = q == 0
    return jnp.where(empty, 0.0, jnp.sqrt(jnp.where(empty, 1.0, q)))


def arc_cosine(order: int, q1: ArrayLike, q2: ArrayLike, covariance: ArrayLike) -> Array:
    """Compute the arc-cosine kernel of a covariance: (q1 q2)^(order/2) J_order(θ) / π.

    cos θ is the correlation, covariance / √(q1 q2); no correlation is passed.
    It is twice the dual kernel of the step (order 0), of relu (1) and of relu² (2). J0 is
    π - θ, J1 is sin θ + (π - θ) cos θ, J2 is 3 sin θ cos θ + (π - θ)(1 + 2 cos² θ).

    Args:
        order: 0, 1 or 2.
        q1: variance, such as |x|² for an input x.
        q2: variance, such as |y|².
        covariance: of the pair, at most √(q1 q2) in size, such as x · y.

    Raises:
        ValueError: another order; as for `pairs`.
        TypeError: as for `pairs`.

    Edges: at θ = 0 and π the values and, for orders 1 and 2, the derivatives are exact. That of
    order 0 is infinite there; 0 is returned. With a variance of 0, θ counts as π/2 and the
    derivatives are 0. A traced variance below 0 gives NaN.

    Source: Cho & Saul 2009, section 2.

    Example:
        >>> [float(arc_cosine(n, 1.0, 1.0, 1.0).round(4)) for n in (0, 1, 2)]
        [1.0, 1.0, 3.0]
    """
    if type(order) is not int or order not in (0, 1, 2):
        raise errors.rejected(
            rule="an arc-cosine kernel has order 0, 1 or 2",
            got=errors.describe(order),
            do="pass one of them, or let `dual` integrate max(x, 0)**order",
        )
    norm, rho = correlation(*pairs(q1, q2, covariance))
    return norm**order * (_j0, _j1, _j2)[order](rho) / np.pi


@jax.custom_jvp
def _j0(rho: Array) -> Array:
    return jnp.arccos(-rho)  # π - θ, whose digits the difference would lose where it is small


@_j0.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (rho,), (t,) = primals, tangents
    square = _squared_sine(rho)
    inside = square > 0
    return _j0(rho), jnp.where(inside, t * lax.rsqrt(jnp.where(inside, square, 1.0)), 0.0)


@jax.custom_jvp
def _j1(rho: Array) -> Array:
    left = _j0(rho)
    square = left**2
    # sin x - x cos x of x = π - θ, by its series where the difference cancels.
    near = left * square * jnp.polyval(jnp.asarray(SERIES, rho.dtype), square)
    return jnp.where(left < 0.5, near, root(_squared_sine(rho)) + left * rho)


# Term by term the derivatives of J1 and J2 are differences of infinities at ±1.
_j1.defjvps(lambda t, _, rho: t * _j0(rho))


@jax.custom_jvp
def _j2(rho: Array) -> Array:
    return 3 * rho * _j1(rho) + _j0(rho) * _squared_sine(rho)


_j2.defjvps(lambda t, _, rho: t * 4 * _j1(rho))


def _squared_sine(rho: Array) -> Array:
    return (1 - rho) * (1 + rho)


def two_slope(
    q1: ArrayLike,
    q2: ArrayLike,
    covariance: ArrayLike,
    *,
    below: ArrayLike = 0.0,
    above: ArrayLike = 1.0,
) -> Array:
    """Compute the dual kernel of f(x) = below · x for x < 0, above · x for x >= 0.

    (above - below)² k1 / 2 + above · below · c, with c the covariance and k1 the arc-cosine
    kernel of order 1. It holds relu (0, 1), leaky_relu (slope, 1), the absolute value (-1, 1)
    and identity (1, 1). Raises: as for `arc_cosine`.

    Example:
        >>> float(two_slope(1.0, 1.0, 1.0, below=0.5))
        0.625
    """
    q1, q2, c = pairs(q1, q2, covariance)
    low, high = jnp.asarray(below, c.dtype), jnp.asarray(above, c.dtype)
    return jnp.square(high - low) * arc_cosine(1, q1, q2, c) / 2 + high * low * c


def two_slope_slope(
    q1: ArrayLike,
    q2: ArrayLike,
    covariance: ArrayLike,
    *,
    below: ArrayLike = 0.0,
    above: ArrayLike = 1.0,
) -> Array:
    """Compute E f'(u) f'(v) of the function of `two_slope`.

    Example:
        >>> float(two_slope_slope(1.0, 1.0, 1.0, below=0.5))
        0.625
    """
    q1, q2, c = pairs(q1, q2, covariance)
    low, high = jnp.asarray(below, c.dtype), jnp.asarray(above, c.dtype)
    return jnp.square(high - low) * arc_cosine(0, q1, q2, c) / 2 + high * low
