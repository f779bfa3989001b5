"""The battery: every row of the catalogue, by one table of cases."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from relu_jax.activations import CATALOGUE, get, names
from relu_jax.core.numerics import tolerance
from tests import published
from tests.activations.cases import CASES, LABELS

thorough = pytest.mark.thorough("every row compiles anew: minutes for the whole catalogue")
DTYPES = (
    "float32",
    *(pytest.param(dtype, marks=thorough) for dtype in ("float16", "bfloat16", "float64")),
)
ORDERS = (0, 1, 2)
every = pytest.mark.parametrize("case", CASES, ids=LABELS)
pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)


def grid(act):
    """Points on both sides of every kink, dense near 0, and far enough out for every tail."""
    near = np.linspace(-9, 9, 61) + 0.013
    tails = [-80.0, -40.0, -25.0, -17.0, -12.0, 12.0, 17.0, 25.0, 40.0, 80.0]
    return np.concatenate([near, tails, [-0.04, -1e-3, 0.0, 1e-3, 0.04], act.kinks])


@cache
def tower(case, dtype):
    """Points of each kind, and value, first and second derivative there, compiled once."""
    with jax.enable_x64(dtype == "float64"):
        top = float(jnp.finfo(dtype).max)
        far = [-top, -1e4, -300.0, 300.0, 1e4, top]
        points = {"grid": grid(case.act), "far": far, "end": [-np.inf, np.inf], "zero": [-0.0, 0.0]}
        points |= {"kink": case.act.kinks, "nan": [np.nan]}
        least = float(jnp.finfo(dtype).tiny)
        points |= {"subnormal": [-least / 2, -least / 64, least / 64, least / 2]}
        x = jnp.asarray(np.concatenate(list(points.values())), dtype)
        ys = jax.jit(lambda x: [x, *(of_order(case.act, k)(x) for k in ORDERS)])(x)
        assert all(y.dtype == x.dtype for y in ys)
        wide = np.asarray([np.asarray(y, np.float64) for y in ys])
    cuts = np.cumsum([len(part) for part in points.values()])[:-1]
    return dict(zip(points, np.split(wide, cuts, axis=1), strict=True))


def of_order(act, order):
    """The function, or its derivative of that order."""
    return act if order == 0 else lambda x: act.derivative(x, order)


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_values_and_derivatives_equal_the_formula_in_every_dtype(case, dtype):
    """As near as the exact function is at an argument a few roundings away."""
    x, *ys = tower(case, dtype)["grid"]
    apart = ~np.isin(x, np.asarray(case.act.kinks, dtype))
    x, ys = x[apart], [y[apart] for y in ys]
    f = [case.exact(order)(x) for order in (0, 1, 2)]
    sizes = (
        np.abs(f[0]) + np.abs(x * f[1]) + case.slack[0],
        np.abs(f[1]) + np.abs(x * f[2]) + case.slack[1],
        np.abs(f[2]) + (1 + np.abs(x)) * np.abs(f[1]) + 1 + case.slack[2],
    )
    floor = 8 * (1 + np.abs(x)) * float(jnp.finfo(dtype).tiny)  # smaller numbers are flushed
    for order, (y, size) in enumerate(zip(ys, sizes, strict=True)):
        top = float(jnp.finfo(dtype).max)  # beyond it, a result is infinite
        error = np.abs(np.clip(y, -top, top) - np.clip(f[order], -top, top))
        excess = error - floor - tolerance(dtype) * size
        assert excess.max() <= 0, (order, x[excess.argmax()], y[excess.argmax()])


@every
def test_slope_at_each_kink_is_the_documented_one(case):
    _, _, slopes, bends = tower(case, "float32")["kink"]
    np.testing.assert_array_equal(slopes, np.float32(case.act.slope_at_kinks))
    assert np.isfinite(bends).all()


@every
def test_kinks_are_where_the_derivative_jumps_and_only_there(case):
    points = np.unique(grid(case.act))
    jumps = set()
    for order in (0, 1):
        left, right = (case.exact(order)(points + side) for side in (-1e-9, 1e-9))
        jumps |= set(points[np.abs(left - right) > 1e-4 * (1 + np.abs(left))].tolist())
    assert jumps == set(case.act.kinks)


@every
def test_flat_says_whether_an_interval_has_derivative_zero(case):
    level = case.vanishing(1)(np.linspace(-6.01, 12, 515))
    assert case.act.flat == bool((level[1:] & level[:-1]).any())


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_infinities_give_the_limits_of_value_and_derivatives(case, dtype):
    _, values, slopes, bends = tower(case, dtype)["end"]
    np.testing.assert_allclose(values, case.limits, rtol=tolerance(dtype))
    np.testing.assert_allclose(slopes, case.slopes, rtol=tolerance(dtype))
    np.testing.assert_allclose(bends, case.bends, rtol=tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_largest_finite_numbers_give_no_nan(case, dtype):
    assert not np.isnan(tower(case, dtype)["far"]).any()


@every
def test_nan_stays_nan(case):
    assert np.isnan(tower(case, "float32")["nan"][1]).all()


@every
def test_negative_zero_has_the_value_and_slope_of_zero(case):
    minus, plus = tower(case, "float32")["zero"].T
    np.testing.assert_array_equal(minus, plus)


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_subnormal_numbers_are_themselves_or_zero(case, dtype):
    """XLA on the CPU takes them for 0 in float32: value and slope may then be those at 0."""
    x, values, slopes, bends = tower(case, dtype)["subnormal"]
    exact = [case.exact(order)(x) for order in (0, 1)]
    _, at_zero, slope_at_zero, _ = tower(case, dtype)["zero"][:, 1]
    least = float(jnp.finfo(dtype).tiny)
    room = [tolerance(dtype) * (np.abs(f) + s) for f, s in zip(exact, case.slack, strict=False)]
    near = np.minimum(np.abs(values - exact[0]), np.abs(values - at_zero))
    assert (near <= room[0] + least * (1 + np.abs(exact[1]))).all()
    near = np.minimum(np.abs(slopes - exact[1]), np.abs(slopes - slope_at_zero))
    assert (near <= room[1] + tolerance(dtype)).all()
    assert np.isfinite(bends).all()


@every
def test_range_holds_on_the_grid(case):
    y = tower(case, "float32")["grid"][1]
    low, high = case.ends
    assert y.min() >= low - 1e-6
    assert y.max() <= high + 1e-6


@thorough
@every
def test_gradients_agree_with_finite_differences_to_order_two(case):
    with jax.enable_x64(True):
        x = np.linspace(-7.31, 7.42, 130)
        apart = [np.abs(x - kink).min() > 0 for kink in case.act.kinks]
        x = x[np.all([np.abs(x - kink) > 0.02 for kink in case.act.kinks], axis=0)] if apart else x
        check_grads(jax.jit(lambda x: case.act(x)), (x[:100],), order=2, modes=("rev",), eps=1e-5)


@thorough
@every
def test_jit_changes_no_bit(case):
    x = np.float32(grid(case.act))
    for order in ORDERS:
        f = of_order(case.act, order)
        np.testing.assert_array_equal(f(x), jax.jit(f)(x))


@thorough
@every
def test_vmap_equals_the_whole(case):
    x = np.float32(grid(case.act))[:60].reshape(4, 15)
    for order in (0, 1):
        f = of_order(case.act, order)
        np.testing.assert_array_equal(jax.vmap(f)(x), f(x))


@thorough
@every
def test_empty_array_stays_empty(case):
    for order in ORDERS:
        assert of_order(case.act, order)(np.zeros((0, 3), np.float32)).shape == (0, 3)


@every
def test_no_constant_is_materialised(case):
    huge = jax.ShapeDtypeStruct((2**20, 2**20), jnp.bfloat16)
    for order in ORDERS:
        traced = jax.make_jaxpr(of_order(case.act, order))(huge)
        assert not traced.consts
        assert traced.out_avals[0].shape == huge.shape


@thorough
@every
def test_integers_and_bools_become_float32(case):
    for x in (np.int32([-2, 3]), np.array([False, True])):
        y = case.act(x)
        assert y.dtype == jnp.float32
        # Two programs: XLA may contract a product and a sum to one rounding in one of them.
        np.testing.assert_allclose(y, case.act(x.astype(np.float32)), rtol=2e-7)


@every
def test_fit_finds_the_parameters_it_was_made_with(case):
    if case.act.fit is None:
        assert case.act.params == {}
        return
    for f in (case.exact(0), lambda x: np.asarray(case.act(np.float32(x)))):
        assert case.act.fit(f) == pytest.approx(case.act.params, rel=1e-6)


@thorough
@every
def test_fit_proposes_only_what_the_activation_accepts(case):
    for act in (a for a in CATALOGUE if a.fit):
        proposed = act.fit(case.exact(0))
        if proposed is not None:
            assert act.with_params(**proposed).params == proposed


@pytest.mark.parametrize("act", CATALOGUE, ids=names())
def test_the_row_states_what_its_facts_say(act):
    again = act.with_params()
    assert again == act
    assert act.source
    assert act.formula
    assert get(act.name) is not None
    assert act.fn.__name__ == act.name
    assert "Example:" in act.fn.__doc__


@pytest.mark.parametrize("name", published.AVERAGES)
def test_averages_equal_the_published_numbers(name):
    z = np.linspace(-12, 12, 200_000)  # no node at 0, where a slope is a convention
    weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    with jax.enable_x64(True):
        f, slope = np.asarray(get(name)(z)), np.asarray(get(name).derivative(z))
    mean, second = weight @ f, weight @ f**2
    ours = (mean, second, second - mean**2, second**-0.5, weight @ slope**2)
    assert published.missed(ours, published.AVERAGES[name]) == []


@pytest.mark.parametrize("name", published.MINIMA)
def test_least_values_equal_the_published_numbers(name):
    value, place = published.MINIMA[name]
    x = published.around(place)
    with jax.enable_x64(True):
        below, above = np.asarray(get(name).derivative(x))
        assert published.meets(get(name)(x[0]), value)
    assert below < 0 < above


@pytest.mark.parametrize("name", published.SLOPES)
def test_extremes_of_the_derivative_equal_the_published_numbers(name):
    low, high, *places = published.SLOPES[name]
    for value, place, sign in zip((low, high), places, (1, -1), strict=True):
        x = published.around(place)
        with jax.enable_x64(True):
            below, above = sign * np.asarray(get(name).derivative(x, 2))
            assert published.meets(get(name).derivative(x[0]), value)
        assert below < 0 < above


def test_names_are_distinct_and_special_cases_come_before_their_family():
    order = list(names())
    assert len(set(order)) == len(order)
    assert order.index("relu") < order.index("leaky_relu")
    assert order.index("relu6") < order.index("hard_tanh")


def test_unknown_name_is_answered_with_near_ones():
    with pytest.raises(ValueError, match=r"got str 'leaky_rule'; did you mean leaky_relu"):
        get("leaky_rule")
    with pytest.raises(ValueError, match=r"pick one of identity, relu"):
        get("zzz")
