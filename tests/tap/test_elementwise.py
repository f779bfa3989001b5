"""Does every NumPy rule compute what the JAX primitive of its name computes?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from relu_jax.tap import elementwise

REALS = np.array([-3.5, -1.25, -0.75, -0.5, -0.0, 0.25, 0.5, 0.75, 1.5, 2.5, 30.0])
INTS = np.array([-7, -2, 0, 1, 3, 4, 6, 9, 12, 5, -1], np.int32)
BITS = INTS > 2
OTHER = REALS[::-1].copy()

UNARY = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bessel_i0e", "bessel_i1e", "cbrt",
    "ceil", "cos", "cosh", "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "is_finite",
    "lgamma", "log", "log1p", "logistic", "neg", "rsqrt", "sign", "sin", "sinh", "sqrt", "square",
    "tan", "tanh",
)  # fmt: skip
BINARY = (
    "add", "sub", "mul", "div", "max", "min", "pow", "rem", "atan2", "nextafter", "gt", "ge", "lt",
    "le", "eq", "ne",
)  # fmt: skip
LOGIC = {
    "and": lax.bitwise_and,
    "or": lax.bitwise_or,
    "xor": lax.bitwise_xor,
    "not": lambda x, _: lax.bitwise_not(x),
}


def _horner(x, c):
    return c[0] + x * (c[1] + x * c[2])


CASES = {
    **{name: (getattr(lax, name), (REALS,), {}) for name in UNARY},
    **{name: (getattr(lax, name), (REALS, OTHER), {}) for name in BINARY},
    **{f"{name} of bools": (f, (BITS, BITS[::-1].copy()), {}) for name, f in LOGIC.items()},
    **{f"{name} of ints": (f, (INTS, INTS[::-1].copy()), {}) for name, f in LOGIC.items()},
    "div of ints": (lax.div, (INTS, np.full_like(INTS, 4)), {}),
    "rem of ints": (lax.rem, (INTS, np.full_like(INTS, 4)), {}),
    "clamp": (lax.clamp, (np.full_like(REALS, -1.0), REALS, np.full_like(REALS, 2.0)), {}),
    "select_n": (lax.select_n, (BITS, REALS, OTHER), {}),
    "select_n of ints": (lax.select_n, (np.abs(INTS) % 3, REALS, OTHER, -REALS), {}),
    "integer_pow": (lambda x: lax.integer_pow(x, -3), (REALS,), {"y": -3}),
    "round": (lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN), (REALS,), {}),
    "convert_element_type to ints": (
        lambda x: lax.convert_element_type(x, np.int32), (REALS,), {"new_dtype": np.int32},
    ),
    "convert_element_type to bools": (
        lambda x: lax.convert_element_type(x, bool), (REALS,), {"new_dtype": bool},
    ),
    "convert_element_type from ints": (
        lambda x: lax.convert_element_type(x, np.float64), (INTS,), {"new_dtype": np.float64},
    ),
    "shift_left": (lax.shift_left, (INTS, np.abs(INTS)), {}),
    "shift_right_arithmetic": (lax.shift_right_arithmetic, (INTS, np.abs(INTS)), {}),
    "bitcast_convert_type to ints": (
        lambda x: lax.bitcast_convert_type(x, np.int32),
        (np.float32(REALS),),
        {"new_dtype": np.int32},
    ),
    "bitcast_convert_type from ints": (
        lambda x: lax.bitcast_convert_type(x, np.float32),
        ((INTS + 127) << np.int32(23),),
        {"new_dtype": np.float32},
    ),
    "reduce_precision": (lambda x: lax.reduce_precision(x, 11, 52), (REALS,), {}),
    "copy": (lambda x: jnp.array(x, copy=True), (REALS,), {}),
    "shift_right_logical": (lax.shift_right_logical, (INTS, np.abs(INTS)), {}),
    # JAX 0.12 has primitives of these names, 0.10 spells them out.
    "log2": (jnp.log2, (REALS,), {}),
    "polynomial": (
        lambda x, *c: getattr(lax, "polynomial", _horner)(x, c), (REALS, 0.5, -2.0, 3.0), {},
    ),
    "zeta": (lax.zeta, (np.abs(REALS) + 1.5, np.abs(OTHER) + 0.5), {}),
    "polygamma": (lax.polygamma, (np.abs(np.round(REALS)), np.abs(OTHER) + 0.5), {}),
    "igamma": (lax.igamma, (np.abs(REALS) + 0.5, np.abs(OTHER)), {}),
    "igammac": (lax.igammac, (np.abs(REALS) + 0.5, np.abs(OTHER)), {}),
    "regularized_incomplete_beta": (
        lax.betainc, (np.abs(REALS) + 0.5, np.abs(OTHER) + 0.5, np.linspace(0, 1, REALS.size)), {},
    ),
    "digamma": (lax.digamma, (REALS[REALS != 0],), {}),  # at the pole SciPy says inf, JAX NaN
}  # fmt: skip
# Names of one JAX release or another, with the rule of a sibling; or seen in gradients alone.
SIBLINGS = {"add_any": "add", "copy_p": "copy", "pvary": "copy", "one_minus_square": "square"}


@pytest.fixture(scope="module")
def computed():
    """Run every primitive, in float64, in one program."""
    with jax.enable_x64(True):
        return jax.device_get(
            jax.jit(lambda: {k: f(*map(jnp.asarray, args)) for k, (f, args, _) in CASES.items()})()
        )


@pytest.mark.parametrize("name", CASES)
def test_a_rule_computes_what_its_primitive_computes(name, computed):
    _, args, params = CASES[name]
    with np.errstate(all="ignore"):
        got = elementwise.RULES[name.split(" ")[0]](*args, **params)
    np.testing.assert_allclose(got, computed[name], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("new_dtype", [np.int16, np.float64, np.uint64])
def test_bits_of_another_width_are_not_read(new_dtype):
    with pytest.raises(NotImplementedError, match=r"the bits of float64 as"):
        elementwise.RULES["bitcast_convert_type"](REALS, new_dtype=new_dtype)


def test_the_upper_bits_of_a_float_are_read_without_a_sign_too():
    read = elementwise.RULES["bitcast_convert_type"]
    upper = read(REALS, new_dtype=np.uint32) & np.uint32(0xFFFFF000)
    np.testing.assert_allclose(read(upper, new_dtype=np.float32), REALS, rtol=2**-11)


def test_every_rule_is_checked():
    assert {name.split(" ")[0] for name in CASES} == set(elementwise.RULES) - set(SIBLINGS)


@pytest.mark.parametrize(("name", "sibling"), SIBLINGS.items())
def test_a_rule_without_a_function_of_its_own_agrees_with_its_sibling(name, sibling):
    args = (REALS, OTHER) if name == "add_any" else (REALS,)
    want = elementwise.RULES[sibling](*args)
    got = elementwise.RULES[name](*args)
    np.testing.assert_array_equal(got, 1 - want if name == "one_minus_square" else want)


def test_every_name_in_the_tables_is_in_one_of_them_only():
    tables = [elementwise.RULES.keys(), elementwise.MOVES, elementwise.REDUCTIONS]
    shared = (tables[0] & tables[1]) - {"copy", "copy_p"}
    assert not shared | (tables[0] & tables[2]) | (tables[1] & tables[2])
    assert elementwise.LINEAR_REDUCTIONS <= elementwise.REDUCTIONS


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_floats_keep_every_digit_through_a_conversion(dtype):
    x = np.array([1 / 3, -2e-9])
    convert = elementwise.RULES["convert_element_type"]
    np.testing.assert_array_equal(convert(x, new_dtype=jnp.dtype(dtype)), x)


# The one array each affine rule is applied to; other operands are constants.
OF_ONE_ARRAY = {
    "add": (lambda rule, x: rule(x, 1.5)),
    "add_any": (lambda rule, x: rule(x, 1.5)),
    "sub": (lambda rule, x: rule(1.5, x)),
    "mul": (lambda rule, x: rule(-2.5, x)),
    "div": (lambda rule, x: rule(x, 4.0)),
    "convert_element_type": (lambda rule, x: rule(x, new_dtype=np.float32)),
}


def _bend(name, rule):
    """Measure how far a function is from a straight line: f(x + y) + f(0) − f(x) − f(y)."""
    apply = OF_ONE_ARRAY.get(name, lambda rule, x: rule(x))
    zero = np.zeros_like(REALS)
    ends = (REALS + OTHER, zero, REALS, OTHER)
    whole, start, left, right = (apply(rule, x) for x in ends)
    return np.max(np.abs(whole + start - left - right))


@pytest.mark.parametrize("name", elementwise.AFFINE)
def test_affine_rules_are_affine(name):
    assert _bend(name, elementwise.AFFINE[name]) < 1e-12


def test_the_measure_of_affinity_notices_a_kink():
    assert _bend("abs", elementwise.NONLINEAR["abs"]) > 1
    assert not elementwise.AFFINE.keys() & elementwise.NONLINEAR.keys()
