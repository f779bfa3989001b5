"""Which numbers does a maximum compare: of two arrays, along axes, or in a window?"""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np

from relu_jax.core import errors
from relu_jax.tap import compat

# By what the argument of each is multiplied: the smallest is the largest of the negatives.
SIGNS = {"max": 1, "reduce_max": 1, "reduce_window_max": 1, "min": -1, "reduce_min": -1}
OF_ONE = ("reduce_max", "reduce_window_max")  # whose argument is an array as it is
_WINDOW = ("window_dimensions", "window_strides", "padding", "base_dilation", "window_dilation")


def compared(eqn: Any, where: str) -> np.ndarray:
    """List what each result of a maximum is the largest of.

    Args:
        eqn: an equation whose name is in SIGNS; examples lead in its operands.
        where: it is, for the error.

    Returns:
        (units, k): numbers of elements of an example, of two arrays one after the other; -1: none.

    Raises:
        NotImplementedError: it compares examples with each other.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> closed = jax.make_jaxpr(lambda x: x.max(axis=1))(jnp.ones((2, 3)))
        >>> compared(closed.jaxpr.eqns[0], "here").tolist()
        [[0, 1, 2]]
    """
    name = eqn.primitive.name
    shape = eqn.invars[0].aval.shape if "reduce" in name else eqn.outvars[0].aval.shape
    n = math.prod(shape[1:])
    each = np.arange(n).reshape(shape[1:])
    if name in ("max", "min"):
        return np.stack([each.ravel(), n + each.ravel()], axis=1)
    return _windows(eqn, each, where) if name == "reduce_window_max" else _axes(eqn, each)


def placed(what: str, eqn: Any) -> str:
    """Name something of an equation with its line in the user's code.

    Example:
        >>> import jax
        >>> (eqn,) = jax.make_jaxpr(lambda x: x + 1.0)(2.0).eqns
        >>> placed("add", eqn).split()[0]
        'add'
    """
    written = next(iter(compat.user_frames(eqn)), None)
    return f"{what} at {Path(written[0]).name}:{written[1]}" if written else what


def _axes(eqn: Any, each: np.ndarray) -> np.ndarray:
    """List the elements that are compared along axes."""
    axes = [axis - 1 for axis in eqn.params["axes"]]
    moved = np.moveaxis(each, axes, range(-len(axes), 0))
    kept = [size for axis, size in enumerate(each.shape) if axis not in axes]
    return moved.reshape(math.prod(kept), -1)


def _windows(eqn: Any, each: np.ndarray, where: str) -> np.ndarray:
    """List the elements in each window of a pooling, by pooling their numbers, place by place."""
    size, strides, padding, base, window = (eqn.params[name] for name in _WINDOW)
    if size[0] != 1 or set(base) != {1}:
        raise errors.rejected(
            rule="a pooling takes the largest of neighbours within an example",
            got=f"{where} with windows {tuple(size)}, dilated by {tuple(base)}",
            do="ask for what stands before it",
            kind=NotImplementedError,
        )
    padded = np.pad(each, padding[1:], constant_values=-1)
    spread = [(n - 1) * d for n, d in zip(size[1:], window[1:], strict=True)]
    ends = [n - far for n, far in zip(padded.shape, spread, strict=True)]
    places = itertools.product(*(range(n) for n in size[1:]))
    columns = []
    for place in places:
        cut = tuple(
            slice(at * d, at * d + end, step)
            for at, d, end, step in zip(place, window[1:], ends, strides[1:], strict=True)
        )
        columns.append(padded[cut].ravel())
    return np.stack(columns, axis=1)
