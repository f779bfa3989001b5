"""A network written as a bare function: parameters in a dict; no framework.

Claim:   an 8-layer sigmoid network with Xavier weights hardly passes a gradient to its first layer.
Cost:    a few seconds on two cores.
Expect:  a finding `vanishing_gradient`.
Command: relu-jax diagnose scripts/models/bare.py:build
"""

from typing import Any

import jax
import jax.numpy as jnp

from relu_jax import data

DEPTH, WIDTH, CLASSES = 8, 64, 10


def init(key: jax.Array) -> dict[str, dict[str, jax.Array]]:
    """Draw Xavier weights and zero biases."""
    sizes = [64, *[WIDTH] * (DEPTH - 1), CLASSES]
    draw = jax.nn.initializers.glorot_uniform()
    keys = jax.random.split(key, DEPTH)
    return {
        f"layer{i}": {"w": draw(k, (n, m)), "b": jnp.zeros((1, m))}
        for i, (k, n, m) in enumerate(zip(keys, sizes, sizes[1:], strict=False))
    }


def loss(params: Any, batch: data.Digits) -> jax.Array:
    """Take the mean cross-entropy, in nats."""
    x = batch.images
    for i in range(DEPTH - 1):
        x = jax.nn.sigmoid(x @ params[f"layer{i}"]["w"] + params[f"layer{i}"]["b"])
    last = params[f"layer{DEPTH - 1}"]
    scores = jax.nn.log_softmax(x @ last["w"] + last["b"])
    return -jnp.mean(jnp.take_along_axis(scores, batch.labels[:, None], axis=1))


def build() -> tuple[Any, Any, Any]:
    """Hand over loss, parameters and batches."""
    return loss, init(jax.random.key(0)), data.Epoch(data.split().train, 128, seed=0)
