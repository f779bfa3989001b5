"""What are f, f′ and f″ to more digits than a float has, and where do they jump?

SymPy differentiates each smooth piece of a formula, mpmath evaluates it.
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy
from sympy.core.relational import Relational

X = sympy.Symbol("x", real=True)
NEAR, FAR = 60, 700  # digits: x + √(x² + b) cancels twice those of the largest double
HUGE = 10**6  # e^HUGE is beyond every float
BESIDE = mpmath.mpf("1e-25")  # how far from a jump its two sides are read


class Sigmoid(sympy.Function):
    """The logistic function."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Differentiate without the difference 1 - sigmoid."""
        (u,) = self.args
        return Sigmoid(u) * Sigmoid(-u)


class Softplus(sympy.Function):
    """log(1 + e^x)."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Differentiate."""
        return Sigmoid(self.args[0])


class Tanh(sympy.Function):
    """The hyperbolic tangent."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Differentiate without the difference 1 - tanh²."""
        (u,) = self.args
        return 4 * Sigmoid(2 * u) * Sigmoid(-2 * u)


class Phi(sympy.Function):
    """The normal distribution function; SymPy would write it as a difference from 1."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Differentiate."""
        return sympy.exp(-(self.args[0] ** 2) / 2) / sympy.sqrt(2 * sympy.pi)


def clip(u: Any, low: Any, high: Any) -> sympy.Expr:
    """Write u, kept between low and high."""
    return sympy.Piecewise((low, u < low), (high, u > high), (u, True))


def where(test: Any, yes: Any, no: Any) -> sympy.Expr:
    """Write one expression where a condition holds, else another."""
    return sympy.Piecewise((yes, test), (no, True))


def relu(u: Any) -> sympy.Expr:
    """Write the positive part of u."""
    return where(u > 0, u, 0)


def exp(u: Any) -> Any:
    """Exponentiate; beyond e^HUGE only the order is kept, for e^(e^1000) has no number."""
    if abs(u) <= HUGE:
        return mpmath.exp(u)
    return mpmath.exp(mpmath.sign(u) * HUGE * (1 + mpmath.log(abs(u) / HUGE)))


def phi(u: Any) -> Any:
    """Integrate the normal density, also where mpmath finds u too large."""
    if abs(u) <= HUGE:
        return mpmath.ncdf(u)
    tail = exp(-(u**2) / 2) / (abs(u) * mpmath.sqrt(2 * mpmath.pi))
    return tail if u < 0 else 1 - tail


def erf(u: Any) -> Any:
    """Take the error function, likewise."""
    return mpmath.erf(u) if abs(u) <= HUGE else mpmath.sign(u)


WORDS = {
    "x": X, "sigmoid": Sigmoid, "softplus": Softplus, "Phi": Phi, "clip": clip, "relu": relu,
    "tanh": Tanh, "where": where,
}  # fmt: skip
NUMERIC = [
    {
        "exp": exp,
        "Sigmoid": lambda u: 1 / (1 + exp(-u)),
        "Softplus": lambda u: max(u, 0) + mpmath.log1p(exp(-abs(u))),
        "Tanh": mpmath.tanh,
        "Phi": phi,
        "erf": erf,
    },
    "mpmath",
]


class Pieces(NamedTuple):
    """A formula in one variable, cut where one of its conditions changes."""

    whole: sympy.Expr
    cuts: tuple[Any, ...]  # mpmath numbers, ascending
    smooth: tuple[sympy.Expr, ...]  # what holds before, between and after the cuts

    def exact(self, x: np.ndarray, orders: int = 3) -> np.ndarray:
        """Evaluate f and its derivatives to the last bit of float64: one order in each row.

        At a cut, f is what the formula says there, and the derivatives are NaN.
        """
        return np.array([self._at(float(v), orders) for v in np.ravel(x)]).reshape(-1, orders).T

    def sides(self, order: int) -> np.ndarray:
        """Evaluate f or a derivative just before and just after each cut: one cut in each row."""
        found = []
        with mpmath.workdps(FAR):
            for at, (before, after) in zip(self.cuts, pairwise(self.smooth), strict=True):
                left = _program(before, order + 1)(at - BESIDE)[order]
                found.append([float(left), float(_program(after, order + 1)(at + BESIDE)[order])])
        return np.array(found).reshape(-1, 2)

    def jumps(self, order: int) -> tuple[float, ...]:
        """Find where f or a derivative jumps, or becomes infinite."""
        left, right = self.sides(order).T
        return tuple(float(self.cuts[i]) for i in np.flatnonzero(np.abs(left - right) > 1e-12))

    def flat(self) -> bool:
        """Say whether f is constant between two cuts."""
        return any(sympy.diff(piece, X) == 0 for piece in self.smooth)

    def _at(self, x: float, orders: int) -> list[float]:
        with mpmath.workdps(NEAR if x == 0 or 1e-3 < abs(x) < 1e3 else FAR):
            at = mpmath.mpf(x)
            for cut in self.cuts:
                if abs(at - cut) <= 1e-15 * abs(cut):
                    value = _program(_settled(self.whole, cut), 1)(cut)[0]
                    return [float(value), *(orders - 1) * [np.nan]]
            piece = self.smooth[sum(at > cut for cut in self.cuts)]
            return [float(y) for y in _program(piece, orders)(at)]


@cache
def pieces(formula: str, params: tuple[tuple[str, float], ...]) -> Pieces:
    """Read a formula in x, the parameters' names and `WORDS`, in SymPy's notation."""
    values = {name: sympy.Float(value, 40) for name, value in params}
    whole = sympy.sympify(formula, locals=WORDS | values)
    with mpmath.workdps(NEAR):
        cuts = sorted({cut for test in whole.atoms(Relational) for cut in _roots(test)})
        ends = [cuts[0] - 2, *cuts, cuts[-1] + 2] if cuts else [mpmath.mpf(-1), mpmath.mpf(1)]
        smooth = tuple(_settled(whole, (low + high) / 2) for low, high in pairwise(ends))
    assert not any(piece.atoms(sympy.Abs, sympy.sign, sympy.Max, sympy.Min) for piece in smooth)
    return Pieces(whole, tuple(cuts), smooth)


def _roots(test: Relational) -> list[Any]:
    """Find where a condition changes: it is linear in x or |x|, or changes sign in (-64, 64)."""
    gap = test.lhs - test.rhs
    if gap.has(sympy.Abs):
        halves = [test.replace(sympy.Abs, side) for side in (lambda u: u, lambda u: -u)]
        return [root for half in halves for root in _roots(half)]
    f = _program(gap, 1)
    slope = sympy.diff(gap, X)
    if not slope.free_symbols:
        return [-f(mpmath.mpf(0))[0] / mpmath.mpf(slope)]
    grid = [mpmath.mpf(v) / 2 for v in range(-128, 129)]
    signs = [mpmath.sign(f(v)[0]) for v in grid]
    exact = [v for v, sign in zip(grid, signs, strict=True) if sign == 0]
    crossed = [i for i in range(256) if signs[i] * signs[i + 1] < 0]
    return exact + [
        mpmath.findroot(lambda v: f(v)[0], (grid[i], grid[i + 1]), solver="anderson")
        for i in crossed
    ]


def _settled(whole: sympy.Expr, at: Any) -> sympy.Expr:
    """Replace each condition by whether it holds at a number."""
    held = {}
    for test in whole.atoms(Relational):
        gap = _program(test.lhs - test.rhs, 1)(at)[0]
        gap = 0 if abs(gap) < 1e-40 else int(mpmath.sign(gap))
        held[test] = sympy.true if test.func(gap, 0) else sympy.false
    return sympy.sympify(whole.xreplace(held))


@cache
def _program(expression: sympy.Expr, orders: int) -> Callable[[Any], list[Any]]:
    """Compile an expression and its first derivatives to one function."""
    found = [expression]
    while len(found) < orders:
        found.append(sympy.diff(found[-1], X))
    return sympy.lambdify(X, found, modules=NUMERIC, cse=True)
