"""How does a backward pass read what was kept as late as it needs it, and in its own order?

The gradient of a convolution's weights is a convolution again, in which features and examples have
changed places. On a CPU XLA copies y into that order as soon as there is y, and keeps the copy;
whoever keeps y in its own order for a slope keeps it twice. So does a product in half precision,
which a CPU multiplies as float32: it keeps the wide copy. What is read together with a number that
the backward pass has made cannot be copied before, so y alone is kept, as it is.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad, batching, mlir

from relu_jax.tap import compat
from relu_jax.tap.graph import Node
from relu_jax.tap.program import Program

_NARROW = 2  # bytes of a number that a CPU multiplies as a float32

# x, not before there is ct. Not where a program is exported, which may run elsewhere, nor on
# several devices, whose shards would have to tell each other of that number.
_late = compat.primitive("late")
_late.def_impl(lambda x, _ct: x)
_late.def_abstract_eval(lambda x, _ct: x)
ad.primitive_jvps[_late] = lambda primals, tangents: (_late.bind(*primals), tangents[0])
batching.primitive_batchers[_late] = lambda args, axes: (_late.bind(*args), axes[0])


def _lowered(ctx: Any, x: Any, ct: Any) -> Any:
    if not compat.is_for_one_device(ctx):
        return [x]
    return mlir.lower_fun(_tied, multiple_results=False)(ctx, x, ct)


def _tied(x: Any, ct: Any) -> Any:
    """Put into x's bits those of a number of ct that are shifted out, as XLA does not see."""
    first = jax.lax.slice(ct, (0,) * ct.ndim, (1,) * ct.ndim).reshape(())
    word = jax.lax.bitcast_convert_type(first.astype(np.float32), np.uint32)
    nothing = (word >> np.uint32(31)) >> np.uint32(1)
    digits = np.dtype(f"uint{8 * x.dtype.itemsize}")
    tied = jax.lax.bitcast_convert_type(x, digits) | nothing.astype(digits)
    return jax.lax.bitcast_convert_type(tied, x.dtype)


mlir.register_lowering(_late, lambda _ctx, x, _ct: [x])
mlir.register_lowering(_late, _lowered, platform="cpu")


def late(x: Any, ct: Any) -> Any:
    """Give x, of floating-point numbers, not before there is ct.

    Args:
        x: what was kept for the backward pass.
        ct: a cotangent, of any shape.

    Returns:
        x, to the bit; its derivatives are those of the identity.

    Example:
        >>> import jax.numpy as jnp
        >>> late(jnp.array([1.0, -0.0]), jnp.float32(jnp.nan)).tolist()
        [1.0, -0.0]
    """
    return _late.bind(x, ct) if ct.size else x


def products(read: Program) -> Mapping[int, Callable[..., Any]]:
    """Find the products of a program of which a CPU would keep a copy, and build them without.

    Args:
        read: the program.

    Returns:
        {first result: function of the two operands}, of the convolutions and the products of
        matrices in half precision; of the outermost frame, since a loop stacks what it keeps as it
        is. (Products of more than two axes are not widened by every JAX release.) None on other
        devices.

    Example:
        >>> import jax, numpy as np
        >>> from relu_jax.tap import program
        >>> net = lambda x, w: jax.lax.conv(x, w, (1, 1), "SAME")
        >>> _, read = program.opened(net, (np.ones((8, 3, 5, 5)), np.ones((4, 3, 3, 3))), {})
        >>> len(products(read)) == (jax.default_backend() == "cpu")
        True
    """
    if jax.default_backend() != "cpu":
        return {}
    found = (node for node in read.graph.frame.nodes if _is_copied(node))
    return {node.outs[0]: _product(node.eqn) for node in found}


def _is_copied(node: Node) -> bool:
    if node.name not in ("conv_general_dilated", "dot_general"):
        return False
    avals = [v.aval for v in node.eqn.invars]
    if not all(jnp.issubdtype(a.dtype, np.floating) and a.size for a in avals):
        return False
    narrow = all(a.ndim == 2 and a.dtype.itemsize == _NARROW for a in avals)
    return narrow or node.name == "conv_general_dilated"


def _product(eqn: Any) -> Callable[..., Any]:
    """Build a product whose backward pass reads late what XLA would copy early."""
    # A convolution reads its weights in another order, too: of those the copy is small, and late
    # it would be waited for.
    both = eqn.primitive.name == "dot_general"

    def product(x: Any, w: Any) -> Any:
        return compat.bind(eqn, (x, w))[0]

    def forward(x: Any, w: Any) -> Any:
        return product(x, w), (x, w)  # the product itself, for the policy of a jax.checkpoint

    def backward(kept: Any, ct: Any) -> Any:
        x, w = kept
        late_w = late(w, ct) if both else w
        late_x = late(x, ct)
        (of_x,) = jax.linear_transpose(lambda x: product(x, late_w), x)(ct)
        (of_w,) = jax.linear_transpose(lambda w: product(late_x, w), w)(ct)
        return of_x, of_w

    function = jax.custom_vjp(product)
    function.defvjp(forward, backward)
    return function
