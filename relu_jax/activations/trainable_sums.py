"""Which learned activations are sums of hinges, or quotients of polynomials, of any length?"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from relu_jax.activations.ranges import checked_shape
from relu_jax.activations.rectifiers import relu
from relu_jax.activations.starts import Arrays
from relu_jax.activations.trainable import Trainable
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.types import Key

# Least squares of leaky_relu(0.01) at 601 even points of [-3, 3].
PADE_START = {
    "numerator": (0.03358, 0.505, 1.65131, 2.00452, 0.92794, 0.15154),
    "denominator": (0.0, 3.96934, 0.0, 0.30007),
}


def apl(params: Arrays, x: jax.Array) -> jax.Array:
    """Add S learned hinges to a relu: max(x, 0) + sum over s of slope_s * max(hinge_s - x, 0).

    The first axis of both parameters counts the hinges.

    Edges: a hinge adds no slope at its own point. At -inf, slopes of both signs give NaN.

    Source: Agostinelli, Hoffman, Sadowski & Baldi 2015, equation 1.

    Example:
        >>> p = {"slope": jnp.array([1.0]), "hinge": jnp.array([0.0])}
        >>> float(APL(p, -3.0))  # relu(x) + relu(-x)
        3.0
    """
    slope, hinge = _paired(params, "slope", "hinge")
    return relu(x) + jnp.sum(slope * relu(hinge - x[None]), axis=0)


def start_apl(key: Key | None = None, shape: tuple[int, ...] = (), *, hinges: int = 2) -> Arrays:
    """Start as a relu, with hinges spread evenly over [-1, 1] and their slopes at 0.

    This start is ours: distinct hinges get distinct gradients, so nothing needs to be drawn.

    Args:
        key: not used; there is nothing to draw.
        shape: of the units.
        hinges: how many, at least 1.

    Raises:
        TypeError: hinges, or a size in `shape`, is no whole number.
        ValueError: hinges < 1, or a size below 0.

    Example:
        >>> start_apl(None, (4,), hinges=3)["hinge"].shape
        (3, 4)
    """
    del key
    count = _count("hinges", hinges, "an apl")
    places = jnp.linspace(-1.0, 1.0, count) if count > 1 else jnp.zeros(1)
    bend = _spread(places, shape)
    return {"slope": jnp.zeros_like(bend), "hinge": bend}


def replu(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn a firing rate of straight pieces: 0 up to the first bend, then a slope per piece.

    sum over s of slope_s * (x cut to the piece from bend_s to bend_(s+1), less bend_s); the last
    piece has no end. The first axis of both parameters counts the pieces; bends ascend.

    Edges: at a bend the slope is that of the left side; a last slope of 0 gives NaN at inf.

    Source: Li et al. 2017, Sparseness analysis in the pretraining of deep neural networks, propose
    rectifier piecewise linear units for different firing rates. We could read their abstract
    only: this is the whole family of continuous one-sided functions of straight pieces, and the
    start is ours.

    Example:
        >>> p = {"slope": jnp.array([1.0, 0.5]), "bend": jnp.array([0.0, 2.0])}
        >>> REPLU(p, jnp.array([-1.0, 1.0, 4.0])).tolist()
        [0.0, 1.0, 3.0]
    """
    slope, bend = _paired(params, "slope", "bend")
    risen = relu(x[None] - bend)
    full = jnp.where(x[None] > bend[1:], bend[1:] - bend[:-1], risen[:-1])
    return jnp.sum(slope[:-1] * full, axis=0) + slope[-1] * risen[-1]


def start_replu(key: Key | None = None, shape: tuple[int, ...] = (), *, pieces: int = 2) -> Arrays:
    """Start as a relu, with bends at 0, 1, 2 and so on.

    Args:
        key: not used; there is nothing to draw.
        shape: of the units.
        pieces: how many rise, at least 1.

    Raises:
        TypeError: pieces, or a size in `shape`, is no whole number.
        ValueError: pieces < 1, or a size below 0.

    Example:
        >>> start_replu(None, (4,), pieces=3)["bend"][:, 0].tolist()
        [0.0, 1.0, 2.0]
    """
    del key
    count = _count("pieces", pieces, "a replu")
    bend = _spread(jnp.arange(count, dtype=jnp.result_type(float)), shape)
    return {"slope": jnp.ones_like(bend), "bend": bend}


def pade(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn a quotient of polynomials: (a_0 + a_1 x + ...) / (1 + |b_1 x + b_2 x^2 + ...|).

    The first axis of `numerator` counts a_0, a_1 and so on, that of `denominator` b_1 and so on.

    Edges: a kink where the sum in the denominator changes its sign, at 0 too if neither a_0 nor
    b_1 is 0. No power overflows on the way. Within 1e4 of the largest number, and at ±inf, the
    derivative is that of the leading terms; if the last b is 0 it is NaN from the root of the
    largest number on.

    Source: Molina, Schramowski & Kersting 2020, equation 2 (the safe Padé activation unit, PAU).
    The start is our own fit of leaky_relu, which they start from too.

    Example:
        >>> p = {"numerator": jnp.array([0.0, 1.0]), "denominator": jnp.array([1.0])}
        >>> float(PADE(p, 3.0))  # soft_sign
        0.75
    """
    above, below = (_pieces(params, name) for name in ("numerator", "denominator"))
    far, endless = jnp.abs(x) > 1, jnp.isinf(x)
    near = jnp.where(far, 1, x)
    inner = _horner(above, near) / (1 + jnp.abs(near * _horner(below, near)))
    # Beyond 1 both are polynomials in 1 / x, times powers of x of which few remain.
    inverse = 1 / jnp.where(far & ~endless, x, 2)
    ratio = _ratio(above, below, inverse)
    still = jnp.abs(x) > float(jnp.finfo(x.dtype).max) / 1e4
    # The derivative of the ratio is 0 there, and would be multiplied by infinity.
    settled = _ratio(above, below, lax.stop_gradient(inverse))
    settled = jnp.where(endless, above[-1] / jnp.abs(below[-1]), settled)
    # x^m / |x|^n
    powers, odd = len(above) - 1 - len(below), len(below) % 2
    sign = jnp.where(x < 0, -1, 1) if odd else 1
    outer = jnp.where(far & ~still, x, 2) ** powers * ratio
    ends = jnp.where(still, x, 2) ** powers * settled
    return jnp.where(still, sign * ends, jnp.where(far, sign * outer, inner))


def _ratio(above: jax.Array, below: jax.Array, inverse: jax.Array) -> jax.Array:
    ends = jnp.abs(inverse) ** len(below) + jnp.abs(_horner(below[::-1], inverse))
    return _horner(above[::-1], inverse) / ends


def start_pade(key: Key | None = None, shape: tuple[int, ...] = ()) -> Arrays:
    """Start near leaky_relu with slope 0.01, by degrees 5 and 4: within 0.034 of it on [-3, 3].

    Args:
        key: not used; there is nothing to draw.
        shape: of the units.

    Example:
        >>> {k: v.shape for k, v in start_pade(None, (3,)).items()}
        {'numerator': (6, 3), 'denominator': (4, 3)}
    """
    del key
    return {k: _spread(jnp.array(v), shape) for k, v in PADE_START.items()}


def _paired(params: Arrays, one: str, other: str) -> tuple[jax.Array, jax.Array]:
    pair = _pieces(params, one), _pieces(params, other)
    if len(pair[0]) == len(pair[1]):
        return pair
    raise errors.rejected(
        rule=f"{one} and {other} count the same pieces along their first axis",
        got=f"{len(pair[0])} of {one} and {len(pair[1])} of {other}",
        do="take what init gives",
    )


def _pieces(params: Arrays, name: str) -> jax.Array:
    if len(params[name]):
        return params[name]
    raise errors.rejected(
        rule=f"{name} has at least one piece along its first axis",
        got="none",
        do="take what init gives",
    )


def _horner(coefficients: jax.Array, x: jax.Array) -> jax.Array:
    """Evaluate a polynomial whose coefficients lie along the first axis, the constant first."""
    total = jnp.zeros_like(x)
    for one in coefficients[::-1]:
        total = total * x + one
    return total


def _spread(values: jax.Array, shape: Any) -> jax.Array:
    """Repeat a vector for all units, along axes behind its own."""
    shape = checked_shape(shape)
    return jnp.broadcast_to(values.reshape(-1, *(1,) * len(shape)), (len(values), *shape))


def _count(name: str, value: int, owner: str) -> int:
    count = integer(name, value)
    if count < 1:
        raise errors.rejected(
            rule=f"{owner} has at least 1 {name[:-1]}",
            got=f"{name}={count}",
            do=f"pass {name}=1, or relu",
        )
    return count


APL = Trainable(
    "apl",
    apl,
    start_apl,
    "max(x, 0) + sum over s of slope_s * max(hinge_s - x, 0)",
    "Agostinelli, Hoffman, Sadowski & Baldi 2015, equation 1",
    ("slope", "hinge"),
    stacked=("slope", "hinge"),
)
REPLU = Trainable(
    "replu",
    replu,
    start_replu,
    "0 below the first bend, then a slope for every piece",
    "Li et al. 2017, who propose the family",
    ("slope", "bend"),
    stacked=("slope", "bend"),
)
PADE = Trainable(
    "pade",
    pade,
    start_pade,
    "(a_0 + a_1 x + ...) / (1 + |b_1 x + b_2 x^2 + ...|)",
    "Molina, Schramowski & Kersting 2020, equation 2",
    ("numerator", "denominator"),
    stacked=("numerator", "denominator"),
)
