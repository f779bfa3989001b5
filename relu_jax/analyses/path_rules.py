"""How many paths reach the results of an affine operation, given those that reach its operands?

Through a product by a constant goes one path where the constant is not 0; a sum adds paths up; what
moves numbers moves their paths along.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from relu_jax.analyses.maxima import placed
from relu_jax.core import errors
from relu_jax.tap import compat

_PRODUCTS = {"mul", "dot_general", "conv_general_dilated"}
_SUMS = {"add", "sub", "add_any"}
_SAME = {"neg", "copy", "copy_p", "convert_element_type", "reduce_precision", "div"}
_MOVES = {
    "reshape", "transpose", "squeeze", "expand_dims", "broadcast_in_dim", "slice", "dynamic_slice",
    "dynamic_update_slice", "concatenate", "pad", "rev", "reduce_sum", "cumsum", "gather",
    "select_n", "reduce_window_sum", "split", "scatter", "scatter-add",
}  # fmt: skip
_CALLS = {
    "jit",
    "pjit",
    "closed_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "remat2",
    "checkpoint",
}


def through(eqn: Any, args: Sequence[Any], counts: Mapping[int, Any]) -> list[Any]:
    """Count the paths that reach the results of an equation.

    Args:
        eqn: an equation that is affine in the operands that `counts` names.
        args: the values of its operands.
        counts: {which operand: the paths that reach it, an array of its shape}, at least one.

    Raises:
        NotImplementedError: paths are not followed through it.

    Example:
        >>> import jax
        >>> (eqn,) = jax.make_jaxpr(lambda x: x @ jnp.array([[1.0, 0.0]]))(jnp.ones((1, 1))).eqns
        >>> through(eqn, [None, jnp.array([[1.0, 0.0]])], {0: jnp.full((1, 1), 3.0)})[0].tolist()
        [[3.0, 0.0]]
    """
    name = eqn.primitive.name
    if name in _CALLS:
        return _inside(eqn, args, counts)
    if name in _SUMS:
        shape = eqn.outvars[0].aval.shape
        return [sum(jnp.broadcast_to(count, shape) for count in counts.values())]
    if name in _SAME and set(counts) == {0}:
        return [jnp.broadcast_to(counts[0], eqn.outvars[0].aval.shape)]
    if name in _PRODUCTS and len(counts) == 1:
        given = [counts[i] if i in counts else _is_there(arg) for i, arg in enumerate(args)]
        return compat.bind(eqn, given)
    if name in _MOVES:
        return compat.bind(
            eqn, [counts[i] if i in counts else _without(arg) for i, arg in enumerate(args)]
        )
    raise errors.rejected(
        rule="paths lead through sums, products by constants, and what moves numbers",
        got=placed(name, eqn),
        do="ask for what stands before it",
        kind=NotImplementedError,
    )


def _is_there(arg: Any) -> Any:
    array = jnp.asarray(arg)
    return (array != 0).astype(array.dtype)


def _without(arg: Any) -> Any:
    """Take the paths of a constant: none. Places and choices stay as they are."""
    array = jnp.asarray(arg)
    return jnp.zeros_like(array) if jnp.issubdtype(array.dtype, jnp.floating) else arg


def _inside(eqn: Any, args: Sequence[Any], counts: Mapping[int, Any]) -> list[Any]:
    """Count through the body of a call."""
    jaxpr, consts = compat.opened(compat.inner_jaxprs(eqn)[0])
    values = dict(zip(jaxpr.constvars, consts, strict=True))
    values |= dict(zip(jaxpr.invars, args, strict=True))
    paths = {v: counts[i] for i, v in enumerate(jaxpr.invars) if i in counts}
    for inner in jaxpr.eqns:
        given = [v.val if compat.is_literal(v) else values[v] for v in inner.invars]
        values.update(zip(inner.outvars, compat.bind(inner, given), strict=True))
        reached = {
            i: paths[v]
            for i, v in enumerate(inner.invars)
            if not compat.is_literal(v) and v in paths
        }
        if reached:
            paths.update(zip(inner.outvars, through(inner, given, reached), strict=True))
    zeros = (jnp.zeros(v.aval.shape, v.aval.dtype) for v in jaxpr.outvars)
    return [zero if compat.is_literal(v) else paths.get(v, zero)
            for v, zero in zip(jaxpr.outvars, zeros, strict=True)]  # fmt: skip
