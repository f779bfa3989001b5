"""Of which variable, made of the result y of a monotone function, is the slope a short fraction?

Near an extremum z goes as the root of y's distance from it, in a tail as the root of a logarithm,
far out as y itself: each variable below is smooth in z on such a piece. What a fit says is read
twice, by NumPy where it is found and by JAX where it is used.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev

Curve = Callable[[np.ndarray], np.ndarray]
_DEGREES = (0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32)
_DIVISION = 5  # terms of a polynomial that take as long as a division
_TURNS = 8  # of a fit of a quotient
_SHORT = 24  # terms; of a longer fit and one in the next variable the shorter one is taken
_FAR = 32.0
_NEAR_0 = 0.02  # of its largest: what a denominator stays above
_BOUNDED = 1e3  # beyond, a value far out is taken for no limit


class Fit(NamedTuple):
    """f′ = factor · Σ c_k T_k(t) / Σ b_k T_k(t) on a piece of f; t, from -1 to 1, is made of y."""

    variable: str  # one of VARIABLES
    a: float
    b: float
    low: float
    high: float
    coefficients: tuple[float, ...]  # c
    below: tuple[float, ...] = ()  # b; empty: divided by 1


def _root(xp: Any, x: Any) -> Any:
    """Take the root of what is not negative but for roundings."""
    return xp.sqrt(xp.maximum(x, xp.asarray(np.finfo(np.float32).tiny, x.dtype)))


def _log(xp: Any, a: float, b: float, y: Any) -> tuple[Any, Any]:
    away = y - b
    reached = xp.where(away == 0, xp.full_like(away, a - b), away)  # no division by 0
    return _root(xp, xp.log(xp.maximum((a - b) / reached, 1.0))), away


def _arc(xp: Any, a: float, b: float, y: Any) -> tuple[Any, None]:
    return xp.arccos(xp.clip((y - (a + b) / 2) * (2 / (b - a)), -1.0, 1.0)), None


def _far_root(xp: Any, a: float, b: float, y: Any) -> tuple[Any, None]:
    away = xp.abs(y - a)
    return _root(xp, away / (b + away)), None


# Of xp (NumPy or jax.numpy), a, b and y: the variable, and the factor or None where that is 1.
VARIABLES: dict[str, Callable[[Any, float, float, Any], tuple[Any, Any]]] = {
    "y": lambda _xp, _a, _b, y: (y, None),
    "between": lambda _xp, a, b, y: (y, (y - a) * (b - y)),  # its limits on either side
    "exp": lambda xp, a, _b, y: (xp.expm1(-a * y), None),
    "root": lambda xp, a, _b, y: (_root(xp, xp.abs(y - a)), None),  # a: y at an extremum
    "log": _log,  # a, b: y at one end and its limit at the other
    "power": lambda xp, a, b, y: (xp.zeros_like(y), xp.abs(y - a) ** b),
    "arc": _arc,  # a, b: y at two extrema
    "far": lambda xp, _a, _b, y: (y / xp.sqrt(1 + y * y), None),
    "far root": _far_root,  # a: y at an extremum; b: how far from it the root ends
    "decay": lambda xp, _a, _b, y: (xp.exp(-xp.abs(y)), None),
    "cube root": lambda xp, a, _b, y: (xp.cbrt(xp.abs(y - a)), None),
}
# Whose factor is 0 at an end: nothing is fitted there.
_ENDLESS = ("between", "log")


def evaluate(xp: Any, fit: Fit, y: Any) -> Any:
    """Evaluate a fit; beyond its ends the slope is that at the end.

    Args:
        xp: NumPy or jax.numpy.
        fit: the fit.
        y: results of the function.

    Example:
        >>> evaluate(np, Fit("y", 0.0, 0.0, -1.0, 1.0, (0.5, 0.0, -0.5)), np.tanh([0.0, 1.0]))
        array([1.        , 0.41997434])
    """
    v, factor = VARIABLES[fit.variable](xp, fit.a, fit.b, y)
    if fit.high > fit.low:
        t = (v - fit.low) * (2 / (fit.high - fit.low)) - 1
        # Not clip, whose derivative at an end is a half.
        t = xp.where(xp.abs(t) > 1, xp.sign(t), t)
    else:
        t = xp.zeros_like(v)
    slope = _chebyshev(xp, fit.coefficients, t)
    if fit.below:
        slope = slope / _chebyshev(xp, fit.below, t)
    return slope if factor is None else slope * factor


def _chebyshev(xp: Any, c: tuple[float, ...], t: Any) -> Any:
    """Sum c_k T_k(t) by Clenshaw's recurrence."""
    if len(c) == 1:
        return xp.full_like(t, c[0])
    later, last = xp.zeros_like(t), xp.full_like(t, c[-1])
    for term in c[-2:0:-1]:
        later, last = last, 2 * t * last - later + term
    return t * last - later + c[0]


def fitted(
    y: np.ndarray,
    d: np.ndarray,
    closed: tuple[float, ...],
    limits: tuple[float, ...],
    error: float,
    everywhere: tuple[np.ndarray, np.ndarray],
) -> Fit | None:
    """Fit the slope on one piece by the first variable that a short polynomial in it serves.

    Args:
        y: the function at points of the piece, from left to right.
        d: its slope there.
        closed: y at those ends at which the piece ends, from left to right.
        limits: y as far out as it was looked at, where the piece goes on without end.
        error: the largest error, in the slope's unit.
        everywhere: y and the slope farther out too, where the fit has to hold as it goes on.
    """
    long: Fit | None = None
    for variable, a, b in _candidates(y, d, closed, limits):
        if variable == "power":
            fit = _power(y, d, a)
            if fit is not None and _holds(fit, *everywhere, error):
                return fit
            continue
        with np.errstate(all="ignore"):
            v, factor = VARIABLES[variable](np, a, b, y)
            factor = np.ones_like(y) if factor is None else factor
            aim = d / factor
        fair = np.isfinite(v) & np.isfinite(aim) & np.isfinite(factor)
        fit = None
        if fair.any() and (variable in _ENDLESS or fair.all()):
            fit = _polynomial((variable, a, b), v[fair], factor[fair], d[fair], error)
        if fit is None or not _holds(fit, *everywhere, error):
            if long is not None:
                return long
        elif long is not None or _terms(fit) <= _SHORT:
            return fit if long is None else min(long, fit, key=_terms)
        else:
            long = fit
    return long


def _terms(fit: Fit) -> int:
    return len(fit.coefficients) + (len(fit.below) + _DIVISION if fit.below else 0)


def _holds(fit: Fit, y: np.ndarray, d: np.ndarray, error: float) -> bool:
    """Say whether a fit gives the slope, to twice the error or to the last digits of it."""
    with np.errstate(all="ignore"):
        off = np.abs(evaluate(np, fit, y) - d)
    return bool(np.all(off <= np.maximum(2 * error, 1e-9 * np.abs(d))))


def _candidates(
    y: np.ndarray, d: np.ndarray, closed: tuple[float, ...], limits: tuple[float, ...]
) -> Iterator[tuple[str, float, float]]:
    """Yield variables with their constants, those of the commonest functions first."""
    with np.errstate(all="ignore"):
        rates = (-np.log1p(-d) / y)[(d > 0.1) & (d < 0.9)]
    if rates.size and np.isfinite(rates).all() and np.ptp(rates) <= 1e-6 * abs(rates[0]):
        yield "exp", float(rates[0]), 0.0
    bounds = [limit for limit in limits if abs(limit) < _BOUNDED]
    if len(bounds) == 2:
        yield "between", bounds[0], bounds[1]
    yield "y", 0.0, 0.0
    for end in (*closed, 0.0):
        yield "power", end, 0.0
    for end in closed:
        yield "root", end, 0.0
        yield "far root", end, _FAR
        yield from (("log", end, bound) for bound in bounds)
    if not closed:
        yield from (("log", limits[i - 1], limits[i]) for i in (1, 0) if limits[i] in bounds)
    if len(closed) == 2:
        yield "arc", closed[0], closed[1]
    yield from (("root", limit, 0.0) for limit in bounds)
    yield "far", 0.0, 0.0
    for end in closed:
        yield "far root", end, 1.0
        yield "cube root", end, 0.0
    yield "decay", 0.0, 0.0


def _power(y: np.ndarray, d: np.ndarray, a: float) -> Fit | None:
    """Fit c |y - a|^p, where the slope is that to its last digits: it may have no bound then."""
    with np.errstate(all="ignore"):
        away, size = np.log(np.abs(y - a)), np.log(np.abs(d))
    seen = (away > math.log(1e-4 * max(1.0, abs(a)))) & (away < 600) & np.isfinite(size)
    if np.count_nonzero(seen) < 100 or np.ptp(away[seen]) < 1:
        return None
    p, _ = np.polyfit(away[seen], size[seen], 1)
    p = float(Fraction(float(p)).limit_denominator(12))
    c = size[seen] - p * away[seen]
    if p <= 0 or np.ptp(c) > 1e-11 or np.any(np.sign(d[seen]) != np.sign(d[seen][0])):
        return None
    factor = math.copysign(math.exp(float(np.median(c))), d[seen][0])
    return Fit("power", a, p, 0.0, 0.0, (factor,))


def _polynomial(
    variable: tuple[str, float, float],
    v: np.ndarray,
    factor: np.ndarray,
    d: np.ndarray,
    error: float,
) -> Fit | None:
    low, high = float(v.min()), float(v.max())
    t = 2 * (v - low) / (high - low) - 1 if high > low else np.zeros_like(v)
    degrees = _DEGREES if high > low else (0,)

    def tried(degree: int) -> Fit | None:
        c, _ = chebyshev.chebfit(t, d / factor, degree, full=True, w=np.abs(factor))
        off = np.abs(chebyshev.chebval(t, c) * factor - d)
        good = float(off.max()) <= error
        return Fit(*variable, low, high, tuple(map(float, c))) if good else None

    longest = tried(degrees[-1])
    if longest is None:
        return None  # where the longest is off, no shorter one is tried
    fit = next(filter(None, map(tried, degrees[:-1])), longest)
    for degree in range(2, (len(fit.coefficients) - _DIVISION) // 2):
        c, b = _quotient(t, d / factor, np.abs(factor), degree)
        off = np.abs(chebyshev.chebval(t, c) / chebyshev.chebval(t, b) * factor - d)
        if float(off.max()) <= error:
            return fit._replace(coefficients=tuple(map(float, c)), below=tuple(map(float, b)))
    return fit


def _quotient(
    t: np.ndarray, aim: np.ndarray, weight: np.ndarray, degree: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a quotient of two polynomials of one degree (Sanathanan & Koerner 1963).

    That of the best turn is given; NaN where denominators come near to 0, which float32 would feel.
    """
    terms = chebyshev.chebvander(t, degree)
    below, best = np.ones_like(t), (math.inf, np.full(degree + 1, np.nan), np.ones(1))
    for _ in range(_TURNS):
        share = (weight / below)[:, None]
        rows = np.concatenate([terms * share, -aim[:, None] * share * terms[:, 1:]], axis=1)
        found = np.linalg.lstsq(rows, aim * share[:, 0], rcond=1e-14)[0]
        c, b = found[: degree + 1], np.concatenate([[1.0], found[degree + 1 :]])
        below = terms @ b
        if below.min() <= 0:
            break
        if below.min() > _NEAR_0 * below.max():
            off = float(np.max(np.abs(terms @ c / below - aim) * weight))
            best = min(best, (off, c, b), key=lambda kept: kept[0])
    return best[1], best[2]
