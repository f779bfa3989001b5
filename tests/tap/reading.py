"""The engine's views of a function, for the tests of its parts."""

from collections.abc import Callable
from typing import Any

from relu_jax.tap import arguments, compat, flatten, gathering, program, reach, regions
from relu_jax.tap.facts import Facts
from relu_jax.tap.graph import Graph, Node
from relu_jax.tap.program import Program
from relu_jax.tap.reach import Reaches
from relu_jax.tap.regions import Regions


def graph_of(f: Callable[..., Any], *args: Any) -> Graph:
    """Trace a function of arrays into a graph."""
    return flatten.build(compat.trace(f, *args)[0])


def facts_of(f: Callable[..., Any], *args: Any) -> Facts:
    """Trace a function and gather the facts."""
    call = arguments.part(f, args, {})
    return gathering.gather(graph_of(call.call(f), *call.arrays), call.leaves)


def reaches_of(f: Callable[..., Any], *args: Any) -> Reaches:
    """Trace a function and follow its values to where they go."""
    known = facts_of(f, *args)
    return reach.follow(known, known.graph.frame)


def regions_of(f: Callable[..., Any], *args: Any) -> Regions:
    """Trace a function and read the regions of its outermost frame."""
    network = graph_of(f, *args)
    return regions.read(network, network.frame, lambda v: False)


def program_of(f: Callable[..., Any], *args: Any) -> Program:
    """Trace a function into a program with named sites."""
    return program.read(f, arguments.part(f, args, {}))


def made_by(network: Graph, name: str) -> list[Node]:
    """List the nodes of the outermost frame that run one primitive."""
    return [node for node in network.frame.nodes if node.name == name]
