"""Do tolerances scale and bite, and do the degenerate points keep value and gradient?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from relu_jax.core.numerics import (
    bfloat16_by_bits,
    narrowed,
    rms,
    safe_divide,
    tolerance,
    wide_dtype,
    widened,
)

FLOATS = ("float32", "float16", "bfloat16")


def on_arrays(f):
    """Let `check_grads` pass NumPy arrays where the annotations ask for JAX's.

    Each call is one program: the leak check forgets programs, so each operation would be one.
    """
    return jax.jit(lambda *arrays: f(*map(jnp.asarray, arrays)))


@pytest.mark.parametrize(
    ("dtype", "epsilon"), [("float64", 2**-52), ("float32", 2**-23), ("float16", 2**-10)]
)
def test_tolerance_is_c_n_epsilon(dtype, epsilon):
    assert tolerance(dtype, n=3, c=2.0) == 6 * epsilon


def test_tolerance_knows_the_types_of_jax():
    assert tolerance(jnp.bfloat16, c=1) == 2**-7


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_half_precision_is_widened_and_wider_floats_stay(dtype):
    with jax.enable_x64(True):
        x = widened(jnp.ones(2, dtype))
    assert x.dtype == wide_dtype(dtype) == ("float64" if dtype == "float64" else "float32")


def test_rounding_by_bits_is_the_conversion_for_every_kind_of_float32():
    bits = np.random.default_rng(0).integers(0, 2**32, 2**18, dtype=np.uint32)
    high = np.arange(2**16, dtype=np.uint32) << 16  # with ties, and what is just off one
    bits = np.concatenate([bits, *(high | low for low in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF))])
    x = jnp.asarray(bits.view(np.float32))
    got, want = map(np.float32, jax.jit(lambda x: (bfloat16_by_bits(x), x.astype(jnp.bfloat16)))(x))
    np.testing.assert_array_equal(got, want)
    assert np.isnan(got[np.isnan(x)]).all()
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_narrowing_rounds_and_is_differentiated_as_a_conversion(dtype):
    x, t = jnp.float32([1.00390625, -3.3e38, 1e-40, jnp.inf]), jnp.float32([1.01, 2, 0, -1])
    value, along = jax.jvp(lambda x: narrowed(x, dtype), (x,), (t,))
    np.testing.assert_array_equal(value, x.astype(dtype))
    np.testing.assert_array_equal(along, t.astype(dtype))
    (back,) = jax.vjp(lambda x: narrowed(x, dtype), x)[1](t.astype(dtype))
    np.testing.assert_array_equal(back, t.astype(dtype).astype("float32"))


def test_tolerance_fails_what_is_off_by_more():
    value, bound = np.float32(1.0), tolerance("float32", n=4)
    np.testing.assert_allclose(value + np.float32(0.9 * bound), value, rtol=bound)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        np.testing.assert_allclose(value + np.float32(1.1 * bound), value, rtol=bound)


def test_tolerance_refuses_integers_and_empty_sums():
    with pytest.raises(TypeError, match="floating type; got int32; compare integers"):
        tolerance("int32")
    with pytest.raises(ValueError, match="n is at least 1 and c is positive; got n=0, c=8"):
        tolerance("float32", n=0)


def test_safe_divide_divides():
    a, b = np.array([1.0, -3.0, 0.0], np.float32), np.array([4.0, 7.0, 5.0], np.float32)
    np.testing.assert_array_equal(safe_divide(jnp.asarray(a), jnp.asarray(b)), a / b)
    check_grads(on_arrays(safe_divide), (a, b), order=2, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_safe_divide_at_zero_gives_default_and_no_gradient(zero):
    value = jax.value_and_grad(lambda a, b: safe_divide(a, b, 7.0), argnums=(0, 1))
    assert value(jnp.float32(2), jnp.float32(zero)) == (7.0, (0.0, 0.0))


def test_safe_divide_at_the_ends():
    inf, nan = jnp.float32(jnp.inf), jnp.float32(jnp.nan)
    assert safe_divide(jnp.float32(3), inf) == 0
    assert jnp.isnan(safe_divide(inf, inf))
    assert jnp.isnan(safe_divide(nan, jnp.float32(1)))
    assert jnp.isnan(safe_divide(jnp.float32(1), nan))


@pytest.mark.parametrize("axis", [None, 0, (0, 1), -1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_rms_is_that_of_float64(dtype, axis):
    x = jax.random.normal(jax.random.key(0), (5, 7)).astype(dtype)
    wide = np.asarray(x).astype(np.float64)
    found = rms(x, axis=axis)
    assert found.dtype == jnp.float32
    expected = np.sqrt(np.mean(wide**2, axis=axis))
    np.testing.assert_allclose(found, expected, rtol=tolerance("float32", n=35))


@pytest.mark.parametrize("scale", [1.2e-38, 1e-30, 1e30, 3e38])
def test_rms_neither_vanishes_nor_overflows(scale):
    x = jnp.full((8,), scale, jnp.float32)
    np.testing.assert_allclose(rms(x), scale, rtol=tolerance("float32", n=8))


def test_rms_does_not_stall_like_a_running_sum_in_bfloat16():
    assert rms(jnp.ones((4096,), jnp.bfloat16)) == 1.0


def test_rms_gradient_is_x_over_n_rms():
    x = jax.random.normal(jax.random.key(1), (6,))
    slope = jax.grad(rms)(x)
    np.testing.assert_allclose(slope, x / (6 * rms(x)), rtol=tolerance("float32", n=12))
    check_grads(on_arrays(rms), (x,), order=1, atol=1e-2, rtol=1e-2)


def test_rms_of_zeros_is_zero_with_no_gradient():
    value, slope = jax.value_and_grad(rms)(jnp.zeros(4))
    assert value == 0
    np.testing.assert_array_equal(slope, np.zeros(4))


def test_rms_tells_what_is_not_finite():
    assert rms(jnp.array([1.0, -jnp.inf])) == jnp.inf
    assert jnp.isnan(rms(jnp.array([1.0, jnp.nan])))
    assert jnp.isnan(rms(jnp.array([jnp.inf, jnp.nan])))


def test_rms_refuses_nothing():
    with pytest.raises(
        ValueError, match=r"at least one element; got float32 array of shape \(0,\)"
    ):
        rms(jnp.zeros((0,)))


def test_rms_agrees_under_jit_and_vmap():
    x = jax.random.normal(jax.random.key(2), (3, 5))
    np.testing.assert_allclose(
        jax.jit(jax.vmap(rms))(x), rms(x, axis=1), rtol=tolerance("float32", 5)
    )
