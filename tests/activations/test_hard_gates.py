"""Hard gates: jax.nn's values where those are right, and their limits where they are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.clipped import hard_sigmoid
from relu_jax.activations.exponential import elu
from relu_jax.activations.hard_gates import HARD_SILU, hard_elish, hard_mish, hard_silu
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-1e30, -9, -3, -2, -1.25, -1, -0.3, -0.0, 0, 0.4, 1, 2, 3, 9, 1e30, np.nan])


def test_hard_silu_equals_jax_nn_bit_for_bit():
    np.testing.assert_array_equal(hard_silu(X), jax.jit(jax.nn.hard_silu)(X))
    kinks = jnp.float32([-3, 3])
    slopes = jax.vmap(jax.grad(jax.nn.hard_silu))(kinks)
    np.testing.assert_array_equal(HARD_SILU.derivative(kinks), slopes)


def test_infinities_are_right_where_jax_nn_gives_nan():
    assert jnp.isnan(jax.nn.hard_silu(-jnp.inf))
    assert hard_silu(-jnp.inf) == 0
    assert jnp.isnan(jax.jvp(jax.nn.hard_silu, (jnp.inf,), (1.0,))[1])
    assert jax.jvp(hard_silu, (jnp.inf,), (1.0,))[1] == 1
    assert jax.grad(hard_silu)(jnp.inf) == 1


def test_slope_is_exact_where_the_product_rule_cancels():
    x = np.float32([-1.5001, -1.4999, -1.5 + 2.0**-20])
    exact = (x.astype(np.float64) + 1.5) / 3
    np.testing.assert_allclose(HARD_SILU.derivative(x), exact, rtol=tolerance("float32", c=1))
    by_jax = jax.vmap(jax.grad(jax.nn.hard_silu))(jnp.asarray(x))
    assert np.abs(by_jax / exact - 1).max() > tolerance("float32")


@pytest.mark.parametrize(
    ("f", "gate"),
    [
        (hard_silu, lambda x: x * hard_sigmoid(x)),
        (hard_mish, lambda x: 0.5 * x * jnp.clip(x + 2, 0, 2)),
        (hard_elish, lambda x: elu(x) * jnp.clip((x + 1) / 2, 0, 1)),
    ],
)
def test_each_is_its_gate_times_its_arm(f, gate):
    np.testing.assert_allclose(f(X), gate(X), rtol=tolerance("float32"))


@pytest.mark.parametrize(
    ("f", "low", "at"),
    [(hard_silu, -0.375, -1.5), (hard_mish, -0.5, -1.0), (hard_elish, -0.0996732, -0.442854)],
)
def test_minimum_is_where_the_slope_vanishes(f, low, at):
    """For hard_elish it is the root of (x + 2) e^x = 1."""
    x = np.linspace(-3, 0, 30_001, dtype=np.float32)
    y = np.asarray(f(x))
    assert y.min() == pytest.approx(low, abs=1e-6)
    assert x[y.argmin()] == pytest.approx(at, abs=2e-3)
    assert float(jax.grad(f)(np.float32(at))) == pytest.approx(0, abs=1e-6)
