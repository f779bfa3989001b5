"""How do x times a gate, e^x, the normal law and sqrt(x^2 + b) stay numbers at a huge x?"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike

from relu_jax.activations.decays import decay
from relu_jax.activations.slopes import with_slope


def finite(x: jax.Array) -> jax.Array:
    """Clip to a quarter of the largest number, where x times 0 is 0 and 2 x does not overflow.

    Example:
        >>> float(finite(jnp.float32(-jnp.inf)) * 0.0)
        -0.0
    """
    top = float(jnp.finfo(x.dtype).max) / 4
    return lax.clamp(np.array(-top, x.dtype), x, np.array(top, x.dtype))


def finite_product(factor: Any, x: jax.Array) -> jax.Array:
    """Multiply by a factor, keeping finite what was finite.

    Edges: the largest number where the product overflows, with derivative 0.

    Example:
        >>> finite_product(90.0, jnp.array([-jnp.inf, 1e38])).tolist()
        [-inf, 3.4028234663852886e+38]
    """
    product = factor * x
    overflows = jnp.isinf(product) & ~jnp.isinf(x)
    return jnp.where(overflows, float(jnp.finfo(product.dtype).max) * jnp.sign(product), product)


def times_gate(x: jax.Array, gate: jax.Array) -> jax.Array:
    """Multiply x by a gate that is 0 at -inf and 1 at inf.

    Edges: -inf gives 0, where the product alone is NaN.

    Example:
        >>> times_gate(jnp.array([-jnp.inf, 3.0]), jnp.array([0.0, 0.5])).tolist()
        [-0.0, 1.5]
    """
    return jnp.maximum(x, -float(jnp.finfo(x.dtype).max)) * gate


def scaled(factor: Any, x: jax.Array) -> jax.Array:
    """Multiply x by a factor that may be 0, also where x is infinite.

    Edges: factor 0 gives 0 everywhere; for finite x the gradient in the factor is x.

    Example:
        >>> float(scaled(0.0, jnp.float32(jnp.inf)))
        0.0
    """
    return factor * jnp.where(jnp.isinf(x) & (jnp.asarray(factor) == 0), 0, x)


def settled(x: jax.Array, end: float = 40.0) -> jax.Array:
    """Clip to [-40, 40], beyond which tanh and erf are ±1 and e^(-x^2 / 2) is 0 in every float.

    Args:
        x: any shape.
        end: of the interval: 1e3 is beyond where e^-x is 0 in every float.

    Edges: beyond, the derivative is 0 whatever it is multiplied by: no inf * 0.

    Example:
        >>> float(settled(jnp.float32(-jnp.inf)))
        -40.0
    """
    return lax.clamp(np.array(-end, x.dtype), x, np.array(end, x.dtype))


def odds(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Write e^x as a quotient a / b, both in [0, 1] and one of them 1.

    What is rational in e^x becomes homogeneous in a and b and cannot overflow: the logistic
    gate is a / (a + b), and its derivative a b / (a + b)^2.

    Edges: -inf gives 0 / 1, inf gives 1 / 0. At 0 it is differentiated from the right, which
    for a smooth function of e^x is the derivative.

    Example:
        >>> [float(part) for part in odds(jnp.float32(jnp.inf))]
        [1.0, 0.0]
    """
    below = x < 0
    shut = decay(jnp.abs(x))
    return jnp.where(below, shut, 1), jnp.where(below, 1, shut)


def in_widths(x: jax.Array, width: Any) -> jax.Array:
    """Measure x in widths, `settled` beyond 40: x / width.

    Edges: the derivative in the width, -x / width^2, is made of x / width: no square overflows.

    Example:
        >>> float(in_widths(jnp.float32(3.0), 2.0)), float(in_widths(jnp.float32(-jnp.inf), 2.0))
        (1.5, -40.0)
    """
    return _in_widths(width, x)


def _slope_in_width(width: Any, x: jax.Array) -> jax.Array:
    return -_in_widths(width, x) * (1 / width)


@with_slope(_slope_in_width)
def _in_widths(width: Any, x: jax.Array) -> jax.Array:
    # A product with 1 / width, since XLA makes one of a quotient by a constant.
    return settled(x * (1 / width))


def _bell_slope(z: jax.Array) -> jax.Array:
    return -settled(z) * bell(z)


# Bells have rules of their own: to the tap, the clip is then no activation before the bump.
@with_slope(_bell_slope)
def bell(z: jax.Array) -> jax.Array:
    """Take the density of the normal law, of height 1: e^(-z^2 / 2).

    Edges: ±inf gives 0 with all derivatives 0.

    Example:
        >>> round(float(bell(jnp.float32(1.0))), 6)
        0.606531
    """
    z = settled(z)
    return jnp.exp(-z * z / 2)


def _narrow_bell_slope(z: jax.Array) -> jax.Array:
    return -2 * settled(z) * narrow_bell(z)


@with_slope(_narrow_bell_slope)
def narrow_bell(z: jax.Array) -> jax.Array:
    """Take the bell of the error function: e^(-z^2).

    As `bell` of sqrt(2) z it would have the rounding of that product, times z^2.

    Edges: ±inf gives 0 with all derivatives 0.

    Example:
        >>> round(float(narrow_bell(jnp.float32(1.0))), 6)
        0.367879
    """
    z = settled(z)
    return jnp.exp(-z * z)


DENSITY = np.sqrt(0.5 / np.pi).item()  # of the standard normal law, at 0


@with_slope(lambda z: DENSITY * bell(z))
def normal_law(z: jax.Array) -> jax.Array:
    """Take the distribution function of the normal law, with all of its left tail.

    Edges: -inf gives 0, inf gives 1, both with derivative 0.

    Example:
        >>> round(float(normal_law(jnp.float32(1.0))), 6)
        0.841345
    """
    return 0.5 * lax.erfc(-z * np.sqrt(0.5).item())


def root(x: jax.Array, b: Any) -> jax.Array:
    """Take sqrt(x^2 + b) without overflow of the square, for b up to 1e30.

    Edges: ±inf gives inf. Where nothing overflows the bits are those of the plain formula.

    Example:
        >>> float(root(jnp.float32(3e38), 4.0)) == float(jnp.float32(3e38))
        True
    """
    return jnp.where(jnp.abs(x) > far_out(x.dtype), jnp.abs(x), jnp.sqrt(x * x + b))


def far_out(dtype: DTypeLike) -> float:
    """Tell from where on a b of up to 1e30 is lost beside x^2, which does not yet overflow.

    Example:
        >>> far_out(jnp.float32) == 2.0**63
        True
    """
    return 2.0 ** (jnp.finfo(dtype).maxexp // 2 - 1)
