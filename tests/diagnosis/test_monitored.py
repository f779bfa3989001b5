"""Is it `jax.value_and_grad`, and does it work wherever that does?"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from relu_jax.diagnosis import monitor
from tests.diagnosis import networks

LOSS = networks.mlp_loss(jax.nn.relu)
PARAMS = networks.start([24, 16, 16, 10])
BATCH, OTHER = networks.gaussian(48, 2, 24)


def same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-7), a, b)


@pytest.fixture(scope="module")
def step():
    return jax.jit(monitor.value_and_grad(LOSS))


def test_value_and_gradients_are_those_of_jax(step):
    (value, stats), grads = step(PARAMS, BATCH)
    wanted, gradient = jax.jit(jax.value_and_grad(LOSS))(PARAMS, BATCH)
    assert float(value) == pytest.approx(float(wanted), rel=1e-6)
    same(grads, gradient)
    assert float(stats.loss) == pytest.approx(float(wanted), rel=1e-6)
    assert stats.measured


def test_aux_stays_beside_the_value():
    def paired(params, batch):
        return LOSS(params, batch), {"n": jnp.int32(7)}

    ((value, aux), _), grads = jax.jit(monitor.value_and_grad(paired, has_aux=True))(PARAMS, BATCH)
    (wanted, _), gradient = jax.jit(jax.value_and_grad(paired, has_aux=True))(PARAMS, BATCH)
    assert (float(value), int(aux["n"])) == (pytest.approx(float(wanted), rel=1e-6), 7)
    same(grads, gradient)


def test_keywords_reach_the_loss():
    def scaled(params, batch, *, factor):
        return factor * LOSS(params, batch)

    (value, _), _ = jax.jit(monitor.value_and_grad(scaled))(PARAMS, BATCH, factor=2.0)
    assert float(value) == pytest.approx(2 * float(LOSS(PARAMS, BATCH)), rel=1e-5)


def test_every_other_step_is_measured():
    step = jax.jit(monitor.value_and_grad(LOSS, every=2))
    told = [step(PARAMS, BATCH, step=i) for i in range(4)]
    stats = [one[0][1] for one in told]
    assert [bool(one.measured) for one in stats] == [True, False, True, False]
    (name, *_) = stats[0].sites
    assert np.isfinite(float(stats[2].sites[name].rms_d_pre))
    off = stats[1]
    assert np.isnan([float(off.sites[name].rms_d_pre), float(off.sites[name].zeros)]).all()
    assert np.isnan(float(off.parameters["params/0/w"].rms))
    assert not off.sites[name].nonfinite
    assert np.isfinite(float(off.loss))
    same([one[1] for one in told], [told[0][1]] * 4)


def test_a_scan_stacks_it_with_optax():
    optimizer = optax.sgd(0.1)
    watch = monitor.value_and_grad(LOSS, every=2)

    def turn(carried, i):
        params, state = carried
        (_, stats), grads = watch(params, BATCH, step=i)
        updates, state = optimizer.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), stats

    @jax.jit
    def run(params):
        return lax.scan(turn, (params, optimizer.init(params)), jnp.arange(4))

    (params, _), stats = run(PARAMS)
    assert stats.measured.tolist() == [True, False, True, False]
    assert stats.loss.shape == (4,)
    assert stats.loss[-1] < stats.loss[0]
    name = next(iter(stats.sites))
    assert np.isfinite(np.asarray(stats.sites[name].rms_pre)).tolist() == stats.measured.tolist()
    by_hand = PARAMS
    for _ in range(4):
        gradient = jax.grad(LOSS)(by_hand, BATCH)
        by_hand = jax.tree.map(lambda p, g: p - 0.1 * g, by_hand, gradient)
    same(params, by_hand)


def test_a_vmap_over_networks_keeps_them_apart(step):
    both = jax.tree.map(lambda *x: jnp.stack(x), PARAMS, networks.start([24, 16, 16, 10], gain=0.1))
    (_, stats), _ = jax.jit(jax.vmap(monitor.value_and_grad(LOSS), (0, None)))(both, BATCH)
    (_, first), _ = step(PARAMS, BATCH)
    name = next(iter(stats.sites))
    assert float(stats.sites[name].rms_pre[0]) == pytest.approx(
        float(first.sites[name].rms_pre), rel=1e-5
    )
    assert stats.sites[name].active.shape == (2, 16)
    assert stats.sites[name].rms_d_pre[1] < stats.sites[name].rms_d_pre[0]


def test_only_what_was_asked_for_is_watched(step):
    (_, stats), _ = jax.jit(monitor.value_and_grad(LOSS, only="params/1"))(PARAMS, BATCH)
    assert list(stats.sites) == ["params/1"]
    assert len(step(PARAMS, BATCH)[0][1].sites) == 2


def test_bad_input_is_told():
    with pytest.raises(ValueError, match="every is at least 1"):
        monitor.value_and_grad(LOSS, every=0)
    with pytest.raises(TypeError, match="step=i"):
        monitor.value_and_grad(LOSS, every=2)(PARAMS, BATCH)
    with pytest.raises(ValueError, match="which none of 2 sites is"):
        monitor.value_and_grad(LOSS, only="gelu")(PARAMS, BATCH)
    with pytest.raises(ValueError, match="one floating number"):
        monitor.value_and_grad(lambda p, b: b[0] @ p[0]["w"])(PARAMS, BATCH)


def test_nothing_calls_back(step):
    text = step.lower(PARAMS, BATCH).as_text()
    assert "callback" not in text
    assert "outfeed" not in text


def test_a_loss_with_a_step_of_its_own_gets_it():
    def scheduled(params, batch, step=0):
        return LOSS(params, batch) * step

    (value, stats), _ = jax.jit(monitor.value_and_grad(scheduled, every=2))(PARAMS, BATCH, step=4)
    assert stats.measured
    assert float(value) == pytest.approx(4 * float(LOSS(PARAMS, BATCH)), rel=1e-5)


def test_what_is_not_finite_in_a_keyword_is_data():
    def shifted(params, batch, *, shift):
        return LOSS(params, batch) + shift.sum() * 0

    (_, stats), _ = jax.jit(monitor.value_and_grad(shifted))(
        PARAMS, BATCH, shift=jnp.ones(2) * jnp.nan
    )
    assert stats.nonfinite_data


def test_a_leaf_without_entries_and_double_precision_are_fine():
    params = [*PARAMS[:2], {**PARAMS[2], "none": jnp.ones((0, 3))}]
    (_, stats), _ = jax.jit(monitor.value_and_grad(LOSS))(params, BATCH)
    assert float(stats.parameters["params/2/none"].rms) == 0
    with jax.enable_x64(True):
        (_, stats), _ = jax.jit(monitor.value_and_grad(lambda w, x: jnp.mean(jnp.tanh(x @ w))))(
            jnp.eye(3) * 1e-120, np.ones((4, 3))
        )
        (site,) = stats.sites.values()
        assert site.rms_pre.dtype == np.float64


def test_sites_and_leaves_stay_in_program_order_under_jit():
    names = ("z_first", "m_mid", "a_last")
    params = {name: jnp.eye(4) for name in names}

    def loss(params, x):
        h = jax.nn.softplus(x @ params["z_first"])
        return jnp.mean(jnp.tanh(jnp.exp(h @ params["m_mid"]) @ params["a_last"]) ** 2)

    watch = monitor.value_and_grad(loss)
    x = jnp.ones((8, 4))
    for step in (watch, jax.jit(watch)):
        assert list(step(params, x)[0][1].sites) == list(names)
    log = monitor.Log()
    for i, first in enumerate((params["z_first"], jnp.full((4, 4), 3e38))):
        log.write(i, jax.jit(watch)(params | {"z_first": first}, x)[0][1])
    run = log.series()
    assert list(run.sites) == list(names)
    assert [(e.step, e.name, e.what) for e in run.events()] == [(1, "z_first", "going forward")]


def test_a_step_may_be_told_at_every_one():
    watch = monitor.value_and_grad(lambda w, x: jnp.mean(jnp.tanh(x @ w)), every=1)
    (_, stats), _ = watch(jnp.eye(3), jnp.ones((2, 3)), step=3)
    assert bool(stats.measured)
