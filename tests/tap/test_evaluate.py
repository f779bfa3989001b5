"""Is a small elementwise program evaluated in NumPy as JAX evaluates it, and refused otherwise?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.tap import compat, evaluate

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

GRID = np.linspace(-4, 4, 17)


def _opened(f):
    return compat.trace(f, jax.ShapeDtypeStruct((5,), "float32"))[0]


@pytest.mark.parametrize(
    "f",
    [jax.nn.gelu, jax.nn.softplus, jax.nn.selu, lambda x: jnp.where(x > 1, x**3, jnp.abs(x))],
    ids=["gelu", "softplus", "selu", "where"],
)
def test_a_program_with_nested_bodies_gives_what_jax_gives(f):
    (got,) = evaluate.program(_opened(f), [GRID])
    np.testing.assert_allclose(got, f(jnp.asarray(GRID, jnp.float32)), rtol=2e-6, atol=1e-6)


def test_the_result_is_in_double_precision_whatever_the_program_s_dtype():
    opened, _ = compat.trace(lambda x: jnp.exp(x), jax.ShapeDtypeStruct((5,), "bfloat16"))
    (got,) = evaluate.program(opened, [GRID])
    np.testing.assert_array_equal(got, np.exp(GRID))


def test_a_primitive_without_a_rule_is_named():
    with pytest.raises(
        NotImplementedError, match=r"has a NumPy rule; got sort; add it to .*elementwise\.py"
    ):
        evaluate.program(_opened(jnp.sort), [GRID])


def test_only_single_numbers_are_constants():
    assert evaluate.number(np.float16(0.5)) == 0.5
    assert evaluate.number(np.array([[3]])) == 3
    assert evaluate.number(jnp.bfloat16(1.5)).dtype == np.float64
    with pytest.raises(NotImplementedError, match=r"holds scalar constants; got shape \(2,\)"):
        evaluate.number(np.zeros(2))


@pytest.mark.parametrize("value", [1j, np.complex64(2), jnp.complex64(1j)])
def test_complex_constants_are_refused(value):
    with pytest.raises(
        NotImplementedError,
        match=r"functions of real numbers; got the constant .*j\)?; .* real and the imaginary part",
    ):
        evaluate.number(value)


def test_integers_and_flags_stay_what_they_are():
    kinds = [evaluate.number(x).dtype.kind for x in (3, np.uint8(3), True, jnp.int32(3))]
    assert kinds == ["i", "u", "b", "i"]


def test_constants_that_cross_the_edge_of_the_domain_give_no_warning():
    (got,) = evaluate.program(_opened(lambda x: jnp.log(x) / x), [np.array([0.0, -1.0, 1.0])])
    np.testing.assert_array_equal(got, [-np.inf, np.nan, 0.0])
