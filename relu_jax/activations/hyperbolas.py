"""Which activations are branches of a hyperbola, made with a square root and no exponential?

The sum x + sqrt(x^2 + b) cancels below 0, where b / (sqrt(x^2 + b) - x) is the same number to
all its digits; the square overflows far out, where the root is |x|.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise, in_half_by
from relu_jax.activations.ranges import positive, refuse_unless
from relu_jax.activations.slopes import Formula, with_slope
from relu_jax.activations.tails import far_out, finite, root, scaled
from relu_jax.core import errors

MOST = 1e30  # of what is added to the square: where that overflows in float32, it is lost
_HALF_OF_BIASES = np.int32(0x5F375A86)


@in_half_by(lambda x, b=4.0: _coarse_hyperbola(x, b))
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
    return _hyperbola(x, b)


def _bend(x: jax.Array, b: Any) -> jax.Array:
    r = root(x, b)
    return 0.5 * b / r * (1 / r) * (1 / r)


# To be differentiated in b, at any b and x: 1 / (4 r) and -x / (4 r³).
@with_slope(lambda b, x: 0.25 / root(x, b))
def _hyperbola_for_b(b: Any, x: jax.Array) -> jax.Array:
    return _hyperbola(x, b)


@with_slope(lambda b, x: -0.25 * (finite(x) / root(x, b)) * (1 / root(x, b)) * (1 / root(x, b)))
def _rise_for_b(b: Any, x: jax.Array) -> jax.Array:
    return _rise(x, b)


def _coarse_sqrt(s: jax.Array) -> jax.Array:
    """Take the square root of s > 0, to 5e-6 of it, of what XLA computes twice (see `decays`).

    It has no derivative.
    """
    s = jnp.minimum(s, 1e38)
    # Half of an exponent, its sign changed, is that of 1 / sqrt(s); Newton's method mends the rest.
    bits = lax.bitcast_convert_type(s, np.int32)
    y = lax.bitcast_convert_type(_HALF_OF_BIASES - (bits >> np.int32(1)), np.float32)
    for _ in range(2):
        y = y * (1.5 - 0.5 * s * y * y)
    return s * y


def _made_of(sqrt: Callable[[jax.Array], jax.Array]) -> tuple[Formula, Formula]:
    """Make squareplus and its slope of a square root.

    Each uses a root of its own, once: XLA on a CPU would write it to memory for two uses. So one
    squares x and the other |x|, since of one square it would make one root.
    """

    @with_slope(_bend, in_params=lambda x, b: _rise_for_b(b, x))
    def rise(x: jax.Array, b: Any) -> jax.Array:
        # In units of sqrt(b), where it is 0 before the square overflows.
        z = x * (1 / jnp.sqrt(b))
        square = z * z + 1
        below = 0.5 / (square + jnp.abs(z) * sqrt(square))
        return jnp.where(x < 0, below, 1 - below)

    @with_slope(rise, in_params=lambda x, b: _hyperbola_for_b(b, x))
    def hyperbola(x: jax.Array, b: Any) -> jax.Array:
        # A sum of halves, which is never more than x where b is lost.
        half, quarter = 0.5 * jnp.abs(x), 0.25 * b
        far = half > far_out(x.dtype)
        above = half + jnp.where(far, half, sqrt(half * half + quarter))
        # f(-|x|) without a difference; where the sum is infinite, it is 0.
        return jnp.where(x < 0, quarter / above, above)

    return hyperbola, rise


_hyperbola, _rise = _made_of(jnp.sqrt)
_coarse_hyperbola, _ = _made_of(_coarse_sqrt)


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
    return jnp.where(jnp.isinf(far), ends, _hyperbola(far, mu * mu) + line)


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
