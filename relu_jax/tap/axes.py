"""Which axes of an array count units (neurons, channels), whatever the layout?"""

import math
from collections.abc import Sequence
from typing import Any

from relu_jax.tap import elementwise
from relu_jax.tap.graph import Const, Graph, Node

Units = tuple[int, ...] | None


def features(graph: Graph, node: Node, side: int) -> Units:
    """Find the axes of a product's result that run over the weight's output features."""
    params, out = node.eqn.params, graph.shape(node.outs[0])
    if node.name == "conv_general_dilated":
        return (int(params["dimension_numbers"].out_spec[1]),)
    if node.name != "dot_general":
        return (len(out) - 1,)
    contracted, batch = params["dimension_numbers"]
    free = [len(graph.shape(node.ins[i])) - len(contracted[i]) - len(batch[i]) for i in (0, 1)]
    start = len(batch[0]) + (free[0] if side else 0)
    # Along a batch axis every slice of the data has weights of its own: those count units too.
    return (*range(len(batch[0])), *range(start, start + free[side])) or None


def widths(graph: Graph, node: Node, side: int) -> tuple[int, int]:
    """Count the inputs and the outputs of one unit's weights: fan-in and number of units."""
    shape = graph.shape(node.ins[side])
    if node.name == "conv_general_dilated":
        out = shape[node.eqn.params["dimension_numbers"].rhs_spec[0]]
        return math.prod(shape) // max(out, 1), out
    if node.name != "dot_general":
        return shape[-2], shape[-1]
    contracted, batch = node.eqn.params["dimension_numbers"]
    n_in = math.prod(shape[a] for a in contracted[side])
    copies = math.prod(shape[a] for a in batch[side])
    return n_in, math.prod(shape) // max(n_in * copies, 1)


def carried(graph: Graph, node: Node, side: int, units: tuple[int, ...]) -> Units:
    """Follow the unit axes of one operand through a product with something that is no weight."""
    if node.name != "dot_general":
        return None
    contracted, batch = node.eqn.params["dimension_numbers"]
    taken = {*contracted[side], *batch[side]}
    free = [a for a in range(len(graph.shape(node.ins[side]))) if a not in taken]
    ahead = len(graph.shape(node.ins[0])) - len(contracted[0]) if side else len(batch[0])
    places = {a: i for i, a in enumerate(batch[side])} | {a: ahead + i for i, a in enumerate(free)}
    return tuple(sorted(places[a] for a in units if a in places)) or None


def after(graph: Graph, node: Node, ins: Sequence[Units]) -> Units:
    """Follow unit axes through an operation; None where they cannot be followed."""
    if not node.outs:
        return None
    out = graph.shape(node.outs[0])
    if node.kind == "elementwise":
        # A parameter's axes are not the data's: only operands of the result's shape count.
        full = [u for a, u in zip(node.ins, ins, strict=True) if graph.shape(a) == out and u]
        return full[0] if full else None
    first = next((u for u in ins if u), None)
    if first is None or not node.ins or isinstance(node.ins[0], Const):
        return None
    return _moved(node, first, graph.shape(node.ins[0]), out)


def _moved(node: Node, units: tuple[int, ...], before: tuple[int, ...], out: Any) -> Units:
    name, params = node.name, node.eqn.params
    if name == "transpose":
        moved = [i for i, a in enumerate(params["permutation"]) if a in units]
    elif name == "broadcast_in_dim":
        moved = [int(params["broadcast_dimensions"][a]) for a in units]
    elif name == "squeeze":
        moved = _without(units, [int(d) % len(before) for d in params["dimensions"]])
    elif name.startswith("reduce_") and "axes" in params:
        moved = _without(units, [int(a) for a in params["axes"]])
    elif name in ("reshape", "expand_dims"):
        moved = _reshaped(units, before, out)
    elif name in elementwise.MOVES | elementwise.REDUCTIONS and len(out) == len(before):
        moved = [] if name == "gather" else list(units)
    else:
        moved = []
    return tuple(sorted(moved)) or None


def _without(units: Sequence[int], gone: Sequence[int]) -> list[int]:
    return [a - sum(g < a for g in gone) for a in units if a not in gone]


def _reshaped(units: Sequence[int], before: tuple[int, ...], after: tuple[int, ...]) -> list[int]:
    """Find the axes of the new shape that split, or equal, the unit axes of the old one."""
    moved: list[int] = []
    for start, stop in _runs(sorted(units)):
        left, size = math.prod(before[:start]), math.prod(before[start:stop])
        for low in range(len(after)):
            if math.prod(after[:low]) != left or after[low] == 1:
                continue
            highs = [h for h in range(low + 1, len(after) + 1) if math.prod(after[low:h]) == size]
            moved.extend(range(low, highs[0]) if highs else ())
            break
    return moved


def _runs(axes: Sequence[int]) -> list[tuple[int, int]]:
    """Group neighbouring axes: [0, 2, 3] is [(0, 1), (2, 4)]."""
    runs: list[tuple[int, int]] = []
    for axis in axes:
        if runs and runs[-1][1] == axis:
            runs[-1] = (runs[-1][0], axis + 1)
        else:
            runs.append((axis, axis + 1))
    return runs
