"""Which parts of a network lie between its hinges, and what does each start from?

The line of equations is cut at the hinges: a part gives the argument of one hinge from the
arguments of those before it, and from what was computed on the way to them.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from relu_jax.analyses import hinges
from relu_jax.analyses.hinges import At, Hinge, Line
from relu_jax.tap import compat


class Stage(NamedTuple):
    """The part of a network up to one hinge."""

    hinge: Hinge
    needs: tuple[int, ...]  # numbers of the arrays it is computed from; 0 is the input
    gives: tuple[int, ...]  # numbers of what it computes: the argument, and what is needed later
    run: Callable[..., Any]  # from those arrays to these, all of (size, n)


class _Cut(NamedTuple):
    """The part of the line that computes the argument of a hinge."""

    at: At
    needs: list[Any]  # arrays that are known by then
    eqns: list[Any]
    keeps: list[Any]  # arrays that it computes on the way, which later parts start from


def stages(f: Callable[[Any], Any], x: Any) -> tuple[Stage, ...]:
    """Cut a function of a batch at its hinges, in the order they run.

    Args:
        f: a function of x, of (size, ...); any network whose activations are piecewise linear.
        x: a batch of the size that every stage runs on.

    Returns:
        per hinge the function that gives its argument, flattened to (size, n), from x, the
        arguments of hinges before it and what was computed on the way to them. Between the points
        where earlier hinges bend all these are affine.

    Raises:
        ValueError: an activation is not piecewise linear, or jumps.
        NotImplementedError: one in a branch, a while loop, or that mixes examples in its layout.

    Edges: what bends in a branch or a while loop, and what compares in other ways (a softmax, a
    sort), is not seen here.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> net = lambda x: jax.nn.relu(jax.nn.relu(2 * x) - 1)
        >>> first, second = stages(net, jnp.ones((2, 3)))
        >>> second.hinge.id, second.needs, second.run(jnp.ones((2, 3)))[0].tolist()[0]
        ('site#2', (1,), [0.0, 0.0, 0.0])
    """
    line = hinges.read(f, x)
    cuts = _cuts(line, len(x))
    numbers: dict[Any, int] = {line.x: 0}
    found = []
    for i, cut in enumerate(cuts):
        # What was put together or turned is no array of the line, which a later part could need.
        argument = cut.at.operands[0] if cut.at.is_array else i
        given = [argument, *(v for v in cut.keeps if v is not argument)]
        needs = tuple(numbers[v] for v in cut.needs)
        gives = tuple(numbers.setdefault(v, len(numbers)) for v in given)
        found.append(Stage(cut.at.hinge, needs, gives, _program(line, cut, given[1:], len(x))))
    return tuple(found)


def _cuts(line: Line, examples: int) -> list[_Cut]:
    """Cut the line, so that each part starts from what parts before it computed, if it can."""
    known, made = {line.x}, {}  # {array: the part that computes it}
    cuts: list[_Cut] = []

    def is_start(v: Any) -> bool:
        if v not in known and v in made:
            cuts[made[v]].keeps.append(v)
            known.add(v)
        return v in known

    for at in line.hinges:
        needs: list[Any] = []
        wanted: set[Any] = set()

        def want(v: Any, needs: list[Any] = needs, wanted: set[Any] = wanted) -> None:
            if not compat.is_literal(v) and not is_start(v):
                wanted.add(v)
            elif not compat.is_literal(v) and v not in needs:
                needs.append(v)

        for v in at.operands:
            want(v)
        eqns = []
        for eqn in reversed(line.eqns):
            if not wanted.isdisjoint(eqn.outvars):
                eqns.append(eqn)
                for v in eqn.invars:
                    want(v)
        cut = _Cut(at, needs, eqns[::-1], [])
        for v in (v for eqn in cut.eqns for v in eqn.outvars):
            by_example = v in line.moving and hinges.axis_of(v, examples) is not None
            if by_example and jnp.issubdtype(v.aval.dtype, jnp.floating):
                made[v] = len(cuts)
        cuts.append(cut)
        if at.is_array:
            known.add(at.operands[0])
    return cuts


def _program(line: Line, cut: _Cut, keeps: Sequence[Any], examples: int) -> Callable[..., Any]:
    """Compile a part: from what it needs to the argument of its hinge, and what else is kept."""
    used = {v for eqn in cut.eqns for v in hinges.variables(eqn)}
    used |= {v for v in cut.at.operands if not compat.is_literal(v)}
    consts = {v: value for v, value in line.consts.items() if v in used}

    @jax.jit
    def run(values: Sequence[Any], *arrays: Any) -> Any:
        env = dict(zip(consts, values, strict=True))
        env |= {v: hinges.back(v, a) for v, a in zip(cut.needs, arrays, strict=True)}

        def read(v: Any) -> Any:
            return v.val if compat.is_literal(v) else env[v]

        for eqn in cut.eqns:
            results = hinges.run(eqn, [read(v) for v in eqn.invars])
            env.update(zip(eqn.outvars, results, strict=True))
        argument = hinges.argument(cut.at, [read(v) for v in cut.at.operands], examples)
        return argument, *(hinges.flat(v, read(v), examples) for v in keeps)

    return functools.partial(run, list(consts.values()))
