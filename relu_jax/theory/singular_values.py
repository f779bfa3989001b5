"""Which singular values has a deep random network's Jacobian, from the largest to the smallest?"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from scipy.special import ndtr

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.theory.accuracy import refuse_unresolved
from relu_jax.theory.free_products import Factors, law_of, log_mean, quantiles, zeros_of
from relu_jax.theory.maps import Params
from relu_jax.theory.parameters import settled, where_cut
from relu_jax.theory.quadrature import CUT, Grading, normal_rule
from relu_jax.theory.scalars import is_known, known_number, real
from relu_jax.theory.spectrum import GAUSSIAN, ORTHOGONAL, Spectrum, jacobian_spectrum

NODES = (20, 40, 80)  # per panel, more where few layers or the averages of f' need them
GRADING = Grading(levels=16)  # where f' passes through 0 the smallest values are made
LEAST = 1e-120  # of the largest squared slope; below that 1 / ζ² would overflow
MANY = 3000  # slopes, more than which are put together
CELL = 5e-5  # standard deviations between two slopes of a single layer
ROUNDING = 1e-9  # of sums of probabilities


def singular_value_law(
    act: Activation,
    depth: Any,
    *,
    weight_std: ArrayLike,
    variance: ArrayLike = 1.0,
    s_1: float = GAUSSIAN,
    shares: ArrayLike,
    params: Params = None,
) -> np.ndarray:
    """Tell the singular values of the input-output Jacobian, at ranks from the top.

    The value at a share r has a share r of the singular values of J = Π D_l W_l above it. Those of
    one network of width n, sorted from the largest down, lie near the values at (rank - 0.5) / n.

    Args:
        act: any activation.
        depth: L, number of layers, each a square weight matrix and an activation.
        weight_std: of the weights, times √fan_in.
        variance: of every pre-activation, above 0; a scalar, as is weight_std.
        s_1: GAUSSIAN or ORTHOGONAL weights.
        shares: from 0, the largest value, over 0.5, the median, to 1, the smallest; any shape.
        params: what differs from `act.params`.

    Returns:
        The singular values, not squared, in float64 and the shape of `shares`.

    Raises:
        ValueError: a depth below 1, another s_1, a share or number out of its range, or averages
            of f' or a law that are not accurate.
        TypeError: no activation, a depth that is no integer, or something that is traced.

    Edges: 0 beyond a share of 1 - zeros, see `jacobian_spectrum`; an f' below 1e-60 of its largest,
    or that float64 rounds to 0, counts as 0 here. Shares are accurate to 2e-5, values mostly to
    1e-5 (L times that for an f' that oscillates often); in one or two layers values at the ends are
    less so where f' has no bound or comes near 0 faster than a power. The upper end of an f'
    without bound is that of 13 standard deviations. At width n the law holds while depth / n is
    small.

    Source: free probability (Voiculescu 1987); Pennington, Schoenholz & Ganguli 2018.

    Example:
        >>> from relu_jax.activations import get
        >>> found = singular_value_law(
        ...     get("relu"), 8, weight_std=2**0.5, shares=np.array([0.0, 0.1, 0.4, 0.6])
        ... )
        >>> found.round(2).tolist()
        [6.6, 1.2, 0.0, 0.0]
    """
    wanted, gaussian = _checked_shares(shares), _is_gaussian(s_1)
    q, weight_std = _known(variance, weight_std, params)
    # Eagerly, in float64, also where the caller is being traced or computes in float32.
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        jacobian_spectrum(act, depth, weight_std=weight_std, variance=q, s_1=s_1, params=params)
        one = jacobian_spectrum(act, 1, weight_std=1.0, variance=q, params=params)
        if weight_std == 0 or one.mean == 0:
            return np.zeros_like(wanted)
        layers, act = integer("depth", depth), settled(act, params)[0]
        single = layers == 1 and not gaussian
        d, p = _cells(act, q) if single else _nodes(act, q, one, layers)
    refuse_unresolved(act.name, jnp.asarray(d))
    if single:
        log_values = _sorted(d, p, wanted)
    else:
        log_values = _of_product(act, Factors(d, p, layers, gaussian), one, wanted)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(layers * np.log(weight_std) + log_values / 2))


def _checked_shares(shares: ArrayLike) -> np.ndarray:
    do = "pass (np.arange(n) + 0.5) / n for the n values of a network of width n"
    real("each of the shares", shares, do=do)
    _refuse_traced("shares", shares)
    wanted = np.asarray(shares, np.float64)
    bad = wanted[~((wanted >= 0) & (wanted <= 1))]
    if bad.size:
        raise errors.rejected(
            rule="a share of the singular values is from 0 to 1", got=f"{bad[0]:g}", do=do
        )
    return wanted


def _is_gaussian(s_1: Any) -> bool:
    do = "pass s_1=GAUSSIAN or s_1=ORTHOGONAL"
    s_1 = known_number("s_1", s_1, do=do)
    if s_1 in (GAUSSIAN, ORTHOGONAL):
        return s_1 == GAUSSIAN
    raise errors.rejected(
        rule="the singular values are known for two kinds of weights", got=f"s_1={s_1}", do=do
    )


def _known(variance: ArrayLike, weight_std: ArrayLike, params: Params) -> tuple[float, float]:
    for name, value in params.items() if isinstance(params, Mapping) else ():
        _refuse_traced(name, value)
    q = known_number("variance", variance, do="pass a fixed point of the variance map")
    return q, known_number("weight_std", weight_std, do="pass a standard deviation, 2**0.5 say")


def _refuse_traced(name: str, value: Any) -> None:
    if not is_known(value):
        raise errors.rejected(
            rule=f"{name} of a law of singular values is known before it runs",
            got=errors.describe(value),
            do="call it outside of jax.jit, jax.grad and jax.vmap",
            kind=TypeError,
        )


def _nodes(act: Activation, q: float, one: Spectrum, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared slopes on the nodes of an integral, each once, and their weights."""
    cuts = (*where_cut(act, None), *_stops(act, q))
    moments = float(one.mean), float(one.mean**2 * (1 + one.relative_variance + GAUSSIAN))
    d, p = np.zeros(1), np.ones(1)
    # In one or two layers ζ comes so near to the axis that it tells one d from the next.
    for nodes in NODES[layers <= 2 :]:
        z, w = map(np.asarray, normal_rule(jnp.asarray(q**0.5), cuts, nodes, GRADING))
        d = np.asarray(act.derivative(q**0.5 * z)) ** 2
        d, at = np.unique(np.where(d < LEAST * d.max(), 0, d), return_inverse=True)
        p = np.bincount(at, w)
        if np.allclose((p @ d, p @ d**2), moments, rtol=1e-7, atol=0):
            return _merged(d, p) if len(d) > MANY else (d, p)
    return np.full_like(d, np.nan), p  # as where other averages are not accurate


def _merged(d: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take those that differ by less than 1 % for their mean, which moves the law by its square.

    The smallest, which make the smallest values, may differ by 10 %.
    """
    width = np.where(d > 1e-8 * d.max(), 0.01, 0.1)
    near = np.floor(np.log(np.maximum(d, np.finfo(float).tiny)) / width) * width
    _, at = np.unique(near, return_inverse=True)
    mass = np.bincount(at, p)
    return np.bincount(at, p * d) / mass, mass


def _stops(act: Activation, q: float) -> np.ndarray:
    """Find where f' passes through 0 or touches it.

    There ln d has poles, and d is as small as the eigenvalues want it that are the smallest.
    """
    grid = q**0.5 * np.linspace(-6, 6, 2401)
    left, s, right = (np.abs(act.derivative(grid[i : i - 2 or None])) for i in range(3))
    at = 1 + np.flatnonzero((s < left) & (s <= right))
    low, high = grid[at - 1], grid[at + 1]
    for _ in range(80):  # halves the interval every three steps
        third = (high - low) / 3
        is_left = np.abs(act.derivative(low + third)) < np.abs(act.derivative(high - third))
        low, high = np.where(is_left, low, low + third), np.where(is_left, high - third, high)
    found = (low + high) / 2
    return found[np.abs(act.derivative(found)) < 1e-6 * left[at - 1]]


def _cells(act: Activation, q: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared slopes on a fine grid, and the probability of each cell."""
    cuts = np.unique(np.clip([-CUT, *np.array(where_cut(act, None)) / q**0.5, CUT], -CUT, CUT))
    ends = [np.linspace(*two, int((two[1] - two[0]) / CELL) + 2) for two in pairwise(cuts)]
    z = np.concatenate([(part[1:] + part[:-1]) / 2 for part in ends])
    p = np.concatenate([np.diff(ndtr(part)) for part in ends])
    return np.asarray(act.derivative(jnp.asarray(q**0.5 * z))) ** 2, p


def _sorted(d: np.ndarray, p: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Find ln d at shares from the top, for one layer turned by a rotation."""
    order = np.argsort(-d)
    at = np.searchsorted(np.cumsum(p[order]), shares - ROUNDING)
    with np.errstate(divide="ignore"):
        return np.log(d[order[np.minimum(at, len(d) - 1)]])


def _of_product(act: Activation, factors: Factors, one: Spectrum, shares: np.ndarray) -> np.ndarray:
    """Find ln x at shares from the top, and check mass and mean of the law on the way."""
    zeros, law = zeros_of(factors), law_of(factors)
    mass = abs(law.above[0] - (1 - zeros))
    mean = abs(log_mean(law) - factors.layers * np.log(float(one.mean)))
    falls = np.max(np.diff(law.above)) < 1e-6  # not so where one is NaN
    if not (mass < 1e-6 and mean < 1e-3 and falls):
        raise errors.rejected(
            rule="a law of singular values has the mass and the mean of its network",
            got=f"{act.name} in {factors.layers} layers, with a mass that is off by {mass:.1e} and "
            f"a mean that is by {np.expm1(mean):.1e} of itself",
            do="lower the variance or the depth: a mean that a few values make is not resolved",
        )
    found = quantiles(law, shares.ravel()).reshape(shares.shape)
    return np.where(shares > 1 - zeros + ROUNDING, -np.inf, found)
