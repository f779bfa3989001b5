"""What does an activation make of normal arguments, where that is known well enough to predict?"""

import math

from relu_jax import theory
from relu_jax.activations import Activation

_ACCURATE = 1e-2  # an average that is off by more is none


def mean_squares(act: Activation | None, q: float) -> tuple[float, float] | None:
    """Take E f(√q z)² and E f′(√q z)² over a standard normal z.

    Args:
        act: an entry of the catalogue; None where a site has none.
        q: the variance of the arguments.

    Returns:
        the two; None without an activation, where one is 0 or not accurate to a hundredth, or q is
        not above 0 and finite.

    Source: Poole et al. 2016, equations 3 and 6.

    Example:
        >>> from relu_jax.activations import get
        >>> mean_squares(get("relu"), 4.0)
        (2.0, 0.5)
    """
    if act is None or not 0 < q < math.inf:
        return None
    found = theory.average_with_error(act, q, "second", "slope_second")
    values, errors = (tuple(map(float, part)) for part in (found.value, found.error))
    known = all(v > 0 and e <= _ACCURATE * v for v, e in zip(values, errors, strict=True))
    return (values[0], values[1]) if known else None
