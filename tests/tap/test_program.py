"""Do sites get ids that name their layer, whatever the activation, and the user's own line?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.activations import gelu
from tests.tap import contexts as c
from tests.tap import frameworks as fw
from tests.tap import networks as n
from tests.tap.reading import program_of

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

W = n.leaf(3, 4)


def _ids(f, *args):
    return [site.id for site in tap.sites(f, *args)]


@pytest.mark.parametrize(
    ("params", "find", "name"),
    [
        ({"layers": [{"kernel": W}]}, lambda p: p["layers"][0]["kernel"], "layers/0"),
        ({"encoder": {"fc": {"w": W}}}, lambda p: p["encoder"]["fc"]["w"], "encoder/fc"),
        ([(W, 0.5)], lambda p: p[0][0], "params/0"),
        ([W], lambda p: p[0], "params/0"),
        ({"w1": W}, lambda p: p["w1"], "w1"),
        ({"w": W}, lambda p: p["w"], "w"),
        (W, lambda p: p, "params"),
    ],
    ids=["list of layers", "nested", "pairs", "list", "flat", "one leaf name", "one array"],
)
def test_a_site_is_named_for_the_layer_that_feeds_it(params, find, name):
    (site,) = tap.sites(lambda params, x: jnp.tanh(x @ find(params)), params, n.X)
    assert site.id == name
    assert site.path.startswith("params")


def test_an_id_is_the_same_whatever_the_activation_and_the_batch():
    ids = {
        (*_ids(n.mlp(f, f), n.P, n.X[:size]),)
        for f in (nn.relu, nn.gelu, jnp.sin)
        for size in (1, 5)
    }
    assert ids == {("layers/0", "layers/1")}


def test_several_sites_of_one_layer_are_numbered():
    assert _ids(n.lstm, n.CELL, n.TEXT) == ["h", "h#2", "h#3", "h#4", "h#5"]
    assert _ids(c.shared, n.P, n.X) == ["layers/1", "layers/1#2"]


def test_a_site_that_no_weight_feeds_is_numbered():
    assert _ids(lambda x, y: (nn.relu(x), jnp.tanh(y)), n.X, n.X) == ["site#1", "site#2"]


@pytest.mark.parametrize(
    ("f", "args", "loop", "loops", "count"),
    [
        (c.net, (n.P, n.X), "", (), 1),
        (n.stacked, (n.STACK, n.X), "layers", (3,), 3),
        (n.rnn, (n.RNN, n.TEXT), "steps", (4,), 4),
        (n.stacked_in_steps, (n.STACK, n.leaf(4, 5, 4)), "layers", (5, 3), 15),
    ],
    ids=["none", "layers", "steps", "layers in steps"],
)
def test_loops_are_counted_and_told_apart(f, args, loop, loops, count):
    site = tap.sites(f, *args)[-1]
    assert (site.loop, site.loops, site.count) == (loop, loops, count)


@pytest.mark.parametrize(
    ("loop", "order"),
    [
        (lambda x, ws: lax.scan(lambda h, w: (jnp.tanh(h * w), None), x, ws)[0], (1,)),
        (lambda x, ws: lax.scan(lambda h, w: (jnp.tanh(h * w), None), x, ws, reverse=True)[0],
         (-1,)),
        (lambda x, ws: lax.map(lambda w: jnp.tanh(x * w), ws), (0,)),
        (lambda x, ws: lax.map(
            lambda v: lax.scan(lambda h, w: (jnp.tanh(h * w), None), v, ws, reverse=True)[0], ws
        ), (0, -1)),
    ],
    ids=["forward", "reverse", "map", "reverse in a map"],
)  # fmt: skip
def test_the_order_in_which_turns_follow_one_another_is_told(loop, order):
    (site,) = tap.sites(loop, jnp.float32(1), jnp.ones(3))
    assert site.order == order


def test_the_source_is_the_user_s_line():
    def f(params, x):
        return nn.gelu(x @ params)  # the line that is asked for

    (site,) = tap.sites(f, W, n.X)
    assert site.source == f"test_program.py:{f.__code__.co_firstlineno + 1}"
    (again,) = tap.sites(jax.jit(jax.checkpoint(f)), W, n.X)
    assert again.source == site.source


def test_a_framework_s_module_is_told_by_the_line_that_calls_it():
    jax.clear_caches()  # of what jax.nn jits, JAX keeps the frames of the first call
    f, args = fw.linen_model(fw.LinenMlp(), n.X)
    assert {site.source.split(":")[0] for site in tap.sites(f, *args)} == {"frameworks.py"}


def test_coverage_counts_what_was_seen_and_names_what_was_not_entered():
    sites = tap.sites(c.by_platform, n.P, n.X)
    (opaque,) = sites.coverage.opaque
    assert opaque.startswith("cond at contexts.py:")
    assert (sites.coverage.recognised, sites.coverage.unknown) == (1, 0)
    sites = tap.sites(n.squared(c.unknown), n.P, n.X, n.Y)
    assert sites.coverage.ignored == {"loss": 1}
    assert sites.coverage.unknown == sum(s.kind == "unknown" for s in sites) > 0


def test_linear_maps_are_listed_in_order_with_their_lines():
    linear = tap.sites(c.net, n.P, n.X).linear
    assert [one.path for one in linear] == [f"params/layers/{i}/w" for i in range(3)]
    assert [(one.n_in, one.n_out) for one in linear] == [(3, 4), (4, 4), (4, 2)]
    assert {one.source.split(":")[0] for one in linear} == {"networks.py"}


def test_a_site_inside_a_rule_of_the_user_s_is_marked():
    placed = program_of(c.own_vjp, n.P, n.X).placed
    assert [(one.site.id, one.blind) for one in placed] == [
        ("layers/0", False),
        ("layers/1", True),
    ]


def test_the_result_s_structure_is_kept():
    read = program_of(lambda x: {"y": nn.relu(x), "none": None, "pair": (x, 1)}, n.X)
    assert read.results.filled([0, 1, 2]) == {"y": 2, "none": None, "pair": (0, 1)}


def test_sites_of_a_backward_loop_are_not_sites_again():
    f = jax.value_and_grad(
        lambda p, x: lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, p)[0].sum()
    )
    assert (
        _ids(f, n.leaf(2, 3, 3), n.X)
        == _ids(lambda p, x: f(p, x)[0], n.leaf(2, 3, 3), n.X)
        == ["p"]
    )


def _dropped(params, x, rate=0.1):
    h = nn.relu(x @ params["w"])
    return h * (1 - rate) if rate > 0 else h


@pytest.mark.parametrize("rate", [0.5, np.float32(0.5)])
def test_a_number_that_is_branched_on_stays_a_setting(rate):
    (site,) = tap.sites(_dropped, {"w": W}, n.X, rate)
    assert site.kind == "relu"
    y, seen = tap.record(_dropped)({"w": W}, n.X, rate)
    np.testing.assert_allclose(y, 0.5 * seen["w"].post, rtol=1e-6)
    assert tap.cotangents(lambda *args: _dropped(*args).sum())({"w": W}, n.X, rate)[1]
    run = tap.observed_value_and_grad(
        lambda *args: _dropped(*args).sum(), lambda *ends: (), lambda site, ct: ct.sum()
    )
    assert run({"w": W}, n.X, rate)[1]["w"].shape == W.shape


def test_so_does_a_static_argument_of_a_jit():
    f = jax.jit(lambda w, x, rate: rate * nn.relu(x @ w), static_argnums=2)
    assert [site.kind for site in tap.sites(f, W, n.X, 0.5)] == ["relu"]
    np.testing.assert_array_equal(tap.record(f)(W, n.X, 0.5)[0], f(W, n.X, 0.5))


def test_so_does_one_that_numpy_reads():
    (site,) = tap.sites(lambda w, x, r: nn.relu(x @ w) * np.sqrt(r), W, n.X, 0.4)
    assert site.kind == "relu"


def test_an_array_that_is_branched_on_is_an_error_as_in_any_trace():
    with pytest.raises(jax.errors.TracerBoolConversionError):
        tap.sites(_dropped, {"w": W}, n.X, jnp.float32(0.5))


def _on_the_host(h):
    return jax.pure_callback(np.tanh, jax.ShapeDtypeStruct(h.shape, h.dtype), h)


def test_a_callback_is_named_opaque():
    sites = tap.sites(lambda w, x: _on_the_host(x @ w), W, n.X)
    assert not sites
    assert sites.coverage.opaque[0].startswith("pure_callback at test_program.py:")


def test_a_special_function_is_an_unknown_activation():
    (site,) = tap.sites(lambda w, x: jax.scipy.special.i0e(x @ w), W, n.X)
    assert (site.kind, site.id) == ("unknown", "w")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_our_functions_are_found_in_the_gradient_of_a_loop_and_once_in_forward_mode(dtype):
    w, x = jnp.ones((2, 8, 8), dtype), jnp.ones((4, 8), dtype)

    def loop(w, x):
        return lax.scan(lambda c, w: (gelu(c @ w), None), x, w)[0].astype("float32").mean()

    assert [s.kind for s in tap.sites(jax.grad(loop), w, x)] == ["gelu"]
    forward = tap.sites(lambda w, x: jax.jvp(lambda x: gelu(x @ w[0]) @ w[1], (x,), (x,)), w, x)
    assert [s.kind for s in forward] == ["gelu", "unknown"]  # itself and its slope
