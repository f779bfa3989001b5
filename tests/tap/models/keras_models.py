"""Models of Keras applications and layers, with the activations their own configuration lists."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Both are read when Keras is imported: it would pick TensorFlow, and write into the user's home.
os.environ["KERAS_BACKEND"] = "jax"
os.environ["KERAS_HOME"] = tempfile.mkdtemp()

import jax
import jax.numpy as jnp
import keras
import numpy as np

from tests.tap.models.model import Model

_SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}  # the least they take
APPLICATIONS = (
    "VGG16", "VGG19", "ResNet50", "ResNet50V2", "ResNet101", "MobileNet", "MobileNetV2",
    "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0", "ConvNeXtTiny",
    "DenseNet121", "InceptionV3", "InceptionResNetV2", "Xception", "NASNetMobile",
)  # fmt: skip
# What is none: identity, and what mixes units.
_NO_SITES = ("linear", "softmax")


@contextmanager
def _zeros_for_weights() -> Iterator[None]:
    """Build models without running their initialisers: a program is read, whatever its weights."""
    random = (keras.initializers.VarianceScaling, keras.initializers.TruncatedNormal)
    kept = [one.__call__ for one in random]
    try:
        for one in random:
            one.__call__ = lambda _self, shape, dtype=None, **_: np.zeros(shape, dtype or "float32")
        yield
    finally:
        for one, call in zip(random, kept, strict=True):
            one.__call__ = call


def application(name: str, **settings: Any) -> Model:
    """Build one of Keras' applications, in training."""
    size = _SIZES.get(name, 32)
    with _zeros_for_weights():
        made = getattr(keras.applications, name)(
            weights=None, input_shape=(size, size, 3), classes=10, **settings
        )
    expected = _listed(made)
    if name.startswith("MobileNetV3"):  # it writes hard_sigmoid as relu6(x + 3) / 6
        expected["hard_sigmoid"] = expected.pop("relu6")
    return _model(made, (4, size, size, 3), expected)


def _listed(made: Any) -> Counter[str]:
    """Count what the layers of a model are configured to apply."""
    counts: Counter[str] = Counter()
    for layer in made._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.layers.ReLU):
            assert layer.max_value in (None, 6)
            counts["relu6" if layer.max_value else "relu"] += 1
        elif callable(getattr(layer, "activation", None)):
            counts[layer.activation.__name__] += 1
    return Counter({name: n for name, n in counts.items() if name not in _NO_SITES})


def _model(made: Any, shape: tuple[int, ...], expected: Counter[str]) -> Model:
    def f(trainable: Any, other: Any, x: Any) -> Any:
        return made.stateless_call(trainable, other, x, training=True)[0]

    groups = (made.trainable_variables, made.non_trainable_variables)
    weights = [[v.value for v in group] for group in groups]
    return Model(f, (*weights, jax.ShapeDtypeStruct(shape, jnp.float32)), expected)


def recurrent(layer: str, expected: dict[str, int]) -> Model:
    """Build a recurrent layer with a head; a scan's body is counted once."""
    cell = getattr(keras.layers, layer)(8)
    made = keras.Sequential([keras.Input((7, 5)), cell, keras.layers.Dense(3)])
    return _model(made, (4, 7, 5), Counter(expected))


def attention() -> Model:
    """Build a block of attention and a feed-forward layer."""
    x = keras.Input((6, 16))
    layers = keras.layers
    h = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 8)(x, x)]))
    y = layers.Dense(16)(layers.Dense(32, activation="gelu")(h))
    made = keras.Model(x, layers.Dropout(0.1)(layers.Add()([h, y])))
    return _model(made, (4, 6, 16), _listed(made))


def training_step() -> Model:
    """Build a whole step: loss, gradient and Adam."""
    layers = keras.layers
    made = keras.Sequential([
        keras.Input((5,)),
        layers.Dense(8, activation="elu"),
        layers.BatchNormalization(),
        layers.Dense(8, activation="mish"),
        layers.Dense(3),
    ])  # fmt: skip
    optimizer = keras.optimizers.Adam(1e-3, clipnorm=1.0)
    optimizer.build(made.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(trainable: Any, other: Any, state: Any, x: Any, y: Any) -> Any:
        def scored(trainable: Any) -> Any:
            logits, after = made.stateless_call(trainable, other, x, training=True)
            return loss(y, logits), after

        (value, after), grads = jax.value_and_grad(scored, has_aux=True)(trainable)
        return (value, after, *optimizer.stateless_apply(state, grads, trainable))

    groups = (made.trainable_variables, made.non_trainable_variables, optimizer.variables)
    state = [[v.value for v in group] for group in groups]
    x = jax.ShapeDtypeStruct((4, 5), jnp.float32)
    y = jax.ShapeDtypeStruct((4,), jnp.int32)
    return Model(step, (*state, x, y), _listed(made), differentiable=False)


MODELS: dict[str, Callable[[], Model]] = {
    **{name: lambda name=name: application(name) for name in APPLICATIONS},
    "LSTM": lambda: recurrent("LSTM", {"sigmoid": 3, "tanh": 2}),
    "GRU": lambda: recurrent("GRU", {"sigmoid": 2, "tanh": 1}),
    "SimpleRNN": lambda: recurrent("SimpleRNN", {"tanh": 1}),
    "attention": attention,
    "training step": training_step,
}
