"""Which activations weigh x with a gate made of tanh, erf or log of another smooth function?

Each is x times a gate that is 0 at -inf. The derivative is gate + x * gate', written so that
gate' does not come from a difference of numbers near 1, and from the same e^-|x| as the value.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from relu_jax.activations.activation import Activation
from relu_jax.activations.inputs import elementwise
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import (
    DENSITY,
    bell,
    finite,
    narrow_bell,
    normal_law,
    odds,
    settled,
    times_gate,
)


@elementwise
def mish(x: jax.Array) -> jax.Array:
    """Weigh x with the tanh of its softplus: x * tanh(log(1 + e^x)).

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1; jax.nn gives NaN for
    the first and for the derivative at both. NaN gives NaN in value and derivative. The
    derivative at 0 is 0.6.

    Source: Misra 2019, Mish: a self regularized non-monotonic activation function.

    Example:
        >>> round(float(mish(1.0)), 6)
        0.865098
    """
    return _mish(x)


def _mish_parts(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Write the gate tanh(log(1 + e^x)) as a (a + 2 b) / whole."""
    a, b = odds(x)
    return a, b, a * a + 2 * a * b + 2 * b * b


def _mish_bend(x: jax.Array) -> jax.Array:
    a, b, whole = _mish_parts(x)
    turn = 2 * b * b * (a + b) - a * a * (3 * b + 2 * a)
    return 4 * a * (b * b) * (2 * (a + b) * whole + finite(x) * turn) / (whole * whole * whole)


@with_slope(_mish_bend)
def _mish_slope(x: jax.Array) -> jax.Array:
    a, b, whole = _mish_parts(x)
    # One quotient: XLA writes to memory what is divided and then used twice.
    return a * ((a + 2 * b) * whole + 4 * finite(x) * (a + b) * (b * b)) / (whole * whole)


@with_slope(_mish_slope)
def _mish(x: jax.Array) -> jax.Array:
    a, b, whole = _mish_parts(x)
    return times_gate(x, a * (a + 2 * b)) / whole


@elementwise
def serf(x: jax.Array) -> jax.Array:
    """Weigh x with the error function of its softplus: x * erf(log(1 + e^x)).

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1. NaN gives NaN in
    value and derivative.

    Source: Nag & Bhattacharyya 2021, SERF.

    Example:
        >>> round(float(serf(1.0)), 6)
        0.936722
    """
    return _serf(x)


def _serf_slope(x: jax.Array) -> jax.Array:
    a, b = odds(x)
    inner = jnp.logaddexp(x, 0)
    density = (2 / np.sqrt(np.pi)).item() * narrow_bell(inner)
    return lax.erf(inner) + finite(x) * density * (a / (a + b))


@with_slope(_serf_slope)
def _serf(x: jax.Array) -> jax.Array:
    return times_gate(x, lax.erf(jnp.logaddexp(x, 0)))


@elementwise
def telu(x: jax.Array) -> jax.Array:
    """Weigh x with the tanh of its exponential: x * tanh(e^x).

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1. NaN gives NaN in
    value and derivative.

    Source: Liu & Di 2020, as TanhExp; Fernandez & Mali 2024, as TeLU.

    Example:
        >>> round(float(telu(1.0)), 6)
        0.991329
    """
    return _telu(x)


def _telu_inner(x: jax.Array) -> jax.Array:
    # From e^6 = 403 on tanh is 1 and e^(-2 * 403) is 0 even in float64; e^x would overflow.
    return jnp.exp(jnp.minimum(x, 6))


def _telu_slope(x: jax.Array) -> jax.Array:
    u, z = _telu_inner(x), settled(x, 1e3)
    q = jnp.exp(-2 * u)  # 1 - tanh(u)^2 is 4 q / (1 + q)^2, without a difference
    return jnp.tanh(u) + z * (4 * u * q / ((1 + q) * (1 + q)))


@with_slope(_telu_slope)
def _telu(x: jax.Array) -> jax.Array:
    return times_gate(x, jnp.tanh(_telu_inner(x)))


@elementwise
def phish(x: jax.Array) -> jax.Array:
    """Weigh x with the tanh of its exact gelu: x * tanh(x/2 * erfc(-x / sqrt(2))).

    Edges: ±0 gives 0 with derivative 0. -inf gives 0 with derivative 0, inf gives inf with
    derivative 1. NaN gives NaN in value and derivative.

    Source: Naveen 2022, Phish: a novel hyper-optimizable activation function.

    Example:
        >>> round(float(phish(1.0)), 6)
        0.686521
    """
    return _phish(x)


def _phish_slope(x: jax.Array) -> jax.Array:
    z, below = settled(x), normal_law(x)
    t = jnp.tanh(z * below)
    return t + z * ((1 - t) * (1 + t)) * (below + z * (DENSITY * bell(x)))


@with_slope(_phish_slope)
def _phish(x: jax.Array) -> jax.Array:
    return times_gate(x, jnp.tanh(finite(x) * normal_law(x)))


@elementwise
def logish(x: jax.Array) -> jax.Array:
    """Weigh x with the logarithm of 1 + its logistic gate: x * log(1 + 1 / (1 + e^-x)).

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative log(2). NaN gives NaN
    in value and derivative.

    Source: Zhu, Zeng, Liu & Zhang 2021, Logish.

    Example:
        >>> round(float(logish(1.0)), 6)
        0.548733
    """
    return _logish(x)


def _logish_slope(x: jax.Array) -> jax.Array:
    a, b = odds(x)
    return jnp.log1p(a / (a + b)) + finite(x) * a * b / ((a + b) * (2 * a + b))


@with_slope(_logish_slope)
def _logish(x: jax.Array) -> jax.Array:
    a, b = odds(x)
    return times_gate(x, jnp.log1p(a / (a + b)))


@elementwise
def smish(x: jax.Array) -> jax.Array:
    """Weigh x with the tanh of logish's gate: x * tanh(log(1 + 1 / (1 + e^-x))).

    With s = 1 / (1 + e^-x) the gate is s (2 + s) / (2 + 2 s + s^2): it needs one exponential.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 0.6. NaN gives NaN in
    value and derivative.

    Source: Wang, Ren & Wang 2022, Smish: a novel activation function for deep learning methods.

    Example:
        >>> round(float(smish(1.0)), 6)
        0.49957
    """
    return _smish(x)


def _smish_parts(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    a, b = odds(x)
    return a, b, 5 * a * a + 6 * a * b + 2 * b * b


def _smish_slope(x: jax.Array) -> jax.Array:
    a, b, whole = _smish_parts(x)
    steep = 4 * a * b * (a + b) * (2 * a + b) / whole
    return (a * (3 * a + 2 * b) + finite(x) * steep) / whole


@with_slope(_smish_slope)
def _smish(x: jax.Array) -> jax.Array:
    a, b, whole = _smish_parts(x)
    return times_gate(x, a * (3 * a + 2 * b) / whole)


MISH = Activation("mish", mish, "x * tanh(log(1 + e^x))", "Misra 2019")
SERF = Activation("serf", serf, "x * erf(log(1 + e^x))", "Nag & Bhattacharyya 2021")
TELU = Activation("telu", telu, "x * tanh(e^x)", "Liu & Di 2020; Fernandez & Mali 2024")
PHISH = Activation("phish", phish, "x * tanh(x/2 * erfc(-x / sqrt(2)))", "Naveen 2022")
LOGISH = Activation("logish", logish, "x * log(1 + 1 / (1 + e^-x))", "Zhu, Zeng, Liu & Zhang 2021")
SMISH = Activation("smish", smish, "x * tanh(log(1 + 1 / (1 + e^-x)))", "Wang, Ren & Wang 2022")
