"""Between which edges are values counted, and which of many values are looked at?"""

import math

import numpy as np

LOOKED_AT = 4096  # elements per site and batch, at most: a bin of 1 % is then known to ± 0.2 %
BINS = 96
_REACH, _FINE = 1e3, 0.2  # pre-activations: up to ±1000, linear below 0.2
_DECADES = (-30.0, 10.0)  # cotangents: log10 of the magnitude

_TURNS = np.linspace(-np.arcsinh(_REACH / _FINE), np.arcsinh(_REACH / _FINE), BINS + 1)
PRE_EDGES = np.asarray(_FINE * np.sinh(_TURNS), np.float32)
LOG_EDGES = np.linspace(*_DECADES, BINS + 1)
# What elements are compared with (at least ...): the first mark counts all that are no NaN; of
# magnitudes, the second all that are not 0.
PRE_MARKS = np.concatenate([[-np.inf], PRE_EDGES]).astype(np.float32)
MAGNITUDE_MARKS = np.concatenate([[0.0, 2.0**-126], 10.0**LOG_EDGES]).astype(np.float32)


def stride(size: int, width: int, limit: int = LOOKED_AT) -> int:
    """Choose the step through a flattened array that looks at `limit` elements at most.

    Args:
        size: elements of the array.
        width: length of its last axis; the step shares no divisor with it, so that every
            column is looked at.
        limit: elements wanted at most.

    Example:
        >>> stride(100, 10), stride(256 * 512, 512)
        (1, 33)
    """
    step = max(1, -(-size // limit))
    while math.gcd(step, max(width, 1)) != 1:
        step += 1
    return step
