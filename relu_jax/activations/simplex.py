"""Which functions turn scores into weights that sum to 1, and what do they do at infinity?

All of them shift the scores so that the largest is 0, and share these edges along `axis`:

- inf: the infinite entries share the weight evenly; jax.nn gives NaN.
- -inf: that entry gets 0. All -inf: NaN, since nothing says where the weight belongs; to leave
  entries out, `where` is meant.
- NaN: the whole slice is NaN.
- where False: weight 0 and derivative 0, whatever stands there. All False: only zeros.
- ties at the edge of a support: an entry of weight 0 has derivative 0.

Derivatives are written in terms of the weights, so they are exact and finite whenever the
weights are. float16 and bfloat16 are computed in float32 and rounded once.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.axes import from_front
from relu_jax.activations.inputs import as_float
from relu_jax.core import errors
from relu_jax.core.numerics import widened

Rule = Callable[[jax.Array, int], jax.Array]


@partial(jax.jit, static_argnames="axis")
def softmax(x: ArrayLike, *, axis: int = -1, where: ArrayLike | None = None) -> jax.Array:
    """Weigh by exponentials: e^x_i / sum over j of e^x_j.

    Args:
        x: scores; integers and bools become float32.
        axis: along which the weights sum to 1; -3 is PyTorch's Softmax2d.
        where: booleans that broadcast to x; None keeps all entries.

    Returns:
        Weights, of the shape and dtype of x.

    Raises:
        ValueError: no such axis, an empty axis, or a mask that does not fit.
        TypeError: complex scores, or a mask that is not boolean.

    Edges: inf: the infinite entries share the weight evenly (NaN in jax.nn). -inf: that entry
    gets 0; all -inf give NaN. NaN: the whole slice is NaN. where False: weight and derivative 0,
    whatever stands there; all False: only zeros.

    Source: Bridle 1990.

    Example:
        >>> softmax(jnp.array([0.0, 0.0, -jnp.inf])).tolist()
        [0.5, 0.5, 0.0]
    """
    return _weights(_softmax, x, axis, where)


@partial(jax.jit, static_argnames="axis")
def softmin(x: ArrayLike, *, axis: int = -1, where: ArrayLike | None = None) -> jax.Array:
    """Weigh the smallest most: softmax(-x).

    Args:
        x: scores.
        axis: along which the weights sum to 1.
        where: booleans that broadcast to x; None keeps all entries.

    Edges: those of `softmax` at -x.

    Example:
        >>> softmin(jnp.array([0.0, 0.0, jnp.inf])).tolist()
        [0.5, 0.5, 0.0]
    """
    return softmax(-as_float(x), axis=axis, where=where)


@partial(jax.jit, static_argnames="axis")
def log_softmax(x: ArrayLike, *, axis: int = -1, where: ArrayLike | None = None) -> jax.Array:
    """Take the logarithm of a softmax, without loss where its weight would be 0.

    x_i - log sum over j of e^x_j.

    Args:
        x: scores.
        axis: along which the weights sum to 1.
        where: booleans that broadcast to x; None keeps all entries.

    Edges: where False: -inf with derivative 0. Else the logarithm of `softmax` there.

    Source: Bridle 1990.

    Example:
        >>> log_softmax(jnp.array([0.0, -1000.0])).tolist()
        [0.0, -1000.0]
    """
    x, axis, kept = _scores(x, axis, where)
    y = _log_softmax(_shifted(x, axis, kept), axis)
    return (y if kept is None else jnp.where(kept, y, -jnp.inf)).astype(x.dtype)


@partial(jax.jit, static_argnames="axis")
def sparsemax(x: ArrayLike, *, axis: int = -1, where: ArrayLike | None = None) -> jax.Array:
    """Project onto the simplex: max(x - tau, 0), with tau such that the sum is 1.

    Args:
        x: scores.
        axis: along which the weights sum to 1.
        where: booleans that broadcast to x; None keeps all entries.

    Edges: the derivative is that of the support, constant on it; an entry of weight 0 has
    derivative 0, at the edge too. inf: the infinite entries share the weight evenly. -inf: that
    entry gets 0; all -inf give NaN. NaN: the whole slice is NaN. where False: weight and
    derivative 0, whatever stands there; all False: only zeros.

    Source: Martins & Astudillo 2016, algorithm 1.

    Example:
        >>> sparsemax(jnp.array([0.75, 0.25, -1.0])).tolist()
        [0.75, 0.25, 0.0]
    """
    return _weights(_sparsemax, x, axis, where)


@partial(jax.jit, static_argnames="axis")
def entmax15(x: ArrayLike, *, axis: int = -1, where: ArrayLike | None = None) -> jax.Array:
    """Weigh between softmax and sparsemax: max(x/2 - tau, 0)^2, with tau such that the sum is 1.

    Args:
        x: scores.
        axis: along which the weights sum to 1.
        where: booleans that broadcast to x; None keeps all entries.

    Edges: an entry of weight 0 has derivative 0, at the edge of the support too. inf: the infinite
    entries share the weight evenly. -inf: that entry gets 0; all -inf give NaN. NaN: the whole
    slice is NaN. where False: weight and derivative 0, whatever stands there; all False: only
    zeros.

    Source: Peters, Niculae & Martins 2019.

    Example:
        >>> entmax15(jnp.array([1.0, 1.0, -9.0])).round(6).tolist()
        [0.5, 0.5, 0.0]
    """
    return _weights(_entmax15, x, axis, where)


def _weights(rule: Rule, x: ArrayLike, axis: int, where: ArrayLike | None) -> jax.Array:
    x, axis, kept = _scores(x, axis, where)
    y = rule(_shifted(x, axis, kept), axis)
    return (y if kept is None else jnp.where(kept, y, 0)).astype(x.dtype)


def _scores(
    x: ArrayLike, axis: int, where: ArrayLike | None
) -> tuple[jax.Array, int, jax.Array | None]:
    """Check scores, axis and mask; count the axis from the front."""
    x = as_float(x)
    axis = from_front(axis, x)
    if not x.shape[axis]:
        raise errors.rejected(
            rule="weights lie along an axis with at least one entry",
            got=f"{errors.describe(x)}, axis={axis}",
            do="pass an axis that is not empty",
        )
    if where is None:
        return x, axis, None
    kept = jnp.asarray(where)
    if kept.dtype != jnp.bool_:
        raise errors.rejected(
            rule="where is a mask of booleans",
            got=errors.describe(kept),
            do="compare first, such as where=mask > 0",
            kind=TypeError,
        )
    if kept.ndim > x.ndim or any(
        n not in (1, size) for n, size in zip(kept.shape[::-1], x.shape[::-1], strict=False)
    ):
        raise errors.rejected(
            rule="where broadcasts to x",
            got=f"{errors.describe(kept)} for {errors.describe(x)}",
            do="give it the shape of x",
        )
    return x, axis, jnp.broadcast_to(kept, x.shape)


def _shifted(x: jax.Array, axis: int, kept: jax.Array | None) -> jax.Array:
    """Shift the scores so that the largest is 0, in float32 at least; left out ones are -inf."""
    wide = widened(x)
    if kept is not None:
        wide = jnp.where(kept, wide, -jnp.inf)
    top = lax.stop_gradient(jnp.max(wide, axis, keepdims=True))
    return jnp.where((top == jnp.inf) & (wide == top), 0, wide - top)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _softmax(z: jax.Array, axis: int) -> jax.Array:
    raised = jnp.exp(z)
    return raised / jnp.sum(raised, axis, keepdims=True)


@_softmax.defjvp
def _softmax_rule(axis: int, primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    y, t = _softmax(primals[0], axis), tangents[0]
    return y, y * (t - jnp.sum(y * t, axis, keepdims=True))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _log_softmax(z: jax.Array, axis: int) -> jax.Array:
    return z - jnp.log(jnp.sum(jnp.exp(z), axis, keepdims=True))


@_log_softmax.defjvp
def _log_softmax_rule(axis: int, primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    (z,), (t,) = primals, tangents
    mean = jnp.sum(_softmax(z, axis) * t, axis, keepdims=True)
    return _log_softmax(z, axis), t - mean


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _sparsemax(z: jax.Array, axis: int) -> jax.Array:
    falling, k = _sorted(z, axis)
    inside = 1 + k * falling > jnp.cumsum(falling, axis)
    size = jnp.sum(inside, axis, keepdims=True, dtype=z.dtype)
    tau = (jnp.sum(jnp.where(inside, falling, 0), axis, keepdims=True) - 1) / size
    return jnp.maximum(z - tau, 0)


@_sparsemax.defjvp
def _sparsemax_rule(axis: int, primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    y, t = _sparsemax(primals[0], axis), tangents[0]
    return y, _centred(t, jnp.sign(y), y, axis)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _entmax_root(z: jax.Array, axis: int) -> jax.Array:
    """Take the square root of the weights: max(x/2 - tau, 0)."""
    z = z / 2
    falling, k = _sorted(z, axis)
    mean = jnp.cumsum(falling, axis) / k
    spread = jnp.cumsum(falling**2, axis) - k * mean**2
    taus = mean - jnp.sqrt(jnp.maximum((1 - spread) / k, 0))
    size = jnp.sum(taus <= falling, axis, keepdims=True, dtype=z.dtype)
    # Once more about the mean of the support: over a large one `spread` cancels.
    inside = k <= size
    middle = jnp.sum(jnp.where(inside, falling, 0), axis, keepdims=True) / size
    spread = jnp.sum(jnp.where(inside, falling - middle, 0) ** 2, axis, keepdims=True)
    tau = middle - jnp.sqrt(jnp.maximum((1 - spread) / size, 0))
    return jnp.maximum(z - tau, 0)


@_entmax_root.defjvp
def _entmax_rule(axis: int, primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    root, t = _entmax_root(primals[0], axis), tangents[0]
    return root, _centred(t, root, root, axis) / 2


def _entmax15(z: jax.Array, axis: int) -> jax.Array:
    return _entmax_root(z, axis) ** 2


def _sorted(z: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """Give the scores in falling order, and their ranks from 1.

    Sums run from the top, so scores far below, -inf too, disturb none that are used.
    """
    return jnp.sort(z, axis, descending=True), lax.broadcasted_iota(z.dtype, z.shape, axis) + 1


def _centred(t: jax.Array, weight: jax.Array, y: jax.Array, axis: int) -> jax.Array:
    """Subtract the weighted mean of the tangent, and keep it on the support of y."""
    mean = jnp.sum(weight * t, axis, keepdims=True) / jnp.sum(weight, axis, keepdims=True)
    return jnp.where(y == 0, 0, t - mean)
