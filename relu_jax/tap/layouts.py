"""Which products read a result as rows, and how is it kept so?

A matrix product reads y as rows, and so do its gradients; a slope of another form is not fused with
them, so that XLA computes it ahead and keeps it, or z in its place.
"""

from collections.abc import Sequence
from typing import Any

import jax
from jax.experimental.layout import Layout, with_layout_constraint
from jax.interpreters import ad, batching, mlir

from relu_jax.tap import compat
from relu_jax.tap.graph import Const, Node
from relu_jax.tap.placed import Placed
from relu_jax.tap.program import Program

# y once more, or with other axes of size 1.
_SAME = (
    "copy", "copy_p", "sharding_constraint", "reshard", "layout_constraint", "broadcast_in_dim",
    "reshape", "squeeze", "expand_dims",
)  # fmt: skip
# Their gradients read nothing of y.
_PASSED = ("add", "add_any", "sub", "neg", "reduce_sum", "reduce_window_sum")


# Its argument, written into memory row by row. Without, XLA sees that nothing but the order differs
# and reads y instead, or computes y anew from z. Not where a program is exported, as JAX does not
# promise to read it later, nor on several devices, where XLA would gather the shards for it.
_row_major = compat.primitive("row_major")
_row_major.def_impl(lambda x: x)
_row_major.def_abstract_eval(lambda x: x)
ad.deflinear2(_row_major, lambda ct, _: (_row_major.bind(ct),))
batching.primitive_batchers[_row_major] = lambda args, axes: (_row_major.bind(*args), *axes)


def _lowered(ctx: Any, x: Any) -> Any:
    if not compat.is_for_one_device(ctx):
        return [x]
    return mlir.lower_fun(_constrained, multiple_results=False)(ctx, x)


def _constrained(x: Any) -> Any:
    return with_layout_constraint(x, Layout(tuple(range(x.ndim))))


mlir.register_lowering(_row_major, lambda _, x: [x])
mlir.register_lowering(_row_major, _lowered, platform="cpu")


def in_rows(read: Program, one: Placed) -> bool:
    """Say whether a site's result is kept as rows: a matrix product, and nothing else, reads it.

    False on other devices than CPUs, and where y is a result of the program, or stands in a frame
    (a loop stacks it so).

    Example:
        >>> import jax, numpy as np
        >>> from relu_jax.tap import program
        >>> net = lambda x, w: jax.nn.relu(x) @ w
        >>> _, read = program.opened(net, (np.ones((8, 3)), np.ones((3, 4))), {})
        >>> in_rows(read, *read.placed) == (jax.default_backend() == "cpu")
        True
    """
    # Axes that are merged may not be split over devices: of one device there are no shards.
    if jax.default_backend() != "cpu" or jax.device_count() > 1:
        return False
    if one.around or one.piece.axes is not None or not read.graph.shape(one.piece.y):
        return False
    names, nodes = read_by(read, one.piece.y)
    returned = (v in names for v in read.graph.frame.outs if not isinstance(v, Const))
    nodes = [node for node in nodes if node.name not in _PASSED]
    return bool(nodes) and all(_is_of_rows(node, names) for node in nodes) and not any(returned)


def is_kept_anyway(read: Program, one: Placed) -> bool:
    """Say whether something else keeps a site's result for a gradient of its own.

    A product does, or whatever multiplies it; a sum and an average do not. True too in a loop,
    whose frame is not looked into, and of a result of the program.

    Example:
        >>> import jax, numpy as np
        >>> from relu_jax.tap import program
        >>> def asked(f):
        ...     _, read = program.opened(f, (np.ones((3, 3)),), {})
        ...     return is_kept_anyway(read, *read.placed)
        >>> asked(lambda w: jax.nn.silu(w) @ w), asked(lambda w: jax.nn.silu(w @ w).sum())
        (True, False)
    """
    if one.around or one.piece.axes is not None:
        return True
    names, nodes = read_by(read, one.piece.y)
    results = {v for v in read.graph.frame.outs if not isinstance(v, Const)}
    return bool(results & set(names)) or any(node.name not in _PASSED for node in nodes)


def read_by(read: Program, y: int) -> tuple[list[int], list[Node]]:
    """List what is a variable once more, itself first, and the nodes that read any of these."""
    shape = read.graph.shape
    nodes = []
    for v in (names := [y]):  # grows
        for node in read.readers.get(v, ()):
            if node.name in _SAME and _long(shape(v)) == _long(shape(node.outs[0])):
                names.append(node.outs[0])
            else:
                nodes.append(node)
    return names, nodes


def _long(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]


def _is_of_rows(node: Node, names: Sequence[int]) -> bool:
    image, kernel, *_ = (*node.operands, None, None)
    if node.name != "dot_general" or image not in names or kernel is None or kernel in names:
        return False
    last = node.eqn.invars[0].aval.ndim - 1
    return last >= 1 and node.eqn.params["dimension_numbers"] == (((last,), (0,)), ((), ()))


def as_rows(x: Any) -> Any:
    """Write an array as rows: one axis for all but the last."""
    return x.reshape(-1, x.shape[-1])


def written(x: Any) -> Any:
    """Give x, which XLA then writes down once for all that read it, and does not compute anew."""
    return _row_major.bind(x)
