"""How are several numbers of each element summed over samples, per unit, in one loop?

XLA adds rows of units up a few at a time twice as fast as all: then what that gives is added up.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from relu_jax.core.types import Array
from relu_jax.tap import Site, shards

_EXACT = 2**24  # float32 counts exactly up to here
_MANY = 2**12  # elements from which on two steps are worth it
# Rows at a time: the first of these that divides their number.
_RUNS = (8, 10, 7, 9, 6, 12, 5, 14, 16, 15, 11, 13, 4, 3, 2)


def summed(
    site: Site, values: Sequence[Array], conditions: Sequence[Array]
) -> tuple[list[Array], list[Array]]:
    """Sum values, and count conditions, over samples.

    Args:
        site: tells which axes count units.
        values: of one shape, floats of one dtype.
        conditions: of that shape.

    Returns:
        an array per unit each; counts are exact.
    """
    shape = values[0].shape
    axes = sample_axes(site, len(shape))
    # Floats are summed faster than integers on a CPU.
    number = values[0].dtype if samples(site, shape) < _EXACT else jnp.int32
    terms = [*values, *(condition.astype(number) for condition in conditions)]
    rows = axes == tuple(range(len(axes))) and math.prod(shape) >= _MANY
    sums = _in_runs(terms, shape[len(axes) :]) if rows else _reduced(terms, axes)
    return list(sums[: len(values)]), list(sums[len(values) :])


def sample_axes(site: Site, ndim: int) -> tuple[int, ...]:
    """List the axes that are summed over: all but those that count units."""
    return tuple(axis for axis in range(ndim) if axis not in site.unit_axes)


def samples(site: Site, shape: Sequence[int]) -> int:
    """Count the samples of each unit."""
    return math.prod(shape[axis] for axis in sample_axes(site, len(shape)))


def where(on: Array | bool, measured: Callable[[], Any], otherwise: float = 0.0) -> Any:
    """Measure where it is asked for; else take the time of a comparison."""
    if on is True:
        return measured()
    shapes = jax.eval_shape(measured)

    def blank() -> Any:
        return jax.tree.map(
            lambda s: shards.varying(jnp.full(s.shape, otherwise, s.dtype), shards.varies(s)),
            shapes,
        )

    return lax.cond(on, measured, blank)


def _in_runs(terms: Sequence[Array], units: tuple[int, ...]) -> list[Array]:
    """Sum runs of rows, one per sample, then the runs."""
    rows = terms[0].size // math.prod(units)
    run = next((n for n in _RUNS if rows % n == 0), 1)
    laid = [term.reshape(-1, run, *units) for term in terms]
    return [jnp.sum(part, axis=0) for part in _reduced(laid, (1,))]


def _reduced(terms: Sequence[Array], axes: Sequence[int]) -> Sequence[Array]:
    zeros = [jnp.zeros((), term.dtype) for term in terms]
    return lax.reduce(terms, zeros, lambda a, b: list(map(operator.add, a, b)), axes)
