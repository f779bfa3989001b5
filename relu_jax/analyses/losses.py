"""What do the analyses of a loss need of it: that it is one number, and its gradient?"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.tap.arguments import Arguments


def check_scalar(loss: Callable[..., Any], call: Arguments) -> None:
    """Refuse a loss that does not give one real number, without running it.

    Raises:
        ValueError: it gives something else.

    Example:
        >>> from relu_jax.tap import arguments
        >>> check_scalar(jnp.sum, arguments.part(jnp.sum, (jnp.ones(3),), {}))
    """
    result = jax.eval_shape(call.call(loss), *call.arrays)
    real = getattr(result, "shape", None) == () and jnp.issubdtype(result.dtype, jnp.floating)
    if not real:
        raise errors.rejected(
            rule="a loss gives one real number",
            got=errors.describe(result),
            do="reduce it, as with jnp.mean, and drop what it gives beside",
        )


def parameters(call: Arguments) -> dict[str, Array]:
    """List the floating-point arrays of the first argument by their paths.

    Example:
        >>> from relu_jax.tap import arguments
        >>> f = lambda params, x: x
        >>> list(parameters(arguments.part(f, ({"w": jnp.ones(2), "step": 3}, 1.0), {})))
        ['params/w']
    """
    return {
        leaf.path: array
        for array, leaf in zip(call.arrays, call.leaves, strict=True)
        if leaf.arg == 0 and jnp.issubdtype(array.dtype, jnp.floating)
    }


def gradient(loss: Callable[..., Any], call: Arguments) -> dict[str, Array]:
    """Differentiate by `parameters`; the settings of the call stay settings.

    Example:
        >>> from relu_jax.tap import arguments
        >>> f = lambda x: jnp.sum(x**2)
        >>> gradient(f, arguments.part(f, (jnp.ones(2),), {}))["x"].tolist()
        [2.0, 2.0]
    """
    places = {leaf.path: i for i, leaf in enumerate(call.leaves)}

    def of(own: dict[str, Array], arrays: tuple[Any, ...]) -> Any:
        given = list(arrays)
        for path, array in own.items():
            given[places[path]] = array
        return call.call(loss)(*given)

    return jax.jit(jax.grad(of))(parameters(call), call.arrays)
