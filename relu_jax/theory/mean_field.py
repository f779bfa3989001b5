"""Where do variance and correlation settle in a deep random network, and how fast?

The maps V and C are those of `maps`. χ₁ = weight_std² E f'(√q z)² multiplies the squared
gradient at each layer: below 1 it vanishes (ordered phase), above 1 it explodes (chaotic). It is
also q C'(1) / V(q), which is infinite where f itself jumps: then every pair of signals parts.
Everything here can be jitted, vmapped over the two deviations, and differentiated in them and
in the parameters of the activation; it then gives inf where it would otherwise refuse, and NaN
where an average is not accurate to the share of `moments`.
"""

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
from relu_jax.theory.accuracy import refuse_unresolved
from relu_jax.theory.fixed_points import (
    drift_of,
    find_fixed_points,
    inside,
    no_fixed_point,
    variance_slope,
)
from relu_jax.theory.kernels import with_enough_nodes
from relu_jax.theory.maps import Params, correlation_map, deviations
from relu_jax.theory.moments import average
from relu_jax.theory.parameters import jumps, settled
from relu_jax.theory.roots import bisect, differentiable, slack
from relu_jax.theory.scalars import above, check_scalars, is_known, real

ORDERED, CRITICAL, CHAOTIC = -1, 0, 1


class Phase(NamedTuple):
    """Hold the fate of one signal and of its gradient; in a phase diagram, over a grid."""

    q: Array  # variance of a pre-activation at the fixed point; inf where it grows without end
    chi_1: Array  # factor on the squared gradient per layer
    variance_slope: Array  # V'(q): factor on a deviation of the variance per layer
    xi_q: Array  # layers in which a deviation of the variance shrinks by e
    phase: Array  # ORDERED -1, CRITICAL 0 or CHAOTIC 1


class MeanField(NamedTuple):
    """Hold the fate of a signal, of its gradient and of its correlation with another."""

    q: Array
    chi_1: Array
    variance_slope: Array
    xi_q: Array
    phase: Array  # these five as in Phase
    c: Array  # correlation of two signals at the stable fixed point, in [0, 1]
    xi_c: Array  # layers in which a deviation of the correlation shrinks by e


def chi_1(
    act: Activation, q: ArrayLike = 1.0, *, weight_std: ArrayLike, params: Params = None
) -> Array:
    """Tell by what the mean squared gradient is multiplied per layer.

    χ₁ = weight_std² E f'(√q z)² = V(q) / q · C'(1), q being passed on

    Args:
        act: any activation.
        q: variance of the pre-activations, above 0, any shape.
        weight_std: of the weights, times √fan_in.
        params: what differs from `act.params`; may be traced.

    Raises:
        ValueError: a variance of 0 or less, a negative deviation, or an average that is not
            accurate.

    Edges: inf where f jumps, as `sign` does. Back-propagation does not see a jump: the gradient
    that it computes is multiplied by weight_std² times the `slope_second` of `moments`.

    Source: Poole et al. 2016, equation 6; Schoenholz et al. 2017, section 3.

    Example:
        >>> from relu_jax.activations import get
        >>> float(chi_1(get("relu"), weight_std=2**0.5).round(5))
        1.0
    """
    q = above(0.0, "the variance q", q, do="pass the variance of the pre-activations")
    weight_std, _ = deviations(weight_std, 0.0, q)
    return _factor(act, weight_std, q, params)


def mean_field(
    act: Activation,
    *,
    weight_std: ArrayLike,
    bias_std: ArrayLike = 0.0,
    start: ArrayLike = 1.0,
    params: Params = None,
) -> MeanField:
    """Tell where a deep random network takes a signal, its gradient and the angle of two.

    The fixed point is the first one in the direction in which V moves `start`. The scales are
    xi = -1 / ln|factor|, with factor V'(q) for the variance, and C'(c) at the stable c for the
    correlation: that is χ₁ in the ordered phase, unless the signal vanishes.

    Args:
        act: any activation.
        weight_std: of the weights, times √fan_in.
        bias_std: of the biases.
        start: variance of the first pre-activations, above 0.
        params: what differs from `act.params`; may be traced.

    Raises:
        ValueError: the variance grows without end, a number is out of its range, or the
            averages are not accurate at the variances met.
        TypeError: no activation.

    Edges: where every q is a fixed point, as for relu at weight_std = √2, q is `start`. A scale
    is inf at criticality, and negative where a deviation grows. Where V'(q) = 1 the fixed
    point has no derivative in the arguments; 0 is given. Where f jumps, χ₁ is inf, the phase
    chaotic and c below 1. Where q is 0 and V vanishes faster than its argument, as for an f that
    is 0 around 0, the variance is soon smaller than the smallest number: c and xi_c are NaN.

    Source: Poole et al. 2016; Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017, section 3.

    Example:
        >>> from relu_jax.activations import get
        >>> found = mean_field(get("tanh"), weight_std=1.0, bias_std=0.05**0.5)
        >>> int(found.phase) == ORDERED, float(found.c)
        (True, 1.0)
    """
    check_scalars(weight_std=weight_std, bias_std=bias_std, start=start)
    start = above(0.0, "the first variance", start, do="scale the inputs, or pass start=1.0")
    weight_std, bias_std = deviations(weight_std, bias_std, start)
    act, params = settled(act, params)
    found = _settle(act, weight_std, bias_std, start, params)
    # First: what is not resolved has no fixed point that is seen, and need not grow.
    refuse_unresolved(act.name, found.q, found.chi_1, found.variance_slope)
    if is_known(found.q) and np.isinf(found.q):
        raise no_fixed_point(act, weight_std, bias_std)
    correlated = partial(_correlation, act, weight_std, bias_std, found, params)
    c, slope = with_enough_nodes(correlated, act.name, unless=lambda _: bool(found.q == 0))
    return MeanField(**found._asdict(), c=c, xi_c=depth_scale(slope))


def phase_diagram(
    act: Activation,
    weight_stds: ArrayLike,
    bias_stds: ArrayLike,
    *,
    start: ArrayLike = 1.0,
    params: Params = None,
) -> Phase:
    """Tell the phase for each pair of deviations: axis 0 is weight_stds, axis 1 bias_stds.

    Args:
        act: any activation.
        weight_stds: one axis, each times √fan_in.
        bias_stds: one axis.
        start: variance of the first pre-activations, above 0.
        params: what differs from `act.params`; may be traced.

    Raises:
        ValueError: what is no vector, or a number out of its range.

    Edges: where the variance grows without end, q is inf and the rest is the limit q -> inf.
    NaN where an average is not accurate to the share of `moments`.

    Source: Schoenholz et al. 2017, figure 1.

    Example:
        >>> from relu_jax.activations import get
        >>> phase_diagram(get("tanh"), jnp.array([0.5, 3.0]), jnp.array([0.1])).phase.tolist()
        [[-1], [1]]
    """
    check_scalars(start=start)
    start = above(0.0, "the first variance", start, do="scale the inputs, or pass start=1.0")
    weight_stds, bias_stds = deviations(weight_stds, bias_stds, start)
    if weight_stds.ndim != 1 or bias_stds.ndim != 1:
        raise errors.rejected(
            rule="a phase diagram has one axis of weight_stds and one of bias_stds",
            got=f"shapes {weight_stds.shape} and {bias_stds.shape}",
            do="pass two vectors, such as jnp.linspace(0.5, 3, 26)",
        )
    act, params = settled(act, params)
    return _diagram(act, weight_stds, bias_stds, start, params)


def depth_scale(factor: ArrayLike) -> Array:
    """Turn a factor per layer into the number of layers that shrink a deviation by e.

    xi = -1 / ln|factor|

    Edges: 0 gives 0; 1, to within rounding, gives inf; above 1 the scale is negative: that of
    growth.

    Raises:
        TypeError: a complex factor.

    Source: Schoenholz et al. 2017, equations 5 and 9.

    Example:
        >>> f"{depth_scale(0.5):.4f}, {depth_scale(1.0)}"
        '1.4427, inf'
    """
    real("the factor", factor, do="pass chi_1, or V'(q)")
    factor = jnp.abs(jnp.asarray(factor, jnp.result_type(float)))
    marginal = jnp.abs(factor - 1) <= slack(factor.dtype)
    scale = -1 / jnp.log(jnp.where(marginal, jnp.full_like(factor, 0.5), factor))
    return jnp.where(marginal, jnp.full_like(factor, jnp.inf), scale)


def _factor(act: Activation, weight_std: Array, q: Array, params: Params) -> Array:
    """Return χ₁."""
    smooth = weight_std**2 * average(act, q, "slope_second", params=params)
    return jnp.where(jumps(act, params) & (weight_std > 0), jnp.full_like(smooth, jnp.inf), smooth)


@partial(jax.jit, static_argnames="act")
def _diagram(
    act: Activation, weight_stds: Array, bias_stds: Array, start: Array, params: Params
) -> Phase:
    def row(weight_std: Array) -> Phase:
        return jax.vmap(lambda b: _settle(act, weight_std, b, start, params))(bias_stds)

    # Rows one after the other: a whole grid at once would not fit the cache.
    return lax.map(row, weight_stds)


@partial(jax.jit, static_argnames="act")
def _settle(
    act: Activation, weight_std: Array, bias_std: Array, start: Array, params: Params
) -> Phase:
    points = find_fixed_points(act, weight_std, bias_std, params, 4).q
    moved = drift_of(act, weight_std, bias_std, params)(start)
    inf = jnp.full_like(start, jnp.inf)
    above_it = jnp.min(jnp.where(points > start, points, inf))
    below_it = jnp.max(jnp.where(points < start, points, jnp.zeros_like(start)))
    q = jnp.where(moved > 0, above_it, below_it)
    q = jnp.where(jnp.abs(moved) <= slack(start.dtype), start, q)
    q = jnp.where(jnp.isnan(moved), moved, q)
    chi = _factor(act, weight_std, inside(q), params)
    slope = variance_slope(act, weight_std, params, q)
    side = jnp.where(chi > 1, CHAOTIC, ORDERED)
    phase = jnp.where(jnp.abs(chi - 1) <= slack(chi.dtype), CRITICAL, side)
    return Phase(q, chi, slope, depth_scale(slope), phase)


@partial(jax.jit, static_argnames=("act", "nodes"))
def _correlation(
    act: Activation, weight_std: Array, bias_std: Array, found: Phase, params: Params, nodes: int
) -> tuple[Array, Array]:
    """Return the stable correlation and the slope of C there."""
    q = inside(found.q)
    growth = drift_of(act, weight_std, bias_std, params)(q) + 1
    at_one = found.chi_1 / growth
    stds = {"weight_std": weight_std, "bias_std": bias_std}

    def following(c: Array) -> Array:
        return correlation_map(act, c, q=q, **stds, params=params, nodes=nodes)

    def growing(c: Array) -> Array:
        return following(c) / c - 1

    def below_one(_: None) -> tuple[Array, Array]:
        # C is convex on [0, 1] and C(0) >= 0: with a slope above 1 at c = 1 it crosses once.
        low, high = jnp.full_like(q, 1e-30), jnp.ones_like(q)
        c = differentiable(growing, bisect(growing, low, high, jnp.ones_like(q)))
        return c, jax.jvp(following, (c,), (jnp.ones_like(c),))[1]

    def at_the_end(_: None) -> tuple[Array, Array]:
        return jnp.ones_like(q), at_one

    c, slope = lax.cond(at_one > 1 + slack(q.dtype), below_one, at_the_end, None)
    return jnp.where(growth == 0, jnp.full_like(c, jnp.nan), c), slope
