"""Which activations have a dual kernel E f(u) f(v) that can be written down?

Throughout (u, v) is normal with mean 0, variances q1 and q2 and covariance c. The kernels of
the table take float arrays of one shape; `dual` checks what it passes on to them.

Sources: Williams 1997 (erf, gaussian); Cho & Saul 2009 (powers of relu); the rest is Isserlis'
theorem and the characteristic function of the normal distribution.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from scipy import special

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.theory.arc_cosine import arc_cosine, correlation, two_slope, two_slope_slope
from relu_jax.theory.pairs import pairs

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


def polynomial(
    coefficients: Sequence[ArrayLike] | ArrayLike,
    q1: ArrayLike,
    q2: ArrayLike,
    covariance: ArrayLike,
) -> Array:
    """Compute the dual kernel of f(x) = Σ a_i x^i at a covariance, by Isserlis' theorem.

    E u^i v^j = Σ_k i! j! c^k (q1/2)^m (q2/2)^n / (k! m! n!) with i = k + 2m, j = k + 2n.

    Args:
        coefficients: a_0, a_1, ... in ascending order; may be traced.
        q1: variance of u; broadcasts with the next two.
        q2: variance of v.
        covariance: c, of u and v, not their correlation.

    Raises:
        ValueError: as for `pairs`.
        TypeError: coefficients that are no sequence; as for `pairs`.

    Example:
        >>> float(polynomial([0.0, 0.0, 1.0], 1.0, 1.0, 1.0))  # E x^4
        3.0
    """
    q1, q2, c = pairs(q1, q2, covariance)
    if not isinstance(coefficients, Iterable) or getattr(coefficients, "ndim", 1) == 0:
        raise errors.rejected(
            rule="a polynomial has a sequence of coefficients, from a_0 on",
            got=errors.describe(coefficients),
            do="pass [0.0, 1.0] for x, say",
            kind=TypeError,
        )
    terms = [jnp.asarray(a, c.dtype) for a in coefficients]
    total = jnp.zeros_like(c)
    for i, a in enumerate(terms):
        for j, b in enumerate(terms):
            total = total + a * b * _power_product(i, j, q1, q2, c)
    return total


def _power_product(i: int, j: int, q1: Array, q2: Array, c: Array) -> Array:
    total = jnp.zeros_like(c)
    for k in range(min(i, j) + 1):
        if (i - k) % 2 or (j - k) % 2:
            continue
        m, n = (i - k) // 2, (j - k) // 2
        ways = math.factorial(i) * math.factorial(j)
        shared = math.factorial(k) * math.factorial(m) * math.factorial(n) * 2 ** (m + n)
        total = total + float(ways // shared) * c**k * q1**m * q2**n
    return total


def _wave(sign: float, q1: Array, q2: Array, c: Array, w: ArrayLike) -> Array:
    """Return E of cos wu cos wv (sign 1) or sin wu sin wv (sign -1), without overflow."""
    square = jnp.square(jnp.asarray(w, c.dtype))
    side = jnp.where(c < 0, -1.0, 1.0)
    near = jnp.exp(-square * (q1 + q2 - 2 * side * c) / 2)
    apart = -2 * square * side * c  # the other exponent less this one
    return near * (1 + jnp.exp(apart)) / 2 if sign > 0 else -side * near * jnp.expm1(apart) / 2


def _sine_dual(q1: Array, q2: Array, c: Array, *, frequency: ArrayLike) -> Array:
    return _wave(-1.0, q1, q2, c, frequency)


def _sine_slope(q1: Array, q2: Array, c: Array, *, frequency: ArrayLike) -> Array:
    return _wave(1.0, q1, q2, c, frequency) * frequency**2


def _cosine_dual(q1: Array, q2: Array, c: Array, *, frequency: ArrayLike) -> Array:
    return _wave(1.0, q1, q2, c, frequency)


def _cosine_slope(q1: Array, q2: Array, c: Array, *, frequency: ArrayLike) -> Array:
    return _wave(-1.0, q1, q2, c, frequency) * frequency**2


def _sine_line(q: Array, *, frequency: ArrayLike) -> tuple[Array, ...]:
    w, mean, cosines, sines = _squares(q, frequency)
    zero = jnp.zeros_like(mean)
    return zero, sines, w * mean, w**2 * cosines, zero, -(w**2) * sines


def _cosine_line(q: Array, *, frequency: ArrayLike) -> tuple[Array, ...]:
    w, mean, cosines, sines = _squares(q, frequency)
    zero = jnp.zeros_like(mean)
    return mean, cosines, zero, w**2 * sines, zero, -(w**2) * cosines


def _squares(q: Array, frequency: ArrayLike) -> tuple[Array, Array, Array, Array]:
    """Return w, E cos wx, E cos² wx and E sin² wx."""
    w = jnp.asarray(frequency, q.dtype)
    twice = -2 * w**2 * q
    return w, jnp.exp(twice / 4), (1 + jnp.exp(twice)) / 2, -jnp.expm1(twice) / 2


def _exponential_line(q: Array) -> tuple[Array, ...]:
    mean, second = jnp.exp(q / 2), jnp.exp(2 * q)
    return mean, second, mean, second, second, second


@jax.custom_jvp
def _determinant(q1: Array, q2: Array, c: Array) -> Array:
    """Return that of 1 + K, where K holds the variances and the covariance."""
    norm, _ = correlation(q1, q2, c)
    # (1 + q1) (1 + q2) - c² loses the 1 where c is near √(q1 q2).
    return 1 + q1 + q2 + (norm - c) * (norm + c)


_determinant.defjvps(
    lambda t, _, __, q2, *___: t * (1 + q2),
    lambda t, _, q1, *__: t * (1 + q1),
    lambda t, *given: -2 * t * given[-1],
)


def _erf_dual(q1: Array, q2: Array, c: Array) -> Array:
    # arcsin(2c / √((1 + 2q1) (1 + 2q2))), whose derivative has no bound where that rounds to 1.
    return 2 / np.pi * jnp.arctan2(2 * c, jnp.sqrt(_determinant(2 * q1, 2 * q2, 2 * c)))


def _erf_slope(q1: Array, q2: Array, c: Array) -> Array:
    return 4 / np.pi * lax.rsqrt(_determinant(2 * q1, 2 * q2, 2 * c))


def _normal_dual(q1: Array, q2: Array, c: Array) -> Array:
    return 0.25 + _erf_dual(q1 / 2, q2 / 2, c / 2) / 4


def _normal_slope(q1: Array, q2: Array, c: Array) -> Array:
    return _erf_slope(q1 / 2, q2 / 2, c / 2) / 8


def _bell_dual(q1: Array, q2: Array, c: Array, *, width: ArrayLike = 0.5**0.5) -> Array:
    r = jnp.asarray(width, c.dtype) ** -2
    return lax.rsqrt(_determinant(r * q1, r * q2, r * c))


def _bell_slope(q1: Array, q2: Array, c: Array, *, width: ArrayLike = 0.5**0.5) -> Array:
    return c / jnp.asarray(width, c.dtype) ** 4 * _bell_dual(q1, q2, c, width=width) ** 3


def _exponential(q1: Array, q2: Array, c: Array) -> Array:
    return jnp.exp((q1 + q2 + 2 * c) / 2)


def _step(q1: Array, q2: Array, c: Array, *, at_zero: ArrayLike) -> Array:
    one, two = (jnp.where(q == 0, jnp.asarray(at_zero, q.dtype), 0.5) for q in (q1, q2))
    return jnp.where(jnp.minimum(q1, q2) == 0, one * two, arc_cosine(0, q1, q2, c) / 2)


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
