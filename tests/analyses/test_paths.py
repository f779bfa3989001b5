"""Affine maps against NumPy, and path counts against enumeration, by units and by products."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax.analyses import jacobian, paths, regions
from tests.analyses.networks import AS_USERS_WRITE, drawn, mlp

pytestmark = AS_USERS_WRITE


X = jax.random.normal(jax.random.key(0), (7, 3))


def sparse(dims, seed):
    layers = drawn(dims, seed)
    rng = np.random.default_rng(seed)
    return [(w * (rng.random(w.shape) < 0.6), b) for w, b in layers]


def by_enumeration(layers, x):
    """Walk every path from every input to every output; x None: all of them."""
    on = []
    if x is not None:
        for w, b in layers[:-1]:
            z = x @ w + b
            on.append(z > 0)
            x = np.maximum(z, 0)
    sizes = [layers[0][0].shape[0], *(w.shape[1] for w, _ in layers)]
    found = np.zeros(sizes[-1], int)
    for path in itertools.product(*map(range, sizes)):
        links = all(
            w[i, j] != 0 for (w, _), (i, j) in zip(layers, itertools.pairwise(path), strict=True)
        )
        lit = all(mask[unit] for mask, unit in zip(on, path[1:-1], strict=True)) if on else True
        found[path[-1]] += links and lit
    return found


@pytest.mark.parametrize("seed", range(5))
def test_paths_are_those_that_can_be_walked(seed):
    layers = sparse([3, 4, 5, 2], seed)
    found = paths(mlp(layers), X)
    assert found.total.tolist() == by_enumeration(layers, None).tolist()
    for one, x in zip(found.active, np.asarray(X), strict=True):
        assert one.tolist() == by_enumeration(layers, x).tolist()
    assert (found.share <= 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_offset_is_that_of_the_masked_network(seed):
    layers = drawn([3, 6, 5, 2], seed)
    found = paths(mlp(layers), X)
    for x, offset in zip(np.asarray(X, np.float64), found.offset, strict=True):
        h, b = x, np.zeros(3)
        for w, bias in layers[:-1]:
            z = h @ w + bias
            b = (b @ w + bias) * (z > 0)
            h = np.maximum(z, 0)
        np.testing.assert_allclose(offset, b @ layers[-1][0] + layers[-1][1], rtol=1e-4, atol=1e-5)
    assert found.off.max() < 1e-5


def _residual(x):
    w = jnp.asarray(drawn([3, 3], 1)[0][0])
    return nn.relu6(x + nn.leaky_relu(x @ w + 0.2))


def _in_a_loop(x):
    w = jnp.stack([layer[0] for layer in drawn([3, 3, 3], 6)])
    return lax.scan(lambda h, w: (jnp.clip(3 * h @ w + 1, -1, 1), None), x, w)[0]


def _pooled(x):
    picture = (x @ jnp.asarray(drawn([3, 16], 8)[0][0])).reshape(-1, 4, 4, 1)
    kernel = jnp.asarray(drawn([9, 2], 9)[0][0]).reshape(3, 3, 1, 2)
    y = lax.conv_general_dilated(
        picture, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    y = lax.reduce_window(nn.relu(y), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return jnp.min(y.mean(axis=(1, 2)) @ jnp.ones((2, 4)), axis=1, keepdims=True) - y.sum((1, 2))


@pytest.mark.parametrize("f", [_residual, _in_a_loop, _pooled, lambda x: 2 * x - 1])
def test_any_network_is_its_affine_map_at_each_input(f):
    found = paths(f, X)
    a = np.asarray(jacobian(f, X))
    given = np.einsum("ncd,nd->nc", a, np.asarray(X)) + np.asarray(found.offset)
    np.testing.assert_allclose(given, np.asarray(f(X)).reshape(7, -1), rtol=1e-4, atol=1e-4)
    assert found.off.max() < 1e-5


def test_a_residual_sum_adds_its_paths_up():
    found = paths(lambda x: x + nn.relu(x + 100) + nn.relu(x - 100), X)
    assert found.active.tolist() == [[2.0] * 3] * 7
    assert found.total.tolist() == [3.0] * 3


def test_a_maximum_carries_the_paths_of_its_winner():
    w = jnp.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # two paths, one, none
    x = jnp.array([[1.0, 2.0], [2.0, -1.0], [-2.0, 1.0]])
    found = paths(lambda x: jnp.max(x @ w, axis=1, keepdims=True), x)
    assert found.active.tolist() == [[2.0], [1.0], [0.0]]
    assert found.total.tolist() == [3.0]


def test_patterns_are_those_of_the_regions_on_the_way():
    f = mlp(drawn([3, 6, 5, 2], 2))
    start, end = np.asarray(X[:1]), np.asarray(X[1:2])
    found = regions(f, start, end)
    at = np.concatenate([[0], found.at, [1]])
    middle = ((at[1:] + at[:-1]) / 2)[:, None].astype("f")
    told = paths(f, start + middle * (end - start))
    assert told.patterns == found.count[0]
    again = paths(f, np.repeat(start, 4, axis=0))
    assert (again.patterns, again.pattern.tolist()) == (1, [0, 0, 0, 0])


def test_values_that_are_equal_share_as_in_the_derivative():
    w = jnp.array([[1.0, 2.0], [3.0, 1.0]])
    for f, x in (
        (lambda x: jnp.maximum(x + 1, 3 - x), [[1.0]]),
        (lambda x: jnp.max(nn.relu(x @ w + jnp.array([1.0, 2.0])), axis=1), [[1.0, 1.0]]),
        (lambda x: lax.reduce_window(
            x, -jnp.inf, lax.max, (1, 2), (1, 2), "VALID"), [[1.0, 1.0, 0.0, 0.0]]),
    ):  # fmt: skip
        assert paths(f, jnp.array(x)).off.max() < 1e-6
    both = paths(lambda x: jnp.maximum(x + 1, 3 - x), jnp.array([[1.0]]))
    assert both.active.tolist() == [[2.0]]


def test_more_paths_than_there_are_numbers_are_inf_and_none_leads_through_0():
    def deep(x):
        return lax.scan(lambda h, w: (nn.relu(h @ w), None), x, jnp.ones((30, 64, 64)) / 64)[0]

    found = paths(lambda x: deep(x) @ jnp.eye(64)[:, :1], jnp.ones((1, 64)))
    assert found.total.tolist() == [np.inf]
    none = paths(lambda x: deep(x) @ jnp.zeros((64, 1)) + x[:, :1], jnp.ones((1, 64)))
    assert none.total.tolist() == [1.0]


def test_an_input_on_a_kink_takes_the_slope_of_the_program():
    zero = jnp.zeros((1, 2))
    for f in (nn.relu, lambda x: jnp.maximum(x, 0) @ jnp.ones((2, 2)), jnp.abs):
        assert paths(lambda x, f=f: f(x) + 1, zero).off.max() == 0


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match="got tanh at"):
        paths(jnp.tanh, X)
    with pytest.raises(NotImplementedError, match=r"got mul at test_paths\.py:"):
        paths(lambda x: nn.relu(x) * x[:, ::-1], X)
    with pytest.raises(NotImplementedError, match="got div"):
        paths(lambda x: x / x.sum(axis=1, keepdims=True), X)
    with pytest.raises(ValueError, match="in float32 or float64; got bfloat16"):
        paths(nn.relu, X.astype(jnp.bfloat16))
    with pytest.raises(ValueError, match="examples do not meet"):
        paths(lambda x: nn.relu(x) - nn.relu(x).mean(axis=0), X)
    with pytest.raises(ValueError, match="an input is finite; got 1 of 3"):
        paths(nn.relu, jnp.array([[jnp.nan, 0.0, 1.0]]))
    slopes = jnp.array([0.1, 0.2, 0.3])
    with pytest.raises(NotImplementedError, match="slopes of activations are numbers; got"):
        paths(lambda x: jnp.where(x > 0, x, slopes * x), X)
    with pytest.raises(ValueError, match="keeps the examples in front; got"):
        paths(lambda x: nn.relu(x).T, X)
