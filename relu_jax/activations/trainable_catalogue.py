"""Which activations with learned parameters do we know, and by which names?"""

from relu_jax.activations.trainable import Trainable
from relu_jax.activations.trainable_gates import AGLU, APA
from relu_jax.activations.trainable_rectifiers import MPELU, PELU, PRELU, SRELU, STAR_RELU
from relu_jax.activations.trainable_smooth import (
    ACON_C,
    DYT,
    SMU,
    SNAKE,
    SQUAREPLUS,
    SWISH,
    XIELU,
)
from relu_jax.activations.trainable_sums import APL, PADE, REPLU

TRAINABLE: tuple[Trainable, ...] = (
    PRELU,
    PELU,
    MPELU,
    SRELU,
    APL,
    REPLU,
    STAR_RELU,
    SWISH,
    ACON_C,
    SNAKE,
    SQUAREPLUS,
    SMU,
    XIELU,
    DYT,
    APA,
    AGLU,
    PADE,
)


def trainable_names() -> tuple[str, ...]:
    """List the names of the activations with learned parameters, in the registry's order.

    Example:
        >>> trainable_names()[:3]
        ('prelu', 'pelu', 'mpelu')
    """
    return tuple(trainable.name for trainable in TRAINABLE)
