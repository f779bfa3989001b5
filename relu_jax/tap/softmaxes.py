"""What do a softmax and a logsumexp look like, in whatever spelling?"""

from relu_jax.tap import compat, elementwise
from relu_jax.tap.graph import Atom, Const, Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.regions import Regions

LOGARITHMS = ("log", "log1p")
_UNMOVED = elementwise.MOVES | {"reduce_precision"}


def takes_exponential(cut: Piece) -> bool:
    """Say whether a function is made of exponentials or logarithms."""
    return any(node.name in ("exp", "exp2", "log") for node in cut.nodes)


def sums_exponentials(regions: Regions, z: int) -> bool:
    """Say whether z is a sum of exponentials: what a logsumexp takes the sign and the log of."""
    total = unmoved(regions, z)
    if total is None or total.name not in ("reduce_sum", "cumsum"):
        return False
    terms = unmoved(regions, total.ins[0])
    return terms is not None and terms.name in ("exp", "exp2")


def adds_two(regions: Regions, z: int) -> bool:
    """Say whether z is a - b in max(a, b) + log1p(exp(-|a - b|)): two exponentials added."""
    root = regions.root.get(z, z)
    difference = regions.maker.get(root)
    if difference is None or difference.name != "sub":
        return False
    pair = set(difference.operands)
    larger = (
        u for v in pair for u in regions.users[v] if u.name == "max" and {*u.operands} == pair
    )
    sums = (user for node in larger for user in regions.users.get(node.outs[0], ()))
    return len(pair) == 2 and any(
        user.name == "add" and any(regions.root.get(v) == root for v in user.operands)
        for user in sums
    )


def is_share(regions: Regions, cut: Piece) -> bool:
    """Say whether z is a - log(exp(a) + exp(b)), or of longer sums: the log of a softmax."""
    if cut.z in regions.root or not takes_exponential(cut):
        return False
    difference = unmoved(regions, cut.z)
    if difference is None or difference.name != "sub" or len(difference.operands) < 2:
        return False
    of, total = difference.operands
    starts = origins(regions, of)
    made = regions.above(total, lambda node: node.ins if node.kind == "elementwise" else ())
    return any(
        _takes_log(node) and any(regions.depends(node.outs[0], start) for start in starts)
        for node in made
    )


def _takes_log(node: Node) -> bool:
    inside = (eqn.primitive.name for body in compat.inner_jaxprs(node.eqn) for eqn in body.eqns)
    return not {node.name, *inside}.isdisjoint(LOGARITHMS)


def unmoved(regions: Regions, v: Atom) -> Node | None:
    """Find the node that made a value, before it was moved about, or rounded to be kept."""
    if isinstance(v, Const):
        return None
    node = regions.maker.get(v)
    moved = node is not None and node.name in _UNMOVED and node.ins
    return unmoved(regions, node.ins[0]) if node and moved else node


def origins(regions: Regions, v: int) -> set[int]:
    """Trace v back through elementwise operations of full size to the arrays they started from."""
    found, pending, seen = set(), [v], set()
    while pending:
        at = pending.pop()
        if at in seen:
            continue
        seen.add(at)
        node = regions.maker.get(at)
        if at in regions.copies:
            pending.append(regions.copies[at][0])
        elif node is None or node.kind != "elementwise":
            found.add(at)
        else:
            pending.extend(regions.sized_operands(node))
    return found
