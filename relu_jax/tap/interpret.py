"""Run a program with eyes at its sites: the same equations, a few more results.

Each rule enters one kind of frame. Nothing is recomputed and nothing is replaced, except inside
a function with its own derivative rule: that one is called as it is, so the rule survives, and a
copy of its body beside it supplies the values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from relu_jax.tap import compat
from relu_jax.tap.graph import Atom, Const, Frame, Node
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
    return Eyes(at, forward, mark)


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
    env: dict[int, Any] = {}
    seen: dict[int, Any] = {}  # values before they were marked
    collected: Collected = {}

    def read(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Const) else env[atom]

    def write(v: int, value: Any) -> None:
        env[v] = seen[v] = value
        for one, end in see.at.get(v, ()):
            if see.mark is not None and one.site.id in probes:
                env[v] = see.mark(one.site, env[v], probes[one.site.id][end])

    for v, value in (*frame.consts.items(), *zip(frame.ins, args, strict=True)):
        write(v, value)
    for node in frame.nodes:
        values = [read(atom) for atom in node.ins]
        if node.inner is None or not _seen_inside(node.inner, see):
            outs = compat.bind(node.eqn, values)
        else:
            outs, inside = _RULES[node.kind](node, values, see, probes)
            collected.update(inside)
        for v, value in zip(node.outs, outs, strict=True):
            write(v, value)
        for v in node.outs:
            for one, end in see.at.get(v, ()):
                if end == "post":
                    act = one.piece.bound(seen)
                    z, y = seen[one.piece.z], seen[one.piece.y]
                    collected[one.site.id] = see.forward(one.site, act, z, y)
    return [read(atom) for atom in frame.outs], collected


def _seen_inside(frame: Frame, see: Eyes) -> bool:
    return bool(_sites_inside(frame, see))


def _sites_inside(frame: Frame, see: Eyes) -> set[str]:
    found = {one.site.id for node in frame.nodes for v in node.outs for one, _ in see.at.get(v, ())}
    for node in frame.nodes:
        if node.inner is not None:
            found |= _sites_inside(node.inner, see)
    return found


def _scan(
    node: Node, values: Sequence[Any], see: Eyes, probes: Probes
) -> tuple[list[Any], Collected]:
    """Run a scan whose turns also hand out what was seen; probes go in one slice per turn."""
    inner, params = node.inner, node.eqn.params
    assert inner is not None  # a rule is chosen for nodes that hold a frame
    consts, carried = compat.scan_layout(node.eqn)
    fixed, first = list(values[:consts]), list(values[consts : consts + carried])
    own = {key: probes[key] for key in sorted(_sites_inside(inner, see)) if key in probes}

    def turn(carry: list[Any], slices: tuple[list[Any], Probes]) -> tuple[list[Any], Any]:
        xs, inside = slices
        outs, collected = run(inner, [*fixed, *carry, *xs], see, inside)
        return outs[:carried], (outs[carried:], collected)

    last, (stacked, collected) = jax.lax.scan(
        turn,
        first,
        (list(values[consts + carried :]), own),
        length=params["length"],
        reverse=params["reverse"],
        unroll=params["unroll"],
    )
    return [*last, *stacked], collected


def _remat(
    node: Node, values: Sequence[Any], see: Eyes, probes: Probes
) -> tuple[list[Any], Collected]:
    """Run a rematted region as one again, under its own policy."""
    inner, params = node.inner, node.eqn.params
    assert inner is not None  # a rule is chosen for nodes that hold a frame

    def region(args: list[Any], inside: Probes) -> tuple[list[Any], Collected]:
        return run(inner, args, see, inside)

    again = jax.checkpoint(region, prevent_cse=params["prevent_cse"], policy=params["policy"])
    own = {key: probes[key] for key in sorted(_sites_inside(inner, see)) if key in probes}
    return again(list(values), own)


def _own_rule(
    node: Node, values: Sequence[Any], see: Eyes, _probes: Probes
) -> tuple[list[Any], Collected]:
    """Call a function with its own derivative rule as it is, and look at a copy of its body."""
    assert node.inner is not None  # a rule is chosen for nodes that hold a frame
    outs = compat.bind(node.eqn, values)
    _, collected = run(node.inner, jax.lax.stop_gradient(list(values)), see, {})
    return outs, collected


_RULES = {"scan": _scan, "remat": _remat, "rule": _own_rule}
