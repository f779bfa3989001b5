"""Is it known of every value where it goes: into a product, a result, a label, nowhere?"""

import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.tap.reach import NOWHERE, Reach
from tests.tap import contexts as c
from tests.tap import networks as n
from tests.tap.reading import made_by, reaches_of

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W, V = n.leaf(3, 4), n.leaf(4, 2)


def _of(name, f, *args):
    """Give the reach of the result of a function's only `name` in its outermost frame."""
    reaches = reaches_of(f, *args)
    (node,) = made_by(reaches.facts.graph, name)
    return reaches[node.outs[0]]


@pytest.mark.parametrize(
    ("f", "reach"),
    [
        (lambda params, x, y: jnp.tanh(x @ params), Reach(live=True, whole=True)),
        (lambda params, x, y: jnp.tanh(x @ params).mean(), Reach(live=True)),
        (lambda params, x, y: jnp.tanh(x @ params) @ V, Reach(live=True, product=True)),
        (lambda params, x, y: (jnp.tanh(x @ params) * y).sum(), Reach(live=True, raw=True)),
        (lambda params, x, y: jnp.tanh(x @ params) - y, Reach(live=True, whole=True, raw=True)),
        (lambda params, x, y: (jnp.tanh(x @ params) * params.sum()).sum(), Reach(live=True)),
    ],
    ids=["result", "summed", "into a product", "beside a label", "both", "beside a weight"],
)  # fmt: skip
def test_the_uses_of_a_value_are_told_apart(f, reach):
    assert _of("tanh", f, W, n.X, n.leaf(5, 4)) == reach


def test_what_a_gradient_leaves_behind_counts_as_wanted():
    """`jax.grad` drops the value: its last operation has no reader, yet belongs to the program."""
    reaches = reaches_of(jax.grad(n.squared(c.net)), n.P, n.X, n.Y)
    forward = [node for node in made_by(reaches.facts.graph, "tanh") if not node.backward]
    assert [reaches.live(node.outs[0]) for node in forward] == [True]


def test_what_only_a_backward_pass_reads_goes_nowhere():
    def pulled(params, x):
        return jax.vjp(lambda w: jnp.sin(x @ w), params)[1](jnp.ones((5, 4)))

    assert _of("cos", pulled, W, n.X) == NOWHERE


def test_reach_enters_loops_and_regions():
    reaches = reaches_of(n.stacked, n.STACK, n.X)
    (scan,) = made_by(reaches.facts.graph, "scan")
    (relu,) = [node for node in scan.frames[0].nodes if node.name == "custom_jvp_call"]
    assert reaches[relu.outs[0]] == Reach(live=True, product=True, whole=True)
    reaches = reaches_of(c.rematted, n.P, n.X, n.Y)
    first, _ = made_by(reaches.facts.graph, "remat2")
    (tanh,) = [node for node in first.frames[0].nodes if node.name == "tanh"]
    assert reaches[tanh.outs[0]].product
    assert not reaches[tanh.outs[0]].raw


def test_a_region_nobody_wants_is_not_entered():
    def f(params, x):
        lax.scan(lambda h, _: (jnp.tanh(h), 0.0), x, None, length=2)
        return x @ params

    reaches = reaches_of(f, W, n.X)
    (scan,) = made_by(reaches.facts.graph, "scan")
    (tanh,) = [node for node in scan.frames[0].nodes if node.name == "tanh"]
    assert not reaches[tanh.outs[0]].product


def test_what_a_condition_reads_is_wanted_and_what_either_branch_wants_is():
    def f(params, x):
        h = nn.relu(x @ params)
        return lax.cond(jnp.tanh(h).sum() > 0, lambda h: h @ params.T, lambda h: x, h)

    reaches = reaches_of(f, W, n.X)
    (relu,), (tanh,) = (made_by(reaches.facts.graph, name) for name in ("custom_jvp_call", "tanh"))
    assert reaches[relu.outs[0]].product
    assert reaches[tanh.outs[0]] == Reach(live=True)


def test_a_while_loop_hands_on_what_its_next_turn_wants():
    def f(params, x):
        def turn(h):
            return jnp.sin(h) @ params.T @ params

        return lax.while_loop(lambda h: h.sum() > 3, turn, nn.relu(x @ params))

    reaches = reaches_of(f, W, n.X)
    (loop,) = made_by(reaches.facts.graph, "while")
    (sin,) = [node for node in loop.frames[0].nodes if node.name == "sin"]
    assert reaches[sin.outs[0]].product
    assert reaches[made_by(reaches.facts.graph, "custom_jvp_call")[0].outs[0]].product


def test_an_opaque_region_may_hold_a_product():
    def f(params, x):
        ways = {"cpu": lambda h: h + 1, "default": lambda h: h}
        return lax.platform_dependent(nn.relu(x @ params), **ways).sum()

    assert _of("custom_jvp_call", f, W, n.X).product


@pytest.mark.parametrize("f", [nn.silu, nn.gelu, nn.elu, jnp.tanh])
def test_what_a_loop_keeps_for_its_gradient_is_no_result(f):
    """A loop hands out what its backward pass needs: parts of the activation, by themselves."""

    def run(w):
        return jnp.sum(lax.scan(lambda h, _: (f(h @ w), None), n.X, None, length=2)[0])

    w = n.leaf(3, 3)
    assert [s.kind for s in tap.sites(jax.grad(run), w)] == [s.kind for s in tap.sites(run, w)]


def test_a_weight_that_is_multiplied_reaches_no_product_of_its_own():
    def f(params, x):
        h = jnp.tanh(x @ jnp.sin(params["w"]) + params["b"][None, :])
        return (h @ jnp.cos(params["w"]).T).sum()

    reaches = reaches_of(f, {"w": W, "b": n.leaf(n.H)}, n.X)
    made = {name: made_by(reaches.facts.graph, name)[0].outs[0] for name in ("sin", "cos", "tanh")}
    assert {name: reaches[v].product for name, v in made.items()} == {
        "sin": False, "cos": False, "tanh": True,
    }  # fmt: skip


def test_what_a_loop_keeps_for_itself_alone_enters_no_product():
    def f(params, x):
        def turn(carry, _):
            h, norm = carry
            return (jnp.tanh(h @ params), norm + jnp.square(h).sum()), None

        return lax.scan(turn, (x, jnp.float32(0)), None, length=3)[0]

    reaches = reaches_of(f, n.leaf(n.D, n.D), n.X)
    (loop,) = made_by(reaches.facts.graph, "scan")
    tanh, square = (
        next(node for node in loop.frames[0].nodes if node.name == name).outs[0]
        for name in ("tanh", "square")
    )
    assert (reaches[tanh].product, reaches[square].product) == (True, False)
