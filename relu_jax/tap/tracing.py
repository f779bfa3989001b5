"""How does a function become a program of arrays, whatever else it takes and gives?"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from relu_jax.core import errors
from relu_jax.tap import compat
from relu_jax.tap.arguments import Arguments, as_results


class Results(NamedTuple):
    """What a call gave: where arrays belong, and everything else as it was given."""

    values: tuple[Any, ...]  # ARRAY stands for an array
    tree: Any

    def filled(self, outs: Sequence[Any]) -> Any:
        """Put a program's results into their places among what is no array."""
        arrays = iter(as_results(outs))
        return jax.tree.unflatten(
            self.tree, [next(arrays) if one is ARRAY else one for one in self.values]
        )


ARRAY = object()
# What JAX raises where Python asks for the values of an array.
UNKNOWN_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)
# Its kind, what was asked for, and what does the same without; a kind before what it is one of.
_ASKED = (
    (
        jax.errors.TracerBoolConversionError,
        "Python's if, while, and, or, not, bool() of an array",
        "choose by jnp.where or jax.lax.cond",
    ),
    (
        jax.errors.NonConcreteBooleanIndexError,
        "as many elements as an array of flags counts",
        "choose by jnp.where(flags, x, 0)",
    ),
    (
        jax.errors.TracerIntegerConversionError,
        "a Python index, range or length from an array",
        "index by jnp.take or jax.lax.dynamic_slice, loop by jax.lax.fori_loop",
    ),
    (
        jax.errors.TracerArrayConversionError,
        "a function of NumPy on an array",
        "use the one of jax.numpy",
    ),
    (
        jax.errors.ConcretizationTypeError,
        "float(), int() or .item() of an array",
        "leave it an array, as in x.astype(float)",
    ),
)


def traced(f: Callable[..., Any], call: Arguments) -> tuple[compat.OpenJaxpr, Results]:
    """Trace a function to the program of its arrays alone.

    Args:
        f: any function; what it gives beside arrays (a function, a text, a flag) is kept apart.
        call: its arguments.
    """
    kept: list[Results] = []
    of_arguments = call.call(f)

    def of_arrays(*arrays: Any) -> list[Any]:
        leaves, tree = jax.tree.flatten(of_arguments(*arrays))
        kept.append(Results(tuple(ARRAY if _is_result(x) else x for x in leaves), tree))
        return [x for x in leaves if _is_result(x)]

    try:
        program, _ = compat.trace(of_arrays, *call.arrays)
    except UNKNOWN_VALUES as error:
        if errors.is_worded(error):
            raise
        paths = [leaf.path for leaf in call.leaves]
        raise unknown_values(
            error, f"{_name(f)} is traced", "or bind what decides by functools.partial", paths
        ) from error
    return program, kept[-1]


def unknown_values(
    error: Exception, when: str, or_else: str = "", paths: Sequence[str] = ()
) -> Exception:
    """Word JAX's error about a value that is not known yet, in the user's terms.

    Args:
        error: what JAX raised.
        when: what was going on.
        or_else: another way out.
        paths: the user's names of the arrays.

    Returns:
        an error of the same class, for code that catches it.
    """
    asked, do = next((asked, do) for kind, asked, do in _ASKED if isinstance(error, kind))
    return errors.rejected(
        rule=f"{when} without the values of its arrays",
        got=f"{asked}{errors.place(error)}{_decided_by(error, paths)}",
        do=", ".join(filter(None, (do, or_else))),
        kind=lambda text: type(error).__new__(type(error), text),  # JAX's own words are no use
    )


def _decided_by(error: Exception, paths: Sequence[str]) -> str:
    """Name the arguments JAX tells of, as the user knows them."""
    told = re.search(
        r"depends on the values? of the arguments? (.*?)\.?$", str(error), re.MULTILINE
    )
    if not told or not paths:
        return ""
    return ", which depends on " + re.sub(
        r"arrays\[(\d+)\]", lambda place: paths[int(place[1])], told[1]
    )


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", None) or type(f).__name__


def _is_result(x: Any) -> bool:
    """Say whether a result is an array or a number, as under jit; a flag stays one."""
    if isinstance(x, np.ndarray | np.generic):
        return x.dtype.kind not in "OUSMm"
    return isinstance(x, jax.Array | int | float | complex) and not isinstance(x, bool)
