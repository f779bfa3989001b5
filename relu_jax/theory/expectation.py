"""What is the mean of a function of a normal variable, and how accurate is it?"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.accuracy import Estimate, accurate, refined
from relu_jax.theory.quadrature import (
    CUT,
    Grading,
    error_of,
    node_count,
    normal_rule,
    over_each,
    unseen,
)
from relu_jax.theory.quadrature import (
    USUAL as USUAL,
)
from relu_jax.theory.scalars import is_known, points, real


def expectation(
    f: Callable[[Array], Array],
    variance: ArrayLike = 1.0,
    *,
    kinks: Sequence[ArrayLike] = (),
    nodes: int = 64,
    rtol: ArrayLike | None = None,
) -> Array:
    """Average a function of a normal variable: E f(x), x ~ N(0, variance).

    Args:
        f: elementwise on a vector, traceable by JAX; it may close over traced values.
        variance: any shape, finite and at least 0; each value is averaged for itself.
        kinks: where f or a derivative of f jumps, any order; 0 need not be named.
        nodes: per panel, at least 4. 64 reach 1e-12 of E |f| in float64 for what is smooth
            between the kinks at the scale of 1/100 of the distance to 0 or to a kink, or
            oscillates as slowly as sin(30 z), and is no steeper than tanh(1000 z). Where no
            value is traced, finer panels take over for what does not, up to sin(2000 z).
        rtol: largest estimated error accepted, as a share of E |f|. The estimate is often much
            too large. None is 1e-6, and 1.2e-4 where a value is traced, so that no finer panels
            can take over, and in float32, in which half precision is integrated too.

    Returns:
        the average in the float type of `variance` (integers and Python numbers: JAX's
        default), in its shape. Where a value is traced, one that is less accurate than rtol
        is NaN, with its derivatives.

    Raises:
        ValueError: variance < 0 or inf where it can be seen (NaN comes out where it is
            traced); an error above rtol, where nothing is traced; fewer than 4 nodes.
        TypeError: a complex variance; what is no function, or gives no real number for each.

    Edges: variance 0 gives f(0); derivatives there are those at variance √ε, the limit for a
    smooth f. What lies beyond 13 standard deviations is left out, and counts as error. A
    spike between all nodes is not seen.

    Example:
        >>> float(expectation(jnp.square, 2.0).round(5))
        2.0
    """
    variance = checked_variance(variance)
    rule = partial(_integral, f, points("kinks", kinks), node_count(nodes))
    return accurate(rule, variance, rtol, "")


def expectation_with_error(
    f: Callable[[Array], Array],
    variance: ArrayLike = 1.0,
    *,
    kinks: Sequence[ArrayLike] = (),
    nodes: int = 64,
    rtol: ArrayLike | None = None,
) -> Estimate:
    """Average a function of a normal variable and estimate the error of the average.

    The error adds what the nodes do not resolve, what a jump next to the end of a panel hides, the
    height of |f| times the density where the integral ends, and one rounding of E |f|.

    Args: as for `expectation`; nothing is refused.

    Example:
        >>> rough = expectation_with_error(lambda x: jnp.sign(x - 1.0), nodes=4)
        >>> split = expectation_with_error(lambda x: jnp.sign(x - 1.0), kinks=(1.0,))
        >>> bool(rough.error > 1e-4), bool(split.error < 1e-5)
        (True, True)
    """
    variance = checked_variance(variance)
    rule = partial(_integral, f, points("kinks", kinks), node_count(nodes))
    return refined(rule, variance, rtol)


def checked_variance(variance: Any) -> Array:
    """Make a float array of a variance, and refuse a negative or infinite one that is seen.

    Raises:
        ValueError: one is negative or infinite.
        TypeError: it is complex, or no number.

    Example:
        >>> float(checked_variance(2))
        2.0
    """
    q = jnp.asarray(real("a variance", variance, do="pass the variance itself, 1.0 say"))
    if is_known(q):
        seen = np.asarray(variance, np.float64)
        bad = seen[(seen < 0) | np.isinf(seen)]
        if bad.size:
            raise errors.rejected(
                rule="a variance is at least 0 and finite",
                got=f"{bad[0]:g}",
                do="pass the variance itself, not its logarithm or a covariance",
            )
    return q if jnp.issubdtype(q.dtype, jnp.floating) else q.astype(jnp.result_type(float))


def _integral(
    f: Callable[[Array], Array],
    kinks: Sequence[ArrayLike],
    nodes: int,
    variance: Array,
    grading: Grading,
) -> Estimate:
    def core(q: Array) -> Estimate:
        def rows(x: Array) -> Array:
            return _elementwise(f, x)[None]

        terms, left_out = weighted(rows, kinks, nodes, grading, q)
        value = at_zero(jnp.sum(terms, axis=-1), rows(jnp.zeros((1,), q.dtype))[:, 0], q)
        return Estimate(*(part[0] for part in estimated(value, terms, left_out, nodes)))

    return over_each(core, variance)


def _elementwise(f: Callable[[Array], Array], x: Array) -> Array:
    y = f(x) if callable(f) else f
    is_float = isinstance(y, jax.Array) and jnp.issubdtype(y.dtype, jnp.floating)
    if not is_float or y.shape != x.shape:
        raise errors.rejected(
            rule="what is averaged is a function that gives a float for each number",
            got=f"{errors.describe(f)} giving {errors.describe(y)} for {errors.describe(x)}",
            do="pass an elementwise function such as jnp.tanh",
            kind=TypeError,
        )
    return y


def weighted(
    g: Callable[[Array], Array],
    kinks: Sequence[ArrayLike],
    nodes: int,
    grading: Grading,
    q: Array,
) -> tuple[Array, Array]:
    """Return weight · g(x) on the nodes for x ~ N(0, q), and what they may leave out.

    Args:
        g: rows of integrands, (R, N) for x of shape (N,).
        kinks: as for `expectation`.
        nodes: per panel.
        grading: how the panels lie.
        q: one variance.

    Example:
        >>> one = jnp.float32(1.0)
        >>> terms, left_out = weighted(lambda x: jnp.stack([x, x**2]), (), 8, USUAL, one)
        >>> terms.sum(axis=1).round(4).tolist(), bool(abs(left_out).max() < 1e-4)
        ([0.0, 1.0], True)
    """
    # A root has no derivative at 0: take value and derivative a step beside it, where E f is
    # f(0) + f''(0) q/2, and then put the value right.
    scale = jnp.sqrt(jnp.where(q == 0, q + jnp.finfo(q.dtype).eps ** 0.5, q))
    z, w = normal_rule(scale, kinks, nodes, grading)
    rows = g(scale * z)
    terms = rows * w[None]
    tails = rows[:, np.array([0, -1])] * np.exp(-(CUT**2) / 2).item()
    return terms, jnp.concatenate([tails, unseen(terms, z, nodes, grading)], axis=1)


def at_zero(value: Array, exact: Array, q: Array) -> Array:
    """Put the exact value in place at variance 0, and leave the derivative.

    Example:
        >>> one, zero = jnp.float32(1.0), jnp.float32(0.0)
        >>> float(at_zero(one, zero, zero)), float(at_zero(one, zero, one))
        (0.0, 1.0)
    """
    return value + lax.stop_gradient(jnp.where(q == 0, exact - value, jnp.zeros_like(value)))


def estimated(value: Array, terms: Array, left_out: Array, nodes: int) -> Estimate:
    """Add to integrals the errors that their terms show, and the integrals of the magnitude.

    Args:
        value: (R,), the integrals.
        terms: (R, N), from `weighted`, as the next.
        left_out: (R, M).
        nodes: per panel.

    Example:
        >>> parts = weighted(lambda x: x[None], (), 8, USUAL, jnp.float32(1.0))
        >>> bool(estimated(parts[0].sum(axis=1), *parts, 8).error[0] < 1e-5)
        True
    """
    terms, left_out = lax.stop_gradient((terms, left_out))
    size = jnp.sum(jnp.abs(terms), axis=-1)
    rest = jnp.sum(jnp.abs(left_out), axis=-1)
    error = error_of(terms, nodes) + rest + jnp.finfo(size.dtype).eps * size
    # Where a value overflows, inf is no average: that may be small.
    return Estimate(
        value, jnp.where(jnp.isfinite(size), error, jnp.full_like(error, jnp.nan)), size
    )
