"""Is a jaxpr written into a graph with every frame entered, and nothing lost or merged wrongly?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.tap.graph import Call
from tests.tap import contexts as c
from tests.tap import networks as n
from tests.tap.reading import graph_of, made_by

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)


def _kinds(f, *args):
    return {node.name: node.kind for node in graph_of(f, *args).frame.nodes}


def test_nested_jits_are_written_out():
    f = jax.jit(lambda x: jax.jit(jnp.tanh)(x) + jax.jit(jnp.sin)(x))
    assert _kinds(f, n.X) == {"tanh": "elementwise", "sin": "elementwise", "add": "elementwise"}


def test_a_function_with_its_own_rule_and_no_result_is_passed_by():
    nothing = jax.custom_jvp(lambda x: ())
    nothing.defjvp(lambda primals, tangents: ((), ()))
    assert _kinds(lambda x: (nothing(x), jnp.tanh(x))[1], n.X)["tanh"] == "elementwise"


@pytest.mark.parametrize(
    ("f", "name", "kind"),
    [
        (nn.relu, "custom_jvp_call", "elementwise"),
        (lambda x: lax.scan(lambda h, _: (jnp.tanh(h), 1), x, None, length=2), "scan", "scan"),
        (jax.checkpoint(jnp.tanh), "remat2", "remat"),
        (lambda x: lax.while_loop(lambda h: h.sum() > 1, jnp.sin, x), "while", "while"),
        (lambda x: lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos), "cond", "opaque"),
        (lambda x: lax.cond(x.sum() > 0, jnp.tanh, jnp.sin, x), "cond", "cond"),
        (lambda x: jnp.sort(x), "sort", "plain"),
    ],
)  # fmt: skip
def test_a_node_is_entered_by_its_rule(f, name, kind):
    (node,) = made_by(graph_of(f, n.X), name)
    assert node.kind == kind
    assert len(node.frames) == {"scan": 1, "remat": 1, "while": 1, "cond": 2}.get(kind, 0)


def test_a_rule_of_the_user_s_is_a_frame_where_it_holds_a_product():
    kinds = _kinds(c.own_vjp, n.P, n.X)
    assert kinds["custom_vjp_call"] == "rule"
    assert _kinds(c.elementwise_vjp, n.P, n.X)["custom_vjp_call"] == "elementwise"


def test_the_backward_pass_is_told_from_the_forward_pass():
    network = graph_of(jax.grad(lambda w: jnp.sum(jnp.sin(n.X @ w) ** 2)), n.leaf(3, 4))
    forward, *backward = made_by(network, "dot_general")
    assert not forward.backward
    assert [node.backward for node in backward] == [True]


def test_what_is_written_twice_is_one_node():
    network = graph_of(lambda x: jnp.exp(x) / (1 + jnp.exp(x)), n.X)
    assert len(made_by(network, "exp")) == 1
    (site,) = tap.sites(lambda w, x: jnp.exp(x @ w) / (1 + jnp.exp(x @ w)), n.leaf(3, 4), n.X)
    assert site.kind == "sigmoid"


def _doubled(x):
    return 2 * jnp.exp(x)


def _raised(x):
    return 1 + jnp.exp(x)


@pytest.mark.parametrize(
    ("f", "written"),
    [
        (lambda x: (_doubled(x), _raised(x)), 1),
        (lambda x: (jnp.exp(x), jax.jit(_doubled)(x)), 1),
        (lambda x: (jax.jit(_doubled)(x), jax.jit(_raised)(x)), 2),
        (lambda x: (jax.jit(_doubled)(x), jnp.exp(x)), 2),
    ],
    ids=["side by side", "before a call", "in two calls", "in a call and after it"],
)
def test_a_value_made_inside_a_call_is_not_at_hand_outside(f, written):
    assert len(made_by(graph_of(f, n.X), "exp")) == written


def test_calls_are_kept_for_running_as_they_were_written():
    inner = jax.jit(lambda x: jax.jit(jnp.sin)(x) + 1)
    frame = graph_of(lambda x: jnp.cos(inner(x)), n.X).frame
    call, last = frame.items
    assert isinstance(call, Call)
    assert [type(item) for item in call.items] == [Call, type(last)]
    assert [*call.nodes(), last] == frame.nodes
    assert [len(node.calls) for node in frame.nodes] == [2, 1, 0]


def test_a_jit_that_names_a_sharding_is_left_closed():
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    placed = jax.jit(jnp.tanh, out_shardings=device)
    assert _kinds(lambda x: placed(x), n.X) == {"jit": "opaque"}


def test_what_only_looks_alike_is_not_one_node():
    left = np.zeros((40, 40), np.float32)
    right = left.copy()
    right[20, 20] = 7  # printed, both arrays are cut off before this entry
    x = np.ones((2, 40), np.float32)

    def f(x):
        return nn.relu(x @ left) + jnp.tanh(x @ right) + jnp.sin(x * -0.0) + jnp.cos(x * 0.0)

    y, _ = tap.record(f)(x)
    np.testing.assert_array_equal(y, f(x))
    assert len(made_by(graph_of(f, x), "mul")) == 2


def test_effects_happen_as_often_as_they_are_written(capfd):
    def f(x):
        jax.debug.print("seen")
        jax.debug.print("seen")
        return nn.relu(x)

    jax.block_until_ready(tap.record(f)(n.X))
    jax.effects_barrier()
    assert capfd.readouterr().out.split() == ["seen", "seen"]
