"""Which activations are made of x with a hyperbolic function or a logarithm of one?"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, as_float, proposal, samples
from relu_jax.activations.ranges import positive
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import finite, gate


@jax.jit
def lisht(x: ArrayLike) -> jax.Array:
    """Multiply x by its tanh, a smooth absolute value: x * tanh(x).

    Edges: ±inf gives inf with derivative ±1. NaN gives NaN in value and derivative.

    Source: Roy, Manna, Dubey & Chaudhuri 2019, LiSHT.

    Example:
        >>> round(float(lisht(-1.0)), 6)
        0.761594
    """
    return _lisht(as_float(x))


def _lisht_slope(x: jax.Array) -> jax.Array:
    q = jnp.exp(-2 * jnp.abs(x))  # 1 - tanh(x)^2 is 4 q / (1 + q)^2, without a difference
    return jnp.tanh(x) + finite(x) * (4 * q / ((1 + q) * (1 + q)))


@with_slope(_lisht_slope)
def _lisht(x: jax.Array) -> jax.Array:
    return x * jnp.tanh(x)


@jax.jit
def tanh_shrink(x: ArrayLike) -> jax.Array:
    """Take the hyperbolic tangent away: x - tanh(x).

    Edges: near 0 it is x^3/3 to its last digits, where the difference would lose them all.
    ±inf gives ±inf with derivative 1. NaN gives NaN in value and derivative.

    Source: definition; PyTorch's Tanhshrink.

    Example:
        >>> round(float(tanh_shrink(1.0)), 6)
        0.238406
    """
    return _tanh_shrink(as_float(x))


# x - tanh(x) is x^3 P(x^2) / Q(x^2): the ninth convergent of Lambert's continued fraction
# x / (1 + x^2 / (3 + x^2 / (5 + ...))), exact to 2e-16 up to 1. Highest power first.
SHRINK_P = tuple(c / 34459425 for c in (44, 12870, 810810, 11486475))
SHRINK_Q = tuple(c / 34459425 for c in (45, 13860, 945945, 16216200, 34459425))


def _tanh_squared(x: jax.Array) -> jax.Array:
    t = jnp.tanh(x)
    return t * t


@with_slope(_tanh_squared)
def _tanh_shrink(x: jax.Array) -> jax.Array:
    square = x * x
    near = x * square * (_horner(SHRINK_P, square) / _horner(SHRINK_Q, square))
    return jnp.where(jnp.abs(x) < 1, near, x - jnp.tanh(x))


def _horner(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    first, second, *others = coefficients
    total = first * x + second
    for c in others:
        total = total * x + c
    return total


@jax.jit
def shifted_softplus(x: ArrayLike) -> jax.Array:
    """Lower softplus so that it is 0 at 0: log((1 + e^x) / 2).

    Edges: near 0 it is x/2 to its last digits, where the difference from log 2 would lose them.
    -inf gives -log(2) with derivative 0, inf gives inf with derivative 1. NaN gives NaN in
    value and derivative.

    Source: Schütt et al. 2017, SchNet.

    Example:
        >>> float(shifted_softplus(0.0)), round(float(shifted_softplus(1.0)), 6)
        (0.0, 0.620115)
    """
    return _shifted_softplus(as_float(x))


@with_slope(gate)
def _shifted_softplus(x: jax.Array) -> jax.Array:
    # log((1 + e^-|x|) / 2), for which XLA's log1p loses two digits below -0.29 in float64.
    decay = jnp.expm1(-jnp.abs(x))
    near = decay > -0.58
    curve = jnp.log1p(jnp.where(near, 0.5 * decay, 1 + decay))
    return jnp.maximum(x, 0) + (curve - jnp.where(near, 0.0, np.log(2).item()))


@jax.jit
def nlrelu(x: ArrayLike, *, beta: ArrayLike = 1.0) -> jax.Array:
    """Take the logarithm of a rectifier: log(1 + beta * max(x, 0)).

    Args:
        x: any shape.
        beta: slope at 0 from above, above 0.

    Edges: the slope at 0 is 0, as that of relu in jax.nn. -inf gives 0, inf gives inf, both
    with derivative 0. NaN gives NaN, with derivative 0.

    Source: Liu, Zhang, Gao, Qu & Ji 2019, Natural-logarithm-rectified activation function.

    Example:
        >>> [round(float(y), 6) for y in nlrelu(jnp.array([-1.0, 1.0]))]
        [0.0, 0.693147]
    """
    return _nlrelu(as_float(x), beta)


def _nlrelu_slope(x: jax.Array, beta: Any) -> jax.Array:
    # With |x| the branch that is not taken divides by no 0.
    return jnp.where(x > 0, 1 / (1 / beta + jnp.abs(x)), 0)


@with_slope(_nlrelu_slope)
def _nlrelu(x: jax.Array, beta: Any) -> jax.Array:
    above = jnp.maximum(x, 0)
    far = jnp.isinf(beta * above)
    ends = jnp.log(jnp.where(far, above, 1)) + jnp.log(beta)
    return jnp.where(far, ends, jnp.log1p(beta * jnp.where(far, 0, above)))


def _nlrelu_fit(f: Callable[..., Any]) -> Params | None:
    at_one = samples(f, 1.0)[0]
    return proposal(beta=np.expm1(at_one).item()) if 0 < at_one < 500 else None


LISHT = Activation("lisht", lisht, "x * tanh(x)", "Roy, Manna, Dubey & Chaudhuri 2019")
TANH_SHRINK = Activation("tanh_shrink", tanh_shrink, "x - tanh(x)", "definition")
SHIFTED_SOFTPLUS = Activation(
    "shifted_softplus", shifted_softplus, "log((1 + e^x) / 2)", "Schütt et al. 2017"
)
NLRELU = Activation(
    "nlrelu",
    nlrelu,
    "log(1 + beta * max(x, 0))",
    "Liu, Zhang, Gao, Qu & Ji 2019",
    {"beta": 1.0},
    kinks=(0.0,),
    slope_at_kinks=(0.0,),
    flat=True,
    facts=partial(positive, "nlrelu"),
    fit=_nlrelu_fit,
)
