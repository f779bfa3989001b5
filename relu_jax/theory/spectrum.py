"""How are the singular values of a deep random network's Jacobian spread?

For J = Π D_l W_l with D_l = diag f'(√q z), the eigenvalues of J Jᵀ have mean χ₁^L. Their
relative variance is L (μ₂ / μ₁² - 1 - s₁), with μ_k = E f'^(2k) and a constant s₁ of the
weights: -1 for Gaussian ones, 0 for orthogonal ones. All singular values are 1 (dynamical
isometry) only where both parts are 0, which no relu network can reach.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.types import Array
from relu_jax.theory.accuracy import refuse_unresolved
from relu_jax.theory.born_dead import widths_of
from relu_jax.theory.expectation import expectation, expectation_with_error
from relu_jax.theory.maps import Params, deviations, known_first
from relu_jax.theory.scalars import above

Elementwise: TypeAlias = Callable[[Array], Array]
# First coefficient of the S-transform of W Wᵀ.
GAUSSIAN, ORTHOGONAL = -1.0, 0.0


class Spectrum(NamedTuple):
    """Hold what is known of the eigenvalues of J Jᵀ, the squared singular values."""

    mean: Array  # χ₁^L
    variance: Array
    relative_variance: Array  # variance / mean²
    zeros: Array  # fraction of them that are exactly 0


class LogNorm(NamedTuple):
    """Hold the normal law of a logarithm."""

    mean: float
    variance: float


def jacobian_spectrum(
    act: Activation,
    depth: Any,
    *,
    weight_std: ArrayLike,
    variance: ArrayLike = 1.0,
    s_1: float = GAUSSIAN,
    params: Params = None,
) -> Spectrum:
    """Tell mean and variance of the squared singular values of the input-output Jacobian.

    mean = χ₁^L, variance = mean² L (μ₂ / μ₁² - 1 - s₁)

    Args:
        act: any activation.
        depth: L, number of layers, each a square weight matrix and an activation.
        weight_std: of the weights, times √fan_in.
        variance: of every pre-activation, above 0: a fixed point of the variance map.
        s_1: GAUSSIAN or ORTHOGONAL weights, or another number of at most 0.
        params: what differs from `act.params`; may be traced and differentiated.

    Raises:
        ValueError: a depth below 1, a number out of its range, or averages of f' that are not
            accurate.
        TypeError: no activation, or a depth that is no integer.

    Edges: widths go to infinity first; at width n the law holds while depth / n is small. An
    activation with a slope of 0 everywhere has mean 0 and relative variance NaN.

    Source: Pennington, Schoenholz & Ganguli 2017, section 2.5; 2018, equation 22.

    Example:
        >>> from relu_jax.activations import get
        >>> found = jacobian_spectrum(get("relu"), 8, weight_std=2**0.5)
        >>> [round(float(x), 4) for x in found]
        [1.0, 16.0, 16.0, 0.5]
    """
    layers = _layers(depth)
    if not s_1 <= 0:
        raise errors.rejected(
            rule="s_1 is at most 0, as -s_1 is the relative variance of the eigenvalues of W Wᵀ",
            got=f"s_1={s_1}",
            do="pass s_1=GAUSSIAN, which is -1, or s_1=ORTHOGONAL, which is 0",
        )
    q = above(0.0, "the variance", variance, do="pass a fixed point of the variance map")
    weight_std, _ = deviations(weight_std, 0.0, q)
    act, params = known_first(act, params)
    mu_1, mu_2, zeros = _slope_moments(act, q, params)
    refuse_unresolved(act.name, mu_1, mu_2)
    mean = (weight_std**2 * mu_1) ** layers
    relative = layers * (mu_2 / mu_1**2 - 1 - s_1)
    return Spectrum(mean, mean**2 * relative, relative, zeros)


def largest_squared_singular_value(
    act: Activation,
    depth: Any,
    *,
    weight_std: ArrayLike,
    variance: ArrayLike = 1.0,
    s_1: float = GAUSSIAN,
    params: Params = None,
) -> Array:
    """Find the upper end of the spectrum of J Jᵀ.

    With m(x) = E d / (x - d), d = f'², it is the least value over x > sup d of
    (1 + m) / m · (weight_std² x m)^L for Gaussian weights, and of
    (1 + m) / m · (weight_std² x m / (1 + m))^L for orthogonal ones.

    Args:
        act: any activation.
        depth: L, number of layers.
        weight_std: of the weights, times √fan_in.
        variance: of every pre-activation, above 0.
        s_1: GAUSSIAN or ORTHOGONAL.
        params: what differs from `act.params`; may be traced.

    Raises:
        ValueError: a depth below 1, another s_1, or a number out of its range.

    Edges: accurate to 1e-3; no derivative is taken. sup f'² is read from a grid of 12
    standard deviations.

    Source: the S-transform of a free product; Pennington, Schoenholz & Ganguli 2018.

    Example:
        >>> from relu_jax.activations import get
        >>> edge = largest_squared_singular_value(get("relu"), 1, weight_std=2**0.5)
        >>> round(float(edge), 2)  # 3 + 2 √2
        5.83
    """
    layers = _layers(depth)
    if s_1 not in (GAUSSIAN, ORTHOGONAL):
        raise errors.rejected(
            rule="the end of the spectrum is known for two kinds of weights",
            got=f"s_1={s_1}",
            do="pass s_1=GAUSSIAN or s_1=ORTHOGONAL",
        )
    q = above(0.0, "the variance", variance, do="pass a fixed point of the variance map")
    weight_std, _ = deviations(weight_std, 0.0, q)
    act, params = known_first(act, params)
    edge = lax.stop_gradient(_edge(act, layers, weight_std, q, s_1 == GAUSSIAN, params))
    refuse_unresolved(act.name, edge)
    return edge


def log_norm_law(widths: Sequence[Any]) -> LogNorm:
    """Tell the law of ln‖h_L‖² - ln‖h_0‖² in a ReLU network of finite width.

    Near N(-β / 2, β) with β = 5 Σ 1 / n_l, for weights of variance 2 / fan_in and no bias: the
    mean square stays, but a typical network loses e^(-β/2).

    Args:
        widths: n_l, units of each hidden layer.

    Raises:
        ValueError: no layer, or a width below 1.
        TypeError: a width that is no integer.

    Source: Hanin & Nica 2018, theorem 1; Hanin & Nica 2020.

    Example:
        >>> log_norm_law([128] * 32)
        LogNorm(mean=-0.625, variance=1.25)
    """
    checked = widths_of(widths)
    beta = 5 * sum(1 / width for width in checked)
    return LogNorm(-beta / 2, beta)


@partial(jax.jit, static_argnames="act")
def _slope_moments(act: Activation, q: Array, params: Params) -> tuple[Array, ...]:
    """Return E f'², E f'⁴ and the probability that f' is 0."""
    slope = _slope(act, params)
    cuts = (*act.kinks, *act.bends)
    averaged: tuple[Elementwise, ...] = (jnp.square, lambda d: d**4)
    powers = (expectation(lambda x, g=g: g(slope(x)), q, kinks=cuts) for g in averaged)
    # f' also underflows to 0, at places that nobody names.
    zeros = expectation_with_error(lambda x: _as(slope(x) == 0, x), q, kinks=cuts).value
    return (*powers, zeros)


@partial(jax.jit, static_argnames=("act", "layers", "gaussian"))
def _edge(
    act: Activation, layers: int, weight_std: Array, q: Array, gaussian: bool, params: Params
) -> Array:
    slope = _slope(act, params)
    cuts = (*act.kinks, *act.bends)
    top = jnp.max(slope(jnp.sqrt(q) * jnp.linspace(-12, 12, 4801, dtype=q.dtype)) ** 2)

    def log_value(log_gap: Array) -> Array:
        x = top * (1 + jnp.exp(log_gap))
        m = expectation(lambda z: slope(z) ** 2 / (x - slope(z) ** 2), q, kinks=cuts, rtol=1e-3)
        factor = x * m if gaussian else x * m / (1 + m)
        return jnp.log1p(1 / m) + layers * jnp.log(weight_std**2 * factor)

    gaps = jnp.linspace(-9.0, 9.0, 721, dtype=q.dtype)
    return jnp.exp(lax.map(log_value, gaps).min())


def _slope(act: Activation, params: Params) -> Elementwise:
    values = {**act.params, **(params or {})}

    def slope(x: Array) -> Array:
        return jax.jvp(lambda y: act.fn(y, **values), (x,), (jnp.ones_like(x),))[1]

    return slope


def _as(flags: Array, like: Array) -> Array:
    return flags.astype(like.dtype)


def _layers(depth: Any) -> int:
    layers = integer("depth", depth)
    if layers >= 1:
        return layers
    raise errors.rejected(rule="depth is at least 1", got=str(layers), do="count the layers")
