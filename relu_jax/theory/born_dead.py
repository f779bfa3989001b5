"""How likely is a ReLU network dead before its first step, and which width prevents it?

A network is born dead when its hidden layers are 0 for every input, so that it is constant
and has no gradient. Here the biases start at 0 and the weights are symmetric around 0; their
size does not matter. Depth means hidden layers: the paper's "10-layer" network has 9.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from relu_jax.activations.ranges import finite_number
from relu_jax.core import errors
from relu_jax.core.integers import integer


def born_dead_at_most(widths: Sequence[Any]) -> float:
    """Bound the probability from above, for any number of input features.

    1 - Π (1 - 2^-N_l): each layer is dead with probability 2^-N_l once its input is not 0.

    Args:
        widths: units of each hidden layer.

    Raises:
        ValueError: no layer, or a width below 1.
        TypeError: no sequence, or a width that is no integer.

    Source: Lu, Shin, Su & Karniadakis 2020, upper bound.

    Example:
        >>> round(born_dead_at_most([3] * 9), 3)
        0.699
    """
    checked = widths_of(widths)
    return -math.expm1(sum(map(_log_alive, checked)))


def born_dead_at_least(width: Any, hidden: Any) -> float:
    """Bound the probability from below, for one input feature and layers of one width.

    1 - a^(h-1) + (1 - 2^(1-N)) (1 - 2^-N) / (1 + (N-1) 2^-N) (b^(h-1) - a^(h-1)), where
    a = 1 - 2^-N, b = 1 - 2^(1-N) - (N-1) 2^(-2N) and h counts the hidden layers.

    Args:
        width: N, units of each hidden layer.
        hidden: number of hidden layers.

    Raises:
        ValueError: a width or a number of layers below 1.
        TypeError: one that is no integer.

    Edges: a single hidden layer gives 0: one input feature always excites a unit on one side.

    Source: Lu, Shin, Su & Karniadakis 2020, lower bound.

    Example:
        >>> round(born_dead_at_least(3, 9), 3)
        0.513
    """
    n, later = _positive("width", width), _positive("hidden", hidden) - 1
    half = 2.0**-n
    # The same as half · Σ a^(later-1-k) (1 - (1 - 2^(1-N)) a b^k), where nothing cancels.
    total, gone = 0.0, 0.0  # gone is 1 - b^k
    for _ in range(later):
        total = (1 - half) * total + gone + (1 - gone) * half * (3 - 2 * half)
        gone += (1 - gone) * half * (2 + (n - 1) * half)
    return min(half * total, 1.0)


def width_against_birth_death(probability: float, hidden: Any) -> int:
    """Find the smallest width whose upper bound keeps a network alive.

    The least N with 1 - (1 - 2^-N)^h <= probability, at most log2(h / probability) rounded up.

    Args:
        probability: of being born dead that is still accepted, above 0 and below 1.
        hidden: h, number of hidden layers, all of that width.

    Raises:
        ValueError: a probability outside (0, 1), or less than one layer.
        TypeError: a probability that is no finite number, or layers that are no integer.

    Edges: the width is enough for any number of input features; a smaller one can be, too.

    Source: Lu, Shin, Su & Karniadakis 2020, upper bound, solved for the width.

    Example:
        >>> width_against_birth_death(0.01, 9)
        10
    """
    hidden = _positive("hidden", hidden)
    do = "pass probability=0.01, say"
    accepted = finite_number("probability", probability, do=do)
    if not 0 < accepted < 1:
        raise errors.rejected(
            rule="the accepted probability of a dead network lies between 0 and 1",
            got=errors.describe(probability),
            do=do,
        )
    width = 1
    while -math.expm1(hidden * _log_alive(width)) > accepted:
        width += 1
    return width


def _log_alive(width: int) -> float:
    # In logarithms, so that the 2^-N of wide layers are not lost beside 1.
    return math.log1p(-(2.0**-width))


def widths_of(widths: Any) -> list[int]:
    """Take the widths of the hidden layers.

    Raises:
        ValueError: no layer, or a width below 1.
        TypeError: no sequence, or a width that is no integer.

    Example:
        >>> widths_of((3, 4))
        [3, 4]
    """
    scalar = isinstance(widths, (str, bytes)) or getattr(widths, "ndim", 1) == 0
    if scalar or not isinstance(widths, Iterable):
        raise errors.rejected(
            rule="widths hold the units of each hidden layer",
            got=errors.describe(widths),
            do="pass a list, [3] for one layer of 3 units",
            kind=TypeError,
        )
    checked = [_positive("a width", width) for width in widths]
    if checked:
        return checked
    raise errors.rejected(
        rule="a network has a hidden layer", got="no width", do="give one width per layer"
    )


def _positive(name: str, value: Any) -> int:
    checked = integer(name, value)
    if checked >= 1:
        return checked
    raise errors.rejected(
        rule=f"{name} is at least 1", got=str(checked), do="give the layer one unit or more"
    )
