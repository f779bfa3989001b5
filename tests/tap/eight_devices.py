"""Are sites found, seen and changed inside `shard_map`, and with arrays split over devices?

Run by test_shards.py in a process of its own, which has eight devices.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import P, lax, nn
from jax.sharding import NamedSharding

import relu_jax as rj
from tests.tap.sharded import (
    EIGHT,
    GRID,
    PARAMS,
    PROGRAMS,
    X,
    in_a_scan,
    over_both,
    over_data,
    plain,
    split,
)

pytestmark = pytest.mark.leaks_unchecked("JAX's own gradient of a psum fails under the check")


def _loss(f):
    return lambda params, x: jnp.sum(jnp.square(f(params, x)))


def _same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def _close(a, b):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), a, b)


def test_there_are_eight_devices():
    assert jax.device_count() == 8


@pytest.mark.parametrize(
    ("h", "kinds", "ignored"),
    [
        (lambda h, w: nn.relu6(h @ lax.all_gather(w, "model", axis=1, tiled=True)[:2]),
         ["relu6"], {}),
        (lambda h, w: nn.elu(lax.psum_scatter(nn.relu(h) @ w.T, "data", tiled=True)),
         ["relu", "elu"], {}),
        (lambda h, _: (e := jnp.exp(h)) / lax.psum(e.sum(-1, keepdims=True), "model"), [],
         {"softmax": 1}),
        (lambda h, _: nn.relu(
            (h - (m := lax.pmean(h.mean(0, keepdims=True), "data")))
            * lax.rsqrt(lax.pmean(jnp.square(h - m).mean(0, keepdims=True), "data") + 1e-5)),
         ["relu"], {"normalisation": 2}),
        (lambda h, _: with_rule(h), ["relu"], {}),
    ],
    ids=["gathered weight", "scattered sum", "softmax", "batch norm", "a rule of one's own"],
)  # fmt: skip
def test_collectives_are_read(h, kinds, ignored):
    specs = (P(None, "model"), P("data"))
    f = split(GRID, specs, P(("data", "model")))(lambda w, x: h(x @ w, w))
    sites = rj.tap.sites(f, PARAMS["w1"], X)
    assert [s.kind for s in sites] == kinds
    assert sites.coverage.ignored == ignored
    assert not sites.coverage.opaque


@jax.custom_vjp
def with_rule(x):
    return jnp.maximum(x, 0)


with_rule.defvjp(lambda x: (with_rule(x), x), lambda x, ct: (jnp.where(x >= 0, ct, 0),))


def test_the_slope_of_a_rule_is_told():
    f = split(EIGHT, P("data"), P("data"))(with_rule)
    assert rj.tap.sites(f, X)[0].slope_at_kinks == (1.0,)


def test_shards_within_shards():
    inner = jax.shard_map(
        lambda w, x: nn.relu(x @ w), in_specs=(P(None, "model"), P()), out_specs=P(None, "model"),
        axis_names={"model"},
    )  # fmt: skip
    f = split(GRID, (P(), P("data")), P("data"), axis_names={"data"})(lambda w, x: inner(w, x))
    (site,) = rj.tap.sites(f, PARAMS["w1"], X)
    assert (site.kind, site.loops, site.shape) == ("relu", (2, 4), (8, 2))
    _, seen = jax.jit(rj.tap.record(f))(PARAMS["w1"], X)
    whole = nn.relu(X @ PARAMS["w1"]).reshape(2, 8, 4, 2).swapaxes(1, 2)
    _close(seen[site.id].post, whole)


@pytest.mark.parametrize("check", [True, False])
def test_the_tap_is_used_inside_shards(check):
    def on_one(params, x):
        _, seen = rj.tap.cotangents(_loss(plain))(params, x)
        return seen["w1"].post, seen["w1"].d_pre

    f = split(EIGHT, (P(), P("data")), P("data"), check_vma=check)(on_one)
    _, expected = rj.tap.cotangents(_loss(plain))(PARAMS, X)
    _close(jax.jit(f)(PARAMS, X), (expected["w1"].post, expected["w1"].d_pre))


def in_a_branch(params, x):
    """A branch that is not taken, beside a loop."""
    h = lax.cond(x.sum() > 1e9, lambda: nn.relu(x @ params["w1"]), lambda: x @ params["w1"])
    return lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, nn.elu(s[1])), (0, h))[1]


def test_types_that_tell_how_arrays_are_split():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Explicit,))
    with jax.set_mesh(mesh):
        x = jax.device_put(X, NamedSharding(mesh, P("data")))
        assert [s.kind for s in rj.tap.sites(plain, PARAMS, x)] == ["relu", "softplus"]
        value, seen = jax.jit(rj.tap.cotangents(_loss(plain)))(PARAMS, x)
        _, ran = jax.jit(rj.tap.record(in_a_branch))(PARAMS, x)
        assert not ran["w1"].ran
        assert bool(ran["w1#2"].ran)
        _same(jax.jit(rj.tap.swap(plain, {}))(PARAMS, x), jax.jit(plain)(PARAMS, x))
        lean = jax.jit(jax.grad(rj.lean(_loss(plain))))(PARAMS, x)
        _close(lean, jax.jit(jax.grad(_loss(plain)))(PARAMS, x))
    alone, expected = rj.tap.cotangents(_loss(plain))(PARAMS, X)
    _close((value, seen), (alone, expected))


@pytest.mark.parametrize("grad", [False, True], ids=["value", "gradient"])
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("data", ["relu", "softplus"]),
        ("unchecked", ["relu", "softplus"]),
        ("data and model", ["relu", "softplus"]),
        ("loops", ["tanh", "silu", "elu", "sigmoid"]),
        ("in a scan", ["gelu_tanh"]),
        ("in a ring", ["relu", "softplus"]),
        ("one axis", ["relu", "softplus"]),
    ],
)
def test_sites_are_found(name, kinds, grad):
    f = PROGRAMS[name]
    if grad:
        f = jax.value_and_grad(_loss(f))
    sites = rj.tap.sites(f, PARAMS, X)
    assert [s.kind for s in sites] == kinds, str(sites)
    assert not sites.coverage.opaque


def test_a_site_tells_its_shards():
    relu, softplus = rj.tap.sites(over_data(), PARAMS, X)
    assert (relu.id, softplus.id) == ("w1", "w2")
    assert (relu.shape, relu.loops, relu.order, relu.count) == ((2, 8), (8,), (0,), 8)
    assert relu.loop == "steps"
    assert relu.source.startswith("sharded.py:")
    (inside,) = rj.tap.sites(in_a_scan, PARAMS, X)
    assert inside.loops == (3, 8)
    relu, softplus = rj.tap.sites(over_both, PARAMS, X)
    assert (relu.shape, relu.loops, relu.loop) == ((8, 2), (8,), "layers")
    assert relu.unit_axes == softplus.unit_axes == (1,)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_what_was_recorded_is_what_the_shards_hold(name, jit):
    f = PROGRAMS[name]
    run, alone = rj.tap.record(f), f
    run, alone = (jax.jit(run), jax.jit(alone)) if jit else (run, alone)
    y, seen = run(PARAMS, X)
    (_same if jit else _close)(y, alone(PARAMS, X))
    for site in rj.tap.sites(f, PARAMS, X):
        assert seen[site.id].pre.shape == (*site.loops, *site.shape)
    if name in ("data", "unchecked", "in a ring"):
        _close(seen["w1"].post.reshape(16, 8), nn.relu(X @ PARAMS["w1"]))
    if name == "data and model":  # the shards, in the order of the mesh
        whole = nn.relu(X @ PARAMS["w1"]).reshape(2, 8, 4, 2).swapaxes(1, 2)
        _close(seen["w1"].post.reshape(2, 4, 8, 2), whole)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "in a while"])
def test_gradients_are_the_same_with_eyes_open(name):
    loss = _loss(PROGRAMS[name])
    value, gradient = jax.jit(jax.value_and_grad(loss))(PARAMS, X)
    tapped = rj.tap.observed_value_and_grad(
        loss, lambda _, __, pre, post: post.mean() - pre.mean(), lambda _, ct: jnp.sum(ct)
    )
    told = jax.jit(tapped)(PARAMS, X)
    _same(told[0], value)
    _close(told[1], gradient)
    for site in rj.tap.sites(loss, PARAMS, X):
        assert told[2][site.id].shape == told[3][site.id].pre.shape == site.loops
    swapped = jax.jit(jax.value_and_grad(rj.tap.swap(loss, {})))
    _same(swapped(PARAMS, X), (value, gradient))


@pytest.mark.parametrize("name", ["data", "unchecked", "data and model", "one axis"])
def test_cotangents_are_those_of_the_program_without_shards(name):
    value, seen = jax.jit(rj.tap.cotangents(_loss(PROGRAMS[name])))(PARAMS, X)
    alone, expected = rj.tap.cotangents(_loss(plain))(PARAMS, X)
    _close(value, alone)
    d_pre = seen["w1"].d_pre
    if name == "data and model":
        d_pre = d_pre.reshape(2, 4, 8, 2).swapaxes(1, 2)
    _close(d_pre.reshape(16, 8), expected["w1"].d_pre)


@pytest.mark.parametrize("name", PROGRAMS)
def test_sites_are_changed_inside_the_shards(name):
    f = PROGRAMS[name]
    ids = [s.id for s in rj.tap.sites(f, PARAMS, X)]
    kinds = {s.id: s.kind for s in rj.tap.sites(f, PARAMS, X)}
    same = rj.tap.swap(f, kinds)
    _same(jax.jit(same)(PARAMS, X), jax.jit(f)(PARAMS, X))
    other = rj.tap.swap(f, dict.fromkeys(ids, "tanh"))
    assert [s.kind for s in rj.tap.sites(other, PARAMS, X)] == ["tanh"] * len(ids)
    jax.block_until_ready(jax.jit(other)(PARAMS, X))
    cut = rj.tap.patch(f, {ids[0]: lambda _, post: jnp.zeros_like(post)})
    jax.block_until_ready(jax.jit(cut)(PARAMS, X))


@pytest.mark.parametrize("name", ["data", "unchecked", "data and model", "in a scan"])
def test_lean_inside_the_shards_gives_the_same_gradient(name):
    loss = _loss(PROGRAMS[name])
    expected = jax.jit(jax.value_and_grad(loss))(PARAMS, X)
    _close(jax.jit(jax.value_and_grad(rj.lean(loss)))(PARAMS, X), expected)


def test_lean_convolutions_gather_no_shards():
    def loss(w, x):
        return jnp.sum(lax.conv(nn.silu(lax.conv(x, w, (1, 1), "SAME")), w, (1, 1), "SAME") ** 2)

    over = NamedSharding(EIGHT, P("data"))
    w, x = jnp.full((4, 4, 3, 3), 0.1), jax.device_put(np.ones((16, 4, 8, 8), np.float32), over)
    plain, lean = (jax.jit(jax.grad(f)).lower(w, x).compile() for f in (loss, rj.lean(loss)))
    _close(lean(w, x), plain(w, x))
    assert "all-gather" not in lean.as_text()


def test_a_network_of_shards_is_diagnosed():
    def loss(params, x):
        return jnp.mean(jnp.square(over_data()(params, x)))

    dying = PARAMS | {"w1": -jnp.abs(PARAMS["w1"])}
    told = str(rj.diagnose(loss, dying, [jnp.abs(X)]))
    assert told.startswith("16 examples in 1 batch")
    assert "All 8 units of w1 are dead" in told


def test_split_arrays_go_through_and_stay_split():
    split = NamedSharding(EIGHT, P("data"))
    x = jax.device_put(X, split)
    y, seen = jax.jit(rj.tap.record(plain))(PARAMS, x)
    _close(y, plain(PARAMS, X))
    assert seen["w1"].post.sharding.is_equivalent_to(NamedSharding(EIGHT, P("data")), 2)
    swapped = jax.jit(rj.tap.swap(plain, {"w1": "gelu"}))(PARAMS, x)
    assert swapped.sharding.is_equivalent_to(split, 2)


@pytest.mark.parametrize("bits", [None, 3])
@pytest.mark.parametrize("act", [nn.relu, nn.gelu])
def test_lean_keeps_the_last_axis_split(act, bits):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Explicit,))
    x = X[:, :1] * jnp.ones((1, 8))
    expected = jax.grad(rj.lean(lambda x: jnp.sum(act(x)), bits=bits))(x)
    with jax.set_mesh(mesh):
        split = jax.device_put(x, NamedSharding(mesh, P(None, "data")))
        _close(jax.grad(rj.lean(lambda x: jnp.sum(act(x)), bits=bits))(split), expected)


def test_what_is_split_needs_no_mesh_around_a_jit():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Explicit,))
    alone = rj.tap.cotangents(_loss(plain))(PARAMS, X), jax.grad(rj.lean(_loss(plain)))(PARAMS, X)
    x = jax.device_put(X, NamedSharding(mesh, P("data")))
    params = jax.device_put(PARAMS, NamedSharding(mesh, P()))
    _close(jax.jit(rj.tap.cotangents(_loss(plain)))(params, x), alone[0])
    _close(jax.jit(jax.grad(rj.lean(_loss(plain))))(params, x), alone[1])


@pytest.mark.parametrize("axes", [{"data"}, {"data", "model"}])
def test_shards_of_an_explicit_mesh(axes):
    explicit = (jax.sharding.AxisType.Explicit,) * 2
    mesh = jax.make_mesh((2, 4), ("data", "model"), axis_types=explicit)
    with jax.set_mesh(mesh):
        x = jax.device_put(jnp.abs(X @ PARAMS["w1"]), NamedSharding(mesh, P("data", "model")))
        spec = P("data", "model" if "model" in axes else None)
        f = jax.jit(jax.shard_map(nn.relu, in_specs=spec, out_specs=spec, axis_names=axes))
        (site,) = rj.tap.sites(f, x)
        assert (site.kind, site.loops) == ("relu", (2 if axes == {"data"} else 8,))
        _, seen = jax.jit(rj.tap.cotangents(lambda x: 3 * f(x).sum()))(x)
        _same(seen[site.id].d_pre, jnp.full((*site.loops, *site.shape), 3.0))
        _same(jax.jit(jax.grad(rj.lean(lambda x: f(x).sum())))(x), jnp.ones_like(x))


def test_numbers_written_in_a_function_are_split_as_its_argument_is():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Explicit,))
    with jax.set_mesh(mesh):
        x = jax.device_put(jnp.ones((8, 8)), jax.P("data", None))

        def f(z):
            return jnp.where(z > 0, z, jnp.zeros_like(z))

        assert rj.memory(f, x)[0].lean == 8
        gradient = jax.grad(lambda x: rj.lean(f)(x).sum())(x)
        np.testing.assert_array_equal(gradient, np.ones((8, 8)))
        assert jax.typeof(gradient) == jax.typeof(x)
