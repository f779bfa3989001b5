"""How does a stream of batches become sums, with one batch under way while the last is read?"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax import tap
from relu_jax.core import errors
from relu_jax.core.types import Array, PyTree
from relu_jax.diagnosis import causes, inputs, kinds, losses, parameters, spread, step, totals
from relu_jax.tap import Sites, arguments
from relu_jax.tap.selectors import Selectable

Progress = Callable[[int], object]
_KEPT = 8  # compiled programs, one per shape of batch


class Program(NamedTuple):
    """What was built for one shape of batch."""

    call: arguments.Arguments
    sites: Sites
    step: step.Step


Programs = dict[Any, Program]  # by the shapes of a batch


class Turn(NamedTuple):
    """One batch that is under way."""

    program: Program
    examples: int
    seen: step.Packed
    sums: list[Any]  # valid for the last turn only: each is handed on to the next


class Found(NamedTuple):
    """What all batches gave."""

    call: arguments.Arguments
    sites: Sites
    paths: list[str]
    settings: frozenset[str]  # paths of plain Python floats: parameters only if they are used
    own: list[Array]
    sizes: list[tuple[float, int]]
    total: totals.Totals
    origins: list[list[causes.Origin]]
    sums: list[Any]
    examples: int  # of the first batch


def run(
    loss: losses.Loss,
    params: PyTree,
    batches: Iterable[Any],
    only: Selectable | None,
    has_aux: bool | None,
    progress: Progress | None,
    programs: Programs | None = None,
    mesh: jax.sharding.Mesh | None = None,
) -> Found:
    """Take all batches through, and add up what each gave.

    Args:
        loss, params, batches, only, has_aux, progress, mesh: as in `diagnose`.
        programs: what an earlier run of the same loss built, for parameters of the same structure,
            shapes and settings; added to. None builds all anew.

    Raises:
        DataError: no batches, an empty one, or one that does not fit params and loss.
        ValueError: the loss is not a scalar.
    """
    inputs.flattened(params, "params")
    total, origins, first, last = None, [], None, None
    sizes: list[tuple[float, int]] = []
    built = {} if programs is None else programs
    for turn in _behind(_turns(loss, params, batches, only, has_aux, built, mesh)):
        first, last = first or turn, turn
        sizes = sizes or parameters.sizes(own_arrays(first.program))
        with _worded(len(origins)):
            seen = turn.program.step.read(turn.seen)
        sites = {site.id: site for site in turn.program.sites}
        new = totals.of_batch(seen, sites, turn.examples)
        origins.append(_origins(turn.program, new, seen, sizes))
        total = totals.add(total, new)
        if progress is not None:
            progress(total.batches)
    assert total is not None  # a stream without batches is refused
    assert first is not None
    assert last is not None
    program = first.program
    return Found(
        program.call, program.sites, inputs.check_params(program.call), _settings(program.call),
        own_arrays(program), sizes,
        total, origins, last.sums, first.examples,
    )  # fmt: skip


def _turns(
    loss: losses.Loss,
    params: PyTree,
    batches: Iterable[Any],
    only: Selectable | None,
    has_aux: bool | None,
    programs: Programs,
    mesh: jax.sharding.Mesh | None,
) -> Iterator[Turn]:
    """Start the work on each batch; nothing here waits for the device."""
    own: list[Array] = []
    sums: list[Any] = []
    for batch in inputs.stream(batches):
        if batch.signature not in programs:
            programs[batch.signature] = prepare(loss, params, batch, only, has_aux)
        program = programs[batch.signature]
        for old in list(programs)[:-_KEPT]:  # the latest shapes: flat memory, whatever comes
            del programs[old]
        if not sums:  # of parameters that may be others than those it was built with
            program = program._replace(call=arguments.part(loss, (params, batch.tree), {}))
            own = spread.everywhere(own_arrays(program), mesh)
            sums = step.empty_sums(own)
        with _worded(batch.position):
            arrays = spread.split(batch, mesh)
            seen, sums = program.step(own, arrays, sums, np.float32(batch.examples))
        yield Turn(program, batch.examples, seen, sums)


@contextmanager
def _worded(position: int) -> Iterator[None]:
    """Word what goes wrong while a batch runs: memory that ends, or a callback of the user's."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        raise errors.rejected(
            rule="the loss runs on every batch",
            got=f"{errors.told(error)}, on batch {position}",
            do="pass smaller batches where memory ran out; else run the loss by itself",
            kind=errors.DataError,
        ) from error


def _behind(turns: Iterator[Turn]) -> Iterator[Turn]:
    """Hand out each turn when the next one is under way, so that the device never waits."""
    held = None
    for turn in turns:
        if held is not None:
            yield held
        held = turn
    if held is not None:
        yield held


def prepare(
    loss: losses.Loss,
    params: PyTree,
    batch: inputs.Batch,
    only: Selectable | None,
    has_aux: bool | None,
) -> Program:
    """Check one batch against params and loss, find the sites, and build the step.

    Raises:
        DataError: the batch or the parameters do not fit.
        ValueError: the loss is not a scalar.
    """
    call = arguments.part(loss, (params, batch.tree), {})
    inputs.check_params(call)
    paired = losses.check_loss(loss, call, has_aux=has_aux, position=batch.position)
    losses.check_gradient(loss, call, has_aux=paired)
    sites = tap.sites(loss, params, batch.tree)
    sups = {site.id: kinds.known(site).sup for site in sites}
    return Program(call, sites, step.build(loss, call, sups, only=only, has_aux=paired))


def own_arrays(program: Program) -> list[Array]:
    """Take the arrays of params."""
    call = program.call
    pairs = zip(call.leaves, call.arrays, strict=True)
    return [jnp.asarray(array) for leaf, array in pairs if leaf.arg == 0]


def _settings(call: arguments.Arguments) -> frozenset[str]:
    """Find what was a Python float: as an array it is of weak type."""
    pairs = zip(call.leaves, call.arrays, strict=True)
    return frozenset(leaf.path for leaf, array in pairs if getattr(array, "weak_type", False))


def _origins(
    program: Program, new: totals.Totals, seen: step.Seen, sizes: Sequence[tuple[float, int]]
) -> list[causes.Origin]:
    """Find where NaN or inf came first in one batch."""
    leaves = program.call.leaves
    own = [leaf.path for leaf in leaves if leaf.arg == 0]
    data = [leaf.path for leaf in leaves if leaf.arg == 1]
    return causes.origins(
        new,
        program.sites,
        {path: strange for path, (_, strange) in zip(own, sizes, strict=True)},
        {path: int(n) for path, n in zip(data, seen.strange_data, strict=True)},
        [path for path, peak in zip(own, seen.steepest, strict=True) if not np.isfinite(peak)],
    )
