"""How is a loss minimised over a stream of batches?"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np
import optax

from relu_jax.core import errors
from relu_jax.core.batches import iterable
from relu_jax.core.integers import integer
from relu_jax.core.types import Key, PyTree
from relu_jax.training.step import Info, Loss, State, Step, build_step, check_optimizer, start


def fit(
    loss: Loss,
    params: PyTree | State,
    batches: Iterable[Any],
    optimizer: optax.GradientTransformation,
    *,
    steps: int,
    key: Key | None = None,
    has_aux: bool = False,
    log_every: int = 1,
    on_step: Callable[[Info], None] | None = None,
    stop_on_nonfinite: bool = False,
) -> tuple[State, Info]:
    """Minimise a loss: one compiled step, one batch each.

    Args:
        loss: loss(params, batch) gives a scalar, or (scalar, aux) with `has_aux`; with a key
            it is called as loss(params, batch, key).
        params: float arrays, or the State of an earlier fit, which goes on where that ended.
        batches: at least `steps` of them, of the same shapes; taken one at a time.
        optimizer: any optax transformation.
        steps: updates to make, at least 1.
        key: makes the loss stochastic; a State brings its own.
        has_aux: whether the loss returns a pair.
        log_every: report each step whose number (`Info.step`) is a multiple of this, and the
            last one.
        on_step: called with the Info of each reported step; it waits for the device only if
            it reads a value.
        stop_on_nonfinite: end at the first loss that is NaN or infinite, with the State that
            went into that step, so the parameters are still those that caused it. Every step
            then waits for its loss.

    Returns:
        The State after the last step, and the Info of the reported steps as NumPy arrays with
        T in front. Same arguments, same machine: the same bits, in one fit or several.

    Raises:
        DataError: the batches end early, are one batch, or one is empty or does not fit the
            parameters.
        ValueError: steps or log_every below 1, no parameter, the loss is no scalar, a key
            beside a State.
        TypeError: a parameter or the loss is no float, steps or log_every no integer, the
            optimizer no optax transformation.

    Edges: without `stop_on_nonfinite` a non-finite loss stands in the Info and training goes on.

    Example:
        >>> import jax.numpy as jnp
        >>> def loss(w, x):
        ...     return jnp.mean((w - x) ** 2)
        >>> state, info = fit(loss, jnp.zeros(2), [jnp.ones(2)] * 50, optax.sgd(0.5), steps=50)
        >>> state.params.round(3).tolist(), info.loss.shape
        ([1.0, 1.0], (50,))
    """
    _at_least_one(steps=steps, log_every=log_every)
    check_optimizer(optimizer)
    each = iterable(batches)
    state = _begun(params, optimizer, key)
    step = jax.jit(build_step(loss, optimizer, has_aux=has_aux))
    reports: list[Info] = []
    first = int(state.step)
    for number, batch in enumerate(_exactly(steps, each), first):
        after, info = _updated(step, state, batch, number - first)
        ended = stop_on_nonfinite and not np.isfinite(info.loss)
        if number % log_every == 0 or number == first + steps - 1 or ended:
            reports.append(info)
            if on_step is not None:
                on_step(info)
        if ended:
            break
        state = after
    return state, _stacked(reports)


def _begun(
    params: PyTree | State, optimizer: optax.GradientTransformation, key: Key | None
) -> State:
    if not isinstance(params, State):
        return start(params, optimizer, key=key)
    if key is None:
        return params
    raise errors.rejected(
        rule="a State brings its own key",
        got="a State and a key",
        do="leave the key out, or pass state._replace(key=key)",
    )


def _updated(step: Step, state: State, batch: Any, position: int) -> tuple[State, Info]:
    """Make one update; word what the loss raises about its batch."""
    try:
        return step(state, batch)
    except Exception as error:
        # A FloatingPointError was asked for, by jax.debug_nans.
        if errors.is_worded(error) or isinstance(error, FloatingPointError):
            raise
        shapes = _shapes(batch=batch, params=state.params)
        do = f"compare {shapes}; batches is a list of batches, not one batch"
        raise errors.loss_failed(error, position, do) from error


def _shapes(most: int = 8, **trees: Any) -> str:
    words = [
        f"{name}{jax.tree_util.keystr(path)} {errors.describe(leaf)}"
        for name, tree in trees.items()
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]
    return ", ".join(words[:most]) + (", …" if len(words) > most else "")


def _exactly(steps: int, batches: Iterable[Any]) -> Iterator[Any]:
    taken = 0
    for batch in itertools.islice(batches, steps):
        sizes = [np.size(leaf) for leaf in jax.tree.leaves(batch)]
        if not sizes or 0 in sizes:
            raise errors.rejected(
                rule="a batch holds at least one example",
                got=f"an empty one, number {taken}",
                do="drop it from the batches",
                kind=errors.DataError,
            )
        taken += 1
        yield batch
    if taken < steps:
        raise errors.rejected(
            rule=f"there is a batch for each of {steps} steps",
            got=f"{taken} batches",
            do="pass fewer steps, or batches without end (relu_jax.data.stream)",
            kind=errors.DataError,
        )


def _stacked(reports: list[Info]) -> Info:
    return jax.tree.map(lambda *values: np.stack(values), *jax.device_get(reports))


def _at_least_one(**counts: Any) -> None:
    for name, value in counts.items():
        if integer(name, value) < 1:
            raise errors.rejected(rule=f"{name} is at least 1", got=str(value), do=f"raise {name}")
