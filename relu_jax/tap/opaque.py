"""What is not looked into, and may it hide an activation? The coverage statement names it."""

from typing import Any

from relu_jax.tap import compat, elementwise
from relu_jax.tap.graph import Node

# Their bodies combine two scalars; nothing in them can be an activation.
COMBINERS = elementwise.REDUCTIONS | {
    "scatter", "scatter-add", "scatter-mul", "scatter-min", "scatter-max",
    "select_and_scatter", "select_and_scatter_add", "select_and_gather_add",
}  # fmt: skip

# What another program computes is not looked into.
CALLBACKS = frozenset({
    "pure_callback", "io_callback", "ffi_call", "custom_call", "call_hi_primitive",
})  # fmt: skip
# No function of the elements, though one array of floats goes in and one of the same shape comes
# out. What is neither here nor in elementwise.py is not known, and is named as opaque.
_NO_FUNCTIONS = COMBINERS | elementwise.MOVES | frozenset({
    "dot_general", "conv_general_dilated", "ragged_dot", "ragged_dot_general", "scaled_dot",
    "scatter-sub", "custom_linear_solve", "linear_call", "symmetric_product",
    "cholesky", "cholesky_update", "triangular_solve", "tridiagonal_solve",
    "householder_product", "ormqr", "fft", "approx_top_k",
    "device_put", "layout_constraint", "relayout", "name", "tie", "dce_sink", "zeros_like", "empty",
    "empty2", "full", "conj", "real", "imag", "complex", "rng_uniform", "random_gamma_grad",
    "igamma_grad_a", "clz", "population_count", "mulhi", "get", "swap", "addupdate",
    "ragged_all_to_all", "preduced", "psend", "precv", "all_gather_reduced",
    "unreduced_psum", "unreduced_reduce_scatter", "reduced_vary_cast", "reduced_vary_cast_p",
    "vary_unreduced_cast", "vary_unreduced_cast_p",
})  # fmt: skip

# What the condition of a loop measures a norm and a change by.
_MEASURES = frozenset({"abs", "max", "min", "sqrt", "square", "integer_pow", "select_n"})


def hides_activation(node: Node) -> bool:
    """Say whether a node holds a non-linear function that is not looked into.

    Of a while loop that is its condition, where a norm or a threshold is none.
    """
    if node.kind == "while":
        asked = compat.while_parts(node.eqn).asked
        return _nonlinear_inside(compat.opened(asked).jaxpr, but=_MEASURES)
    return node.kind == "opaque" and holds_activation(node.eqn)


def holds_activation(eqn: Any) -> bool:
    """Say whether an unentered equation contains a non-linear function of floating numbers."""
    bodies = (compat.opened(body).jaxpr for body in compat.inner_jaxprs(eqn))
    return is_unread(eqn) or any(map(_nonlinear_inside, bodies))


def is_unread(eqn: Any) -> bool:
    """Say whether an equation without a body may be a function that no rule knows."""
    name = eqn.primitive.name
    if name in CALLBACKS:
        return True
    if name in elementwise.RULES or name in _NO_FUNCTIONS or compat.inner_jaxprs(eqn):
        return False
    made = [v.aval.shape for v in eqn.outvars if _floats(v)]
    return len(made) == len(eqn.outvars) == 1 and any(
        _floats(v) and v.aval.shape == made[0] for v in eqn.invars
    )


def _nonlinear_inside(jaxpr: Any, but: frozenset[str] = frozenset()) -> bool:
    for eqn in jaxpr.eqns:
        name, floats = eqn.primitive.name, any(map(_floats, eqn.outvars))
        if is_unread(eqn) or (floats and name in elementwise.NONLINEAR.keys() - but):
            return True
        bodies = () if name in COMBINERS else compat.inner_jaxprs(eqn)
        if any(_nonlinear_inside(compat.opened(body).jaxpr, but) for body in bodies):
            return True
    return False


def _floats(v: Any) -> bool:
    """Say whether a variable holds floating-point numbers, those of the small formats too."""
    return getattr(getattr(v.aval, "dtype", None), "kind", "") in tuple("fV")
