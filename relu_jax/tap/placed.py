"""Where does a site stand, and what is it called?"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from relu_jax.tap import facts, naming
from relu_jax.tap.graph import Graph, Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.recognise import Match
from relu_jax.tap.types import Site


class Inside(NamedTuple):
    """A frame, as one of those of a node."""

    node: Node
    number: int


_TURNING = ("scan", "shard")  # the kinds of nodes that give a site's arrays an axis
Around = tuple[Inside, ...]  # the frames around something, outermost first


@dataclass(frozen=True)
class Placed:
    """A site and the place in the graph where it stands."""

    site: Site
    piece: Piece
    around: Around

    @property
    def ruled(self) -> bool:
        """Whether it stands inside a derivative rule of the user's."""
        return any(node.kind == "rule" for node, _ in self.around)

    @property
    def held(self) -> int:
        """How many of its arrays a backward pass holds at once: a remat computes its own again."""
        kinds = [node.kind for node, _ in self.around]
        inside = itertools.takewhile(lambda kind: kind != "remat", reversed(kinds))
        turning = sum(kind in _TURNING for kind in inside)
        loops = self.site.loops[len(self.site.loops) - turning :]
        return int(np.prod(loops, dtype=np.int64))

    @property
    def blind(self) -> bool:
        """Whether there is no cotangent to be had of it: inside such a rule, or in a while."""
        return self.ruled or self.site.in_while


@dataclass(frozen=True)
class Found:
    """A function along with the frames around it, before it has a name."""

    piece: Piece
    match: Match | None
    gates: bool
    around: Around


def named(network: Graph, known: facts.Facts, found: Sequence[Found]) -> tuple[Placed, ...]:
    """Give every site a unique id, from the weight that feeds it where there is one."""
    placed, used = [], Counter[str]()
    choices: dict[int, int] = {}  # the conds that hold sites, numbered
    for one in found:
        fact = known[one.piece.z]
        fed = fact.direct if fact.direct >= 0 else fact.fed
        leaf = known.products[fed].leaf if fed >= 0 else fact.leaf
        path = leaf.path if leaf else ""
        stem = naming.stem(path) if fed >= 0 else "site"
        used[stem] += 1
        name = stem if used[stem] == 1 and stem != "site" else f"{stem}#{used[stem]}"
        turning = [i.node for i in one.around if i.node.kind in _TURNING]
        loops = tuple(map(naming.turns, turning))
        shape = network.shape(one.piece.z)
        kind = one.match or Match("unknown", {}, ())
        site = Site(
            id=name,
            kind=kind.kind,
            params=kind.params,
            slope_at_kinks=kind.slope_at_kinks,
            path=path if fed >= 0 else "",
            source=naming.source(one.piece.nodes[-1], outward(one.around)),
            shape=shape,
            dtype=str(np.dtype(network.dtype(one.piece.z))),
            unit_axes=fact.units or ((len(shape) - 1,) if shape else ()),
            count=int(np.prod(loops, dtype=np.int64)) if loops else 1,
            gates=one.gates,
            loop=("layers" if leaf and leaf.looped else "steps") if loops else "",
            loops=loops,
            order=tuple(map(naming.order, turning)),
            scaled=kind.scaled,
            branch=tuple(
                (choices.setdefault(id(node), len(choices)), number)
                for node, number in one.around
                if node.kind == "cond"
            ),
            in_while=any(node.kind == "while" for node, _ in one.around),
        )
        placed.append(Placed(site, one.piece, one.around))
    return tuple(placed)


def outward(around: Around) -> Iterator[Node]:
    """Yield the nodes whose frames are around something, innermost first."""
    return (inside.node for inside in reversed(around))
