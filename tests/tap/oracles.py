"""Networks that know the answer: each returns what its activations take and give.

A model is ``model(params, x, probes) -> (y, seen)``. `seen` is {id: (argument, result)}. With
probes = None the result is that of a plain model, which the tap has to read. Otherwise probes is
{id: (zeros, zeros)}, added to the argument and to the result: the gradient for them is the
cotangent the tap has to find. No code of the tap takes part.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

from relu_jax.core.numerics import tolerance
from tests.tap import networks as n

# Two programs add up in different orders; the longest sum has 5·6·6 terms.
NEAR = {"rtol": tolerance("float32", n=20), "atol": tolerance("float32", n=20)}

Seen = dict[str, tuple[Any, Any]]


class Oracle(NamedTuple):
    """A model that reports on itself, and its arguments."""

    name: str
    model: Callable[[Any, Any, Any], tuple[Any, Seen]]
    args: tuple[Any, Any]
    blind: tuple[str, ...] = ()  # sites inside a derivative rule of the user's: no cotangent

    def plain(self, params: Any, x: Any) -> Any:
        """Run the model as a user would have written it."""
        return self.model(params, x, None)[0]

    def loss(self, params: Any, x: Any) -> Any:
        """Weigh and add up the result."""
        return weighted(self.plain(params, x))

    def recorded(self) -> tuple[Any, Seen]:
        """Let the model report what its activations take and give."""
        return self.model(*self.args, None)

    def cotangents(self) -> tuple[Any, Seen]:
        """Differentiate for zeros added at each activation."""
        seen = jax.eval_shape(lambda *args: self.model(*args, None)[1], *self.args)
        seen = {name: ends for name, ends in seen.items() if name not in self.blind}
        probes = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), seen)
        return jax.value_and_grad(lambda p: weighted(self.model(*self.args, p)[0]))(probes)


def weighted(y: Any) -> Any:
    """Add up y, each entry with a weight of its own."""
    return jnp.sum(y * np.cos(np.arange(y.size, dtype=np.float32)).reshape(y.shape))


def near(got: Any, want: Any) -> None:
    """Compare trees of arrays up to rounding."""
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, **NEAR)


def at(seen: Seen, probes: Any, name: str, f: Callable[[Any], Any], z: Any) -> tuple[Any, Any]:
    """Apply f to z with probes added before and after; note both, and return both."""
    z = z if probes is None else z + probes[name][0]
    y = f(z) if probes is None else f(z) + probes[name][1]
    seen[name] = (z, y)
    return z, y


def mlp(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Run three layers."""
    seen: Seen = {}
    first, second, last = params["layers"]
    _, h = at(seen, probes, "layers/0", nn.relu, n.dense(first, x))
    _, h = at(seen, probes, "layers/1", nn.gelu, n.dense(second, h))
    return n.dense(last, h), seen


def cnn(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Run two convolutions with batch statistics and max-pooling."""
    seen: Seen = {}
    for name in ("conv1", "conv2"):
        z = n.batch_norm(params, n.conv(x, params[name]))
        x = n.max_pool(at(seen, probes, name, nn.relu, z)[1])
    return n.dense(params["out"], x.mean((1, 2))), seen


def residual(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Add a branch to its input: the argument of the first activation is used again."""
    seen: Seen = {}
    first, branch, again, last = params["layers"]
    x, h = at(seen, probes, "layers/0", nn.silu, n.dense(first, x))
    _, h = at(seen, probes, "layers/1", jnp.tanh, n.dense(branch, h))
    _, h = at(seen, probes, "layers/2", nn.relu, x + n.dense(again, h))
    return n.dense(last, h), seen


def attention(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Run a transformer block with a gated feed-forward net."""
    seen: Seen = {}
    x = x + n.attention(params, n.layer_norm(params, x))
    h = n.rms_norm(params, x)
    _, gate = at(seen, probes, "gate", nn.silu, h @ params["gate"])
    return x + (gate * (h @ params["up"])) @ params["down"], seen


def recurrent(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Scan a layer over the steps, then apply one more activation."""

    def step(h: Any, turn: Any) -> Any:
        x, own = turn
        seen: Seen = {}
        _, h = at(seen, own, "again", jnp.tanh, x @ params["in"] + h @ params["again"])
        return h, (h, seen)

    own = None if probes is None else {"again": probes["again"]}
    start = jnp.zeros((x.shape[0], n.H), x.dtype)
    _, (states, seen) = lax.scan(step, start, (x.swapaxes(0, 1), own))
    _, y = at(seen, probes, "out", nn.sigmoid, n.dense(params["out"], states.mean(0)))
    return y, seen


def remat(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Compute a layer again in the backward pass."""

    @jax.checkpoint
    def layer(p: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
        seen: Seen = {}
        _, y = at(seen, probes, "layers/0", nn.elu, n.dense(p, x))
        return y, seen

    first, second, last = params["layers"]
    h, seen = layer(first, x, probes)
    _, h = at(seen, probes, "layers/1", nn.sigmoid, n.dense(second, h))
    return n.dense(last, h), seen


def chosen(taken: Any, name: str, f: Callable[[Any], Any], z: Any, own: Any, other: str) -> Any:
    """Apply f in a branch that was taken: the site of the other one did not run."""
    seen: Seen = {}
    _, y = at(seen, own, name, f, z)
    return taken + y, seen | {other: (jnp.full_like(z, jnp.nan),) * 2}


def cond(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Choose between two layers by the data."""
    first, second, last = params["layers"]
    seen: Seen = {}
    _, h = at(seen, probes, "layers/0", nn.relu, n.dense(first, x))
    z = n.dense(second, h)
    h, inside = lax.cond(
        h.sum() > 0,
        lambda h, own: chosen(h, "layers/1#2", jnp.tanh, z, own, "layers/1"),
        lambda h, own: chosen(h, "layers/1", nn.relu, z, own, "layers/1#2"),
        h,
        probes,
    )
    return n.dense(last, h), seen | inside


def cond_in_scan(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Choose at every step: the branches take turns."""

    def step(h: Any, turn: Any) -> Any:
        x, own, i = turn
        z = x @ params["in"] + h @ params["again"]
        h, seen = lax.cond(
            i % 2 == 0,
            lambda own: chosen(h, "again#2", jnp.tanh, z, own, "again"),
            lambda own: chosen(h, "again", nn.elu, z, own, "again#2"),
            own,
        )
        return h, (h, seen)

    own = probes and {name: probes[name] for name in ("again", "again#2")}
    xs = x.swapaxes(0, 1)
    start = jnp.zeros((x.shape[0], n.H), x.dtype)
    _, (states, seen) = lax.scan(step, start, (xs, own, jnp.arange(len(xs))))
    return n.dense(params["out"], states.mean(0)), seen


@jax.custom_vjp
def half_gradient(z: Any) -> Any:
    """Apply tanh, and give half of its derivative."""
    return jnp.tanh(z)


half_gradient.defvjp(lambda z: (jnp.tanh(z), z), lambda z, ct: (0.5 * ct * (1 - jnp.tanh(z) ** 2),))


@jax.custom_vjp
def own_layer(w: Any, x: Any) -> tuple[Any, Any]:
    """Run a layer and return its product beside its result; the rule triples the gradient."""
    z = x @ w
    return nn.relu(z), z


def _own_layer_bwd(kept: Any, cts: Any) -> Any:
    w, x = kept
    ct = 3 * cts[0] * (x @ w > 0).astype(x.dtype)
    return x.T @ ct, ct @ w.T


own_layer.defvjp(lambda w, x: (own_layer(w, x), (w, x)), _own_layer_bwd)


def custom_vjp(params: Any, x: Any, probes: Any) -> tuple[Any, Seen]:
    """Use two rules of the user's: of an activation, and of a layer with an activation inside."""
    seen: Seen = {}
    first, second, last = params["layers"]
    _, h = at(seen, probes, "layers/0", half_gradient, n.dense(first, x))
    y, z = own_layer(second["w"], h)
    seen["layers/1"] = (z, y)
    return n.dense(last, y), seen


ORACLES: tuple[Oracle, ...] = (
    Oracle("mlp", mlp, (n.P, n.X)),
    Oracle("cnn", cnn, (n.CNN, n.IMAGES)),
    Oracle("residual", residual, (n.RESIDUAL, n.X)),
    Oracle("attention", attention, (n.BLOCK, n.TEXT)),
    Oracle("scan", recurrent, (n.RNN, n.TEXT)),
    Oracle("cond", cond, (n.P, n.X)),
    Oracle("cond in scan", cond_in_scan, (n.RNN, n.TEXT)),
    Oracle("remat", remat, (n.P, n.X)),
    Oracle("custom_vjp", custom_vjp, (n.P, n.X), blind=("layers/1",)),
)
