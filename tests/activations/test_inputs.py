"""What may x be, and in which precision is it computed?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.activations.inputs import elementwise, in_half_by

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)

HALF = ("float16", "bfloat16")


@elementwise
def third_power(x, *, scale=1.0):
    return scale * x * x * x


@pytest.mark.parametrize("dtype", [*HALF, "float32", "float64"])
def test_a_float_keeps_its_dtype_whatever_the_parameter_s(dtype):
    with jax.enable_x64(True):
        x = jnp.ones(3, dtype)
        for scale in (2.0, jnp.float32(2), jnp.bfloat16(2), np.float64(2)):
            assert third_power(x, scale=scale).dtype == dtype


@pytest.mark.standard_promotion("float64 parameters meet float32 arrays")
def test_what_is_no_float_becomes_float32():
    for x in (2, True, np.int8([2]), np.array([True])):
        assert third_power(x).dtype == jnp.float32


@pytest.mark.parametrize("dtype", [*HALF, "float32"])
def test_without_jit_numbers_of_python_are_parameters_as_well(dtype):
    with jax.disable_jit():
        y = third_power(jnp.asarray(2, dtype), scale=0.5)
    assert (y.dtype, float(y)) == (dtype, 4.0)


@pytest.mark.parametrize("dtype", HALF)
def test_half_precision_is_rounded_once_where_a_step_would_overflow_or_round(dtype):
    x = jnp.asarray([3.1, 41.0], dtype)  # in float16 41^3 is infinite, 41^3 / 1000 is not
    got = third_power(x, scale=1e-3)
    np.testing.assert_array_equal(got, jnp.asarray(np.float64(x) ** 3 * 1e-3, dtype))
    slope = jax.vmap(jax.grad(lambda x: third_power(x, scale=1e-3)))(x)
    np.testing.assert_array_equal(slope, jnp.asarray(np.float64(x) ** 2 * 3e-3, dtype))


@pytest.mark.parametrize("dtype", HALF)
def test_what_is_kept_for_the_backward_pass_is_half_precision(dtype):
    x = jnp.ones(5, dtype)
    kept = jax.tree.leaves(jax.vjp(get("gelu"), x)[1])
    assert {leaf.dtype for leaf in kept if leaf.size == 5} == {jnp.dtype(dtype)}


@pytest.mark.parametrize("dtype", HALF)
def test_a_parameter_s_gradient_is_that_of_float32(dtype):
    x = jnp.linspace(-2, 2, 9).astype(dtype)

    def loss(scale, x):
        return third_power(x, scale=scale).astype("float32").sum()

    want = jax.grad(loss)(1.5, x.astype("float32"))
    for scale in (1.5, jnp.float32(1.5), jnp.asarray(1.5, dtype)):
        got = jax.grad(loss)(scale, x)
        assert float(got) == pytest.approx(float(want), abs=0.05)
        assert got.dtype == jnp.result_type(scale)


@pytest.mark.parametrize("dtype", HALF)
def test_it_is_differentiated_twice_mapped_and_scanned(dtype):
    x = jnp.asarray([0.5, -1.0, 2.0], dtype)
    bend = jax.vmap(jax.grad(jax.grad(third_power)))(x)
    np.testing.assert_array_equal(bend, 6 * x)
    along = jax.jvp(jax.vmap(third_power), (x,), (jnp.ones_like(x),))[1]
    np.testing.assert_array_equal(along, jax.vmap(jax.grad(third_power))(x))
    last, _ = jax.lax.scan(lambda c, _: (third_power(c, scale=0.1), None), x, length=2)
    assert last.dtype == x.dtype


def test_another_formula_serves_half_precision_alone():
    f = in_half_by(lambda x, scale=3.0: scale * x + 1)(lambda x, scale=3.0: scale * x)
    assert float(f(jnp.float32(2))) == 6
    assert float(f(jnp.float16(2))) == float(f(jnp.float16(2), scale=3.0)) == 7


def test_name_and_docstring_are_the_formula_s():
    assert third_power.__name__ == "third_power"
    assert get("gelu").fn.__doc__.startswith("Weigh x")


@pytest.mark.parametrize("dtype", [*HALF, "float32"])
def test_parameters_are_given_by_name_in_every_dtype(dtype):
    with pytest.raises(TypeError, match=r"positional argument"):
        get("elu").fn(jnp.ones(2, dtype), 0.5)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "silu", "softplus"])
def test_a_trained_parameter_keeps_no_float32_of_the_size_of_x(name):
    act, x, p = get(name), jnp.ones((64, 64), "bfloat16"), jnp.full((1, 64), 0.3)
    (parameter,) = act.params
    kept = jax.vjp(lambda x, p: act.fn(x, **{parameter: p}), x, p)[1]
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(kept)) < 2.1 * x.nbytes


@pytest.mark.parametrize("name", ["elu", "celu", "selu"])
def test_the_second_derivative_at_0_is_that_of_float32(name):
    act = get(name)
    for dtype in HALF:
        zero = jnp.zeros((), dtype)
        assert act.derivative(zero, 2) == act.derivative(jnp.float32(0), 2).astype(dtype)
