"""How do the arrays of a site become samples of units?"""

import math

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Shaped

from relu_jax.core import errors
from relu_jax.core.types import Array
from relu_jax.tap import Site


def of_site(site: Site, values: ArrayLike) -> Shaped[Array, "N H"]:
    """Lay what was recorded at a site out as one row per sample and one column per unit.

    A sample is an example, a position or a step; a unit is a neuron or a channel. Turns of loops
    and shards count as samples too.

    Args:
        site: where it was recorded.
        values: `pre`, `post`, `d_pre` or `d_post` of that site.

    Raises:
        ValueError: the shape is not that of the site, behind one axis per loop.

    Edges: a site without units gives one column.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> w = jnp.ones((3, 5))
        >>> f = lambda w, x: jax.nn.relu(x @ w)
        >>> _, seen = rj.tap.record(f)(w, jnp.ones((2, 4, 3)))
        >>> (site,) = rj.tap.sites(f, w, jnp.ones((2, 4, 3)))
        >>> of_site(site, seen["w"].post).shape
        (8, 5)
    """
    array = jnp.asarray(values)
    if array.shape != (*site.loops, *site.shape):
        raise errors.rejected(
            rule="values of a site have its shape, behind one axis per loop",
            got=f"{errors.describe(array)} for {site.id}, of {(*site.loops, *site.shape)}",
            do="pass what rj.tap.record or rj.tap.cotangents gave for it, for the same inputs",
        )
    ahead = len(site.loops)
    units = tuple(ahead + axis for axis in site.unit_axes)
    behind = jnp.moveaxis(array, units, range(array.ndim - len(units), array.ndim))
    width = math.prod(site.shape[axis] for axis in site.unit_axes)
    return behind.reshape(-1 if array.size else _rows(array.shape, units), width)


def refuse_non_finite(
    code: np.ndarray,
    what: str = "a code",
    do: str = "rj.diagnose names the first site that is not finite",
) -> None:
    """Refuse a code with values that are not finite.

    Args:
        code: the values.
        what: what they are, in the words of the error.
        do: what to do about it.

    Raises:
        ValueError: how many there are.

    Example:
        >>> refuse_non_finite(np.ones((2, 3)))
    """
    lost = int((~np.isfinite(code)).sum())
    if lost:
        raise errors.rejected(
            rule=f"{what} is finite",
            got=f"{lost} of {code.size} values that are not",
            do=do,
        )


def _rows(shape: tuple[int, ...], units: tuple[int, ...]) -> int:
    return math.prod(size for axis, size in enumerate(shape) if axis not in units)
