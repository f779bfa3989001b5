"""Are polygons cut and joined so that they fill what they filled, and share their corners?"""

import numpy as np
import pytest

from relu_jax.analyses import polygons
from relu_jax.analyses.polygons import divided, joined, rings, straightened

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def areas(found, at):
    x, y = at[found.corners].T
    ahead = found.ahead
    return np.add.reduceat(x * y[ahead] - x[ahead] * y, found.starts[:-1]) / 2


def cut(lines):
    """Cut a square along lines a + b x + c y = 0."""
    found, at = rings(np.array([4]), np.arange(4)), CORNERS
    for a, b, c in lines:
        z = a + at @ [b, c]
        side = np.where(np.abs(z) < 1e-12, 0, np.sign(z)).astype(np.int8)
        found, new, _ = divided(found, side, z)
        at = np.concatenate([at, new.between(at)])
    return found, at


def edges(found):
    pairs = np.sort(np.stack([found.corners, found.corners[found.ahead]]), axis=0)
    return len(np.unique(pairs, axis=1).T)


LINES = np.random.default_rng(0).uniform(-1, 1, (25, 3)) - [[0.3, 0, 0]]


def test_parts_fill_the_square_go_round_one_way_and_share_corners():
    found, at = cut(LINES)
    own = areas(found, at)
    assert found.count > 30
    assert own.min() > 0
    assert own.sum() == pytest.approx(1)
    assert len(at) - edges(found) + found.count == 1


def test_a_line_through_two_corners_makes_no_new_one():
    found, at = cut([[0, 1, -1], [1, -1, -1]])
    assert found.count == 4
    assert len(at) == 5
    half, at = cut([[0, 1, -1], [0, 1, -1]])
    assert (half.count, len(at)) == (2, 4)


def test_what_may_not_be_cut_takes_corners_on_its_edges():
    found, at = cut([[-0.5, 1, 0]])
    right = np.minimum.reduceat(at[found.corners, 0], found.starts[:-1]) == 0.5
    z = at[:, 1] - 0.25
    some, new, of = divided(found, np.sign(z).astype(np.int8), z, right)
    assert len(new.one) == 2
    assert some.count == 3
    assert right[of].sum() == 2
    assert np.diff(some.starts)[~right[of]] == [5]
    at = np.concatenate([at, new.between(at)])
    assert areas(some, at).sum() == pytest.approx(1)
    assert len(at) - edges(some) + some.count == 1


@pytest.mark.parametrize("seed", range(5))
def test_parts_are_joined_to_what_they_were_parts_of(seed):
    first, at = cut(LINES[:5])
    parts, origin = first, np.arange(first.count)
    corners = at
    for a, b, c in np.random.default_rng(seed).uniform(-1, 1, (20, 3)):
        z = a + corners @ [b, c]
        parts, new, of = divided(parts, np.sign(z).astype(np.int8), z)
        corners, origin = np.concatenate([corners, new.between(corners)]), origin[of]
    whole, of = joined(parts, origin)
    assert whole.count == first.count
    np.testing.assert_allclose(areas(whole, corners), areas(first, at)[origin[of]])
    straight, kept = straightened(whole, len(at))
    assert len(kept) == first.count
    assert straight.corners.max() < len(at)
    assert edges(straight) == edges(first)


def test_only_polygons_of_a_group_are_joined_and_only_where_they_touch():
    found, at = cut([[-0.25, 1, 0], [-0.5, 1, 0], [-0.75, 1, 0]])
    assert joined(found, np.full(4, -1))[0].count == 4
    assert joined(found, np.zeros(4, int))[0].count == 1
    place = np.minimum.reduceat(at[found.corners, 0], found.starts[:-1])
    assert joined(found, (place > 0.3).astype(int))[0].count == 2
    assert joined(found, (place % 0.5 > 0).astype(int))[0].count == 4


def test_polygons_that_touch_in_one_corner_stay_two():
    two = rings(np.array([3, 3]), np.array([0, 1, 2, 0, 3, 4]))
    found, of = joined(two, np.array([5, 5]))
    assert found.corners.tolist() == [0, 1, 2, 0, 3, 4]
    assert of.tolist() == [0, 1]


def test_a_corner_stays_where_a_third_edge_ends():
    # Two squares above each other; corner 6 is on the edge between them.
    found = rings(np.array([5, 3, 3]), np.array([0, 1, 2, 6, 3, 3, 6, 4, 6, 2, 4]))
    assert straightened(found, 6)[0].corners.tolist() == found.corners.tolist()
    flat = rings(np.array([5, 3]), np.array([0, 1, 2, 6, 3, 3, 6, 2]))
    left, kept = straightened(flat, 6)
    assert left.corners.tolist() == [0, 1, 2, 3]
    assert kept.tolist() == [0]


def test_taken_and_together_are_inverse():
    found, _ = cut(LINES)
    some = np.arange(found.count) % 3 == 0
    again = polygons.together([polygons.taken(found, some), polygons.taken(found, ~some)])
    assert sorted(np.diff(again.starts)) == sorted(np.diff(found.starts))
    assert np.array_equal(np.sort(again.corners), np.sort(found.corners))
