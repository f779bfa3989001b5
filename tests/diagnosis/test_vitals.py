"""Are the numbers of a step those that NumPy takes of the recorded arrays?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import relu_jax as rj
from relu_jax.diagnosis import monitor, vitals
from tests.diagnosis import networks

(BATCH,) = networks.gaussian(48, 1, 24)


def measured(loss, params, batch=BATCH, **given):
    (value, stats), grads = jax.jit(monitor.value_and_grad(loss, **given))(params, batch)
    return value, stats, grads


def rms(x):
    return float(np.sqrt(np.mean(np.square(np.asarray(x, np.float64)))))


@pytest.mark.parametrize("name", ["relu", "tanh", "leaky_relu", "gelu"])
def test_numbers_are_those_of_numpy(name):
    act = rj.activations.get(name)
    loss = networks.mlp_loss(act)
    params = networks.start([24, 16, 16, 10], seed=3)
    _, stats, _ = measured(loss, params)
    _, seen = rj.tap.cotangents(loss)(params, BATCH)
    assert list(stats.sites) == list(seen)
    for site, ends in seen.items():
        told = stats.sites[site]
        slope = np.asarray(act.derivative(ends.pre))
        sup = {"relu": 1, "leaky_relu": 1, "tanh": 1, "gelu": 1.1289}[name]
        assert float(told.rms_pre) == pytest.approx(rms(ends.pre), rel=1e-5)
        assert float(told.rms_post) == pytest.approx(rms(ends.post), rel=1e-5)
        assert float(told.rms_d_pre) == pytest.approx(rms(ends.d_pre), rel=1e-4)
        assert float(told.zeros) == pytest.approx(np.mean(np.asarray(ends.post) == 0), abs=1e-6)
        assert float(told.saturated) == pytest.approx(np.mean(abs(slope) < 0.1 * sup), abs=1e-6)
        assert told.active.tolist() == (slope != 0).any(axis=0).tolist()
        assert not told.nonfinite
        assert not told.nonfinite_d


def test_leaves_are_measured_with_their_gradients():
    loss = networks.mlp_loss(jax.nn.relu)
    params = networks.start([24, 16, 10])
    _, stats, grads = measured(loss, params)
    for i, layer in enumerate(params):
        for leaf in layer:
            told = stats.parameters[f"params/{i}/{leaf}"]
            assert float(told.rms) == pytest.approx(rms(layer[leaf]), rel=1e-5)
            assert float(told.rms_grad) == pytest.approx(rms(grads[i][leaf]), rel=1e-5)


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_no_size_is_lost(size):
    def loss(w, batch):
        z = batch[0] @ w * jnp.float32(size)
        return jnp.sum(jax.nn.leaky_relu(z, 0.1))

    w = jnp.ones((24, 8)) / 24
    _, stats, _ = measured(loss, w)
    (site,) = stats.sites.values()
    z = np.asarray(BATCH[0], np.float64) @ np.asarray(w, np.float64) * size
    assert float(site.rms_pre) == pytest.approx(rms(z), rel=1e-4)
    assert not site.nonfinite


def test_a_small_gradient_is_not_lost():
    def loss(w, batch):
        return jnp.sum(jnp.tanh(batch[0] @ w)) * jnp.float32(1e-28)

    _, stats, _ = measured(loss, jnp.ones((24, 8)) / 24)
    (site,) = stats.sites.values()
    assert 1e-29 < float(site.rms_d_pre) < 1e-28


def test_layers_of_a_loop_stay_apart_and_steps_are_added_up():
    def layers(params, batch):
        x, _ = lax.scan(lambda x, w: (jax.nn.relu(x @ w), None), batch[0], params)
        return jnp.mean(x**2)

    def steps(w, batch):
        x, _ = lax.scan(lambda x, _: (jax.nn.relu(x @ w), None), batch[0], None, length=3)
        return jnp.mean(x**2)

    w = jnp.asarray(np.random.default_rng(0).standard_normal((3, 24, 24)) / 4, jnp.float32)
    _, stacked, _ = measured(layers, w)
    (site,) = stacked.sites.values()
    _, seen = rj.tap.record(layers)(w, BATCH)
    (pre,) = (one.pre for one in seen.values())
    assert site.rms_pre.tolist() == pytest.approx([rms(layer) for layer in pre], rel=1e-5)
    assert site.active.tolist() == np.any(np.asarray(pre) > 0, axis=1).tolist()

    _, shared, _ = measured(steps, w[0])
    (site,) = shared.sites.values()
    (pre,) = (one.pre for one in rj.tap.record(steps)(w[0], BATCH)[1].values())
    assert float(site.rms_pre) == pytest.approx(rms(pre), rel=1e-5)
    assert site.active.tolist() == np.any(np.asarray(pre) > 0, axis=(0, 1)).tolist()


def test_a_branch_that_is_not_taken_is_nan_and_not_active():
    def loss(params, batch):
        x = batch[0] @ params["w"]
        x = lax.cond(params["on"] > 0, jax.nn.relu, jnp.tanh, x)
        return jnp.mean(x**2)

    params = {"w": jnp.ones((24, 8)) / 24, "on": jnp.float32(1.0)}
    _, stats, _ = measured(loss, params)
    taken, other = sorted(stats.sites.values(), key=lambda s: bool(np.isnan(s.rms_pre)))
    assert np.isfinite(float(taken.rms_pre))
    assert np.isnan([float(other.rms_pre), float(other.zeros), float(other.rms_d_pre)]).all()
    assert not other.active.any()
    assert not other.nonfinite


def test_what_is_not_finite_is_flagged_where_it_is():
    def loss(params, batch):
        first = jax.nn.relu(batch[0] @ params["a"])
        return jnp.mean(jnp.sqrt(jnp.sum(jnp.tanh(first @ params["b"]) ** 2, axis=1)))

    params = {"a": -jnp.ones((24, 8)) * 0, "b": jnp.ones((8, 4))}
    _, stats, _ = measured(loss, params)  # of a norm at 0 the slope is NaN
    assert [bool(s.nonfinite) for s in stats.sites.values()] == [False, False]
    # A relu at 0 stops even NaN: its slope is chosen, not multiplied.
    assert [bool(s.nonfinite_d) for s in stats.sites.values()] == [False, True]
    assert not np.isfinite(float(stats.parameters["params/b"].rms_grad))

    _, stats, _ = measured(loss, params | {"a": jnp.full((24, 8), jnp.nan)})
    assert [bool(s.nonfinite) for s in stats.sites.values()] == [True, True]
    assert np.isnan(float(stats.parameters["params/a"].rms))
    assert not stats.nonfinite_data

    bad = (BATCH[0].copy(), BATCH[1])
    bad[0][3, 5] = np.inf
    assert measured(loss, params, bad)[1].nonfinite_data


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_summed_wider(dtype):
    def loss(w, batch):
        return jnp.mean(jnp.tanh(batch[0].astype(dtype) @ w).astype(jnp.float32))

    w = (jnp.ones((24, 8)) / 24).astype(dtype)
    _, stats, _ = measured(loss, w)
    (site,), (ends,) = stats.sites.values(), rj.tap.record(loss)(w, BATCH)[1].values()
    assert site.rms_pre.dtype == jnp.float32
    # Jitted or not, XLA rounds the product at other places.
    assert float(site.rms_pre) == pytest.approx(rms(ends.pre), rel=2e-3)


def test_nothing_is_measured_where_it_is_off():
    blank = vitals.any_nonfinite(jnp.asarray(False), [jnp.full(3, jnp.nan)])
    assert not blank
    assert vitals.any_nonfinite(True, [jnp.arange(3)]).tolist() is False
