"""Weights that sum to 1: what they minimise, their Jacobians, their edges."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import optimize

from relu_jax.activations.simplex import entmax15, log_softmax, softmax, softmin, sparsemax
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
WEIGHTS = (softmax, softmin, sparsemax, entmax15)
every = pytest.mark.parametrize("f", WEIGHTS, ids=lambda f: f.__name__)
DTYPES = ("float16", "bfloat16", "float32", "float64")
SCORES = np.random.default_rng(0).normal(size=(6, 7)) * np.array([[0.1, 0.5, 1, 2, 5, 30]]).T
INF, NAN = np.inf, np.nan


def everything(x):
    """Apply every function."""
    return {f.__name__: f(x) for f in (*WEIGHTS, log_softmax)}


@cache
def made(dtype):
    """Scores and every function of them, compiled once."""
    with jax.enable_x64(dtype == "float64"):
        x = jnp.asarray(SCORES, dtype)
        out = jax.jit(everything)(x)
        assert all(y.dtype == x.dtype for y in out.values())
        return jax.tree.map(lambda part: np.asarray(part, np.float64), (x, out))


def by_exponentials(x):
    """Write a softmax."""
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def by_bisection(x, power):
    """Find tau with sum max(x - tau, 0)^power = 1, without sorting anything."""
    rows = [
        np.maximum(
            row - optimize.brentq(
                lambda t, row=row: (np.maximum(row - t, 0) ** power).sum() - 1,
                row.max() - 1, row.max(), xtol=1e-15,
            ), 0,
        ) ** power
        for row in x
    ]  # fmt: skip
    return np.array(rows)


ORACLES = {
    "softmax": by_exponentials,
    "softmin": lambda x: by_exponentials(-x),
    "sparsemax": lambda x: by_bisection(x, 1),
    "entmax15": lambda x: by_bisection(x / 2, 2),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ORACLES)
def test_values_equal_an_oracle_that_does_not_sort(name, dtype):
    x, out = made(dtype)
    np.testing.assert_allclose(
        out[name], ORACLES[name](x), rtol=tolerance(dtype, n=4), atol=tolerance(dtype)
    )


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize(
    ("ours", "theirs"), [(softmax, jax.nn.softmax), (log_softmax, jax.nn.log_softmax)]
)
def test_values_equal_jax_nn_bit_for_bit_in_float32(ours, theirs, axis):
    x = np.float32(SCORES)
    np.testing.assert_array_equal(ours(x, axis=axis), theirs(x, axis=axis))


@pytest.mark.parametrize(
    ("f", "slope_of_entropy"),
    [
        (sparsemax, lambda y: y),  # maximises x.y - |y|^2 / 2
        (entmax15, lambda y: 2 * np.sqrt(y)),  # maximises x.y + 4/3 sum(y - y^1.5)
        (softmax, lambda y: np.log(y)),  # maximises x.y - sum(y log y)
    ],
)
def test_the_weights_solve_the_programme_that_defines_them(f, slope_of_entropy):
    x, out = made("float64")
    x, y = x[:5], out[f.__name__][:5]  # at 30 the logarithm of a weight of softmax is not told
    assert (y >= 0).all()
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-14)
    # On the simplex a concave problem is solved where no vertex lies uphill.
    uphill = x - slope_of_entropy(y)
    best = (uphill * y).sum(-1, keepdims=True)
    assert (uphill <= best + 1e-12).all()


def test_sparsemax_is_the_projection_that_a_solver_of_quadratic_programmes_finds():
    x = SCORES[2]
    found = optimize.minimize(
        lambda y: ((y - x) ** 2).sum() / 2, np.full(7, 1 / 7), jac=lambda y: y - x,
        bounds=[(0, 1)] * 7, constraints={"type": "eq", "fun": lambda y: y.sum() - 1},
        method="SLSQP", options={"ftol": 1e-14},
    )  # fmt: skip
    np.testing.assert_allclose(made("float64")[1]["sparsemax"][2], found.x, atol=1e-7)


def test_between_softmax_and_sparsemax_the_support_shrinks():
    _, out = made("float64")
    sizes = [(out[name] > 0).sum() for name in ("softmax", "entmax15", "sparsemax")]
    assert sizes[0] == SCORES.size
    assert sizes[0] > sizes[1] > sizes[2]


def jacobian(name, y):
    """Write the closed form."""
    s = {"softmax": y, "sparsemax": (y > 0).astype(float), "entmax15": np.sqrt(y)}[name]
    return np.diag(s) - np.outer(s, s) / s.sum()


@pytest.mark.parametrize("f", [softmax, sparsemax, entmax15], ids=lambda f: f.__name__)
def test_jacobians_equal_their_closed_forms_forward_and_backward(f):
    with jax.enable_x64(True):
        forward = jax.jit(jax.vmap(jax.jacfwd(f)))(SCORES)
        backward = jax.jit(jax.vmap(jax.jacrev(f)))(SCORES)
    exact = [jacobian(f.__name__, y) for y in made("float64")[1][f.__name__]]
    np.testing.assert_allclose(forward, exact, atol=1e-13)
    np.testing.assert_allclose(backward, exact, atol=1e-13)


def test_gradients_agree_with_finite_differences_to_order_two():
    with jax.enable_x64(True):
        check_grads(jax.jit(everything), (SCORES[:5],), order=2, modes=("fwd",))


@every
def test_along_every_axis_it_is_the_same_function(f):
    x = np.float32(SCORES.reshape(2, 3, 7))
    whole = np.asarray(f(x))
    for axis in (0, 1, -3):
        moved = f(np.moveaxis(x, -1, axis), axis=axis)
        np.testing.assert_allclose(np.moveaxis(moved, axis, -1), whole, rtol=1e-6, atol=1e-7)


@every
def test_jit_and_vmap_change_nothing(f):
    x = np.float32(SCORES)
    np.testing.assert_allclose(jax.jit(jax.vmap(f))(x), f(x), rtol=1e-6, atol=1e-7)


EDGES = {  # four scores each, so that one program serves them all
    "one inf takes all": ([1, INF, 2, -1], [0, 1, 0, 0]),
    "infs share": ([INF, 1, INF, 2], [0.5, 0, 0.5, 0]),
    "inf and -inf": ([-INF, INF, -INF, 0], [0, 1, 0, 0]),
    "-inf takes nothing": ([-INF, 0, 0, -INF], [0, 0.5, 0.5, 0]),
    "all -inf": ([-INF] * 4, [NAN] * 4),
    "nan": ([NAN, 0, INF, -INF], [NAN] * 4),
    "equal": ([3] * 4, [0.25] * 4),
    "far apart": ([1e30, -1e30, 0, 0], [1, 0, 0, 0]),
}


@cache
def of_first(f):
    """Compile the gradient of the first weight."""
    return jax.jit(jax.grad(lambda x: f(x)[0]))


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("f", [softmax, sparsemax, entmax15], ids=lambda f: f.__name__)
def test_edges_are_as_stated_with_finite_derivatives(f, edge):
    x, y = (np.float32(v) for v in EDGES[edge])
    np.testing.assert_allclose(f(x), y, rtol=1e-6)
    np.testing.assert_allclose(softmin(-x), softmax(x), rtol=0)
    slopes = np.asarray(of_first(f)(x))
    assert np.isnan(slopes).all() == np.isnan(y).any()
    if INF in x and not np.isnan(y).any():
        np.testing.assert_array_equal(slopes, 0)


@pytest.mark.parametrize("edge", EDGES)
def test_log_softmax_has_the_logarithms_of_the_edges(edge):
    x, y = (np.float32(v) for v in EDGES[edge])
    ours = log_softmax(x)
    with np.errstate(divide="ignore"):
        logs = np.log(y)
    # Between numbers the logarithm of a weight too small to tell is finite.
    told = np.isfinite(logs) | ~np.isfinite(x) | np.isnan(logs) | np.isinf(x).any()
    np.testing.assert_allclose(ours[told], logs[told], rtol=1e-6)
    assert np.isnan(of_first(log_softmax)(x)).any() == np.isnan(y).any()


@pytest.mark.parametrize("f", [softmax, sparsemax, entmax15], ids=lambda f: f.__name__)
def test_a_single_score_takes_all(f):
    np.testing.assert_array_equal(f(np.float32([-7])), [1])


@pytest.mark.parametrize("f", [sparsemax, entmax15], ids=lambda f: f.__name__)
def test_a_thousand_scores_below_reach_have_no_weight_and_no_say(f):
    x = np.full(1000, -3, np.float32)
    x[:3] = [0, -0.5, 0.25]
    y = np.asarray(f(x))
    np.testing.assert_allclose(y[:3], f(x[:3]), rtol=1e-6)
    np.testing.assert_array_equal(y[3:], 0)


def test_jax_nn_gives_nan_at_plus_infinity_where_the_limit_is_told():
    assert np.isnan(jax.nn.softmax(jnp.array([0.0, jnp.inf]))).any()


MASK = np.array([[1, 0, 1, 1, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0]], bool)


@cache
def masked(f):
    """Compile the masked function and a gradient of it."""

    def both(x):
        y, back = jax.vjp(lambda x: f(x, where=MASK), x)
        return y, back(np.float32(np.arange(21).reshape(3, 7)))[0]

    return jax.jit(both)


@pytest.mark.parametrize("hidden", [0.0, 1e30, INF, -INF, NAN])
@every
def test_what_is_masked_has_no_say_whatever_stands_there(f, hidden):
    x = np.where(MASK, SCORES[2:5], hidden).astype(np.float32)
    y, slopes = masked(f)(x)
    alone = np.zeros((3, 7), np.float32)
    alone[0, MASK[0]] = f(x[0, MASK[0]])
    alone[2, 3] = 1
    np.testing.assert_allclose(y, alone, rtol=1e-6, atol=1e-7)
    slopes = np.asarray(slopes)
    assert np.isfinite(slopes).all()
    np.testing.assert_array_equal(slopes[~MASK], 0)


def test_masks_of_jax_nn_mean_the_same():
    x = np.float32(SCORES[2:5])
    np.testing.assert_allclose(softmax(x, where=MASK), jax.nn.softmax(x, where=MASK), rtol=1e-6)
    ours, theirs = log_softmax(x, where=MASK), jax.nn.log_softmax(x, where=MASK)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert (np.asarray(ours)[~MASK] == -INF).all()


def test_a_mask_may_be_shared_by_all_rows():
    x = np.float32(SCORES)
    rows = np.broadcast_to(MASK[0], x.shape)
    np.testing.assert_array_equal(sparsemax(x, where=MASK[:1]), sparsemax(x, where=rows))
    np.testing.assert_array_equal(sparsemax(x, where=MASK[0]), sparsemax(x, where=rows))


def test_at_the_edge_of_the_support_the_derivative_is_that_of_the_support_without_it():
    x = jnp.array([1.0, 0.0])  # the second weight is 0 by a tie
    np.testing.assert_array_equal(sparsemax(x), [1, 0])
    np.testing.assert_array_equal(jax.jacobian(sparsemax)(x), np.zeros((2, 2)))


@pytest.mark.parametrize("f", [*WEIGHTS, log_softmax], ids=lambda f: f.__name__)
def test_bad_input_is_refused_in_words(f):
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"axis is one of the 2 axes of x; got axis=2"):
        f(x, axis=2)
    with pytest.raises(ValueError, match=r"axis is one of the 0 axes of x"):
        f(np.float32(1))
    with pytest.raises(ValueError, match=r"axis with at least one entry; got .*\(0, 3\), axis=0"):
        f(np.zeros((0, 3), np.float32), axis=0)
    with pytest.raises(TypeError, match=r"where is a mask of booleans; got int32 array"):
        f(x, where=np.ones((2, 3), np.int32))
    with pytest.raises(
        ValueError, match=r"where broadcasts to x; got bool array of shape \(3, 2\)"
    ):
        f(x, where=np.ones((3, 2), bool))
    with pytest.raises(ValueError, match=r"where broadcasts to x; got bool array of shape \(1, 2"):
        f(x, where=np.ones((1, 2, 3), bool))
    with pytest.raises(TypeError, match=r"takes real numbers; got complex64"):
        f(np.zeros(3, np.complex64))


@every
def test_integers_become_float32_and_no_rows_stay_no_rows(f):
    assert f(np.int32([1, 2])).dtype == jnp.float32
    assert f(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_the_weights_of_a_large_support_sum_to_one():
    scores = jnp.full(100_162, -1.0).at[0].set(0.0)
    assert float(entmax15(scores).sum()) == pytest.approx(1, abs=1e-4)
