"""Stretched, cut and combined tanh and sigmoid: published constants and identities."""

import jax
import mpmath
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import get
from relu_jax.activations.squashing import (
    PENALIZED_TANH,
    SCALED_TANH,
    SOFT_CLIPPING,
    bipolar_sigmoid,
    dsilu,
    penalized_tanh,
    rectified_tanh,
    scaled_tanh,
    soft_clipping,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-40, -6, -1.3, -0.2, -0.0, 0, 0.2, 0.5, 1, 1.3, 6, 40])
RTOL = tolerance("float32")


def test_scaled_tanh_maps_one_to_one_and_has_slope_near_one():
    """LeCun et al. 1998, section 4.4: f(±1) = ±1, and an effective gain around 1."""
    np.testing.assert_allclose(scaled_tanh(np.float32([-1, 1])), [-1, 1], atol=2e-5)
    assert float(SCALED_TANH.derivative(0.0)) == pytest.approx(1.7159 * 2 / 3, rel=RTOL)


def test_bipolar_sigmoid_is_twice_the_sigmoid_minus_one():
    np.testing.assert_allclose(bipolar_sigmoid(X), 2 * special.expit(X) - 1, atol=2e-7)


def test_penalized_tanh_contains_tanh_and_the_rectified_one():
    np.testing.assert_allclose(penalized_tanh(X, slope=1.0), np.tanh(X), rtol=RTOL)
    np.testing.assert_allclose(penalized_tanh(X, slope=0.0), rectified_tanh(X), rtol=RTOL)
    assert PENALIZED_TANH.with_params(slope=1).kinks == ()
    flat = PENALIZED_TANH.with_params(slope=0)
    assert (flat.kinks, flat.slope_at_kinks, flat.flat) == ((0.0,), (0.0,), True)


def test_dsilu_is_the_derivative_of_silu():
    np.testing.assert_allclose(dsilu(X), get("silu").derivative(X), rtol=RTOL, atol=5e-8)
    assert float(dsilu(-40.0)) == pytest.approx(-39 * np.exp(-40), rel=tolerance("float32", n=40))


def test_dsilu_overshoots_by_the_published_amount():
    x = np.linspace(-5, 5, 10_001, dtype=np.float32)
    y = np.asarray(dsilu(x))
    assert (y.min(), y.max()) == pytest.approx((-0.099839, 1.099839), abs=1e-6)
    assert x[y.argmax()] == pytest.approx(2.39936, abs=2e-3)


def test_soft_clipping_is_symmetric_about_the_middle():
    x = np.float32([-0.4, 0, 0.25, 0.5])
    np.testing.assert_allclose(soft_clipping(x) + soft_clipping(1 - x), 1, rtol=RTOL)


def test_soft_clipping_keeps_the_digits_of_its_tail():
    x = np.float32([-1.5, -0.5])
    exact = -np.expm1(-50) / 50 * np.exp(50 * x.astype(np.float64))
    # e^u carries the rounding of u, up to 75
    np.testing.assert_allclose(soft_clipping(x), exact, rtol=tolerance("float32", n=10))


def test_sharp_soft_clipping_is_a_clip():
    sharp = soft_clipping(X, sharpness=1e5)
    np.testing.assert_allclose(sharp, np.clip(X, 0, 1), atol=1e-5)


def test_gradients_in_parameters_equal_finite_differences():
    cases = [
        (lambda p: soft_clipping(0.9, sharpness=p), 4.0),
        (lambda p: scaled_tanh(0.9, rate=p), 0.7),
        (lambda p: scaled_tanh(0.9, scale=p), 1.7),
        (lambda p: penalized_tanh(-0.9, slope=p), 0.25),
    ]
    with jax.enable_x64(True):
        for f, p in cases:
            h = 1e-6
            slope = (f(p + h) - f(p - h)) / (2 * h)
            assert float(jax.grad(f)(p)) == pytest.approx(float(slope), rel=1e-7, abs=1e-9)


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match=r"soft_clipping needs sharpness > 0; got sharpness=0.0"):
        SOFT_CLIPPING.with_params(sharpness=0)
    with pytest.raises(ValueError, match=r"scaled_tanh needs rate > 0; got rate=-1.0"):
        SCALED_TANH.with_params(rate=-1)


@pytest.mark.parametrize("f", [np.zeros_like, np.abs, lambda x: x * np.nan, lambda x: -np.tanh(x)])
def test_nothing_is_proposed_where_nothing_fits(f):
    assert SCALED_TANH.fit(f) is None
    assert SOFT_CLIPPING.fit(f) is None


@pytest.mark.parametrize("sharpness", [0.3, 2.0, 700.0])
def test_sharpness_is_found_from_blunt_to_sharp(sharpness):
    def f(x):
        u = sharpness * x
        return (np.logaddexp(u, 0) - np.logaddexp(u - sharpness, 0)) / sharpness

    assert SOFT_CLIPPING.fit(f) == pytest.approx({"sharpness": sharpness}, rel=1e-6)


@pytest.mark.parametrize("sharpness", [1e-8, 1e-3, 1.0, 300.0])
def test_soft_clipping_cancels_at_no_sharpness(sharpness):
    x = np.float32([-2, 0, 0.2, 0.5, 0.7, 1.5])
    p = np.float32(sharpness)
    with mpmath.workdps(60):
        u = [mpmath.mpf(float(p)) * mpmath.mpf(float(v)) for v in x]
        parts = [(1 + mpmath.exp(v)) / (1 + mpmath.exp(v - float(p))) for v in u]
        exact = [float(mpmath.log(part) / float(p)) for part in parts]
    # The left tail has the rounding of its exponent, up to 600.
    np.testing.assert_allclose(soft_clipping(x, sharpness=p), exact, rtol=3e-5, atol=2e-38)
    np.testing.assert_allclose(soft_clipping(x[1:], sharpness=p), exact[1:], rtol=RTOL)


def test_dsilu_ends_only_where_a_float_does():
    with jax.enable_x64(True):
        x = np.float64(-712)
        value, slope = jax.value_and_grad(dsilu)(x)
    assert float(value) == pytest.approx(-711 * np.exp(-356.0) * np.exp(-356.0), rel=1e-12, abs=0)
    assert float(slope) == pytest.approx(-710 * np.exp(-356.0) * np.exp(-356.0), rel=1e-12, abs=0)


@pytest.mark.parametrize(("dtype", "x"), [("float16", 6e4), ("float32", 3e38)])
def test_far_out_the_rate_of_a_scaled_tanh_changes_nothing(dtype, x):
    for differentiated in (jax.grad, jax.jacfwd):
        slope = differentiated(lambda r: scaled_tanh(np.asarray(x, dtype), rate=r))
        assert slope(np.asarray(0.7, dtype)) == 0
