"""What is there to know about one activation function, on one card?"""

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from relu_jax.activations import gains as gain_facts
from relu_jax.activations import lookup
from relu_jax.activations.activation import Activation, Params
from relu_jax.activations.curves import curve
from relu_jax.activations.extremes import Bound, Extremes, extremes, falls
from relu_jax.activations.flat_parts import Interval, flat_parts
from relu_jax.activations.gains import Averages, FixedPoints, Gains
from relu_jax.activations.kink_facts import Kink, kink_facts
from relu_jax.activations.neuron_scores import NeuronScores, neuron_scores
from relu_jax.activations.ranges import known_number
from relu_jax.activations.vanishing import DTYPES, Vanishing, vanishing
from relu_jax.activations.zeros import Zeros, zeros
from relu_jax.core import errors


class Card(NamedTuple):
    """Hold the facts about one activation; prints as a page of text.

    Everything but `vanishing` is said of real numbers and computed in float64; `vanishing` is
    measured on the backend in use.
    """

    name: str
    formula: str
    params: Params
    source: str
    lowest: Bound  # infimum of f
    highest: Bound  # supremum of f
    falls: tuple[Interval, ...]  # where f falls, near 0; a point where it steps down
    monotone: bool
    lipschitz: float  # supremum of |f'|; inf where f jumps
    extremes: tuple[Extremes, Extremes, Extremes]  # of f, f' and f''
    kinks: tuple[Kink, ...]
    zeros: Zeros
    flat: tuple[Interval, ...]  # where f' is 0
    vanishing: tuple[Vanishing, ...]
    averages: Averages
    gains: Gains
    fixed_points: FixedPoints
    scores: NeuronScores

    def __str__(self) -> str:
        """Write the card as text."""
        from relu_jax.activations.card_text import card_text

        return card_text(self)


class Summary(NamedTuple):
    """Hold what a table tells of one activation."""

    name: str
    formula: str
    lowest: Bound
    highest: Bound
    mean: float  # NaN where its integral is not accurate
    gain: float | None
    kinks: tuple[float, ...]


def card(act: Activation | str, *, variance: float = 1.0, dtypes: tuple[str, ...] = DTYPES) -> Card:
    """Find the facts about an activation.

    Args:
        act: a name, what `get` found, or an activation of your own.
        variance: of the normal input of the averages, gains, fixed points and scores.
        dtypes: in which to measure where f' is rounded to 0; () measures nothing.

    Raises:
        TypeError: neither a name nor an `Activation`.
        ValueError: a name that is not of an elementwise function, a variance that is not above 0,
            or a dtype that is not measured.

    Edges: what oscillates without end is told near 0, with a count of the rest; features closer
    together than 0.005, or smaller than a billionth of the curve, are missed.

    Example:
        >>> found = card("relu")
        >>> found.lipschitz, found.zeros.intervals[0][:2], round(found.gains.signal, 4)
        (1.0, (-inf, 0.0), 1.4142)
    """
    act, variance = _checked(act, variance)
    seen = curve(act)
    flat = flat_parts(act, seen)
    of_f, of_slope, of_bend = (extremes(act, seen, order, flat) for order in range(3))
    kinks = kink_facts(act, seen)
    zero = zeros(act, seen, flat, of_f)
    found = gain_facts.averages(act, seen, variance)
    return Card(
        act.name,
        act.formula,
        dict(act.params),
        act.source,
        of_f.lowest,
        of_f.highest,
        falls(seen, of_f, flat),
        not of_f.turns,
        _lipschitz(of_slope, kinks),
        (of_f, of_slope, of_bend),
        kinks,
        zero,
        flat,
        tuple(vanishing(act, dtype) for dtype in dtypes),
        found,
        gain_facts.gains(act, found),
        gain_facts.fixed_points(act, seen, found),
        neuron_scores(act, zero, variance),
    )


def summary(act: Activation | str, *, variance: float = 1.0) -> Summary:
    """Find what a table tells of an activation, in a fraction of the time of a card.

    Example:
        >>> from relu_jax.activations import get
        >>> found = summary(get("relu6"))
        >>> found.highest.value, found.kinks, round(found.mean, 4)
        (6.0, (0.0, 6.0), 0.3989)
    """
    act, variance = _checked(act, variance)
    seen = curve(act, highest=1)
    found = extremes(act, seen, 0, flat_parts(act, seen))
    mean, second = gain_facts.mean_and_power(act, variance, highest=seen.highest)
    gain = gain_facts.signal_gain(variance, second)
    return Summary(act.name, act.formula, found.lowest, found.highest, mean, gain, seen.kinks)


def summaries(acts: Iterable[Activation], *, variance: float = 1.0) -> Iterator[Summary]:
    """Summarise activations in their order, compiling two at a time.

    Example:
        >>> from relu_jax.activations import get
        >>> [found.name for found in summaries([get("relu"), get("tanh")])]
        ['relu', 'tanh']
    """
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(partial(summary, variance=variance), acts)


def window(of: Card) -> tuple[float, float]:
    """Choose which x to draw: around the kinks, and a few turns of what oscillates.

    Example:
        >>> from relu_jax.activations import get
        >>> window(card(get("relu"), dtypes=()))
        (-5.0, 5.0)
    """
    endless = [found for found in of.extremes[:2] if found.more]
    if endless:
        reach = 1.1 * max(abs(turn.where.low) for turn in endless[0].turns)
        return -reach, reach
    places = [kink.x for kink in of.kinks]
    return min([-5.0, *(x - 1 for x in places)]), max([5.0, *(x + 1 for x in places)])


def _lipschitz(of_slope: Extremes, kinks: tuple[Kink, ...]) -> float:
    if any(kink.jump for kink in kinks):
        return math.inf
    return max(abs(of_slope.lowest.value), abs(of_slope.highest.value))


def _checked(act: Activation | str, variance: float) -> tuple[Activation, float]:
    act = lookup.get(act) if isinstance(act, str) else act
    if not isinstance(act, Activation):
        raise errors.rejected(
            rule="a card is of an elementwise activation",
            got=errors.describe(act),
            do="pass a name such as 'gelu', get('leaky_relu', slope=0.2), or an Activation of "
            "yours; what is not elementwise has none, `relu-jax activations NAME` tells of it",
            kind=TypeError,
        )
    if not 0 < known_number(variance) < math.inf:
        raise errors.rejected(
            rule="a variance is a finite number above 0",
            got=errors.describe(variance),
            do="pass variance=1.0, or that of your pre-activations",
        )
    return act, float(variance)
