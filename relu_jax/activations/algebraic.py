"""Which activations bend by roots and quotients, with tails that fall as a power of x?

Their steps square x, which overflows long before the function does. So x is written as v / w
with v = clip(x, -1, 1) and w = 1 / max(|x|, 1): both stay within [-1, 1] up to x = ±inf.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, as_float, proposal, samples
from relu_jax.activations.ranges import positive
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import finite


@jax.jit
def soft_sign(x: ArrayLike) -> jax.Array:
    """Squash to (-1, 1) by a quotient: x / (1 + |x|).

    Edges: ±inf gives ±1 with derivative 0, where jax.nn gives NaN; NaN gives NaN. The second
    derivative jumps from 2 to -2 at 0 and is -2 there.

    Source: Elliott 1993; Glorot & Bengio 2010, section 3.

    Example:
        >>> soft_sign(jnp.array([-jnp.inf, 1.0])).tolist()
        [-1.0, 0.5]
    """
    return _soft_sign(as_float(x))


@with_slope(lambda x: _inverse(x) * _inverse(x))
def _soft_sign(x: jax.Array) -> jax.Array:
    z = finite(x)  # the quotient is 1 long before
    return z / (jnp.abs(z) + 1)


def _inverse(x: jax.Array) -> jax.Array:
    return 1 / (1 + jnp.abs(x))


@jax.jit
def elliott(x: ArrayLike) -> jax.Array:
    """Squash to (0, 1) by a quotient: x / (2 (1 + |x|)) + 1/2.

    Edges: -inf gives 0, inf gives 1, both with derivative 0; NaN gives NaN. The negative tail
    is accurate to its own size. The second derivative jumps from 1 to -1 at 0 and is -1 there.

    Source: Elliott 1993.

    Example:
        >>> elliott(jnp.array([-jnp.inf, 0.0, 1.0])).tolist()
        [0.0, 0.5, 0.75]
    """
    return _elliott(as_float(x))


@with_slope(lambda x: 0.5 * _inverse(x) * _inverse(x))
def _elliott(x: jax.Array) -> jax.Array:
    rest = 0.5 * _inverse(x)
    return jnp.where(x < 0, rest, 1 - rest)


@jax.jit
def symlog(x: ArrayLike) -> jax.Array:
    """Compress large numbers of either sign: sign(x) * log(1 + |x|).

    Edges: ±inf gives ±inf with derivative 0; NaN gives NaN. The second derivative jumps from
    1 to -1 at 0 and is -1 there.

    Source: Hafner, Pasukonis, Ba & Lillicrap 2023 (DreamerV3).

    Example:
        >>> round(float(symlog(-1.0)), 6)
        -0.693147
    """
    return _symlog(as_float(x))


@with_slope(_inverse)
def _symlog(x: jax.Array) -> jax.Array:
    return jnp.sign(x) * jnp.log1p(jnp.abs(x))


@jax.jit
def isru(x: ArrayLike, *, alpha: ArrayLike = 1.0) -> jax.Array:
    """Squash by an inverse square root: x / sqrt(1 + alpha x^2).

    Args:
        x: any shape.
        alpha: 1 / (the limit squared), above 0.

    Edges: ±inf gives ±1 / sqrt(alpha) with derivative 0; NaN gives NaN. No step overflows.

    Source: Carlile, Delamarter, Kinney, Marti & Whitney 2017.

    Example:
        >>> isru(jnp.array([0.0, jnp.inf]), alpha=0.25).tolist()
        [0.0, 2.0]
    """
    return _isru(as_float(x), alpha)


@jax.jit
def isrlu(x: ArrayLike, *, alpha: ArrayLike = 1.0) -> jax.Array:
    """Keep what is positive, squash the rest: x for x >= 0, else x / sqrt(1 + alpha x^2).

    Args:
        x: any shape.
        alpha: 1 / (the limit at -inf, squared), above 0.

    Edges: smooth to the second derivative at 0. -inf gives -1 / sqrt(alpha) with derivative 0,
    inf gives inf with derivative 1; NaN gives NaN.

    Source: Carlile, Delamarter, Kinney, Marti & Whitney 2017.

    Example:
        >>> isrlu(jnp.array([-jnp.inf, 3.0])).tolist()
        [-1.0, 3.0]
    """
    return _isrlu(as_float(x), alpha)


def _split(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Write x as v / w, both within [-1, 1]."""
    return jnp.clip(x, -1, 1), 1 / jnp.maximum(jnp.abs(x), 1)


def _over_root(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Divide x, and 1, by sqrt(1 + x^2)."""
    v, w = _split(x)
    root = jnp.sqrt(w * w + v * v)
    return v / root, w / root


def _unit_bend(x: jax.Array) -> jax.Array:
    y, r = _over_root(x)
    return -3 * y * r**4


@with_slope(_unit_bend)
def _unit_slope(x: jax.Array) -> jax.Array:
    return _over_root(x)[1] ** 3


def _isru_slope(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    return _unit_slope(jnp.sqrt(alpha) * x)


def _isru_value(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    root = jnp.sqrt(alpha)
    # A product with 1 / root, since XLA makes one of a quotient by a constant.
    return _over_root(root * x)[0] * (1 / root)


@with_slope(lambda alpha, x: -0.5 * _isru_value(x, alpha) ** 3)
def _isru_of_alpha(alpha: ArrayLike, x: jax.Array) -> jax.Array:
    return _isru_value(x, alpha)


_isru = with_slope(_isru_slope, in_params=lambda x, alpha: _isru_of_alpha(alpha, x))(_isru_value)


@with_slope(lambda x, alpha: jnp.where(x >= 0, 1, _isru_slope(x, alpha)))
def _isrlu(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    return jnp.where(x >= 0, x, _isru(x, alpha))


@jax.jit
def arctan(x: ArrayLike) -> jax.Array:
    """Squash to (-pi/2, pi/2) with the inverse tangent.

    Edges: ±inf gives ±pi/2 with derivative 0; NaN gives NaN.

    Source: definition.

    Example:
        >>> round(float(arctan(1.0)), 6)
        0.785398
    """
    return _arctan(as_float(x))


def _arctan_bend(x: jax.Array) -> jax.Array:
    v, w = _split(x)
    return -2 * v * w**3 / (w * w + v * v) ** 2


@with_slope(_arctan_bend)
def _arctan_slope(x: jax.Array) -> jax.Array:
    v, w = _split(x)
    return w * w / (w * w + v * v)


@with_slope(_arctan_slope)
def _arctan(x: jax.Array) -> jax.Array:
    return jnp.arctan(x)


@jax.jit
def arcsinh(x: ArrayLike) -> jax.Array:
    """Compress large numbers of either sign: log(x + sqrt(1 + x^2)).

    Edges: ±inf gives ±inf with derivative 0; NaN gives NaN.

    Source: definition.

    Example:
        >>> round(float(arcsinh(1.0)), 6)
        0.881374
    """
    return _arcsinh(as_float(x))


def _arcsinh_bend(x: jax.Array) -> jax.Array:
    y, r = _over_root(x)
    return -y * r * r


@with_slope(_arcsinh_bend)
def _arcsinh_slope(x: jax.Array) -> jax.Array:
    return _over_root(x)[1]


@with_slope(_arcsinh_slope)
def _arcsinh(x: jax.Array) -> jax.Array:
    return jnp.arcsinh(x)


def _isru_fit(f: Callable[..., Any]) -> Params | None:
    return _alpha_of(samples(f, _FAR)[0])


def _isrlu_fit(f: Callable[..., Any]) -> Params | None:
    return _alpha_of(-samples(f, -_FAR)[0])


def _alpha_of(far: float) -> Params | None:
    return proposal(alpha=far**-2 - _FAR**-2) if 1e-100 < far < 0.99 * _FAR else None


_FAR = 1024.0  # where the limit shows, and a power of 2
_CARLILE = "Carlile, Delamarter, Kinney, Marti & Whitney 2017"

SOFT_SIGN = Activation(
    "soft_sign", soft_sign, "x / (1 + |x|)", "Elliott 1993; Glorot & Bengio 2010, section 3"
)
ELLIOTT = Activation("elliott", elliott, "x / (2 (1 + |x|)) + 1/2", "Elliott 1993")
SYMLOG = Activation(
    "symlog",
    symlog,
    "sign(x) * log(1 + |x|)",
    "Hafner, Pasukonis, Ba & Lillicrap 2023 (DreamerV3)",
    plain=True,
)
ISRU = Activation(
    "isru",
    isru,
    "x / sqrt(1 + alpha x^2)",
    _CARLILE,
    {"alpha": 1.0},
    facts=partial(positive, "isru"),
    fit=_isru_fit,
)
ISRLU = Activation(
    "isrlu",
    isrlu,
    "x for x >= 0, else x / sqrt(1 + alpha x^2)",
    _CARLILE,
    {"alpha": 1.0},
    facts=partial(positive, "isrlu"),
    fit=_isrlu_fit,
)
ARCTAN = Activation("arctan", arctan, "atan(x)", "definition", plain=True)
ARCSINH = Activation("arcsinh", arcsinh, "log(x + sqrt(1 + x^2))", "definition", plain=True)
