"""What is known of a value, and which operand of a product is its weight?"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from relu_jax.tap import axes, compat, opaque
from relu_jax.tap.graph import Atom, Const, Graph, Node

_CONVOLUTIONS = ("conv_general_dilated", "ragged_dot", "ragged_dot_general")


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
    compared: bool = False  # an affine function of what met labels: an error
    data: bool = False  # computed from an argument that is known to hold no weights
    graded: bool = False  # made of what a backward pass gave, and of inputs


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
    differentiates: bool = False  # a backward pass is in it

    def is_data(self, leaf: Leaf) -> bool:
        """Say whether an input belongs to an argument that holds no weights."""
        told = self.sure and self.args > 1 and bool(self.products)
        return leaf.arg >= 0 and not (told and leaf.arg in self.parameters)

    def is_label(self, v: int) -> bool:
        """Say whether a variable is made of data alone, given or closed over: no product yet."""
        leaf = self.of[v].leaf
        if not self.of[v].raw or leaf is None or leaf.arg < 0:
            return self.of[v].raw
        beside = self.args > 1 and any(p.leaf.arg == leaf.arg for p in self.products)
        return self.is_data(leaf) and not beside  # a bias stands beside the weights

    def is_weight(self, v: int) -> bool:
        """Say whether a variable is a weight, perhaps moved or transformed."""
        leaf = self.of[v].leaf
        return leaf is not None and leaf.arg >= 0 and not self.is_data(leaf)

    def __getitem__(self, atom: Atom) -> Fact:
        """Look a variable up; a literal is a known number and comes from nowhere."""
        return Fact() if isinstance(atom, Const) else self.of[atom]


def meets_label(facts: Facts, node: Node) -> bool:
    """Say whether an operation meets a data array that went through no product: a label.

    What is added to a function of itself is no label (a residual), nor what scales the result of
    an activation (the state of a cell behind its gate).
    """
    if node.kind != "elementwise" or len(node.ins) < 2:
        return False
    shape = facts.graph.shape(node.outs[0])
    operands = [a for a in node.operands if facts.graph.shape(a) == shape]
    labels = list(filter(facts.is_label, operands))
    others = [facts[a] for a in operands if a not in labels]
    if node.name == "mul" and all(other.direct < 0 for other in others):
        return False
    if node.name in ("add", "add_any") and all(_was_fed(facts, a) for a in labels):
        return False
    return bool(labels) and bool(others)


def _was_fed(facts: Facts, v: int) -> bool:
    leaf = facts[v].leaf
    return leaf is not None and any(facts[p.data].leaf == leaf for p in facts.products)


def is_product(node: Node) -> bool:
    """Say whether a node is a matrix product or a convolution (something is summed over)."""
    if node.name == "dot_general":
        (contracted, _), _ = node.eqn.params["dimension_numbers"]
        return bool(contracted)
    return node.name in _CONVOLUTIONS


def holds_product(node: Node) -> bool:
    """Say whether a node is a product or holds one; what cannot be looked into may."""
    if is_product(node):
        return True
    if node.kind == "opaque":
        bodies = compat.inner_jaxprs(node.eqn)
        return not bodies or any(_multiplies(compat.opened(body).jaxpr) for body in bodies)
    return any(holds_product(n) for frame in node.frames for n in frame.nodes)


def _multiplies(jaxpr: Any) -> bool:
    return any(
        eqn.primitive.name in ("dot_general", *_CONVOLUTIONS)
        or opaque.is_unread(eqn)
        or any(_multiplies(compat.opened(body).jaxpr) for body in compat.inner_jaxprs(eqn))
        for eqn in jaxpr.eqns
    )


def is_adjacency(facts: Facts, node: Node, side: int) -> bool:
    """Say whether a closed-over array mixes the samples of hidden values: it leaves units alone."""
    leaf, units = facts[node.ins[side]].leaf, facts[node.ins[1 - side]].units
    if leaf is None or leaf.arg >= 0 or units is None:
        return False
    kept = axes.carried(facts.graph, node, 1 - side, units)
    return facts.sure and kept is not None and len(kept) == len(units)


def both_weights(facts: Facts, lhs: Fact, rhs: Fact) -> bool:
    """Say whether both operands of a product are weights: of low rank, it is one itself."""
    return facts.sure and all(
        f.leaf is not None and f.leaf.arg in facts.parameters for f in (lhs, rhs)
    )


def weight_side(facts: Facts, lhs: Fact, rhs: Fact) -> int | None:
    """Choose the operand that is the weight: a leaf, and the parameters' if both are leaves."""
    if lhs.leaf is None or rhs.leaf is None:
        leaf = lhs.leaf or rhs.leaf
        # Where it is known which inputs are weights, no other is: an adjacency, a context.
        strange = facts.sure and leaf and leaf.arg not in facts.parameters and leaf.arg >= 0
        return None if leaf is None or strange else int(lhs.leaf is None)
    held = [leaf.arg in facts.parameters or leaf.arg == -1 for leaf in (lhs.leaf, rhs.leaf)]
    if facts.sure and held[0] and held[1]:  # params, and a batch that was closed over
        held = [leaf.arg in facts.parameters for leaf in (lhs.leaf, rhs.leaf)]
    if held[0] == held[1]:  # both given or both closed over: x @ w is how products are written
        held = [leaf.arg == -1 for leaf in (lhs.leaf, rhs.leaf)]
    return 0 if held[0] and not held[1] else 1
