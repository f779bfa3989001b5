"""Into which functions is the way from a region's root to its exit cut?"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from relu_jax.tap import elementwise
from relu_jax.tap.graph import Const
from relu_jax.tap.pieces import Piece
from relu_jax.tap.recognise import AFFINE, Match, also, told
from relu_jax.tap.regions import Regions, is_float, piece

_LONGEST = 8  # non-linear steps of a chain that may make up one known function
_KEEPING = ("convert_element_type", "copy", "copy_p", "reduce_precision")  # change no value
_BEFORE, _AFTER = 4, 2  # affine steps around its bends that may belong to it


class Stretch(NamedTuple):
    """A function along a chain, and the part of the chain that is not another function's."""

    piece: Piece
    match: Match | None
    chain: tuple[int, ...]


class _Hit(NamedTuple):
    """A known function between two waypoints of a chain."""

    start: int
    piece: Piece
    match: Match
    end: int


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
        down[node.outs[0]] = sum(down.get(a, 0) for a in node.operands)
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
    regions: Regions,
    chain: Sequence[int],
    match: Callable[[Piece], Match | None],
    longest: int = _LONGEST,
) -> list[Stretch]:
    """Split a chain of waypoints into the functions applied along it.

    From the left, the longest stretch the catalogue knows is one function; steps that begin no
    known stretch make up an unknown function.

    Args:
        regions: the frame.
        chain: variables that every path passes, from a root to an exit.
        match: the catalogue.
        longest: how many non-linear steps may make up one known function.
    """
    # What is multiplied by 0 is a function all the same: a gate before the first state.
    chain = [chain[0], *itertools.takewhile(lambda v: not _annihilates(regions, v), chain[1:])]
    steps = [_step(regions, a, b, match) for a, b in itertools.pairwise(chain)]
    found: list[Stretch] = []
    at, strange, past = 0, [], 0
    while bent := [i for i in range(at, len(steps)) if steps[i] == "nonlinear"]:
        hit = _longest(regions, chain, steps, at, bent[:longest], match)
        if hit is None:
            strange.append(bent[0])
            at = bent[0] + 1
            continue
        found.extend(_unknown(regions, chain, strange, past, hit.start))
        found.append(Stretch(hit.piece, hit.match, tuple(chain[hit.start : hit.end + 1])))
        at, strange, past = hit.end, [], hit.end
    return [*found, *_unknown(regions, chain, strange, past, len(steps))]


def smooth(piece: Piece) -> bool:
    """Say whether a function bends nowhere: no clamp and no choice is among its steps."""
    bends = {"max", "min", "clamp", "select_n", "abs", "sign"}
    return not any(node.name in bends for node in piece.nodes)


def named(regions: Regions, stretch: Stretch, match: Callable[[Piece], Match | None]) -> Stretch:
    """Name a function by more entries than it was cut out with; unchanged where none is it.

    An entry names an unknown function where it covers all of its non-linear steps, with the
    affine steps around them that belong to it.
    """
    if stretch.match is not None:
        name = match(stretch.piece) or stretch.match
        return stretch._replace(match=name._replace(scaled=stretch.match.scaled))
    chain = list(stretch.chain)
    steps = [_step(regions, a, b, match) for a, b in itertools.pairwise(chain)]
    bent = [i for i, step in enumerate(steps) if step == "nonlinear"]
    hit = _longest(regions, chain, steps, 0, bent, match) if bent else None
    if hit is None or hit.end <= bent[-1]:
        return stretch
    return stretch._replace(piece=hit.piece, match=hit.match)


def _annihilates(regions: Regions, v: int) -> bool:
    node = regions.maker[v]
    numbers = [regions.graph.number(a) for a in node.ins]
    return node.name == "mul" and any(n is not None and n == 0 for n in numbers)


def _unknown(
    regions: Regions, chain: Sequence[int], strange: list[int], start: int, end: int
) -> list[Stretch]:
    if not strange:
        return []
    cut = piece(regions, chain[strange[0]], chain[strange[-1] + 1])
    return [Stretch(cut, None, tuple(chain[start : end + 1]))]


def _longest(
    regions: Regions,
    chain: Sequence[int],
    steps: list[str],
    at: int,
    bent: list[int],
    match: Callable[[Piece], Match | None],
) -> _Hit | None:
    """Find the longest known stretch from the first non-linear step on.

    Of the affine steps around it those belong to it that do not add a parameter: relu(x / 5) is
    no two_slope(0, 0.2), but LeCun's 1.7159 tanh(2 x / 3) is scaled_tanh as the catalogue has it.
    """
    starts = [i for i in range(bent[0], at - 1, -1) if _scalar(steps[i : bent[0]])]
    for last in reversed(bent):
        ends = [j for j in range(last + 1, _next(bent, last, len(steps)) + 1)]
        ends = [j for j in ends if _scalar(steps[last + 1 : j])]
        pairs = itertools.product(
            _near(regions, chain, starts, _BEFORE), _near(regions, chain, ends, _AFTER)
        )
        cuts = [(i, piece(regions, chain[i], chain[j]), j) for i, j in pairs]
        # Far from its bend a function looks like a line: relu(x - 100) is no affine map.
        hits = [_Hit(i, cut, m, j) for i, cut, j in cuts if (m := match(cut)) and m is not AFFINE]
        if hits:
            return _chosen(regions, chain, hits)
    return None


def _near(regions: Regions, chain: Sequence[int], places: list[int], steps: int) -> list[int]:
    """Keep the places, in order, that at most so many steps which change a value lie before."""
    kept, passed = places[:1], 0
    for last, place in itertools.pairwise(places):
        made = chain[max(last, place)]
        passed += regions.maker[made].name not in _KEEPING
        if passed > steps:
            break
        kept.append(place)
    return sorted(kept)


def _chosen(regions: Regions, chain: Sequence[int], hits: Sequence[_Hit]) -> _Hit:
    """Choose among cuts with the same non-linear steps, more or fewer affine ones around them."""
    fewest = min(hit.match.free for hit in hits)
    plainest = [hit for hit in hits if hit.match.free == fewest]
    bare = [hit for hit in plainest if not _stretches(regions, chain, hit, plainest)]
    kind = _best(bare).match.kind
    best = _best([hit for hit in hits if hit.match.kind == kind])
    return best._replace(match=best.match._replace(scaled=_around(best, hits)))


def _stretches(regions: Regions, chain: Sequence[int], hit: _Hit, others: Sequence[_Hit]) -> bool:
    """Say whether a function is another one of a multiple: bipolar_sigmoid is tanh(x / 2)."""
    return any(
        other.end == hit.end
        and other.start > hit.start
        and other.match.rank < hit.match.rank
        and all(
            regions.maker[v].name in ("mul", "div") for v in chain[hit.start + 1 : other.start + 1]
        )
        for other in others
    )


def _around(best: _Hit, hits: Sequence[_Hit]) -> tuple[str, ...]:
    """Name the function together with what is left out around it, where that has a name."""
    wider = [
        hit
        for hit in hits
        if hit.start <= best.start
        and hit.end >= best.end
        and hit.match.kind != best.match.kind
        and all(map(math.isfinite, hit.match.params.values()))
    ]
    widest = max(wider, key=lambda hit: hit.end - hit.start, default=None)
    if widest is None:
        return ()
    kind, params = widest.match.kind, widest.match.params
    return (told(kind, params), *also(kind, tuple(params.items())))


def _best(hits: Sequence[_Hit]) -> _Hit:
    """Choose the first start, and the end that the function has.

    A factor may belong to a function (selu is a scaled elu), a small constant added to a result
    never does: of the ends that match about as well as the best one, take the last name, and the
    first end that has it.
    """
    widest = [hit for hit in hits if hit.start == hits[0].start]
    best = min(hit.match.error for hit in widest)
    close = [h for h in widest if h.match.error <= max(h.match.rounding, 3 * best)]
    name = close[-1].match
    return next(h for h in close if (h.match.kind, h.match.params) == (name.kind, name.params))


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
