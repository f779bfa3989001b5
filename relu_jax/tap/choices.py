"""By which of several conditions do jnp.select and jnp.piecewise choose, element by element?

Both stack their conditions and take an argmax over the stack, and so is it run. What it computes
acts element by element, though: the analysis reads it as a chain of choices between numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from relu_jax.tap import compat
from relu_jax.tap.graph import Atom, Const, Graph, Node


class Chain(NamedTuple):
    """The same index as a jaxpr of conditions, which acts element by element."""

    opened: compat.OpenJaxpr
    conditions: tuple[int, ...]


def chain(graph: Graph, makers: Mapping[int, Node], eqn: Any, ins: Sequence[Atom]) -> Chain | None:
    """Read an argmax over stacked conditions; None where an equation is something else.

    Args:
        graph: the program so far.
        makers: the nodes of the frame so far, by what they make.
        eqn: any equation.
        ins: its operands.
    """
    if eqn.primitive.name != "argmax":
        return None
    (axis,) = eqn.params["axes"]
    stacked, last_wins = ins[0], False
    if (summed := _maker(makers, stacked)) is not None and summed.name == "cumsum":
        # The sum over the conditions before grows up to the last one that holds.
        numbers = _maker(makers, summed.ins[0])
        ahead = summed.eqn.params["axis"] == axis and not summed.eqn.params["reverse"]
        if not ahead or numbers is None or numbers.name != "convert_element_type":
            return None
        stacked, last_wins = numbers.ins[0], True
    rows = _rows(_Stack(graph, makers, axis), stacked)
    if rows is None or any(graph.number(row) for row in rows):  # one that always holds
        return None
    told = [(i, row) for i, row in enumerate(rows) if graph.number(row) is None]
    return _spelled(graph, eqn, told if last_wins else told[::-1])


def guarded(graph: Graph, makers: Mapping[int, Node], node: Node) -> Node | None:
    """Find the ``stop_gradient(x)`` of ``where(taken, x, stop_gradient(x))``, which is x.

    A switch under vmap guards what its branches read in this way, so that no gradient comes of a
    branch that was not taken. Where the choice is made by x alone, element by element, as in
    jnp.piecewise, a function goes on through it.
    """
    if node.name != "select_n" or len(node.ins) != 3:
        return None
    for one, other in (node.ins[1:], node.ins[:0:-1]):
        maker = _maker(makers, one)
        if maker is not None and maker.name == "stop_gradient" and maker.ins == (other,):
            return maker if _made_of(graph, makers, node.ins[0], other) else None
    return None


def _made_of(graph: Graph, makers: Mapping[int, Node], v: Atom, x: Atom) -> bool:
    """Say whether v is computed from x and from numbers alone, element by element."""
    pending, seen = [v], {x}
    for one in pending:
        if graph.number(one) is not None or one in seen:
            continue
        seen.add(one)
        maker = _maker(makers, one)
        if maker is None or maker.kind != "elementwise":
            return False
        pending += maker.ins
    return True


def _spelled(graph: Graph, eqn: Any, told: Sequence[tuple[int, Atom]]) -> Chain | None:
    (aval,) = (v.aval for v in eqn.outvars)
    rows = [row for _, row in told if not isinstance(row, Const)]
    if any(graph.shape(row) != aval.shape or graph.dtype(row).kind != "b" for row in rows):
        return None

    def index(*conditions: Any) -> Any:
        number = jnp.zeros(aval.shape, aval.dtype)
        for (i, _), condition in zip(told, conditions, strict=True):
            number = lax.select(condition, jnp.full(aval.shape, i, aval.dtype), number)
        return number

    bools = [jax.ShapeDtypeStruct(aval.shape, bool)] * len(rows)
    return Chain(compat.trace(index, *bools)[0], tuple(rows)) if rows else None


class _Stack(NamedTuple):
    """Where to look up what lies along which axis."""

    graph: Graph
    makers: Mapping[int, Node]
    axis: int


def _rows(of: _Stack, v: Atom) -> Sequence[Atom] | None:
    """List what lies along the axis of v, as operands of the shape of one row."""
    node = _maker(of.makers, v)
    if node is None:
        return None
    read = _READ.get(node.name)
    return read(of, node) if read else None


def _stack(of: _Stack, node: Node) -> Sequence[Atom] | None:
    return list(node.ins) if node.eqn.params["axis"] == of.axis else None


def _concatenate(of: _Stack, node: Node) -> Sequence[Atom] | None:
    if node.eqn.params["dimension"] != of.axis:
        return None
    parts = [_rows(of, v) for v in node.ins]
    return None if None in parts else [row for part in parts for row in part or ()]


def _broadcast(of: _Stack, node: Node) -> Sequence[Atom] | None:
    shape, row = of.graph.shape(node.outs[0]), node.ins[0]
    known = of.graph.number(row)
    if known is not None:
        return [Const(known)] * shape[of.axis]
    others = tuple(axis for axis in range(len(shape)) if axis != of.axis)
    whole = of.graph.shape(row) == tuple(shape[axis] for axis in others)
    placed = tuple(node.eqn.params["broadcast_dimensions"]) == others
    return [row] if shape[of.axis] == 1 and whole and placed else None


def _slice(of: _Stack, node: Node) -> Sequence[Atom] | None:
    rows, params = _rows(of, node.ins[0]), node.eqn.params
    before, after = of.graph.shape(node.ins[0]), of.graph.shape(node.outs[0])
    kept = [a == b for a, b in zip(before, after, strict=True)]
    if rows is None or params["strides"] or not all(kept[: of.axis] + kept[of.axis + 1 :]):
        return None
    return rows[params["start_indices"][of.axis] : params["limit_indices"][of.axis]]


_READ: dict[str, Callable[[_Stack, Node], Sequence[Atom] | None]] = {
    "stack": _stack,
    "concatenate": _concatenate,
    "broadcast_in_dim": _broadcast,
    "slice": _slice,
}


def _maker(makers: Mapping[int, Node], v: Atom) -> Node | None:
    return None if isinstance(v, Const) else makers.get(v)
