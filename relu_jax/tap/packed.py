"""How are small numbers kept, a few bits an element?"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.tap import shards


def bits(n: int) -> int:
    """Count the binary digits that tell n numbers apart.

    Example:
        >>> [bits(n) for n in (1, 2, 3, 4)]
        [0, 1, 2, 2]
    """
    return (n - 1).bit_length()


def pack(beyond: Sequence[Any], n: int) -> list[Any]:
    """Pack how many edges lie below, eight elements to a byte and one array per binary digit.

    Args:
        beyond: per edge an array of flags, all of one shape, not empty.
        n: one more than there are edges.

    Returns:
        `bits(n)` arrays of uint8 whose last axis is an eighth as long, rounded up; a number has one
        of length 1.

    Example:
        >>> import jax.numpy as jnp
        >>> z = jnp.array([-2.0, 0.5, 3.0])
        >>> [plane.tolist() for plane in pack([z > 0, z > 1], 3)]
        [[64], [32]]
    """
    if n < 2:
        return []
    number = sum(flag.astype(jnp.uint8) for flag in beyond)
    rows = jnp.atleast_1d(number)
    return [_bytes((rows >> i) & 1) for i in range(bits(n))]


def _bytes(flags: Any) -> Any:
    """Pack along the last axis as `jnp.packbits` does, which sums in 32 bits, that XLA keeps."""
    last = flags.shape[-1]
    whole = jnp.pad(flags, [*[(0, 0)] * (flags.ndim - 1), (0, -last % 8)])
    eights = whole.reshape(*flags.shape[:-1], -(-last // 8), 8)
    places = jax.lax.broadcasted_iota(np.uint8, eights.shape, eights.ndim - 1)
    placed = eights << (np.uint8(7) - places)
    return jax.lax.reduce(placed, np.uint8(0), jax.lax.add, (placed.ndim - 1,))


def unpack(planes: Sequence[Any], like: Any) -> Any:
    """Read what was packed.

    Args:
        planes: what `pack` gave.
        like: an array of the shape that the flags had.

    Returns:
        uint8 numbers of that shape, split over devices as `like` is; None where nothing was packed.

    Example:
        >>> import jax.numpy as jnp
        >>> z = jnp.array([-2.0, 0.5, 3.0])
        >>> unpack(pack([z > 0, z > 1], 3), z).tolist()
        [0, 1, 2]
    """
    if not planes:
        return None
    last = like.shape[-1] if like.shape else 1
    digits = [jnp.unpackbits(plane, axis=-1, count=last) for plane in planes]
    number = digits[0]
    for i, digit in enumerate(digits[1:], start=1):
        number = number + (digit << i)
    return shards.split_like(number.reshape(like.shape), like)
