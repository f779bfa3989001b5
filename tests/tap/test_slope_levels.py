"""Are the numbers that stand in for a slope the best, and refused where they tell too little?"""

import math

import numpy as np
import pytest
from scipy.special import erf

from relu_jax.tap import slope_levels


def _of_gelu(z):
    return (1 + erf(z / math.sqrt(2))) / 2 + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _of_tanh(z):
    return 1 - np.tanh(z) ** 2


# What the numbers are does not depend on the function but through its slope.
def levels(slope, n, f=np.square):
    return slope_levels.levels(f, slope, n)


def _error(slope, cuts, slopes):
    """Integrate the squared error over every argument that counts."""
    z = np.linspace(-100, 100, 400_001)
    return np.square(slope(z) - np.array(slopes)[np.searchsorted(np.array(cuts), z)]).sum()


# Novikov et al. 2023, the tables their code ships (papers.md 6.11). Of the outer cuts with three
# bits theirs are -2.4166 and 2.4145, which the symmetry of gelu's slope puts at one distance.
GELU = {
    2: ([0.0], [0.0, 1.0]),
    4: ([-0.4536, 0.0, 0.4536], [-0.0015, 0.3251, 0.6749, 1.0015]),
    8: (
        [-2.4155, -0.7101, -0.326, 0.0, 0.326, 0.7101, 2.4155],
        [-0.0002, -0.0883, 0.1257, 0.3723, 0.6279, 0.8745, 1.0883, 1.0002],
    ),
}


@pytest.mark.parametrize("n", GELU)
def test_the_published_tables_of_gelu_are_reproduced(n):
    cuts, slopes = GELU[n]
    found = levels(_of_gelu, n)
    np.testing.assert_allclose(found.cuts, cuts, atol=2e-4)
    np.testing.assert_allclose(found.slopes, slopes, atol=2e-4)


@pytest.mark.parametrize("slope", [_of_gelu, _of_tanh], ids=["gelu", "tanh"])
@pytest.mark.parametrize("n", [4, 8, 16])
def test_no_cut_or_number_moved_a_little_is_better(slope, n):
    found = levels(slope, n)
    least = _error(slope, *found)
    for part, step in ((0, 0.02), (1, 0.01)):
        for i in range(len(found[part])):
            for way in (-step, step):
                moved = [list(found[0]), list(found[1])]
                moved[part][i] += way
                assert _error(slope, *moved) > least


def test_what_is_exact_with_fewer_numbers_stays_exact():
    found = levels(lambda z: np.where(z > 0, 1.0, -0.5), 4)
    z = np.array([-50.0, -1e-2, 1e-2, 50.0])
    told = np.array(found.slopes)[np.searchsorted(np.array(found.cuts), z)]
    np.testing.assert_allclose(told, [-0.5, -0.5, 1.0, 1.0], atol=1e-6)


@pytest.mark.parametrize(
    ("slope", "n"),
    [
        (_of_tanh, 2),
        (np.exp, 16),
        (np.cos, 4),
        (np.cos, 16),
        (lambda z: np.full_like(z, np.nan), 4),
        (np.zeros_like, 2),
    ],
    ids=[
        "too few",
        "without bound",
        "waves",
        "more numbers for waves",
        "no slope to be had",
        "constant",
    ],
)
def test_what_so_few_numbers_do_not_tell_is_none(slope, n):
    assert levels(slope, n) is None


def test_a_function_that_is_not_defined_everywhere_is_none():
    assert levels(lambda z: np.where(z > 0, 1.0, 0.0), 2, f=np.sqrt) is None
