"""Which operations of a program carry tangents, as `jax.jvp` and what is built on it write them?

Forward mode writes a derivative beside its function: f(z), and f'(z) times the tangent of z. The
parts of f' are no activations. JAX marks both alike (`jvp` in the name stack), so a tangent is
known by what becomes of it: whatever leaves the region of z has a derivative there, which
multiplies the tangent. It is tried on numbers.
"""

import contextlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, TypeGuard

import jax.numpy as jnp
import numpy as np

from relu_jax.tap import compat, elementwise, evaluate
from relu_jax.tap.graph import LOOPS, Atom, Const, Frame, Graph, Node
from relu_jax.tap.regions import is_float

_SAMPLES, _STEP, _TOLERANCE = 16, 1e-5, 1e-4
_OF_POSITIVE = ("sqrt", "rsqrt", "log", "log1p", "pow")
_LINEAR = (elementwise.AFFINE.keys() - {"mul", "div"}) | frozenset(evaluate.STILL)


def mark(graph: Graph) -> None:
    """Mark what carries tangents as part of a derivative, as a backward pass is."""
    results = {a for a in graph.frame.outs if not isinstance(a, Const)}
    _mark(graph, graph.frame, _Around(0, results), {})


class _Around(NamedTuple):
    """What is known of a frame from outside."""

    depth: int  # derivatives around it
    wanted: set[int]  # those of its results that something other than a backward pass reads


def _mark(graph: Graph, frame: Frame, around: _Around, tangents: dict[int, int]) -> None:
    """Mark a frame's tangents, given those among its inputs; add those found, with their depths."""
    depths = [around.depth + sum(map(compat.derivatives, (n.eqn, *n.calls))) for n in frame.nodes]
    live = _live(frame, around.wanted)
    if any(depths):
        _seed(_read(graph, frame, depths, live, around.wanted), frame, depths, tangents)
    for place, (node, depth) in enumerate(zip(frame.nodes, depths, strict=True)):
        carried = [tangents[a] for a in node.ins if _among(a, tangents)]
        for inner in node.frames:
            handed = zip(node.handed, inner.ins, strict=True)
            within = {v: tangents[a] for a, v in handed if _among(a, tangents)}
            _mark(graph, inner, _Around(depth, _wanted(node, inner, live)), within)
            given = zip(inner.outs, node.outs, strict=False)
            tangents.update((v, depth) for a, v in given if _among(a, within))
        if carried and not node.frames and depth >= min(carried):
            tangents.update(dict.fromkeys(node.outs, min(carried)))
            frame.nodes[place] = replace(node, backward=True)
    _mark_addends(frame, depths)


def _live(frame: Frame, wanted: set[int]) -> set[int]:
    """List what something other than a backward pass reads, or nothing does: a value left over."""
    live = set(wanted)
    ins = (a for node in frame.nodes for a in node.ins)
    read = {a for a in (*ins, *frame.outs) if not isinstance(a, Const)}
    for node in reversed(frame.nodes):
        if not node.backward and (read.isdisjoint(node.outs) or not live.isdisjoint(node.outs)):
            live.update(node.operands)
            live.update(v for v in node.outs if v not in read)
    return live


def _wanted(node: Node, inner: Frame, live: set[int]) -> set[int]:
    """List the results of a body that are read outside, or in its next turn."""
    carried = compat.loop_layout(node.eqn)[1] if node.kind in LOOPS else 0
    pairs = enumerate(zip(inner.outs, node.outs, strict=False))
    return {a for i, (a, out) in pairs if not isinstance(a, Const) and (i < carried or out in live)}


def _mark_addends(frame: Frame, depths: Sequence[int]) -> None:
    """Mark what makes a tangent that is added to another, such as that of a weight."""
    added: set[int] = set()
    for place, node in reversed(list(enumerate(frame.nodes))):
        if node.backward and node.name == "add_any":
            added.update(node.operands)
        elif depths[place] and not node.frames and not added.isdisjoint(node.outs):
            frame.nodes[place] = replace(node, backward=True)


def _among(atom: Atom, tangents: dict[int, int]) -> TypeGuard[int]:
    return not isinstance(atom, Const) and atom in tangents


@dataclass
class _Flow:
    """The elementwise operations of a frame that are differentiated; roots are what enters them."""

    graph: Graph
    nodes: list[tuple[Node, int]] = field(default_factory=list)  # each with its depth
    roots: dict[int, frozenset[int]] = field(default_factory=dict)
    bent: set[int] = field(default_factory=set)  # variables that are no linear function of a root
    curved: set[int] = field(default_factory=set)  # roots that no tangent is
    functions: dict[int, list[int]] = field(default_factory=dict)  # of each root: what leaves
    below: dict[int, list[Node]] = field(default_factory=dict)  # of each root: what it enters
    positive: set[int] = field(default_factory=set)  # roots of which a root or a log is taken

    def variables(self, node: Node) -> list[int]:
        """List the operands that are no known numbers."""
        return [a for a in node.operands if a not in self.graph.known]

    def of(self, variables: Sequence[int]) -> frozenset[int]:
        """List the roots of variables; what enters is its own."""
        return frozenset().union(*(self.roots.get(v, (v,)) for v in variables))


def _read(
    graph: Graph, frame: Frame, depths: Sequence[int], live: set[int], wanted: set[int]
) -> _Flow:
    flow = _Flow(graph)
    outside = set(wanted)
    for node, depth in zip(frame.nodes, depths, strict=True):
        elementwise_ = node.kind == "elementwise" or node.name in evaluate.STILL
        if not depth or node.backward or not elementwise_:
            if not node.backward and not live.isdisjoint(node.outs):
                outside.update(node.operands)
            continue
        ins = flow.variables(node)
        curved = _curved(flow, node, ins)
        both = flow.of(ins[:1]) & flow.of(ins[1:]) if node.name == "mul" else frozenset()
        flow.nodes.append((node, depth))
        flow.roots[node.outs[0]] = flow.of(ins)
        for root in flow.roots[node.outs[0]]:
            flow.below.setdefault(root, []).append(node)
        flow.curved |= curved
        flow.positive |= flow.of(ins) if node.name in _OF_POSITIVE else set()
        if curved or both or not flow.bent.isdisjoint(ins):
            flow.bent.add(node.outs[0])
    for y in flow.bent & outside:
        for z in flow.roots[y]:
            flow.functions.setdefault(z, []).append(y)
    return flow


def _curved(flow: _Flow, node: Node, ins: list[int]) -> frozenset[int]:
    """List the roots that an operation takes no multiple of: a tangent is none of them.

    A second derivative along one direction multiplies a tangent with itself.
    """
    if node.name in ("div", "select_n"):  # a divisor, a choice
        at = node.ins[1 if node.name == "div" else 0]
        return flow.of([v for v in ins if v == at])
    return frozenset() if node.name in _LINEAR or node.name == "mul" else flow.of(ins)


def _seed(flow: _Flow, frame: Frame, depths: Sequence[int], tangents: dict[int, int]) -> None:
    """Find tangents where they meet a derivative; mark what made them, too."""
    makers = {out: place for place, node in enumerate(frame.nodes) for out in node.outs}
    numbers, tried = _Numbers(flow), set()
    for node, depth in flow.nodes:
        ins = flow.variables(node)
        straight = flow.of(ins) - flow.curved if len(ins) > 1 else frozenset()
        points = flow.of([v for v in ins if v in flow.bent]) - straight if straight else ()
        for pair in itertools.product(points, straight):
            if pair in tried or pair[1] in tangents or not numbers.is_tangent(*pair):
                tried.add(pair)
                continue
            tangents[pair[1]] = depth
            place = makers.get(pair[1])
            if place is not None and depths[place] and not frame.nodes[place].frames:
                frame.nodes[place] = replace(frame.nodes[place], backward=True)


@dataclass
class _Numbers:
    """The elementwise operations of a frame, tried on random numbers."""

    flow: _Flow
    slopes: dict[int, dict[int, np.ndarray]] = field(default_factory=dict)  # by z, of what leaves
    moved: dict[int, dict[int, np.ndarray | None]] = field(default_factory=dict)  # by t
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    @cached_property
    def base(self) -> dict[int, np.ndarray | None]:
        """Values of all variables; None where an operation has no rule."""
        values: dict[int, np.ndarray | None] = {}
        self._run(values, {}, [node for node, _ in self.flow.nodes])
        return values

    def is_tangent(self, z: int, t: int) -> bool:
        """Say whether what multiplies t is the derivative by z of all that is made of it alone."""
        graph, roots = self.flow.graph, self.flow.roots
        if not all(is_float(graph, v) for v in (z, t)) or not _fits(graph.shape(z), graph.shape(t)):
            return False
        if not any(t not in roots[y] for y in self.flow.functions.get(z, ())):
            return False
        if t not in self.moved:
            self.moved[t] = self._moved(t, 1.0)
        moved = self.moved[t]
        gains = [_ratio(moved[w], self.base[w], 1.0) for w in moved if w != t and z in roots[w]]
        slopes = [slope for y, slope in self._slopes(z).items() if t not in roots[y]]
        return bool(slopes) and all(any(_is_close(s, gain) for gain in gains) for s in slopes)

    def _slopes(self, z: int) -> dict[int, np.ndarray]:
        """Differentiate by z what leaves the region and is no linear function of it."""
        if z not in self.slopes:
            ahead, behind = self._moved(z, _STEP), self._moved(z, -_STEP)
            found = {y: _ratio(ahead[y], behind[y], 2 * _STEP) for y in self.flow.functions[z]}
            self.slopes[z] = {
                y: slope
                for y, slope in found.items()
                if slope is not None and np.ptp(slope) > _TOLERANCE
            }
        return self.slopes[z]

    def _moved(self, v: int, by: float) -> dict[int, np.ndarray | None]:
        """Add to one variable, and compute what depends on it anew."""
        start = self.base[v]
        values = {v: None if start is None else start + by}
        self._run(values, self.base, self.flow.below[v])
        return values

    def _run(
        self,
        values: dict[int, np.ndarray | None],
        base: dict[int, np.ndarray | None],
        nodes: Sequence[Node],
    ) -> None:
        graph = self.flow.graph

        def operand(atom: Atom) -> np.ndarray | None:
            number = graph.number(atom)
            if number is not None or isinstance(atom, Const):
                return number
            if atom not in values and atom not in base:
                values[atom] = self._drawn(atom)
            return values[atom] if atom in values else base[atom]

        for node in nodes:
            ins = [operand(a) for a in node.ins]
            values[node.outs[0]] = None
            if all(a is not None for a in ins):
                with contextlib.suppress(NotImplementedError):
                    values[node.outs[0]] = np.asarray(evaluate.equation(node.eqn, ins)[0])

    def _drawn(self, root: int) -> np.ndarray:
        """Draw numbers for a root, whole ones where it counts."""
        dtype = self.flow.graph.dtype(root)
        if jnp.issubdtype(dtype, jnp.inexact):
            drawn = self.random.normal(size=_SAMPLES)
            return np.abs(drawn) if root in self.flow.positive else drawn
        whole = self.random.integers(0, 2, size=_SAMPLES)
        return whole.astype(dtype) if jnp.issubdtype(dtype, jnp.number) else whole.astype(bool)


def _fits(shape: Sequence[int], tangent: Sequence[int]) -> bool:
    """Say whether a tangent's shape is that of its point, but for axes along which it is mapped."""
    left = Counter(tangent)
    left.subtract(shape)
    return len(tangent) >= len(shape) and min(left.values(), default=0) >= 0


def _is_close(slope: np.ndarray, gain: np.ndarray | None) -> bool:
    return gain is not None and bool((np.abs(slope - gain) < _TOLERANCE * (1 + np.abs(gain))).all())


def _ratio(after: np.ndarray | None, before: np.ndarray | None, step: float) -> np.ndarray | None:
    """Divide a difference by a step; None where it is not of finite floats."""
    if after is None or before is None or after.dtype.kind != "f":
        return None
    with np.errstate(all="ignore"):
        ratio = (after - before) / step
    return ratio if np.isfinite(ratio).all() else None
