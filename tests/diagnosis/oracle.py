"""The same numbers a second time: a dense network forward and backward in NumPy's float64."""

from typing import Any, NamedTuple

import numpy as np

ACTS = {
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0).astype(np.float64)),
    "tanh": (np.tanh, lambda z: 1.0 - np.tanh(z) ** 2),
    "sigmoid": (
        lambda z: 1.0 / (1.0 + np.exp(-z)),
        lambda z: np.exp(-z) / (1.0 + np.exp(-z)) ** 2,
    ),
}


class Pass(NamedTuple):
    """Values at every site, and the gradient, of the mean cross-entropy of one batch."""

    loss: float
    pre: list[np.ndarray]
    post: list[np.ndarray]
    d_pre: list[np.ndarray]
    d_post: list[np.ndarray]
    grads: list[dict[str, np.ndarray]]


def run(params: list[dict[str, Any]], batch: tuple[Any, Any], kind: str) -> Pass:
    """Take one batch through, forward and backward."""
    f, slope = ACTS[kind]
    layers = [{k: np.asarray(v, np.float64) for k, v in layer.items()} for layer in params]
    inputs, pre = [np.asarray(batch[0], np.float64)], []
    for layer in layers[:-1]:
        pre.append(inputs[-1] @ layer["w"] + layer["b"])
        inputs.append(f(pre[-1]))
    logits = inputs[-1] @ layers[-1]["w"] + layers[-1]["b"]
    shifted = logits - logits.max(axis=1, keepdims=True)
    shares = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    rows = np.arange(len(logits))
    loss = float(-np.log(shares[rows, batch[1]]).mean())
    back = shares
    back[rows, batch[1]] -= 1.0
    back /= len(logits)
    d_pre, d_post, grads = [], [], []
    for i in reversed(range(len(layers))):
        grads.append({"w": inputs[i].T @ back, "b": back.sum(axis=0)})
        if i:
            d_post.append(back @ layers[i]["w"].T)
            back = d_post[-1] * slope(pre[i - 1])
            d_pre.append(back)
    return Pass(loss, pre, inputs[1:], d_pre[::-1], d_post[::-1], grads[::-1])


def rms(*arrays: np.ndarray) -> float:
    """Take the root mean square over all entries of all arrays."""
    return float(np.sqrt(np.mean(np.concatenate([a.ravel() for a in arrays]) ** 2)))
