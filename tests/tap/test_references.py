"""Does NumPy read a catalogue function as JAX runs it?"""

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.core.numerics import tolerance
from relu_jax.tap import references

X = np.linspace(-5, 5, 41)


@pytest.mark.parametrize(("name", "params"), [("gelu", {}), ("elu", {"alpha": 0.7})])
def test_the_values_are_those_of_the_function(name, params):
    act = get(name, **params)
    values = references.read(act.fn, tuple(params), "float32")(X, params)
    assert values.dtype == np.float64
    np.testing.assert_allclose(
        values, act(X.astype(np.float32)), rtol=tolerance("float32", n=8), atol=1e-7
    )


def test_constants_are_rounded_as_the_program_rounds_them():
    def third(x):
        return x * jnp.asarray(1 / 3, x.dtype)

    (fine,), (coarse,) = (
        references.read(third, (), dtype)(np.ones(1), {}) for dtype in ("float32", "bfloat16")
    )
    assert float(coarse) == float(jnp.bfloat16(1 / 3))
    assert float(fine) == float(np.float32(1 / 3))


def test_a_function_is_read_once():
    act = get("tanh")
    assert references.read(act.fn, (), "float32") is references.read(act.fn, (), "float32")


def test_a_constant_function_keeps_the_shape():
    values = references.read(lambda x: jnp.ones((), x.dtype), (), "float32")(X, {})
    np.testing.assert_array_equal(values, np.ones(41))
