"""Which activations look at several units at once, and what do they do with ties?"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import Tracer
from jax.typing import ArrayLike

from relu_jax.activations.axes import from_front
from relu_jax.activations.inputs import as_float
from relu_jax.activations.ranges import finite_number
from relu_jax.activations.rectifiers import relu
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.numerics import rms, widened


def maxout(x: ArrayLike, k: int, *, axis: int = -1) -> jax.Array:
    """Take the largest of every k neighbours.

    Args:
        x: any shape; integers and bools become float32.
        k: size of a group, at least 1; it divides the size along `axis`.
        axis: along which neighbours form groups.

    Returns:
        `x.shape`, with 1/k of the size along `axis`.

    Raises:
        ValueError: k does not divide the size, or no such axis.
        TypeError: k is no whole number or is traced, or complex input.

    Edges: equal largest entries share the derivative evenly. A NaN makes its group NaN.

    Source: Goodfellow, Warde-Farley, Mirza, Courville & Bengio 2013.

    Example:
        >>> maxout(jnp.array([1.0, 3.0, -2.0, -5.0]), 2).tolist()
        [3.0, -2.0]
    """
    return _maxout(x, _known(k), axis)


@partial(jax.jit, static_argnames=("k", "axis"))
def _maxout(x: ArrayLike, k: int, axis: int) -> jax.Array:
    x = as_float(x)
    axis = from_front(axis, x)
    size = x.shape[axis]
    if k < 1 or size % k:
        raise errors.rejected(
            rule="the groups of maxout have k units, and k divides their number",
            got=f"k={k} for {size} units",
            do="pass a divisor",
        )
    grouped = x.reshape((*x.shape[:axis], size // k, k, *x.shape[axis + 1 :]))
    return jnp.max(grouped, axis + 1)


@partial(jax.jit, static_argnames="axis")
def crelu(x: ArrayLike, *, axis: int = -1) -> jax.Array:
    """Keep both halves apart: max(x, 0), then max(-x, 0), one after the other along an axis.

    Args:
        x: any shape; integers and bools become float32.
        axis: along which the result is twice as long.

    Raises:
        ValueError: no such axis.
        TypeError: complex input.

    Edges: the derivative at 0 is 0 in both halves. NaN gives NaN in both.

    Source: Shang, Sohn, Almeida & Lee 2016.

    Example:
        >>> crelu(jnp.array([1.0, -3.0])).tolist()
        [1.0, 0.0, 0.0, 3.0]
    """
    x = as_float(x)
    return jnp.concatenate([relu(x), relu(-x)], from_front(axis, x))


def k_winners(x: ArrayLike, k: int, *, axis: int = -1) -> jax.Array:
    """Keep the k largest, set the others to 0.

    Args:
        x: any shape; integers and bools become float32.
        k: how many win, from 1 to the size along `axis`.
        axis: along which units compete.

    Raises:
        ValueError: k out of range, or no such axis.
        TypeError: k is no whole number or is traced, or complex input.

    Edges: of equal units those with the lower index win (-0.0 equals 0.0); the derivative is 1
    for winners, 0 for the others. NaN counts as the largest, so that it is seen.

    Source: Makhzani & Frey 2013, k-sparse autoencoders.

    Example:
        >>> k_winners(jnp.array([1.0, 3.0, -2.0, 3.0]), 2).tolist()
        [0.0, 3.0, 0.0, 3.0]
    """
    return _k_winners(x, _known(k), axis)


@partial(jax.jit, static_argnames=("k", "axis"))
def _k_winners(x: ArrayLike, k: int, axis: int) -> jax.Array:
    x = as_float(x)
    axis = from_front(axis, x)
    size = x.shape[axis]
    if not 1 <= k <= size:
        raise errors.rejected(
            rule="k_winners keeps between 1 and all units",
            got=f"k={k} for {size} units",
            do="pass a smaller k" if k > size else "pass k=1, or more",
        )
    # top_k tells 0.0 from -0.0: one key for both. It takes NaN for the largest, as we want, but
    # one with its sign bit set, as inf - inf is, for the smallest.
    keys = jnp.where(x == 0, 0, lax.stop_gradient(x))
    keys = jnp.where(jnp.isnan(keys), jnp.nan, keys)
    _, winners = lax.top_k(jnp.moveaxis(keys, axis, -1), k)
    wins = jnp.moveaxis(jax.nn.one_hot(winners, size, dtype=bool).any(-2), -1, axis)
    return jnp.where(wins, x, 0)


def standardize(x: ArrayLike, *, axis: int = -1, epsilon: float = 1e-5) -> jax.Array:
    """Shift to mean 0 and scale to variance 1: (x - mean) / sqrt(var + epsilon).

    Args:
        x: any shape; integers and bools become float32.
        axis: along which mean and variance are taken.
        epsilon: added to the variance; a number of at least 0, known before the function runs.

    Raises:
        ValueError: epsilon < 0, an empty axis, or no such axis.
        TypeError: epsilon is no finite number, or complex input.

    Edges: equal entries give 0, with derivative 0 in their common value; with epsilon = 0 they
    give NaN. An infinite entry, as a NaN, makes all of its slice NaN. float16 and bfloat16 are
    computed in float32. jax.nn.standardize takes the variance as a difference of two squares,
    which loses digits where the mean is large.

    Source: Ba, Kiros & Hinton 2016, equation 3, without gain and bias.

    Example:
        >>> standardize(jnp.array([1.0, 3.0]), epsilon=0.0).tolist()
        [-1.0, 1.0]
    """
    epsilon = finite_number("epsilon", epsilon, do="pass epsilon=1e-5")
    if epsilon < 0:
        raise errors.rejected(
            rule="standardize needs epsilon >= 0", got=f"epsilon={epsilon}", do="pass epsilon=1e-5"
        )
    return _standardize(x, axis, epsilon)


@partial(jax.jit, static_argnames=("axis", "epsilon"))
def _standardize(x: ArrayLike, axis: int, epsilon: float) -> jax.Array:
    x = as_float(x)
    axis = from_front(axis, x)
    if not x.shape[axis]:
        raise errors.rejected(
            rule="standardize takes mean and variance along an axis with at least one entry",
            got=f"{errors.describe(x)}, axis={axis}",
            do="pass an axis that is not empty",
        )
    if not x.size:
        return x
    # A quarter of all, since XLA multiplies by 1 / spread, which is flushed beyond 8e37. And no
    # squares, which overflow or vanish long before.
    wide = widened(x) / 4
    apart = wide - jnp.mean(wide, axis, keepdims=True)
    spread = jnp.hypot(rms(apart, axis), epsilon**0.5 / 4)
    return (apart / jnp.expand_dims(spread, axis)).astype(x.dtype)


def _known(k: Any) -> int:
    if isinstance(k, Tracer):
        raise errors.rejected(
            rule="k is an integer, known before the function runs",
            got=f"a traced {errors.describe(k)}",
            do='pass a Python int, or say static_argnames="k" to your jit',
            kind=TypeError,
        )
    return integer("k", k)
