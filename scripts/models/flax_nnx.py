"""The same question for a Flax NNX module, unedited: split it, and merge it inside the loss.

Claim:   an 8-layer ReLU network with He weights passes signal and gradient to every layer.
Cost:    a few seconds on two cores.
Expect:  seven sites of kind relu, no warning.
Command: relu-jax diagnose scripts/models/flax_nnx.py:build
"""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from relu_jax import data

DEPTH, WIDTH, CLASSES = 8, 64, 10


class Network(nnx.Module):
    """Dense layers with a ReLU between them."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        """Draw He weights."""
        sizes = [64, *[WIDTH] * (DEPTH - 1), CLASSES]
        he = nnx.initializers.he_normal()
        self.layers = nnx.List(
            [nnx.Linear(n, m, kernel_init=he, rngs=rngs) for n, m in itertools.pairwise(sizes)]
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        """Compute the logits."""
        *hidden, last = self.layers
        for layer in hidden:
            x = nnx.relu(layer(x))
        return last(x)


def build() -> tuple[Any, Any, Any]:
    """Hand over loss, parameters and batches."""
    graph, params = nnx.split(Network(nnx.Rngs(0)), nnx.Param)

    def loss(params: Any, batch: data.Digits) -> jax.Array:
        logits = nnx.merge(graph, params)(jnp.asarray(batch.images))
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels).mean()

    return loss, params, data.Epoch(data.split().train, 128, seed=0)
