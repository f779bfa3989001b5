"""Rectifiers take the values and the slopes of jax.nn, at the kinks too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get, rectifiers

pytestmark = pytest.mark.leaks_unchecked("it retraces every primitive; test_activation.py has it")

PAIRS = {
    "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu,
    "relu6": jax.nn.relu6,
    "hard_tanh": jax.nn.hard_tanh,
    "identity": jax.nn.identity,
}


@pytest.mark.parametrize("name", PAIRS)
def test_value_and_slope_equal_jax_nn_bit_for_bit(name):
    x = jnp.asarray([-7.5, -1, -0.3, -0.0, 0, 0.4, 1, 2, 6, 9, np.inf, -np.inf, np.nan])

    def both(f):
        return jax.jit(lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),)))(x)

    for ours, theirs in zip(both(get(name)), both(PAIRS[name]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_relu_written_as_a_bare_maximum_would_take_half_the_slope_at_zero():
    assert jax.grad(rectifiers.relu)(0.0) == 0
    assert jax.grad(lambda x: jnp.maximum(x, 0))(0.0) == 0.5


def test_relu_hides_a_nan_from_the_gradient_but_not_from_the_value():
    value, slope = jax.value_and_grad(rectifiers.relu)(jnp.nan)
    assert jnp.isnan(value)
    assert slope == 0


def test_leaky_relu_with_slope_minus_one_is_the_absolute_value():
    np.testing.assert_array_equal(rectifiers.leaky_relu(np.float32([-3, 2]), slope=-1.0), [3, 2])


@pytest.mark.parametrize("f", [np.sin, np.exp, lambda x: x, lambda x: np.full_like(x, np.nan)])
def test_hard_tanh_proposes_nothing_for_a_function_that_never_levels(f):
    assert get("hard_tanh").fit(f) is None


def test_hard_tanh_finds_a_clipped_relu():
    assert get("hard_tanh").fit(lambda x: np.clip(x, 0, 3)) == {"low": 0.0, "high": 3.0}


def test_leaky_relu_proposes_nothing_for_a_function_that_is_not_finite():
    with np.errstate(all="ignore"):
        assert get("leaky_relu").fit(np.log) is None
