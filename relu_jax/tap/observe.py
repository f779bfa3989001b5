"""Which sites does a function hold, and what goes through them?"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from relu_jax.tap import arguments, callbacks, eyes, interpret, program, selectors
from relu_jax.tap.selectors import Selectable
from relu_jax.tap.types import Site, Sites, Tapped


def sites(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Sites:
    """Find every activation of a function, without running it.

    Args:
        f: any JAX function; it is not edited.
        args: what f takes; `jax.ShapeDtypeStruct` may stand for an array.
        kwargs: likewise. What is no array (a flag, a name, a function) is left as it is.

    Returns:
        the sites in the order they run; printed, a table with the coverage statement.

    Edges: a function without any activation gives an empty sequence. What cannot be entered (a
    callback, a choice by platform, a condition of a loop) is named in `coverage.opaque`.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> def model(params, x):
        ...     return jax.nn.relu(x @ params["w1"]) @ params["w2"]
        >>> params = {"w1": jnp.ones((3, 4)), "w2": jnp.ones((4, 2))}
        >>> [(s.id, s.kind) for s in rj.tap.sites(model, params, jnp.ones((5, 3)))]
        [('w1', 'relu')]
    """
    return program.opened(f, args, kwargs)[1].sites


def observe(
    f: Callable[..., Any], forward: eyes.Forward, only: Selectable | None = None
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """Build a function that also returns what `forward` makes of the values at each site.

    Args:
        f: any JAX function.
        forward: ``forward(site, act, pre, post)`` → arrays; act is z ↦ f(z) as the program has it.
        only: a selector; None looks at every site.

    Returns:
        ``g(*args) = (f(*args), {site.id: forward(...)})``; inside a loop every array gets one
        leading axis per scan; of a while loop it is the last turn's (under a vmap, that of the
        slowest example); of what does not run, such as a branch that is not taken, it is 0. g is a
        plain JAX function: jit, grad, vmap or scan it.

    Raises:
        TypeError: f is no function, or `forward` none of four arguments.

    Edges: under jit, what f returns is bit-equal on the CPU to f on its own, but where XLA fuses
    the two programs differently: then it is off by single roundings. For that, a turn of a scan
    is computed twice, once as written and once to be looked at.

    Example:
        >>> import jax.numpy as jnp, relu_jax as rj
        >>> mean = rj.tap.observe(jnp.tanh, lambda site, act, pre, post: pre.mean())
        >>> y, seen = mean(jnp.array([1.0, 3.0]))
        >>> {name: float(value) for name, value in seen.items()}
        {'site#1': 2.0}
    """
    look = callbacks.told(forward, "forward", "site", "act", "pre", "post")

    @arguments.named_like(f)
    def observed(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        call, read = program.opened(f, args, kwargs)
        chosen = selectors.chosen(read, only)
        if not chosen:
            return f(*args, **kwargs), {}
        outs, seen = interpret.run(read.graph.frame, call.arrays, eyes.opened(chosen, look), {})
        return read.results.filled(outs), program.in_order(chosen, seen)

    return observed


def record(
    f: Callable[..., Any], only: Selectable | None = None
) -> Callable[..., tuple[Any, dict[str, Tapped]]]:
    """Build a function that also returns what every activation took and gave.

    Args:
        f: any JAX function.
        only: a selector; None records every site.

    Returns:
        ``g(*args) = (f(*args), {site.id: Tapped(pre, post)})``, a plain JAX function. A site in a
        branch or a while loop also has `ran`; where that is False, its values are NaN.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> y, seen = rj.tap.record(jax.nn.relu)(jnp.array([-1.0, 2.0]))
        >>> seen["site#1"].pre.tolist(), seen["site#1"].post.tolist()
        ([-1.0, 2.0], [0.0, 2.0])
    """
    observed = observe(f, values, only)

    @arguments.named_like(f)
    def recorded(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Tapped]]:
        result, seen = observed(*args, **kwargs)
        return result, {name: blanked(one) for name, one in seen.items()}

    return recorded


def values(site: Site, _act: Any, pre: Any, post: Any) -> Tapped:
    """Take what stood at a site, and where it may be passed by, that it ran."""
    return Tapped(pre, post, ran=jnp.bool_(True) if site.may_not_run else None)


def blanked(seen: Tapped) -> Tapped:
    """Put NaN where a site did not run, for the zeros that are then handed out."""
    if seen.ran is None:
        return seen
    ran = jnp.expand_dims(seen.ran, tuple(range(seen.ran.ndim, seen.pre.ndim)))
    pre, post = (jnp.where(ran, x, jnp.nan).astype(x.dtype) for x in (seen.pre, seen.post))
    return seen._replace(pre=pre, post=post)
