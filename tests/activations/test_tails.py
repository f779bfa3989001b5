"""Are x times a gate, e^x and the root the plain formulas, except where those break?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.tails import finite, gate, odds, root, scaled, times_gate
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


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("b", [0.25, 4.0, 100.0])
def test_root_overflows_nowhere_and_keeps_the_bits_of_the_plain_formula(dtype, b):
    top = float(jnp.finfo(dtype).max)
    x = jnp.array([-top, -300.0, -100.0, -3.0, 0.0, 0.1, 7.0, 90.0, 200.0, top, jnp.inf], dtype)
    wide = np.asarray(x, np.float64)
    r = root(x, b)
    np.testing.assert_allclose(
        np.asarray(r, np.float64), np.sqrt(wide * wide + b), rtol=tolerance(dtype)
    )
    plain = jnp.sqrt(jnp.square(x[2:8]) + b)
    np.testing.assert_array_equal(r[2:8], plain)


def test_the_gate_is_the_logistic_function_and_keeps_its_left_tail_in_float16():
    x = np.linspace(-16, 12, 400).astype(np.float16)
    exact = 1 / (1 + np.exp(-np.float64(x)))
    room = tolerance("float16", n=2) * exact + 2.0**-23  # twice the smallest float16
    assert (abs(np.float64(gate(jnp.asarray(x))) - exact) <= room).all()
    wide = jnp.linspace(-90, 90, 400)
    np.testing.assert_array_equal(gate(wide), jax.nn.sigmoid(wide))
