"""Is the last function before a loss told from a part of it?

A site is lost in silence where an activation is taken for a loss, and a swap changes the loss where
that is taken for an activation.
"""

import flax.nnx as nnx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import networks as n

pytestmark = [
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_observe.py has it"),
    pytest.mark.standard_promotion("the losses are written as users write them"),
]

PARAMS = {
    "w": n.leaf(6, 6), "v": n.leaf(6, 6), "o": n.leaf(6, 1), "g": n.leaf(6), "e": n.leaf(9, 6),
}  # fmt: skip
FREQUENCIES = np.array([[1.0, 2.0, 3.0]], np.float32)
X, Y = n.leaf(8, 6), n.leaf(8, 6, seed=1)


def square(a):
    return jnp.mean((a - Y) ** 2)


def hidden(p, x):
    return jnp.tanh(x @ p["w"])


def score(p, x):
    return nn.leaky_relu(x @ p["w"]) @ p["o"]


def gru(p, h, x):
    z = nn.sigmoid(x @ p["w"] + h @ p["v"])
    return (1 - z) * jnp.tanh(x @ p["v"] + h @ p["w"]) + z * h


def lstm(p, c, h, x):
    forget, take = nn.sigmoid(x @ p["w"] + h @ p["v"]), nn.sigmoid(x @ p["w"] - h @ p["v"])
    give = nn.sigmoid(x @ p["v"] + h @ p["v"])
    c = forget * c + take * jnp.tanh(x @ p["v"] + h @ p["w"])
    return c, give * jnp.tanh(c)


def steps(p, c, h, x):
    """Take two steps from states that are given."""
    return square(lstm(p, *lstm(p, c, h, x), x)[1])


def flow(p, x):
    """Scale and shift one half by what the other says, in turns: a coupling of a flow."""
    a, b, total = x[:, :3], x[:, 3:], 0.0
    for name in ("w", "v", "w"):
        scale, shift = jnp.split(jnp.tanh(a @ p[name][:3]), 2, -1)
        a, b, total = b * jnp.exp(scale) + shift, a, total + scale.sum()
    return jnp.mean(a**2 + b**2) - total


def selective(p, x):
    """Decay a state by exp(-step), in parallel, and add what came in."""
    step, taken = nn.softplus(x @ p["w"]), x @ p["v"]
    decay = jnp.exp(-step)

    def joined(a, b):
        return a[0] * b[0], b[0] * a[1] + b[1]

    _, state = lax.associative_scan(joined, (decay, step * taken))
    return square((state * (x @ p["w"])).sum(-1, keepdims=True) @ p["o"].T + taken)


ACTIVATIONS = {
    "a selective state": (selective, "softplus exponential"),
    "flow": (flow, "tanh tanh tanh exponential exponential exponential"),
    "residual": (lambda p, x: square(jnp.tanh(x + hidden(p, x) @ p["v"])), "tanh tanh"),
    "residual relu": (
        lambda p, x: nn.relu(x + nn.relu(x @ p["w"]) @ p["v"]).mean(), "relu relu",
    ),
    "scaled residual": (
        lambda p, x: square(nn.relu(x + p["g"][None] * (nn.relu(x @ p["w"]) @ p["v"]))),
        "relu relu",
    ),
    "gru": (lambda p, x: square(gru(p, gru(p, x, x), x)), "sigmoid tanh sigmoid tanh"),
    "gated": (lambda p, x: square(nn.relu(nn.relu(x @ p["w"]) * (x @ p["v"]))), "relu relu"),
    "scaled": (lambda p, x: square(nn.gelu(p["g"][None] * hidden(p, x))), "tanh gelu_tanh"),
    "after a maximum": (
        lambda p, x: nn.relu(jnp.max((x @ p["w"]).reshape(4, 2, 6), 1)).mean(), "relu",
    ),
    "after a sort": (lambda p, x: nn.relu(jnp.sort(x @ p["w"])).mean(), "relu"),
    "after the largest": (lambda p, x: nn.relu(lax.top_k(x @ p["w"], 3)[0]).mean(), "relu"),
    "autoencoder": (
        lambda p, x: jnp.mean((nn.sigmoid(hidden(p, x) @ p["v"]) - x) ** 2), "tanh sigmoid",
    ),
    "a positive output": (
        lambda p, x: jnp.mean((nn.softplus(hidden(p, x) @ p["o"]) - Y[:, :1]) ** 2),
        "tanh softplus",
    ),
    "a rate": (
        lambda p, x: (lambda m: jnp.mean(m - Y[:, :1] * jnp.log(m)))(
            nn.softplus(hidden(p, x) @ p["o"])
        ),
        "tanh softplus",
    ),
    "masked units": (lambda p, x: square(nn.relu((x @ p["w"]) * Y)), "relu"),
    "a mean over a mask": (lambda p, x: (hidden(p, x) * Y).sum() / Y.sum(), "tanh"),
    "before the first product": (lambda p, x: jnp.tanh(x) @ p["w"][:, :1] @ p["o"].T, "tanh"),
    "before a wider product": (lambda p, x: jnp.tanh(x) @ jnp.tile(p["w"], 2), "tanh"),
    "before two": (lambda p, x: x + nn.relu(nn.relu(x) @ p["w"]) @ p["v"], "relu relu"),
}  # fmt: skip

LOSSES = {
    "hinge of a GAN": (
        lambda p, x: nn.relu(1 - score(p, x)).mean() + nn.relu(1 + score(p, -x)).mean(),
        "leaky_relu leaky_relu",
    ),
    "of a generator": (lambda p, x: nn.softplus(-score(p, x)[:, 0]).mean(), "leaky_relu"),
    "of a discriminator": (
        lambda p, x: nn.softplus(-score(p, x)).mean() + nn.softplus(score(p, -x)).mean(),
        "leaky_relu leaky_relu",
    ),
    "preferences": (
        lambda p, x: -nn.log_sigmoid(0.1 * (score(p, x) - score(p, -x))).mean(),
        "leaky_relu leaky_relu",
    ),
    "ranks": (
        lambda p, x: nn.relu(0.5 - (score(p, x) - score(p, -x))).mean(), "leaky_relu leaky_relu",
    ),
    "triplets": (
        lambda p, x: nn.relu(
            0.2
            + jnp.sum((hidden(p, x) - hidden(p, -x)) ** 2, -1)
            - jnp.sum((hidden(p, x) - hidden(p, x + 1)) ** 2, -1)
        ).mean(),
        "tanh tanh tanh",
    ),
    "labels of ones": (
        lambda p, x: nn.relu(1 - np.ones((8, 1)) * score(p, x)).mean(), "leaky_relu",
    ),
    "cross-entropy of negated scores": (
        lambda p, x: optax.sigmoid_binary_cross_entropy(-score(p, x), Y[:, :1]).mean(),
        "leaky_relu",
    ),
    "smoothed cross-entropy": (
        lambda p, x: (0.9 * nn.softplus(-score(p, x)) + 0.1 * nn.softplus(score(p, x))).mean(),
        "leaky_relu leaky_relu",
    ),
    "a hinge of many labels": (
        lambda p, x: nn.relu(1 - Y * (hidden(p, x) @ p["v"])).mean(), "tanh",
    ),
    "a perceptron": (lambda p, x: nn.relu(-Y[:, :1] * score(p, x)).mean(), "leaky_relu"),
    "outside a tube": (
        lambda p, x: nn.relu(jnp.abs(Y[:, :1] - score(p, x)) - 0.1).mean(), "leaky_relu",
    ),
    "cosine": (
        lambda p, x: (lambda o: -jnp.mean(
            (o * Y).sum(-1) / (jnp.linalg.norm(o, axis=-1) * jnp.linalg.norm(Y, axis=-1))
        ))(hidden(p, x) @ p["v"]),
        "tanh",
    ),
    "penalty on what is large": (
        lambda p, x: square(hidden(p, x) @ p["v"]) + nn.relu(x @ p["w"] - 1).mean(), "tanh",
    ),
    "penalty on what is negative": (
        lambda p, x: square(hidden(p, x) @ p["v"]) + nn.relu(-(x @ p["w"])).mean(), "tanh",
    ),
    "penalty on sizes": (
        lambda p, x: square(hidden(p, x) @ p["v"]) + jnp.abs(x @ p["w"]).mean(), "tanh",
    ),
    "penalty on how many": (
        lambda p, x: square(hidden(p, x) @ p["v"]) + nn.sigmoid(9 * (x @ p["w"]) - 1).sum(), "tanh",
    ),
    "autoencoder, absolute": (lambda p, x: jnp.abs(hidden(p, x) @ p["v"] - x).mean(), "tanh"),
    "autoencoder, Huber": (lambda p, x: optax.huber_loss(x, hidden(p, x) @ p["v"]).mean(), "tanh"),
    "positions": (
        lambda p, x: jnp.sin(x[..., None] * FREQUENCIES[:, None, :1]).reshape(8, -1) @ p["w"], "",
    ),
    "times": (
        lambda p, x: jnp.concatenate([f(x[:, :1] * FREQUENCIES) for f in (jnp.sin, jnp.cos)], -1)
        @ p["w"],
        "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*ACTIVATIONS, *LOSSES])
def test_activations_are_sites_and_losses_are_none(name):
    f, kinds = {**ACTIVATIONS, **LOSSES}[name]
    assert sorted(site.kind for site in tap.sites(f, PARAMS, X)) == sorted(kinds.split())


def test_pairs_that_are_told_by_their_place_are_labels():
    def loss(p, x):
        scores = hidden(p, x) @ hidden(p, -x).T
        return nn.softplus(-(2 * jnp.eye(8) - 1) * scores).mean()

    for program in (loss, jax.grad(loss)):
        assert [site.kind for site in tap.sites(program, PARAMS, X)] == ["tanh", "tanh"]


@pytest.mark.parametrize("name", ["hinge of a GAN", "of a generator", "autoencoder, absolute"])
def test_a_number_that_scales_a_loss_is_no_label(name):
    f, kinds = LOSSES[name]
    for program in (lambda p, x, scale: scale * f(p, x), lambda p, x, scale: f(p, x) / scale):
        sites = tap.sites(program, PARAMS, X, jnp.float32(2))
        assert sorted(site.kind for site in sites) == sorted(kinds.split())


def test_a_state_behind_its_gate_is_no_label():
    sites = tap.sites(steps, PARAMS, n.leaf(8, 6, seed=2), n.leaf(8, 6, seed=3), X)
    assert [site.kind for site in sites].count("tanh") == 4
    assert len(sites) == 10


@pytest.mark.parametrize("act", [nn.relu, jnp.tanh, nn.gelu, nn.silu], ids=lambda act: act.__name__)
@pytest.mark.parametrize("loss", [jnp.mean, square], ids=["mean", "squared error"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_a_batch_norm_before_it_makes_no_difference(act, loss, training):
    class Net(nnx.Module):
        def __init__(self, rngs):
            self.dense = nnx.Linear(6, 6, rngs=rngs)
            self.norm = nnx.BatchNorm(6, use_running_average=not training, rngs=rngs)

        def __call__(self, x):
            return act(self.norm(self.dense(x)))

    (site,) = tap.sites(lambda m, x: loss(m(x)), Net(nnx.Rngs(0)), X)
    assert site.id == "dense"


def test_a_swap_leaves_the_loss_as_it_is():
    def loss(p, x, act=nn.relu):
        d = act(x @ p["w"]) @ p["o"]
        return nn.relu(1 - d).mean()

    found = jax.jit(tap.swap(loss, {"relu": lambda z: nn.leaky_relu(z, 0.2)}))(PARAMS, X)
    by_hand = jax.jit(lambda p, x: loss(p, x, lambda z: nn.leaky_relu(z, 0.2)))(PARAMS, X)
    np.testing.assert_array_equal(jax.device_get(found), jax.device_get(by_hand))
