"""What is told of a site's place: its name, its line in the user's code, the order of its turns?"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from relu_jax.tap import compat, shards
from relu_jax.tap.graph import Node

# What frameworks call a weight: the name of the layer is before it.
_LEAF_NAMES = frozenset({
    "kernel", "weight", "weights", "w", "W", "value", "raw_value", "embedding",
})  # fmt: skip


def turns(node: Node) -> int:
    """Count the turns of a scan, or the shards of a shard_map, as in `Site.loops`."""
    return shards.read(node.eqn).count if node.kind == "shard" else int(node.eqn.params["length"])


def order(scan: Node) -> int:
    """Say how the turns of a scan follow one another, as in `Site.order`."""
    if scan.kind == "shard":
        return 0
    _, carried = compat.scan_layout(scan.eqn)
    if not carried:
        return 0
    return -1 if scan.eqn.params["reverse"] else 1


def stem(path: str) -> str:
    """Name a layer by its leaf: params/layers/3/kernel is layers/3, params/3/0 is params/3."""
    argument, *parts = path.split("/")
    if len(parts) > 1 and parts[-1] == "0" and parts[-2].isdigit():  # of a (weight, bias) pair
        parts = parts[:-1]
    while len(parts) > 1 and parts[-1] in _LEAF_NAMES:
        parts = parts[:-1]
    short = "/".join(parts)
    return f"{argument}/{short}" if short.isdigit() else short or argument or "site"


def source(node: Node, around: Iterable[Node] = ()) -> str:
    """Find the user's line that made a node: its own, or that of the nearest call around it.

    Args:
        node: the node.
        around: the nodes whose frames it stands in, innermost first.
    """
    lines = (*sources(node), *(line for outer in around for line in _line(outer.eqn)))
    return next(iter(lines), "")


def sources(node: Node) -> list[str]:
    """List the user's lines of a node and of the nested jits around it, inmost first."""
    return [line for eqn in _written(node) for line in _line(eqn)]


def origin(node: Node) -> Any:
    """Find the equation that bears the user's line of a node: its own, or a nested jit around."""
    return next((eqn for eqn in _written(node) if compat.user_frames(eqn)), node.eqn)


def _written(node: Node) -> list[Any]:
    """List a node's equation and the nested jits around it, inmost first.

    JAX traces the body of a jit once. Of what was put in for another function it keeps the line of
    the first such place, and all that was called there: those are left out.
    """
    around = [eqn for eqn in (node.eqn, *reversed(node.calls[1:])) if not compat.is_stood_in(eqn)]
    return [*around, node.calls[0]] if node.calls else [node.eqn]


def _line(eqn: Any) -> list[str]:
    return [f"{Path(file).name}:{line}" for file, line in compat.user_frames(eqn)[:1]]
