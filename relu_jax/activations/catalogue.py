"""Which activations do we know, and by which names?

The order is the order of tests, tables and recognition: a special case comes before the
family that contains it (relu before leaky_relu, relu6 before hard_tanh).
"""

import difflib
from typing import SupportsFloat

from relu_jax.activations.activation import Activation
from relu_jax.activations.bounded import LOG_SIGMOID, SIGMOID, TANH
from relu_jax.activations.exponential import ELU, SELU
from relu_jax.activations.rectifiers import HARD_TANH, IDENTITY, LEAKY_RELU, RELU, RELU6
from relu_jax.activations.smooth import GELU, GELU_TANH, SILU, SOFTPLUS
from relu_jax.core import errors

CATALOGUE: tuple[Activation, ...] = (
    IDENTITY,
    RELU,
    LEAKY_RELU,
    ELU,
    SELU,
    GELU,
    GELU_TANH,
    SILU,
    SOFTPLUS,
    TANH,
    SIGMOID,
    RELU6,
    HARD_TANH,
    LOG_SIGMOID,
)


def names() -> tuple[str, ...]:
    """List the names of the catalogue, in its order.

    Example:
        >>> names()[:3]
        ('identity', 'relu', 'leaky_relu')
    """
    return tuple(act.name for act in CATALOGUE)


def get(name: str, **params: SupportsFloat) -> Activation:
    """Find an activation by name and set its parameters.

    Args:
        name: one of `names()`.
        params: what differs from the catalogue's values.

    Raises:
        ValueError: an unknown name, or a parameter out of range.
        TypeError: a parameter the activation has not.

    Example:
        >>> act = get("leaky_relu", slope=0.2)
        >>> act.kinks, act.slope_at_kinks, act.params
        ((0.0,), (1.0,), {'slope': 0.2})
    """
    for act in CATALOGUE:
        if act.name == name:
            return act.with_params(**params)
    close = difflib.get_close_matches(str(name), names(), n=3)
    raise errors.rejected(
        rule="an activation is named as in relu_jax.activations.names()",
        got=errors.describe(name),
        do=f"did you mean {' or '.join(close)}?" if close else f"pick one of {', '.join(names())}",
    )
