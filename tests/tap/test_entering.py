"""Do loops, branches and rematted regions run as they were written, with eyes in them?"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from tests.tap import contexts as c
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 4)


def test_seen_inside_a_loop_is_stacked_by_turn():
    _, seen = tap.record(n.stacked)(n.STACK, n.X)
    pre, post, *_ = seen["deep"]
    assert pre.shape == post.shape == (3, 5, 4)
    np.testing.assert_array_equal(post, np.maximum(pre, 0))


def test_a_scan_in_reverse_and_unrolled_stays_so():
    def f(w, xs):
        return lax.scan(lambda h, x: (jnp.tanh(h + x @ w), h.sum()), jnp.zeros((5, 4)), xs,
                        reverse=True, unroll=2)  # fmt: skip

    xs = np.stack([n.X, -n.X, 2 * n.X])
    jaxpr = jax.make_jaxpr(lambda *args: tap.record(f)(*args))(W, xs)
    (scan,) = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "scan"]
    assert (scan.params["reverse"], scan.params["unroll"], scan.params["length"]) == (True, 2, 3)
    left, seen = jax.jit(tap.record(f))(W, xs)
    right = jax.jit(f)(W, xs)
    jax.tree.map(np.testing.assert_array_equal, left, right)
    # turn 0 runs last, and ends the carry
    np.testing.assert_allclose(seen["w"].post[0], right[0], rtol=1e-6)


def _chaotic(w, h):
    def turn(h, _):
        h = jnp.tanh(h @ w)
        return h, h

    return lax.scan(turn, h, None, length=300)[1]


def test_what_is_seen_in_a_long_loop_does_not_part_from_what_the_loop_computes():
    """A difference of one rounding grows to the size of the state in a loop like this."""
    w, h = n.leaf(32, 32, scale=0.4), n.leaf(5, 32)
    hs = jax.jit(_chaotic)(w, h)
    nudged = jax.jit(_chaotic)(w, np.nextafter(h, np.float32(9)))
    assert np.abs(hs - nudged).max() > 0.1
    got, seen = jax.jit(tap.record(_chaotic))(w, h)
    np.testing.assert_array_equal(got, hs)
    np.testing.assert_allclose(seen["w"].post, hs, atol=3e-6)


def test_a_loop_of_no_turns_gives_empty_values():
    def f(w, xs):
        return lax.scan(lambda h, x: (jnp.tanh(h + x @ w), None), jnp.zeros((5, 4)), xs)[0]

    y, seen = tap.record(f)(W, np.zeros((0, *n.X.shape), np.float32))
    np.testing.assert_array_equal(y, np.zeros((5, 4)))
    assert seen["w"].pre.shape == seen["w"].post.shape == (0, 5, 4)


def test_a_loop_may_carry_a_random_key():
    def f(w, x, key):
        def turn(carry, _):
            x, key = carry
            key, use = jax.random.split(key)
            return (jnp.tanh(x @ w + 0.1 * jax.random.normal(use, (5, 4))), key), None

        return lax.scan(turn, (x, key), None, length=3)[0][0]

    w, x, key = n.leaf(4, 4), n.leaf(5, 4), jax.random.key(0)
    y, seen = jax.jit(tap.record(f))(w, x, key)
    np.testing.assert_array_equal(y, jax.jit(f)(w, x, key))
    np.testing.assert_allclose(seen["w"].post[-1], y, rtol=1e-6)


def test_a_print_in_a_loop_is_printed_once_a_turn(capsys):
    def f(w, x):
        def turn(h, i):
            h = jnp.tanh(h @ w)
            jax.debug.print("turn {i}", i=i)
            return h, None

        return lax.scan(turn, x, jnp.arange(3))[0]

    y, seen = jax.jit(tap.record(f))(n.leaf(4, 4), n.leaf(5, 4))
    jax.effects_barrier()
    assert sorted(capsys.readouterr().out.split("\n")) == ["", "turn 0", "turn 1", "turn 2"]
    np.testing.assert_array_equal(seen["w"].post[-1], y)


def test_the_gradient_of_what_is_seen_in_a_loop_is_the_program_s():
    """A penalty on recorded values is trained through like one on values handed out by hand."""

    def by_hand(w, h):
        return (_chaotic(w, h) ** 2).sum()

    def by_tap(w, h):
        return (tap.record(_chaotic)(w, h)[1]["w"].post ** 2).sum()

    w, h = 0.5 * n.leaf(6, 6), n.leaf(5, 6)
    got, want = (jax.jit(jax.grad(f))(w, h) for f in (by_tap, by_hand))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_remat_keeps_its_policy():
    f = jax.grad(lambda *args: tap.record(c.rematted)(*args)[0])
    policies = [e.params["policy"] for e in _equations(f, n.P, n.X, n.Y) if "policy" in e.params]
    assert policies
    assert all(policy is jax.checkpoint_policies.dots_saveable for policy in policies)


def _equations(f, *args):
    return jax.make_jaxpr(f)(*args).eqns


V = n.leaf(n.D, n.H, seed=31)


def _choosing(w, x):
    return jax.lax.cond(x.sum() > 0, jnp.tanh, nn.relu, x @ w)


def test_what_did_not_run_is_told_and_is_nan():
    _, seen = jax.jit(tap.record(_choosing))(V, jnp.abs(n.X))
    assert [bool(seen[name].ran) for name in ("w", "w#2")] == [False, True]
    assert np.isnan(seen["w"].pre).all()
    assert np.isnan(seen["w"].post).all()
    np.testing.assert_allclose(seen["w#2"].post, np.tanh(abs(n.X) @ V), rtol=1e-6)


def test_each_example_of_a_vmap_has_a_branch_of_its_own():
    _, seen = jax.jit(jax.vmap(tap.record(_choosing), in_axes=(None, 0)))(V, n.X)
    positive = n.X.sum(1) > 0
    assert 0 < positive.sum() < len(positive)
    assert (seen["w#2"].ran == positive).all()
    assert (seen["w"].ran == ~positive).all()
    assert (np.isnan(seen["w"].post).all(1) == positive).all()


def test_summaries_of_what_did_not_run_are_zeros():
    count = tap.observe(_choosing, lambda site, act, pre, post: jnp.int32(pre.size))
    _, seen = count(V, -jnp.abs(n.X))
    assert [int(number) for number in seen.values()] == [n.B * n.H, 0]


def test_a_branch_of_a_vmapped_network_that_always_runs_has_no_word_on_it():
    _, seen = tap.record(jax.vmap(_choosing, in_axes=(None, 0)))(V, n.X)
    assert {one.ran for one in seen.values()} == {None}


def _until_small(w, h, f=jnp.tanh):
    return lax.while_loop(lambda h: jnp.abs(h).max() > 0.3, lambda h: 0.5 * f(h @ w), h)


def test_of_a_while_loop_the_last_turn_is_seen_and_no_bit_of_its_result_changes():
    w, h = n.leaf(32, 32, scale=0.1), n.leaf(5, 32)
    got, seen = jax.jit(tap.record(_until_small))(w, h)
    np.testing.assert_array_equal(got, jax.jit(_until_small)(w, h))
    np.testing.assert_allclose(0.5 * seen["w"].post, got, rtol=1e-6)
    np.testing.assert_allclose(np.tanh(seen["w"].pre), seen["w"].post, rtol=1e-6)
    assert seen["w"].ran


def test_a_while_loop_without_a_turn_tells_so():
    got, seen = tap.record(_until_small)(n.leaf(4, 4), np.zeros((2, 4), np.float32))
    np.testing.assert_array_equal(got, np.zeros((2, 4)))
    assert not seen["w"].ran
    assert np.isnan(seen["w"].post).all()


def test_each_example_of_a_vmapped_while_loop_has_a_last_turn_of_its_own():
    w, h = n.leaf(4, 4, scale=0.3), np.stack([n.leaf(3, 4), 0 * n.leaf(3, 4), 50 * n.leaf(3, 4)])
    run = tap.record(_until_small)
    got, seen = jax.jit(jax.vmap(run, in_axes=(None, 0)))(w, h)
    for i, one in enumerate(h):
        alone, seen_alone = jax.jit(run)(w, one)
        np.testing.assert_allclose(got[i], alone, rtol=1e-5)
        np.testing.assert_allclose(seen["w"].post[i], seen_alone["w"].post, rtol=1e-5)
    assert seen["w"].ran.tolist() == [True, False, True]


def test_examples_of_a_network_leave_a_while_loop_one_by_one():
    w, h = n.leaf(4, 4, scale=0.3), np.stack([n.leaf(3, 4), 0 * n.leaf(3, 4), 50 * n.leaf(3, 4)])
    model = jax.vmap(_until_small, in_axes=(None, 0))
    got, seen = jax.jit(tap.record(model))(w, h)
    np.testing.assert_array_equal(got, jax.jit(model)(w, h))
    assert seen["w"].ran
    swapped = tap.swap(model, {"tanh": jnp.sin})
    with_sines = jax.vmap(partial(_until_small, f=jnp.sin), in_axes=(None, 0))
    np.testing.assert_array_equal(jax.jit(swapped)(w, h), jax.jit(with_sines)(w, h))


def test_a_while_loop_in_a_loss_has_values_and_no_cotangent():
    def loss(params, x):
        found = lax.stop_gradient(_until_small(params["deep"], x))
        return jnp.sum(jnp.tanh(found @ params["last"]))

    params, x = {"deep": n.leaf(4, 4, scale=0.3), "last": n.leaf(4, 2)}, n.leaf(5, 4)
    value, seen = jax.jit(tap.cotangents(loss))(params, x)
    np.testing.assert_allclose(value, loss(params, x), rtol=1e-6)
    assert seen["deep"].d_post is None
    assert seen["deep"].post.shape == (5, 4)
    assert seen["last"].d_post.shape == (5, 2)


def test_loops_and_branches_hold_one_another():
    def f(w, h):
        def turn(state):
            i, h = state
            h = lax.cond(i > 1, jnp.tanh, nn.relu, h @ w)
            return i + 1, lax.scan(lambda h, _: (nn.sigmoid(h), h), h, None, length=2)[0]

        return lax.while_loop(lambda state: state[0] < 3, turn, (0, h))[1]

    sites = tap.sites(f, n.leaf(4, 4), n.leaf(5, 4))
    told = [(s.kind, s.branch, s.in_while, s.loops) for s in sites]
    assert told == [
        ("relu", ((0, 0),), True, ()),
        ("tanh", ((0, 1),), True, ()),
        ("sigmoid", (), True, (2,)),
    ]
    got, seen = jax.jit(tap.record(f))(n.leaf(4, 4), n.leaf(5, 4))
    np.testing.assert_array_equal(got, jax.jit(f)(n.leaf(4, 4), n.leaf(5, 4)))
    assert [bool(np.all(one.ran)) for one in seen.values()] == [False, True, True]
    np.testing.assert_allclose(list(seen.values())[2].post[-1], got, rtol=1e-6)


def test_a_print_in_a_while_loop_is_printed_once_a_turn(capsys):
    def turn(state):
        i, h = state
        jax.debug.print("turn {i}", i=i)
        return i + 1, jnp.tanh(h)

    def f(h):
        return lax.while_loop(lambda state: state[0] < 2, turn, (0, h))[1]

    jax.block_until_ready(jax.jit(tap.record(f))(n.X))
    jax.effects_barrier()
    assert sorted(capsys.readouterr().out.split()) == ["0", "1", "turn", "turn"]


@pytest.mark.parametrize("root", [jax.grad, jax.value_and_grad], ids=lambda f: f.__name__)
def test_the_gradient_of_a_rematted_loop_holds_its_activation(root):
    """JAX 0.12 writes the loop into an equation of its own, eval_jaxpr."""

    @jax.checkpoint
    def model(ws, x):
        return lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, ws)[0]

    sites = tap.sites(root(lambda ws, x: model(ws, x).sum()), n.leaf(2, 4, 4), n.leaf(5, 4))
    assert [(site.kind, site.loops) for site in sites] == [("tanh", (2,))]
    assert not sites.coverage.opaque
