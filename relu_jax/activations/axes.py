"""Which axis of an array is meant?"""

import numpy as np
from jax.typing import ArrayLike

from relu_jax.core import errors
from relu_jax.core.integers import integer


def from_front(axis: int, x: ArrayLike) -> int:
    """Count an axis of x from the front.

    Args:
        axis: any of x.ndim, counted from 0 or from -1.
        x: the array that has it.

    Raises:
        TypeError: axis is no whole number.
        ValueError: x has no such axis; a scalar has none.

    Example:
        >>> import jax.numpy as jnp
        >>> from_front(-1, jnp.zeros((2, 3)))
        1
    """
    axis, ndim = integer("axis", axis), np.ndim(x)
    if -ndim <= axis < ndim:
        return axis % ndim
    raise errors.rejected(
        rule=f"axis is one of the {ndim} axes of x",
        got=f"axis={axis} for {errors.describe(x)}",
        do="count from 0 or from -1" if ndim else "pass an array with an axis",
    )
