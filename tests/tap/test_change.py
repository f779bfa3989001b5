"""Is another function put in an activation's place, and nothing else moved?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import activations, tap
from tests.tap import contexts as c
from tests.tap import networks as n
from tests.tap.oracles import ORACLES, near, weighted

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_no_tracer_is_left_behind has it"
)

W = n.leaf(n.D, n.H, seed=31)


def _both(f, g, *args):
    """Run two functions and their gradients for the first argument in one program."""

    def run(h, first, *rest):
        return h(first, *rest), jax.grad(lambda first: weighted(h(first, *rest)))(first)

    return jax.jit(lambda *args: (run(f, *args), run(g, *args)))(*args)


def _equal(got, want):
    jax.tree.map(np.testing.assert_array_equal, got, want)


def _kinds(f, *args):
    return [site.kind for site in tap.sites(f, *args)]


# Programs in which one function can be chosen: with another there, they say what swap has to give.
def _in_layers(f):
    return n.mlp(f, f), (n.P, n.X)


def _in_jit(f):
    return jax.jit(lambda p, x: n.mlp(jax.jit(f), f)(p, x)), (n.P, n.X)


def _in_scan(f):
    def step(h, x):
        h = f(x @ n.RNN["in"] + h @ n.RNN["again"])
        return h, h

    def run(x):
        return lax.scan(step, jnp.zeros((n.B, n.H)), x.swapaxes(0, 1), reverse=True)[1]

    return run, (n.TEXT,)


def _in_remat(f):
    return jax.checkpoint(n.mlp(f, f), policy=jax.checkpoint_policies.dots_saveable), (n.P, n.X)


def _in_branches(f):
    def run(x):
        z = x @ W
        return lax.cond(z.sum() > 0, lambda z: f(2 * z), lambda z: 3 * f(z), z)

    return run, (n.X,)


def _in_vmap(f):
    return jax.vmap(n.mlp(f, f), in_axes=(None, 0)), (n.P, n.X)


def _behind_a_gate(f):
    return n.gated(f), (n.BLOCK, n.TEXT)


def _one_after_another(f):
    return lambda x: f(f(x @ W) @ W.T), (n.X,)


def _twice_in_a_row(f):
    return lambda x: f(f(x @ W) - 0.1), (n.X,)


PROGRAMS = (
    _in_layers, _in_jit, _in_scan, _in_remat, _in_branches, _in_vmap, _behind_a_gate,
    _one_after_another, _twice_in_a_row,
)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__.removeprefix("_"))
@pytest.mark.parametrize(("old", "new"), [("relu", "silu"), ("tanh", "relu")])
def test_swapped_is_as_if_written_with_the_other_one(program, old, new):
    before, after = activations.get(old), activations.get(new)
    f, args = program(before)
    swapped = tap.swap(f, {old: new})
    want, _ = program(after)
    _equal(*_both(swapped, want, *args))
    assert _kinds(swapped, *args) == _kinds(want, *args)


def test_what_is_written_twice_is_changed_in_both_places():
    def model(f):
        return lambda x: f(x @ W) @ W.T + f(x @ W).sum()

    near(*_both(tap.swap(model(jnp.tanh), {"tanh": "relu"}), model(nn.relu), n.X))


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.name)
def test_put_back_as_it_was_every_number_is_the_original_s(oracle):
    free = tap.select(lambda site: site.id not in oracle.blind)
    patched = tap.patch(oracle.plain, {free: lambda pre, post: post})
    _equal(*_both(patched, oracle.plain, *oracle.args))


def test_a_function_swapped_for_itself_leaves_the_program_as_it_is():
    def model(x):
        return x / (1 + jnp.exp(-x))  # as nobody's library spells it

    def text(f):
        return str(jax.make_jaxpr(f)(n.X))

    assert text(tap.swap(model, {"silu": "silu"})) == text(model)
    assert text(tap.swap(model, {"silu": activations.get("silu", beta=1.0)})) == text(model)
    assert text(tap.swap(model, {"silu": activations.get("silu", beta=1.5)})) != text(model)
    assert text(tap.swap(model, {})) == text(model)


def test_name_arguments_and_source_line_stay():
    def model(weights, x):
        return jnp.tanh(x @ weights)

    changed = tap.swap(model, {"tanh": "gelu"})
    assert changed.__name__ == "model"
    (before,), (after,) = tap.sites(model, W, n.X), tap.sites(changed, W, n.X)
    assert after == before._replace(kind="gelu")
    assert after.id == "weights"


def test_selectors_choose_and_each_gets_its_own():
    model = n.mlp(nn.relu, jnp.tanh, nn.relu)
    params = n.mlp_params(3)
    changed = tap.swap(model, {"layers/0": "gelu", "tanh": "elu"})
    assert _kinds(changed, params, n.X) == ["gelu", "elu", "relu"]
    changed = tap.swap(model, {tap.select("relu") & ~tap.select("layers/0"): jnp.sin})
    assert _kinds(changed, params, n.X) == ["relu", "tanh", "sine"]


def test_a_patch_sees_what_came_in_and_what_goes_out():
    def ablate(pre, post):
        return jnp.where(jnp.arange(n.H)[None] == 1, 0, post + 0 * pre)

    def by_hand(p, x):
        h = nn.relu(n.dense(p["layers"][0], x)).at[:, 1].set(0)
        return n.dense(p["layers"][2], nn.relu(n.dense(p["layers"][1], h)))

    patched = tap.patch(n.mlp(nn.relu, nn.relu), {"layers/0": ablate})
    _equal(*_both(patched, by_hand, n.P, n.X))


def test_a_swapped_network_trains():
    loss = tap.swap(n.squared(n.mlp(nn.sigmoid, nn.sigmoid)), {"sigmoid": "relu"})
    step = jax.jit(jax.value_and_grad(loss))
    params, first = n.P, None
    for _ in range(20):
        value, grads = step(params, n.X, n.Y)
        first = value if first is None else first
        params = jax.tree.map(lambda p, g: p - 0.05 * g, params, grads)
    assert value < 0.8 * first


def test_it_composes_with_every_transformation():
    f, args = _in_layers(nn.relu)
    changed, want = tap.swap(f, {"relu": "silu"}), n.mlp(nn.silu, nn.silu)

    def all_of(g):
        p, x = args
        return (
            jax.vmap(g, in_axes=(None, 0))(p, x[:, None]),
            jax.jvp(lambda x: g(p, x), (x,), (jnp.ones_like(x),)),
            jax.hessian(lambda b: g({"layers": [p["layers"][0] | {"b": b}, *p["layers"][1:]]}, x))(
                p["layers"][0]["b"]
            ),
            lax.scan(lambda h, x: (h, g(p, x[None])), 0, x)[1],
            jax.checkpoint(g)(p, x),
            tap.record(g)(p, x),
            tap.cotangents(lambda p, x: weighted(g(p, x)))(p, x),
            tap.swap(g, {"layers/0": "tanh"})(p, x),
        )

    near(*jax.jit(lambda: (all_of(changed), all_of(want)))())


def test_in_a_while_loop_the_change_is_made_in_every_turn():
    def model(f):
        def run(x):
            return lax.while_loop(
                lambda state: state[1] < 3, lambda state: (f(state[0]) + 0.5, state[1] + 1), (x, 0)
            )[0]

        return run

    _equal(tap.swap(model(jnp.tanh), {"tanh": "relu"})(n.X), model(nn.relu)(n.X))
    moved = (jnp.ones_like(n.X),)
    _equal(
        jax.jvp(tap.swap(model(jnp.tanh), {"tanh": "silu"}), (n.X,), moved),
        jax.jvp(model(activations.get("silu")), (n.X,), moved),
    )


def test_effects_stay_in_their_order_and_number(capfd):
    def model(x):
        jax.debug.print("before", ordered=True)
        h = nn.relu(x)
        jax.debug.print("after", ordered=True)
        return lax.scan(lambda h, _: (noisy(h), None), h, None, length=2)[0]

    def noisy(h):
        jax.debug.print("turn", ordered=True)
        return nn.relu(h - 1)

    tap.swap(model, {"relu": "silu"})(n.X)
    jax.effects_barrier()
    assert capfd.readouterr().out.split() == ["before", "after", "turn", "turn"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_the_dtype_is_kept(dtype):
    x = jnp.asarray(n.X, dtype)
    got = tap.swap(nn.relu, {"relu": "gelu"})(x)
    assert got.dtype == x.dtype
    _equal(got, activations.get("gelu")(x))


def test_a_result_of_another_dtype_than_the_argument_s_is_kept_too():
    def model(x):
        return jnp.tanh(x.astype(jnp.float32)) + 1

    x = jnp.asarray(n.X, "bfloat16")
    assert tap.swap(model, {"tanh": "relu"})(x).dtype == jnp.float32


@pytest.mark.parametrize("shape", [(0, 3), (), (1,), (2, 0, 3)])
def test_any_shape_goes(shape):
    got = tap.swap(jnp.tanh, {"tanh": "relu"})(jnp.ones(shape))
    _equal(got, jnp.ones(shape))


def test_no_tracer_is_left_behind():
    with jax.checking_leaks():
        changed = tap.swap(c.branches, {"tanh": "relu"})
        jax.jit(jax.grad(lambda p, x: changed(p, x).sum()))(n.P, n.X)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("changes", [{"sigmoid": "tanh"}, {"sigmoid": "tanh", "silu": "relu"}])
def test_a_site_inside_another_is_changed_alone(order, changes):
    """The sigmoid that a silu computes is the sigmoid beside it, written twice."""

    def model(of_sigmoid, of_silu):
        parts = (lambda z: of_sigmoid(z) @ W.T, lambda z: of_silu(z) @ W.T)
        return lambda x: sum(part(x @ W) for part in parts[::order])

    f = model(nn.sigmoid, lambda z: z * nn.sigmoid(z))
    want = model(jnp.tanh, activations.get(changes.get("silu", "silu")))
    near(*_both(tap.swap(f, changes), want, n.X))


@pytest.mark.parametrize("low", ["bfloat16", "float16"])
def test_where_the_site_widens_the_new_function_is_computed_wide(low):
    x = jnp.asarray(n.X, low)
    got = tap.swap(lambda x: jnp.tanh(x.astype(jnp.float32)), {"tanh": "gelu"})(x)
    _equal(got, activations.get("gelu")(x.astype(jnp.float32)))


def test_constants_among_the_results_are_arrays():
    got = tap.swap(lambda x: (jnp.tanh(x), jnp.zeros(()), jnp.array(True)), {"tanh": "relu"})(n.X)
    assert all(isinstance(y, jax.Array) for y in got)
