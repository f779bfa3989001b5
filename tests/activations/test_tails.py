"""Are x times a gate, e^x and the root the plain formulas, except where those break?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations.tails import (
    bell,
    finite,
    finite_product,
    in_widths,
    narrow_bell,
    normal_law,
    odds,
    root,
    scaled,
    times_gate,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_clipped_numbers_can_be_doubled_and_multiplied_by_zero(dtype):
    x = jnp.array([-jnp.inf, -3.0, jnp.inf, jnp.nan], dtype)
    z = finite(x)
    assert z.dtype == x.dtype
    assert jnp.isfinite(2 * z[:3]).all()
    assert z[1] == -3
    assert jnp.isnan(z[3])


def test_a_closed_gate_at_minus_infinity_gives_zero_where_the_product_is_nan():
    x, gate = jnp.array([-jnp.inf, -2, jnp.inf]), jnp.array([0, 0.25, 1])
    np.testing.assert_array_equal(times_gate(x, gate), [0, -0.5, np.inf])
    assert jnp.isnan(x * gate)[0]


def test_factor_zero_keeps_its_gradient():
    assert scaled(0.0, jnp.float32(-jnp.inf)) == 0
    assert jax.grad(lambda f: scaled(f, jnp.float32(-3.0)))(0.0) == -3
    assert scaled(0.5, jnp.float32(-jnp.inf)) == -jnp.inf


def test_odds_are_the_exponential_and_differentiate_as_such():
    x = np.float32([-30, -2, -0.0, 0, 0.7, 40])
    a, b = odds(jnp.asarray(x))
    np.testing.assert_allclose(a / b, np.exp(x, dtype=np.float64), rtol=tolerance("float32", n=5))
    assert float(jnp.maximum(a, b).min()) == 1

    @jax.jit
    def gate(x):
        a, b = odds(x)
        return a / (a + b)

    assert jax.jit(jax.grad(gate))(0.0) == 0.25
    assert jax.jit(jax.grad(jax.grad(gate)))(0.0) == 0


@pytest.mark.parametrize("b", [0.25, 4.0, 100.0])
def test_root_overflows_nowhere_and_keeps_the_bits_of_the_plain_formula(b):
    top = float(jnp.finfo("float32").max)
    x = jnp.float32([-top, -300.0, -100.0, -3.0, 0.0, 0.1, 7.0, 90.0, 200.0, top, jnp.inf])
    wide = np.asarray(x, np.float64)
    r = root(x, b)
    np.testing.assert_allclose(
        np.asarray(r, np.float64), np.sqrt(wide * wide + b), rtol=tolerance("float32")
    )
    plain = jnp.sqrt(jnp.square(x[2:8]) + b)
    np.testing.assert_array_equal(r[2:8], plain)


@pytest.mark.parametrize("f", [bell, narrow_bell, normal_law])
def test_the_normal_law_has_its_limits_in_every_derivative(f):
    top = float(jnp.finfo("float32").max)
    ends = jnp.float32([-jnp.inf, -top, -top / 8, top / 8, top, jnp.inf])
    np.testing.assert_array_equal(f(ends), (ends > 0) if f is normal_law else 0)
    for order in range(3):
        f = jax.grad(f)
        assert (jax.vmap(f)(ends) == 0).all(), order


def test_the_normal_law_and_its_bells_equal_scipy_s():
    z = np.linspace(-8, 8, 65, dtype=np.float32)
    wide = z.astype(np.float64)
    rtol = tolerance("float32", n=10)
    np.testing.assert_allclose(normal_law(jnp.asarray(z)), special.ndtr(wide), rtol=rtol)
    np.testing.assert_allclose(bell(jnp.asarray(z)), np.exp(-(wide**2) / 2), rtol=rtol)
    np.testing.assert_allclose(narrow_bell(jnp.asarray(z)), np.exp(-(wide**2)), rtol=rtol)
    density = np.exp(-(wide**2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(jax.vmap(jax.grad(normal_law))(z), density, rtol=rtol)


def test_a_product_that_overflows_is_the_largest_number_and_an_infinite_one_infinite():
    x = jnp.array([-jnp.inf, -3e38, 1.0, 3e38, jnp.inf])
    top = float(jnp.finfo("float32").max)
    np.testing.assert_array_equal(finite_product(4.0, x), [-np.inf, -top, 4, top, np.inf])
    assert jnp.isnan(finite_product(4.0, jnp.float32(jnp.nan)))
    assert jax.grad(lambda f: finite_product(f, jnp.float32(3e38)))(4.0) == 0


def test_widths_are_counted_and_differentiated_where_their_square_vanishes():
    x, width = jnp.float32([-3e38, -3e-30, 2e-30, 3e38]), np.float32(2e-31)
    ratio = np.clip(np.float64(x) / np.float64(width), -40, 40)
    np.testing.assert_allclose(in_widths(x, width), ratio, rtol=tolerance("float32"))
    slopes = jax.vmap(jax.grad(in_widths, 1), (0, None))(x, width)
    np.testing.assert_allclose(slopes, -ratio / width, rtol=tolerance("float32"))
    slopes = jax.vmap(jax.grad(in_widths), (0, None))(x, width)
    np.testing.assert_allclose(slopes, [0, 5e30, 5e30, 0], rtol=tolerance("float32"))
