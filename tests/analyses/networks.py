"""Small networks whose bends are counted."""

import itertools

import numpy as np
import pytest
from jax import nn

AS_USERS_WRITE = [
    pytest.mark.usefixtures("any_rank"),
    pytest.mark.standard_promotion("networks are spelled as users write them"),
    pytest.mark.leaks_unchecked("it collects garbage at every trace: tests/tap has it"),
]


def drawn(dims, seed, denominator=None):
    """Draw weights and biases; with a denominator, as fractions that float32 holds exactly."""
    rng, layers = np.random.default_rng(seed), []
    for n_in, n_out in itertools.pairwise(dims):
        w, b = rng.standard_normal((n_in, n_out)), rng.standard_normal(n_out) / 2
        if denominator:
            w, b = np.round(w * denominator) / denominator, np.round(b * denominator) / denominator
        layers.append((w.astype(np.float32), b.astype(np.float32)))
    return layers


def mlp(layers, act=nn.relu):
    """Build a network of a batch, the last layer linear."""

    def f(x):
        for w, b in layers[:-1]:
            x = act(x @ w + b)
        return x @ layers[-1][0] + layers[-1][1]

    return f
