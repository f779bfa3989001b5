"""At which variances does a deep random network hold a signal, and are they stable?"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.types import Array
from relu_jax.theory.maps import Params, deviations, variance_map
from relu_jax.theory.moments import average
from relu_jax.theory.parameters import settled
from relu_jax.theory.roots import SCAN, roots, slack
from relu_jax.theory.scalars import check_scalars, is_known

# Stand for the limits q -> 0, where both sides of a kink at 0 still count, and q -> inf.
ALMOST_ZERO, ALMOST_INFINITE = 1e-20, float(SCAN[-1])


class FixedPoints(NamedTuple):
    """Hold every q with V(q) = q, ascending and filled up with NaN."""

    q: Array  # (K,)
    slope: Array  # (K,) V'(q)
    stable: Array  # (K,) |V'(q)| < 1
    every: Array  # True where V(q) = q for all q, as for relu at weight_std = √2


def variance_fixed_points(
    act: Activation,
    *,
    weight_std: ArrayLike,
    bias_std: ArrayLike = 0.0,
    params: Params = None,
    most: int = 4,
) -> FixedPoints:
    """Find all fixed points of the variance map, stable or not.

    Args:
        act: any activation.
        weight_std: of the weights, times √fan_in.
        bias_std: of the biases.
        params: what differs from `act.params`; may be traced.
        most: number above 0 that are kept, from the smallest on; at least 1.

    Raises:
        ValueError: there is none, a deviation is negative or has axes, or `most` is below 1.
        TypeError: no activation, or a `most` that is no integer.

    Edges: 0 is one where bias_std and f(0) are 0. Points above 1e12, two within an eighth of a
    decade, points where V touches q without crossing it, and points where the average of f² is
    not accurate to the share of `moments`, are missed.

    Example:
        >>> from relu_jax.activations import get
        >>> found = variance_fixed_points(get("tanh"), weight_std=1.327, bias_std=0.05**0.5)
        >>> f"{found.q[0]:.3f}", bool(found.stable[0])
        ('0.570', True)
    """
    most = integer("most", most)
    if most < 1:
        raise errors.rejected(
            rule="most is at least 1", got=str(most), do="leave it out, or pass 4, say"
        )
    check_scalars(weight_std=weight_std, bias_std=bias_std)
    weight_std, bias_std = deviations(weight_std, bias_std, jnp.ones((), jnp.result_type(float)))
    act, params = settled(act, params)
    found = find_fixed_points(act, weight_std, bias_std, params, most)
    if is_known(found.q) and np.isnan(found.q).all():
        raise no_fixed_point(act, weight_std, bias_std)
    return found


@partial(jax.jit, static_argnames=("act", "most"))
def find_fixed_points(
    act: Activation, weight_std: Array, bias_std: Array, params: Params, most: int
) -> FixedPoints:
    """Search as `variance_fixed_points` does, without its checks."""
    drift = drift_of(act, weight_std, bias_std, params)
    positive = roots(drift, most=most, dtype=weight_std.dtype)
    scan = jax.vmap(drift)(jnp.asarray(SCAN, weight_std.dtype))
    zero = jnp.zeros_like(weight_std)
    at_zero = variance_map(act, zero, weight_std=weight_std, bias_std=bias_std, params=params)
    origin = jnp.where(at_zero == 0, zero, jnp.full_like(zero, jnp.nan))
    q = jnp.sort(jnp.append(positive, origin))
    slope = jax.vmap(partial(variance_slope, act, weight_std, params))(q)
    every = (jnp.abs(scan) <= slack(q.dtype)).all()
    return FixedPoints(q, slope, jnp.abs(slope) < 1 - slack(q.dtype), every)


def drift_of(
    act: Activation, weight_std: Array, bias_std: Array, params: Params
) -> Callable[[Array], Array]:
    """Return V(q) / q - 1 as a function of q."""

    def drift(q: Array) -> Array:
        following = variance_map(act, q, weight_std=weight_std, bias_std=bias_std, params=params)
        return following / q - 1

    return drift


def variance_slope(act: Activation, weight_std: Array, params: Params, q: Array) -> Array:
    """Differentiate V: weight_std² (E f'² + E f f''), NaN where q is."""
    slope, bend = average(act, inside(q), "slope_second", "bend", params=params)
    return jnp.where(jnp.isnan(q), q, weight_std**2 * (slope + bend))


def inside(q: Array) -> Array:
    """Move the limits 0, inf and NaN to where averages can be taken."""
    q = jnp.where(q == 0, jnp.full_like(q, ALMOST_ZERO), q)
    return jnp.where(jnp.isfinite(q), q, jnp.full_like(q, ALMOST_INFINITE))


def no_fixed_point(act: Activation, weight_std: Array, bias_std: Array) -> Exception:
    """Word that the variance grows without end."""
    return errors.rejected(
        rule="the variance has a fixed point to settle at",
        got=f"{act.name} with weight_std={weight_std} and bias_std={bias_std}, "
        "where it grows without end",
        do="lower weight_std, or take the pair that critical_init gives",
    )
