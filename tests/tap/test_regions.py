"""Are elementwise regions grown and cut where the functions of one array begin and end?"""

import jax
import jax.numpy as jnp
import pytest
from jax import nn

from relu_jax import tap
from relu_jax.tap import regions
from tests.tap import networks as n
from tests.tap.reading import graph_of, regions_of

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)


def _kinds(f, *args):
    return [site.kind for site in tap.sites(f, *args)]


def test_everything_computed_from_one_array_is_one_region():
    flow = regions_of(lambda x: jnp.tanh(2 * jnp.sin(x) + 1) * jnp.cos(x), n.X)
    (x,) = flow.frame.ins
    assert {flow.root[node.outs[0]] for node in flow.frame.nodes} == {x}
    assert not flow.joins


def test_copies_with_axes_exchanged_meet_again_in_one_order():
    met = regions_of(lambda x: jnp.where(x.T > 0, x.T, 0.2 * x.T) + jnp.exp(x).T, n.X)
    (x,) = met.frame.ins
    assert {met.place(node.outs[0]) for node in met.frame.nodes[-1:]} == {(x, (1, 0))}
    assert not met.joins
    square = n.leaf(4, 4)
    assert len(regions_of(lambda x: x + x.T, square).joins) == 1
    assert len(regions_of(lambda x: jnp.exp(x) + jnp.exp(x).T, square).joins) == 1
    back = regions_of(lambda x: jnp.exp(x) + jnp.exp(x.T.T), square)
    assert not back.joins


def test_a_transposition_alone_ends_a_region():
    assert _kinds(lambda w, x: jnp.tanh(nn.relu(x @ w).T), n.leaf(3, 4), n.X) == ["relu", "tanh"]


def test_what_reads_a_value_is_followed_as_far_as_is_asked():
    flow = regions_of(lambda x: jnp.sum(-2 * jnp.exp(x) + x) + jnp.sum(jnp.exp(x) * x), n.X)
    (exp,) = (node for node in flow.frame.nodes if node.name == "exp")

    def read(*onward):
        found = flow.below(exp.outs[0], lambda user, _: user.name in onward)
        return sorted(user.name for user, _ in found)

    assert read() == ["mul", "mul"]
    assert read("mul", "add") == ["add", "mul", "mul", "reduce_sum", "reduce_sum"]
    others = [user.others(exp.outs[0]) for user, _ in flow.below(exp.outs[0], lambda *_: False)]
    assert sorted(others) == [[], list(flow.frame.ins)]


def test_two_arrays_join_and_a_broadcast_parameter_does_not():
    two = regions_of(lambda x, y: jnp.tanh(x * y), n.X, n.X)
    assert len(two.joins) == 1
    one = regions_of(lambda x, b: jnp.tanh(x * b[None]), n.X, n.X[0])
    assert not one.joins


def test_what_is_divided_by_its_own_sum_is_no_function_of_one_array():
    flow = regions_of(lambda x: jnp.exp(x) / jnp.exp(x).sum(-1, keepdims=True), n.X)
    assert len(flow.joins) == 1


def test_a_region_is_left_where_its_values_are_used():
    flow = regions_of(lambda w, x: jnp.sin(jnp.tanh(x) @ w), n.leaf(3, 4), n.X)
    left = list(regions.exits(flow, lambda v: True, flow.frame.outs))
    made = [flow.maker[v].name for v in left]
    assert made == ["tanh", "sin"]
    assert list(regions.exits(flow, lambda v: False, ())) == []


def test_what_a_derivative_left_behind_is_no_end():
    def loss(w, x):
        h = jnp.sin(2 * (x @ w)) * nn.sigmoid(x @ w) + nn.silu(x @ w)
        return (((h @ w.T) > 0).astype(h.dtype) @ w).sum()  # with no derivative

    assert _kinds(loss, n.leaf(3, 4), n.X) == ["sinlu", "heaviside"]
    assert _kinds(jax.value_and_grad(loss), n.leaf(3, 4), n.X) == ["sinlu", "heaviside"]


def test_only_real_floats_are_floats():
    dtypes = ("float32", "bool", "int32", "bfloat16", "float16", "complex64", "float8_e4m3fn")
    network = graph_of(lambda x: [x.astype(d) for d in dtypes], n.X)
    floats = [
        d for d, v in zip(dtypes, network.frame.outs, strict=True) if regions.is_float(network, v)
    ]
    assert floats == ["float32", "bfloat16", "float16", "float8_e4m3fn"]


def test_a_key_is_no_float():
    network = graph_of(lambda k: k, jax.random.key(0))
    assert not regions.is_float(network, network.frame.outs[0])


def test_a_parameter_of_full_size_is_a_parameter_still():
    params = {"w": n.leaf(3, 4), "a": n.leaf(4)}

    def prelu(params, x):
        h = x @ params["w"]
        return jnp.where(h > 0, h, params["a"] * h)

    def swish(params, x):
        h = x @ params["w"]
        return h * nn.sigmoid(params["a"] * h)

    assert _kinds(prelu, params, n.X[0]) == ["leaky_relu"]
    assert _kinds(swish, params, n.X[0]) == ["silu"]
    assert _kinds(lambda params, x: nn.relu(x @ params["w"] + params["a"]), params, n.X[0]) == [
        "relu"
    ]


def test_sums_of_broadcasts_are_arrays_of_their_own():
    def scores(params, x):
        h = x @ params["w"]
        wide = jnp.broadcast_to(h[:, :1], (5, 5)) + jnp.broadcast_to(h[:, 1][None], (5, 5))
        return nn.softmax(nn.leaky_relu(wide), axis=-1) @ h

    assert _kinds(scores, {"w": n.leaf(3, 4)}, n.X) == ["leaky_relu"]
