"""Is the weight of a product told from the data, whatever is done to either?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.tap import facts
from tests.tap import networks as n
from tests.tap.reading import facts_of, graph_of, made_by

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 4)


def _paths(known):
    return [product.leaf.path for product in known.products]


def test_a_product_of_data_with_data_has_no_weight():
    assert (
        facts_of(lambda params, x: (x @ params) @ (x @ params).T, W, n.X).products[0].leaf.arg == 0
    )
    assert len(facts_of(lambda params, x: (x @ params) @ (x @ params).T, W, n.X).products) == 1


@pytest.mark.parametrize(
    ("f", "args", "path"),
    [
        (lambda params, x: x @ params, (W, n.X), "params"),
        (lambda x, params: x @ params, (n.X, W), "params"),
        (lambda x, params: params.T @ x.T, (n.X, W), "params"),
        (lambda a, b: b @ a, (W, n.X), "a"),
        (lambda b, a: jnp.tanh(b @ W) @ a, (n.X, n.leaf(4, 2)), "a"),
        (lambda x: x @ W, (n.X,), ""),
    ],
    ids=["first", "by its name", "on the left", "neither is named", "by its use", "closed over"],
)
def test_the_weight_is_told_from_the_data(f, args, path):
    assert _paths(facts_of(f, *args))[-1] == path


def test_is_product_and_holds_product():
    outer = made_by(graph_of(lambda a, b: jnp.outer(a, b) + a @ b, n.X[0], n.X[1]), "dot_general")
    assert [facts.is_product(node) for node in outer] == [True]
    (scan,) = made_by(graph_of(n.stacked, n.STACK, n.X), "scan")
    assert facts.holds_product(scan)
    assert not facts.is_product(scan)
    (still,) = made_by(
        graph_of(lambda x: lax.scan(lambda h, _: (nn.relu(h), 0), x, None, length=2), n.X), "scan"
    )
    assert not facts.holds_product(still)


def test_without_a_known_weight_no_input_is_taken_for_one():
    known = facts_of(lambda a, b: a + b, n.X, n.X)
    assert all(known.is_data(known[v].leaf) for v in known.graph.frame.ins)
    known = facts_of(lambda params, x: x @ params, W, n.X)
    assert [known.is_data(known[v].leaf) for v in known.graph.frame.ins] == [False, True]


PAIR = {"w": W, "out": n.leaf(4, 2), "a": n.leaf(3, 2), "b": n.leaf(2, 4)}
GRAPH = n.leaf(5, 5)
DERIVED = {
    "low rank": (lambda params, x: x @ (params["w"] + params["a"] @ params["b"]), ()),
    "pruned": (lambda params, x, mask: x @ jnp.where(mask, params["w"], 0), (W > 0,)),
    "noisy": (lambda params, x, key: x @ (params["w"] + jax.random.normal(key, (3, 4))), None),
    "normalised": (
        lambda params, x, u: x @ (params["w"] / jnp.linalg.norm(params["w"] @ u)), (n.leaf(4),),
    ),
    "neighbours": (lambda params, x, graph: graph @ (x @ params["w"]), (GRAPH,)),
    "neighbours, closed over": (lambda params, x: GRAPH @ (x @ params["w"]), ()),
}  # fmt: skip


@pytest.mark.parametrize("row", DERIVED.values(), ids=DERIVED)
def test_a_layer_is_named_for_its_weight_whatever_is_done_to_it(row):
    f, rest = row
    rest = (jax.random.key(0),) if rest is None else rest

    def whole(params, x, *rest):
        return nn.relu(f(params, x, *rest)) @ params["out"]

    (site,) = tap.sites(whole, PAIR, n.X, *rest)
    assert (site.id, site.unit_axes) == ("w", (1,))


def test_attention_over_raw_inputs_takes_none_of_them_for_a_weight():
    params = {"q": n.leaf(3, 4), "k": n.leaf(3, 4, seed=1), "w": W}

    def f(params, x):
        mixed = nn.softmax((x @ params["q"]) @ (x @ params["k"]).T, axis=-1) @ x
        return jnp.concatenate([mixed, nn.relu(x @ params["w"])], -1)

    sites = tap.sites(f, params, n.X)
    assert [(s.id, s.unit_axes) for s in sites] == [("w", (1,))]
    assert [one.path for one in sites.linear] == ["params/q", "params/k", "params/w"]


EACH = np.ones(5, np.float32)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda params: nn.relu(n.X @ params["w"]) @ params["out"], (PAIR,)),
        (lambda p: nn.relu(n.X @ p["w"]) @ p["out"], (PAIR,)),
        (lambda p, x, w: w[:, None] * (nn.relu(x @ p["w"]) @ p["out"]), (PAIR, n.X, EACH)),
        (lambda inputs, W1: nn.relu(inputs @ W1["w"]), (n.X, PAIR)),
    ],
    ids=["batch closed over", "so with another name", "weights of examples", "data first"],
)  # fmt: skip
def test_the_batch_is_never_the_weight(f, args):
    (site,) = tap.sites(f, *args)
    assert (site.id, site.unit_axes) == ("w", (1,))


def test_a_choice_by_platform_holds_no_product_where_none_of_its_branches_does():
    for f, holds in ((lambda x: 2 * x, False), (lambda x: x @ x.T @ x, True)):

        def chosen(x, f=f):
            return lax.platform_dependent(x, cpu=f, default=jnp.negative)

        (node,) = made_by(graph_of(chosen, n.X), "cond")
        assert facts.holds_product(node) == holds
