"""Units that compete, pair up or are scaled together: against loops, with every tie decided."""

from inspect import unwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from relu_jax.activations.groups import crelu, k_winners, maxout, standardize

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
X = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
FUNCTIONS = {
    "maxout": lambda x, axis=-1: maxout(x, 2, axis=axis),
    "crelu": lambda x, axis=-1: crelu(x, axis=axis),
    "k_winners": lambda x, axis=-1: k_winners(x, 2, axis=axis),
    "standardize": lambda x, axis=-1: standardize(x, axis=axis),
}


def looped(name, row):
    """Write each function for one row of numbers."""
    if name == "maxout":
        return [max(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    if name == "crelu":
        return [max(v, 0) for v in row] + [max(-v, 0) for v in row]
    if name == "k_winners":
        order = sorted(range(len(row)), key=lambda i: (-row[i], i))[:2]
        return [v if i in order else 0 for i, v in enumerate(row)]
    mean = sum(row) / len(row)
    variance = sum((v - mean) ** 2 for v in row) / len(row)
    return [(v - mean) / np.sqrt(variance + 1e-5) for v in row]


every = pytest.mark.parametrize("name", FUNCTIONS)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@every
def test_every_row_equals_a_loop_and_keeps_its_dtype(name, dtype):
    x = jnp.asarray(X, dtype)
    y = FUNCTIONS[name](x)
    assert y.dtype == x.dtype
    exact = [looped(name, row) for row in np.float64(x)]
    np.testing.assert_allclose(np.float64(y), exact, rtol=8 * float(jnp.finfo(dtype).eps))


@every
def test_along_another_axis_and_under_vmap_it_is_the_same(name):
    f, whole = FUNCTIONS[name], np.asarray(FUNCTIONS[name](X))
    np.testing.assert_allclose(f(X.T, 0).T, whole, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(f))(X), whole, rtol=1e-6)


def test_gradients_agree_with_finite_differences_to_order_two():
    with jax.enable_x64(True):
        f = jax.jit(lambda x: {name: f(x) for name, f in FUNCTIONS.items()})
        check_grads(f, (np.float64(X),), order=2, modes=("fwd",))
        check_grads(f, (np.float64(X),), order=1, modes=("rev",))


@every
def test_integers_become_float32_and_complex_numbers_and_scalars_are_refused(name):
    f = FUNCTIONS[name]
    assert f(np.arange(4)).dtype == jnp.float32
    with pytest.raises(TypeError, match=r"takes real numbers; got complex64"):
        f(np.zeros(4, np.complex64))
    with pytest.raises(ValueError, match=r"axis is one of the 0 axes of x"):
        f(np.float32(1))


def test_equal_units_share_the_gradient_of_maxout():
    slopes = jax.grad(lambda x: maxout(x, 3)[0])(jnp.array([1.0, 1.0, 0.0]))
    np.testing.assert_array_equal(slopes, [0.5, 0.5, 0])


def test_maxout_of_one_is_the_identity_and_nan_spreads_over_its_group_alone():
    np.testing.assert_array_equal(maxout(X, 1), X)
    y = maxout(np.float32([np.nan, 1, 2, -np.inf]), 2)
    np.testing.assert_array_equal(y, [np.nan, 2])


@pytest.mark.parametrize(("k", "size"), [(4, 6), (0, 6), (-2, 6), (7, 6)])
def test_maxout_refuses_groups_that_do_not_fill_the_axis(k, size):
    with pytest.raises(ValueError, match=rf"k divides their number; got k={k} for {size} units"):
        maxout(np.zeros(size, np.float32), k)


def test_crelu_is_zero_and_flat_in_both_halves_at_zero_and_loses_nothing():
    y, back = jax.vjp(crelu, np.float32([0.0, -0.0]))
    np.testing.assert_array_equal(y, np.zeros(4))
    np.testing.assert_array_equal(back(np.ones(4, np.float32))[0], [0, 0])
    above, below = np.split(np.asarray(crelu(X)), 2, -1)
    np.testing.assert_array_equal(above - below, X)


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ([1, 3, 3, 3], [1, 2]),
        ([0.0, -0.0, 0.0, -1], [0, 1]),
        ([-0.0, 0.0, 0.0, -1], [0, 1]),
        ([5, np.nan, 1, np.inf], [1, 3]),
        ([np.inf, np.inf, np.nan, 2], [0, 2]),
        ([-np.inf, -np.inf, -np.inf, -3], [0, 3]),
    ],
)
def test_ties_go_to_the_lower_index_and_nan_is_not_lost(row, kept):
    row = np.float32(row)
    y, back = jax.vjp(lambda x: k_winners(x, 2), row)
    wins = np.isin(np.arange(4), kept)
    np.testing.assert_array_equal(y, np.where(wins, row, 0))
    np.testing.assert_array_equal(back(np.ones(4, np.float32))[0], wins)


def test_a_nan_with_its_sign_bit_set_is_not_lost():
    x = jnp.array([jnp.inf, 1.0, 2.0]) - jnp.array([jnp.inf, 0.0, 0.0])
    assert np.isnan(k_winners(x, 1)[0])
    assert np.isnan(k_winners(jnp.array([-np.nan, 1.0, 2.0]), 1)[0])


def test_when_all_win_nothing_changes():
    np.testing.assert_array_equal(k_winners(X, 6), X)


@pytest.mark.parametrize(("k", "do"), [(7, "pass a smaller k"), (0, "pass k=1"), (-1, "pass k=1")])
def test_k_winners_refuses_more_winners_than_units_and_none(k, do):
    with pytest.raises(ValueError, match=rf"between 1 and all units; got k={k} for 6 units; {do}"):
        k_winners(X, k)


@pytest.mark.parametrize("f", [maxout, k_winners])
def test_k_is_a_whole_number(f):
    with pytest.raises(TypeError, match=r"k is an integer; got float 2.0"):
        unwrap(f)(X, 2.0)


def test_standardize_keeps_its_digits_where_the_mean_is_large():
    x = np.float32(1e4) + np.float32([-1, 0, 1, 2])
    exact = (np.float64(x) - np.float64(x).mean()) / np.sqrt(1.25 + 1e-5)
    np.testing.assert_allclose(standardize(x), exact, rtol=1e-6)
    assert np.abs(jax.nn.standardize(x) - exact).max() > 1e-2
    small = np.float32(X)
    np.testing.assert_allclose(standardize(small), jax.nn.standardize(small), atol=1e-5)


@pytest.mark.parametrize("size", [1e-30, 1e-25, 1.0, 1e20, 1e38])
def test_standardize_keeps_its_digits_where_the_square_overflows_or_vanishes(size):
    x = jnp.float32([-size, size, 3 * size])
    exact = np.array([-2.0, 0, 2]) / np.sqrt(8 / 3)
    np.testing.assert_allclose(standardize(x, epsilon=0.0), exact, rtol=1e-6, atol=1e-6)


def test_equal_entries_standardize_to_zero_with_finite_gradients():
    y, back = jax.vjp(standardize, np.full((2, 5), 3, np.float32))
    np.testing.assert_array_equal(y, 0)
    common = back(np.ones((2, 5), np.float32))[0]
    np.testing.assert_allclose(common, 0, atol=1e-4)
    assert np.isfinite(back(np.float32(np.arange(10).reshape(2, 5)))[0]).all()


def test_standardize_refuses_a_negative_epsilon_and_an_empty_axis():
    with pytest.raises(ValueError, match=r"standardize needs epsilon >= 0; got epsilon=-1.0; pass"):
        standardize(X, epsilon=-1.0)
    with pytest.raises(ValueError, match=r"at least one entry; got .*array of shape \(2, 0\)"):
        standardize(np.zeros((2, 0), np.float32))
    for epsilon in (np.nan, "1", None, True):
        with pytest.raises(TypeError, match=r"epsilon is a finite number; got .*; pass epsilon="):
            unwrap(standardize)(X, epsilon=epsilon)


def test_an_empty_batch_has_nothing_to_standardize():
    assert standardize(np.zeros((0, 3), np.float16)).shape == (0, 3)


def test_an_infinite_entry_makes_its_slice_nan_alone():
    y = standardize(np.float32([[1, np.inf, 2], [1, 2, 3]]))
    np.testing.assert_array_equal(np.isnan(y), [[True] * 3, [False] * 3])


@pytest.mark.parametrize("f", [maxout, k_winners])
def test_a_traced_k_is_refused(f):
    with pytest.raises(
        TypeError, match=r"k is an integer, known before .*; got a traced int32 arr"
    ):
        jax.jit(unwrap(f))(X, 2)
