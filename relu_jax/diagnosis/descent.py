"""How do parameters of any structure take some steps of an optimiser, on batches of any shape?"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from relu_jax.core.types import PyTree
from relu_jax.diagnosis import inputs, losses, parameters
from relu_jax.tap import arguments

Steps = dict[Any, Callable[..., Any]]  # compiled, by the shapes of a batch


def descend(
    loss: losses.Loss,
    params: PyTree,
    batches: Sequence[inputs.Batch],
    order: Sequence[int],
    optimizer: optax.GradientTransformation,
    compiled: Steps,
) -> tuple[PyTree, np.ndarray]:
    """Make one step per entry of `order`, and tell the loss before each.

    Args:
        loss: loss(params, batch) → scalar, or (scalar, aux), as a diagnosis has checked it.
        params: what the loss takes; what is no array in it stays as it is.
        batches: as `inputs.stream` hands them out.
        order: places in `batches`.
        optimizer: starts from a fresh state.
        compiled: steps of this loss and optimiser, for parameters of these shapes; added to.

    Edges: a loss that is not finite does not end it.
    """
    call = arguments.part(loss, (params, batches[0].tree), {})
    own = [
        jnp.asarray(array, dtype=array.dtype)
        for leaf, array in zip(call.leaves, call.arrays, strict=True)
        if leaf.arg == 0
    ]
    state = optimizer.init(parameters.tree(call, own))
    seen = []
    for place in order:
        batch = batches[place]
        if batch.signature not in compiled:
            of_batch = arguments.part(loss, (params, batch.tree), {})
            compiled[batch.signature] = _built(loss, of_batch, optimizer)
        own, state, value = compiled[batch.signature](own, state, batch.arrays)
        seen.append(value)
    filled, _ = call.filled([*own, *call.arrays[len(own) :]])
    return filled[0], np.asarray(jax.device_get(seen), np.float64)


def _built(
    loss: losses.Loss, call: arguments.Arguments, optimizer: optax.GradientTransformation
) -> Callable[..., Any]:
    of_arrays = call.call(loss)

    def value_of(own: Sequence[Any], data: Sequence[Any]) -> Any:
        out = of_arrays(*own, *data)
        return out[0] if isinstance(out, tuple | list) else out

    extended = optax.with_extra_args_support(optimizer)

    def step(own: Sequence[Any], state: Any, data: Sequence[Any]) -> Any:
        def of_tree(params: PyTree) -> Any:  # for a line search
            return value_of(jax.tree.leaves(params), data)

        value, gradient = jax.value_and_grad(value_of)(own, data)
        params = parameters.tree(call, own)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes floats and counters
            gradient = parameters.tree(call, gradient)
            updates, state = extended.update(
                gradient, state, params, value=value, grad=gradient, value_fn=of_tree
            )
            params = optax.apply_updates(params, updates)
        return jax.tree.leaves(params), state, value

    return jax.jit(step)  # an optimiser's state may hold the parameters: none is given away
