"""Which activations with learned parameters do we know, and by which names?"""

from relu_jax.activations import registry
from relu_jax.activations.trainable import Trainable
from relu_jax.activations.trainable_rectifiers import APL, MPELU, PELU, PRELU, SRELU, STAR_RELU
from relu_jax.activations.trainable_smooth import (
    ACON_C,
    APA,
    DYT,
    SMU,
    SNAKE,
    SQUAREPLUS,
    SWISH,
    XIELU,
)

TRAINABLE: tuple[Trainable, ...] = (
    PRELU,
    PELU,
    MPELU,
    SRELU,
    APL,
    STAR_RELU,
    SWISH,
    ACON_C,
    SNAKE,
    SQUAREPLUS,
    SMU,
    XIELU,
    DYT,
    APA,
)


def trainable_names() -> tuple[str, ...]:
    """List the names of the activations with learned parameters, in the registry's order.

    Example:
        >>> trainable_names()[:3]
        ('prelu', 'pelu', 'mpelu')
    """
    return tuple(trainable.name for trainable in TRAINABLE)


def get_trainable(name: str) -> Trainable:
    """Find an activation with learned parameters by name.

    Args:
        name: one of `trainable_names()`.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> get_trainable("prelu").parameters
        ('slope',)
    """
    return registry.find(
        TRAINABLE,
        name,
        rule="an activation with learned parameters is named as in trainable_names()",
        hint="fixed parameters are found by get(), gated units by get_gated()",
    )
