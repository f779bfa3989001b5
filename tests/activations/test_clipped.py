"""Lines cut off below and above: one another's special cases, and the slopes of jax.nn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.clipped import (
    LINEAR_SIGMOID,
    RELU_N,
    hard_sigmoid,
    linear_sigmoid,
    relu1,
    relu_n,
    sparse_sigmoid,
)
from relu_jax.activations.rectifiers import hard_tanh, relu6
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-np.inf, -7, -3, -2.5, -1, -0.3, -0.0, 0, 0.4, 1, 2.5, 3, 6, 9, np.inf])


def both(f, x=X):
    """Value and slope."""
    return jax.jit(lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),)))(jnp.asarray(x))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(hard_sigmoid, jax.nn.hard_sigmoid), (sparse_sigmoid, jax.nn.sparse_sigmoid)],
)
def test_value_and_slope_equal_jax_nn_bit_for_bit(ours, theirs):
    for a, b in zip(both(ours), both(theirs), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_slope_is_read_off_x_where_the_sum_rounds_to_the_kink():
    x = jnp.nextafter(jnp.float32(3), jnp.float32(0))
    assert x + 3 == 6
    assert jax.grad(jax.nn.hard_sigmoid)(x) == 0
    assert jax.grad(hard_sigmoid)(x) == np.float32(1 / 6)


def test_relu_n_at_one_and_six_is_relu1_and_relu6():
    for n, member in ((1.0, relu1), (6.0, relu6)):
        for a, b in zip(both(lambda x, n=n: relu_n(x, n=n)), both(member), strict=True):
            np.testing.assert_array_equal(a, b)


def test_relu1_is_a_hard_tanh_from_zero_to_one_except_at_the_kinks():
    value, slope = both(relu1)
    expected, expected_slope = both(lambda x: hard_tanh(x, low=0.0, high=1.0))
    np.testing.assert_array_equal(value, expected)
    apart = ~np.isin(X, [0, 1])
    np.testing.assert_array_equal(slope[apart], expected_slope[apart])
    assert slope[X == 1] == 0
    assert expected_slope[X == 1] == 1


def test_linear_sigmoid_holds_the_others():
    half = linear_sigmoid(X, slope=0.5, offset=0.5)
    np.testing.assert_array_equal(half, sparse_sigmoid(X))
    sixth = linear_sigmoid(X, slope=1 / 6, offset=0.5)
    np.testing.assert_allclose(sixth, hard_sigmoid(X), atol=tolerance("float32"))
    np.testing.assert_array_equal(linear_sigmoid(X, slope=1.0, offset=0.0), relu1(X))


def test_sparse_sigmoid_adds_up_to_one_with_its_mirror_image():
    total = sparse_sigmoid(X) + sparse_sigmoid(-X)
    np.testing.assert_allclose(total, 1, rtol=tolerance("float32"))


@pytest.mark.parametrize(("x", "slopes"), [(0.5, (0.5, 1)), (-9.0, (0, 0)), (9.0, (0, 0))])
def test_gradients_in_the_line_are_x_and_one_where_it_is_not_cut(x, slopes):
    def f(slope, offset):
        return linear_sigmoid(np.float32(x), slope=slope, offset=offset)

    assert jax.grad(f, (0, 1))(0.2, 0.5) == slopes


def test_gradient_in_the_level_of_relu_n_is_one_above_it():
    slope = jax.grad(lambda n, x: relu_n(x, n=n))
    assert [float(slope(2.0, x)) for x in (-1.0, 1.0, 2.0, 9.0, jnp.inf)] == [0, 0, 1, 1, 1]


def test_kinks_follow_the_line():
    act = LINEAR_SIGMOID.with_params(slope=0.5, offset=0.25)
    assert act.kinks == (-0.5, 1.5)
    np.testing.assert_array_equal(act(np.float32(act.kinks)), [0, 1])


@pytest.mark.parametrize(
    "line", [(0.123456, 0.5), (40.0, 0.05), (1e-3, 0.9), (1.0, 0.0), (0.3, -0.6), (2.0, 3.0)]
)
def test_linear_sigmoid_finds_its_line_from_a_float32_program(line):
    slope, offset = line

    def f(x):
        return np.asarray(linear_sigmoid(np.float32(x), slope=slope, offset=offset))

    assert LINEAR_SIGMOID.fit(f) == pytest.approx({"slope": slope, "offset": offset}, rel=1e-6)


@pytest.mark.parametrize("f", [np.zeros_like, np.exp, lambda x: x * np.nan, lambda x: -x + 0.5])
def test_linear_sigmoid_proposes_nothing_for_a_function_without_a_rising_line(f):
    with np.errstate(all="ignore"):
        assert LINEAR_SIGMOID.fit(f) is None


@pytest.mark.parametrize("f", [np.sin, np.exp, lambda x: x, lambda x: -np.ones_like(x)])
def test_relu_n_proposes_nothing_for_a_function_that_never_levels_above_zero(f):
    with np.errstate(all="ignore"):
        assert RELU_N.fit(f) is None


@pytest.mark.parametrize(
    ("act", "params", "rule"),
    [
        (RELU_N, {"n": 0}, r"relu_n needs n > 0; got n=0.0; pass n=6"),
        (LINEAR_SIGMOID, {"slope": -1}, r"linear_sigmoid needs slope > 0; got slope=-1.0; pass"),
    ],
)
def test_parameters_out_of_range_are_refused(act, params, rule):
    with pytest.raises(ValueError, match=rule):
        act.with_params(**params)
