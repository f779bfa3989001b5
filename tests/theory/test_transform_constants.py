"""Averages are those of other quadrature; what cannot be solved is said."""

import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.theory.transform_constants import Closing, solve, statistics

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def dks_rule(m):
    return Closing(m.spread**-0.5, 0 * m.mean, m.slopes / m.spread)


def test_averages_equal_a_hermite_rule():
    z, w = np.polynomial.hermite_e.hermegauss(100)
    w = w / w.sum()
    t = np.tanh(0.7 * z + 0.4)
    first, second = 0.7 * (1 - t**2), -2 * 0.49 * t * (1 - t**2)
    mean = w @ t
    expected = [
        mean, w @ (t - mean) ** 2, w @ ((t - mean) * first * z),
        w @ (first * z), w @ first**2, w @ second**2,
    ]  # fmt: skip
    ours = statistics(get("tanh"), 0.7, 0.4)
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


def test_averages_are_cut_at_a_moved_kink():
    # y = max(α z + β, 0) at α = β = 1: E y = φ(1) + Φ(1), E y'² = Φ(1)
    ours = statistics(get("relu"), 1.0, 1.0)
    assert float(ours.mean) == pytest.approx(1.0833154705876864, rel=1e-13)
    assert float(ours.slopes) == pytest.approx(0.8413447460685429, rel=1e-13)


def test_solution_of_an_even_or_odd_function_is_taken_on_the_positive_side():
    assert solve(get("tanh"), [dks_rule], 1.01).beta > 0


@pytest.mark.parametrize("name", ["identity", "relu"])
def test_activation_without_enough_constants_is_answered(name):
    # Scale and shift move the statistics of neither by more than a factor.
    with pytest.raises(
        ValueError, match=rf"constants that meet the conditions .*; got {name}, .* 1\.01 per layer"
    ):
        solve(get(name), [dks_rule], 1.01)
