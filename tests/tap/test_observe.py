"""Does the tap record what models record of themselves, forward and backward?"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import tap
from relu_jax.core.numerics import tolerance
from relu_jax.tap import Tapped
from tests.tap import networks as n
from tests.tap.oracles import ORACLES, Oracle, weighted

# The two programs add up in different orders; the longest sum has 5·6·6 terms.
NEAR = {"rtol": tolerance("float32", n=20), "atol": tolerance("float32", n=20)}


def _id(oracle: Oracle) -> str:
    return oracle.name


def _ends(seen: dict[str, Tapped]) -> dict[str, Any]:
    return {name: (ends.pre, ends.post) for name, ends in seen.items()}


def _near(got: Any, want: Any) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, **NEAR)


@pytest.mark.parametrize("oracle", ORACLES, ids=_id)
def test_record_agrees_with_a_model_that_reports_on_itself(oracle):
    def both() -> Any:
        value, seen = tap.record(oracle.plain)(*oracle.args)
        return (value, _ends(seen)), oracle.recorded()

    got, want = jax.jit(both)()
    _near(got, want)


@pytest.mark.parametrize("oracle", ORACLES, ids=_id)
def test_cotangents_are_the_gradients_of_zeros_added_at_the_place(oracle):
    def both() -> Any:
        return tap.cotangents(oracle.loss)(*oracle.args), oracle.cotangents()

    (value, seen), (total, want) = jax.jit(both)()
    _near(value, total)
    for name in oracle.blind:
        assert seen[name].d_pre is None
        assert seen[name].d_post is None
    _near({k: (t.d_pre, t.d_post) for k, t in seen.items() if k not in oracle.blind}, want)


ORACLE = {oracle.name: oracle for oracle in ORACLES}


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
    _near(value, total)
    assert jax.tree.structure(gradient) == jax.tree.structure(oracle.args[0])
    assert [float(x) != 0 for x in seen.values()] == [False, False, True]
    squares = jax.tree.map(lambda ct: jnp.sum(ct**2), want)
    _near({k: (c.pre, c.post) for k, c in back.items()}, squares)


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


def test_record_under_vmap_gives_every_example():
    mapped = jax.vmap(tap.record(_per_example), in_axes=(None, 0))
    whole = tap.record(jax.vmap(_per_example, in_axes=(None, 0)))
    (y, one), (y2, all_at_once) = jax.jit(lambda: (mapped(W, n.X), whole(W, n.X)))()
    _near(y, y2)
    _near(_ends(one), _ends(all_at_once))


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
    _near(got, jax.tree.map(lambda x: x.sum(0), parts))


def _nothing(site, act, pre, post):
    return ()


def test_a_penalty_on_recorded_values_is_differentiable():
    def penalised(params: Any) -> Any:
        value, seen = tap.record(ORACLE["mlp"].loss)(params, n.X)
        return value + sum(jnp.sum(jnp.abs(ends.post)) for ends in seen.values())

    def by_hand(params: Any) -> Any:
        y, seen = ORACLE["mlp"].model(params, n.X, None)
        return weighted(y) + sum(jnp.sum(jnp.abs(post)) for _, post in seen.values())

    got, want = jax.jit(lambda p: (jax.grad(penalised)(p), jax.grad(by_hand)(p)))(n.P)
    _near(got, want)


def test_act_is_the_program_s_own_function_with_its_own_slope():
    def half(x: Any) -> Any:
        return jnp.where(x >= 0, x, 0.25 * x)

    def look(site: Any, act: Any, pre: Any, post: Any) -> Any:
        return act(pre) - post, jax.vmap(jax.grad(act))(jnp.zeros(2))

    _, seen = tap.observe(half, look)(jnp.array([-2.0, 3.0]))
    difference, slope = seen["site#1"]
    np.testing.assert_array_equal(difference, 0)
    np.testing.assert_array_equal(slope, 1)


def test_act_of_a_learned_slope_reads_the_parameter():
    def model(params: Any, x: Any) -> Any:
        h = x @ params["w"]
        return jnp.where(h >= 0, h, params["slope"][None] * h)

    params = {"w": W, "slope": n.leaf(n.H, seed=32)}
    _, seen = tap.observe(model, lambda site, act, pre, post: act(-jnp.abs(pre)) + 0 * post)(
        params, n.X
    )
    pre = n.X @ W
    np.testing.assert_allclose(seen["w"], -np.abs(pre) * params["slope"], **NEAR)


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


def test_only_the_chosen_sites_are_looked_at():
    model = ORACLE["mlp"].plain
    _, seen = tap.record(model, "gelu_tanh")(n.P, n.X)
    assert list(seen) == ["layers/1"]
    _, seen = tap.record(model, ~tap.select("gelu_tanh"))(n.P, n.X)
    assert list(seen) == ["layers/0"]


def test_without_a_site_the_function_is_called_as_it_is():
    y, seen = tap.record(lambda x: {"y": x + 1, "none": None})(jnp.ones(2))
    assert y["y"].tolist() == [2, 2]
    assert y["none"] is None
    assert seen == {}


@pytest.mark.parametrize(
    ("loss", "got"),
    [
        (jnp.tanh, r"float32 of shape \(2,\)"),
        (lambda x: (jnp.sum(x), x), "2 results"),
        (lambda x: None, "0 results"),
        (lambda x: jnp.sum(x).astype(int), "int32"),
    ],
)
def test_a_loss_is_one_floating_number(loss, got):
    with pytest.raises(ValueError, match=f"the loss is one floating number; got .*{got}.*; reduce"):
        tap.cotangents(loss)(jnp.ones(2))
