"""How many weights feed a unit, and how does a variance become an initialiser?

Kernels end in (inputs, outputs); the axes before those are the window of a convolution. An
initialiser is a function ``init(key, shape, dtype)``: what Flax, Haiku and `jax.nn` take too.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Float

from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.numerics import wide_dtype
from relu_jax.core.types import Array, Key

Draw: TypeAlias = Callable[[Key, tuple[int, ...], DTypeLike], Array]
Initialiser: TypeAlias = Callable[..., Array]


def normal(key: Key, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "..."]:
    """Draw from the standard normal distribution, not truncated.

    Raises:
        TypeError: a dtype that is no real float type.

    Edges: half precision is drawn in float32 and rounded. Drawn in bfloat16 itself it has 128
    values, and a mean of -0.01.

    Example:
        >>> normal(jax.random.key(0), (2, 3), "float32").shape
        (2, 3)
    """
    return jax.random.normal(key, shape, wide_enough(dtype)).astype(dtype)


def uniform(key: Key, shape: tuple[int, ...], dtype: DTypeLike) -> Float[Array, "..."]:
    """Draw evenly from [-sqrt(3), sqrt(3)), which has variance 1.

    Raises, Edges: as for `normal`; what is rounded may be sqrt(3).

    Example:
        >>> bool((abs(uniform(jax.random.key(0), (100,), "float32")) < 1.74).all())
        True
    """
    ends = (-math.sqrt(3), math.sqrt(3))
    return jax.random.uniform(key, shape, wide_enough(dtype), *ends).astype(dtype)


def wide_enough(dtype: DTypeLike) -> np.dtype:
    """Name the float type to draw weights in: float32 for half precision, else their own.

    Raises:
        TypeError: a dtype that is no real float type.

    Example:
        >>> str(wide_enough("bfloat16"))
        'float32'
    """
    asked = jnp.result_type(float) if dtype is None else jnp.dtype(dtype)
    if jnp.issubdtype(asked, jnp.floating):
        return wide_dtype(asked)
    raise errors.rejected(
        rule="weights have a real float type",
        got=str(asked),
        do="pass dtype=jnp.float32, say",
        kind=TypeError,
    )


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Count what one output sees and what one input reaches: (fan_in, fan_out).

    Raises:
        ValueError: a shape without input and output axis, or with an empty axis.
        TypeError: no shape.

    Example:
        >>> fans((64, 10)), fans((3, 3, 16, 32))
        ((64, 10), (144, 288))
    """
    if isinstance(shape, (str, bytes)) or not isinstance(shape, Iterable):
        raise errors.rejected(
            rule="a shape is a sequence of integers",
            got=errors.describe(shape),
            do="pass (inputs, outputs)",
            kind=TypeError,
        )
    axes = [integer("an axis", axis) for axis in shape]
    if len(axes) < 2 or min(axes) < 1:
        raise errors.rejected(
            rule="a kernel has the axes (..., inputs, outputs), none empty",
            got=f"shape {tuple(axes)}",
            do="initialise other parameters with zeros or ones",
        )
    window = math.prod(axes[:-2])
    return window * axes[-2], window * axes[-1]


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
        size = std(*fans(shape))
        return draw(key, shape, dtype) * jnp.asarray(size, dtype)

    return init
