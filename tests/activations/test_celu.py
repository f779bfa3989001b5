"""The celu: jax.nn's values, the digits of its tail, the second derivative at 0."""

import jax
import numpy as np
import pytest

from relu_jax.activations.celu import CELU, celu
from relu_jax.activations.exponential import elu
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-np.inf, -30, -3, -1, -0.3, -0.0, 0, 0.4, 9, np.inf, np.nan])


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0])
def test_value_equals_jax_nn_bit_for_bit(alpha):
    ours = jax.jit(lambda x: celu(x, alpha=alpha))(X)
    np.testing.assert_array_equal(ours, jax.jit(lambda x: jax.nn.celu(x, alpha))(X))


def test_second_derivative_at_zero_is_that_of_the_side_below_not_a_quarter_of_it():
    assert jax.grad(jax.grad(jax.nn.celu))(0.0) == 0.25
    assert CELU.derivative(0.0, order=2) == 1
    assert CELU.with_params(alpha=0.5).derivative(0.0, order=2) == 2


def test_tail_of_the_slope_keeps_its_digits():
    x = np.float32([-80, -30, -9])
    exact = np.exp(x.astype(np.float64))
    np.testing.assert_allclose(CELU.derivative(x), exact, rtol=tolerance("float32"))
    assert np.expm1(np.float32(-30)) + 1 == 0  # the slope, computed from the value


def test_with_alpha_one_it_is_an_elu_and_scales_with_alpha():
    np.testing.assert_array_equal(celu(X), elu(X))
    np.testing.assert_array_equal(celu(X, alpha=2.0), 2 * elu(X / 2))


@pytest.mark.parametrize("x", [-3.0, -0.2, 0.0, 2.0])
def test_gradient_in_alpha_is_the_closed_form(x):
    u = min(x, 0.0) / 0.7
    closed = np.expm1(u) - u * np.exp(u)
    slope = jax.grad(lambda a: celu(np.float32(x), alpha=a))(0.7)
    assert float(slope) == pytest.approx(closed, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("alpha", [1e-3, 0.123456, 40.0, 1e4])
def test_alpha_is_found_from_a_float32_program(alpha):
    f = CELU.with_params(alpha=alpha)
    assert CELU.fit(lambda x: np.asarray(f(np.float32(x)))) == pytest.approx(
        {"alpha": alpha}, rel=1e-6
    )


@pytest.mark.parametrize("f", [np.abs, np.zeros_like, lambda x: x * np.nan, np.exp, lambda x: x])
def test_nothing_is_proposed_for_a_function_that_is_not_level_below_zero_far_out(f):
    assert CELU.fit(f) is None


@pytest.mark.parametrize("alpha", [0, -1])
def test_alpha_of_zero_or_less_is_refused(alpha):
    with pytest.raises(ValueError, match=r"celu needs alpha > 0; got alpha=.*; pass alpha=1"):
        CELU.with_params(alpha=alpha)


@pytest.mark.parametrize("x", [-np.inf, -6e4, -7.0, -0.02, 0.0, 6e4])
def test_gradient_in_alpha_is_the_closed_form_however_small_alpha_is(x):
    alpha = np.float16(0.01)
    got = float(jax.grad(lambda a: celu(np.float16(x), alpha=a))(alpha))
    z = min(np.float64(np.float16(x)) / np.float64(alpha), 0.0)
    exact = np.expm1(z) - (z * np.exp(z) if z > -700 else 0.0)
    assert got == pytest.approx(exact, rel=tolerance("float16", n=2))
