"""Are params and batches what a diagnosis can work with? If not, why?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.core import errors
from relu_jax.core.batches import iterable
from relu_jax.core.errors import DataError
from relu_jax.tap import arguments

_TRACEABLE = (jnp.number, jnp.bool_, jax.dtypes.prng_key)


class Batch(NamedTuple):
    """One batch, parted into arrays and settings, and what tells its program from others."""

    position: int
    tree: Any
    arrays: list[Any]
    examples: int
    signature: tuple[Any, ...]


def stream(batches: Any) -> Iterator[Batch]:
    """Hand batches out one by one, checked.

    Args:
        batches: an iterable of batches; anything else is refused in words.

    Raises:
        DataError: there is none, one has no examples, or what came is no iterable of batches.
    """
    position = -1
    for position, tree in enumerate(_read(iterable(batches))):
        yield _batch(tree, position)
    if position < 0:
        raise errors.rejected(
            rule="a diagnosis runs on at least one batch",
            got="no batches",
            do="pass a list of batches; an iterator that was used before is empty",
            kind=DataError,
        )


def flattened(tree: Any, what: str) -> tuple[list[Any], Any]:
    """Flatten a tree: its leaves, and its structure.

    Raises:
        DataError: JAX cannot, as where the keys of a dict have no order.
    """
    try:
        return jax.tree.flatten(tree)
    except Exception as error:  # a container of the user's own may raise anything
        raise errors.rejected(
            rule=f"{what} is a tree of arrays",
            got=f"{errors.describe(tree)}: {errors.told(error)}",
            do="use keys of one type, and lists in place of generators",
            kind=DataError,
        ) from error


def check_params(call: arguments.Arguments) -> list[str]:
    """Check that every array among the parameters is a float, and list their paths.

    Raises:
        DataError: one is not, or there is none.
    """
    own = [
        (leaf.path, array)
        for leaf, array in zip(call.leaves, call.arrays, strict=True)
        if leaf.arg == 0
    ]
    for path, array in own:
        if not jnp.issubdtype(array.dtype, jnp.floating) or _is_shape(array):
            raise errors.rejected(
                rule="params hold floating numbers, which have a gradient",
                got=f"{path}, {errors.describe(array)}",
                do="make it floating if it is a weight; else close over it, or split it off with "
                "nnx.split(model, nnx.Param, ...) or eqx.partition(model, eqx.is_inexact_array)",
                kind=DataError,
            )
    if not own:
        raise errors.rejected(
            rule="params hold at least one array of floats",
            got=errors.describe(call.filled(call.arrays)[0][0]),
            do="pass what the loss is differentiated by as its first argument",
            kind=DataError,
        )
    return [path for path, _ in own]


def _read(batches: Iterable[Any]) -> Iterator[Any]:
    """Hand on what an iterable gives; word whatever it raises."""
    position, each = 0, None
    while True:
        try:
            each = iter(batches) if each is None else each
            tree = next(each)
        except StopIteration:
            return
        # A user's reader may raise anything; sys.exit(0) would pass for success.
        except (Exception, SystemExit) as error:
            if errors.is_worded(error):
                raise
            raise errors.rejected(
                rule="batches can be read to their end",
                got=f"{errors.told(error)}, at batch {position}",
                do="go through the batches by themselves to see the whole traceback",
                kind=DataError,
            ) from error
        yield tree
        position += 1


def _batch(tree: Any, position: int) -> Batch:
    leaves, structure = flattened(tree, f"batch {position}")
    leaves = [_as_array(leaf) for leaf in leaves]
    arrays = [leaf for leaf in leaves if arguments.is_array(leaf)]
    sizes = [leaf.shape[0] for leaf in arrays if leaf.ndim]
    if not arrays or 0 in sizes:
        raise errors.rejected(
            rule="a batch holds examples",
            got=f"batch {position}, {_leaves_worded(arrays)}",
            do="leave empty batches out",
            kind=DataError,
        )
    signature = (structure, *(_word(leaf) for leaf in leaves))
    whole = jax.tree.unflatten(structure, leaves)
    return Batch(position, whole, arrays, _examples(arrays), signature)


def _examples(arrays: Sequence[Any]) -> int:
    """Count the examples: the leading size that most arrays have, or else the largest array.

    A random key, a table of class weights or a mask of positions has another.
    """
    votes: Counter[int] = Counter()
    for array in arrays:
        if array.ndim and not _is_key(array):
            votes[array.shape[0]] += 1
    most = max(votes.values(), default=0)
    tied = [array for array in arrays if array.ndim and votes[array.shape[0]] == most > 0]
    return max(tied, key=lambda array: array.size).shape[0] if tied else 1


def _is_key(array: Any) -> bool:
    raw = array.dtype == np.uint32 and array.shape == (2,)
    return raw or jnp.issubdtype(array.dtype, jax.dtypes.prng_key)


def _is_traceable(dtype: Any) -> bool:
    # To NumPy a time difference is a number.
    timed = isinstance(dtype, np.dtype) and dtype.kind in "mM"
    return not timed and any(jnp.issubdtype(dtype, kind) for kind in _TRACEABLE)


def _is_shape(array: Any) -> bool:
    return isinstance(array, jax.ShapeDtypeStruct)


def _as_array(leaf: Any) -> Any:
    """Take numbers as jit does; flags and names stay settings of the program."""
    if isinstance(leaf, bool | str):
        return leaf
    if isinstance(leaf, int | float):
        return jnp.asarray(leaf)  # weakly typed, so it does not widen what it meets
    if arguments.is_array(leaf) and not _is_shape(leaf) and _is_traceable(leaf.dtype):
        return leaf
    raise errors.rejected(
        rule="a batch is made of arrays and numbers",
        got=errors.describe(leaf),
        do="convert it with numpy.asarray, or let the loss close over it",
        kind=DataError,
    )


def _word(leaf: Any) -> Any:
    if not arguments.is_array(leaf):
        return (type(leaf).__name__, leaf)
    return (leaf.shape, str(leaf.dtype), bool(getattr(leaf, "weak_type", False)))


def _leaves_worded(arrays: Sequence[Any]) -> str:
    return ", ".join(errors.describe(array) for array in arrays[:4]) or "without any array"
