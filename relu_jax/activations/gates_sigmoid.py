"""Which activations vary silu, x times a logistic gate?"""

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
from relu_jax.activations.smooth import silu
from relu_jax.activations.tails import finite, odds, times_gate


@jax.jit
def quick_gelu(x: ArrayLike) -> jax.Array:
    """Approximate gelu by a logistic gate: x / (1 + e^(-1.702 x)), which is silu(beta=1.702).

    It is up to 0.0203 away from gelu (at |x| near 2.27).

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1. NaN gives NaN in
    value and derivative.

    Source: Hendrycks & Gimpel 2016, section 2.

    Example:
        >>> round(float(quick_gelu(1.0)), 6)
        0.845796
    """
    return silu(x, beta=1.702)


@jax.jit
def eswish(x: ArrayLike, *, beta: ArrayLike = 1.375) -> jax.Array:
    """Scale silu: beta * x / (1 + e^-x).

    Args:
        x: any shape.
        beta: factor above 0; 1 is silu. The paper recommends 1 to 2.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative beta. NaN gives NaN in
    value and derivative.

    Source: Alcaide 2018, E-swish: adjusting activations to different network depths.

    Example:
        >>> round(float(eswish(1.0, beta=2.0)), 6)
        1.462117
    """
    return beta * silu(x)


@jax.jit
def elish(x: ArrayLike) -> jax.Array:
    """Join silu above 0 to a gated elu below: (x for x >= 0, else e^x - 1) / (1 + e^-x).

    Edges: the derivative at 0 is 0.5 from both sides; the second derivative jumps from 1 to
    0.5, and is 0.5 at 0. -inf gives 0 with derivative 0, inf gives inf with derivative 1. NaN
    gives NaN in value and derivative.

    Source: Basirat & Roth 2018, The quest for the golden activation function.

    Example:
        >>> [round(float(y), 6) for y in elish(jnp.array([-1.0, 1.0]))]
        [-0.170003, 0.731059]
    """
    return _elish(as_float(x))


def _elish_slope(x: jax.Array) -> jax.Array:
    a, b = odds(x)
    above = a * (a + b) + finite(x) * a * b
    return jnp.where(x < 0, a * (a * a + 2 * a - 1), above) / ((a + b) * (a + b))


@with_slope(_elish_slope)
def _elish(x: jax.Array) -> jax.Array:
    a, b = odds(x)
    return jnp.where(x < 0, jnp.expm1(jnp.minimum(x, 0)), x) * (a / (a + b))


@jax.jit
def aria2(x: ArrayLike, *, alpha: ArrayLike = 1.5, beta: ArrayLike = 2.0) -> jax.Array:
    """Weigh x with a power of a logistic gate: x / (1 + e^(-beta x))^alpha.

    Args:
        x: any shape.
        alpha: power of the gate, above 0; 1 is silu(beta).
        beta: steepness of the gate, above 0.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1. NaN gives NaN in
    value and derivative.

    Source: Patwardhan, Ingalhalikar & Walambe 2018, ARiA, where it is ARiA2.

    Example:
        >>> round(float(aria2(1.0, alpha=1.0, beta=1.0)), 6)
        0.731059
    """
    return _aria2(as_float(x), alpha, beta)


def _aria2_gate(u: jax.Array, alpha: Any) -> jax.Array:
    # At its ends the gate is a constant, where derivatives in alpha and beta would meet 0 * inf.
    opened, shut = u > 80, alpha * u < -800
    near = jnp.where(opened | shut, 0, u)
    inside = jnp.exp(-alpha * jnp.logaddexp(-near, 0))
    return jnp.where(opened, 1, jnp.where(shut, 0, inside))


def _aria2_bend(x: jax.Array, alpha: Any, beta: Any) -> jax.Array:
    u = beta * x
    closed, opened = odds(-u)
    shut = closed / (closed + opened)
    turn = 2 + finite(alpha * u) * shut - finite(u) * (opened / (closed + opened))
    return _aria2_gate(u, alpha) * ((alpha * beta) * shut) * turn


@with_slope(_aria2_bend)
def _aria2_slope(x: jax.Array, alpha: Any, beta: Any) -> jax.Array:
    u = beta * x
    closed, opened = odds(-u)
    return _aria2_gate(u, alpha) * (1 + finite(alpha * u) * (closed / (closed + opened)))


@with_slope(_aria2_slope)
def _aria2(x: jax.Array, alpha: Any, beta: Any) -> jax.Array:
    return times_gate(x, _aria2_gate(beta * x, alpha))


@jax.jit
def golu(x: ArrayLike) -> jax.Array:
    """Weigh x with a Gompertz gate: x * e^(-e^-x).

    Edges: the derivative at 0 is 1/e. -inf gives 0 with derivative 0, inf gives inf with
    derivative 1. NaN gives NaN in value and derivative.

    Source: Das, Safari, Adriaensen & Hutter 2025, Gompertz linear units.

    Example:
        >>> round(float(golu(1.0)), 6)
        0.692201
    """
    return _golu(as_float(x))


def _golu_parts(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    # Below -8 the gate e^(-e^8) is 0 even in float64; e^-x would overflow. Half the exponent:
    # the gate underflows before its product with e^-x does.
    u = jnp.exp(-jnp.maximum(x, -8))
    return u, jnp.exp(-0.5 * u)


def _golu_slope(x: jax.Array) -> jax.Array:
    u, half = _golu_parts(x)
    return half * (half * (1 + finite(jnp.maximum(x, -8)) * u))


@with_slope(_golu_slope)
def _golu(x: jax.Array) -> jax.Array:
    half = _golu_parts(x)[1]
    return times_gate(x, half) * half


def _eswish_fit(f: Callable[..., Any]) -> Params | None:
    beta = samples(f, 1.0)[0] * (1 + np.exp(-1.0).item())
    return proposal(beta=beta) if beta > 0 else None


def _aria2_fit(f: Callable[..., Any]) -> Params | None:
    # -f(1)/f(-1) is e^(alpha beta); the slope at 0 is 2^-alpha.
    step = 2.0**-13
    far_below, below, above, far_above = samples(f, -1.0, -step, step, 1.0)
    slope = (above - below) / (2 * step)
    if not (far_below < 0 < far_above < np.inf and far_below > -far_above and 0 < slope < 1):
        return None
    alpha = -np.log2(slope).item()
    return proposal(alpha=alpha, beta=np.log(-far_above / far_below).item() / alpha)


QUICK_GELU = Activation(
    "quick_gelu", quick_gelu, "x / (1 + e^(-1.702 x))", "Hendrycks & Gimpel 2016, section 2"
)
ESWISH = Activation(
    "eswish",
    eswish,
    "beta * x / (1 + e^-x)",
    "Alcaide 2018",
    {"beta": 1.375},
    facts=partial(positive, "eswish"),
    fit=_eswish_fit,
)
ELISH = Activation(
    "elish", elish, "(x for x >= 0, else e^x - 1) / (1 + e^-x)", "Basirat & Roth 2018"
)
ARIA2 = Activation(
    "aria2",
    aria2,
    "x / (1 + e^(-beta x))^alpha",
    "Patwardhan, Ingalhalikar & Walambe 2018",
    {"alpha": 1.5, "beta": 2.0},
    facts=partial(positive, "aria2"),
    fit=_aria2_fit,
)
GOLU = Activation("golu", golu, "x * e^(-e^-x)", "Das, Safari, Adriaensen & Hutter 2025")
