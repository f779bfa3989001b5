"""Roots and quotients: jax.nn's bits, identities between members, what a square overflows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.algebraic import (
    ARCTAN,
    ISRLU,
    ISRU,
    arcsinh,
    arctan,
    elliott,
    isrlu,
    isru,
    soft_sign,
    symlog,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-2e9, -300, -7.5, -1, -0.3, -1e-6, 0, 1e-6, 0.3, 1, 7.5, 300, 2e9])
RTOL = tolerance("float32")


def test_soft_sign_equals_jax_nn_bit_for_bit():
    x = jnp.asarray(X)
    np.testing.assert_array_equal(soft_sign(x), jax.nn.soft_sign(x))


def test_soft_sign_has_its_limit_where_jax_nn_gives_nan():
    assert jnp.isnan(jax.nn.soft_sign(jnp.inf))
    assert jnp.isnan(jax.grad(jax.nn.soft_sign)(jnp.inf))
    assert soft_sign(jnp.inf) == 1
    assert jax.grad(soft_sign)(jnp.inf) == 0


def test_elliott_is_soft_sign_moved_to_zero_and_one():
    np.testing.assert_allclose(elliott(X), (soft_sign(X) + 1) / 2, rtol=RTOL, atol=1e-7)


def test_elliott_keeps_the_digits_of_its_tail():
    assert float(elliott(-1e6)) == pytest.approx(0.5 / 1_000_001, rel=RTOL)


def test_isru_is_the_sine_of_the_angle_whose_tangent_is_x():
    np.testing.assert_allclose(isru(X), np.sin(np.arctan(X.astype(np.float64))), rtol=RTOL)


@pytest.mark.parametrize("f", [isru, isrlu])
def test_the_square_of_x_may_overflow_and_f_does_not(f):
    x = jnp.float16(-60000)
    assert not jnp.isfinite(x * x)
    assert f(x) == -1
    assert f(x, alpha=4.0) == -0.5


def test_isrlu_is_smooth_to_the_second_derivative():
    for x in (-1e-30, 0.0, 1e-30):
        assert ISRLU.derivative(x) == 1
        assert abs(float(ISRLU.derivative(x, 2))) < 1e-6


def test_angles_of_x_and_of_its_inverse_sum_to_a_right_angle():
    x = X[X > 0]
    np.testing.assert_allclose(arctan(x) + arctan(1 / x), np.pi / 2, rtol=RTOL)


@pytest.mark.parametrize(("f", "inverse"), [(arcsinh, np.sinh), (symlog, None)])
def test_compressions_are_undone_by_their_inverses(f, inverse):
    y = np.asarray(f(X), np.float64)
    back = inverse(y) if inverse else np.sign(y) * np.expm1(np.abs(y))
    np.testing.assert_allclose(back, X, rtol=tolerance("float32", n=22))  # |y| rounds in e^|y|


def test_third_derivatives_are_right_where_clip_and_max_have_their_ties():
    x = np.float32([-1, 0.25, 1, 3])
    square = x.astype(np.float64) ** 2
    exact = (6 * square - 2) / (1 + square) ** 3
    np.testing.assert_allclose(ARCTAN.derivative(x, 3), exact, rtol=tolerance("float32", n=4))
    exact = 3 * (4 * square - 1) / (1 + square) ** 3.5
    np.testing.assert_allclose(ISRU.derivative(x, 3), exact, rtol=tolerance("float32", n=4))


@pytest.mark.parametrize("f", [isru, isrlu])
def test_gradient_in_alpha_equals_the_closed_form(f):
    with jax.enable_x64(True):
        slopes = jax.vmap(jax.grad(lambda a, x: f(x, alpha=a)), (None, 0))(
            0.7, np.float64([-9, -1])
        )
    x = np.float64([-9, -1])
    np.testing.assert_allclose(slopes, -(x**3) / 2 * (1 + 0.7 * x**2) ** -1.5, rtol=1e-12)


@pytest.mark.parametrize("act", [ISRU, ISRLU], ids=lambda act: act.name)
def test_alpha_is_above_zero(act):
    with pytest.raises(ValueError, match=rf"{act.name} needs alpha > 0; got alpha=-2.0"):
        act.with_params(alpha=-2)
    assert act.fit(np.zeros_like) is None
    assert act.fit(lambda x: x) is None


@pytest.mark.parametrize("x", [-np.inf, -6e4, -1.5, -0.05, 0.0])
def test_gradient_in_alpha_is_minus_half_the_cube_of_the_value(x):
    x, alpha = np.float16(x), np.float16(0.01)
    for f in (isru, isrlu):
        slope = jax.grad(lambda a, f=f: f(x, alpha=a))(alpha)
        cube = np.float64(isru(x, alpha=alpha)) ** 3
        assert float(slope) == pytest.approx(-cube / 2, rel=tolerance("float16"))
