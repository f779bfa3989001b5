"""Is each fault found, named, and named at the right place? And are healthy networks left alone?"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import relu_jax as rj
from relu_jax import training
from tests.diagnosis import networks
from tests.diagnosis.networks import Case, digits, gaussian, mlp_loss, replaced, scaled, start
from tests.sampling import THOROUGH, some

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace, three times the cost; test_diagnose.py runs under it"
)
SIZES = [64, 48, 48, 48, 48, 48, 10]
relu_loss = mlp_loss(jax.nn.relu)


def dead_by_bias():
    params = start(SIZES)
    return Case(relu_loss, replaced(params, 2, "b", jnp.full(48, -50.0)), digits())


def all_negative():
    """Every weight of one layer negative, every input to it positive."""
    params = start(SIZES)
    return Case(relu_loss, replaced(params, 3, "w", -jnp.abs(params[3]["w"]) - 0.01), digits())


def exploding_start():
    return Case(relu_loss, start(SIZES, gain=12.0), digits())


def vanishing_start():
    return Case(relu_loss, start(SIZES, gain=0.1), digits())


def vanishing_gradient():
    return Case(mlp_loss(jax.nn.sigmoid), start([64, *[48] * 8, 10], gain=1.0), digits())


def exploding_gradient():
    """A chaotic tanh network in a scan: bounded forward, so only the gradient can explode."""

    def loss(params, batch):
        x, labels = batch
        x, _ = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, params["hidden"])
        return networks.cross_entropy(x @ params["last"], labels)

    first, last = jax.random.split(jax.random.key(0))
    params = {
        "hidden": jax.random.normal(first, (32, 64, 64)) * 3.0 / 8.0,
        "last": jax.random.normal(last, (64, 10)) / 8.0,
    }
    return Case(loss, params, gaussian())


def saturated_tanh():
    params = start(SIZES, gain=1.0)
    return Case(mlp_loss(jnp.tanh), scaled(params, 2, 60.0), digits())


def saturated_sigmoid():
    params = start([64, 48, 48, 48, 10], gain=1.8)
    return Case(mlp_loss(jax.nn.sigmoid), replaced(params, 1, "b", jnp.full(48, 9.0)), digits())


def frozen_layer():
    def loss(params, batch):
        held = [*params[:2], jax.lax.stop_gradient(params[2]), *params[3:]]
        return relu_loss(held, batch)

    return Case(loss, start(SIZES), digits())


def cut_below():
    """The gradient stops between two layers: all before it get none."""

    def loss(params, batch):
        x, labels = batch
        for i, layer in enumerate(params[:-1]):
            x = jax.nn.relu(networks.dense(layer, x))
            x = jax.lax.stop_gradient(x) if i == 2 else x
        return networks.cross_entropy(networks.dense(params[-1], x), labels)

    return Case(loss, start(SIZES), digits())


def killed_by_the_rate():
    params, batches = start([64, 48, 48, 10]), digits()
    state, _ = training.fit(relu_loss, params, batches * 2, optax.sgd(8.0), steps=4)
    return Case(relu_loss, state.params, batches)


def nan_in_a_weight():
    params = start(SIZES)
    return Case(relu_loss, replaced(params, 3, "w", params[3]["w"].at[5, 7].set(jnp.nan)), digits())


def inf_in_the_data():
    batches = digits()
    batches[1][0][3, 4] = np.inf
    return Case(relu_loss, start(SIZES), batches)


def nan_midway():
    """The logarithm of a negative number, between the third and the fourth layer."""

    def loss(params, batch):
        x, labels = batch
        for i, layer in enumerate(params[:-1]):
            z = networks.dense(layer, x)
            x = jax.nn.relu(jnp.log(z) if i == 3 else z)
        return networks.cross_entropy(networks.dense(params[-1], x), labels)

    return Case(loss, start(SIZES), digits())


def inf_going_back():
    """The square root of a sum of squares that is 0: finite forward, NaN backward."""

    def loss(params, batch):
        x, labels = batch
        for i, layer in enumerate(params[:-1]):
            x = jax.nn.relu(networks.dense(layer, x))
            if i == 2:
                size = jnp.sqrt(jnp.sum(jnp.square(x * 0.0), axis=1, keepdims=True))
                x = x + jnp.broadcast_to(size, x.shape)
        return networks.cross_entropy(networks.dense(params[-1], x), labels)

    return Case(loss, start(SIZES), digits())


def scaled_twice():
    """One layer's initialisation divides by sqrt(n_in) twice."""
    return Case(relu_loss, scaled(start(SIZES), 3, 48**-0.5), digits())


def multiplied_twice():
    return Case(relu_loss, scaled(start(SIZES), 2, 12.0), digits())


def underflow():
    """In bfloat16 the sigmoid rounds to 1 from z = 6.2 on, where its slope is still 0.2 %."""
    params = start([64, 48, 48, 48, 10], gain=1.8)
    params = replaced(params, 1, "b", jnp.full(48, 7.5))
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    return Case(mlp_loss(jax.nn.sigmoid), narrow, digits())


def in_half(params):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float16), params)


def flushed_in_half():
    """Going back through sigmoids, gradients pass the end of float16 midway."""
    params = in_half(start([64, *[32] * 6, 10], gain=0.3))
    return Case(mlp_loss(jax.nn.sigmoid), params, gaussian(n=1))


def lost_in_half():
    """A loss so small in float16 that no gradient leaves it."""

    def loss(params, batch):
        return mlp_loss(jnp.tanh)(params, batch).astype(jnp.float16) * jnp.float16(1e-6)

    return Case(loss, in_half(start([64, 32, 32, 10])), gaussian(n=1))


def linear_stack():
    def loss(params, batch):
        x, labels = batch
        for i, layer in enumerate(params[:-1]):
            z = networks.dense(layer, x)
            x = z if i == 1 else jax.nn.relu(z)
        return networks.cross_entropy(networks.dense(params[-1], x), labels)

    return Case(loss, start(SIZES), digits())


def no_activation():
    return Case(mlp_loss(lambda z: z), start(SIZES, gain=1.0), digits())


FAULTS = [
    (dead_by_bias, "dead_units", "critical", "params/2"),
    (all_negative, "dead_units", "critical", "params/3"),
    (exploding_start, "exploding_signal", "critical", "params/4"),
    (vanishing_start, "vanishing_signal", "critical", "params/4"),
    (vanishing_gradient, "vanishing_gradient", "critical", "params/0"),
    (exploding_gradient, "exploding_gradient", "critical", "hidden[0]"),
    (saturated_tanh, "saturated", "critical", "params/2"),
    (saturated_sigmoid, "saturated", "critical", "params/1"),
    (frozen_layer, "frozen_parameter", "warning", "params/2/w"),
    (cut_below, "frozen_parameter", "warning", "params/2/w"),
    (killed_by_the_rate, "dead_units", "critical", "params/0"),
    (nan_in_a_weight, "non_finite", "critical", "params/3/w"),
    (inf_in_the_data, "non_finite", "critical", "batch/0"),
    (nan_midway, "non_finite", "critical", "params/3"),
    (inf_going_back, "non_finite", "critical", "params/2"),
    (scaled_twice, "vanishing_signal", "warning", "params/3"),
    (multiplied_twice, "exploding_signal", "warning", "params/2"),
    (underflow, "underflow", "critical", "params/1"),
    (flushed_in_half, "vanishing_gradient", "critical", "params/0"),
    (lost_in_half, "frozen_parameter", "critical", ""),
    (linear_stack, "linear_stack", "warning", "params/2/w"),
    (no_activation, "no_activation", "warning", "params/0/w"),
]


@cache
def diagnosed(plant):
    """Diagnose a fault once for all tests."""
    return rj.diagnose(*plant())


@pytest.mark.parametrize(
    ("plant", "kind", "severity", "site"), some(FAULTS, 2, [row[0].__name__ for row in FAULTS])
)
def test_the_fault_comes_first(plant, kind, severity, site):
    found = diagnosed(plant).findings
    told = "\n".join(map(str, found))
    assert found, "nothing was found"
    assert (found[0].kind, found[0].severity, found[0].site) == (kind, severity, site), told


SAID_ONCE = [
    (dead_by_bias, {"dead_units"}),
    (all_negative, {"dead_units"}),
    (saturated_tanh, {"saturated"}),
    (saturated_sigmoid, {"saturated"}),
    (frozen_layer, {"frozen_parameter"}),
    (nan_in_a_weight, {"non_finite"}),
    (inf_in_the_data, {"non_finite"}),
    (nan_midway, {"non_finite"}),
    (underflow, {"underflow"}),
    (flushed_in_half, {"vanishing_gradient"}),
    (lost_in_half, {"frozen_parameter"}),
    (scaled_twice, {"vanishing_signal"}),
]


DIAGNOSED = {row[0] for row in FAULTS[::2]}  # by default, above


@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        pytest.param(*row, id=row[0].__name__, marks=() if row[0] in DIAGNOSED else THOROUGH)
        for row in SAID_ONCE
    ],
)
def test_a_fault_is_said_once(plant, kinds):
    """What a cause brings about (zero gradients, NaN downstream) is no finding of its own."""
    found = [one for one in diagnosed(plant).findings if one.severity != "info"]
    assert len(found) == 1
    assert {one.kind for one in found} == kinds


def test_zeros_of_float16_are_told_as_such():
    (flushed,) = diagnosed(flushed_in_half).findings
    assert flushed.what.endswith("Below params/2 it is rounded to 0.")
    assert "where float16 ends" in diagnosed(lost_in_half).findings[0].what


# Each activation with the gain that keeps the variance of standard normal arguments.
HEALTHY = [
    (jax.nn.relu, 2**0.5),
    (jax.nn.leaky_relu, 2**0.5),
    (jax.nn.gelu, 1.5335),
    (jax.nn.silu, 1.6765),
    (jnp.tanh, 1.0),
    (jax.nn.elu, 1.2452),
    (jax.nn.selu, 1.0),
]
AGAIN = pytest.mark.thorough("more seeds and depths of the same")
GROWN = [
    pytest.param(
        act, gain, depth, seed, id=f"{act.__name__}-{depth}-{seed}", marks=[AGAIN] if seed else []
    )
    for seed in range(3)
    for i, (act, gain) in enumerate(HEALTHY)
    for depth in [3 + (5 * seed + i) % 6]
]


@pytest.mark.parametrize(("act", "gain", "depth", "seed"), GROWN)
def test_a_healthy_network_gives_no_warning(act, gain, depth, seed):
    params = start([64, *[48] * (depth - 1), 10], gain=gain, seed=seed)
    batches = digits() if seed % 2 else gaussian(seed=seed)
    found = rj.diagnose(mlp_loss(act), params, batches).findings
    assert [one for one in found if one.severity != "info"] == []
