"""Which weights and biases keep signal and gradient alive through any depth?

At the edge of chaos the variance q is a fixed point and χ₁ is 1. For a given q both conditions
are solved at once:

    weight_std² = 1 / E f'(√q z)²        bias_std² = q - weight_std² E f(√q z)²

A relu has the single pair (√2, 0), for every q. Most other activations have a line of pairs,
one for each q or for each bias_std.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.fixed_points import inside
from relu_jax.theory.maps import Params
from relu_jax.theory.moments import average
from relu_jax.theory.parameters import jumps, settled
from relu_jax.theory.roots import SCAN, roots, slack
from relu_jax.theory.scalars import above, at_least, check_scalars, is_known


class Critical(NamedTuple):
    """Hold the deviations at the edge of chaos, and the variance they keep."""

    weight_std: Array  # of the weights, times √fan_in
    bias_std: Array
    q: Array  # variance of every pre-activation


def critical_init(
    act: Activation,
    *,
    variance: ArrayLike | None = None,
    bias_std: ArrayLike | None = None,
    params: Params = None,
) -> Critical:
    """Solve for the edge of chaos, at a variance or at a deviation of the biases.

    Args:
        act: any activation.
        variance: q, above 0, any shape; 1 where neither is given.
        bias_std: at least 0; the pair with the smallest q is returned.
        params: what differs from `act.params`; may be traced and differentiated, as may the
            variance and bias_std.

    Raises:
        TypeError: no activation.
        ValueError: no pair exists, the averages are not accurate, or both numbers are given.
            Where an argument is traced, NaN comes instead.

    Edges: with bias_std=0, q is 0 where only the limit of a small signal is critical (tanh),
    and 1 where every q is (relu). The fixed point need not be stable: with gelu at q = 1 it is
    not, see `mean_field(...).variance_slope`. Where bias_std is 0 its derivative is infinite;
    0 is given.

    Source: Poole et al. 2016; Schoenholz et al. 2017, section 3; Hayou, Doucet & Rousseau 2019.

    Example:
        >>> from relu_jax.activations import get
        >>> [f"{x:.3f}" for x in critical_init(get("tanh"), bias_std=0.05**0.5)]
        ['1.327', '0.224', '0.570']
    """
    act, params = settled(act, params)
    if variance is not None and bias_std is not None:
        raise errors.rejected(
            rule="the edge of chaos is sought at a variance or at a bias_std",
            got=f"variance={variance} and bias_std={bias_std}",
            do="leave one out: it follows from the other",
        )
    if bias_std is None:
        variance = 1.0 if variance is None else variance
        q = above(0.0, "the variance", variance, do="pass the variance of the pre-activations")
        found = _at_variance(act, q, params)
        asked = f"variance={q}"
    else:
        check_scalars(bias_std=bias_std)
        bias = at_least(0.0, "bias_std", bias_std, do="pass a standard deviation")
        found = _at_bias(act, bias, params)
        asked = f"bias_std={bias}"
    if is_known(*found) and not np.isfinite(found).all():
        raise _no_solution(act, asked)
    return found


def _at_variance(act: Activation, q: Array, params: Params) -> Critical:
    # Not compiled as a whole: where q is known, finer panels can take over.
    weight, bias = _pair(act, q, params)
    is_rounding = jnp.abs(bias) <= slack(q.dtype) * q
    bias_std = _root(jnp.where(is_rounding, jnp.zeros_like(q), bias))
    # Without biases there is no pair at all: NaN in one is NaN in each.
    return Critical(_root(weight) + 0 * bias_std, bias_std, q + 0 * bias_std)


@partial(jax.jit, static_argnames="act")
def _at_bias(act: Activation, bias_std: Array, params: Params) -> Critical:
    def gap(q: Array) -> Array:
        return (_pair(act, q, params)[1] - bias_std**2) / q

    scan = jnp.abs(jax.vmap(gap)(jnp.asarray(SCAN, bias_std.dtype))) <= slack(bias_std.dtype)
    found = roots(gap, most=1, dtype=bias_std.dtype)[0]
    # Nothing decided near 0: the limit of small signals is critical, or each signal is.
    q = jnp.where(scan[:8].all(), jnp.zeros_like(found), found)
    q = jnp.where(scan.all(), jnp.ones_like(found), q)
    weight, _ = _pair(act, inside(q), params)
    # Without a root there is no pair at all: NaN in one is NaN in each.
    return Critical(_root(weight) + 0 * q, bias_std + 0 * q, q)


def _pair(act: Activation, q: Array, params: Params) -> tuple[Array, Array]:
    """Return the two variances; NaN where f jumps, and χ₁ is infinite for any weights."""
    slope, second = average(act, q, "slope_second", "second", params=params)
    weight = jnp.where(jumps(act, params), jnp.full_like(slope, jnp.nan), 1 / slope)
    return weight, q - weight * second


def _root(variance: Array) -> Array:
    is_zero = variance == 0
    root = jnp.sqrt(jnp.where(is_zero, jnp.ones_like(variance), variance))
    return jnp.where(is_zero, jnp.zeros_like(root), root)


def _no_solution(act: Activation, asked: str) -> Exception:
    return errors.rejected(
        rule="weights and biases exist with χ₁ = 1 and a variance that stays",
        got=f"{act.name} with {asked}, where none is found: the biases would need a negative "
        "variance, f' is 0, f jumps, or the averages near the pair are not accurate",
        do="ask at another variance or bias_std, or take another activation",
    )
