"""Recurrent networks for the tests of a diagnosis: a loop over steps, the loss at its end."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.diagnosis.networks import Case, cross_entropy

WIDTH, INPUTS = 48, 16


def sequences(steps: int = 24, size: int = 64, n: int = 2, seed: int = 0) -> list[Any]:
    """Draw standard normal sequences with random labels."""
    generator = np.random.default_rng(seed)
    return [
        (
            generator.standard_normal((size, steps, INPUTS)).astype(np.float32),
            generator.integers(0, 10, size).astype(np.int32),
        )
        for _ in range(n)
    ]


def orthogonal(seed: int, copies: int = 1) -> jax.Array:
    """Draw orthogonal matrices, side by side."""
    draw = np.random.default_rng(seed).standard_normal((copies, WIDTH, WIDTH))
    return jnp.asarray(np.concatenate(np.linalg.qr(draw)[0], axis=1), jnp.float32)


def normal(seed: int, n: int, m: int) -> jax.Array:
    """Draw a matrix of variance 1 / n."""
    return jnp.asarray(np.random.default_rng(seed).standard_normal((n, m)) / n**0.5, jnp.float32)


def plain(
    act: Callable[[jax.Array], jax.Array], scale: float, *, steps: int = 24, reverse: bool = False
) -> Case:
    """Build h ← act(x wx + h wh) with wh a multiple of an orthogonal matrix."""

    def loss(params: Any, batch: Any) -> jax.Array:
        x, labels = batch

        def turn(h: jax.Array, x: jax.Array) -> tuple[jax.Array, None]:
            return act(x @ params["wx"] + h @ params["wh"]), None

        start = jnp.zeros((len(x), WIDTH))
        h, _ = jax.lax.scan(turn, start, jnp.swapaxes(x, 0, 1), reverse=reverse)
        return cross_entropy(h @ params["out"], labels)

    params = {
        "wx": normal(1, INPUTS, WIDTH), "wh": scale * orthogonal(2), "out": normal(3, WIDTH, 10),
    }  # fmt: skip
    return Case(loss, params, sequences(steps))


def gru(*, steps: int = 16) -> Case:
    """Build a GRU as it is usually started."""

    def loss(params: Any, batch: Any) -> jax.Array:
        x, labels = batch

        def turn(h: jax.Array, x: jax.Array) -> tuple[jax.Array, None]:
            reset, keep, new = jnp.split(x @ params["w"], 3, axis=1)
            from_reset, from_keep, from_new = jnp.split(h @ params["u"], 3, axis=1)
            keep = jax.nn.sigmoid(keep + from_keep)
            new = jnp.tanh(new + jax.nn.sigmoid(reset + from_reset) * from_new)
            return (1 - keep) * new + keep * h, None

        h, _ = jax.lax.scan(turn, jnp.zeros((len(x), WIDTH)), jnp.swapaxes(x, 0, 1))
        return cross_entropy(h @ params["out"], labels)

    params = {
        "w": normal(1, INPUTS, 3 * WIDTH), "u": orthogonal(2, 3), "out": normal(3, WIDTH, 10),
    }  # fmt: skip
    return Case(loss, params, sequences(steps))


def lstm(forget: float, *, steps: int = 16) -> Case:
    """Build an LSTM whose forget gate has a bias: 0 and 1 are usual."""

    def loss(params: Any, batch: Any) -> jax.Array:
        x, labels = batch

        def turn(carry: Any, x: jax.Array) -> tuple[Any, None]:
            h, c = carry
            each = jnp.split(x @ params["w"] + h @ params["u"], 4, axis=1)
            enter, keep, leave = (jax.nn.sigmoid(z) for z in (each[0], each[1] + forget, each[2]))
            c = keep * c + enter * jnp.tanh(each[3])
            return (leave * jnp.tanh(c), c), None

        zeros = jnp.zeros((len(x), WIDTH))
        (h, _), _ = jax.lax.scan(turn, (zeros, zeros), jnp.swapaxes(x, 0, 1))
        return cross_entropy(h @ params["out"], labels)

    params = {
        "w": normal(1, INPUTS, 4 * WIDTH), "u": orthogonal(2, 4), "out": normal(3, WIDTH, 10),
    }  # fmt: skip
    return Case(loss, params, sequences(steps))
