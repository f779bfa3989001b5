"""Which parts of a call are arrays to trace, and which are settings to leave alone?"""

import cmath
import functools
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.core import errors
from relu_jax.tap import compat
from relu_jax.tap.facts import Leaf


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call: arrays apart from everything else (flags, strings, functions)."""

    arrays: tuple[Any, ...]
    leaves: tuple[Leaf, ...]
    _places: tuple[int, ...]
    _all: tuple[Any, ...]
    _tree: Any

    def call(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Build the function of the arrays alone."""

        def of_arrays(*arrays: Any) -> Any:
            args, kwargs = self.filled(arrays)
            return f(*args, **kwargs)

        return of_arrays

    def filled(self, arrays: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Put arrays back into their places among the other arguments."""
        leaves = list(self._all)
        for place, array in zip(self._places, arrays, strict=True):
            leaves[place] = array
        return jax.tree.unflatten(self._tree, leaves)


def part(
    f: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    numbers: bool = True,
) -> Arguments:
    """Part the arguments of f(*args, **kwargs), and name every array by its path.

    Args:
        f: the function, which names its arguments.
        args: what it is called with.
        kwargs: likewise.
        numbers: whether floats that are no arrays are traced, also outside the first argument.

    Raises:
        TypeError: f is no function.
    """
    _check_function(f)
    flat, tree = jax.tree_util.tree_flatten_with_path((tuple(args), dict(kwargs)))
    names = _names(f, len(args))
    arrays, leaves, places = [], [], []
    used: Counter[str] = Counter()
    for place, (path, value) in enumerate(flat):
        positional = path[0].idx == 0
        entry: Any = path[1]
        key = entry.idx if positional else entry.key
        still = not numbers and key != 0 and isinstance(value, float | complex | np.generic)
        if still or not is_array(value):
            continue
        inner = jax.tree_util.keystr(path[2:], simple=True, separator="/")
        name = names[key] if positional else key
        # A float stays weakly typed, as it is where JAX traces it.
        arrays.append(jnp.asarray(value) if isinstance(value, float | complex) else value)
        position = key if positional else len(args) + list(kwargs).index(str(key))
        whole = f"{name}/{inner}".rstrip("/")
        used[whole] += 1  # {"a/b": x} and {"a": {"b": x}} read alike
        unique = whole if used[whole] == 1 else f"{whole}#{used[whole]}"
        leaves.append(Leaf(unique, position, looped=False))
        places.append(place)
    values = tuple(value for _, value in flat)
    return Arguments(tuple(arrays), tuple(leaves), tuple(places), values, tree)


def named_like(f: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Build a decorator: the new function has f's name and names its arguments as f does.

    Raises:
        TypeError: f is no function.
    """
    _check_function(f)
    return functools.wraps(f, updated=())


def is_array(x: Any) -> bool:
    """Say whether a value is traced: arrays and floats are, ints and flags are settings.

    So is an infinity: a pooling that starts from -inf is a maximum only where that is written.
    """
    arrays = jax.Array | np.ndarray | np.inexact | jax.ShapeDtypeStruct
    return isinstance(x, arrays) or (isinstance(x, float | complex) and cmath.isfinite(x))


def _check_function(f: Any) -> None:
    if callable(f):
        return
    do = "pass the function itself, as in rj.tap.sites(f, x) or rj.tap.record(f)(x)"
    if compat.is_jaxpr(f):
        do = "make it one: jax.extend.core.jaxpr_as_fun(jaxpr), which takes the arrays one by one"
    raise errors.rejected(
        rule="what comes first is a function",
        got=type(f).__name__ if compat.is_jaxpr(f) else errors.describe(f),
        do=do,
        kind=TypeError,
    )


def as_results(outs: Sequence[Any]) -> list[jax.Array]:
    """Turn what a program returns into arrays, numbers written in place too, as jit does."""
    return [out if isinstance(out, jax.Array) else jnp.asarray(out) for out in outs]


def _names(f: Callable[..., Any], n: int) -> list[str]:
    """Name the positional arguments as the function does; args/0, … where it does not say."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    named = [
        p.name
        for p in parameters
        if p.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    return (named + [f"args/{i}" for i in range(len(named), n)])[:n]
