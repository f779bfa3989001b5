"""Where did NaN or inf come first? The parameters, the data, going forward, going backward."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from relu_jax.analyses import turns
from relu_jax.diagnosis.totals import Totals
from relu_jax.diagnosis.types import Cause
from relu_jax.tap import Site


class Origin(NamedTuple):
    """One place where non-finite values began."""

    place: str  # as in Cause
    name: str
    detail: str
    count: int
    spreads: bool = True


def origins(
    batch: Totals,
    sites: Sequence[Site],
    parameters: Mapping[str, int],
    data: Mapping[str, int],
    gradients: Sequence[str],
) -> list[Origin]:
    """List the first non-finite places of one batch: all leaves, or else one site.

    Args:
        batch: what one batch gave.
        sites: all sites, in program order.
        parameters: {path: non-finite entries} of the leaves of params.
        data: likewise of the batch.
        gradients: paths of the leaves with a non-finite gradient.
    """
    found = [Origin("parameter", path, "", n) for path, n in parameters.items() if n]
    found = found or [Origin("data", path, "", n) for path, n in data.items() if n]
    found = found or _forward(batch, sites)
    if not found and not np.isfinite(batch.loss):
        found = [Origin("loss", "", "", 1)]
    found = found or _backward(batch, sites)
    found = found or [Origin("gradient", path, "", 1) for path in gradients[:1]]
    # A mask of -inf, or NaN behind a jnp.where with a safe gradient, harms nobody.
    spreads = not np.isfinite(batch.loss) or bool(gradients)
    return [origin._replace(spreads=spreads) for origin in found]


def gathered(found: Sequence[Sequence[Origin]]) -> tuple[Cause, ...]:
    """Count over batches which places non-finite values began at."""
    causes: dict[tuple[str, ...], Cause] = {}
    for index, of_batch in enumerate(found):
        for place, name, detail, count, spreads in of_batch:
            key = (place, name, detail)
            old = causes.get(key, Cause(place, name, detail, 0, index, count, spreads=False))
            causes[key] = old._replace(batches=old.batches + 1, spreads=old.spreads or spreads)
    return tuple(causes.values())


def _forward(batch: Totals, sites: Sequence[Site]) -> list[Origin]:
    for site in sites:
        seen = batch.forward.get(site.id)
        if seen is None:
            continue
        before, after = int(seen.nonfinite_pre.sum()), int(seen.nonfinite_post.sum())
        if before:
            return [Origin("forward", _turn(site, seen.nonfinite_pre), "argument", before)]
        if after:
            return [Origin("forward", _turn(site, seen.nonfinite_post), "result", after)]
    return []


def _backward(batch: Totals, sites: Sequence[Site]) -> list[Origin]:
    for site in reversed(sites):
        ends = batch.backward.get(site.id)
        if ends is None:
            continue
        for end, detail in ((ends.post, "argument"), (ends.pre, "result")):
            if n := int(end.nonfinite.sum()):
                name = _turn(site, end.nonfinite, last=True)
                return [Origin("backward", name, detail, n)]
    return []


def _turn(site: Site, counts: np.ndarray, *, last: bool = False) -> str:
    """Name the turn of a loop over layers in which it began."""
    if site.loop != "layers":
        return site.id
    bad = counts.sum(axis=1)
    places = [place for place in turns.running(site) if bad[turns.flat(site, place)]]
    place = places[-1 if last else 0]
    return f"{site.id}[{','.join(map(str, place))}]"
