"""Which activations are branches of a hyperbola, made with a square root and no exponential?

The sum x + sqrt(x^2 + b) cancels below 0, where b / (sqrt(x^2 + b) - x) is the same number to
all its digits; the square overflows far out, where the root is |x|.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise
from relu_jax.activations.ranges import positive, refuse_unless
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.tails import finite, root, scaled
from relu_jax.core import errors

MOST = 1e30  # of what is added to the square: where that overflows in float32, it is lost


@elementwise
def squareplus(x: jax.Array, *, b: ArrayLike = 4.0) -> jax.Array:
    """Round off the corner of relu with a hyperbola: (x + sqrt(x^2 + b)) / 2.

    Args:
        x: any shape.
        b: width of the bend, above 0 and at most 1e30; f(0) is sqrt(b) / 2.

    Edges: -inf gives 0 with derivative 0, inf gives inf with derivative 1. NaN gives NaN in
    value and derivative. Below 0 every digit is right where jax.nn cancels, and no finite x
    overflows (jax.nn: from 256 on in float16).

    Source: Barron 2021, Squareplus: a softplus-like algebraic rectifier.

    Example:
        >>> round(float(squareplus(0.0)), 6), round(float(squareplus(1.5)), 6)
        (1.0, 2.0)
    """
    return _squareplus(x, b)


def _bend(x: jax.Array, b: Any) -> jax.Array:
    r = root(x, b)
    return 0.5 * b / r * (1 / r) * (1 / r)


def _hyperbola(x: jax.Array, b: Any) -> jax.Array:
    # Of one sum, so that the root is used once: XLA would write it to memory for two uses.
    twice = jnp.abs(x) + root(x, b)
    # XLA makes 0.5 * twice of halves, whose sum overflows far out, where f is x.
    above = jnp.where(x > float(jnp.finfo(x.dtype).max) / 4, x, 0.5 * twice)
    # f(-|x|) without a difference; where the sum is infinite, it is 0.
    return jnp.where(x < 0, 0.5 * b / twice, above)


@with_slope(_bend)
def _rise(x: jax.Array, b: Any) -> jax.Array:
    # f(-|x|) / r is b / (2 (r² + r |x|)), with x and b in a scale in which no square overflows; so
    # it has another root than the value, and uses it once.
    half = jnp.finfo(x.dtype).maxexp // 2
    shrink = jnp.where(jnp.abs(x) > 2.0 ** (half - 1), 2.0**-half, 1)
    z, part = x * shrink, b * shrink * shrink
    square = z * z + part
    below = 0.5 * part / (square + jnp.abs(z) * jnp.sqrt(square))
    return jnp.where(x < 0, below, 1 - below)


_squareplus = with_slope(_rise)(_hyperbola)


@elementwise
def smu1(x: jax.Array, *, alpha: ArrayLike = 0.25, mu: ArrayLike = 1.0) -> jax.Array:
    """Smooth the maximum of x and alpha x with a square root.

    ((1 + alpha) x + sqrt((1 - alpha)^2 x^2 + mu^2)) / 2

    Args:
        x: any shape.
        alpha: slope at -inf, below 1.
        mu: width of the bend, above 0 and at most 1e15; f(0) is mu / 2. With alpha = 0 it is
            squareplus(b=mu^2).

    Edges: inf gives inf with derivative 1; -inf gives alpha * -inf, or 0 where alpha is 0, with
    derivative alpha. NaN gives NaN in value and derivative.

    Source: Biswas, Kumar, Banerjee & Pandey 2022, SMU, where it is SMU-1.

    Example:
        >>> round(float(smu1(0.0)), 6), round(float(smu1(1.5, alpha=0.0, mu=2.0)), 6)
        (0.5, 2.0)
    """
    return _smu1(x, alpha, mu)


def _smu1_bend(x: jax.Array, alpha: Any, mu: Any) -> jax.Array:
    return ((1 - alpha) * (1 - alpha)) * _bend((1 - alpha) * x, mu * mu)


@with_slope(_smu1_bend)
def _smu1_slope(x: jax.Array, alpha: Any, mu: Any) -> jax.Array:
    return alpha + (1 - alpha) * _rise((1 - alpha) * x, mu * mu)


@with_slope(_smu1_slope)
def _smu1(x: jax.Array, alpha: Any, mu: Any) -> jax.Array:
    far, line = (1 - alpha) * x, scaled(alpha, x)
    # Where that overflows, nothing is left of the bend.
    ends = jnp.where(x > 0, x, line)
    return jnp.where(jnp.isinf(far), ends, _squareplus(far, mu * mu) + line)


@elementwise
def bent_identity(x: jax.Array) -> jax.Array:
    """Bend the identity at 0, from slope 1/2 to slope 3/2: x + (sqrt(x^2 + 1) - 1) / 2.

    Edges: the derivative at 0 is 1. -inf gives -inf with derivative 0.5, inf gives inf with
    derivative 1.5. NaN gives NaN in value and derivative.

    Source: definition.

    Example:
        >>> [round(float(y), 6) for y in bent_identity(jnp.array([-0.75, 0.75]))]
        [-0.625, 0.875]
    """
    return _bent_identity(x)


@with_slope(lambda x: 0.5 + _rise(x, 1.0))
def _bent_identity(x: jax.Array) -> jax.Array:
    # sqrt(x^2 + 1) - 1 is x^2 / (sqrt(x^2 + 1) + 1), without the difference.
    return x * (1 + 0.5 * (finite(x) / (finite(root(x, 1.0)) + 1)))


@elementwise
def pflu(x: jax.Array) -> jax.Array:
    """Weigh x with an algebraic gate: x/2 * (1 + x / sqrt(1 + x^2)).

    Edges: the derivative at 0 is 0.5. -inf gives 0 with derivative 0, inf gives inf with
    derivative 1. NaN gives NaN in value and derivative.

    Source: Zhu, Min, Wang, Zou & Chen 2021, PFLU and FPFLU.

    Example:
        >>> [round(float(y), 6) for y in pflu(jnp.array([-0.75, 0.75]))]
        [-0.15, 0.6]
    """
    return _pflu(x)


def _pflu_bend(x: jax.Array) -> jax.Array:
    r = finite(root(x, 1.0))
    ratio = finite(x) / r
    return (1 - 1.5 * ratio * ratio) * (1 / r) * (1 / r) * (1 / r)


@with_slope(_pflu_bend)
def _pflu_slope(x: jax.Array) -> jax.Array:
    r = finite(root(x, 1.0))
    return (finite(_hyperbola(x, 1.0)) + 0.5 * (finite(x) / r) / r) / r


@with_slope(_pflu_slope)
def _pflu(x: jax.Array) -> jax.Array:
    return finite(x) / finite(root(x, 1.0)) * _hyperbola(x, 1.0)


def _squareplus_fit(f: Callable[..., Any]) -> Params | None:
    at_zero = samples(f, 0.0)[0]
    return proposal(b=4 * at_zero**2) if 0 < at_zero <= MOST**0.5 / 2 and at_zero**2 > 0 else None


def _squareplus_facts(b: float) -> dict[str, Any]:
    refuse_unless(b <= MOST, "squareplus", f"b <= {MOST:g}", b=b)
    return positive("squareplus", b=b)


def _smu1_facts(alpha: float, mu: float) -> dict[str, Any]:
    refuse_unless(mu <= MOST**0.5, "smu1", f"mu <= {MOST**0.5:g}", mu=mu)
    if not alpha < 1:
        raise errors.rejected(
            rule="smu1 needs alpha < 1",
            got=f"alpha={alpha}",
            do="pass alpha=0.25; with alpha = 1 the function is x + mu / 2",
        )
    return positive("smu1", mu=mu)


def _smu1_fit(f: Callable[..., Any]) -> Params | None:
    far, at_zero = samples(f, -3e4, 0.0)
    alpha = far / -3e4
    if not (alpha < 1 and 0 < at_zero <= MOST**0.5 / 2):
        return None
    # What is left of the bend so far out is below 1e-8.
    return proposal(alpha=alpha if abs(alpha) > 1e-8 else 0.0, mu=2 * at_zero)


SQUAREPLUS = Activation(
    "squareplus",
    squareplus,
    "(x + sqrt(x^2 + b)) / 2",
    "Barron 2021",
    {"b": 4.0},
    facts=_squareplus_facts,
    fit=_squareplus_fit,
)
SMU1 = Activation(
    "smu1",
    smu1,
    "((1 + alpha) x + sqrt((1 - alpha)^2 x^2 + mu^2)) / 2",
    "Biswas, Kumar, Banerjee & Pandey 2022",
    {"alpha": 0.25, "mu": 1.0},
    facts=_smu1_facts,
    fit=_smu1_fit,
    plain=True,
)
BENT_IDENTITY = Activation(
    "bent_identity", bent_identity, "x + (sqrt(x^2 + 1) - 1) / 2", "definition"
)
PFLU = Activation("pflu", pflu, "x/2 * (1 + x / sqrt(1 + x^2))", "Zhu, Min, Wang, Zou & Chen 2021")
