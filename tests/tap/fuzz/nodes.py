"""Nodes of random programs: steps from h to h, of shape (..., H), and what is put around them.

A node maps (params, probes, h) to h. Probes are arrays of zeros added to the argument and to the
result of every planted activation: the gradient for them is the cotangent that the tap has to find.
With probes = None a node is what a user would have written.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.tap.networks import B
from tests.tap.spellings import Spelling

Shape = tuple[int, ...]


class Planted(NamedTuple):
    """An activation that the tap has to find."""

    row: Spelling
    gates: bool = False
    loops: tuple[int, ...] = ()
    blind: bool = False  # inside a derivative rule of the user's: no cotangent, no swap
    looped: bool = False  # inside a while loop, where nothing is recorded


class Node(NamedTuple):
    """A step of a program: of one array, with parameters of its own."""

    words: str
    apply: Callable[[Any, Any, Any], Any]
    params: Any
    probes: Callable[[Shape], Any]  # zeros to be added, for an h of this shape
    planted: tuple[Planted, ...]


def probed(f: Callable[[Any], Any], z: Any, probes: Any) -> Any:
    """Apply f, with zeros added before and after."""
    return f(z) if probes is None else f(z + probes[0]) + probes[1]


def one_probe(shape: Shape) -> Any:
    return (np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def in_turn(nodes: list[Node]) -> Node:
    def apply(params: Any, probes: Any, h: Any) -> Any:
        for i, node in enumerate(nodes):
            h = node.apply(params[i], None if probes is None else probes[i], h)
        return h

    return Node(
        "; ".join(node.words for node in nodes),
        apply,
        tuple(node.params for node in nodes),
        lambda shape: tuple(node.probes(shape) for node in nodes),
        tuple(one for node in nodes for one in node.planted),
    )


def _around(words: str, body: Node, apply: Callable[[Any, Any, Any], Any]) -> Node:
    return body._replace(words=f"{words}[{body.words}]", apply=apply)


def jitted(_rng: Any, body: Node) -> Node:
    return _around("jit", body, jax.jit(body.apply))


def rematted(rng: Any, body: Node) -> Node:
    policies = (None, jax.checkpoint_policies.dots_saveable,
                jax.checkpoint_policies.everything_saveable)  # fmt: skip
    policy = policies[rng.integers(3)]
    if "Fourier" in body.words:  # JAX cannot keep complex numbers: reduce_precision refuses them
        policy = None
    return _around("remat", body, jax.checkpoint(body.apply, policy=policy))


def _stack(times: int, tree: Any) -> Any:
    return jax.tree.map(lambda a: np.stack([a] * times), tree)


def _deeper(body: Node, times: int) -> tuple[Planted, ...]:
    return tuple(one._replace(loops=(times, *one.loops)) for one in body.planted)


def scanned(rng: Any, body: Node) -> Node:
    """Scan over layers of one form, each with parameters of its own."""
    times, reverse, unroll = int(rng.integers(2, 4)), bool(rng.integers(2)), int(rng.integers(1, 3))

    def apply(params: Any, probes: Any, h: Any) -> Any:
        def turn(h: Any, own: Any) -> Any:
            h = body.apply(*own, h)
            return h, h.mean()

        h, means = lax.scan(turn, h, (params, probes), length=times, reverse=reverse, unroll=unroll)
        return h + means.sum()

    return Node(
        f"scan {times}[{body.words}]",
        apply,
        _stack(times, body.params),
        lambda shape: _stack(times, body.probes(shape)),
        _deeper(body, times),
    )


def counted(rng: Any, body: Node) -> Node:
    """Repeat a layer a known number of times."""
    times = int(rng.integers(2, 4))

    def apply(params: Any, probes: Any, h: Any) -> Any:
        if probes is None:
            return lax.fori_loop(0, times, lambda _, h: body.apply(params, None, h), h)
        return lax.scan(lambda h, own: (body.apply(params, own, h), None), h, probes, times)[0]

    return Node(
        f"fori {times}[{body.words}]",
        apply,
        body.params,
        lambda shape: _stack(times, body.probes(shape)),
        _deeper(body, times),
    )


def _parts(probes: Any, n: int) -> Any:
    return (None,) * n if probes is None else probes


def _branching(words: str, bodies: tuple[Node, ...], choose: Callable[[Any, list[Any]], Any]):
    def apply(params: Any, probes: Any, h: Any) -> Any:
        own = _parts(probes, len(bodies))
        ways = [
            partial(lambda i, p, z, h: bodies[i].apply(p, z, h), i, params[i], own[i])
            for i in range(len(bodies))
        ]
        return choose(h, ways)

    return Node(
        f"{words}[{' | '.join(b.words for b in bodies)}]",
        apply,
        tuple(b.params for b in bodies),
        lambda shape: tuple(b.probes(shape) for b in bodies),
        tuple(one for b in bodies for one in b.planted),
    )


def chosen(rng: Any, no: Node, yes: Node) -> Node:
    """Choose by the data."""
    least = float(rng.normal())
    return _branching(
        "cond", (no, yes), lambda h, ways: lax.cond(h.sum() > least, ways[1], ways[0], h)
    )


def switched(_rng: Any, *bodies: Node) -> Node:
    return _branching(
        "switch",
        bodies,
        lambda h, ways: lax.switch(jnp.argmax(h.ravel()[:3]).astype(jnp.int32), ways, h),
    )


def _hidden(body: Node) -> tuple[Planted, ...]:
    return tuple(one._replace(blind=True) for one in body.planted)


def own_jvp(_rng: Any, body: Node) -> Node:
    """Give the body a derivative rule of its own: twice the derivative."""

    @jax.custom_jvp
    def own(params: Any, probes: Any, h: Any) -> Any:
        return body.apply(params, probes, h)

    @own.defjvp
    def _rule(primals: Any, tangents: Any) -> Any:
        y, t = jax.jvp(body.apply, primals, tangents)
        return y, 2 * t

    return _around("custom_jvp", body, own)._replace(planted=_hidden(body))


def own_vjp(_rng: Any, body: Node) -> Node:
    """Give the body a derivative rule of its own: half the derivative."""

    @jax.custom_vjp
    def own(params: Any, probes: Any, h: Any) -> Any:
        return body.apply(params, probes, h)

    def back(pull: Any, ct: Any) -> Any:
        return jax.tree.map(lambda t: 0.5 * t, pull(ct))

    own.defvjp(lambda *args: jax.vjp(body.apply, *args), back)
    return _around("custom_vjp", body, own)._replace(planted=_hidden(body))


def repeated(rng: Any, body: Node) -> Node:
    """Repeat as long as the data say, without a gradient, and add the result."""
    most = int(rng.integers(1, 4))

    def apply(params: Any, probes: Any, h: Any) -> Any:
        params, start = lax.stop_gradient((params, h))

        def turn(state: Any) -> Any:
            return state[0] + 1, body.apply(params, None, state[1])

        held = lax.while_loop(lambda s: (s[0] < most) & (s[1].sum() < 9), turn, (0, start))
        return h + held[1]

    planted = tuple(one._replace(looped=True, blind=True) for one in body.planted)
    return _around("while", body, apply)._replace(planted=planted, probes=lambda _: ())


def per_example(_rng: Any, body: Node) -> Node:
    """Write the body for one example, and map it over the batch."""

    def apply(params: Any, probes: Any, h: Any) -> Any:
        return jax.vmap(body.apply, in_axes=(None, 0, 0))(params, probes, h)

    return _around("vmap", body, apply)._replace(
        probes=lambda shape: _stack(shape[0], body.probes(shape[1:]))
    )


def mapped_axes(rng: Any, body: Node) -> Node:
    """Give two members weights of their own, and add them up."""
    axis = int(rng.integers(2))
    params = jax.tree.map(lambda a: np.stack([a, 0.9 * a], axis if a.ndim else 0), body.params)

    def apply(params: Any, probes: Any, h: Any) -> Any:
        axes = jax.tree.map(lambda a: axis if a.ndim > 1 else 0, params)
        own = jax.vmap(body.apply, in_axes=(axes, 0, None), axis_size=2)
        return own(params, probes, h).sum(0)

    return Node(f"members[{body.words}]", apply, params,
                lambda shape: _stack(2, body.probes(shape)), body.planted)  # fmt: skip


def turn_by_turn(_rng: Any, body: Node) -> Node:
    """Map over the batch one example after another."""

    def apply(params: Any, probes: Any, h: Any) -> Any:
        return lax.map(lambda own: body.apply(params, *own), (probes, h))

    return _around("map", body, apply)._replace(
        probes=lambda shape: _stack(shape[0], body.probes(shape[1:])), planted=_deeper(body, B)
    )


def twice(_rng: Any, body: Node) -> Node:
    """Use a jitted layer twice: two sites for each of its own."""
    layer = jax.jit(body.apply)

    def apply(params: Any, probes: Any, h: Any) -> Any:
        one, two = _parts(probes, 2)
        return layer(params, two, layer(params, one, h))

    return _around("twice", body, apply)._replace(
        probes=lambda shape: (body.probes(shape),) * 2, planted=body.planted * 2
    )
