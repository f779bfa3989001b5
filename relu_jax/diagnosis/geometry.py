"""How are spectra and slices told on a page, as plain data?"""

from typing import Any

import numpy as np

from relu_jax.analyses import Cells, Spectrum
from relu_jax.core import errors

MOST_CELLS = 5_000
_GRID = 4_000  # steps of a slice's side in which corners are told


def spectrum(name: str, found: Spectrum) -> dict[str, Any]:
    """Tell the singular values of many examples by rank: the median, the smallest, the largest.

    And what theory expects, where it was put `beside` them.

    Edges: examples with NaN or inf are left out of all that, and counted.

    Example:
        >>> import jax.numpy as jnp, relu_jax as rj
        >>> found = rj.analyses.singular_values(lambda x: 3 * x[:, :2], jnp.ones((5, 4)))
        >>> spectrum("first", found)["median"]
        [3.0, 3.0]
    """
    known = np.isfinite(found.values).all(axis=1)
    values = found.values[known]
    told = {"median": np.median, "low": np.min, "high": np.max}
    numbers = ("rank", "norm", "effective_rank", "condition", "from_isometry", "mean_square")
    return {
        "name": name,
        "examples": len(values),
        "nonfinite": int(np.sum(~known)),
        "n_out": found.n_out,
        "n_in": found.n_in,
        "whole": found.whole,
        **{key: take(values, axis=0).tolist() if len(values) else [] for key, take in told.items()},
        **({} if found.expected is None else {"expected": found.expected.tolist()}),
        "numbers": {key: _median(getattr(found, key)[known]) for key in numbers},
    }


def _median(values: np.ndarray) -> float | None:
    return float(np.median(values)) if len(values) else None


def slice_of(name: str, found: Cells) -> dict[str, Any]:
    """Tell the cells of a slice as polygons, each with the output that is largest in its middle.

    Raises:
        ValueError: more cells than a page can draw.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> f = lambda x: jax.nn.relu(x - 0.25)
        >>> found = rj.analyses.cells(f, jnp.zeros(2), jnp.eye(2)[0], jnp.eye(2)[1])
        >>> told = slice_of("mine", found)
        >>> told["cells"], told["grid"], told["polygons"][0]
        (4, 4000, [4000, 1000, 4000, 4000, 1000, 4000, 1000, 1000])
    """
    if found.count > MOST_CELLS:
        raise errors.rejected(
            rule=f"a page draws a slice of at most {MOST_CELLS:,} cells",
            got=f"{found.count:,} as {name!r}",
            do="take shorter sides, as in cells(f, corner, right / 4, up / 4)",
        )
    corners = np.round(found.vertices * _GRID).astype(np.int64)
    places = [found.corners[a:b] for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]
    middle = np.array([found.values[place].mean(axis=0) for place in places])
    return {
        "name": name,
        "cells": found.count,
        "outputs": middle.shape[1],
        "grid": _GRID,
        "polygons": [corners[place].ravel().tolist() for place in places],
        "strongest": np.argmax(middle, axis=1).tolist(),
        "value": np.max(middle, axis=1).tolist(),
    }
