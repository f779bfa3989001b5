"""Is a count, a size or a seed a whole number?"""

import operator
from typing import Any

from relu_jax.core import errors


def integer(name: str, value: Any) -> int:
    """Take a whole number, never a rounded one.

    Args:
        name: what it is, for the words.
        value: an integer of Python, NumPy or JAX.

    Raises:
        TypeError: it is none: 2.5, 2.0, "2" and True are not.

    Example:
        >>> integer("steps", 3)
        3
    """
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise errors.rejected(
        rule=f"{name} is an integer",
        got=errors.describe(value),
        do=f"pass a whole number as {name}",
        kind=TypeError,
    )
