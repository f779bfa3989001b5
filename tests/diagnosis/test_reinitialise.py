"""Does every layer get a signal of the size that was asked for, whatever the layout?"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import relu_jax as rj
from relu_jax.diagnosis import lsuv
from tests.diagnosis import networks

KEY = jax.random.key(0)
X = networks.gaussian(128, 1, 64)[0]


def sizes(loss, params, batch):
    return [site.rms_pre for site in rj.diagnose(loss, params, [batch]).sites.values()]


@pytest.mark.parametrize("variance", [1.0, 0.25])
@pytest.mark.parametrize("act", [jax.nn.relu, jax.nn.tanh])
def test_every_layer_gets_the_size(act, variance):
    loss = networks.mlp_loss(act)
    params = networks.start([64] * 5 + [10], gain=1e-3)
    new = lsuv(loss, X, variance=variance)(KEY, params)
    assert sizes(loss, new, X) == pytest.approx([variance**0.5] * 4, rel=0.03)


def test_biases_become_0_and_the_last_layer_stays():
    loss = networks.mlp_loss(jax.nn.relu)
    params = [{**layer, "b": layer["b"] - 3.0} for layer in networks.start([64] * 4 + [10])]
    new = lsuv(loss, X)(KEY, params)
    assert [float(jnp.abs(layer["b"]).max()) for layer in new] == [0, 0, 0, 3]
    assert np.array_equal(new[-1]["w"], params[-1]["w"])
    assert not np.array_equal(new[0]["w"], params[0]["w"])


def test_for_relu_it_is_the_start_of_he():
    loss = networks.mlp_loss(jax.nn.relu)
    new = lsuv(loss, X)(KEY, networks.start([64] * 4 + [10], gain=9.0))
    stds = [float(layer["w"].std() * 64**0.5) for layer in new[:3]]
    assert stds[0] == pytest.approx(1.0, rel=0.1)  # the data have no relu before them
    assert stds[1:] == pytest.approx([2**0.5] * 2, rel=0.15)


def test_another_key_draws_others():
    loss = networks.mlp_loss(jax.nn.relu)
    params = networks.start([64, 64, 10])
    one, two, again = (lsuv(loss, X)(jax.random.key(k), params)[0]["w"] for k in (1, 2, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, two)


def test_no_layout_is_assumed():
    model = eqx.nn.MLP(64, 10, 64, 3, key=KEY)  # weights are (outputs, inputs), biases apart
    params, static = eqx.partition(model, eqx.is_inexact_array)

    def loss(params, batch):
        logits = jax.vmap(eqx.combine(params, static))(batch[0])
        return networks.cross_entropy(logits, batch[1])

    new = lsuv(loss, X)(KEY, params)
    assert sizes(loss, new, X) == pytest.approx([1.0] * 3, rel=0.03)


@pytest.mark.parametrize("reverse", [False, True])
def test_layers_in_one_array_are_scaled_one_by_one(reverse):
    def loss(params, batch):
        def layer(x, p):
            return jnp.tanh(x @ p["w"] + jnp.broadcast_to(p["b"], x.shape)), None

        return jnp.mean(lax.scan(layer, batch[0], params, reverse=reverse)[0] ** 2)

    params = {"w": jnp.ones((3, 64, 64)), "b": jnp.ones((3, 64))}
    new = lsuv(loss, X)(KEY, params)
    assert sizes(loss, new, X) == pytest.approx([1.0] * 3, rel=0.03)
    assert not np.any(new["b"])


def test_a_normalised_layer_is_drawn_and_not_scaled():
    def loss(params, batch):
        x = batch[0] @ params["w"]
        x = x / jnp.sqrt(jnp.mean(x**2, axis=1, keepdims=True)) * 0.3
        return jnp.mean(jax.nn.relu(x) @ params["last"])

    params = {"w": jnp.ones((64, 32)), "last": jnp.ones((32, 1))}
    new = lsuv(loss, X)(KEY, params)
    assert float(new["w"].std()) == pytest.approx(1 / 8, rel=0.1)


def test_dtype_and_settings_stay():
    def loss(params, batch):
        x = jax.nn.relu(batch[0].astype(params["w"].dtype) @ params["w"])
        return jnp.mean(x.astype(jnp.float32)) * (2.0 if params["twice"] else 1.0)

    new = lsuv(loss, X)(KEY, {"w": jnp.ones((64, 32), jnp.bfloat16), "twice": True})
    assert new["w"].dtype == jnp.bfloat16
    assert new["twice"] is True


def test_a_signal_of_0_is_left_alone():
    def loss(params, batch):
        return jnp.mean(jax.nn.relu(0.0 * batch[0] @ params["w"]))

    new = lsuv(loss, X)(KEY, {"w": jnp.ones((64, 32))})
    assert np.isfinite(new["w"]).all()


def test_a_network_without_activations_stays():
    params = {"w": jnp.ones((64, 3))}
    new = lsuv(lambda p, b: jnp.mean(b[0] @ p["w"]), X)(KEY, params)
    assert np.array_equal(new["w"], params["w"])


@pytest.mark.parametrize("variance", [0.0, -1.0, float("nan"), float("inf")])
def test_a_variance_is_above_0(variance):
    with pytest.raises(ValueError, match="variance is a number above 0"):
        lsuv(lambda p, b: 0.0, X, variance=variance)


def test_a_second_weight_of_the_same_arguments_does_not_shrink_the_first():
    def loss(params, batch):
        return jnp.mean(jax.nn.relu(batch[0] @ params["a"] + batch[0] @ params["b"]))

    params = {"a": 3 * jnp.ones((64, 32)), "b": jnp.ones((64, 32))}
    new = lsuv(loss, X)(KEY, params)
    assert min(float(new[name].std()) for name in new if name == "b") > 0.1


@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_a_weight_before_a_normalisation_keeps_the_size_it_was_drawn_with(scale):
    def loss(params, batch):
        h = batch[0] @ params["w"]
        h = (h - h.mean(1, keepdims=True)) / jnp.sqrt(h.var(1, keepdims=True) + 1e-6)
        return jnp.mean(jax.nn.relu(h * scale) @ params["out"])

    new = lsuv(loss, X)(KEY, {"w": jnp.ones((64, 32)), "out": jnp.ones((32, 1))})
    assert float(new["w"].std()) == pytest.approx(1 / 8, rel=0.1)


def test_an_embedding_is_no_bias():
    def loss(params, batch):
        x, labels = batch
        return jnp.mean(jax.nn.relu(x @ params["w"] + params["table"][labels]))

    new = lsuv(loss, X)(KEY, {"w": jnp.ones((64, 32)), "table": jnp.ones((10, 32))})
    assert np.all(np.asarray(new["table"]) == 1)


def test_layers_in_two_loops_are_scaled_one_by_one():
    def loss(params, batch):
        def layer(x, w):
            return jnp.tanh(x @ w), None

        def block(x, w):
            return lax.scan(layer, x, w)[0], None

        return jnp.mean(lax.scan(block, batch[0], params)[0] ** 2)

    new = lsuv(loss, X)(KEY, jnp.ones((2, 2, 64, 64)))
    assert sizes(loss, new, X) == pytest.approx([1.0] * 4, rel=0.03)


def test_a_rule_without_a_forward_derivative_is_no_hindrance():
    loss = rj.lean(networks.mlp_loss(jax.nn.relu))
    params = [{**layer, "b": layer["b"] - 3.0} for layer in networks.start([64] * 3 + [10])]
    new = lsuv(loss, X)(KEY, params)
    assert [float(jnp.abs(layer["b"]).max()) for layer in new] == [0, 0, 3]


def test_two_activations_of_one_loop_are_scaled_turn_by_turn():
    def loss(params, x):
        def block(h, p):
            return jax.nn.relu(jnp.tanh(h @ p["w1"]) @ p["w2"]), None

        return jnp.mean(jax.lax.scan(block, x, params)[0] ** 2)

    keys = jax.random.split(jax.random.key(0), 3)
    params = {f"w{i}": jax.random.normal(keys[i], (4, 16, 16)) for i in (1, 2)}
    x = jax.random.normal(keys[0], (64, 16))
    found = rj.diagnose(loss, lsuv(loss, x)(jax.random.key(1), params), [x])
    assert len(found.sites) == 8
    for report in found.sites.values():
        assert report.rms_pre == pytest.approx(1.0, abs=0.03), report.id
