"""What is a plain fully connected network?"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from relu_jax.activations import relu
from relu_jax.core.fans import Initialiser
from relu_jax.core.types import Array, Key
from relu_jax.models.dense import (
    Model,
    Params,
    as_input,
    check_activation,
    dense,
    layer,
    layers_of,
    widths,
)
from relu_jax.models.initialise import he


def mlp(
    sizes: Sequence[int],
    *,
    activation: Callable[[Array], Array] = relu,
    init: Initialiser | None = None,
) -> Model:
    """Stack dense layers with an activation between them, none after the last.

    Args:
        sizes: D, H, ..., C: input features, units of each hidden layer, outputs.
        activation: any elementwise function.
        init: initialiser of the kernels; None is `he()`. Biases start at 0.

    Returns:
        init(key, dtype) and apply(params, x); x is (B, D) or (D,), is taken in the dtype of
        the parameters, and gives logits of shape (B, C) or (C,).

    Raises:
        ValueError: fewer than two sizes, or one below 1.
        TypeError: the activation is no function, or a size no integer.
        DataError: (apply) parameters or inputs that are not this model's.

    Example:
        >>> model = mlp([64, 32, 10])
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jnp.ones((5, 64))).shape
        (5, 10)
    """
    check_activation(activation)
    sizes = widths("sizes", sizes, least=2)
    shapes = list(itertools.pairwise(sizes))
    draw = init or he()

    def start(key: Key, dtype: DTypeLike = jnp.float32) -> Params:
        keys = jax.random.split(key, len(shapes))
        return {"layers": [layer(k, s, draw, dtype) for k, s in zip(keys, shapes, strict=True)]}

    def apply(params: Params, x: Any) -> Array:
        *hidden, last = layers_of(params, shapes)
        x = as_input(x, params, sizes[0])
        for one in hidden:
            x = activation(dense(one, x))
        return dense(last, x)

    return Model(start, apply)
