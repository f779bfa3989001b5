"""In a whole training step, are the network's activations found, and no optimiser's arithmetic?"""

import jax
import jax.numpy as jnp
import optax
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import networks as n

pytestmark = [
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_observe.py has it"),
    pytest.mark.standard_promotion("some optimisers mix their counts with floats"),
]
PARAMS = {"w": n.leaf(n.D, n.H), "b": n.leaf(n.H), "out": n.leaf(n.H, n.C)}
OPTIMISERS = {
    "sgd": optax.sgd(0.1),
    "momentum": optax.sgd(0.1, momentum=0.9, nesterov=True),
    "adam": optax.adam(1e-3),
    "adamw, clipped by the norm of all": optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(optax.cosine_decay_schedule(0.1, 100))
    ),
    "clipped one by one": optax.chain(optax.clip(1.0), optax.sgd(0.1)),
    "clipped adaptively": optax.chain(optax.adaptive_grad_clip(0.1), optax.sgd(0.1)),
    "rmsprop": optax.rmsprop(1e-3),
    "adagrad": optax.adagrad(1e-2),
    "adafactor": optax.adafactor(1e-3),
    "adabelief": optax.adabelief(1e-3),
    "adamax": optax.adamax(1e-3),
    "radam": optax.radam(1e-3),
    "yogi": optax.yogi(1e-3),
    "novograd": optax.novograd(1e-3),
    "lamb": optax.lamb(1e-3),
    "lion": optax.lion(1e-3),
    "sm3": optax.sm3(1e-3),
    "muon": optax.contrib.muon(1e-3),
}


def loss(params, x, y):
    h = nn.elu(x @ params["w"] + params["b"][None, :])
    return jnp.mean((h @ params["out"] - y) ** 2)


def one_step(optimiser, params, state, x, y):
    value, grads = jax.value_and_grad(loss)(params, x, y)
    updates, state = optimiser.update(grads, state, params)
    return optax.apply_updates(params, updates), state, value


@pytest.mark.parametrize("optimiser", OPTIMISERS.values(), ids=OPTIMISERS)
def test_a_step_holds_the_activations_of_its_network_alone(optimiser):
    def step(params, state, x, y):
        return one_step(optimiser, params, state, x, y)

    (site,) = tap.sites(step, PARAMS, optimiser.init(PARAMS), n.X, n.Y)
    assert (site.id, site.kind) == ("w", "elu")


@pytest.mark.parametrize("name", ["momentum", "adam", "clipped one by one"])
def test_so_does_a_loop_over_steps_and_weights_keep_their_names(name):
    optimiser = OPTIMISERS[name]

    def run(params, state, xs, ys):
        def step(carry, batch):
            params, state, value = one_step(optimiser, *carry, *batch)
            return (params, state), value

        return lax.scan(step, (params, state), (xs, ys))

    xs, ys = (jnp.stack([one, one, one]) for one in (n.X, n.Y))
    (site,) = tap.sites(run, PARAMS, optimiser.init(PARAMS), xs, ys)
    assert (site.id, site.kind, site.count, site.loop) == ("w", "elu", 3, "steps")


def test_adam_by_hand_holds_none():
    def step(params, means, squares, x, y):
        grads = jax.grad(loss)(params, x, y)
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, grads)
        squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g**2, squares, grads)
        return jax.tree.map(
            lambda p, m, s: p - 0.01 * m / (jnp.sqrt(s) + 1e-8), params, means, squares
        )

    sites = tap.sites(step, PARAMS, PARAMS, PARAMS, n.X, n.Y)
    assert [site.kind for site in sites] == ["elu"]
    assert sites.coverage.ignored["of a gradient"] == 6


def test_an_activation_of_a_gradient_that_is_multiplied_on_is_one():
    def energy(params, x):
        return jnp.sum(nn.tanh(x @ params["w"]) @ params["out"])

    def forces(params, x):
        force = jax.grad(energy, argnums=1)(params, x)
        return nn.silu(force) @ params["back"]

    sites = tap.sites(forces, {**PARAMS, "back": n.leaf(n.D, n.C)}, n.X)
    assert sorted(site.kind for site in sites) == ["silu", "tanh"]
