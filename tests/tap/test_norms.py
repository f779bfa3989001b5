"""Are the steps of a norm told from an activation that stands before one?"""

import equinox as eqx
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
    "exp": (jnp.exp, ["exponential"]),
    "sign": (lambda x: jnp.where(x > 0, 1, jnp.where(x < 0, -1, 0)) * 1.0, ["sign"]),
    "step": (lambda x: (x > 0).astype(x.dtype), ["heaviside"]),
    "threshold": (lambda x: jnp.where(x > 0.1, x, 20.0), ["threshold"]),
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


@pytest.mark.parametrize("norm", NORMS, ids=lambda f: f.__name__)
def test_so_it_is_where_a_vmap_exchanges_the_axes(norm):
    def members(w, x):
        return jax.vmap(lambda w: norm(x @ w))(w).sum(0)

    sites = tap.sites(members, n.leaf(2, 3, 4), n.X)
    assert not sites
    assert set(sites.coverage.ignored) == {"normalisation"}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_the_place_of_the_largest_is_no_norm(act):
    def f(params, x):
        h = act[0](x @ params["w"])
        return (h + nn.one_hot(jnp.argmax(h, axis=-1), 4)) @ params["out"]

    assert [site.kind for site in tap.sites(f, P, n.X)] == act[1]


def test_a_running_maximum_is_no_statistic_of_what_comes_after_it():
    def f(params, x):
        h = lax.cummax(x @ params["w"], axis=1)
        h = jnp.where(h == 0, 1.0, jnp.sin(h) / jnp.where(h == 0, 1.0, h))
        return jnp.clip(h + h @ params["deep"], -9, 9) @ params["out"]

    sites = tap.sites(f, P | {"deep": n.leaf(4, 4)}, n.X)
    assert [site.kind for site in sites] == ["sinc", "hard_tanh"]


def test_units_that_are_counted_are_no_activation():
    def masked_mean(params, x):
        z = x @ params["w"]
        held = (z > 0).astype(z.dtype)
        return (
            (z * held).sum(1, keepdims=True) / held.sum(1, keepdims=True) * params["out"][:, :1].T
        )

    assert "heaviside" not in [site.kind for site in tap.sites(masked_mean, P, n.X)]


def test_a_pooled_activation_that_is_added_back_is_one():
    def f(params, x):
        h = x @ params["w"]
        return (h + nn.relu(h.mean(0, keepdims=True))) @ params["out"]

    assert [site.kind for site in tap.sites(f, P, n.X)] == ["relu"]


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


@pytest.mark.parametrize("first", [True, False], ids=["or the first", "blended"])
def test_a_variance_kept_above_0_is_one_where_it_is_blended_into_a_running_one(first):
    def f(params, state, x):
        z = x @ params["w"]
        mean, square = z.mean(0), (z**2).mean(0)
        now = jnp.maximum(0.0, square - mean**2)
        var = 0.9 * state["var"] + 0.1 * now
        if first:
            var = lax.select(jnp.broadcast_to(state["first"], now.shape), now, var)
        return jnp.tanh((z - mean[None]) / jnp.sqrt(var + 1e-5)[None]) @ params["out"]

    state = {"var": jnp.ones(4), "first": jnp.asarray(False)}
    assert [site.kind for site in tap.sites(f, P, state, n.X)] == ["tanh"]


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize("mode", ["ema", "batch"])
def test_the_batch_norm_of_equinox_holds_no_activation(mode, inference):
    layer = eqx.nn.Linear(3, 4, key=jax.random.key(0))
    norm, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(4, "batch", mode=mode)
    norm = eqx.nn.inference_mode(norm, inference)

    def f(model, state, x):
        def one(x):
            y, after = model[1](model[0](x), state)
            return nn.relu(y), after

        return jax.vmap(one, axis_name="batch", out_axes=(0, None))(x)

    assert [site.kind for site in tap.sites(f, (layer, norm), state, n.X)] == ["relu"]


def test_one_over_an_affine_function_divides():
    def attention(params, x):
        q, k = nn.elu(x @ params["w"]) + 1, nn.elu(x @ params["v"]) + 1
        over = 1 / (q @ k.sum(0) + 1e-6)
        return jnp.sum(((q @ (k.T @ x)) * over[:, None]) ** 2)

    sites = tap.sites(attention, P | {"v": n.leaf(3, 4, seed=1)}, n.X)
    assert [site.kind for site in sites] == ["elu", "elu"]
    assert sites.coverage.ignored["normalisation"] == 1

    def bell(params, x):  # what bends before it divides is a function of its own
        return (1 / (1 + (x @ params["w"]) ** 2)) @ params["out"]

    assert len(tap.sites(bell, P, n.X)) == 1


def test_the_squares_of_a_distance_are_no_activation():
    def rbf(params, x):
        near = jnp.exp(-0.5 * jnp.sum((x[:, None] - params["centres"][None]) ** 2, -1))
        return jnp.mean((near @ params["out"]) ** 2)

    sites = tap.sites(rbf, {"centres": n.leaf(4, 3), "out": P["out"]}, n.X)
    assert [site.kind for site in sites] == ["exponential"]
    assert sites.coverage.ignored == {"distance": 1, "loss": 1}
