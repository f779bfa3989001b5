"""Steps of random programs that hold no activation: each maps (..., H) to (..., H)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

from tests.tap.networks import H, leaf

HALF = H // 2
KEPT = 0.8  # by a dropout
MASK = np.array([True, False, True, True])
KEY = jax.random.PRNGKey(3)
TURNED = np.array([2, 0, 3, 1])


class Filler(NamedTuple):
    """A step, and the arrays it needs."""

    words: str
    f: Callable[[Any, Any], Any]
    params: dict[str, np.ndarray]


def _w(seed: int) -> np.ndarray:
    return leaf(H, H, seed=seed, scale=0.5)


def _norm(h, keep=jnp.mean):
    mean = keep(h, -1, keepdims=True)
    return (h - mean) * lax.rsqrt(keep((h - mean) ** 2, -1, keepdims=True) + 1e-5)


def _rms(h):
    return h / jnp.sqrt(jnp.mean(h**2, -1, keepdims=True) + 1e-6)


def _pooled(h):
    ones = (1,) * (h.ndim - 1)
    kept = lax.reduce_window(h, -jnp.inf, lax.max, (*ones, 2), (*ones, 2), "VALID")
    return jnp.repeat(kept, 2, axis=-1)


def _mean_pooled(h):
    ones = (1,) * (h.ndim - 1)
    return lax.reduce_window(h, 0.0, lax.add, (*ones, 2), (*ones, 1), "SAME") / 2


def _attention(p, h):
    parts = h.reshape(*h.shape[:-1], 2, HALF)
    q, k, v = (parts @ p[name] for name in "qkv")
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(HALF).item()
    return (nn.softmax(scores, axis=-1) @ v).reshape(h.shape)


def _rotated(h):
    angle = np.float32([0.3, 1.1])
    a, b = jnp.split(h, 2, axis=-1)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def _embedded(p, h):
    place = jnp.arange(H, dtype=h.dtype)
    wave = jnp.where(jnp.arange(H) % 2 == 0, jnp.sin(place / 3), jnp.cos(place / 3))
    return h @ p["w"] + wave


def _looked_up(p, h):
    return h @ p["w"] + p["table"][jnp.argmax(h, axis=-1)]


def _one_hot(p, h):
    return h @ p["w"] + nn.one_hot(jnp.argmax(h, axis=-1), H, dtype=h.dtype)


def _masked_softmax(h):
    return nn.softmax(jnp.where(MASK, h, -1e9), axis=-1)


def _dropped(h):
    return jnp.where(jax.random.bernoulli(KEY, KEPT, h.shape), h / KEPT, 0.0)


def _noisy(h):
    return h + 0.1 * jax.random.normal(KEY, h.shape, h.dtype)


def _updated(p, h):
    return lax.dynamic_update_slice(
        h, p["b"][:HALF].astype(h.dtype) + jnp.zeros((*h.shape[:-1], HALF), h.dtype),
        (0,) * (h.ndim - 1) + (1,),
    )  # fmt: skip


def _sliced(h):
    front = lax.dynamic_slice_in_dim(h, jnp.int32(1), HALF, axis=h.ndim - 1)
    return jnp.concatenate([front, h[..., :HALF]], axis=-1)


def _spectral(p, h):
    """Divide the weight by its largest singular value, by power iteration."""
    w = lax.stop_gradient(p["w"])

    def turn(_, v):
        v = w.T @ (w @ v)
        return v / jnp.linalg.norm(v)

    v = lax.fori_loop(0, 3, turn, jnp.full((H,), 0.5, w.dtype))
    return h @ (p["w"] / jnp.linalg.norm(w @ v))


def _solved(p, h):
    lower = jnp.tril(p["w"]) + 2 * jnp.eye(H, dtype=h.dtype)
    rows = h.reshape(-1, H)
    return lax.linalg.triangular_solve(lower, rows, lower=True).reshape(h.shape)


def _waves(h):
    return jnp.fft.irfft(jnp.fft.rfft(h) * np.array([1, 0.5j, -1], np.complex64), H)


def _summed_by_segment(h):
    sums = jax.ops.segment_sum(jnp.moveaxis(h, -1, 0), np.array([0, 1, 0, 1]), 2)
    return jnp.tile(jnp.moveaxis(sums, 0, -1), 2)


def _bilinear(p, h):
    return (h @ p["w"]) * (h @ p["v"])


def _convolved(p, h):
    rows = h.reshape(-1, 1, H)
    y = lax.conv_general_dilated(rows, p["k"], (1,), "SAME")
    return y.reshape(h.shape)


def _low(h):
    return h.astype(jnp.bfloat16).astype(h.dtype)


def _affine(p, h):
    return h * p["b"] + p["c"]


W1, W2 = {"w": _w(41)}, {"w": _w(42), "v": _w(43)}
B1 = {"b": leaf(H, seed=44)}
QKV = {name: leaf(HALF, HALF, seed=45 + i) for i, name in enumerate("qkv")}

FILLERS: tuple[Filler, ...] = (
    Filler("transpose", lambda _, h: h.reshape(*h.shape[:-1], 2, HALF).swapaxes(-1, -2)
           .reshape(h.shape), {}),
    Filler("reverse", lambda _, h: h[..., ::-1], {}),
    Filler("roll", lambda _, h: jnp.roll(h, 1, axis=-1), {}),
    Filler("pad", lambda _, h: jnp.pad(h, [(0, 0)] * (h.ndim - 1) + [(1, 0)])[..., :H], {}),
    Filler("halves exchanged", lambda _, h: jnp.concatenate(
        [h[..., HALF:], h[..., :HALF]], axis=-1), {}),
    Filler("gather", lambda _, h: jnp.take(h, TURNED, axis=-1), {}),
    Filler("dynamic slice", lambda _, h: _sliced(h), {}),
    Filler("dynamic update", _updated, B1),
    Filler("scatter", lambda _, h: h.at[..., 0].add(1.0).at[..., 1].set(0.5), {}),
    Filler("cumulative sum", lambda _, h: jnp.cumsum(h, axis=-1), {}),
    Filler("cumulative maximum", lambda _, h: lax.cummax(h, axis=h.ndim - 1), {}),
    Filler("cumulative logsumexp", lambda _, h: lax.cumlogsumexp(h, axis=h.ndim - 1), {}),
    Filler("sort", lambda _, h: jnp.sort(h, axis=-1), {}),
    Filler("top k", lambda _, h: lax.top_k(h, H)[0], {}),
    Filler("layer norm", lambda _, h: _norm(h), {}),
    Filler("layer norm, scaled", lambda p, h: _norm(h) * p["b"], B1),
    Filler("RMS norm", lambda _, h: _rms(h), {}),
    Filler("unit length", lambda _, h: h / (jnp.linalg.norm(h, axis=-1, keepdims=True) + 1e-6), {}),
    Filler("softmax", lambda _, h: nn.softmax(h, axis=-1), {}),
    Filler("masked softmax", lambda _, h: _masked_softmax(h), {}),
    Filler("log-softmax", lambda _, h: nn.log_softmax(h, axis=-1), {}),
    Filler("logsumexp", lambda _, h: h - nn.logsumexp(h, axis=-1, keepdims=True), {}),
    Filler("mask", lambda _, h: jnp.where(MASK, h, 0.0), {}),
    Filler("signs", lambda _, h: jnp.where(jnp.arange(H) % 2 == 0, h, -h), {}),
    Filler("dropout", lambda _, h: _dropped(h), {}),
    Filler("noise", lambda _, h: _noisy(h), {}),
    Filler("residual product", lambda p, h: h + h @ p["w"], W1),
    Filler("product", lambda p, h: jnp.einsum("...d,dh->...h", h, p["w"]), W1),
    Filler("max-pool", lambda _, h: _pooled(h), {}),
    Filler("mean-pool", lambda _, h: _mean_pooled(h), {}),
    Filler("largest of a pair", lambda _, h: jnp.repeat(
        h.reshape(*h.shape[:-1], HALF, 2).max(-1), 2, axis=-1), {}),
    Filler("one hot", _one_hot, W1),
    Filler("table", _looked_up, W1 | {"table": leaf(H, H, seed=50)}),
    Filler("sinusoidal embedding", _embedded, W1),
    Filler("rotary", lambda _, h: _rotated(h), {}),
    Filler("attention", _attention, QKV),
    Filler("spectral norm", _spectral, W1),
    Filler("triangular solve", _solved, W1),
    Filler("Fourier filter", lambda _, h: _waves(h), {}),
    Filler("segment sum", lambda _, h: _summed_by_segment(h), {}),
    Filler("prefix sum", lambda _, h: lax.associative_scan(jnp.add, h, axis=h.ndim - 1), {}),
    Filler("bilinear", _bilinear, W2),
    Filler("convolution", _convolved, {"k": leaf(1, 1, 3, seed=51)}),
    Filler("through bfloat16", lambda _, h: _low(h), {}),
    Filler("reduced precision", lambda _, h: lax.reduce_precision(h, 8, 10), {}),
    Filler("learned scale and shift", _affine, B1 | {"c": leaf(H, seed=52)}),
    Filler("centred", lambda _, h: h - h.mean(-1, keepdims=True), {}),
    Filler("barrier", lambda _, h: lax.optimization_barrier(h), {}),
    Filler("half of the gradient", lambda _, h: (h + lax.stop_gradient(h)) / 2, {}),
    Filler("named", lambda p, h: jax.named_scope("block")(lambda h: h @ p["w"])(h), W1),
)  # fmt: skip
