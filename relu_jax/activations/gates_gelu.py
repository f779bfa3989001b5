"""Which activations vary gelu, x times the normal distribution function?"""

from collections.abc import Callable
from math import erfc, exp, pi, sqrt
from statistics import NormalDist
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, as_float, proposal, samples
from relu_jax.activations.ranges import positive
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.smooth import gelu, gelu_tanh
from relu_jax.activations.tails import narrow_bell, scaled, settled
from relu_jax.core import errors

LOWEST_AT = -0.7517915246935645
LOWEST = -0.16997120747990369


@jax.jit
def gelu_fast(x: ArrayLike) -> jax.Array:
    """Approximate gelu as `gelu_tanh` does, under the name it has in Hugging Face Transformers.

    x/2 * (1 + tanh(0.7978845608 x (1 + 0.044715 x^2))), the same function with the constant
    sqrt(2/pi) cut at ten digits (2.9e-12 smaller), which is not imitated.

    Edges: those of `gelu_tanh`: -inf gives 0 with derivative 0, inf gives inf with derivative 1.
    NaN gives NaN in value and derivative.

    Source: Hendrycks & Gimpel 2016, section 2.

    Example:
        >>> float(gelu_fast(1.0)) == float(gelu_tanh(1.0))
        True
    """
    return gelu_tanh(x)


@jax.jit
def clipped_gelu(x: ArrayLike, *, low: ArrayLike = -10.0, high: ArrayLike = 10.0) -> jax.Array:
    """Clip the exact gelu to [low, high], so that its outputs can be quantized.

    Args:
        x: any shape.
        low: at most 0; below -0.17 it changes nothing.
        high: above 0.

    Edges: at a kink the slope is that of gelu, as PyTorch's clip has it. -inf gives 0 with
    derivative 0, inf gives `high` with derivative 0. NaN gives NaN in value and derivative.

    Source: Wu, Judd, Zhang, Isaev & Micikevicius 2020, Integer quantization for deep learning
    inference (GELU10).

    Example:
        >>> clipped_gelu(jnp.array([-jnp.inf, 20.0])).tolist()
        [-0.0, 10.0]
    """
    y = gelu(x)
    return jnp.where(y > high, high, jnp.where(y < low, low, y))


@jax.jit
def smu(x: ArrayLike, *, alpha: ArrayLike = 0.25, mu: ArrayLike = 1.0) -> jax.Array:
    """Smooth the maximum of x and alpha x with the error function.

    ((1 + alpha) x + (1 - alpha) x erf(mu (1 - alpha) x)) / 2

    Args:
        x: any shape.
        alpha: slope at -inf, below 1; above 1, which training may reach, it is the slope at inf.
        mu: sharpness, above 0; the paper trains it. alpha = 0 with mu = sqrt(1/2) is gelu.

    Edges: inf gives inf with derivative 1; -inf gives alpha * -inf, or 0 where alpha is 0, with
    derivative alpha. NaN gives NaN in value and derivative. The tail for alpha = 0 is accurate
    to its own size.

    Source: Biswas, Kumar, Banerjee & Pandey 2022, SMU.

    Example:
        >>> round(float(smu(1.0, alpha=0.0, mu=0.5**0.5)), 6)
        0.841345
    """
    return _smu(as_float(x), alpha, mu)


def _turn(x: jax.Array, alpha: Any, mu: Any) -> jax.Array:
    return settled(((1 - alpha) * mu) * x)


def _smu_slope(x: jax.Array, alpha: Any, mu: Any) -> jax.Array:
    v = _turn(x, alpha, mu)
    return alpha + (1 - alpha) * (0.5 * lax.erfc(-v) + v * (narrow_bell(v) / sqrt(pi)))


@with_slope(_smu_slope)
def _smu(x: jax.Array, alpha: Any, mu: Any) -> jax.Array:
    v = _turn(x, alpha, mu)
    opened, far = v > 0, jnp.abs(v) == 40
    # The nearer line, and what is left of the other: nothing overflows, or meets inf * 0.
    line = jnp.where(opened, x, scaled(alpha, x))
    rest = jnp.where(far, 0, jnp.where(opened, -x, x)) * (0.5 * lax.erfc(jnp.abs(v)))
    return line + (1 - alpha) * rest


def _gelu_at(x: float) -> float:
    return x / 2 * erfc(-x / sqrt(2))


def _gelu_slope_at(x: float) -> float:
    return erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi)


def _crossing(level: float, falls: float, rises: float) -> float:
    """Find where gelu is `level`: above it at `rises`, at most it at `falls`, by bisection."""
    while (middle := (falls + rises) / 2) not in (falls, rises):
        falls, rises = (falls, middle) if _gelu_at(middle) > level else (middle, rises)
    return falls if abs(_gelu_at(falls) - level) < abs(_gelu_at(rises) - level) else rises


def _clipped_gelu_facts(low: float, high: float) -> dict[str, Any]:
    if not low <= 0 < high:
        raise errors.rejected(
            rule="clipped_gelu needs low <= 0 < high",
            got=f"low={low} and high={high}",
            do="pass low=-10 and high=10, or other bounds on both sides of 0",
        )
    kinks = [_crossing(high, 0.0, high + 1)]
    if low > LOWEST:
        kinks.insert(0, _crossing(low, LOWEST_AT, 1.0) if low < 0 else 0.0)
        if low < 0:
            kinks.insert(0, _crossing(low, LOWEST_AT, -40.0))
    slopes = tuple(_gelu_slope_at(kink) for kink in kinks)
    return {"kinks": tuple(kinks), "slope_at_kinks": slopes, "flat": True}


def _clipped_gelu_fit(f: Callable[..., Any]) -> Params | None:
    lowest, high, still = samples(f, LOWEST_AT, 1e4, 3e4)
    if not (LOWEST - 1e-6 < lowest <= 0 < high == still):
        return None
    # A bound that gelu does not reach leaves no trace in f: then the usual one is proposed.
    return proposal(low=lowest if lowest > LOWEST + 1e-6 else -10.0, high=high)


def _smu_facts(alpha: float, mu: float) -> dict[str, Any]:
    if not alpha < 1:
        raise errors.rejected(
            rule="smu needs alpha < 1",
            got=f"alpha={alpha}",
            do="pass alpha=0.25; f(x) is alpha * smu(x, alpha=1/alpha, mu=alpha*mu)",
        )
    return positive("smu", mu=mu)


def _smu_fit(f: Callable[..., Any]) -> Params | None:
    far, below, above = samples(f, -3e4, -1.0, 1.0)
    alpha = far / -3e4 + 0.0
    if not alpha < 1:
        return None
    half = 0.5 + (above + below) / (1 - alpha) / 2  # the gate at 1
    if not 0.5 < half < 1:
        return None
    return proposal(alpha=alpha, mu=NormalDist().inv_cdf(half) / sqrt(2) / (1 - alpha))


GELU_FAST = Activation(
    "gelu_fast",
    gelu_fast,
    "x/2 * (1 + tanh(0.7978845608 x (1 + 0.044715 x^2)))",
    "Hendrycks & Gimpel 2016, section 2",
)
CLIPPED_GELU = Activation(
    "clipped_gelu",
    clipped_gelu,
    "min(max(x/2 * erfc(-x / sqrt(2)), low), high)",
    "Wu, Judd, Zhang, Isaev & Micikevicius 2020",
    {"low": -10.0, "high": 10.0},
    kinks=(10.0,),
    slope_at_kinks=(1.0,),
    flat=True,
    facts=_clipped_gelu_facts,
    fit=_clipped_gelu_fit,
)
SMU = Activation(
    "smu",
    smu,
    "((1 + alpha) x + (1 - alpha) x erf(mu (1 - alpha) x)) / 2",
    "Biswas, Kumar, Banerjee & Pandey 2022",
    {"alpha": 0.25, "mu": 1.0},
    facts=_smu_facts,
    fit=_smu_fit,
)
