"""What falls like e^-x, made of operations that XLA computes twice rather than write to memory?

Where two results need an exponential or a quotient, such as a value and its derivative, XLA on a
CPU writes its array and reads it again for each; and memory is what takes the time. What is here
costs no more than a product in its eyes, and is computed twice. Powers of two are made of the bits
of an exponent. The rest is a polynomial, or a quotient for the caller to finish, that has the
least relative error (by linear programs over a Chebyshev grid); each says how large that is.

All take float32. `decay`, `fall` and `rounding_off` take float64 too, in the terms of jax.numpy.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from relu_jax.activations.slopes import with_slope

# (e^-r - 1) / -r for |r| <= log(2) / 2, to 1.1e-8
_FALL = (1.0, -0.5, 0.16666506152276467, -0.04166713640236684, 0.008369076066615645, -0.00138888730)
# 2^-r for |r| <= 1/2, to 7.5e-5
_COARSE_FALL = (0.9999280552629369, -0.6932611028955087, 0.24261129329979317, -0.055171264651708074)
# log(1 + t) / t for 0 <= t <= 1, to 3.3e-8
_LOG1P = (
    1.0, -0.4999964796449339, 0.33321322644791423, -0.24857163903906943, 0.19153655929956975,
    -0.1375380456317351, 0.07920456299401857, -0.030065809829340782, 0.005364828867882771,
)  # fmt: skip
# erfc(a / √2) e^(a²/2) / 2 for 0 <= a <= 13.3, as a quotient, to 5.0e-9
_TAIL = (0.5, 0.43568627888537975, 0.18130673557020166, 0.03998416619141572, 0.004020190148551211)
_TAIL_BELOW = (
    1.0, 1.6692574768421637, 1.1944841034430587, 0.46438027333949927, 0.10023282274581614,
    0.010076979078824133,
)  # fmt: skip
# -log2(erfc(a / √2) / 2) for 0 <= a <= 13.2: its power is right to 6.7e-5 (beyond 6 to 3.4e-4)
_COARSE_TAIL = (
    1.0000968608090162, 1.1500116535620182, 0.4610045681179412, 0.05201920750193581,
    -0.007821110124960316, 0.000814927180032869, -5.442877121910196e-05, 2.071845695745502e-06,
    -3.394462453010417e-08,
)  # fmt: skip
_LOG2_HIGH = 0.693359375  # its product with a whole number is exact
_LOG2_LOW = math.log(2) - _LOG2_HIGH
_WHOLE = np.float32(1.5 * 2**23)  # adding it rounds to a whole number, which its last bits then are
_BIAS = np.int32(127)
_MANTISSA = np.int32(23)


def _polynomial(coefficients: Sequence[float], x: jax.Array) -> jax.Array:
    total = coefficients[-1] * x + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        total = total * x + coefficient
    return total


def _halvings(v: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Round v, from 0 to 127, to a whole number n; give n and 2^-n, which for 127 is 0."""
    bits = lax.bitcast_convert_type(v + _WHOLE, np.int32)
    n = bits - _WHOLE.view(np.int32)
    return n.astype(v.dtype), lax.bitcast_convert_type((_BIAS - n) << _MANTISSA, np.float32)


@jax.custom_jvp
def decay(u: jax.Array) -> jax.Array:
    """Take e^-u for u >= 0.

    Returns:
        within one rounding and a half of float32.

    Edges: inf gives 0, and so does what ends below the normal numbers. NaN gives NaN. Not for
    negative u.

    Example:
        >>> round(float(decay(jnp.float32(1.0))), 6)
        0.367879
    """
    if u.dtype != jnp.float32:
        return jnp.exp(-u)
    power, rest = _in_two(u)
    return power - power * rest


decay.defjvps(lambda t, y, _: -y * t)


def fall(u: jax.Array) -> jax.Array:
    """Take e^-u - 1 for u >= 0, without cancelling near 0.

    Returns:
        within two roundings of float32.

    Edges: inf gives -1, NaN gives NaN. Not for negative u. It has no derivative.

    Example:
        >>> round(float(fall(jnp.float32(1e-6)) * 1e6), 4)
        -1.0
    """
    if u.dtype != jnp.float32:
        return jnp.expm1(-u)
    power, rest = _in_two(u)
    return (power - 1) - power * rest


def _in_two(u: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Write e^-u as power * (1 - rest), with a power of two."""
    u = jnp.minimum(u, 88)
    n, power = _halvings(u * math.log2(math.e))
    r = (u - n * _LOG2_HIGH) - n * _LOG2_LOW
    return power, r * _polynomial(_FALL, r)


def coarse_decay(u: jax.Array) -> jax.Array:
    """Take e^-u for u >= 0, with an error of up to 7.6e-5 of it: for results of half precision.

    Edges: those of `decay`. It has no derivative.

    Example:
        >>> round(float(coarse_decay(jnp.float32(1.0))), 3)
        0.368
    """
    return _coarse_power(jnp.minimum(u * math.log2(math.e), 127))


def _coarse_power(v: jax.Array) -> jax.Array:
    n, power = _halvings(v)
    return power * _polynomial(_COARSE_FALL, v - n)


def coarse_gate(x: jax.Array) -> jax.Array:
    """Take the logistic function, with the error of `coarse_decay`, and its derivative.

    Example:
        >>> round(float(coarse_gate(jnp.float32(1.0))), 3)
        0.731
    """
    return _coarse_gate(x)


def _coarse_gate_slope(x: jax.Array) -> jax.Array:
    t = coarse_decay(jnp.abs(x))
    return t / ((1 + t) * (1 + t))


@with_slope(_coarse_gate_slope)
def _coarse_gate(x: jax.Array) -> jax.Array:
    t = coarse_decay(jnp.abs(x))
    return jnp.where(x < 0, t, 1) / (1 + t)


def rounding_off(u: jax.Array) -> jax.Array:
    """Take log(1 + e^-u) for u >= 0: what softplus is above relu, at both u and -u.

    Returns:
        within two roundings of float32.

    Edges: inf gives 0, NaN gives NaN. It has no derivative.

    Example:
        >>> round(float(rounding_off(jnp.float32(0.0))), 6)
        0.693147
    """
    t = decay(u)
    return t * _polynomial(_LOG1P, t) if u.dtype == jnp.float32 else jnp.log1p(t)


def normal_tail(a: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Take what is right of a >= 0 under the standard normal law, erfc(a / √2) / 2, unfinished.

    Args:
        a: float32, from 0 to 14, where the first is 0.

    Returns:
        e^(-a²/2), and the numerator and the denominator of what it is to be multiplied by. Both
        numbers are positive; the result is within four roundings, and that of a²/2.

    Example:
        >>> density, above, below = normal_tail(jnp.float32(1.0))
        >>> round(float(density * above / below), 6)
        0.158655
    """
    return decay(0.5 * a * a), _polynomial(_TAIL, a), _polynomial(_TAIL_BELOW, a)


def coarse_normal_tail(a: jax.Array) -> jax.Array:
    """Take erfc(a / √2) / 2 as near as half precision shows.

    Args:
        a: float32, from 0 to 13, where it is 0.

    Returns:
        within 1.5e-4 of it, and beyond a = 6 within 5e-4.

    Edges: it has no derivative.

    Example:
        >>> round(float(coarse_normal_tail(jnp.float32(1.0))), 3)
        0.159
    """
    return _coarse_power(_polynomial(_COARSE_TAIL, a))
