"""Run a program with eyes at its sites: the same equations, a few more results.

A nested jit stays one; `entering` has a rule for each kind of frame. Nothing is replaced but the
results that a change is asked for, and what begins or ends a site and is written twice is computed
once, since its cotangent is one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from relu_jax.tap import compat, entering, naming, shards
from relu_jax.tap.eyes import Collected, Eyes, Probes, sites_in
from relu_jax.tap.graph import Atom, Call, Const, Frame, Item, Node, Repeat


def run(
    frame: Frame, args: Sequence[Any], see: Eyes, probes: Probes
) -> tuple[list[Any], Collected]:
    """Run a frame.

    Args:
        frame: the frame.
        args: one value per input.
        see: what to do at which sites.
        probes: zeros whose cotangents carry what the backward pass saw; empty without `mark`.

    Returns:
        the frame's results, and what was collected at each site in it and in the frames within.
    """
    values = _Values({}, {}, {}, see, probes)
    for v, value in (*frame.consts.items(), *zip(frame.ins, args, strict=True)):
        values.write(v, value)
    _run_items(frame.items, values)
    return [values.read(atom) for atom in frame.returns], values.collected


class _Values(NamedTuple):
    """The values of a run so far."""

    env: dict[int, Any]  # what the program goes on with: marked where a probe is
    seen: dict[int, Any]  # the same before they were marked
    collected: Collected
    see: Eyes
    probes: Probes

    def read(self, atom: Atom) -> Any:
        """Look an operand up."""
        return atom.value if isinstance(atom, Const) else self.env[atom]

    def write(self, v: int, value: Any) -> None:
        """Enter a variable, and look at it where a site ends or begins."""
        self.env[v] = self.seen[v] = value
        for one, end in self.see.at.get(v, ()):
            post = end == "post"
            if self.see.mark is not None and one.site.id in self.probes:
                probe = self.probes[one.site.id][end]
                laid = one.piece.as_argument(self.env[v]) if post else self.env[v]
                marked = self.see.mark(one.site, laid, probe)
                self.env[v] = one.piece.as_result(marked) if post else marked
            if post:
                act, z = one.piece.bound(self.seen), self.seen[one.piece.z]
                y = one.piece.as_argument(value)
                if self.see.changes is None:
                    self.collected[one.site.id] = self.see.forward(one.site, act, z, y)
                else:
                    change = self.see.changes[one.site.id]
                    last = one.piece.nodes[-1]
                    with compat.standing_at(last.eqn, naming.origin(last)):
                        y = one.piece.as_result(change(one.site, act, z, y))
                        self.env[v] = self.seen[v] = shards.varying(y, shards.varies(value))


def _run_items(items: Sequence[Item], values: _Values) -> None:
    for item in items:
        ins = [values.read(atom) for atom in item.reads]
        if isinstance(item, Call) and _looks_inside(item, values.see):
            _call(item, ins, values)
            continue
        if isinstance(item, Repeat) and not values.see.joined.isdisjoint(item.firsts):
            outs = [values.env[v] for v in item.firsts]
        elif isinstance(item, Node) and sites_in(item.frames, values.see):
            outs, inside = entering.RULES[item.kind](run, item, ins, values.see, values.probes)
            values.collected.update(inside)
        elif isinstance(item, Node) and item.outs and item.outs[0] in values.see.instead:
            outs = [values.see.instead[item.outs[0]](*ins)]
        else:
            outs = compat.bind(item.eqn, ins)
        for atom, value in zip(item.outs, outs, strict=True):
            # A call may hand an operand through: it has been looked at already.
            if not isinstance(atom, Const) and atom not in values.env:
                values.write(atom, value)


def _call(call: Call, ins: list[Any], values: _Values) -> None:
    """Run a nested jit that is looked into, as a jit again.

    It stays one because JAX adds up the cotangents of a value inside a jit before those outside
    it: written out, the gradient would be rounded differently.
    """
    defined = set(call.variables())
    exported = sorted(
        {v for y, needs in values.see.needs if y not in defined for v in needs} & defined
    )

    def body(ins: list[Any]) -> tuple[list[Any], list[Any], Collected]:
        given = {a: x for a, x in zip(call.reads, ins, strict=True) if not isinstance(a, Const)}
        inside = values._replace(env=values.env | given, seen=values.seen | given, collected={})
        _run_items(call.items, inside)
        outs = [inside.read(atom) for atom in call.outs]
        return outs, [inside.seen[v] for v in exported], inside.collected

    body.__name__ = str(call.eqn.params.get("name", "call"))
    outs, extra, collected = jax.jit(body)(ins)
    values.collected.update(collected)
    for atom, value in zip(call.outs, outs, strict=True):
        if not isinstance(atom, Const) and atom not in values.env:
            values.env[atom] = values.seen[atom] = value  # looked at inside
    values.seen.update(zip(exported, extra, strict=True))


def _looks_inside(call: Call, see: Eyes) -> bool:
    """Say whether anything is looked at that a call makes, and hides or goes on to use.

    Or whether something else runs instead of a node of it.
    """
    made = set(call.variables())
    hidden = made - {a for a in call.outs if not isinstance(a, Const)}
    used = {a for a in call.read() if not isinstance(a, Const)} & made
    return (
        any(not hidden.isdisjoint((y, *needs)) for y, needs in see.needs)
        or not see.instead.keys().isdisjoint(made)
        or any(sites_in(node.frames, see) for node in call.nodes())
        or not see.at.keys().isdisjoint(used)
        or not see.joined.isdisjoint(call.repeated())
    )
