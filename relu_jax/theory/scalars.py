"""Is a number that describes a network one that can be: a deviation, a variance, a fraction?"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from relu_jax.core import errors
from relu_jax.core.types import Array


def is_known(*values: ArrayLike) -> bool:
    """Say whether the values can be looked at: none of them is traced.

    Example:
        >>> import jax
        >>> is_known(1.0, jnp.ones(3)), bool(jax.jit(is_known)(1.0))
        (True, False)
    """
    return not any(isinstance(value, Tracer) for value in values)


def real(name: str, value: Any, *, do: str) -> Any:
    """Pass a real number, or an array or tracer of them, as it is.

    Args:
        name: what the number is, for the words.
        value: what came.
        do: the remedy that the error names.

    Raises:
        TypeError: it is complex, or no number.

    Example:
        >>> real("q", 1.5, do="pass a variance")
        1.5
    """
    try:
        kind = jnp.result_type(value) if is_known(value) else value.dtype
    except (TypeError, ValueError):  # what JAX makes no array of
        kind = np.dtype(object)
    number = jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer)
    if number and value is not None:  # which JAX takes for a float
        return value
    raise errors.rejected(
        rule=f"{name} is a real number", got=errors.describe(value), do=do, kind=TypeError
    )


def at_least(least: float, name: str, value: ArrayLike, *, do: str) -> Array:
    """Take a finite number of at least `least` as a float array; traced ones pass unseen.

    Args:
        least: smallest value that is accepted.
        name: what the number is, for the words.
        value: a scalar, or an array of scalars.
        do: the remedy that the error names.

    Returns:
        The value in its own float type, float32 at least; integers and Python numbers in JAX's
        default.

    Raises:
        ValueError: it is smaller, infinite or NaN.
        TypeError: it is complex, or no number.

    Example:
        >>> float(at_least(0.0, "weight_std", 2, do="pass a standard deviation"))
        2.0
    """
    return _checked(f"at least {least:g}", name, value, do, lambda x: x >= least)


def above(limit: float, name: str, value: ArrayLike, *, do: str) -> Array:
    """Take a finite number above `limit`; otherwise as `at_least`.

    Example:
        >>> float(above(0.0, "variance", 1.5, do="pass a variance above 0"))
        1.5
    """
    return _checked(f"above {limit:g}", name, value, do, lambda x: x > limit)


def check_scalars(**values: ArrayLike) -> None:
    """Check that each value is one number, traced or not.

    Raises:
        ValueError: one has axes.

    Example:
        >>> check_scalars(weight_std=1.0, bias_std=jnp.float32(0.1))
    """
    for name, value in values.items():
        if np.ndim(value):
            raise errors.rejected(
                rule=f"{name} is one number",
                got=errors.describe(value),
                do="use jax.vmap for several at once",
            )


def known_number(name: str, value: Any, *, do: str) -> float:
    """Take one real number that is known before anything runs.

    Args: as for `at_least`, without a range.

    Raises:
        TypeError: it is traced, has axes, is complex or no number.

    Example:
        >>> known_number("rtol", jnp.float32(0.5), do="pass rtol=1e-9, say")
        0.5
    """
    real(name, value, do=do)
    if is_known(value) and not np.ndim(value):
        return float(np.asarray(value))
    raise errors.rejected(
        rule=f"{name} is one number, known before it runs",
        got=errors.describe(value),
        do=do,
        kind=TypeError,
    )


def points(name: str, values: Any) -> tuple[ArrayLike, ...]:
    """Take points on the line, some of which may be traced.

    Raises:
        ValueError: one is NaN or has axes.
        TypeError: one is complex or no number, or there is no sequence of them.

    Example:
        >>> points("kinks", [0, 6.0])
        (0, 6.0)
    """
    do = f"pass {name}=(0.0, 6.0), say"
    if not np.iterable(values) or isinstance(values, (str, bytes)):
        raise errors.rejected(
            rule=f"{name} is a sequence of numbers",
            got=errors.describe(values),
            do=do,
            kind=TypeError,
        )
    found = tuple(values)
    for value in found:
        real(f"each of {name}", value, do=do)
        if np.ndim(value) or (is_known(value) and np.isnan(np.asarray(value, np.float64))):
            raise errors.rejected(
                rule=f"each of {name} is one point", got=errors.describe(value), do=do
            )
    return found


def _checked(
    bound: str, name: str, value: ArrayLike, do: str, holds: Callable[[np.ndarray], np.ndarray]
) -> Array:
    real(name, value, do=do)
    if is_known(value):
        numbers = np.asarray(value, np.float64)
        bad = ~(np.isfinite(numbers) & holds(numbers))
        if bad.any():
            got = ", ".join(map(str, numbers[bad].ravel()[:3]))
            raise errors.rejected(rule=f"{name} is finite and {bound}", got=got, do=do)
    array = jnp.asarray(value)
    if array.dtype == jnp.float64 or array.dtype == jnp.float32:
        return array
    is_float = jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(jnp.float32 if is_float else jnp.result_type(float))
