"""Which units can no input of a box ever activate, and which are active on all of it?

Interval arithmetic through the network, unedited, gives bounds of every activation's argument. They
hold for every input of the box, and are wider than they need to be: what is certified is so, what
is not may be.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Bool, Int

from relu_jax import tap
from relu_jax.activations import Activation
from relu_jax.activations.curves import curve
from relu_jax.activations.extremes import extremes
from relu_jax.analyses import intervals, kinked
from relu_jax.analyses.catalogued import catalogued
from relu_jax.analyses.interval_rules import Interval, apart, ends
from relu_jax.analyses.samples import of_site
from relu_jax.analyses.tables import columns
from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.tap import compat, program

_KNOWN_TO = 2e-6  # by which a function that is recognised may differ from the catalogue's


class Certificate(NamedTuple):
    """What holds at one activation for every input of the boxes.

    Samples are those of `of_site`: boxes, positions and turns of loops; units are its columns.
    `piece` numbers the linear piece, from 0 below the first kink on, that all arguments of a sample
    lie on: -1 where they may lie on several. It is None, and no unit is dead or active, where the
    activation is not piecewise linear.
    """

    site: str
    low: Array  # of the argument, laid out as `tap.record` gives it
    high: Array
    piece: Int[np.ndarray, "S H"] | None
    dead: Bool[np.ndarray, " H"]  # f is flat on all arguments: no gradient passes, in any sample
    active: Bool[np.ndarray, " H"]  # f is one line that is not flat, in every sample


class Bounds(NamedTuple):
    """Bounds of what f gives, and of the arguments of its activations."""

    low: Any  # a tree like f's result
    high: Any
    sites: tuple[Certificate, ...]

    def __str__(self) -> str:
        rows = [("site", "units", "certified dead", "certified active", "widest argument")]
        rows += [
            (
                one.site, str(len(one.dead)), str(int(one.dead.sum())), str(int(one.active.sum())),
                f"{float(jnp.max(one.high - one.low, initial=0)):.3g}",
            )
            for one in self.sites
        ]  # fmt: skip
        return columns(rows, left=5)


def bounds(f: Callable[[Any], Any], low: ArrayLike, high: ArrayLike) -> Bounds:
    """Bound a network, and every argument of its activations, over boxes of inputs.

    Args:
        f: a function of a batch of real numbers, (N, ...): `lambda x: model(params, x)`.
        low: where N boxes begin, (N, ...); of images in [0, 1] within e: `jnp.maximum(x - e, 0)`.
        high: where they end, of the same shape.

    Returns:
        see `Bounds` and `Certificate`; a bound that cannot be had is infinite.

    Raises:
        ValueError: the shapes differ, a box ends before it begins, or a bound is NaN.
        NotImplementedError: something that has no rule, named with its line: a while loop, a sort,
            a function that chooses a place by what is bounded.

    Edges: the bounds allow for the rounding of the arithmetic in the precision f runs in. They hold
    box by box: one box per example with e around it says more than one large box. Nothing is told
    of activations inside a derivative rule of yours. Of a function in the catalogue the range is
    exact (widened by 2e-6); one that is unknown is bounded operation by operation. Attention and
    norms multiply bounded values, whose bounds soon say little.

    Source: Moore 1966 (interval arithmetic); Gowal et al. 2018, section 3 (bounds through a
    network); a product by centre and radius is that of Rump 1999.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> w = jnp.array([[1.0, -1.0, 1.0]])
        >>> net = lambda x: jax.nn.relu(x @ w - jnp.array([0.0, 0.0, 3.0]))
        >>> found = bounds(net, jnp.array([[1.0]]), jnp.array([[2.0]]))
        >>> found.sites[0].dead.tolist(), found.sites[0].active.tolist()
        ([False, True, True], [True, False, False])
    """
    box = _boxes(low, high)
    placed = [one for one in program.opened(f, (box.low,), {})[1].placed if not one.ruled]
    sites = [one.site for one in placed]
    known = {site.id: _known(catalogued(site)) for site in sites}
    marked = tap.patch(f, {site.id: _marks(site.id, known[site.id]) for site in sites})
    closed, shape = jax.make_jaxpr(marked, return_shape=True)(box.low)

    def run(low: Array, high: Array) -> Any:
        seen: dict[str, dict[tuple[int, ...], Interval]] = {site.id: {} for site in sites}

        def site(eqn: Any, args: Sequence[Any], turn: tuple[int, ...]) -> list[Any]:
            z, one = Interval(*ends(args[0])), known[eqn.params["site"]]
            seen[eqn.params["site"]][turn] = z
            return [_range(one, z) if len(args) == 1 and one else args[-1]]

        out = intervals.evaluate(closed, [Interval(low, high)], {_site.name: site})
        turns = {name: [found[turn] for turn in sorted(found)] for name, found in seen.items()}
        return [[ends(x)[i] for x in out] for i in range(2)], turns

    out, seen = jax.jit(run)(box.low, box.high)
    lowest, highest = (jax.tree.unflatten(jax.tree.structure(shape), end) for end in out)
    certificates = tuple(_certificate(one, known[one.id], seen[one.id]) for one in sites)
    return Bounds(lowest, highest, certificates)


def _boxes(low: ArrayLike, high: ArrayLike) -> Interval:
    box = Interval(jnp.asarray(low), jnp.asarray(high))
    real = all(jnp.issubdtype(x.dtype, jnp.floating) for x in box)
    if not real or box.low.shape != box.high.shape or not box.low.ndim:
        raise errors.rejected(
            rule="a box begins and ends at real numbers, of one shape (N, ...)",
            got=f"{errors.describe(box.low)} and {errors.describe(box.high)}",
            do="pass x - e and x + e of a batch x",
        )
    backward = int(jnp.sum(~(box.low <= box.high)))
    if backward:
        raise errors.rejected(
            rule="a box does not end before it begins, and its bounds are numbers",
            got=f"{backward} of {box.low.size} elements where low <= high does not hold",
            do="exchange low and high, and look for NaN",
        )
    return box


class _Known(NamedTuple):
    """A function of the catalogue, and what bounds it: looked up before anything is traced."""

    act: Activation
    turns: tuple[float, ...]  # between which it is monotone
    linear: bool  # piecewise


@functools.lru_cache(maxsize=256)
def _known(act: Activation | None) -> _Known | None:
    """Look a function up; None where it turns too often."""
    found = act and extremes(act, curve(act), 0, ())
    if act is None or found is None or found.more:
        return None
    places = (at for turn in found.turns for at in (turn.where.low, turn.where.high))
    turns = sorted({*act.kinks, *filter(math.isfinite, places)})
    return _Known(act, tuple(turns), kinked.is_piecewise_linear(act))


# Stands where an activation was, and is given its argument, or what was computed there as well.
_site = compat.primitive("bounded_site")
_site.def_abstract_eval(lambda *args, **_: args[-1])


def _marks(site: str, known: _Known | None) -> Callable[[Any, Any], Any]:
    def patch(pre: Any, post: Any) -> Any:
        told = known is not None and (pre.shape, pre.dtype) == (post.shape, post.dtype)
        return _site.bind(*((pre,) if told else (pre, post)), site=site)

    return patch


def _range(known: _Known, z: Interval) -> Interval:
    """Bound f(z): at the ends, and where f turns or bends between them."""
    act, turns, linear = known
    inside = [jnp.clip(jnp.asarray(turn, z.low.dtype), z.low, z.high) for turn in turns]
    values = jnp.stack([act(at) for at in (z.low, z.high, *inside)])
    low, high = values.min(axis=0), values.max(axis=0)
    share = 0.0 if linear else _KNOWN_TO
    return apart(low, high, share * jnp.maximum(jnp.abs(low), jnp.abs(high)))


def _certificate(site: tap.Site, known: _Known | None, seen: Sequence[Interval]) -> Certificate:
    shape = (*site.loops, *site.shape)
    low, high = (
        jnp.stack([one[i] for one in seen]).reshape(shape) if seen else jnp.full(shape, jnp.nan)
        for i in range(2)
    )
    rows = [np.asarray(of_site(site, end)) for end in (low, high)]
    none = np.zeros(rows[0].shape[1], bool)
    if known is None or not known.linear:
        return Certificate(site.id, low, high, None, none, none)
    act = known.act
    kinks = np.asarray(act.kinks)
    piece = (rows[1][..., None] > kinks).sum(axis=-1)
    settled = (rows[0][..., None] >= kinks).sum(axis=-1) >= piece
    inside = [kinks[0] - 1.0, *(kinks[1:] + kinks[:-1]) / 2, kinks[-1] + 1.0]
    flat = np.array([float(act.derivative(jnp.float32(z))) == 0 for z in inside])[piece]
    return Certificate(
        site.id, low, high, np.where(settled, piece, -1),
        (settled & flat).all(axis=0), (settled & ~flat).all(axis=0),
    )  # fmt: skip
