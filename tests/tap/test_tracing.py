"""Is what is no array handed through, and what cannot be traced told to the user?"""

import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

import relu_jax as rj
from relu_jax import tap
from tests.tap import networks as n

W = n.leaf(n.D, n.H, seed=31)


@partial(jax.tree_util.register_dataclass, data_fields=["w", "act"], meta_fields=["name"])
@dataclasses.dataclass
class Model:
    w: object
    act: object
    name: str = "mine"


def model(w, x):
    """Give an array beside a model, a text, a flag and nothing."""
    y = nn.relu(x @ w)
    return {"y": y, "model": Model(w * 2, jnp.tanh), "name": "hi", "flag": True, "none": None}


def _of(out):
    return out["y"], out["model"].w


VERBS = {
    "record": lambda *args: tap.record(model)(*args)[0],
    "observe": lambda *args: tap.observe(model, lambda site, act, pre, post: post.sum())(*args)[0],
    "swap": lambda *args: tap.swap(model, {"relu": lambda z: jnp.maximum(z, 0)})(*args),
    "patch": lambda *args: tap.patch(model, {"relu": lambda pre, post: post * 1})(*args),
    "lean": lambda *args: rj.lean(model)(*args),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize("jit", [False, True])
def test_results_that_are_no_arrays_are_handed_through(verb, jit):
    kept = {}

    def run(w, x):
        out = verb(w, x)
        kept.update({**out, "y": None, "model": (out["model"].act, out["model"].name)})
        return _of(out)

    got = (jax.jit(run) if jit else run)(W, n.X)
    for told, want in zip(got, _of(model(W, n.X)), strict=True):
        np.testing.assert_allclose(told, want, rtol=1e-6)
    assert kept["model"] == (jnp.tanh, "mine")
    assert (kept["name"], kept["flag"], kept["none"]) == ("hi", True, None)


def test_sites_and_memory_read_a_function_that_gives_more_than_arrays():
    assert [site.kind for site in tap.sites(model, W, n.X)] == ["relu"]
    assert [kept.kind for kept in rj.memory(model, W, n.X)] == ["relu"]


def test_a_loss_may_have_a_text_beside_it():
    def loss(w, x):
        return jnp.sum(nn.relu(x @ w)), {"name": "hi", "act": jnp.tanh, "n": x.sum()}

    (_, aux), seen = tap.cotangents(loss, has_aux=True)(W, n.X)
    assert (aux["name"], aux["act"]) == ("hi", jnp.tanh)
    assert seen["w"].d_pre.shape == (len(n.X), n.H)
    (_, aux), _, _, _ = tap.observed_value_and_grad(
        loss, lambda site, act, pre, post: post.max(), lambda site, ct: ct.sum(), has_aux=True
    )(W, n.X)
    assert float(aux["n"]) == pytest.approx(float(n.X.sum()))


def test_a_loss_that_gives_no_number_is_told():
    with pytest.raises(ValueError, match="one floating number; got str 'hi'"):
        tap.cotangents(lambda x: "hi")(n.X)
    with pytest.raises(ValueError, match="one floating number, followed by aux; got .*tanh"):
        tap.cotangents(lambda x: (jnp.tanh, nn.relu(x)), has_aux=True)(n.X)


def test_an_equinox_step_gives_its_model_back():
    mlp = eqx.nn.MLP(n.D, 2, 4, 2, activation=nn.relu, key=jax.random.key(0))

    @eqx.filter_jit
    def step(mlp, x):
        grads = eqx.filter_grad(lambda mlp: jnp.mean(jax.vmap(mlp)(x) ** 2))(mlp)
        return eqx.apply_updates(mlp, jax.tree.map(lambda g: -0.1 * g, grads))

    assert [site.id for site in tap.sites(step, mlp, n.X)] == ["layers/0", "layers/1"]
    new, seen = eqx.filter_jit(tap.record(step))(mlp, n.X)
    assert list(seen) == ["layers/0", "layers/1"]
    assert new.activation is mlp.activation
    np.testing.assert_allclose(jax.vmap(new)(n.X), jax.vmap(step(mlp, n.X))(n.X), rtol=1e-5)
