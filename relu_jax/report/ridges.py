"""What shape have the values at each site? Histograms stacked from the input to the output."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from relu_jax.report import svg
from relu_jax.report.text import number

_WIDTH, _LEFT, _TOP, _FOOT = 260, 26, 4, 22


class Ridge(NamedTuple):
    """One histogram with finite edges; `outside` are counts that fell below and above."""

    edges: tuple[float, ...]
    counts: tuple[int | float, ...]
    below: int
    above: int
    zeros: int
    note: str


def ridge(histogram: Mapping[str, Any] | None, note: str) -> Ridge:
    """Read a histogram of a stored record; one that does not fit together counts as empty.

    Example:
        >>> ridge({"edges": [0.0, 1.0], "counts": [3], "below": 1, "above": 0}, "s").below
        1
    """
    histogram = histogram or {}
    edges, counts = histogram.get("edges") or (), histogram.get("counts") or ()
    fits = len(edges) == len(counts) + 1 and not any(svg.state(e, log=False) for e in edges)
    if not fits:
        edges, counts = (), ()
    below, above, zeros = (int(histogram.get(key) or 0) for key in ("below", "above", "zeros"))
    return Ridge(tuple(map(float, edges)), tuple(counts), below, above, zeros, note)


def span(ridges: Sequence[Ridge], tail: float = 5e-4) -> tuple[float, float]:
    """Give the interval that holds all but a `tail` of each histogram, on either side.

    Args:
        ridges: histograms; empty ones are left out.
        tail: fraction of a histogram's counts that may be cut on each side.

    Edges:
        Nothing to show: from 0 to 1.

    Example:
        >>> span([Ridge((0.0, 1.0, 2.0, 3.0), (0, 5, 0), 0, 0, 0, "")])
        (1.0, 2.0)
    """
    lows, highs = [], []
    for one in ridges:
        total, seen, inside = sum(one.counts), 0.0, []
        for i, count in enumerate(one.counts):
            seen += count
            if count and seen > tail * total and seen - count < (1 - tail) * total:
                inside.append(i)
        if inside:
            lows.append(one.edges[inside[0]])
            highs.append(one.edges[inside[-1] + 1])
    return (min(lows), max(highs)) if lows else (0.0, 1.0)


def ridge_chart(
    ridges: Sequence[Ridge],
    bounds: tuple[float, float],
    style: int,
    label: str,
    *,
    magnitudes: bool = False,
) -> Markup:
    """Draw the histograms under each other, each to its own height.

    Args:
        ridges: one per site, in program order.
        bounds: values at the left and right edge; what lies outside is cut.
        style: series index.
        label: description for screen readers.
        magnitudes: the values are log10 magnitudes, so ticks are powers of ten.

    Returns:
        One `<svg>` element; its height grows with the number of sites, up to a limit.

    Edges:
        An empty histogram is a dashed base line. Values that are exactly zero on a log axis
        stand as a bar at the left edge, as high as their share.

    Example:
        >>> one = Ridge((0.0, 1.0, 2.0), (1, 3), 0, 0, 0, "relu_0")
        >>> "<path" in ridge_chart([one], (0.0, 2.0), 0, "pre-activations")
        True
    """
    row = max(5.0, min(24.0, 640 / max(1, len(ridges))))
    tall = row * 1.7
    bottom = _TOP + tall + row * max(0, len(ridges) - 1)
    x = svg.scale(bounds, log=False)._replace(low=bounds[0], high=bounds[1])
    x = svg.scale(bounds, log=False) if bounds[0] >= bounds[1] else x
    x = x.over(_LEFT + 8, _WIDTH - 6)
    drawn = [_axis(x, bottom, magnitudes=magnitudes)]
    for i, one in enumerate(ridges):
        base = _TOP + tall + row * i
        drawn.append(_ridge(one, x, base, tall))
        if i == 0 or (i + 1) % max(1, -(-14 // int(row))) == 0:
            drawn.append(svg.element("text", number(i + 1), x=_LEFT - 6, y=base, class_="tick end"))
    height = bottom + _FOOT
    return svg.drawing(_WIDTH, height, label, [svg.group(drawn, class_=f"series s{style}")])


def _axis(x: svg.Scale, bottom: float, *, magnitudes: bool) -> Markup:
    drawn: list[Markup] = []
    for at, label in _powers(x) if magnitudes else svg.ticks(x, 4):
        line = "grid zero" if label == "0" else "grid"
        drawn.append(svg.element("line", x1=at, x2=at, y1=_TOP, y2=bottom + 4, class_=line))
        drawn.append(svg.element("text", label, x=at, y=bottom + 18, class_="tick middle"))
    return svg.group(drawn)


def _powers(x: svg.Scale) -> list[tuple[float, str]]:
    """Place powers of ten on a scale whose values are log10 magnitudes."""
    first, last = math.ceil(x.low), math.floor(x.high)
    every = max(1, -(-(last - first + 1) // 5))
    return [(x.at(e), svg.power(e)) for e in range(last, first - 1, -every)]


def _ridge(one: Ridge, x: svg.Scale, base: float, tall: float) -> Markup:
    title = svg.element("title", one.note)
    total = sum(one.counts) + one.below + one.above + one.zeros
    if not total:
        end = x.stop
        return svg.group(
            [title, svg.element("line", x1=x.start, x2=end, y1=base, y2=base, class_="rail")]
        )
    drawn = [title, *_area(one, x, base, tall)]
    if one.zeros:
        high = max(1.0, 0.85 * tall * one.zeros / total)
        drawn.append(
            svg.element("rect", x=_LEFT, y=base - high, width=4, height=high, class_="zeros")
        )
    return svg.group(drawn)


def _area(one: Ridge, x: svg.Scale, base: float, tall: float) -> list[Markup]:
    bins = [
        (left, right, count / (right - left))
        for left, right, count in zip(one.edges, one.edges[1:], one.counts, strict=False)
        if right > left and right > x.low and left < x.high
    ]
    peak = max((density for *_, density in bins), default=0)
    if not peak:
        return [svg.element("line", x1=x.start, x2=x.stop, y1=base, y2=base, class_="base")]
    steps, last = [f"M{x.start:.0f} {base:.1f}"], f"{base:.1f}"
    for left, _, density in bins:
        y = f"{base - tall * density / peak:.1f}"
        if y != last:
            steps.append(f"H{x.at(max(left, x.low)):.1f}V{y}")
            last = y
    end = x.at(min(bins[-1][1], x.high))
    steps.append(f"H{end:.1f}V{base:.1f}H{x.stop:.0f}")
    return [svg.element("path", d="".join(steps), class_="area")]
