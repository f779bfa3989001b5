"""Waves and bumps: identities between them, and numbers too large for a phase."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.waves import (
    COSINE,
    GAUSSIAN,
    SINC,
    SINE,
    cosine,
    exponential,
    gaussian,
    gaussian_square,
    ricker,
    sinc,
    sine,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-12, -3.3, -1, -0.6, -1e-3, 0, 1e-3, 0.6, 1, 3.3, 12])
RTOL = tolerance("float32")


def test_width_sqrt_half_takes_the_half_out_of_the_exponent():
    wide = tolerance("float32", n=300)  # e^-x² carries the rounding of x², up to 144
    square = gaussian_square(X)
    np.testing.assert_allclose(gaussian(X, width=np.sqrt(0.5).item()), square, rtol=wide)
    np.testing.assert_allclose(square, np.exp(-(X.astype(np.float64) ** 2)), rtol=wide, atol=1e-37)


def test_ricker_is_minus_the_second_derivative_of_the_gaussian():
    np.testing.assert_allclose(ricker(X), -GAUSSIAN.derivative(X, 2), rtol=RTOL, atol=2e-7)


def test_ricker_integrates_to_nothing():
    x = np.linspace(-12, 12, 4801, dtype=np.float32)
    assert float(np.asarray(ricker(x), np.float64).sum() * 0.005) == pytest.approx(0, abs=1e-6)


def test_sine_and_cosine_lie_on_the_circle():
    sines, cosines = (f(X, frequency=2.5) for f in (sine, cosine))
    np.testing.assert_allclose(sines**2 + cosines**2, 1, rtol=RTOL)
    np.testing.assert_allclose(sines, np.sin(2.5 * X.astype(np.float64)), atol=2e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("act", [SINE, COSINE], ids=lambda act: act.name)
def test_a_phase_that_overflows_still_gives_a_number(act, dtype):
    top = jnp.asarray(jnp.finfo(dtype).max, dtype)
    assert jnp.isinf(top * jnp.asarray(30, dtype))
    fast = act.with_params(frequency=30)
    for order in (1, 2):
        assert jnp.isfinite(fast.derivative(top, order))
    assert abs(fast(top)) <= 1
    assert jnp.isnan(fast(jnp.asarray(jnp.inf, dtype)))


def test_sinc_equals_that_of_jax_without_pi():
    np.testing.assert_allclose(sinc(X), jnp.sinc(X / np.float32(np.pi)), rtol=4 * RTOL, atol=1e-7)


def test_derivatives_of_sinc_follow_their_series_near_zero():
    """Expect f' = -x/3 + x^3/30 and f'' = -1/3 + x^2/10, far below the rounding of sin(x) / x^2."""
    x = np.float32([-1e-2, -1e-5, 0, 1e-5, 1e-2])
    wide = x.astype(np.float64)
    np.testing.assert_allclose(SINC.derivative(x), -wide / 3 + wide**3 / 30, rtol=RTOL)
    np.testing.assert_allclose(SINC.derivative(x, 2), -1 / 3 + wide**2 / 10, rtol=RTOL)


def test_exponential_is_its_own_derivative():
    np.testing.assert_array_equal(exponential(X), jnp.exp(X))
    np.testing.assert_array_equal(jax.vmap(jax.grad(exponential))(X), jnp.exp(X))


def test_gradients_in_parameters_equal_finite_differences():
    cases = [
        (lambda p: gaussian(0.4, width=p), 0.7),
        (lambda p: sine(0.4, frequency=p), 3.0),
        (lambda p: cosine(0.4, frequency=p), 3.0),
    ]
    with jax.enable_x64(True):
        for f, p in cases:
            h = 1e-6
            slope = (f(p + h) - f(p - h)) / (2 * h)
            assert float(jax.grad(f)(p)) == pytest.approx(float(slope), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    ("act", "name"), [(GAUSSIAN, "width"), (SINE, "frequency"), (COSINE, "frequency")]
)
def test_impossible_parameters_are_refused(act, name):
    with pytest.raises(ValueError, match=rf"{act.name} needs {name} > 0; got {name}=0.0"):
        act.with_params(**{name: 0})


@pytest.mark.parametrize("value", [0.01, 0.7, 45.0])
def test_parameters_are_found_over_four_decades(value):
    assert COSINE.fit(lambda x: np.cos(value * x)) == pytest.approx({"frequency": value}, rel=1e-6)
    assert SINE.fit(lambda x: np.sin(value * x)) == pytest.approx({"frequency": value}, rel=1e-6)
    bump = GAUSSIAN.fit(lambda x: np.exp(-0.5 * (x / value) ** 2))
    assert bump == pytest.approx({"width": value}, rel=1e-6)


@pytest.mark.parametrize("f", [np.zeros_like, np.ones_like, lambda x: x * np.nan, lambda x: -x * x])
def test_nothing_is_proposed_where_nothing_fits(f):
    assert GAUSSIAN.fit(f) is None
    assert COSINE.fit(f) is None
    assert SINE.fit(f) is None


def test_far_slope_of_sinc_keeps_its_digits_in_float16():
    x = np.float16([-6e4, 1.5, 100, 300, 1000])
    wide = x.astype(np.float64)
    exact = (np.cos(wide) - np.sin(wide) / wide) / wide
    np.testing.assert_allclose(SINC.derivative(x), exact, rtol=tolerance("float16"), atol=2.0**-23)


def test_slope_of_the_cosine_is_whole_at_the_largest_number():
    top = np.finfo(np.float16).max
    slope = COSINE.derivative(np.float16([-top, top]))
    np.testing.assert_allclose(slope, [np.sin(65504.0), -np.sin(65504.0)], rtol=1e-3)


def test_gradient_in_the_width_is_a_number_where_a_quotient_overflows():
    slope = jax.grad(lambda w: gaussian(np.float16(6e4), width=w))
    assert slope(np.float16(0.25)) == 0
    assert float(jax.grad(lambda w: gaussian(np.float16(3e-3), width=w))(np.float16(3e-3))) == (
        pytest.approx(np.exp(-0.5) / 3e-3, rel=1e-2)
    )
