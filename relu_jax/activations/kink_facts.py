"""What does a function do before, at and after each of its kinks?"""

from typing import NamedTuple

import numpy as np

from relu_jax.activations.activation import Activation
from relu_jax.activations.curves import NEAREST, Curve


class Kink(NamedTuple):
    """Hold the slopes before, at and after a kink, and by how much f itself jumps there."""

    x: float
    left: float
    taken: float
    right: float
    jump: float


def kink_facts(act: Activation, seen: Curve) -> tuple[Kink, ...]:
    """List the kinks with the slopes at them; an infinite slope is told as such.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.rectifiers import RELU
        >>> kink_facts(RELU, curve(RELU))
        (Kink(x=0.0, left=0.0, taken=0.0, right=1.0, jump=0.0),)
    """
    found = []
    for x, taken in zip(seen.kinks, act.slope_at_kinks, strict=True):
        left, right = (_side(seen, x, side) for side in (0, 1))
        before, after = seen.near(x, NEAREST)[0]
        rough = np.abs(seen.near(x, 1e-9)[0] - (before, after)).sum()
        # A continuous f of infinite slope moves on between the two distances; a step does not.
        jumps = abs(after - before) > max(1e-6 * max(abs(after), abs(before)), 3 * rough)
        found.append(Kink(x, left, taken, right, float(after - before) if jumps else 0.0))
    return tuple(found)


def _side(seen: Curve, kink: float, side: int) -> float:
    slope = float(seen.near(kink, NEAREST)[1, side])
    return float(np.sign(slope) * np.inf) if singular(seen, kink, side, 1) else slope


def singular(seen: Curve, kink: float, side: int, order: int) -> bool:
    """Say whether a derivative grows without end towards one side of a kink.

    Args:
        seen: the curve.
        kink: one of its kinks.
        side: 0 for before, 1 for after.
        order: 1 for f', 2 for f''.

    Example:
        >>> from relu_jax.activations.curves import curve
        >>> from relu_jax.activations.rectifiers import RELU
        >>> singular(curve(RELU), 0.0, 1, 1)
        False
    """
    far, near, nearest = (abs(seen.near(kink, 10.0**-k)[order, side]) for k in (6, 9, 12))
    return bool(nearest > 2 * near > 4 * far > 0)
