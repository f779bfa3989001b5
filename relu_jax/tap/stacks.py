"""Which linear maps follow one another with nothing non-linear in between?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from relu_jax.tap import elementwise
from relu_jax.tap.facts import Facts
from relu_jax.tap.graph import LOOPS, Atom, Const, Frame, Node


class Carried(NamedTuple):
    """What a value still carries: products it is affine in, and sites whose result it is."""

    products: frozenset[int] = frozenset()
    sites: frozenset[str] = frozenset()
    bent: bool = False  # something non-linear that is no site made it
    forked: bool = False  # something else reads it too


class Before(NamedTuple):
    """What feeds one product."""

    products: frozenset[int] = frozenset()
    sites: frozenset[str] = frozenset()
    forked: bool = False


def before_products(facts: Facts, frame: Frame, posts: Mapping[int, str]) -> list[Before]:
    """Walk a program and tell, for each product with a weight, what its data comes through.

    Args:
        facts: where values come from; holds the products.
        frame: the program.
        posts: {variable: site id} of the sites' results.
    """
    index = {id(p.node): i for i, p in enumerate(facts.products)}
    found: dict[int, Before] = {}
    _walk(facts, frame, posts, index, {}, found)
    return [found.get(i, Before()) for i in range(len(facts.products))]


def _walk(
    facts: Facts,
    frame: Frame,
    posts: Mapping[int, str],
    index: Mapping[int, int],
    state: dict[int, Carried],
    found: dict[int, Before],
) -> None:
    def read(atom: Atom) -> Carried:
        return Carried() if isinstance(atom, Const) else state.get(atom, Carried())

    readers = Counter(a for a in frame.outs if not isinstance(a, Const))
    for node in frame.nodes:
        if not node.backward:
            readers.update({*node.operands})
    for given in frame.ins:  # what a loop or a rematted region takes may be read twice inside
        state[given] = read(given)._replace(forked=read(given).forked or readers[given] > 1)
    for node in frame.nodes:
        if id(node) in index:
            i = index[id(node)]
            data = read(facts.products[i].data)
            found[i] = Before(data.products, data.sites, data.forked)
            after = Carried(products=frozenset((i,)))
        elif node.frames:
            ends = []
            given = list(map(read, node.handed))
            for inner in node.frames:
                wide = len(node.frames) > 1  # every branch may read it
                state.update(
                    (v, one._replace(forked=one.forked or wide))
                    for v, one in zip(inner.ins, given, strict=True)
                )
                _walk(facts, inner, posts, index, state, found)
                ends.append(list(map(read, inner.outs)))
            bent = Carried(bent=True)
            for out, *either in zip(node.outs, *ends, strict=True):
                state[out] = bent if node.kind in LOOPS else _met(either)
            continue
        else:
            after = _after(node, [read(a) for a in node.ins])
        for out in node.outs:
            made = Carried(sites=frozenset((posts[out],))) if out in posts else after
            state[out] = made._replace(forked=made.forked or readers[out] > 1)


def _after(node: Node, ins: Sequence[Carried]) -> Carried:
    """Carry affine maps on; whatever else happens bends the value."""
    filled = [c for c in ins if c.products or c.sites or c.bent]
    sites = frozenset().union(*(c.sites for c in filled))
    if not filled:
        return Carried()
    linear = (
        node.name in elementwise.AFFINE
        or node.name in elementwise.MOVES
        or node.name in elementwise.LINEAR_REDUCTIONS
        or node.name == "select_n"  # a mask that does not come from the data: dropout
    )
    return _met(filled) if linear else Carried(sites=sites, bent=True)


def _met(values: Sequence[Carried]) -> Carried:
    """Carry on what meets: a residual sum, a product of two, what one or the other branch gave.

    Where they differ that is no longer one affine map.
    """
    if len(set(values)) == 1 and not values[0].bent:
        return values[0]
    return Carried(sites=frozenset().union(*(c.sites for c in values)), bent=True)
