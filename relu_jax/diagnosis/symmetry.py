"""How many units of a layer compute one and the same thing, so that they count for one?

Equal columns of a weight get equal gradients when what leaves them is equal too, so they stay
equal: such units are told by their sums of squares, forward and backward.
"""

from collections.abc import Sequence

import numpy as np

# A product of matrices may round its columns differently; two units drawn at random agree in four
# sums to this many digits by no chance.
_SAME, _SAME_IN_HALF = 1e-5, 1e-3
_HALF = ("bfloat16", "float16")


def alike(sums: Sequence[np.ndarray], dtype: str) -> int:
    """Count the units that agree with the middle one in every sum; at least 1.

    Args:
        sums: each with one sum of squares per unit, of argument, result, and their cotangents.
        dtype: the site computes in.

    Returns:
        the number of units alike, where they are most of the units; else a small number.

    Edges: units with a sum that is 0 or not finite (dead ones, a zero initialisation) agree with
    none. A forward sum alone is not enough: normalisation gives every unit the same.

    Example:
        >>> alike([np.array([2.0, 2.0, 2.0, 5.0]), np.array([1.0, 1.0, 1.0, 1.0])], "float32")
        3
    """
    table = np.stack(sums)  # [sums, units]
    seen = table[:, np.all(np.isfinite(table) & (table > 0), axis=0)]
    if not seen.size:
        return 1
    middle = np.quantile(seen, 0.5, axis=1, method="lower", keepdims=True)
    far = _SAME_IN_HALF if dtype in _HALF else _SAME
    same = np.all(np.abs(seen - middle) <= far * middle, axis=0)
    return max(1, int(same.sum()))
