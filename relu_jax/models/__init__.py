"""Models: networks as a pair of functions, init(key) -> params and apply(params, x) -> logits."""

from relu_jax.core.fans import fans, normal, uniform
from relu_jax.models.convnet import convnet
from relu_jax.models.dense import Model
from relu_jax.models.initialise import he, lecun, xavier
from relu_jax.models.mlp import mlp

__all__ = [
    "Model",
    "convnet",
    "fans",
    "he",
    "lecun",
    "mlp",
    "normal",
    "uniform",
    "xavier",
]
