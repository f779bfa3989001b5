"""What do two normal signals have in common behind an activation: E f(u) f(v)?

(u, v) is normal with mean 0, variances q1 and q2 and covariance c. Known activations have a
closed form; any other is integrated over the plane. There u and v are turned into a common
and a differing part, u/√q1 = p cos(θ/2) + m sin(θ/2) and v/√q2 = p cos(θ/2) - m sin(θ/2), and
the inner integral over p is cut where u or v meets a kink, the outer over m where two of those
lines cross. So the accuracy does not suffer as the correlation cos θ goes to 1.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.arc_cosine import correlation, root
from relu_jax.theory.closed_forms import CLOSED_FORMS, ClosedForm
from relu_jax.theory.parameters import cast, known_params, merged, split, where_cut
from relu_jax.theory.quadrature import CUT, node_count, rule_between, wide_dtype
from relu_jax.theory.scalars import is_known, real

Function: TypeAlias = Callable[[Array], Array]
LEVELS = 6
PAIRS_AT_ONCE = 8  # bounds the memory of a kernel matrix


def dual(
    f: Activation | Function,
    q1: ArrayLike,
    q2: ArrayLike,
    covariance: ArrayLike,
    *,
    params: Mapping[str, ArrayLike] | None = None,
    kinks: Sequence[ArrayLike] | None = None,
    nodes: int = 12,
) -> Array:
    """Compute the dual kernel E f(u) f(v) of two normal variables with mean 0.

    Args:
        f: an activation, or an elementwise function that JAX can trace. With the latter, jit
            around the call.
        q1: variance of u, at least 0; broadcasts with the next two.
        q2: variance of v.
        covariance: at most √(q1 q2) in size.
        params: what differs from the activation's parameters; may be traced.
        kinks: where f, f' or f'' jumps; None asks the activation. See `moments`.
        nodes: per panel of the quadrature, at least 4. In float64 12 reach 1e-12 of
            √(E f² E f²), at any correlation, for what is smooth between its kinks at the scale
            of √q / 10 and oscillates no faster than sin(z). 32 reach sin(5 z).

    Returns:
        the kernel, in the broadcast shape and the common float type.

    Raises:
        ValueError: a variance below 0 or a covariance too large, where they can be seen.
        TypeError: what is no function; a parameter the activation has not, or `params` for a
            bare function; a complex number.

    Edges: at correlation ±1 value and first derivatives are exact; second derivatives in the
    covariance are not. With a variance of 0 the value is exact and the derivatives are 0.

    Source: Daniely, Frostig & Singer 2016, for the name.

    Example:
        >>> from relu_jax.activations import get
        >>> round(float(dual(get("relu"), 1.0, 1.0, 0.0)), 4)  # 1 / (2 pi)
        0.1592
    """
    return _kernel(0, f, (q1, q2, covariance), params, kinks, nodes)


def dual_slope(
    f: Activation | Function,
    q1: ArrayLike,
    q2: ArrayLike,
    covariance: ArrayLike,
    *,
    params: Mapping[str, ArrayLike] | None = None,
    kinks: Sequence[ArrayLike] | None = None,
    nodes: int = 12,
) -> Array:
    """Compute E f'(u) f'(v), which is also the derivative of `dual` in the covariance.

    Args: as for `dual`.

    Edges: as for `dual`, but where f' jumps the derivative in the covariance is infinite at
    correlation ±1, and 0 is returned. Jumps of f itself do not count in f'.

    Example:
        >>> from relu_jax.activations import get
        >>> float(dual_slope(get("relu"), 1.0, 1.0, 0.0))
        0.25
    """
    return _kernel(1, f, (q1, q2, covariance), params, kinks, nodes)


def _kernel(
    order: int,
    f: Activation | Function,
    covariances: tuple[ArrayLike, ArrayLike, ArrayLike],
    params: Mapping[str, ArrayLike] | None,
    kinks: Sequence[ArrayLike] | None,
    nodes: int,
) -> Array:
    arrays = _checked(*covariances)
    nodes = node_count(nodes)
    if not isinstance(f, Activation) and callable(f):
        if params:
            raise errors.rejected(
                rule="params belong to an Activation",
                got=f"params of {errors.describe(f)}",
                do="close the function over them",
                kind=TypeError,
            )
        return _integrated(f, order, arrays, kinks or (), nodes)
    known = known_params(f, params)
    row = closed_form(f)
    if row is not None:
        return _closed(row, order, arrays, known)
    fixed, moving = split(where_cut(f, params) if kinks is None else kinks)
    return _of_activation(f, order, arrays, known, fixed, moving, nodes)


@lru_cache
def closed_form(act: Activation) -> ClosedForm | None:
    """Find the row of `CLOSED_FORMS` for an activation, or None.

    A name alone is not trusted: the values at seven points must agree with the row's formula.

    Example:
        >>> from relu_jax.activations import get
        >>> closed_form(get("relu")).name, closed_form(get("tanh"))
        ('relu', None)
    """
    x = np.array([-2.5, -1.0, -0.3, 0.1, 0.7, 1.0, 3.0], np.float32)
    for row in CLOSED_FORMS:
        if row.name == act.name and set(row.params) == set(act.params):
            with jax.ensure_compile_time_eval():
                ours = np.asarray(act(jnp.asarray(x)))
            if np.allclose(row.formula(x, **act.params), ours, rtol=1e-4, atol=1e-5):
                return row
    return None


def _checked(q1: ArrayLike, q2: ArrayLike, covariance: ArrayLike) -> tuple[Array, Array, Array]:
    """Broadcast to common float arrays, and refuse what no normal pair has."""
    for name, value in (("q1", q1), ("q2", q2), ("covariance", covariance)):
        real(name, value, do="pass variances and a covariance of real numbers")
    dtype = jnp.result_type(q1, q2, covariance)
    dtype = dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.result_type(float)
    if all(is_known(x) for x in (q1, q2, covariance)):
        a, b, c = (np.asarray(x, np.float64) for x in (q1, q2, covariance))
        slack = 1 + float(jnp.finfo(dtype).eps) ** 0.5
        if (a < 0).any() or (b < 0).any() or (np.abs(c) > slack * np.sqrt(a * b)).any():
            raise errors.rejected(
                rule="q1 and q2 are variances and |covariance| is at most sqrt(q1 q2)",
                got=f"q1 from {a.min():g}, q2 from {b.min():g}, |covariance| to {abs(c).max():g}",
                do="pass variances and a covariance, not standard deviations or a correlation",
            )
    arrays = jnp.broadcast_arrays(*(jnp.asarray(x, dtype) for x in (q1, q2, covariance)))
    return arrays[0], arrays[1], arrays[2]


@partial(jax.jit, static_argnames=("row", "order"))
def _closed(
    row: ClosedForm,
    order: int,
    arrays: tuple[Array, Array, Array],
    params: Mapping[str, ArrayLike],
) -> Array:
    kernel = row.slope if order else row.dual
    q1, q2, c = _widened(arrays)
    values = {k: cast(v, q1) for k, v in params.items()}
    return kernel(q1, q2, c, **values).astype(arrays[0].dtype)


@partial(jax.jit, static_argnames=("act", "order", "fixed", "nodes"))
def _of_activation(
    act: Activation,
    order: int,
    arrays: tuple[Array, Array, Array],
    params: Mapping[str, ArrayLike],
    fixed: tuple[float | None, ...],
    moving: tuple[ArrayLike, ...],
    nodes: int,
) -> Array:
    def f(x: Array) -> Array:
        return act.fn(x, **{k: cast(v, x) for k, v in params.items()})

    return _integrated(f, order, arrays, merged(fixed, moving), nodes)


def _integrated(
    f: Function,
    order: int,
    arrays: tuple[Array, Array, Array],
    kinks: Sequence[ArrayLike],
    nodes: int,
) -> Array:
    """Integrate f or f' for every pair, a few pairs at a time."""
    g = _derivative(f) if order else f
    # Under grad the nodes are made again, instead of being kept for every pair.
    some = jax.checkpoint(jax.vmap(lambda *pair: _pair(g, pair, kinks, nodes)))
    flat = [x.ravel() for x in _widened(arrays)]
    if flat[0].size <= PAIRS_AT_ONCE:
        out = some(*flat)
    else:
        # Padded with pairs of variance 0, so that one program serves all.
        rest = -flat[0].size % PAIRS_AT_ONCE
        rows = [jnp.pad(x, (0, rest)).reshape(-1, PAIRS_AT_ONCE) for x in flat]
        out = lax.map(lambda row: some(*row), rows).ravel()[: flat[0].size]
    return out.reshape(arrays[0].shape).astype(arrays[0].dtype)


def _pair(g: Function, pair: tuple[Array, ...], kinks: Sequence[ArrayLike], nodes: int) -> Array:
    """Integrate g(u) g(v) for one pair of variances and a covariance."""
    norm, rho = correlation(*pair)
    s1, s2 = root(pair[0]), root(pair[1])
    still = lax.stop_gradient(rho)
    # θ has no derivative at ±1. There the kernel's own derivative, E g'(u) g'(v) by Price's
    # theorem, takes the place of the chain rule.
    at_end = jnp.abs(still) >= 1 - 4 * jnp.finfo(rho.dtype).eps
    value = _plane(g, s1, s2, jnp.where(at_end, still, rho), kinks, nodes)
    slope = norm * _line(_derivative(g), s1, s2 * jnp.sign(still), kinks, nodes)
    step = jnp.where(at_end, rho - still, jnp.zeros_like(rho))
    return value + step * lax.stop_gradient(jnp.where(at_end, slope, jnp.zeros_like(slope)))


def _plane(
    g: Function, s1: Array, s2: Array, rho: Array, kinks: Sequence[ArrayLike], nodes: int
) -> Array:
    """Integrate over the plane; a negative correlation is turned into one of u and -v."""
    sign = jnp.where(rho < 0, -1.0, 1.0).astype(rho.dtype)
    near, far = root((1 + sign * rho) / 2), root((1 - sign * rho) / 2)
    t1, t2 = _points(kinks, s1), _points(kinks, s2 * sign)
    apart = jnp.where(far == 0, jnp.ones_like(far), 2 * far)
    crossings = jnp.sort(_within((t1[:, None] - t2[None, :]).ravel() / apart))
    m, weight = rule_between(crossings, nodes, LEVELS)

    def inner(m: Array) -> Array:
        cuts = jnp.concatenate([(t1 - far * m) / near, (t2 + far * m) / near])
        p, w = rule_between(jnp.sort(_within(cuts)), nodes, LEVELS)
        u, v = near * p + far * m, near * p - far * m
        return jnp.sum(w * g(s1 * u) * g(s2 * sign * v))

    return jnp.sum(weight * jax.vmap(inner)(m))


def _line(g: Function, s1: Array, s2: Array, kinks: Sequence[ArrayLike], nodes: int) -> Array:
    """Integrate g(s1 z) g(s2 z): the pair at correlation ±1."""
    cuts = jnp.sort(_within(jnp.concatenate([_points(kinks, s1), _points(kinks, s2)])))
    z, w = rule_between(cuts, 2 * nodes, LEVELS)
    return jnp.sum(w * g(s1 * z) * g(s2 * z))


def _points(kinks: Sequence[ArrayLike], scale: Array) -> Array:
    """Return 0 and the other kinks in units of the scale; a scale of 0 has none, any do."""
    others = [k for k in kinks if not (is_known(k) and k == 0)]
    points = jnp.stack([jnp.asarray(k, scale.dtype).reshape(()) for k in (0.0, *others)])
    return points / jnp.where(scale == 0, jnp.ones_like(scale), scale)


def _within(cuts: Array) -> Array:
    return jnp.clip(cuts, -CUT, CUT)


def _derivative(f: Function) -> Function:
    return lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),))[1]


def _widened(arrays: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Give half precision the type float32 to be integrated in."""
    q1, q2, c = (x.astype(wide_dtype(x.dtype)) for x in arrays)
    return q1, q2, c
