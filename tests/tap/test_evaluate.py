"""Is a small elementwise program evaluated in NumPy as JAX evaluates it, and refused otherwise?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.tap import compat, evaluate

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
    with pytest.raises(NotImplementedError, match=r"has a NumPy rule; got sort; add it to .*elementwise\.py"):
        evaluate.program(_opened(jnp.sort), [GRID])


def test_only_single_numbers_are_constants():
    assert evaluate.number(np.float16(0.5)) == 0.5
    assert evaluate.number(np.array([[3]])) == 3
    assert evaluate.number(jnp.bfloat16(1.5)).dtype == np.float64
    with pytest.raises(NotImplementedError, match=r"holds scalar constants; got shape \(2,\)"):
        evaluate.number(np.zeros(2))
