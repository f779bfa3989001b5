"""The same question for an Equinox module: per-example code under vmap.

Claim:   a tanh network of six layers with Equinox's default weights is shallow enough to train,
         though it loses almost half of the gradient at each layer.
Cost:    a few seconds on two cores.
Expect:  five sites of kind tanh and no warning; from site to site the gradient changes by about
         ×0.56, since the default weights have a third of the variance that a linear layer needs.
Command: relu-jax diagnose scripts/models/equinox_mlp.py:build
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from relu_jax import data


def build() -> tuple[Any, Any, Any]:
    """Hand over loss, parameters and batches."""
    model = eqx.nn.MLP(64, 10, 64, 5, activation=jnp.tanh, key=jax.random.key(0))
    params, rest = eqx.partition(model, eqx.is_inexact_array)

    def loss(params: Any, batch: data.Digits) -> jax.Array:
        logits = jax.vmap(eqx.combine(params, rest))(batch.images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels).mean()

    return loss, params, data.Epoch(data.split().train, 128, seed=0)
