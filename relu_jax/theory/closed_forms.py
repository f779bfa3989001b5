"""Which activations have a dual kernel E f(u) f(v) that can be written down?

Throughout (u, v) is normal with mean 0, variances q1 and q2 and covariance c; the arguments
are float arrays of one shape, or scalars.

Sources: Williams 1997 (erf, gaussian); Cho & Saul 2009 (powers of relu); the rest is Isserlis'
theorem and the characteristic function of the normal distribution.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from scipy import special

from relu_jax.core.types import Array
from relu_jax.theory.arc_cosine import arc_cosine, two_slope, two_slope_slope

Kernel = Callable[..., Array]
LineForm = Callable[..., tuple[Array, ...]]


class ClosedForm(NamedTuple):
    """Hold what is known of one activation.

    A row holds for an activation of this name and these parameters whose values agree with
    `formula`, which is NumPy. Both kernels take (q1, q2, c) and the parameters by name.
    """

    name: str
    params: tuple[str, ...]
    formula: Callable[..., Any]
    dual: Kernel  # E f(u) f(v)
    slope: Kernel  # E f'(u) f'(v), away from jumps of f
    # (q, **params) to the six averages of `Moments`, where no quadrature is sure to reach them
    line: LineForm | None = None


def polynomial(coefficients: Sequence[ArrayLike], q1: Array, q2: Array, covariance: Array) -> Array:
    """Compute the dual kernel of f(x) = Σ a_i x^i at a covariance, by Isserlis' theorem.

    E u^i v^j = Σ_k i! j! c^k (q1/2)^m (q2/2)^n / (k! m! n!) with i = k + 2m, j = k + 2n.

    Args:
        coefficients: a_0, a_1, ... in ascending order; may be traced.
        q1: variance of u.
        q2: variance of v.
        covariance: c, of u and v, not their correlation.

    Example:
        >>> one = jnp.float32(1.0)
        >>> float(polynomial([0.0, 0.0, 1.0], one, one, one))  # E x^4
        3.0
    """
    total = jnp.zeros_like(covariance)
    for i, a in enumerate(coefficients):
        for j, b in enumerate(coefficients):
            total = total + jnp.asarray(a, covariance.dtype) * b * _power_product(
                i, j, q1, q2, covariance
            )
    return total


def _power_product(i: int, j: int, q1: Array, q2: Array, c: Array) -> Array:
    total = jnp.zeros_like(c)
    for k in range(min(i, j) + 1):
        if (i - k) % 2 or (j - k) % 2:
            continue
        m, n = (i - k) // 2, (j - k) // 2
        ways = math.factorial(i) * math.factorial(j)
        shared = math.factorial(k) * math.factorial(m) * math.factorial(n) * 2 ** (m + n)
        total = total + ways // shared * c**k * q1**m * q2**n
    return total


def _wave(sign: float, q1: Array, q2: Array, c: Array, w: ArrayLike) -> Array:
    """Return E of cos wu cos wv (sign 1) or sin wu sin wv (sign -1), without overflow."""
    near, far = -(w**2) * (q1 + q2 - 2 * c) / 2, -(w**2) * (q1 + q2 + 2 * c) / 2
    return (jnp.exp(near) + sign * jnp.exp(far)) / 2


def _sine_dual(q1: Array, q2: Array, c: Array, *, frequency: ArrayLike) -> Array:
    return _wave(-1.0, q1, q2, c, frequency)


def _sine_slope(q1: Array, q2: Array, c: Array, *, frequency: ArrayLike) -> Array:
    return _wave(1.0, q1, q2, c, frequency) * frequency**2


def _cosine_dual(q1: Array, q2: Array, c: Array, *, frequency: ArrayLike) -> Array:
    return _wave(1.0, q1, q2, c, frequency)


def _cosine_slope(q1: Array, q2: Array, c: Array, *, frequency: ArrayLike) -> Array:
    return _wave(-1.0, q1, q2, c, frequency) * frequency**2


def _sine_line(q: Array, *, frequency: ArrayLike) -> tuple[Array, ...]:
    w = jnp.asarray(frequency, q.dtype)
    even, uneven, mean = _even(w, q), _uneven(w, q), jnp.exp(-jnp.square(w) * q / 2)
    zero = jnp.zeros_like(mean)
    return zero, uneven, w * mean, jnp.square(w) * even, zero, -jnp.square(w) * uneven


def _cosine_line(q: Array, *, frequency: ArrayLike) -> tuple[Array, ...]:
    w = jnp.asarray(frequency, q.dtype)
    even, uneven, mean = _even(w, q), _uneven(w, q), jnp.exp(-jnp.square(w) * q / 2)
    zero = jnp.zeros_like(mean)
    return mean, even, zero, jnp.square(w) * uneven, zero, -jnp.square(w) * even


def _even(w: Array, q: Array) -> Array:
    """Return E cos² wx."""
    return (1 + jnp.exp(-2 * jnp.square(w) * q)) / 2


def _uneven(w: Array, q: Array) -> Array:
    """Return E sin² wx."""
    return -jnp.expm1(-2 * jnp.square(w) * q) / 2


def _exponential_line(q: Array) -> tuple[Array, ...]:
    mean, second = jnp.exp(q / 2), jnp.exp(2 * q)
    return mean, second, mean, second, second, second


def _erf_dual(q1: Array, q2: Array, c: Array) -> Array:
    return 2 / np.pi * jnp.arcsin(2 * c / jnp.sqrt((1 + 2 * q1) * (1 + 2 * q2)))


def _erf_slope(q1: Array, q2: Array, c: Array) -> Array:
    return 4 / np.pi * lax.rsqrt((1 + 2 * q1) * (1 + 2 * q2) - 4 * c**2)


def _normal_dual(q1: Array, q2: Array, c: Array) -> Array:
    return 0.25 + _erf_dual(q1 / 2, q2 / 2, c / 2) / 4


def _normal_slope(q1: Array, q2: Array, c: Array) -> Array:
    return _erf_slope(q1 / 2, q2 / 2, c / 2) / 8


def _bell_dual(q1: Array, q2: Array, c: Array, *, width: ArrayLike = 0.5**0.5) -> Array:
    r = 1 / jnp.asarray(width, c.dtype) ** 2
    return lax.rsqrt((1 + r * q1) * (1 + r * q2) - (r * c) ** 2)


def _bell_slope(q1: Array, q2: Array, c: Array, *, width: ArrayLike = 0.5**0.5) -> Array:
    return c / jnp.asarray(width, c.dtype) ** 4 * _bell_dual(q1, q2, c, width=width) ** 3


def _exponential(q1: Array, q2: Array, c: Array) -> Array:
    return jnp.exp((q1 + q2 + 2 * c) / 2)


def _step(q1: Array, q2: Array, c: Array, **_: ArrayLike) -> Array:
    return arc_cosine(0, q1, q2, c) / 2


def _sign(q1: Array, q2: Array, c: Array) -> Array:
    return 2 * arc_cosine(0, q1, q2, c) - 1


def _zero(q1: Array, q2: Array, c: Array, **_: ArrayLike) -> Array:
    return jnp.zeros_like(q1 + q2 + c)


def _star_dual(q1: Array, q2: Array, c: Array, *, scale: ArrayLike, bias: ArrayLike) -> Array:
    """Return the kernel of scale max(x, 0)² + bias, whose mean is scale q/2 + bias."""
    mixed = (q1 + q2) * scale * bias / 2
    return arc_cosine(2, q1, q2, c) * jnp.square(scale) / 2 + mixed + bias**2


def _star_slope(q1: Array, q2: Array, c: Array, *, scale: ArrayLike, **_: ArrayLike) -> Array:
    return 2 * arc_cosine(1, q1, q2, c) * jnp.square(scale)


def _power(name: str, degree: int) -> ClosedForm:
    return ClosedForm(
        name,
        (),
        lambda x: x**degree,
        lambda q1, q2, c: _power_product(degree, degree, q1, q2, c),
        lambda q1, q2, c: degree**2 * _power_product(degree - 1, degree - 1, q1, q2, c),
    )


def _two_slopes(
    name: str, params: tuple[str, ...], slopes: Callable[..., tuple[Any, Any]]
) -> ClosedForm:
    """Make the row of a member of the family, slopes(**params) being (below, above)."""

    def formula(x: Any, **values: Any) -> Any:
        below, above = slopes(**values)
        return np.where(x < 0, below * x, above * x)

    def dual(q1: Array, q2: Array, c: Array, **values: Any) -> Array:
        below, above = slopes(**values)
        return two_slope(q1, q2, c, below=below, above=above)

    def slope(q1: Array, q2: Array, c: Array, **values: Any) -> Array:
        below, above = slopes(**values)
        return two_slope_slope(q1, q2, c, below=below, above=above)

    return ClosedForm(name, params, formula, dual, slope)


CLOSED_FORMS: tuple[ClosedForm, ...] = (
    _power("identity", 1),
    _power("square", 2),
    _power("cube", 3),
    _two_slopes("relu", (), lambda: (0.0, 1.0)),
    _two_slopes("absolute", (), lambda: (-1.0, 1.0)),
    _two_slopes("leaky_relu", ("slope",), lambda slope: (slope, 1.0)),
    _two_slopes("two_slope", ("left", "right"), lambda left, right: (left, right)),
    _two_slopes("rrelu", ("low", "high"), lambda low, high: ((low + high) / 2, 1.0)),
    ClosedForm(
        "squared_relu",
        (),
        lambda x: np.maximum(x, 0) ** 2,
        lambda q1, q2, c: _star_dual(q1, q2, c, scale=1.0, bias=0.0),
        lambda q1, q2, c: _star_slope(q1, q2, c, scale=1.0),
    ),
    ClosedForm(
        "star_relu",
        ("scale", "bias"),
        lambda x, scale, bias: scale * np.maximum(x, 0) ** 2 + bias,
        _star_dual,
        _star_slope,
    ),
    ClosedForm(
        "heaviside", ("at_zero",), lambda x, at_zero: np.heaviside(x, at_zero), _step, _zero
    ),
    ClosedForm("sign", (), np.sign, _sign, _zero),
    ClosedForm("erf", (), special.erf, _erf_dual, _erf_slope),
    ClosedForm("normal_cdf", (), special.ndtr, _normal_dual, _normal_slope),
    ClosedForm(
        "sine",
        ("frequency",),
        lambda x, frequency: np.sin(frequency * x),
        _sine_dual,
        _sine_slope,
        _sine_line,
    ),
    ClosedForm(
        "cosine",
        ("frequency",),
        lambda x, frequency: np.cos(frequency * x),
        _cosine_dual,
        _cosine_slope,
        _cosine_line,
    ),
    ClosedForm("exponential", (), np.exp, _exponential, _exponential, _exponential_line),
    ClosedForm(
        "gaussian",
        ("width",),
        lambda x, width: np.exp(-((x / width) ** 2) / 2),
        _bell_dual,
        _bell_slope,
    ),
    ClosedForm("gaussian_square", (), lambda x: np.exp(-(x**2)), _bell_dual, _bell_slope),
)
