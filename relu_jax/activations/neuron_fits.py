"""Which leaky integrate-and-fire neuron fires at these rates?

A rate tells neither the zero nor the unit of the voltage: rest and threshold are taken as -65
and -50 mV, and the other parameters follow from it. They are found by least squares on 1 / rate.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from relu_jax.activations.activation import Params, proposal, samples

REST, THRESHOLD = -65.0, -50.0
RISE = THRESHOLD - REST
_FITS = 1e-4  # a relative misfit above it is no rounding: some other function

_Misfit = Callable[[np.ndarray], np.ndarray]


def fit_hard(f: Callable[..., Any]) -> Params | None:
    """Propose the parameters of `lif_rate`, or None.

    Example:
        >>> fit_hard(np.tanh) is None
        True
    """
    top = _ceiling(f)
    onset = _onset(f) if top is not None else None
    if top is None or onset is None:
        return None
    currents, rates = _firing(f, onset * np.geomspace(1.2, 40, 60))
    drive = np.log(RISE / onset * (currents - onset))
    found = _solve(_misfit(rates, top, lambda _: drive), [(RISE, 0.03)])
    if found is None:
        return None
    return _proposed(*found, resistance=RISE / onset, refractory=1 / top)


def fit_smooth(f: Callable[..., Any]) -> Params | None:
    """Propose the parameters of `lif_rate_smooth`, or None.

    Example:
        >>> fit_smooth(np.tanh) is None
        True
    """
    top = _ceiling(f)
    scale = _first_above(f, top / 4) if top is not None else None
    if top is None or scale is None or not _lags(f, top, 1000 * scale):
        return None
    if samples(f, 0.0)[0] > top / 4:
        return None
    currents, rates = _firing(f, scale * np.linspace(-6, 12, 90))

    def drive(theta: np.ndarray) -> np.ndarray:
        resistance, width = np.exp(theta[2:])
        t = (resistance * currents - RISE) / width
        return theta[3] + np.where(t < -30, t, np.log(np.logaddexp(np.maximum(t, -30), 0)))

    starts = [(RISE, 0.02, RISE / scale * r, w) for r in (1.0, 4.0, 16.0) for w in (2.0, 0.4, 10.0)]
    found = _solve(_misfit(rates, top, drive), starts)
    if found is None:
        return None
    span, tau, resistance, width = found
    return _proposed(span, tau, resistance=resistance, refractory=1 / top, width=width)


def _ceiling(f: Callable[..., Any]) -> float | None:
    """Take the limit of a function that rises to it all the way from about 0."""
    # At inf the quotient (V - reset) / (V - threshold) of the textbook is NaN.
    low, *middle, high = samples(f, -1e6, -8.0, -1.0, 0.0, 1.0, 8.0, 1e30)
    rises = all(a <= b for a, b in zip([low, *middle], [*middle, high], strict=True))
    return high if low < 1e-3 * high and 1e-6 < high < 1e12 and rises else None


def _lags(f: Callable[..., Any], top: float, current: float) -> bool:
    """Say whether 1 / f nears its limit as 1 / x does, as the charging of a membrane has it."""
    with np.errstate(all="ignore"):
        once, twice = 1 / np.asarray(samples(f, current, 2 * current)) - 1 / top
        return bool(1.8 < once / twice < 2.2)


def _first_above(f: Callable[..., Any], level: float) -> float | None:
    """Find the first power of 2 where f is above a level."""
    points = 2.0 ** np.arange(-12, 13)
    above = np.nonzero(np.asarray(samples(f, *points.tolist())) > level)[0]
    return float(points[above[0]]) if len(above) else None


def _onset(f: Callable[..., Any]) -> float | None:
    """Close in on where f leaves 0, to the last bit."""
    high = _first_above(f, 0)
    if high is None or samples(f, high / 2)[0] != 0:
        return None
    low = high / 2
    for _ in range(9):
        points = np.linspace(low, high, 65)
        fires = np.nonzero(np.asarray(samples(f, *points.tolist())) > 0)[0]
        if not len(fires) or fires[0] == 0:
            break
        low, high = points[fires[0] - 1].item(), points[fires[0]].item()
    return (low + high) / 2


def _firing(f: Callable[..., Any], currents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sample f where a float32 program needs no rounding, and keep what has not underflowed."""
    currents = currents.astype(np.float32).astype(np.float64)
    rates = np.asarray(samples(f, *currents.tolist()))
    return currents[rates > 0], rates[rates > 0]


def _misfit(rates: np.ndarray, top: float, drive: _Misfit) -> _Misfit:
    """Build the relative error of 1 / rate, from the logarithms of (span, tau, ...)."""

    def relative(theta: np.ndarray) -> np.ndarray:
        log1p_quotient = np.logaddexp(theta[0] - drive(theta), 0)
        return (1 / top + np.exp(theta[1]) * log1p_quotient) * rates - 1

    return relative


def _solve(misfit: _Misfit, starts: Iterable[tuple[float, ...]]) -> list[float] | None:
    """Take least squares from each start until one fits; None where none does."""
    with np.errstate(all="ignore"):
        for start in starts:
            theta = np.log(np.asarray(start))
            first = misfit(theta)
            if len(first) < len(theta) or not np.isfinite(first).all():
                continue
            theta = least_squares(misfit, theta, method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14).x
            if np.abs(misfit(theta)).max() < _FITS:
                return _shortened(misfit, theta)
    return None


def _shortened(misfit: _Misfit, theta: np.ndarray) -> list[float]:
    """Round to the four digits an author writes, where the samples cannot tell the difference."""
    values = np.exp(theta)
    short = np.asarray([float(f"{v:.4g}") for v in values])
    worse = np.abs(misfit(np.log(short))).max() > 1.5 * np.abs(misfit(theta)).max() + 1e-12
    return (values if worse else short).tolist()


def _proposed(span: float, tau: float, **rest: float) -> Params | None:
    found = proposal(span=span, tau=tau, **rest)
    # Without a charging time to speak of it is a step, which has a name of its own.
    if found is None or not min(found.values()) > 0 or tau < 1e-3 * rest["refractory"]:
        return None
    reset = THRESHOLD - found.pop("span")
    return {"rest": REST, "threshold": THRESHOLD, "reset": reset} | found
