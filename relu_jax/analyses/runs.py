"""How are many points computed by one program of a fixed size?"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

SIZE = 521  # points that are computed at a time: no usual width of a layer


def in_runs(
    run: Callable[..., Any], arrays: Sequence[np.ndarray], size: int = SIZE
) -> list[np.ndarray]:
    """Compute any number of points, so many at a time.

    Args:
        run: from arrays of (size, ...) to several of (size, ...).
        arrays: of (P, ...); at least one point.
        size: the last run is filled up with its last point.

    Example:
        >>> (y,) = in_runs(lambda x: [2 * x], [np.arange(5)], size=2)
        >>> y.tolist()
        [0, 2, 4, 6, 8]
    """
    made = []
    for i in range(0, len(arrays[0]), size):
        parts = [array[i : i + size] for array in arrays]
        n = len(parts[0])
        if n < size:
            parts = [np.concatenate([p, np.repeat(p[-1:], size - n, axis=0)]) for p in parts]
        made.append((run(*parts), n))
    columns = zip(*(one for one, _ in made), strict=True)
    return [
        np.concatenate([np.asarray(part)[:n] for part, (_, n) in zip(column, made, strict=True)])
        for column in columns
    ]
