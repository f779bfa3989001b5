"""Which half of a layer's output is the gate?"""

import jax
from jax.typing import ArrayLike

from relu_jax.activations.axes import from_front
from relu_jax.activations.inputs import as_float
from relu_jax.core import errors

# Where the gate lies in one array that holds both, by who wrote the layer.
LAYOUTS: dict[str, dict[str, bool]] = {
    "jax.nn.glu": {"gate_first": False, "interleaved": False},
    "torch.nn.GLU": {"gate_first": False, "interleaved": False},
    "megatron": {"gate_first": True, "interleaved": False},
    "gpt-oss": {"gate_first": True, "interleaved": True},
}


def split(
    x: ArrayLike, *, gate_first: bool, interleaved: bool = False, axis: int = -1
) -> tuple[jax.Array, jax.Array]:
    """Part a layer's output into (value, gate).

    Args:
        x: of even size along `axis`.
        gate_first: whether the gate is the first half, or the even places.
        interleaved: whether value and gate alternate, instead of lying in two halves.
        axis: which axis holds both.

    Returns:
        (value, gate), in this order whatever the layout. `LAYOUTS` has the known ones.

    Raises:
        ValueError: an odd size, or no such axis.

    Example:
        >>> import jax.numpy as jnp
        >>> value, gate = split(jnp.arange(4.0), gate_first=True, interleaved=True)
        >>> value.tolist(), gate.tolist()
        ([1.0, 3.0], [0.0, 2.0])
    """
    x = as_float(x)
    axis = from_front(axis, x)
    if x.shape[axis] % 2:
        raise errors.rejected(
            rule="value and gate are halves of an axis of even size",
            got=f"{errors.describe(x)}, axis={axis}",
            do="pass the axis that holds both",
        )
    size = x.shape[axis]
    places = (slice(0, size, 2), slice(1, size, 2))
    halves = (slice(0, size // 2), slice(size // 2, size))
    lead = (slice(None),) * axis
    first, second = (x[(*lead, part)] for part in (places if interleaved else halves))
    return (second, first) if gate_first else (first, second)
