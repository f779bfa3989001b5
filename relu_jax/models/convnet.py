"""What is a plain convolutional network?"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Float

from relu_jax.activations import relu
from relu_jax.core import errors
from relu_jax.core.fans import Initialiser
from relu_jax.core.types import Array, Key
from relu_jax.models.dense import (
    Layer,
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


def convnet(
    image: Sequence[int],
    channels: Sequence[int],
    classes: int,
    *,
    stride: int = 1,
    pool: int = 2,
    activation: Callable[[Array], Array] = relu,
    init: Initialiser | None = None,
) -> Model:
    """Stack 3 x 3 convolutions, each with an activation and average pooling; then one dense layer.

    Args:
        image: height, width and channels of an input.
        channels: of each convolution; their number is the depth.
        classes: number of outputs.
        stride: of each convolution; the size is divided and rounded up.
        pool: side of the averaged squares, 1 for none; what is left over at the edge is cut.
        activation: any elementwise function.
        init: initialiser of the kernels; None is `he()`. Biases start at 0.

    Returns:
        init(key, dtype) and apply(params, x); x is (B, height, width, channels), is taken in
        the dtype of the parameters, and gives logits of shape (B, C).

    Raises:
        ValueError: a size below 1, or so many layers that no pixel is left.
        TypeError: the activation is no function, or a size no integer.
        DataError: (apply) parameters or images that are not this model's.

    Example:
        >>> model = convnet((8, 8, 1), [4, 8], 10)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jnp.ones((5, 8, 8, 1))).shape
        (5, 10)
    """
    check_activation(activation)
    image = widths("image sides and channels", image, least=3)
    channels = widths("channels", channels, least=1)
    stride, pool, classes = widths("stride, pool and classes", (stride, pool, classes), least=3)
    features = _side(image[0], channels, stride, pool) * _side(image[1], channels, stride, pool)
    pairs = zip((image[2], *channels), channels, strict=False)
    shapes = [*((3, 3, *pair) for pair in pairs), (features * channels[-1], classes)]
    draw = init or he()

    def start(key: Key, dtype: DTypeLike = jnp.float32) -> Params:
        keys = jax.random.split(key, len(shapes))
        return {"layers": [layer(k, s, draw, dtype) for k, s in zip(keys, shapes, strict=True)]}

    def apply(params: Params, x: Any) -> Array:
        *hidden, last = layers_of(params, shapes)
        x = _images(as_input(x, params, image[-1]), image)
        for one in hidden:
            x = average_pool(activation(convolve(one, x, stride)), pool)
        return dense(last, x.reshape(x.shape[0], math.prod(x.shape[1:])))

    return Model(start, apply)


def convolve(params: Layer, x: Float[Array, "B Y X D"], stride: int = 1) -> Array:
    """Convolve images with a kernel (window, window, inputs, outputs), zeros beyond the edge.

    Example:
        >>> ones = {"kernel": jnp.ones((3, 3, 1, 1)), "bias": jnp.zeros(1)}
        >>> convolve(ones, jnp.ones((1, 3, 3, 1)))[0, :, :, 0].tolist()
        [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """
    y = lax.conv_general_dilated(
        x,
        params["kernel"],
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y + jnp.broadcast_to(params["bias"], y.shape)


def average_pool(x: Float[Array, "B Y X D"], side: int) -> Array:
    """Average squares of side x side pixels; pixels that fill no square are cut.

    Example:
        >>> average_pool(jnp.arange(4.0).reshape(1, 2, 2, 1), 2).tolist()
        [[[[1.5]]]]
    """
    if side == 1:
        return x
    n, height, width, depth = x.shape
    rows, columns = height // side, width // side
    x = x[:, : rows * side, : columns * side]
    return x.reshape(n, rows, side, columns, side, depth).mean(axis=(2, 4))


def _side(length: int, channels: tuple[int, ...], stride: int, pool: int) -> int:
    left = length
    for _ in channels:
        left = math.ceil(left / stride) // pool
    if left >= 1:
        return left
    raise errors.rejected(
        rule="a pixel is left after the last layer",
        got=f"{length} pixels, {len(channels)} layers, stride {stride}, pool {pool}",
        do="use fewer layers, stride=1 or pool=1",
    )


def _images(x: Array, image: tuple[int, ...]) -> Array:
    if x.ndim == 4 and x.shape[1:] == image:
        return x
    raise errors.rejected(
        rule=f"the model takes images of shape (B, {', '.join(map(str, image))})",
        got=errors.describe(x),
        do="reshape the batch, or build the model for this shape",
        kind=errors.DataError,
    )
