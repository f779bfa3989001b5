"""Which values may a parameter of an activation have, and which shape?"""

import math
from typing import Any

from relu_jax.core import errors
from relu_jax.core.integers import integer


def positive(owner: str, **params: float) -> dict[str, Any]:
    """Refuse parameters that are not above 0; say that no kink moves with the others.

    Args:
        owner: name of the activation.
        params: names and values.

    Returns:
        An empty dict, as `Activation.facts` gives for parameters that move no kink.

    Raises:
        ValueError: a parameter is 0 or negative.

    Example:
        >>> positive("softplus", beta=2.0)
        {}
    """
    for name, value in params.items():
        if not value > 0:
            raise errors.rejected(
                rule=f"{owner} needs {name} > 0",
                got=f"{name}={value}",
                do=f"pass a positive {name}, such as {name}=1",
            )
    return {}


def refuse_unless(holds: bool, name: str, rule: str, **numbers: float) -> None:
    """Refuse parameters of `name` for which a rule does not hold.

    Raises:
        ValueError: it does not hold.

    Example:
        >>> refuse_unless(2.0 > 0, "squareplus", "b > 0", b=2.0)
    """
    if holds:
        return
    got = " and ".join(f"{k}={v}" for k, v in numbers.items())
    raise errors.rejected(rule=f"{name} needs {rule}", got=got, do=f"keep to {rule}")


def finite_number(name: str, value: Any, *, do: str) -> float:
    """Take a finite number as a float of Python.

    Args:
        name: what it is, for the words.
        value: a number, or an array that holds one.
        do: the remedy that the error names.

    Raises:
        TypeError: it is infinite, NaN, traced or no number; True and "2" are none.

    Example:
        >>> finite_number("relu_n.n", 6, do="pass a float")
        6.0
    """
    number = known_number(value)
    if math.isfinite(number):
        return number
    raise errors.rejected(
        rule=f"{name} is a finite number", got=errors.describe(value), do=do, kind=TypeError
    )


def known_number(value: Any) -> float:
    """Take a number as a float of Python; NaN where it is none, or has no value yet.

    Example:
        >>> known_number(6), known_number("6"), known_number(True)
        (6.0, nan, nan)
    """
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if isinstance(value, (str, bytes, bool)) or kind in ("b", "S", "U"):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):  # a tracer's error is a TypeError
        return math.nan


def checked_shape(shape: Any) -> tuple[int, ...]:
    """Take the shape of a parameter: a tuple of sizes, or one size.

    Raises:
        TypeError: a size that is no whole number.
        ValueError: a size below 0.

    Example:
        >>> checked_shape((3, 1)), checked_shape(3)
        ((3, 1), (3,))
    """
    parts = shape if isinstance(shape, (tuple, list)) else [shape]
    sizes = tuple(integer("a size of a parameter", part) for part in parts)
    if all(size >= 0 for size in sizes):
        return sizes
    raise errors.rejected(
        rule="a size of a parameter is at least 0",
        got=f"shape={sizes}",
        do="pass () for one number, (H,) for one in each of H units",
    )
