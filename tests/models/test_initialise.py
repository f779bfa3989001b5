"""Initialisers draw with the variance their paper states."""

import jax
import numpy as np
import pytest

from relu_jax.models import fans, he, lecun, normal, uniform, xavier

DENSE, CONV = (300, 100), (3, 3, 40, 60)
VARIANCES = [
    (he(), DENSE, 2 / 300),
    (he(uniform), CONV, 2 / (9 * 40)),
    (he(slope=0.5), DENSE, 2 / (1.25 * 300)),
    (xavier(), DENSE, 2 / 400),
    (xavier(normal, gain=5 / 3), CONV, 2 * 25 / 9 / (9 * 100)),
    (lecun(), CONV, 1 / (9 * 40)),
    (lecun(uniform), DENSE, 1 / 300),
]


@pytest.mark.parametrize(("init", "shape", "variance"), VARIANCES)
def test_mean_and_variance_are_the_stated_ones(init, shape, variance):
    w = np.asarray(init(jax.random.key(1), shape), np.float64) / np.sqrt(variance)
    assert abs(w.mean()) < 5 / np.sqrt(w.size)
    # The variance of z^2 is 2 for the normal and 0.8 for the uniform distribution.
    assert abs((w**2).mean() - 1) < 5 * np.sqrt(2 / w.size)


def test_uniform_stays_within_the_bound_of_glorot_equation_16():
    w = xavier()(jax.random.key(0), DENSE)
    bound = np.sqrt(6 / 400)
    assert 0.99 * bound < float(abs(w).max()) <= bound * (1 + 1e-6)


def test_normal_is_not_truncated():
    z = normal(jax.random.key(0), (100, 1000), "float32")
    assert abs(float((abs(z) > 2).mean()) - 0.0455) < 5 * np.sqrt(0.0455 / z.size)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtype_is_kept(dtype):
    assert he()(jax.random.key(0), (4, 3), dtype).dtype == dtype


def test_fans_of_a_convolution_count_the_window():
    assert fans((5, 5, 3, 8)) == (75, 200)


@pytest.mark.parametrize("shape", [(3,), (), (0, 4)])
def test_shape_that_is_no_kernel_is_refused(shape):
    with pytest.raises(ValueError, match=r"kernel has the axes .*; got shape \(.*; initialise"):
        he()(jax.random.key(0), shape)
