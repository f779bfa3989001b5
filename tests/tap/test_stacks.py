"""Are linear maps that follow one another told from those with something in between?"""

import jax
import jax.numpy as jnp
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import contexts as c
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

PAIR = {"a": n.leaf(3, 4), "b": n.leaf(4, 4), "bias": n.leaf(4)}


def _after(f, *args):
    """Give what stands before each map: (paths of maps, ids of sites), by path."""
    return {
        one.path.removeprefix("params/"): (one.after, one.sites)
        for one in tap.sites(f, *args).linear
    }


def _between(step):
    return lambda params, x: step(x @ params["a"], params) @ params["b"]


@pytest.mark.parametrize(
    "step",
    [
        lambda h, p: h,
        lambda h, p: 2 * h + p["bias"][None],
        lambda h, p: h.reshape(5, 2, 2).transpose(0, 2, 1).reshape(5, 4),
        lambda h, p: h.mean(0, keepdims=True),
        lambda h, p: jnp.where(jnp.arange(4)[None] > 1, h, 0.0),
        lambda h, p: lax.stop_gradient(h),
        lambda h, p: jax.checkpoint(lambda h: h * 3)(h),
    ],
    ids=["nothing", "affine", "moved", "pooled", "dropped", "stopped", "in remat"],
)  # fmt: skip
def test_affine_steps_leave_one_map(step):
    assert _after(_between(step), PAIR, n.X)["b"] == (("params/a",), ())


@pytest.mark.parametrize(
    "step",
    [
        lambda h, p: h * h,
        lambda h, p: h / jnp.sqrt(jnp.mean(h**2, -1, keepdims=True)),
        lambda h, p: nn.softmax(h, axis=-1),
        lambda h, p: jnp.sort(h, axis=-1),
        lambda h, p: h.max(-1, keepdims=True) * jnp.ones((1, 4)),
    ],
    ids=["squared", "normalised", "softmax", "sorted", "maximum"],
)
def test_whatever_bends_ends_a_stack(step):
    assert _after(_between(step), PAIR, n.X)["b"][0] == ()


def test_a_site_is_named_instead():
    told = _after(n.mlp(nn.relu, jnp.tanh), n.P, n.X)
    assert told["layers/0/w"] == ((), ())
    assert told["layers/1/w"] == ((), ("layers/0",))
    assert told["layers/2/w"] == ((), ("layers/1",))


def test_a_residual_sum_is_no_stack():
    told = _after(n.residual, n.RESIDUAL, n.X)
    assert told["layers/1/w"][0] == ("params/layers/0/w",)
    assert told["layers/3/w"] == ((), ("layers/2",))


@pytest.mark.parametrize(
    "step",
    [
        lambda h, p: h,
        lambda h, p: 2 * h + p["bias"][None],
        lambda h, p: jax.jit(lambda h: h)(h),
        lambda h, p: h + h,
    ],
    ids=["nothing", "affine", "jit", "twice at once"],
)
def test_what_goes_one_way_is_not_forked(step):
    assert not _last(_between(step)).forked


@pytest.mark.parametrize(
    "model",
    [
        lambda params, x: _fork(x @ params["a"], params),
        lambda params, x: _fork(2 * (x @ params["a"]), params),
        lambda params, x: jax.jit(_fork)(x @ params["a"], params),
        lambda params, x: jax.checkpoint(_fork)(x @ params["a"], params),
        lambda params, x: (lambda h: (h @ params["b"], h))(x @ params["a"]),
    ],
    ids=["sum", "affine", "jit", "remat", "returned"],
)
def test_what_goes_elsewhere_too_is_forked(model):
    last = _last(model)
    assert (last.after, last.forked) == (("params/a",), True)


def _fork(h, params):
    return h + jnp.tanh(h @ params["b"])


def _last(model):
    return tap.sites(model, PAIR, n.X).linear[-1]


def test_groups_of_a_convolution_are_told():
    def model(params, x):
        shape = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(
            x, params["deep"], (1, 1), "SAME", dimension_numbers=shape, feature_group_count=3
        )
        return n.conv(x, params["point"])

    params = {"deep": n.leaf(3, 3, 1, 6), "point": n.leaf(1, 1, 6, 4)}
    deep, point = tap.sites(model, params, n.IMAGES).linear
    assert (deep.groups, point.groups) == (3, 1)
    assert point.after == ("params/deep",)


def test_a_branch_leaves_one_map_where_both_ways_do():
    def f(params, x):
        h = x @ params["a"]
        h = lax.cond(x.sum() > 0, lambda h: 2 * h, lambda h: h + 1, h)
        return h @ params["b"]

    assert _after(f, PAIR, n.X)["b"] == (("params/a",), ())

    def g(params, x):
        h = x @ params["a"]
        h = lax.cond(x.sum() > 0, nn.relu, lambda h: h, h)
        return h @ params["b"]

    assert _after(g, PAIR, n.X)["b"] == ((), ("a",))


def test_what_two_branches_read_is_forked_and_a_while_loop_ends_a_stack():
    def f(params, x):
        h = x @ params["a"]
        ways = (lambda h: h @ params["b"], nn.relu)
        return lax.cond(x.sum() > 0, *ways, h)

    (_, second) = tap.sites(f, PAIR, n.X).linear
    assert (second.after, second.forked) == (("params/a",), True)

    def g(params, x):
        def turn(state):
            return (state[0] + 1, nn.tanh(state[1]))

        return lax.while_loop(lambda s: s[0] < 3, turn, (0, x @ params["a"]))[1] @ params["b"]

    assert _after(g, PAIR, n.X)["b"] == ((), ())


def test_frames_are_entered_and_a_loop_ends_a_stack():
    told = _after(n.stacked, n.STACK, n.X)
    assert told["deep/w"][0] == ("params/first",)
    told = _after(lambda params, x: n.stacked(params, x) @ params["first"].T, n.STACK, n.X)
    assert told["first"][0] == ()
    assert _after(c.own_vjp, n.P, n.X)["layers/1/w"] == ((), ("layers/0",))
