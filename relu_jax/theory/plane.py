"""How is f(u) f(v) averaged over the plane, for normal u and v and any f?

u and v are turned into a common and a differing part, u/√q1 = p cos(θ/2) + m sin(θ/2) and
v/√q2 = p cos(θ/2) - m sin(θ/2), and the inner integral over p is cut where u or v meets a kink,
the outer over m where two of those lines cross. So the accuracy does not suffer as the
correlation cos θ goes to 1. What the nodes do not resolve shows in their values, as for an
average over a line.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.core.numerics import widened
from relu_jax.core.types import Array
from relu_jax.theory.accuracy import Estimate
from relu_jax.theory.arc_cosine import correlation, root
from relu_jax.theory.pairs import Pairs
from relu_jax.theory.quadrature import CUT, error_of, rule_between
from relu_jax.theory.scalars import is_known

Function: TypeAlias = Callable[[Array], Array]
LEVELS = 6
PAIRS_AT_ONCE = 8  # bounds the memory of a kernel matrix


def over_plane(
    f: Function, order: int, arrays: Pairs, kinks: Sequence[ArrayLike], nodes: int
) -> Estimate:
    """Integrate f or f' for every pair, a few pairs at a time.

    Args:
        f: elementwise, traceable by JAX.
        order: 0 for E f(u) f(v), 1 for E f'(u) f'(v).
        arrays: q1, q2 and the covariance, of one shape and float type.
        kinks: where f, f' or f'' jumps.
        nodes: per panel, at least 4.

    Returns:
        in that shape and type; the size is E |f(u) f(v)|. Error and size are constants.

    Example:
        >>> q, c = jnp.float32(1.0), jnp.float32(0.5)
        >>> [float(part.round(4)) for part in over_plane(jnp.square, 0, (q, q, c), (), 12)]
        [1.5, 0.0, 1.5]
    """
    g = _derivative(f) if order else f
    # Under grad the nodes are made again, instead of being kept for every pair.
    some = jax.checkpoint(jax.vmap(lambda *pair: _pair(g, pair, kinks, nodes)))
    flat = [widened(x).ravel() for x in arrays]
    if flat[0].size <= PAIRS_AT_ONCE:
        out = some(*flat)
    else:
        # Padded with pairs of variance 0, so that one program serves all.
        rest = -flat[0].size % PAIRS_AT_ONCE
        rows = [jnp.pad(x, (0, rest)).reshape(-1, PAIRS_AT_ONCE) for x in flat]
        out = lax.map(lambda row: some(*row), rows)
        out = jax.tree.map(lambda part: part.ravel()[: flat[0].size], out)
    like = arrays[0]
    return jax.tree.map(lambda part: part.reshape(like.shape).astype(like.dtype), out)


def _pair(g: Function, pair: Pairs, kinks: Sequence[ArrayLike], nodes: int) -> Estimate:
    """Integrate g(u) g(v) for one pair of variances and a covariance."""
    norm, rho = correlation(*pair)
    s1, s2 = root(pair[0]), root(pair[1])
    still = lax.stop_gradient(rho)
    # θ has no derivative at ±1. There the kernel's own derivative, E g'(u) g'(v) by Price's
    # theorem, takes the place of the chain rule.
    at_end = jnp.abs(still) >= 1 - 4 * jnp.finfo(rho.dtype).eps
    found = _plane(g, s1, s2, jnp.where(at_end, still, rho), kinks, nodes)
    slope = norm * _line(_derivative(g), s1, s2 * jnp.sign(still), kinks, nodes)
    step = jnp.where(at_end, rho - still, jnp.zeros_like(rho))
    slope = lax.stop_gradient(jnp.where(at_end, slope, jnp.zeros_like(slope)))
    return found._replace(value=found.value + step * slope)


def _plane(
    g: Function, s1: Array, s2: Array, rho: Array, kinks: Sequence[ArrayLike], nodes: int
) -> Estimate:
    """Integrate over the plane; a negative correlation is turned into one of u and -v."""
    sign = jnp.where(rho < 0, -1.0, 1.0).astype(rho.dtype)
    near, far = root((1 + sign * rho) / 2), root((1 - sign * rho) / 2)
    t1, t2 = _points(kinks, s1), _points(kinks, s2 * sign)
    apart = jnp.where(far == 0, jnp.ones_like(far), 2 * far)
    crossings = jnp.sort(_within((t1[:, None] - t2[None, :]).ravel() / apart))
    m, weight = rule_between(crossings, nodes, LEVELS)

    def inner(m: Array) -> Estimate:
        cuts = jnp.concatenate([(t1 - far * m) / near, (t2 + far * m) / near])
        p, w = rule_between(jnp.sort(_within(cuts)), nodes, LEVELS)
        u, v = near * p + far * m, near * p - far * m
        return _summed(w * g(s1 * u) * g(s2 * sign * v), nodes)

    lines = jax.vmap(inner)(m)
    across = _summed(weight * lines.value, nodes)
    within, size = lax.stop_gradient((weight @ lines.error, weight @ lines.size))
    return Estimate(across.value, across.error + within, size)


def _summed(terms: Array, nodes: int) -> Estimate:
    """Add up weight · value on the nodes of a rule."""
    size = lax.stop_gradient(jnp.sum(jnp.abs(terms)))
    return Estimate(jnp.sum(terms), error_of(terms, nodes), size)


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
