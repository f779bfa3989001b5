"""Which activations oscillate while they grow, and what is a wave at infinity?

A wave has no limit: where value or derivative have none, they are NaN at ±inf.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise
from relu_jax.activations.ranges import positive
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import finite, odds, times_gate
from relu_jax.activations.waves import sinc
from relu_jax.core import errors


@elementwise
def gcu(x: jax.Array) -> jax.Array:
    """Multiply x by a cosine, the growing cosine unit: x * cos(x).

    Edges: ±inf gives NaN in value and derivatives: there is no limit. NaN gives NaN in both.

    Source: Noel, Arunkumar, Trivedi & Dutta 2021, Growing cosine unit.

    Example:
        >>> round(float(gcu(1.0)), 6)
        0.540302
    """
    return x * jnp.cos(x)


@elementwise
def sinlu(x: jax.Array, *, amplitude: ArrayLike = 1.0, frequency: ArrayLike = 1.0) -> jax.Array:
    """Add a wave to silu: (x + amplitude * sin(frequency * x)) / (1 + e^-x).

    Args:
        x: any shape.
        amplitude: of the wave, not 0; 0 would be silu.
        frequency: of the wave, above 0.

    Edges: -inf gives 0 with derivative 0. inf gives inf; its derivatives are NaN, for the wave
    has no limit. NaN gives NaN in value and derivative.

    Source: Paul, Bandyopadhyay, Yoon, Geem & Sarkar 2022, SinLU.

    Example:
        >>> round(float(sinlu(1.0)), 6)
        1.346223
    """
    return _sinlu(x, amplitude, frequency)


def _sinlu_slope(x: jax.Array, amplitude: Any, frequency: Any) -> jax.Array:
    z, w = finite(x), _phase(x, frequency)
    a, b = odds(x)
    rise = (1 + amplitude * frequency * jnp.cos(w)) * (a / (a + b))
    turn = (z + amplitude * jnp.sin(w)) * (a * b / ((a + b) * (a + b)))
    return (rise + turn) * _nan_where(x == jnp.inf)


@with_slope(_sinlu_slope)
def _sinlu(x: jax.Array, amplitude: Any, frequency: Any) -> jax.Array:
    a, b = odds(x)
    gate = a / (a + b)
    return times_gate(x, gate) + amplitude * (gate * jnp.sin(_phase(x, frequency)))


def _phase(x: jax.Array, frequency: Any) -> jax.Array:
    w = frequency * x
    top = float(jnp.finfo(w.dtype).max)
    return lax.clamp(np.array(-top, w.dtype), w, np.array(top, w.dtype))


@elementwise
def snake(x: jax.Array, *, frequency: ArrayLike = 1.0) -> jax.Array:
    """Add a squared wave to x: x + sin(frequency * x)^2 / frequency.

    Args:
        x: any shape.
        frequency: the paper's a, above 0; 0 is the identity.

    Edges: ±inf gives ±inf; its derivatives are NaN, for the wave has no limit. NaN gives NaN
    in value and derivative.

    Source: Ziyin, Hartwig & Ueda 2020, equation 3.

    Example:
        >>> round(float(snake(1.0)), 6)
        1.708073
    """
    return _snake(x, frequency)


def _snake_bend(x: jax.Array, frequency: Any) -> jax.Array:
    w = _phase(x, frequency)
    sine, cosine = jnp.sin(w), jnp.cos(w)
    return 2 * frequency * ((cosine - sine) * (cosine + sine)) * _nan_where(jnp.isinf(x))


# Without a rule of its own its derivative at inf would be 0: the phase is clipped there.
@with_slope(_snake_bend)
def _snake_slope(x: jax.Array, frequency: Any) -> jax.Array:
    w = _phase(x, frequency)
    # 1 + sin(2 w) as a square keeps its digits where it touches 0.
    both = jnp.sin(w) + jnp.cos(w)
    return both * both * _nan_where(jnp.isinf(x))


@with_slope(lambda w: sinc(w) * (2 * jnp.cos(w) - sinc(w)))
def _hump(w: jax.Array) -> jax.Array:
    return jnp.sin(w) * sinc(w)


def _snake_in_frequency(x: jax.Array, frequency: Any) -> jax.Array:
    # x sin(w)^2 / w for sin(w)^2 / frequency: a derivative at 0 too, and no 1 / frequency^2.
    return x + x * _hump(_phase(x, frequency))


@with_slope(_snake_slope, in_params=_snake_in_frequency)
def _snake(x: jax.Array, frequency: Any) -> jax.Array:
    wave = jnp.sin(_phase(x, frequency))
    return x + wave * (wave / jnp.where(frequency == 0, 1, frequency))


def _nan_where(test: jax.Array) -> jax.Array:
    # As a factor it makes higher derivatives NaN too.
    return jnp.where(test, jnp.nan, 1.0)


def _sinlu_facts(amplitude: float, frequency: float) -> dict[str, Any]:
    if amplitude == 0:
        raise errors.rejected(
            rule="sinlu needs an amplitude other than 0",
            got="amplitude=0.0, which is silu",
            do="pass amplitude=1, or take silu",
        )
    return positive("sinlu", frequency=frequency)


def _sinlu_fit(f: Callable[..., Any]) -> Params | None:
    # f(x) - f(-x) - x is the wave: the two gates add up to 1.
    one, two = (above - below - x for x, above, below in _mirrored(f, 1.0, 2.0))
    if one == 0 or not abs(two) < 2 * abs(one):
        return None
    frequency = np.arccos(two / (2 * one)).item()
    # A slower wave is a straight line, as that of eswish.
    slow = frequency < 0.01
    return None if slow else proposal(amplitude=one / np.sin(frequency).item(), frequency=frequency)


def _snake_fit(f: Callable[..., Any]) -> Params | None:
    # The even part is sin(a x)^2 / a; at 2 it is 4 cos(a)^2 times what it is at 1.
    one, two = ((above + below) / 2 for _, above, below in _mirrored(f, 1.0, 2.0))
    if not 0 <= two < 4 * one < np.inf:
        return None
    return proposal(frequency=(1 - two / (4 * one)) / one)


def _mirrored(f: Callable[..., Any], *points: float) -> list[tuple[float, float, float]]:
    values = samples(f, *points, *(-x for x in points))
    return list(zip(points, values[: len(points)], values[len(points) :], strict=True))


GCU = Activation("gcu", gcu, "x * cos(x)", "Noel, Arunkumar, Trivedi & Dutta 2021")
SINLU = Activation(
    "sinlu",
    sinlu,
    "(x + amplitude * sin(frequency * x)) / (1 + e^-x)",
    "Paul, Bandyopadhyay, Yoon, Geem & Sarkar 2022",
    {"amplitude": 1.0, "frequency": 1.0},
    facts=_sinlu_facts,
    fit=_sinlu_fit,
)
SNAKE = Activation(
    "snake",
    snake,
    "x + sin(frequency * x)^2 / frequency",
    "Ziyin, Hartwig & Ueda 2020, equation 3",
    {"frequency": 1.0},
    facts=partial(positive, "snake"),
    fit=_snake_fit,
)
