"""Which activations join straight lines by a parabola, so that the slope does not jump?

The second derivative jumps where the pieces meet.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, as_float, proposal, samples
from relu_jax.activations.slopes import with_slope
from relu_jax.core import errors


@jax.jit
def sparse_plus(x: ArrayLike) -> jax.Array:
    """Round the corner of relu: 0 for x <= -1, x for x >= 1, (x + 1)^2 / 4 between.

    Edges: the slope is 0 at -1 and 1 at 1. -inf gives 0 with derivative 0, inf gives inf with
    derivative 1 (NaN in jax.nn); NaN gives NaN in both.

    Source: Blondel, Martins & Niculae 2020, section 6.2.

    Example:
        >>> sparse_plus(jnp.array([-2.0, 0.0, 2.0])).tolist()
        [0.0, 0.25, 2.0]
    """
    return _sparse_plus(as_float(x))


def _sparse_plus_slope(x: jax.Array) -> jax.Array:
    return jnp.where(x >= 1, 1, jnp.where(x <= -1, 0, (x + 1) / 2))


@with_slope(_sparse_plus_slope)
def _sparse_plus(x: jax.Array) -> jax.Array:
    return jnp.where(x <= -1, 0, jnp.where(x >= 1, x, (x + 1) ** 2 / 4))


@jax.jit
def smelu(x: ArrayLike, *, beta: ArrayLike = 2.0) -> jax.Array:
    """Round the corner of relu over a width: 0, (x + beta)^2 / (4 beta), x.

    The pieces are x <= -beta, what lies between, and x >= beta.

    Args:
        x: any shape.
        beta: half of the rounded interval, above 0. The paper leaves it open; 2 is our choice.

    Edges: the slope is 0 at -beta and 1 at beta. -inf gives 0 with derivative 0, inf gives inf
    with derivative 1; NaN gives NaN in both.

    Source: Shamir, Lin & Coviello 2020.

    Example:
        >>> smelu(jnp.array([-3.0, 0.0, 3.0])).tolist()
        [0.0, 0.5, 3.0]
    """
    return _smelu(as_float(x), beta)


def _smelu_slope(x: jax.Array, beta: ArrayLike) -> jax.Array:
    return jnp.where(x >= beta, 1, jnp.where(x + beta <= 0, 0, _half(x, beta) * (1 / beta)))


def _smelu_value(x: jax.Array, beta: ArrayLike) -> jax.Array:
    half = _half(x, beta)
    return jnp.where(x >= beta, x, jnp.where(x + beta <= 0, 0, half * (half * (1 / beta))))


def _slope_in_beta(beta: ArrayLike, x: jax.Array) -> jax.Array:
    ratio = jnp.where(jnp.abs(x) >= beta, 1, x * (1 / beta))
    return (1 - ratio) * (1 + ratio) / 4


@with_slope(_slope_in_beta)
def _smelu_of_beta(beta: ArrayLike, x: jax.Array) -> jax.Array:
    return _smelu_value(x, beta)


_smelu = with_slope(_smelu_slope, in_params=lambda x, beta: _smelu_of_beta(beta, x))(_smelu_value)


def _half(x: jax.Array, beta: ArrayLike) -> jax.Array:
    """Take (x + beta) / 2 of the bend, at most beta: no square of it is formed, nor of a far x."""
    return 0.5 * jnp.where(jnp.abs(x) >= beta, 0, x) + 0.5 * beta


@jax.jit
def sqnl(x: ArrayLike) -> jax.Array:
    """Draw tanh with two parabolas: x - x |x| / 4 in [-2, 2], and ±1 outside.

    Edges: the slope is 0 at -2 and at 2, and 1 at 0, where the second derivative jumps from
    1/2 to -1/2 (it is -1/2 at 0). ±inf gives ±1 with derivative 0; NaN gives NaN.

    Source: Wuraola & Patel 2018.

    Example:
        >>> sqnl(jnp.array([-3.0, 0.0, 1.0])).tolist()
        [-1.0, 0.0, 0.75]
    """
    return _sqnl(as_float(x))


def _sqnl_slope(x: jax.Array) -> jax.Array:
    size = jnp.abs(x)
    return jnp.where(size >= 2, 0, 1 - size / 2)


@with_slope(_sqnl_slope)
def _sqnl(x: jax.Array) -> jax.Array:
    near = jnp.minimum(jnp.maximum(x, -2), 2)
    return near * (1 - jnp.abs(near) / 4)


def _smelu_facts(beta: float) -> dict[str, Any]:
    if beta > 0:
        return {"flat": True, "bends": (-beta, beta)}
    raise errors.rejected(
        rule="smelu needs beta > 0", got=f"beta={beta}", do="pass beta=2, or take relu"
    )


def _smelu_fit(f: Callable[..., Any]) -> Params | None:
    beta = 4 * samples(f, 0.0)[0]
    return proposal(beta=beta) if beta > 0 else None


SPARSE_PLUS = Activation(
    "sparse_plus",
    sparse_plus,
    "0 for x <= -1, x for x >= 1, else (x + 1)^2 / 4",
    "Blondel, Martins & Niculae 2020, section 6.2",
    flat=True,
    bends=(-1.0, 1.0),
)
SMELU = Activation(
    "smelu",
    smelu,
    "0 for x <= -beta, x for x >= beta, else (x + beta)^2 / (4 beta)",
    "Shamir, Lin & Coviello 2020",
    {"beta": 2.0},
    flat=True,
    facts=_smelu_facts,
    fit=_smelu_fit,
    bends=(-2.0, 2.0),
)
SQNL = Activation(
    "sqnl",
    sqnl,
    "x - x |x| / 4 for |x| < 2, else sign(x)",
    "Wuraola & Patel 2018",
    flat=True,
    bends=(-2.0, 0.0, 2.0),
)
