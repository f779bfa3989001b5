"""Gated units: their formulas in every dtype, both gradients, and a registry of their own."""

from functools import cache
from inspect import unwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import special

from relu_jax.activations import gelu_tanh, names
from relu_jax.activations.gated import GATED, gated_names, geglu, swiglu, swiglu_oai
from relu_jax.activations.lookup import get_gated
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
LAMBDA, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def oai(v, g):
    """Write the unit of gpt-oss as its code does."""
    g, v = np.minimum(g, 7), np.clip(v, -7, 7)
    return g * special.expit(1.702 * g) * (v + 1)


FORMULAS = {
    "glu": lambda v, g: v * special.expit(g),
    "gtu": lambda v, g: np.tanh(v) * special.expit(g),
    "bilinear": lambda v, g: v * g,
    "reglu": lambda v, g: v * np.maximum(g, 0),
    "drelu": lambda v, g: np.maximum(v, 0) * np.maximum(g, 0),
    "geglu": lambda v, g: v * g * special.ndtr(g),
    "geglu_tanh": lambda v, g: (
        v * g / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (g + 0.044715 * g**3)))
    ),
    "swiglu": lambda v, g: v * g * special.expit(g),
    "seglu": lambda v, g: v * LAMBDA * np.where(g > 0, g, ALPHA * np.expm1(g)),
    "swiglu_oai": oai,
}
every = pytest.mark.parametrize("unit", GATED, ids=gated_names())
DTYPES = ("float16", "bfloat16", "float32", "float64")
GATE = np.linspace(-8, 8, 30)
VALUE = np.roll(np.linspace(-9, 9, 30), 11)


def all_units(value, gate):
    """Apply every unit."""
    return {unit.name: unit(value, gate) for unit in GATED}


@cache
def made(dtype):
    """Value, gate and every unit of them, compiled once."""
    with jax.enable_x64(dtype == "float64"):
        value, gate = jnp.asarray(VALUE, dtype), jnp.asarray(GATE, dtype)
        out = jax.jit(all_units)(value, gate)
        assert all(y.dtype == value.dtype for y in out.values())
        return jax.tree.map(lambda part: np.asarray(part, np.float64), (value, gate, out))


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_values_equal_the_formula_in_every_dtype(unit, dtype):
    value, gate, out = made(dtype)
    exact = FORMULAS[unit.name](value, gate)
    size = np.abs(exact) + (1 + np.abs(value)) * (1 + np.abs(gate))
    assert (np.abs(out[unit.name] - exact) <= tolerance(dtype) * size).all()


def test_both_gradients_agree_with_finite_differences_to_order_two():
    apart = np.abs(np.abs(VALUE) - 7) > 0.05  # the bounds of swiglu_oai
    with jax.enable_x64(True):
        check_grads(jax.jit(all_units), (VALUE[apart], GATE[apart]), order=2, modes=("fwd",))
        check_grads(jax.jit(all_units), (VALUE[apart], GATE[apart]), order=1, modes=("rev",))


def test_vmap_equals_the_whole():
    value, gate = (np.float32(v).reshape(3, 10) for v in (VALUE, GATE))
    whole = jax.jit(all_units)(value, gate)
    mapped = jax.jit(jax.vmap(all_units))(value, gate)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), whole, mapped)


@every
def test_a_gate_closed_at_minus_infinity_gives_zero(unit):
    y = unit(np.float32([-2, 3]), np.float32([-np.inf, -np.inf]))
    if unit.name == "bilinear":
        np.testing.assert_array_equal(y, [np.inf, -np.inf])
    elif unit.name == "seglu":
        np.testing.assert_allclose(y, np.array([-2, 3]) * -LAMBDA * ALPHA, rtol=1e-6)
    else:
        np.testing.assert_array_equal(np.abs(y), 0)


@every
def test_nan_in_either_argument_gives_nan(unit):
    assert np.isnan(unit(np.float32([np.nan, 1]), np.float32([1, np.nan]))).all()


@every
def test_value_and_gate_of_other_shape_or_dtype_are_refused(unit):
    text = r"value and gate have one shape and dtype; got float32 array of shape \(3,\) and float"
    with pytest.raises(ValueError, match=text + r"32 array of shape \(1,\); broadcast or cast"):
        unit(np.zeros(3, np.float32), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match=text + r"16 array of shape \(3,\)"):
        unit(np.zeros(3, np.float32), np.zeros(3, np.float16))


@every
def test_integers_become_float32_and_complex_numbers_are_refused(unit):
    assert unit(np.int32([1, 2]), np.array([True, False])).dtype == jnp.float32
    for pair in ((np.complex64(1), np.float32(1)), (np.float32(1), np.complex64(1))):
        with pytest.raises(TypeError, match=r"takes real numbers; got complex64"):
            unit(*pair)


def test_at_their_kinks_the_units_take_the_slopes_they_state():
    of_value = jax.jit(jax.vmap(jax.grad(swiglu_oai), (0, None)))
    inside = float(jax.grad(swiglu_oai)(0.0, 2.0))
    np.testing.assert_allclose(of_value(np.float32([-7, 7]), 2.0), inside, rtol=1e-6)
    np.testing.assert_array_equal(of_value(np.float32([-7.01, 7.01]), 2.0), 0)
    of_gate = jax.jit(jax.vmap(jax.grad(swiglu_oai, 1), (None, 0)))
    at, beyond, far_below = of_gate(1.0, np.float32([7, 7.01, -20]))
    assert at > 1.9
    assert beyond == 0
    assert far_below != 0  # clipped above only
    assert jax.grad(get_gated("reglu"), 1)(3.0, 0.0) == 0
    assert jax.grad(get_gated("drelu"), (0, 1))(0.0, 0.0) == (0, 0)


def test_bounds_of_no_width_are_refused():
    with pytest.raises(
        ValueError, match=r"swiglu_oai clips at limit > 0; got limit=0; pass limit="
    ):
        swiglu_oai(1.0, 1.0, limit=0)
    for limit in (np.nan, None, "7"):
        with pytest.raises(ValueError, match=r"swiglu_oai clips at limit > 0; got limit=.*; pass"):
            unwrap(swiglu_oai)(1.0, 1.0, limit=limit)


def test_parameters_of_the_gate_are_taken():
    v, g = np.float32([2, -1]), np.float32([1, 3])
    np.testing.assert_array_equal(geglu(v, g, gelu=gelu_tanh), get_gated("geglu_tanh")(v, g))
    np.testing.assert_allclose(
        swiglu(v, g, beta=1.702), v * g * special.expit(1.702 * g), rtol=1e-6
    )
    wide = swiglu_oai(v, g, alpha=1.0, limit=100.0)
    np.testing.assert_allclose(wide, (v + 1) * g * special.expit(g), rtol=1e-6)


def test_three_units_in_four_of_a_drelu_are_zero():
    value, gate = jax.random.normal(jax.random.key(0), (2, 40_000))
    zero = float((get_gated("drelu")(value, gate) == 0).mean())
    assert abs(zero - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 40_000)


def test_no_elementwise_name_is_a_gated_one():
    assert set(gated_names()).isdisjoint(names())
    assert len(set(gated_names())) == len(GATED) == len(FORMULAS)


def test_an_elementwise_or_unknown_name_is_refused_with_the_way_to_go():
    text = r"takes a value and a gate, is named as in gated_names\(\); got str 'relu'; "
    with pytest.raises(ValueError, match=text + r"relu is elementwise: get\('relu'\)$"):
        get_gated("relu")
    with pytest.raises(ValueError, match=r"pick one of glu, gtu, .*activations by get\(\)"):
        get_gated("zzzz")


@every
def test_the_row_of_the_registry_is_complete(unit):
    assert get_gated(unit.name) is unit
    assert unit.source
    assert unit.formula
    assert unit.fn.__name__ == unit.name
    assert "Example:" in unit.fn.__doc__
