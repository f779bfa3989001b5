"""The networks of `lean_training.py`, in JAX and in eager PyTorch: the activation is handed in.

A batch has at least four times as many rows as a product is wide: XLA would hide activations in the
output buffers of the weights else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

Act = Callable[[Any], Any]
Apply = Callable[[Act, Any, Any], Any]  # of an activation, weights and a batch
HEAD = 64  # the width of a head of attention


class Network(NamedTuple):
    """What is multiplied by what, with an activation between."""

    apply: Apply
    in_torch: Apply
    shape: tuple[int, ...]  # of a batch
    weights: tuple[tuple[int, ...], ...]
    rounds: float  # on a CPU: times those asked for


def drawn(net: Network, dtype: str) -> tuple[list[jax.Array], jax.Array]:
    """Draw weights that keep the signal's size, and a batch."""
    draw = np.random.default_rng(0)
    fans = [np.prod(shape[:-1]) for shape in net.weights]
    weights = [
        jnp.asarray(draw.standard_normal(shape) * np.sqrt(1.5 / fan), dtype)
        for shape, fan in zip(net.weights, fans, strict=True)
    ]
    return weights, jnp.asarray(draw.standard_normal(net.shape), dtype)


def mlp(width: int, batch: int, rounds: float) -> Network:
    """Describe eight dense layers of one width."""

    def apply(act: Act, weights: Any, x: Any) -> Any:
        for w in weights[:-1]:
            x = act(x @ w)
        return x @ weights[-1]

    return Network(apply, apply, (batch, width), ((width, width),) * 8, rounds)


def cnn(channels: int, side: int, batch: int, rounds: float) -> Network:
    """Describe eight convolutions of one number of channels."""

    def conv(x: Any, w: Any) -> Any:
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers)

    def apply(act: Act, weights: Any, x: Any) -> Any:
        for w in weights[:-1]:
            x = act(conv(x, w))
        return conv(x, weights[-1])

    def in_torch(act: Act, weights: Any, x: Any) -> Any:
        import torch

        for w in weights[:-1]:
            x = act(torch.nn.functional.conv2d(x, w, padding=1))
        return torch.nn.functional.conv2d(x, weights[-1], padding=1)

    return Network(
        apply, in_torch, (batch, side, side, channels), ((3, 3, channels, channels),) * 8, rounds
    )


def transformer(width: int, tokens: int, batch: int, rounds: float) -> Network:
    """Describe four blocks: attention and two products with an activation between, both added."""

    def apply(act: Act, weights: Any, x: Any) -> Any:
        for qkv, out, up, down in zip(*(weights[i::4] for i in range(4)), strict=True):
            parts = (nn.standardize(x) @ qkv).reshape(*x.shape[:-1], 3, -1, HEAD)
            mixed = nn.dot_product_attention(*(parts[..., i, :, :] for i in range(3)))
            x = x + mixed.reshape(x.shape) @ out
            x = x + act(nn.standardize(x) @ up) @ down
        return x

    def in_torch(act: Act, weights: Any, x: Any) -> Any:
        import torch

        def norm(x: Any) -> Any:
            return torch.nn.functional.layer_norm(x, (width,))

        for qkv, out, up, down in zip(*(weights[i::4] for i in range(4)), strict=True):
            parts = (norm(x) @ qkv).reshape(*x.shape[:-1], 3, -1, HEAD)
            heads = (parts[..., i, :, :].transpose(1, 2) for i in range(3))
            mixed = torch.nn.functional.scaled_dot_product_attention(*heads)
            x = x + mixed.transpose(1, 2).reshape(x.shape) @ out
            x = x + act(norm(x) @ up) @ down
        return x

    block = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
    return Network(apply, in_torch, (batch, tokens, width), block * 4, rounds)


NETWORKS = {
    "mlp 256": mlp(256, 4096, 2),
    "mlp 1024": mlp(1024, 4096, 1),
    "mlp 2048": mlp(2048, 8192, 0.6),
    "cnn": cnn(64, 16, 64, 1),
    "transformer 256": transformer(256, 128, 32, 1),
    "transformer 1024": transformer(1024, 512, 32, 0),
}
