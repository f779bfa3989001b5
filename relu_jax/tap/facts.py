"""Where does every value of a program come from? One pass forward, through every frame."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from relu_jax.tap import axes, compat, elementwise
from relu_jax.tap.graph import Atom, Const, Frame, Graph, Node
from relu_jax.tap.regions import is_complex, is_float

# What people call the argument that holds the weights.
_NAMES = frozenset({
    "params", "parameters", "param", "weights", "weight", "w", "W", "model", "net", "network",
    "variables", "theta", "module", "kernel", "kernels",
})  # fmt: skip


_LINEAR = elementwise.AFFINE.keys() | elementwise.MOVES | elementwise.LINEAR_REDUCTIONS


class Leaf(NamedTuple):
    """An input of the program, perhaps rearranged, or one slice of it per turn of a loop."""

    path: str
    arg: int  # position of the argument it belongs to; -1: closed over
    looped: bool


class Fact(NamedTuple):
    """What is known of one variable."""

    leaf: Leaf | None = None
    raw: bool = False  # made of inputs, and no product lies in between
    floats: bool = False  # depends on a floating input, so neither a position nor a random draw
    units: tuple[int, ...] | None = None  # axes that count output features of the last product
    fed: int = -1  # index of the latest product before it; -1: none
    direct: int = -1  # of the latest product it is an affine function of; -1: none
    cooked: bool = False  # some product lies before it, of data with data too


class Product(NamedTuple):
    """A product or convolution of data with a weight."""

    node: Node
    data: Atom
    leaf: Leaf
    n_in: int
    n_out: int


@dataclass
class Facts:
    """Facts of every variable of a program, and its products with a weight, in order."""

    graph: Graph
    of: dict[int, Fact] = field(default_factory=dict)
    parameters: frozenset[int] = frozenset()  # positions of the arguments that hold weights
    sure: bool = False  # whether that is more than a guess
    products: list[Product] = field(default_factory=list)
    args: int = 0

    def is_data(self, leaf: Leaf) -> bool:
        """Say whether an input belongs to an argument that holds no weights."""
        told = self.sure and self.args > 1 and bool(self.products)
        return leaf.arg >= 0 and not (told and leaf.arg in self.parameters)

    def is_weight(self, v: int) -> bool:
        """Say whether a variable is a weight, perhaps moved or transformed."""
        leaf = self.of[v].leaf
        return leaf is not None and leaf.arg >= 0 and not self.is_data(leaf)

    def __getitem__(self, atom: Atom) -> Fact:
        """Look a variable up; a literal is a known number and comes from nowhere."""
        return Fact() if isinstance(atom, Const) else self.of[atom]


def gather(graph: Graph, leaves: Sequence[Leaf]) -> Facts:
    """Walk a program forward.

    Args:
        graph: the program.
        leaves: one per input of the program, in order.
    """
    named = frozenset(leaf.arg for leaf in leaves if leaf.path.split("/")[0] in _NAMES)
    facts = _gathered(graph, leaves, named or frozenset(leaf.arg for leaf in leaves[:1]))
    facts.sure = bool(named)
    # What is multiplied with hidden values is a weight, whatever the arguments are called.
    votes = Counter(p.leaf.arg for p in facts.products if facts[p.data].leaf is None)
    votes.pop(-1, None)
    voted = frozenset(arg for arg, n in votes.items() if 2 * n >= max(votes.values()))
    if voted and voted != facts.parameters:
        facts = _gathered(graph, leaves, voted)
    facts.sure = bool(named or voted)
    return facts


def _gathered(graph: Graph, leaves: Sequence[Leaf], parameters: frozenset[int]) -> Facts:
    facts = Facts(graph, parameters=parameters, args=len({leaf.arg for leaf in leaves}))
    for v, leaf in zip(graph.frame.ins, leaves, strict=True):
        facts.of[v] = Fact(leaf, raw=True, floats=is_float(graph, v) or is_complex(graph, v))
    _walk(facts, graph.frame)
    return facts


def is_product(node: Node) -> bool:
    """Say whether a node is a matrix product or a convolution (something is summed over)."""
    if node.name == "dot_general":
        (contracted, _), _ = node.eqn.params["dimension_numbers"]
        return bool(contracted)
    return node.name in ("conv_general_dilated", "ragged_dot", "ragged_dot_general")


def holds_product(node: Node) -> bool:
    """Say whether a node is a product or holds one."""
    if is_product(node) or node.kind == "opaque":
        return True
    return node.inner is not None and any(holds_product(n) for n in node.inner.nodes)


def _walk(facts: Facts, frame: Frame) -> None:
    for v in frame.consts:
        facts.of[v] = Fact(Leaf("", -1, looped=False))
    for node in frame.nodes:
        if node.inner is not None:
            _enter(facts, node)
        elif is_product(node) and not node.backward:
            _product(facts, node)
        else:
            fact = _passed(facts, node)
            for out in node.outs:
                facts.of[out] = fact


def _passed(facts: Facts, node: Node) -> Fact:
    """Derive the facts of a node's results from those of its operands."""
    ins = [facts[a] for a in node.ins if not isinstance(a, Const)]
    random = node.name.startswith(("random_", "threefry"))
    return Fact(
        leaf=_same_leaf(node, ins),
        raw=any(f.raw for f in ins) and not any(f.cooked for f in ins),
        floats=any(f.floats for f in ins) and not random,
        units=axes.after(facts.graph, node, [facts[a].units for a in node.ins]),
        fed=max((f.fed for f in ins), default=-1),
        direct=max((f.direct for f in ins), default=-1) if _is_linear(facts, node) else -1,
        cooked=any(f.cooked for f in ins),
    )


def _is_linear(facts: Facts, node: Node) -> bool:
    """Say whether a node is affine in what the products before it gave."""
    if node.name not in ("mul", "div"):
        return node.name in _LINEAR
    shape = facts.graph.shape(node.outs[0])
    full = [a for a in node.ins if facts.graph.shape(a) == shape and facts[a].cooked]
    return len(full) < 2


def _same_leaf(node: Node, ins: Sequence[Fact]) -> Leaf | None:
    """Keep the leaf of a value that is made of one input alone: rearranged, or transformed."""
    leaves = [f.leaf for f in ins]
    if not leaves or any(leaf is None for leaf in leaves):
        return None
    if node.name in elementwise.MOVES or node.name in elementwise.AFFINE:
        return leaves[0]
    # A weight computed from parameters (weight norm, quantisation) still is one.
    return leaves[0] if node.kind == "elementwise" or node.name in elementwise.REDUCTIONS else None


def _product(facts: Facts, node: Node) -> None:
    lhs, rhs = (facts[a] for a in node.ins[:2])
    side = _weight_side(facts, lhs, rhs)
    index = len(facts.products) if side is not None else max(lhs.fed, rhs.fed)
    units = None
    if side is not None:
        units = axes.features(facts.graph, node, side)
        n_in, n_out = axes.widths(facts.graph, node, side)
        leaf = facts[node.ins[side]].leaf
        assert leaf is not None  # a weight side is a leaf by its definition
        facts.products.append(Product(node, node.ins[1 - side], leaf, n_in, n_out))
    for out in node.outs:
        facts.of[out] = Fact(
            floats=True,
            units=units,
            fed=index,
            direct=index if side is not None else -1,
            cooked=True,
        )


def _weight_side(facts: Facts, lhs: Fact, rhs: Fact) -> int | None:
    """Choose the operand that is the weight: a leaf, and the parameters' if both are leaves."""
    if lhs.leaf is None or rhs.leaf is None:
        return None if lhs.leaf is rhs.leaf else int(lhs.leaf is None)
    held = [leaf.arg in facts.parameters or leaf.arg == -1 for leaf in (lhs.leaf, rhs.leaf)]
    if held[0] == held[1]:  # both given or both closed over: x @ w is how products are written
        held = [leaf.arg == -1 for leaf in (lhs.leaf, rhs.leaf)]
    return 0 if held[0] and not held[1] else 1


def _enter(facts: Facts, node: Node) -> None:
    """Carry facts into a frame and out of it again; through a loop, until nothing changes."""
    inner = node.inner
    assert inner is not None  # the caller asked
    given = [facts[a] for a in node.ins]
    consts, carried = compat.scan_layout(node.eqn) if node.kind == "scan" else (0, 0)
    before = len(facts.products)
    while True:
        for v, fact in zip(inner.ins, entering(node, given), strict=True):
            facts.of[v] = fact
        del facts.products[before:]
        _walk(facts, inner)
        made = [facts[a] for a in inner.outs]
        turned = [_joined(a, b) for a, b in zip(given[consts:], made[:carried], strict=False)]
        if turned == given[consts : consts + carried]:
            break
        given[consts : consts + carried] = turned
    floats = any(f.floats for f in given)
    for v, fact in zip(node.outs, leaving(node, made), strict=True):
        facts.of[v] = fact._replace(floats=fact.floats or floats, leaf=None)


def _joined(first: Fact, later: Fact) -> Fact:
    """Say what holds of a value that is one at a loop's first turn and the other later."""
    return Fact(
        leaf=first.leaf if first.leaf == later.leaf else None,
        raw=first.raw and not later.cooked,
        floats=first.floats or later.floats,
        units=first.units or later.units,
        fed=max(first.fed, later.fed),
        direct=max(first.direct, later.direct),
        cooked=first.cooked or later.cooked,
    )


def entering(node: Node, given: Sequence[Fact]) -> Iterator[Fact]:
    """Yield the facts of a frame's inputs; a scan hands out slices along the leading axis."""
    sliced = sum(compat.scan_layout(node.eqn)) if node.kind == "scan" else len(given)
    for i, fact in enumerate(given):
        if i < sliced:
            yield fact
            continue
        leaf = fact.leaf._replace(looped=True) if fact.leaf else None
        units = tuple(a - 1 for a in fact.units or () if a) or None
        yield fact._replace(leaf=leaf, units=units)


def leaving(node: Node, made: Sequence[Fact]) -> Iterator[Fact]:
    """Yield the facts of a frame's results; a scan stacks those that are not carried."""
    carried = compat.scan_layout(node.eqn)[1] if node.kind == "scan" else len(made)
    for i, fact in enumerate(made):
        if i < carried or fact.units is None:
            yield fact
        else:
            yield fact._replace(units=tuple(a + 1 for a in fact.units))
