"""How large are the parameters, their gradients and the steps of the optimiser?"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import optax

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.diagnosis.sums import Leaf
from relu_jax.diagnosis.types import ParameterReport
from relu_jax.tap import arguments
from relu_jax.training.step import check_optimizer

_AT_ONCE = 2**20  # entries widened to float64 at a time


def optimiser(optimizer: Any, learning_rate: Any) -> optax.GradientTransformation | None:
    """Choose whose updates are measured: an optimiser's, or plain descent at a rate.

    Raises:
        ValueError: both are given, or the rate is not a positive number.
        TypeError: `optimizer` is no optax transformation.
    """
    if optimizer is not None and learning_rate is not None:
        raise errors.rejected(
            rule="the size of updates is taken from an optimizer or from a learning_rate",
            got="both",
            do="leave learning_rate out: the optimizer has its own",
        )
    if optimizer is not None:
        check_optimizer(optimizer)
    if learning_rate is None:
        return optimizer
    number = isinstance(learning_rate, float | int | np.floating) and learning_rate is not True
    if not (number and 0 < learning_rate < math.inf):
        raise errors.rejected(
            rule="learning_rate is a positive number",
            got=errors.describe(learning_rate),
            do="pass e.g. 1e-3; a schedule goes into an optimizer",
        )
    return optax.sgd(float(learning_rate))


def sizes(leaves: Sequence[Any]) -> list[tuple[float, int]]:
    """Measure the RMS of each leaf in float64, and count its NaN and infinite entries."""
    return [_size(np.asarray(leaf).ravel()) for leaf in leaves]


def updates(
    call: arguments.Arguments,
    optimizer: optax.GradientTransformation,
    own: Sequence[Array],
    gradients: Sequence[np.ndarray],
) -> list[Array]:
    """Take the optimiser's first step from its fresh state, with the mean gradient.

    Raises:
        ValueError: the optimiser does not take these parameters.
    """

    def first(own: Sequence[Any], gradients: Sequence[Any]) -> list[Array]:
        params, gradient = tree(call, own), tree(call, gradients)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes floats and counters
            step, _ = optimizer.update(gradient, optimizer.init(params), params)
        return jax.tree.leaves(step)

    narrow = [np.asarray(g, leaf.dtype) for g, leaf in zip(gradients, own, strict=True)]
    return jax.jit(first)(list(own), narrow)


def reports(
    leaves: Sequence[Leaf],
    gradients: Sequence[np.ndarray],
    moved: np.ndarray,
    steps: Sequence[Any] | None,
) -> tuple[ParameterReport, ...]:
    """Build one report per leaf.

    Args:
        leaves: of the parameters.
        gradients: the mean gradient of each.
        moved: batches whose gradient of the leaf was not all 0.
        steps: the optimiser's updates; None without one.
    """
    of_gradients = sizes(gradients)
    of_steps = sizes(steps) if steps is not None else [(None, 0)] * len(leaves)
    return tuple(
        ParameterReport(
            path=leaf.path,
            shape=leaf.shape,
            dtype=leaf.dtype,
            rms=leaf.rms,
            rms_grad=rms_grad,
            ratio=rms_grad / leaf.rms if leaf.rms else None,
            update_ratio=step / leaf.rms if step is not None and leaf.rms else None,
            zero_grad=int(n_moved) == 0,
            nonfinite=leaf.nonfinite,
            nonfinite_grad=strange,
        )
        for leaf, (rms_grad, strange), n_moved, (step, _) in zip(
            leaves, of_gradients, moved, of_steps, strict=True
        )
    )


def tree(call: arguments.Arguments, leaves: Sequence[Array]) -> Any:
    """Put leaves where the arrays of params are, and None where its settings are."""
    (params, *_), _ = call.filled(call.arrays)
    given, structure = jax.tree.flatten(params)
    each = iter(leaves)
    return jax.tree.unflatten(
        structure, [next(each) if arguments.is_array(leaf) else None for leaf in given]
    )


def _size(values: np.ndarray) -> tuple[float, int]:
    total, strange = 0.0, 0
    for start in range(0, values.size, _AT_ONCE):
        part = values[start : start + _AT_ONCE].astype(np.float64)
        total += float(part @ part)
        strange += int(np.count_nonzero(~np.isfinite(part)))
    return math.sqrt(total / max(1, values.size)), strange
