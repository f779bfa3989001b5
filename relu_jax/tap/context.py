"""Is an elementwise function an activation, or part of a softmax, a norm, a loss, a position?

Structure finds every non-linear function of one array. What surrounds it says what it is for:
each rule below names one purpose, and what no rule names is an activation.
"""

from collections.abc import Iterable

from relu_jax.tap import elementwise, norms
from relu_jax.tap.facts import Facts, is_product, meets_label
from relu_jax.tap.graph import Atom, Const, Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.reach import Reaches
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import Regions, is_complex, is_float

# What a logistic loss is made of, and what a loss or a penalty makes of scores.
_LOGISTIC = ("softplus", "log_sigmoid", *norms.CLIPS)
_LOSSES = ("softplus", "log_sigmoid", *norms.CLAMPS)
_PENALTIES = ("absolute", *_LOGISTIC)
_PROBABILITIES = ("softplus", "log_sigmoid")  # their logarithms
_PERIODIC = ("sin", "cos")


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
    if fact.graded and not reach.product:
        return "of a gradient"  # clipped, or on its way into an optimiser's state
    if fact.leaf is not None and fact.fed < 0:
        kept = fact.leaf.arg >= 0 and not facts.is_data(fact.leaf)
        if kept or norms.only_spread(regions, cut.y):  # a stored variance, in its own argument
            return "parameter transform"
    if fact.raw and reach.product and any(node.name in _PERIODIC for node in cut.nodes):
        return "position"  # an encoding of inputs, before the first product
    if step := norms.step(regions, cut, match):
        return step
    guards = match is None or match.kind in norms.CLIPS
    if guards and not regions.graph.shape(cut.z) and norms.reduced(regions, cut.z):
        return "loss"  # the root of a mean square, a mean kept above its free bits
    if not reach.product and not reach.whole and _in_loss(regions, facts, reaches, cut, match):
        return "loss"
    return ""


def no_site(regions: Regions, facts: Facts, node: Node) -> str:
    """Say of what an operation is non-linear, where that is not one array of real numbers."""
    if node.kind != "elementwise" or node.backward or node.name not in elementwise.NONLINEAR:
        return ""
    variables = [a for a in node.ins if not isinstance(a, Const)]
    if any(is_complex(regions.graph, v) and _moves(facts, v) for v in variables):
        return "of complex numbers"
    out = node.outs[0]
    data = [v for v in regions.data_operands(node) if _moves(facts, v)]
    joined = out in regions.joins and is_float(regions.graph, out) and len(data) > 1
    return "of several arrays" if joined else ""  # such as maxout


def _moves(facts: Facts, v: int) -> bool:
    return facts[v].floats and not facts.is_weight(v) and facts[v].fed >= 0


def gates(regions: Regions, facts: Facts, y: int) -> bool:
    """Say whether y multiplies another array that comes from the data.

    It may be broadcast before, or scaled and shifted by numbers.
    """
    pending, seen = [y], {y}
    while pending:
        v = pending.pop()
        for user in regions.users.get(v, ()):
            if user.backward:
                continue
            others = [a for a in user.ins if not isinstance(a, Const) and a != v]
            if user.name == "mul" and any(_is_data(regions, facts, a, y) for a in others):
                return True
            onward = user.name in elementwise.MOVES or (
                user.name in elementwise.AFFINE and all(a in regions.graph.known for a in others)
            )
            if onward and user.outs[0] not in seen:
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
        and not regions.depends(v, y)  # a norm of y
    )


def _in_loss(
    regions: Regions, facts: Facts, reaches: Reaches, cut: Piece, match: Match | None
) -> bool:
    """Say whether a function that is only summed up into a result belongs to the loss."""
    mixed = facts[cut.z].compared
    if facts[cut.z].fed < 0:
        # No product before it: about the targets, or a bare function of its inputs, unless it
        # compares two of them.
        return bool(facts.products) or (match is None and (mixed or cut.z in regions.joins))
    if mixed:
        return True
    meets, alone = reaches[cut.y].raw, _only_reader(regions, reaches, cut)
    if match is not None and match.kind in _LOGISTIC and _meets_labels(regions, facts, cut.z):
        return True  # softplus(z) - label · z
    if match is not None and match.kind in _PROBABILITIES and _is_of_labels(regions, facts, cut.y):
        return True  # label · log p
    if alone and _fresh(regions, cut.z) and (match or not _has_log(cut)):
        # The output's activation, compared with labels, or weighed by hand: no part of the loss.
        weighed = _is_weighed(regions, facts, cut.y)
        if weighed or (meets and (match is None or match.kind != "log_sigmoid")):
            return False
    if match is None or (meets and match.kind in _LOSSES):
        return True
    judges = match.kind in norms.CLAMPS or (match.kind in _PENALTIES and not meets)
    if judges and _is_penalty(regions, facts, reaches, cut, match):
        return True
    # A softplus of what is no product's result is the end of a cross-entropy written out.
    return not _fresh(regions, cut.z) and (not alone or match.kind == "softplus")


def _is_penalty(regions: Regions, facts: Facts, reaches: Reaches, cut: Piece, match: Match) -> bool:
    """Say whether what is only summed up judges scores, or hidden units that go on elsewhere."""
    shape, units = regions.graph.shape(cut.z), facts[cut.z].units or ()
    if match.kind in norms.CLAMPS:
        return True
    if match.kind == "log_sigmoid" or all(shape[axis] == 1 for axis in units):
        # One score for each example, or none: there are no units.
        return match.kind == "log_sigmoid" or _is_summed(regions, cut.y)
    if match.kind == "absolute" or match.params.get("slope") == -1:
        return True
    base = _base(regions, cut.z)
    return base != cut.z and any(
        reaches[out].product or reaches[out].whole
        for user in regions.users.get(base, ())
        if not user.backward
        for out in user.outs
    )


def _is_summed(regions: Regions, y: int) -> bool:
    """Say whether y is added up with nothing else done to it."""
    steps = elementwise.AFFINE.keys() | elementwise.MOVES | elementwise.LINEAR_REDUCTIONS
    pending = [y]
    for v in pending:
        for user in regions.users.get(v, ()):
            if not user.backward:
                if user.name not in steps:
                    return False
                pending.extend(out for out in user.outs if out not in pending)
    return True


def _base(regions: Regions, z: int) -> int:
    """Find what z is, before known numbers scaled and shifted it."""
    while (node := regions.maker.get(z)) and node.name in elementwise.AFFINE:
        variables = [a for a in node.ins if not isinstance(a, Const)]
        unknown = [a for a in variables if a not in regions.graph.known]
        if len(unknown) != 1:
            break
        (z,) = unknown
    return z


def _meets_labels(regions: Regions, facts: Facts, z: int) -> bool:
    """Say whether z, as it is or scaled and shifted, meets labels elsewhere: it holds logits."""
    family = [z]
    for v in family:
        near = [*regions.users.get(v, ()), *filter(None, [regions.maker.get(v)])]
        for node in near:
            if node.backward or node.name not in elementwise.AFFINE:
                continue
            if meets_label(facts, node):
                return True
            data = regions.data_operands(node)
            family += [u for u in (*data, *node.outs) if len(data) == 1 and u not in family]
    return False


def _is_of_labels(regions: Regions, facts: Facts, y: int) -> bool:
    """Say whether labels multiply y, as it is or times a number."""
    family = [y]
    for v in family:
        for user in regions.users.get(v, ()):
            if user.backward or user.name not in ("mul", "neg"):
                continue
            others = [a for a in user.ins if not isinstance(a, Const) and a != v]
            if user.name == "mul" and any(map(facts.is_label, others)):
                return True
            if all(a in regions.graph.known for a in others):
                family.append(user.outs[0])
    return False


def _has_log(cut: Piece) -> bool:
    return any(node.name in ("log", "log1p") for node in cut.nodes)


def _only_reader(regions: Regions, reaches: Reaches, cut: Piece) -> bool:
    """Say whether nothing but the function reads its argument: a loss reads logits twice."""
    own = {node.outs[0] for node in cut.nodes}
    readers = [
        user
        for user in regions.users.get(cut.z, ())
        if not user.backward and any(map(reaches.live, user.outs))
    ]
    kept = cut.z in reaches.results(regions.frame)
    return not kept and all(own & set(user.outs) for user in readers)


def _is_weighed(regions: Regions, facts: Facts, y: int) -> bool:
    """Say whether y is multiplied by a weight, element by element: a product by hand."""
    return any(
        user.name == "mul"
        and any(not isinstance(a, Const) and facts.is_weight(a) for a in user.ins)
        for user in regions.users.get(y, ())
        if not user.backward
    )


def _fresh(regions: Regions, z: int) -> bool:
    """Say whether z is a product's result, or an affine function of some, normalised perhaps."""
    moves = elementwise.MOVES | elementwise.LINEAR_REDUCTIONS

    def operands(node: Node) -> Iterable[Atom]:
        if node.name in elementwise.AFFINE:  # what is broadcast (a mean, a norm) is no value
            return regions.sized_operands(node)
        return node.ins if node.name in moves else ()

    allowed = elementwise.AFFINE.keys() | moves
    return all(
        node.name in allowed or is_product(node) or bool(node.frames)
        for node in regions.above(z, operands)
    )
