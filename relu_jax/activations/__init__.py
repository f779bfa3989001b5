"""Activation functions: a formula, a convention at each kink and a source; one catalogue."""

from relu_jax.activations.activation import Activation, Params, as_float
from relu_jax.activations.bounded import log_sigmoid, sigmoid, tanh
from relu_jax.activations.catalogue import CATALOGUE, get, names
from relu_jax.activations.exponential import elu, selu
from relu_jax.activations.rectifiers import hard_tanh, identity, leaky_relu, relu, relu6
from relu_jax.activations.smooth import gelu, gelu_tanh, silu, softplus

__all__ = [
    "CATALOGUE",
    "Activation",
    "Params",
    "as_float",
    "elu",
    "gelu",
    "gelu_tanh",
    "get",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "names",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "tanh",
]
