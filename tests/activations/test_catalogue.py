"""The battery: every row of the catalogue, by one table of cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from relu_jax.activations import CATALOGUE, get, names
from relu_jax.core.numerics import tolerance, wide_dtype
from tests import published
from tests.activations.battery import (
    BLOCKS,
    apart,
    assert_is_the_formula,
    constants,
    orders,
    tower,
    written,
)
from tests.activations.cases import CASES, LABELS

thorough = pytest.mark.thorough("every row compiles anew: minutes for the whole catalogue")
DTYPE_NAMES = ("float32", "float16", "bfloat16", "float64")
DTYPES = ("float32", *(pytest.param(dtype, marks=thorough) for dtype in DTYPE_NAMES[1:]))
# By scope, all tests of a row come together, and so to the same process of a parallel run.
every = pytest.mark.parametrize("case", CASES, ids=LABELS, scope="module")
pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)


def test_there_are_at_least_seventy_elementwise_functions():
    assert len({act.name for act in CATALOGUE}) == len(CATALOGUE) >= 70
    assert {case.act.name for case in CASES} == set(names())


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_value_slope_and_bend_equal_the_formula_near_and_far(case, dtype):
    x, *ys = np.concatenate([tower(case, dtype)[kind] for kind in ("near", "far")], axis=1)[:4]
    held = apart(case, dtype, x)
    assert_is_the_formula(case, dtype, x[held], [y[held] for y in ys])


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_where_the_formula_changes_value_and_slope_are_those_written_by_hand(case, dtype):
    x, value, slope, bend = tower(case, dtype)["cut"]
    left, right = np.array([case.pieces.sides(order) for order in range(4)]).transpose(2, 0, 1)
    cuts = np.array([float(cut) for cut in case.pieces.cuts])
    kinks = np.isin(cuts, case.kinks)
    taken = right[1].copy()
    taken[kinks] = case.kink_slopes
    steep = np.abs([left[1], taken, np.where(np.isfinite(right[1]), right[1], 0)]).max(axis=0)
    at = case.pieces.exact(cuts, 1)[0]
    # A parameter is a float32 at least: in half precision the x nearest to it lies on a side.
    parameters = np.isin(np.abs(cuts), np.abs([*case.act.params.values()]))
    met = (x == cuts) | (parameters & (x == np.asarray(cuts, wide_dtype(dtype))))
    off = np.abs(value - np.where(met, at, [left[0], at, right[0]])).min(axis=0)
    assert (off <= tolerance(dtype) * (np.abs(at) + np.abs(cuts) * steep)).all()
    hit = kinks & met
    exact = np.asarray(taken, jnp.dtype(dtype)).astype(float)
    np.testing.assert_array_equal(slope[hit], exact[hit])
    # The float nearest to a cut between two floats lies on a side of it, or is taken for it.
    apart = np.abs(slope - [left[1], taken, right[1]]).min(axis=0)
    assert (apart <= tolerance(dtype) * steep + 1e-20).all()
    low, high = np.sort([left[2], right[2]], axis=0)
    size = np.abs([left[2], right[2], cuts * left[3], cuts * right[3]]).max(axis=0)
    room = tolerance(dtype) * (size + case.slack[2])
    assert ((low - room <= bend) & (bend <= high + room)).all()


@every
def test_kinks_bends_and_flat_parts_are_those_of_the_formula(case):
    assert case.act.kinks == case.kinks
    assert case.act.slope_at_kinks == pytest.approx(case.kink_slopes, rel=1e-9)
    bends = set(case.pieces.jumps(2)) - set(case.kinks)
    assert {0.0, *case.act.bends} == {0.0, *bends}  # at 0, every integral is cut
    assert case.act.flat == case.pieces.flat()


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_infinities_give_the_limits_of_value_and_derivatives(case, dtype):
    _, values, slopes, bends = tower(case, dtype)["end"][:4]
    np.testing.assert_allclose(values, case.limits, rtol=tolerance(dtype))
    np.testing.assert_allclose(slopes, case.slopes, rtol=tolerance(dtype))
    np.testing.assert_allclose(bends, case.bends, rtol=tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_nan_stays_nan_with_the_slope_written_by_hand(case, dtype):
    _, values, slopes = tower(case, dtype)["nan"][:3]
    assert np.isnan(values).all()
    expected = np.asarray([case.nan_slope], jnp.dtype(dtype)).astype(float)
    np.testing.assert_array_equal(slopes, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_negative_zero_has_the_value_and_slope_of_zero(case, dtype):
    minus, plus = tower(case, dtype)["zero"].T
    np.testing.assert_array_equal(minus, plus)


@pytest.mark.parametrize("dtype", DTYPES)
@every
def test_subnormal_numbers_are_themselves_or_zero(case, dtype):
    """XLA on the CPU takes them for 0 in float32: value and slope may then be those at 0."""
    x, values, slopes, bends = tower(case, dtype)["subnormal"][:4]
    exact = case.pieces.exact(x, 2)
    _, at_zero, slope_at_zero = tower(case, dtype)["zero"][:3, 1]
    least = float(jnp.finfo(dtype).tiny)
    room = [tolerance(dtype) * (np.abs(f) + s) for f, s in zip(exact, case.slack, strict=False)]
    near = np.minimum(np.abs(values - exact[0]), np.abs(values - at_zero))
    assert (near <= room[0] + least * (1 + np.abs(exact[1]))).all()
    near = np.minimum(np.abs(slopes - exact[1]), np.abs(slopes - slope_at_zero))
    assert (near <= room[1] + tolerance(dtype)).all()
    assert np.isfinite(bends).all()


@every
def test_range_holds_on_the_grid(case):
    y = tower(case, "float32")["near"][1]
    low, high = case.ends
    assert y.min() >= low - 1e-6
    assert y.max() <= high + 1e-6


@thorough
@pytest.mark.parametrize("dtype", DTYPE_NAMES)
@every
def test_without_jit_it_is_the_formula_as_well(case, dtype):
    with jax.enable_x64(dtype == "float64"), jax.disable_jit():
        x = tower(case, dtype)["near"][0]
        x = x[apart(case, dtype, x)]
        x = x[np.linspace(0, len(x) - 1, 20).astype(int)]  # as many in each row compile once
        ys = orders(case.act, np.asarray(x, jnp.dtype(dtype)))
    assert all(y.dtype == jnp.dtype(dtype) for y in ys)
    assert_is_the_formula(case, dtype, x, [np.asarray(y, np.float64) for y in ys])


@thorough
@every
def test_jit_changes_no_bit_of_the_value(case):
    x = tower(case, "float32")["near"][0].astype(np.float32)
    ours, jitted = case.act(x), jax.jit(case.act)(x)
    if case.act.name == "softplus":  # where its sum and a product before become one operation
        ours, jitted = np.float64(ours), np.float64(jitted)
        np.testing.assert_allclose(jitted, ours, rtol=2 * np.finfo(np.float32).eps)
    else:
        np.testing.assert_array_equal(jitted, ours)


@thorough
@pytest.mark.parametrize("cases", BLOCKS, ids=lambda cases: f"{cases[0].label} and on")
def test_gradients_agree_with_finite_differences_to_order_two(cases):
    near, out = np.linspace(-7.31, 7.42, 170), np.geomspace(8, 60, 10)
    xs, scales = [], []
    for case in cases:
        held = near[[all(abs(v - kink) > 0.02 for kink in case.kinks) for v in near]]
        picked = held[np.linspace(0, len(held) - 1, 80).astype(int)]
        xs.append(np.concatenate([-out, picked, out]))
        scales.append(np.maximum(1, np.abs(xs[-1]) / 8))
    assert {len(set(x)) for x in xs} == {100}
    with jax.enable_x64(True):
        f = jax.jit(lambda *us: [c.act(u * s) for c, u, s in zip(cases, us, scales, strict=True)])
        scaled = [x / scale for x, scale in zip(xs, scales, strict=True)]
        check_grads(f, scaled, order=2, modes=("fwd",), eps=1e-5, atol=1e-5, rtol=1e-5)


@thorough
@pytest.mark.parametrize("dtype", DTYPE_NAMES)
@every
def test_one_number_at_a_time_and_backward_it_is_the_formula_as_well(case, dtype):
    x, value, slope, _, *ys = np.concatenate(list(tower(case, dtype, True).values()), axis=1)
    smooth = np.isfinite(x) & apart(case, dtype, x) & (np.abs(x) > float(jnp.finfo(dtype).tiny))
    assert_is_the_formula(case, dtype, x[smooth], [y[smooth] for y in ys])
    np.testing.assert_array_equal([y[~smooth] for y in ys], [value[~smooth], slope[~smooth]])


@thorough
@every
def test_an_empty_array_stays_empty(case):
    empty = orders(case.act, np.zeros((0, 3), np.float32))
    assert [y.shape for y in empty] == 3 * [(0, 3)]


@pytest.mark.parametrize("act", CATALOGUE, ids=names())
def test_no_constant_is_materialised(act):
    huge = jax.ShapeDtypeStruct((2**20, 2**20), jnp.bfloat16)
    traced = jax.make_jaxpr(lambda x: orders(act, x))(huge)
    assert list(constants(traced)) == []
    assert [(y.shape, y.dtype) for y in traced.out_avals] == 3 * [(huge.shape, jnp.bfloat16)]


def test_a_constant_is_found_in_what_a_program_calls():
    table = np.arange(3.0, dtype=np.float32)
    held = jax.make_jaxpr(jax.jit(lambda x: x + jax.jit(lambda x: x * table)(x)))(table)
    assert [held.shape for held in constants(held)] == [(3,)]


@pytest.mark.parametrize("act", CATALOGUE, ids=names())
def test_complex_numbers_are_refused(act):
    for f in (act, act.derivative):
        with pytest.raises(TypeError, match=r"an activation takes real numbers; got .*complex64"):
            f(np.complex64([1.0]))


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
    f = written(case)
    for g in (f, lambda x: np.float32(f(np.float32(x)))):
        assert case.act.fit(g) == pytest.approx(case.act.params, rel=1e-6)


@thorough
@every
def test_fit_proposes_only_what_the_activation_accepts(case):
    for act in (a for a in CATALOGUE if a.fit):
        proposed = act.fit(written(case))
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
