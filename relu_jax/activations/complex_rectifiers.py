"""What does a rectifier do with complex numbers, which have no order?

One rectifies both parts, the other shrinks the modulus and keeps the phase. Neither is
holomorphic; gradients are those of a function of two real numbers, in JAX's convention.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import as_float
from relu_jax.activations.rectifiers import relu


def complex_relu(z: ArrayLike) -> jax.Array:
    """Rectify both parts of a complex number: relu(Re z) + i relu(Im z).

    Args:
        z: any shape; real numbers have one part.

    Edges: the derivative in a part is 0 where the part is 0.

    Source: Trabelsi et al. 2018, Deep complex networks, section 3.4 (CReLU).

    Example:
        >>> complex(complex_relu(-1.0 + 2.0j))
        2j
    """
    z = _number(z)
    if not jnp.iscomplexobj(z):
        return relu(z)
    return lax.complex(relu(z.real), relu(z.imag))


def mod_relu(z: ArrayLike, bias: ArrayLike) -> jax.Array:
    """Shrink or grow the modulus of a complex number and keep its phase: relu(|z| + b) z / |z|.

    Args:
        z: any shape; a real number's phase is its sign.
        bias: b, broadcasts with z; below 0 it makes a dead zone of that radius.

    Edges: 0 gives 0 with derivative 0: it has no phase. The derivative is 0 at |z| = -b. A
    complex number with an infinite part gives NaN; one whose modulus is above the largest float
    gives infinite parts.

    Source: Arjovsky, Shah & Bengio 2016, equation 8.

    Example:
        >>> complex(mod_relu(3.0 + 4.0j, -2.5))
        (1.5+2j)
    """
    z = _number(z)
    bias = as_float(bias).astype(z.real.dtype)
    if not jnp.iscomplexobj(z):
        return relu(jnp.abs(z) + bias) * jnp.sign(z)
    # In units of the larger part, so that no square overflows or vanishes.
    unit = lax.stop_gradient(jnp.maximum(jnp.abs(z.real), jnp.abs(z.imag)))
    zero = unit == 0
    unit = jnp.where(zero, jnp.ones_like(unit), unit)
    scaled = jnp.where(zero, jnp.ones_like(z), lax.complex(z.real / unit, z.imag / unit))
    size = jnp.abs(scaled)
    phase = scaled / size.astype(z.dtype)
    moved = relu(unit * size + bias).astype(z.dtype) * phase
    return jnp.where(zero, jnp.zeros_like(moved), moved)


def _number(z: ArrayLike) -> jax.Array:
    return jnp.asarray(z) if jnp.iscomplexobj(z) else as_float(z)
