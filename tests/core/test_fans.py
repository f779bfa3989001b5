"""Fans count the weights of a unit; draws have the variance that is asked for."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core.fans import fans, normal, scaled, uniform


@pytest.mark.parametrize(
    ("shape", "counted"), [((7, 3), (7, 3)), ((5, 5, 3, 8), (75, 200)), ((4, 2, 6), (8, 24))]
)
def test_fans_multiply_the_window(shape, counted):
    assert fans(shape) == counted


@pytest.mark.parametrize("shape", [(3,), (), (0, 4)])
def test_shape_that_is_no_kernel_is_refused(shape):
    with pytest.raises(ValueError, match=r"kernel has the axes .*; got shape \(.*; initialise"):
        fans(shape)


@pytest.mark.parametrize("bad", [3, "34", (4.0, 3)])
def test_what_is_no_shape_is_refused(bad):
    with pytest.raises(TypeError, match=r"a sequence of integers; got|an axis is an integer; got"):
        fans.__wrapped__(bad)  # without the checks of these tests


@pytest.mark.parametrize("dtype", ["int32", "bool", "complex64"])
@pytest.mark.parametrize("draw", [normal, uniform])
def test_types_that_are_no_real_floats_are_refused(draw, dtype):
    rule = f"weights have a real float type; got {dtype}; pass dtype=jnp.float32"
    with pytest.raises(TypeError, match=rule):
        draw(jax.random.key(0), (3, 4), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("draw", "fourth"), [(normal, 3), (uniform, 9 / 5)])
def test_draws_have_mean_0_variance_1_and_their_own_fourth_moment(draw, fourth, dtype):
    z = np.asarray(draw(jax.random.key(0), (300, 1000), dtype), np.float64)
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < 5 * np.sqrt((fourth - 1) / z.size)
    assert abs((z**4).mean() - fourth) < 5 * np.sqrt((z**4).var() / z.size)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_scaled_multiplies_the_draw_and_keeps_the_dtype(dtype):
    key, shape = jax.random.key(3), (9, 4)
    w = scaled(normal, lambda fan_in, fan_out: fan_out / math.sqrt(fan_in))(key, shape, dtype)
    assert w.dtype == dtype
    np.testing.assert_array_equal(w, normal(key, shape, dtype) * jnp.asarray(4 / 3, dtype))


def test_scale_may_be_trained():
    def total(gain):
        init = scaled(normal, lambda fan_in, _: gain / math.sqrt(fan_in))
        return init(jax.random.key(0), (4, 5)).sum()

    expected = float(normal(jax.random.key(0), (4, 5), "float32").sum()) / 2
    assert float(jax.jit(jax.grad(total))(3.0)) == pytest.approx(expected, rel=1e-5)
