"""Hyperbolic and logarithmic activations: digits near 0, identities, the rectifier inside."""

import jax
import numpy as np
import pytest

from relu_jax.activations import relu, softplus
from relu_jax.activations.hyperbolic import (
    LISHT,
    NLRELU,
    TANH_SHRINK,
    lisht,
    nlrelu,
    shifted_softplus,
    tanh_shrink,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.linspace(-6, 6, 121, dtype=np.float32)
EPS = tolerance("float32")


def test_lisht_is_an_even_function_below_the_absolute_value():
    y = np.asarray(lisht(X))
    np.testing.assert_array_equal(y, lisht(-X))
    assert (y <= np.abs(X)).all()
    assert LISHT.derivative(0.0, order=2) == pytest.approx(2)  # x^2 near 0


def test_tanh_shrink_keeps_its_digits_near_zero_where_the_difference_has_none():
    x = np.float32([1e-4, -1e-3, 0.02])
    wide = x.astype(np.float64)
    series = wide**3 / 3 - 2 * wide**5 / 15 + 17 * wide**7 / 315
    np.testing.assert_allclose(tanh_shrink(x), series, rtol=EPS)
    assert x[0] - np.tanh(x[0]) == 0
    np.testing.assert_allclose(TANH_SHRINK.derivative(x), np.tanh(wide) ** 2, rtol=EPS)


def test_the_two_forms_of_tanh_shrink_meet_at_one():
    with jax.enable_x64(True):
        x = np.float64([0.7, 0.9, 1 - 1e-15, 1, 1 + 1e-15, -0.95])
        np.testing.assert_allclose(tanh_shrink(x), x - np.tanh(x), rtol=4e-15)


def test_shifted_softplus_is_softplus_less_its_value_at_zero():
    lowered = np.asarray(softplus(X)) - np.log(2)
    np.testing.assert_allclose(shifted_softplus(X), lowered, atol=EPS)
    small = np.float32([1e-6, -1e-5])
    np.testing.assert_allclose(shifted_softplus(small), small / 2, rtol=1e-5)


def test_shifted_softplus_minus_half_is_even():
    with jax.enable_x64(True):
        x = np.linspace(0.01, 4, 200)
        even = [np.asarray(shifted_softplus(s * x)) - s * x / 2 for s in (1, -1)]
        np.testing.assert_allclose(even[0], even[1], rtol=1e-12, atol=4e-16)
        np.testing.assert_allclose(even[0], np.log(np.cosh(x / 2)), rtol=1e-12, atol=4e-16)


def test_nlrelu_undone_is_relu():
    y = np.asarray(nlrelu(X, beta=3.0), np.float64)
    np.testing.assert_allclose(np.expm1(y) / 3, relu(X), rtol=8 * EPS)
    np.testing.assert_array_equal(NLRELU.derivative(np.float32([-1, 0, 1, 3])), [0, 0, 0.5, 0.25])


def test_gradient_in_beta_equals_a_finite_difference():
    with jax.enable_x64(True):
        up, down = (nlrelu(0.8, beta=2 + step) for step in (1e-5, -1e-5))
        assert float(jax.grad(lambda b: nlrelu(0.8, beta=b))(2.0)) == pytest.approx(
            float(up - down) / 2e-5, rel=1e-8
        )
        assert jax.grad(lambda b: nlrelu(-0.8, beta=b))(2.0) == 0


def test_impossible_beta_is_refused():
    with pytest.raises(ValueError, match=r"nlrelu needs beta > 0; got beta=0.0; pass a positive"):
        NLRELU.with_params(beta=0)


@pytest.mark.parametrize("f", [np.zeros_like, lambda x: x * np.nan, lambda x: x * 1e6])
def test_nothing_is_proposed_where_nothing_fits(f):
    assert NLRELU.fit(f) is None


@pytest.mark.parametrize(("dtype", "x"), [("float16", 4e4), ("float32", 3e38)])
def test_no_product_of_beta_and_x_overflows(dtype, x):
    x, beta = np.asarray(x, dtype), np.asarray(200, dtype)
    value, (slope, in_beta) = jax.value_and_grad(lambda x, b: nlrelu(x, beta=b), (0, 1))(x, beta)
    exact = np.log(200) + np.log(np.float64(x))
    rtol, least = tolerance(dtype), float(np.finfo(dtype).smallest_normal)
    assert float(value) == pytest.approx(exact, rel=rtol)
    assert float(slope) == pytest.approx(1 / np.float64(x), rel=rtol, abs=least)
    assert float(in_beta) == pytest.approx(1 / 200, rel=rtol)
