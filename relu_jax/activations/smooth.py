"""Which activations are a smooth ReLU, and what are they at ±inf, where x * 0 has no value?

gelu, gelu_tanh and silu are x times a gate. Far out the gate is 0 or 1 to the last bit, so
there they are replaced by that limit: value and derivatives stay right where the product
inf * 0 and the cube of x would give NaN (`jax.nn` gives NaN at -inf, and NaN gradients of
gelu_tanh in float16 from |x| = 256 on).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, as_float, proposal, samples
from relu_jax.activations.slopes import with_slope
from relu_jax.core import errors


@jax.jit
def gelu(x: ArrayLike) -> jax.Array:
    """Weigh x with the normal distribution function, exactly: x/2 * erfc(-x / sqrt(2)).

    This is ``jax.nn.gelu(x, approximate=False)``; the default of jax.nn and Flax is
    `gelu_tanh`, up to 4.73e-4 away (at |x| near 2.7).

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1.

    Source: Hendrycks & Gimpel 2016, section 2.

    Example:
        >>> round(float(gelu(1.0)), 6)
        0.841345
    """
    x = as_float(x)
    return _gated(x, jnp.abs(x) > 40, lambda z: 0.5 * z * lax.erfc(-z * np.sqrt(0.5).item()))


@jax.jit
def gelu_tanh(x: ArrayLike) -> jax.Array:
    """Approximate gelu: x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))).

    This is ``jax.nn.gelu(x)``, whose default is ``approximate=True``; the exact form is `gelu`.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1. The negative tail
    is accurate to its own size; jax.nn rounds it to 0 beyond about -5 (float32).

    Source: Hendrycks & Gimpel 2016, section 2.

    Example:
        >>> round(float(gelu_tanh(1.0)), 6)
        0.841192
    """
    x = as_float(x)
    return _gated(x, jnp.abs(x) > 24, _gelu_tanh)


@jax.jit
def silu(x: ArrayLike, *, beta: ArrayLike = 1.0) -> jax.Array:
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
    x = as_float(x)
    return _gated(x, jnp.abs(beta * x) > 800, lambda z: _silu(z, beta), sign=beta)


@jax.jit
def softplus(x: ArrayLike, *, beta: ArrayLike = 1.0) -> jax.Array:
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
    return _softplus(as_float(x), beta)


@with_slope(lambda x, beta: lax.logistic(beta * x))
def _softplus(x: jax.Array, beta: ArrayLike) -> jax.Array:
    return jnp.logaddexp(beta * x, 0) / beta


def _gated(
    x: jax.Array,
    far: jax.Array,
    inner: Callable[[jax.Array], jax.Array],
    sign: ArrayLike = 1.0,
) -> jax.Array:
    """Take inner(x) where x is not far, else the limit: x on the open side, 0 on the other."""
    limit = jnp.where(sign * x > 0, x, 0)
    return jnp.where(far, limit, inner(jnp.where(far, 0, x)))


def _silu_slope(x: jax.Array, beta: ArrayLike) -> jax.Array:
    u = beta * x
    if x.dtype == jnp.float64:
        # e^(-|u|) in two factors: the gate alone underflows long before its product with u does.
        half = jnp.exp(-jnp.abs(u) / 2)
        level = 1 / (1 + half * half)
        below = jnp.where(u < 0, half, 1)
        return below * (below * (1 + u * jnp.where(u < 0, level, half * half * level))) * level
    gate = lax.logistic(u)
    return gate * (1 + u * (1 - gate))


@with_slope(_silu_slope)
def _silu(x: jax.Array, beta: ArrayLike) -> jax.Array:
    return x * lax.logistic(beta * x)


def _gelu_tanh_gate(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the gate (1 + tanh u)/2 and the product of the gate and 1 - gate.

    Both keep their digits where 1 + tanh u cancels, and cost one exponential.
    """
    u = np.sqrt(2 / np.pi).item() * (x + 0.044715 * x**3)
    tail = jnp.exp(-2 * jnp.abs(u))
    level = 1 / (1 + tail)
    return jnp.where(x >= 0, level, tail * level), tail * level * level


def _gelu_tanh_slope(x: jax.Array) -> jax.Array:
    gate, bend = _gelu_tanh_gate(x)
    return gate + x * (2 * np.sqrt(2 / np.pi).item()) * (1 + 3 * 0.044715 * x**2) * bend


@with_slope(_gelu_tanh_slope)
def _gelu_tanh(x: jax.Array) -> jax.Array:
    return x * _gelu_tanh_gate(x)[0]


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
