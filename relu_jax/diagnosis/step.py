"""One pass over one batch: value, gradient and every summary, as one compiled program."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax import tap
from relu_jax.core.numerics import widened
from relu_jax.core.types import Array
from relu_jax.diagnosis import losses, statistics
from relu_jax.tap import arguments


class Seen(NamedTuple):
    """What one batch gives. Lists run over leaves."""

    loss: Array
    forward: dict[str, statistics.Forward]
    backward: dict[str, tap.Cotangent]
    steepest: list[Array]  # per parameter leaf: the largest |gradient|; NaN where one is NaN
    strange_data: list[Array]  # per array of the batch: NaN and infinite entries


Packed = dict[str, Array]  # numbers by dtype, of all that was seen: one array is soon fetched

Pass = Callable[[Sequence[Array], Sequence[Any], Sequence[Any], Any], tuple[Seen, list[Array]]]


class Step:
    """One pass, compiled: ``step(own, batch, sums, examples) -> (Packed, sums)``.

    `own` are the arrays of params, `sums` the sums of examples · gradient. Fifty small arrays take
    longer to return and to fetch than a few: a third of the step of a small network.
    """

    def __init__(self, whole: Pass) -> None:
        self._layout: tuple[Any, list[jax.ShapeDtypeStruct]] | None = None

        def run(*args: Any) -> tuple[Packed, list[Array]]:
            seen, sums = whole(*args)
            leaves, tree = jax.tree.flatten(seen)
            self._layout = tree, [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves]
            kinds = dict.fromkeys(x.dtype.name for x in leaves)
            parts = {kind: [x.ravel() for x in leaves if x.dtype == kind] for kind in kinds}
            return {kind: jnp.concatenate(part) for kind, part in parts.items()}, sums

        self._run = jax.jit(run, donate_argnums=2)

    def __call__(
        self, own: Sequence[Array], batch: Sequence[Any], sums: Sequence[Any], examples: Any
    ) -> tuple[Packed, list[Array]]:
        """Start the pass over one batch."""
        return self._run(own, batch, sums, examples)

    def read(self, packed: Packed) -> Seen:
        """Wait for what a pass saw, and take it apart, as arrays of NumPy."""
        assert self._layout is not None  # what is packed was traced
        tree, shapes = self._layout
        rest = {kind: np.asarray(numbers) for kind, numbers in jax.device_get(packed).items()}
        leaves = []
        for shape in shapes:
            numbers = rest[shape.dtype.name]
            leaves.append(numbers[: shape.size].reshape(shape.shape))
            rest[shape.dtype.name] = numbers[shape.size :]
        return jax.tree.unflatten(tree, leaves)


def build(
    loss: losses.Loss,
    call: arguments.Arguments,
    sups: Mapping[str, float | None],
    *,
    only: Any,
    has_aux: bool,
) -> Step:
    """Build the pass over a batch.

    Args:
        loss: loss(params, batch).
        call: its arguments, parted; only their structure is kept.
        sups: {site id: sup |f′|}, for every site.
        only: a selector of sites; None means all.
        has_aux: whether the loss returns something beside its value.
    """
    observed = tap.observed_value_and_grad(
        loss, statistics.forward(sups), statistics.backward, only, has_aux=has_aux
    )

    def whole(
        own: Sequence[Array], batch: Sequence[Any], sums: Sequence[Array], examples: Any
    ) -> tuple[Seen, list[Array]]:
        (params, data), _ = call.filled([*own, *batch])
        value, gradient, seen, back = observed(params, data)
        leaves = jax.tree.leaves(gradient)
        found = Seen(
            loss=widened(value[0] if has_aux else value),
            forward=seen,
            backward={name: _without_second_histogram(ends) for name, ends in back.items()},
            steepest=[jnp.max(jnp.abs(g), initial=0) for g in leaves],
            strange_data=[_nonfinite(x) for x in batch],
        )
        return found, [_added(s, g, examples) for s, g in zip(sums, leaves, strict=True)]

    return Step(whole)


def empty_sums(own: Sequence[Any]) -> list[np.ndarray]:
    """Build the zeros that gradients are added to."""
    wide = [np.float64 if leaf.dtype == np.float64 else np.float32 for leaf in own]
    return [np.zeros(leaf.shape, dtype) for leaf, dtype in zip(own, wide, strict=True)]


def _without_second_histogram(ends: tap.Cotangent) -> tap.Cotangent:
    """Drop what is shown of d_pre alone; what is not returned is not computed."""
    return ends._replace(post=ends.post._replace(at_least=ends.post.at_least[..., :0]))


def _added(total: Array, gradient: Array, examples: Array) -> Array:
    return total + widened(gradient) * examples.astype(total.dtype)


def _nonfinite(x: Any) -> Array:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.int32(0)
    return jnp.sum(~jnp.isfinite(x), dtype=jnp.int32)
