"""Singular values of given matrices against a dense SVD in float64, and against rationals."""

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.analyses import spectrum_of

DRAWN = np.random.default_rng(0).standard_normal((4, 9, 6))


def test_values_are_those_of_a_dense_decomposition():
    drawn = DRAWN.copy()
    drawn[1, 3:], drawn[2, :, ::2] = 0, 0  # dead rows, dead columns
    want = np.linalg.svd(drawn, compute_uv=False)
    for matrices in (drawn, np.swapaxes(drawn, 1, 2)):
        double = spectrum_of(matrices)
        np.testing.assert_allclose(double.values, want, rtol=1e-13, atol=1e-14)
        single = spectrum_of(jnp.asarray(matrices, jnp.float32))
        np.testing.assert_allclose(single.values, want, rtol=1e-6, atol=1e-7)
        assert (np.abs(single.values - want) <= single.error).all()
        assert single.rank.tolist() == [6, 3, 3, 6]
        assert (single.n_out, single.n_in) == matrices.shape[1:]


def test_values_that_are_known_exactly():
    # Columns of lengths 5, 13, 1 at right angles: 3-4-5 and 5-12-13.
    matrix = np.array([[3, 0, 0], [4, 0, 0], [0, 5, 0], [0, 12, 0], [0, 0, 1]], np.float32)
    found = spectrum_of(matrix[None])
    np.testing.assert_allclose(found.values, [[13, 5, 1]], rtol=1e-15)
    assert found.condition == pytest.approx(13)
    assert found.norm == pytest.approx(195**0.5)
    half = spectrum_of(jnp.asarray(matrix[None], jnp.bfloat16))
    np.testing.assert_allclose(half.values, [[13, 5, 1]], rtol=1e-15)
    assert half.error[0, 0] > 0.1


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_values_of_any_size_are_found(size):
    matrix = (DRAWN[:1] * size).astype(np.float32)
    want = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(spectrum_of(matrix).values, want, rtol=1e-6)


def test_a_matrix_that_is_not_finite_has_no_values():
    found = spectrum_of(np.where(np.arange(4)[:, None, None] == 2, np.nan, DRAWN))
    assert np.isnan(found.values[2]).all()
    assert np.isfinite(found.values[[0, 1, 3]]).all()


def test_what_is_no_stack_of_matrices_is_refused():
    for wrong in (DRAWN[0], DRAWN[:0], DRAWN[:, :0]):
        with pytest.raises(ValueError, match=r"have three axes, \(N, C, D\), of one or more; got"):
            spectrum_of(wrong)
    for wrong in (np.ones((1, 2, 2), int), np.ones((1, 2, 2), complex)):
        with pytest.raises(TypeError, match="an array of real floats; got"):
            spectrum_of(wrong)


def test_what_theory_expects_stands_beside_them():
    found = spectrum_of(DRAWN)
    np.testing.assert_allclose(found.shares, (np.arange(6) + 0.5) / 6)
    both = found.beside(range(6, 0, -1))
    assert both.expected.tolist() == [6, 5, 4, 3, 2, 1]
    np.testing.assert_array_equal(both.values, found.values)
    for wrong in (np.ones(5), np.arange(6.0), -np.ones(6), np.full(6, np.nan)):
        with pytest.raises(ValueError, match=r"theory gives 6 numbers .* the largest first; got"):
            found.beside(wrong)
