"""Is a function that is only summed up into a result a part of the loss, or the last activation?

An activation is applied to the units a product made; a loss compares them with labels, judges one
score per example, or punishes units that go on elsewhere.
"""

from collections.abc import Iterable

from relu_jax.tap import elementwise, norms
from relu_jax.tap.facts import Facts, is_product, meets_label
from relu_jax.tap.graph import Atom, Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.reach import Reaches
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import Regions

_PROBABILITIES = ("softplus", "log_sigmoid")  # their logarithms
_LOSSES = (*_PROBABILITIES, *norms.CLAMPS)
_LOGISTIC = (*_PROBABILITIES, *norms.CLIPS)  # what a logistic loss or a hinge is made of
_STEPS = elementwise.AFFINE.keys() | elementwise.MOVES | elementwise.LINEAR_REDUCTIONS


def holds(
    regions: Regions, facts: Facts, reaches: Reaches, cut: Piece, match: Match | None
) -> bool:
    """Say whether a function that no product follows is of the loss; takes what `purpose` does.

    Edges: one unit that is only added up is taken for a score; its relu or softplus is of the loss.
    """
    kind, compared = match.kind if match else "", facts[cut.z].compared
    if facts[cut.z].fed < 0:
        # No product before it: about the targets, or a bare function of its inputs, unless it
        # compares two of them.
        return bool(facts.products) or (not kind and (compared or cut.z in regions.joins))
    meets = compared or (kind in _LOGISTIC and _meets_labels(regions, facts, cut.z))
    if meets and (kind in _PROBABILITIES or not _is_masked(regions, facts, cut.z)):
        return True  # f(z - label), softplus(z) - label · z
    if kind in _PROBABILITIES and _is_of_labels(regions, facts, cut.y):
        return True  # label · log p
    if kind not in _LOSSES and _scales_units(regions, facts, cut):
        return False
    meets, alone = reaches[cut.y].raw, _only_reader(regions, reaches, cut)
    fresh = _fresh(regions, cut.z)
    # The output's activation, compared with labels, or weighed by hand: no part of the loss.
    apart = alone and fresh and (kind or not _has_log(cut))
    if apart and (_is_weighed(regions, facts, cut.y) or (meets and kind != "log_sigmoid")):
        return False
    if not kind or kind in norms.CLAMPS or (meets and kind in _LOSSES):
        return True
    if match and not meets and _judges(regions, facts, reaches, cut, match):
        return True
    # A softplus of what is no product's result is the end of a cross-entropy written out.
    return not fresh and (not alone or kind == "softplus")


def _is_masked(regions: Regions, facts: Facts, z: int) -> bool:
    """Say whether z is a product of arrays, none of them an error: units times a mask."""
    node = regions.maker.get(z)
    arrays = node.operands if node else []
    return bool(node) and node.name == "mul" and not any(facts[a].compared for a in arrays)


def _scales_units(regions: Regions, facts: Facts, cut: Piece) -> bool:
    """Say whether y multiplies hidden values of its shape, of other origin: the scale of a flow."""
    shape, root = regions.graph.shape(cut.y), regions.root.get(cut.z, cut.z)
    return any(shape[axis] > 1 for axis in facts[cut.z].units or ()) and any(
        facts[a].cooked
        and not facts[a].compared
        and regions.graph.shape(a) == shape
        and regions.root.get(a, a) != root
        for user in regions.users.get(cut.y, ())
        if user.name == "mul" and not user.backward
        for a in user.others(cut.y)
    )


def _judges(regions: Regions, facts: Facts, reaches: Reaches, cut: Piece, match: Match) -> bool:
    """Say whether a function judges scores, one of each example, or units that go on elsewhere."""
    if match.kind == "absolute" or match.params.get("slope") == -1:
        return True
    if match.kind == "log_sigmoid":
        return True
    shape, units = regions.graph.shape(cut.z), facts[cut.z].units or ()
    if match.kind in _LOGISTIC and all(shape[axis] == 1 for axis in units):
        return _is_summed(regions, cut.y)
    base = _base(regions, cut.z)
    outs = [o for u in regions.users.get(base, ()) if not u.backward for o in u.outs]
    elsewhere = base != cut.z and any(reaches[out].product or reaches[out].whole for out in outs)
    return elsewhere and (match.kind in _LOGISTIC or _is_summed(regions, cut.y))


def _is_summed(regions: Regions, y: int) -> bool:
    """Say whether y is added up with nothing else done to it."""

    def step(user: Node, _of: int) -> bool:
        return user.name in _STEPS

    return all(step(user, of) for user, of in regions.below(y, step))


def _base(regions: Regions, z: int) -> int:
    """Find what z is, before known numbers scaled and shifted it."""
    while (node := regions.maker.get(z)) and node.name in elementwise.AFFINE:
        unknown = [a for a in node.operands if a not in regions.graph.known]
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
            if meets_label(facts, node) or _is_signed(regions, facts, node):
                return True
            data = regions.data_operands(node)
            family += [u for u in (*data, *node.outs) if len(data) == 1 and u not in family]
    return False


def _is_signed(regions: Regions, facts: Facts, node: Node) -> bool:
    """Say whether a node multiplies by numbers made of positions, such as 2 * eye - 1."""
    shape = regions.graph.shape(node.outs[0])
    return node.name == "mul" and any(
        not facts[a].floats
        and facts[a].fed < 0
        and a not in regions.graph.known
        and regions.graph.shape(a) == shape
        for a in node.operands
    )


def _is_of_labels(regions: Regions, facts: Facts, y: int) -> bool:
    """Say whether labels multiply y, as it is or times a number."""

    def scaled(user: Node, of: int) -> bool:
        known = (a in regions.graph.known for a in user.others(of))
        return user.name in ("mul", "neg") and all(known)

    return any(
        user.name == "mul" and any(map(facts.is_label, user.others(of)))
        for user, of in regions.below(y, scaled)
    )


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
        user.name == "mul" and any(map(facts.is_weight, user.operands))
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

    return all(
        node.name in _STEPS or is_product(node) or bool(node.frames)
        for node in regions.above(z, operands)
    )
