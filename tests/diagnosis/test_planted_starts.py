"""Are faults of the start and of the loop found: equal units, raw inputs, memory that fades?"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import relu_jax as rj
from relu_jax import training
from tests.diagnosis import networks, recurrent
from tests.diagnosis.networks import Case, digits, mlp_loss, scaled, start
from tests.sampling import some

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace, three times the cost; test_diagnose.py runs under it"
)
SIZES = [64, 48, 48, 48, 10]
relu_loss = mlp_loss(jax.nn.relu)


def constant_weights():
    """Every leaf full of one number: all units of a layer are one."""
    params = jax.tree.map(lambda leaf: jnp.full_like(leaf, 0.02), start(SIZES))
    return Case(relu_loss, params, digits())


def constant_in_half_precision():
    params = jax.tree.map(lambda x: jnp.full_like(x, 0.05, jnp.bfloat16), start([64, 33, 37, 10]))
    return Case(mlp_loss(jnp.tanh), params, digits(77))


def raw_pixels(act=jax.nn.relu, top=255.0):
    """Images from 0 to 255, as they come out of a file."""
    return Case(mlp_loss(act), start(SIZES), [(pixels(x, top), y) for x, y in digits()])


def pixels(images, top):
    return (images - images.min()) / (images.max() - images.min()) * np.float32(top)


def first_weight_too_large():
    return Case(relu_loss, scaled(start(SIZES), 0, 3e3), digits())


def forgetful():
    return recurrent.plain(jax.nn.relu, 0.3)


def forgetful_in_reverse():
    return recurrent.plain(jnp.tanh, 0.3, reverse=True)


def gates_that_start_shut():
    return recurrent.lstm(-2.0, steps=24)


def exploding_through_time():
    return recurrent.plain(jax.nn.relu, 2.5)


FAULTS = [
    (constant_weights, "symmetric_units", "critical", "params/0"),
    (constant_in_half_precision, "symmetric_units", "critical", "params/0"),
    (raw_pixels, "input_scale", "warning", "params/0"),
    (partial(raw_pixels, jax.nn.leaky_relu), "input_scale", "warning", "params/0"),
    (partial(raw_pixels, jax.nn.gelu), "input_scale", "warning", "params/0"),
    (partial(raw_pixels, jnp.tanh), "saturated", "critical", "params/0"),
    (partial(raw_pixels, jax.nn.sigmoid), "saturated", "critical", "params/0"),
    (partial(raw_pixels, jax.nn.relu, 65535.0), "input_scale", "critical", "params/0"),
    (first_weight_too_large, "input_scale", "critical", "params/0"),
    (forgetful, "vanishing_gradient", "warning", "wh"),
    (forgetful_in_reverse, "vanishing_gradient", "warning", "wh"),
    (gates_that_start_shut, "vanishing_gradient", "warning", "u#2"),
    (exploding_through_time, "exploding_signal", "critical", "wh"),
]


def named(plant):
    """Name a fault by its function and by what that is given."""
    if not isinstance(plant, partial):
        return plant.__name__
    return "-".join([plant.func.__name__, *(getattr(a, "__name__", str(a)) for a in plant.args)])


@cache
def diagnosed(plant):
    """Diagnose a fault once for all tests."""
    return rj.diagnose(*plant())


@pytest.mark.parametrize(
    ("plant", "kind", "severity", "site"), some(FAULTS, 3, [named(row[0]) for row in FAULTS])
)
def test_the_fault_comes_first(plant, kind, severity, site):
    found = diagnosed(plant).findings
    told = "\n".join(map(str, found))
    assert found, "nothing was found"
    assert (found[0].kind, found[0].severity, found[0].site) == (kind, severity, site), told


@pytest.mark.parametrize("plant", some([row[0] for row in FAULTS[:-1]], 3), ids=named)
def test_a_fault_is_said_once(plant):
    assert len([one for one in diagnosed(plant).findings if one.severity != "info"]) == 1


def test_an_explosion_through_time_is_that_of_signal_and_gradient():
    found = [one for one in diagnosed(exploding_through_time).findings if one.severity != "info"]
    assert [(one.kind, one.severity) for one in found] == [
        ("exploding_signal", "critical"), ("exploding_gradient", "critical"),
    ]  # fmt: skip


def sine_network():
    """A SIREN: sin(30 z) everywhere, its first argument 30 times its input."""

    def loss(params, batch):
        x, y = batch
        for w in params[:-1]:
            x = jnp.sin(30.0 * (x @ w))
        return jnp.mean(jnp.square(x @ params[-1] - y))

    draw = np.random.default_rng(0).uniform
    reach = [0.5, *[(6 / 64) ** 0.5 / 30] * 3]
    sizes = [(2, 64), (64, 64), (64, 64), (64, 1)]
    params = [
        jnp.asarray(draw(-r, r, size), jnp.float32) for r, size in zip(reach, sizes, strict=True)
    ]
    points = draw(-1, 1, (256, 2)).astype(np.float32)
    return Case(loss, params, [(points, np.sin(9 * points[:, :1]))])


def normalised_pixels():
    """Raw pixels, but what reaches each activation is normalised over the batch."""

    def loss(params, batch):
        x, labels = batch
        for layer in params[:-1]:
            z = networks.dense(layer, x)
            z = z - jnp.broadcast_to(jnp.mean(z, axis=0, keepdims=True), z.shape)
            size = jnp.sqrt(jnp.mean(jnp.square(z), axis=0, keepdims=True) + 1e-5)
            x = jax.nn.relu(z / jnp.broadcast_to(size, z.shape))
        return networks.cross_entropy(networks.dense(params[-1], x), labels)

    return Case(loss, start(SIZES), raw_pixels().batches)


def one_gate_for_all():
    """A squeeze and excitation of four values, each spread over twelve units."""

    def loss(params, batch):
        x, labels = batch
        h = jax.nn.relu(networks.dense(params[0], x))
        gate = jax.nn.sigmoid(jnp.repeat(networks.dense(params[1], h), 12, axis=1))
        return networks.cross_entropy(networks.dense(params[2], h * gate), labels)

    first, last = start([64, 48, 10])
    return Case(loss, [first, *start([48, 4]), last], digits())


def one_by_one():
    """A trained network mapped over its examples, whose gradients differ by orders of size."""
    params, batches = start([64, 48, 48, 10]), digits()
    state, _ = training.fit(relu_loss, params, batches * 50, optax.sgd(0.1), steps=100)

    def loss(params, batch):
        x, labels = batch
        logits = jax.lax.map(
            lambda x: networks.dense(params[2], jax.nn.relu(
                networks.dense(params[1], jax.nn.relu(networks.dense(params[0], x[None])))
            ))[0], x
        )  # fmt: skip
        return networks.cross_entropy(logits, labels)

    return Case(loss, state.params, batches)


QUIET = [
    sine_network, normalised_pixels, one_gate_for_all, one_by_one,
    partial(recurrent.plain, jnp.tanh, 1.0, steps=16),
    partial(recurrent.plain, jax.nn.relu, 2**0.5),
    partial(recurrent.gru, steps=8), recurrent.gru,
    partial(recurrent.lstm, 0.0), partial(recurrent.lstm, 1.0),
]  # fmt: skip


@pytest.mark.parametrize("network", some(QUIET, 4, list(map(named, QUIET))))
def test_what_looks_like_a_fault_and_is_none_gives_no_warning(network):
    found = rj.diagnose(*network()).findings
    assert [one for one in found if one.severity != "info"] == []
