"""Bends along circles against angles in closed form, exact fractions and a fine grid."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax.analyses import circle_regions, regions
from tests.analyses.networks import (
    AS_USERS_WRITE,
    WITH_MAXIMA,
    Plain,
    both_orders,
    chosen,
    drawn,
    mlp,
)

pytestmark = AS_USERS_WRITE


def plane(n=1):
    return np.zeros((n, 2), "f"), np.float32([[1, 0]] * n), np.float32([[0, 1]] * n)


def test_a_circle_crosses_a_line_at_the_angles_of_its_cosine():
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((2, 40)).astype("f"), rng.standard_normal(40).astype("f")
    found = circle_regions(lambda x: nn.relu(x @ w + b), *plane())
    length, way = np.hypot(*w.astype(float)), np.arctan2(w[1], w[0]).astype(float)
    meets = np.abs(b) < length
    half = np.arccos(-b[meets] / length[meets])
    expected = np.concatenate([way[meets] + half, way[meets] - half]) / (2 * np.pi) % 1
    np.testing.assert_allclose(found.at, np.sort(expected), atol=1e-6)
    assert found.count.tolist() == [2 * meets.sum()]
    assert set(found.unit) == set(np.flatnonzero(meets))


@pytest.mark.parametrize("act", [nn.relu, nn.relu6, nn.leaky_relu])
@pytest.mark.parametrize("seed", range(4))
def test_bends_are_those_of_a_fine_grid(seed, act):
    layers = drawn([3, 6, 5, 2], seed)
    rng = np.random.default_rng(seed)
    center, right, up = rng.standard_normal((3, 2, 3)).astype("f")
    found = circle_regions(mlp(layers, act), center, right, up)
    turn = np.linspace(0, 1, 40_001)
    angle = 2 * np.pi * turn[:, None]
    kinks = (0.0, 6.0) if act is nn.relu6 else (0.0,)
    for i in range(2):
        h = center[i] + np.cos(angle) * right[i] + np.sin(angle) * up[i]
        changed = np.zeros(len(turn) - 1, bool)
        for w, b in layers[:-1]:
            z = h @ w + b
            for kink in kinks:
                changed |= ((z[1:] > kink) != (z[:-1] > kink)).any(axis=1)
            h = np.asarray(act(jnp.asarray(z, jnp.float32)), np.float64)
        places = (turn[1:] + turn[:-1])[changed] / 2
        own = found.at[found.segment == i]
        near = np.abs(own[:, None] - places[None])
        assert np.minimum(near, 1 - near).min(axis=0, initial=1).max(initial=0) < 5e-5
        assert 0 <= len(own) - len(places) <= 2  # two within one step of the grid look like one
        assert found.count[i] >= max(1, len(places))


@pytest.mark.parametrize("net", WITH_MAXIMA)
def test_bends_of_maxima_are_those_of_a_fine_grid(net):
    center, right, up = np.float32([[[0.3, -0.2]], [[1.2, 0.5]], [[-0.4, 1.6]]])
    found = circle_regions(lambda x: net(x, Plain), center, right, up)
    turn = np.linspace(0, 1, 20_001)
    angle = 2 * np.pi * turn[:, None]
    pattern, _ = chosen(net, center + np.cos(angle) * right + np.sin(angle) * up)
    places = ((turn[1:] + turn[:-1]) / 2)[pattern[1:] != pattern[:-1]]
    near = np.abs(found.at[:, None] - places)
    near = np.minimum(near, 1 - near)
    assert near.min(axis=0).max() < 5e-5
    assert near.min(axis=1).max() < 5e-5
    assert 0 <= found.count[0] - len(places) <= 2  # two within one step of the grid look like one


def test_the_largest_of_cosines_changes_half_way_between_their_directions():
    """Directions of length 1, and among them some that are overtaken everywhere."""
    angles = np.sort(np.random.default_rng(0).uniform(0, 2 * np.pi, 12))
    w = np.stack([np.cos(angles), np.sin(angles)])
    between = (angles + np.diff(angles, append=angles[:1] + 2 * np.pi) / 2) / (2 * np.pi)
    w = np.concatenate([w, (w + np.roll(w, -1, axis=1)) / 2.2, w], axis=1).astype("f")
    for f in (lambda x: jnp.max(x @ w, axis=1), lambda x: jnp.min(-x @ w, axis=1)):
        found = circle_regions(f, *plane())
        np.testing.assert_allclose(found.at, np.sort(between % 1), atol=1e-6)
        assert found.count.tolist() == [12]


def test_equal_arguments_are_one():
    def f(x):
        return jnp.maximum(x, x) + jnp.minimum(x, x * 3 / 3)

    assert circle_regions(f, *plane()).count.tolist() == [1]
    # Both orders of two, and the smaller of what the larger was told of.
    found = circle_regions(both_orders, *plane())
    np.testing.assert_allclose(found.at, [0.125, 0.625], atol=1e-7)


def _residual(x):
    h = nn.relu(x @ jnp.asarray(drawn([2, 6], 3)[0][0]) + 0.1)
    return h + nn.leaky_relu(h @ jnp.asarray(drawn([6, 6], 4)[0][0]) - 0.3)


def _in_a_loop(x):
    w = jnp.stack([layer[0] for layer in drawn([2, 2, 2, 2], 6)])
    return lax.scan(lambda h, w: (nn.relu6(3 * h @ w + 1), None), x, w)[0]


@pytest.mark.parametrize("f", [_residual, _in_a_loop])
def test_any_network_bends_where_it_is_said_to(f):
    """Between breakpoints f is affine in x: a sinusoid of the angle and a constant."""
    found = circle_regions(f, *plane())
    ends = np.concatenate([found.at, [1 + found.at[0]]]) * 2 * np.pi
    for low, high in itertools.pairwise(ends):
        if high - low < 1e-3:
            continue
        angle = np.linspace(low, high, 9)[1:-1]
        x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        y = np.asarray(f(jnp.asarray(x, jnp.float32)), np.float64)
        basis = np.concatenate([np.ones((len(x), 1)), x], axis=1)
        weights, *_ = np.linalg.lstsq(basis, y, rcond=None)
        assert np.abs(basis @ weights - y).max() < 1e-5 * max(1, np.abs(y).max())


def test_a_large_flat_ellipse_is_two_segments():
    """Once there and once back: every breakpoint of the segment, twice."""
    f = mlp(drawn([2, 8, 8, 1], 2))
    a, b = np.float32([[-2, 1]]), np.float32([[1, 2]])
    there = regions(f, a, b)
    back = circle_regions(f, (a + b) / 2, (a - b) / 2, np.zeros((1, 2), "f"))
    expected = np.arccos(1 - 2 * there.at) / (2 * np.pi)
    np.testing.assert_allclose(back.at, np.sort([*expected, *(1 - expected)]), atol=1e-4)


def test_where_nothing_bends_there_is_one_region():
    center, right, up = plane(2)
    found = circle_regions(lambda x: nn.relu(x + 10), center, right, up)
    assert found.count.tolist() == [1, 1]
    assert len(found.at) == 0
    assert circle_regions(lambda x: 2 * x, center, right, up).count.tolist() == [1, 1]


def test_a_unit_that_only_touches_its_kink_makes_no_breakpoint():
    circle = plane()
    for angle in np.linspace(0, 6, 5):
        way = np.float32([np.cos(angle), np.sin(angle)])[:, None]
        found = circle_regions(lambda x, way=way: nn.relu(x @ way - 1), *circle)
        assert found.count.tolist() == [1]
        near = circle_regions(lambda x, way=way: nn.relu(x @ way - 0.999), *circle)
        assert near.count.tolist() == [2]


@pytest.mark.parametrize("turned", [0.0, 0.3, 1.0, 2.0])
def test_several_units_that_bend_at_one_place_make_one_region_wherever_it_begins(turned):
    cos, sin = np.cos(turned), np.sin(turned)
    w = np.float32([[0, 0, 0], [1, -3, 0.1]])
    found = circle_regions(
        lambda x: nn.relu(x @ w), np.zeros((1, 2), "f"), np.float32([[cos, sin]]),
        np.float32([[-sin, cos]]),
    )  # fmt: skip
    assert found.count.tolist() == [2]
    assert ((found.at >= 0) & (found.at < 1)).all()


SIDE = np.float32([0.9, 0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: jnp.sort(x, axis=1),
        lambda x: nn.relu(jnp.sort(x, axis=1) - 0.9),
        lambda x: nn.relu(x / jnp.linalg.norm(x + SIDE, axis=1, keepdims=True) - 0.8),
        lambda x: nn.relu(x) + x[:, :1] * x[:, 1:],
    ],
)
def test_what_bends_elsewhere_is_refused(f):
    with pytest.raises(ValueError, match=r"affine between .* a bend on \d+ of \d+ arcs"):
        circle_regions(f, *plane())


def test_bad_input_is_answered():
    center, right, up = plane()
    with pytest.raises(ValueError, match="of one shape; got float32 array of shape"):
        circle_regions(nn.relu, center, right, up[0])
    with pytest.raises(ValueError, match="got tanh at"):
        circle_regions(jnp.tanh, center, right, up)
    with pytest.raises(ValueError, match="a circle is finite; got 2 of 6"):
        circle_regions(nn.relu, center + np.nan, right, up)
    with pytest.raises(ValueError, match=r"f\(x\) is finite; got"):
        circle_regions(lambda x: jnp.max(x / jnp.zeros(2), axis=1), center, right, up)
    with pytest.raises(ValueError, match="in float32 or float64; got bfloat16"):
        circle_regions(lambda x: nn.relu(x.astype(jnp.bfloat16)), center, right, up)
    with pytest.raises(ValueError, match="examples do not meet"):
        circle_regions(lambda x: x - x.max(axis=0), center, right, up)
    with pytest.raises(ValueError, match=r"affine between .* a bend on \d+ of \d+ arcs"):
        circle_regions(lambda x: jnp.max(nn.softmax(x), axis=1), center, right, up)
