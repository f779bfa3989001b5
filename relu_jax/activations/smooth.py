"""Which activations are a smooth ReLU, and what are they at ±inf, where x * 0 has no value?

gelu, gelu_tanh and silu are x times a gate. On the closed side x is kept finite, so that the
product with a gate of 0 is 0; in the slope, what grows with x is clipped where the gate is 0 or 1
to the last bit (`jax.nn` gives NaN at -inf, and NaN gradients of gelu_tanh in float16 from
|x| = 256 on).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.decays import (
    coarse_gate,
    coarse_normal_tail,
    normal_tail,
    rounding_off,
)
from relu_jax.activations.inputs import elementwise, in_half_by
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import DENSITY, bell, normal_law, settled, times_gate
from relu_jax.core import errors

_LINEAR = 2 * np.sqrt(2 / np.pi).item()
_CUBIC = 0.044715 * _LINEAR
_CLOSED = 14.0  # e^(-14²/2) is 0 in float32


@in_half_by(lambda x: _coarse_gelu(x))
def gelu(x: jax.Array) -> jax.Array:
    """Weigh x with the normal distribution function, exactly: x/2 * erfc(-x / sqrt(2)).

    This is ``jax.nn.gelu(x, approximate=False)``; the default of jax.nn and Flax is
    `gelu_tanh`, up to 4.73e-4 away (at |x| near 2.7).

    In float32 it is relu(x) - |x| Φ(-|x|), of one decay and one quotient: on a CPU value and
    derivative take 0.6 of the time of jax.nn's. Half precision is right to 0.8 floats.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1.

    Source: Hendrycks & Gimpel 2016, section 2.

    Example:
        >>> round(float(gelu(1.0)), 6)
        0.841345
    """
    return _gelu(x)


@elementwise
def gelu_tanh(x: jax.Array) -> jax.Array:
    """Approximate gelu: x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))).

    This is ``jax.nn.gelu(x)``, whose default is ``approximate=True``; the exact form is `gelu`.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1. The negative tail
    is accurate to its own size; jax.nn rounds it to 0 beyond about -5 (float32).

    Source: Hendrycks & Gimpel 2016, section 2.

    Example:
        >>> round(float(gelu_tanh(1.0)), 6)
        0.841192
    """
    return _gelu_tanh(x)


@in_half_by(lambda x, beta=1.0: _coarse_silu(x, beta))
def silu(x: jax.Array, *, beta: ArrayLike = 1.0) -> jax.Array:
    """Weigh x with a logistic gate, also called swish: x / (1 + e^(-beta x)).

    Args:
        x: any shape.
        beta: steepness of the gate, not 0; 1.702 approximates gelu, inf is relu.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1 (beta > 0).

    Source: Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017 (beta).

    Example:
        >>> round(float(silu(1.0)), 6)
        0.731059
    """
    return _silu(x, beta)


@elementwise
def softplus(x: jax.Array, *, beta: ArrayLike = 1.0) -> jax.Array:
    """Round off the corner of relu: log(1 + e^(beta x)) / beta.

    Args:
        x: any shape.
        beta: sharpness, above 0.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1; the derivative at
    0 is 0.5.

    Source: Dugas, Bengio, Bélisle, Nadeau & Garcia 2001.

    Example:
        >>> round(float(softplus(0.0)), 6)
        0.693147
    """
    return _softplus(x, beta)


def _plain_softplus(x: jax.Array, beta: ArrayLike) -> jax.Array:
    return jnp.logaddexp(beta * x, 0) / beta


@with_slope(lambda x, beta: lax.logistic(beta * x), in_params=_plain_softplus)
def _softplus(x: jax.Array, beta: ArrayLike) -> jax.Array:
    return jnp.maximum(x, 0) + rounding_off(jnp.abs(beta * x)) / beta


def _gelu_value(x: jax.Array) -> jax.Array:
    if x.dtype == jnp.float64:
        return times_gate(x, normal_law(x))
    a = jnp.minimum(jnp.abs(x), _CLOSED)
    density, above, below = normal_tail(a)
    return jnp.maximum(x, 0) - a * density * above / below


def _gelu_bend(x: jax.Array) -> jax.Array:
    z = settled(x)
    return (2 - z * z) * (DENSITY * bell(z))


@with_slope(_gelu_bend)
def _gelu_slope(x: jax.Array) -> jax.Array:
    if x.dtype == jnp.float64:
        return _wide_gelu_slope(x)
    a = jnp.minimum(jnp.abs(x), _CLOSED)
    density, above, below = normal_tail(a)
    shut = density * (above - a * below * DENSITY)  # the slope at -a, times what is below
    return jnp.where(x < 0, shut, below - shut) / below


def _wide_gelu_slope(x: jax.Array) -> jax.Array:
    z = settled(x)
    # The value has been computed where a gradient is asked for, and costs a division where a
    # second erfc would cost as much as all the rest.
    below = _gelu_value(x) / x
    ends = jnp.where(z == x, below, (x > 0).astype(x.dtype))
    tiny = 4 * float(jnp.finfo(x.dtype).tiny)
    return jnp.where(jnp.abs(x) < tiny, 0.5, ends) + z * (DENSITY * bell(z))


_gelu = with_slope(_gelu_slope)(_gelu_value)


@with_slope(_gelu_slope)
def _coarse_gelu(x: jax.Array) -> jax.Array:
    a = jnp.minimum(jnp.abs(x), 13)
    return jnp.maximum(x, 0) - a * coarse_normal_tail(a)


def _closed(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Give |x|, kept where the gate (1 + tanh u) / 2 moves, and what the gate is at -|x|.

    That is at most 1/2 and keeps its digits where 1 + tanh u loses them; 1 minus it is the gate at
    |x|, to the last bit. It is one operation of XLA, which value and slope can share.
    """
    z = jnp.minimum(jnp.abs(x), 24)
    return z, lax.logistic(-z * (_LINEAR + _CUBIC * (z * z)))


def _gelu_tanh_slope(x: jax.Array) -> jax.Array:
    z, shut = _closed(x)
    opened = 1 - shut
    bend = z * (_LINEAR + 3 * _CUBIC * (z * z)) * (shut * opened)
    return jnp.where(x < 0, shut - bend, opened + bend)


@with_slope(_gelu_tanh_slope)
def _gelu_tanh(x: jax.Array) -> jax.Array:
    shut = _closed(x)[1]
    return times_gate(x, jnp.where(x < 0, shut, 1 - shut))


def _silu_slope(x: jax.Array, beta: ArrayLike) -> jax.Array:
    u = beta * x
    if x.dtype == jnp.float64:
        # e^(-|u|) in two factors: the gate alone underflows long before its product with u does.
        u = jnp.clip(u, -800, 800)
        half = jnp.exp(-jnp.abs(u) / 2)
        level = 1 / (1 + half * half)
        below = jnp.where(u < 0, half, 1)
        return below * (below * (1 + u * jnp.where(u < 0, level, half * half * level))) * level
    opened = lax.logistic(jnp.asarray(u))
    return opened * (1 + jnp.clip(u, -800, 800) * (1 - opened))


def _silu_where_finite(x: jax.Array, beta: ArrayLike) -> jax.Array:
    # Its derivative in beta is 0 where the gate is 0 or 1, and would be inf * 0.
    z = jnp.where(jnp.abs(beta * x) > 800, 0, x)
    return z * lax.logistic(beta * z)


def _weighed(gate: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    @with_slope(_silu_slope, in_params=_silu_where_finite)
    def silu(x: jax.Array, beta: ArrayLike) -> jax.Array:
        top, steepness = float(jnp.finfo(x.dtype).max), jnp.asarray(beta)
        # Finite on the closed side, which is that of -inf where beta is positive.
        low = jnp.where(steepness > 0, -top, -jnp.inf).astype(x.dtype)
        high = jnp.where(steepness < 0, top, jnp.inf).astype(x.dtype)
        return jnp.clip(x, low, high) * gate(beta * x)

    return silu


_silu, _coarse_silu = _weighed(lax.logistic), _weighed(coarse_gate)


def _silu_facts(beta: float) -> dict[str, Any]:
    if beta == 0:
        raise errors.rejected(
            rule="silu needs beta other than 0",
            got="beta=0.0, which is the linear x/2",
            do="pass beta=1, or take identity",
        )
    return {}


def _silu_fit(f: Callable[..., Any]) -> Params | None:
    # -f(1)/f(-1) = e^beta: a ratio keeps its digits where logit(f(1)) loses them.
    below, above = samples(f, -1.0, 1.0)
    if below * above >= 0 or not np.isfinite([below, above]).all():
        return None
    beta = np.log(-above / below).item()
    return proposal(beta=beta) if beta else None


def _softplus_facts(beta: float) -> dict[str, Any]:
    if beta > 0:
        return {}
    raise errors.rejected(
        rule="softplus needs beta > 0", got=f"beta={beta}", do="pass beta=1, or another beta > 0"
    )


def _softplus_fit(f: Callable[..., Any]) -> Params | None:
    at_zero = samples(f, 0.0)[0]
    return proposal(beta=np.log(2).item() / at_zero) if at_zero > 0 else None


GELU = Activation("gelu", gelu, "x/2 * erfc(-x / sqrt(2))", "Hendrycks & Gimpel 2016, section 2")
GELU_TANH = Activation(
    "gelu_tanh",
    gelu_tanh,
    "x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))",
    "Hendrycks & Gimpel 2016, section 2",
)
SILU = Activation(
    "silu",
    silu,
    "x / (1 + e^(-beta x))",
    "Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017",
    {"beta": 1.0},
    facts=_silu_facts,
    fit=_silu_fit,
)
SOFTPLUS = Activation(
    "softplus",
    softplus,
    "log(1 + e^(beta x)) / beta",
    "Dugas, Bengio, Bélisle, Nadeau & Garcia 2001",
    {"beta": 1.0},
    facts=_softplus_facts,
    fit=_softplus_fit,
)
