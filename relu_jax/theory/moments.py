"""What are mean, power and slope of an activation whose input is normal with mean 0?"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.parameters import cast, kinks_at, known_params, merged, split
from relu_jax.theory.quadrature import CUT, normal_rule, over_each
from relu_jax.theory.scalars import is_known


class Moments(NamedTuple):
    """Hold the averages of one activation f over x ~ N(0, q), each a scalar or shaped as q.

    f' is the derivative away from jumps of f. `bend` counts the jumps of f' at the kinks, so
    that d(E f²)/dq = slope_second + bend holds for every f.
    """

    mean: Array  # E f
    second: Array  # E f²
    slope: Array  # E f'
    slope_second: Array  # E f'²
    cross: Array  # E f f'
    bend: Array  # E f f''


class Estimate(NamedTuple):
    """Hold an integral, a bound on what it may be off by, and the integral of |f|."""

    value: Array
    error: Array
    size: Array


def expectation(
    f: Callable[[Array], Array],
    variance: ArrayLike = 1.0,
    *,
    kinks: Sequence[ArrayLike] = (),
    nodes: int = 64,
    rtol: float | None = None,
) -> Array:
    """Average a function of a normal variable: E f(x), x ~ N(0, variance).

    Args:
        f: elementwise on a vector, traceable by JAX; it may close over traced values.
        variance: any shape, at least 0; each value is averaged for itself.
        kinks: where f or a derivative of f jumps, any order; 0 need not be named.
        nodes: per panel. 64 reach 1e-12 of E |f| in float64 for what is smooth between the
            kinks at the scale of 1/100 of the distance to 0 or to a kink, or oscillates as
            slowly as sin(30 z), and is no steeper than tanh(1000 z).
        rtol: refuse a result whose estimated error is above rtol · E |f|; needs a variance
            that is not traced.

    Returns:
        the average in the float type of `variance` (integers and Python numbers: JAX's
        default), in its shape.

    Raises:
        ValueError: variance < 0 where it can be seen (NaN comes out where it is traced), or
            an error above rtol.

    Edges: variance 0 gives f(0); derivatives there are those at variance √ε, the limit for a
    smooth f. What lies beyond 13 standard deviations is left out.

    Example:
        >>> float(expectation(jnp.square, 2.0).round(5))
        2.0
    """
    variance = _variance(variance)
    if rtol is None:
        core = partial(_averages, lambda x: f(x)[None], kinks=kinks, nodes=nodes)
        return over_each(lambda q: core(q)[0], variance)
    estimate = expectation_with_error(f, variance, kinks=kinks, nodes=nodes)
    _refuse_inaccurate(estimate, rtol)
    return estimate.value


def expectation_with_error(
    f: Callable[[Array], Array],
    variance: ArrayLike = 1.0,
    *,
    kinks: Sequence[ArrayLike] = (),
    nodes: int = 64,
) -> Estimate:
    """Average a function of a normal variable and estimate the error of the average.

    The error adds the difference to twice the nodes, the height of |f| times the density
    where the integral is cut, and one rounding of E |f|.

    Example:
        >>> rough = expectation_with_error(lambda x: jnp.sign(x - 1.0), nodes=4)
        >>> split = expectation_with_error(lambda x: jnp.sign(x - 1.0), kinks=(1.0,))
        >>> bool(rough.error > 1e-3), bool(split.error < 1e-5)
        (True, True)
    """

    def core(q: Array) -> Estimate:
        estimate = _estimate(lambda x: f(x)[None], q, kinks, nodes)
        return Estimate(*(part[0] for part in estimate))

    # Compiled as a whole: three rules of different length would cost far more one by one.
    return jax.jit(partial(over_each, core))(_variance(variance))


def moments(
    act: Activation,
    variance: ArrayLike = 1.0,
    *,
    params: Mapping[str, ArrayLike] | None = None,
    kinks: Sequence[ArrayLike] | None = None,
    nodes: int = 64,
    rtol: float | None = None,
) -> Moments:
    """Average an activation, its square, its slope and their products over x ~ N(0, variance).

    Args:
        act: its kinks are where the integrals are cut.
        variance: as for `expectation`.
        params: what differs from `act.params`; may be traced and differentiated.
        kinks: None asks the activation for the kinks at `params`. To be given, traced too,
            where a traced parameter moves them, such as an end of hard_tanh.
        nodes: as for `expectation`.
        rtol: as for `expectation`, for each of the six.

    Raises:
        TypeError: a parameter the activation has not.
        ValueError: as for `expectation`; a parameter out of range; kinks that cannot be known.

    Edges: as for `expectation`; at variance 0 half of the slopes are from either side of a
    kink at 0. Jumps of f itself, as of a step, do not count in f'.

    Source: Price 1958 for d(E f²)/dq = E f'² + E f f'', which gives `bend`.

    Example:
        >>> from relu_jax.activations import get
        >>> m = moments(get("relu"))
        >>> round(float(m.mean), 4), round(float(m.second), 4), round(float(m.slope_second), 4)
        (0.3989, 0.5, 0.5)
    """
    known = known_params(act, params)
    fixed, moving = split(kinks_at(act, params) if kinks is None else kinks)
    variance = _variance(variance)
    if rtol is None:
        return _moments(act, variance, known, fixed, moving, nodes)
    estimate = _moments_with_error(act, variance, known, fixed, moving, nodes)
    for part in zip(*estimate, strict=True):
        _refuse_inaccurate(Estimate(*part), rtol)
    return Moments(*estimate.value)


def _averages(
    g: Callable[[Array], Array],
    q: Array,
    *,
    kinks: Sequence[ArrayLike],
    nodes: int,
    limit: Callable[[Array], Array] | None = None,
) -> Array:
    """Average the rows of g(x) over x ~ N(0, q), for one variance q; limit(0) is that at 0."""
    at_zero = q == 0
    # A root has no derivative at 0: take value and derivative a step beside it, where E f is
    # f(0) + f''(0) q/2, and then put the value right.
    scale = jnp.sqrt(jnp.where(at_zero, q + jnp.finfo(q.dtype).eps ** 0.5, q))
    z, w = normal_rule(scale, kinks, nodes)
    value = jnp.sum(g(scale * z) * w[None], axis=-1)
    exact = (limit or g)(jnp.zeros((1,), q.dtype))[:, 0]
    return value + lax.stop_gradient(jnp.where(at_zero, exact - value, jnp.zeros_like(value)))


def _estimate(
    g: Callable[[Array], Array], q: Array, kinks: Sequence[ArrayLike], nodes: int
) -> Estimate:
    value = _averages(g, q, kinks=kinks, nodes=nodes)
    finer = _averages(g, q, kinks=kinks, nodes=2 * nodes)
    size = _averages(lambda x: jnp.abs(g(x)), q, kinks=kinks, nodes=nodes)
    ends = jnp.sqrt(q) * jnp.array([-CUT, CUT], q.dtype)
    tail = jnp.sum(jnp.abs(g(ends)), axis=-1) * np.exp(-(CUT**2) / 2).item()
    return Estimate(value, jnp.abs(finer - value) + tail + jnp.finfo(q.dtype).eps * size, size)


def _rows(act: Activation, params: Mapping[str, ArrayLike], x: Array) -> Array:
    """Stack f, f², f', f'² and f f' at x."""
    # A strict program refuses to mix float types: the parameters take the type of x.
    values = {k: cast(v, x) for k, v in params.items()}
    f, slope = jax.jvp(lambda u: act.fn(u, **values), (x,), (jnp.ones_like(x),))
    return jnp.stack([f, f * f, slope, slope * slope, f * slope])


def _limit(act: Activation, params: Mapping[str, ArrayLike], zero: Array) -> Array:
    """Return the rows at variance 0, where half of the inputs are on either side of a kink."""
    tiny = jnp.full_like(zero, jnp.finfo(zero.dtype).tiny)
    f = _rows(act, params, zero)[0]
    _, _, slope, squared, _ = (_rows(act, params, tiny) + _rows(act, params, -tiny)) / 2
    return jnp.stack([f, f * f, slope, squared, f * slope])


def _with_bend(average: Callable[[Array], Array], q: Array) -> tuple[Array, ...]:
    """Return the five averages, and E f f'' = d(E f²)/dq - E f'² (Price's theorem)."""
    value, moved = jax.jvp(average, (q,), (jnp.ones_like(q),))
    return (*value, moved[1] - value[3])


def _row_average(
    act: Activation, params: Mapping[str, ArrayLike], kinks: Sequence[ArrayLike], nodes: int
) -> Callable[[Array], Array]:
    rows, limit = partial(_rows, act, params), partial(_limit, act, params)
    return partial(_averages, rows, kinks=kinks, nodes=nodes, limit=limit)


@partial(jax.jit, static_argnames=("act", "fixed", "nodes"))
def _moments(
    act: Activation,
    variance: Array,
    params: Mapping[str, ArrayLike],
    fixed: tuple[float | None, ...],
    moving: tuple[ArrayLike, ...],
    nodes: int,
) -> Moments:
    average = _row_average(act, params, merged(fixed, moving), nodes)
    return over_each(lambda q: Moments(*_with_bend(average, q)), variance)


@partial(jax.jit, static_argnames=("act", "fixed", "nodes"))
def _moments_with_error(
    act: Activation,
    variance: Array,
    params: Mapping[str, ArrayLike],
    fixed: tuple[float | None, ...],
    moving: tuple[ArrayLike, ...],
    nodes: int,
) -> Estimate:
    """Return the six averages, their errors and their sizes, each a tuple of six."""
    kinks = merged(fixed, moving)
    average, finer = (_row_average(act, params, kinks, n) for n in (nodes, 2 * nodes))

    def core(q: Array) -> tuple[tuple[Array, ...], ...]:
        _, error, size = _estimate(partial(_rows, act, params), q, kinks, nodes)
        value = _with_bend(average, q)
        off = jnp.abs(_with_bend(finer, q)[-1] - value[-1]) + error[3]
        return value, (*error, off), (*size, jnp.abs(value[-1]) + 2 * size[3])

    return Estimate(*over_each(core, variance))


def _variance(variance: ArrayLike) -> Array:
    """Make a float array of a variance, and refuse a negative one that can be seen."""
    if is_known(variance) and (np.asarray(variance) < 0).any():
        raise errors.rejected(
            rule="a variance is at least 0",
            got=f"{np.min(variance):g}",
            do="pass the variance itself, not its logarithm or a covariance",
        )
    q = jnp.asarray(variance)
    return q if jnp.issubdtype(q.dtype, jnp.floating) else q.astype(jnp.result_type(float))


def _refuse_inaccurate(estimate: Estimate, rtol: float) -> None:
    if not is_known(estimate.error):
        raise errors.rejected(
            rule="rtol is checked on numbers",
            got="a traced value",
            do="call outside jit, grad and vmap, or read expectation_with_error",
        )
    error, size = np.asarray(estimate.error), np.asarray(estimate.size)
    if not (error <= rtol * size).all():
        worst = float((error / np.maximum(size, np.finfo(size.dtype).tiny)).max())
        raise errors.rejected(
            rule=f"the integral is accurate to {rtol:g} of E |f|",
            got=f"an estimated error of {worst:.1e} in {size.dtype}",
            do="name the kinks, raise nodes, lower the variance or enable float64",
        )
