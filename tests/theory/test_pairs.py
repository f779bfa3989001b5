"""What no normal pair has is refused where it is seen, and NaN where it is traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.theory.pairs import pairs


def test_numbers_and_arrays_come_out_in_one_shape_and_type():
    for got in pairs(1, jnp.ones((2, 1), jnp.float32), np.zeros((1, 3), np.float32)):
        assert (got.shape, got.dtype) == ((2, 3), jnp.float32)
    assert pairs(1, 1, 0)[0].dtype == jnp.float32


@pytest.mark.parametrize("bad", [(-1.0, 1.0, 0.0), (np.inf, 1.0, 0.0), (1.0, 1.0, -1.1)])
def test_what_no_normal_pair_has_is_refused(bad):
    with pytest.raises(ValueError, match=r"finite variances and \|covariance\| .*; pass"):
        pairs(*bad)


@pytest.mark.parametrize("bad", [1j, True])
def test_what_is_no_real_number_is_refused(bad):
    with pytest.raises(TypeError, match=r"covariance is a real number; got .*; pass variances"):
        pairs(1.0, 1.0, bad)


def test_rounding_of_the_covariance_passes_and_so_does_nan():
    assert float(pairs(1.0, 1.0, 1 + 1e-6)[2]) > 1
    assert np.isnan(pairs(np.nan, 1.0, 0.5)[0])


def test_a_traced_variance_below_0_is_nan():
    q1, q2, c = jax.jit(pairs)(jnp.float32([-1.0, 0.0, 2.0]), 1.0, 0.0)
    np.testing.assert_array_equal(q1, [np.nan, 0, 2])
    assert np.isfinite([q2, c]).all()
