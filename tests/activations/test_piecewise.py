"""Straight halves: one general function, its members, and their slopes at the corners."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.piecewise import (
    RRELU,
    SOFT_SHRINK,
    TWO_SLOPE,
    absolute,
    rrelu,
    soft_shrink,
    tent,
    two_slope,
)
from relu_jax.activations.rectifiers import leaky_relu, relu
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.leaks_unchecked("it retraces every primitive; test_activation.py has it")

X = np.float32([-np.inf, -7.5, -1, -0.3, 0, 0.4, 1, 2, 9, np.inf])


def both(f, x=X):
    """Value and slope."""
    return jax.jit(lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),)))(jnp.asarray(x))


@pytest.mark.parametrize(
    ("left", "member"),
    [(0.01, leaky_relu), (-1.0, absolute), (11 / 48, rrelu)],
)
def test_members_of_the_general_function_equal_it_in_value_and_slope(left, member):
    pairs = zip(both(lambda x: two_slope(x, left=left, right=1.0)), both(member), strict=True)
    for general, special in pairs:
        np.testing.assert_array_equal(general, special)


def test_two_slopes_zero_and_one_are_relu_except_for_the_slope_at_zero():
    value, slope = both(lambda x: two_slope(x, left=0.0, right=1.0))
    expected, expected_slope = both(relu)
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(slope[X != 0], expected_slope[X != 0])
    assert slope[X == 0] == 1


def test_a_side_of_slope_zero_is_zero_at_infinity_and_keeps_a_nan():
    np.testing.assert_array_equal(two_slope(np.float32(-np.inf), left=0.0, right=2.0), 0)
    np.testing.assert_array_equal(two_slope(np.float32(np.inf), left=1.0, right=0.0), 0)
    assert np.isnan(two_slope(np.float32(np.nan), left=0.0, right=0.0))


@pytest.mark.parametrize("x", [-2.0, 3.0, -np.inf, np.inf])
def test_gradients_in_the_slopes_are_the_parts_of_x(x):
    def f(left, right):
        return two_slope(np.float32(x), left=left, right=right)

    assert jax.grad(f, (0, 1))(0.5, 1.5) == (min(x, 0), max(x, 0))


def test_absolute_takes_the_slope_of_jax_numpy_at_zero():
    assert jax.grad(absolute)(0.0) == jax.grad(jnp.abs)(0.0) == 1
    assert jax.grad(absolute)(-0.0) == 1


def test_rrelu_evaluates_at_the_middle_of_its_range():
    assert rrelu(-1.0, low=0.25, high=0.75) == -0.5
    assert RRELU.with_params(low=0.5, high=1.5).kinks == ()
    np.testing.assert_allclose(rrelu(-48.0), -11, rtol=tolerance("float32"))


def test_rrelu_proposes_its_range_for_its_usual_slope_and_else_the_slope_for_both_ends():
    assert RRELU.fit(lambda x: np.where(x < 0, 0.3 * x, x)) == {"low": 0.3, "high": 0.3}
    assert RRELU.fit(lambda x: np.where(x < 0, 11 / 48 * x, x)) == {"low": 1 / 8, "high": 1 / 3}


def test_soft_shrink_is_what_a_quadratic_with_an_l1_price_has_for_its_minimum():
    """Donoho & Johnstone: argmin over y of (y - x)^2 / 2 + width |y|."""
    y = np.linspace(-4, 4, 8001)
    for x in (-3.2, -0.4, 0.1, 0.7, 2.9):
        best = y[np.argmin((y - x) ** 2 / 2 + 0.7 * np.abs(y))]
        assert float(soft_shrink(np.float32(x), width=0.7)) == pytest.approx(best, abs=1.1e-3)


def test_gradient_in_the_width_is_minus_the_sign_outside_and_zero_inside():
    slope = jax.grad(lambda w, x: soft_shrink(x, width=w))
    assert [float(slope(0.5, x)) for x in (-3.0, -0.2, 0.5, 3.0)] == [1, 0, 0, -1]


@pytest.mark.parametrize("width", [1e-3, 0.123456, 0.5, 1.0, 700.0])
def test_soft_shrink_finds_its_width_from_a_float32_program(width):
    def f(x):
        return np.asarray(soft_shrink(np.float32(x), width=width))

    assert SOFT_SHRINK.fit(f) == pytest.approx({"width": width}, rel=1e-6)


@pytest.mark.parametrize("f", [np.zeros_like, lambda x: x, lambda x: 2 * x, lambda x: x * np.nan])
def test_soft_shrink_proposes_nothing_for_a_function_without_a_gap(f):
    assert SOFT_SHRINK.fit(f) is None


def test_three_relus_make_a_tent():
    x = np.linspace(-2, 2, 41, dtype=np.float32)
    by_relus = relu(x + 1) - 2 * relu(x) + relu(x - 1)
    np.testing.assert_allclose(tent(x), by_relus, atol=tolerance("float32"))


def test_the_top_of_the_tent_is_level_unlike_one_minus_the_absolute_value():
    assert jax.grad(tent)(0.0) == 0
    assert jax.grad(lambda x: relu(1 - jnp.abs(x)))(0.0) == -1


@pytest.mark.parametrize(
    ("act", "params", "rule"),
    [
        (RRELU, {"low": 0.5}, r"rrelu needs low <= high; got low=0.5 and high=0.33.*; swap them"),
        (SOFT_SHRINK, {"width": 0}, r"soft_shrink needs width > 0; got width=0.0; pass width=0.5"),
    ],
)
def test_parameters_out_of_range_are_refused(act, params, rule):
    with pytest.raises(ValueError, match=rule):
        act.with_params(**params)


def test_the_slopes_of_relu_are_found_without_a_negative_zero():
    assert str(TWO_SLOPE.fit(lambda x: np.maximum(x, 0))) == "{'left': 0.0, 'right': 1.0}"


def test_equal_slopes_leave_no_kink():
    assert TWO_SLOPE.with_params(left=2, right=2).kinks == ()
    assert TWO_SLOPE.with_params(left=0).flat
    assert not TWO_SLOPE.with_params(left=2, right=2).flat
