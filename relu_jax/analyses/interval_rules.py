"""How do elementary operations carry bounds from their operands to their results?

Rounding is on the safe side: bounds are moved apart by more than the arithmetic can be off.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from relu_jax.core.types import Array
from relu_jax.tap import compat


class Interval(NamedTuple):
    """Bounds of an array, elementwise; of flags whether they are surely, and possibly, set."""

    low: Array
    high: Array


class Unbounded(Exception):
    """Says which rule an equation does not keep to; `intervals.evaluate` adds its line."""


Rule = Callable[[Any, Sequence[Any]], list[Any]]
_ULPS = 4  # by which an elementary function may be off

# Each result is one of the operands' elements: bounds go where the values go. Maxima and what
# rounds to whole numbers are exact, and rise with what they are given.
_EXACT = frozenset({
    "reshape", "transpose", "squeeze", "expand_dims", "broadcast_in_dim", "slice", "rev",
    "concatenate", "pad", "copy", "stop_gradient", "split", "max", "min", "clamp", "floor", "ceil",
    "round", "sign", "reduce_max", "reduce_min", "cummax", "cummin", "reduce_window_max", "and",
    "or", "reduce_window_min", "sharding_constraint", "optimization_barrier", "reshard", "gather",
    "dynamic_slice", "dynamic_update_slice", "reduce_and", "reduce_or", "name", "layout_constraint",
    "copy_p",
})  # fmt: skip
# Which operands choose a place, and are no values.
_PLACES = {"gather": (1,), "dynamic_slice": slice(1, None), "dynamic_update_slice": slice(2, None)}
_RISING = frozenset({
    "exp", "exp2", "expm1", "tanh", "logistic", "erf", "cbrt", "sinh", "asinh", "atan", "add",
    "add_any", "convert_element_type", "reduce_precision", "reduce_sum", "cumsum",
    "reduce_window_sum",
})  # fmt: skip
_SUMS = ("reduce_sum", "cumsum", "reduce_window_sum")


def ends(x: Any) -> tuple[Any, Any]:
    """Give both bounds of an interval, or an array twice.

    Example:
        >>> ends(Interval(0, 1)), ends(2)
        ((0, 1), (2, 2))
    """
    return (x.low, x.high) if isinstance(x, Interval) else (x, x)


def apart(low: Any, high: Any, slack: Any = 0.0) -> Interval:
    """Move bounds apart by what arithmetic may be off, and by a slack; NaN bounds nothing.

    Example:
        >>> box = apart(jnp.float32(0), jnp.float32(1))
        >>> float(box.low), bool(box.high > 1)
        (0.0, True)
    """
    low, high, slack = (jnp.asarray(x) for x in (low, high, slack))
    if not jnp.issubdtype(low.dtype, jnp.floating):
        return Interval(low, high)
    ulps = _ULPS * float(jnp.finfo(low.dtype).eps)
    infinite = jnp.asarray(jnp.inf, low.dtype)

    def moved(x: Any, way: int) -> Any:
        step = (jnp.abs(x) * ulps + slack).astype(low.dtype)
        there = jnp.where(jnp.isinf(x), x, x + way * step)
        return jnp.where(jnp.isnan(there), way * infinite, there)

    return Interval(moved(low, -1), moved(high, 1))


def _rising(eqn: Any, args: Sequence[Any], exact: bool = False) -> list[Any]:
    """Bind on the lower and on the upper bounds."""
    places = _PLACES.get(eqn.primitive.name, ())
    at = range(len(args))[places] if isinstance(places, slice) else places
    if any(isinstance(args[i], Interval) for i in at):
        raise Unbounded("where an element is taken from does not depend on bounded values")
    low, high = (compat.bind(eqn, [ends(x)[i] for x in args]) for i in range(2))
    if exact:
        return [Interval(a, b) for a, b in zip(low, high, strict=True)]
    slack = _summed(eqn, args) if eqn.primitive.name in _SUMS else 0.0
    return [apart(a, b, slack) for a, b in zip(low, high, strict=True)]


def _summed(eqn: Any, args: Sequence[Any]) -> Any:
    """Bound what the rounding of a sum is off by: n ε times the sum of the magnitudes."""
    size = jnp.maximum(*map(jnp.abs, ends(args[0])))
    terms = np.prod(eqn.invars[0].aval.shape, dtype=np.int64) / max(1, eqn.outvars[0].aval.size)
    terms = max(terms, max(eqn.invars[0].aval.shape, default=1))
    return float(terms) * _eps(size) * compat.bind(eqn, [size])[0]


def _eps(x: Any) -> float:
    return float(jnp.finfo(x.dtype).eps) if jnp.issubdtype(x.dtype, jnp.floating) else 0.0


def _falling(eqn: Any, args: Sequence[Any]) -> list[Any]:
    (low,), (high,) = (compat.bind(eqn, [end]) for end in ends(args[0])[::-1])
    return [Interval(low, high) if eqn.primitive.name in ("neg", "not") else apart(low, high)]


def _sub(_eqn: Any, args: Sequence[Any]) -> list[Any]:
    (a, b), (c, d) = map(ends, args)
    return [apart(a - d, b - c)]


def _corners(op: Callable[[Any, Any], Any], args: Sequence[Any]) -> Interval:
    """Take the extremes over the ends: for what is monotone in each operand."""
    values = [op(a, b) for a in ends(args[0]) for b in ends(args[1])]
    values = [jnp.where(jnp.isnan(value), 0, value) for value in values]  # 0 · ∞: no value is ∞
    return apart(jnp.min(jnp.stack(values), axis=0), jnp.max(jnp.stack(values), axis=0))


def _mul(eqn: Any, args: Sequence[Any]) -> list[Any]:
    if eqn.invars[0] is eqn.invars[1]:
        return [_power(args[0], 2)]
    return [_corners(jnp.multiply, args)]


def _div(_eqn: Any, args: Sequence[Any]) -> list[Any]:
    low, high = ends(args[1])
    found = _corners(jnp.divide, args)
    return [_unless((low <= 0) & (high >= 0), found)]


def _unless(bad: Any, found: Interval) -> Interval:
    infinite = jnp.asarray(jnp.inf, found.low.dtype)
    return Interval(jnp.where(bad, -infinite, found.low), jnp.where(bad, infinite, found.high))


def _power(x: Any, n: int) -> Interval:
    low, high = ends(x)
    if n < 0:
        below = _power(x, -n)
        one = jnp.ones_like(below.low)
        found = _corners(jnp.divide, [one, below])
        return _unless((low <= 0) & (high >= 0), found)
    if n % 2:
        return apart(low**n, high**n)
    size = _abs(None, [x])[0]
    return apart(jnp.maximum(size.low**n, 0), size.high**n)


def _abs(_eqn: Any, args: Sequence[Any]) -> list[Any]:
    low, high = ends(args[0])
    least = jnp.where(low > 0, low, jnp.where(high < 0, -high, 0))
    return [Interval(least, jnp.maximum(jnp.abs(low), jnp.abs(high)))]


def _pow(_eqn: Any, args: Sequence[Any]) -> list[Any]:
    return [_unless(ends(args[0])[0] < 0, _corners(jnp.power, args))]


def _defined_above_0(op: Callable[[Any], Any], args: Sequence[Any], falls: bool) -> list[Any]:
    """Bound log, sqrt and rsqrt: below 0 there is no value to bound."""
    low, high = (jnp.maximum(end, 0) for end in ends(args[0]))
    return [apart(op(high), op(low)) if falls else apart(op(low), op(high))]


def _log1p(_eqn: Any, args: Sequence[Any]) -> list[Any]:
    return [apart(*(jnp.log1p(jnp.maximum(end, -1)) for end in ends(args[0])))]


def _wave(eqn: Any, args: Sequence[Any]) -> list[Any]:
    """Bound a sine or a cosine: 1 where a crest may lie between the ends, -1 where a trough may."""
    low, high = ends(args[0])
    crest = np.pi / 2 if eqn.primitive.name == "sin" else 0.0
    near = 1e-5 * (1 + jnp.maximum(jnp.abs(low), jnp.abs(high)))

    def meets(at: float) -> Any:
        first = at + 2 * np.pi * jnp.ceil((low - near - at) / (2 * np.pi))
        return ~(first > high + near)

    values = [compat.bind(eqn, [end])[0] for end in (low, high)]
    found = apart(jnp.minimum(*values), jnp.maximum(*values))
    least = jnp.where(meets(crest + np.pi), -1, found.low)
    return [Interval(least, jnp.where(meets(crest), 1, found.high))]


def _compared(eqn: Any, args: Sequence[Any]) -> list[Any]:
    (a, b), (c, d) = map(ends, args)
    sure, possible = {
        "lt": (b < c, a < d), "le": (b <= c, a <= d), "gt": (a > d, b > c), "ge": (a >= d, b >= c),
        "eq": ((a == b) & (c == d) & (a == c), (a <= d) & (c <= b)),
        "ne": ((b < c) | (d < a), ~((a == b) & (c == d) & (a == c))),
    }[eqn.primitive.name]  # fmt: skip
    return [Interval(sure, possible)]


def _finite(_eqn: Any, args: Sequence[Any]) -> list[Any]:
    low, high = map(jnp.isfinite, ends(args[0]))
    return [Interval(low & high, jnp.ones_like(low))]


def _chosen(_eqn: Any, args: Sequence[Any]) -> list[Any]:
    which, *cases = args
    lows, highs = zip(*map(ends, cases), strict=True)
    if not isinstance(which, Interval):
        return [Interval(lax.select_n(which, *lows), lax.select_n(which, *highs))]
    settled = which.low == which.high
    low = jnp.where(settled, lax.select_n(which.low, *lows), jnp.minimum(*lows))
    high = jnp.where(settled, lax.select_n(which.low, *highs), jnp.maximum(*highs))
    return [Interval(low, high)]


def _product(eqn: Any, args: Sequence[Any]) -> list[Any]:
    """Bound a matrix product or a convolution."""

    def at(a: Any, b: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return compat.bind(eqn, [a, b])[0]

    first = isinstance(args[0], Interval)
    inside, known = args if first else args[::-1]
    if isinstance(known, Interval):
        return [_of_two(eqn, at, args)]
    up, down = jnp.maximum(known, 0), jnp.minimum(known, 0)  # by sign: 0 times a bound stays 0
    ordered = (lambda a, b: at(a, b)) if first else (lambda a, b: at(b, a))
    found = []
    for way, (a, b) in zip((-1, 1), (inside, inside[::-1]), strict=True):
        size = ordered(jnp.abs(a), up) - ordered(jnp.abs(b), down)
        found.append(ordered(a, up) + ordered(b, down) + way * _off(eqn, size))
    return [apart(*found)]


def _of_two(eqn: Any, at: Callable[[Any, Any], Any], args: Sequence[Any]) -> Interval:
    """Bound a product of two intervals by centre and radius (Rump 1999)."""
    (a, around_a), (b, around_b) = map(_centred, args)
    sizes = jnp.abs(a) + around_a, jnp.abs(b) + around_b
    centre = at(a, b)
    radius = at(around_a, sizes[1]) + at(jnp.abs(a), around_b)
    return apart(centre - radius, centre + radius, _off(eqn, at(*sizes)))


def _off(eqn: Any, size: Any) -> Any:
    """Bound what the rounding of a product is off by, of a sum of so large magnitudes."""
    terms = eqn.invars[1].aval.size if eqn.primitive.name != "dot_general" else _contracted(eqn)
    return (terms + 4) * _eps(size) * size


def _contracted(eqn: Any) -> int:
    (over, _), _ = eqn.params["dimension_numbers"]
    return int(np.prod([eqn.invars[0].aval.shape[i] for i in over], dtype=np.int64))


def _centred(x: Any) -> tuple[Any, Any]:
    low, high = ends(x)
    centre = low / 2 + high / 2
    grown = 1 + 4 * _eps(centre)
    return centre, jnp.maximum(high - centre, centre - low) * grown if low is not high else 0 * low


RULES: dict[str, Rule] = {
    "neg": _falling, "not": _falling, "erfc": _falling, "acos": _falling, "sub": _sub, "mul": _mul,
    "div": _div, "abs": _abs, "pow": _pow, "log1p": _log1p, "select_n": _chosen,
    "square": lambda _, args: [_power(args[0], 2)],
    "integer_pow": lambda eqn, args: [_power(args[0], eqn.params["y"])],
    "sqrt": lambda _, args: _defined_above_0(jnp.sqrt, args, falls=False),
    "log": lambda _, args: _defined_above_0(jnp.log, args, falls=False),
    "rsqrt": lambda _, args: _defined_above_0(lax.rsqrt, args, falls=True),
    "sin": _wave, "cos": _wave, "is_finite": _finite,
    "dot_general": _product, "conv_general_dilated": _product,
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), _compared),
}  # fmt: skip
RULES |= dict.fromkeys(_EXACT, partial(_rising, exact=True)) | dict.fromkeys(_RISING, _rising)
