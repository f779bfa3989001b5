"""Networks that train well: five architectures with four activations each, on real digits."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from tests.diagnosis.networks import Case, cross_entropy, digits

ACTS = {"relu": jax.nn.relu, "gelu": jax.nn.gelu, "silu": jax.nn.silu, "tanh": jnp.tanh}
GAINS = {"relu": 2**0.5, "gelu": 2**0.5, "silu": 2**0.5, "tanh": 1.0}
Act = Callable[[Any], Any]


def drawn(act: str, **shapes: tuple[int, ...]) -> dict[str, Any]:
    """Draw weights of variance gain² / n_in, the last one (`out`) of variance 1 / n_in."""
    rng = np.random.default_rng(0)
    gains = {name: 1.0 if name == "out" else GAINS[act] for name in shapes}
    return {
        name: jnp.asarray(
            rng.standard_normal(shape) * gains[name] / np.prod(shape[:-1]) ** 0.5, jnp.float32
        )
        for name, shape in shapes.items()
    }


def mlp(act: str) -> Case:
    """Six layers of 64 units."""
    names = [f"w{i}" for i in range(6)]

    def logits(params: Any, x: Any) -> Any:
        for name in names:
            x = ACTS[act](x @ params[name])
        return x @ params["out"]

    return _case(logits, drawn(act, **dict.fromkeys(names, (64, 64)), out=(64, 10)))


def convolutional(act: str) -> Case:
    """Three convolutions and a mean over the picture."""

    def logits(params: Any, x: Any) -> Any:
        x = x.reshape(-1, 8, 8, 1)
        for name, stride in (("c0", 1), ("c1", 2), ("c2", 2)):
            x = jax.lax.conv_general_dilated(
                x, params[name], (stride, stride), "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )  # fmt: skip
            x = ACTS[act](x)
        return x.mean((1, 2)) @ params["out"]

    shapes = {"c0": (3, 3, 1, 8), "c1": (3, 3, 8, 16), "c2": (3, 3, 16, 32)}
    return _case(logits, drawn(act, **shapes, out=(32, 10)))


def residual(act: str) -> Case:
    """Four blocks with a layer norm before each, their second weights a tenth as large."""

    def logits(params: Any, x: Any) -> Any:
        x = x @ params["stem"]
        for i in range(4):
            x = x + 0.3 * ACTS[act](_normed(x) @ params[f"in{i}"]) @ params[f"back{i}"]
        return _normed(x) @ params["out"]

    blocks = {f"{side}{i}": (64, 64) for i in range(4) for side in ("in", "back")}
    return _case(logits, drawn(act, stem=(64, 64), **blocks, out=(64, 10)))


def attention(act: str) -> Case:
    """Two transformer blocks over the rows of a picture."""

    def logits(params: Any, x: Any) -> Any:
        x = x.reshape(-1, 8, 8) @ params["stem"]
        for i in range(2):
            q, k, v = jnp.split(_normed(x) @ params[f"qkv{i}"], 3, axis=-1)
            weights = jax.nn.softmax(jnp.einsum("bqd,bkd->bqk", q, k) / 32**0.5)
            x = x + 0.5 * jnp.einsum("bqk,bkd->bqd", weights, v)
            x = x + 0.5 * ACTS[act](_normed(x) @ params[f"up{i}"]) @ params[f"down{i}"]
        return _normed(x).mean(1) @ params["out"]

    blocks: dict[str, tuple[int, ...]] = {}
    for i in range(2):
        blocks |= {f"qkv{i}": (32, 96), f"up{i}": (32, 128), f"down{i}": (128, 32)}
    return _case(logits, drawn(act, stem=(8, 32), **blocks, out=(32, 10)))


def recurrent(act: str) -> Case:
    """A gated recurrent network over the rows of a picture, its readout behind a layer."""

    def logits(params: Any, x: Any) -> Any:
        rows = jnp.moveaxis(x.reshape(-1, 8, 8), 1, 0)

        def step(h: Any, row: Any) -> tuple[Any, None]:
            both = jnp.concatenate([row, h], axis=1)
            gate, reset = jnp.split(jax.nn.sigmoid(both @ params["gates"]), 2, axis=1)
            new = jnp.tanh(jnp.concatenate([row, reset * h], axis=1) @ params["new"])
            return gate * h + (1 - gate) * new, None

        h, _ = jax.lax.scan(step, jnp.zeros((len(x), 48)), rows)
        return ACTS[act](h @ params["layer"]) @ params["out"]

    shapes = {"gates": (56, 96), "new": (56, 48), "layer": (48, 48)}
    return _case(logits, drawn(act, **shapes, out=(48, 10)))


ARCHITECTURES = (mlp, convolutional, residual, attention, recurrent)


def trained(case: Case, steps: int = 40) -> Any:
    """Train by Adam, and give the parameters at the end."""
    optimizer = optax.adam(2e-3)

    @jax.jit
    def run(params: Any, batches: Any) -> Any:
        def step(state: Any, batch: Any) -> tuple[Any, Any]:
            params, moments = state
            loss, gradient = jax.value_and_grad(case.loss)(params, batch)
            updates, moments = optimizer.update(gradient, moments, params)
            return (optax.apply_updates(params, updates), moments), loss

        start = (params, optimizer.init(params))
        (params, _), losses = jax.lax.scan(step, start, batches)
        return params, losses

    turns = [case.batches[i % len(case.batches)] for i in range(steps)]
    params, losses = run(case.params, jax.tree.map(lambda *x: np.stack(x), *turns))
    assert losses[-1] < 0.6 * losses[0], "it does not train: no healthy run"
    return params


def _case(logits: Callable[[Any, Any], Any], params: Any) -> Case:
    def loss(params: Any, batch: Any) -> Any:
        x, labels = batch
        return cross_entropy(logits(params, x), labels)

    return Case(loss, params, digits(64, 8))


def _normed(x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-6)
