"""Does the tap record what models record of themselves?"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import tap
from relu_jax.tap import Tapped
from tests.tap import networks as n
from tests.tap.oracles import NEAR, ORACLES, near, weighted


def _ends(seen: dict[str, Tapped]) -> dict[str, Any]:
    return {name: (ends.pre, ends.post) for name, ends in seen.items()}


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.name)
def test_record_agrees_with_a_model_that_reports_on_itself(oracle):
    def both() -> Any:
        value, seen = tap.record(oracle.plain)(*oracle.args)
        return (value, _ends(seen)), oracle.recorded()

    got, want = jax.jit(both)()
    near(got, want)


ORACLE = {oracle.name: oracle for oracle in ORACLES}


def _per_example(w, row):
    return jnp.tanh(jnp.maximum(row @ w, 0) @ w.T)


W = n.leaf(n.D, n.H, seed=31)


def test_record_under_vmap_gives_every_example():
    mapped = jax.vmap(tap.record(_per_example), in_axes=(None, 0))
    whole = tap.record(jax.vmap(_per_example, in_axes=(None, 0)))
    (y, one), (y2, all_at_once) = jax.jit(lambda: (mapped(W, n.X), whole(W, n.X)))()
    near(y, y2)
    near(_ends(one), _ends(all_at_once))


def test_a_penalty_on_recorded_values_is_differentiable():
    def penalised(params: Any) -> Any:
        value, seen = tap.record(ORACLE["mlp"].loss)(params, n.X)
        return value + sum(jnp.sum(jnp.abs(ends.post)) for ends in seen.values())

    def by_hand(params: Any) -> Any:
        y, seen = ORACLE["mlp"].model(params, n.X, None)
        return weighted(y) + sum(jnp.sum(jnp.abs(post)) for _, post in seen.values())

    got, want = jax.jit(lambda p: (jax.grad(penalised)(p), jax.grad(by_hand)(p)))(n.P)
    near(got, want)


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


def test_numbers_among_the_results_are_arrays_as_under_jit():
    y, _ = tap.record(lambda x: (jnp.tanh(x), jnp.array(2), 3))(jnp.ones(2))
    assert [type(part) for part in y] == [
        type(part) for part in jax.jit(lambda: (jnp.ones(2), 2, 3))()
    ]
    assert [part.dtype for part in y[1:]] == [jnp.int32] * 2
