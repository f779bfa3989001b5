"""Cells against exact fractions, what is known of lines, Euler's relation, and the network."""

import itertools
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax.analyses import cells
from tests.analyses.networks import AS_USERS_WRITE, drawn, mlp

pytestmark = AS_USERS_WRITE


UNIT = (np.zeros(2, "f"), np.float32([1, 0]), np.float32([0, 1]))
SQUARE = (np.float32([-2, -2]), np.float32([4, 0]), np.float32([0, 4]))


def in_fractions(layers, corner, size):
    """Find the areas of all cells of a relu network on a square in rational arithmetic."""
    exact = [tuple(np.vectorize(Fraction)(p.astype(object)) for p in layer) for layer in layers]
    low, high = Fraction(corner), Fraction(corner) + Fraction(size)
    square = [(low, low), (high, low), (high, high), (low, high)]
    one, zero = Fraction(1), Fraction(0)
    # On each cell the signal is h(x, y) = a + b x + c y, rows of three.
    pieces = [(square, np.array([[zero, zero], [one, zero], [zero, one]]))]
    for w, b in exact[:-1]:
        split = []
        for polygon, h in pieces:
            z = h @ w
            z[0] += b
            parts = [polygon]
            for line in z.T:
                parts = [half for part in parts for half in halves(part, line)]
            for part in parts:
                x, y = (sum(p[i] for p in part) / len(part) for i in (0, 1))
                on = z[0] + x * z[1] + y * z[2] > 0
                split.append((part, np.where(on, z, zero)))
        pieces = split
    return sorted(float(area(polygon)) for polygon, _ in pieces)


def halves(polygon, line):
    a, b, c = line
    at = [a + b * x + c * y for x, y in polygon]
    if not (min(at) < 0 < max(at)):
        return [polygon]
    sides = {1: [], -1: []}
    around = [*zip(polygon, at, strict=True), (polygon[0], at[0])]
    for (p, d), (q, e) in itertools.pairwise(around):
        for way, side in sides.items():
            if d * way >= 0:
                side.append(p)
        if d * e < 0:
            new = tuple(u + (v - u) * d / (d - e) for u, v in zip(p, q, strict=True))
            for side in sides.values():
                side.append(new)
    return list(sides.values())


def area(polygon):
    around = itertools.pairwise([*polygon, polygon[0]])
    return abs(sum(p[0] * q[1] - q[0] * p[1] for p, q in around)) / 2


@pytest.mark.parametrize("seed", range(20))
def test_cells_are_those_of_exact_fractions(seed):
    layers = drawn([2, 5, 4, 1], seed, denominator=16)
    found = cells(mlp(layers), *SQUARE)
    exact = in_fractions(layers, -2, 4)
    assert found.count == len(exact)
    np.testing.assert_allclose(sorted(found.areas * 16), exact, atol=1e-4)


def test_lines_in_general_position_make_one_cell_and_one_for_each_and_each_crossing():
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((2, 30)).astype("f"), rng.standard_normal(30).astype("f") / 2
    found = cells(lambda x: nn.relu(x @ w + b), *SQUARE)
    corners = np.array([[-2, -2], [2, -2], [2, 2], [-2, 2]])
    at = corners @ w + b
    lines = ((at > 0).any(axis=0) & (at < 0).any(axis=0)).sum()
    crossings = 0
    for i, j in itertools.combinations(range(30), 2):
        point = np.linalg.solve(w[:, [i, j]].T.astype(float), -b[[i, j]])
        crossings += bool((np.abs(point) < 2).all())
    assert found.count == 1 + lines + crossings


def edges(found):
    around = [np.roll(np.arange(a, b), -1) for a, b in itertools.pairwise(found.starts)]
    pairs = np.stack([found.corners, found.corners[np.concatenate(around)]], axis=1)
    return len(np.unique(np.sort(pairs, axis=1), axis=0))


@pytest.mark.parametrize("act", [nn.relu, nn.leaky_relu, nn.relu6, nn.hard_tanh, jnp.abs])
def test_cells_fill_the_square_and_share_their_corners(act):
    found = cells(mlp(drawn([2, 12, 12, 3], 3), act), *SQUARE)
    assert found.count > 100
    assert found.areas.min() > 0
    assert found.areas.sum() == pytest.approx(1, abs=1e-9)
    assert len(found.vertices) - edges(found) + found.count == 1  # Euler's relation


def _convolution(x):
    picture = x @ jnp.asarray(drawn([2, 16], 8)[0][0])
    kernel = jnp.asarray(drawn([9, 2], 9)[0][0]).reshape(3, 3, 1, 2)
    y = lax.conv_general_dilated(
        picture.reshape(-1, 4, 4, 1), kernel, (1, 1), "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip
    return nn.relu(y).reshape(len(x), -1) @ jnp.asarray(drawn([32, 2], 10)[0][0])


def _residual(x):
    h = x
    for seed in range(4):
        h = h + nn.relu(h @ jnp.asarray(drawn([2, 2], seed)[0][0]) + 0.3)
    return nn.relu(h)


def _in_a_loop(x):
    w = jnp.stack([layer[0] for layer in drawn([2, 2, 2, 2], 6)])
    return lax.scan(lambda h, w: (nn.relu6(3 * h @ w + 1), None), x, w)[0]


@pytest.mark.parametrize("f", [_convolution, _residual, _in_a_loop])
def test_any_network_is_affine_on_every_cell(f):
    found = cells(f, *SQUARE)
    assert found.count > 5
    rng = np.random.default_rng(0)
    at, expected = [], []
    for i in range(found.count):
        inside = found.corners[found.starts[i] : found.starts[i + 1]]
        share = rng.dirichlet(np.ones(len(inside)))
        at.append(share @ found.vertices[inside])
        expected.append(share @ found.values[inside])
    given = np.asarray(f(jnp.asarray(-2 + 4 * np.array(at), jnp.float32)))
    np.testing.assert_allclose(given, expected, atol=1e-4 * np.abs(given).max())


def test_a_slice_between_three_inputs_has_their_values_at_its_corners():
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((3, 4, 5)).astype("f")
    layers = drawn([20, 8, 3], 1)
    found = cells(lambda x: mlp(layers)(x.reshape(-1, 20)), a, b - a, c - a)
    for at, x in (((0, 0), a), ((1, 0), b), ((0, 1), c)):
        (place,) = np.flatnonzero((found.vertices == at).all(axis=1))
        np.testing.assert_allclose(found.values[place], mlp(layers)(x.reshape(1, 20))[0], rtol=1e-5)


def test_nothing_that_bends_is_one_cell():
    found = cells(lambda x: nn.relu(x + 10), *UNIT)
    assert found.count == 1
    assert found.polygon(0).tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    assert cells(lambda x: 2 * x, *UNIT).count == 1


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match="inputs of one shape; got float32 array of shape"):
        cells(nn.relu, UNIT[0], UNIT[1], UNIT[2][:1])
    with pytest.raises(ValueError, match=r"at most 3 cells; got 4, at"):
        cells(lambda x: nn.relu(x - 0.5), *UNIT, most=3)
    with pytest.raises(ValueError, match=r"a bend in .* a softmax"):
        cells(lambda x: nn.relu(x - 0.5) + x[:, :1] * x[:, 1:], *UNIT)
    with pytest.raises(ValueError, match="a slice is finite; got 1 of 6"):
        cells(nn.relu, np.float32([np.inf, 0]), *UNIT[1:])
    with pytest.raises(ValueError, match="in float32 or float64; got bfloat16"):
        cells(lambda x: nn.relu(x.astype(jnp.bfloat16)), *UNIT)
    with pytest.raises(ValueError, match="examples do not meet"):
        cells(lambda x: nn.relu(x - x.mean(axis=0)), *UNIT)
    with pytest.raises(ValueError, match="got tanh at"):
        cells(jnp.tanh, *UNIT)
    with pytest.raises(NotImplementedError, match="got reduce_max at"):
        cells(lambda x: jnp.max(x, axis=1), *UNIT)
