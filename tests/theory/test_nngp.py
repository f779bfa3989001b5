"""Are the kernels of infinite networks those of their recursion, done by brute force?"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.theory.nngp import nngp, ntk

pytestmark = pytest.mark.thorough("quadratures in the plane, wide networks: minutes")

HE = 2**0.5
X = np.random.default_rng(0).standard_normal((3, 6))


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def recursion(f, x, depth, w, b):
    """Compute both kernels of a network with one hidden layer after another, by brute force."""
    z = np.arange(-9, 9, 0.02)
    weight = np.exp(-(z**2) / 2) * 0.02 / np.sqrt(2 * np.pi)
    k = b**2 + w**2 * x @ x.T / x.shape[1]
    tangent = k
    for _ in range(depth):
        new, slope = np.empty_like(k), np.empty_like(k)
        for i in range(len(k)):
            for j in range(len(k)):
                u = np.sqrt(k[i, i]) * z[:, None] + 0 * z[None]
                left = np.sqrt(max(k[j, j] - k[i, j] ** 2 / k[i, i], 0))
                v = k[i, j] / np.sqrt(k[i, i]) * z[:, None] + left * z[None]
                new[i, j], slope[i, j] = (weight @ (g(u) * g(v)) @ weight for g in (f[0], f[1]))
        k = b**2 + w**2 * new
        tangent = k + w**2 * tangent * slope
    return k, tangent


def test_kernels_of_a_smooth_network_equal_brute_force(x64):
    tanh = (np.tanh, lambda x: 1 / np.cosh(x) ** 2)
    k, tangent = recursion(tanh, X[:2], 2, 1.3, 0.4)
    args = {"depth": 2, "weight_std": 1.3, "bias_std": 0.4}
    x = jnp.array(X[:2])
    np.testing.assert_allclose(nngp(get("tanh"), x, **args), k, rtol=1e-11)
    np.testing.assert_allclose(ntk(get("tanh"), x, **args), tangent, rtol=1e-11)


def test_relu_with_the_initialisation_of_he_keeps_the_norm_at_every_depth(x64):
    x = jnp.array(X)
    for depth in (0, 1, 60):
        k = nngp(get("relu"), x, depth=depth, weight_std=HE)
        np.testing.assert_allclose(jnp.diag(k), 2 * np.mean(X**2, axis=1), rtol=1e-13)
        tangent = ntk(get("relu"), x, depth=depth, weight_std=HE)
        # Each layer adds the same share: Θ(x, x) = (depth + 1) K(x, x).
        np.testing.assert_allclose(jnp.diag(tangent), (depth + 1) * jnp.diag(k), rtol=1e-12)


def test_a_linear_network_has_the_kernel_of_its_inputs():
    x = jnp.float32(X)
    k = nngp(get("tanh"), x, depth=0, weight_std=2.0, bias_std=0.5)
    np.testing.assert_allclose(k, 0.25 + 4 * X @ X.T / 6, rtol=1e-5, atol=1e-6)
    deep = nngp(get("identity"), x, depth=3, weight_std=1.0)
    np.testing.assert_allclose(deep, X @ X.T / 6, rtol=1e-5, atol=1e-6)
    tangent = ntk(get("identity"), x, depth=3, weight_std=1.0)
    np.testing.assert_allclose(tangent, 4 * X @ X.T / 6, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kernel", [nngp, ntk])
def test_other_inputs_give_a_block_of_the_whole_matrix(kernel):
    f = partial(kernel, get("relu"), depth=3, weight_std=1.2, bias_std=0.2)
    whole = f(jnp.float32(X))
    block = f(jnp.float32(X[:1]), jnp.float32(X[1:]))
    assert block.shape == (1, 2)
    np.testing.assert_allclose(block, whole[:1, 1:], rtol=1e-5)
    np.testing.assert_array_equal(whole, whole.T)
    assert np.linalg.eigvalsh(np.asarray(whole, np.float64)).min() > 0


def test_float32_keeps_the_diagonal_of_the_tangent_kernel(x64):
    args = {"depth": 20, "weight_std": HE}
    exact = ntk(get("relu"), jnp.array(X), **args)
    for x2 in (None, jnp.float32(X)):
        got = ntk(get("relu"), jnp.float32(X), x2, **args)
        np.testing.assert_allclose(got, exact, rtol=2e-5)


def test_kernels_are_jitted_and_differentiable_in_all_numbers(x64):
    @jax.jit
    def trace(slope, w, b, x):
        args = {"depth": 3, "weight_std": w, "bias_std": b, "params": {"slope": slope}}
        return jnp.sum(ntk(get("leaky_relu"), x, **args))

    point = (0.2, 1.3, 0.4, jnp.array(X))
    slopes = jax.jit(jax.grad(trace, argnums=(0, 1, 2, 3)))(*point)
    assert np.isfinite(slopes[3]).all()
    for i in range(3):
        near = [list(point), list(point)]
        near[0][i] -= 1e-5
        near[1][i] += 1e-5
        rise = (trace(*near[1]) - trace(*near[0])) / 2e-5
        np.testing.assert_allclose(slopes[i], rise, rtol=1e-7)


def test_inputs_of_zeros_have_the_kernel_of_the_biases():
    zeros = jnp.zeros((1, 4))
    assert nngp(get("relu"), zeros, depth=1, weight_std=HE)[0, 0] == 0
    got = nngp(get("relu"), zeros, depth=1, weight_std=HE, bias_std=0.5)
    np.testing.assert_allclose(got, 0.25 + 0.25, rtol=1e-6)
    kernel = partial(nngp, get("relu"), depth=1, weight_std=HE)
    slope = jax.jit(jax.grad(lambda x: kernel(x)[0, 0]))(zeros)
    assert np.isfinite(slope).all()


def test_depths_deviations_and_inputs_that_make_no_network_are_refused():
    x = jnp.float32(X)
    with pytest.raises(ValueError, match=r"depth counts hidden layers, from 0 on; got -1; pass"):
        nngp(get("relu"), x, depth=-1, weight_std=1.0)
    with pytest.raises(ValueError, match="weight_std"):
        nngp(get("relu"), x, depth=1, weight_std=-1.0)
    with pytest.raises(ValueError, match=r"rows of one number of features .*; got float32 array"):
        ntk(get("relu"), jnp.zeros((2, 0)), depth=1, weight_std=1.0)
    for bad in ({"weight_std": np.ones(1)}, {"weight_std": 1.0, "bias_std": np.ones(2)}):
        with pytest.raises(ValueError, match=r"_std is one number; got float64 array of shape"):
            nngp(get("relu"), x, depth=1, **bad)


ALL_KINDS = np.concatenate([X, X[:1], 0 * X[:1]]).astype(np.float32)  # one twice, and zeros


@pytest.mark.parametrize("kernel", [nngp, ntk])
@pytest.mark.parametrize("name", ["relu", "erf", "tanh"])
def test_kernels_are_positive_semidefinite_with_equal_inputs_and_zeros(kernel, name):
    args = {"depth": 2, "weight_std": 1.4}
    got = np.asarray(kernel(get(name), jnp.array(ALL_KINDS), **args), np.float64)
    np.testing.assert_array_equal(got, got.T)
    assert np.linalg.eigvalsh(got).min() > -1e-6 * np.trace(got)
    np.testing.assert_allclose(got[3], got[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got[4], 0)


@pytest.mark.parametrize("kernel", [nngp, ntk])
def test_derivatives_in_equal_inputs_and_zeros_are_finite(kernel):
    def total(x, w):
        return kernel(get("relu"), x, depth=2, weight_std=w).sum()

    rows, w = jax.jit(jax.grad(total, (0, 1)))(jnp.array(ALL_KINDS), 1.4)
    assert np.isfinite(rows).all()
    step = total(jnp.array(ALL_KINDS), 1.41) - total(jnp.array(ALL_KINDS), 1.39)
    assert float(w) == pytest.approx(float(step) / 0.02, rel=1e-2)


@pytest.mark.parametrize("kernel", [nngp, ntk])
@pytest.mark.parametrize("depth", [0, 1])
def test_no_input_and_one_input_are_batches(kernel, depth):
    f = partial(kernel, get("relu"), depth=depth, weight_std=HE)
    one, none = jnp.float32(X[:1]), jnp.zeros((0, X.shape[1]))
    assert f(none).shape == (0, 0)
    assert f(one, none).shape == (1, 0)
    np.testing.assert_allclose(f(one), f(jnp.float32(X))[:1, :1], rtol=1e-6)
    np.testing.assert_allclose(f(one, one), f(one), rtol=1e-6)


@pytest.mark.parametrize("kernel", [nngp, ntk])
def test_arrays_of_numpy_are_taken(kernel):
    f = partial(kernel, get("relu"), depth=2, weight_std=HE)
    np.testing.assert_array_equal(f(X), f(jnp.float32(X)))  # float64 where there is none


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_rounded_once(dtype):
    x = jnp.asarray(X, dtype)
    for kernel in (nngp, ntk):
        f = partial(kernel, get("relu"), depth=20, weight_std=HE)
        got, exact = f(x), f(x.astype(jnp.float32))
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, exact.astype(dtype))


def test_inputs_that_are_not_finite_have_no_kernel_with_others():
    for hole in (np.nan, np.inf):
        got = ntk(get("relu"), jnp.float32(X).at[0, 0].set(hole), depth=1, weight_std=1.0)
        assert np.isnan(got[0, 1:]).all()
        assert np.isfinite(got[1:, 1:]).all()


def test_kernels_are_vmapped_over_deviations_and_parameters():
    def f(w, slope):
        args = {"depth": 2, "weight_std": w, "params": {"slope": slope}}
        return nngp(get("leaky_relu"), jnp.float32(X), **args)

    w, slope = jnp.float32([1.0, 1.5]), jnp.float32([0.1, 0.3])
    got = jax.jit(jax.vmap(f))(w, slope)
    np.testing.assert_allclose(got[1], f(1.5, 0.3), rtol=1e-5)
