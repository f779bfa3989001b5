"""Is a site named after its weight, and a scan's order of turns told?"""

import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.tap import naming
from tests.tap import networks as n
from tests.tap.reading import graph_of


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("params/layers/3/kernel", "layers/3"),
        ("params/w", "w"),
        ("w", "w"),
        ("params/3/0", "params/3"),
        ("params/block/dense/kernel/raw_value", "block/dense"),
        ("params/embedding", "embedding"),
        ("", "site"),
    ],
)
def test_a_layer_is_named_by_the_leaf_that_feeds_it(path, stem):
    assert naming.stem(path) == stem


@pytest.mark.parametrize(("reverse", "order"), [(False, 1), (True, -1)])
def test_turns_that_follow_one_another_have_an_order(reverse, order):
    def run(x):
        return lax.scan(lambda h, x: (jnp.tanh(h + x), h), x[0], x, reverse=reverse)

    (scan,) = [node for node in graph_of(run, n.X).frame.nodes if node.kind == "scan"]
    assert naming.order(scan) == order


def test_turns_that_hand_nothing_on_have_none():
    (scan,) = [
        node
        for node in graph_of(lambda x: lax.map(jnp.tanh, x), n.X).frame.nodes
        if node.kind == "scan"
    ]
    assert naming.order(scan) == 0


def test_a_node_stands_on_the_user_s_line():
    (node, *_) = graph_of(lambda x: jnp.tanh(x), n.X).frame.nodes
    assert naming.source(node).startswith("test_naming.py:")


def test_a_change_stands_at_the_line_of_what_it_replaces():
    def f(params, x):
        h = nn.silu(x @ params["w"])
        return nn.silu(h @ params["w"])

    params = {"w": n.leaf(3, 3)}
    lines = [site.source for site in tap.sites(f, params, n.X)]
    assert len(set(lines)) == 2
    for changed in (tap.swap(f, {"silu": "gelu"}), tap.swap(f, {"silu": jnp.sin}), tap.lean(f)):
        assert [site.source for site in tap.sites(changed, params, n.X)] == lines
