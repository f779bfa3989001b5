"""What does the gradient do at the sites of a function?"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from relu_jax.core import errors
from relu_jax.tap import arguments, callbacks, eyes, interpret, program, selectors, shards, tracing
from relu_jax.tap.observe import blanked, values
from relu_jax.tap.placed import Placed
from relu_jax.tap.program import Program
from relu_jax.tap.selectors import Selectable
from relu_jax.tap.types import Cotangent, Site, Tapped

Backward = Callable[..., Any]


def cotangents(
    loss: Callable[..., Any], only: Selectable | None = None, *, has_aux: bool = False
) -> Callable[..., tuple[Any, dict[str, Tapped]]]:
    """Build a function that also returns the derivative of the loss at every activation.

    Args:
        loss: a JAX function with a scalar result, or (scalar, aux) with `has_aux`.
        only: a selector; None looks at every site.
        has_aux: whether the loss returns something beside its value.

    Returns:
        ``g(*args) = (loss value, {site.id: Tapped(pre, post, d_pre, d_post)})``, the value being
        (value, aux) with `has_aux`. d_pre is what an array of zeros added to `pre` would receive,
        through everything that uses `pre`.

    Raises:
        ValueError: the result is not one floating number.

    Edges: inside a while loop, or a function with its own derivative rule, there is no cotangent:
    d_pre and d_post are None; in a branch that is not taken they are 0. Where `pre` is handed out
    of a loop or a rematted region, and looked at there, uses inside it do not count. d_post is what
    leaves a site: derivatives in the program that are computed from `post`, such as that of tanh,
    count as uses of it.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> loss = lambda x: jnp.sum(3 * jax.nn.relu(x))
        >>> value, seen = rj.tap.cotangents(loss)(jnp.array([-1.0, 2.0]))
        >>> seen["site#1"].d_pre.tolist(), seen["site#1"].d_post.tolist()
        ([0.0, 3.0], [3.0, 3.0])
    """

    @arguments.named_like(loss)
    def tapped(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Tapped]]:
        call, read = program.opened(loss, args, kwargs)
        seen = _differentiated(read, call, values, lambda _site, ct: ct, only, has_aux=has_aux)
        value = (seen.value, seen.aux) if has_aux else seen.value
        found = {name: blanked(ends) for name, ends in seen.forward.items()}
        for name, ends in seen.back.items():
            found[name] = found[name]._replace(d_pre=ends.pre, d_post=ends.post)
        return value, found

    return tapped


def observed_value_and_grad(
    loss: Callable[..., Any],
    forward: eyes.Forward,
    backward: Backward,
    only: Selectable | None = None,
    *,
    has_aux: bool = False,
    given: Any = None,
) -> Callable[..., tuple[Any, Any, dict[str, Any], dict[str, Cotangent]]]:
    """Build a function that takes value, gradient and observations in one pass.

    The summaries of the backward pass are made inside it, where the cotangents are at hand: none
    of them is kept.

    Args:
        loss: ``loss(params, *rest)`` → scalar, or (scalar, aux) with `has_aux`.
        forward: ``forward(site, act, pre, post)`` → arrays.
        backward: ``backward(site, cotangent)`` → floating arrays; they add up over a vmap.
        only: a selector; None looks at every site.
        has_aux: whether the loss returns something beside its value.
        given: arrays that `backward` takes as a third argument. It may not close over arrays that
            are traced: the backward pass of a loop is traced when they are gone.

    Returns:
        ``g(params, *rest) = (value or (value, aux), gradient, {id: forward(...)},
        {id: Cotangent(backward of d_pre, backward of d_post)})``.

    Raises:
        TypeError: `loss` is no function, or a callback does not take these arguments.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> loss = lambda w, x: jnp.sum(jax.nn.relu(x @ w))
        >>> g = rj.tap.observed_value_and_grad(
        ...     loss, lambda site, act, pre, post: post.max(), lambda site, ct: jnp.sum(ct)
        ... )
        >>> value, grad, seen, back = g(jnp.eye(2), jnp.array([[1.0, -2.0]]))
        >>> float(value), float(back["site#1"].pre) if "site#1" in back else list(back)
        (1.0, ['w'])
    """
    look = callbacks.told(forward, "forward", "site", "act", "pre", "post")
    names = ("site", "cotangent") if given is None else ("site", "cotangent", "given")
    back = callbacks.told(backward, "backward", *names)

    @arguments.named_like(loss)
    def run(params: Any, *rest: Any) -> tuple[Any, Any, dict[str, Any], dict[str, Cotangent]]:
        call, read = program.opened(loss, (params, *rest), {})
        own = sum(leaf.arg == 0 for leaf in call.leaves)
        seen = _differentiated(read, call, look, back, only, own=own, has_aux=has_aux, given=given)
        gradient = jax.tree.unflatten(jax.tree.structure(params), _gradients(seen.grads, params))
        value = (seen.value, seen.aux) if has_aux else seen.value
        return value, gradient, seen.forward, seen.back

    return run


class _Seen(NamedTuple):
    """What one forward and backward pass gave."""

    value: Any
    aux: Any
    grads: Sequence[Any]
    forward: dict[str, Any]
    back: dict[str, Cotangent]


def _differentiated(
    read: Program,
    call: arguments.Arguments,
    forward: eyes.Forward,
    backward: Backward,
    only: Selectable | None,
    *,
    own: int = 0,
    has_aux: bool = False,
    given: Any = None,
) -> _Seen:
    """Run a loss forward and backward; its first `own` arrays get gradients."""
    _check_scalar(read, has_aux=has_aux)
    chosen = selectors.chosen(read, only)
    beside = () if given is None else (given,)
    probes = {one.site.id: _probes(read, one, backward, beside) for one in chosen if not one.blind}
    see = eyes.opened(chosen, _detached(forward), _marker(backward, beside))

    def whole(arrays: Sequence[Any], probes: Any) -> tuple[Any, Any]:
        outs, seen = interpret.run(read.graph.frame, (*arrays, *call.arrays[own:]), see, probes)
        value, *others = arguments.as_results(outs)
        return value, (others, seen)

    (value, (others, seen)), (grads, back) = jax.value_and_grad(
        whole, argnums=(0, 1), has_aux=True
    )(call.arrays[:own], probes)
    result = read.results.filled([value, *others])
    value, aux = result if has_aux else (result, None)
    ends = {name: Cotangent(**pair) for name, pair in back.items()}
    return _Seen(value, aux, grads, program.in_order(chosen, seen), ends)


def _gradients(grads: Sequence[Any], params: Any) -> list[Any]:
    """Put None where a leaf of the parameters is no array."""
    given = iter(grads)
    return [next(given) if arguments.is_array(leaf) else None for leaf in jax.tree.leaves(params)]


def _detached(forward: eyes.Forward) -> eyes.Forward:
    """Keep summaries out of the gradient."""

    def seen(site: Site, act: Any, pre: Any, post: Any) -> Any:
        return forward(site, act, *jax.lax.stop_gradient((pre, post)))

    return seen


def _marker(backward: Backward, beside: tuple[Any, ...]) -> Callable[[Site, Any, Any], Any]:
    """Build the identity whose derivative rule hands its cotangent to `backward`.

    The probe is not used forward; its cotangent is what `backward` returns, so that it leaves the
    backward pass as the gradient of an input, summed over a vmap and stacked by a scan.
    """

    def mark(site: Site, value: Any, probe: Any) -> Any:
        axes = jax.tree.map(shards.varies, probe)

        @jax.custom_vjp
        def identity(value: Any, probe: Any, beside: Any) -> Any:
            del probe, beside
            return value

        def handed_on(beside: Any, ct: Any) -> tuple[Any, Any, None]:
            return ct, jax.tree.map(shards.varying, backward(site, ct, *beside), axes), None

        identity.defvjp(lambda value, _, beside: (value, beside), handed_on)
        return identity(value, probe, beside)

    return mark


def _probes(
    read: Program, one: Placed, backward: Backward, beside: tuple[Any, ...]
) -> dict[str, Any]:
    """Build zeros of the shape that `backward` returns, one per turn of the loops around."""
    made = {}
    for end, v in (("pre", one.piece.z), ("post", one.piece.y)):
        argument = read.graph.avals[one.piece.z]
        like = shards.struct(argument).update(dtype=read.graph.dtype(v))
        shapes = jax.eval_shape(lambda ct: backward(one.site, ct, *beside), like)
        axes = shards.varies(argument)
        made[end] = jax.tree.map(lambda s, axes=axes: shards.zeros(s, one.site.loops, axes), shapes)
    return made


def _check_scalar(read: Program, *, has_aux: bool) -> None:
    outs, given = read.graph.frame.outs, list(read.results.values)
    do = "reduce it, e.g. with jnp.mean" + ("" if has_aux else ", or pass has_aux=True")
    if not given or (len(given) > 1 and not has_aux):
        got = f"{len(given)} results"
    elif given[0] is not tracing.ARRAY:
        got = errors.describe(given[0])
    else:
        shape, dtype = read.graph.shape(outs[0]), read.graph.dtype(outs[0])
        if shape == () and jnp.issubdtype(dtype, jnp.floating):
            return
        got = f"{dtype} of shape {shape}"
        if shape == ():
            do = "convert it, or look for what made it whole: an argmax, a count, a comparison"
    raise errors.rejected(
        rule="the loss is one floating number" + (", followed by aux" if has_aux else ""),
        got=got,
        do=do,
    )
