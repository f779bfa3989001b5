"""What passes beyond a threshold: the value at the jump, and finding it from outside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.piecewise import two_slope
from relu_jax.activations.rectifiers import relu, relu6
from relu_jax.activations.thresholds import (
    HARD_SHRINK,
    RELU_GENERAL,
    THRESHOLD,
    THRESHOLDED_RELU,
    end_of_level,
    hard_shrink,
    relu_general,
    threshold,
    thresholded_relu,
)

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-np.inf, -7, -1, -0.5, -0.3, -0.0, 0, 0.4, 0.5, 1, 3, 6, 9, np.inf])


def both(f, x=X):
    """Value and slope."""
    return jax.jit(lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),)))(jnp.asarray(x))


def same(f, g):
    """Whether two functions have the same values and slopes."""
    return all(np.array_equal(a, b) for a, b in zip(both(f), both(g), strict=True))


def test_special_cases_equal_their_families_in_value_and_slope():
    assert same(lambda x: thresholded_relu(x, threshold=0.0), relu)
    assert same(lambda x: threshold(x, threshold=0.0, value=0.0), relu)
    assert same(
        lambda x: threshold(x, threshold=0.5, value=0.0),
        lambda x: thresholded_relu(x, threshold=0.5),
    )
    assert same(relu_general, relu6)


def test_the_keras_relu_is_built_of_its_three_parts():
    def f(x):
        return relu_general(x, max_value=4.0, negative_slope=0.25, threshold=1.0)

    np.testing.assert_array_equal(f(np.float32([-3, 1, 1.5, 4, 9])), [-1, 0, 1.5, 4, 4])
    no_top = relu_general(X, max_value=jnp.inf, negative_slope=0.1)
    np.testing.assert_array_equal(no_top, two_slope(X, left=0.1, right=1.0))


def test_without_a_leak_minus_infinity_gives_zero_and_a_nan_stays():
    assert relu_general(np.float32(-np.inf)) == 0
    assert np.isnan(relu_general(np.float32(np.nan)))


@pytest.mark.parametrize(
    ("x", "slopes"),
    [(-3.0, (0, -4, -0.25)), (2.0, (0, 0, 0)), (9.0, (1, 0, 0)), (np.inf, (1, 0, 0))],
)
def test_gradients_of_the_keras_relu_in_its_parameters(x, slopes):
    def f(top, leak, at):
        return relu_general(np.float32(x), max_value=top, negative_slope=leak, threshold=at)

    assert jax.grad(f, (0, 1, 2))(4.0, 0.25, 1.0) == slopes


def test_gradient_in_the_value_is_one_below_the_threshold():
    slope = jax.grad(lambda v, x: threshold(x, threshold=1.0, value=v))
    assert [float(slope(5.0, x)) for x in (-2.0, 1.0, 2.0)] == [1, 1, 0]


def test_hard_shrink_keeps_what_soft_shrink_would_pull():
    np.testing.assert_array_equal(hard_shrink(np.float32([-2, -0.5, 0.5, 0.75])), [-2, 0, 0, 0.75])


def test_the_end_of_a_level_is_found_to_many_digits():
    def stair(x):
        return np.where(x > 1 / 3, np.where(x > 2, 2, 1), 0)

    assert end_of_level(stair, -5.0, 5.0) == 1 / 3
    assert end_of_level(stair, 3.0, 5.0) is None
    assert end_of_level(np.exp, -5.0, 5.0) is None
    assert end_of_level(lambda x: x * np.nan, -5.0, 5.0) is None


@pytest.mark.parametrize(
    ("act", "params"),
    [
        (THRESHOLD, {"threshold": 0.1, "value": 20.0}),
        (THRESHOLD, {"threshold": 0.0, "value": -1.0}),
        (THRESHOLD, {"threshold": 2.0, "value": 2.0}),
        (THRESHOLD, {"threshold": -17.25, "value": 0.0}),
        (THRESHOLDED_RELU, {"threshold": 0.0}),
        (THRESHOLDED_RELU, {"threshold": 0.7}),
        (HARD_SHRINK, {"width": 0.01}),
        (HARD_SHRINK, {"width": 123.456}),
        (RELU_GENERAL, {"max_value": 20.0, "negative_slope": 0.1, "threshold": 0.0}),
        (RELU_GENERAL, {"max_value": 1.0, "negative_slope": 0.3, "threshold": 0.9}),
        (RELU_GENERAL, {"max_value": 3.0, "negative_slope": 0.0, "threshold": 0.123456}),
    ],
)
def test_parameters_are_found_from_a_float32_program(act, params):
    member = act.with_params(**params)
    assert act.fit(lambda x: np.asarray(member(np.float32(x)))) == pytest.approx(params, rel=1e-6)


@pytest.mark.parametrize("act", [HARD_SHRINK, THRESHOLD, THRESHOLDED_RELU, RELU_GENERAL])
@pytest.mark.parametrize(
    "f", [np.tanh, np.exp, np.log, lambda x: x, lambda x: x * np.nan, np.ones_like, lambda x: 1 / x]
)
def test_nothing_is_proposed_for_a_function_without_a_threshold(act, f):
    with np.errstate(all="ignore"):
        found = act.fit(f)
    if act is RELU_GENERAL and f in (np.tanh, np.ones_like):  # it levels, and is compared later
        found = None if act.with_params(**found) else found
    assert found is None


@pytest.mark.parametrize(
    ("act", "params", "rule"),
    [
        (HARD_SHRINK, {"width": -1}, r"hard_shrink needs width > 0; got width=-1.0; pass"),
        (
            RELU_GENERAL,
            {"threshold": 6},
            r"relu_general needs 0 <= threshold < max_value; got threshold=6.0 and max_value=6.0",
        ),
        (
            RELU_GENERAL,
            {"threshold": -1},
            r"got threshold=-1.0 and max_value=6.0; pass threshold=0,",
        ),
        (RELU_GENERAL, {"threshold": 8}, r"got threshold=8.0 and max_value=6.0; swap them"),
        (RELU_GENERAL, {"max_value": -1}, r"max_value=-1.0; pass a positive max_value"),
        (RELU_GENERAL, {"max_value": 0}, r"max_value=0.0; pass a positive max_value"),
    ],
)
def test_parameters_out_of_range_are_refused(act, params, rule):
    with pytest.raises(ValueError, match=rule):
        act.with_params(**params)


def test_kinks_move_with_the_parameters():
    act = RELU_GENERAL.with_params(max_value=4, negative_slope=0.5, threshold=1)
    assert act.kinks == (1.0, 4.0)
    assert act.slope_at_kinks == (0.5, 0.0)
    assert RELU_GENERAL.with_params(negative_slope=1).kinks == (6.0,)
    assert THRESHOLD.with_params(threshold=-3).kinks == (-3.0,)
