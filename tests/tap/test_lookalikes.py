"""What has the values of a catalogue entry and is none, or another one than it seems?"""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

P = {"w": n.leaf(3, 4), "out": n.leaf(4, 2)}
ROOT = float(np.sqrt(2))


def _kinds(f):
    return [site.kind for site in tap.sites(f, P, n.X)]


def _size(z):
    return jnp.sqrt((z**2).sum(-1, keepdims=True) + 1e-6)


def _net(p, x):
    return nn.relu(x @ p["w"]) @ p["out"]


SCALES = {
    "clipped by its norm": lambda z: z * jnp.minimum(1.0, 1 / _size(z)),
    "clipped between": lambda z: z * jnp.clip(2 / _size(z), 0, 1),
    "clipped from above": lambda z: z * jnp.clip(2 / _size(z), None, 1.0),
    "norm kept small": lambda z: z * jnp.minimum(_size(z), 5) / _size(z),
    "softly": lambda z: z / jnp.sqrt(1 + _size(z) ** 2),
    "by the sum of smooth sizes": lambda z: z / jnp.sqrt(z**2 + 1e-6).sum(-1, keepdims=True),
}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_factor_made_of_a_norm_is_part_of_the_norm(scale):
    sites = tap.sites(lambda p, x: scale(x @ p["w"]) @ p["out"], P, n.X)
    assert not sites, str(sites)
    assert set(sites.coverage.ignored) == {"normalisation"}


PENALTIES = {
    "free bits": lambda z: jnp.maximum(jnp.mean(z**2), 1.0),
    "loss clipped": lambda z: jnp.minimum(jnp.mean(z**2), 10.0),
    "loss clipped on both sides": lambda z: jnp.clip(jnp.mean(z**2), 0, 1),
    "root of a loss": lambda z: jnp.sqrt(jnp.mean(z**2) ** 2 + 1e-6),
    "total variation": lambda z: jnp.sqrt((z[1:] - z[:-1]) ** 2 + 1e-6).mean(),
    "pseudo-Huber": lambda z: (jnp.sqrt(1 + z**2) - 1).mean(),
    "Welsch": lambda z: (1 - jnp.exp(-(z**2))).mean(),
    "range": lambda z: jnp.abs(z - jnp.clip(z, -1, 1)).mean(),
}


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_a_loss_without_labels_holds_no_activation(penalty):
    sites = tap.sites(lambda p, x: penalty(_net(p, x)), P, n.X)
    assert [site.kind for site in sites] == ["relu"]
    assert set(sites.coverage.ignored) == {"loss"}


@pytest.mark.parametrize(
    ("f", "kinds"),
    [
        (lambda z: jnp.clip(nn.leaky_relu(z, 0.2) * ROOT, -256, 256), ["leaky_relu", "hard_tanh"]),
        (lambda z: jnp.clip(nn.leaky_relu(z, 0.01), -1, 1), ["leaky_relu", "hard_tanh"]),
        (lambda z: jnp.clip(nn.leaky_relu(z, 0.1), -30, 5), ["leaky_relu", "hard_tanh"]),
        (lambda z: jnp.maximum(z, 1e-6), ["relu"]),
        (lambda z: 0.5 * z * (1 + lax.erf(z / 1.4142)), ["gelu"]),
        (lambda z: 0.5 * z * (1 + lax.erf(z * 0.7071)), ["gelu"]),
        (lambda z: z / (1 + jnp.exp(-z) + 1e-6), ["silu"]),
        (lambda z: 1.7 * jnp.tanh(z / 2), ["tanh"]),
        (lambda z: jnp.sqrt(z**2 + 1e-12), ["absolute"]),
        (lambda z: 0.01 * jnp.sign(z), ["sign"]),
        (lambda z: jnp.clip(0.16667 * z + 0.5, 0, 1), ["hard_sigmoid"]),
        (lambda z: 1e-3 * nn.elu(z, 0.5), ["elu"]),
        (lambda z: nn.relu(z) ** 2, ["squared_relu"]),
    ],
)
def test_the_plain_name_is_told_and_nothing_is_swallowed(f, kinds):
    assert _kinds(lambda p, x: f(x @ p["w"]) @ p["out"]) == kinds


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: ((jnp.log1p(z) - jnp.log1p(y**2)) ** 2).mean(),
        lambda z, _: jnp.mean(z**2),
        lambda z, _: jnp.sqrt(z**2 + 1e-6).sum(),
    ],
    ids=["log error", "mean square", "smooth size"],
)
def test_a_loss_after_an_output_s_relu_makes_no_other_function_of_it(loss):
    def f(p, x):
        return loss(nn.relu(_net(p, x)), x[:, :2])

    assert _kinds(f) == ["relu", "relu"]


def test_what_is_told_around_a_function_is_the_whole():
    (site,) = tap.sites(lambda p, x: 50 * jnp.tanh(x @ p["w"] / 3 / 50), P, n.X)
    assert (site.kind, site.scaled) == ("tanh", ("scaled_tanh(scale=50, rate=0.00666667)",))
    (site,) = tap.sites(lambda p, x: jnp.tanh(x @ p["w"] / 2), P, n.X)
    assert site.scaled == ("bipolar_sigmoid", "scaled_tanh(scale=1, rate=0.5)")
    assert site.kind == "tanh"


@pytest.mark.parametrize("f", [lambda z: jnp.exp(nn.relu(z)), lambda z: nn.relu(z) * jnp.exp(z)])
def test_what_grows_beyond_every_number_gives_no_warning(f):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _kinds(lambda p, x: f(x @ p["w"]))
