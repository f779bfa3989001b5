"""Steps: the value at 0 is a choice, the derivative is 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.rectifiers import RELU
from relu_jax.activations.steps import HEAVISIDE, heaviside, sign

pytestmark = pytest.mark.leaks_unchecked("it retraces every primitive; test_activation.py has it")

X = np.float32([-np.inf, -3, -1e-3, -0.0, 0, 1e-3, 2, np.inf])


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_heaviside_equals_numpy_s_for_each_choice_at_zero(at_zero):
    ours = heaviside(X, at_zero=at_zero)
    np.testing.assert_array_equal(ours, np.heaviside(X, np.float32(at_zero)))


def test_heaviside_is_the_slope_that_relu_takes():
    np.testing.assert_array_equal(heaviside(X), RELU.derivative(X))


def test_sign_equals_numpy_s_and_is_twice_a_half_way_step_less_one():
    np.testing.assert_array_equal(sign(X), np.sign(X))
    np.testing.assert_array_equal(sign(X), 2 * heaviside(X, at_zero=0.5) - 1)


def test_the_value_at_zero_has_a_gradient_at_zero_alone():
    slope = jax.grad(lambda v, x: heaviside(x, at_zero=v))
    assert [float(slope(0.5, x)) for x in (-1.0, -0.0, 0.0, 1.0)] == [0, 1, 1, 0]


def test_no_gradient_passes_a_step():
    for f in (heaviside, sign):
        np.testing.assert_array_equal(jax.vmap(jax.grad(f))(jnp.asarray(X)), np.zeros(8))


@pytest.mark.parametrize("at_zero", [-0.1, 1.5])
def test_value_at_zero_outside_the_step_is_refused(at_zero):
    with pytest.raises(ValueError, match=r"heaviside needs at_zero in \[0, 1\]; got at_zero="):
        HEAVISIDE.with_params(at_zero=at_zero)


@pytest.mark.parametrize("f", [lambda x: x - 1, lambda x: x * np.nan, lambda x: x + 2])
def test_heaviside_proposes_nothing_for_a_value_outside_the_step(f):
    assert HEAVISIDE.fit(f) is None


def test_nan_has_no_gradient_either():
    for f in (heaviside, sign):
        value, slope = jax.value_and_grad(f)(jnp.nan)
        assert jnp.isnan(value)
        assert slope == 0
