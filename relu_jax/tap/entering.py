"""How does what holds a frame run, with eyes in it: a loop, a branch, remat, a rule, shards?

Each rule is handed `interpret.run`, by which the frames run. A function with its own derivative
rule is called as it is, so the rule survives, and a copy of its body beside it supplies the values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from relu_jax.tap import compat, shards
from relu_jax.tap.eyes import CLOSED, Collected, Eyes, Probes, probes_in
from relu_jax.tap.graph import Frame, Node

Made = tuple[list[Any], Collected]
Run = Callable[[Frame, Sequence[Any], Eyes, Probes], Made]


def _scan(run: Run, node: Node, values: Sequence[Any], see: Eyes, probes: Probes) -> Made:
    """Run a scan whose turns also hand out what was seen; probes go in one slice per turn."""
    (inner,), params = node.frames, node.eqn.params
    consts, carried = compat.scan_layout(node.eqn)
    fixed, first = list(values[:consts]), list(values[consts : consts + carried])
    own = probes_in(node, see, probes)
    beside = see.beside and not node.eqn.effects
    count = jnp.arange(params["length"], dtype="float32") if beside else None

    def turn(carry: list[Any], slices: tuple[list[Any], Probes, Any]) -> tuple[list[Any], Any]:
        xs, inside, i = slices
        outs, collected = _turn(run, inner, fixed, [*carry, *xs], see, inside, i)
        return outs[:carried], (outs[carried:], collected)

    last, (stacked, collected) = jax.lax.scan(
        turn,
        first,
        (list(values[consts + carried :]), own, count),
        length=params["length"],
        reverse=params["reverse"],
        unroll=params["unroll"],
    )
    return [*last, *stacked], collected


def _while(run: Run, node: Node, values: Sequence[Any], see: Eyes, _probes: Probes) -> Made:
    """Run a while loop that carries along what was seen in its last turn.

    Under a vmap the condition may hold for some examples only: the others keep their state.
    """
    (inner,), parts = node.frames, compat.while_parts(node.eqn)
    asked, (fixed, start) = (
        values[: parts.condition_consts],
        _parted(values[parts.condition_consts :], parts.body_consts),
    )
    holds = compat.as_function(parts.asked)
    count = jnp.float32(0) if see.beside and not node.eqn.effects else None
    shapes = jax.eval_shape(lambda state: run(inner, [*fixed, *state], see, {})[1], start)
    nothing = _zeros(shapes)

    def go_on(carry: tuple[list[Any], Collected, Any]) -> Any:
        (more,) = holds(*asked, *carry[0])
        return jnp.any(more)

    def turn(carry: tuple[list[Any], Collected, Any]) -> tuple[list[Any], Collected, Any]:
        state, _, i = carry
        outs, collected = _turn(run, inner, fixed, state, see, {}, i)
        (more,) = holds(*asked, *state)
        if jnp.ndim(more):
            outs = [_where_it_holds(more, new, old) for new, old in zip(outs, state, strict=True)]
        return outs, collected, i if i is None else i + 1

    last, collected, _ = jax.lax.while_loop(go_on, turn, (start, nothing, count))
    return last, collected


def _where_it_holds(more: Any, new: Any, old: Any) -> Any:
    shape = more.shape + (1,) * (jnp.ndim(new) - more.ndim)
    return jnp.where(more.reshape(shape), new, old)


def _parted(values: Sequence[Any], n: int) -> tuple[list[Any], list[Any]]:
    return list(values[:n]), list(values[n:])


def _turn(
    run: Run,
    body: Frame,
    fixed: Sequence[Any],
    moving: Sequence[Any],
    see: Eyes,
    probes: Probes,
    i: Any,
) -> Made:
    """Run turn i of a loop as written, and a copy of it beside it that is looked at.

    A value that is handed out is rounded where XLA would have fused it away, and later turns carry
    that on (a GRU of 4 turns: 3 ulp). Where i is None one turn serves: with a backward pass, which
    keeps the values anyway, where something is changed, and with effects, since a print is to be
    printed once.
    """
    if i is None:
        return run(body, [*fixed, *moving], see, probes)
    outs, _ = run(body, [*fixed, *moving], CLOSED, {})
    _, collected = run(body, [*fixed, *_unshared(moving, i)], see, probes)
    return outs, collected


def _unshared(values: Sequence[Any], i: Any) -> list[Any]:
    """Copy the values of turn i in such a way that XLA cannot tell: it would merge the readers.

    An optimization barrier is gone before XLA merges equal instructions; a choice whose condition
    it cannot work out stays.
    """
    always = jnp.cos(i) < 2
    keys = jax.dtypes.extended
    return [
        x if jnp.issubdtype(x.dtype, keys) else jnp.where(always, x, jnp.zeros_like(x))
        for x in values
    ]


def _remat(run: Run, node: Node, values: Sequence[Any], see: Eyes, probes: Probes) -> Made:
    """Run a rematted region as one again, under its own policy."""
    (inner,), params = node.frames, node.eqn.params

    def region(args: list[Any], inside: Probes) -> Made:
        return run(inner, args, see, inside)

    again = jax.checkpoint(region, prevent_cse=params["prevent_cse"], policy=params["policy"])
    return again(list(values), probes_in(node, see, probes))


def _cond(run: Run, node: Node, values: Sequence[Any], see: Eyes, probes: Probes) -> Made:
    """Run a cond as one again; of the branches that are not taken, zeros are handed out."""
    index, *args = values
    own = probes_in(node, see, probes)

    def taken(branch: Frame) -> Callable[[list[Any], Probes], Made]:
        return lambda args, inside: run(branch, args, see, inside)

    # Traced once more to learn the shapes: nested conds, so, 2^depth times.
    shapes = [jax.eval_shape(taken(branch), args, own)[1] for branch in node.frames]
    all_shapes = {name: shape for each in shapes for name, shape in each.items()}

    def filled(branch: Frame) -> Callable[[list[Any], Probes], Made]:
        def with_others(args: list[Any], inside: Probes) -> Made:
            outs, seen = taken(branch)(args, inside)
            return outs, _zeros(all_shapes) | seen

        return with_others

    return jax.lax.switch(index, list(map(filled, node.frames)), args, own)


def _zeros(types: Any) -> Any:
    return jax.tree.map(lambda like: shards.zeros(like, (), shards.varies(like)), types)


def _shard(run: Run, node: Node, values: Sequence[Any], see: Eyes, probes: Probes) -> Made:
    """Run a shard_map as one again; what was seen, and the probes, have an axis of shards ahead."""
    (inner,), parts = node.frames, shards.read(node.eqn)
    each = jax.P(parts.axes)
    told = parts.axes if parts.checked else ()

    def on_one(args: list[Any], ahead: Probes) -> Made:
        inside = jax.tree.map(lambda probe: probe[0], ahead)
        outs, collected = run(inner, args, see, inside)
        return outs, jax.tree.map(lambda x: shards.varying(x[None], told), collected)

    mapped = jax.shard_map(
        on_one,
        mesh=parts.mesh,
        in_specs=(list(parts.in_specs), each),
        out_specs=(list(parts.out_specs), each),
        axis_names=set(parts.axes),
        check_vma=parts.checked,
    )
    own = probes_in(node, see, probes)
    if parts.explicit:
        own = jax.tree.map(lambda probe: shards.split_ahead(probe, parts.axes), own)
    return mapped(list(values), own)


def _own_rule(run: Run, node: Node, values: Sequence[Any], see: Eyes, _probes: Probes) -> Made:
    """Call a function with its own derivative rule as it is, and look at a copy of its body."""
    (inner,) = node.frames
    outs = compat.bind(node.eqn, values)
    _, collected = run(inner, jax.lax.stop_gradient(list(values)), see, {})
    return outs, collected


RULES: Mapping[str, Callable[[Run, Node, Sequence[Any], Eyes, Probes], Made]] = {
    "scan": _scan,
    "while": _while,
    "remat": _remat,
    "rule": _own_rule,
    "cond": _cond,
    "shard": _shard,
}
