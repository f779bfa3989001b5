"""What does a diagnosis in full depth add? Theory, kinks and codes, on its first batch."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.analyses import gradient_flow, kinks, of_site, sparsity, turns
from relu_jax.analyses.gradient_flow import GradientFlow, Leaf, Passed
from relu_jax.analyses.kinks import Kinked, Kinks
from relu_jax.analyses.saturation import Underflow, underflow
from relu_jax.analyses.tables import columns
from relu_jax.core import errors
from relu_jax.diagnosis import losses
from relu_jax.diagnosis.plain import tuples
from relu_jax.tap import Site, Sites, arguments, cotangents

DEPTHS = ("fast", "full")


class Code(NamedTuple):
    """How sparse the results of one site are, by several definitions: see `rj.analyses.sparsity`.

    Turns of a loop over layers are sites of their own, those of other loops count as samples; what
    did not run, as in a branch, is left out.
    """

    site: str  # its id
    n: int  # samples
    units: int
    zeros: float
    hoyer: float
    gini: float
    population: float
    lifetime: float
    top: float
    active_mean: float  # units that are not 0, per sample
    active_std: float
    silent: int
    never: int
    always: int
    patterns: int
    nonfinite: int  # values that are NaN or inf: they count as active
    lost: tuple[Underflow, ...]  # of the gradients at its argument, in half precision


class Depth(NamedTuple):
    """What `depth="full"` measures, on the first batch."""

    examples: int
    flow: GradientFlow
    kinks: tuple[Kinked, ...]
    codes: tuple[Code, ...]

    def __str__(self) -> str:
        parts = [f"in depth, on the {self.examples} examples of the first batch:", str(self.flow)]
        parts += [str(Kinks(self.kinks))] if self.kinks else []
        return "\n".join([*parts, _table(self.codes)] if self.codes else parts)


def check(depth: Any) -> bool:
    """Say whether the depth that is asked for is the full one.

    Raises:
        ValueError: it is none of the two.
    """
    if not isinstance(depth, str) or depth not in DEPTHS:
        raise errors.rejected(
            rule='depth is "fast" or "full"', got=errors.describe(depth), do='pass depth="full"'
        )
    return depth == "full"


def measured(
    loss: losses.Loss,
    call: arguments.Arguments,
    sites: Sites,
    *,
    has_aux: bool | None,
    examples: int,
    kept: frozenset[str],
) -> Depth:
    """Measure one batch in depth.

    Args:
        loss, has_aux: as in `diagnose`.
        call: params and the batch.
        sites: of the loss.
        examples: in the batch.
        kept: ids of the sites that are asked for.
    """
    paired = losses.check_loss(loss, call, has_aux=has_aux)
    scalar = _scalar(loss) if paired else loss
    (params, batch), _ = call.filled(call.arrays)
    flow = gradient_flow(scalar, params, batch)
    found = kinks(scalar, params, batch)
    return Depth(
        examples=examples,
        flow=flow._replace(sites=tuple(one for one in flow.sites if _id(one, sites) in kept)),
        kinks=tuple(one for one in found if one.site in kept and one.n),
        codes=_codes(scalar, call, [site for site in sites if site.id in kept]),
    )


def decoded(told: Mapping[str, Any]) -> Depth:
    """Build it again, of what `plain` made of it."""
    flow = dict(told["flow"])
    flow["sites"] = tuple(Passed(**one) for one in flow["sites"])
    flow["parameters"] = tuple(Leaf(**one) for one in flow["parameters"])
    return Depth(
        told["examples"],
        GradientFlow(**flow),
        tuple(Kinked(**{k: tuples(v) for k, v in one.items()}) for one in told["kinks"]),
        tuple(
            Code(**{**one, "lost": tuple(Underflow(**lost) for lost in one["lost"])})
            for one in told["codes"]
        ),
    )


def _scalar(loss: losses.Loss) -> Callable[[Any, Any], Any]:
    @arguments.named_like(loss)
    def first(params: Any, batch: Any) -> Any:
        return loss(params, batch)[0]

    return first


def _id(one: Passed, sites: Sites) -> str:
    """Tell the site of a turn, "layers[0]", from a site of such a name."""
    ids = {site.id for site in sites}
    return one.site if one.site in ids else one.site.rpartition("[")[0]


def _codes(
    loss: Callable[..., Any], call: arguments.Arguments, sites: Sequence[Site]
) -> tuple[Code, ...]:
    tapped, ids = cotangents(loss), {site.id for site in sites}

    @jax.jit
    def seen(*arrays: Any) -> Any:  # what is not handed out is not computed
        found = tapped(*call.filled(arrays)[0])[1]
        return {name: (one.post, one.d_pre, one.ran) for name, one in found.items() if name in ids}

    told = seen(*call.arrays) if ids else {}
    there = [_that_ran(*one) for site in sites if site.id in told for one in _apart(site, told)]
    return tuple(_code(*one) for one in there if one[1].size)


def _apart(site: Site, told: Mapping[str, Any]) -> Iterator[tuple[Site, Any, Any, Any]]:
    """Take the turns of a loop over layers apart: "layers[0]", as in a diagnosis."""
    if site.loop != "layers":
        yield site, *told[site.id]
        return
    for place in turns.running(site):
        name = f"{site.id}[{','.join(map(str, place))}]"
        post, d_pre, ran = (None if x is None else x[place] for x in told[site.id])
        yield site._replace(id=name, loops=(), order=()), post, d_pre, ran


def _that_ran(site: Site, post: Any, d_pre: Any, ran: Any) -> tuple[Site, Any, Any]:
    """Keep the turns of a site that ran: a branch that is not taken has no values."""
    if ran is None:
        return site, post, d_pre
    kept = np.atleast_1d(np.asarray(ran)).reshape(-1)
    after, back = (None if x is None else x.reshape(-1, *site.shape)[kept] for x in (post, d_pre))
    return site._replace(loops=(int(kept.sum()),)), after, back


def _code(site: Site, post: Any, d_pre: Any) -> Code:
    values = of_site(site, post)
    size = jnp.abs(values) if jnp.iscomplexobj(values) else values
    told = jax.device_get(jax.jit(sparsity)(size)._asdict())
    numbers = {name: told[name].item() for name in _FLOATS + _COUNTS}
    lost = () if d_pre is None or jnp.iscomplexobj(d_pre) else underflow(d_pre)
    strange = int(jnp.sum(~jnp.isfinite(values)))
    return Code(
        site=site.id, n=len(values), units=values.shape[1], **numbers, nonfinite=strange, lost=lost
    )


_FLOATS = (
    "zeros", "hoyer", "gini", "population", "lifetime", "top", "active_mean", "active_std",
)  # fmt: skip
_COUNTS = ("silent", "never", "always", "patterns")


def _table(codes: Sequence[Code]) -> str:
    formats = [lost.dtype for lost in max((one.lost for one in codes), key=len)]
    heads = ("site", "samples", "NaN/inf", "zeros", "Hoyer", "Gini", "Treves-Rolls", "active",
             "never", "patterns", *(f"lost in {name}" for name in formats))  # fmt: skip
    rows: list[tuple[str, ...]] = [heads]
    for one in codes:
        lost = [f"{part.lost}/{part.of}" for part in one.lost] or ["–"] * len(formats)
        active = f"{one.active_mean:.1f} ± {one.active_std:.1f}"
        rows.append(
            (one.site, f"{one.n:,}", f"{one.nonfinite:,}", f"{one.zeros:.1%}", _told(one.hoyer),
             _told(one.gini), _told(one.population), active, f"{one.never}/{one.units}",
             f"{one.patterns:,}", *lost)
        )  # fmt: skip
    return columns(rows, left=1)


def _told(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
