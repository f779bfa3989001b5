"""Where does every value of a program go? One pass backward, through every frame."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from relu_jax.tap import compat, elementwise
from relu_jax.tap.facts import Facts, holds_product, is_product
from relu_jax.tap.graph import LOOPS, Const, Frame, Node


class Reach(NamedTuple):
    """What becomes of one variable, the backward passes in the program left out."""

    live: bool = False  # wanted at all
    product: bool = False  # enters a later product or convolution, and is no weight
    whole: bool = False  # reaches a result of the program without being reduced
    raw: bool = False  # meets an input that went through no product (labels, targets)


NOWHERE = Reach()


@dataclass
class Reaches:
    """Reach of every variable of a program."""

    facts: Facts
    of: dict[int, Reach] = field(default_factory=dict)
    _results: dict[int, set[int]] = field(default_factory=dict)

    def __getitem__(self, v: int) -> Reach:
        """Look a variable up; what nobody reads goes nowhere."""
        return self.of.get(v, NOWHERE)

    def live(self, v: int) -> bool:
        """Say whether anything but a backward pass wants v."""
        return self[v].live

    def results(self, frame: Frame) -> set[int]:
        """List the results of a frame that anything but a backward pass wants."""
        return self._results.get(id(frame), set())

    def add_result(self, frame: Frame, v: int, reach: Reach) -> None:
        """Add what is wanted of a frame's result."""
        self.add(v, reach)
        if reach.live:
            self._results.setdefault(id(frame), set()).add(v)

    def add(self, v: int, reach: Reach) -> None:
        """Add one use to what is known of v; what weights are used for is no use of their own."""
        added = Reach(*(a or b for a, b in zip(self[v], reach, strict=True)))
        self.of[v] = added._replace(product=added.product and not self.facts.is_weight(v))


def follow(facts: Facts, frame: Frame) -> Reaches:
    """Walk a program backward from its results."""
    reaches = Reaches(facts)
    _walk(reaches, frame, [Reach(live=True, whole=True)] * len(frame.outs))
    return reaches


def _walk(reaches: Reaches, frame: Frame, wanted: Sequence[Reach]) -> None:
    for atom, reach in zip(frame.outs, wanted, strict=True):
        if not isinstance(atom, Const):
            reaches.add_result(frame, atom, reach)
    read = {a for node in frame.nodes for a in node.operands}
    read.update(a for a in frame.outs if not isinstance(a, Const))
    for node in reversed(frame.nodes):
        if node.backward:
            continue
        # A result that nobody reads is the value a gradient left behind: it counts as wanted.
        unread = not any(out in read for out in node.outs)
        if unread and (not node.outs or not any(reaches.live(o) for o in node.outs)):
            for out in node.outs:
                reaches.add(out, Reach(live=True))
        _through(reaches, node)


def _through(reaches: Reaches, node: Node) -> None:
    after = Reach(*(any(x) for x in zip(*(reaches[out] for out in node.outs), strict=True)))
    if is_product(node):
        after = Reach(live=True, product=True)
    if node.kind == "opaque" and after.live:
        after = Reach(live=True, product=True, whole=after.whole)
    elif node.frames:
        _enter(reaches, node)
        return
    if not after.live:
        return
    if node.name in elementwise.REDUCTIONS - elementwise.OVER_DEVICES:
        total = not any(map(reaches.facts.graph.shape, node.outs))  # what scales it is no label
        after = after._replace(whole=False, raw=after.raw and not total)
    data = node.operands
    for atom in data:
        others = [b for b in data if b != atom]
        labels = node.kind == "elementwise" and any(map(reaches.facts.is_label, others))
        meets = after.raw or labels
        reaches.add(atom, after._replace(raw=meets))


def _carried_on(reaches: Reaches, node: Node, wanted: Sequence[Reach]) -> Sequence[Reach]:
    """Add to what is wanted of a loop's results what its next turn does with them."""
    consts, carried = compat.loop_layout(node.eqn)
    (inner,) = node.frames
    again = [reaches[v].product for v in inner.ins[consts : consts + carried]]
    turned = [
        w._replace(live=True, product=w.product or product)
        for w, product in zip(wanted, again, strict=False)
    ]
    return [*turned, *wanted[carried:]]


def _enter(reaches: Reaches, node: Node) -> None:
    """Carry what is wanted of a node's results into its frames, and what they want out of them."""
    wanted = [reaches[out] for out in node.outs]
    if not any(w.live for w in wanted) and not holds_product(node):
        return
    for inner in node.frames:
        _walk(reaches, inner, wanted)
        while node.kind in LOOPS and (turned := _carried_on(reaches, node, wanted)) != wanted:
            wanted = turned
            _walk(reaches, inner, wanted)
        for atom, v in zip(node.handed, inner.ins, strict=True):
            if not isinstance(atom, Const):
                reaches.add(atom, reaches[v])
    for atom in node.ins[: len(node.ins) - len(node.handed)]:  # what a condition reads
        if not isinstance(atom, Const):
            reaches.add(atom, Reach(live=True))
