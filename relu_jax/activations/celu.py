"""Which exponential rectifier meets 0 without a kink, whatever its parameter?"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.decays import decay, fall
from relu_jax.activations.inputs import in_half_by
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import in_widths
from relu_jax.core import errors


@in_half_by(lambda x, alpha=1.0: _celu_in_half(x, alpha))
def celu(x: jax.Array, *, alpha: ArrayLike = 1.0) -> jax.Array:
    """Bend the negative side smoothly: max(x, 0) + alpha * (e^(min(x, 0) / alpha) - 1).

    Args:
        x: any shape.
        alpha: minus the value at -inf, above 0.

    Edges: the slope at 0 is 1 for every alpha; the second derivative jumps there from 1 / alpha
    to 0, and is 1 / alpha at 0 (jax.nn: a quarter of it). -inf gives -alpha with derivative 0, inf
    gives inf with derivative 1; NaN gives NaN in both.

    Source: Barron 2017, equation 2.

    Example:
        >>> celu(jnp.array([-jnp.inf, 2.0]), alpha=0.5).tolist()
        [-0.5, 2.0]
    """
    return _celu(x, alpha)


def _celu_slope(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    return jnp.where(x > 0, 1, jnp.exp(jnp.where(x > 0, 0, x) * (1 / alpha)))


def _celu_in_alpha(x: jax.Array, alpha: Any) -> jax.Array:
    return alpha * jnp.expm1(in_widths(jnp.minimum(x, 0), alpha))


@with_slope(_celu_slope, in_params=_celu_in_alpha)
def _celu(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    # XLA divides by a constant alpha in this way: so jit changes no bit.
    return jnp.maximum(x, 0) + alpha * jnp.expm1(jnp.minimum(x, 0) * (1 / alpha))


def _shut(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    return jnp.where(x > 0, 0, -x) * (1 / alpha)  # at 0 differentiated from the left


@with_slope(lambda x, alpha: decay(_shut(x, alpha)), in_params=_celu)
def _celu_in_half(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    return jnp.maximum(x, 0) + alpha * fall(_shut(x, alpha))


def _celu_facts(alpha: float) -> dict[str, Any]:
    if alpha > 0:
        return {}
    raise errors.rejected(
        rule="celu needs alpha > 0", got=f"alpha={alpha}", do="pass alpha=1, or take relu"
    )


def _celu_fit(f: Callable[..., Any]) -> Params | None:
    farther, far = samples(f, -2e6, -1e6)
    return proposal(alpha=-far) if farther == far and far < 0 else None


CELU = Activation(
    "celu",
    celu,
    "max(x, 0) + alpha * (e^(min(x, 0) / alpha) - 1)",
    "Barron 2017, equation 2",
    {"alpha": 1.0},
    facts=_celu_facts,
    fit=_celu_fit,
)
