"""The same question for a Flax Linen module: a small convolutional network with batch norm.

Claim:   the activations of a convolutional network are found and measured per channel.
Cost:    some ten seconds on two cores.
Expect:  two sites of kind relu and one of kind gelu_tanh (Flax's default form), no warning.
Command: relu-jax diagnose scripts/models/flax_linen.py:build
"""

from typing import Any

import flax.linen as nn
import jax
import optax

from relu_jax import data


class Network(nn.Module):
    """Two convolutions with batch norm and ReLU, one dense layer with GELU."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Compute the logits of 8 × 8 images."""
        he = nn.initializers.he_normal()
        x = x.reshape(x.shape[0], 8, 8, 1)
        for channels in (8, 16):
            x = nn.Conv(channels, (3, 3), kernel_init=he)(x)
            x = nn.relu(nn.BatchNorm(use_running_average=False)(x))
            x = nn.avg_pool(x, (2, 2), (2, 2))
        x = nn.gelu(nn.Dense(64, kernel_init=he)(x.reshape(x.shape[0], -1)))
        return nn.Dense(10)(x)


def build() -> tuple[Any, Any, Any]:
    """Hand over loss, parameters and batches."""
    network = Network()
    images = data.split().train.images
    variables = network.init(jax.random.key(0), images[:2])
    statistics = variables["batch_stats"]

    def loss(params: Any, batch: data.Digits) -> jax.Array:
        logits, _ = network.apply(
            {"params": params, "batch_stats": statistics}, batch.images, mutable=["batch_stats"]
        )
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels).mean()

    return loss, variables["params"], data.Epoch(data.split().train, 128, seed=0)
