"""Which activations are a step, flat on both sides, and what are they at the step itself?"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, as_float, proposal, samples
from relu_jax.core import errors


@jax.jit
def heaviside(x: ArrayLike, *, at_zero: ArrayLike = 0.0) -> jax.Array:
    """Fire or not: 1 for x > 0, 0 for x < 0, `at_zero` at 0.

    With at_zero 0 it is the derivative that `relu` takes, with 1 the spike of a unit that fires
    at its threshold, with 0.5 it is (1 + sign(x)) / 2.

    Args:
        x: any shape.
        at_zero: the value at 0 and at -0.0, in [0, 1].

    Edges: the derivative is 0 everywhere, at 0 too. NaN stays NaN, with derivative 0.

    Source: McCulloch & Pitts 1943.

    Example:
        >>> heaviside(jnp.array([-2.0, 0.0, 3.0]), at_zero=0.5).tolist()
        [0.0, 0.5, 1.0]
    """
    x = as_float(x)
    at_rest = jnp.where(x == 0, at_zero, 0 * x)  # of NaN, with the slope 0
    return jnp.where(x > 0, 1, jnp.where(x < 0, 0, at_rest))


@jax.jit
def sign(x: ArrayLike) -> jax.Array:
    """Keep the sign alone: -1, 0 or 1.

    Edges: the derivative is 0 everywhere, at 0 too. NaN stays NaN, with derivative 0.

    Source: definition; Rosenblatt 1958 (perceptron).

    Example:
        >>> sign(jnp.array([-2.0, 0.0, 3.0])).tolist()
        [-1.0, 0.0, 1.0]
    """
    return jnp.sign(as_float(x))


def _heaviside_facts(at_zero: float) -> dict[str, Any]:
    if 0 <= at_zero <= 1:
        return {"kinks": (0.0,), "slope_at_kinks": (0.0,), "flat": True}
    raise errors.rejected(
        rule="heaviside needs at_zero in [0, 1]",
        got=f"at_zero={at_zero}",
        do="pass 0, 0.5 or 1",
    )


def _heaviside_fit(f: Callable[..., Any]) -> Params | None:
    at_zero = samples(f, 0.0)[0]
    return proposal(at_zero=at_zero) if 0 <= at_zero <= 1 else None


HEAVISIDE = Activation(
    "heaviside",
    heaviside,
    "1 for x > 0, 0 for x < 0, at_zero at 0",
    "McCulloch & Pitts 1943",
    {"at_zero": 0.0},
    kinks=(0.0,),
    slope_at_kinks=(0.0,),
    flat=True,
    plain=True,
    facts=_heaviside_facts,
    fit=_heaviside_fit,
)
SIGN = Activation(
    "sign",
    sign,
    "sign(x)",
    "definition",
    kinks=(0.0,),
    slope_at_kinks=(0.0,),
    flat=True,
    plain=True,
)
