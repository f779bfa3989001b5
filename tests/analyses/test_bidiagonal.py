"""The largest singular values without a Jacobian, against a dense SVD in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.analyses import singular_values
from tests.analyses.test_singular_values import KEYS, X, deep, dense, logits

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace, minutes in all: tests/tap has it"
)


@pytest.mark.parametrize("f", [deep, logits], ids=["deep", "logits"])
def test_the_largest_values_need_no_jacobian(f):
    got, want = singular_values(f, X, k=3), dense(f, X)[:, :3]
    np.testing.assert_allclose(got.values, want, rtol=2e-5)
    assert (np.abs(got.values - want) <= got.error).all()
    assert np.isnan(got.norm).all()
    assert not got.whole


@pytest.mark.parametrize("sides", [(64, 2), (64, 5), (3, 64)], ids=str)
def test_a_short_side_is_taken_to_its_end(sides):
    matrix = jax.random.normal(KEYS[0], sides) * jnp.linspace(0.1, 3.0, sides[1])[None]
    want = np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False)[None]
    for k in {1, min(sides)}:
        got = singular_values(lambda x: x @ matrix, jnp.ones((1, sides[0])), k=k)
        np.testing.assert_allclose(got.values, want[:, :k], rtol=1e-5)
        assert (np.abs(got.values - want[:, :k]) <= got.error).all()


@pytest.mark.parametrize("scale", [1e-20, 1e-30, 1e20])
@pytest.mark.parametrize("sides", [(20, 5), (5, 20)], ids=str)
def test_the_largest_values_of_any_size_are_found(scale, sides):
    matrix = jax.random.normal(KEYS[1], sides)
    got = singular_values(lambda x: x @ matrix * jnp.float32(scale), jnp.ones((1, sides[0])), k=2)
    want = np.linalg.svd(np.asarray(matrix, np.float64), compute_uv=False)[:2] * scale
    np.testing.assert_allclose(got.values[0], want, rtol=1e-5)


def test_a_jacobian_of_nan_takes_no_other_along():
    def f(x):
        return jnp.where(x > 5, jnp.nan, 1.0) * 2 * x

    got = singular_values(f, jnp.array([[1.0, 2.0, 3.0], [1.0, 9.0, 3.0]]), k=2)
    np.testing.assert_allclose(got.values[0], [2, 2], rtol=1e-5)
    assert np.isnan(got.values[1]).all()


@pytest.mark.parametrize(("given", "weights"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_dtypes_may_be_mixed(given, weights):
    w = jnp.diag(jnp.array([4.0, 2.0, 1.0])).astype(weights)
    with jax.numpy_dtype_promotion("standard"):
        got = singular_values(lambda x: x @ w, jnp.ones((1, 3), given), k=2)
    np.testing.assert_allclose(got.values, [[4, 2]], rtol=1e-2)
