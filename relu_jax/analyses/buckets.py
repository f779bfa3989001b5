"""How often does the slope of any unit change along a segment, for activations that are smooth?

A smooth activation has no regions, but its slope f′ passes through a range. Cut into buckets, that
range gives pieces: a region is a run of points on which no unit's slope changes its bucket.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations import Activation
from relu_jax.analyses.catalogued import as_in_program
from relu_jax.analyses.kinked import not_by_example
from relu_jax.analyses.regions import segments
from relu_jax.analyses.runs import SIZE, in_runs
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.tap import Site, record, sites

# Where the range of f′ is looked for: the bends of activations lie within.
_GRID = np.linspace(-30, 30, 6001, dtype=np.float32)


class BucketRegions(NamedTuple):
    """Changes of the bucket of f′ along N segments."""

    count: np.ndarray  # (N,) regions: one more than changes
    changes: np.ndarray  # (N, sites) of all units of a site
    sites: tuple[str, ...]  # ids


def bucket_regions(
    f: Callable[[Any], Any],
    starts: ArrayLike,
    ends: ArrayLike,
    *,
    buckets: int = 4,
    steps: int = 256,
) -> BucketRegions:
    """Count the regions of any network along straight segments, by buckets of its slopes.

    Args:
        f: a function of a batch: x, of (N, ...); any network of activations of the catalogue.
        starts: where N segments start, (N, ...).
        ends: where they end, of the same shape.
        buckets: into which the range of f′ is cut, of equal width. Two part relu's slopes as they
            are: the count is then that of `regions`.
        steps: in which a segment is walked. A unit that passes an edge between two points is
            counted once per edge; one that passes it and comes back is not seen. Where doubling
            them changes the count, take more.

    Raises:
        ValueError: the shapes differ, an end is not finite, examples meet in f, a site's function
            is not in the catalogue, there is no site, fewer than 2 buckets or no step.
        NotImplementedError: a site without one axis of examples.

    Edges: sites in branches that are not taken count nothing.

    Source: after Hanin & Rolnick 2019, for activations without kinks: slopes in place of pieces.

    Example:
        >>> f = lambda x: jnp.tanh(x)  # f′ rises from 0 to 1 and falls
        >>> found = bucket_regions(f, -9 * jnp.ones((1, 1)), 9 * jnp.ones((1, 1)), buckets=4)
        >>> found.count.tolist()
        [7]
    """
    buckets, steps = _at_least(2, "buckets", buckets), _at_least(1, "steps", steps)
    first, last = segments(f, starts, ends)
    x = jnp.asarray(np.resize(first, (SIZE, *first.shape[1:])))
    found = sites(f, x)
    acts = {site.id: _known(site, len(x)) for site in found}
    if not acts:
        raise errors.rejected(
            rule="f has an activation", got="no site", do="print rj.tap.sites(f, x)"
        )
    recorded = record(f)

    @jax.jit
    def placed(flat: Any) -> list[Any]:
        _, seen = recorded(flat.reshape(x.shape))
        return [_bucket(one, acts[one.id], seen[one.id].pre, buckets, len(x)) for one in found]

    share = np.linspace(0, 1, steps + 1)[:, None]
    changes = np.zeros((len(first), len(acts)), np.int64)
    for i, (low, high) in enumerate(zip(first, last, strict=True)):
        points = (low.ravel() * (1 - share) + high.ravel() * share).astype(x.dtype)
        for k, numbers in enumerate(in_runs(placed, [points])):
            changes[i, k] = np.abs(np.diff(numbers.astype(np.int64), axis=0)).sum()
    return BucketRegions(1 + changes.sum(axis=1), changes, tuple(acts))


def _at_least(least: int, name: str, value: Any) -> int:
    number = integer(name, value)
    if number < least:
        raise errors.rejected(
            rule=f"{name} is at least {least}", got=str(number), do="leave it out for the default"
        )
    return number


def _known(site: Site, examples: int) -> Activation:
    if site.shape.count(examples) != 1:
        raise not_by_example(site.id, site.shape)
    act = as_in_program(site)
    if act is None:
        raise errors.rejected(
            rule="slopes are those of functions in the catalogue",
            got=f"{site.kind} at {site.id}",
            do="swap it, or ask for what stands before it",
        )
    return act


@functools.cache
def _range(act: Activation) -> tuple[float, float]:
    """Find the range of f′, kinks aside."""
    with jax.ensure_compile_time_eval():
        slopes = np.asarray(act.derivative(jnp.asarray(_GRID)), np.float64)
    slopes = slopes[np.isfinite(slopes) & ~np.isin(_GRID, act.kinks)]
    return float(slopes.min()), float(slopes.max())


def _bucket(site: Site, act: Activation, pre: Any, buckets: int, examples: int) -> Any:
    """Say in which bucket each slope lies, (examples, units); turns of loops count as units."""
    low, high = _range(act)
    slope = jnp.nan_to_num(act.derivative(pre).astype(jnp.float32), nan=low)
    numbers = jnp.floor((slope - low) / max(high - low, 1e-30) * buckets)
    numbers = jnp.clip(numbers, 0, buckets - 1).astype(jnp.int32)
    axis = len(site.loops) + site.shape.index(examples)
    return jnp.moveaxis(numbers, axis, 0).reshape(examples, -1)
