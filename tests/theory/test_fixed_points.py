"""Fixed points equal closed forms and iterations of others' quadrature."""

import math

import jax
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.theory.fixed_points import variance_fixed_points

pytestmark = pytest.mark.thorough("quadratures in the plane, wide networks: minutes")

Z, W = np.polynomial.hermite_e.hermegauss(120)
W = W / W.sum()


def tanh_map(q: float, weight_std: float, bias_std: float) -> float:
    return weight_std**2 * float(W @ np.tanh(math.sqrt(q) * Z) ** 2) + bias_std**2


def settled(weight_std: float, bias_std: float) -> float:
    q = 1.0
    for _ in range(3000):
        q = tanh_map(q, weight_std, bias_std)
    return q


@pytest.mark.parametrize(("weight_std", "bias_std"), [(0.9, 0.2), (1.5, 0.3), (2.5, 1.0)])
def test_tanh_settles_where_an_iteration_does(weight_std, bias_std):
    found = variance_fixed_points(get("tanh"), weight_std=weight_std, bias_std=bias_std)
    assert float(found.q[0]) == pytest.approx(settled(weight_std, bias_std), rel=2e-5)
    assert bool(found.stable[0])
    assert np.isnan(found.q[1:]).all()


def test_slope_is_the_difference_quotient_of_the_map():
    q, step = settled(1.5, 0.3), 1e-5
    slope = (tanh_map(q + step, 1.5, 0.3) - tanh_map(q - step, 1.5, 0.3)) / (2 * step)
    found = variance_fixed_points(get("tanh"), weight_std=1.5, bias_std=0.3)
    assert float(found.slope[0]) == pytest.approx(slope, rel=1e-4)


def test_tanh_without_bias_has_two_and_zero_is_unstable():
    found = variance_fixed_points(get("tanh"), weight_std=1.5)
    assert found.q[0] == 0
    assert float(found.slope[0]) == pytest.approx(2.25, rel=1e-5)
    assert float(found.q[1]) == pytest.approx(settled(1.5, 0.0), rel=2e-5)
    assert found.stable.tolist()[:2] == [False, True]
    assert not found.every


def test_zero_is_stable_below_the_transition():
    found = variance_fixed_points(get("tanh"), weight_std=0.8)
    assert (float(found.q[0]), bool(found.stable[0])) == (0, True)
    assert np.isnan(found.q[1:]).all()


def test_gelu_has_a_stable_and_an_unstable_one_with_any_small_bias():
    # At the pair that is critical for q = 1, that q itself is unstable.
    found = variance_fixed_points(get("gelu"), weight_std=2.1937**0.5, bias_std=0.0672**0.5)
    assert float(found.q[1]) == pytest.approx(1, abs=1e-3)
    assert found.stable.tolist() == [True, False, False, False, False]
    assert float(found.q[0]) < 0.3


def test_relu_is_solved_exactly():
    # V(q) = σ_w² q / 2 + σ_b²
    found = variance_fixed_points(get("relu"), weight_std=1.2, bias_std=0.7)
    assert float(found.q[0]) == pytest.approx(0.49 / (1 - 0.72), rel=2e-5)
    assert float(found.slope[0]) == pytest.approx(0.72, rel=1e-5)


def test_critical_relu_holds_every_variance():
    found = variance_fixed_points(get("relu"), weight_std=math.sqrt(2))
    assert bool(found.every)
    assert not found.stable.any()


def test_slope_at_zero_counts_both_sides_of_a_kink():
    found = variance_fixed_points(get("leaky_relu"), weight_std=0.9, params={"slope": 0.5})
    assert float(found.slope[0]) == pytest.approx(0.81 * 1.25 / 2, rel=1e-5)


def test_fixed_point_is_differentiated_in_deviations_and_parameter():
    def q(weight_std, bias_std, slope):
        options = {"weight_std": weight_std, "bias_std": bias_std, "params": {"slope": slope}}
        return variance_fixed_points(get("leaky_relu"), **options, most=1).q[0]

    # q = b² / (1 - w² (1 + a²) / 2)
    w, b, a = 0.9, 0.7, 0.5
    left = 1 - w**2 * (1 + a**2) / 2
    expected = [b**2 / left**2 * w * (1 + a**2), 2 * b / left, b**2 / left**2 * w**2 * a]
    np.testing.assert_allclose(jax.jit(jax.grad(q, (0, 1, 2)))(w, b, a), expected, rtol=1e-4)


def test_growth_without_end_is_answered():
    with pytest.raises(
        ValueError,
        match=r"has a fixed point to settle at; got relu with weight_std=1\.5 .*; lower weight_std",
    ):
        variance_fixed_points(get("relu"), weight_std=1.5, bias_std=0.1)


def test_growth_without_end_gives_nan_where_traced():
    found = jax.jit(lambda s: variance_fixed_points(get("relu"), weight_std=s, bias_std=0.1))(1.5)
    assert np.isnan(found.q).all()


@pytest.mark.parametrize(
    ("most", "kind", "rule"),
    [
        (0, ValueError, "most is at least 1; got 0; leave it out"),
        (-1, ValueError, "most is at least 1; got -1"),
        (True, TypeError, "most is an integer; got True"),
    ],
)
def test_at_least_one_is_kept(most, kind, rule):
    with pytest.raises(kind, match=rule):
        variance_fixed_points(get("tanh"), weight_std=1.5, most=most)


def test_deviations_are_one_number_each():
    with pytest.raises(ValueError, match=r"bias_std is one number; got float64 array of shape"):
        variance_fixed_points(get("tanh"), weight_std=1.5, bias_std=np.ones(1))
