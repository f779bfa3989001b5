"""Is a function a step of a softmax or a norm? What is divided by its own sum is no activation."""

import math
from collections.abc import Callable, Iterable

from relu_jax.tap import elementwise, softmaxes
from relu_jax.tap.facts import holds_product
from relu_jax.tap.graph import Atom, Const, Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import Regions

# What a norm is made of, and what it does with a clipped variance.
_STATISTICS = frozenset({"square", "integer_pow", "abs", "pow", "sqrt", "mul"})
_DIVISORS = frozenset({"sqrt", "rsqrt", "div", "log", "pow", "integer_pow"})
_COMPARISONS = frozenset({"gt", "ge", "lt", "le", "eq", "ne", "is_finite", "select_n"})
_SUMS = elementwise.TOTALS | {"scatter-add"}  # over the neighbours in a graph
_JOINTS = ("concatenate", "pad", "dynamic_update_slice", "scatter", "scatter-add")
_HIDDEN = -1e3  # what masks put below every score
# Shapes that guard a variance or a probability as often as they activate a unit.
CLAMPS = ("relu1", "relu6", "relu_n", "hard_tanh")
CLIPS = (
    *CLAMPS, "relu", "leaky_relu", "two_slope", "threshold", "thresholded_relu", "relu_general",
)  # fmt: skip


def step(regions: Regions, cut: Piece, match: Match | None) -> str:
    """Name what a function is a step of: "softmax", "normalisation", or "" for neither.

    Args:
        regions: the frame it stands in.
        cut: the function.
        match: its name in the catalogue, or None.
    """
    if softmaxes.adds_two(regions, cut.z) or softmaxes.is_share(regions, cut):
        return "softmax"
    if match is not None and match.kind not in CLIPS:
        return ""
    if softmaxes.sums_exponentials(regions, cut.z):
        return "softmax"
    if match is None and (_is_length(regions, cut) or _is_reciprocal(regions, cut)):
        return "normalisation"
    if not (_recombined(regions, cut, match) and _is_step(regions, cut, match)):
        return ""
    ends = softmaxes.takes_exponential(cut) or _hides(regions, cut)
    return "softmax" if ends else "normalisation"


def is_distance(regions: Regions, cut: Piece, match: Match | None) -> bool:
    """Say whether a function squares a difference that is then summed up."""
    difference = regions.maker.get(cut.z)
    squares = match is None or match.kind == "square"
    return (
        squares
        and difference is not None
        and difference.name == "sub"
        and _only_summed(regions, cut.y)
    )


def _is_length(regions: Regions, cut: Piece) -> bool:
    """Say whether a function takes the root of a sum of squares."""
    total = softmaxes.unmoved(regions, cut.z)
    if total is None or total.name != "reduce_sum":
        return False
    terms = softmaxes.unmoved(regions, total.ins[0])
    if terms is None or not any(node.name in ("sqrt", "rsqrt") for node in cut.nodes):
        return False
    twice = terms.name == "mul" and len({*terms.ins}) == 1
    return twice or terms.name == "square" or terms.eqn.params.get("y") == 2


def _is_reciprocal(regions: Regions, cut: Piece) -> bool:
    """Say whether a function is one over an affine one: it divides what it is multiplied with."""
    inside = {cut.z, *(out for node in cut.nodes for out in node.outs)}

    def is_affine(node: Node) -> bool:
        read = [a for a in node.ins if not isinstance(a, Const) and a in inside]
        below = node.name == "div" and node.ins[1] in read
        return node.name in elementwise.AFFINE and len(read) == 1 and not below

    bent = [node for node in cut.nodes if not is_affine(node)]
    if len(bent) != 1:
        return False
    over = bent[0].name == "div" and regions.graph.number(bent[0].ins[0]) is not None
    return over or bent[0].name == "rsqrt" or bent[0].eqn.params.get("y") == -1


def _bends(node: Node) -> bool:
    squares = node.name == "mul" and node.ins[0] == node.ins[1]
    return node.kind == "elementwise" and (squares or node.name not in elementwise.AFFINE)


def _hides(regions: Regions, cut: Piece) -> bool:
    """Say whether a function keeps its argument or puts a number in its place that no exp feels."""
    numbers = (regions.graph.number(a) for node in cut.nodes for a in node.ins)
    return _passes(cut) and any(n is not None and n < _HIDDEN for n in numbers)


def _passes(cut: Piece) -> bool:
    """Say whether z goes into y other than by being compared."""
    going = {cut.z}
    for node in cut.nodes:
        if node.name not in _COMPARISONS - {"select_n"} and not going.isdisjoint(node.operands):
            going.update(node.outs)
    return cut.y in going


def _recombined(regions: Regions, cut: Piece, match: Match | None) -> bool:
    """Say whether a reduction of the function meets again what the function was computed from.

    That is what a softmax does with its sum, and a norm with its variance. The way back may not
    lead through a product: a squeeze-and-excite gate is no norm.
    """
    reduced_before = reduced(regions, cut.z)
    if match is not None and not reduced_before:
        return False
    exponential = softmaxes.takes_exponential(cut)
    summed = {cut.y: 0}  # what is computed from y -> 1: of its sum, 2: of that sum's logarithm
    logged = reduced_before and any(node.name in softmaxes.LOGARITHMS for node in cut.nodes)
    pending = [cut.y]
    met: dict[int, Node] = {}  # what is computed from y, by its first result
    while pending:
        v = pending.pop()
        for node in regions.users.get(v, ()):
            if node.backward or holds_product(node):
                continue
            if exponential and not summed[v] and _bends(node):
                continue  # a norm after an activation: a softmax adds up the exponential itself
            met.update((out, node) for out in node.outs[:1])
            total = summed[v] or int(node.name in _SUMS)
            total += total == 1 and node.name in softmaxes.LOGARITHMS
            for out in node.outs:
                if total > summed.get(out, -1):
                    summed[out] = total
                    pending.append(out)

    def recombines(node: Node) -> bool:
        ins = node.operands
        others = [a for a in ins if not summed.get(a)]
        if reduced_before and len(others) == len(ins):
            others = [a for a in ins if a not in summed]
        if len(others) == len(ins):
            return False
        # What y became in a product or an activation is another array.
        others = [a for a in others if a in summed or not regions.depends(a, cut.y)]
        if exponential and node.name in ("sub", "add"):  # a logsumexp; a mean divides nothing
            logs = logged or any(summed.get(a) == 2 for a in ins)
            others = [a for a in others if logs and not regions.depends(a, cut.y)]
        return any(_related(regions, other, cut) for other in others)

    # The derivative of a maximum compares it with what it was taken of.
    nodes = (n for n in met.values() if n.kind == "elementwise" and n.name not in _COMPARISONS)
    return any(map(recombines, nodes))


def _is_step(regions: Regions, cut: Piece, match: Match | None) -> bool:
    """Say whether a function that meets its own reduction is a step of a softmax or a norm.

    An activation before a norm meets it as well. What tells the steps: a softmax takes one
    exponential, of what a mask left; a norm squares or counts what it only sums up; what is made
    of the sum alone divides.
    """
    if match is not None:
        return _divides(regions, cut.y) or _is_divided(regions, cut.z)
    if reduced(regions, cut.z):
        return True
    within = {cut.z, *(out for node in cut.nodes for out in node.outs)}
    names = [
        node.name
        for node in cut.nodes
        if node.name not in elementwise.AFFINE.keys() | elementwise.MOVES | _COMPARISONS
        or (node.name == "mul" and all(not isinstance(a, Const) and a in within for a in node.ins))
    ]
    if names in (["exp"], ["exp2"]) or (not names and _hides(regions, cut)):
        return True
    return _STATISTICS.issuperset(names) and _only_summed(regions, cut.y)


def _divides(regions: Regions, y: int) -> bool:
    """Say whether y divides something, or is a root's argument: what guards a variance does.

    What is taken away from the argument of an exponential divides it.
    """

    def onward(user: Node, of: int) -> bool:
        # Times a number, or chosen: blended into a running variance.
        blended = user.name == "select_n" and user.ins[0] != of
        blended |= user.name == "mul" and any(regions.graph.number(a) is not None for a in user.ins)
        return blended or user.name in ("add", "max") or user.name in elementwise.MOVES

    def taken_away(user: Node, of: int) -> bool:
        after = regions.users.get(user.outs[0], ()) if user.outs else ()
        less = user.name == "neg" or (user.name == "sub" and user.ins[1] == of)
        return less and any(one.name in ("exp", "exp2") for one in after)

    return any(
        user.name in _DIVISORS or taken_away(user, of) for user, of in regions.below(y, onward)
    )


def _is_divided(regions: Regions, z: int) -> bool:
    """Say whether z is a number over a norm: the factor that clips a norm is one, clipped."""
    node = regions.maker.get(z)
    if node is None or node.name not in ("div", "rsqrt"):
        return False
    return node.name == "rsqrt" or regions.graph.number(node.ins[0]) is not None


def _only_summed(regions: Regions, y: int) -> bool:
    """Say whether y goes into sums and means only, perhaps scaled."""
    return _all_end(regions, y, lambda node: node.name in elementwise.TOTALS)


def only_spread(regions: Regions, y: int) -> bool:
    """Say whether y is only ever broadcast to the size of something else."""
    shape = regions.graph.shape

    def spreads(node: Node) -> bool:
        out = node.outs[0]
        wider = math.prod(shape(out)) > math.prod(shape(y)) and not holds_product(node)
        return out in regions.spread or (wider and node.name not in _JOINTS)

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
            if any(regions.depends(a, y) for a in user.operands if a != v):
                return False  # divided by a norm of y
            pending.extend(out for out in user.outs if out not in pending)
    return True


def reduced(regions: Regions, z: int) -> bool:
    """Say whether z holds means or sums rather than values of units."""

    def operands(node: Node) -> Iterable[Atom]:
        if node.kind == "elementwise":
            return regions.sized_operands(node)  # what is subtracted as a mean is not z
        return node.ins if node.name in elementwise.MOVES else ()

    return any(
        node.name in elementwise.TOTALS and not node.name.startswith("cum")
        for node in regions.above(z, operands)
    )


def _related(regions: Regions, v: int, cut: Piece) -> bool:
    """Say whether v and the function's argument were computed from one array."""
    if v == cut.z or regions.depends(v, cut.z):
        return True
    if not softmaxes.takes_exponential(cut):  # a spectral norm is taken of a product
        return any(regions.depends(cut.z, origin) for origin in softmaxes.origins(regions, v))
    nodes = regions.above(cut.z, lambda node: () if holds_product(node) else node.ins)
    made_of = {a for node in nodes if not holds_product(node) for a in node.operands}
    return not made_of.isdisjoint(softmaxes.origins(regions, v))
