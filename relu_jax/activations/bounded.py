"""Which activations saturate on a side without a kink?"""

import jax
import jax.numpy as jnp
from jax import lax

from relu_jax.activations.activation import Activation
from relu_jax.activations.decays import coarse_gate, decay, rounding_off
from relu_jax.activations.inputs import elementwise, in_half_by
from relu_jax.activations.slopes import with_slope


@in_half_by(lambda x: _tanh_in_half(x))
def tanh(x: jax.Array) -> jax.Array:
    """Squash to (-1, 1) with the hyperbolic tangent.

    Edges: ±inf gives ±1 with derivative 0.

    Source: LeCun, Bottou, Orr & Müller 1998, section 4.4.

    Example:
        >>> tanh(jnp.array([0.0, jnp.inf])).tolist()
        [0.0, 1.0]
    """
    return jnp.tanh(x)


def _sech_squared(x: jax.Array) -> jax.Array:
    t = decay(2 * jnp.abs(x))
    return 4 * t / ((1 + t) * (1 + t))


_tanh_in_half = with_slope(_sech_squared)(jnp.tanh)


@in_half_by(coarse_gate)
def sigmoid(x: jax.Array) -> jax.Array:
    """Squash to (0, 1) with the logistic function: 1 / (1 + e^-x).

    Edges: -inf gives 0, inf gives 1, both with derivative 0.

    Source: Rumelhart, Hinton & Williams 1986, equation 2.

    Example:
        >>> sigmoid(jnp.array([0.0, jnp.inf])).tolist()
        [0.5, 1.0]
    """
    return lax.logistic(x)


@elementwise
def log_sigmoid(x: jax.Array) -> jax.Array:
    """Take the logarithm of the logistic function, without loss below: -log(1 + e^-x).

    Edges: -inf gives -inf with derivative 1, inf gives 0 with derivative 0.

    Source: definition; the logarithm of the sigmoid, and minus the softplus of -x.

    Example:
        >>> round(float(log_sigmoid(0.0)), 6)
        -0.693147
    """
    return _log_sigmoid(x)


@with_slope(lambda x: lax.logistic(-x))
def _log_sigmoid(x: jax.Array) -> jax.Array:
    return jnp.minimum(x, 0) - rounding_off(jnp.abs(x))


TANH = Activation("tanh", tanh, "tanh(x)", "LeCun, Bottou, Orr & Müller 1998, section 4.4")
SIGMOID = Activation(
    "sigmoid", sigmoid, "1 / (1 + e^-x)", "Rumelhart, Hinton & Williams 1986, equation 2"
)
LOG_SIGMOID = Activation("log_sigmoid", log_sigmoid, "-log(1 + e^-x)", "definition")
