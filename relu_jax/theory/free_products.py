"""How are the eigenvalues of J Jᵀ spread where J is a product of free random matrices?

For J = Π D_l W_l with square, independent W_l and d the law of D², m(ζ) = E d / (ζ - d) tells it:

    x(ζ) = (1 + m) / m · (ζ m)^L, for orthogonal weights (1 + m) / m · (ζ m / (1 + m))^L

has one solution ζ in the upper half-plane for each x there, and on the real axis it gives the
density of ln x, -Im m / π, and the share of eigenvalues above x without an integral: -∫ Im G dx of
G = (1 + m) / x has the closed form Im Φ / π with

    Φ(ζ) = (L - 1) ln m + L E ln(ζ - d), for Gaussian weights L m more.

On the negative axis ζ is a matter of monotone tables. From there x is turned to the positive one
at a fixed |x|, ln x being the only number that stays of a reasonable size in deep networks.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import minimize_scalar

# Where x arrives: from a half turn down to 1e-9, each time by less than what is left.
ANGLES = np.pi * 0.4 ** np.arange(25)
REST = 1e-8  # share of the eigenvalues above 0 that the table may leave below its end
NARROW = 1e-8  # least distance of two points of the table, in ln x


class Factors(NamedTuple):
    """Hold what is multiplied: L matrices with the squared slopes d and L with the weights."""

    values: np.ndarray  # (K,), d at least 0, one of them above
    weights: np.ndarray  # (K,), their probabilities
    layers: int
    gaussian: bool  # or else orthogonal; of variance 1 / n, or 1


class Law(NamedTuple):
    """Hold the law of the eigenvalues above 0, at points that lie densely where it bends."""

    log_x: np.ndarray  # (P,), ascending; the last one is the upper end
    above: np.ndarray  # (P,), share of all eigenvalues that are larger
    density: np.ndarray  # (P,), of ln x


def zeros_of(factors: Factors) -> float:
    """Tell the share of the eigenvalues that are exactly 0.

    Example:
        >>> zeros_of(Factors(np.array([0.0, 1.0]), np.array([0.25, 0.75]), 3, True))
        0.25
    """
    return float(factors.weights[factors.values == 0].sum())


def upper_end(factors: Factors) -> float:
    """Find the logarithm of the largest eigenvalue: the least ln x(ζ) over ζ > sup d.

    Example:
        >>> one = np.array([1.0])
        >>> print(np.exp(upper_end(Factors(one, one, 1, True))).round(6))  # Marchenko & Pastur
        4.0
    """
    top = factors.values.max()

    def log_x(log_gap: np.ndarray) -> np.ndarray:
        log_zeta = np.log(top) + np.log1p(np.exp(log_gap))
        return np.real(_log_x(factors, log_zeta + 0j)[0])

    gaps = np.linspace(-30, 10 + np.log(factors.layers), 1501)
    values = log_x(gaps)
    at = int(values.argmin())
    near = (gaps[max(at - 1, 0)], gaps[min(at + 1, len(gaps) - 1)])
    found = minimize_scalar(
        lambda gap: log_x(np.array([gap]))[0],
        bounds=near,
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(min(values[at], found.fun))


def law_of(factors: Factors) -> Law:
    """Tabulate the law, so that cubics between its points are off by 1e-9 in share or 1e-5 in ln x.

    Returns:
        The law; numbers are NaN where no ζ was found.

    Edges: an atom, and an end at which the density is infinite, is found to 1e-8 in ln x.

    Example:
        >>> one = np.array([1.0])
        >>> law = law_of(Factors(one, one, 1, True))
        >>> print(law.above[[0, -1]].round(6))
        [1. 0.]
    """
    with np.errstate(all="ignore"):  # far below the lower end ζ underflows
        top = upper_end(factors)
        reach = 1.5 ** np.arange(-4, 40)
        left = 1 - zeros_of(factors) - _at(factors, top - reach).above
        depth = reach[np.flatnonzero(left < REST)[:1]].sum() or reach[np.isfinite(left)].max()
        start = _at(factors, top - depth * np.linspace(1, 0, 33)[:-1] ** 2)
        end = Law(*np.array([[top], [0.0], [0.0]]))
        return _refined(factors, _joined(start, end))


def quantiles(law: Law, shares: np.ndarray) -> np.ndarray:
    """Find ln x of the points that have given shares of all eigenvalues above them.

    Args:
        law: from `law_of`.
        shares: (N,), at least 0.

    Edges: 0 gives the upper end; what is more than all that are above 0 gives the lower end,
    which lies below all but 1e-8 of them.

    Example:
        >>> one = np.array([1.0])
        >>> law = law_of(Factors(one, one, 2, True))
        >>> print(quantiles(law, np.array([0.0])).round(4), np.log(27 / 4).round(4))
        [1.9095] 1.9095
    """
    shares = np.minimum(shares, law.above[0] - REST / 10)
    curve = _curve(law)
    rising = np.maximum.accumulate(law.above[::-1])
    after = np.clip(len(rising) - np.searchsorted(rising, shares), 1, len(rising) - 1)
    low, high = law.log_x[after - 1], law.log_x[after]
    for _ in range(50):
        middle = (low + high) / 2
        below = curve(middle) >= shares
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(shares == 0, law.log_x[-1], high)


def log_mean(law: Law) -> float:
    """Take the logarithm of the mean eigenvalue: of ∫ (share above x) dx.

    Edges: NaN where the law holds one.

    Example:
        >>> one = np.array([1.0])
        >>> bool(abs(log_mean(law_of(Factors(one, one, 5, True)))) < 1e-6)
        True
    """
    if not np.isfinite(law.above).all():
        return np.nan
    x, w = leggauss(8)
    half = np.diff(law.log_x)[:, None] / 2
    at = law.log_x[:-1, None] + half * (1 + x)
    top = law.log_x[-1]
    parts = (_curve(law)(at) * np.exp(at - top) * half * w).sum()
    return float(top + np.log(parts + law.above[0] * np.exp(law.log_x[0] - top)))


def _log_x(factors: Factors, log_zeta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ln x and its derivative in ln ζ, the arguments of all factors followed from ∞."""
    d, p, layers, gaussian = factors
    zeta = np.exp(log_zeta)
    inverse = 1 / (zeta[:, None] - d)
    m, rest = inverse @ (p * d), zeta * (inverse @ p)  # rest is 1 + m, without a cancellation
    slope = -zeta * ((inverse * inverse) @ (p * d))
    log_m, log_rest = _log_below(m), _log_below(rest)
    each, each_slope = log_zeta + log_m, 1 + slope / m
    if not gaussian:
        each, each_slope = each - log_rest, each_slope - slope / rest
    return log_rest - log_m + layers * each, slope / rest - slope / m + layers * each_slope


def _log_below(z: np.ndarray) -> np.ndarray:
    """Take the logarithm in the lower half-plane, to which real z < 0 belong."""
    return np.log(np.abs(z)) - 1j * np.arctan2(np.abs(np.imag(z)), np.real(z))


def _at(factors: Factors, log_x: np.ndarray) -> Law:
    """Find share above and density at points."""
    d, p, layers, gaussian = factors
    zeta = np.exp(_turned(factors, log_x))
    gap = zeta[:, None] - d
    m = (1 / gap) @ (p * d)
    below = -np.abs(np.imag(m))
    angle = np.arctan2(np.abs(np.imag(gap)), np.real(gap)) @ p
    above = (layers - 1) * np.imag(_log_below(m)) + layers * (angle + (below if gaussian else 0))
    return Law(log_x, above / np.pi, -below / np.pi)


def _turned(factors: Factors, log_x: np.ndarray) -> np.ndarray:
    """Find ln ζ above the positive axis, by Newton's steps from the negative one."""
    smallest = factors.values[factors.values > 0].min()
    grid = np.linspace(np.log(smallest) - 60, 60 + np.log(factors.values.max()), 401)
    negative, _ = _log_x(factors, grid + 1j * np.pi)
    log_zeta = np.interp(log_x, np.real(negative), grid) + 1j * np.pi
    log_zeta, slope = _newton(factors, log_zeta, log_x + 1j * np.pi, 1e-4)
    for now, following in pairwise(ANGLES):
        guess = log_zeta + 1j * (following - now) / slope
        # Half of the digits are enough to go on from.
        log_zeta, slope = _newton(factors, guess, log_x + 1j * following, 1e-4)
    log_zeta, _ = _newton(factors, log_zeta, log_x + 1j * ANGLES[-1], 1e-11)
    # The last step ends on the axis itself, unless that is at an end, where x(ζ) has no inverse.
    last, _ = _newton(factors, log_zeta, log_x + 0j, 1e-11)
    there = _is_solved(factors, last, log_x) & (np.abs(last - log_zeta) < 1e-4)
    before = _is_solved(factors, log_zeta, log_x + 1j * ANGLES[-1])
    return np.where(there, last, np.where(before, log_zeta, np.nan))


def _newton(
    factors: Factors, log_zeta: np.ndarray, log_x: np.ndarray, near: float
) -> tuple[np.ndarray, np.ndarray]:
    """Solve for ln ζ until steps are near 0; return it and the slopes met last."""
    log_zeta, slopes = log_zeta.copy(), np.ones_like(log_zeta)
    todo = np.arange(len(log_zeta))
    for _ in range(12):
        found, slopes[todo] = _log_x(factors, log_zeta[todo])
        step = (log_x[todo] - found) / slopes[todo]
        moved = log_zeta[todo] + step
        log_zeta[todo] = moved.real + 1j * np.clip(moved.imag, 0, np.pi)
        todo = todo[np.abs(step) > near]
        if not todo.size:
            break
    return log_zeta, slopes


def _is_solved(factors: Factors, log_zeta: np.ndarray, log_x: np.ndarray) -> np.ndarray:
    off = np.abs(_log_x(factors, log_zeta)[0] - log_x)
    return off < 1e-10 + 1e-14 * factors.layers


def _refined(factors: Factors, law: Law) -> Law:
    """Halve the intervals until the curve through their ends tells what lies between them."""
    new = np.ones(len(law.log_x) - 1, bool)  # intervals not looked at
    while new.any() and np.isfinite(law.above).all():
        low = np.flatnonzero(new)
        width = law.log_x[low + 1] - law.log_x[low]
        between = _at(factors, law.log_x[low] + width / 2)
        off = np.abs(_curve(law)(between.log_x) - between.above)
        poor = (off > np.maximum(1e-9, 1e-5 * between.density)) & (width > 2 * NARROW)
        new = np.zeros_like(new)
        new[low] = poor
        new = np.insert(new, low + 1, poor)
        law = _joined(law, between)
    return law


def _joined(law: Law, more: Law) -> Law:
    both = np.concatenate([np.stack(law), np.stack(more)], axis=1)
    return Law(*both[:, np.argsort(both[0])])


def _curve(law: Law) -> CubicHermiteSpline:
    """Draw the share above through the points, with the slopes there as far as it then falls."""
    steepness = -np.diff(law.above) / np.diff(law.log_x)
    most = 3 * np.minimum(np.append(steepness[:1], steepness), np.append(steepness, steepness[-1:]))
    slopes = np.clip(law.density, 0, np.maximum(most, 0))
    return CubicHermiteSpline(law.log_x, law.above, -slopes)
