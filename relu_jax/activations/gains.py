"""By what must a layer's weights be scaled for this activation, and where does a signal settle?

The averages come from `relu_jax.theory`, which the package hands over.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.activations.activation import Activation
from relu_jax.activations.curves import NEAREST, NODES, Curve, evaluate, normal_nodes
from relu_jax.activations.kink_facts import kink_facts
from relu_jax.core import handover

REACH = 100.0  # fixed points are looked for within this factor of the variance
_MANY = 65  # variances per call: one shape, so that one program serves all calls
_SAME = 1e-9
ACCURATE = 1e-6  # largest estimated error of an average, as a share of the mean magnitude


class Averages(NamedTuple):
    """Hold averages of f and f' over x ~ N(0, variance); NaN where the integral is not accurate."""

    variance: float
    mean: float  # E f
    second: float  # E f²
    slope_second: float  # E f'²
    cross: float  # E f f'


class Gains(NamedTuple):
    """Hold the gains of three conventions, None where there is none, and why they differ."""

    signal: float | None  # √(q / E f²): keeps the variance q of the pre-activations
    gradient: float | None  # 1 / √(E f'²): keeps the mean squared gradient
    torch: float | None  # torch.nn.init.calculate_gain
    why: str


class FixedPoint(NamedTuple):
    """Hold a variance that a layer keeps, and what it does to a small deviation from it."""

    q: float
    slope: float
    kind: str  # stable, unstable or marginal; with a slope of NaN, what is not known


class FixedPoints(NamedTuple):
    """Hold the fixed points of q -> gain² E f(√q z)², or say that every q is one."""

    gain: float | None
    points: tuple[FixedPoint, ...]
    every: bool
    unseen: bool = False  # True where E f² is not accurate at some of the variances looked at


def averages(act: Activation, seen: Curve, variance: float) -> Averages:
    """Average an activation over a normal input.

    Edges: inf where E f'² has no bound, as with a slope that is infinite at a kink; NaN where
    an integral is not accurate to 1e-6 of the mean magnitude.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.rectifiers import RELU
        >>> found = averages(RELU, curve(RELU), 1.0)
        >>> round(found.mean, 6), round(found.second, 6), round(found.slope_second, 6)
        (0.398942, 0.5, 0.5)
    """
    endless = any(_endless(seen, kink, side) for kink in seen.kinks for side in (0, 1))
    names = ("mean", "second", "cross", *(() if endless else ("slope_second",)))
    parts = (float(part[0]) for part in _averages(act, np.full(_MANY, variance), *names))
    mean, second, cross, slope_second = (*parts, *((math.inf,) if endless else ()))
    if math.isnan(cross) and not any(kink.jump for kink in kink_facts(act, seen)):
        cross = _by_parts(act, variance, lambda x: x)
    # What odd functions average to is 0, not the rounding of a sum.
    mean = 0.0 if abs(mean) <= 1e-12 * math.sqrt(second) else mean
    size = math.sqrt(second * slope_second)
    cross = 0.0 if abs(cross) <= 1e-12 * size < math.inf else cross
    return Averages(variance, mean, second, slope_second, cross)


def mean_and_power(act: Activation, variance: float) -> tuple[float, float]:
    """Average f and f² by nodes that need no program of their own, or as `averages` does.

    Example:
        >>> from relu_jax.activations.rectifiers import RELU
        >>> [round(x, 6) for x in mean_and_power(RELU, 1.0)]
        [0.398942, 0.5]
    """
    x, w = normal_nodes((*act.kinks, *act.bends), variance)
    f = evaluate(act, x)[0]
    terms = np.stack([w * f, w * f * f])
    with jax.enable_x64(True):
        off = np.asarray(handover.theory().error_of(jnp.asarray(terms), NODES))
    mean, second = terms.sum(axis=1)
    if not (off <= 1e-9 * np.abs(terms).sum(axis=1)).all():
        mean, second = (
            part[0] for part in _averages(act, np.full(_MANY, variance), "mean", "second")
        )
    return (0.0 if abs(mean) <= 1e-12 * math.sqrt(second) else float(mean)), float(second)


def _endless(seen: Curve, kink: float, side: int) -> bool:
    """Say whether the integral of f'² towards one side of a kink has no bound."""
    near, nearest = (seen.near(kink, d)[1, side] ** 2 * d for d in (1e-9, 1e-12))
    return bool(nearest > 0.5 * near)


def gains(act: Activation, found: Averages) -> Gains:
    """Give the gains that keep the signal, the gradient, and PyTorch's.

    Source: He et al. 2015 for both; `torch.nn.init.calculate_gain`, a table of conventions.

    Example:
        >>> from relu_jax.activations.bounded import TANH
        >>> averages_of_tanh = Averages(1.0, 0.0, 0.394294, 0.464403, 0.0)
        >>> [round(g, 4) for g in gains(TANH, averages_of_tanh)[:3]]
        [1.5925, 1.4674, 1.6667]
    """
    signal = signal_gain(found.variance, found.second)
    gradient = _inverse_root(found.slope_second)
    torch = torch_gain(act)
    known = not (math.isnan(found.second) or math.isnan(found.slope_second))
    return Gains(signal, gradient, torch, _why(signal, gradient, torch, known=known))


def signal_gain(variance: float, second: float) -> float | None:
    """Give the gain that keeps a variance, by E f² at it; None where E f² is 0 or has no bound.

    Example:
        >>> signal_gain(1.0, 0.25), signal_gain(1.0, 0.0)
        (2.0, None)
    """
    return _inverse_root(second / variance)


def torch_gain(act: Activation) -> float | None:
    """Give the gain of `torch.nn.init.calculate_gain`, or None where PyTorch has none.

    Example:
        >>> from relu_jax.activations.bounded import SIGMOID
        >>> torch_gain(SIGMOID)
        1.0
    """
    slope = act.params.get("slope", 0.0) if act.name == "leaky_relu" else 0.0
    table = {
        "identity": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    return table.get(act.name)


def _why(signal: float | None, gradient: float | None, torch: float | None, *, known: bool) -> str:
    aims = "The first keeps the variance q forward, the second the squared gradient backward"
    if signal is None or gradient is None:
        why = "is 0 or has no bound" if known else "is not to be had"
        return f"{aims}; an average that {why} leaves none."
    if math.isclose(signal, gradient, rel_tol=1e-6):
        theirs = "PyTorch's is another, by convention"
        if torch is not None and math.isclose(signal, torch, rel_tol=1e-6):
            theirs = "PyTorch's is the same"
        return f"{aims}; both agree, as q E f'^2 = E f^2. {_or_none(theirs, torch)}."
    theirs = "PyTorch's is a convention that keeps neither exactly"
    return f"{aims}; they differ, as q E f'^2 is not E f^2. {_or_none(theirs, torch)}."


def _or_none(theirs: str, torch: float | None) -> str:
    return "PyTorch has none" if torch is None else theirs


def fixed_points(act: Activation, seen: Curve, found: Averages) -> FixedPoints:
    """Find the variances that a layer with the signal-keeping gain g leaves as they are.

    q -> g² E f(√q z)², the variance of the next pre-activations at infinite width, no bias.

    Edges: `averages.variance` is always among them. 0 is where f(0) is 0. Others are found
    between 1/100 and 100 times the variance, where E f² is accurate; two within a sixteenth of
    a decade are missed.

    Source: Poole et al. 2016, equation 3.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.exponential import SELU
        >>> seen = curve(SELU)
        >>> one = fixed_points(SELU, seen, averages(SELU, seen, 1.0)).points[-1]
        >>> one.q, round(one.slope, 4), one.kind
        (1.0, 0.7826, 'stable')
    """
    gain = signal_gain(found.variance, found.second)
    if gain is None:
        return FixedPoints(None, (), False)
    q = found.variance * np.geomspace(1 / REACH, REACH, _MANY)
    q[_MANY // 2] = found.variance
    moved = _map(act, gain, q)
    unseen = bool(np.isnan(moved).any())
    if (np.abs(moved / q - 1) < _SAME).all():
        return FixedPoints(gain, (), True)
    roots = [_root(act, gain, *ends) for ends in _brackets(q, moved)]
    kept = [root for root in roots if abs(root / found.variance - 1) > 1e-6]
    at = np.array([*kept, found.variance])
    slopes = _slope(act, gain, np.resize(at, _MANY))[: at.size]
    points = [FixedPoint(float(a), _clean(s), _kind(s)) for a, s in zip(at, slopes, strict=True)]
    return FixedPoints(gain, tuple(sorted([*_origin(seen, gain), *points])), False, unseen)


def _origin(seen: Curve, gain: float) -> list[FixedPoint]:
    """Return the fixed point 0, if f is 0 at 0 and does not jump there."""
    zero = int(np.abs(seen.x).argmin())
    beside = seen.near(0.0, NEAREST) if 0.0 in seen.kinks else seen.y[:, [zero, zero]]
    if seen.y[0, zero] != 0 or np.abs(beside[0]).max() > 1e-5:
        return []
    slope = float(gain**2 * np.square(beside[1]).mean())
    return [FixedPoint(0.0, slope, _kind(slope))]


def _brackets(q: np.ndarray, moved: np.ndarray) -> list[tuple[float, float]]:
    """Pair the neighbours between which q -> V(q) crosses the diagonal."""
    drift = moved / q - 1
    known = np.flatnonzero(np.abs(drift) > _SAME)  # no NaN is
    sign = np.sign(drift[known])
    places = np.flatnonzero(sign[1:] != sign[:-1])
    return [(float(q[known[i]]), float(q[known[i + 1]])) for i in places]


def _root(act: Activation, gain: float, low: float, high: float) -> float:
    for _ in range(5):
        q = np.geomspace(low, high, _MANY)
        drift = _map(act, gain, q) / q - 1
        crossed = np.flatnonzero(np.sign(drift[1:]) != np.sign(drift[0]))
        i = int(crossed[0]) if crossed.size else _MANY - 2
        low, high = q[i], q[i + 1]
    return float(np.sqrt(low * high))


def _map(act: Activation, gain: float, q: np.ndarray) -> np.ndarray:
    """Return the variance after one layer."""
    return gain**2 * _averages(act, q, "second")[0]


def _slope(act: Activation, gain: float, q: np.ndarray) -> np.ndarray:
    """Return the derivative of the variance after one layer in that before it."""
    slope_second, bend = _averages(act, q, "slope_second", "bend")
    slope = slope_second + bend
    for i in np.flatnonzero(np.isnan(slope)):
        slope[i] = _by_parts(act, q[i], lambda x, q=q[i]: x * x / q - 1)
    return gain**2 * slope


def _by_parts(act: Activation, q: float, factor: Callable[[jax.Array], jax.Array]) -> float:
    """Return E f(x)² factor(x) / (2 q), NaN where not accurate: where f' has no bound, f has."""
    with jax.enable_x64(True):
        found = handover.theory().expectation_with_error(
            lambda x: act(x) ** 2 * factor(x) / (2 * q), float(q), kinks=(*act.kinks, *act.bends)
        )
        value, error, size = (float(part) for part in found)
    return value if error <= ACCURATE * size else math.nan


def _averages(act: Activation, q: np.ndarray, *names: str) -> list[np.ndarray]:
    """Return averages, NaN where the integral is not accurate."""
    with jax.enable_x64(True):
        found = handover.theory().average_with_error(act, q, *names)
        parts = [[np.asarray(part) for part in parts] for parts in found]
    return [
        np.where((error <= ACCURATE * size) | np.isinf(value), value, np.nan)
        for value, error, size in zip(*parts, strict=True)
    ]


def _clean(slope: float) -> float:
    return 0.0 if abs(slope) <= _SAME else float(slope)


def _kind(slope: float) -> str:
    if math.isnan(slope):
        return "of a slope not to be had"
    if abs(abs(slope) - 1) < 1e-6:
        return "marginal"
    return "stable" if abs(slope) < 1 else "unstable"


def _inverse_root(power: float) -> float | None:
    return 1 / math.sqrt(power) if 0 < power < math.inf else None
