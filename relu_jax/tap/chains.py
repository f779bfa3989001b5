"""Into which functions is the way from a region's root to its exit cut?"""

import itertools
from collections.abc import Callable

from relu_jax.tap import elementwise
from relu_jax.tap.graph import Const
from relu_jax.tap.pieces import Piece
from relu_jax.tap.recognise import AFFINE, Match
from relu_jax.tap.regions import Regions, is_float, piece

_LONGEST = 8  # non-linear steps of a chain that may make up one known function


def waypoints(regions: Regions, y: int, known: set[int]) -> list[int]:
    """List the variables every path from the root to y passes, starting at the last known exit.

    Args:
        regions: the frame.
        y: an exit.
        known: exits of the region already dealt with.
    """
    root = regions.root[y]
    nodes = piece(regions, root, y).nodes
    down, up = {root: 1}, {y: 1}
    for node in nodes:
        down[node.outs[0]] = sum(down.get(a, 0) for a in node.ins if not isinstance(a, Const))
    for node in reversed(nodes):
        for atom in node.ins:
            if not isinstance(atom, Const) and atom in down:
                up[atom] = up.get(atom, 0) + up.get(node.outs[0], 0)
    order = [root, *(node.outs[0] for node in nodes)]
    total = down[y]
    chain = [v for v in order if down[v] * up.get(v, 0) == total and is_float(regions.graph, v)]
    start = max((i for i, v in enumerate(chain[:-1]) if v in known), default=0)
    return chain[start:]


def functions(
    regions: Regions, chain: list[int], match: Callable[[Piece], Match | None]
) -> list[tuple[Piece, Match | None]]:
    """Split a chain of waypoints into the functions applied along it.

    From the left, the longest stretch the catalogue knows is one function; steps that begin no
    known stretch make up an unknown function.
    """
    if any(_annihilates(regions, v) for v in chain[1:]):
        return []  # multiplied by 0, as derivative rules do with what they do not need
    steps = [_step(regions, a, b, match) for a, b in itertools.pairwise(chain)]
    found: list[tuple[Piece, Match | None]] = []
    at, strange = 0, []
    while bent := [i for i in range(at, len(steps)) if steps[i] == "nonlinear"]:
        hit = _longest(regions, chain, steps, at, bent[:_LONGEST], match)
        if hit is None:
            strange.append(bent[0])
            at = bent[0] + 1
            continue
        found.extend(_unknown(regions, chain, strange))
        strange = []
        cut, kind, at = hit
        found.append((cut, kind))
    return [*found, *_unknown(regions, chain, strange)]


def _annihilates(regions: Regions, v: int) -> bool:
    node = regions.maker[v]
    numbers = [regions.graph.number(a) for a in node.ins]
    return node.name == "mul" and any(n is not None and n == 0 for n in numbers)


def _unknown(
    regions: Regions, chain: list[int], strange: list[int]
) -> list[tuple[Piece, Match | None]]:
    if not strange:
        return []
    return [(piece(regions, chain[strange[0]], chain[strange[-1] + 1]), None)]


def _longest(
    regions: Regions,
    chain: list[int],
    steps: list[str],
    at: int,
    bent: list[int],
    match: Callable[[Piece], Match | None],
) -> tuple[Piece, Match, int] | None:
    """Find the longest known stretch from the first non-linear step on."""
    starts = [i for i in range(at, bent[0] + 1) if _scalar(steps[i : bent[0]])]
    for last in reversed(bent):
        ends = [j for j in range(last + 1, _next(bent, last, len(steps)) + 1)]
        ends = [j for j in ends if _scalar(steps[last + 1 : j])]
        for start in starts:
            cuts = [piece(regions, chain[start], chain[end]) for end in ends]
            named = [(match(cut), cut, end) for cut, end in zip(cuts, ends, strict=True)]
            # Far from its bend a function looks like a line: relu(x - 100) is no affine map.
            hits = [(m, cut, end) for m, cut, end in named if m is not None and m is not AFFINE]
            if hits:
                # A factor may belong to a function (selu is a scaled elu), a small constant added
                # to a result never does: of the ends that match about as well as the best one,
                # take the last name, and the first end that has it.
                best = min(m.error for m, _, _ in hits)
                close = [h for h in hits if h[0].error <= max(h[0].rounding, 3 * best)]
                name = close[-1][0]
                alike = [h for h in close if h[0].kind == name.kind and h[0].params == name.params]
                kind, cut, end = alike[0]
                return cut, kind, end
    return None


def _next(bent: list[int], last: int, end: int) -> int:
    after = [i for i in bent if i > last]
    return after[0] if after else end


def _scalar(steps: list[str]) -> bool:
    return all(step == "affine" for step in steps)


def _step(regions: Regions, a: int, b: int, match: Callable[[Piece], Match | None]) -> str:
    """Classify the way between two waypoints: affine in constants, in a parameter, or bent."""
    cut = piece(regions, a, b)
    node = cut.nodes[-1]
    alone = len(cut.nodes) == 1 and node.name in elementwise.AFFINE
    doubled = sum(atom == a for atom in node.ins) > 1
    upside_down = node.name == "div" and node.ins[0] != a
    if (alone and not doubled and not upside_down) or match(cut) is AFFINE:  # also: a mask
        return "parameter" if cut.operands else "affine"
    return "nonlinear"
