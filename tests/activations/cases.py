"""What every activation must do: NumPy float64 formulas that share no code with ours."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from relu_jax.activations import CATALOGUE, Activation, get

INF = np.inf
LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772


class Case(NamedTuple):
    """One activation with its oracle: f, f', f'' in float64, and its limits."""

    act: Activation
    formula: tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]
    limits: tuple[float, float]  # f(-inf), f(inf)
    slopes: tuple[float, float]  # f'(-inf), f'(inf)
    ends: tuple[float, float]  # the range of f over the real numbers
    spread: float = 1.0  # how much more rounding the formula carries than a single product

    @property
    def label(self) -> str:
        """Name the row by activation and parameters."""
        values = ",".join(f"{k}={v:g}" for k, v in self.act.params.items())
        return f"{self.act.name}({values})"


def step(x):
    """Zero below and at 0, one above."""
    return np.where(x > 0, 1.0, 0.0)


def zero(x):
    """Zero everywhere."""
    return np.zeros_like(x)


def density(x):
    """Return the normal density."""
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def sech2(u):
    """Return 1/cosh^2 without overflow."""
    return 4 * special.expit(2 * u) * special.expit(-2 * u)


def elu(scale: float, alpha: float):
    """Scaled elu with its derivatives; at 0 the lower branch holds."""
    return (
        lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        lambda x: scale * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
        lambda x: scale * np.where(x > 0, 0.0, alpha * np.exp(np.minimum(x, 0))),
    )


def leaky(slope: float):
    """Leaky rectifier; at 0 the upper branch holds."""
    return (
        lambda x: np.where(x < 0, slope * x, x),
        lambda x: np.where(x < 0, slope, 1.0),
        zero,
    )


def clip(low: float, high: float, slope: float):
    """Clipped line with `slope` at both kinks."""

    def derivative(x):
        inside = np.where((x > low) & (x < high), 1.0, 0.0)
        return np.where((x == low) | (x == high), slope, inside)

    return lambda x: np.clip(x, low, high), derivative, zero


def logistic(x):
    """Logistic function."""
    return special.expit(x)


def logistic_slope(x):
    """Derivative of the logistic function, without cancellation."""
    return special.expit(x) * special.expit(-x)


def silu(beta: float):
    """Swish with its derivatives."""
    return (
        lambda x: x * logistic(beta * x),
        lambda x: logistic(beta * x) + beta * x * logistic_slope(beta * x),
        lambda x: beta * logistic_slope(beta * x) * (2 + beta * x * (1 - 2 * logistic(beta * x))),
    )


def softplus(beta: float):
    """Softplus with its derivatives."""
    return (
        lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(beta * x))) / beta,
        lambda x: logistic(beta * x),
        lambda x: beta * logistic_slope(beta * x),
    )


def gelu_tanh_inner(x):
    """Argument of the tanh, with its two derivatives."""
    c = np.sqrt(2 / np.pi)
    return c * (x + 0.044715 * x**3), c * (1 + 3 * 0.044715 * x**2), c * 6 * 0.044715 * x


def gelu_tanh_slope(x):
    """First derivative of the tanh form."""
    u, du, _ = gelu_tanh_inner(x)
    return 0.5 * (1 + np.tanh(u)) + 0.5 * x * du * sech2(u)


def gelu_tanh_bend(x):
    """Second derivative of the tanh form."""
    u, du, ddu = gelu_tanh_inner(x)
    return (du + 0.5 * x * ddu - x * du**2 * np.tanh(u)) * sech2(u)


IDENTITY = (lambda x: x, np.ones_like, zero)
RELU = (lambda x: np.maximum(x, 0), step, zero)
GELU = (
    lambda x: x * special.ndtr(x),
    lambda x: special.ndtr(x) + x * density(x),
    lambda x: (2 - x**2) * density(x),
)
GELU_TANH = (
    lambda x: 0.5 * x * (1 + np.tanh(gelu_tanh_inner(x)[0])),
    gelu_tanh_slope,
    gelu_tanh_bend,
)
TANH = (
    np.tanh,
    sech2,
    lambda x: -2 * np.tanh(x) * sech2(x),
)
SIGMOID = (logistic, logistic_slope, lambda x: -logistic_slope(x) * np.tanh(x / 2))
LOG_SIGMOID = (special.log_expit, lambda x: logistic(-x), lambda x: -logistic_slope(x))

CASES = (
    Case(get("identity"), IDENTITY, (-INF, INF), (1, 1), (-INF, INF)),
    Case(get("relu"), RELU, (0, INF), (0, 1), (0, INF)),
    Case(get("leaky_relu"), leaky(0.01), (-INF, INF), (0.01, 1), (-INF, INF)),
    Case(get("leaky_relu", slope=0.25), leaky(0.25), (-INF, INF), (0.25, 1), (-INF, INF)),
    Case(get("elu"), elu(1, 1), (-1, INF), (0, 1), (-1, INF)),
    Case(get("elu", alpha=0.5), elu(1, 0.5), (-0.5, INF), (0, 1), (-0.5, INF)),
    Case(
        get("selu"),
        elu(LAMBDA, ALPHA),
        (-LAMBDA * ALPHA, INF),
        (0, LAMBDA),
        (-LAMBDA * ALPHA, INF),
    ),
    Case(get("gelu"), GELU, (0, INF), (0, 1), (-0.169971, INF)),
    # The tanh argument moves 3.4 times as fast as x where the gate closes; squared in f".
    Case(get("gelu_tanh"), GELU_TANH, (0, INF), (0, 1), (-0.170041, INF), spread=12),
    Case(get("silu"), silu(1), (0, INF), (0, 1), (-0.278465, INF)),
    Case(get("silu", beta=1.702), silu(1.702), (0, INF), (0, 1), (-0.278465 / 1.702, INF)),
    Case(get("softplus"), softplus(1), (0, INF), (0, 1), (0, INF)),
    Case(get("softplus", beta=4), softplus(4), (0, INF), (0, 1), (0, INF)),
    Case(get("tanh"), TANH, (-1, 1), (0, 0), (-1, 1)),
    Case(get("sigmoid"), SIGMOID, (0, 1), (0, 0), (0, 1)),
    Case(get("relu6"), clip(0, 6, 0), (0, 6), (0, 0), (0, 6)),
    Case(get("hard_tanh"), clip(-1, 1, 1), (-1, 1), (0, 0), (-1, 1)),
    Case(get("hard_tanh", low=-2, high=0.5), clip(-2, 0.5, 1), (-2, 0.5), (0, 0), (-2, 0.5)),
    Case(get("log_sigmoid"), LOG_SIGMOID, (-INF, 0), (1, 0), (-INF, 0)),
)
LABELS = [case.label for case in CASES]

assert {case.act.name for case in CASES} == {act.name for act in CATALOGUE}
