"""The losses of the table: what stands between the last layer and the scalar, and is no activation.

Each is a function of (params, x, target) on the two-layer net of `networks.P`.
"""

import jax
import jax.numpy as jnp
import optax
from jax import nn

from tests.tap.networks import dense, mlp

net = mlp(nn.relu, jnp.tanh)


def log_sum_exp(params, x, labels):
    """Spell the cross-entropy out, the maximum subtracted first."""
    logits = net(params, x)
    shifted = logits - jax.lax.stop_gradient(logits.max(-1, keepdims=True))
    total = jnp.log(jnp.exp(shifted).sum(-1))
    return jnp.mean(total - jnp.take_along_axis(shifted, labels[:, None], axis=-1)[:, 0])


def one_hot(params, x, labels):
    """Take the log-softmax against one-hot labels."""
    return -jnp.mean(jnp.sum(nn.one_hot(labels, 2) * nn.log_softmax(net(params, x)), axis=-1))


def integer_labels(params, x, labels):
    """Take optax's cross-entropy with integer labels."""
    return optax.softmax_cross_entropy_with_integer_labels(net(params, x), labels).mean()


def binary(params, x, y):
    """Take optax's binary cross-entropy on logits."""
    return optax.sigmoid_binary_cross_entropy(net(params, x), y).mean()


def huber(params, x, y):
    """Take optax's Huber loss: a clip inside, and no activation."""
    return optax.huber_loss(net(params, x), y, delta=1.0).mean()


def log_cosh(params, x, y):
    """Take optax's log-cosh loss: a softplus inside."""
    return optax.log_cosh(net(params, x), y).mean()


def hinge(params, x, y):
    """Take optax's hinge loss: a relu inside, and no activation."""
    return optax.hinge_loss(net(params, x), y).mean()


def absolute(params, x, y):
    """Take the mean absolute error."""
    return jnp.mean(jnp.abs(net(params, x) - y))


def focal(params, x, y):
    """Take optax's focal loss."""
    return optax.sigmoid_focal_loss(net(params, x), y, gamma=2.0).mean()


def cosine(params, x, y):
    """Compare directions: two norms, and no activation."""
    return optax.cosine_distance(net(params, x), y, epsilon=1e-6).mean()


def sigmoid_output(params, x, y):
    """Square the error of a sigmoid output: that sigmoid is an activation."""
    return jnp.mean((nn.sigmoid(net(params, x)) - y) ** 2)


def probabilities(params, x, y):
    """Take the cross-entropy of probabilities a sigmoid made: the sigmoid is an activation."""
    p = nn.sigmoid(net(params, x))
    return -jnp.mean(y * jnp.log(p + 1e-6) + (1 - y) * jnp.log(1 - p + 1e-6))


def decayed(params, x, y):
    """Add squared and absolute weights to the loss."""
    leaves = jax.tree.leaves(params)
    decay = sum(jnp.sum(w**2) for w in leaves) + sum(jnp.sum(jnp.abs(w)) for w in leaves)
    return jnp.mean((net(params, x) - y) ** 2) + 1e-3 * decay


def penalised(params, x, y):
    """Add the absolute values of the hidden units to the loss."""
    hidden = nn.relu(dense(params["layers"][0], x))
    again = jnp.tanh(dense(params["layers"][1], hidden))
    error = jnp.mean((dense(params["layers"][2], again) - y) ** 2)
    return error + 0.01 * jnp.mean(jnp.abs(hidden))


def gaussian(params, x, y):
    """Take the likelihood under a predicted variance, kept positive by a softplus."""
    out = net(params, x)
    mean, spread = out[:, :1], nn.softplus(out[:, 1:]) + 1e-3
    return jnp.mean(jnp.log(spread) + 0.5 * ((y[:, :1] - mean) / spread) ** 2)


def smoothed(params, x, labels):
    """Take the cross-entropy of smoothed labels, plus the squared log-partition (z-loss)."""
    logits = net(params, x)
    targets = optax.smooth_labels(nn.one_hot(labels, 2), 0.1)
    z = jax.scipy.special.logsumexp(logits, axis=-1)
    return jnp.mean(optax.softmax_cross_entropy(logits, targets) + 1e-4 * z**2)


def distilled(params, x, y):
    """Match a softened teacher: a softmax, a log-softmax and a divergence."""
    log_p = nn.log_softmax(net(params, x) / 2)
    return optax.kl_divergence(log_p, nn.softmax(y / 2)).mean()


def contrastive(params, x, y):
    """Compare every example with every other, directions only."""
    a = net(params, x)
    a = a / jnp.linalg.norm(a, axis=-1, keepdims=True)
    b = y / jnp.linalg.norm(y, axis=-1, keepdims=True)
    return -jnp.mean(jnp.diag(nn.log_softmax(a @ b.T / 0.5)))


def weight_normed(params, x, y):
    """Scale each weight to unit norm, then square the error."""
    first, *rest = params["layers"]
    w = first["w"] / jnp.sqrt(jnp.sum(first["w"] ** 2, axis=0, keepdims=True))
    return jnp.mean((net({"layers": [first | {"w": w}, *rest]}, x) - y) ** 2)
