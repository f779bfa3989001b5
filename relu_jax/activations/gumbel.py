"""How is a category drawn so that its gradient exists?"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from relu_jax.activations.axes import from_front
from relu_jax.activations.inputs import as_float
from relu_jax.activations.simplex import softmax
from relu_jax.core import errors
from relu_jax.core.numerics import widened
from relu_jax.core.types import Key


def gumbel_softmax(
    key: Key,
    x: ArrayLike,
    *,
    temperature: float = 1.0,
    hard: bool = False,
    axis: int = -1,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Draw a nearly one-hot sample: softmax((x + g) / temperature), g standard Gumbel noise.

    Args:
        key: for the noise.
        x: unnormalised log-probabilities.
        temperature: above 0; towards 0 the samples become one-hot.
        hard: whether the value is one-hot (at the first of equal weights), with the gradient of
            the soft sample.
        axis: along which the weights sum to 1.
        where: booleans that broadcast to x; None keeps all entries.

    Raises:
        ValueError: temperature <= 0, and what `softmax` refuses.

    Edges: those of `softmax`.

    Source: Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017.

    Example:
        >>> gumbel_softmax(jax.random.key(0), jnp.zeros(3), hard=True).sum().tolist()
        1.0
    """
    if not temperature > 0:
        raise errors.rejected(
            rule="gumbel_softmax needs temperature > 0",
            got=f"temperature={temperature}",
            do="pass temperature=1.0",
        )
    x = as_float(x)
    axis = from_front(axis, x)
    # float32 at least: half precision has too few uniform numbers near 0 and 1.
    wide = widened(x)
    noise = jax.random.gumbel(key, x.shape, wide.dtype)
    wide_y = softmax((wide + noise) / temperature, axis=axis, where=where)
    y = wide_y.astype(x.dtype)
    if not hard:
        return y
    first = jax.nn.one_hot(jnp.argmax(wide_y, axis), x.shape[axis], axis=axis, dtype=x.dtype)
    # y - y is 0 in value and dy in derivative: the one-hot value stays exact.
    some = first if where is None else jnp.where(jnp.broadcast_to(where, x.shape), first, 0)
    return lax.stop_gradient(some) + (y - lax.stop_gradient(y))
