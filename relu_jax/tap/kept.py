"""How many bytes does each activation keep for the backward pass, plain and made lean?"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from relu_jax.tap import layouts, packed, program
from relu_jax.tap.placed import Placed
from relu_jax.tap.site_laws import OWN, Law, laws
from relu_jax.tap.slope_laws import Pieces


class Kept(NamedTuple):
    """What one site keeps for the backward pass beside its result, which the next product keeps."""

    id: str
    kind: str
    plain: int  # bytes: the argument z, which autodiff keeps at least
    lean: int  # bytes: packed bits
    how: str  # from what the slope is made, or why the site is left as it is


class Memory(tuple[Kept, ...]):
    """What every site keeps; prints as a table.

    Example:
        >>> import jax, relu_jax as rj
        >>> print(rj.memory(jax.nn.relu, jax.ShapeDtypeStruct((64, 32), "float32")))
        id      kind  plain bytes  lean bytes  slope
        site#1  relu        8,192         256  one of 2 numbers
        total               8,192         256
    """

    def __str__(self) -> str:
        sums = [f"{sum(column):,}" for column in ([k.plain for k in self], [k.lean for k in self])]
        rows = [("id", "kind", "plain bytes", "lean bytes", "slope")]
        rows += [(k.id, k.kind, f"{k.plain:,}", f"{k.lean:,}", k.how) for k in self]
        rows += [("total", "", *sums, "")]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        aligned = (
            (a.ljust(widths[0]), b.ljust(widths[1]), c.rjust(widths[2]), d.rjust(widths[3]), e)
            for a, b, c, d, e in rows
        )
        return "\n".join("  ".join(row).rstrip() for row in aligned)


def memory(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Memory:
    """Say what each activation keeps for the backward pass, plain and lean, before anything runs.

    Args:
        f: any JAX function.
        args: what f takes; `jax.ShapeDtypeStruct` may stand for an array.
        kwargs: likewise.

    Returns:
        per site the bytes kept beside its result, over all turns of its loops: "plain" of its
        argument, which autodiff keeps at least, and "lean" of the bits, and of the result where
        nothing else keeps it: where it is only added to something, or averaged. What is left as it
        is says why. Of tanh, sigmoid and exp of JAX both are 0 outside of loops: their own rules
        read the result alone. Inside a `jax.checkpoint` nothing is kept for long: counted is what
        the backward pass holds at a time, the turns of loops inside the checkpoint.

    Edges: it counts arrays, not what a compiler makes of them. For gelu or elu XLA keeps two or
    three plain ones, for the relu of `jax.nn` in a loop a mask of one byte an element. Before a
    convolution on a CPU, or a product in half precision, it keeps a copy of y in another form, so
    that the y of tanh is one more array; of these `lean` keeps y alone.

    Example:
        >>> import jax, relu_jax as rj
        >>> (kept,) = rj.memory(jax.nn.silu, jax.ShapeDtypeStruct((64, 32), "float32"))
        >>> kept.plain, kept.lean, kept.how
        (8192, 256, 'of y, on 2 pieces')
    """
    _, read = program.opened(f, args, kwargs)
    return Memory(_kept(one, how, layouts.is_kept_anyway(read, one)) for one, how in laws(read))


def _kept(one: Placed, how: Law | str, anyway: bool) -> Kept:
    site = one.site
    size = int(np.prod(site.shape, dtype=np.int64))
    plain = size * jnp.dtype(site.dtype).itemsize * one.held
    if isinstance(how, str):
        kept = 0 if how == OWN else plain
        return Kept(site.id, site.kind, kept, kept, how)
    n = len(how.fits if isinstance(how, Pieces) else how.slopes)
    last = site.shape[-1] if site.shape else 1
    rows = int(np.prod(site.shape[:-1], dtype=np.int64))
    taken = packed.bits(n) * rows * -(-last // 8) * one.held
    told = f"of y, on {n} pieces" if isinstance(how, Pieces) else f"one of {n} numbers"
    told = "of y" if taken == 0 else told
    if isinstance(how, Pieces) and not anyway:
        taken, told = taken + plain, f"{told}; nothing else keeps y"
    return Kept(site.id, site.kind, plain, taken, told)
