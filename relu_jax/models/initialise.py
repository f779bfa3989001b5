"""How large are the weights at the start, and which paper says so?

Each rule is a builder: ``he()``, ``xavier(uniform)``, ``lecun(normal)`` give an initialiser
``init(key, shape, dtype)``, so a rule and a distribution are chosen apart. Kernels end in
(inputs, outputs); the axes before those are the window of a convolution.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
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


def he(draw: Draw = normal, *, slope: float = 0.0) -> Initialiser:
    """Keep the forward signal of a rectifier: variance 2 / ((1 + slope^2) fan_in).

    Args:
        draw: distribution of variance 1; `normal` is the paper's.
        slope: of the rectifier's negative side; 0 for ReLU.

    Source: He, Zhang, Ren & Sun 2015, equations 10 and 15.

    Example:
        >>> w = he()(jax.random.key(0), (100, 200))
        >>> round(float(w.std()), 2)
        0.14
    """
    return _scaled(draw, lambda fan_in, _: 2 / ((1 + slope**2) * fan_in))


def xavier(draw: Draw = uniform, *, gain: float = 1.0) -> Initialiser:
    """Compromise between forward and backward signal: variance gain^2 2 / (fan_in + fan_out).

    Args:
        draw: distribution of variance 1; `uniform` is the paper's.
        gain: factor on the standard deviation.

    Source: Glorot & Bengio 2010, equations 12 and 16.

    Example:
        >>> w = xavier()(jax.random.key(0), (100, 100))
        >>> round(float(abs(w).max()), 3)  # sqrt(6 / 200)
        0.173
    """
    return _scaled(draw, lambda fan_in, fan_out: 2 * gain**2 / (fan_in + fan_out))


def lecun(draw: Draw = normal) -> Initialiser:
    """Keep the variance of a linear layer's signal: variance 1 / fan_in.

    Args:
        draw: distribution of variance 1.

    Source: LeCun, Bottou, Orr & Müller 1998, section 4.6.

    Example:
        >>> w = lecun()(jax.random.key(0), (100, 200))
        >>> round(float(w.std()), 1)
        0.1
    """
    return _scaled(draw, lambda fan_in, _: 1 / fan_in)


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


def _scaled(draw: Draw, variance: Callable[[int, int], float]) -> Initialiser:
    def init(key: Key, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Array:
        return draw(key, shape, dtype) * math.sqrt(variance(*fans(shape)))

    return init
