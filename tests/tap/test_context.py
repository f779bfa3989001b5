"""Is what surrounds an elementwise function read rightly: softmax, norm, loss, position, gate?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import losses
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 4)
WIDE = {"w": W, "v": n.leaf(3, 4, seed=1), "out": n.leaf(4, 2)}


def _ignored(f, *args):
    return tap.sites(f, *args).coverage.ignored


def _norm(x, axis):
    return (x - x.mean(axis, keepdims=True)) / jnp.sqrt(x.var(axis, keepdims=True) + 1e-5)


def _rms(x):
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6)


def _unit(x):
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


def _rms(x):
    return x * lax.rsqrt((x**2).mean(-1, keepdims=True))


def _grouped(x):
    return _norm(x.reshape(5, 2, 2), 2).reshape(5, 4)


def _own_softmax(x):
    weights = jnp.exp(x - x.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def _masked_softmax(x):
    return nn.softmax(jnp.where(x > 0, x, -1e9), axis=-1)


PURPOSES = {
    "softmax": (lambda w, x: nn.softmax(x @ w), "softmax"),
    "softmax by hand": (lambda w, x: _own_softmax(x @ w), "softmax"),
    "log_softmax": (lambda w, x: nn.log_softmax(x @ w), "softmax"),
    "logsumexp": (lambda w, x: nn.logsumexp(x @ w, axis=-1), "softmax"),
    "softmax over one class": (lambda w, x: nn.softmax(x @ w[:, :1]), "softmax"),
    "softmax, masked": (lambda w, x: _masked_softmax(x @ w), "softmax"),
    "layer norm": (lambda w, x: _norm(x @ w, -1), "normalisation"),
    "batch norm": (lambda w, x: _norm(x @ w, 0), "normalisation"),
    "group norm": (lambda w, x: _grouped(x @ w), "normalisation"),
    "nn.standardize": (lambda w, x: nn.standardize(x @ w), "normalisation"),
    "rms norm": (lambda w, x: _rms(x @ w), "normalisation"),
    "unit norm": (lambda w, x: _unit(x @ w), "normalisation"),
    "squared error": (lambda w, x, y: jnp.mean((x @ w - y) ** 2), "loss"),
    "weight decay": (lambda w, x: (x @ w).sum() + (w**2).sum(), "parameter transform"),
    "positive weights": (lambda w, x: x @ jnp.exp(w), "parameter transform"),
    "positions": (lambda w, x: x @ w + jnp.sin(jnp.arange(4.0))[None], "constant"),
}


@pytest.mark.parametrize("row", PURPOSES.values(), ids=PURPOSES)
def test_what_is_no_activation_is_named_for_what_it_is(row):
    f, purpose = row
    args = (W, n.X, n.leaf(5, 4)) if purpose == "loss" else (W, n.X)
    sites = tap.sites(f, *args)
    assert len(sites) == 0, str(sites)
    assert purpose in sites.coverage.ignored


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("shape", [(5, 4), (1, 4), (5, 1), (1, 1)])
def test_a_norm_over_a_single_value_is_still_a_norm(axis, shape):
    w, x = n.leaf(3, shape[1]), n.leaf(shape[0], 3)
    sites = tap.sites(lambda w, x: nn.relu(_norm(x @ w, axis)), w, x)
    assert [(s.id, s.kind) for s in sites] == [("w", "relu")]


@pytest.mark.parametrize("f", [nn.relu, nn.sigmoid, jnp.tanh, nn.softplus, nn.hard_tanh])
@pytest.mark.parametrize("norm", [_norm, lambda x, _: _rms(x), lambda x, _: _unit(x)])
def test_an_activation_beside_a_norm_is_one_still(f, norm):
    def model(p, x):
        return f(norm(x @ p["w"], -1)) @ p["out"]

    assert len(tap.sites(model, WIDE, n.X)) == 1


def test_an_activation_before_a_norm_is_one_still():
    sites = tap.sites(lambda p, x: _norm(nn.relu(x @ p["w"]), -1) @ p["out"], WIDE, n.X)
    assert [s.kind for s in sites] == ["relu"]


@pytest.mark.parametrize(
    "loss", [losses.binary, losses.huber, losses.hinge, losses.log_cosh, losses.absolute]
)
def test_the_inside_of_a_loss_is_called_loss(loss):
    assert _ignored(loss, n.P, n.X, n.Y)["loss"] >= 1


def test_the_forward_function_and_its_gradient_agree_on_purposes():
    for loss in (losses.gaussian, losses.sigmoid_output, losses.focal):
        forward = tap.sites(loss, n.P, n.X, n.Y)
        both = tap.sites(jax.value_and_grad(loss), n.P, n.X, n.Y)
        assert [(s.id, s.kind) for s in forward] == [(s.id, s.kind) for s in both], loss.__name__


@pytest.mark.parametrize(
    ("f", "gates"),
    [
        (lambda params, x: (nn.silu(x @ params["w"]) * (x @ params["v"])) @ params["out"], True),
        (lambda params, x: ((x @ params["v"]) * nn.sigmoid(x @ params["w"])) @ params["out"], True),
        (
            lambda params, x: ((x @ params["v"])[:, None] * nn.sigmoid(x @ params["w"])[:, None])[
                :, 0
            ],
            True,
        ),
        (
            lambda params, x: (
                ((2 * nn.sigmoid(x @ params["w"]) - 1) * (x @ params["v"])) @ params["out"]
            ),
            True,
        ),
        (lambda params, x: 3 * nn.sigmoid(x @ params["w"]) @ params["out"], False),
        (lambda params, x: _rms(nn.relu(x @ params["w"])) @ params["out"], False),
        (lambda params, x: (nn.sigmoid(x @ params["w"]) * params["out"][:, 0][None]).sum(1), False),
        (lambda params, x: (lambda h: nn.relu(h) * h)(x @ params["w"]) @ params["out"], False),
        (lambda params, x: (nn.relu(x @ params["w"]) + x @ params["v"]) @ params["out"], False),
    ],
    ids=[
        "swiglu",
        "glu",
        "broadcast",
        "shifted",
        "scaled",
        "by its norm",
        "by a parameter",
        "by its own input",
        "added",
    ],
)
def test_a_gate_multiplies_another_array_of_the_data(f, gates):
    (site,) = [s for s in tap.sites(f, WIDE, n.X) if s.kind != "unknown"] or [None]
    assert site is None or site.gates == gates
    assert site is not None or not gates


def test_dropout_is_no_gate():
    def f(w, x, key):
        return nn.relu(x @ w) * jax.random.bernoulli(key, 0.5, (5, 4)).astype(x.dtype)

    (site,) = tap.sites(f, W, n.X, jax.random.key(0))
    assert not site.gates


def _batch_norm(y):
    return (y - y.mean(0, keepdims=True)) * jax.lax.rsqrt(y.var(0, keepdims=True) + 1e-5)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (jnp.tanh, "tanh"),
        (nn.relu, "relu"),
        (nn.softplus, "softplus"),
        (nn.relu6, "relu6"),
        (nn.hard_tanh, "hard_tanh"),
        (nn.mish, "mish"),
        (jnp.sin, "sine"),
        (jnp.exp, "exponential"),
    ],
)
def test_an_output_that_is_compared_with_labels_has_its_activation(act, kind):
    def loss(params, x, y):
        return jnp.mean((act(nn.relu(x @ params["w"]) @ params["out"]) - y) ** 2)

    sites = tap.sites(loss, WIDE, n.X, n.Y)
    assert [site.kind for site in sites] == ["relu", kind]
    assert sites.coverage.ignored == {"loss": 1}


@pytest.mark.parametrize("act", [jnp.tanh, nn.relu, nn.sigmoid, nn.gelu])
def test_so_it_is_behind_a_batch_norm(act):
    def loss(params, x, y):
        return jnp.mean((act(_batch_norm(nn.relu(x @ params["w"]) @ params["out"])) - y) ** 2)

    assert len(tap.sites(loss, WIDE, n.X, n.Y)) == 2


def test_a_head_by_hand_leaves_the_hidden_activation_one():
    def loss(params, x, y):
        return jnp.mean(((nn.softplus(x @ params["w"]) * params["v"][:1]).sum(-1) - y[:, 0]) ** 2)

    assert [site.kind for site in tap.sites(loss, WIDE, n.X, n.Y)] == ["softplus"]


def test_logits_that_are_read_twice_belong_to_the_loss():
    def loss(params, x, y):
        z = nn.relu(x @ params["w"]) @ params["out"]
        return jnp.mean(nn.softplus(z) - y * z)

    sites = tap.sites(loss, WIDE, n.X, n.Y)
    assert [site.kind for site in sites] == ["relu"]
    assert sites.coverage.ignored == {"loss": 1}


def test_what_is_non_linear_in_several_arrays_is_counted():
    sites = tap.sites(lambda params, x: jnp.maximum(x @ params["w"], x @ params["v"]), WIDE, n.X)
    assert not sites
    assert sites.coverage.ignored == {"of several arrays": 1}


def test_what_is_non_linear_in_complex_numbers_is_counted():
    def f(params, x):
        z = x @ params["w"]
        return jnp.exp(lax.complex(z, z)).real @ params["out"]

    sites = tap.sites(f, WIDE, n.X)
    assert not sites
    assert sites.coverage.ignored == {"of complex numbers": 1}


def test_frequencies_that_are_tiled_are_no_activation():
    def f(params, x):
        angles = jnp.tile(jnp.arange(float(n.B))[:, None] / params["period"][None, :], 2)
        h = x @ params["w"]
        return nn.relu(h * jnp.cos(angles) + h * jnp.sin(angles)) @ params["out"]

    sites = tap.sites(f, {**WIDE, "period": jnp.arange(1.0, n.H / 2 + 1)}, n.X)
    assert [site.kind for site in sites] == ["relu"]
    assert sites.coverage.ignored == {"parameter transform": 2}


def _stable(z, y):
    return jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z)))


def _with_epsilon(z, y):
    p = nn.sigmoid(z)
    return -(y * jnp.log(p + 1e-7) + (1 - y) * jnp.log(1 - p + 1e-7))


@pytest.mark.parametrize(
    ("loss", "kinds"),
    [
        (_stable, ["relu"]),
        (_with_epsilon, ["relu", "sigmoid"]),
        (lambda z, y: nn.softplus(z) - y * z, ["relu"]),
        (lambda z, y: nn.relu(1 - (2 * y - 1) * z), ["relu"]),
        (lambda z, y: jnp.abs(z - y), ["relu"]),
        (lambda z, y: jnp.sqrt(jnp.mean((z - y) ** 2)), ["relu"]),
    ],
    ids=["stable", "with epsilon", "softplus", "hinge", "absolute", "root"],
)
@pytest.mark.parametrize("closed", [False, True], ids=["labels given", "labels closed over"])
def test_losses_by_hand_hold_no_phantom(loss, kinds, closed):
    labels = np.asarray(n.Y > 0, np.float32)

    def f(params, x, y):
        y = labels if closed else y
        return jnp.mean(loss(nn.relu(x @ params["w"]) @ params["out"], y))

    assert [site.kind for site in tap.sites(f, WIDE, n.X, labels)] == kinds
