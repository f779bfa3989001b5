"""Run a program with eyes at its sites: the same equations, a few more results.

Each rule enters one kind of frame; a nested jit stays one. Nothing is replaced, but that an
argument or a result of a site that is written twice is computed once, since its cotangent is one.
A function with its own derivative rule is called as it is, so the rule survives, and a copy of its
body beside it supplies the values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from relu_jax.tap import compat
from relu_jax.tap.graph import Atom, Call, Const, Frame, Item, Node, Repeat
from relu_jax.tap.program import Placed
from relu_jax.tap.types import Site

# site, act, pre, post -> anything made of arrays
Forward = Callable[[Site, Callable[[Any], Any], Any, Any], Any]
Collected = dict[str, Any]  # {site id: what the forward function made of it}
Probes = Mapping[str, Mapping[str, Any]]  # {site id: {"pre": zeros, "post": zeros}}


class Eyes(NamedTuple):
    """What to do at which sites."""

    at: Mapping[int, Sequence[tuple[Placed, str]]]  # variable -> (site, "pre" or "post")
    forward: Forward
    mark: Callable[[Site, Any, Any], Any] | None  # passes a value on, with its probe
    needs: Sequence[tuple[int, Sequence[int]]]  # per site: its result, what it is computed from
    joined: frozenset[int]  # variables of `at` whose repeats are the same value, with its probe


_CLOSED = Eyes({}, lambda *_: None, None, (), frozenset())


def eyes(
    placed: Sequence[Placed],
    forward: Forward,
    mark: Callable[[Site, Any, Any], Any] | None = None,
) -> Eyes:
    """Open eyes at some sites."""
    at: dict[int, list[tuple[Placed, str]]] = {}
    for one in placed:
        at.setdefault(one.piece.z, []).append((one, "pre"))
        at.setdefault(one.piece.y, []).append((one, "post"))
    needs = [(one.piece.y, one.piece.needed()) for one in placed]
    # silu computes a sigmoid of its own: that is not the site's result.
    inner = {v for one in placed for node in one.piece.nodes for v in node.outs if v != one.piece.y}
    starts = {one.piece.z for one in placed}
    return Eyes(at, forward, mark, needs, frozenset(starts | (at.keys() - inner)))


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
            if self.see.mark is not None and one.site.id in self.probes:
                self.env[v] = self.see.mark(one.site, self.env[v], self.probes[one.site.id][end])
            if end == "post":
                act, z = one.piece.bound(self.seen), self.seen[one.piece.z]
                self.collected[one.site.id] = self.see.forward(one.site, act, z, value)


def _run_items(items: Sequence[Item], values: _Values) -> None:
    for item in items:
        ins = [values.read(atom) for atom in item.reads]
        if isinstance(item, Call) and _looks_inside(item, values.see):
            _call(item, ins, values)
            continue
        if isinstance(item, Repeat) and not values.see.joined.isdisjoint(item.firsts):
            outs = [values.env[v] for v in item.firsts]
        elif isinstance(item, Node) and sites_in(item.frames, values.see):
            outs, inside = _RULES[item.kind](item, ins, values.see, values.probes)
            values.collected.update(inside)
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
    """Say whether anything is looked at that a call makes, and hides or goes on to use."""
    made = set(call.variables())
    hidden = made - {a for a in call.outs if not isinstance(a, Const)}
    used = {a for a in call.read() if not isinstance(a, Const)} & made
    return (
        any(not hidden.isdisjoint((y, *needs)) for y, needs in see.needs)
        or any(sites_in(node.frames, see) for node in call.nodes())
        or not see.at.keys().isdisjoint(used)
        or not see.joined.isdisjoint(call.repeated())
    )


def sites_in(frames: Sequence[Frame], see: Eyes) -> set[str]:
    """List the ids of the sites looked at in some frames and in the frames within."""
    nodes = [node for frame in frames for node in frame.nodes]
    found = {one.site.id for node in nodes for v in node.outs for one, _ in see.at.get(v, ())}
    return found.union(*(sites_in(node.frames, see) for node in nodes))


def _probes_in(node: Node, see: Eyes, probes: Probes) -> Probes:
    return {key: probes[key] for key in sorted(sites_in(node.frames, see)) if key in probes}


def _scan(
    node: Node, values: Sequence[Any], see: Eyes, probes: Probes
) -> tuple[list[Any], Collected]:
    """Run a scan whose turns also hand out what was seen; probes go in one slice per turn.

    Forward only, each turn runs as written, and a copy of it beside it is looked at: a value that
    is handed out is rounded where XLA would have fused it away, and later turns carry that on
    (a GRU of 4 turns: 3 ulp). With a backward pass the values are kept for it anyway, so one turn
    serves. A turn with effects (a print) is never run twice.
    """
    (inner,), params = node.frames, node.eqn.params
    consts, carried = compat.scan_layout(node.eqn)
    fixed, first = list(values[:consts]), list(values[consts : consts + carried])
    own = _probes_in(node, see, probes)
    beside = see.mark is None and not node.eqn.effects
    count = jnp.arange(params["length"], dtype="float32") if beside else None

    def turn(carry: list[Any], slices: tuple[list[Any], Probes, Any]) -> tuple[list[Any], Any]:
        xs, inside, i = slices
        if beside:
            outs, _ = run(inner, [*fixed, *carry, *xs], _CLOSED, {})
            _, collected = run(inner, [*fixed, *_unshared([*carry, *xs], i)], see, inside)
        else:
            outs, collected = run(inner, [*fixed, *carry, *xs], see, inside)
        return outs[:carried], (outs[carried:], collected)

    last, (stacked, collected) = jax.lax.scan(
        turn,
        first,
        (list(values[consts + carried :]), own, count),
        length=params["length"],
        reverse=params["reverse"],
        unroll=params["unroll"],
    )
    return [*last, *stacked], collected


def _unshared(values: Sequence[Any], i: Any) -> list[Any]:
    """Copy the values of turn i in such a way that XLA cannot tell: it would merge the readers.

    An optimization barrier is gone before XLA merges equal instructions; a choice whose condition
    it cannot work out stays.
    """
    always = jnp.cos(i) < 2
    keys = jax.dtypes.extended
    return [
        x if jnp.issubdtype(x.dtype, keys) else jnp.where(always, x, jnp.zeros_like(x))
        for x in values
    ]


def _remat(
    node: Node, values: Sequence[Any], see: Eyes, probes: Probes
) -> tuple[list[Any], Collected]:
    """Run a rematted region as one again, under its own policy."""
    (inner,), params = node.frames, node.eqn.params

    def region(args: list[Any], inside: Probes) -> tuple[list[Any], Collected]:
        return run(inner, args, see, inside)

    again = jax.checkpoint(region, prevent_cse=params["prevent_cse"], policy=params["policy"])
    return again(list(values), _probes_in(node, see, probes))


def _cond(
    node: Node, values: Sequence[Any], see: Eyes, probes: Probes
) -> tuple[list[Any], Collected]:
    """Run a cond as one again; of the branches that are not taken, zeros are handed out."""
    index, *args = values
    own = _probes_in(node, see, probes)

    def taken(branch: Frame) -> Callable[[list[Any], Probes], tuple[list[Any], Collected]]:
        return lambda args, inside: run(branch, args, see, inside)

    shapes = [jax.eval_shape(taken(branch), args, own)[1] for branch in node.frames]

    def filled(branch: Frame) -> Callable[[list[Any], Probes], tuple[list[Any], Collected]]:
        def with_others(args: list[Any], inside: Probes) -> tuple[list[Any], Collected]:
            outs, seen = taken(branch)(args, inside)
            none = {name: shape for each in shapes for name, shape in each.items()}
            zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), none)
            return outs, zeros | seen

        return with_others

    return jax.lax.switch(index, list(map(filled, node.frames)), args, own)


def _own_rule(
    node: Node, values: Sequence[Any], see: Eyes, _probes: Probes
) -> tuple[list[Any], Collected]:
    """Call a function with its own derivative rule as it is, and look at a copy of its body."""
    (inner,) = node.frames
    outs = compat.bind(node.eqn, values)
    _, collected = run(inner, jax.lax.stop_gradient(list(values)), see, {})
    return outs, collected


_RULES = {"scan": _scan, "remat": _remat, "rule": _own_rule, "cond": _cond}
