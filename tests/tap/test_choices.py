"""Are jnp.select and jnp.piecewise read as functions of one array?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import networks as n
from tests.tap.reading import graph_of, made_by

pytestmark = [
    pytest.mark.standard_promotion("the rows are functions as users write them"),
    pytest.mark.leaks_unchecked("it collects garbage at every trace: test_observe.py has it"),
]

PARAMS = {"first": n.leaf(3, 4), "last": n.leaf(4, 2)}


def _net(f):
    return lambda params, x: f(x @ params["first"]) @ params["last"]


def _one(f, *args):
    (site,) = tap.sites(_net(f), *args)
    return site


def _masked(x):
    return jnp.select([x < -1, x > 1, x > 0], [-jnp.ones_like(x), x, x], 0.5 * x)


ROWS = [
    ("relu", {}, (1.0,), lambda x: jnp.select([x < 0], [0.0], x)),
    ("relu", {}, (0.0,), lambda x: jnp.select([x > 0], [x], 0.0)),
    ("leaky_relu", {"slope": 0.2}, (0.2,), lambda x: jnp.select([x > 0, x <= 0], [x, 0.2 * x])),
    ("relu6", {}, (1.0, 1.0), lambda x: jnp.select([x < 0, x > 6], [0.0, 6.0], x)),
    ("hard_tanh", None, (1.0, 1.0), lambda x: jnp.select([x > 1, x < -1], [1.0, -1.0], x)),
    ("unknown", {}, None, _masked),
    ("leaky_relu", {"slope": 0.1}, (0.1,),
     lambda x: jnp.piecewise(x, [x > 0], [lambda x: x, lambda x: 0.1 * x])),
    ("leaky_relu", {"slope": 0.1}, (1.0,),
     lambda x: jnp.piecewise(x, [x < 0, x >= 0], [lambda x: 0.1 * x, lambda x: x])),
    ("relu6", {}, (1.0, 1.0), lambda x: jnp.piecewise(x, [x < 0, x > 6], [0.0, 6.0, lambda x: x])),
    ("elu", {"alpha": 1.0}, None, lambda x: jnp.piecewise(x, [x > 0], [lambda x: x, jnp.expm1])),
    ("hard_silu", {}, None, lambda x: jnp.piecewise(
        x, [x < -3, x > 3], [0.0, lambda x: x, lambda x: x * (x + 3) / 6])),
    ("relu6", {}, None, lambda x: lax.select_n(
        (x > 0).astype(int) + (x > 6).astype(int), 0 * x, x, jnp.full_like(x, 6))),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "params", "slopes", "f"), ROWS)
def test_what_is_chosen_by_conditions_is_named_with_the_slope_taken(kind, params, slopes, f):
    site = _one(f, PARAMS, n.X)
    assert site.kind == kind
    if params is not None:
        assert site.params == pytest.approx(params)
    if slopes is not None:
        assert site.slope_at_kinks == pytest.approx(slopes)
    whole = jax.value_and_grad(lambda params, x: (_net(f)(params, x) ** 2).sum())
    assert [s.kind for s in tap.sites(whole, PARAMS, n.X)] == [kind]


@pytest.mark.parametrize("row", [3, 8])
def test_values_and_cotangents_at_a_choice_are_the_program_s(row):
    f = ROWS[row][-1]

    def loss(params, x):
        return (_net(f)(params, x) ** 2).sum()

    def added(zeros):
        h = n.X @ PARAMS["first"] + zeros[0]
        return (((f(h) + zeros[1]) @ PARAMS["last"]) ** 2).sum()

    def both():
        nothing = jnp.zeros((n.B, 4))
        return tap.cotangents(loss)(PARAMS, n.X), jax.grad(added)((nothing, nothing))

    (value, seen), want = jax.jit(both)()
    np.testing.assert_allclose(value, loss(PARAMS, n.X), rtol=1e-6)
    np.testing.assert_allclose(seen["first"].post, f(n.X @ PARAMS["first"]), rtol=1e-6)
    np.testing.assert_allclose((seen["first"].d_pre, seen["first"].d_post), want, rtol=1e-5)


def test_a_choice_under_vmap_is_read_too():
    mapped = jax.vmap(_net(ROWS[3][-1]), in_axes=(None, 0))
    assert [s.kind for s in tap.sites(mapped, PARAMS, np.stack([n.X, n.X]))] == ["relu6"]


def test_a_choice_in_a_scan_and_in_a_jit_is_read_too():
    def f(params, x):
        choose = jax.jit(lambda h: jnp.piecewise(h, [h > 0], [lambda h: h, lambda h: 0.3 * h]))
        back = params["last"] @ params["first"][:2]

        def turn(h, _):
            return (choose(h @ back), None)

        return lax.scan(turn, x @ params["first"], None, length=2)[0]

    (site,) = tap.sites(f, PARAMS, n.X)
    assert (site.kind, site.loops) == ("leaky_relu", (2,))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: jnp.argmax(jnp.stack([x > 0, x > 1]), 1),  # over units, not over conditions
        lambda x: jnp.argmax(jnp.stack([x, -x]), 0),  # of values
        lambda x: jnp.argmax(x, 0),
        lambda x: jnp.argmax(jnp.concatenate([x > 0, x > 1]), 0),  # over examples
        lambda x: jnp.argmax(jnp.cumsum(jnp.stack([x > 0, x > 1]), 1), 0),
        lambda x: jnp.argmax(jnp.stack([x > 0, x > 1])[::-1], 0),
        lambda x: jnp.argmax(jnp.stack([x > 0, jnp.ones_like(x, bool)]), 0),  # one always holds
    ],
)
def test_another_argmax_stays_one_node(f):
    (node,) = made_by(graph_of(f, n.X), "argmax")
    assert node.kind == "plain"


def test_a_mask_of_labels_makes_no_activation():
    def loss(params, x, y):
        h = x @ params["first"]
        return (jnp.select([y > 0, y < -1], [h, -h], 0.0) ** 2).sum()

    assert not tap.sites(loss, PARAMS, n.X, n.leaf(5, 4))


def test_a_function_goes_on_through_a_guard_and_no_other_end_of_a_gradient():
    def kinds(between):
        return [s.kind for s in tap.sites(_net(lambda h: nn.relu(between(h))), PARAMS, n.X)]

    stopped = lax.stop_gradient
    assert kinds(lambda h: jnp.where(h > -1, h, stopped(h)) - 1) == ["relu"]
    assert kinds(lambda h: jnp.where(h > -1, stopped(jnp.tanh(h)), h)) == ["tanh", "relu"]
    assert kinds(lambda h: stopped(jnp.where(h > 0, h, 0.3 * h))) == ["leaky_relu", "relu"]
    assert kinds(lambda h: jnp.where(h > 2, stopped(jnp.float32(2.0)), h)) == ["relu_n"]


@pytest.mark.parametrize("other", [jnp.tanh, nn.gelu, lambda h: h])
def test_a_choice_by_other_data_is_no_function_of_one_array(other):
    def f(params, x):
        each = jax.vmap(lambda r: lax.cond(r[0] > 0, nn.relu, other, r @ params["first"]))(x)
        return each @ params["last"]

    kinds = sorted(s.kind for s in tap.sites(f, PARAMS, n.X))
    assert kinds == sorted([*{jnp.tanh: ["tanh"], nn.gelu: ["gelu_tanh"]}.get(other, []), "relu"])


def test_a_number_whose_gradient_is_stopped_stands_in_no_way():
    def f(params, x):
        h = x @ params["first"]
        return (jnp.where(h > 0, 2 * h, h) * lax.stop_gradient(2.0)) @ params["last"]

    assert [s.kind for s in tap.sites(f, PARAMS, n.X)] != []
