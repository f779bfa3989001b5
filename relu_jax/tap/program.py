"""Read a function into a program with named sites: the analysis every verb of the tap shares."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from relu_jax.core import handover
from relu_jax.tap import (
    chains,
    compat,
    context,
    conventions,
    facts,
    flatten,
    gathering,
    naming,
    opaque,
    reach,
    recognise,
    regions,
    stacks,
    tracing,
)
from relu_jax.tap.arguments import Arguments, part
from relu_jax.tap.graph import Frame, Graph, Node
from relu_jax.tap.pieces import Piece
from relu_jax.tap.placed import Around, Found, Inside, Placed, named, outward
from relu_jax.tap.recognise import Match
from relu_jax.tap.types import Coverage, Linear, Sites

_WORDS = {"while": "condition of while"}  # in the coverage statement


# What was matched in other programs, without the plain entries and with them.
_MATCHES: dict[bool, dict[Any, Match | None]] = {False: {}, True: {}}


@dataclass(frozen=True)
class Program:
    """A traced function: its graph, its sites, and how to rebuild its result."""

    graph: Graph
    placed: tuple[Placed, ...]
    sites: Sites
    results: tracing.Results

    @cached_property
    def readers(self) -> dict[int, list[Node]]:
        """List the nodes of the outermost frame that read a variable, per variable."""
        found: dict[int, list[Node]] = {}
        for node in self.graph.frame.nodes:
            for v in dict.fromkeys(node.operands):
                found.setdefault(v, []).append(node)
        return found

    @cached_property
    def differentiates(self) -> bool:
        """Whether it takes a derivative itself."""
        nodes = (node for frame, _ in _frames(self.graph.frame) for node in frame.nodes)
        equations = (eqn for node in nodes for eqn in (node.eqn, *node.calls))
        return any(map(compat.is_differentiated, equations))


def opened(
    f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Arguments, Program]:
    """Trace f(*args, **kwargs) and find its sites; what f branches on stays a setting.

    A rate that is compared in Python (`if rate > 0`), or a static argument of a jit, cannot be
    traced: then numbers outside the first argument are left as they are, as they are in a call.
    """
    call = part(f, args, kwargs)
    try:
        return call, read(f, call)
    except (*tracing.UNKNOWN_VALUES, TypeError, ValueError):
        still = part(f, args, kwargs, numbers=False)
        if len(still.leaves) == len(call.leaves):
            raise
        return still, read(f, still)


def read(f: Callable[..., Any], arguments: Arguments) -> Program:
    """Trace a function of these arguments and find its sites."""
    opened, results = tracing.traced(f, arguments)
    network = flatten.build(opened)
    known = gathering.gather(network, arguments.leaves)
    reaches = reach.follow(known, network.frame)
    catalogue = handover.catalogue()
    match, naming = (
        recognise.Recogniser(network, catalogue, plain=plain, kept=_MATCHES[plain])
        for plain in (False, True)
    )
    found: list[Found] = []
    counts: Counter[str] = Counter()
    backward = conventions.Backward(network, reaches)
    for frame, around in _frames(network.frame):
        found.extend(_functions(network, frame, around, reaches, match, naming, backward, counts))
    found.sort(key=lambda one: one.piece.y)  # variables are numbered in program order
    placed = named(network, known, found)
    sites = Sites(
        (p.site for p in placed),
        _coverage(network, placed, counts),
        _linear(network, known, placed),
    )
    return Program(network, placed, sites, results)


def in_order(chosen: Sequence[Placed], seen: Mapping[str, Any]) -> dict[str, Any]:
    """Put what was collected at sites into the order in which they run."""
    return {one.site.id: seen[one.site.id] for one in chosen}


def _frames(frame: Frame, around: Around = ()) -> Iterator[tuple[Frame, Around]]:
    yield frame, around
    for node in frame.nodes:
        for number, inner in enumerate(() if node.backward else node.frames):
            yield from _frames(inner, (*around, Inside(node, number)))


def _functions(
    network: Graph,
    frame: Frame,
    around: Around,
    reaches: reach.Reaches,
    match: Callable[[Piece], Match | None],
    naming: Callable[[Piece], Match | None],
    backward: conventions.Backward,
    counts: Counter[str],
) -> Iterator[Found]:
    """Find the activations of one frame; count what is something else."""
    known = reaches.facts
    flow = regions.read(network, frame, known.is_weight)
    dealt: set[int] = set()
    taken: set[tuple[int, int]] = set()
    results = reaches.results(frame)
    ways = [(y, False) for y in regions.exits(flow, reaches.live, results)]
    ways += [(y, True) for y in regions.frontier(flow, reaches.live, results)]
    for y, for_backward in ways:
        chain = chains.waypoints(flow, y, dealt)
        dealt.add(y)
        for cut in chains.functions(flow, chain, match):
            # What is made for a derivative may be one: only a known name tells the function.
            direct = known[cut.piece.z].direct
            strange = for_backward and (cut.match is None or direct < 0)
            if (cut.piece.z, cut.piece.y) in taken or strange:
                continue
            taken.add((cut.piece.z, cut.piece.y))
            for one, what in _purposes(flow, known, reaches, cut, match):
                purpose = "" if for_backward and what == "loss" else what
                counts[purpose] += 1
                dealt.add(one.piece.y)
                if not purpose:
                    piece, name, _ = chains.named(flow, one, naming)
                    if name is not None:
                        slopes = conventions.slopes(flow, piece, name, backward, around)
                        name = name._replace(slope_at_kinks=slopes)
                    dealt.add(piece.y)
                    yield Found(piece, name, context.gates(flow, known, piece.y), around)
    counts.update(filter(None, (context.no_site(flow, known, node) for node in frame.nodes)))


def _purposes(
    flow: regions.Regions,
    known: facts.Facts,
    reaches: reach.Reaches,
    cut: chains.Stretch,
    match: Callable[[Piece], Match | None],
) -> list[tuple[chains.Stretch, str]]:
    """Say what a function is for; in parts where only its first part is an activation.

    A relu at the output and the square of a loss make a squared relu that nobody meant.
    """

    def purpose(one: chains.Stretch) -> str:
        return context.purpose(flow, known, reaches, one.piece, one.match)

    whole = purpose(cut)
    if whole or cut.match is None:
        return [(cut, whole)]
    first, *rest = chains.functions(flow, cut.chain, match, longest=1)
    others = [(one, purpose(one)) for one in rest]
    if others and first.match and all(what and chains.smooth(one.piece) for one, what in others):
        return [(first, purpose(first)), *others]
    return [(cut, "")]


def _coverage(network: Graph, placed: Sequence[Placed], counts: Counter[str]) -> Coverage:
    unknown = sum(p.site.kind == "unknown" for p in placed)
    closed = tuple(
        " at ".join(
            filter(None, (_WORDS.get(node.name, node.name), naming.source(node, outward(around))))
        )
        for frame, around in _frames(network.frame)
        for node in frame.nodes
        if not node.backward and opaque.hides_activation(node)
    )
    ignored = {what: n for what, n in counts.items() if what}
    return Coverage(counts.total(), len(placed) - unknown, unknown, ignored, closed)


def _linear(network: Graph, known: facts.Facts, placed: Sequence[Placed]) -> list[Linear]:
    posts: Mapping[int, str] = {p.piece.y: p.site.id for p in placed}
    before = stacks.before_products(known, network.frame, posts)
    paths = [p.leaf.path for p in known.products]
    return [
        Linear(
            path,
            naming.source(product.node),
            product.n_in,
            product.n_out,
            tuple(paths[i] for i in sorted(feed.products)),
            tuple(sorted(feed.sites)),
            feed.forked,
            int(product.node.eqn.params.get("feature_group_count", 1)),
        )
        for path, product, feed in zip(paths, known.products, before, strict=True)
    ]
