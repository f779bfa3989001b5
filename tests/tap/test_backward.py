"""Are the gradients at the sites those that models which report on themselves give?"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import tap
from tests.tap import networks as n
from tests.tap.oracles import NEAR, ORACLES, near, weighted

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace; one test below turns it on"
)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.name)
def test_cotangents_are_the_gradients_of_zeros_added_at_the_place(oracle):
    def both() -> Any:
        return tap.cotangents(oracle.loss)(*oracle.args), oracle.cotangents()

    (value, seen), (total, want) = jax.jit(both)()
    near(value, total)
    for name in oracle.blind:
        assert seen[name].d_pre is None
        assert seen[name].d_post is None
    near({k: (t.d_pre, t.d_post) for k, t in seen.items() if k not in oracle.blind}, want)


ORACLE = {oracle.name: oracle for oracle in ORACLES}


@pytest.mark.parametrize("name", ["mlp", "scan", "cond"])
def test_no_tracer_outlives_its_trace(name):
    with jax.checking_leaks():
        _, seen = jax.jit(tap.cotangents(ORACLE[name].loss))(*ORACLE[name].args)
    assert seen


def test_backward_summaries_are_those_of_the_cotangents():
    oracle = ORACLE["residual"]
    run = tap.observed_value_and_grad(
        oracle.loss,
        lambda site, act, pre, post: pre.max() if site.kind == "relu" else jnp.zeros(()),
        lambda site, ct: jnp.sum(ct**2),
    )

    def both() -> Any:
        return run(*oracle.args), oracle.cotangents()

    (value, gradient, seen, back), (total, want) = jax.jit(both)()
    near(value, total)
    assert jax.tree.structure(gradient) == jax.tree.structure(oracle.args[0])
    assert [float(x) != 0 for x in seen.values()] == [False, False, True]
    squares = jax.tree.map(lambda ct: jnp.sum(ct**2), want)
    near({k: (c.pre, c.post) for k, c in back.items()}, squares)


def test_backward_summaries_inside_a_loop_have_one_entry_per_turn():
    oracle = ORACLE["scan"]
    run = tap.observed_value_and_grad(
        oracle.loss, lambda site, act, *ends: (), lambda site, ct: jnp.sum(jnp.abs(ct))
    )
    (_, _, _, back), (_, want) = jax.jit(lambda: (run(*oracle.args), oracle.cotangents()))()
    assert back["again"].pre.shape == (n.T,)
    np.testing.assert_allclose(back["again"].pre, jnp.abs(want["again"][0]).sum((1, 2)), **NEAR)


def _per_example(w, row):
    return jnp.tanh(jnp.maximum(row @ w, 0) @ w.T)


W = n.leaf(n.D, n.H, seed=31)


def test_backward_summaries_add_up_over_a_vmap_inside():
    def loss(w: Any, x: Any) -> Any:
        return weighted(jax.vmap(_per_example, in_axes=(None, 0))(w, x))

    def each(w: Any, row: Any, weights: Any) -> Any:
        return jnp.sum(_per_example(w, row) * weights)

    weights = np.cos(np.arange(n.X.size, dtype=np.float32)).reshape(n.X.shape)
    total = tap.observed_value_and_grad(loss, _nothing, lambda site, ct: jnp.sum(jnp.abs(ct)))
    one = tap.observed_value_and_grad(
        lambda w, r, t: each(w, r, t), _nothing, lambda site, ct: jnp.sum(jnp.abs(ct))
    )
    got, parts = jax.jit(
        lambda: (total(W, n.X)[3], jax.vmap(one, in_axes=(None, 0, 0))(W, n.X, weights)[3])
    )()
    near(got, jax.tree.map(lambda x: x.sum(0), parts))


def _nothing(site, act, pre, post):
    return ()


def test_summaries_of_the_forward_pass_take_no_part_in_the_gradient():
    def loss(w: Any) -> Any:
        return jnp.sum(jnp.tanh(w))

    run = tap.observed_value_and_grad(
        loss, lambda site, act, pre, post: 100 * jnp.sum(pre**2), lambda site, ct: jnp.sum(ct)
    )
    _, gradient, seen, _ = run(jnp.ones(2))
    assert float(seen["site#1"]) == 200
    np.testing.assert_allclose(gradient, jax.grad(loss)(jnp.ones(2)), **NEAR)


def test_aux_comes_back_beside_the_value():
    run = tap.observed_value_and_grad(
        lambda w: (jnp.sum(jnp.tanh(w)), {"n": 3, "w": w}), _nothing, jnp_sum, has_aux=True
    )
    (value, aux), gradient, _, _ = run(jnp.ones(2))
    np.testing.assert_allclose(value, 2 * np.tanh(1.0), rtol=1e-6)
    assert aux["n"] == 3
    assert gradient.shape == aux["w"].shape == (2,)


def jnp_sum(site, cotangent):
    return jnp.sum(cotangent)


@pytest.mark.parametrize(
    ("loss", "got"),
    [
        (jnp.tanh, r"float32 of shape \(2,\)"),
        (lambda x: (jnp.sum(x), x), "2 results"),
        (lambda x: None, "0 results"),
    ],
)
def test_a_loss_is_one_floating_number(loss, got):
    with pytest.raises(ValueError, match=f"the loss is one floating number; got .*{got}.*; reduce"):
        tap.cotangents(loss)(jnp.ones(2))


def test_a_loss_that_is_whole_is_told_so():
    with pytest.raises(ValueError, match=r"got int32 of shape \(\); convert it, or look for"):
        tap.cotangents(lambda x: jnp.sum(x).astype(int))(jnp.ones(2))


def test_cotangents_take_a_loss_with_aux():
    def loss(w):
        return jnp.sum(jnp.tanh(w)), {"n": w * 2}

    (value, aux), seen = tap.cotangents(loss, has_aux=True)(jnp.ones(2))
    np.testing.assert_allclose(value, 2 * np.tanh(1.0), rtol=1e-6)
    assert aux["n"].tolist() == [2, 2]
    assert seen["site#1"].d_post.tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"got 2 results; .*pass has_aux=True"):
        tap.cotangents(loss)(jnp.ones(2))
