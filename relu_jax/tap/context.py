"""Is an elementwise function an activation, or part of a softmax, a norm, a loss, a position?

Structure finds every non-linear function of one array. What surrounds it says what it is for:
each rule below names one purpose, and what no rule names is an activation.
"""

from relu_jax.tap import elementwise, losses, norms
from relu_jax.tap.facts import Facts
from relu_jax.tap.graph import Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.reach import Reaches
from relu_jax.tap.recognise import Match
from relu_jax.tap.regions import Regions, is_complex, is_float

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
    if facts.differentiates and facts.products and fact.fed < 0 and not reach.product:
        return "of a gradient"  # the state of an optimiser, where a weight had no gradient
    if fact.leaf is not None and fact.fed < 0:
        kept = fact.leaf.arg >= 0 and not facts.is_data(fact.leaf)
        if kept or norms.only_spread(regions, cut.y):  # a stored variance, in its own argument
            return "parameter transform"
    if fact.raw and reach.product and any(node.name in _PERIODIC for node in cut.nodes):
        return "position"  # an encoding of inputs, before the first product
    if fact.fed < 0 and reach.product and norms.is_distance(regions, cut, match):
        return "distance"  # of the inputs from centres
    if step := norms.step(regions, cut, match):
        return step
    if fact.leaf is None and fact.fed < 0 and norms.only_spread(regions, cut.y):
        return "parameter transform"  # a stored variance over how often it was added to
    guards = match is None or match.kind in norms.CLIPS
    if guards and not regions.graph.shape(cut.z) and norms.reduced(regions, cut.z):
        return "loss"  # the root of a mean square, a mean kept above its free bits
    if not reach.product and not reach.whole and losses.holds(regions, facts, reaches, cut, match):
        return "loss"
    return ""


def no_site(regions: Regions, facts: Facts, node: Node) -> str:
    """Say of what an operation is non-linear, where that is not one array of real numbers."""
    if node.kind != "elementwise" or node.backward or node.name not in elementwise.NONLINEAR:
        return ""
    variables = node.operands
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

    def onward(user: Node, of: int) -> bool:
        return user.name in elementwise.MOVES or (
            user.name in elementwise.AFFINE
            and all(a in regions.graph.known for a in user.others(of))
        )

    return any(
        user.name == "mul" and any(_is_data(regions, facts, a, y) for a in user.others(of))
        for user, of in regions.below(y, onward)
    )


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
