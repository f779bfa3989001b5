"""What is the smallest way to write a layer whose parameters have a name?"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from relu_jax.core import errors
from relu_jax.core.fans import Initialiser
from relu_jax.core.types import Array, Key

Layer: TypeAlias = dict[str, Array]
Params: TypeAlias = dict[str, list[Layer]]


class Model(NamedTuple):
    """Hold a network as two functions; the parameters are the caller's."""

    init: Callable[..., Params]  # init(key, dtype=float32) -> {"layers": [{"kernel", "bias"}, …]}
    apply: Callable[[Params, Any], Array]  # apply(params, x) -> logits (B, C)


def layer(
    key: Key, shape: tuple[int, ...], init: Initialiser, dtype: DTypeLike = jnp.float32
) -> Layer:
    """Draw a kernel of that shape and a bias of zeros.

    Example:
        >>> import jax
        >>> from relu_jax.models.initialise import he
        >>> {name: p.shape for name, p in layer(jax.random.key(0), (4, 3), he()).items()}
        {'kernel': (4, 3), 'bias': (3,)}
    """
    return {"kernel": init(key, shape, dtype), "bias": jnp.zeros(shape[-1], dtype)}


def dense(params: Layer, x: Float[Array, "*B D"]) -> Float[Array, "*B H"]:
    """Map the last axis: x @ kernel + bias.

    Example:
        >>> dense({"kernel": jnp.ones((3, 2)), "bias": jnp.zeros(2)}, jnp.ones(3)).tolist()
        [3.0, 3.0]
    """
    y = x @ params["kernel"]
    return y + jnp.broadcast_to(params["bias"], y.shape)


def widths(name: str, values: Sequence[Any], *, least: int) -> tuple[int, ...]:
    """Check a list of layer widths: positive integers, at least `least` of them.

    Raises:
        ValueError: too few, or one below 1.
        TypeError: one is no integer.

    Example:
        >>> widths("sizes", [64, 10], least=2)
        (64, 10)
    """
    try:
        checked = tuple(operator.index(value) for value in values)
    except TypeError as error:
        raise errors.rejected(
            rule=f"{name} are integers", got=str(values), do="round them", kind=TypeError
        ) from error
    if len(checked) < least or min(checked, default=1) < 1:
        raise errors.rejected(
            rule=f"{name} are {least} or more integers of at least 1",
            got=str(values),
            do="give one width per layer",
        )
    return checked


def check_activation(activation: Any) -> None:
    """Check that an activation is a function.

    Raises:
        TypeError: it is none, such as its name.

    Example:
        >>> check_activation(jnp.tanh)
    """
    if not callable(activation):
        raise errors.rejected(
            rule="activation is a function",
            got=errors.describe(activation),
            do='pass a function, e.g. jax.nn.relu or rj.activations.get("relu")',
            kind=TypeError,
        )


def layers_of(params: Any, shapes: Sequence[tuple[int, ...]]) -> list[Layer]:
    """Take the layers out of parameters, checked: one kernel of each shape.

    Raises:
        DataError: the parameters are those of another model.

    Example:
        >>> len(
        ...     layers_of(
        ...         {"layers": [{"kernel": jnp.ones((3, 2)), "bias": jnp.zeros(2)}]}, [(3, 2)]
        ...     )
        ... )
        1
    """
    try:
        found = [tuple(one["kernel"].shape) for one in params["layers"]]
    except (TypeError, KeyError, IndexError, AttributeError):
        found = None
    if found == list(shapes):
        return params["layers"]
    raise errors.rejected(
        rule=f"the model takes parameters with kernels of shape {_joined(shapes)}",
        got=errors.describe(params) if found is None else _joined(found) or "no layer",
        do="draw them with init of this same model",
        kind=errors.DataError,
    )


def _joined(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


def as_input(x: Any, params: Params, features: int) -> Array:
    """Take an input with its last axis checked, in the dtype of the parameters.

    Raises:
        DataError: the last axis of `x` is not what the first layer takes.

    Example:
        >>> params = {"layers": [{"kernel": jnp.ones((3, 2)), "bias": jnp.zeros(2)}]}
        >>> as_input([[1, 2, 3]], params, 3).dtype
        dtype('float32')
    """
    x = jnp.asarray(x)
    if x.ndim == 0 or x.shape[-1] != features:
        raise errors.rejected(
            rule=f"the model takes inputs whose last axis is {features}",
            got=errors.describe(x),
            do="reshape the batch, or build the model for this width",
            kind=errors.DataError,
        )
    return x.astype(params["layers"][0]["kernel"].dtype)
