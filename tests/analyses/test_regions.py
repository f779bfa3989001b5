"""Breakpoints against exact fractions, a fine grid, a saw whose pieces are known, and theory."""

import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax.analyses import regions
from tests.analyses.networks import AS_USERS_WRITE, drawn, mlp

pytestmark = AS_USERS_WRITE


def in_fractions(layers, start, end):
    """Find the breakpoints of a relu network along a segment in rational arithmetic."""
    exact = [(w.astype(object), b.astype(object)) for w, b in layers[:-1]]
    exact = [(np.vectorize(Fraction)(w), np.vectorize(Fraction)(b)) for w, b in exact]
    a, d = (np.vectorize(Fraction)(v.astype(object)) for v in (start, end - start))
    pieces = [(Fraction(0), Fraction(1), a, d)]  # on each, x = a + t d
    for w, b in exact:
        split = []
        for low, high, a, d in pieces:
            z, dz = a @ w + b, d @ w
            roots = {-p / q for p, q in zip(z, dz, strict=True) if q and low < -p / q < high}
            ends = [low, *sorted(roots), high]
            for left, right in itertools.pairwise(ends):
                on = z + dz * (left + right) / 2 > 0
                split.append(
                    (left, right, np.where(on, z, Fraction(0)), np.where(on, dz, Fraction(0)))
                )
        pieces = split
    return [float(low) for low, *_ in pieces[1:]]


@pytest.mark.parametrize("seed", range(20))
def test_breakpoints_are_those_of_exact_fractions(seed):
    layers = drawn([2, 5, 4, 1], seed, denominator=16)
    rng = np.random.default_rng(100 + seed)
    starts, ends = np.round(rng.standard_normal((2, 3, 2)) * 64).astype(np.float32) / 16
    found = regions(mlp(layers), starts, ends)
    for i in range(3):
        exact = in_fractions(layers, starts[i], ends[i])
        np.testing.assert_allclose(found.at[found.segment == i], exact, atol=1e-5)
        assert found.count[i] == len(exact) + 1


NETWORKS = 200


def many():
    """Build two hundred networks as one function: the first input says which."""
    layers = [drawn([3, 6, 5, 2], 1000 + seed) for seed in range(NETWORKS)]
    stacked = [[np.stack([one[i][k] for one in layers]) for k in (0, 1)] for i in range(3)]

    def arguments(x, which, xp):
        h, z = x, []
        for w, b in stacked[:2]:
            z.append(xp.einsum("nd,ndh->nh", h, xp.asarray(w)[which]) + xp.asarray(b)[which])
            h = nn.relu(z[-1]) if xp is jnp else np.maximum(z[-1], 0)
        return z, h

    return arguments


def test_counts_are_those_of_a_fine_grid_on_two_hundred_networks():
    arguments = many()
    starts, ends = np.random.default_rng(0).standard_normal((2, NETWORKS, 3)).astype(np.float32)
    which = np.arange(NETWORKS, dtype=np.float32)[:, None]

    def f(x):
        return arguments(x[:, 1:], (x[:, 0] + 0.5).astype(jnp.int32), jnp)[1]

    got = regions(f, np.concatenate([which, starts], 1), np.concatenate([which, ends], 1)).count
    grid = np.ones(NETWORKS, int)
    t = np.linspace(0, 1, 20_001)[:, None]
    for i in range(NETWORKS):
        x = starts[i] * (1 - t) + ends[i] * t
        z, _ = arguments(x, np.full(len(x), i), np)
        above = np.concatenate(z, axis=1) > 0
        grid[i] += (above[1:] != above[:-1]).any(axis=1).sum()
    assert (got >= grid).all()  # two bends between neighbours of the grid look like one
    assert (got - grid).sum() <= 5
    assert grid.max() > 5


def saw(x):
    """Telgarsky's tent: up to 1, and down again."""
    return nn.relu(x @ jnp.ones((1, 2)) - jnp.array([[0, 0.5]])) @ jnp.array([[2.0], [-4.0]])


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_saw_of_two_units_a_layer_has_two_to_the_depth_pieces(depth):
    def deep(x):
        for _ in range(depth):
            x = saw(x)
        return x

    found = regions(deep, np.zeros((1, 1), "float32"), np.ones((1, 1), "float32"))
    assert found.count.tolist() == [2**depth]
    places = np.unique(np.round(found.at * 2**depth, 4))
    np.testing.assert_allclose(places, range(1, 2**depth))


def test_wide_networks_have_one_region_per_unit_and_one():
    # Kogan, Jananthan & Kepner 2025: for He weights and biases along a line, Σ n + 1 + o(Σ n).
    layers = drawn([1, 64, 64, 1], 5)
    layers = [(w * (2 / len(w)) ** 0.5, b * 0.2) for w, b in layers]
    (count,) = regions(mlp(layers), np.float32([[-50]]), np.float32([[50]])).count
    assert 0.6 * 128 < count < 1.4 * 129


def _residual(x):
    h = nn.relu(x @ jnp.asarray(drawn([2, 6], 3)[0][0]))
    return h + nn.leaky_relu(h @ jnp.asarray(drawn([6, 6], 4)[0][0]) - 0.3)


def _in_a_loop(x):
    w = jnp.stack([layer[0] for layer in drawn([2, 2, 2, 2], 6)])
    return lax.scan(lambda h, w: (nn.relu6(3 * h @ w + 1), None), x, w)[0]


def _convolution(x):
    picture = x @ jnp.asarray(drawn([2, 16], 8)[0][0])
    kernel = jnp.asarray(drawn([9, 2], 9)[0][0]).reshape(3, 3, 1, 2)
    y = lax.conv_general_dilated(
        picture.reshape(-1, 4, 4, 1), kernel, (1, 1), "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip
    return jnp.clip(y, -1, 1).reshape(len(x), -1) @ jnp.asarray(drawn([32, 2], 10)[0][0])


def _pooled(x):
    picture = (x @ jnp.asarray(drawn([2, 36], 8)[0][0])).reshape(-1, 6, 6, 1)
    y = lax.reduce_window(nn.relu(picture), -jnp.inf, lax.max, (1, 3, 2, 1), (1, 2, 2, 1), "SAME")
    z = y.reshape(len(x), -1) @ jnp.asarray(drawn([9, 12], 11)[0][0])
    z = jnp.maximum(z[:, :6], z[:, 6:]).reshape(-1, 2, 3)
    return z.max(axis=1) - nn.relu(z.min(axis=2).mean(axis=1, keepdims=True))


def _deep_residual(x):
    h = x @ jnp.asarray(drawn([2, 5], 3)[0][0])
    for seed in range(4):
        h = h + nn.relu(nn.relu(h @ drawn([5, 5], seed)[0][0] - 0.2) @ drawn([5, 5], 9)[0][0])
    return jnp.abs(h)


@pytest.mark.parametrize("f", [_residual, _in_a_loop, _convolution, _pooled, _deep_residual])
def test_any_network_is_linear_between_its_breakpoints_and_bends_there(f):
    rng = np.random.default_rng(1)
    starts, ends = 4 * rng.standard_normal((2, 3, 2)).astype(np.float32)
    found = regions(f, starts, ends)
    assert found.count.min() > 1
    for i in range(3):
        t = np.linspace(0, 1, 40_001)[:, None]
        y = np.asarray(f(jnp.asarray(starts[i] * (1 - t) + ends[i] * t, jnp.float32)), np.float64)
        known = np.concatenate([[0.0], found.at[found.segment == i], [1.0]])
        knots = np.interp(known, t[:, 0], np.arange(len(t)))
        for column in y.T:
            values = np.interp(knots, np.arange(len(t)), column)
            line = np.interp(t[:, 0], known, values)
            assert np.abs(line - column).max() <= 2e-3 * np.abs(column).max()


def test_slopes_may_be_arrays_and_examples_may_lie_on_another_axis():
    slopes = np.float32([0.1, 0.3, -0.5, 0.25])
    w = jnp.asarray(drawn([2, 4], 1)[0][0])
    starts, ends = np.random.default_rng(0).standard_normal((2, 3, 2)).astype("f")
    expected = regions(lambda x: nn.relu(x @ w), starts, ends)
    for f in (
        lambda x: jnp.where(x @ w > 0, x @ w, slopes * (x @ w)),
        jax.vmap(lambda x: nn.relu(w.T @ x)),
        lambda x: nn.relu(w.T @ x.T).T,
    ):
        found = regions(f, starts, ends)
        np.testing.assert_allclose(found.at, expected.at, atol=1e-6)
        assert found.unit.tolist() == expected.unit.tolist()


def test_with_wide_numbers_breakpoints_are_those_of_fractions_to_more_digits():
    layers = drawn([2, 5, 4, 1], 7, denominator=16)
    start, end = np.array([[-3.5, 1.25]]), np.array([[2.75, -4.5]])
    with jax.enable_x64(True):
        found = regions(mlp([(np.float64(w), np.float64(b)) for w, b in layers]), start, end)
    np.testing.assert_allclose(found.at, in_fractions(layers, start[0], end[0]), atol=1e-12)


def test_bad_input_is_answered():
    a, b = np.zeros((1, 2), "float32"), np.ones((1, 2), "float32")
    with pytest.raises(ValueError, match=r"piecewise linear activations; got tanh at .*; swap it"):
        regions(jnp.tanh, a, b)
    with pytest.raises(ValueError, match=r"got heaviside at"):
        regions(lambda x: jnp.heaviside(x, 0.0), a, b)
    with pytest.raises(ValueError, match=r"affine between .* a bend in .* a softmax"):
        regions(lambda x: nn.relu(x - 0.9) + nn.softmax(3 * x), a, b * np.float32([1, -1]))
    with pytest.raises(ValueError, match=r"one shape; got float32 array of shape \(1, 2\) and"):
        regions(nn.relu, a, b[0])
    with pytest.raises(ValueError, match=r"one shape; got float"):
        regions(nn.relu, np.float32(-1), np.float32(1))
    with pytest.raises(ValueError, match="an end of a segment is finite; got 1 of 4"):
        regions(nn.relu, np.float32([[-np.inf, 0]]), b)
    with pytest.raises(ValueError, match=r"f\(x\) is finite; got"):
        regions(lambda x: nn.relu(x) / jnp.zeros(2), a, b)
    with pytest.raises(ValueError, match="in float32 or float64; got float16"):
        regions(nn.relu, a.astype("float16"), b.astype("float16"))
    with pytest.raises(ValueError, match="examples do not meet"):
        regions(lambda x: nn.relu(x) - nn.relu(x).mean(axis=0), -b, b)
    with pytest.raises(ValueError, match=r"got hard_tanh at .*, its parameters arrays"):
        regions(lambda x: jnp.clip(x, jnp.float32([-1, -2]), 3.0), a, b)
    with pytest.raises(NotImplementedError, match="run for every example"):
        regions(lambda x: lax.cond(x.sum() > 0, nn.relu, lambda x: x, x), a, b)
