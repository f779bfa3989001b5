"""How are the singular values of a deep random network's Jacobian spread?

For J = Π D_l W_l with D_l = diag f'(√q z), the eigenvalues of J Jᵀ have mean
(weight_std² μ₁)^L, with μ_k = E f'^(2k): that is χ₁^L for a continuous f, and J is the derivative
away from jumps for any other. Their relative variance is L (μ₂ / μ₁² - 1 - s₁), with a constant
s₁ of the weights: -1 for Gaussian ones, 0 for orthogonal ones. All singular values are 1
(dynamical isometry) only where both parts are 0, which no relu network can reach.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jax.typing import ArrayLike, DTypeLike

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.types import Array
from relu_jax.theory.accuracy import TRACED, kept, refuse_unresolved
from relu_jax.theory.born_dead import widths_of
from relu_jax.theory.expectation import expectation, expectation_with_error
from relu_jax.theory.maps import Params, deviations
from relu_jax.theory.parameters import cast, settled, where_cut
from relu_jax.theory.quadrature import over_each
from relu_jax.theory.scalars import above, check_scalars, known_number

Elementwise: TypeAlias = Callable[[Array], Array]
Cuts: TypeAlias = tuple[float, ...]
# First coefficient of the S-transform of W Wᵀ.
GAUSSIAN, ORTHOGONAL = -1.0, 0.0


class Spectrum(NamedTuple):
    """Hold what is known of the eigenvalues of J Jᵀ, the squared singular values."""

    mean: Array  # (weight_std² E f'²)^L
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

    mean = (weight_std² μ₁)^L, variance = mean² L (μ₂ / μ₁² - 1 - s₁), μ_k = E f'^(2k)

    Args:
        act: any activation.
        depth: L, number of layers, each a square weight matrix and an activation.
        weight_std: of the weights, times √fan_in.
        variance: of every pre-activation, above 0, any shape: a fixed point of the variance map.
        s_1: GAUSSIAN or ORTHOGONAL weights, or another number of at most 0.
        params: what differs from `act.params`; may be traced and differentiated.

    Raises:
        ValueError: a depth below 1, a number out of its range, or averages of f' that are not
            accurate.
        TypeError: no activation, or a depth that is no integer.

    Edges: widths go to infinity first; at width n the law holds while depth / n is small. An
    activation with a slope of 0 everywhere has mean 0 and relative variance NaN. An f' that is 0
    by underflow alone counts in no `zeros`.

    Source: Pennington, Schoenholz & Ganguli 2017, section 2.5; 2018, equation 22.

    Example:
        >>> from relu_jax.activations import get
        >>> found = jacobian_spectrum(get("relu"), 8, weight_std=2**0.5)
        >>> [round(float(x), 4) for x in found]
        [1.0, 16.0, 16.0, 0.5]
    """
    layers = _layers(depth)
    s_1 = known_number("s_1", s_1, do="pass s_1=GAUSSIAN or s_1=ORTHOGONAL")
    if not s_1 <= 0:
        raise errors.rejected(
            rule="s_1 is at most 0, as -s_1 is the relative variance of the eigenvalues of W Wᵀ",
            got=f"s_1={s_1}",
            do="pass s_1=GAUSSIAN, which is -1, or s_1=ORTHOGONAL, which is 0",
        )
    q = above(0.0, "the variance", variance, do="pass a fixed point of the variance map")
    weight_std, _ = deviations(weight_std, 0.0, q)
    act, params = settled(act, params)
    mu_1, spread, zeros = _slope_moments(act, where_cut(act, params), q, params)
    refuse_unresolved(act.name, mu_1, jnp.where(mu_1 == 0, mu_1, spread))
    mean = (weight_std**2 * mu_1) ** layers
    relative = layers * (spread - s_1)
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
        variance: of every pre-activation, above 0; a scalar, as is weight_std.
        s_1: GAUSSIAN or ORTHOGONAL.
        params: what differs from `act.params`; may be traced.

    Raises:
        ValueError: a depth below 1, another s_1, a number out of its range, or averages that
            are not accurate, as where f'² has more than eight peaks of one height.
        TypeError: no activation.

    Edges: accurate to 1e-3, in float32 to 1e-7 L besides; no derivative is taken. sup f'² is
    looked for on a grid of 12 standard deviations, beside the kinks, and at peaks in between.

    Source: the S-transform of a free product; Pennington, Schoenholz & Ganguli 2018.

    Example:
        >>> from relu_jax.activations import get
        >>> edge = largest_squared_singular_value(get("relu"), 1, weight_std=2**0.5)
        >>> round(float(edge), 2)  # 3 + 2 √2
        5.83
    """
    layers = _layers(depth)
    check_scalars(weight_std=weight_std, variance=variance)
    s_1 = known_number("s_1", s_1, do="pass s_1=GAUSSIAN or s_1=ORTHOGONAL")
    if s_1 not in (GAUSSIAN, ORTHOGONAL):
        raise errors.rejected(
            rule="the end of the spectrum is known for two kinds of weights",
            got=f"s_1={s_1}",
            do="pass s_1=GAUSSIAN or s_1=ORTHOGONAL",
        )
    q = above(0.0, "the variance", variance, do="pass a fixed point of the variance map")
    weight_std, _ = deviations(weight_std, 0.0, q)
    act, params = settled(act, params)
    cuts = where_cut(act, params)
    edge = lax.stop_gradient(_edge(act, cuts, layers, weight_std, q, s_1 == GAUSSIAN, params))
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


@partial(jax.jit, static_argnames=("act", "cuts"))
def _slope_moments(act: Activation, cuts: Cuts, q: Array, params: Params) -> tuple[Array, ...]:
    """Return μ₁ = E f'², E (f'² / μ₁ - 1)² and the probability that f' is 0."""
    slope = _slope(act, params)

    def core(q: Array) -> tuple[Array, ...]:
        mu_1 = expectation(lambda x: slope(x) ** 2, q, kinks=cuts)
        spread = expectation_with_error(lambda x: (slope(x) ** 2 / mu_1 - 1) ** 2, q, kinks=cuts)
        # Of what is nearly constant, rounding need not be resolved.
        floor = jnp.finfo(q.dtype).eps ** 0.5
        near = spread.error <= TRACED * (spread.size + floor)
        return mu_1, kept(spread.value, near), _share_of_zeros(slope, cuts, q)

    return over_each(core, q)


def _share_of_zeros(slope: Elementwise, cuts: Cuts, q: Array) -> Array:
    """Add up the probability of the pieces between two cuts on which the slope is 0."""
    ends = np.unique([0.0, *cuts])
    # On a piece f is analytic: where f' is 0 at so many points, down to next to a cut, it is 0.
    beyond = 2 * np.maximum(1, np.abs(ends[[0, -1]])) * [-1, 1] + ends[[0, -1]]
    windows = np.concatenate([beyond[:1], ends, beyond[1:]])
    low, width = windows[:-1, None], np.diff(windows)[:, None]
    shares = np.concatenate([2.0 ** -np.arange(1, 17), 1 - 2.0 ** -np.arange(2, 17)])
    flat = (slope(jnp.asarray(low + width * shares, q.dtype)) == 0).all(axis=1)
    below = ndtr(jnp.asarray(ends, q.dtype) / jnp.sqrt(q))
    mass = jnp.diff(jnp.concatenate([jnp.zeros_like(below[:1]), below, jnp.ones_like(below[:1])]))
    return jnp.sum(jnp.where(flat, mass, jnp.zeros_like(mass)))


@partial(jax.jit, static_argnames=("act", "cuts", "layers", "gaussian"))
def _edge(
    act: Activation,
    cuts: Cuts,
    layers: int,
    weight_std: Array,
    q: Array,
    gaussian: bool,
    params: Params,
) -> Array:
    slope = _slope(act, params)
    peaks = _peaks(slope, q)
    near = jnp.concatenate([peaks, *(_beside(cut, q.dtype) for cut in cuts)])
    top = jnp.maximum(jnp.max(slope(_grid(q)) ** 2), jnp.max(slope(near) ** 2))

    def log_value(log_gap: Array) -> Array:
        x = top * (1 + jnp.exp(log_gap))
        share = partial(_share_at, slope, x)
        m = expectation(share, q, kinks=(*cuts, *peaks), rtol=1e-3)
        factor = x * m if gaussian else x * m / (1 + m)
        return jnp.log1p(1 / m) + layers * jnp.log(weight_std**2 * factor)

    # The least value is at a gap of the order of the number of layers, or nearer.
    gaps = jnp.linspace(-7.0, 9.0 + np.log(layers).item(), 721, dtype=q.dtype)
    return jnp.exp(lax.map(log_value, gaps).min())


def _share_at(slope: Elementwise, x: Array, z: Array) -> Array:
    d = slope(z) ** 2
    return d / (x - d)


def _grid(q: Array) -> Array:
    return jnp.sqrt(q) * jnp.linspace(-12, 12, 4801, dtype=q.dtype)


def _peaks(slope: Elementwise, q: Array) -> Array:
    """Return eight points, the highest peaks of f'² between the points of the grid among them."""
    x = _grid(q)[::8]  # so far apart that their differences are no rounding
    left, d, right = (slope(x)[i : i - 2 or None] ** 2 for i in range(3))
    highest = jnp.where((d > left) & (d >= right), d, -jnp.ones_like(d))
    _, at = lax.top_k(highest, 8)
    left, d, right = left[at], d[at], right[at]
    # The top of the parabola through three points.
    bend = jnp.minimum(left - 2 * d + right, -jnp.finfo(d.dtype).tiny)
    shift = jnp.clip((left - right) / (2 * bend), -1, 1)
    return x[1:-1][at] + (x[1] - x[0]) * shift


def _beside(cut: float, dtype: DTypeLike) -> Array:
    info = jnp.finfo(dtype)
    step = 16 * max(float(info.eps) * abs(cut), float(info.tiny))
    return jnp.asarray([cut - step, cut + step], dtype)


def _slope(act: Activation, params: Params) -> Elementwise:
    values = {**act.params, **(params or {})}

    def slope(x: Array) -> Array:
        fixed = {k: cast(v, x) for k, v in values.items()}
        return jax.jvp(lambda y: act.fn(y, **fixed), (x,), (jnp.ones_like(x),))[1]

    return slope


def _layers(depth: Any) -> int:
    layers = integer("depth", depth)
    if layers >= 1:
        return layers
    raise errors.rejected(rule="depth is at least 1", got=str(layers), do="count the layers")
