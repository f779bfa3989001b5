"""Small networks whose bends are counted."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

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


def both_orders(x):
    """Take the difference of two inputs, the larger less the smaller."""
    return jnp.maximum(x[:, :1], x[:, 1:]) - jnp.minimum(x[:, 1:], x[:, :1])


class Plain:
    """What networks with maxima are made of, in JAX."""

    xp = jnp
    relu = staticmethod(nn.relu)
    larger = staticmethod(jnp.maximum)

    @staticmethod
    def largest(x, axis=-1):
        return x.max(axis=axis)

    @staticmethod
    def smallest(x):
        return x.min(axis=-1)

    @staticmethod
    def pooled(x, size, padding):
        """Pool over squares, two apart."""
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, 2, 2, 1), padding)


class Watched:
    """The same in float64 NumPy, which notes what every activation and maximum chose."""

    xp = np

    def __init__(self):
        self.chosen = []

    def relu(self, x):
        self.chosen.append((x > 0).reshape(len(x), -1))
        return np.maximum(x, 0)

    def largest(self, x, axis=-1):
        x = np.moveaxis(x, axis, -1)
        top = x.max(axis=-1, keepdims=True)
        # The first of those that are equal.
        self.chosen.append((x > top - 1e-9).argmax(axis=-1).reshape(len(x), -1))
        return top[..., 0]

    def smallest(self, x):
        return -self.largest(-x)

    def larger(self, a, b):
        return self.largest(np.stack([a, b], axis=-1))

    def pooled(self, x, size, padding):
        over = (size - 2) * (padding == "SAME")  # of an even picture: at the end first
        x = np.pad(x, [(0, 0), *2 * [(over // 2, over - over // 2)], (0, 0)], constant_values=-1e9)
        windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
        windows = windows[:, ::2, ::2]
        return self.largest(windows.reshape(*windows.shape[:-2], -1))


def _affine(x, n_out, seed):
    ((w, b),) = drawn([x.shape[-1], n_out], seed)
    return x @ w + b


def _maps(x, ops, channels=1):
    """Draw a picture of 6 x 6 from x, and convolve it."""
    picture = ops.xp.pad(_affine(x, 36, 8).reshape(-1, 6, 6, 1), [(0, 0), (0, 1), (0, 1), (0, 0)])
    kernel = drawn([4, channels], 9)[0][0]
    places = enumerate(itertools.product(range(2), repeat=2))
    return sum(picture[:, i : i + 6, j : j + 6] * kernel[k] for k, (i, j) in places) + 0.1


def _flat(x):
    return x.reshape(len(x), -1)


def maxout(x, ops):
    h = ops.largest(_affine(x, 18, 1).reshape(-1, 6, 3))
    return _affine(ops.largest(_affine(h, 12, 2).reshape(-1, 3, 4)), 2, 3)


def pooled_behind_relu(x, ops):
    return _affine(_flat(ops.pooled(ops.relu(_maps(x, ops)), 2, "VALID")), 2, 4)


def padded(x, ops):
    return _affine(_flat(ops.pooled(ops.relu(_maps(x, ops)), 3, "SAME")), 2, 4)


def pooled_before_relu(x, ops):
    return _affine(ops.relu(_flat(ops.pooled(_maps(x, ops, 2), 2, "VALID"))), 2, 4)


def nested(x, ops):
    """The larger of two, of which one is among the smallest, behind the largest over channels."""
    h = ops.largest(_affine(x, 24, 5).reshape(-1, 3, 8), axis=1)
    low = ops.smallest(h.reshape(-1, 4, 2))
    h = ops.larger(h[:, :4], low + 0.2)
    return _affine(ops.largest(ops.relu(_affine(h, 8, 6)).reshape(-1, 2, 4)), 2, 7)


def tied(x, ops):
    """Maxima of equal arrays, twice the same, and both orders of two."""
    h = _affine(x, 6, 1)
    h = ops.larger(h, h) + ops.largest(ops.xp.stack([h, h[:, ::-1], h], axis=-1))
    low = ops.smallest(ops.xp.stack([h, h[:, ::-1]], axis=-1))
    return ops.larger(h, h[:, ::-1]) - low + ops.relu(h)


WITH_MAXIMA = (maxout, pooled_behind_relu, padded, pooled_before_relu, nested, tied)


def chosen(net, x):
    """Number the patterns of activations and maxima at points, and give what the network gives."""
    ops = Watched()
    y = net(np.asarray(x, np.float64), ops)
    patterns = np.concatenate([np.asarray(part, np.int8) for part in ops.chosen], axis=1)
    return np.unique(patterns, axis=0, return_inverse=True)[1].ravel(), y
