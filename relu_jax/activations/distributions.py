"""Which activations are a distribution function, and how do their thin tails stay exact?

A tail keeps its own size only where it is not written as a difference from 1: erfc and expm1
take the place of 1 + erf and 1 - exp.
"""

from collections.abc import Callable
from functools import partial
from statistics import NormalDist
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, as_float, proposal, samples
from relu_jax.activations.ranges import positive
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import DENSITY, bell, in_widths, narrow_bell, normal_law

_TOP = 6.7  # e^-e^6.7 is 0 in every float


@jax.jit
def erf(x: ArrayLike) -> jax.Array:
    """Squash to (-1, 1) with the error function: 2/sqrt(pi) * integral of e^(-t^2), 0 to x.

    Edges: ±inf gives ±1 with derivative 0; NaN gives NaN.

    Source: definition.

    Example:
        >>> round(float(erf(1.0)), 6)
        0.842701
    """
    return _erf(as_float(x))


@with_slope(lambda x: 2 / np.sqrt(np.pi).item() * narrow_bell(x))
def _erf(x: jax.Array) -> jax.Array:
    return lax.erf(x)


@jax.jit
def normal_cdf(x: ArrayLike) -> jax.Array:
    """Squash to (0, 1) with the normal distribution function: erfc(-x / sqrt(2)) / 2.

    Edges: -inf gives 0, inf gives 1, both with derivative 0; NaN gives NaN. The negative tail
    is accurate to its own size.

    Source: Gomes & Ludermir 2008 (probit).

    Example:
        >>> round(float(normal_cdf(1.0)), 6)
        0.841345
    """
    return normal_law(as_float(x))


@jax.jit
def laplace(x: ArrayLike, *, mu: ArrayLike = 0.707107, sigma: ArrayLike = 0.282095) -> jax.Array:
    """Squash to (0, 1) with a normal distribution function: (1 + erf(u / sqrt(2))) / 2.

    u = (x - mu) / sigma. With its default constants, sqrt(1/2) and sqrt(1/(4 pi)), it meets the
    squared relu at sqrt(1/2), in value and slope.

    Args:
        x: any shape.
        mu: where the value is 1/2.
        sigma: width, above 0; mu = 0 and sigma = 1 give `normal_cdf`.

    Edges: -inf gives 0, inf gives 1, both with derivative 0; NaN gives NaN.

    Source: Ma et al. 2023 (Mega); its six-digit constants are those of Hugging Face.

    Example:
        >>> round(float(laplace(0.707107)), 6)
        0.5
    """
    return _laplace(as_float(x), mu, sigma)


def _laplace_slope(x: jax.Array, mu: Any, sigma: Any) -> jax.Array:
    return (DENSITY / sigma) * bell(in_widths(x - mu, sigma))


@with_slope(_laplace_slope)
def _laplace(x: jax.Array, mu: Any, sigma: Any) -> jax.Array:
    return normal_law(in_widths(x - mu, sigma))


@jax.jit
def gompertz(x: ArrayLike, *, b: ArrayLike = 1.0, c: ArrayLike = 1.0) -> jax.Array:
    """Squash to (0, 1) with Gompertz' growth curve: e^(-b e^(-c x)).

    Args:
        x: any shape.
        b: minus the logarithm of the value at 0, above 0.
        c: rate, above 0.

    Edges: -inf gives 0, inf gives 1, both with derivative 0; NaN gives NaN.

    Source: Gompertz 1825.

    Example:
        >>> round(float(gompertz(0.0)), 6)
        0.367879
    """
    return _fall(jnp.minimum(jnp.log(b) - c * as_float(x), _TOP))


def _crest_slope(u: jax.Array) -> jax.Array:
    return _crest(u) * (1 - jnp.exp(u))


@with_slope(_crest_slope)
def _crest(u: jax.Array) -> jax.Array:
    level = jnp.exp(u)
    return level * jnp.exp(-level)


# So the two exponentials meet each other before c or x: 0 * inf would be NaN.
@with_slope(lambda u: -_crest(u))
def _fall(u: jax.Array) -> jax.Array:
    return jnp.exp(-jnp.exp(u))


@jax.jit
def cloglog(x: ArrayLike) -> jax.Array:
    """Squash to (0, 1) with the complementary log-log link's inverse: 1 - e^(-e^x).

    Edges: -inf gives 0, inf gives 1, both with derivative 0; NaN gives NaN. The negative tail
    is accurate to its own size.

    Source: Gomes & Ludermir 2008.

    Example:
        >>> round(float(cloglog(0.0)), 6)
        0.632121
    """
    return _cloglog(jnp.minimum(as_float(x), _TOP))


@with_slope(_crest)
def _cloglog(x: jax.Array) -> jax.Array:
    return -jnp.expm1(-jnp.exp(x))


def _laplace_facts(mu: float, sigma: float) -> dict[str, Any]:
    del mu  # any finite place will do
    return positive("laplace", sigma=sigma)


def _laplace_fit(f: Callable[..., Any]) -> Params | None:
    # The probit of f is a straight line; read it where f is neither 0 nor 1 to rounding.
    x = np.linspace(-8, 8, 257)
    y = np.asarray(samples(f, *x.tolist()))
    (inside,) = np.nonzero((y > 0.003) & (y < 0.9))
    if len(inside) < 2:
        return None
    i, j = inside[0], inside[-1]
    u, v = (NormalDist().inv_cdf(float(y[k])) for k in (i, j))
    if not u < v:
        return None
    sigma = float(x[j] - x[i]) / (v - u)
    return proposal(mu=float(x[i]) - u * sigma, sigma=sigma)


def _gompertz_fit(f: Callable[..., Any]) -> Params | None:
    at_zero, at_one = samples(f, 0.0, 1.0)
    if not 0 < at_zero < at_one < 1:
        return None
    b = -np.log(at_zero).item()
    return proposal(b=b, c=np.log(b / -np.log(at_one)).item())


_GOMES = "Gomes & Ludermir 2008"

ERF = Activation(
    "erf", erf, "2/sqrt(pi) * integral of e^(-t^2) from 0 to x", "definition", plain=True
)
NORMAL_CDF = Activation("normal_cdf", normal_cdf, "erfc(-x / sqrt(2)) / 2", _GOMES, plain=True)
LAPLACE = Activation(
    "laplace",
    laplace,
    "(1 + erf((x - mu) / (sigma sqrt(2)))) / 2",
    "Ma et al. 2023 (Mega)",
    {"mu": 0.707107, "sigma": 0.282095},
    facts=_laplace_facts,
    fit=_laplace_fit,
)
GOMPERTZ = Activation(
    "gompertz",
    gompertz,
    "e^(-b e^(-c x))",
    "Gompertz 1825",
    {"b": 1.0, "c": 1.0},
    facts=partial(positive, "gompertz"),
    fit=_gompertz_fit,
)
CLOGLOG = Activation("cloglog", cloglog, "1 - e^(-e^x)", _GOMES)
