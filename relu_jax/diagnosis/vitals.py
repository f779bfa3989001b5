"""What does one training step tell of its activations, cheaply enough to ask at every step?

A handful of numbers per site and leaf, as arrays of one traced program: no callback, nothing
fetched. Sums are float32 or wider, at three scales as in `statistics`, so that no size is lost.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from relu_jax import tap
from relu_jax.analyses.catalogued import catalogued
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array
from relu_jax.diagnosis import kinds, statistics
from relu_jax.diagnosis.reductions import summed, where
from relu_jax.diagnosis.statistics import SCALES, TINY
from relu_jax.tap import Site


class SiteStats(NamedTuple):
    """One site at one step: scalars, or one entry per layer where a loop over layers stacks them.

    RMS and fractions run over all elements: examples, positions and turns of a loop over steps.
    What did not run, a branch that was not taken, is NaN, and no unit of it is active.
    """

    rms_pre: Array  # of z
    rms_d_pre: Array  # of the gradient at z; NaN where none can be taken
    # Of at most 4096 elements, evenly spread: a half is then known to ± 0.8 %.
    rms_post: Array  # of f(z); of all elements where |f′| has no end
    zeros: Array  # fraction of f(z) that is exactly 0
    saturated: Array  # fraction of |f′(z)| < 0.1 sup |f′|; NaN where it has none
    active: Array  # (..., units): whether f′(z) ≠ 0 on any sample; True where f is flat nowhere
    nonfinite: Array  # bool: NaN or inf in z, or in f(z) where |f′| has no end
    nonfinite_d: Array  # bool: NaN or inf in the gradient at z


class LeafStats(NamedTuple):
    """One leaf of the parameters at one step."""

    rms: Array
    rms_grad: Array  # NaN or inf where an entry is


class Stats(NamedTuple):
    """What one step gave; a tree of arrays, so that scan stacks it and jit returns it.

    Where a step was not measured, all but `loss` is NaN or False, and `measured` says so; under
    `jax_debug_nans` that is an error of JAX's: measure every step there.
    """

    measured: Array  # bool
    loss: Array
    sites: OrderedDict[str, SiteStats]  # in program order, which JAX keeps of no plain dict
    parameters: OrderedDict[str, LeafStats]
    nonfinite_data: Array  # bool: NaN or inf in what is no parameter


class _Ahead(NamedTuple):
    """Sums of one site going forward: scalars but where said."""

    squares_pre: Array  # at three scales
    squares_post: Array
    zeros: Array  # elements of the subset, as are the next two
    saturated: Array
    looked_at: Array
    active: Array  # samples, per unit
    elements: Array  # all of them; 0 where the site did not run


def forward(on: Array | bool, met: dict[str, Site]) -> Callable[..., _Ahead]:
    """Build what `tap` calls with the values at each site.

    Args:
        on: whether to measure.
        met: filled with the sites, while the program is traced.
    """

    def seen(site: Site, act: Callable[[Array], Array], pre: Array, post: Array) -> _Ahead:
        del post
        met[site.id] = site
        return where(on, lambda: _ahead(site, act, pre))

    return seen


def backward(site: Site, cotangent: Array, on: Array | bool = True) -> Array:
    """Sum up the squares of one cotangent, at three scales; `tap` calls it in the backward pass."""
    del site
    return where(on, lambda: _squares(cotangent))


def of_sites(
    met: Mapping[str, Site], ahead: Mapping[str, _Ahead], back: Mapping[str, tap.Cotangent]
) -> OrderedDict[str, SiteStats]:
    """Turn sums into numbers, in program order."""
    ends = {name: end.pre for name, end in back.items()}
    return OrderedDict(
        (name, _of_site(site, ahead[name], ends.get(name)))
        for name, site in met.items()
        if name in ahead
    )


def of_leaves(
    on: Array | bool, paths: Sequence[str], own: Sequence[Array], gradients: Sequence[Array]
) -> OrderedDict[str, LeafStats]:
    """Measure every leaf of the parameters and its gradient."""

    def measured() -> list[LeafStats]:
        pairs = zip(own, gradients, strict=True)
        return [LeafStats(_size(leaf), _size(gradient)) for leaf, gradient in pairs]

    return OrderedDict(zip(paths, where(on, measured, math.nan), strict=True))


def _size(leaf: Array) -> Array:
    return _rms(_squares(leaf), jnp.float32(leaf.size)) if leaf.size else jnp.float32(0)


def any_nonfinite(on: Array | bool, arrays: Sequence[Any]) -> Array:
    """Say whether any floating array holds NaN or inf."""
    floats = [x for x in arrays if jnp.issubdtype(x.dtype, jnp.floating)]

    def looked() -> Array:
        # 0 times what is not finite is NaN; sums are faster than a test of every entry.
        bad = [jnp.isnan(jnp.sum(jnp.asarray(x) * 0)) for x in floats]
        return jnp.any(jnp.stack(bad)) if bad else jnp.zeros((), bool)

    return where(on, looked)


def _ahead(site: Site, act: Callable[[Array], Array], pre: Array) -> _Ahead:
    with jax.ensure_compile_time_eval():
        known = kinds.known(site)
    saturated, looked_at = _saturated(site, known, pre)
    active, plain = jnp.ones([site.shape[axis] for axis in site.unit_axes], jnp.float32), None
    if known.flat is not False:
        moves = (statistics.slope(act, pre) != 0) | ~jnp.isfinite(pre)
        (squared,), (counted,) = summed(site, [jnp.square(widened(pre))], [moves])
        active, plain = counted.astype(jnp.float32), jnp.sum(squared)
    # All of f(z) would have to be kept for it, or computed once more, which XLA otherwise does
    # neither of. Where f grows no faster than z, it is finite where z is.
    post = act(pre)
    some = statistics.subset(post)
    taken = post if known.sup is None else some
    squares = _squares(taken)
    return _Ahead(
        squares_pre=_squares(pre, plain),
        squares_post=squares * jnp.asarray(pre.size / max(1, taken.size), squares.dtype),
        zeros=jnp.sum(some == 0, dtype=jnp.float32),
        active=active,
        saturated=saturated,
        looked_at=looked_at,
        elements=jnp.float32(pre.size),
    )


def _squares(x: Array, plain: Array | None = None) -> Array:
    """Sum squares at three scales: all the values are scaled only where their sum does not fit.

    Args:
        x: the values.
        plain: the sum of their squares, where it is known.
    """
    plain = jnp.sum(jnp.square(widened(x))) if plain is None else plain
    fits = jnp.isfinite(plain) & (plain >= jnp.asarray(TINY, plain.dtype))
    return lax.cond(
        fits,
        lambda: jnp.stack([jnp.sum(s) for s in statistics.squares(jnp.sqrt(plain))]),
        lambda: jnp.stack([jnp.sum(s) for s in statistics.squares(widened(x))]),
    )


def _saturated(site: Site, known: kinds.Known, pre: Array) -> tuple[Array, Array]:
    """Count, of some elements, those where the slope is small; NaN where it has no largest.

    By the catalogue's function: the program's own may know the shape of its argument.
    """
    some = statistics.subset(pre)
    looked_at, act = jnp.float32(some.size), catalogued(site)
    if known.sup is None or act is None or some.size == 0:
        return jnp.float32(math.nan), looked_at
    slope = widened(jnp.abs(act.derivative(some)))
    small = slope < jnp.asarray(statistics.SATURATED_BELOW * known.sup, slope.dtype)
    return jnp.sum(small, dtype=jnp.float32), looked_at


def _of_site(site: Site, ahead: _Ahead, back: Array | None) -> SiteStats:
    loops = len(site.loops)
    # Turns of a loop over layers stay apart; those of one over steps, and units, are added up.
    kept = loops if site.loop == "layers" else 0

    def total(sums: Array, own: int) -> Array:
        """Add up what does not stay; the `own` last axes before the units' do."""
        along = range(kept, sums.ndim)
        return jnp.sum(sums, axis=tuple(a for a in along if not loops <= a < loops + own))

    n = total(ahead.elements, 0)
    ran = n > 0
    pre, post = total(ahead.squares_pre, 1), total(ahead.squares_post, 1)
    d_pre = None if back is None else total(back, 1)

    def shown(value: Array) -> Array:
        return jnp.where(ran, value, jnp.full_like(value, math.nan))

    none = jnp.full_like(n, math.nan)
    units = ahead.active.shape[loops:]
    active = jnp.any(
        ahead.active.reshape(*ahead.active.shape[:loops], math.prod(units)) > 0,
        axis=tuple(range(kept, loops)),
    )
    return SiteStats(
        rms_pre=shown(_rms(pre, n)),
        rms_post=shown(_rms(post, n)),
        rms_d_pre=none if d_pre is None else shown(_rms(d_pre, n)),
        zeros=shown(total(ahead.zeros, 0) / total(ahead.looked_at, 0)),
        saturated=shown(total(ahead.saturated, 0) / total(ahead.looked_at, 0)),
        active=active,
        nonfinite=ran & ~(_finite(pre) & _finite(post)),
        nonfinite_d=ran & ~_finite(d_pre) if d_pre is not None else ran & False,
    )


def _rms(squares: Array, n: Array) -> Array:
    """Take the root of a mean of squares, of the scale that kept it; the last axis is scales."""
    plain, raised, lowered = (
        jnp.sqrt(squares[..., i] / n.astype(squares.dtype)) / jnp.asarray(scale, squares.dtype)
        for i, scale in enumerate(SCALES)
    )
    small = squares[..., 0] < TINY
    return jnp.where(small, raised, jnp.where(jnp.isfinite(plain), plain, lowered))


def _finite(squares: Array) -> Array:
    return jnp.isfinite(squares[..., -1])  # scaled down: no finite number is too large
