"""Which values may a parameter of an activation have?"""

import math
from typing import Any

from relu_jax.core import errors


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
        TypeError: it is infinite, NaN, traced or no number.

    Example:
        >>> finite_number("relu_n.n", 6, do="pass a float")
        6.0
    """
    try:
        number = float(value)
    except (TypeError, ValueError):  # a tracer's error is a TypeError
        number = float("nan")
    if math.isfinite(number):
        return number
    raise errors.rejected(
        rule=f"{name} is a finite number", got=errors.describe(value), do=do, kind=TypeError
    )
