"""How many weights feed a unit, and how does a variance become an initialiser?

Kernels end in (inputs, outputs); the axes before those are the window of a convolution. An
initialiser is a function ``init(key, shape, dtype)``: what Flax, Haiku and `jax.nn` take too.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Float

from relu_jax.core import errors
from relu_jax.core.types import Array, Key

Draw: TypeAlias = Callable[[Key, tuple[int, ...], DTypeLike], Array]
Initialiser: TypeAlias = Callable[..., Array]


def normal(key: Key, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "..."]:
    """Draw from the standard normal distribution, not truncated.

    Example:
        >>> normal(jax.random.key(0), (2, 3), "float32").shape
        (2, 3)
    """
    return jax.random.normal(key, shape, dtype)


def uniform(key: Key, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "..."]:
    """Draw evenly from [-sqrt(3), sqrt(3)), which has variance 1.

    Example:
        >>> bool((abs(uniform(jax.random.key(0), (100,), "float32")) < 1.74).all())
        True
    """
    return jax.random.uniform(key, shape, dtype, -math.sqrt(3), math.sqrt(3))


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Count what one output sees and what one input reaches: (fan_in, fan_out).

    Raises:
        ValueError: a shape without input and output axis, or with an empty axis.

    Example:
        >>> fans((64, 10)), fans((3, 3, 16, 32))
        ((64, 10), (144, 288))
    """
    if len(shape) < 2 or min(shape) < 1:
        raise errors.rejected(
            rule="a kernel has the axes (..., inputs, outputs), none empty",
            got=f"shape {shape}",
            do="initialise other parameters with zeros or ones",
        )
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def scaled(draw: Draw, std: Callable[[int, int], ArrayLike]) -> Initialiser:
    """Build the initialiser whose weights have standard deviation ``std(fan_in, fan_out)``.

    Args:
        draw: distribution of mean 0 and variance 1.
        std: may give a traced number, so that a draw can depend on a trained parameter.

    Example:
        >>> init = scaled(normal, lambda fan_in, _: 2 / math.sqrt(fan_in))
        >>> w = init(jax.random.key(0), (100, 200))
        >>> round(float(w.std()), 1)
        0.2
    """

    def init(key: Key, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Array:
        return draw(key, shape, dtype) * jnp.asarray(std(*fans(shape)), dtype)

    return init
