"""Which rectifiers bend the negative side with an exponential, and how do they meet at 0?"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.decays import decay, fall
from relu_jax.activations.inputs import in_half_by
from relu_jax.activations.slopes import with_slope

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@in_half_by(lambda x, alpha=1.0: elu_in_half(x, alpha))
def elu(x: jax.Array, *, alpha: ArrayLike = 1.0) -> jax.Array:
    """Bend the negative side: x for x > 0, else alpha * (e^x - 1).

    Args:
        x: any shape.
        alpha: minus the value at -inf.

    Edges: the slope at 0 is alpha, as in jax.nn, a kink unless alpha is 1. -inf gives -alpha
    with derivative 0, inf gives inf with derivative 1; NaN gives NaN. Far below 0 the derivative
    is alpha * e^x to its last digit; jax.nn of JAX 0.10 rounds it to 0 from -17 on (float32).

    Source: Clevert, Unterthiner & Hochreiter 2016, section 3.

    Example:
        >>> elu(jnp.array([-jnp.inf, 2.0])).tolist()
        [-1.0, 2.0]
    """
    return _elu(x, alpha)


def _elu_slope(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    return jnp.where(x > 0, 1, alpha * jnp.exp(jnp.where(x > 0, 0, x)))


@with_slope(_elu_slope)
def _elu(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    # The inner select keeps e^x finite where its branch is not taken.
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0, x)))


@in_half_by(lambda x: SELU_SCALE * elu_in_half(x, SELU_ALPHA))
def selu(x: jax.Array) -> jax.Array:
    """Scale an elu so that zero mean and unit variance are a fixed point of a layer.

    scale * elu(x, alpha) with scale 1.0507009873554805, alpha 1.6732632423543772.

    Edges: the slope at 0 is scale * alpha = 1.7581, as in jax.nn. -inf gives -1.7581 with
    derivative 0, inf gives inf with derivative 1.0507; NaN gives NaN in both.

    Source: Klambauer, Unterthiner, Mayr & Hochreiter 2017, equation 2.

    Example:
        >>> round(float(selu(2.0)), 4)
        2.1014
    """
    return SELU_SCALE * elu(x, alpha=SELU_ALPHA)


@with_slope(lambda x, alpha: jnp.where(x > 0, 1, alpha * decay(jnp.where(x > 0, 0, -x))))
def elu_in_half(x: jax.Array, alpha: ArrayLike) -> jax.Array:
    """Take the elu of a float32 whose result will be rounded to half precision.

    Example:
        >>> round(float(elu_in_half(jnp.float32(-1.0), 1.0)), 4)
        -0.6321
    """
    return jnp.where(x > 0, x, alpha * fall(jnp.maximum(-x, 0)))


def _elu_facts(alpha: float) -> dict[str, Any]:
    kinks = () if alpha == 1 else (0.0,)
    return {"kinks": kinks, "slope_at_kinks": (alpha,) * len(kinks), "flat": alpha == 0}


def _elu_fit(f: Callable[..., Any]) -> Params | None:
    return proposal(alpha=samples(f, -1.0)[0] / np.expm1(-1.0).item())


ELU = Activation(
    "elu",
    elu,
    "x for x > 0, else alpha * (e^x - 1)",
    "Clevert, Unterthiner & Hochreiter 2016, section 3",
    {"alpha": 1.0},
    facts=_elu_facts,
    fit=_elu_fit,
)
SELU = Activation(
    "selu",
    selu,
    "1.0507 * (x for x > 0, else 1.6733 * (e^x - 1))",
    "Klambauer, Unterthiner, Mayr & Hochreiter 2017, equation 2",
    kinks=(0.0,),
    slope_at_kinks=(SELU_SCALE * SELU_ALPHA,),
)
