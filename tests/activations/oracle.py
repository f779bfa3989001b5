"""What is f, f′ or f″ to more digits than a float has? SymPy differentiates, mpmath evaluates."""

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy

X = sympy.Symbol("x", real=True)


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


class Phi(sympy.Function):
    """The normal distribution function; SymPy would write it as a difference from 1."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """Differentiate."""
        return density(self.args[0])


def density(u: Any) -> sympy.Expr:
    """Write the normal density."""
    return sympy.exp(-(u**2) / 2) / sympy.sqrt(2 * sympy.pi)


def clip(u: Any, low: Any, high: Any) -> sympy.Expr:
    """Write u, kept between low and high."""
    return sympy.Piecewise((low, u < low), (high, u > high), (u, True))


def relu(u: Any) -> sympy.Expr:
    """Write the positive part of u."""
    return sympy.Piecewise((u, u > 0), (0, True))


def where(test: Any, yes: Any, no: Any) -> sympy.Expr:
    """Write one expression where a condition holds, else another."""
    return sympy.Piecewise((yes, test), (no, True))


WORDS = {
    "x": X, "sigmoid": Sigmoid, "softplus": Softplus, "Phi": Phi, "phi": density, "clip": clip,
    "relu": relu, "where": where,
}  # fmt: skip
NUMERIC = [
    {
        "Sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
        "Softplus": lambda u: mpmath.log1p(mpmath.exp(u)),
        "Phi": mpmath.ncdf,
    },
    "mpmath",
]


def derivative(formula: str, params: tuple[tuple[str, float], ...], order: int) -> sympy.Expr:
    """Differentiate a formula in x, its parameters replaced by their exact binary values."""
    values = {name: sympy.Float(value, 40) for name, value in params}
    expression = sympy.sympify(formula, locals=WORDS | values)
    return sympy.diff(expression, X, order) if order else sympy.sympify(expression)


@cache
def vanishing(
    formula: str, params: tuple[tuple[str, float], ...], order: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Build a function that says where a derivative is 0, and not only too small for a float."""
    f = sympy.lambdify(X, derivative(formula, params, order), modules=NUMERIC)

    def values(x: np.ndarray) -> np.ndarray:
        with mpmath.workdps(120):
            return np.array([f(mpmath.mpf(float(v))) == 0 for v in np.asarray(x).ravel()])

    return values


@cache
def exact(
    formula: str, params: tuple[tuple[str, float], ...], order: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Build a function of float64 arrays that evaluates a derivative to the last bit.

    Args:
        formula: in x, the parameters' names and `WORDS`, in SymPy's notation.
        params: names and values.
        order: 0 is the function itself.
    """
    f = sympy.lambdify(X, derivative(formula, params, order), modules=NUMERIC)

    def values(x: np.ndarray) -> np.ndarray:
        with mpmath.workdps(40):
            return np.array([float(f(mpmath.mpf(float(v)))) for v in np.asarray(x).ravel()])

    return values
