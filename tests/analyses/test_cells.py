"""Cells against exact fractions, what is known of lines and of nearest points, and the network."""

import functools
import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax.analyses import cells, circle_regions, regions
from relu_jax.analyses.polygons import Polygons
from tests.analyses.fractions import cells_of_relus
from tests.analyses.networks import AS_USERS_WRITE, WITH_MAXIMA, Plain, chosen, drawn, mlp

pytestmark = AS_USERS_WRITE


UNIT = (np.zeros(2, "f"), np.float32([1, 0]), np.float32([0, 1]))
SQUARE = (np.float32([-2, -2]), np.float32([4, 0]), np.float32([0, 4]))


@pytest.mark.parametrize("seed", range(20))
def test_cells_are_those_of_exact_fractions(seed):
    layers = drawn([2, 5, 4, 1], seed, denominator=16)
    found = cells(mlp(layers), *SQUARE)
    exact = cells_of_relus(layers)
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


def test_many_lines_through_one_point_make_one_corner():
    angles = np.linspace(0.1, 3, 12)
    w = np.float32([np.cos(angles), np.sin(angles)])
    assert cells(lambda x: nn.relu(x @ w), *SQUARE).count == 24
    found = cells(lambda x: jnp.max(jnp.concatenate([x @ w, -x @ w], axis=1), axis=1), *SQUARE)
    assert found.count == 24
    assert len(found.vertices) == 24 + 4 + 1


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


@functools.cache
def of_net(net):
    return cells(lambda x: net(x, Plain), *SQUARE)


@pytest.mark.parametrize("net", WITH_MAXIMA)
def test_every_cell_has_one_pattern_of_winners_and_every_pattern_one_cell(net):
    found = of_net(net)
    assert found.areas.sum() == pytest.approx(1, abs=1e-9)
    assert len(found.vertices) - edges(found) + found.count == 1
    at = (np.arange(120) + 0.5) / 120
    points = np.array([*itertools.product(at, at)])
    pattern, given = chosen(net, 4 * points - 2)
    cell = np.full(len(points), -1)
    for i in range(found.count):
        own = found.polygon(i)
        way = np.roll(own, -1, axis=0) - own
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        near = np.flatnonzero(((points > own.min(axis=0)) & (points < own.max(axis=0))).all(axis=1))
        off = points[near][:, None] - own
        inside = near[(way[:, 0] * off[..., 1] - way[:, 1] * off[..., 0] > 1e-5).all(axis=1)]
        cell[inside] = i
        if len(inside):
            known = np.concatenate([own, np.ones((len(own), 1))], axis=1)
            of = found.corners[found.starts[i] : found.starts[i + 1]]
            plane = np.linalg.lstsq(known, found.values[of].astype(float), rcond=None)[0]
            y = np.concatenate([points[inside], np.ones((len(inside), 1))], axis=1) @ plane
            np.testing.assert_allclose(y, given[inside], atol=2e-4 * np.abs(given).max())
    told = cell >= 0
    assert told.mean() > 0.98
    pairs = np.unique(np.stack([cell[told], pattern[told]], axis=1), axis=0)
    assert len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1])) == len(pairs)
    assert set(np.flatnonzero(found.areas > 10 * 120**-2)) <= set(pairs[:, 0])


def borders(found):
    """List the borders of cells as pairs of points, each once."""
    ahead = Polygons(found.starts, found.corners).ahead
    pairs = np.unique(np.sort(np.stack([found.corners, found.corners[ahead]]), axis=0), axis=1)
    return found.vertices[pairs]


def assert_same_places(one, other, atol):
    apart = np.abs(one[:, None] - other)
    assert apart.min(axis=0).max() < atol
    assert apart.min(axis=1).max() < atol


@pytest.mark.parametrize("net", WITH_MAXIMA[::2])
def test_segments_and_circles_bend_where_they_cross_borders_of_cells(net):
    def f(x):
        return net(x, Plain)

    a, b = borders(of_net(net))
    starts, ends = np.random.default_rng(0).uniform(0.1, 0.9, (2, 4, 2)).astype("f")
    along = regions(f, 4 * starts - 2, 4 * ends - 2)
    for i in range(4):
        p, d, e = starts[i].astype(float), (ends - starts)[i].astype(float), b - a
        wide = d[0] * e[:, 1] - d[1] * e[:, 0]
        t = ((a - p)[:, 0] * e[:, 1] - (a - p)[:, 1] * e[:, 0]) / wide
        share = ((a - p)[:, 0] * d[1] - (a - p)[:, 1] * d[0]) / wide
        crossed = t[(share >= 0) & (share <= 1) & (t > 0) & (t < 1)]
        assert_same_places(along.at[along.segment == i], crossed, 1e-4)
    center = np.float32([[0.2, -0.1]])
    round_ = circle_regions(f, center, np.float32([[1.5, 0]]), np.float32([[0, 1.5]]))
    p, e = 4 * a - 2 - center, 4 * (b - a)  # |p + s e| = 1.5
    middle, square = (p * e).sum(axis=1), (e**2).sum(axis=1)
    root = middle**2 - square * ((p**2).sum(axis=1) - 1.5**2)
    meets = root > 0
    s = (-middle[meets] + np.sqrt(root[meets]) * [[1], [-1]]) / square[meets]
    x, y = (p[meets] + s[..., None] * e[meets])[(s >= 0) & (s <= 1)].T
    assert_same_places(round_.at, np.arctan2(y, x) / (2 * np.pi) % 1, 1e-4)


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
    with pytest.raises(ValueError, match=r"f\(x\) is finite; got"):
        cells(lambda x: jnp.max(x / jnp.zeros(2), axis=1), *UNIT)
    with pytest.raises(ValueError, match="in float32 or float64; got bfloat16"):
        cells(lambda x: nn.relu(x.astype(jnp.bfloat16)), *UNIT)
    with pytest.raises(ValueError, match="examples do not meet"):
        cells(lambda x: nn.relu(x - x.mean(axis=0)), *UNIT)
    with pytest.raises(ValueError, match="got tanh at"):
        cells(jnp.tanh, *UNIT)
    with pytest.raises(ValueError, match=r"at most 1 cells; got 2, at reduce_max at test_cells"):
        cells(lambda x: jnp.max(x, axis=1), *UNIT, most=1)
    with pytest.raises(ValueError, match="examples do not meet"):
        cells(lambda x: x - x.max(axis=0), *UNIT)
    with pytest.raises(NotImplementedError, match=r"with windows .*, dilated by \(1, 2\)"):
        cells(
            lambda x: lax.reduce_window(
                x, -jnp.inf, lax.max, (1, 2), (1, 1), "VALID", base_dilation=(1, 2)
            ),
            *UNIT,
        )
