"""Models of Haiku, with the activations that follow from how they are configured."""

import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp

from tests.tap.models.model import Model

_IMAGES = jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32)
_TEXT = jax.ShapeDtypeStruct((2, 7, 16), jnp.float32)
_STEPS = jax.ShapeDtypeStruct((7, 2, 8), jnp.float32)


def _model(net: Callable[[Any], Any], x: Any, expected: dict[str, int]) -> Model:
    made = hk.transform_with_state(net)
    params, state = jax.eval_shape(made.init, jax.random.key(0), x)

    def f(params: Any, state: Any, x: Any) -> Any:
        return made.apply(params, state, jax.random.key(1), x)[0]

    return Model(f, (params, state, x), Counter(expected))


def resnet(name: str, *, v2: bool) -> Model:
    """Build a residual network: a relu at the start, or the end, and one per convolution."""
    kind = getattr(hk.nets, name)
    config = hk.nets.ResNet.CONFIGS[int(name.removeprefix("ResNet"))]
    in_block = 3 if config["bottleneck"] else 2
    return _model(
        lambda x: kind(10, resnet_v2=v2)(x, is_training=True),
        _IMAGES,
        {"relu": 1 + in_block * sum(config["blocks_per_group"])},
    )


def mobilenet() -> Model:
    """Build the first MobileNet: a convolution, then pairs of them."""
    defaults = inspect.signature(hk.nets.MobileNetV1).parameters
    pairs = len(defaults["channels"].default)
    return _model(
        lambda x: hk.nets.MobileNetV1(num_classes=10)(x, is_training=True),
        _IMAGES,
        {"relu": 1 + 2 * pairs},
    )


def recurrent(core: Callable[[], Any], x: Any, expected: dict[str, int]) -> Model:
    """Build a recurrent core, unrolled by a scan: its body is counted once."""

    def net(x: Any) -> Any:
        made = core()
        return hk.dynamic_unroll(made, x, made.initial_state(x.shape[1]))[0]

    return _model(net, x, expected)


def transformer(layers: int = 3) -> Model:
    """Build blocks of attention and a feed-forward layer, normalised before."""

    def net(x: Any) -> Any:
        for _ in range(layers):
            h = hk.LayerNorm(-1, create_scale=True, create_offset=True)(x)
            x = x + hk.MultiHeadAttention(2, 8, w_init_scale=1.0)(h, h, h)
            h = hk.LayerNorm(-1, create_scale=True, create_offset=True)(x)
            h = hk.Linear(16)(jax.nn.gelu(hk.Linear(32)(h)))
            x = x + hk.dropout(hk.next_rng_key(), 0.1, h)
        return x

    return _model(net, _TEXT, {"gelu_tanh": layers})


def conv_lstm() -> Any:
    """Build a convolutional LSTM."""
    return hk.Conv2DLSTM(input_shape=(8, 8), output_channels=4, kernel_shape=3)


MODELS: dict[str, Callable[[], Model]] = {
    **{
        f"{name}{'V2' if v2 else ''}": lambda name=name, v2=v2: resnet(name, v2=v2)
        for name in ("ResNet18", "ResNet34", "ResNet50", "ResNet101")
        for v2 in (False, True)
    },
    "MobileNetV1": mobilenet,
    "MLP": lambda: _model(
        lambda x: hk.nets.MLP([8, 8, 3], activation=jax.nn.swish)(x), _STEPS, {"silu": 2}
    ),
    "LSTM": lambda: recurrent(lambda: hk.LSTM(16), _STEPS, {"sigmoid": 3, "tanh": 2}),
    "GRU": lambda: recurrent(lambda: hk.GRU(16), _STEPS, {"sigmoid": 1, "tanh": 1}),
    "VanillaRNN": lambda: recurrent(lambda: hk.VanillaRNN(16), _STEPS, {"relu": 1}),
    "DeepRNN": lambda: recurrent(
        lambda: hk.DeepRNN([hk.LSTM(8), jax.nn.relu, hk.GRU(8)]),
        _STEPS,
        {"sigmoid": 4, "tanh": 3, "relu": 1},
    ),
    "Conv2DLSTM": lambda: recurrent(
        conv_lstm, jax.ShapeDtypeStruct((5, 2, 8, 8, 3), jnp.float32), {"sigmoid": 3, "tanh": 2}
    ),
    "transformer": transformer,
}
