"""Which examples are in a batch, and is it the same batch after a restart?

A batch is a pure function of (data, size, seed, epoch, step): nothing is drawn from a state,
so any batch can be made again, in any order, in any process. NumPy only.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int64

from relu_jax.core import errors
from relu_jax.core.integers import integer


def batch(data: Any, size: int, *, seed: int, epoch: int, step: int) -> Any:
    """Take the batch with number `step` from the shuffled epoch.

    Args:
        data: arrays with N rows each, or a tuple, NamedTuple, list or mapping of such.
        size: rows per batch, 1 to N. The N mod size rows at the end of an epoch's order are
            left out; they are others in every epoch.
        seed: at least 0.
        epoch: at least 0; each has its own order.
        step: 0 to N // size - 1.

    Returns:
        The structure of `data`, with copies of `size` rows.

    Raises:
        DataError: no rows, arrays of different length, or a batch larger than the data.
        ValueError: size, seed, epoch or step out of range.
        TypeError: one of them is no integer.

    Example:
        >>> batch(np.arange(10), 4, seed=0, epoch=0, step=1).shape
        (4,)
    """
    last = steps_per_epoch(data, size) - 1
    step = integer("step", step)
    _require(
        0 <= step <= last,
        f"step is 0 to {last} for batches of {size}",
        step,
        "take divmod(step, steps_per_epoch(data, size)) as epoch and step",
    )
    order = permutation(count(data), seed, epoch)
    rows = order[step * size : (step + 1) * size]
    return _each(lambda array: np.asarray(array)[rows], data)


@dataclass(frozen=True)
class Epoch:
    """List the batches of one epoch lazily; can be walked through any number of times.

    Args:
        data: as for `batch`.
        size: rows per batch.
        seed: at least 0.
        epoch: which one; at least 0.

    Example:
        >>> batches = Epoch(np.arange(10), 4, seed=0)
        >>> len(batches), sum(len(b) for b in batches)
        (2, 8)
    """

    data: Any
    size: int
    seed: int
    epoch: int = 0

    def __len__(self) -> int:
        """Count the batches."""
        return steps_per_epoch(self.data, self.size)

    def __iter__(self) -> Iterator[Any]:
        """Make the batches one after the other."""
        for step in range(len(self)):
            yield batch(self.data, self.size, seed=self.seed, epoch=self.epoch, step=step)


def stream(data: Any, size: int, *, seed: int, start: int = 0) -> Iterator[Any]:
    """Give batches without end, epoch after epoch.

    Args:
        data: as for `batch`.
        size: rows per batch.
        seed: at least 0.
        start: number of batches to pass over, counted through the epochs; a run that stopped
            after 1,000 steps goes on with start=1000.

    Example:
        >>> first = stream(np.arange(10), 4, seed=0)
        >>> skipped = [next(first) for _ in range(3)]
        >>> bool((next(first) == next(stream(np.arange(10), 4, seed=0, start=3))).all())
        True
    """
    per_epoch = steps_per_epoch(data, size)
    start = integer("start", start)
    _require(start >= 0, "start is at least 0", start, "pass the number of steps done")
    return _numbered(data, size, seed, start, per_epoch)


def steps_per_epoch(data: Any, size: int) -> int:
    """Count the whole batches of `size` rows in one pass over the data.

    Raises:
        DataError: as for `batch`.
        ValueError: size < 1.
        TypeError: size is no integer.

    Example:
        >>> steps_per_epoch(np.zeros((10, 3)), 4)
        2
    """
    size = integer("size", size)
    _require(size >= 1, "a batch has at least 1 row", size, "pass size >= 1")
    rows = count(data)
    if size > rows:
        raise errors.rejected(
            rule=f"a batch is no larger than the data, {rows} rows",
            got=f"size={size}",
            do=f"pass size <= {rows}",
            kind=errors.DataError,
        )
    return rows // size


def count(data: Any) -> int:
    """Count the rows that all arrays of `data` share.

    Raises:
        DataError: no array, no row, or arrays of different length.

    Example:
        >>> count({"x": np.zeros((5, 2)), "y": np.zeros(5)})
        5
    """
    shapes = [np.shape(array) for array in _leaves(data)]
    lengths = {shape[0] if shape else 0 for shape in shapes}
    if len(lengths) == 1 and 0 not in lengths:
        return lengths.pop()
    raise errors.rejected(
        rule="data is one or more arrays with the same number of rows, at least 1",
        got=f"arrays of shapes {', '.join(map(str, shapes)) or '(none)'}",
        do="bring them to a common first axis",
        kind=errors.DataError,
    )


def permutation(n: int, seed: int, epoch: int) -> Int64[np.ndarray, " N"]:
    """Order the numbers 0 to n - 1 at random, the same on every machine and NumPy release.

    The order sorts raw output of the counter-based generator Philox, which NumPy promises not
    to change; its `permutation` comes without that promise.

    Args:
        n: how many.
        seed: 0 to 2^64 - 1.
        epoch: 0 to 2^64 - 1; every pair (seed, epoch) is a stream of its own.

    Returns:
        A read-only array.

    Raises:
        ValueError: n, seed or epoch out of range.
        TypeError: one of them is no integer.

    Source: Salmon, Moraes, Dror & Shaw 2011, Parallel random numbers: as easy as 1, 2, 3.

    Example:
        >>> sorted(permutation(5, 0, 0).tolist())
        [0, 1, 2, 3, 4]
    """
    # Before the cache, to which 0.0 and False are 0.
    n, seed, epoch = integer("n", n), integer("seed", seed), integer("epoch", epoch)
    _require(n >= 0, "n is at least 0", n, "pass how many numbers to order")
    for name, value in (("seed", seed), ("epoch", epoch)):
        _require(0 <= value < 2**64, f"{name} is 0 to 2^64 - 1", value, "pass a small integer")
    return _order(n, seed, epoch)


@lru_cache(maxsize=8)
def _order(n: int, seed: int, epoch: int) -> Int64[np.ndarray, " N"]:
    generator = np.random.Philox(key=np.array([seed, epoch], np.uint64))
    order = np.argsort(generator.random_raw(n), kind="stable").astype(np.int64)
    order.flags.writeable = False
    return order


def _numbered(data: Any, size: int, seed: int, step: int, per_epoch: int) -> Iterator[Any]:
    while True:
        epoch, within = divmod(step, per_epoch)
        yield batch(data, size, seed=seed, epoch=epoch, step=within)
        step += 1


def _each(f: Callable[[Any], Any], data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _each(f, part) for name, part in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(_each(f, part) for part in data))
    if isinstance(data, tuple | list):
        return type(data)(_each(f, part) for part in data)
    return f(data)


def _leaves(data: Any) -> Iterator[Any]:
    if isinstance(data, Mapping | tuple | list):
        for part in data.values() if isinstance(data, Mapping) else data:
            yield from _leaves(part)
    else:
        yield data


def _require(holds: bool, rule: str, value: int, do: str) -> None:
    if not holds:
        raise errors.rejected(rule=rule, got=str(value), do=do)
