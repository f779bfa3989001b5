"""Where does a function of a positive number change its sign, and how do those places move?

The search is a fixed program: it can be jitted and vmapped. Each root is differentiable in
whatever the function closes over, through the implicit function theorem.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike

from relu_jax.core.numerics import tolerance
from relu_jax.core.types import Array

# Eight points per decade, and one far below for roots next to 0.
SCAN = np.concatenate([[1e-30], np.logspace(-12, 12, 193)])
Scalar = Callable[[Array], Array]


def slack(dtype: DTypeLike) -> float:
    """Bound the rounding of a moment: a relative difference below it says nothing.

    Example:
        >>> 1e-5 < slack("float32") < 1e-4
        True
    """
    return tolerance(dtype, n=32)


def roots(f: Scalar, *, most: int = 4, dtype: DTypeLike) -> Array:
    """Find where f changes its sign between 1e-30 and 1e12, ascending, filled up with NaN.

    Args:
        f: scalar to scalar; values below `slack` count as undecided, not as a sign.
        most: number of roots kept, from the smallest on.
        dtype: floating type of the search.

    Edges: two roots within an eighth of a decade, and a root without a change of sign, are
    missed. A NaN of f counts as undecided.

    Example:
        >>> found = roots(lambda q: (q - 0.5) * (q - 3.0) / q, dtype="float32")
        >>> found.round(5).tolist()
        [0.5, 3.0, nan, nan]
    """
    left, right, sign = _brackets(f, most, dtype)
    return jax.vmap(lambda a, b, s: differentiable(f, bisect(f, a, b, s)))(left, right, sign)


def bisect(f: Scalar, left: Array, right: Array, sign: Array) -> Array:
    """Halve a bracket in logarithms until it is rounding; no derivative is taken.

    Args:
        f: has the sign `sign` at `left`, and another at `right`.
        left: positive; NaN where there is no bracket.
        right: positive.
        sign: of f at `left`.

    Example:
        >>> one = jnp.float32(1.0)
        >>> float(bisect(lambda q: q - 2, one, 8 * one, -one).round(5))
        2.0
    """

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        keeps = jnp.sign(f(jnp.exp(middle))) == sign
        return jnp.where(keeps, middle, low), jnp.where(keeps, high, middle)

    ends = lax.stop_gradient((jnp.log(left), jnp.log(right)))
    steps = jnp.finfo(left.dtype).nmant + 12
    low, high = lax.fori_loop(0, steps, halve, ends)
    return lax.stop_gradient(jnp.exp((low + high) / 2))


def differentiable(f: Scalar, root: Array) -> Array:
    """Attach to a root of f its derivative in what f closes over: -(∂f/∂θ) / (∂f/∂root).

    Edges: a NaN root stays NaN, with derivative 0; so does the derivative where f has none of
    its own, as where a whole line solves the equation.

    Example:
        >>> def root_of(a):
        ...     return differentiable(lambda q: q * q - a, jnp.sqrt(a))
        >>> float(jax.grad(root_of)(4.0))
        0.25
    """
    missing = jnp.isnan(root)
    start = lax.stop_gradient(jnp.where(missing, jnp.ones_like(root), root))

    def divide(linear: Scalar, y: Array) -> Array:
        slope = linear(jnp.ones_like(y))
        flat = jnp.abs(slope) * start <= slack(root.dtype)
        return jnp.where(flat, jnp.zeros_like(y), y / jnp.where(flat, jnp.ones_like(y), slope))

    solved = lax.custom_root(f, start, lambda _, x: x, divide)
    return jnp.where(missing, jnp.full_like(root, jnp.nan), solved)


def _brackets(f: Scalar, most: int, dtype: DTypeLike) -> tuple[Array, Array, Array]:
    q = jnp.asarray(SCAN, dtype)
    value = lax.stop_gradient(jax.vmap(f)(q))
    # The last decided point up to each one: undecided points in between are passed over.
    places = jnp.where(jnp.abs(value) > slack(dtype), jnp.arange(q.size), -1)
    last = lax.cummax(places)
    before = jnp.concatenate([jnp.full(1, -1), last[:-1]])
    changes = (places >= 0) & (before >= 0) & (jnp.sign(value) != jnp.sign(value[before]))
    (right,) = jnp.nonzero(changes, size=most, fill_value=-1)
    found = right >= 0
    left = before[right]
    low = jnp.where(found, q[left], jnp.full(most, jnp.nan, dtype))
    return low, jnp.where(found, q[right], low), jnp.sign(value[left])
