"""How do the sums of many batches become one, on the host, in float64 and int64?"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from relu_jax.core import errors
from relu_jax.core.errors import DataError
from relu_jax.diagnosis import step
from relu_jax.diagnosis.statistics import SCALES, Forward
from relu_jax.tap import Cotangent, Site

_TINY = 2.0**-80  # below, squares of float32 may have been flushed to zero


class Totals(NamedTuple):
    """Sums over batches. Arrays are [turns of a loop over layers, values]."""

    loss: float  # sum of examples · loss
    examples: int
    batches: int
    forward: dict[str, Forward]
    backward: dict[str, Cotangent]
    moved: np.ndarray  # per parameter leaf: batches whose gradient is not all 0


def of_batch(seen: step.Seen, sites: Mapping[str, Site], examples: int) -> Totals:
    """Read what one batch gave."""
    return Totals(
        loss=float(seen.loss) * examples,
        examples=examples,
        batches=1,
        forward={name: _read(sites[name], one) for name, one in seen.forward.items()},
        backward={
            name: Cotangent(_read(sites[name], one.pre), _read(sites[name], one.post))
            for name, one in seen.backward.items()
        },
        moved=np.asarray([peak != 0 for peak in seen.steepest], np.int64),
    )


def add(total: Totals | None, new: Totals) -> Totals:
    """Add a batch to the sum.

    Raises:
        DataError: a site has another number of units than in the batches before.
    """
    if total is None:
        return new
    for name, one in new.forward.items():
        before = total.forward[name].alive.shape
        if one.alive.shape != before:
            raise errors.rejected(
                rule="a site has the same units in every batch",
                got=f"{name} with {one.alive.shape[1]} units after {before[1]}",
                do="pad the batches to one size, or diagnose each size by itself",
                kind=DataError,
            )
    return jax.tree.map(np.add, total, new)._replace(
        loss=total.loss + new.loss,
        examples=total.examples + new.examples,
        batches=total.batches + new.batches,
    )


def combined(scaled: np.ndarray) -> np.ndarray:
    """Take, of sums of squares at three scales, the one whose scale kept it, in float64."""
    plain, raised, lowered = (
        part.astype(np.float64) / scale**2 for part, scale in zip(scaled, SCALES, strict=True)
    )
    fits = np.isfinite(plain) & (plain >= _TINY)
    return np.where(fits, plain, np.where(plain < _TINY, raised, lowered))


def _read(site: Site, summary: Any) -> Any:
    """Bring one site's summary into the form that adds up."""
    read = {}
    for name, value in summary._asdict().items():
        array = np.asarray(value)
        if name.startswith("squares"):
            array = combined(np.moveaxis(array, len(site.loops), 0))
        else:
            array = array.astype(np.int64)
        read[name] = _turns(site, array)
    return type(summary)(**read)


def _turns(site: Site, array: np.ndarray) -> np.ndarray:
    """Sum over the turns of a loop over steps; keep those of a loop over layers apart."""
    turns = array.reshape(math.prod(site.loops), *array.shape[len(site.loops) :])
    if site.loop != "layers":
        turns = turns.sum(axis=0, keepdims=True)
    return turns.reshape(len(turns), -1)
