"""Why does a network not train? One pass over its data, in flat memory, and a verdict."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
import optax

from relu_jax.core.types import PyTree
from relu_jax.diagnosis import depth as in_depth
from relu_jax.diagnosis import losses, parameters, spread, streaming
from relu_jax.diagnosis.judged import judged, mean_gradients
from relu_jax.diagnosis.result import Diagnosis
from relu_jax.diagnosis.sums import Leaf, Sums, digest
from relu_jax.tap.selectors import Selectable


def diagnose(
    loss: Callable[[Any, Any], Any],
    params: PyTree,
    batches: Iterable[Any],
    *,
    mesh: jax.sharding.Mesh | None = None,
    only: Selectable | None = None,
    has_aux: bool | None = None,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float | None = None,
    progress: Callable[[int], object] | None = None,
    depth: str = "fast",
    mergeable: bool = False,
) -> Diagnosis:
    """Measure a network on data, forward and backward, and say what is wrong and where.

    Args:
        loss: loss(params, batch) → scalar, or (scalar, aux); not edited, any framework.
        params: the arrays it is differentiated by, all of floats.
        batches: any iterable of batches, examples first; taken one at a time, so a generator of
            any length will do. A batch of another shape costs a second compilation. The number
            of examples is the leading size that most of its arrays share.
        mesh: devices that share the examples of each batch, over all its axes; the loss is as it
            is for one device. None leaves the arrays where they are.
        only: a selector of sites (see `relu_jax.tap.select`); None looks at all.
        has_aux: whether the loss returns (scalar, aux); None finds out.
        optimizer: measures the size of its first update from a fresh state.
        learning_rate: the same for plain gradient descent at this rate.
        progress: called after each batch with the number of batches done.
        depth: "fast" takes one pass over the batches; "full" also measures the first of them in
            depth: beside every gain what mean-field theory expects, arguments on kinks and what
            hangs on them, sparsity by all definitions, gradients that half precision would make 0.
            It holds the values of all sites of that batch at once, and compiles a program or two
            for each.
        mergeable: keeps the sums, as large as the parameters, so that `rj.diagnosis.merge` can
            join this diagnosis with others, of other processes say; `save` writes them too.

    Returns:
        findings, worst first, and all the numbers; printed, a table.

    Raises:
        DataError: no batches, an empty one, params that are no floats, a batch that the loss does
            not take, or that the devices of the mesh do not divide.
        ValueError: the loss is not a scalar, cannot be traced, or has no gradient; or a depth
            of another name.
        TypeError: the loss is no function of (params, batch), or the mesh is none.

    Edges: NaN and inf, wherever they come from, are findings and no errors. Means over batches
    are weighted by examples. Over a mesh counts are those of one device, and sums of floats are to
    single roundings.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def loss(params, x):
        ...     return jnp.mean(jax.nn.relu(x @ params["first"]) @ params["last"])
        >>> params = {"first": -jnp.ones((3, 4)), "last": jnp.ones((4, 1))}
        >>> d = diagnose(loss, params, [jnp.ones((64, 3))])
        >>> d.findings[0].kind, d.findings[0].site, d.sites["first"].dead
        ('dead_units', 'first', 4)
    """
    devices = spread.check(mesh)
    losses.check_function(loss)
    full = in_depth.check(depth)
    chosen = parameters.optimiser(optimizer, learning_rate)
    return measured(
        loss, params, batches, only, has_aux, chosen, progress, mesh=devices, full=full,
        keep=mergeable,
    )  # fmt: skip


def measured(
    loss: Callable[[Any, Any], Any],
    params: PyTree,
    batches: Iterable[Any],
    only: Selectable | None = None,
    has_aux: bool | None = None,
    chosen: optax.GradientTransformation | None = None,
    progress: Callable[[int], object] | None = None,
    programs: streaming.Programs | None = None,
    mesh: jax.sharding.Mesh | None = None,
    full: bool = False,
    keep: bool = False,
) -> Diagnosis:
    """Measure and judge, with programs that may be there from before: see `streaming.run`."""
    started = time.perf_counter()
    with jax.debug_nans(False), jax.debug_infs(False):  # here they are findings, not errors
        found = streaming.run(loss, params, batches, only, has_aux, progress, programs, mesh)
        sums = _gathered(found, keep=keep)
        steps = None
        if chosen is not None:
            steps = parameters.updates(found.call, chosen, found.own, mean_gradients(sums))
        depth = _deep(loss, has_aux, found) if full else None
    return judged(
        sums, found.sites.linear, found.sites.coverage, started=started, steps=steps, depth=depth,
        keep=keep,
    )  # fmt: skip


def _gathered(found: streaming.Found, *, keep: bool) -> Sums:
    own = zip(found.paths, found.own, found.sizes, strict=True)
    leaves = tuple(
        Leaf(
            path, tuple(leaf.shape), str(leaf.dtype), path in found.settings, *size,
            digest(np.asarray(leaf)) if keep else "",
        )
        for path, leaf, size in own
    )  # fmt: skip
    gradients = tuple(map(np.asarray, found.sums))
    origins = tuple(map(tuple, found.origins))
    return Sums(tuple(found.sites), leaves, found.total, origins, gradients)


def _deep(loss: losses.Loss, has_aux: bool | None, found: streaming.Found) -> in_depth.Depth:
    return in_depth.measured(
        loss, found.call, found.sites, has_aux=has_aux, examples=found.examples,
        kept=frozenset(found.total.forward),
    )  # fmt: skip
