"""Do sinusoids cross kinks, and overtake each other, where a fine grid says?"""

import numpy as np
import pytest

from relu_jax.analyses.arcs import Values, bends
from relu_jax.analyses.hinges import Hinge


def largest(*windows):
    return Hinge("max", (), len(windows), (), np.array(windows))


def drawn(seed, arcs=6, curves=7):
    """Draw sinusoids and constants on arcs: as a function of arc and angles, and as values."""
    rng = np.random.default_rng(seed)
    c, a, b = rng.standard_normal((3, arcs, curves))
    half = rng.uniform(0.2, 1.05, arcs)

    def at(arc, angles):
        turned = angles[..., None]
        return c[arc] + a[arc] * np.sin(turned) + b[arc] * np.cos(turned)

    each = np.arange(arcs)
    return at, Values(*(at(each, half * end).astype("f") for end in (-1, 0, 1))), half


@pytest.mark.parametrize("seed", range(8))
def test_the_largest_of_sinusoids_is_walked_along(seed):
    at, z, half = drawn(seed)
    windows = [[0, 1, 2, 3, 4, 5, 6], [6, 2, 1, -1, -1, -1, -1], [3, -1, 3, 0, 0, 3, -1]]
    found = bends(largest(*windows), z, half)
    assert np.isnan(found.kink).all()
    for arc, end in enumerate(half):
        angles = np.linspace(-end, end, 100_001)
        values = at(arc, angles)
        for unit, window in enumerate(windows):
            winner = values[:, np.unique([j for j in window if j >= 0])].argmax(axis=1)
            places = angles[1:][winner[1:] != winner[:-1]]
            own = found.shift[(found.arc == arc) & (found.unit == unit)]
            np.testing.assert_allclose(own, places, atol=1e-4)


def test_kinks_are_crossed_in_order():
    at, z, half = drawn(3)
    found = bends(Hinge("clip", (), 7, (-0.5, 0.5)), z, half)
    assert len(found.arc) > 10
    assert np.array_equal(np.lexsort((found.shift, found.arc)), np.arange(len(found.arc)))
    values = at(found.arc, found.shift)[np.arange(len(found.arc)), found.unit]
    np.testing.assert_allclose(values, found.kink, atol=1e-5)


def around(*curves):
    """Take functions of the angle on the arc from -1 to 1."""
    return Values(*(np.float32([[f(t) for f in curves]]) for t in (-1, 0, 1)))


ONE = np.ones(1)


def test_what_only_touches_does_not_overtake():
    touching = around(lambda t: 0.5, lambda t: np.cos(t) - 0.5)
    assert len(bends(largest([0, 1]), touching, ONE).arc) == 0
    over = around(lambda t: 0.5, lambda t: np.cos(t) - 0.499)
    found = bends(largest([0, 1]), over, ONE)
    np.testing.assert_allclose(found.shift, np.arccos(0.999) * np.array([-1, 1]), rtol=1e-3)


def test_one_that_is_overtaken_meanwhile_makes_no_bend():
    low = around(np.sin, lambda t: -np.sin(t), lambda t: 1.0)
    assert len(bends(largest([0, 1, 2]), low, ONE).arc) == 0
    assert bends(largest([0, 1, -1]), low, ONE).shift.tolist() == [0.0]


def test_equal_curves_are_one():
    same = around(np.sin, np.sin, lambda t: -np.sin(t), lambda t: -np.sin(t) * (1 + 1e-7))
    assert bends(largest([0, 1, 2, 3]), same, ONE).shift.tolist() == [0.0]
    assert len(bends(largest([0, 1], [2, 3]), same, ONE).arc) == 0
    # All are 0 where the arc begins, or ends: that is no bend of it.
    rising = around(lambda t: 0, lambda t: np.sin(t + 1), lambda t: 2 * np.sin(t + 1))
    assert len(bends(largest([0, 1, 2]), rising, ONE).arc) == 0
    falling = around(lambda t: 0, lambda t: np.sin(1 - t), lambda t: 2 * np.sin(1 - t))
    assert len(bends(largest([0, 1, 2]), falling, ONE).arc) == 0


def test_several_that_cross_in_one_place_give_one_bend():
    three = around(lambda t: -2 * np.sin(t), lambda t: 0, np.sin, lambda t: 2 * np.sin(t))
    assert bends(largest([0, 1, 2, 3]), three, ONE).shift.tolist() == [0.0]
