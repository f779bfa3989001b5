"""Counts against NumPy, sums against one look at all samples, bounds against binomial tails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from relu_jax import tap
from relu_jax.analyses import dead_units, of_site

RNG = np.random.default_rng(0)
PRE = RNG.standard_normal((200, 6)).astype(np.float32) + np.float32([-9, -1, 0, 0.5, 1, 9])
POST, SLOPE = np.maximum(PRE, 0), (PRE > 0).astype(np.float32)
GRAD = SLOPE * RNG.standard_normal(PRE.shape).astype(np.float32)


@pytest.fixture(scope="module")
def seen():
    return jax.jit(lambda *a: dead_units(a[0], slope=a[1], d_pre=a[2]))(POST, SLOPE, GRAD)


def test_every_definition_is_what_numpy_counts(seen):
    assert seen.active.tolist() == np.count_nonzero(POST, axis=0).tolist()
    assert seen.never_active.tolist() == (POST == 0).all(axis=0).tolist()
    assert seen.flat.tolist() == (SLOPE == 0).all(axis=0).tolist()
    assert seen.unreached.tolist() == (GRAD == 0).all(axis=0).tolist()
    np.testing.assert_allclose(seen.apoz, (POST == 0).mean(axis=0), atol=1e-7)
    mean = POST.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(seen.score, mean / mean.mean(), rtol=1e-5)
    assert seen.dormant().tolist() == (mean / mean.mean() <= 0.025).tolist()
    assert seen.small(3.0).tolist() == (POST.max(axis=0) <= 3.0).tolist()
    assert 1 <= np.count_nonzero(seen.never_active) < 6


def test_parts_add_up_to_the_whole_exactly(seen):
    parts = [
        dead_units(POST[i:j], slope=SLOPE[i:j], d_pre=GRAD[i:j])
        for i, j in [(0, 1), (1, 77), (77, 77), (77, 200)]
    ]
    first, *others = parts
    whole = sum(others, first)
    for name in ("active", "sloped", "reached", "largest"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(seen, name))
    np.testing.assert_allclose(whole.total, seen.total, rtol=1e-5)
    assert whole.n == 200
    assert whole.active.dtype == np.int64


def test_the_bound_leaves_so_much_of_a_binomial_below(seen):
    for confidence in (0.5, 0.95):
        bound = seen.activity_upper(confidence)
        active = np.asarray(seen.active)
        below = stats.binom.cdf(active, 200, bound)
        np.testing.assert_allclose(below[active < 200], 1 - confidence, rtol=1e-9)
        assert (bound[active == 200] == 1).all()
    never = dead_units(jnp.zeros((60, 1))).activity_upper()
    np.testing.assert_allclose(never, 1 - 0.05 ** (1 / 60), rtol=1e-12)


def test_a_slope_that_is_small_may_count_as_none():
    slopes = jnp.array([[0.0, 1e-4, 0.5], [0.0, 1e-3, 0.0]])
    assert dead_units(slopes, slope=slopes).flat.tolist() == [True, False, False]
    assert dead_units(slopes, slope=slopes, delta=1e-3).flat.tolist() == [True, True, False]


def test_units_of_a_network_in_a_loop():
    def net(w, x):
        return jax.lax.scan(lambda h, w: (jax.nn.relu(h @ w), None), x, w)[0]

    w = jnp.stack([jnp.diag(jnp.array([1.0, -1.0, 1.0]))] * 2)
    x = jnp.ones((4, 3))
    (site,) = tap.sites(net, w, x)
    post = tap.record(net)(w, x)[1][site.id].post
    assert dead_units(of_site(site, post)).never_active.tolist() == [False, True, False]


def test_nothing_is_lost_where_nothing_is_finite_or_there():
    seen = dead_units(jnp.array([[jnp.nan, 0.0]]), slope=jnp.array([[jnp.nan, 0.0]]))
    assert (seen.never_active.tolist(), seen.flat.tolist()) == ([False, True], [False, True])
    none = dead_units(jnp.zeros((0, 2)))
    assert (none + seen._replace(sloped=None)).n == 1
    silent = dead_units(jnp.zeros((3, 2)))
    assert silent.dormant().all()


def test_bad_input_is_answered(seen):
    with pytest.raises(ValueError, match=r"row per sample .* got float32 array of shape \(3,\)"):
        dead_units(jnp.ones(3))
    with pytest.raises(ValueError, match=r"shape of post; got \(2, 3\) for \(2, 2\)"):
        dead_units(jnp.ones((2, 2)), slope=jnp.ones((2, 3)))
    with pytest.raises(ValueError, match=r"told from d_pre; got none; pass d_pre="):
        _ = dead_units(jnp.ones((2, 2))).unreached
    with pytest.raises(ValueError, match=r"got 6 units with active, sloped, reached and 2 units"):
        _ = seen + dead_units(jnp.ones((2, 2)))
    with pytest.raises(ValueError, match=r"confidence lies between 0 and 1; got float 1\.0"):
        seen.activity_upper(1.0)
