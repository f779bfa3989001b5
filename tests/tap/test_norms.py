"""Are the steps of a softmax and a norm told from an activation that stands before one?"""

import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 4)
P = {"w": W, "out": n.leaf(4, 2)}


def layer_norm(x):
    return (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)


def batch_norm(x):
    return (x - x.mean(0, keepdims=True)) / jnp.sqrt(x.var(0, keepdims=True) + 1e-5)


def rms_norm(x):
    return x / jnp.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)


def unit_norm(x):
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


def centred(x):
    return x - x.mean(-1, keepdims=True)


NORMS = [layer_norm, batch_norm, rms_norm, unit_norm]
ACTS = {
    "relu": (nn.relu, ["relu"]),
    "tanh": (jnp.tanh, ["tanh"]),
    "mish": (nn.mish, ["mish"]),
    "sin": (jnp.sin, ["sine"]),
    "hard_swish": (nn.hard_swish, ["hard_silu"]),
    "gaussian": (lambda x: jnp.exp(-x * x), ["gaussian_square"]),
    "snake": (lambda x: x + 0.5 * jnp.sin(2 * x) ** 2, ["snake"]),
    "squared relu": (lambda x: nn.relu(x) ** 2, ["squared_relu"]),
}


@pytest.mark.parametrize("norm", [*NORMS, centred], ids=lambda f: f.__name__)
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_activation_before_a_norm_is_no_part_of_it(norm, act):
    f, kinds = act
    sites = tap.sites(lambda params, x: norm(f(x @ params["w"])) @ params["out"], P, n.X)
    assert [site.kind for site in sites] == kinds


@pytest.mark.parametrize("norm", NORMS, ids=lambda f: f.__name__)
def test_a_norm_alone_holds_no_activation(norm):
    sites = tap.sites(lambda params, x: norm(x @ params["w"]) @ params["out"], P, n.X)
    assert not sites
    assert set(sites.coverage.ignored) == {"normalisation"}


def test_a_pooled_activation_that_is_added_back_is_one():
    def f(params, x):
        h = x @ params["w"]
        return (h + nn.relu(h.mean(0, keepdims=True))) @ params["out"]

    assert [site.kind for site in tap.sites(f, P, n.X)] == ["relu"]


def test_every_part_of_a_logsumexp_is_a_softmax_s():
    sites = tap.sites(lambda w, x: nn.logsumexp(x @ w, axis=-1), W, n.X)
    assert sites.coverage.ignored == {"softmax": 4}


@pytest.mark.parametrize("name", ["state", "params"])
def test_a_stored_variance_is_a_parameter_wherever_it_is_kept(name):
    stored = {"mean": n.leaf(4), "var": jnp.ones(4)}
    args = (P, stored, n.X) if name == "state" else (P | stored, P | stored, n.X)

    def f(params, state, x):
        z = (x @ params["w"] - state["mean"][None]) * lax.rsqrt(state["var"] + 1e-5)[None]
        return nn.relu(z) @ params["out"]

    sites = tap.sites(f, *args)
    assert [(site.id, site.kind) for site in sites] == [("w", "relu")]
    assert sites.coverage.ignored == {"parameter transform": 1}


def test_a_softmax_is_one_under_a_gradient_too():
    f = jax.grad(
        lambda params, x: nn.log_softmax(jnp.tanh(x @ params["w"]) @ params["out"])[:, 0].sum()
    )
    sites = tap.sites(f, P, n.X)
    assert [site.kind for site in sites] == ["tanh"]
