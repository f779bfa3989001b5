"""Which slope does a program that was differentiated use at a kink?

Inside a loop or a branch JAX writes a derivative rule out and forgets it: of relu the maximum is
left, whose own slope at 0 is another one. But the backward pass is handed what the rule made of the
argument, such as the mask z > 0. A mask that tells f′ everywhere else tells it at the kinks.

What a remat keeps nothing of is computed again in the backward pass, and the mask with it: there it
is known by the line of the program that it comes from.
"""

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from relu_jax.tap import compat, elementwise, naming
from relu_jax.tap.graph import Atom, Const, Frame, Graph, Node
from relu_jax.tap.masks import Told
from relu_jax.tap.pieces import Piece
from relu_jax.tap.reach import Reaches
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import Regions, is_float, piece, read


@dataclass
class Backward:
    """What the loops, branches and remats of a program's backward passes compute."""

    graph: Graph
    reaches: Reaches
    _found: dict[str, list[tuple[Regions, Piece]]] = field(default_factory=dict)
    _residuals: dict[int, set[int]] = field(default_factory=dict)

    @cached_property
    def _elementwise(self) -> dict[str, list[tuple[Regions, Node]]]:
        """List the elementwise nodes in their frames, by the line of the program they come from."""
        found: dict[str, list[tuple[Regions, Node]]] = {}
        for frame in _frames(self.graph.frame, backward=False):
            regions = read(self.graph, frame, lambda _v: False)
            for node in frame.nodes:
                for line in _lines(node) if node.kind == "elementwise" else ():
                    found.setdefault(line, []).append((regions, node))
        return found

    def computed(self, cut: Piece) -> Iterator[list[tuple[Regions, Piece]]]:
        """Yield the functions that a backward pass computes, line by line that a function is from.

        First its own line, then those of the nested jits around it; only lines with some.
        """
        ranked = itertools.zip_longest(*map(_lines, _bent(cut)))
        lines = [line for rank in ranked for line in rank if line is not None]
        yield from filter(None, map(self._on, dict.fromkeys(lines)))

    def _on(self, line: str) -> list[tuple[Regions, Piece]]:
        """List the functions of a line, once."""
        if line not in self._found:
            places = self._elementwise.get(line, ())
            pieces = (
                (regions, of)
                for regions, node in places
                for v in node.outs
                for of in _alone(regions, v)
            )
            self._found[line] = list({of.key(): (there, of) for there, of in pieces}.values())
        return self._found[line]

    def residuals(self, frame: Frame) -> set[int]:
        """Collect the results of a frame that it alone wants, once; zeros of no gradient not."""
        if id(frame) not in self._residuals:
            outs = [v for v in frame.outs if not isinstance(v, Const)]
            moving = {*frame.ins}
            for node in frame.nodes:
                if any(a in moving for a in node.operands):
                    moving.update(node.outs)
            wanted = self.reaches.results(frame)
            self._residuals[id(frame)] = {
                v for v in outs if v in moving and (v not in wanted or outs.count(v) > 1)
            }
        return self._residuals[id(frame)]


def _lines(node: Node) -> list[str]:
    return naming.sources(node) or [""]  # typed at a prompt, it has none


def _bent(cut: Piece) -> list[Node]:
    """List the nodes of a function that are not affine."""
    return [node for node in cut.nodes if node.name not in elementwise.AFFINE]


def _frames(frame: Frame, *, backward: bool) -> Iterator[Frame]:
    if backward:
        yield frame
    for node in frame.nodes:
        for inner in node.frames:
            yield from _frames(inner, backward=node.backward)


def _alone(regions: Regions, v: int) -> Iterator[Piece]:
    """Yield v as a function of each array it follows from alone, if more than that is made of it.

    Lines are left out: they tell no slope.
    """
    if v not in regions.root:
        return
    root = regions.root[v]
    made = [node.outs[0] for node in regions.above(v, regions.data_operands)]
    used = [out for user in regions.users.get(v, ()) for out in user.outs]

    def follows(u: int, z: int) -> bool:
        return regions.root.get(u) == root and not piece(regions, z, u).operands

    for z in (root, *(u for u in made if regions.root.get(u) == root and u != v)):
        of = piece(regions, z, v)
        if _bent(of) and not of.operands and not (used and all(follows(u, z) for u in used)):
            yield of


def slopes(
    regions: Regions,
    cut: Piece,
    match: Match,
    backward: Backward,
    around: Sequence[tuple[Node, int]],
) -> tuple[float, ...]:
    """List f′ at the kinks of a function, as the backward pass of the program has it.

    Args:
        regions: the frame it stands in.
        cut: the function.
        match: its name, with the slopes of its own equations.
        backward: what the program's backward passes compute.
        around: the nodes whose frames it stands in, and the number of each frame.

    Returns:
        the slopes of the match where the program holds no backward pass, or no mask that tells;
        NaN where masks differ, and where the backward pass of a loop is given nothing that depends
        on the argument: the rule had slopes of its own, and left no trace.
    """
    own = match.slope_at_kinks
    differentiated = backward.reaches.facts.differentiates
    if not (own and differentiated) or cut.operands or _has_rule(cut):  # a rule that is kept counts
        return own
    told, unknown = Told(match, cut), (math.nan,) * len(own)
    kept = _kept_inside(regions, backward, cut)
    if any(map(told.is_mask, kept)):
        return own  # autodiff wrote the derivative, with the function's own masks
    handed = list(_handed(regions, backward.reaches, cut))
    with_y = [m for m in handed if cut.y in m.inner and piece(regions, cut.y, m.y).operands]
    ours, others = (with_y, []) if with_y else _sorted(regions, backward.reaches, cut, handed)
    at = told(ours)
    if not at and not told(others) <= {own}:
        return unknown  # of this function, or of another one alone
    # What is a function of y belongs to what comes after, unless it takes z too.
    if not at and not kept and not with_y and all(cut.y in m.inner for m in handed):
        computed = list(backward.computed(cut))
        at = next(filter(None, (_again(regions, cut, told, some) for some in computed)), set())
        if not computed and told.slope.any() and _written_out(backward, around):
            return unknown
    return next(iter(at), own) if len(at) < 2 else unknown


def _again(
    regions: Regions, cut: Piece, told: Told, computed: list[tuple[Regions, Piece]]
) -> set[tuple[float, ...]]:
    """Collect the slopes that tells what a backward pass computes again, on one line."""
    inside = {piece(regions, cut.z, v).key() for v in cut.inner}
    if any(of.key() in inside for _, of in computed):
        return {told.own}  # its own masks
    at = told(of for _, of in computed)
    for there, of in computed:
        # What autodiff makes of both the argument and the result.
        both = (v for v in of.inner if piece(there, v, of.y).operands)
        if any(piece(there, of.z, v).key() == cut.key() for v in both):
            at.add(told.own)
    return at


def _has_rule(cut: Piece) -> bool:
    return any(compat.rule_identity(node.eqn) is not None for node in cut.nodes)


def _kept_inside(regions: Regions, backward: Backward, cut: Piece) -> list[Piece]:
    """List what a function's own equations compute on the way and a backward pass is handed."""
    results = backward.residuals(regions.frame)
    kept = [piece(regions, cut.z, v) for v in cut.inner if _kept(regions, v, results)]
    return [of for of in kept if _bent(of)]  # a remat rounds what it keeps, such as z


def _written_out(backward: Backward, around: Sequence[tuple[Node, int]]) -> bool:
    """Say whether JAX forgets rules there: in a loop that was differentiated."""
    within = [node.frames[number] for node, number in around]
    looped = any(node.kind == "while" for node, _ in around)  # it has no backward pass
    return not looped and any(map(backward.residuals, within))


def _handed(
    regions: Regions, reaches: Reaches, cut: Piece, *, live: bool = False
) -> Iterator[Piece]:
    """Yield the functions of the argument that a backward pass is given: it alone, or others too.

    A rule that was forgotten may read a mask that another function computes as well.
    """
    root, own = regions.root.get(cut.z, cut.z), {cut.z, cut.y, *cut.inner}
    for node in regions.frame.nodes:
        for v in node.outs:
            ours = regions.root.get(v) == root and v not in own
            if not ours or reaches.live(v) != live or not regions.depends(v, cut.z):
                continue
            handed = piece(regions, cut.z, v)
            if not handed.operands and _kept(regions, v, regions.frame.outs):
                yield handed


def _sorted(
    regions: Regions, reaches: Reaches, cut: Piece, handed: list[Piece]
) -> tuple[list[Piece], list[Piece]]:
    """Sort out masks: what is of the function, and what may be of another of the same argument.

    On whose line a mask is, that one it is of; where both are on one line, it is of either.
    """
    root, own = regions.root.get(cut.z, cut.z), {cut.y, *cut.inner}
    siblings = [
        node
        for node in regions.frame.nodes
        if node.kind == "elementwise"
        and not node.backward
        and node.name not in elementwise.AFFINE
        and regions.root.get(node.outs[0]) == root
        and node.outs[0] not in own
        and reaches.live(node.outs[0])
        and not regions.depends(node.outs[0], cut.y)
    ]
    results = {v for node in siblings if is_float(regions.graph, v := node.outs[0])}
    handed = [m for m in handed if results.isdisjoint(m.inner)]
    if not siblings:
        return handed, []
    ours, theirs = ({_lines(node)[0] for node in nodes} for nodes in (_bent(cut), siblings))
    near = [m for m in handed if not (ours - theirs).isdisjoint(_lines(n)[0] for n in _bent(m))]
    return near, [*(m for m in handed if m not in near), *_handed(regions, reaches, cut, live=True)]


def _kept(regions: Regions, v: int, results: Collection[Atom]) -> bool:
    """Say whether a backward pass reads v, or those results hold it, moved perhaps."""
    return v in results or any(
        user.backward or (user.name in elementwise.MOVES and _kept(regions, user.outs[0], results))
        for user in regions.users.get(v, ())
    )
