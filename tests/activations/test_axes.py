"""Axes are counted from the front; those that are not there are refused."""

from inspect import unwrap

import numpy as np
import pytest

from relu_jax.activations.axes import from_front

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

bare_from_front = unwrap(from_front)  # without the type checks of the tests, as users have it


@pytest.mark.parametrize(("axis", "place"), [(0, 0), (2, 2), (-1, 2), (-3, 0), (np.int64(1), 1)])
def test_axes_count_from_both_ends(axis, place):
    assert bare_from_front(axis, np.zeros((2, 3, 4))) == place


@pytest.mark.parametrize("axis", [3, -4])
def test_an_axis_that_is_not_there_is_refused(axis):
    with pytest.raises(
        ValueError, match=rf"one of the 3 axes of x; got axis={axis} for float64 arr"
    ):
        from_front(axis, np.zeros((2, 3, 4)))


def test_a_scalar_has_no_axis():
    with pytest.raises(ValueError, match=r"0 axes of x; got axis=-1 for .*; pass an array with an"):
        from_front(-1, np.float32(1))


def test_an_axis_is_a_whole_number():
    with pytest.raises(TypeError, match=r"axis is an integer; got float 1.0"):
        bare_from_front(1.0, np.zeros(3))
