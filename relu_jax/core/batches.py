"""Is this an iterable of batches, or a single batch where a list of them belongs?"""

from collections.abc import Iterable, Mapping
from typing import Any

from relu_jax.core import errors


def iterable(batches: Any) -> Iterable[Any]:
    """Take an iterable of batches.

    Args:
        batches: a list, a generator, a loader: anything that can be iterated over.

    Raises:
        DataError: it cannot, or it reads as one batch: an array, a mapping, a NamedTuple of
            arrays. A plain tuple (x, y) may be two batches, and is taken.

    Example:
        >>> iterable([3.0])
        [3.0]
    """
    if isinstance(batches, Iterable) and not _is_one(batches):
        return batches
    raise errors.rejected(
        rule="batches is an iterable of batches",
        got=errors.describe(batches),
        do="wrap a single batch in a list: [batch]",
        kind=errors.DataError,
    )


def _is_one(batches: Any) -> bool:
    named = isinstance(batches, tuple) and hasattr(batches, "_fields")
    return (
        isinstance(batches, Mapping | str | bytes)
        or _is_array(batches)
        or (named and all(map(_is_array, batches)))
    )


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")
