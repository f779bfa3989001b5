"""The transformations of the table: a small network under each of JAX's ways to wrap one."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, nn

from relu_jax import activations
from tests.tap.networks import B, H, P, dense, leaf, mlp, squared

net = mlp(nn.relu, jnp.tanh)
loss = squared(net)


def per_example(params: Any, x: Any) -> Any:
    """Apply a model of one example to a batch."""

    def one(row):
        h = nn.relu(params["layers"][0]["w"].T @ row + params["layers"][0]["b"])
        return params["layers"][2]["w"].T @ h

    return jax.vmap(one)(x)


def ensemble(params: Any, x: Any) -> Any:
    """Apply several members, their weights stacked, to one batch."""
    return jax.vmap(net, in_axes=(0, None))(params, x)


MEMBERS = jax.tree.map(lambda w: leaf(2, *w.shape), P)


def rematted(params: Any, x: Any, y: Any) -> Any:
    """Recompute each layer in the backward pass, under a policy that keeps products."""
    policy = jax.checkpoint_policies.dots_saveable

    @partial(jax.checkpoint, policy=policy)
    def layer(p, x):
        return nn.gelu(dense(p, x))

    first, second, last = params["layers"]
    return jnp.mean((dense(last, layer(second, layer(first, x))) - y) ** 2)


def rematted_scan(params: Any, x: Any) -> Any:
    """Scan over rematted layers."""

    @jax.checkpoint
    def layer(h, p):
        return nn.silu(dense(p, h)), None

    return lax.scan(layer, x @ params["first"], params["deep"])[0]


def jit_in_jit(params: Any, x: Any) -> Any:
    """Call one jitted layer several times inside a jitted function."""
    layer = jax.jit(lambda p, x: nn.elu(dense(p, x)))

    @jax.jit
    def whole(params, x):
        first, second, last = params["layers"]
        return dense(last, layer(second, layer(first, x)))

    return whole(params, x)


@jax.custom_jvp
def _own_slope(x):
    return jnp.maximum(x, 0)


_own_slope.defjvps(lambda t, _ans, x: jnp.where(x > 0, t, 0.25 * t))


@jax.custom_vjp
def _clipped_gradient(x):
    return jnp.tanh(x)


_clipped_gradient.defvjp(
    lambda x: (jnp.tanh(x), x), lambda x, ct: (jnp.clip(ct * (1 - jnp.tanh(x) ** 2), -0.1, 0.1),)
)


@jax.custom_jvp
def _own_layer_jvp(w, x):
    return nn.relu(x @ w)


@_own_layer_jvp.defjvp
def _own_layer_tangent(primals, tangents):
    (w, x), (dw, dx) = primals, tangents
    return _own_layer_jvp(w, x), 2 * (dx @ w + x @ dw) * (x @ w > 0).astype(x.dtype)


@jax.custom_vjp
def _own_layer_vjp(w, x):
    return nn.relu(x @ w)


def _own_layer_bwd(kept, ct):
    w, x = kept
    ct = 3 * ct * (x @ w > 0).astype(x.dtype)
    return x.T @ ct, ct @ w.T


_own_layer_vjp.defvjp(lambda w, x: (_own_layer_vjp(w, x), (w, x)), _own_layer_bwd)


def own_layer(layer: Any) -> Any:
    """Build a net of one ordinary layer, one with its own derivative rule, and an output."""

    def model(params, x):
        first, second, last = params["layers"]
        return dense(last, layer(second["w"], jnp.tanh(dense(first, x))))

    return model


own_jvp, own_vjp = own_layer(_own_layer_jvp), own_layer(_own_layer_vjp)
elementwise_jvp = mlp(_own_slope, nn.sigmoid)
elementwise_vjp = mlp(_clipped_gradient, nn.relu)


def while_loop(params: Any, x: Any) -> Any:
    """Repeat a layer until its result is small."""
    first, second, last = params["layers"]
    h = nn.relu(dense(first, x))
    h = lax.while_loop(
        lambda h: jnp.max(jnp.abs(h)) > 0.5, lambda h: 0.5 * jnp.tanh(dense(second, h)), h
    )
    return dense(last, h)


def branches(params: Any, x: Any) -> Any:
    """Choose between two layers by the data."""
    first, second, last = params["layers"]
    h = nn.relu(dense(first, x))
    h = lax.cond(
        h.sum() > 0, lambda h: jnp.tanh(dense(second, h)), lambda h: nn.relu(dense(second, h)), h
    )
    return dense(last, nn.sigmoid(h))


def by_platform(params: Any, x: Any) -> Any:
    """Apply another activation on each platform."""
    first, second, last = params["layers"]
    h = nn.relu(dense(first, x))
    h = lax.platform_dependent(dense(second, h), cpu=nn.silu, default=nn.gelu)
    return dense(last, h)


def switched(params: Any, x: Any) -> Any:
    """Choose between three layers."""
    first, second, last = params["layers"]
    h = nn.relu(dense(first, x))
    ways = [
        lambda h: jax.jit(nn.silu)(dense(second, h)),
        lambda h: jax.checkpoint(nn.gelu)(dense(second, h)),
        lambda h: 2 * h,
    ]
    h = lax.switch(jnp.int32(10 * x[0, 0]) % 3, ways, h)
    return dense(last, nn.sigmoid(h))


def branches_in_scan(params: Any, x: Any) -> Any:
    """Choose at every turn of a loop, and a loop or none."""
    first, second, last = params["layers"]

    def step(h, i):
        layer = partial(dense, second, h)
        return lax.cond(i % 2 == 0, lambda: jnp.tanh(layer()), lambda: nn.relu(layer())), None

    def loop(h):
        return lax.scan(lambda h, _: (nn.sigmoid(dense(second, h)), None), h, None, length=2)[0]

    h = lax.scan(step, dense(first, x), jnp.arange(3))[0]
    return dense(last, lax.cond(h.sum() > -100, loop, lambda h: h, h))


def nested_branches(params: Any, x: Any) -> Any:
    """Choose, and choose again."""
    first, second, last = params["layers"]
    h = dense(first, x)

    def further(h):
        return lax.cond(h.sum() > 0, nn.relu, jnp.tanh, dense(second, h))

    return dense(last, lax.cond(x[0, 0] > 100, nn.sigmoid, further, h))


def counted_loop(params: Any, x: Any) -> Any:
    """Repeat a layer a known number of times."""
    first, second, last = params["layers"]
    h = lax.fori_loop(0, 3, lambda _, h: jnp.tanh(dense(second, h)), dense(first, x))
    return dense(last, h)


def fixed_point(params: Any, x: Any) -> Any:
    """Solve h = tanh(W h + x) without a gradient, then take one step with it."""
    first, second, last = params["layers"]
    start = dense(first, x)

    def step(h):
        return jnp.tanh(dense(second, h) + start)

    h = lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, step(s[1])), (0, start))[1]
    return dense(last, step(lax.stop_gradient(h)))


def unknown(params: Any, x: Any) -> Any:
    """Apply two functions the catalogue does not hold."""
    first, second, last = params["layers"]
    h = jnp.sin(jnp.cosh(dense(first, x)))
    return dense(last, jnp.cbrt(nn.relu(dense(second, h))))


def learned_gate(params: Any, x: Any) -> Any:
    """Apply the package's swish with a steepness per unit, and one per layer."""
    first, second, last = params["layers"]
    swish = activations.get_trainable("swish")
    h = swish(params["unit"], dense(first, x))
    return dense(last, swish(params["layer"], dense(second, h)))


def learned_slope(params: Any, x: Any) -> Any:
    """Apply a leaky rectifier whose slopes are parameters, one per unit."""
    first, second, last = params["layers"]
    h = dense(first, x)
    h = jnp.where(h >= 0, h, params["slope"][None] * h)
    h = dense(second, h)
    return dense(last, jnp.where(h >= 0, h, params["one"] * h))


SWISH = P | {"unit": {"beta": leaf(H, seed=5)}, "layer": {"beta": leaf(seed=6)}}
PRELU = P | {"slope": leaf(H, seed=5, scale=0.2), "one": leaf(scale=0.2)}


def maxout(params: Any, x: Any) -> Any:
    """Keep the larger of two affine maps: no function of one array."""
    first, second, last = params["layers"]
    h = jnp.maximum(dense(first, x), dense(first, -2 * x))
    return dense(last, dense(second, h).reshape(B, 2, 2).max(-1).repeat(2, axis=1))


def shared(params: Any, x: Any) -> Any:
    """Use one layer twice."""
    first, second, last = params["layers"]
    h = dense(first, x)
    for _ in range(2):
        h = nn.relu(dense(second, h))
    return dense(last, h)


def embedded(params: Any, tokens: Any) -> Any:
    """Look tokens up, then run a layer."""
    h = nn.gelu(params["table"][tokens] @ params["layers"][1]["w"], approximate=False)
    return dense(params["layers"][2], h)


TABLE = P | {"table": leaf(7, H)}


def routed(params: Any, x: Any) -> Any:
    """Mix two relu experts by a softmax over their scores."""
    weights = nn.softmax(x @ params["router"], axis=-1)
    hidden = nn.relu(jnp.einsum("bd,edh->beh", x, params["experts"]))
    return jnp.einsum("beh,be->bh", hidden, weights)


EXPERTS = {"router": leaf(3, 2), "experts": leaf(2, 3, H)}
