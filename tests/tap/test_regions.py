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


def test_waypoints_are_what_every_path_passes():
    flow = regions_of(lambda x: jnp.tanh(x * nn.sigmoid(x)) + 1, n.X)
    (y,) = regions.exits(flow, lambda v: True, flow.frame.outs)
    names = [flow.maker[v].name for v in regions.waypoints(flow, y, set())[1:]]
    assert names == ["mul", "tanh", "add"]  # not the sigmoid: x goes around it


@pytest.mark.parametrize(
    ("f", "kinds"),
    [
        (lambda x: jnp.tanh(nn.relu(x)), ["relu", "tanh"]),
        (lambda x: nn.relu(jnp.tanh(x)), ["tanh", "relu"]),
        (lambda x: nn.relu(nn.relu(x)), ["relu"]),
        (lambda x: 1.7 * jnp.tanh(2 * x / 3), ["tanh"]),
        (lambda x: nn.relu(2 * x + 1), ["relu"]),
        (lambda x: jnp.sin(3 * x), ["unknown"]),
        (lambda x: jnp.sin(jnp.cos(x)), ["unknown"]),
        (lambda x: jnp.sin(nn.silu(x)), ["silu", "unknown"]),
        (lambda x: nn.silu(jnp.sin(x)), ["unknown", "silu"]),
        (lambda x: jnp.square(nn.relu(x)), ["relu", "unknown"]),
        (lambda x: (nn.relu(x), nn.relu(-x)), ["relu", "relu"]),
        (lambda x: 2 * x + 1, []),
    ],
)
def test_a_chain_is_cut_into_the_functions_along_it(f, kinds):
    assert _kinds(lambda w, x: f(x @ w), n.leaf(3, 4), n.X) == kinds


def test_a_constant_added_after_an_activation_does_not_double_it():
    def f(w, x):
        p = nn.sigmoid(x @ w)
        return jnp.log(p + 1e-6), jnp.log(1 - p + 1e-6)

    sites = tap.sites(f, n.leaf(3, 4), n.X)
    assert [s.kind for s in sites].count("sigmoid") == 1


def test_a_scaled_activation_is_recorded_whole_or_bare_but_right():
    y, seen = tap.record(lambda w, x: 1.7 * jnp.tanh(x @ w))(n.leaf(3, 4), n.X)
    (ends,) = seen.values()
    bare, whole = jnp.tanh(ends.pre), 1.7 * jnp.tanh(ends.pre)
    assert bool(jnp.allclose(ends.post, bare)) or bool(jnp.allclose(ends.post, whole))
    assert bool(jnp.allclose(y, whole))


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
