"""The networks of the table: plain functions of (params, *data), tiny and of shared shapes.

B=5 examples of D=3 features, H=4 units, C=2 results, T=4 steps; images are 6×6×3.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

B, D, H, C, T = 5, 3, 4, 2, 4
ROOT = float(np.sqrt(2 / np.pi))


def leaf(*shape: int, seed: int = 0, scale: float = 0.9) -> np.ndarray:
    """Draw float32 numbers that lie on both sides of 0."""
    draw = np.random.default_rng((seed, *shape)).normal(scale=scale, size=shape)
    return np.asarray(draw, np.float32)


def layers(*widths: int) -> list[dict[str, np.ndarray]]:
    """Draw the parameters of dense layers."""
    return [
        {"w": leaf(n, m, seed=i), "b": leaf(m, seed=i, scale=0.1)}
        for i, (n, m) in enumerate(pairwise(widths))
    ]


X, Y = leaf(B, D, seed=11), leaf(B, C, seed=12)
LABELS = np.array([0, 1, 1, 0, 1], np.int32)
TEXT = leaf(B, T, H, seed=13)
IMAGES = leaf(B, 6, 6, 3, seed=14)
P = {"layers": layers(D, H, H, C)}


def dense(p: Any, x: Any) -> Any:
    """Apply one dense layer to the last axis."""
    b = p["b"].reshape((1,) * (x.ndim - 1) + (-1,))
    return x @ p["w"].astype(x.dtype) + b.astype(x.dtype)


def mlp(*fs: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Build an MLP with one function after each layer but the last."""

    def model(params, x):
        for f, p in zip(fs, params["layers"][:-1], strict=True):
            x = f(dense(p, x))
        return dense(params["layers"][-1], x)

    return model


def mlp_params(n: int) -> dict[str, Any]:
    """Draw the parameters of an MLP with n hidden layers."""
    return {"layers": layers(D, *[H] * n, C)}


def squared(model: Callable[..., Any]) -> Callable[..., Any]:
    """Build the mean squared error of a model."""
    return lambda params, x, y: jnp.mean((model(params, x) - y) ** 2)


def conv(x: Any, w: Any) -> Any:
    """Convolve, NHWC."""
    return lax.conv_general_dilated(
        x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def max_pool(x: Any) -> Any:
    """Keep the largest of 2×2."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


CNN = {
    "conv1": leaf(3, 3, 3, H, scale=0.3),
    "conv2": leaf(3, 3, H, H, scale=0.3),
    "scale": 1 + leaf(H, scale=0.1),
    "shift": leaf(H, seed=1, scale=0.1),
    "mean": leaf(H, seed=2, scale=0.1),
    "var": np.abs(leaf(H, seed=3)) + 0.5,
    "squeeze": leaf(H, 2),
    "excite": leaf(2, H),
    "out": {"w": leaf(H, C), "b": leaf(C)},
}


def _channels(v):
    return v.reshape(1, 1, 1, -1)


def frozen_norm(p, x):
    """Normalise with stored statistics."""
    inverse = lax.rsqrt(p["var"] + 1e-5) * p["scale"]
    return (x - _channels(p["mean"])) * _channels(inverse) + _channels(p["shift"])


def batch_norm(p, x):
    """Normalise with the statistics of the batch."""
    mean = x.mean((0, 1, 2), keepdims=True)
    var = jnp.mean((x - mean) ** 2, (0, 1, 2), keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-5) * _channels(p["scale"]) + _channels(p["shift"])


def cnn(norm: Callable[[Any, Any], Any], f: Callable[[Any], Any] = nn.relu) -> Callable[..., Any]:
    """Build conv, norm, f, max-pool, twice; then the mean over the image and a dense layer."""

    def model(params, x):
        for name in ("conv1", "conv2"):
            x = max_pool(f(norm(params, conv(x, params[name]))))
        return dense(params["out"], x.mean((1, 2)))

    return model


def channels_first(params, x):
    """Run two convolutions with channels before height and width."""
    x = x.transpose(0, 3, 1, 2)
    for name in ("conv1", "conv2"):
        w = params[name].transpose(3, 2, 0, 1)
        x = nn.silu(lax.conv_general_dilated(x, w, (1, 1), "SAME"))
    return dense(params["out"], x.mean((2, 3)))


def squeeze_excite(params, x):
    """Weigh channels by a small network of their means."""
    x = max_pool(nn.relu(conv(x, params["conv1"])))
    gate = nn.sigmoid(nn.relu(x.mean((1, 2)) @ params["squeeze"]) @ params["excite"])
    return dense(params["out"], (x * gate[:, None, None, :]).mean((1, 2)))


def residual(params, x):
    """Add a branch of two layers to its input, and apply f to the sum."""
    first, branch, again, last = params["layers"]
    x = dense(first, x)
    x = nn.relu(x + dense(again, nn.relu(dense(branch, x))))
    return dense(last, x)


RESIDUAL = {"layers": layers(D, H, H, H, C)}


def layer_norm(p, x):
    """Normalise the last axis by mean and variance."""
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-6) * p["scale"].reshape(1, 1, -1)


def rms_norm(p, x):
    """Normalise the last axis by its root mean square."""
    return x / jnp.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * p["scale"].reshape(1, 1, -1)


BLOCK = {
    "q": leaf(H, 2, 2, seed=1),
    "k": leaf(H, 2, 2, seed=2),
    "v": leaf(H, 2, 2, seed=3),
    "o": leaf(2, 2, H, seed=4),
    "scale": 1 + leaf(H, scale=0.1),
    "gate": leaf(H, 2 * H, seed=5),
    "up": leaf(H, 2 * H, seed=6),
    "down": leaf(2 * H, H, seed=7),
}


def rotated(x):
    """Turn pairs of features by an angle that grows with the position (rotary embedding)."""
    angle = jnp.arange(x.shape[1], dtype=x.dtype)[:, None] * 10000.0 ** -jnp.arange(1.0)[None]
    cos, sin = jnp.cos(angle)[None, :, None, :], jnp.sin(angle)[None, :, None, :]
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def attention(p, x, turn=lambda q: q):
    """Mix positions, softmax over the earlier ones."""
    q, k, v = (jnp.einsum("btd,dhk->bthk", x, p[name]) for name in "qkv")
    scores = jnp.einsum("bqhk,bshk->bhqs", turn(q), turn(k)) / np.sqrt(2).item()
    earlier = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))[None, None]
    weights = nn.softmax(jnp.where(earlier, scores, -1e9), axis=-1)
    return jnp.einsum("bqhk,hkd->bqd", jnp.einsum("bhqs,bshk->bqhk", weights, v), p["o"])


def pre_norm_block(params, x):
    """Run one transformer block: LayerNorm, attention, gelu."""
    x = x + attention(params, layer_norm(params, x))
    return x + nn.gelu(layer_norm(params, x) @ params["up"]) @ params["down"]


def llama_block(params, x):
    """Run one block as of today: RMSNorm, rotary attention, gated silu."""
    x = x + attention(params, rms_norm(params, x), rotated)
    h = rms_norm(params, x)
    return x + (nn.silu(h @ params["gate"]) * (h @ params["up"])) @ params["down"]


def gated(f: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Build a feed-forward net whose hidden units are f(gate) · up."""
    return lambda params, x: (f(x @ params["gate"]) * (x @ params["up"])) @ params["down"]


def glu_halves(params, x):
    """Split one product into the value and its gate."""
    both = x @ jnp.concatenate([params["up"], params["gate"]], axis=1)
    a, b = jnp.split(both, 2, axis=-1)
    return (a * nn.sigmoid(b)) @ params["down"]


CELL = {"x": leaf(H, 4 * H, seed=1), "h": leaf(H, 4 * H, seed=2), "b": leaf(4 * H, scale=0.1)}


def lstm(params, x):
    """Run an LSTM over the steps, gates in one product."""

    def step(carry, x):
        h, c = carry
        gates = x @ params["x"] + h @ params["h"] + params["b"][None]
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        h = nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((x.shape[0], H), x.dtype)
    return lax.scan(step, (zeros, zeros), x.swapaxes(0, 1))[1]


def gru(params, x):
    """Run a GRU over the steps."""

    def step(h, x):
        xr, xz, xn, _ = jnp.split(x @ params["x"], 4, axis=-1)
        hr, hz, hn, _ = jnp.split(h @ params["h"], 4, axis=-1)
        r, z = nn.sigmoid(xr + hr), nn.sigmoid(xz + hz)
        n = jnp.tanh(xn + r * hn)
        h = (1 - z) * n + z * h
        return h, None

    return lax.scan(step, jnp.zeros((x.shape[0], H), x.dtype), x.swapaxes(0, 1))[0]


RNN = {
    "in": leaf(H, H, seed=1),
    "again": leaf(H, H, seed=2),
    "out": {"w": leaf(H, C), "b": leaf(C)},
}


def rnn(params, x):
    """Run a plain recurrent net and read its last state."""

    def step(h, x):
        h = jnp.tanh(x @ params["in"] + h @ params["again"])
        return h, h

    last, _ = lax.scan(step, jnp.zeros((x.shape[0], H), x.dtype), x.swapaxes(0, 1))
    return dense(params["out"], last)


STACK = {"first": leaf(D, H), "deep": {"w": leaf(3, H, H), "b": leaf(3, H, scale=0.1)}}


def stacked(params, x):
    """Scan over layers whose weights are stacked."""
    x = x @ params["first"]
    return lax.scan(lambda h, p: (nn.relu(dense(p, h)), None), x, params["deep"])[0]


def stacked_in_steps(params, x):
    """Scan over steps; at each, scan over layers."""

    def step(h, x):
        h, _ = lax.scan(lambda h, p: (jnp.tanh(dense(p, h)), None), h + x, params["deep"])
        return h, h.mean()

    return lax.scan(step, jnp.zeros((x.shape[0], H), x.dtype), x.swapaxes(0, 1))


def dropout(params, x, key):
    """Drop hidden units at random."""
    first, second, last = params["layers"]
    h = nn.relu(dense(first, x))
    h = jnp.where(jax.random.bernoulli(key, 0.8, h.shape), h / 0.8, 0.0)
    return dense(last, nn.relu(dense(second, h)))


def timed(params, x, t):
    """Add a sinusoidal embedding of the time, through a layer of its own, to the input's."""
    frequencies = jnp.exp(-jnp.log(10000.0) * jnp.arange(2, dtype=x.dtype) / 2)
    angle = t.astype(x.dtype)[:, None] * frequencies[None]
    embedding = jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)
    first, second, last = params["layers"]
    h = dense(first, x) + nn.silu(dense(second, embedding))
    return dense(last, nn.silu(h))
