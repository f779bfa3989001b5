"""How often do arguments land exactly on a kink, and what hangs on the slope taken there?"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.activations import Activation
from relu_jax.analyses import losses
from relu_jax.analyses.catalogued import catalogued
from relu_jax.analyses.tables import columns
from relu_jax.core.types import Array
from relu_jax.tap import program, record, swap
from relu_jax.tap.arguments import Arguments

_BESIDE = 4e-6  # how far from a kink the slopes beside it are read


class Kinked(NamedTuple):
    """What one site does at its kinks."""

    site: str  # its id
    kind: str
    kinks: tuple[float, ...]
    slopes: tuple[float, ...]  # that the program takes there
    beside: tuple[tuple[float, float], ...]  # the function's own slopes below and above each
    n: int  # arguments looked at
    hits: tuple[int, ...]  # of them, exactly on each kink
    below: float  # ‖g′ - g‖ / ‖g‖, where g′ takes the slopes below the kinks in place of its own
    above: float  # the same for the slopes above


class Kinks(tuple[Kinked, ...]):
    """The sites that have kinks, in the order of the program; prints as a table."""

    def __str__(self) -> str:
        rows = [("site", "kind", "arguments", "on a kink", "slope there", "below", "above")]
        rows += [
            (
                one.site, one.kind, f"{one.n:,}", f"{sum(one.hits):,}",
                ", ".join(f"{slope:g}" for slope in one.slopes),
                f"{one.below:.2g}", f"{one.above:.2g}",
            )
            for one in self
        ]  # fmt: skip
        return columns(rows, left=2)


def kinks(loss: Callable[..., Any], params: Any, *args: Any) -> Kinks:
    """Count arguments exactly on a kink, and measure what another slope there does to the gradient.

    Args:
        loss: gives one real number; it is not edited.
        params: what the gradient is taken by, its first argument.
        args: its other arguments, such as a batch; what is no array is a setting.

    Returns:
        one `Kinked` per site whose function has kinks: how many arguments lie on each, and `below`
        = ‖g′ - g‖ / ‖g‖, where g is the gradient by params and g′ that of the loss in which this
        site takes the slope below its kinks there; `above` likewise. Where nothing lands on a kink
        both are 0, and nothing is run for them.

    Raises:
        ValueError: a loss that does not give one real number.

    Edges: a subnormal argument, which XLA flushes to 0 on the CPU, counts as 0. A gradient that is
    all 0, or not finite, makes `below` and `above` NaN. A site inside a derivative rule of yours
    cannot be changed, nor one of a loss that takes derivatives itself: they have NaN where
    something lands on a kink. Turns of a loop and branches that did not run are not counted. A
    function that the catalogue does not know has no line; `rj.tap.sites` names it.

    Source: Bertoin et al. 2021 (the slope of relu at 0 changes what is learned, the more the fewer
    the digits of a number are).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> loss = lambda w, x: jnp.sum((1 + jax.nn.relu(x @ w)) ** 2)
        >>> w = jnp.array([[1.0, 0.0], [-1.0, 1.0]])
        >>> print(kinks(loss, w, jnp.array([[2.0, 2.0], [3.0, 1.0]])))
        site  kind  arguments  on a kink  slope there  below  above
        w     relu          4          1            0      0   0.16
    """
    call, read = program.opened(loss, (params, *args), {})
    losses.check_scalar(loss, call)
    fixed = {one.site.id for one in read.placed if one.ruled or read.differentiates}
    known = [(site, catalogued(site)) for site in read.sites]
    kinked = [(site, act) for site, act in known if act is not None and act.kinks]
    if not kinked:
        return Kinks()
    turns = {site.id: int(np.prod(site.loops, dtype=np.int64)) for site, _ in kinked}
    hits = _hits(loss, {site.id: act for site, act in kinked}, turns, call)
    plain = None
    found = []
    for site, act in kinked:
        turns, *each = map(int, hits[site.id])
        on = tuple(each)
        beside = tuple((low, high) for low, high in _beside(act, site.slope_at_kinks))
        sides = [float("nan") if site.id in fixed and any(on) else 0.0] * 2
        if any(on) and site.id not in fixed:
            plain = losses.gradient(loss, call) if plain is None else plain
            for i in (0, 1):
                other = act.with_slopes(*(slopes[i] for slopes in beside))
                sides[i] = _apart(losses.gradient(swap(loss, {site.id: other}), call), plain)
        n = turns * int(np.prod(site.shape, dtype=np.int64))
        found.append(
            Kinked(site.id, site.kind, act.kinks, site.slope_at_kinks, beside, n, on, *sides)
        )
    return Kinks(found)


def _hits(
    loss: Callable[..., Any], acts: dict[str, Activation], turns: dict[str, int], call: Arguments
) -> dict[str, Any]:
    """Count per site the turns that ran, and the arguments on each kink."""
    recorded = record(loss, lambda site: site.id in acts)

    @jax.jit
    def counted(*arrays: Any) -> dict[str, Any]:
        args, _ = call.filled(arrays)
        return {
            name: [
                turns[name] if one.ran is None else jnp.sum(one.ran),
                *(jnp.sum(one.pre == jnp.asarray(k, one.pre.dtype)) for k in acts[name].kinks),
            ]
            for name, one in recorded(*args)[1].items()
        }

    return counted(*call.arrays)


def _beside(act: Activation, there: tuple[float, ...]) -> list[list[float]]:
    """Read the slopes below and above each kink: the program's own, where it is one of them."""
    at = np.asarray(act.kinks)
    away = _BESIDE * np.maximum(1, np.abs(at))
    pairs = jnp.asarray(np.stack([at - away, at + away], axis=1), jnp.float32)
    slopes = np.asarray(act.derivative(pairs), np.float64)
    own = np.asarray(there)[:, None]
    return np.where(np.abs(slopes - own) < 4 * _BESIDE, own, slopes).tolist()


def _apart(other: dict[str, Array], plain: dict[str, Array]) -> float:
    sizes = np.array([[_square(other[k] - g), _square(g)] for k, g in plain.items()]).sum(axis=0)
    return float(np.sqrt(sizes[0] / sizes[1])) if sizes[1] > 0 else float("nan")


def _square(x: Any) -> float:
    return float(np.sum(np.square(np.asarray(x, np.float64))))
