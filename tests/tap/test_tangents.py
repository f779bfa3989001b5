"""Has a function the same sites when jax.jvp differentiates it, and is no part of that one?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

from relu_jax import tap
from relu_jax.tap import tangents
from tests.tap import networks as n

pytestmark = pytest.mark.leaks_unchecked(
    "it collects garbage at every trace: test_observe.py has it"
)

PARAMS = {"w": n.leaf(3, 4), "b": n.leaf(4), "v": n.leaf(4, 2)}
ALONG = jax.tree.map(lambda a: a + 0.5, PARAMS)
T = n.X + 1
ACTS = {
    "gelu_tanh": nn.gelu,
    "gelu": lambda x: nn.gelu(x, approximate=False),
    "silu": nn.silu,
    "elu": nn.elu,
    "mish": nn.mish,
    "sine": jnp.sin,
    "tanh": jnp.tanh,
    "relu": nn.relu,
    "softplus": nn.softplus,
    "selu": nn.selu,
    "squareplus": nn.squareplus,
    "hard_silu": nn.hard_swish,
    "log_sigmoid": nn.log_sigmoid,
}


def net(act):
    return lambda params, x: act(x @ params["w"] + params["b"][None]) @ params["v"]


def along_inputs(f):
    return lambda params, x: jax.jvp(lambda x: f(params, x), (x,), (T,))


def along_weights(f):
    return lambda params, x: jax.jvp(lambda p: f(p, x), (params,), (ALONG,))


def twice(f):
    def once(params, x):
        return jax.jvp(lambda x: f(params, x), (x,), (T,))[1]

    return lambda params, x: jax.jvp(lambda x: once(params, x), (x,), (T,))[1]


def hessian(f):
    return lambda params, x: jax.hessian(lambda x: f(params, x[None]).sum())(x[0])


def hessian_vector(f):
    return lambda params, x: jax.jvp(jax.grad(lambda p: f(p, x).sum()), (params,), (ALONG,))


def forward_jacobian(f):
    return lambda params, x: jax.vmap(jax.jacfwd(lambda x: f(params, x[None])[0]))(x)


def linearized(f):
    return lambda params, x: jax.linearize(lambda x: f(params, x), x)[1](T)


def trained(f):
    """Square a Laplacian, as a physics-informed network does, and differentiate by the weights."""
    of = hessian(f)
    return jax.value_and_grad(lambda params, x: jnp.trace(of(params, x)) ** 2)


WAYS = (
    along_inputs, along_weights, twice, hessian, hessian_vector, forward_jacobian, linearized,
    trained,
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("kind", ACTS)
def test_a_derivative_in_forward_mode_adds_no_site(kind, way):
    sites = tap.sites(way(net(ACTS[kind])), PARAMS, n.X)
    assert [site.kind for site in sites] == [kind]
    assert [layer.path for layer in sites.linear] == ["params/w", "params/v"]


def test_a_function_of_the_input_is_one_site_beside_its_tangent():
    (site,) = tap.sites(lambda x, t: jax.jvp(nn.gelu, (x,), (t,)), n.X, T)
    assert site.kind == "gelu_tanh"


def test_inside_a_scan_and_a_jit_too():
    def deep(params, x):
        return lax.scan(lambda h, w: (nn.silu(h @ w), None), x, params["w"])[0]

    params = {"w": n.leaf(5, 3, 3)}
    (site,) = tap.sites(along_inputs(jax.jit(deep)), params, n.X)
    assert (site.kind, site.count) == ("silu", 5)


@pytest.mark.parametrize("act", [jnp.exp, nn.sigmoid, nn.silu], ids=["exp", "sigmoid", "silu"])
@pytest.mark.parametrize("side", ["other weights", "the same weights"])
def test_a_gate_that_is_differentiated_stays_one(act, side):
    def gated(params, x):
        other = params["w"][::-1] if side == "other weights" else params["w"]
        return (act(x @ params["w"]) * (x[:, ::-1] @ other)) @ params["v"]

    plain = tap.sites(gated, PARAMS, n.X)
    graded = tap.sites(jax.value_and_grad(lambda p, x: gated(p, x).sum()), PARAMS, n.X)
    assert [site.kind for site in graded] == [site.kind for site in plain]
    assert len(plain) == 1
    assert graded[0].gates


def test_a_coupling_layer_keeps_its_scale_under_grad():
    def flow(params, x):
        scale = jnp.tanh(x @ params["w"])
        return jnp.mean(n.leaf(5, 4) * jnp.exp(scale) + x @ params["w"]) + jnp.mean(scale)

    kinds = [site.kind for site in tap.sites(flow, PARAMS, n.X)]
    assert kinds == [site.kind for site in tap.sites(jax.value_and_grad(flow), PARAMS, n.X)]
    assert kinds[0] == "tanh"


def test_what_is_turned_by_sines_and_cosines_is_no_tangent():
    def rotated(params, x):
        a, b = nn.silu(x @ params["w"]), x[:, ::-1] @ params["w"]
        angle = x @ params["w"][:, ::-1]
        return jnp.mean((a * jnp.cos(angle) - b * jnp.sin(angle)) @ params["v"])

    plain = tap.sites(rotated, PARAMS, n.X)
    graded = tap.sites(jax.value_and_grad(rotated), PARAMS, n.X)
    assert [site.kind for site in graded] == [site.kind for site in plain]
    assert [site.kind for site in plain] == ["silu", "cosine", "sine"]


@pytest.mark.parametrize("act", [jnp.cos, jnp.exp], ids=["cosine", "exponential"])
def test_a_gate_whose_derivative_is_kept_is_no_tangent(act):
    def turned(z, u):
        square = n.leaf(4, 4)
        return lax.fori_loop(0, 3, lambda _, h: act(h @ square) * (h[:, ::-1] @ square) + z, u)

    def gated(params, x):
        branches = [lambda z, u: act(z) * u, turned]
        h = lax.switch(1, branches, x @ params["w"], x[:, ::-1] @ params["w"])
        return jnp.mean(h @ params["v"])

    graded = tap.sites(jax.value_and_grad(gated), PARAMS, n.X)
    assert [site.kind for site in graded] == [site.kind for site in tap.sites(gated, PARAMS, n.X)]


def test_a_random_draw_inside_is_none_of_them():
    def sampled(params, x):
        h = jnp.tanh(x @ params["w"])
        noise = jax.random.normal(jax.random.key(0), h.shape)
        return jnp.mean((h * noise + nn.softplus(x @ params["w"])) ** 2)

    plain = tap.sites(sampled, PARAMS, n.X)
    graded = tap.sites(jax.value_and_grad(sampled), PARAMS, n.X)
    assert [site.kind for site in graded] == [site.kind for site in plain]


def test_what_is_recorded_under_a_jvp_is_what_went_in():
    f = along_inputs(net(nn.gelu))
    _, seen = tap.record(f)(PARAMS, n.X)
    (ends,) = seen.values()
    z = n.X @ PARAMS["w"] + PARAMS["b"][None]
    np.testing.assert_array_equal(ends.pre, z)
    np.testing.assert_allclose(ends.post, nn.gelu(z), rtol=1e-6)


def test_blocks_with_a_norm_before_them_take_no_more_than_square_time(monkeypatch):
    def loss(params, x):
        for w in params:
            h = (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)
            x = x + nn.silu(h @ w) @ w.T
        return jnp.mean(x**2)

    tried = []
    equation = tangents.evaluate.equation
    monkeypatch.setattr(
        tangents.evaluate, "equation", lambda *args: tried.append(args) or equation(*args)
    )

    def operations(blocks):
        tried.clear()
        weights = [n.leaf(3, 3, seed=i) for i in range(blocks)]
        assert len(tap.sites(jax.value_and_grad(loss), weights, n.X)) == blocks
        return len(tried)

    assert operations(16) < 5 * operations(8)
