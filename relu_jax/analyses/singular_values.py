"""Which singular values has a network's Jacobian, example by example?

All of them from the Jacobian, where it fits; the largest ones alone without it, by products.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.between import once
from relu_jax.analyses.bidiagonal import largest
from relu_jax.analyses.jacobian import (
    MAX_BYTES,
    Batched,
    Plan,
    chunks,
    plan,
    refuse_empty,
    refuse_meeting,
    rows,
)
from relu_jax.analyses.spectrum import Spectrum, rounding, values_of
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.types import Array

_AT_ONCE = 2**27  # bytes of Jacobians held at a time, where max_bytes allows for it


def singular_values(
    f: Batched, x: ArrayLike, *, k: Any = None, max_bytes: int = MAX_BYTES
) -> Spectrum:
    """Find the singular values of every example's Jacobian.

    Args:
        f: a function of a batch: x, of (N, ...), to (N, ...); any network, or a part (`between`).
        x: N examples.
        k: None for all of them, from the Jacobian; a number for the k largest, without it.
        max_bytes: what is held at a time; memory does not grow with N beyond it. With k, steps are
            taken until the values are within 1e-3 of the largest, or this is reached: see `error`.

    Raises:
        ValueError: one example's Jacobian does not fit (the size is told, and nothing runs),
            examples meet in f, or a k below 1 or above the smaller side.
        TypeError: x or the result is no array of real floats.

    Edges: with k, of values that agree to single roundings some may be missed, in favour of lower
    ones. A Jacobian with NaN or inf has NaN for its values. Accurate to 1e-6 of each value down to
    1e-5 of the largest for a Jacobian of float32; of float64 the values are those of an SVD.

    Source: Golub & Kahan 1965 (matrix-free, fully reorthogonalised).

    Example:
        >>> import jax.numpy as jnp
        >>> found = singular_values(lambda x: 3 * x[:, :2], jnp.ones((1, 4)))
        >>> found.values.tolist(), found.rank.tolist()
        ([[3.0, 3.0]], [2])
    """
    f = once(f)
    planned = plan(f, x)
    refuse_empty(planned)
    if k is None:
        _refuse_large(planned, max_bytes)
    refuse_meeting(f, x)
    x = jnp.asarray(x)
    if k is not None:
        return largest(f, planned, x, _checked(k, planned), max_bytes)
    at_once = max(1, min(_AT_ONCE, max_bytes) // max(planned.each, 1))
    take = jax.jit(lambda part: rows(f, planned, part))
    found = _in_turn(take, chunks(planned, x, at_once))
    values = values_of(one for part in found for one in part)
    sides = planned.n_out, planned.n_in
    off = rounding(values, sides, [end.dtype for end in f.shaped(x)])
    return Spectrum(values, off, *sides, whole=True)


def _in_turn(take: Any, parts: Iterator[Array]) -> Iterator[np.ndarray]:
    """Start the next Jacobians before the last are looked at."""
    ahead = None
    for part in parts:
        now = take(part)
        if ahead is not None:
            yield np.asarray(ahead)
        ahead = now
    yield np.asarray(ahead)


def _refuse_large(planned: Plan, max_bytes: int) -> None:
    if planned.each > max_bytes:
        raise errors.rejected(
            rule=f"the Jacobian of one example fits into max_bytes={max_bytes}",
            got=str(planned),
            do="pass k=10 for the ten largest, which need no Jacobian, or a larger max_bytes",
        )


def _checked(k: Any, planned: Plan) -> int:
    number, most = integer("k", k), min(planned.n_out, planned.n_in)
    if 1 <= number <= most:
        return number
    raise errors.rejected(
        rule=f"k is at least 1 and at most {most}, the smaller side of the Jacobian",
        got=str(number),
        do="leave k out for all values",
    )
