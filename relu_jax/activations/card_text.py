"""How does a card look as text? In ASCII, so that every screen can show it."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from relu_jax.activations.extremes import Bound, Extremes
from relu_jax.activations.flat_parts import Interval
from relu_jax.activations.kink_facts import Kink
from relu_jax.activations.zeros import Zeros

if TYPE_CHECKING:
    from relu_jax.activations.cards import Card

WIDTH = 98
_LABEL = 16


def card_text(card: "Card") -> str:
    """Write a card: a heading, and a labelled line for each fact.

    Example:
        >>> from relu_jax.activations import get
        >>> from relu_jax.activations.cards import card
        >>> text = card_text(card(get("relu"), dtypes=()))
        >>> print(text.splitlines()[0])
        relu: max(x, 0)
        >>> print(text.splitlines()[2])
        range           [0, inf)
    """
    lines = [f"{card.name}{settings(card.params)}: {card.formula}"]
    for label, told in facts(card):
        wrapped = textwrap.wrap(told, WIDTH - _LABEL) or [""]
        lines += [f"{label:<{_LABEL}}{wrapped[0]}", *(" " * _LABEL + rest for rest in wrapped[1:])]
    return "\n".join(lines)


def facts(card: "Card") -> Iterator[tuple[str, str]]:
    """Yield the label and the words of each fact, in order.

    Example:
        >>> from relu_jax.activations import get
        >>> from relu_jax.activations.cards import card
        >>> dict(facts(card(get("tanh"), dtypes=())))["monotone"]
        'yes, it rises'
    """
    yield "source", card.source
    yield "range", value_range(card.lowest, card.highest)
    yield "monotone", _monotone(card)
    yield "Lipschitz", _lipschitz(card)
    yield "zeros", _zeros(card.zeros)
    yield "kinks", "; ".join(map(_kink, card.kinks)) or "none"
    for label, found in zip(("f", "f'", "f''"), card.extremes, strict=True):
        yield f"extrema of {label}", _extremes(found, bounds=label != "f")
    yield "f' is 0", _listed(map(interval, card.flat)) or "nowhere on an interval"
    if card.vanishing:
        told = [_vanishing(*one) for one in card.vanishing if min(one[1:]) < math.inf]
        yield "f' rounds to 0", "; ".join(told) or "never"
    q = number(card.averages.variance)
    yield f"x ~ N(0, {q})", _averages(card)
    yield "gains", f"{_gains(card)}. {card.gains.why}"
    yield "variance map", _fixed_points(card)
    yield "like a neuron", _scores(card)


def number(x: float | None) -> str:
    """Word a number in six digits, the same on every machine.

    Example:
        >>> [number(x) for x in (0.1 + 0.2, -0.0, 1e9, None)]
        ['0.3', '0', '1e+09', 'none']
    """
    if x is None:
        return "none"
    # Rounded twice: the noise of the last bits must not decide a tie in the sixth digit.
    return f"{float(f'{x:.10g}') + 0.0:.6g}"


def settings(params: dict[str, float]) -> str:
    """Word parameters as a call.

    Example:
        >>> settings({"slope": 0.2}), settings({})
        ('(slope=0.2)', '')
    """
    return f"({', '.join(f'{k}={number(v)}' for k, v in params.items())})" if params else ""


def value_range(lowest: Bound, highest: Bound) -> str:
    """Word the range of f; a square bracket says that the bound is attained.

    Example:
        >>> everywhere = Interval(-1.0, 1.0)
        >>> value_range(Bound(0.0, everywhere, True), Bound(1.0, everywhere, False))
        '[0, 1)'
    """
    left, right = "[" if lowest.attained else "(", "]" if highest.attained else ")"
    return f"{left}{number(lowest.value)}, {number(highest.value)}{right}"


def interval(where: Interval) -> str:
    """Word an interval, or a point.

    Example:
        >>> interval(Interval(-math.inf, 0.0)), interval(Interval(2.0, 2.0))
        ('(-inf, 0)', '2')
    """
    if where.low == where.high:
        return number(where.low)
    left, right = "[" if where.closed[0] else "(", "]" if where.closed[1] else ")"
    return f"{left}{number(where.low)}, {number(where.high)}{right}"


def _monotone(card: "Card") -> str:
    if card.monotone and card.falls:
        return "yes, it falls"
    if card.monotone:
        return "yes, it never falls" if card.flat else "yes, it rises"
    parts = [f"at {interval(w)}" if w.low == w.high else f"on {interval(w)}" for w in card.falls]
    endless = ", and so on" if card.extremes[0].more else ""
    return f"no, it falls {_listed(parts)}{endless}"


def _lipschitz(card: "Card") -> str:
    steps = [number(kink.x) for kink in card.kinks if kink.jump]
    if steps:
        return f"none, f jumps at x = {_listed(steps)}"
    return number(card.lipschitz) if math.isfinite(card.lipschitz) else "none, f' has no bound"


def _zeros(zeros: Zeros) -> str:
    told = [*map(interval, zeros.intervals), *map(number, zeros.points)]
    return (_listed(told) or "none") + (", and more further out" if zeros.more else "")


def _kink(kink: Kink) -> str:
    jump = f", f jumps by {number(kink.jump)}" if kink.jump else ""
    return (
        f"x = {number(kink.x)}: slope {number(kink.left)} before, {number(kink.taken)} at, "
        f"{number(kink.right)} after{jump}"
    )


def _extremes(found: Extremes, *, bounds: bool) -> str:
    told = []
    if bounds and found.lowest.value == found.highest.value:
        return f"{number(found.lowest.value)} throughout"
    if bounds:
        told.append(f"between {number(found.lowest.value)} and {number(found.highest.value)}")
    told += [f"{t.kind} {number(t.value)} at {interval(t.where)}" for t in found.turns]
    if found.more:
        told.append("and more further out")
    return "; ".join(told) or "none"


def _vanishing(dtype: str, below: float, above: float) -> str:
    sides = [f"below {number(-below)}"] if below < math.inf else []
    sides += [f"above {number(above)}"] if above < math.inf else []
    return f"{dtype} {_listed(sides)}"


def _averages(card: "Card") -> str:
    found = card.averages
    named = {
        "E f": found.mean,
        "E f^2": found.second,
        "E f'^2": found.slope_second,
        "E f f'": found.cross,
    }
    told = ", ".join(f"{name} = {number(v)}" for name, v in named.items() if not math.isnan(v))
    missing = _listed([name for name, value in named.items() if math.isnan(value)])
    why = f"not to be had: {missing}, whose integral is not accurate to 1e-6" if missing else ""
    return "; ".join(filter(None, (told, why)))


def _gains(card: "Card") -> str:
    gains = card.gains
    return (
        f"signal {number(gains.signal)}, gradient {number(gains.gradient)}, "
        f"PyTorch {number(gains.torch)}"
    )


def _fixed_points(card: "Card") -> str:
    found = card.fixed_points
    if found.gain is None and math.isnan(card.averages.second):
        return "not to be had: it takes E f^2"
    if found.gain is None:
        return "none: no gain keeps the signal"
    gain = f"with weights of gain {number(found.gain)}"
    if found.every:
        return f"{gain} every variance q stays as it is"
    told = [f"q = {number(p.q)} {p.kind}{_at_slope(p.slope)}" for p in found.points]
    rest = "; not to be had: others, as E f^2 is not accurate at every q" if found.unseen else ""
    return f"{gain}, fixed points: {', '.join(told)}{rest}"


def _at_slope(slope: float) -> str:
    return "" if math.isnan(slope) else f" (slope {number(slope)})"


def _scores(card: "Card") -> str:
    one_sided, width, sparsity = (f"{score:.2f}" for score in card.scores)
    return f"one-sidedness {one_sided}, width {width}, sparsity {sparsity} (0 to 1, our measures)"


def _listed(parts: "Sequence[str] | Iterator[str]") -> str:
    parts = list(parts)
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
