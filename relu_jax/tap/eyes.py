"""What is to be looked at in a program, and what to make of it?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from relu_jax.tap.graph import Frame, Node
from relu_jax.tap.placed import Placed
from relu_jax.tap.types import Site

# site, act, pre, post -> anything made of arrays
Forward = Callable[[Site, Callable[[Any], Any], Any, Any], Any]
Change = Callable[[Site, Callable[[Any], Any], Any, Any], Any]  # the same -> another post
Instead = Callable[..., Any]  # of a node's operands -> its one result
Collected = dict[str, Any]  # {site id: what the forward function made of it}
Probes = Mapping[str, Mapping[str, Any]]  # {site id: {"pre": zeros, "post": zeros}}


Changes = Sequence[tuple[Placed, Change]]


class Plan(NamedTuple):
    """What to change in a program."""

    changes: Changes
    instead: Mapping[int, Instead] = {}  # by a node's first result: what runs in its place


class Eyes(NamedTuple):
    """What to do at which sites."""

    at: Mapping[int, Sequence[tuple[Placed, str]]]  # variable -> (site, "pre" or "post")
    forward: Forward
    mark: Callable[[Site, Any, Any], Any] | None  # passes a value on, with its probe
    needs: Sequence[tuple[int, Sequence[int]]]  # per site: its result, what it is computed from
    joined: frozenset[int]  # variables of `at` whose repeats are the same value, with its probe
    changes: Mapping[str, Change] | None = None  # by site id: what takes the place of its result
    instead: Mapping[int, Instead] = {}  # as in a plan

    @property
    def beside(self) -> bool:
        """Whether a copy of the program is looked at, so that the program runs as written."""
        return self.mark is None and self.changes is None


CLOSED = Eyes({}, lambda *_: None, None, (), frozenset())


def opened(
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
    inner = {v for one in placed for v in one.piece.inner}
    starts = {one.piece.z for one in placed}
    return Eyes(at, forward, mark, needs, frozenset(starts | (at.keys() - inner)))


def changing(plan: Plan) -> Eyes:
    """Open eyes that change what they see."""
    see = opened([one for one, _ in plan.changes], lambda *_: None)
    return see._replace(
        changes={one.site.id: change for one, change in plan.changes},
        joined=frozenset(see.at),
        instead=plan.instead,
    )


def sites_in(frames: Sequence[Frame], see: Eyes) -> set[str]:
    """List the ids of the sites looked at in some frames and in the frames within."""
    nodes = [node for frame in frames for node in frame.nodes]
    found = {one.site.id for node in nodes for v in node.outs for one, _ in see.at.get(v, ())}
    return found.union(*(sites_in(node.frames, see) for node in nodes))


def probes_in(node: Node, see: Eyes, probes: Probes) -> Probes:
    """Pick the probes of the sites in a node's frames."""
    return {key: probes[key] for key in sorted(sites_in(node.frames, see)) if key in probes}
