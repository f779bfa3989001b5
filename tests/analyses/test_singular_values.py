"""Singular values against a dense SVD in float64, and against matrices whose values are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.analyses import jacobian, singular_values
from relu_jax.analyses.jacobian import plan

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace, minutes in all: tests/tap has it"
)

KEYS = jax.random.split(jax.random.key(0), 5)
WEIGHTS = [
    jax.random.normal(key, shape) * (2 / shape[0]) ** 0.5
    for key, shape in zip(KEYS, [(30, 24), (24, 24), (24, 24), (24, 6)], strict=False)
]
X = jax.random.normal(KEYS[4], (5, 30))


def deep(x):
    for w in WEIGHTS[:-1]:
        x = jax.nn.relu(x @ w)
    return x


def logits(x):
    return deep(x) @ WEIGHTS[-1]


def dense(f, x):
    return np.linalg.svd(np.asarray(jacobian(f, x), np.float64), compute_uv=False)


@pytest.fixture(scope="module")
def whole():
    return singular_values(deep, X)


def test_all_values_are_those_of_a_dense_decomposition(whole):
    want = dense(deep, X)
    real = want > 1e-5 * want[:, :1]
    np.testing.assert_allclose(whole.values[real], want[real], rtol=1e-6)
    np.testing.assert_allclose(whole.values, want, atol=float(whole.error.max()))
    assert whole.rank.tolist() == np.linalg.matrix_rank(np.asarray(jacobian(deep, X))).tolist()
    assert 0 < whole.rank.min() < 24  # dead rows were dropped, and nothing else


def test_what_follows_from_the_values_is_what_follows_from_the_matrix(whole):
    j = np.asarray(jacobian(deep, X), np.float64)
    np.testing.assert_allclose(whole.norm, np.linalg.norm(j, axis=(1, 2)), rtol=1e-6)
    eigenvalues = np.linalg.eigvalsh(j @ np.swapaxes(j, 1, 2))
    np.testing.assert_allclose(whole.mean_square, eigenvalues.mean(axis=1), rtol=1e-6)
    relative = eigenvalues.var(axis=1) / eigenvalues.mean(axis=1) ** 2
    np.testing.assert_allclose(whole.relative_variance, relative, rtol=1e-6)
    assert np.isinf(whole.condition).all()  # some units are dead
    logit = singular_values(logits, X)
    np.testing.assert_allclose(
        logit.condition, np.linalg.cond(np.asarray(jacobian(logits, X))), rtol=1e-3
    )


def test_matrices_whose_values_are_known():
    scales = jnp.array([5.0, 3.0, 3.0, 3.0, 1.0, 0.0])
    x = jnp.ones((2, 6))
    for k in (None, 6):
        found = singular_values(lambda x: x * scales[None], x, k=k)
        np.testing.assert_allclose(found.values[1], [5, 3, 3, 3, 1, 0], atol=1e-5)
        assert found.whole
    same = singular_values(lambda x: 3 * x, x, k=2)  # one value, six times
    np.testing.assert_allclose(same.values, np.full((2, 2), 3.0), rtol=1e-6)
    even = singular_values(lambda x: x, x)
    np.testing.assert_allclose([even.effective_rank, even.from_isometry + 6], np.full((2, 2), 6.0))
    none = singular_values(lambda x: 0 * x, x)
    assert (none.values == 0).all()
    assert np.isnan(none.condition).all()


def test_examples_are_taken_a_few_at_a_time(whole):
    each = plan(deep, X).each
    few = singular_values(deep, X, max_bytes=2 * each)
    np.testing.assert_allclose(few.values, whole.values, rtol=1e-6, atol=1e-6)
    narrow = singular_values(deep, X, k=2, max_bytes=54 * 4 * 20)
    np.testing.assert_allclose(narrow.values, whole.values[:, :2], rtol=1e-3)


def test_a_jacobian_that_is_not_finite_has_no_values():
    found = singular_values(jnp.sqrt, jnp.array([[0.0, 1.0], [1.0, 4.0]]))
    assert np.isnan(found.values[0]).all()
    np.testing.assert_allclose(found.values[1], [0.5, 0.25])


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"max_bytes=10; got 5 Jacobians of 24 × 30.* pass k=10"):
        singular_values(deep, X, max_bytes=10)
    with pytest.raises(ValueError, match=r"at most 24, the smaller side .* got 25; leave k out"):
        singular_values(deep, X, k=25)
    with pytest.raises(TypeError, match=r"k is an integer; got float 2\.5"):
        singular_values(deep, X, k=2.5)


def test_a_result_without_entries_is_refused():
    with pytest.raises(ValueError, match="a Jacobian has rows and columns"):
        singular_values(lambda x: x[:, :0], X)


def test_of_nothing_and_of_nan_no_number_is_made():
    nothing = singular_values(lambda x: 0 * x, jnp.ones((2, 3)))
    assert (nothing.rank.tolist(), nothing.effective_rank.tolist()) == ([0, 0], [0.0, 0.0])
    assert np.isnan(nothing.condition).all()
    x = jnp.ones((2, 3)).at[0, 0].set(-1.0)
    half = singular_values(lambda x: 2 * jnp.sqrt(x), x)
    for name in ("rank", "norm", "effective_rank", "condition", "from_isometry", "mean_square"):
        one, other = getattr(half, name)
        assert np.isnan(one), name
        assert np.isfinite(other), name


def test_the_error_is_that_of_the_coarser_end():
    def f(x):
        return jnp.tanh(x.astype(jnp.bfloat16)).astype(jnp.bfloat16)

    x = jnp.linspace(0.0, 1.0, 12, dtype=jnp.float32).reshape(3, 4)
    assert singular_values(f, x).error.min() > 1e-3
