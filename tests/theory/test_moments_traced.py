"""Are moments right in every type, at variance 0, and under jit, vmap and grad?"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import get
from relu_jax.theory.expectation import expectation
from relu_jax.theory.moments import moments

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


VARIANCES = np.array([0.05, 1.0, 30.0])


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_result_has_type_and_shape_of_the_variance(dtype):
    q = jnp.full((2, 3), 4, dtype)
    got = jax.jit(partial(expectation, jnp.square))(q)
    assert (got.dtype, got.shape) == (dtype, (2, 3))
    np.testing.assert_allclose(got.astype("float64"), 4.0, rtol=4 * float(jnp.finfo(dtype).eps))


def test_variances_without_a_type_take_the_default():
    assert moments(get("identity"), 2).second.dtype == jnp.float64
    with jax.enable_x64(False):
        assert moments(get("identity"), 2).second.dtype == jnp.float32
        assert expectation(jnp.square, 2).dtype == jnp.float32


def test_variance_zero_gives_the_value_and_the_slope_of_the_limit():
    value, slope = jax.jit(jax.value_and_grad(partial(expectation, jnp.cos)))(0.0)
    assert value == 1
    np.testing.assert_allclose(slope, -0.5, atol=1e-7)  # E cos is exp(-q/2)
    got = moments(get("softplus"), 0.0)
    expected = (np.log(2), np.log(2) ** 2, 0.5, 0.25, np.log(2) / 2, np.log(2) / 4)
    np.testing.assert_allclose(got, expected, atol=1e-7)
    np.testing.assert_allclose(got[:5], expected[:5], rtol=1e-14)


def test_at_variance_zero_half_of_the_inputs_are_on_either_side_of_a_kink():
    got = moments(get("relu"), 0.0)
    np.testing.assert_allclose(got, (0, 0, 0.5, 0.5, 0, 0), atol=1e-15)


@pytest.mark.parametrize("name", ["tanh", "relu", "elu"])
def test_slope_in_the_variance_is_half_the_mean_curvature(name):
    def second(q):
        return expectation(lambda x: get(name)(x) ** 2, q)

    got = moments(get(name), VARIANCES)
    rise = jax.jit(jax.vmap(jax.grad(second)))(VARIANCES)
    np.testing.assert_allclose(rise, got.slope_second + got.bend, rtol=1e-11)


def test_moments_are_differentiable_in_the_parameters():
    def second(slope):
        return moments(get("leaky_relu"), 3.0, params={"slope": slope}).second

    np.testing.assert_allclose(jax.jit(jax.grad(second))(0.3), 0.9, rtol=1e-12)  # (1 + s²) q/2

    @jax.jit
    def power(beta):
        return moments(get("silu"), params={"beta": beta}).slope_second

    step = 1e-5
    rise = (power(1.3 + step) - power(1.3 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(power)(1.3), rise, rtol=1e-8)


def test_kinks_may_move_with_a_traced_parameter_that_is_given():
    def mean(high, kinks=None):
        return moments(get("hard_tanh"), params={"high": high}, kinks=kinks).mean

    expected = special.ndtr(-1.5)  # d/dh E min(x, h) is P(x > h)
    traced = jax.jit(jax.grad(lambda high: mean(high, kinks=(-1.0, high))))
    np.testing.assert_allclose(traced(1.5), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="got a traced high, which moves them; pass kinks="):
        jax.grad(mean)(1.5)


def test_a_float32_parameter_meets_a_float64_variance():
    got = moments(get("leaky_relu"), 1.0, params={"slope": np.float32(0.5)})
    np.testing.assert_allclose(got.second, 0.625, rtol=1e-12)


def test_jit_vmap_and_a_loop_agree():
    alone = [moments(get("relu"), q).second for q in VARIANCES]
    mapped = jax.jit(jax.vmap(lambda q: moments(get("relu"), q).second))(VARIANCES)
    np.testing.assert_allclose(mapped, alone, rtol=1e-14)
    np.testing.assert_allclose(mapped, moments(get("relu"), VARIANCES).second, rtol=1e-14)
