"""Is it known of every value which input it is, which product fed it, and which axes are units?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import contexts as c
from tests.tap import networks as n
from tests.tap.reading import facts_of

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 4)
KEY = jax.random.PRNGKey(0)


def _result(f, *args):
    """Give what is known of a function's only result."""
    known = facts_of(f, *args)
    (out,) = known.graph.frame.outs
    return known[out]


def _paths(known):
    return [product.leaf.path for product in known.products]


def test_a_weight_keeps_its_leaf_when_it_is_moved_or_transformed():
    def f(params, x):
        return x @ jnp.tanh(params["w"].T[:, :3]).T * 2

    (product,) = facts_of(f, {"w": W.T @ W}, n.X).products
    assert product.leaf.path == "params/w"
    assert product.leaf.arg == 0


def test_widths_are_fan_in_and_units():
    (conv, again, out) = facts_of(n.cnn(lambda _p, x: x), n.CNN, n.IMAGES).products
    assert (conv.n_in, conv.n_out) == (27, 4)
    assert (again.n_in, again.n_out) == (36, 4)
    assert (out.n_in, out.n_out) == (4, 2)


@pytest.mark.parametrize(
    ("f", "fed", "direct"),
    [
        (lambda w, x: x @ w, 0, 0),
        (lambda w, x: 2 * (x @ w) + 1, 0, 0),
        (lambda w, x: jnp.tanh(x @ w), 0, -1),
        (lambda w, x: (x @ w) * (x @ w + 1), 0, -1),
        (lambda w, x: (x @ w).sum(0), 0, 0),
        (lambda w, x: x * w.sum(), -1, -1),
    ],
    ids=["product", "affine", "bent", "squared", "summed", "no product"],
)
def test_the_last_product_is_remembered(f, fed, direct):
    fact = _result(f, W, n.X)
    assert (fact.fed, fact.direct) == (fed, direct)


def test_positions_and_random_draws_depend_on_no_floating_input():
    assert not _result(lambda x: jnp.sin(jnp.arange(4.0)), n.X).floats
    assert not _result(lambda k: jax.random.normal(k, (3,)), jax.random.key(0)).floats
    assert _result(lambda x: x + jnp.arange(3.0)[None], n.X).floats


def test_a_random_draw_is_one_though_the_data_chose_its_key():
    def noisy(w, x):
        def one(h):
            return lax.cond(h.sum() > 0, lambda h: h + 0.1 * jax.random.normal(KEY, (4,)), abs, h)

        return jax.vmap(one)(x @ w)

    assert [site.kind for site in tap.sites(noisy, W, n.X)] == ["absolute"]


def test_hidden_values_that_are_scaled_per_member_are_no_weight():
    def member(w, scale, h):
        return nn.silu((h * scale) @ w)

    def f(params, x):
        h = jnp.tanh(x @ params["w"])
        return jax.vmap(member, (0, 0, None))(params["deep"], params["scale"], h[0])

    params = {"w": W, "deep": n.leaf(2, 4, 4), "scale": n.leaf(2, 4)}
    assert [(s.id, s.kind) for s in tap.sites(f, params, n.X)] == [("w", "tanh"), ("deep", "silu")]


def test_raw_ends_at_a_product():
    assert _result(lambda x: jnp.exp(x) + 1, n.X).raw
    assert not _result(lambda w, x: x @ w, W, n.X).raw


def test_a_scan_over_stacked_weights_hands_out_slices_of_one_leaf():
    first, inside = facts_of(n.stacked, n.STACK, n.X).products
    assert (first.leaf.path, first.leaf.looped) == ("params/first", False)
    assert (inside.leaf.path, inside.leaf.looped) == ("params/deep/w", True)


def test_a_loop_is_read_until_nothing_changes_and_its_products_once():
    assert _paths(facts_of(n.lstm, n.CELL, n.TEXT)) == ["params/x", "params/h"]

    def shifted(params, x):
        def turn(carry, _):
            _, b, h = carry
            return (b, h, h @ params["w"]), None

        return lax.scan(turn, (x, x, x), None, length=5)[0][0]

    # What the first carry holds at the fourth turn has gone through the product.
    assert _result(shifted, {"w": n.leaf(3, 3)}, n.X).cooked


def test_stacked_results_count_the_turns_first():
    def f(w, xs):
        return lax.scan(lambda h, x: (h, x @ w), 0.0, xs)[1]

    assert _result(f, W, n.X[None]).units == (2,)


@pytest.mark.parametrize("order", [1, -1])
def test_a_branch_that_gives_data_gives_data_whichever_it_is(order):
    def labels(x):
        return lax.cond(x.sum() > 0, *(lambda x: x, lambda x: 0 * x)[::order], x)

    def hidden(w, x):
        return lax.cond(x.sum() > 0, *(lambda x: x @ w, lambda x: x @ w * 2)[::order], x)

    assert _result(labels, n.X).raw
    assert _result(hidden, W, n.X)[1:] == (False, True, (1,), 1, 1, True, False, True, False)


def test_a_weight_that_a_branch_or_a_remat_prepares_is_that_weight_still():
    def rounded(w):
        return lax.cond(w.sum() > 0, lambda w: jnp.round(4 * w) / 4, lambda w: w, w)

    def f(params, x):
        return jnp.tanh(x @ rounded(params["w"])) @ jax.checkpoint(jnp.sign)(params["v"])

    params = {"w": W, "v": n.leaf(4, 2)}
    assert _paths(facts_of(f, params, n.X)) == ["params/w", "params/v"]
    assert [(s.id, s.kind) for s in tap.sites(f, params, n.X)] == [("w", "tanh")]


def test_an_error_is_an_error_still_in_a_branch():
    def f(params, x, y):
        error = x @ params["w"] - y
        ways = (lambda e: (e**2).mean(), lambda e: jnp.abs(e).mean())
        return lax.cond(x.sum() > 0, *ways, error)

    sites = tap.sites(f, {"w": W}, n.X, n.leaf(5, 4))
    assert not sites
    assert sites.coverage.ignored == {"loss": 2}

    def whole(params, x, y):
        return 2 * (x @ params["w"] - y).T

    assert _result(whole, {"w": W}, n.X, n.leaf(5, 4)).compared


def test_units_are_known_where_the_branches_agree_on_them():
    def f(w, x):
        return lax.cond(x.sum() > 0, lambda h: h, lambda h: h.T, (x @ w)[:4])

    assert _result(f, W, n.X).units is None


def test_a_while_loop_is_read_until_nothing_changes_and_its_condition_left_alone():
    def f(params, x):
        def turn(h):
            return jnp.tanh(h @ params["deep"])

        return lax.while_loop(lambda h: (h @ params["ask"]).sum() > 3, turn, x @ params["first"])

    params = {"ask": n.leaf(4, 2), "deep": n.leaf(4, 4), "first": W}
    assert _paths(facts_of(f, params, n.X)) == ["params/first", "params/deep"]
    assert _result(f, params, n.X).fed == 1


def test_frames_of_remat_and_of_own_rules_are_entered():
    assert _paths(facts_of(c.rematted, n.P, n.X, n.Y)) == [f"params/layers/{i}/w" for i in range(3)]
    assert _paths(facts_of(c.own_vjp, n.P, n.X)) == [f"params/layers/{i}/w" for i in range(3)]


def test_a_backward_pass_adds_no_products():
    assert len(facts_of(jax.grad(n.squared(c.net)), n.P, n.X, n.Y).products) == 3


TABLE = {"table": n.leaf(7, 3), "w": W, "back": n.leaf(4, 3), "g": n.leaf(3)}
TOKENS = np.array([[1, 2], [3, 6]])
LOOKED_UP = {
    "first": lambda params, x: nn.relu(params["table"][x] @ params["w"]),
    "take": lambda params, x: nn.relu(jnp.take(params["table"], x, axis=0) @ params["w"]),
    "scaled": lambda params, x: nn.relu(
        (params["table"][x] * params["g"][None, None]) @ params["w"]
    ),
    "residual": lambda params, x: (
        params["table"][x] + nn.relu(params["table"][x] @ params["w"]) @ params["back"]
    ),
}


@pytest.mark.parametrize("f", LOOKED_UP.values(), ids=LOOKED_UP)
def test_what_tokens_become_is_data(f):
    (site,) = tap.sites(f, TABLE, TOKENS)
    assert (site.id, site.unit_axes) == ("w", (2,))


def test_a_layer_that_is_picked_by_its_number_is_a_weight():
    stacked = {"w": n.leaf(3, 3, 3)}
    (site,) = tap.sites(lambda params, x: nn.relu(x @ params["w"][1]), stacked, n.X)
    assert site.id == "w"


def test_weights_stacked_for_a_scan_are_weights():
    def f(ws, x):
        return lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, jnp.stack(ws))[0]

    (site,) = tap.sites(f, [n.leaf(3, 3), n.leaf(3, 3, seed=1)], n.X)
    assert (site.kind, site.path, site.loop) == ("tanh", "ws/0", "layers")


def test_what_was_no_product_with_a_weight_after_all_is_forgotten():
    """In the first turn x meets what no rule follows, and is taken for the weight."""

    def f(ws, x):
        return lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, jnp.fft.fft(ws).real)[0]

    (site,) = tap.sites(f, n.leaf(2, 3, 3), n.leaf(3, 3))
    assert site.kind == "tanh"


def test_normed_data_that_members_scale_is_data():
    def scaled(params, h):
        h = h / jnp.sqrt((h**2).mean(-1, keepdims=True) / (1.0 + jnp.zeros(())))
        member = jax.vmap(lambda b, w: nn.hard_tanh((h * b[None]) @ w + h * b[None]))
        return member(params["b"], params["w"]).sum(0)

    def f(params, x):
        return lax.cond(x.sum() > 0, scaled, lambda _, h: h, params, x) @ params["out"]

    params = {"b": n.leaf(2, 4), "w": n.leaf(2, 4, 4), "out": n.leaf(4, 2)}
    assert [site.kind for site in tap.sites(f, params, n.leaf(5, 4))] == ["hard_tanh"]


def test_a_weight_that_a_mapped_cond_hands_on_is_a_weight():
    def one(w, b, x):
        h = nn.relu(x @ w)
        return lax.cond(h.sum() > 0, lambda h: nn.elu(h @ w) * b[None], jnp.flip, h)

    def f(params, x):
        return jax.vmap(one, (0, 0, None))(params["w"], params["b"], x).sum(0) @ params["out"]

    params = {"w": n.leaf(2, 4, 4), "b": n.leaf(2, 4), "out": n.leaf(4, 2)}
    sites = tap.sites(f, params, n.leaf(5, 4))
    assert [(site.kind, site.path, site.gates) for site in sites] == [
        ("relu", "params/w", False), ("elu", "params/w", False),
    ]  # fmt: skip


def test_a_weight_that_a_loop_updates_keeps_its_name():
    def net(params, x):
        return jnp.sum(jnp.tanh(jnp.tanh(x @ params["a"]) @ params["b"]))

    def adapted(params, x):
        def step(p, _):
            grads = jax.grad(net)(p, x)
            return jax.tree.map(lambda w, g: w - 0.1 * g, p, grads), None

        return net(lax.scan(step, params, None, length=3)[0], x)

    params = {"a": n.leaf(3, 4), "b": n.leaf(4, 2)}
    assert [site.id for site in tap.sites(adapted, params, n.X)] == ["a", "b", "a#2", "b#2"]
