"""Do functions with derivatives of their own keep them, and their parameters' derivatives?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import CATALOGUE, leaky_relu
from relu_jax.activations.slopes import AtKinks, with_slope
from relu_jax.core.numerics import tolerance


@with_slope(lambda x, a: a * jnp.exp(a * x))
def growth(x, a):
    """Grow from 0 at rate a."""
    return jnp.expm1(a * x)


def test_the_slope_is_the_one_that_was_given_and_keeps_its_digits():
    assert jax.grad(growth)(-30.0, 1.0) == pytest.approx(np.exp(-30.0), rel=1e-6)
    assert jax.grad(jax.grad(growth))(-30.0, 1.0) == pytest.approx(np.exp(-30.0), rel=1e-6)


def test_the_formula_s_own_derivative_is_not_asked():
    seven = with_slope(lambda x: jnp.full_like(x, 7.0))(jnp.sin)
    value, slope = jax.value_and_grad(seven)(0.5)
    assert (float(value), float(slope)) == (float(jnp.sin(0.5)), 7.0)


def test_parameters_are_differentiated_as_the_formula_is_written():
    x, a = jnp.float32(-0.7), jnp.float32(1.5)
    assert jax.grad(growth, 1)(x, a) == pytest.approx(float(x * jnp.exp(a * x)), rel=1e-6)
    both = jax.jvp(growth, (x, a), (jnp.float32(1.0), jnp.float32(2.0)))[1]
    apart = jax.grad(growth)(x, a) + 2 * jax.grad(growth, 1)(x, a)
    assert float(both) == pytest.approx(float(apart), rel=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_a_python_number_as_parameter_keeps_the_dtype_of_x(dtype):
    x = jnp.ones(3, dtype)
    y, t = jax.jvp(lambda x: growth(x, 0.5), (x,), (x,))
    assert y.dtype == t.dtype == x.dtype


def test_batched_and_compiled_it_is_the_same():
    x = jnp.linspace(-2.0, 2.0, 5)
    slopes = jax.jit(jax.vmap(jax.grad(growth), (0, None)))(x, 0.5)
    np.testing.assert_allclose(slopes, 0.5 * np.exp(0.5 * np.asarray(x)), rtol=1e-6)


def test_other_slopes_at_the_kinks_change_nothing_else():
    half = AtKinks(leaky_relu, (0.0,), (0.25,))
    x = jnp.array([-2.0, -0.0, 0.0, 3.0])
    np.testing.assert_array_equal(half(x, slope=0.5), leaky_relu(x, slope=0.5))
    slopes = jax.vmap(jax.grad(lambda x: half(x, slope=0.5)))(x)
    np.testing.assert_array_equal(slopes, [0.5, 0.25, 0.25, 1.0])
    assert jax.grad(lambda s: half(-2.0, slope=s))(0.5) == -2.0


def test_equal_conventions_are_equal_so_that_jit_compiles_once():
    one, two = (AtKinks(leaky_relu, (0.0,), (0.25,)) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)


def test_other_slopes_hold_under_jit_with_traced_parameters():
    half = AtKinks(leaky_relu, (0.0,), (0.25,))
    x = jnp.array([-2.0, 0.0, 3.0])
    slopes = jax.jit(lambda s: jax.vmap(jax.grad(lambda x: half(x, slope=s)))(x))
    np.testing.assert_array_equal(slopes(0.5), [0.5, 0.25, 1.0])
    np.testing.assert_array_equal(jax.jacfwd(slopes)(0.5), [1, 0, 0])


thorough = pytest.mark.thorough("it compiles every function twice")


ONCE_WRONG = ("telu", "phish", "snake")


@pytest.mark.leaks_unchecked("it retraces every primitive; test_activation.py runs under it")
@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=thorough)])
@pytest.mark.parametrize(
    "act",
    [pytest.param(a, marks=() if a.name in ONCE_WRONG else thorough) for a in CATALOGUE],
    ids=lambda act: act.name,
)
def test_bends_are_the_same_differentiated_backward_and_forward_far_out(act, dtype):
    sizes = np.append(np.float64(2.0) ** np.arange(1, jnp.finfo(dtype).maxexp, 9), np.inf)
    x = jnp.asarray([*-sizes, *sizes], dtype)

    @jax.jit
    def bends(x):
        return tuple(jax.vmap(d(d(act)))(x) for d in (jax.grad, jax.jacfwd))

    backward, forward = (np.float64(y) for y in bends(x))
    ends = np.isinf(np.float64(x))
    assert not np.isnan(forward[~ends]).any()
    assert not np.isnan(backward[~ends]).any()
    assert (np.isnan(backward) == np.isnan(forward)).all()
    waves = {"gcu", "sinlu", "snake", "sine", "cosine"}  # they have no limit
    assert not np.isnan(forward).any() or act.name in waves
    np.testing.assert_allclose(backward, forward, rtol=4 * tolerance(dtype), atol=tolerance(dtype))


@thorough
@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("act", [a for a in CATALOGUE if a.params], ids=lambda a: a.name)
def test_derivatives_in_parameters_are_numbers_at_every_finite_x(act, dtype):
    info = jnp.finfo(dtype)
    sizes = np.geomspace(float(info.tiny), float(info.max), 200)
    points = np.concatenate([-sizes[::-1], [0.0], act.kinks, sizes])
    x = jnp.asarray(np.clip(points, float(info.min), float(info.max)), dtype)

    @jax.jit
    def slopes(x, params):
        return jax.vmap(jax.jacfwd(lambda p, x: act.fn(x, **p)), (None, 0))(params, x)

    ours = slopes(x, {k: jnp.asarray(v, dtype) for k, v in act.params.items()})
    with jax.enable_x64(True):
        exact = slopes(
            jnp.asarray(x, "float64"), {k: jnp.float64(v) for k, v in act.params.items()}
        )
    for name, slope in ours.items():
        representable = np.abs(exact[name]) < 0.98 * float(info.max)
        assert np.isfinite(slope[representable]).all(), name
