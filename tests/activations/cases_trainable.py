"""Rows of the activations with learned parameters: formulas as one would write them first."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy import special

from relu_jax.activations.lookup import get_trainable
from relu_jax.activations.trainable import Trainable

INF = np.inf
WIDE = np.longdouble  # x + sqrt(x^2 + b) cancels less in it


class Row(NamedTuple):
    """A trained function at some parameters, and what is true of it whatever our code says."""

    name: str
    params: dict[str, Any]
    formula: Callable[..., np.ndarray]  # in x and the parameters, as one would write it first
    kinks: tuple[float, ...]
    limits: tuple[float, float]  # f(-inf), f(inf)
    slopes: tuple[float, float]  # f'(-inf), f'(inf)

    @property
    def trainable(self) -> Trainable:
        """Find what the row is about."""
        return get_trainable(self.name)

    def held(self, dtype: str) -> dict[str, np.ndarray]:
        """Give the parameters as `dtype` holds them, in the widest float."""
        return {k: np.asarray(v, jnp.dtype(dtype)).astype(WIDE) for k, v in self.params.items()}

    def exact(self, x: np.ndarray, dtype: str = "float64", **other: np.ndarray) -> np.ndarray:
        """Evaluate the formula in the widest float, at these parameters or others."""
        with np.errstate(all="ignore"):
            return self.formula(np.asarray(x, WIDE), **(self.held(dtype) | other))

    def slope(self, x: np.ndarray, dtype: str) -> np.ndarray:
        """Differentiate the formula in x."""
        x, h = np.asarray(x, WIDE), step(x)
        return (self.exact(x + h, dtype) - self.exact(x - h, dtype)) / (2 * h)

    def pull(self, x: np.ndarray, dtype: str) -> dict[str, np.ndarray]:
        """Differentiate the formula in each number of each parameter: they lead."""
        found = {}
        for name, value in self.held(dtype).items():
            moves = 1e-6 * np.eye(value.size, dtype=WIDE).reshape(-1, *value.shape)
            ends = [[self.exact(x, dtype, **{name: value + s * m}) for s in (-1, 1)] for m in moves]
            found[name] = np.array([(high - low) / 2e-6 for low, high in ends])
        return found


def step(x):
    """Choose how far apart a difference is taken."""
    return 1e-6 * np.maximum(1, np.abs(x) / 1e4)


def erf(x):
    """Take the error function; SciPy has none in the widest float."""
    return special.erf(np.float64(x))


def bent(x, low, low_slope, high, high_slope):
    """Add two hinges to the identity."""
    return x + (low_slope - 1) * np.minimum(x - low, 0) + (high_slope - 1) * np.maximum(x - high, 0)


def hinged(x, slope, hinge):
    """Add hinges one by one."""
    terms = [s * np.maximum(h - x, 0) for s, h in zip(slope, hinge, strict=True)]
    return np.maximum(x, 0) + sum(terms)


def acon(x, p1, p2, beta):
    """Write ACON-C as in the paper."""
    return (p1 - p2) * x * special.expit(beta * (p1 - p2) * x) + p2 * x


def integrated(x, positive, negative):
    """Write xIELU as in its paper, alpha_n with its lower bound."""
    p, n = np.log1p(np.exp(positive)), 0.5 + np.log1p(np.exp(negative))
    return np.where(x > 0, p * x**2 + 0.5 * x, n * (np.expm1(x) - x) + 0.5 * x)


def risen(x, slope, bend):
    """Add up what lies below each piece, from the first bend on."""
    ends = [*bend[1:], np.inf]
    pieces = zip(slope, bend, ends, strict=True)
    return sum(s * (np.clip(x, low, high) - low) for s, low, high in pieces)


def quotient(x, numerator, denominator):
    """Write the safe Padé unit as in its paper."""
    below = sum(b * x ** (k + 1) for k, b in enumerate(denominator))
    return np.polyval(numerator[::-1], x) / (1 + np.abs(below))


ROWS = (
    Row("prelu", {"slope": 0.3}, lambda x, slope: np.where(x >= 0, x, slope * x),
        (0,), (-INF, INF), (0.3, 1)),
    Row("pelu", {"a": 1.5, "b": 2.5},
        lambda x, a, b: np.where(x >= 0, a / b * x, a * np.expm1(x / b)),
        (), (-1.5, INF), (0, 0.6)),
    Row("mpelu", {"alpha": 1.5, "beta": 0.4},
        lambda x, alpha, beta: np.where(x > 0, x, alpha * np.expm1(beta * x)),
        (0,), (-1.5, INF), (0, 1)),
    Row("srelu", {"low": -1.0, "low_slope": 0.25, "high": 2.0, "high_slope": 0.5}, bent,
        (-1, 2), (-INF, INF), (0.25, 0.5)),
    Row("apl", {"slope": [0.5, 0.75], "hinge": [-1.0, 0.5]}, hinged,
        (-1, 0, 0.5), (INF, INF), (-1.25, 1)),
    Row("replu", {"slope": [0.5, 1.5, 0.25], "bend": [-1.0, 0.5, 2.0]}, risen,
        (-1, 0.5, 2), (0, INF), (0, 0.25)),
    Row("star_relu", {"scale": 1.5, "bias": -0.4},
        lambda x, scale, bias: scale * np.maximum(x, 0) ** 2 + bias,
        (), (-0.4, INF), (0, INF)),
    Row("swish", {"beta": 1.7}, lambda x, beta: x * special.expit(beta * x),
        (), (0, INF), (0, 1)),
    Row("acon_c", {"p1": 1.2, "p2": -0.3, "beta": 1.5}, acon,
        (), (INF, INF), (-0.3, 1.2)),
    Row("snake", {"a": 1.4}, lambda x, a: x + np.sin(a * x) ** 2 / a,
        (), (-INF, INF), (np.nan, np.nan)),
    Row("squareplus", {"b": 2.5}, lambda x, b: (x + np.sqrt(x**2 + b)) / 2,
        (), (0, INF), (0, 1)),
    Row("smu", {"alpha": 0.25, "mu": 1.3},
        lambda x, alpha, mu: (1 + alpha + (1 - alpha) * erf(mu * (1 - alpha) * x)) * x / 2,
        (), (-INF, INF), (0.25, 1)),
    Row("xielu", {"positive": 0.2, "negative": -1.0}, integrated,
        (), (INF, INF), (-np.log1p(np.exp(-1)), INF)),
    Row("dyt", {"alpha": 0.6, "gamma": 1.5, "beta": -0.2},
        lambda x, alpha, gamma, beta: gamma * np.tanh(alpha * x) + beta,
        (), (-1.7, 1.3), (0, 0)),
    Row("apa", {"kappa": 0.8, "lam": 0.5},
        lambda x, kappa, lam: (1 + lam * np.exp(-kappa * x)) ** (-1 / lam),
        (), (0, 1), (0, 0)),
    Row("aglu", {"kappa": 0.8, "lam": 0.5},
        lambda x, kappa, lam: x * (1 + lam * np.exp(-kappa * x)) ** (-1 / lam),
        (), (0, INF), (0, 1)),
    Row("pade", {"numerator": [0.1, 0.5, 0.3, 0.2, 0.1, 0.05], "denominator": [0, 1, 0, 0.25]},
        quotient, (), (-INF, INF), (0.2, 0.2)),
)  # fmt: skip
