"""Are units that compute one and the same thing counted, and no others?"""

import numpy as np
import pytest

from relu_jax.diagnosis import symmetry


def alike(table, dtype):
    return symmetry.alike(list(table), dtype)


def sums(units=40, same=40, spread=0.0, seed=0):
    """Four sums per unit; the first `same` units agree up to a relative spread."""
    draw = np.random.default_rng(seed)
    table = draw.uniform(0.5, 2.0, (4, units))
    table[:, :same] = table[:, :1] * (1 + spread * draw.uniform(-1, 1, (4, same)))
    return table


def test_units_that_differ_are_not_alike():
    assert alike(sums(same=1), "float32") == 1


@pytest.mark.parametrize("same", [36, 39, 40])
def test_most_units_alike_are_counted(same):
    assert alike(sums(same=same), "float32") == same


def test_rounding_is_allowed_for_as_the_format_has_it():
    assert alike(sums(spread=3e-6), "float32") == 40
    assert alike(sums(spread=3e-4), "bfloat16") == 40
    assert alike(sums(spread=3e-4), "float32") < 36


@pytest.mark.parametrize("size", [1e-60, 1.0, 1e60])
def test_the_size_does_not_matter(size):
    assert alike(sums() * size, "float32") == 40


@pytest.mark.parametrize("row", range(4))
def test_all_sums_have_to_agree(row):
    """Batch normalisation gives every unit the same sum of squares, and no more than that."""
    table = sums()
    table[row] = np.random.default_rng(1).uniform(0.5, 2.0, 40)
    assert alike(table, "float32") < 5


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
@pytest.mark.parametrize("row", range(4))
def test_what_is_zero_or_not_finite_agrees_with_nothing(value, row):
    table = sums()
    table[row] = value
    assert alike(table, "float32") == 1
    table = sums()
    table[row, :3] = value
    assert alike(table, "float32") == 37


def test_no_units_at_all():
    assert alike(np.zeros((4, 0)), "float32") == 1
