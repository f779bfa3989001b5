"""Which activations saturate on a side without a kink?"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, as_float
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import gate


@jax.jit
def tanh(x: ArrayLike) -> jax.Array:
    """Squash to (-1, 1) with the hyperbolic tangent.

    Edges: ±inf gives ±1 with derivative 0.

    Source: LeCun, Bottou, Orr & Müller 1998, section 4.4.

    Example:
        >>> tanh(jnp.array([0.0, jnp.inf])).tolist()
        [0.0, 1.0]
    """
    return jnp.tanh(as_float(x))


@jax.jit
def sigmoid(x: ArrayLike) -> jax.Array:
    """Squash to (0, 1) with the logistic function: 1 / (1 + e^-x).

    Edges: -inf gives 0, inf gives 1, both with derivative 0.

    Source: Rumelhart, Hinton & Williams 1986, equation 2.

    Example:
        >>> sigmoid(jnp.array([0.0, jnp.inf])).tolist()
        [0.5, 1.0]
    """
    return lax.logistic(as_float(x))


@jax.jit
def log_sigmoid(x: ArrayLike) -> jax.Array:
    """Take the logarithm of the logistic function, without loss below: -log(1 + e^-x).

    Edges: -inf gives -inf with derivative 1, inf gives 0 with derivative 0.

    Source: definition; the logarithm of the sigmoid, and minus the softplus of -x.

    Example:
        >>> round(float(log_sigmoid(0.0)), 6)
        -0.693147
    """
    return _log_sigmoid(as_float(x))


@with_slope(lambda x: gate(-x))
def _log_sigmoid(x: jax.Array) -> jax.Array:
    return -jnp.logaddexp(-x, 0)


TANH = Activation("tanh", tanh, "tanh(x)", "LeCun, Bottou, Orr & Müller 1998, section 4.4")
SIGMOID = Activation(
    "sigmoid", sigmoid, "1 / (1 + e^-x)", "Rumelhart, Hinton & Williams 1986, equation 2"
)
LOG_SIGMOID = Activation("log_sigmoid", log_sigmoid, "-log(1 + e^-x)", "definition")
