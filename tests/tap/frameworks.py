"""The frameworks of the table: the same kinds of network in Flax NNX, Flax Linen and Equinox."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import linen, nnx

from tests.tap.networks import IMAGES, TEXT, C, D, H, X, Y, leaf


class NnxMlp(nnx.Module):
    """Two layers, the second normalised."""

    def __init__(self, rngs: nnx.Rngs):
        self.layers = nnx.List([nnx.Linear(D, H, rngs=rngs), nnx.Linear(H, H, rngs=rngs)])
        self.norm = nnx.LayerNorm(H, rngs=rngs)
        self.out = nnx.Linear(H, C, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        first, second = self.layers
        return self.out(nnx.silu(self.norm(second(nnx.relu(first(x))))))


class NnxCnn(nnx.Module):
    """A convolution, batch norm in training, dropout."""

    def __init__(self, rngs: nnx.Rngs):
        self.conv = nnx.Conv(3, H, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(H, rngs=rngs)
        self.drop = nnx.Dropout(0.2, rngs=rngs)
        self.out = nnx.Linear(H, C, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        x = nnx.max_pool(nnx.gelu(self.norm(self.conv(x))), (2, 2), (2, 2))
        return self.out(self.drop(x.mean((1, 2))))


class LinenMlp(linen.Module):
    """Two layers."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = linen.tanh(linen.Dense(H)(x))
        return linen.Dense(C)(linen.leaky_relu(linen.Dense(H)(x)))


class LinenCnn(linen.Module):
    """A convolution, batch norm in training, squeeze-and-excite."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = linen.BatchNorm(use_running_average=False)(linen.Conv(H, (3, 3))(x))
        x = linen.max_pool(linen.relu(x), (2, 2), (2, 2))
        s = linen.sigmoid(linen.Dense(H)(linen.relu(linen.Dense(2)(x.mean((1, 2))))))
        return linen.Dense(C)((x * s[:, None, None, :]).mean((1, 2)))


class LinenBlock(linen.Module):
    """A transformer block with dropout."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        h = linen.LayerNorm()(x)
        x = x + linen.MultiHeadDotProductAttention(num_heads=2)(h, h)
        h = linen.gelu(linen.Dense(2 * H)(linen.RMSNorm()(x)))
        return x + linen.Dense(H)(linen.Dropout(0.1, deterministic=False)(h))


class LinenLstm(linen.Module):
    """A recurrent layer, and a dense one on its last state."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        return linen.Dense(C)(linen.RNN(linen.LSTMCell(H))(x)[:, -1])


class LinenStack(linen.Module):
    """Group norm and layers scanned over stacked weights."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        layer = linen.scan(
            _Layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=2
        )
        x, _ = layer()(linen.Dense(H)(x), None)
        return linen.GroupNorm(num_groups=2)(x)


class _Layer(linen.Module):
    @linen.compact
    def __call__(self, x: Any, _: Any) -> Any:
        return linen.softplus(linen.Dense(H)(x)), None


def key() -> jax.Array:
    """Make the key of every model."""
    return jax.random.key(0)


def filled(shapes: Any) -> Any:
    """Fill a tree of shapes with numbers; nothing is compiled for it."""
    return jax.tree.map(
        lambda s: leaf(*s.shape) if isinstance(s, jax.ShapeDtypeStruct) else s, shapes
    )


def nnx_split() -> Any:
    """Build a function of an NNX state."""
    graph, state = nnx.split(nnx.eval_shape(lambda: NnxMlp(nnx.Rngs(0))))
    state = filled(state)
    return lambda params, x: nnx.merge(graph, params)(x), (state, X)


def nnx_direct() -> Any:
    """Build a function of an NNX module."""
    graph, state = nnx.split(nnx.eval_shape(lambda: NnxMlp(nnx.Rngs(0))))
    return lambda model, x: model(x), (nnx.merge(graph, filled(state)), X)


def nnx_cnn() -> Any:
    """Build a function of NNX parameters that also updates statistics and draws a mask."""
    graph, weights, rest = nnx.split(NnxCnn(nnx.Rngs(0)), nnx.Param, ...)

    def model(params: Any, x: Any, rest: Any) -> Any:
        module = nnx.merge(graph, params, rest)
        y = module(x)
        return y, nnx.state(module, nnx.BatchStat)

    return model, (weights, IMAGES, rest)


def linen_model(module: linen.Module, x: Any, *, target: Any = None) -> Any:
    """Build a function of Linen parameters."""
    variables = filled(jax.eval_shape(module.init, {"params": key(), "dropout": key()}, x))

    def model(variables: Any, x: Any) -> Any:
        return module.apply(variables, x, rngs={"dropout": key()}, mutable=["batch_stats"])[0]

    def loss(variables: Any, x: Any, y: Any) -> Any:
        return jnp.mean((model(variables, x) - y) ** 2)

    return (model, (variables, x)) if target is None else (loss, (variables, x, target))


def linen_loss() -> Any:
    """Build a Linen loss under value_and_grad."""
    loss, args = linen_model(LinenMlp(), X, target=Y)
    return jax.value_and_grad(loss), args


def equinox_mlp() -> Any:
    """Build a function of an Equinox MLP, which takes one example."""
    model = filled(
        eqx.filter_eval_shape(lambda: eqx.nn.MLP(D, C, H, 2, activation=jax.nn.softplus, key=key()))
    )
    return lambda model, x: jax.vmap(model)(x), (model, X)


def equinox_jit() -> Any:
    """Build an Equinox loss under filter_jit and filter_value_and_grad."""
    model = filled(eqx.filter_eval_shape(lambda: eqx.nn.MLP(D, C, H, 2, key=key())))

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def loss(model: Any, x: Any, y: Any) -> Any:
        return jnp.mean((jax.vmap(model)(x) - y) ** 2)

    return loss, (model, X, Y)


def equinox_cnn() -> Any:
    """Build a function of an Equinox convolution, channels first, with PReLU."""
    first, second = jax.random.split(key())

    def parts() -> Any:
        conv, out = eqx.nn.Conv2d(3, H, 3, key=first), eqx.nn.Linear(H, C, key=second)
        return conv, eqx.nn.PReLU(0.25), out

    def model(parts: Any, x: Any) -> Any:
        def one(image: Any) -> Any:
            conv, slope, out = parts
            x = eqx.nn.MaxPool2d(2, 2)(slope(conv(image)))
            return out(x.mean((1, 2)))

        return jax.vmap(one)(jnp.moveaxis(x, -1, 1))

    return model, (filled(eqx.filter_eval_shape(parts)), IMAGES)


def equinox_gru() -> Any:
    """Build a function of an Equinox GRU cell, scanned over the steps of one sequence."""
    cell = filled(eqx.filter_eval_shape(lambda: eqx.nn.GRUCell(H, H, key=key())))

    def model(cell: Any, x: Any) -> Any:
        def run(steps: Any) -> Any:
            return jax.lax.scan(lambda h, x: (cell(x, h), None), jnp.zeros(H), steps)[0]

        return jax.vmap(run)(x)

    return model, (cell, TEXT)


def equinox_attention() -> Any:
    """Build a function of Equinox attention over one sequence."""
    model = filled(
        eqx.filter_eval_shape(lambda: eqx.nn.MultiheadAttention(2, H, inference=True, key=key()))
    )
    return lambda model, x: jax.vmap(lambda q: model(q, q, q))(x), (model, TEXT)
