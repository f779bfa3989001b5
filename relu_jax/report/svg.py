"""Which few drawing words do the charts need? Elements, scales, ticks; text is always escaped."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from relu_jax.report.text import number, visible

Real = float | int
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Scale(NamedTuple):
    """A map from values to drawing units; on a log scale, bounds are powers of ten."""

    low: Real
    high: Real
    log: bool
    start: Real = 0.0
    stop: Real = 1.0

    def at(self, value: Real) -> float:
        """Place a value.

        Edges:
            Halves are subtracted, so bounds at ±1e308 do not overflow.
        """
        position = math.log10(value) if self.log else value
        share = (position / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.start + share * (self.stop - self.start)

    def over(self, start: Real, stop: Real) -> "Scale":
        """Give the same scale over other drawing units."""
        return self._replace(start=start, stop=stop)


def state(value: object, *, log: bool) -> str:
    """Say why a value has no place on a scale.

    Args:
        value: a number or None.
        log: the scale takes positive numbers alone.

    Returns:
        ``""`` for a value that can be drawn, else one of ``none``, ``nan``, ``inf``,
        ``-inf``, ``0``, ``<0``.

    Example:
        >>> [state(v, log=True) for v in (0.5, 0.0, None, float("nan"), -1.0)]
        ['', '0', 'none', 'nan', '<0']
    """
    if value is None or not isinstance(value, (int, float)):
        return "none"
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if log and value <= 0:
        return "0" if value == 0 else "<0"
    return ""


def scale(values: Iterable[object], *, log: bool, decades: int = 2) -> Scale:
    """Fit a scale round every value that can be drawn.

    Args:
        values: numbers or None; what cannot be drawn is left out.
        log: powers of ten instead of a linear scale.
        decades: fewest decades of a log scale, so that a flat curve looks flat.

    Returns:
        A scale that contains all of them, never of zero length.

    Edges:
        No value at all: from 0 to 1, or one decade either side of 1.

    Example:
        >>> scale([1e-9, 0.2, None], log=True)[:3]
        (-9, 0, True)
    """
    kept = [v for v in values if isinstance(v, (int, float)) and not state(v, log=log)]
    if log:
        low = math.floor(min((math.log10(v) for v in kept), default=-1))
        high = math.ceil(max((math.log10(v) for v in kept), default=1))
        while high - low < decades:
            low, high = (low - 1, high) if (high - low) % 2 else (low, high + 1)
        return Scale(low, high, True)
    low, high = min(kept, default=0.0), max(kept, default=1.0)
    if high / 2 - low / 2 <= 1e-9 * max(abs(low), abs(high)):
        pad = abs(high) / 2 or 0.5
        low, high = low - pad, high + pad
    return Scale(low, high, False)


def fitted(values: Iterable[object]) -> Scale:
    """Fit a scale to a curve: of powers of ten where it spans more than a factor of 50.

    Edges:
        A curve that is 0 or below somewhere has a linear one.

    Example:
        >>> fitted([1.0, 1e3]).log, fitted([1.0, 2.0]).log, fitted([0.0, 1e3]).log
        (True, False, False)
    """
    drawn = list(values)
    positive = [v for v in drawn if isinstance(v, (int, float)) and not state(v, log=True)]
    wide = max(positive, default=1.0) / min(positive, default=1.0) > 50
    low = any(state(v, log=True) in ("0", "<0") for v in drawn)
    return rounded(scale(drawn, log=wide and not low))


def ticks(of: Scale, most: int = 6) -> list[tuple[float, str]]:
    """Choose round tick values: powers of ten, or multiples of 1, 2 or 5.

    Args:
        of: the scale.
        most: about how many; never more than twice that.

    Returns:
        Pairs of (drawing position, label) in rising order of value.

    Example:
        >>> [label for _, label in ticks(Scale(-9, 0, True), most=4)]
        ['10⁻⁹', '10⁻⁶', '10⁻³', '1']
        >>> [label for _, label in ticks(Scale(0.0, 1.0, False), most=5)]
        ['0', '0.2', '0.4', '0.6', '0.8', '1']
    """
    if of.log:
        low, high = int(of.low), int(of.high)
        step = max(1, math.ceil((high - low) / most))
        exponents = range(-(-low // step) * step, high + 1, step)
        return [(of.over(of.start, of.stop)._replace(log=False).at(e), power(e)) for e in exponents]
    step = _step(of, most)
    first = math.ceil(of.low / step - 1e-9)
    last = math.floor(of.high / step + 1e-9)
    return [(of.at(i * step), number(float(i * step), 3)) for i in range(first, last + 1)]


def rounded(of: Scale, most: int = 5) -> Scale:
    """Widen a linear scale to its next ticks; a log scale stands on powers of ten already.

    Example:
        >>> rounded(Scale(0.07, 0.97, False))[:2]
        (0.0, 1.0)
    """
    if of.log:
        return of
    step = _step(of, most)
    return of._replace(low=math.floor(of.low / step) * step, high=math.ceil(of.high / step) * step)


def element(tag: str, *children: str, **attributes: Real | str | None) -> Markup:
    """Write one element; text and attribute values are escaped, None leaves one out.

    Args:
        tag: element name.
        children: finished elements (`Markup`) or text.
        attributes: `class_` stands for class, underscores for hyphens.

    Example:
        >>> print(element("text", "a<b", class_="tick", x=1.50))
        <text class="tick" x="1.5">a&lt;b</text>
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_worded(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = "".join(c if isinstance(c, Markup) else escape(visible(c)) for c in children)
    return Markup(f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>")


def group(children: Iterable[str], **attributes: Real | str | None) -> Markup:
    """Write a group of elements.

    Example:
        >>> print(group([element("line", x1=0)], class_="series"))
        <g class="series"><line x1="0"/></g>
    """
    return element("g", *children, **attributes)


def drawing(width: Real, height: Real, label: str, children: Iterable[str]) -> Markup:
    """Write a whole picture, scaled by the page, with its description for screen readers.

    Example:
        >>> print(drawing(10, 5, "empty", []))
        <svg viewBox="0 0 10 5" class="chart" role="img" aria-label="empty"/>
    """
    box = f"0 0 {_worded(width)} {_worded(height)}"
    return element("svg", *children, viewBox=box, class_="chart", role="img", aria_label=label)


def path(points: Sequence[tuple[float, float]]) -> str:
    """Write the path data of a polyline.

    Example:
        >>> path([(0.0, 1.0), (2.5, 3.04)])
        'M0 1L2.5 3'
    """
    return "M" + "L".join(f"{_worded(x)} {_worded(y)}" for x, y in points)


def marker(style: int, x: float, y: float, note: str = "", size: float = 4.0) -> Markup:
    """Draw one mark whose form, not only its colour, tells the series.

    Args:
        style: series index, 0 to 7.
        x: centre.
        y: centre.
        note: what the pointer shows on it.
        size: half its width.

    Example:
        >>> print(marker(0, 3.0, 4.0, "<b>"))
        <circle cx="3" cy="4" r="4" class="mark"><title>&lt;b&gt;</title></circle>
    """
    corners = _FORMS[style % len(_FORMS)]
    title = [element("title", note)] if note else []
    if not corners:
        return element("circle", *title, cx=x, cy=y, r=size, class_="mark")
    outline = path([(x + size * dx, y + size * dy) for dx, dy in corners]) + "Z"
    return element("path", *title, d=outline, class_="mark")


_FORMS: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    ((0.0, -1.2), (1.1, 0.9), (-1.1, 0.9)),
    ((0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)),
    ((0.0, 1.2), (1.1, -0.9), (-1.1, -0.9)),
    ((-0.5, -1.2), (0.5, -1.2), (0.5, 1.2), (-0.5, 1.2)),
    ((-1.2, -0.5), (1.2, -0.5), (1.2, 0.5), (-1.2, 0.5)),
    ((-1.0, -1.0), (1.0, 0.0), (-1.0, 1.0)),
)


def _step(of: Scale, most: int) -> float:
    rough = (of.high / 2 - of.low / 2) / most * 2
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough * 0.999)


def power(exponent: int) -> str:
    """Write a power of ten.

    Example:
        >>> power(-9), power(0)
        ('10⁻⁹', '1')
    """
    if exponent == 0:
        return "1"
    return "10" if exponent == 1 else "10" + str(exponent).translate(_SUPERSCRIPT)


def _worded(value: Real | str) -> str:
    if isinstance(value, str):
        return visible(value)
    rounded = f"{value:.1f}".removesuffix(".0")
    return "0" if rounded == "-0" else rounded
