"""Does a program run as it was written, with eyes at its sites?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import nn

from relu_jax import tap
from relu_jax.tap import compat, eyes, interpret
from tests.tap import contexts as c
from tests.tap import networks as n
from tests.tap.oracles import near, weighted
from tests.tap.reading import program_of

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 4)


def _ends(site, act, pre, post):
    return pre, post


def _run(f, *args):
    """Run a function through the interpreter, with (pre, post) looked at."""
    read = program_of(f, *args)
    see = eyes.opened(read.placed, _ends)
    arrays = [x for x in jax.tree.leaves(args) if hasattr(x, "shape")]
    outs, seen = interpret.run(read.graph.frame, arrays, see, {})
    return read.results.filled(outs), seen


def _primitives(f, *args):
    """Count the equations of a traced function by primitive, those of inner programs included."""

    def names(jaxpr):
        for eqn in compat.opened(jaxpr).jaxpr.eqns:
            yield eqn.primitive.name
            for inner in compat.inner_jaxprs(eqn):
                yield from names(inner)

    return sorted(names(compat.trace(f, *args)[0].jaxpr))


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (c.net, (n.P, n.X)),
        (c.jit_in_jit, (n.P, n.X)),
        (c.rematted, (n.P, n.X, n.Y)),
        (n.stacked, (n.STACK, n.X)),
        (c.branches, (n.P, n.X)),
        (lambda x: (nn.silu(x), x, 2.0), (n.X,)),
    ],
    ids=["plain", "jit", "remat", "scan", "cond", "results handed through"],
)
def test_with_no_site_chosen_the_equations_are_the_original_s(f, args):
    read = program_of(f, *args)

    def again(*args):
        none = eyes.opened([], _ends)
        return interpret.run(read.graph.frame, jax.tree.leaves(args), none, {})[0]

    assert _primitives(again, *args) == _primitives(f, *args)


def test_a_jit_that_is_looked_into_stays_one_under_its_name():
    @jax.jit
    def my_layer(x):
        return nn.gelu(x @ W) * 2

    jaxpr = jax.make_jaxpr(lambda x: tap.record(my_layer)(x))(n.X)
    assert [eqn.params.get("name") for eqn in jaxpr.eqns if eqn.primitive.name in flat_calls()] == [
        "my_layer"
    ]


def flat_calls():
    """Name the primitives of a nested jit on any release."""
    return ("jit", "pjit")


def test_a_function_with_its_own_rule_is_bound_whole():
    _, seen = _run(c.own_vjp, n.P, n.X)
    assert list(seen) == ["layers/0", "layers/1"]
    names = _primitives(lambda *args: tap.record(c.own_vjp)(*args), n.P, n.X)
    assert "custom_vjp_call" in names


def _twice(x):
    """Compute a mean twice, as one does who writes out a variance."""
    return (x - x.mean()) / jnp.sqrt(jnp.mean((x - x.mean()) ** 2) + 1e-5)


def test_what_is_written_twice_runs_twice_so_that_gradients_are_added_in_the_same_order():
    def f(params, x):
        return jnp.sum(jnp.cos(nn.relu(_twice(x @ params))))

    original, tapped = (
        jax.value_and_grad(f),
        jax.value_and_grad(lambda *args: tap.record(f)(*args)[0]),
    )
    assert _primitives(tapped, W, n.X) == _primitives(original, W, n.X)
    left, right = jax.jit(lambda: (tapped(W, n.X), original(W, n.X)))()
    jax.tree.map(np.testing.assert_array_equal, left, right)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["written out", "in a jit"])
def test_an_argument_that_is_written_twice_has_one_whole_cotangent(wrap):
    gate = wrap(lambda w, x: jnp.exp(-(x @ w)))

    def loss(w, x):
        return jnp.sum(jnp.tanh(x @ w)) + jnp.sum(gate(w, x))

    _, seen = jax.jit(lambda: tap.cotangents(loss)(W, n.X))()
    z = n.X @ W
    ends = seen["w"]
    np.testing.assert_allclose(ends.d_pre, 1 - np.tanh(z) ** 2 - np.exp(-z), rtol=1e-4, atol=1e-5)


def test_a_call_that_hands_an_operand_through_is_looked_at_once():
    f = jax.jit(lambda h: (h, nn.relu(h)))

    def loss(w, x):
        h, y = f(jnp.tanh(x @ w))
        return jnp.sum(h * y)

    _, seen = tap.cotangents(loss)(W, n.X)
    h = np.tanh(n.X @ W)
    np.testing.assert_allclose(seen["w"].d_post, 2 * h * (h > 0), rtol=1e-5, atol=1e-6)


def test_numbers_written_in_place_come_back_as_results():
    (y, three), _ = _run(lambda x: (nn.relu(x), 3.0), n.X)
    assert float(three) == 3
    np.testing.assert_array_equal(y, np.maximum(n.X, 0))


def _with_its_own(f):
    """Return what f is applied to, too."""
    return jax.jit(lambda w, x: (lambda h: (f(h), h))(x @ w))


@pytest.mark.parametrize("f", [jnp.tanh, nn.silu, nn.gelu], ids=["tanh", "silu", "gelu"])
def test_a_jit_that_returns_its_pre_activations_is_looked_into(f):
    """The pre-activation is a result of the jit, and read inside it."""
    layer = _with_its_own(f)

    def loss(w, x):
        y, h = layer(w, x)
        return jnp.sum(y**2) + jnp.sum(jnp.cos(h))

    def zeros(e):
        h = n.X @ W + e
        return jnp.sum(f(h) ** 2) + jnp.sum(jnp.cos(h))

    _, seen = jax.jit(lambda: tap.cotangents(loss, "w")(W, n.X))()
    want = jax.grad(zeros)(jnp.zeros((5, 4)))
    np.testing.assert_allclose(seen["w"].d_pre, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("f", [nn.silu, nn.gelu, nn.mish, nn.hard_swish, jnp.tanh])
def test_the_gradient_of_a_jitted_layer_is_recorded(f):
    inner = jax.jit(lambda x: f(x @ W) @ W.T)
    whole = jax.value_and_grad(lambda x: jnp.sum(inner(x) ** 2))
    (value, seen), plain = jax.jit(lambda x: (tap.record(whole)(x), whole(x)))(n.X)
    jax.tree.map(np.testing.assert_array_equal, value, plain)
    assert seen


def test_what_another_activation_computes_inside_is_not_the_site_s_result():
    """silu(z) computes sigmoid(z) again: the sigmoid's cotangent holds the sigmoid's uses alone."""

    def loss(w, x):
        z = x @ w
        return jnp.sum(nn.sigmoid(z) ** 2) + jnp.sum(nn.silu(z) ** 2)

    _, seen = tap.cotangents(loss)(W, n.X)
    np.testing.assert_allclose(seen["w"].d_post, 2 * seen["w"].post, rtol=1e-5)


def _members(f):
    """Give members weights of their own: a vmap exchanges the axes inside jnp.where."""
    return lambda ws, x: jax.vmap(lambda w: f(x @ w) @ w.T)(ws)


def _leaky(z):
    return jnp.where(z >= 0, z, 0.1 * z)


def test_a_site_whose_axes_a_vmap_exchanges_is_seen_and_changed_in_one_order():
    ws, x = n.leaf(2, 3, 4), n.X
    loss = lambda ws, x: weighted(_members(_leaky)(ws, x))  # noqa: E731
    (site,) = tap.sites(loss, ws, x)
    assert (site.kind, sorted(site.shape)) == ("leaky_relu", [2, 4, 5])
    _, seen = jax.jit(tap.cotangents(loss))(ws, x)
    pre, post, d_pre, d_post, _ = seen[site.id]
    assert pre.shape == post.shape == d_pre.shape == d_post.shape == site.shape
    np.testing.assert_array_equal(post, _leaky(pre))
    np.testing.assert_allclose(d_pre, np.where(pre >= 0, d_post, 0.1 * d_post), rtol=1e-6)
    near(tap.swap(_members(_leaky), {"leaky_relu": nn.silu})(ws, x), _members(nn.silu)(ws, x))
    halved = tap.patch(_members(_leaky), {"leaky_relu": lambda _pre, post: post / 2})
    near(halved(ws, x), _members(_leaky)(ws, x) / 2)
