"""Saturating activations: jax.nn's values, no overflow, the tails."""

import jax
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import get
from relu_jax.activations.bounded import log_sigmoid, sigmoid
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)


def test_tails_are_accurate_to_their_own_size():
    x = np.float32([-80, -30, -9])
    rtol = tolerance("float32", n=4)
    np.testing.assert_allclose(sigmoid(x), special.expit(x.astype(np.float64)), rtol=rtol)
    np.testing.assert_allclose(log_sigmoid(-x), -np.log1p(np.exp(x.astype(np.float64))), rtol=rtol)


def test_integers_are_taken_where_jax_nn_refuses_them():
    with pytest.raises(TypeError):
        jax.nn.sigmoid(np.int32(1))
    assert sigmoid(np.int32(0)) == 0.5


@pytest.mark.parametrize(
    ("name", "side"), [("softplus", 1), ("log_sigmoid", -1), ("shifted_softplus", 1)]
)
def test_float16_slopes_keep_the_tail_where_e_to_the_x_overflows(name, side):
    x = np.arange(-17.25, -11, 1 / 64, dtype=np.float16) * np.float16(side)
    exact = special.expit(side * np.float64(x))
    least = 2.0**-24  # the smallest float16
    room = 8 * (2.0**-10 * (1 + abs(np.float64(x))) * exact + least)
    slopes = np.float64(get(name).derivative(x))
    assert (abs(slopes - exact) <= room).all()
    assert slopes[exact > least].all()
