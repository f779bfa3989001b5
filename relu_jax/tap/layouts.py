"""In which form does XLA keep what a product reads?

The gradient of a convolution's weights is a convolution again, in which features and examples have
changed places. On a CPU XLA copies y into that order as soon as there is y, and reads nothing else
of it; whoever keeps y in its own order for a slope keeps it twice. A matrix product reads y as
rows, and so do its gradients; a slope of another form is not fused with them, so that it is
computed ahead and kept, or z in its place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.layout import Layout, with_layout_constraint
from jax.interpreters import ad, batching, mlir

from relu_jax.core import numerics
from relu_jax.tap import compat
from relu_jax.tap.graph import Const, Node
from relu_jax.tap.placed import Placed
from relu_jax.tap.program import Program

Order = tuple[int, ...]
ROWS, WIDE = "rows", "rows of float32"  # one axis for all but the last
Form = Order | str | None
Axes = tuple[int | None, ...]  # per axis of an array the axis of y that it is; None: of size 1
# y once more, or with other axes of size 1, as a vmap of a convolution makes them.
_SAME = (
    "copy", "copy_p", "sharding_constraint", "reshard", "layout_constraint", "broadcast_in_dim",
    "reshape", "squeeze", "expand_dims",
)  # fmt: skip
_NARROW = 2  # bytes of a number that a CPU multiplies as a float32
_PASSED = ("add", "add_any", "sub", "neg", "reduce_sum")  # their gradients read nothing of y


# Its argument, written into memory row by row. Without, XLA sees that nothing but the order differs
# and reads y instead, or computes y anew from z. Not where a program is exported, as JAX does not
# promise to read it later, nor on several devices, where XLA would gather the shards for it.
_row_major = compat.primitive("row_major")
_row_major.def_impl(lambda x: x)
_row_major.def_abstract_eval(lambda x: x)
ad.deflinear2(_row_major, lambda ct, _: (_row_major.bind(ct),))
batching.primitive_batchers[_row_major] = lambda args, axes: (_row_major.bind(*args), *axes)


def _lowered(ctx: Any, x: Any) -> Any:
    module = ctx.module_context
    alone = getattr(module.axis_context, "num_devices", None) == 1
    if module.lowering_parameters.for_export or not alone:
        return [x]
    return mlir.lower_fun(_constrained, multiple_results=False)(ctx, x)


def _constrained(x: Any) -> Any:
    return with_layout_constraint(x, Layout(tuple(range(x.ndim))))


mlir.register_lowering(_row_major, lambda _, x: [x])
mlir.register_lowering(_row_major, _lowered, platform="cpu")


def form(read: Program, one: Placed) -> Form:
    """Name the form in which XLA keeps a site's result for the product that reads it.

    Returns:
        of a convolution, the axes of y in the order of its copy; of a matrix product `ROWS`, or
        `WIDE` in half precision, of which a CPU makes a float32 (of more than two axes only some
        JAX releases do); None on other devices, and where y is kept as it is: it is read by
        something else, is a result of the program, or stands in a frame (a loop stacks it so).

    Example:
        >>> import jax, numpy as np
        >>> from relu_jax.tap import program
        >>> net = lambda x, w: jax.lax.conv(jax.nn.relu(x), w, (1, 1), "SAME")
        >>> _, read = program.opened(net, (np.ones((8, 3, 5, 5)), np.ones((4, 3, 3, 3))), {})
        >>> form(read, *read.placed) if jax.default_backend() == "cpu" else (1, 2, 3, 0)
        (1, 2, 3, 0)
    """
    if jax.default_backend() != "cpu" or one.around or one.piece.axes is not None:
        return None
    shape = read.graph.shape
    sizes = shape(one.piece.y)
    if not sizes:
        return None
    axes: dict[int, Axes] = {one.piece.y: tuple(range(len(sizes)))}
    found = set[Form]()
    for v in (names := [one.piece.y]):  # grows: what is y once more is read in its turn
        for node in read.readers.get(v, ()):
            if node.name in _PASSED:
                continue
            again = _again(axes[v], sizes, shape(node.outs[0])) if node.name in _SAME else None
            if again is None:
                found.add(_read(node, axes))
            else:
                axes[node.outs[0]] = again
                names.append(node.outs[0])
    returned = any(v in axes for v in read.graph.frame.outs if not isinstance(v, Const))
    first = found.pop() if len(found) == 1 else None
    if first is None or isinstance(first, str) or returned:
        return None if returned else first
    return (*(i for i in range(len(sizes)) if i not in first), *first)


def _again(axes: Axes, sizes: Sequence[int], shape: Sequence[int]) -> Axes | None:
    """Find which axis of y is which of an array in which axes of size 1 alone came or went."""
    long = [i for i in axes if i is not None and sizes[i] != 1]
    if [sizes[i] for i in long] != [size for size in shape if size != 1]:
        return None
    left = iter(long)
    return tuple(None if size == 1 else next(left) for size in shape)


def _read(node: Node, axes: Mapping[int, Axes]) -> Form:
    """Name the form in which a product reads y: of axes, those that are not of size 1."""
    image, kernel, *_ = (*node.operands, None, None)
    if image not in axes or kernel is None or kernel in axes:
        return None
    if node.name == "dot_general":
        return _multiplied(node.eqn)
    order = _convolved(node.eqn) if node.name == "conv_general_dilated" else None
    return order and tuple(i for j in order if (i := axes[image][j]) is not None)


def _convolved(eqn: Any) -> Order | None:
    params, shape = eqn.params, eqn.invars[0].aval.shape
    batch, features, *places = params["dimension_numbers"].lhs_spec
    apart = params["feature_group_count"] == shape[features]  # each channel on its own
    # Between, XLA splits the features into groups, and copies in another order.
    whole = params["batch_group_count"] == 1 and (apart or params["feature_group_count"] == 1)
    return (features, *places, batch) if whole else None


def _multiplied(eqn: Any) -> str | None:
    image = eqn.invars[0].aval
    last = image.ndim - 1
    # Axes that are merged may not be split over devices: of one device there are no shards.
    if last < 1 or eqn.params["dimension_numbers"] != (((last,), (0,)), ((), ())):
        return None
    if jax.device_count() > 1:
        return None
    return WIDE if image.ndim == 2 and image.dtype.itemsize == _NARROW else ROWS


def is_copied(form: Form) -> bool:
    """Say whether XLA keeps another array than y for a product, and y beside it for a slope."""
    return isinstance(form, tuple) or form == WIDE


def rows(x: Any, form: Form) -> Any:
    """Write an array as rows, where that is the form."""
    return x.reshape(-1, x.shape[-1]) if isinstance(form, str) else x


def given(y: Any, form: Form) -> Any:
    """Give the product y itself: XLA would give what y in half precision was rounded from, too."""
    return _row_major.bind(y) if isinstance(form, str) else y


def kept(y: Any, form: Form) -> Any:
    """Lay y out for keeping; a number in half precision as the float32 that a CPU multiplies."""
    if form is None:
        return y
    laid = jnp.transpose(y, form) if isinstance(form, tuple) else rows(y, form)
    return _row_major.bind(laid if form == ROWS else numerics.widened(laid))


def taken(kept: Any, form: Form) -> Any:
    """Bring what was kept of a convolution into y's own order of axes; rows stay rows."""
    return jnp.transpose(kept, np.argsort(form).tolist()) if isinstance(form, tuple) else kept
