"""Are the moments those of closed forms and of adaptive quadrature?"""

from functools import lru_cache
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from relu_jax.activations import Activation, get
from relu_jax.theory.moments import Moments, average, moments, moments_with_error

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

VARIANCES = (0.05, 1.0, 30.0)
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


def test_moments_are_held_to_an_accuracy_too():
    sharp = Activation("sharp", lambda x: jnp.tanh(3e4 * (x - 1)), "tanh(3e4 (x - 1))", "test")
    rule = r"accurate to 1e-09 of E \|f\|; got an estimated error of .* in float64 for .* of sharp"
    with pytest.raises(ValueError, match=rule):
        moments(sharp, rtol=1e-9)
    np.testing.assert_allclose(moments(get("relu"), rtol=1e-12).second, 0.5, rtol=1e-14)
    # What is asked for must be accurate, and nothing else.
    root = Activation("root", lambda x: jnp.sqrt(jnp.abs(x)), "sqrt |x|", "test")
    with pytest.raises(ValueError, match="for slope_second of root at variance 1; name the kinks"):
        moments(root)
    np.testing.assert_allclose(average(root, 1.0, "second"), (2 / np.pi) ** 0.5, rtol=1e-12)
    found = moments_with_error(root)
    assert found.error.slope_second > 1e-3 * found.size.slope_second
    assert found.error.second < 1e-12 * found.size.second


@pytest.mark.parametrize("frequency", [0.1, 30.0, 300.0, 1000.0])
def test_waves_are_right_at_any_frequency(frequency):
    w2 = frequency**2
    for q in (0.05, 1.0, 30.0):
        lasting = np.exp(-2 * w2 * q)
        got = moments(get("sine", frequency=frequency), q)
        low, high = -np.expm1(-2 * w2 * q) / 2, (1 + lasting) / 2
        mean = np.exp(-w2 * q / 2)
        expected = (0, low, frequency * mean, w2 * high, 0, -w2 * low)
        np.testing.assert_allclose(got, expected, rtol=1e-13)
        got = moments(get("cosine", frequency=frequency), q)
        np.testing.assert_allclose(got, (mean, high, 0, w2 * low, 0, -w2 * high), rtol=1e-13)


@pytest.mark.parametrize("name", ["sine", "cosine", "exponential"])
def test_closed_forms_agree_with_the_integrals(name):
    act = get(name)
    params = {k: 2.0 for k in act.params}
    closed = moments(act, 0.7, params=params)
    bare = Activation("unknown", lambda x: act.fn(x, **params), "", "test")
    np.testing.assert_allclose(closed, moments(bare, 0.7, rtol=1e-12), rtol=1e-12, atol=1e-13)


def test_finer_panels_take_over_for_fast_waves():
    # snake: x + sin²(ax)/a, so f' = 1 + sin(2 a x)
    got = moments(get("snake", frequency=300.0), jnp.array([1.0, 0.5]))
    np.testing.assert_allclose(got.mean, 1 / 600, rtol=1e-9)
    np.testing.assert_allclose(got.slope, 1, rtol=1e-9)
    np.testing.assert_allclose(got.slope_second, 1.5, rtol=1e-9)
    with pytest.raises(ValueError, match=r"got an estimated error of .* of snake at variance 1;"):
        moments(get("snake", frequency=1e6))


def test_a_variance_that_is_no_number_gives_none():
    quiet = moments(get("relu"), jnp.array([jnp.nan, 1.0]))
    for part in quiet:
        assert np.isnan(part[0])
        assert np.isfinite(part[1])
    traced = jax.jit(lambda q: moments(get("relu"), q))
    for q in (np.nan, -1.0):
        assert np.isnan(traced(q)).all()
    assert np.isnan(moments(get("sine"), np.nan)).all()


def test_traced_values_that_are_not_accurate_are_not_a_number():
    def slope(frequency):
        return moments(get("snake"), params={"frequency": frequency}).slope_second

    value, rise = jax.jit(jax.value_and_grad(slope))(5000.0)
    assert np.isnan(value)
    assert np.isnan(rise)
    np.testing.assert_allclose(jax.jit(slope)(3.0), 1.5, rtol=1e-6)


def test_what_is_no_variance_no_count_and_no_accuracy_is_refused():
    relu = get("relu")
    with pytest.raises(TypeError, match="a variance is a real number; got complex 1j; pass the"):
        moments(relu, 1j)
    with pytest.raises(TypeError, match=r"a variance is a real number; got complex128 array"):
        jax.jit(lambda q: moments(relu, q))(1j)
    with pytest.raises(ValueError, match="a variance is at least 0 and finite; got inf; pass"):
        moments(relu, np.inf)
    with pytest.raises(ValueError, match="a panel has at least 4 nodes; got nodes=0; leave"):
        moments(relu, nodes=0)
    with pytest.raises(ValueError, match=r"rtol is finite and above 0; got -1\.0; pass rtol=1e-9"):
        moments(relu, rtol=-1)
