"""How does a function become a program of arrays, whatever else it takes and gives?"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

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

    program, _ = compat.trace(of_arrays, *call.arrays)
    return program, kept[-1]


def _is_result(x: Any) -> bool:
    """Say whether a result is an array or a number, as under jit; a flag stays one."""
    if isinstance(x, np.ndarray | np.generic):
        return x.dtype.kind not in "OUSMm"
    return isinstance(x, jax.Array | int | float | complex) and not isinstance(x, bool)
