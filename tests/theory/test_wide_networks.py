"""Do networks of width 4,096 have the kernels of infinitely wide ones?"""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import get
from relu_jax.theory.nngp import nngp, ntk

WIDTH = 4096
X = np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32)
# f and f' in NumPy, σ_w, σ_b
NETWORKS = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: np.float32(x > 0), 2**0.5, 0.3),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, 1.5, 0.3),
    "gelu": (
        lambda x: x * special.ndtr(x),
        lambda x: special.ndtr(x) + x * np.exp(-(x**2) / 2) / np.float32(2 * np.pi) ** 0.5,
        1.4,
        0.2,
    ),
}


def draw(rng, width, depth):
    sizes = [X.shape[1], *[width] * depth, 1]
    return [
        (rng.standard_normal((n, m), np.float32), rng.standard_normal(m, np.float32))
        for n, m in pairwise(sizes)
    ]


def kernels(name, params):
    """Compute the kernel of a network's output, and the products of its gradients.

    What a layer adds to the latter is the product of two matrices, of what comes in and of what
    comes back, so that no gradient in its weights is built.
    """
    f, slope, w, b = NETWORKS[name]
    x, passed = X, []
    for weights, bias in params[:-1]:
        w_n = np.float32(w / np.sqrt(len(weights)))
        z = w_n * x @ weights + np.float32(b) * bias
        passed.append((x, slope(z), w_n * weights))
        x = f(z)
    kernel = b**2 + w**2 * (x @ x.T) / x.shape[1]
    tangent = kernel
    back = np.float32(w / np.sqrt(x.shape[1])) * np.tile(params[-1][0].T, (len(X), 1))
    for entered, slopes, weights in reversed(passed):
        back = back * slopes
        tangent = tangent + (back @ back.T) * (b**2 + w**2 * entered @ entered.T / len(weights))
        back = back @ weights.T
    return kernel, tangent


def agree(name, depth, networks):
    """Say whether both kernels lie within 5 standard errors of the mean of as many networks."""
    rng = np.random.default_rng(depth)
    drawn = np.stack([kernels(name, draw(rng, WIDTH, depth)) for _ in range(networks)])
    _, _, w, b = NETWORKS[name]
    args = {"depth": depth, "weight_std": w, "bias_std": b}
    expected = np.stack([kernel(get(name), jnp.asarray(X), **args) for kernel in (nngp, ntk)])
    error = drawn.std(axis=0, ddof=1) / np.sqrt(networks)
    assert (error < 0.05 * np.sqrt(np.einsum("kii,kjj->kij", expected, expected))).all()
    return (np.abs(drawn.mean(axis=0) - expected) < 5 * error).all()


def test_one_wide_layer_of_relu_has_the_kernels_of_an_infinite_one():
    assert agree("relu", 1, 100)


@pytest.mark.thorough("seventeen million weights a network, quadratures in the plane")
@pytest.mark.parametrize("name", NETWORKS)
def test_two_wide_layers_have_the_kernels_of_infinite_ones(name):
    assert agree(name, 2, 12)


@pytest.mark.thorough("the same algebra by JAX, compiled for each activation")
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_jax(name):
    _, _, w, b = NETWORKS[name]
    params = draw(np.random.default_rng(5), 32, 2)

    def network(params, x):
        for layer, (weights, bias) in enumerate(params):
            x = w / np.sqrt(len(weights)).item() * x @ weights + b * bias
            x = x if layer == len(params) - 1 else get(name)(x)
        return x[0]

    rows = jax.jit(jax.vmap(jax.grad(network), (None, 0)))(params, jnp.asarray(X))
    flat = np.concatenate([leaf.reshape(len(X), -1) for leaf in jax.tree.leaves(rows)], axis=1)
    np.testing.assert_allclose(kernels(name, params)[1], flat @ flat.T, rtol=1e-4)
