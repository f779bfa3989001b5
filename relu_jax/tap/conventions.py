"""Which slope does a program that was differentiated use at a kink?

Inside a loop or a branch JAX writes a derivative rule out and forgets it: of relu the maximum is
left, whose own slope at 0 is another one. But the backward pass is handed what the rule made of the
argument, such as the mask z > 0. A mask that tells f′ everywhere else tells it at the kinks.

What a remat keeps nothing of is computed again in the backward pass, and the mask with it: there it
is known by the line of the program that it comes from.
"""

import itertools
import math
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from relu_jax.core import handover
from relu_jax.tap import compat, elementwise, naming
from relu_jax.tap.graph import Atom, Const, Frame, Graph, Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.reach import Reaches
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import Regions, piece, read

_BETWEEN = np.linspace(-0.97, 0.97, 16)  # places between kinks, in halves of the gap


@dataclass
class Backward:
    """What the loops, branches and remats of a program's backward passes compute."""

    graph: Graph
    reaches: Reaches
    _found: dict[str, dict[Hashable, Piece]] = field(default_factory=dict)
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

    def computed(self, cut: Piece) -> dict[Hashable, Piece]:
        """List functions that a backward pass computes, from the line that a function is from.

        That is its own line, or where none is from there, one of the nested jits around it.
        """
        ranked = itertools.zip_longest(*map(_lines, cut.nodes))
        lines = (line for rank in ranked for line in dict.fromkeys(rank) if line is not None)
        return next(filter(None, map(self._on, lines)), {})

    def _on(self, line: str) -> dict[Hashable, Piece]:
        """List the functions of a line, once."""
        if line not in self._found:
            places = self._elementwise.get(line, ())
            pieces = (
                of for regions, node in places for v in node.outs for of in _alone(regions, v)
            )
            self._found[line] = {of.key(): of for of in pieces}
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
        bends = any(node.name not in elementwise.AFFINE for node in of.nodes)
        if bends and not of.operands and not (used and all(follows(u, z) for u in used)):
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
    if not own or cut.operands:
        return own
    kinks = np.array(handover.lookup()(match.kind, **match.params).kinks)
    ends = np.array([kinks[0] - 4, *kinks, kinks[-1] + 4])
    middle, half = (ends[1:] + ends[:-1]) / 2, np.diff(ends) / 2
    grid = (middle[:, None] + half[:, None] * _BETWEEN).ravel()
    slope = cut.slope(grid, {})

    def told(masks: Iterable[Piece]) -> set[tuple[float, ...]]:
        itself, by_mask = set(), set()
        for mask in masks:
            try:
                values = mask.values(np.concatenate([grid, kinks]), {})
            except NotImplementedError:  # made of the bits of its argument, say: no mask
                continue
            between, at = np.split(values, [grid.size])
            if np.allclose(between, slope, rtol=1e-6, atol=1e-7):
                itself.add(tuple(map(float, at)))
            by_mask.add(_read(between, slope, at))
        return itself or by_mask - {None}

    handed = list(_handed(regions, backward.reaches, cut))
    at = told(handed)
    # What is a function of y belongs to what comes after, unless it takes z too.
    later = all(cut.y in m.inner and not piece(regions, cut.y, m.y).operands for m in handed)
    if not at and later and not _uses(regions, backward, cut):
        computed = backward.computed(cut)
        again = any(piece(regions, cut.z, v).key() in computed for v in cut.inner)
        at = {own} if again else told(computed.values())
        if not computed and slope.any() and _written_out(backward, cut, around):
            return (math.nan,) * len(own)
    return next(iter(at), own) if len(at) < 2 else (math.nan,) * len(own)


def _uses(regions: Regions, backward: Backward, cut: Piece) -> bool:
    """Say whether a backward pass is handed what a function's own equations computed on the way."""
    # What a remat keeps is rounded: that is z itself.
    inner = {v for v in cut.inner if regions.maker[v].name != "reduce_precision"}
    return any(_kept(regions, v, backward.residuals(regions.frame)) for v in inner)


def _written_out(backward: Backward, cut: Piece, around: Sequence[tuple[Node, int]]) -> bool:
    """Say whether JAX forgot a function's rule: in a loop that was differentiated."""
    if any(compat.rule_identity(node.eqn) is not None for node in cut.nodes):
        return False
    within = [node.frames[number] for node, number in around]
    looped = any(node.kind == "while" for node, _ in around)  # it has no backward pass
    return not looped and any(map(backward.residuals, within))


def _handed(regions: Regions, reaches: Reaches, cut: Piece) -> Iterator[Piece]:
    """Yield the functions of the argument that nothing but a backward pass is given."""
    own = {cut.z, cut.y, *cut.inner}
    for node in regions.frame.nodes:
        for v in node.outs:
            ours = regions.root.get(v) == regions.root.get(cut.z, cut.z) and v not in own
            if not ours or reaches.live(v) or not regions.depends(v, cut.z):
                continue
            handed = piece(regions, cut.z, v)
            if not handed.operands and _kept(regions, v, regions.frame.outs):
                yield handed


def _kept(regions: Regions, v: int, results: Collection[Atom]) -> bool:
    """Say whether a backward pass reads v, or those results hold it, moved perhaps."""
    return v in results or any(
        user.backward or (user.name in elementwise.MOVES and _kept(regions, user.outs[0], results))
        for user in regions.users.get(v, ())
    )


def _read(told: np.ndarray, slope: np.ndarray, at: np.ndarray) -> tuple[float, ...] | None:
    """Read the slopes at the kinks off a mask of two values; None where it does not tell them."""
    found = [(value, np.unique(slope[told == value].round(6))) for value in np.unique(told)]
    if len(found) != 2 or any(len(slopes) != 1 for _, slopes in found):
        return None
    read = {value: float(slopes[0]) for value, slopes in found}
    return tuple(read[value] for value in at) if read.keys() >= set(at) else None
