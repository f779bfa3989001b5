"""Are the moments those of published tables, of closed forms and of adaptive quadrature?"""

from functools import lru_cache, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from relu_jax.activations import Activation, get
from relu_jax.theory.moments import Moments, expectation, expectation_with_error, moments

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

VARIANCES = (0.05, 1.0, 30.0)
MISH = Activation("mish", lambda x: x * jnp.tanh(jnp.logaddexp(x, 0)), "x tanh sp(x)", "test")
RELU_SQUARED = Activation("relu_squared", lambda x: jnp.maximum(x, 0) ** 2, "", "test")
SELU = (1.0507009873554805, 1.6732632423543772)


def elu(scale, alpha):
    return (
        lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        lambda x: scale * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
    )


def clip(low, high):
    return lambda x: np.clip(x, low, high), lambda x: np.where((x > low) & (x < high), 1.0, 0.0)


def phi(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def gate(x):
    return special.expit(x) * special.expit(-x)


# f and f' in NumPy, and where they break
ORACLES = {
    get("relu"): (*clip(0, np.inf), (0,)),
    get("leaky_relu"): (
        lambda x: np.where(x < 0, 0.01 * x, x),
        lambda x: np.where(x < 0, 0.01, 1.0),
        (0,),
    ),
    get("elu"): (*elu(1, 1), (0,)),
    get("selu"): (*elu(*SELU), (0,)),
    get("relu6"): (*clip(0, 6), (0, 6)),
    get("hard_tanh"): (*clip(-1, 1), (-1, 1)),
    get("tanh"): (np.tanh, lambda x: 1 / np.cosh(x) ** 2, ()),
    get("sigmoid"): (special.expit, gate, ()),
    get("silu"): (
        lambda x: x * special.expit(x),
        lambda x: special.expit(x) + x * gate(x),
        (),
    ),
    get("gelu"): (
        lambda x: x * special.ndtr(x),
        lambda x: special.ndtr(x) + x * phi(x),
        (),
    ),
    get("softplus"): (lambda x: np.logaddexp(x, 0), special.expit, ()),
}

# activations.md 2.6 and papers.md 3.1: E f, E f², E f'² at variance 1
PUBLISHED = {
    get("relu"): (0.398942, 0.5, 0.5),
    get("leaky_relu"): (0.394953, 0.500050, 0.500050),
    get("tanh"): (0, 0.394294, 0.464403),
    get("sigmoid"): (0.5, 0.293379, 0.044836),
    get("silu"): (0.206621, 0.355776, 0.379482),
    get("gelu"): (0.282095, 0.425221, 0.455851),
    get("selu"): (0, 1, 1.071575),
    get("elu"): (0.160521, 0.644945, 0.668102),
    get("softplus"): (0.806059, 0.921246, 0.293379),
    MISH: (0.240404, 0.452342, 0.479084),
    RELU_SQUARED: (0.5, 1.5, 2),
}
GAINS = {
    get("relu"): 1.41421,
    get("leaky_relu"): 1.41414,
    RELU_SQUARED: 0.81650,
    get("elu"): 1.24520,
    get("selu"): 1.0,
    get("gelu"): 1.53353,
    get("silu"): 1.67653,
    MISH: 1.48685,
    get("tanh"): 1.59254,
    get("sigmoid"): 1.84623,
    get("softplus"): 1.04187,
}


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@lru_cache
def measured(act):
    """Compile each activation once, for all tests and variances."""
    out = moments(act, jnp.array(VARIANCES))
    return Moments(*(np.asarray(part) for part in out))


def adaptive(g, q, kinks):
    """Average g(x) over x ~ N(0, q) with SciPy, between the kinks."""
    ends = sorted({*(k for k in kinks if abs(k) < 12 * q**0.5), 0.0, -12 * q**0.5, 12 * q**0.5})

    def integrand(x):
        return g(x) * np.exp(-(x**2) / (2 * q)) / np.sqrt(2 * np.pi * q)

    pieces = pairwise(ends)
    options = {"epsabs": 1e-15, "epsrel": 1e-13, "limit": 200}
    return sum(integrate.quad(integrand, a, b, **options)[0] for a, b in pieces)


@pytest.mark.parametrize("act", PUBLISHED, ids=lambda act: act.name)
def test_published_moments_are_met_to_the_digits_given(act):
    got = measured(act)
    numbers = (got.mean[1], got.second[1], got.slope_second[1])
    np.testing.assert_allclose(numbers, PUBLISHED[act], atol=1.01e-6)


@pytest.mark.parametrize("act", GAINS, ids=lambda act: act.name)
def test_published_gains_are_met_to_the_digits_given(act):
    np.testing.assert_allclose(measured(act).second[1] ** -0.5, GAINS[act], atol=6e-6)


def test_gain_of_a_rectifier_with_slope_a_quarter():
    got = moments(get("leaky_relu"), params={"slope": 0.25})
    np.testing.assert_allclose(float(got.second) ** -0.5, 1.37199, atol=6e-6)
    np.testing.assert_allclose(float(got.mean), 0.29921, atol=6e-6)


@pytest.mark.parametrize("act", ORACLES, ids=lambda act: act.name)
def test_moments_equal_adaptive_quadrature_to_twelve_digits(act):
    f, slope, kinks = ORACLES[act]
    got = measured(act)
    for i, q in enumerate(VARIANCES):
        f2 = adaptive(lambda x: f(x) ** 2, q, kinks)
        slope2 = adaptive(lambda x: slope(x) ** 2, q, kinks)
        parts = adaptive(lambda x: x * f(x) * slope(x), q, kinks) / q
        expected = (
            adaptive(f, q, kinks),
            f2,
            adaptive(slope, q, kinks),
            slope2,
            adaptive(lambda x: f(x) * slope(x), q, kinks),
            parts - slope2,  # by parts, so that no second derivative is needed
        )
        scale = (f2**0.5, f2, slope2**0.5, slope2, (f2 * slope2) ** 0.5, parts + slope2)
        for name, a, b, size in zip(Moments._fields, got, expected, scale, strict=True):
            assert abs(a[i] - b) < 1e-12 * abs(size), (name, q, a[i], b)


@pytest.mark.parametrize("slope", [-1.0, 0.0, 0.3])
def test_two_slopes_have_closed_moments(slope):
    q = np.array(VARIANCES)
    got = moments(get("leaky_relu"), jnp.array(VARIANCES), params={"slope": slope})
    half = np.sqrt(q / (2 * np.pi))
    for value, expected in (
        (got.mean, (1 - slope) * half),
        (got.second, (1 + slope**2) / 2 * q),
        (got.slope, np.full(3, (1 + slope) / 2)),
        (got.slope_second, np.full(3, (1 + slope**2) / 2)),
        (got.cross, (1 - slope**2) * half),
        (got.bend, np.zeros(3)),
    ):
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-13)


def test_jumps_of_the_slope_count_in_the_bend():
    # f'' of hard_tanh is nothing but its two jumps, of -1 where f = 1 and of 1 where f = -1.
    got = measured(get("hard_tanh")).bend
    q = np.array(VARIANCES)
    np.testing.assert_allclose(got, -2 * phi(1 / np.sqrt(q)) / np.sqrt(q), rtol=1e-11, atol=1e-13)


CLOSED = {
    "square": (jnp.square, lambda q: q),
    "cube_squared": (lambda x: x**6, lambda q: 15 * q**3),
    "cosine": (jnp.cos, lambda q: np.exp(-q / 2)),
    "exponential": (jnp.exp, lambda q: np.exp(q / 2)),
    "bell": (lambda x: jnp.exp(-(x**2)), lambda q: (1 + 2 * q) ** -0.5),
    "erf_squared": (
        lambda x: jax.lax.erf(x) ** 2,
        lambda q: 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q)),
    ),
    "magnitude": (jnp.abs, lambda q: np.sqrt(2 * q / np.pi)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_expectations_equal_closed_forms(name):
    f, closed = CLOSED[name]
    q = np.array([1e-6, 0.3, 1.0, 9.0])
    got = jax.jit(lambda q: expectation(f, q))(jnp.array(q))
    np.testing.assert_allclose(got, closed(q), rtol=1e-12)


def test_fast_waves_and_steep_steps_are_resolved():
    wave = jax.jit(lambda: expectation(lambda x: jnp.sin(30 * x) ** 2))()
    np.testing.assert_allclose(wave, (1 - np.exp(-1800)) / 2, rtol=3e-12)
    # E σ(a z) is 1/2 for every a; E σ'(a z) goes to φ(0)/a with relative error π²/(6 a²).
    steep = jax.jit(
        lambda: expectation(lambda x: jax.nn.sigmoid(40 * x) * jax.nn.sigmoid(-40 * x))
    )()
    exact = adaptive(lambda x: gate(40 * x), 1.0, (-0.3, 0.3))
    np.testing.assert_allclose(steep, exact, rtol=1e-12)


def test_a_jump_that_is_named_is_integrated_exactly():
    step = partial(expectation, lambda x: jnp.where(x > 0.7, 1.0, 0.0), kinks=(0.7,))
    above = jax.jit(step)(2.0)
    np.testing.assert_allclose(above, special.ndtr(-0.7 / np.sqrt(2)), rtol=1e-13)


def test_a_negative_variance_is_refused_where_it_is_seen():
    with pytest.raises(ValueError, match=r"a variance is at least 0; got -2; pass the variance"):
        expectation(jnp.tanh, jnp.array([1.0, -2.0]))
    with pytest.raises(ValueError, match="a variance is at least 0"):
        moments(get("relu"), -1)
    assert np.isnan(jax.jit(lambda q: expectation(jnp.tanh, q))(-1.0))


def test_an_accuracy_that_is_not_reached_is_refused():
    def jump(x):
        return jnp.sign(x - 1.0)

    assert expectation(jump, rtol=1e-12, kinks=(1.0,)) < 0
    rule = r"the integral is accurate to 1e-12 of E \|f\|; got an estimated error of .* in float64"
    with pytest.raises(ValueError, match=rule):
        expectation(jump, rtol=1e-12)
    with pytest.raises(ValueError, match="enable float64"):
        expectation(jnp.tanh, jnp.float32(1), rtol=1e-12)
    with pytest.raises(ValueError, match="lower the variance"):  # most of it lies beyond the cut
        expectation(jnp.exp, 400.0, rtol=1e-6)
    with pytest.raises(ValueError, match=r"rtol is checked on numbers; got a traced value; call"):
        jax.jit(lambda q: expectation(jnp.tanh, q, rtol=1e-6))(1.0)


def test_moments_are_held_to_an_accuracy_too():
    sharp = Activation("sharp", lambda x: jnp.tanh(3e4 * (x - 1)), "tanh(3e4 (x - 1))", "test")
    with pytest.raises(ValueError, match=r"the integral is accurate to 1e-09"):
        moments(sharp, rtol=1e-9)
    np.testing.assert_allclose(moments(get("relu"), rtol=1e-12).second, 0.5, rtol=1e-14)


def test_the_estimated_error_bounds_the_true_one():
    for f, exact in ((jnp.exp, np.exp(50.0)), (lambda x: jnp.sin(10 * x) ** 2, 0.5)):
        got = expectation_with_error(f, 100.0)
        assert abs(float(got.value) - exact) <= 20 * float(got.error)
        assert got.size > 0
