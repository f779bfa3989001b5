"""Is an elementwise function an activation, or part of a softmax, a norm, a loss, a position?

Structure finds every non-linear function of one array. What surrounds it says what it is for:
each rule below names one purpose, and what no rule names is an activation.
"""

import math
from collections.abc import Callable, Iterator

from relu_jax.tap import elementwise
from relu_jax.tap.facts import Facts, holds_product, is_product
from relu_jax.tap.graph import Atom, Const, Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.reach import Reaches
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import Regions

# What a norm is made of, and what it does with a clipped variance.
_STATISTICS = frozenset({"square", "integer_pow", "abs", "pow", "sqrt", "mul"})
_DIVISORS = frozenset({"sqrt", "rsqrt", "div", "log", "pow", "integer_pow"})
_COMPARISONS = frozenset({"gt", "ge", "lt", "le", "eq", "ne", "is_finite", "select_n"})
# Shapes that guard a variance or a probability as often as they activate a unit.
_CLIPS = ("relu", "relu6", "hard_tanh", "leaky_relu")
# What a logistic loss is made of.
_LOSSES = ("softplus", "log_sigmoid", *_CLIPS[1:3])


def purpose(
    regions: Regions, facts: Facts, reaches: Reaches, cut: Piece, match: Match | None
) -> str:
    """Name what a function is for; "" where it is an activation.

    Args:
        regions: the frame it stands in.
        facts: where values come from.
        reaches: where they go.
        cut: the function.
        match: its name in the catalogue, or None.
    """
    fact, reach = facts[cut.z], reaches[cut.y]
    if not fact.floats and not fact.fed >= 0:
        return "constant"  # positions, frequencies, random draws
    if fact.leaf is not None and fact.fed < 0:
        kept = fact.leaf.arg >= 0 and not facts.is_data(fact.leaf)
        if kept or _only_spread(regions, cut.y):  # a stored variance, in an argument of its own
            return "parameter transform"
    if match is None or match.kind in _CLIPS:
        if _sums_exponentials(regions, cut.z):
            return "softmax"
        if _recombined(regions, cut, match):
            exponential = any(node.name in ("exp", "exp2", "log") for node in cut.nodes)
            if _is_step(regions, cut, match):
                return "softmax" if exponential else "normalisation"
    if not reach.product and not reach.whole and _in_loss(regions, facts, reach.raw, cut, match):
        return "loss"
    return ""


def gates(regions: Regions, facts: Facts, y: int) -> bool:
    """Say whether y, as it is or broadcast, multiplies another array that comes from the data."""
    pending, seen = [y], {y}
    while pending:
        v = pending.pop()
        for user in regions.users.get(v, ()):
            if user.backward:
                continue
            others = [a for a in user.ins if not isinstance(a, Const) and a != v]
            if user.name == "mul" and any(_is_data(regions, facts, a, y) for a in others):
                return True
            if user.name in elementwise.MOVES and user.outs[0] not in seen:
                seen.add(user.outs[0])
                pending.append(user.outs[0])
    return False


def _is_data(regions: Regions, facts: Facts, v: int, y: int) -> bool:
    """Say whether v is neither a parameter, nor random, nor a function of what y is one of."""
    fact = facts[v]
    own = regions.root.get(y)
    return (
        fact.floats
        and (fact.leaf is None or facts.is_data(fact.leaf))
        and (own is None or (v != own and regions.root.get(v) != own))
    )


def _in_loss(regions: Regions, facts: Facts, meets: bool, cut: Piece, match: Match | None) -> bool:
    """Say whether a function that is only summed up into a result belongs to the loss."""
    mixed = any(_mixes_raw(facts, node) for node in _above(regions, cut.z))
    if facts[cut.z].fed < 0:
        # No product before it: about the targets, or a bare function of its inputs, unless it
        # compares two of them.
        return bool(facts.products) or (match is None and (mixed or cut.z in regions.joins))
    if mixed:
        return True
    if _fresh(regions, cut.z) and _only_reader(regions, cut) and (match or not _has_log(cut)):
        # The output's activation, compared with labels, or weighed by hand: no part of the loss.
        weighed = _is_weighed(regions, facts, cut.y)
        if weighed or (meets and (match is None or match.kind != "log_sigmoid")):
            return False
    if match is None or (meets and match.kind in _LOSSES):
        return True
    return match.kind in _LOSSES[2:] or not _fresh(regions, cut.z)


def _has_log(cut: Piece) -> bool:
    return any(node.name in ("log", "log1p") for node in cut.nodes)


def _only_reader(regions: Regions, cut: Piece) -> bool:
    """Say whether nothing but the function reads its argument: a loss reads logits twice."""
    own = {node.outs[0] for node in cut.nodes}
    readers = [user for user in regions.users.get(cut.z, ()) if not user.backward]
    return cut.z not in regions.frame.outs and all(own & set(user.outs) for user in readers)


def _is_weighed(regions: Regions, facts: Facts, y: int) -> bool:
    """Say whether y is multiplied by a weight, element by element: a product by hand."""
    return any(
        user.name == "mul"
        and any(not isinstance(a, Const) and facts.is_weight(a) for a in user.ins)
        for user in regions.users.get(y, ())
        if not user.backward
    )


def _above(regions: Regions, v: int) -> Iterator[Node]:
    """Yield the affine operations and moves that made v, back to the last other operation."""
    pending, seen = [v], set()
    while pending:
        node = regions.maker.get(pending.pop())
        if node is None or node.outs[0] in seen:
            continue
        seen.add(node.outs[0])
        yield node
        if node.name in elementwise.AFFINE or node.name in elementwise.MOVES:
            pending.extend(a for a in node.ins if not isinstance(a, Const))


def _fresh(regions: Regions, z: int) -> bool:
    """Say whether z is a product's result, or an affine function of some, normalised perhaps."""
    pending, seen = [z], set()
    while pending:
        node = regions.maker.get(pending.pop())
        if node is None or node.outs[0] in seen:
            continue
        seen.add(node.outs[0])
        if node.name in elementwise.AFFINE:  # what is broadcast (a mean, a norm) is no value
            pending.extend(regions.sized_operands(node))
        elif node.name in elementwise.MOVES or node.name in elementwise.LINEAR_REDUCTIONS:
            pending.extend(a for a in node.ins if not isinstance(a, Const))
        elif not is_product(node) and node.inner is None:
            return False
    return True


def _mixes_raw(facts: Facts, node: Node) -> bool:
    """Say whether an operation meets a data array that went through no product: a label."""
    if node.kind != "elementwise" or len(node.ins) < 2:
        return False
    shape = facts.graph.shape(node.outs[0])
    operands = [facts[a] for a in node.ins if facts.graph.shape(a) == shape]
    raw = [f.raw and (f.leaf is None or facts.is_data(f.leaf)) for f in operands]
    return any(raw) and not all(raw) and len(operands) > 1


def _recombined(regions: Regions, cut: Piece, match: Match | None) -> bool:
    """Say whether a reduction of the function meets again what the function was computed from.

    That is what a softmax does with its sum, and a norm with its variance. The way back may not
    lead through a product: a squeeze-and-excite gate is no norm.
    """
    reduced_before = _reduced(regions, cut.z)
    if match is not None and not reduced_before:
        return False
    carried = {cut.y: reduced_before}  # variable -> a reduction lies behind it
    pending = [cut.y]
    while pending:
        v = pending.pop()
        for node in regions.users.get(v, ()):
            if node.backward or holds_product(node):
                continue
            ins = [a for a in node.ins if not isinstance(a, Const)]
            others = [a for a in ins if not carried.get(a)]
            meets = carried[v] and node.kind == "elementwise"
            if meets and any(_related(regions, other, cut) for other in others):
                return True
            reduced = carried[v] or node.name in elementwise.TOTALS
            for out in node.outs:
                if out not in carried or (reduced and not carried[out]):
                    carried[out] = reduced
                    pending.append(out)
    return False


def _is_step(regions: Regions, cut: Piece, match: Match | None) -> bool:
    """Say whether a function that meets its own reduction is a step of a softmax or a norm.

    An activation before a norm meets it as well. What tells the steps: a softmax takes one
    exponential; a norm squares what it only sums up; what is made of the sum alone divides.
    """
    if match is not None:
        return _divides(regions, cut.y)
    if _reduced(regions, cut.z):
        return True
    within = {cut.z, *(out for node in cut.nodes for out in node.outs)}
    names = [
        node.name
        for node in cut.nodes
        if node.name not in elementwise.AFFINE.keys() | _COMPARISONS
        or (node.name == "mul" and within.issuperset(node.ins))
    ]
    if names in (["exp"], ["exp2"], []):
        return True
    return _STATISTICS.issuperset(names) and _only_summed(regions, cut.y)


def _divides(regions: Regions, y: int) -> bool:
    """Say whether y divides something, or is a root's argument: what guards a variance does."""
    pending = [y]
    for v in pending:
        for user in regions.users.get(v, ()):
            if not user.backward and user.name in _DIVISORS:
                return True
            if not user.backward and (
                user.name in ("add", "max") or user.name in elementwise.MOVES
            ):
                pending.extend(out for out in user.outs if out not in pending)
    return False


def _only_summed(regions: Regions, y: int) -> bool:
    """Say whether y goes into sums and means only, perhaps scaled."""
    return _all_end(regions, y, lambda node: node.name in elementwise.TOTALS)


def _only_spread(regions: Regions, y: int) -> bool:
    """Say whether y is only ever broadcast to the size of something else."""
    shape = regions.graph.shape

    def spreads(node: Node) -> bool:
        out = node.outs[0]
        return out in regions.spread or math.prod(shape(out)) > math.prod(shape(y))

    return _all_end(regions, y, spreads)


def _all_end(regions: Regions, y: int, ends: Callable[[Node], bool]) -> bool:
    """Say whether y is read, and each way on leads through affine steps and moves to an end."""
    pending = [y]
    for v in pending:
        users = [user for user in regions.users.get(v, ()) if not user.backward]
        if v in regions.frame.outs or not users:
            return False
        for user in users:
            if ends(user):
                continue
            if user.name not in elementwise.AFFINE and user.name not in elementwise.MOVES:
                return False
            pending.extend(out for out in user.outs if out not in pending)
    return True


def _sums_exponentials(regions: Regions, z: int) -> bool:
    """Say whether z is a sum of exponentials: what a logsumexp takes the sign and the log of."""
    total = _unmoved(regions, z)
    if total is None or total.name not in ("reduce_sum", "cumsum"):
        return False
    terms = _unmoved(regions, total.ins[0])
    return terms is not None and terms.name in ("exp", "exp2")


def _unmoved(regions: Regions, v: Atom) -> Node | None:
    """Find the node that made a value, before it was moved about."""
    node = None if isinstance(v, Const) else regions.maker.get(v)
    while node is not None and node.name in elementwise.MOVES and node.ins:
        v = node.ins[0]
        node = None if isinstance(v, Const) else regions.maker.get(v)
    return node


def _reduced(regions: Regions, z: int) -> bool:
    """Say whether z holds means or sums rather than values of units."""
    pending, seen = [z], set()
    while pending:
        node = regions.maker.get(pending.pop())
        if node is None or node.outs[0] in seen:
            continue
        seen.add(node.outs[0])
        if node.name in elementwise.TOTALS:
            return True
        if node.kind == "elementwise":
            pending.extend(regions.sized_operands(node))  # what is subtracted as a mean is not z
        elif node.name in elementwise.MOVES:
            pending.extend(a for a in node.ins if not isinstance(a, Const))
    return False


def _related(regions: Regions, v: int, cut: Piece) -> bool:
    """Say whether v and the function's argument were computed from one array."""
    if v == cut.z or regions.depends(v, cut.z):
        return True
    return any(regions.depends(cut.z, origin) for origin in _origins(regions, v))


def _origins(regions: Regions, v: int) -> set[int]:
    """Trace v back through elementwise operations of full size to the arrays they started from."""
    found, pending, seen = set(), [v], set()
    while pending:
        at = pending.pop()
        if at in seen:
            continue
        seen.add(at)
        node = regions.maker.get(at)
        if node is None or node.kind != "elementwise":
            found.add(at)
        else:
            pending.extend(regions.sized_operands(node))
    return found
