"""Which activations go up and down again: waves, bumps, and the exponential they share?

A wave has no limit at ±inf, and is NaN there; a finite argument never gives NaN, not even where
its product with the frequency overflows.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise
from relu_jax.activations.ranges import positive
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import bell, finite_product, in_widths, narrow_bell, settled


@elementwise
def gaussian(x: jax.Array, *, width: ArrayLike = 1.0) -> jax.Array:
    """Respond around 0 alone, as a normal density of height 1: e^(-(x / width)^2 / 2).

    Args:
        x: any shape.
        width: standard deviation, above 0; sqrt(1/2) gives `gaussian_square`.

    Edges: ±inf gives 0 with derivative 0; NaN gives NaN.

    Source: definition; the radial basis function of Broomhead & Lowe 1988.

    Example:
        >>> round(float(gaussian(1.0)), 6)
        0.606531
    """
    return _gaussian(x, width)


def _gaussian_slope(x: jax.Array, width: Any) -> jax.Array:
    z = in_widths(x, width)
    return -(z * bell(z)) * (1 / width)


@with_slope(_gaussian_slope)
def _gaussian(x: jax.Array, width: Any) -> jax.Array:
    return bell(in_widths(x, width))


@elementwise
def gaussian_square(x: jax.Array) -> jax.Array:
    """Respond around 0 alone: e^(-x^2), without the 1/2 of `gaussian`.

    Edges: ±inf gives 0 with derivative 0; NaN gives NaN.

    Source: definition.

    Example:
        >>> round(float(gaussian_square(1.0)), 6)
        0.367879
    """
    return narrow_bell(x)


@elementwise
def ricker(x: jax.Array) -> jax.Array:
    """Excite around 0 and inhibit beside it, the Mexican hat: (1 - x^2) e^(-x^2 / 2).

    Minus the second derivative of `gaussian`; the height at 0 is 1.

    Edges: ±inf gives 0 with derivative 0; NaN gives NaN.

    Source: Ricker 1953; Marr & Hildreth 1980.

    Example:
        >>> ricker(jnp.array([0.0, 1.0])).tolist()
        [1.0, 0.0]
    """
    return _ricker(x)


def _ricker_slope(x: jax.Array) -> jax.Array:
    z = settled(x)
    return z * (z * z - 3) * bell(x)


@with_slope(_ricker_slope)
def _ricker(x: jax.Array) -> jax.Array:
    z = settled(x)
    return (1 - z * z) * bell(x)


@elementwise
def sine(x: jax.Array, *, frequency: ArrayLike = 30.0) -> jax.Array:
    """Wave: sin(frequency * x), the SIREN activation at its 30.

    Args:
        x: any shape.
        frequency: radians for each unit of x, above 0.

    Edges: ±inf gives NaN, in the derivatives too: there is no limit. A finite x gives a number
    within [-1, 1], meaningless where the spacing of floats around x exceeds the period.

    Source: Sitzmann, Martel, Bergman, Lindell & Wetzstein 2020.

    Example:
        >>> round(float(sine(1.0, frequency=2.0)), 6)
        0.909297
    """
    return jnp.sin(finite_product(frequency, x))


@elementwise
def cosine(x: jax.Array, *, frequency: ArrayLike = 1.0) -> jax.Array:
    """Wave, evenly: cos(frequency * x).

    Args:
        x: any shape.
        frequency: radians for each unit of x, above 0.

    Edges: as those of `sine`.

    Source: Rahimi & Recht 2007 (random features).

    Example:
        >>> float(cosine(0.0))
        1.0
    """
    return jnp.cos(finite_product(frequency, x))


@elementwise
def sinc(x: jax.Array) -> jax.Array:
    """Ring around 0, the cardinal sine without pi: sin(x) / x, and 1 at 0.

    ``jnp.sinc(x / pi)``.

    Edges: 0 gives 1 with derivative 0; ±inf gives 0 with derivative 0; NaN gives NaN.

    Source: definition.

    Example:
        >>> sinc(jnp.array([0.0, jnp.inf])).tolist()
        [1.0, 0.0]
    """
    return _sinc(x)


def _sinc_bend(x: jax.Array) -> jax.Array:
    return 2 * _tilt(x) - _sinc(x)


@with_slope(_sinc_bend)
def _sinc_slope(x: jax.Array) -> jax.Array:
    return jnp.where(jnp.abs(x) < 1, -x * _tilt(x), -_fall(x))


@with_slope(_sinc_slope)
def _sinc(x: jax.Array) -> jax.Array:
    undefined = (x == 0) | jnp.isinf(x)
    safe = jnp.where(undefined, 1, x)
    return jnp.where(undefined, jnp.where(x == 0, 1, 0), jnp.sin(safe) / safe).astype(x.dtype)


def _tilt(x: jax.Array) -> jax.Array:
    """Take -f'(x) / x = (sin x - x cos x) / x^3, by its series where that cancels."""
    near = jnp.abs(x) < 1
    z = jnp.where(near, x, 0)
    series = jnp.ones_like(z)
    for k in range(8, 0, -1):
        series = 1 - z * z / (2 * k * (2 * k + 3)) * series
    return jnp.where(near, series / 3, _fall(x) / jnp.where(near, 1, x))


def _fall(x: jax.Array) -> jax.Array:
    """Take -f'(x) from 1 on; 0 at infinity."""
    skipped = (jnp.abs(x) < 1) | jnp.isinf(x)
    safe = jnp.where(skipped, 1, x)
    return jnp.where(skipped, 0, (jnp.sin(safe) / safe - jnp.cos(safe)) / safe)


@elementwise
def exponential(x: jax.Array) -> jax.Array:
    """Take the exponential: e^x.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative inf; NaN gives NaN.

    Source: definition.

    Example:
        >>> round(float(exponential(1.0)), 6)
        2.718282
    """
    return jnp.exp(x)


def _gaussian_fit(f: Callable[..., Any]) -> Params | None:
    found = _first_below(f, 0.75)
    if found is None or not found[1] > 0:
        return None
    return proposal(width=found[0] / np.sqrt(-2 * np.log(found[1])).item())


def _sine_fit(f: Callable[..., Any]) -> Params | None:
    h = 2.0**-8
    y = samples(f, h)[0]
    return proposal(frequency=np.arcsin(y).item() / h) if 0 < y < 1 else None


def _cosine_fit(f: Callable[..., Any]) -> Params | None:
    found = _first_below(f, 0.5)
    if found is None or not found[1] > -1:
        return None
    return proposal(frequency=np.arccos(found[1]).item() / found[0])


def _first_below(f: Callable[..., Any], level: float) -> tuple[float, float] | None:
    """Find the first power of 2 where f, falling from 1 at 0, is below a level, and f there."""
    points = 2.0 ** np.arange(-12, 13)
    at_zero, *rest = samples(f, 0.0, *points.tolist())
    below = np.nonzero(np.asarray(rest) < level)[0]
    if at_zero != 1 or not len(below):
        return None
    return float(points[below[0]]), float(rest[below[0]])


GAUSSIAN_SQUARE = Activation(
    "gaussian_square", gaussian_square, "e^(-x^2)", "definition", plain=True
)
GAUSSIAN = Activation(
    "gaussian",
    gaussian,
    "e^(-(x / width)^2 / 2)",
    "definition",
    {"width": 1.0},
    facts=partial(positive, "gaussian"),
    fit=_gaussian_fit,
    plain=True,
)
RICKER = Activation("ricker", ricker, "(1 - x^2) e^(-x^2 / 2)", "Ricker 1953; Marr & Hildreth 1980")
SINE = Activation(
    "sine",
    sine,
    "sin(frequency * x)",
    "Sitzmann, Martel, Bergman, Lindell & Wetzstein 2020",
    {"frequency": 30.0},
    facts=partial(positive, "sine"),
    fit=_sine_fit,
    plain=True,
)
COSINE = Activation(
    "cosine",
    cosine,
    "cos(frequency * x)",
    "Rahimi & Recht 2007",
    {"frequency": 1.0},
    facts=partial(positive, "cosine"),
    fit=_cosine_fit,
    plain=True,
)
SINC = Activation("sinc", sinc, "sin(x) / x", "definition", plain=True)
EXPONENTIAL = Activation("exponential", exponential, "e^x", "definition", plain=True)
