"""Is a stack of layers the product of its matrices, and one with an activation none?"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.analyses.collapse import collapse

KEYS = jax.random.split(jax.random.key(0), 6)
WIDTHS = [7, 9, 3, 8, 5]
WEIGHTS = [
    jax.random.normal(key, shape) / shape[0] ** 0.5
    for key, shape in zip(KEYS, itertools.pairwise(WIDTHS), strict=False)
]
BIAS = jax.random.normal(KEYS[4], (1, 5))
X = jax.random.normal(KEYS[5], (20, 7))


def stack(x):
    for w in WEIGHTS:
        x = x @ w
    return x + BIAS


def test_a_stack_is_the_product_of_its_matrices():
    found = collapse(stack, X)
    product = np.linalg.multi_dot([np.asarray(w, np.float64) for w in WEIGHTS]).T
    np.testing.assert_allclose(found.matrix, product, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.offset, BIAS[0], rtol=1e-4, atol=1e-5)
    assert found.linear
    assert found.rank == min(WIDTHS)  # of the narrowest layer


def test_convolutions_and_pooled_means_fold_as_well():
    kernel = jax.random.normal(KEYS[0], (3, 3, 2, 4))

    def network(x):
        y = jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return y.mean(axis=(1, 2))

    found = collapse(network, jax.random.normal(KEYS[1], (6, 5, 5, 2)))
    assert found.matrix.shape == (4, 50)
    assert found.linear


@pytest.mark.parametrize("bend", [jax.nn.relu, jnp.tanh, lambda x: x + 1e-3 * x**2])
def test_with_an_activation_it_is_none(bend):
    found = collapse(lambda x: bend(x @ WEIGHTS[0]) @ WEIGHTS[1], X)
    assert not found.linear
    assert found.error > 10 * found.rounding


def test_what_is_constant_has_rank_0_and_nan_is_told():
    still = collapse(lambda x: 0 * x + 2, X)
    assert (still.rank, still.linear, still.error) == (0, True, 0.0)
    lost = collapse(lambda x: x + jnp.where(x > 1, jnp.nan, 0), X)
    assert np.isnan(lost.error)
    assert not lost.linear


def test_a_matrix_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"max_bytes=100; got 1 Jacobians of 5 × 7"):
        collapse(stack, X, max_bytes=100)
