"""Between which bounds does every value of a program lie, if its inputs lie between some?

A jaxpr is run on pairs of bounds, equation by equation, the bodies of calls, loops and branches
included.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from relu_jax.analyses.interval_rules import RULES, Interval, Unbounded, ends
from relu_jax.core import errors
from relu_jax.tap import compat

Turn = tuple[int, ...]
SiteRule = Callable[[Any, Sequence[Any], Turn], list[Any]]
_LONGEST = 512  # turns of a loop that are written out
_CALLS = frozenset({
    "jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat",
    "remat2", "checkpoint", "custom_vjp_call_jaxpr",
})  # fmt: skip


def evaluate(
    closed: Any,
    args: Sequence[Any],
    rules: Mapping[str, SiteRule],
    around: tuple[Any, ...] = (),
    turn: Turn = (),
) -> list[Any]:
    """Run a jaxpr on arrays and intervals.

    Args:
        closed: a ClosedJaxpr.
        args: per input an array, or an `Interval`.
        rules: for primitives beside those known here: ``rule(eqn, operands, turn)``, a list of
            results.
        around: the equations whose bodies it stands in, innermost first: they tell its line.
        turn: of the loops around it, outermost first.

    Returns:
        per result an array where no interval enters it, or an `Interval`.

    Raises:
        NotImplementedError: an interval enters a primitive without a rule.

    Example:
        >>> closed = jax.make_jaxpr(lambda x: jnp.maximum(2 * x, 0))(1.0)
        >>> (y,) = evaluate(closed, [Interval(jnp.float32(-1), jnp.float32(3))], {})
        >>> round(float(y.low), 3), round(float(y.high), 3)
        (0.0, 6.0)
    """
    jaxpr, consts = compat.opened(closed)
    env: dict[Any, Any] = {}

    def read(atom: Any) -> Any:
        return atom.val if compat.is_literal(atom) else env[atom]

    env.update(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    for eqn in _needed(jaxpr):
        operands = [read(atom) for atom in eqn.invars]
        if any(isinstance(x, Interval) for x in operands) or _holds(eqn, rules):
            inside = partial(evaluate, rules=rules, around=(eqn, *around))
            results = _bounded(eqn, operands, rules, inside, turn)
        else:
            results = compat.bind(eqn, operands)
        env.update(zip(eqn.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _needed(jaxpr: Any) -> list[Any]:
    """List the equations that a result depends on."""
    wanted = {atom for atom in jaxpr.outvars if not compat.is_literal(atom)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if not wanted.isdisjoint(eqn.outvars):
            kept.append(eqn)
            wanted.update(atom for atom in eqn.invars if not compat.is_literal(atom))
    return kept[::-1]


def _holds(eqn: Any, rules: Mapping[str, SiteRule]) -> bool:
    """Say whether an equation is, or holds in a body, one that has a rule of its own."""
    bodies = (compat.opened(inner).jaxpr for inner in compat.inner_jaxprs(eqn))
    return eqn.primitive.name in rules or any(
        _holds(inner, rules) for body in bodies for inner in body.eqns
    )


def _lines(eqn: Any) -> Iterator[str]:
    """Yield the user's lines of an equation, and of those in its bodies."""
    yield from (f"{Path(file).name}:{line}" for file, line in compat.user_frames(eqn))
    for inner in compat.inner_jaxprs(eqn):
        for within in compat.opened(inner).jaxpr.eqns:
            yield from _lines(within)


def _bounded(
    eqn: Any,
    operands: Sequence[Any],
    rules: Mapping[str, SiteRule],
    inside: partial[list[Any]],
    turn: Turn,
) -> list[Any]:
    """Bound the results of one equation."""
    name = eqn.primitive.name
    try:
        if name in rules:
            return rules[name](eqn, operands, turn)
        if name in _FRAMES:
            return _FRAMES[name](eqn, operands, inside, turn)
        if name not in RULES:
            raise Unbounded("bounds go through arithmetic, products and elementary functions")
        return RULES[name](eqn, operands)
    except Unbounded as unknown:
        written = (line for one in inside.keywords["around"] for line in _lines(one))
        raise errors.rejected(
            rule=str(unknown),
            got=f"{name}, at {next(written, 'a line that JAX does not tell')}",
            do="ask for the bounds of what stands before it, or of a function without it",
            kind=NotImplementedError,
        ) from unknown


def _closed(jaxpr: Any) -> Any:
    return compat.OpenJaxpr(*compat.opened(jaxpr))


def _call(eqn: Any, args: Sequence[Any], inside: partial[list[Any]], turn: Turn) -> list[Any]:
    return inside(_closed(compat.inner_jaxprs(eqn)[0]), args, turn=turn)


def _scan(eqn: Any, args: Sequence[Any], inside: partial[list[Any]], turn: Turn) -> list[Any]:
    """Write the turns of a loop out."""
    params = eqn.params
    fixed, carried = compat.scan_layout(eqn)
    if params["length"] > _LONGEST:
        raise Unbounded(f"loops of up to {_LONGEST} turns are written out")
    consts, carry, xs = args[:fixed], args[fixed : fixed + carried], args[fixed + carried :]
    stacked: list[list[Any]] = []
    turns = range(params["length"])
    for i in reversed(turns) if params["reverse"] else turns:
        row = [jax.tree.map(lambda x, i=i: x[i], x) for x in xs]
        out = inside(_closed(params["jaxpr"]), [*consts, *carry, *row], turn=(*turn, i))
        carry = out[:carried]
        stacked.append(out[carried:])
    rows = stacked[::-1] if params["reverse"] else stacked
    return [*carry, *(_stacked(column) for column in zip(*rows, strict=True))]


def _stacked(column: Sequence[Any]) -> Any:
    if not any(isinstance(x, Interval) for x in column):
        return jnp.stack(column)
    return Interval(*(jnp.stack(part) for part in zip(*map(ends, column), strict=True)))


def _cond(eqn: Any, args: Sequence[Any], inside: partial[list[Any]], turn: Turn) -> list[Any]:
    """Bound every branch, and take the one that runs, or all that may."""
    index, *operands = args
    ways = [inside(_closed(branch), operands, turn=turn) for branch in eqn.params["branches"]]
    low, high = ends(index)
    may = [(low <= i) & (i <= high) for i in range(len(ways))]
    found = []
    for results in zip(*ways, strict=True):
        lows, highs = zip(*map(ends, results), strict=True)
        worst, best = _limits(lows[0].dtype)
        low_of = [jnp.where(ok, x, best) for ok, x in zip(may, lows, strict=True)]
        high_of = [jnp.where(ok, x, worst) for ok, x in zip(may, highs, strict=True)]
        found.append(Interval(jnp.stack(low_of).min(axis=0), jnp.stack(high_of).max(axis=0)))
    return found


def _limits(dtype: Any) -> tuple[Any, Any]:
    if jnp.issubdtype(dtype, jnp.floating):
        return -jnp.inf, jnp.inf
    return (False, True) if dtype == jnp.bool_ else (jnp.iinfo(dtype).min, jnp.iinfo(dtype).max)


_FRAMES = {"scan": _scan, "cond": _cond, **dict.fromkeys(_CALLS, _call)}
