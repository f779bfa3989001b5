"""Is what is no array handed through, and what cannot be traced told to the user?"""

import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
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
    with pytest.raises(ValueError, match=r"one floating number, followed by aux; got .*tanh"):
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


def branch(w, x):
    """Branch on the values of an array."""
    if x.sum() > 0:
        return nn.relu(x @ w)
    return x


def number(w, x):
    """Ask for the value of an array."""
    return nn.relu(x) * float(w["a"].sum() + x.sum())


def by_numpy(w, x):
    """Compute by NumPy."""
    return np.tanh(x @ w)


def index(w, x):
    """Loop over the values of an array."""
    return nn.relu(x) + sum(range(w))


def chosen(w, x):
    """Choose by the values of an array."""
    return nn.relu(x[x > 0]) + w


@pytest.mark.parametrize(
    ("f", "w", "got"),
    [
        (branch, W, r"Python's if.* \(test_tracing.py:\d+\), which depends on x; .*jax.lax.cond"),
        (by_numpy, W, r"function of NumPy.*, which depends on w(, | and )x; use .*jax.numpy"),
        (number, {"a": W}, r"float\(\).*, which depends on w/a(, | and )x; leave it an array"),
        (index, np.int32([2]).reshape(()), r"index, range.*, which depends on w; .*fori_loop"),
        (chosen, W, r"array of flags.*test_tracing.py:\d+\); choose by jnp.where"),
    ],
    ids=["branch", "numpy", "number", "index", "choice"],
)
def test_what_cannot_be_traced_is_told_in_the_user_s_terms(f, w, got):
    for run in (tap.sites, lambda f, *args: tap.record(f)(*args), rj.memory):
        words = rf"{f.__name__} is traced without the values of its arrays; got .*{got}.*partial"
        with pytest.raises((TypeError, IndexError), match=words) as told:
            run(f, w, n.X)
        assert "of_arrays" not in str(told.value)
        assert type(told.value) is type(told.value.__cause__)
        assert isinstance(told.value, jax.errors.JAXTypeError | jax.errors.JAXIndexError)


def test_a_jit_inside_names_its_own_argument():
    inner = jax.jit(lambda z: z if z.sum() > 0 else -z)
    with pytest.raises(jax.errors.TracerBoolConversionError, match="which depends on z; choose"):
        tap.sites(lambda x: inner(x), n.X)


@pytest.mark.parametrize("given", [{"w": W}, W, "relu", None])
def test_what_is_no_function_is_told(given):
    verbs = (
        tap.record, tap.observe, tap.cotangents, rj.lean, rj.memory, tap.sites,
        lambda f: tap.swap(f, {"relu": "gelu"})(W), lambda f: tap.patch(f, {"relu": max})(W),
    )  # fmt: skip
    for verb in verbs:
        args = (lambda *_: 0,) if verb is tap.observe else ()
        with pytest.raises(TypeError, match=r"comes first is a function; got .*rj\.tap\.sites\(f"):
            verb(given, *args)


def test_a_jaxpr_is_made_a_function_first():
    closed = jax.make_jaxpr(nn.relu)(n.X)
    with pytest.raises(TypeError, match=r"got .*Jaxpr; make it one: jax.extend.core.jaxpr_as"):
        tap.sites(closed, n.X)
    (site,) = tap.sites(jax.extend.core.jaxpr_as_fun(closed), n.X)
    assert site.kind == "relu"


class Stateful(nnx.Module):
    """A module that changes itself as it runs."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.a, self.out = nnx.Linear(n.D, n.H, rngs=rngs), nnx.Linear(n.H, 2, rngs=rngs)
        self.norm, self.drop = nnx.BatchNorm(n.H, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.out(self.drop(nnx.relu(self.norm(self.a(x)))))


def test_a_stateful_module_may_be_passed_and_stays_as_it_was():
    def loss(module, x):
        value = jnp.mean(module(x) ** 2)
        return value, nnx.state(module)

    module = Stateful()
    assert [site.id for site in tap.sites(loss, module, n.X)] == ["a"]
    (value, state), seen = tap.record(loss)(module, n.X)
    assert list(seen) == ["a"]
    assert not np.any(module.norm.mean[...])
    gradient = nnx.grad(tap.swap(lambda module, x: loss(module, x)[0], {"relu": "gelu"}))
    assert np.any(gradient(module, n.X)["a"]["kernel"][...])
    want, after = loss(module, n.X)  # this one changes it
    np.testing.assert_allclose(value, want, rtol=1e-5)
    np.testing.assert_allclose(state["norm"]["mean"][...], after["norm"]["mean"][...], rtol=1e-5)
