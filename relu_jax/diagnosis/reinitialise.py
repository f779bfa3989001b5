"""Which start gives every layer of a given network a signal of the same size?"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax import tap
from relu_jax.analyses import turns
from relu_jax.core import errors
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array, Key, PyTree
from relu_jax.tap import Site, arguments

_NEAR = 0.02  # of the size that is aimed at
_ROUNDS = 5


def lsuv(
    loss: Callable[[Any, Any], Any], batch: Any, *, variance: float = 1.0
) -> Callable[[Key, PyTree], PyTree]:
    """Build a start that draws every weight which feeds an activation anew, layer by layer.

    Each is drawn normal, and scaled until the mean square of the arguments of its activation is
    `variance` on the batch (its root to 2 %). What is added to those arguments alone, a bias,
    becomes 0. Other leaves stay as they are, such as the last layer, embeddings and the scale of a
    normalisation. No layout of weights is assumed: it works on any framework's.

    Args:
        loss: loss(params, batch) → scalar, or (scalar, aux).
        batch: the examples that the signal is measured on.
        variance: mean square of the arguments to be reached, above 0.

    Returns:
        ``init(key, params) → params`` of the same structure, shapes and dtypes.

    Raises:
        ValueError: the variance is no number above 0.

    Where other weights lead to the same arguments, only the one that names the site is drawn, and
    it keeps the size it was drawn with where that hardly moves theirs.

    Edges: for relu on a chain of dense layers it is He's start, for any f the one of
    `theory.variance_preserving`. A weight that several sites or turns of a loop over steps share is
    scaled by the first of them, over all turns. A signal of 0 or NaN cannot be scaled: that layer
    stays as it was drawn. A weight followed by a normalisation has no size that matters.

    Source: Mishkin & Matas 2016, All you need is a good init, with normal weights.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> def loss(params, x):
        ...     for w in params:
        ...         x = jax.nn.relu(x @ w)
        ...     return jnp.mean(x)
        >>> x = jax.random.normal(jax.random.key(0), (256, 64))
        >>> params = lsuv(loss, x)(jax.random.key(1), [1e-3 * jnp.ones((64, 64))] * 3)
        >>> [round(site.rms_pre, 2) for site in rj.diagnose(loss, params, [x]).sites.values()]
        [1.0, 1.0, 1.0]
    """
    if not (isinstance(variance, int | float) and 0 < variance < np.inf):
        raise errors.rejected(
            rule="variance is a number above 0", got=errors.describe(variance), do="pass 1.0"
        )

    def init(key: Key, params: PyTree) -> PyTree:
        call = arguments.part(loss, (params, batch), {})
        sites = tap.sites(loss, params, batch)
        drawn = _Drawn(call, sites)
        drawn.redraw(key)
        if drawn.weights:
            drawn.zero_biases(loss)
            drawn.scale(loss, variance**0.5)
        return call.filled(drawn.arrays)[0][0]

    return init


class _Drawn:
    """The arrays of a call while they are drawn; only those of params change."""

    def __init__(self, call: arguments.Arguments, sites: Sequence[Site]) -> None:
        self.call = call
        self.arrays = list(call.arrays)
        places = {leaf.path: i for i, leaf in enumerate(call.leaves) if leaf.arg == 0}
        self.weights: dict[int, Site] = {}  # place among the arrays: the first site it feeds
        for site in sites:
            place = places.get(site.path)
            if place is not None and self.arrays[place].ndim > 1:
                self.weights.setdefault(place, site)
        self.others = [i for i in places.values() if i not in self.weights]

    def redraw(self, key: Key) -> None:
        """Draw every weight, of about the size that is usual: it is scaled later."""
        for place, site in self.weights.items():
            old = self.arrays[place]
            fan_in = old.size / max(1, _units(site) * int(np.prod(_stacked(site, old))))
            drawn = jax.random.normal(jax.random.fold_in(key, place), old.shape, jnp.float32)
            self.arrays[place] = (drawn / fan_in**0.5).astype(old.dtype)

    def zero_biases(self, loss: Callable[..., Any]) -> None:
        """Zero each leaf that moves the arguments of some site by 1, or not at all, when it does.

        Of a loop its first turn is looked at, which no other turn leads to. Not by a derivative:
        a rule of the user's may have none going forward.
        """
        firsts = {site.id: site for site in self.weights.values()}
        seen = tap.record(loss, lambda site: site.id in firsts)

        @jax.jit
        def arguments_of(arrays: Sequence[Array]) -> dict[str, Array]:
            args, _ = self.call.filled(arrays)
            return {name: one.pre[_first(firsts[name])] for name, one in seen(*args)[1].items()}

        # Of more axes than one it is a bias where they are loops: an embedding is none.
        axes = {(), *(site.loops for site in firsts.values())}
        vectors = [
            i for i in self.others if self.arrays[i].ndim and self.arrays[i].shape[:-1] in axes
        ]
        # From 0 on: beside a large number, half precision would round the 1 away.
        given = list(self.arrays)
        for place in vectors:
            given[place] = jnp.zeros_like(given[place])
        before = arguments_of(given)
        for place in vectors:
            leaf = given[place]
            moved = arguments_of([*given[:place], leaf + 1, *given[place + 1 :]])
            for name, site in firsts.items():
                if leaf.shape[:-1] in ((), site.loops) and _is_by_one(before[name], moved[name]):
                    self.arrays[place] = leaf

    def scale(self, loss: Callable[..., Any], size: float) -> None:
        """Scale each weight in turn, the first ones first."""
        measure = jax.jit(self.call.call(_sizes(loss, self.weights)))
        for place, site, turn in self._in_order():
            self._scale_one(
                place, turn, size, lambda i=site.id, t=turn: _rms(measure(*self.arrays)[i], t)
            )

    def _in_order(self) -> Iterator[tuple[int, Site, tuple[int, ...]]]:
        """Go through the weights as they are used: in a loop over layers, turn by turn."""
        for _, group in groupby(self.weights.items(), lambda pair: self._loop(*pair)):
            members = list(group)
            place, site = members[0]
            for turn in _turns(site, self.arrays[place]):
                yield from ((place, site, turn) for place, site in members)

    def _loop(self, place: int, site: Site) -> Any:
        """Tell the loop that a weight is stacked along: neighbours of equal lengths share one."""
        stacked = _stacked(site, self.arrays[place])
        return (stacked, site.order) if stacked else place

    def _scale_one(
        self, place: int, turn: tuple[int, ...], size: float, measured: Callable[[], float]
    ) -> None:
        before = measured()
        for _ in range(_ROUNDS):
            if not (0 < before < np.inf) or abs(before / size - 1) < _NEAR:
                return
            old = self.arrays[place]
            self.arrays[place] = _multiplied(old, turn, size / before)
            now = measured()
            if not abs(np.log(now / size)) < abs(np.log(before / size)) / 2:
                self.arrays[place] = old  # its size matters little here
                return
            before = now


def _is_by_one(before: Any, after: Any) -> bool:
    """Say whether some values rose by 1 and the others stayed, but for roundings."""
    eps = float(jnp.finfo(before.dtype).eps)
    before, after = np.asarray(before, np.float64), np.asarray(after, np.float64)
    near = 8 * eps * (1 + np.abs(before))
    rose = np.abs(after - before - 1) <= near
    stayed = np.abs(after - before) <= near
    return bool(np.all(near < 0.25) and np.all(rose | stayed) and np.any(rose))


def _sizes(loss: Callable[..., Any], weights: dict[int, Site]) -> Callable[..., Any]:
    """Build the function that gives the mean square of the arguments of each site."""
    names = {site.id for site in weights.values()}

    def mean_square(_site: Any, _act: Any, pre: Any, _post: Any) -> Any:
        return jnp.mean(jnp.square(widened(pre)))

    observed = tap.observe(loss, mean_square, lambda site: site.id in names)
    return lambda *args: observed(*args)[1]


def _stacked(site: Site, leaf: Any) -> tuple[int, ...]:
    """Tell the axes of a leaf along which the weights of several layers lie."""
    layered = site.loop == "layers" and leaf.ndim > len(site.loops) + 1
    return site.loops if layered and leaf.shape[: len(site.loops)] == site.loops else ()


def _turns(site: Site, leaf: Any) -> list[tuple[int, ...]]:
    return turns.running(site) if _stacked(site, leaf) else [()]


def _first(site: Site) -> tuple[int, ...]:
    return tuple(-1 if order < 0 else 0 for order in site.order)


def _rms(mean_square: Any, turn: tuple[int, ...]) -> float:
    values = np.asarray(mean_square, np.float64)
    return float(np.sqrt(values[turn].mean()))


def _multiplied(leaf: Any, turn: tuple[int, ...], factor: float) -> Any:
    scale = np.ones(leaf.shape[: len(turn)] + (1,) * (leaf.ndim - len(turn)), np.float32)
    scale[turn or ...] = factor
    return (widened(jnp.asarray(leaf)) * scale).astype(leaf.dtype)


def _units(site: Site) -> int:
    return int(np.prod([site.shape[axis] for axis in site.unit_axes]))
