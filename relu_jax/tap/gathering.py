"""Where does every value of a program come from? One pass forward, through every frame."""

import functools
from collections import Counter
from collections.abc import Iterator, Sequence

from relu_jax.tap import axes, compat, elementwise, parameters, shards
from relu_jax.tap.facts import (
    Fact,
    Facts,
    Leaf,
    Product,
    both_weights,
    is_adjacency,
    is_product,
    meets_label,
    weight_side,
)
from relu_jax.tap.graph import LOOPS, Frame, Graph, Node
from relu_jax.tap.regions import is_complex, is_float

_LINEAR = elementwise.AFFINE.keys() | elementwise.MOVES | elementwise.LINEAR_REDUCTIONS


def gather(graph: Graph, leaves: Sequence[Leaf]) -> Facts:
    """Walk a program forward.

    Args:
        graph: the program.
        leaves: one per input of the program, in order.
    """
    if named := parameters.named(leaves):
        facts = _gathered(graph, leaves, named, sure=True)
        if not facts.products or any(p.leaf.arg in named for p in facts.products):
            return facts  # else they weigh examples: sum(w * error)
    guess = parameters.guessed(leaves)
    facts = _gathered(graph, leaves, guess, sure=False)
    # What is multiplied with hidden values is a weight, whatever the arguments are called.
    data = parameters.data(leaves)
    votes = Counter(p.leaf.arg for p in facts.products if facts[p.data].leaf is None)
    votes = {arg: n for arg, n in votes.items() if arg not in {-1, *data}}
    voted = frozenset(arg for arg, n in votes.items() if 2 * n >= max(votes.values()))
    if not voted and data and any(p.leaf.arg in guess | data for p in facts.products):
        voted = guess  # a weight may be transformed before it meets the data
    return _gathered(graph, leaves, voted, sure=True) if voted else facts


def _gathered(
    graph: Graph, leaves: Sequence[Leaf], weights: frozenset[int], *, sure: bool
) -> Facts:
    args = len({leaf.arg for leaf in leaves})
    facts = Facts(graph, parameters=weights, sure=sure, args=args)
    for v, leaf in zip(graph.frame.ins, leaves, strict=True):
        floats = is_float(graph, v) or is_complex(graph, v)
        data = facts.sure and leaf.arg not in facts.parameters
        facts.of[v] = Fact(leaf, raw=True, floats=floats, data=data)
    _walk(facts, graph.frame)
    return facts


def _walk(facts: Facts, frame: Frame) -> None:
    for v in frame.consts:
        facts.of[v] = Fact(Leaf("", -1, looped=False), raw=True)
    for node in frame.nodes:
        if node.kind == "cond":
            _choose(facts, node)
        elif node.frames:
            _enter(facts, node)
        elif is_product(node) and not (node.backward or all(facts[a].graded for a in node.ins)):
            _product(facts, node)
        else:
            fact = _passed(facts, node)
            for out in node.outs:
                facts.of[out] = fact
        if node.backward:
            facts.differentiates = True
            facts.of.update((out, facts.of[out]._replace(graded=True)) for out in node.outs)


def _passed(facts: Facts, node: Node) -> Fact:
    """Derive the facts of a node's results from those of its operands."""
    ins = [facts[a] for a in node.operands]
    affine = node.name in elementwise.AFFINE.keys() | elementwise.MOVES
    if node.name.startswith(("random_", "threefry")):
        return Fact(raw=any(f.raw for f in ins))  # a draw, even where the data chose its key
    if node.name == "select_n":
        first, *others = (facts[a] for a in node.ins[1:])
        if first.leaf is not None and all(other.leaf == first.leaf for other in others):
            return first  # either way one input: a vmap of a cond chooses w or its stop_gradient
    if _looks_up(facts, node):
        return Fact(floats=True, cooked=True, data=any(f.data for f in ins))
    return Fact(
        leaf=_same_leaf(facts, node, ins),
        raw=any(f.raw for f in ins) and not any(f.cooked for f in ins),
        floats=any(f.floats for f in ins),
        units=axes.after(facts.graph, node, [facts[a].units for a in node.ins]),
        fed=max((f.fed for f in ins), default=-1),
        direct=max((f.direct for f in ins), default=-1) if _is_linear(facts, node) else -1,
        cooked=any(f.cooked for f in ins),
        compared=meets_label(facts, node) or (affine and any(f.compared for f in ins)),
        data=any(f.data for f in ins),
        graded=_is_graded(ins),
    )


def _is_graded(ins: Sequence[Fact]) -> bool:
    """Say whether a gradient is among operands, and with it nothing but inputs of the program."""
    floats = [f for f in ins if f.floats]
    return any(f.graded for f in floats) and all(f.graded or f.leaf for f in floats)


def _looks_up(facts: Facts, node: Node) -> bool:
    """Say whether rows of a table are chosen by the data: what tokens become is no weight."""
    if node.name not in ("gather", "dynamic_slice"):
        return False
    table, *places = (facts[a].leaf for a in node.ins)
    return table is not None and any(p is not None and 0 <= p.arg != table.arg for p in places)


def _is_linear(facts: Facts, node: Node) -> bool:
    """Say whether a node is affine in what the products before it gave."""
    if node.name not in ("mul", "div"):
        return node.name in _LINEAR
    shape = facts.graph.shape(node.outs[0])
    full = [a for a in node.ins if facts.graph.shape(a) == shape and facts[a].cooked]
    return len(full) < 2


def _same_leaf(facts: Facts, node: Node, ins: Sequence[Fact]) -> Leaf | None:
    """Keep the leaf of a value that is made of inputs alone: rearranged, or transformed.

    A weight computed from parameters (weight norm, quantisation) still is one, and so is a weight
    that a mask or noise was put on, that a number was divided out of, or that was updated.
    """
    kept = node.kind == "elementwise" or node.name in elementwise.MOVES | elementwise.REDUCTIONS
    if not kept or not ins:
        return None
    given = [f for f in ins if f.leaf is not None]
    weights = [f.leaf for f in given if facts.sure and f.leaf and f.leaf.arg in facts.parameters]
    data = [f.leaf for f in given if f.leaf not in weights and f.floats]
    if len(given) == len(ins):
        return (data or weights or [f.leaf for f in given])[0]
    if data:
        return None
    shape = facts.graph.shape(node.outs[0])
    variables = node.operands
    others = [a for a in variables if facts[a].leaf is None]
    slight = all(
        not facts[a].floats
        or not shape
        or facts[a].graded
        or (facts.graph.shape(a) != shape and not _is_batch(facts, a))
        for a in others
    )
    return weights[0] if weights and slight else None


def _is_batch(facts: Facts, v: int) -> bool:
    """Say whether v holds data: hidden values, or inputs of more than one axis, not a factor."""
    long = sum(n > 1 for n in facts.graph.shape(v)) > 1
    return facts[v].data and (facts[v].cooked or long)


def _product(facts: Facts, node: Node) -> None:
    lhs, rhs = (facts[a] for a in node.ins[:2])
    if both_weights(facts, lhs, rhs):  # low rank: the product is a weight
        for out in node.outs:
            facts.of[out] = Fact(leaf=lhs.leaf, raw=True, floats=True)
        return
    side = weight_side(facts, lhs, rhs)
    if side is not None and is_adjacency(facts, node, side):
        side = None
    index = len(facts.products) if side is not None else max(lhs.fed, rhs.fed)
    units, direct = _mixed(facts, node, lhs, rhs)
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
            direct=index if side is not None else direct,
            cooked=True,
            data=lhs.data or rhs.data,
        )


def _mixed(facts: Facts, node: Node, lhs: Fact, rhs: Fact) -> tuple[axes.Units, int]:
    """Carry units through a product of data with data: a graph's neighbours, attention."""
    side = int(lhs.units is None)
    hidden, other = (rhs, lhs) if side else (lhs, rhs)
    if hidden.units is None or other.cooked:
        return None, -1
    return axes.carried(facts.graph, node, side, hidden.units), hidden.direct


def _enter(facts: Facts, node: Node) -> None:
    """Carry facts into a frame and out of it again; through a loop, until nothing changes."""
    (inner,) = node.frames
    given = [facts[a] for a in node.handed]
    consts, carried = compat.loop_layout(node.eqn) if node.kind in LOOPS else (0, 0)
    before = len(facts.products)
    while True:
        for v, fact in zip(inner.ins, entering(node, given), strict=True):
            facts.of[v] = fact
        del facts.products[before:]
        _walk(facts, inner)
        made = [facts[a] for a in inner.outs]
        pairs = zip(given[consts:], made[:carried], strict=False)
        turned = [_counted(_joined(a, b), len(facts.products)) for a, b in pairs]
        if turned == given[consts : consts + carried]:
            break
        given[consts : consts + carried] = turned
    floats = any(f.floats for f in given)
    for i, (v, fact) in enumerate(zip(node.outs, leaving(node, made), strict=True)):
        stacked = node.kind == "scan" and i >= carried
        leaf = None if stacked else fact.leaf
        made_of = floats and is_float(facts.graph, v)  # a count of turns is none
        facts.of[v] = fact._replace(floats=fact.floats or made_of, leaf=leaf)


def _choose(facts: Facts, node: Node) -> None:
    """Carry facts into every branch, and out of them what holds of either."""
    ends = []
    for branch in node.frames:
        facts.of.update(zip(branch.ins, (facts[a] for a in node.handed), strict=True))
        _walk(facts, branch)
        ends.append([facts[a] for a in branch.outs])
    floats = any(facts[a].floats for a in node.ins)
    for out, *either in zip(node.outs, *ends, strict=True):
        cooked = any(fact.cooked for fact in either)
        facts.of[out] = functools.reduce(_joined, either)._replace(
            raw=any(fact.raw for fact in either) and not cooked,
            floats=floats or any(fact.floats for fact in either),
            units=_agreed([fact.units for fact in either]),
        )


def _agreed(units: Sequence[axes.Units]) -> axes.Units:
    known = {one for one in units if one is not None}
    return known.pop() if len(known) == 1 else None


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
        compared=first.compared or later.compared,
        data=first.data or later.data,
        graded=first.graded or later.graded,
    )


def _counted(fact: Fact, n: int) -> Fact:
    """Forget a product that an earlier look at a loop took for one with a weight."""
    return fact._replace(
        fed=fact.fed if fact.fed < n else -1, direct=fact.direct if fact.direct < n else -1
    )


def entering(node: Node, given: Sequence[Fact]) -> Iterator[Fact]:
    """Yield the facts of a frame's inputs; a scan hands out slices along the leading axis.

    A weight that is split over devices is, like a slice of stacked weights, another on each.
    """
    if node.kind == "shard":
        for fact, spec in zip(given, shards.read(node.eqn).in_specs, strict=True):
            split = any(axis is not None for axis in spec)
            leaf = fact.leaf._replace(looped=True) if fact.leaf and split else fact.leaf
            yield fact._replace(leaf=leaf)
        return
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
