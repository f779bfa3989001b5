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


@pytest.mark.parametrize("name", ["adamw, clipped by the norm of all", "adam"])
def test_so_do_loops_in_loops(name):
    optimiser = OPTIMISERS[name]

    def run(params, state, x, y):
        def step(carry, _):
            params, state, value = one_step(optimiser, *carry, x, y)
            return (params, state), value

        def epoch(carry, _):
            return lax.scan(step, carry, length=2)

        return lax.scan(epoch, (params, state), length=3)

    (site,) = tap.sites(run, PARAMS, optimiser.init(PARAMS), n.X, n.Y)
    assert (site.id, site.kind, site.count) == ("w", "elu", 6)


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


@pytest.mark.parametrize("name", ["adamw, clipped by the norm of all", "rmsprop", "lion", "adamax"])
@pytest.mark.parametrize("held", [False, True], ids=["unused", "held"])
def test_a_weight_without_a_gradient_adds_none(name, held):
    optimiser = OPTIMISERS[name]

    def other(params, x, y):
        kept = {**params, "b": lax.stop_gradient(params["b"])} if held else params
        return loss(kept, x, y)

    def step(params, state, x, y):
        grads = jax.grad(other)(params, x, y)
        updates, state = optimiser.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    params = PARAMS if held else {**PARAMS, "more": n.leaf(n.H)}
    assert [s.kind for s in tap.sites(step, params, optimiser.init(params), n.X, n.Y)] == ["elu"]


NORMS = {
    "sums": lambda grads: sum(jnp.sum(g**2) for g in grads),
    "vdot": lambda grads: sum(jnp.vdot(g, g) for g in grads),
    "tensordot": lambda grads: sum(jnp.tensordot(g, g, g.ndim) for g in grads),
}


@pytest.mark.parametrize("squares", NORMS.values(), ids=NORMS)
def test_the_norm_of_a_gradient_is_none(squares):
    def step(params, x, y):
        grads = jax.grad(loss)(params, x, y)
        factor = jnp.minimum(1.0, 1 / jnp.sqrt(squares(jax.tree.leaves(grads))))
        return jax.tree.map(lambda p, g: p - 0.1 * g * factor, params, grads)

    assert [site.kind for site in tap.sites(step, PARAMS, n.X, n.Y)] == ["elu"]


def test_the_scale_of_a_loss_is_none():
    def step(params, scale, x, y):
        grads = jax.grad(lambda p: loss(p, x, y) * scale)(params)
        fine = jnp.all(jnp.array([jnp.isfinite(g).all() for g in jax.tree.leaves(grads)]))
        new = jax.tree.map(lambda p, g: jnp.where(fine, p - g / scale, p), params, grads)
        return new, jnp.where(fine, jnp.minimum(2 * scale, 2.0**15), scale / 2)

    sites = tap.sites(step, PARAMS, jnp.float32(128), n.X, n.Y)
    assert [site.kind for site in sites] == ["elu"]


def test_an_adversary_in_a_loop_sees_the_activation_itself():
    def network(params, x, y):
        return jnp.mean((nn.silu(x @ params["w"]) @ params["out"] - y) ** 2)

    def attacked(params, x, y):
        def up(x, _):
            return x + 0.01 * jax.grad(network, argnums=1)(params, x, y), None

        x, _ = lax.scan(up, x, length=3)
        return network(params, lax.stop_gradient(x), y)

    for program in (attacked, jax.grad(attacked)):
        sites = tap.sites(program, PARAMS, n.X, n.Y)
        assert [(site.kind, site.count) for site in sites] == [("silu", 3), ("silu", 1)]


@jax.custom_vjp
def spike(v):
    return jnp.heaviside(v, 0.0)


spike.defvjp(lambda v: (spike(v), v), lambda v, g: (g * nn.sigmoid(v) * (1 - nn.sigmoid(v)),))


def test_a_surrogate_gradient_in_a_loop_leaves_the_step_a_site():
    def run(params, xs):
        def turn(v, x):
            v = 0.9 * v + x @ params["w"]
            return 0.5 * v, spike(v) @ params["out"]

        return (lax.scan(turn, jnp.zeros((5, n.H)), xs)[1] ** 2).mean()

    for program in (run, jax.grad(run)):
        assert [s.kind for s in tap.sites(program, PARAMS, jnp.stack([n.X] * 3))] == ["heaviside"]


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
    # The squares: what holds the parts of the weights counts as such, and so do roots of it.
    assert sites.coverage.ignored["of a gradient"] == 3


def test_an_activation_of_a_gradient_that_is_multiplied_on_is_one():
    def energy(params, x):
        return jnp.sum(nn.tanh(x @ params["w"]) @ params["out"])

    def forces(params, x):
        force = jax.grad(energy, argnums=1)(params, x)
        return nn.silu(force) @ params["back"]

    sites = tap.sites(forces, {**PARAMS, "back": n.leaf(n.D, n.C)}, n.X)
    assert sorted(site.kind for site in sites) == ["silu", "tanh"]
