"""Are crossings between points found where they are: of kinks, and of lines that overtake?"""

import numpy as np

from relu_jax.analyses.bends import bends
from relu_jax.analyses.hinges import Hinge

ONE = np.array([True])


def largest(*windows):
    return Hinge("max", (), len(windows), (), np.array(windows))


def test_every_kink_between_is_crossed_in_order():
    z = np.float32([[-1], [3], [0.5]])
    found = bends(Hinge("clip", (), 1, (0.0, 1.0)), z, np.array([True, True]))
    assert found.row.tolist() == [0, 0, 1]
    np.testing.assert_allclose(found.share, [0.25, 0.5, 0.8])
    assert found.kink.tolist() == [0.0, 1.0, 1.0]
    assert found.places.tolist() == [1, 2, 4]


def test_points_of_different_lines_have_nothing_between():
    z = np.float32([[-1], [1]])
    assert len(bends(Hinge("relu", (), 1, (0.0,)), z, ~ONE).row) == 0
    assert len(bends(largest([0, 1]), np.float32([[0, 1], [1, 0]]), ~ONE).row) == 0


def test_what_bends_at_a_point_is_not_listed():
    z = np.float32([[0], [1], [0]])
    assert len(bends(Hinge("relu", (), 1, (0.0,)), z, np.array([True, True])).row) == 0


def test_the_envelope_of_lines_is_walked_along():
    rng = np.random.default_rng(0)
    low, high = rng.standard_normal((2, 40, 7)).astype(np.float32)
    windows = np.array([[0, 1, 2, 3, 4, 5, 6], [6, 2, 1, -1, -1, -1, -1]])
    t = np.linspace(0, 1, 100_001)
    for a, b in zip(low, high, strict=True):
        found = bends(largest(*windows), np.stack([a, b]), ONE)
        lines = a + t[:, None] * (b - a)
        for unit, window in enumerate(windows):
            winner = lines[:, window[window >= 0]].argmax(axis=1)
            changes = t[1:][winner[1:] != winner[:-1]]
            np.testing.assert_allclose(found.share[found.unit == unit], changes, atol=2e-5)


def test_equal_values_change_places_without_a_bend():
    # After a relu most of a window is 0: whoever rises first leads from the start on.
    z = np.float32([[0, 0, 0], [0, 2, 0]])
    assert len(bends(largest([0, 1, 2]), z, ONE).row) == 0
    falling = bends(largest([0, 1, 2]), np.float32([[0, 2, 1], [0, 0, 0]]), ONE)
    assert len(falling.row) == 0
    z = np.float32([[0, 1e-9, 0], [0, -1, 2]])
    assert len(bends(largest([0, 1, 2]), z, ONE).row) == 0


def test_lines_that_cross_in_one_point_give_one_bend():
    z = np.float32([[2, 1, 0], [0, 1, 2]])
    found = bends(largest([0, 1, 2]), z, ONE)
    np.testing.assert_allclose(found.share, [0.5])
