"""Where are the nodes of an integral over a normal variable that bends at known points?

The line is cut where the integrand may break and at 0, and from each cut outward into panels
that double in width. Gauss and Legendre's nodes in every panel then reach rounding error for
kinked, steep and smooth functions alike.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from relu_jax.core.types import Array
from relu_jax.theory.scalars import is_known

CUT = 13.0  # beyond it lies less than 1e-37 of the normal distribution
LEVELS = 10  # the panel nearest to a cut is 2^-LEVELS of the piece wide


def normal_rule(
    scale: Array, kinks: Sequence[ArrayLike] = (), nodes: int = 64, levels: int = LEVELS
) -> tuple[Array, Array]:
    """Place nodes z and weights w so that E g(z) is near sum(w · g(z)), z ~ N(0, 1).

    Args:
        scale: a scalar, the standard deviation of x = scale · z; may be traced.
        kinks: points of x at which, as at 0, the integral is cut.
        nodes: per panel.
        levels: how often the panels halve towards a cut.

    Returns:
        (z, w), vectors of the same length, in the dtype of `scale`.

    Edges: scale 0 counts as 1. A cut beyond ±13 falls on ±13.

    Example:
        >>> z, w = normal_rule(jnp.float32(1.0))
        >>> float((w * z**2).sum().round(5))
        1.0
    """
    return rule_between(_cuts(scale, kinks), nodes, levels)


def rule_between(cuts: Array, nodes: int, levels: int) -> tuple[Array, Array]:
    """Place nodes and weights for an integral over z ~ N(0, 1) that is cut at given points.

    Args:
        cuts: ascending, at least one, within [-13, 13]; may be traced.
        nodes: per panel.
        levels: how often the panels halve towards a cut.

    Example:
        >>> z, w = rule_between(jnp.float32([-1.0, 1.0]), nodes=8, levels=3)
        >>> print(w[abs(z) < 1].sum().round(3))
        0.683
    """
    unit, weight = (jnp.asarray(x, cuts.dtype) for x in _graded(nodes, levels))
    half = (cuts[1:] - cuts[:-1]) / 2
    start = jnp.concatenate([cuts[:1], cuts[:-1], cuts[1:], cuts[-1:]])
    width = jnp.concatenate([cuts[:1] + CUT, half, half, CUT - cuts[-1:]])
    sign = np.array([-1.0] + [1.0] * half.size + [-1.0] * half.size + [1.0])
    z = start[:, None] + (jnp.asarray(sign, cuts.dtype) * width)[:, None] * unit[None]
    w = width[:, None] * weight[None] * jnp.exp(-(z**2) / 2) / np.sqrt(2 * np.pi).item()
    return z.ravel(), w.ravel()


@lru_cache
def _graded(nodes: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights on [0, 1], in panels that double away from 0."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    ends = np.concatenate([[0.0], 2.0 ** np.arange(-levels, 1)])
    half = np.diff(ends)[:, None] / 2
    return (ends[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()


def _cuts(scale: Array, kinks: Sequence[ArrayLike]) -> Array:
    """Return the ascending cuts in z: 0 and the kinks."""
    zero = jnp.zeros((1,), scale.dtype)
    # Known zeros are dropped before tracing: a second cut at 0 would only cost time.
    others = [k for k in kinks if not (is_known(k) and k == 0)]
    if not others:
        return zero
    points = jnp.stack([jnp.asarray(k, scale.dtype).reshape(()) for k in others])
    points = points / jnp.where(scale > 0, scale, jnp.ones_like(scale))
    return jnp.sort(jnp.concatenate([zero, jnp.clip(points, -CUT, CUT)]))


def over_each(core: Callable[[Array], Any], variance: Array) -> Any:
    """Apply a function of one scalar to every element, in float32 or better.

    Example:
        >>> over_each(lambda q: (q, 2 * q), jnp.array([[1.0, 2.0]]))[1].tolist()
        [[2.0, 4.0]]
    """
    wide = variance.astype(wide_dtype(variance.dtype))
    out = core(wide) if wide.ndim == 0 else jax.vmap(core)(wide.ravel())
    return jax.tree.map(lambda y: y.reshape(variance.shape).astype(variance.dtype), out)


def wide_dtype(dtype: DTypeLike) -> np.dtype:
    """Name the float type to integrate in: float32 for half precision, else the type itself.

    Example:
        >>> str(wide_dtype("bfloat16")), str(wide_dtype("float64"))
        ('float32', 'float64')
    """
    return np.dtype(np.float32) if jnp.finfo(dtype).bits < 32 else np.dtype(dtype)
