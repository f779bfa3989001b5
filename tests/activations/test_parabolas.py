"""Lines joined by parabolas: jax.nn's values, one family, derivatives of one another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from relu_jax.activations.clipped import sparse_sigmoid
from relu_jax.activations.parabolas import SMELU, SPARSE_PLUS, smelu, sparse_plus, sqnl
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-9, -2, -1, -0.3, -0.0, 0, 0.4, 1, 2, 9])


def both(f, x=X):
    """Value and slope."""
    return jax.jit(lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),)))(jnp.asarray(x))


def test_sparse_plus_equals_jax_nn_bit_for_bit():
    for a, b in zip(both(sparse_plus), both(jax.nn.sparse_plus), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_gradient_at_infinity_is_right_where_that_of_jax_nn_is_no_number():
    assert jnp.isnan(jax.grad(jax.nn.sparse_plus)(jnp.inf))
    assert jax.grad(sparse_plus)(jnp.inf) == 1
    assert jax.grad(sparse_plus)(-jnp.inf) == 0


def test_the_slope_of_sparse_plus_is_the_sparse_sigmoid():
    np.testing.assert_array_equal(SPARSE_PLUS.derivative(X), sparse_sigmoid(X))


def test_smelu_of_width_one_is_sparse_plus_and_scales_with_its_width():
    np.testing.assert_array_equal(smelu(X, beta=1.0), sparse_plus(X))
    scaled = 3 * sparse_plus(X / 3)
    np.testing.assert_allclose(smelu(X, beta=3.0), scaled, rtol=tolerance("float32"))


@pytest.mark.parametrize("x", [-4.0, -0.5, 0.0, 1.5, 7.0, 1e30])
def test_smelu_is_relu_averaged_over_its_width(x):
    beta = 2.0
    mean = integrate.quad(lambda s: max(s, 0), x - beta, x + beta, points=[0])[0] / (2 * beta)
    mean = mean if abs(x) < 1e6 else x
    assert float(smelu(np.float32(x), beta=beta)) == pytest.approx(mean, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("x", [-9.0, -1.5, 0.0, 0.7, 9.0, 3e38])
def test_gradient_in_the_width_is_the_closed_form_and_finite_far_out(x):
    slope = float(jax.grad(lambda b: smelu(np.float32(x), beta=b))(2.0))
    closed = (4 - x * x) / (4 * 4) if abs(x) < 2 else 0.0
    assert slope == pytest.approx(closed, rel=1e-5)


def test_sqnl_is_odd_and_the_integral_of_a_tent():
    np.testing.assert_array_equal(sqnl(-X), -sqnl(X))
    for x in (-3.0, -0.8, 1.3, 5.0):
        area = integrate.quad(lambda s: max(0, 1 - abs(s) / 2), 0, x, points=[-2, 0, 2])[0]
        assert float(sqnl(np.float32(x))) == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize("f", [np.zeros_like, np.cbrt, lambda x: x * np.nan])
def test_smelu_proposes_nothing_for_a_function_that_is_not_above_zero_at_zero(f):
    assert SMELU.fit(f) is None


def test_a_width_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"smelu needs beta > 0; got beta=0.0; .* take relu"):
        SMELU.with_params(beta=0)


@pytest.mark.parametrize(("dtype", "beta"), [("float16", 300.0), ("float32", 1e20)])
def test_a_width_whose_square_overflows_is_as_good_as_another(dtype, beta):
    beta = np.asarray(beta, dtype)
    x = jnp.asarray([-0.75, -0.5, 0.0, 0.5, 0.75, 2.0], dtype) * beta
    each = jax.vmap(jax.value_and_grad(lambda x, b: smelu(x, beta=b), (0, 1)), (0, None))
    value, (slope, in_beta) = each(x, beta)
    r, inside = np.asarray(x / beta, np.float64), np.asarray(abs(x) < beta)
    rtol = tolerance(dtype)
    np.testing.assert_allclose(value / beta, np.where(inside, (1 + r) ** 2 / 4, r), rtol=rtol)
    np.testing.assert_allclose(slope, np.where(inside, (1 + r) / 2, 1), rtol=rtol)
    np.testing.assert_allclose(in_beta, np.where(inside, (1 - r**2) / 4, 0), rtol=rtol)
