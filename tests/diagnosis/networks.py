"""Networks for the tests of a diagnosis: small, plain, and broken on purpose where asked."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax import data

Params = list[dict[str, jax.Array]]


class Case(NamedTuple):
    """What `diagnose` takes."""

    loss: Callable[[Any, Any], Any]
    params: Any
    batches: Any


def dense(layer: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """Map one layer."""
    y = x @ layer["w"]
    return y + jnp.broadcast_to(layer["b"], y.shape)


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Average the cross-entropy over examples, in nats."""
    logs = jax.nn.log_softmax(logits.astype(jnp.float32))
    return -jnp.mean(jnp.take_along_axis(logs, labels[:, None], axis=1))


def mlp_loss(act: Callable[[jax.Array], jax.Array]) -> Callable[[Params, Any], jax.Array]:
    """Build the loss of a stack of dense layers with `act` between them."""

    def loss(params: Params, batch: Any) -> jax.Array:
        x, labels = batch
        x = x.astype(params[0]["w"].dtype)
        for layer in params[:-1]:
            x = act(dense(layer, x))
        return cross_entropy(dense(params[-1], x), labels)

    return loss


def start(sizes: Sequence[int], *, gain: float = 2**0.5, seed: int = 0) -> Params:
    """Draw weights of variance gain² / n_in, and biases of 0."""
    draw = np.random.default_rng(seed).standard_normal  # NumPy: nothing is compiled
    return [
        {"w": jnp.asarray(draw((n, m)) * (gain / n**0.5), jnp.float32), "b": jnp.zeros(m)}
        for n, m in pairwise(sizes)
    ]


def scaled(params: Params, place: int, factor: float, name: str = "w") -> Params:
    """Multiply one leaf."""
    return replaced(params, place, name, params[place][name] * factor)


def replaced(params: Params, place: int, name: str, leaf: jax.Array) -> Params:
    """Put another leaf in."""
    return [{**layer, name: leaf} if i == place else layer for i, layer in enumerate(params)]


def digits(size: int = 128, n: int = 2) -> list[tuple[np.ndarray, np.ndarray]]:
    """Take standardised digits: mean 0 and variance 1 over all pixels."""
    train = data.split().train
    images = (train.images - train.images.mean()) / train.images.std()
    cut = [slice(i * size, (i + 1) * size) for i in range(n)]
    return [(images[rows].astype(np.float32), train.labels[rows]) for rows in cut]


def gaussian(size: int = 128, n: int = 2, width: int = 64, seed: int = 0) -> list[Any]:
    """Draw standard normal inputs with random labels."""
    generator = np.random.default_rng(seed)
    return [
        (
            generator.standard_normal((size, width)).astype(np.float32),
            generator.integers(0, 10, size).astype(np.int32),
        )
        for _ in range(n)
    ]


def counts(d):
    """Give what is counted at every site."""
    return [
        (r.id, r.n, r.units, r.dead, r.saturated, r.zeros, r.underflow, r.nonfinite_forward)
        for r in d.sites.values()
    ]
