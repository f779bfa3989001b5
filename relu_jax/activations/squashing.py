"""Which activations are a tanh or a sigmoid, stretched, cut or combined?"""

from collections.abc import Callable
from functools import partial
from math import exp, log, log1p
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise
from relu_jax.activations.ranges import positive
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import settled


@elementwise
def scaled_tanh(x: jax.Array, *, scale: ArrayLike = 1.7159, rate: ArrayLike = 2 / 3) -> jax.Array:
    """Stretch tanh so that ±1 maps to ±1: scale * tanh(rate * x).

    Args:
        x: any shape.
        scale: the limit at inf, above 0.
        rate: steepness, above 0.

    Edges: ±inf gives ±scale with derivative 0; NaN gives NaN.

    Source: LeCun, Bottou, Orr & Müller 1998, section 4.4.

    Example:
        >>> round(float(scaled_tanh(1.0)), 4)
        1.0
    """
    return _scaled_tanh(x, scale, rate)


def _scaled_tanh_slope(x: jax.Array, scale: Any, rate: Any) -> jax.Array:
    y = jnp.tanh(settled(rate * x))
    return (scale * rate) * ((1 - y) * (1 + y))


@with_slope(_scaled_tanh_slope)
def _scaled_tanh(x: jax.Array, scale: Any, rate: Any) -> jax.Array:
    # It is ±1 long before; farther out JAX forms 2 x for the derivative in the rate, times 0.
    return jnp.tanh(settled(rate * x)) * scale


@elementwise
def bipolar_sigmoid(x: jax.Array) -> jax.Array:
    """Squash to (-1, 1) with the logistic function: (1 - e^-x) / (1 + e^-x) = tanh(x/2).

    Edges: ±inf gives ±1 with derivative 0; NaN gives NaN.

    Source: definition; 2 sigmoid(x) - 1.

    Example:
        >>> round(float(bipolar_sigmoid(1.0)), 6)
        0.462117
    """
    return jnp.tanh(x / 2)


@elementwise
def penalized_tanh(x: jax.Array, *, slope: ArrayLike = 0.25) -> jax.Array:
    """Shrink the negative half of tanh: tanh(x) for x > 0, else slope * tanh(x).

    Args:
        x: any shape.
        slope: factor of the negative side; 0 gives `rectified_tanh`, 1 gives tanh.

    Edges: the slope at 0 is `slope`, a kink unless it is 1. -inf gives -slope, inf gives 1,
    both with derivative 0; NaN gives NaN.

    Source: Xu, Huang & Li 2016.

    Example:
        >>> penalized_tanh(jnp.array([-jnp.inf, jnp.inf])).tolist()
        [-0.25, 1.0]
    """
    return jnp.where(x > 0, 1, slope) * jnp.tanh(x)


@elementwise
def rectified_tanh(x: jax.Array) -> jax.Array:
    """Keep the positive half of tanh: max(0, tanh(x)).

    Edges: the slope at 0 is 0, as that of relu. -inf gives 0, inf gives 1, both with
    derivative 0; NaN gives NaN.

    Source: definition.

    Example:
        >>> rectified_tanh(jnp.array([-1.0, jnp.inf])).tolist()
        [0.0, 1.0]
    """
    return jnp.where(x <= 0, 0, jnp.tanh(x))


@elementwise
def dsilu(x: jax.Array) -> jax.Array:
    """Take the derivative of silu as an activation: s (1 + x (1 - s)), s = sigmoid(x).

    Edges: -inf gives 0, inf gives 1, both with derivative 0; NaN gives NaN. It overshoots:
    the range is [-0.0998, 1.0998].

    Source: Elfwing, Uchibe & Doya 2018.

    Example:
        >>> dsilu(jnp.array([0.0, jnp.inf])).tolist()
        [0.5, 1.0]
    """
    # Beyond 800 it is 0 or 1 in every float, and inf * 0 would be NaN.
    return _dsilu(jnp.clip(x, -800, 800))


def _halves(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Give h = e^(-|x|/2) and 1 / (1 + h^2): a gate underflows long before its product with x."""
    half = jnp.exp(-jnp.abs(x) / 2)
    return half, 1 / (1 + half * half)


def _dsilu_bend(x: jax.Array) -> jax.Array:
    half, level = _halves(x)
    root, t = half * level, jnp.tanh(x / 2)
    return -root * (root * (t * (3 - x * t) + 2 * x * (root * root)))


@with_slope(_dsilu_bend)
def _dsilu_slope(x: jax.Array) -> jax.Array:
    half, level = _halves(x)
    root = half * level  # of s (1 - s)
    return root * (root * (2 - x * jnp.tanh(x / 2)))


@with_slope(_dsilu_slope)
def _dsilu(x: jax.Array) -> jax.Array:
    half, level = _halves(x)
    below = jnp.where(x < 0, half, 1)  # s is below^2 level
    shut = jnp.where(x < 0, 1, half * half) * level
    return below * (below * (1 + x * shut)) * level


@elementwise
def soft_clipping(x: jax.Array, *, sharpness: ArrayLike = 50.0) -> jax.Array:
    """Clip to (0, 1) with rounded corners: log((1 + e^(p x)) / (1 + e^(p (x - 1)))) / p.

    Args:
        x: any shape.
        sharpness: p, above 0; inf would be min(max(x, 0), 1).

    Edges: -inf gives 0, inf gives 1, both with derivative 0; NaN gives NaN. The tails are
    accurate to their own size.

    Source: Klimek & Perelstein 2020.

    Example:
        >>> soft_clipping(jnp.array([-jnp.inf, 0.5, jnp.inf])).tolist()
        [0.0, 0.5, 1.0]
    """
    return _soft_clipping(x, sharpness)


def _soft_clipping_bend(x: jax.Array, p: Any) -> jax.Array:
    below = lax.logistic(-p * x) - lax.logistic(-p * (1 - x))
    return -(jnp.expm1(-p) * p) * (lax.logistic(p * x) * lax.logistic(p * (1 - x)) * below)


@with_slope(_soft_clipping_bend)
def _soft_clipping_slope(x: jax.Array, p: Any) -> jax.Array:
    # The difference of the two logistic functions, as a product that does not cancel.
    return -jnp.expm1(-p) * (lax.logistic(p * x) * lax.logistic(p * (1 - x)))


@with_slope(_soft_clipping_slope)
def _soft_clipping(x: jax.Array, p: Any) -> jax.Array:
    # By f(x) + f(1 - x) = 1 the right half is read off the left one, which does not cancel.
    left = jnp.minimum(x, 1 - x)
    above = jnp.maximum(left, 0)
    # The logarithm of the quotient, less p * above, as log1p of what has no difference in it.
    part = jnp.exp(-p * jnp.abs(left)) * -jnp.expm1(p * (2 * above - 1))
    rise = above + jnp.log1p(part / (1 + jnp.exp(p * (left - 1)))) * (1 / p)
    return jnp.where(x > 0.5, 1 - rise, rise)


def _scaled_tanh_fit(f: Callable[..., Any]) -> Params | None:
    near, limit = samples(f, 0.0625, float("inf"))
    if not 0 < near < limit < np.inf:
        return None
    return proposal(scale=limit, rate=16 * np.arctanh(near / limit).item())


def _penalized_tanh_facts(slope: float) -> dict[str, Any]:
    kinks = () if slope == 1 else (0.0,)
    return {"kinks": kinks, "slope_at_kinks": (slope,) * len(kinks), "flat": slope == 0}


def _penalized_tanh_fit(f: Callable[..., Any]) -> Params | None:
    return proposal(slope=samples(f, -1.0)[0] / np.tanh(-1.0).item())


def _soft_clipping_fit(f: Callable[..., Any]) -> Params | None:
    at_zero = samples(f, 0.0)[0]
    if not 1e-6 < at_zero < 0.499:
        return None
    low, high = 0.0, log(2) / at_zero  # f(0) p = log 2 - log(1 + e^-p), increasing in p
    for _ in range(60):
        p = (low + high) / 2
        low, high = (p, high) if log(2) - log1p(exp(-p)) > at_zero * p else (low, p)
    return proposal(sharpness=high)


SCALED_TANH = Activation(
    "scaled_tanh",
    scaled_tanh,
    "scale * tanh(rate * x)",
    "LeCun, Bottou, Orr & Müller 1998, section 4.4",
    {"scale": 1.7159, "rate": 2 / 3},
    facts=partial(positive, "scaled_tanh"),
    fit=_scaled_tanh_fit,
)
BIPOLAR_SIGMOID = Activation("bipolar_sigmoid", bipolar_sigmoid, "tanh(x/2)", "definition")
PENALIZED_TANH = Activation(
    "penalized_tanh",
    penalized_tanh,
    "tanh(x) for x > 0, else slope * tanh(x)",
    "Xu, Huang & Li 2016",
    {"slope": 0.25},
    kinks=(0.0,),
    slope_at_kinks=(0.25,),
    facts=_penalized_tanh_facts,
    fit=_penalized_tanh_fit,
)
RECTIFIED_TANH = Activation(
    "rectified_tanh",
    rectified_tanh,
    "max(0, tanh(x))",
    "definition",
    kinks=(0.0,),
    slope_at_kinks=(0.0,),
    flat=True,
)
DSILU = Activation(
    "dsilu", dsilu, "s (1 + x (1 - s)), s = 1 / (1 + e^-x)", "Elfwing, Uchibe & Doya 2018"
)
SOFT_CLIPPING = Activation(
    "soft_clipping",
    soft_clipping,
    "log((1 + e^(p x)) / (1 + e^(p (x - 1)))) / p, p = sharpness",
    "Klimek & Perelstein 2020",
    {"sharpness": 50.0},
    facts=partial(positive, "soft_clipping"),
    fit=_soft_clipping_fit,
)
