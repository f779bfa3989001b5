"""Cells of maxima against exact fractions, nearest points, and what is equal by design."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.analyses import cells, polygons
from relu_jax.analyses.envelopes import divided_by_largest, won_by_several
from tests.analyses.fractions import cells_of_maxima
from tests.analyses.networks import AS_USERS_WRITE, both_orders, drawn

pytestmark = AS_USERS_WRITE

UNIT = (np.zeros(2, "f"), np.float32([1, 0]), np.float32([0, 1]))
SQUARE = (np.float32([-2, -2]), np.float32([4, 0]), np.float32([0, 4]))


@pytest.mark.parametrize("seed", range(12))
def test_cells_of_maxima_are_those_of_exact_fractions(seed):
    """Also where many lines meet in one point and arguments are equal: weights of -2 to 2."""
    rng = np.random.default_rng(seed)
    steps, n = [], 2
    for units in (3, 2)[: 1 + seed % 2]:
        ((w, b),) = drawn([n, 5], 50 + 3 * seed + n, denominator=16 if seed < 6 else 1)
        steps.append((w, b, rng.integers(0, 5, (units, 2 + seed % 3)), int(rng.choice([1, -1]))))
        n = units

    def f(x):
        for w, b, windows, sign in steps:
            z = (x @ w + b)[:, windows]
            x = z.max(axis=2) if sign == 1 else z.min(axis=2)
        return x

    found = cells(f, *SQUARE)
    areas, corners = cells_of_maxima(steps)
    assert found.count == len(areas)
    np.testing.assert_allclose(sorted(found.areas * 16), areas, atol=1e-4)
    # No corner stays of lines that are overtaken.
    exact = np.array([[float(v) for v in corner] for corner in corners])
    apart = np.linalg.norm(exact[:, None] - (4 * found.vertices - 2), axis=2)
    assert len(found.vertices) == len(exact)
    assert apart.min(axis=1).max() < 1e-4


@pytest.mark.parametrize("side", [3, 6])
def test_the_nearest_of_points_on_a_lattice_divides_a_square_into_squares(side):
    """Of the nearest point x · p - |p|² / 2 is the largest; four of them meet at every corner."""
    at = (np.arange(side, dtype="f") + 0.5) / side
    p = np.random.default_rng(side).permutation([*itertools.product(at, at)])
    found = cells(lambda x: jnp.max(x @ p.T - (p**2).sum(axis=1) / 2, axis=1), *UNIT)
    assert found.count == side**2
    np.testing.assert_allclose(found.areas, side**-2.0, rtol=1e-4)
    assert len(found.vertices) == (side + 1) ** 2
    assert len(found.corners) == 4 * side**2


def test_equal_arguments_are_one():
    def f(x):
        return jnp.stack([x, x[:, ::-1], x * 3 / 3], axis=1).max(axis=1) + jnp.maximum(x, x)

    assert cells(f, *UNIT).count == 2
    assert cells(lambda x: jnp.maximum(x, x) + jnp.minimum(x, x), *UNIT).count == 1
    # Both orders of two, and the smaller of what the larger was told of.
    assert cells(both_orders, *SQUARE).count == 2


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_nothing_stays_of_a_line_between_two_that_a_third_overtakes(order):
    square = polygons.rings(np.array([4]), np.arange(4))
    x = np.array([0.0, 1.0, 1.0, 0.0])
    z = np.stack([x, 1 - x, np.full(4, 2.0)], axis=1)[:, order]
    assert not won_by_several(square, z, 0).any()
    whole, made = divided_by_largest(square, z, 0, np.array([True]))
    assert whole.count == 1
    assert whole.corners.max() == 3
    assert sum(len(new.one) for new in made) == 2 * (order[-1] == 2)


def test_a_cell_beside_takes_the_corners_of_one_that_is_cut():
    two = polygons.rings(np.array([4, 4]), np.array([0, 1, 2, 3, 1, 4, 5, 2]))
    y = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    cut, _ = divided_by_largest(two, np.stack([y, 1 - y], axis=1), 0, np.array([True, False]))
    assert cut.count == 3
    assert np.diff(cut.starts).tolist() == [5, 4, 4]
