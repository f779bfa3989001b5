"""Which connected elementwise regions does a frame hold, and where are they left?

A region grows from one array, its root, as long as every operation takes nothing else of full
size. Operands that are broadcast, or known, are parameters. A parameter computed from the root
itself (a mean, a maximum, a norm) ends the region: what is divided by its own sum is a softmax.
Copies of a region's arrays with their axes exchanged, as a vmap of `jnp.where` makes them, are part
of it where they meet again in one order; alone, a transposition ends it. So does `stop_gradient`,
unless what comes out is added to the region again: straight through, it is one function.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from relu_jax.tap.graph import Atom, Const, Frame, Graph, Node
from relu_jax.tap.pieces import Piece

Axes = tuple[int, ...]
_ARITHMETIC = ("add", "add_any", "sub", "mul", "div")


@dataclass
class Regions:
    """The dataflow of one frame, and the region every variable belongs to."""

    graph: Graph
    frame: Frame
    is_parameter: Callable[[int], bool]
    maker: dict[int, Node] = field(default_factory=dict)
    users: dict[int, list[Node]] = field(default_factory=dict)
    ancestors: dict[int, int] = field(default_factory=dict)  # bit sets over variables
    root: dict[int, int] = field(default_factory=dict)
    spread: set[int] = field(default_factory=set)  # broadcast from something smaller
    joins: set[int] = field(default_factory=set)  # made from several arrays of full size
    turned: dict[int, Axes] = field(default_factory=dict)  # in a region: order of the root's axes
    copies: dict[int, tuple[int, Axes]] = field(default_factory=dict)  # transposed, or stopped

    def data_operands(self, node: Node) -> list[int]:
        """List the operands of full size: neither known, nor broadcast, nor of a smaller shape.

        A parameter may be of full size too, where a model takes one example at a time.
        """
        shape, known = self.graph.shape(node.outs[0]), self.graph.known
        variables = [a for a in node.operands if a not in known]
        full = list(dict.fromkeys(v for v in variables if self.graph.shape(v) == shape))
        firm = [v for v in full if v not in self.spread]
        moving = [v for v in firm if not self.is_parameter(v)]
        # Two broadcasts that fill each other up (an outer sum) make a new array of full size.
        alone = len(variables) == 1 or len({self.root.get(v, v) for v in full}) == 1
        return moving or firm or (full if alone else [])

    def sized_operands(self, node: Node) -> list[int]:
        """List the data operands, or where all are broadcast, those of the result's shape."""
        shape = self.graph.shape(node.outs[0])
        variables = node.operands
        return self.data_operands(node) or [v for v in variables if self.graph.shape(v) == shape]

    def place(self, v: int) -> tuple[int, Axes]:
        """Say which root a variable is computed from, and in which order of its axes."""
        return self.root.get(v, v), self.turned.get(v, ())

    def depends(self, v: int, on: int) -> bool:
        """Say whether variable v was computed from variable `on`."""
        return bool(self.ancestors[v] >> on & 1)

    def above(self, v: int, operands: Callable[[Node], Iterable[Atom]]) -> Iterator[Node]:
        """Yield the nodes that made v, each once, going on to those operands of each."""
        pending, seen = [v], set()
        while pending:
            node = self.maker.get(pending.pop())
            if node is None or node.outs[0] in seen:
                continue
            seen.add(node.outs[0])
            yield node
            pending.extend(a for a in operands(node) if not isinstance(a, Const))

    def below(self, v: int, onward: Callable[[Node, int], bool]) -> Iterator[tuple[Node, int]]:
        """Yield the nodes that read v, each with what it reads, and those that read their results.

        Backward passes are left out, and what follows on nodes that lead not onward.
        """
        family = [v]
        for of in family:
            for user in self.users.get(of, ()):
                if not user.backward:
                    yield user, of
                    if onward(user, of):
                        family += [out for out in user.outs if out not in family]


def read(graph: Graph, frame: Frame, is_parameter: Callable[[int], bool]) -> Regions:
    """Assign every variable of a frame to the region it belongs to.

    Args:
        graph: the program.
        frame: the frame.
        is_parameter: says whether a variable is a weight, perhaps moved or transformed.
    """
    regions = Regions(graph, frame, is_parameter)
    for v in (*frame.ins, *frame.consts):
        regions.ancestors[v] = 1 << v
    for node in frame.nodes:
        above = 0
        for atom in node.ins:
            if not isinstance(atom, Const):
                above |= regions.ancestors[atom]
                regions.users.setdefault(atom, []).append(node)
        for out in node.outs:
            regions.ancestors[out] = above | 1 << out
            regions.maker[out] = node
        _place(regions, node)
    return regions


def _place(regions: Regions, node: Node) -> None:
    variables = node.operands
    out = node.outs[0] if node.outs else None
    if out is None or node.kind != "elementwise":
        if node.name in ("broadcast_in_dim", "iota", "tile") and _grows(regions, node):
            regions.spread.add(node.outs[0])
        if node.name in ("transpose", "stop_gradient") and variables:
            unmoved = range(len(regions.graph.shape(variables[0])))
            axes = node.eqn.params.get("permutation", unmoved)
            regions.copies[node.outs[0]] = (variables[0], tuple(axes))
        return
    if is_complex(regions.graph, out):
        return  # activations are functions of real numbers: a region ends here
    data = regions.data_operands(node)
    if not data:
        shapes = {regions.graph.shape(v) for v in variables}
        if len(set(variables)) <= 1 or regions.graph.shape(out) in shapes:
            regions.spread.add(out)  # parameters combined are a parameter
        return
    places = _meeting(regions, data, added=node.name in _ARITHMETIC)
    thetas = [v for v in variables if v not in data]
    if regions.spread.issuperset(data):
        regions.spread.add(out)
    (root, axes) = places.pop()
    if places or any(regions.depends(v, root) for v in thetas):
        regions.joins.add(out)
        return
    regions.root[out] = root
    if axes:
        regions.turned[out] = axes


def _meeting(regions: Regions, data: list[int], *, added: bool) -> set[tuple[int, Axes]]:
    """Collect the places of data operands, copies brought into the region they are of.

    A mask that was transposed has no other use. What a gradient is kept from is part of a function
    where it is added (straight through); a choice of it is none, as between branches.
    """
    places = {regions.place(v) for v in data}
    mask = not is_float(regions.graph, data[0])
    if len(places) > 1 or mask:
        sources = {_source(regions, v, stopped=added) for v in data}
        if len(sources) == 1 and sources != places:
            for v in data:
                _bring_in(regions, regions.root.get(v, v))
            return sources
    return places


def _source(regions: Regions, v: int, *, stopped: bool) -> tuple[int, Axes]:
    """Say of which array v is computed, copies of it seen through."""
    root, axes = regions.place(v)
    while root in regions.copies and (stopped or regions.maker[root].name == "transpose"):
        of, order = regions.copies[root]
        root, before = regions.place(of)
        axes = tuple(order[i] for i in axes) if axes else order
        axes = tuple(before[i] for i in axes) if before else axes
    return root, () if axes == tuple(range(len(axes))) else axes


def _bring_in(regions: Regions, copy: int) -> None:
    """Make a transposed copy, and what was computed from it, part of the region it is of."""
    if copy not in regions.copies:
        return
    members = [copy, *(v for v, root in regions.root.items() if root == copy)]
    for v, (root, axes) in {v: _source(regions, v, stopped=True) for v in members}.items():
        regions.root[v] = root
        regions.turned.pop(v, None)
        if axes:
            regions.turned[v] = axes


def _grows(regions: Regions, node: Node) -> bool:
    if not node.ins or isinstance(node.ins[0], Const):
        return True
    before, after = regions.graph.shape(node.ins[0]), regions.graph.shape(node.outs[0])
    return math.prod(after) > math.prod(before)  # a new axis of length 1 is only a move


def exits(regions: Regions, live: Callable[[int], bool], results: Collection[int]) -> Iterator[int]:
    """Yield the floating variables at which a region is left, in program order.

    What nobody reads is left behind by a gradient: where the region is left elsewhere too it is a
    part of the derivative that came to nothing.

    Args:
        regions: the frame.
        live: says whether a variable is wanted by anything but a backward pass.
        results: those of the frame's results that are.
    """
    ends = list(_ends(regions, live, results))
    read = {regions.root[v] for v in ends if v in results or regions.users.get(v)}
    for v in ends:
        if v in results or regions.users.get(v) or regions.root[v] not in read:
            yield v


def _ends(regions: Regions, live: Callable[[int], bool], results: Collection[int]) -> Iterator[int]:
    for node in regions.frame.nodes:
        if node.backward or not node.outs:
            continue
        v = node.outs[0]
        if v not in regions.root or not is_float(regions.graph, v) or not live(v):
            continue
        users = [user for user in regions.users.get(v, ()) if not user.backward]
        leaves = (
            v in results
            or not regions.users.get(v)
            or any(
                regions.root.get(user.outs[0]) != regions.root[v]
                for user in users
                if any(live(out) for out in user.outs)
            )
        )
        if leaves:
            yield v


def frontier(
    regions: Regions, live: Callable[[int], bool], results: Collection[int]
) -> Iterator[int]:
    """Yield what only a backward pass reads, of regions that nothing else leaves.

    A program that asks for a pullback alone (`jax.vjp(f, x)[1]`, `jax.jacrev`) computes an
    activation for its derivative only.
    """
    left = {regions.root[v] for v in exits(regions, live, results)}
    # A value that is not returned still makes what its gradient is computed from.
    behind = _behind(regions)
    for v in exits(regions, behind.__contains__, ()):
        if regions.root[v] not in left and any(u.kind != "elementwise" for u in _fore(regions, v)):
            left.add(regions.root[v])
            yield v
    for node in regions.frame.nodes:
        for v in node.outs if node.kind == "elementwise" and not node.backward else ():
            read = any(user.backward for user in regions.users.get(v, ()))
            if read and is_float(regions.graph, v) and regions.root.get(v, v) not in {v, *left}:
                yield v


def _fore(regions: Regions, v: int) -> list[Node]:
    return [user for user in regions.users.get(v, ()) if not user.backward]


def _behind(regions: Regions) -> set[int]:
    """Collect what a backward pass reads, and what that is computed from."""
    wanted = {a for node in regions.frame.nodes if node.backward for a in node.operands}
    for node in reversed(regions.frame.nodes):
        if not node.backward and not wanted.isdisjoint(node.outs):
            wanted.update(node.operands)
    return wanted


def is_float(graph: Graph, v: int) -> bool:
    """Say whether a variable holds real floating-point numbers."""
    dtype = graph.dtype(v)
    return getattr(dtype, "kind", "") == "f" or str(dtype).startswith(("bfloat", "float8"))


def is_complex(graph: Graph, v: int) -> bool:
    """Say whether a variable holds complex numbers."""
    return getattr(graph.dtype(v), "kind", "") == "c"


def piece(regions: Regions, z: int, y: int) -> Piece:
    """Cut the nodes that compute y from z out of a region."""
    wanted, nodes, pending = {y}, [], [y]
    while pending:
        v = pending.pop()
        if v == z:
            continue
        node = regions.maker[v]
        nodes.append(node)
        for atom in node.ins:
            if not isinstance(atom, Const) and atom not in wanted and _inside(regions, atom, z):
                wanted.add(atom)
                pending.append(atom)
    ordered = sorted(nodes, key=lambda node: node.outs[0])
    return Piece(regions.graph, tuple(ordered), z, y)


def _inside(regions: Regions, v: int, z: int) -> bool:
    """Say whether v is z, or computed from z within z's region."""
    return v == z or (
        v in regions.root and regions.root[v] == regions.root.get(z, z) and regions.depends(v, z)
    )
