"""Are the sums taken inside the program exact, over the right axes, at every magnitude?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.core.numerics import tolerance
from relu_jax.diagnosis import bins, statistics, totals
from tests.diagnosis import made


def sums(z, act=jax.nn.relu, sup=1.0, **changes):
    site = made.site("a", shape=z.shape, **changes)
    seen = statistics.forward({"a": sup})
    return jax.tree.map(np.asarray, jax.jit(lambda z: seen(site, act, z, act(z)))(z))


def draw(*shape, scale=1.0):
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32) * scale
    return jnp.asarray(values)


def test_counts_are_those_of_numpy():
    z = draw(50, 7).at[3, 2].set(0.0)
    seen, plain = sums(z), np.asarray(z)
    assert seen.samples == 50
    assert seen.alive.tolist() == (plain > 0).sum(axis=0).tolist()
    assert seen.zeros.tolist() == (plain <= 0).sum(axis=0).tolist()
    assert seen.saturated.tolist() == (plain <= 0).sum(axis=0).tolist()
    assert seen.nonfinite_pre.tolist() == [0] * 7


def test_saturation_is_relative_to_the_steepest_slope():
    z = draw(200, 3, scale=3.0)
    slope = 1 / (np.exp(z / 2) + np.exp(-z / 2)) ** 2
    expected = (slope < 0.1 * 0.25).sum(axis=0)
    assert sums(z, jax.nn.sigmoid, 0.25).saturated.tolist() == expected.tolist()


@pytest.mark.parametrize("sup", [None, 0.25])
def test_an_unknown_function_has_its_steepest_slope_measured(sup):
    z = draw(300, 3, scale=3.0)
    given, measured = sums(z, jax.nn.sigmoid, sup), sums(z, jax.nn.sigmoid, None)
    assert given.saturated.tolist() == measured.saturated.tolist()


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1.0, 1e22, 1e30])
def test_squares_neither_vanish_nor_overflow(scale):
    z = draw(40, 5, scale=scale)
    expected = np.square(np.asarray(z, np.float64)).sum(axis=0)
    squares = totals.combined(sums(z).squares_pre)
    assert np.allclose(squares, expected, rtol=tolerance("float32", n=40), atol=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_values_are_counted_and_stay_in_the_squares(bad):
    seen = sums(draw(20, 3).at[4, 1].set(bad))
    assert seen.nonfinite_pre.tolist() == [0, 1, 0]
    assert np.isfinite(totals.combined(seen.squares_pre)).tolist() == [True, False, True]
    assert seen.alive[1] > 0  # a unit that saw NaN is not called dead


@pytest.mark.parametrize("scale", [1e-22, 1.0, 1e22])
def test_a_unit_of_zeros_hides_no_other(scale):
    z = draw(40, 3) * jnp.asarray([[scale, 0.0, 1.0]])
    expected = np.square(np.maximum(np.asarray(z, np.float64), 0)).sum(axis=0)
    squares = totals.combined(sums(z).squares_post)
    assert np.allclose(squares, expected, rtol=tolerance("float32", n=40), atol=0)
    back = jax.jit(lambda d: statistics.backward(made.site(shape=d.shape), d))(z)
    expected = np.square(np.asarray(z, np.float64)).sum(axis=0)
    squares = totals.combined(np.asarray(back.squares))
    assert np.allclose(squares, expected, rtol=tolerance("float32", n=40), atol=0)


def test_a_result_that_is_not_finite_is_counted():
    z = jnp.ones((20, 3)).at[4, 1].set(-1.0)
    seen = sums(z, act=jnp.log)
    assert seen.nonfinite_pre.tolist() == [0, 0, 0]
    assert seen.nonfinite_post.tolist() == [0, 1, 0]


def test_units_of_a_convolution_are_channels():
    z = draw(4, 6, 5, 3)
    seen = sums(z, unit_axes=(3,))
    assert seen.samples == 4 * 6 * 5
    assert seen.alive.tolist() == (np.asarray(z) > 0).sum(axis=(0, 1, 2)).tolist()


def test_a_scalar_site_is_one_unit():
    seen = sums(jnp.float32(2.0), unit_axes=())
    assert (int(seen.samples), float(seen.alive)) == (1, 1.0)


def test_more_samples_than_float32_counts_are_counted_in_integers():
    site = made.site("a", shape=(2**24, 1))
    seen = jax.eval_shape(
        lambda z: statistics.forward({"a": 1.0})(site, jax.nn.relu, z, z),
        jax.ShapeDtypeStruct((2**24, 1), jnp.float32),
    )
    assert seen.alive.dtype == jnp.int32
    assert sums(draw(8, 1)).alive.dtype == np.float32


def test_the_histogram_counts_the_subset():
    z = draw(300, 40)
    subset = np.asarray(z).ravel()[:: bins.stride(z.size, 40)]
    expected = [(subset >= mark).sum() for mark in bins.PRE_MARKS]
    assert sums(z).at_least.tolist() == expected


def test_bfloat16_is_summed_in_float32():
    z = jnp.ones((600, 2), jnp.bfloat16)
    assert sums(z, dtype="bfloat16").squares_pre[0].tolist() == [600.0, 600.0]


def test_a_cotangent_is_summed_up():
    d = jnp.asarray([[0.0, 1e-3], [np.nan, -10.0], [2.0, 0.0]], jnp.float32)
    back = jax.tree.map(np.asarray, statistics.backward(made.site(shape=d.shape), d))
    assert back.nonfinite.tolist() == [1.0, 0.0]
    assert back.squares[0, 1] == pytest.approx(100.000001)
    assert back.at_least[:2].tolist() == [5.0, 3.0]  # no NaN; not 0
    assert all(array.dtype == np.float32 for array in back)
