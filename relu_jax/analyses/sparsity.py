"""How sparse is a code? Every definition in use, side by side, because they disagree."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Float, Int, Num

from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array

EPSILON = 1e-3  # of the RMS of the code: what counts as nearly zero
TOP = 0.1  # of the units: whose share of the mass is told


class Sparsity(NamedTuple):
    """How sparse a code is. Fractions in [0, 1]; means over what they are defined for.

    The magnitude of a value counts, so that a code may be signed. An example or a unit that is 0
    throughout has no Hoyer, Gini or Treves-Rolls number, and is left out of their means: `silent`
    and `never` tell how many there are.
    """

    n: int  # N, samples
    units: int  # H
    zeros: Float[Array, ""]  # fraction of values that are exactly 0
    nearly: Float[Array, ""]  # fraction of magnitudes of at most epsilon · RMS of the code
    l1: Float[Array, ""]  # mean magnitude, ‖a‖₁ / H
    hoyer: Float[Array, ""]  # (√H - ‖a‖₁/‖a‖₂) / (√H - 1), mean over examples; 1: one unit alone
    gini: Float[Array, ""]  # of the magnitudes of an example, mean over examples
    population: Float[Array, ""]  # Treves-Rolls over the units, mean over examples
    lifetime: Float[Array, ""]  # Treves-Rolls over the examples, mean over units
    top: Float[Array, ""]  # share of ‖a‖₁ held by the largest units, mean over examples
    active: Int[Array, " N"]  # units that are not 0, of each example
    active_mean: Float[Array, ""]
    active_std: Float[Array, ""]  # of the numbers of active units, over examples
    silent: Int[Array, ""]  # examples without an active unit
    never: Int[Array, ""]  # units that no example activates
    always: Int[Array, ""]  # units that every example activates
    patterns: Int[Array, ""]  # distinct sets of active units


def sparsity(
    code: ArrayLike,
    *,
    gate: ArrayLike | None = None,
    epsilon: float = EPSILON,
    top: float = TOP,
) -> Sparsity:
    """Measure how sparse a code is by every definition in use.

    Args:
        code: (N, H), one row per example, one column per unit; `of_site` makes it of a site.
        gate: of gated units (GLU): the activation's result, whose product with the other half is
            the code; a unit is active where its gate is not 0.
        epsilon: magnitudes of at most epsilon times the RMS of the code are nearly zero.
        top: fraction of the units whose share of the mass is told, at least one unit.

    Returns:
        see `Sparsity`; it may be jitted and vmapped.

    Raises:
        ValueError: no example, no unit, a gate of another shape, or a number out of its range.
        TypeError: a code that is no array of real numbers.

    Edges: one unit has no sparsity: its hoyer, gini and population are NaN, and so is lifetime of
    one example. NaN is active, and makes the means NaN; the counts stay exact. Counts of zeros see
    the numbers as they are, sums are those of float32 or wider.

    Source: Hoyer 2004, section 3.1; Hurley & Rickard 2009, Table I (Gini); Treves & Rolls 1991,
    as scaled to [0, 1] by Vinje & Gallant 2000; Li et al. 2013 (L1).

    Example:
        >>> import jax.numpy as jnp
        >>> s = sparsity(jnp.array([[0.0, 0.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0]]))
        >>> float(s.zeros), float(s.hoyer), s.active.tolist(), int(s.patterns)
        (0.375, 0.5, [1, 4], 2)
    """
    values = _code("code", code)
    active = _active(values, gate)
    _check_fraction("epsilon", epsilon)
    _check_fraction("top", top)
    size = jnp.abs(widened(values))
    n, units = size.shape
    each = _ratio(size, jnp.max(size, axis=1, keepdims=True))  # so that no square is lost
    one = jnp.sum(each, axis=1)
    counts = jnp.sum(active, axis=1, dtype=jnp.int32)
    seen = jnp.sum(active, axis=0, dtype=jnp.int32)
    ordered = jnp.sort(each, axis=1)
    held = max(1, round(top * units))
    return Sparsity(
        n=n,
        units=units,
        zeros=jnp.sum(~active, dtype=jnp.int32) / active.size,
        nearly=jnp.mean(size <= epsilon * _rms(size), dtype=size.dtype),
        l1=jnp.mean(size),
        hoyer=_mean(_hoyer(each), one != 0),
        gini=_mean(_gini(ordered, one), one != 0),
        population=_mean(_treves_rolls(size), one != 0),
        lifetime=_mean(_treves_rolls(size.T), jnp.any(size != 0, axis=0)),
        top=_mean(_ratio(jnp.sum(ordered[:, units - held :], axis=1), one), one != 0),
        active=counts,
        active_mean=jnp.mean(widened(counts)),
        active_std=jnp.std(widened(counts)),
        silent=jnp.sum(counts == 0, dtype=jnp.int32),
        never=jnp.sum(seen == 0, dtype=jnp.int32),
        always=jnp.sum(seen == n, dtype=jnp.int32),
        patterns=_distinct(active),
    )


def union_active(code: ArrayLike, window: int) -> Float[Array, " T"]:
    """Tell which fraction of the units any of `window` successive examples activates.

    What a window of tokens has to compute: with a fixed set of active units it is that of one
    token, and grows with the window where each token has a set of its own.

    Args:
        code: (N, H), one row per example, in their order, one column per unit.
        window: number of successive examples, at least 1 and at most N.

    Returns:
        one fraction for each of the T = N - window + 1 windows.

    Raises:
        ValueError: no example, no unit, or a window out of its range.
        TypeError: a code that is no array of real numbers, or a window that is no integer.

    Source: Mirzadeh et al. 2023, ReLU Strikes Back, section 5.1 (aggregated sparsity).

    Example:
        >>> import jax.numpy as jnp
        >>> union_active(jnp.eye(4), 2).tolist()
        [0.5, 0.5, 0.5]
    """
    active = _code("code", code) != 0
    n, width = len(active), integer("window", window)
    if not 1 <= width <= n:
        raise errors.rejected(
            rule="a window holds from 1 to N examples", got=f"{width} of {n}", do="narrow it"
        )
    before = jnp.cumsum(active, axis=0, dtype=jnp.int32)
    before = jnp.concatenate([jnp.zeros_like(before[:1]), before])
    return jnp.mean(before[width:] > before[: n - width + 1], axis=1, dtype=jnp.float32)


def _code(name: str, code: ArrayLike) -> Num[Array, "N H"]:
    array = jnp.asarray(code)
    if jnp.iscomplexobj(array):
        raise errors.rejected(
            rule=f"{name} is of real numbers", got=errors.describe(array),
            do="pass its magnitude, jnp.abs", kind=TypeError,
        )  # fmt: skip
    if array.ndim == 2 and array.size:
        return array.astype(jnp.int32) if array.dtype == bool else array
    raise errors.rejected(
        rule=f"{name} has a row per example and a column per unit, at least one of each",
        got=errors.describe(array),
        do="lay it out by rj.analyses.of_site, or reshape it to (examples, units)",
    )


def _active(values: Array, gate: ArrayLike | None) -> Array:
    if gate is None:
        return values != 0
    gates = _code("gate", gate)
    if gates.shape == values.shape:
        return gates != 0
    raise errors.rejected(
        rule="a gate has the shape of its code",
        got=f"{gates.shape} for {values.shape}",
        do="record both at the same call",
    )


def _check_fraction(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise errors.rejected(
            rule=f"{name} lies between 0 and 1", got=errors.describe(value), do="change it"
        )


def _ratio(part: Array, whole: Array) -> Array:
    """Divide, by 1 where the whole is 0."""
    return part / jnp.where(whole == 0, jnp.ones_like(whole), whole)


def _mean(values: Array, defined: Array) -> Array:
    """Average where it is defined; NaN where it is nowhere."""
    total = jnp.sum(jnp.where(defined, values, jnp.zeros_like(values)))
    return total / jnp.sum(defined, dtype=values.dtype)


def _several(n: int) -> float:
    return n if n > 1 else float("nan")


def _rms(size: Array) -> Array:
    peak = jnp.max(size)
    return peak * jnp.sqrt(jnp.mean(jnp.square(_ratio(size, peak))))


def _hoyer(rows: Array) -> Array:
    root = _several(rows.shape[1]) ** 0.5
    two = jnp.sqrt(jnp.sum(jnp.square(rows), axis=1))
    return (root - _ratio(jnp.sum(rows, axis=1), two)) / (root - 1)


def _gini(ordered: Array, one: Array) -> Array:
    """1 - 2 Σ a_k (H - k + 1/2) / (H ‖a‖₁), of magnitudes in ascending order."""
    units = ordered.shape[1]
    weights = (units - jnp.arange(1, units + 1, dtype=ordered.dtype) + 0.5) / _several(units)
    return 1 - 2 * _ratio(ordered @ weights, one)


def _treves_rolls(rows: Array) -> Array:
    """(1 - (Σ a / n)² / (Σ a² / n)) / (1 - 1/n) of each row."""
    scaled = _ratio(rows, jnp.max(rows, axis=1, keepdims=True))
    mean, square = jnp.mean(scaled, axis=1), jnp.mean(jnp.square(scaled), axis=1)
    return (1 - _ratio(jnp.square(mean), square)) / (1 - 1 / _several(rows.shape[1]))


def _distinct(active: Array) -> Array:
    """Count distinct rows: by their first 8 units, then by these and the next 8, and so on."""
    columns = jnp.packbits(active, axis=1).T

    def told_apart(rank: Array, column: Array) -> tuple[Array, None]:
        order = jnp.lexsort((column, rank))
        differs = (jnp.diff(rank[order]) != 0) | (column[order][1:] != column[order][:-1])
        steps = jnp.cumsum(differs, dtype=jnp.int32)
        return jnp.zeros_like(rank).at[order[1:]].set(steps), None

    rank, _ = lax.scan(told_apart, jnp.zeros(len(active), jnp.int32), columns)
    return 1 + jnp.max(rank)
