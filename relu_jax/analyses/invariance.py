"""How stable is the set of active units when an input changes a little?"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.analyses.catalogued import catalogued
from relu_jax.analyses.samples import refuse_non_finite
from relu_jax.analyses.tables import columns
from relu_jax.core import errors
from relu_jax.core.numerics import widened
from relu_jax.core.types import Key
from relu_jax.tap import Site, record, sites

_SCALES = (0.01, 0.1, 1.0)
_COMPARED = (jnp.logical_xor, jnp.logical_and, jnp.logical_or)  # flipped, active with both, any
_OUT = "an output that is not 0"
_IN = "an argument above 0"


class Stability(NamedTuple):
    """What becomes of the active units of one site when the input changes by one size."""

    site: str  # its id
    active_by: str  # what makes a unit active here
    scale: float  # length of the change over that of the input
    elements: int  # looked at: units of the site, of every example and draw
    flipped: int  # of them, active with one of the two inputs alone
    share: float  # flipped / elements
    spread: float  # standard error of `share` over the draws; NaN of one draw
    overlap: float  # active with both / active with any (Jaccard); NaN where none is active


class Invariance(tuple[Stability, ...]):
    """The stability of every site at every size, in the order of the program; prints as a table.

    Example:
        >>> import jax
        >>> print(invariance(jax.nn.relu, jax.numpy.array([[3.0, -4.0]]), jax.random.key(0)))
        site    change  elements  flipped  share  overlap
        site#1  0.01          16        0  0.000    1.000
        site#1  0.1           16        0  0.000    1.000
        site#1  1             16        3  0.188    0.625
    """

    def __str__(self) -> str:
        rows = [("site", "change", "elements", "flipped", "share", "overlap")]
        rows += [
            (
                one.site, f"{one.scale:g}", f"{one.elements:,}", f"{one.flipped:,}",
                f"{one.share:.3f}", f"{one.overlap:.3f}",
            )
            for one in self
        ]  # fmt: skip
        return columns(rows, left=2)


def invariance(
    f: Callable[..., Any],
    x: ArrayLike,
    key: Key,
    *,
    scales: ArrayLike | Sequence[float] = _SCALES,
    draws: int = 8,
) -> Invariance:
    """Measure how many units change sides when an input is moved in a random direction.

    Args:
        f: any JAX function of x.
        x: (N, …) examples, of floating-point numbers.
        key: for the directions; sizes share them, so that their curves are smooth.
        scales: lengths of the change, as shares of the length of each example.
        draws: directions tried per example.

    Returns:
        one `Stability` per site and size. A unit is active by its output where the function is 0 on
        an interval (relu, relu6, hard_shrink), and by the sign of its argument elsewhere.

    Raises:
        ValueError: no example, an x that is not finite, a scale that is not above 0, no draw, or no
            site.
        TypeError: an x of whole or complex numbers.

    Edges: an example that is all 0 is not moved. For a wide random layer without biases the share
    of units that change sides is θ/π, where θ is the angle between the two inputs. A site that did
    not run (a branch) counts as inactive.

    Source: Glorot et al. 2011, section 2.2 (a small change of the input hardly changes the set of
    non-zero features); Cho & Saul 2009, eq. 1 at n = 0 (θ/π).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> w = jax.random.normal(jax.random.key(0), (5, 1000))
        >>> found = invariance(lambda x: jax.nn.relu(x @ w), jnp.eye(5), jax.random.key(1))
        >>> bool(found[0].share < found[1].share < found[2].share < 0.5)
        True
    """
    array, scales = _checked(x, scales, draws)
    found = sites(f, array)
    if not found:
        raise errors.rejected(
            rule="f has an activation whose units can be looked at",
            got="no site",
            do="pass the function up to the layer that is asked for; rj.tap.sites(f, x) lists them",
        )
    by = {site.id: _active_by(site) for site in found}
    on = _active(f, by)

    def compared(x: Any, way: Any, scale: Any) -> tuple[Any, dict[str, Any]]:
        moved = _moved(x, way, scale)
        before, after = on(x), on(moved)
        return jnp.isfinite(moved).all(), {
            name: jnp.stack([jnp.sum(compare(a, after[name])) for compare in _COMPARED])
            for name, a in before.items()
        }

    run = jax.jit(compared)
    wide = widened(array).dtype
    ways = [jax.random.normal(k, array.shape, wide) for k in jax.random.split(key, draws)]
    counts = {}
    for scale in scales:
        told = [run(array, way, jnp.asarray(scale, wide)) for way in ways]
        if not all(finite for finite, _ in told):
            raise errors.rejected(
                rule=f"an input that is moved stays within the numbers of {array.dtype}",
                got=f"one that does not at scale {scale:g}",
                do="pass a smaller scale, or x in a wider format",
            )
        counts[scale] = [one for _, one in told]
    sizes = {site.id: int(np.prod((*site.loops, *site.shape), dtype=np.int64)) for site in found}
    return Invariance(
        _stability(site.id, by[site.id], float(scale), sizes[site.id], counts[scale])
        for site in found
        for scale in scales
    )


def _moved(x: Any, way: Any, scale: Any) -> Any:
    """Move every example by a share of its length; squares are taken of numbers up to 1."""
    behind = tuple(range(1, x.ndim))

    def length(a: Any) -> tuple[Any, Any]:
        largest = jnp.max(jnp.abs(a), axis=behind, keepdims=True)
        unit = a / jnp.where(largest > 0, largest, 1)
        return largest, jnp.sqrt(jnp.sum(jnp.square(unit), axis=behind, keepdims=True))

    wide = widened(x)
    (high, size), (_, away) = length(wide), length(way)
    unit = way / jnp.max(jnp.abs(way), axis=behind, keepdims=True)
    return (wide + unit * (scale * size / away) * high).astype(x.dtype)


def _stability(
    name: str, active_by: str, scale: float, size: int, counts: Sequence[dict[str, Any]]
) -> Stability:
    flips, both, either = np.array([one[name] for one in counts], np.int64).T
    units = size * len(counts)
    share = float(flips.sum() / units) if units else float("nan")
    alone = len(counts) < 2 or not size
    spread = float("nan") if alone else float(np.std(flips / size, ddof=1) / len(counts) ** 0.5)
    overlap = float(both.sum() / either.sum()) if either.any() else float("nan")
    return Stability(name, active_by, scale, units, int(flips.sum()), share, spread, overlap)


def _active(f: Callable[..., Any], by: dict[str, str]) -> Callable[[Any], dict[str, Any]]:
    recorded = record(f)

    def on(x: Any) -> dict[str, Any]:
        seen = recorded(x)[1]
        # NaN, where a site did not run, is above nothing.
        return {
            name: (one.post != 0) & ~jnp.isnan(one.post) if by[name] == _OUT else one.pre > 0
            for name, one in seen.items()
        }

    return on


def _active_by(site: Site) -> str:
    act = catalogued(site)
    if act is None or not act.kinks:
        return _IN
    edges = sorted(act.kinks)
    within = [edges[0] - 1, *((a + b) / 2 for a, b in itertools.pairwise(edges)), edges[-1] + 1]
    given = np.asarray(act(jnp.asarray(within, jnp.float32)))
    return _OUT if np.any(given == 0) else _IN


def _checked(x: ArrayLike, scales: Any, draws: Any) -> tuple[Any, list[float]]:
    array = jnp.asarray(x)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise errors.rejected(
            rule="an input that is moved a little is of floating-point numbers",
            got=errors.describe(array),
            do="pass x.astype(jnp.float32)",
            kind=TypeError,
        )
    if array.ndim < 1 or not array.size:
        raise errors.rejected(
            rule="x is (N, …), with at least one example and one number",
            got=errors.describe(array),
            do="put examples along the first axis",
        )
    refuse_non_finite(np.asarray(array, np.float64), "an input", "leave those examples out")
    sizes = np.ravel(np.asarray(scales, np.float64))
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool) and draws > 0
    if not sizes.size or not (np.isfinite(sizes) & (sizes > 0)).all() or not whole:
        raise errors.rejected(
            rule="scales are above 0, and draws a whole number of at least 1",
            got=f"scales={sizes.tolist()}, draws={draws!r}",
            do="pass shares of an input's length, such as (0.01, 0.1)",
        )
    return array, sizes.tolist()
