"""Which argument is taken for the one that holds the weights?"""

import jax.numpy as jnp
import pytest
from jax import nn

from relu_jax import tap
from relu_jax.tap import parameters
from relu_jax.tap.facts import Leaf
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

LEAVES = [
    Leaf("x", 0, looped=False),
    Leaf("first/w", 1, looped=False),
    Leaf("p/w", 2, looped=False),
]


def test_names_tell_weights_and_data():
    assert parameters.named(LEAVES) == {2}
    assert parameters.data(LEAVES) == {0}
    assert parameters.guessed(LEAVES) == {1}
    assert parameters.guessed(LEAVES[:1]) == frozenset()


def test_so_do_words_of_names_and_what_holds_the_same_parts():
    def leaves(*paths):
        args = [path.partition("/")[0] for path in paths]
        return [Leaf(p, args.index(a), looped=False) for p, a in zip(paths, args, strict=True)]

    assert parameters.named(leaves("target_params/w", "x")) == {0}
    assert parameters.named(leaves("params/w", "params/b", "teacher/w", "teacher/b", "x")) == {0, 2}
    assert parameters.named(leaves("params/w", "target/w")) == {0}  # one array alone tells nothing


def test_a_second_network_has_names_of_its_own():
    def f(params, teacher, x):
        return [nn.relu(x @ p["a"]) @ p["b"] for p in (params, teacher)]

    held = {"a": n.leaf(3, 4), "b": n.leaf(4, 2)}
    assert [site.path for site in tap.sites(f, held, held, n.X)] == ["params/a", "teacher/a"]


@pytest.mark.parametrize("squash", [lambda w: jnp.clip(w, -1, 1), nn.softplus, jnp.tanh])
def test_a_weight_that_is_transformed_is_one_whatever_its_argument_is_called(squash):
    def f(anything, x):
        return nn.relu(x @ squash(anything["a"]))

    sites = tap.sites(f, {"a": n.leaf(3, 4)}, n.X)
    assert [(site.id, site.kind) for site in sites] == [("a", "relu")]
    assert sites.coverage.ignored == {"parameter transform": 1}


def _joined(w, x):
    return jnp.concatenate([nn.relu(x[:, :2]), nn.gelu(x[:, 2:])], axis=1) @ w


def _written_over(w, x):
    return x.at[:, :2].set(jnp.tanh(x[:, :2])) @ w


@pytest.mark.parametrize(
    ("f", "kinds"), [(_joined, ["relu", "gelu_tanh"]), (_written_over, ["tanh"])]
)
def test_activations_of_parts_of_the_data_are_no_parameters(f, kinds):
    for name in ("w", "params"):
        named = {"w": lambda w, x: f(w, x), "params": lambda params, x: f(params, x)}[name]
        assert [site.kind for site in tap.sites(named, jnp.ones((3, 2)), n.X)] == kinds
