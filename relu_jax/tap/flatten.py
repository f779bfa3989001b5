"""How is a jaxpr written into a graph?"""

import contextlib
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from relu_jax.tap import choices, compat, elementwise, evaluate, opaque, tangents
from relu_jax.tap.graph import Atom, Call, Const, Frame, Graph, Item, Node, Repeat

# How a node is entered: "plain" runs as one equation; the others are rules of entering.py.
ENTERED = {
    "scan": "scan", "checkpoint": "remat", "remat": "remat", "remat2": "remat",
    "shard_map": "shard",
}  # fmt: skip
OWN_RULE = ("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
CALLS = ("jit", "pjit", "closed_call", "core_call", "eval_jaxpr", "xla_call", "custom_lin")
Made = ChainMap[Any, tuple[int, ...]]  # spelling of an equation -> its results


def build(opened: compat.OpenJaxpr) -> Graph:
    """Read a traced program into a graph."""
    graph = Graph()
    graph.frame = _frame(graph, opened.jaxpr, opened.consts, (), backward=False)
    tangents.mark(graph)
    return graph


def _frame(
    graph: Graph,
    jaxpr: Any,
    consts: Sequence[Any],
    calls: tuple[Any, ...],
    args: Sequence[Atom] = (),
    *,
    backward: bool,
) -> Frame:
    frame = Frame(ins=tuple(graph.variable(v.aval) for v in jaxpr.invars))
    for v, atom in zip(frame.ins, args, strict=False):
        if (value := graph.number(atom)) is not None:
            graph.known[v] = value
    atoms = _constants(graph, frame, jaxpr, consts)
    writer = _Writer(graph, frame, frame.items, ChainMap(), {}, calls, backward)
    frame.returns = _write(writer, jaxpr, atoms, frame.ins)
    frame.outs = tuple(map(graph.first, frame.returns))
    return frame


def _constants(graph: Graph, frame: Frame, jaxpr: Any, consts: Sequence[Any]) -> list[Atom]:
    """Number the arrays a jaxpr closed over; they hold their values in the frame."""
    variables = [graph.variable(v.aval) for v in jaxpr.constvars]
    frame.consts.update(zip(variables, consts, strict=True))
    return list(variables)


class _Writer(NamedTuple):
    """Where equations are written to, and what stands around them."""

    graph: Graph
    frame: Frame
    items: list[Item]
    made: Made
    makers: dict[int, Node]  # the nodes of the frame, by what they make
    calls: tuple[Any, ...]
    backward: bool


def _write(
    to: _Writer, jaxpr: Any, consts: Sequence[Atom], args: Sequence[Atom]
) -> tuple[Atom, ...]:
    """Write a jaxpr's equations into a frame; nested jits are written out in place."""
    env: dict[Any, Atom] = dict(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))

    def read(atom: Any) -> Atom:
        return Const(atom.val) if compat.is_literal(atom) else env[atom]

    for eqn in jaxpr.eqns:
        ins = tuple(read(atom) for atom in eqn.invars)
        here = to._replace(backward=to.backward or compat.is_transposed(eqn))
        called = eqn.primitive.name in CALLS and compat.plain_jit(eqn) and not compat.rounds(eqn)
        outs = (_write_call if called else _write_node)(here, eqn, ins)
        env.update(zip(eqn.outvars, outs, strict=True))
    return tuple(read(atom) for atom in jaxpr.outvars)


def _write_call(to: _Writer, eqn: Any, ins: tuple[Atom, ...]) -> tuple[Atom, ...]:
    (body,) = compat.inner_jaxprs(eqn)
    body = compat.opened(body)
    consts = _constants(to.graph, to.frame, body.jaxpr, body.consts)
    # What is made inside is not at hand outside: its spellings are forgotten at the end.
    inside = to._replace(items=[], made=to.made.new_child(), calls=(*to.calls, eqn))
    outs = _write(inside, body.jaxpr, consts, ins)
    to.items.append(Call(eqn, ins, tuple(inside.items), outs))
    return outs


def _write_node(to: _Writer, eqn: Any, ins: tuple[Atom, ...]) -> tuple[Atom, ...]:
    known = tuple(map(to.graph.first, ins))
    spelling = _spelling(eqn, known, to.backward)
    if spelling in to.made:
        firsts = to.made[spelling]
        outs = _variables(to, eqn)
        to.graph.firsts.update(zip(outs, firsts, strict=True))
        to.items.append(Repeat(eqn, ins, outs, firsts))
        return outs
    last = _write_chain(to, eqn, known)
    outs = _variables(to, eqn)  # numbered after what they are computed from
    if spelling is not None:
        to.made[spelling] = outs
    node = _node(to.graph, eqn, ins, outs, to.calls, to.backward)
    if (guard := choices.guarded(to.graph, to.makers, node)) is not None:
        _go_on_through(to, guard)
    analysed = replace(last, outs=outs) if last else node
    to.frame.nodes.append(analysed)
    to.makers.update(dict.fromkeys(outs, analysed))
    to.items.append(node)
    _fold(to.graph, node)
    return outs


def _go_on_through(to: _Writer, guard: Node) -> None:
    place = next(i for i, one in enumerate(to.frame.nodes) if one is guard)
    to.frame.nodes[place] = to.makers[guard.outs[0]] = replace(guard, kind="elementwise")


def _variables(to: _Writer, eqn: Any) -> tuple[int, ...]:
    return tuple(to.graph.variable(v.aval) for v in eqn.outvars)


def _write_chain(to: _Writer, eqn: Any, ins: Sequence[Atom]) -> Node | None:
    """Write, for the analysis alone, what an argmax over conditions comes to; give the last node.

    None where the equation is no such argmax.
    """
    chain = choices.chain(to.graph, to.makers, eqn, ins)
    if chain is None:
        return None
    _write(to._replace(items=[], made=ChainMap()), chain.opened.jaxpr, (), chain.conditions)
    return to.frame.nodes.pop()


def _spelling(eqn: Any, ins: tuple[Atom, ...], backward: bool) -> Any:
    """Word an equation so that equal words give equal values; None where they need not.

    A user may write x @ w twice where one array is meant; XLA computes it once, and so do we.
    """
    if eqn.effects or compat.inner_jaxprs(eqn):
        return None
    atoms = tuple(
        (str(a.value), str(getattr(a.value, "dtype", ""))) if isinstance(a, Const) else a
        for a in ins
    )
    params = tuple(sorted((k, str(v)) for k, v in eqn.params.items()))
    return (eqn.primitive.name, params, atoms, backward)


def _fold(graph: Graph, node: Node) -> None:
    """Note the value of what is computed from written numbers, such as sqrt(2)."""
    if node.kind != "elementwise" and node.name not in evaluate.STILL:
        return
    numbers = [graph.number(a) for a in node.ins]
    if not numbers or any(n is None for n in numbers):
        return
    with contextlib.suppress(NotImplementedError):  # no rule: the value stays unknown
        (value,) = evaluate.equation(node.eqn, numbers)
        if np.ndim(value) == 0:
            graph.known[node.outs[0]] = value


def _node(
    graph: Graph,
    eqn: Any,
    reads: tuple[Atom, ...],
    outs: tuple[int, ...],
    calls: tuple[Any, ...],
    backward: bool,
) -> Node:
    name, bodies = eqn.primitive.name, compat.inner_jaxprs(eqn)
    ins = tuple(map(graph.first, reads))
    kind, frames = "plain", ()
    own_rule = name in OWN_RULE and _is_elementwise(eqn)
    if name in elementwise.RULES or own_rule or compat.rounds(eqn):
        kind = "elementwise"
    elif len(bodies) == 1 and (name in ENTERED or name in OWN_RULE):
        kind = ENTERED.get(name, "rule")
        fixed = compat.scan_layout(eqn)[0] if kind == "scan" else len(ins)
        frames = _frames(graph, bodies, calls, ins[:fixed], backward=backward)
        if kind in ("shard", "rule"):  # a gradient takes the numbers it computes with out of them
            told = map(graph.number, frames[0].outs)
            graph.known.update((v, n) for v, n in zip(outs, told, strict=True) if n is not None)
    elif name == "while":
        parts = compat.while_parts(eqn)
        fixed = ins[parts.condition_consts :][: parts.body_consts]
        kind, frames = "while", _frames(graph, [parts.body], calls, fixed, backward=backward)
    elif compat.chooses(eqn):
        kind, frames = "cond", _frames(graph, bodies, calls, ins[1:], backward=backward)
    elif (bodies and name not in opaque.COMBINERS) or opaque.is_unread(eqn):
        kind = "opaque"
    return Node(eqn, ins, reads, outs, kind, frames, calls, backward)


def _frames(
    graph: Graph,
    bodies: Sequence[Any],
    calls: tuple[Any, ...],
    args: Sequence[Atom],
    *,
    backward: bool,
) -> tuple[Frame, ...]:
    opened = map(compat.opened, bodies)
    return tuple(
        _frame(graph, body.jaxpr, body.consts, calls, args, backward=backward) for body in opened
    )


def _is_elementwise(eqn: Any) -> bool:
    """Say whether a function with its own derivative rule acts element by element.

    An operand may be smaller than the result and be repeated, as a slope per unit is.
    """
    if len(eqn.outvars) != 1:
        return False
    whole = tuple(eqn.outvars[0].aval.shape)
    return all(_repeats(tuple(v.aval.shape), whole) for v in eqn.invars) and all(
        _elementwise_body(compat.opened(b).jaxpr) for b in compat.inner_jaxprs(eqn)
    )


def _repeats(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Say whether an array of one shape, repeated, has the other."""
    pairs = zip(shape[::-1], whole[::-1], strict=False)
    return len(shape) <= len(whole) and all(a in (1, b) for a, b in pairs)


def _elementwise_body(jaxpr: Any) -> bool:
    for eqn in jaxpr.eqns:
        name, bodies = eqn.primitive.name, compat.inner_jaxprs(eqn)
        spread = name in ("broadcast_in_dim", "full")
        if bodies and compat.rounds(eqn):
            continue
        if bodies and name in (*CALLS, *OWN_RULE):
            if not all(_elementwise_body(compat.opened(b).jaxpr) for b in bodies):
                return False
        elif bodies or not (name in elementwise.RULES or name == "stop_gradient" or spread):
            return False
    return True
