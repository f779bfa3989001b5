"""Are closed kernels right to 1e-12 from variance 0 to 1e4, and up to correlation ±1?"""

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from relu_jax.theory.closed_forms import CLOSED_FORMS
from tests.theory.closed import PARAMS

pytestmark = pytest.mark.thorough("thousands of kernels to fifty digits: half a minute")

JUMPS = ("heaviside", "sign")
VARIANCES = (0.0, 1e-6, 0.1, 1.0, 10.0, 1e4)
CORRELATIONS = (-1.0, -1 + 1e-12, -0.5, 0.0, 0.5, 1 - 1e-12, 1.0)
RECTIFIERS = ("relu", "absolute", "leaky_relu", "two_slope", "rrelu", "squared_relu", "star_relu")


def angular(order, q1, q2, c):
    """Return J_order(θ) / π times its power of the variances; θ is π/2 at a variance of 0."""
    norm = mp.sqrt(q1 * q2)
    rho = max(mp.mpf(-1), min(mp.mpf(1), c / norm)) if norm else mp.mpf(0)
    left = mp.acos(-rho)
    sine = mp.sqrt(1 - rho**2)
    parts = (left, sine + left * rho, 3 * sine * rho + left * (1 + 2 * rho**2))
    return norm**order * parts[order] / mp.pi


def bent(below, above):
    a, b = mp.mpf(below), mp.mpf(above)
    return (
        lambda q1, q2, c: (b - a) ** 2 * angular(1, q1, q2, c) / 2 + a * b * c,
        lambda q1, q2, c: (b - a) ** 2 * angular(0, q1, q2, c) / 2 + a * b,
    )


def starred(scale, bias):
    s, b = mp.mpf(scale), mp.mpf(bias)
    return (
        lambda q1, q2, c: s * s * angular(2, q1, q2, c) / 2 + (q1 + q2) * s * b / 2 + b * b,
        lambda q1, q2, c: s * s * angular(1, q1, q2, c) * 2,
    )


def erfs(scale, factor, shift):
    """Return factor E erf(scale u) erf(scale v) + shift, and its slope."""
    r = 2 * mp.mpf(scale) ** 2

    def dual(q1, q2, c):
        return shift + factor * 2 / mp.pi * mp.asin(r * c / mp.sqrt((1 + r * q1) * (1 + r * q2)))

    def slope(q1, q2, c):
        return factor * r * 2 / mp.pi / mp.sqrt((1 + r * q1) * (1 + r * q2) - (r * c) ** 2)

    return dual, slope


def waves(frequency, sign):
    w = mp.mpf(frequency)

    def wave(sign, q1, q2, c):
        near, far = (mp.exp(-(w**2) * (q1 + q2 - 2 * side * c) / 2) for side in (1, -1))
        return (near + sign * far) / 2

    return partial(wave, sign), lambda *pair: w**2 * wave(-sign, *pair)


def bells(width):
    r = mp.mpf(width) ** -2

    def dual(q1, q2, c):
        return 1 / mp.sqrt((1 + r * q1) * (1 + r * q2) - (r * c) ** 2)

    return dual, lambda q1, q2, c: c * r**2 * dual(q1, q2, c) ** 3


def exponentials(q1, q2, c):
    return mp.exp((q1 + q2 + 2 * c) / 2)


def steps(q1, q2, c):
    return angular(0, q1, q2, c) / 2 if q1 and q2 else mp.mpf(0)  # the step of 0 is 0


def nothing(*_):
    return mp.mpf(0)


# E f(u) f(v) and E f'(u) f'(v), at the parameters of PARAMS
IN_MPMATH = {
    "identity": (lambda q1, q2, c: c, lambda q1, q2, c: mp.mpf(1)),
    "square": (lambda q1, q2, c: q1 * q2 + 2 * c**2, lambda q1, q2, c: 4 * c),
    "cube": (
        lambda q1, q2, c: 9 * q1 * q2 * c + 6 * c**3,
        lambda q1, q2, c: 9 * (q1 * q2 + 2 * c**2),
    ),
    "relu": bent(0, 1),
    "absolute": bent(-1, 1),
    "leaky_relu": bent(0.3, 1),
    "two_slope": bent(-0.2, 1.4),
    "rrelu": bent(0.25, 1),
    "squared_relu": starred(1, 0),
    "star_relu": starred(0.9, -0.4),
    "heaviside": (steps, nothing),
    "sign": (lambda *pair: 2 * angular(0, *pair) - 1, nothing),
    "erf": erfs(1, 1, 0),
    "normal_cdf": erfs(0.5**0.5, mp.mpf("0.25"), mp.mpf("0.25")),
    "sine": waves(1.7, -1),
    "cosine": waves(1.7, 1),
    "exponential": (exponentials, exponentials),
    "gaussian": bells(0.8),
    "gaussian_square": bells(mp.sqrt(mp.mpf(1) / 2)),
}


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def label(row):
    return f"{row.name}({','.join(row.params)})"


def pairs_of_the_grid():
    rows = [
        (q1, q2, rho * q1 if q1 == q2 else rho * (q1 * q2) ** 0.5)
        for q1, q2, rho in product(VARIANCES, VARIANCES, CORRELATIONS)
    ]
    return np.array(rows).T


def bounds(exact, q1, q2, c, rtol):
    """Return the least and largest kernel of a covariance within four roundings of √(q1 q2)."""
    with mp.workdps(50):
        q1, q2, c = (mp.mpf(float(x)) for x in (q1, q2, c))
        limit = mp.sqrt(q1 * q2)
        off = limit * 4 * 2.0**-52
        moved = [max(-limit, min(limit, x)) for x in (c - off, c, c + off)]
        values = [exact(q1, q2, x) for x in moved]
        size = mp.sqrt(mp.fprod(abs(exact(q, q, q)) for q in (q1 or mp.mpf(1), q2 or mp.mpf(1))))
        slack = rtol * abs(values[1]) + mp.mpf("1e-15") * size
        return float(min(values) - slack), float(max(values) + slack)


@pytest.mark.parametrize("row", CLOSED_FORMS, ids=label)
@pytest.mark.parametrize("order", [0, 1])
def test_kernels_are_those_of_fifty_digits_from_variance_0_to_1e4(row, order):
    q1, q2, c = pairs_of_the_grid()
    params = {k: PARAMS[k] for k in row.params}
    got = jax.jit(row.slope if order else row.dual)(*map(jnp.array, (q1, q2, c)), **params)
    for value, *pair in zip(np.asarray(got), q1, q2, c, strict=True):
        least, most = bounds(IN_MPMATH[row.name][order], *pair, 1e-12)
        assert least <= value <= most, (pair, value, least, most)


@pytest.mark.parametrize("row", CLOSED_FORMS, ids=label)
def test_derivatives_in_the_covariance_are_finite_and_those_of_fifty_digits(row):
    q1, q2, c = pairs_of_the_grid()
    few = (q1 <= 10) & (q2 <= 10) if row.name == "exponential" else q1 >= 0  # no overflow
    q1, q2, c = (x[few] for x in (q1, q2, c))
    params = {k: PARAMS[k] for k in row.params}
    slopes = jax.jit(jax.vmap(jax.grad(lambda *pair: row.dual(*pair, **params), (0, 1, 2))))
    d1, d2, dc = slopes(*map(jnp.array, (q1, q2, c)))
    assert np.isfinite([d1, d2, dc]).all()
    if row.name in JUMPS:  # infinite at the ends, where 0 is given
        assert not dc[(q1 == q2) & (abs(c) == q1)].any()
        return
    still = (np.minimum(q1, q2) == 0) & (row.name in RECTIFIERS)
    for value, empty, *pair in zip(np.asarray(dc), still, q1, q2, c, strict=True):
        least, most = bounds(IN_MPMATH[row.name][1], *pair, 1e-10)
        assert empty or least <= value <= most, (pair, value, least, most)
