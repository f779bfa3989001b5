"""Are averages over normal numbers those of a fine sum, and left out where they are not known?"""

import math

import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.analyses.averages import mean_squares


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("q", [0.01, 25.0])
def test_they_are_those_of_a_fine_sum(name, q):
    act = get(name)
    z = np.linspace(-9, 9, 200_001)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    at = np.asarray(math.sqrt(q) * z, np.float32)
    expected = [np.sum(density * np.asarray(f(at), np.float64) ** 2) for f in (act, act.derivative)]
    np.testing.assert_allclose(mean_squares(act, q), expected, rtol=2e-3)


@pytest.mark.parametrize("q", [0.0, -1.0, math.inf, math.nan])
def test_no_variance_no_average(q):
    assert mean_squares(get("relu"), q) is None


def test_no_activation_no_average_and_0_is_none():
    assert mean_squares(None, 1.0) is None
    assert mean_squares(get("heaviside"), 1.0) is None  # its slope is 0
