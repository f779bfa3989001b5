"""Which α, β, γ and δ give an activation γ (f(α x + β) + δ) that meets four conditions?

γ and δ follow from α and β by two of the conditions; the other two are solved by Newton's
method in float64, from the best points of a grid.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.activations import Activation
from relu_jax.core import errors
from relu_jax.core.types import Array

ALPHAS, BETAS = np.exp(np.linspace(-6, 2, 65)), np.linspace(-4, 4, 65)
STARTS, STEPS, ENOUGH = 12, 40, 1e-9
CUT = 13  # beyond it lies less than 1e-37 of the normal distribution
SHARES = (1.0, 0.5, 0.25, 0.06, 0.01)  # of a step of Newton's method


class Statistics(NamedTuple):
    """Hold averages of y = f(α z + β) over z ~ N(0, 1); y' and y'' are taken in z."""

    mean: Any  # E y
    spread: Any  # Var y
    tilt: Any  # E (y - E y) y' z
    pull: Any  # E y' z
    slopes: Any  # E y'²
    bends: Any  # E y''²


class Closing(NamedTuple):
    """Hold what a transformation makes of the statistics."""

    gamma: Any
    offset: Any  # E y + δ
    reached: Any  # what must equal the target


class Constants(NamedTuple):
    """Hold the four constants."""

    alpha: float
    beta: float
    gamma: float
    delta: float


Rule = Callable[[Statistics], Closing]


def statistics(act: Activation, alpha: Any, beta: Any, nodes: int = 20) -> Statistics:
    """Average f(α z + β) and its derivatives over a normal z, in float64.

    Args:
        act: f.
        alpha: above 0.
        beta: any number.
        nodes: per standard deviation, and more where f bends.

    Example:
        >>> from relu_jax.activations import get
        >>> found = statistics(get("identity"), 2.0, 1.0)
        >>> [round(float(x), 3) for x in found]
        [1.0, 4.0, 4.0, 0.0, 4.0, 0.0]
    """
    # Many functions without a kink still bend at 0 in their second derivative.
    cuts = [(point - beta) / alpha for point in {0.0, *act.kinks, *act.bends}]
    z, w = _rule(cuts, nodes)
    return _averaged(act, np.float64(alpha), np.float64(beta), z, w)


def solve(act: Activation, rules: Sequence[Rule], target: float) -> Constants:
    """Find constants with Q'(1) = 1 and ``rule(statistics).reached == target``.

    Args:
        act: f.
        rules: the ways to close the equations that are tried.
        target: near that of a linear function where the network is deep.

    Returns:
        The solution of least |β|; of two, that with β > 0.

    Raises:
        ValueError: Newton's method found none, or the averages there are not accurate.

    Example:
        >>> from relu_jax.activations import get
        >>> rule = lambda m: Closing(m.spread**-0.5, 0 * m.mean, m.slopes / m.spread)
        >>> round(solve(get("tanh"), [rule], 1.01).beta, 2)
        0.58
    """
    found = [one for rule in rules for one in _solutions(act, rule, target)]
    if found:
        best = min(found, key=lambda one: (round(abs(one.beta), 6), -one.beta))
        _refuse_inaccurate(act, best)
        return best
    raise errors.rejected(
        rule="an activation has constants that meet the conditions of the transformation",
        got=f"{act.name}, for which none were found at {target:.6g} per layer",
        do=advice(act),
    )


def advice(act: Activation) -> str:
    """Say what helps where an activation has no constants.

    A rectifier f with f(a x) = a f(x) for a > 0 has one correlation map for all of them.

    Example:
        >>> from relu_jax.activations import get
        >>> advice(get("identity"))
        'no constants bend what is linear: take another activation'
    """
    x = np.array([-3.0, -1.0, 0.5, 2.0])
    with jax.enable_x64(True):
        y, doubled = (np.asarray(act(jnp.asarray(at))) for at in (x, 2 * x))
    if np.allclose(np.diff(y) / np.diff(x), (y[1] - y[0]) / 2, rtol=1e-12, atol=0):
        return "no constants bend what is linear: take another activation"
    if np.allclose(doubled, 2 * y, rtol=1e-12, atol=0):
        return "take tat_leaky_relu, which bends less with depth, in place of a rectifier"
    return "take another activation, more layers or a milder target"


def _refuse_inaccurate(act: Activation, found: Constants) -> None:
    usual, more = (statistics(act, found.alpha, found.beta, nodes) for nodes in (20, 33))
    off = np.abs(np.subtract(usual, more)).max() / np.abs(more).max()
    if not off < 1e-6:
        raise errors.rejected(
            rule="the averages of a transformed activation are accurate to 1e-6",
            got=f"{act.name} with α={found.alpha:.4g} and β={found.beta:.4g}, off by {off:.1e}",
            do="take an activation that is less steep or oscillates less",
        )


def _solutions(act: Activation, rule: Rule, target: float) -> list[Constants]:
    # Both residuals shrink with depth; in units of the target's distance from linear they do not.
    unit = abs(target - 1) if target > 1 else target

    def residual(m: Statistics) -> np.ndarray:
        closing = rule(m)
        stays = closing.gamma**2 * (m.tilt + closing.offset * m.pull) - 1
        return np.stack([stays, closing.reached - target]) / unit

    def at(point: np.ndarray) -> np.ndarray:
        return residual(statistics(act, np.exp(point[0]), point[1]))

    with np.errstate(all="ignore"):  # a point that overflows is no start
        size = np.linalg.norm(residual(_over_the_grid(act)), axis=0)
        ends = [_newton(at, start) for start in _lowest(size)]
    return [_constants(act, rule, end) for end in ends if end is not None]


def _over_the_grid(act: Activation) -> Statistics:
    """Average at every pair of ALPHAS and BETAS, by a rule that is good enough for a start."""
    z, w = np.polynomial.hermite_e.hermegauss(60)
    return _averaged(act, ALPHAS[:, None, None], BETAS[:, None], z, w / w.sum())


def _rule(cuts: Sequence[float], nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Place nodes and weights for a normal variable: unit panels, cut again where f bends."""
    ends = np.sort([*np.arange(-CUT, CUT + 1), *np.clip(cuts, -CUT, CUT)])
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(ends)[:, None] / 2
    z = (ends[:-1, None] + half * (1 + x)).ravel()
    return z, (half * w).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def _averaged(act: Activation, alpha: Any, beta: Any, z: np.ndarray, w: np.ndarray) -> Statistics:
    with jax.enable_x64(True):
        y, first, second = (np.asarray(x) for x in _values(act, alpha * z + beta))
    first, second = alpha * first, alpha**2 * second
    mean = y @ w
    centred = y - mean[..., None]
    averaged = (centred**2, centred * first * z, first * z, first**2, second**2)
    return Statistics(mean, *(one @ w for one in averaged))


@partial(jax.jit, static_argnames="act")
def _values(act: Activation, x: Any) -> tuple[Array, Array, Array]:
    return act(x), act.derivative(x), act.derivative(x, 2)


def _lowest(size: np.ndarray) -> list[np.ndarray]:
    """Take the points of the grid that are below their eight neighbours, lowest first."""
    size = np.where(np.isfinite(size), size, np.inf)
    wide = np.pad(size, 1, constant_values=np.inf)
    around = np.lib.stride_tricks.sliding_window_view(wide, (3, 3)).min(axis=(2, 3))
    rows, columns = np.nonzero((size == around) & np.isfinite(size))
    order = np.argsort(size[rows, columns])[:STARTS]
    pairs = zip(rows[order], columns[order], strict=True)
    return [np.array([np.log(ALPHAS[row]), BETAS[column]]) for row, column in pairs]


def _newton(f: Callable[[np.ndarray], np.ndarray], point: np.ndarray) -> np.ndarray | None:
    """Solve f = 0 for a pair, or return None where no step makes it smaller."""
    for _ in range(STEPS):
        value = f(point)
        size = np.linalg.norm(value)
        if size < ENOUGH:
            return point
        slope = _slope(f, point)
        if not np.isfinite(slope).all():
            return None
        # Least squares: a relu can be scaled through α, β or γ, so one direction is flat.
        move = np.linalg.lstsq(slope, -value, rcond=1e-6)[0]
        shorter = (point + share * move for share in SHARES)
        nearer = next((p for p in shorter if np.linalg.norm(f(p)) < size), None)
        if nearer is None:
            return None
        point = nearer
    return None


def _slope(f: Callable[[np.ndarray], np.ndarray], point: np.ndarray) -> np.ndarray:
    steps = 1e-6 * np.eye(2)
    return np.stack([(f(point + step) - f(point - step)) / 2e-6 for step in steps], -1)


def _constants(act: Activation, rule: Rule, point: np.ndarray) -> Constants:
    alpha, beta = np.exp(point[0]), point[1]
    m = statistics(act, alpha, beta)
    closing = rule(m)
    return Constants(*map(float, (alpha, beta, closing.gamma, closing.offset - m.mean)))
