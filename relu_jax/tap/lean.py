"""How does an activation keep, for the backward pass, nothing but its result and a few bits?

Autodiff keeps the argument z of an activation for its derivative, while the next product keeps the
result y. But f′(z) follows from y and from the piece of f on which z lies. The number of the piece
is packed into bits: an array of flags XLA would compute again from z, and so keep z after all.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.core import errors, numerics
from relu_jax.tap import change, eyes, layouts, program, shards
from relu_jax.tap.placed import Placed
from relu_jax.tap.program import Program
from relu_jax.tap.site_laws import DIFFERENTIATED, OWN, Law, laws
from relu_jax.tap.slope_fits import evaluate
from relu_jax.tap.slope_laws import Pieces, Steps
from relu_jax.tap.slope_levels import Levels

_BITS = (1, 2, 3, 4)


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


def lean(f: Callable[..., Any], *, bits: int | None = None) -> Callable[..., Any]:
    """Build the function whose activations keep next to nothing for the backward pass.

    Args:
        f: any JAX function; it is not edited.
        bits: from 1 to 4: keep for every smooth activation not its result but so many bits an
            element, which tell one of 2^bits numbers for the slope (Novikov et al. 2023). The
            gradient is an estimate then: with 3 bits the slope of gelu is off by up to 0.13.

    Returns:
        a plain JAX function of f's arguments, with the values of f. Under `jax.grad` it keeps, per
        activation, the result and at most three bits an element. `memory` tells what becomes of
        each site.

    Edges: the gradient of a piecewise linear activation is f's own to the bit. The slope of a
    smooth one is off by about 1e-6 of its largest value in float32, 1e-12 in float64, and up to
    1e-3 in half precision, where f itself is rounded as much; at an extremum of f, where y hardly
    tells z, by up to 4e-4 (0.04 in float16, 0.11 in bfloat16), and where f overflows it is lost.
    What cannot be had so stays as it is: a function with parameters that are arrays, or of more
    than four monotone pieces, or whose slope is no short sum over y (12 of the catalogue's 93
    functions are left for one of these two reasons; `memory` names them), or whose own rule reads
    the result alone, as of `jnp.tanh`, or a site inside a derivative rule of yours. Forward mode
    (`jax.jvp`) is refused by JAX, as for every `jax.custom_vjp`, and a second derivative here, but
    of what is piecewise linear or whose slope is a formula of y (tanh, sigmoid, elu, softplus, …;
    not with `bits`). With `bits`, what needs no more of them to be exact still is, and what so few
    numbers do not tell stays as it is: where they leave more than half of the variance of the slope
    on [-4, 4] or on [-100, 100], such as that of tanh with 1 bit. On a CPU the result is kept in
    the form in which XLA keeps it for the product that reads it (layouts.py), where lean sees that
    product: make the whole loss lean, not a layer that a loop of yours calls, and compile the
    gradient as a whole. A product on the left, grouped convolutions but depthwise ones, and a vmap
    around what is lean are kept in both forms.

    Raises:
        ValueError: `bits` is no whole number from 1 to 4; or, when it runs, an f that takes a
            derivative itself, as for `swap`, or a second derivative.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> loss = lambda w: jnp.sum(jax.nn.relu(w @ w) ** 2)
        >>> w = jnp.array([[1.0, -2.0], [0.5, 1.0]])
        >>> bool((jax.grad(rj.lean(loss))(w) == jax.grad(loss)(w)).all())
        True
    """
    whole = isinstance(bits, int | np.integer) and not isinstance(bits, bool)
    if bits is not None and not (whole and bits in _BITS):
        raise errors.rejected(
            rule="lean keeps from 1 to 4 bits an element",
            got=f"bits={bits!r}",
            do="pass 1, 2, 3 or 4, or leave bits out for the slopes as they are",
        )

    def planned(read: Program) -> change.Changes:
        found = laws(read, bits)
        for one, how in found:
            if how == DIFFERENTIATED:
                raise change.too_late(one.site, "jax.grad(rj.lean(loss))")
        chosen = ((one, how) for one, how in found if not isinstance(how, str))
        return [(one, _change(one, how, layouts.form(read, one))) for one, how in chosen]

    return change.rebuilt(f, planned)


def memory(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Memory:
    """Say what each activation keeps for the backward pass, plain and lean, before anything runs.

    Args:
        f: any JAX function.
        args: what f takes; `jax.ShapeDtypeStruct` may stand for an array.
        kwargs: likewise.

    Returns:
        per site the bytes kept beside its result, over all turns of its loops: "plain" of its
        argument, which autodiff keeps at least, and "lean" of the bits. What is left as it is says
        why. Of tanh, sigmoid and exp of JAX both are 0 outside of loops: their own rules read the
        result alone. Inside a `jax.checkpoint` nothing is kept for long: counted is what the
        backward pass holds at a time, the turns of loops inside the checkpoint.

    Edges: it counts arrays, not what a compiler makes of them. For gelu or elu XLA keeps two or
    three plain ones, for the relu of `jax.nn` in a loop a mask of one byte an element. Before a
    convolution on a CPU, or a product in half precision, it keeps a copy of y in another form, so
    that the y of tanh is one more array, which `lean` saves.

    Example:
        >>> import jax, relu_jax as rj
        >>> (kept,) = rj.memory(jax.nn.silu, jax.ShapeDtypeStruct((64, 32), "float32"))
        >>> kept.plain, kept.lean, kept.how
        (8192, 256, 'of y, on 2 pieces')
    """
    _, read = program.opened(f, args, kwargs)
    return Memory(_kept(one, how) for one, how in laws(read))


def _kept(one: Placed, how: Law | str) -> Kept:
    site = one.site
    size = int(np.prod(site.shape, dtype=np.int64))
    plain = size * jnp.dtype(site.dtype).itemsize * one.held
    if isinstance(how, str):
        kept = 0 if how == OWN else plain
        return Kept(site.id, site.kind, kept, kept, how)
    n = len(how.fits if isinstance(how, Pieces) else how.slopes)
    last = site.shape[-1] if site.shape else 1
    rows = int(np.prod(site.shape[:-1], dtype=np.int64))
    packed = _bits(n) * rows * -(-last // 8) * one.held
    told = f"of y, on {n} pieces" if isinstance(how, Pieces) else f"one of {n} numbers"
    return Kept(site.id, site.kind, plain, packed, "of y" if packed == 0 else told)


def _bits(n: int) -> int:
    return (n - 1).bit_length()


def _change(one: Placed, how: Law, form: layouts.Form) -> eyes.Change:
    # Bound to nothing: there are no parameters.
    act = _leaned(one.piece.bound({}), how, jnp.dtype(one.site.dtype), form)

    def changed(_site: Any, _act: Any, pre: Any, post: Any) -> Any:
        return act(pre) if pre.size else post

    return changed


def _leaned(
    act: Callable[[Any], Any], how: Law, dtype: Any, form: layouts.Form
) -> Callable[[Any], Any]:
    """Build act, of arrays of a dtype, with a backward pass of the slope's law.

    What is kept of the result is laid out in the form that is given.
    """

    @jax.custom_vjp
    def function(z: Any) -> Any:
        return act(z)

    def forward(z: Any) -> Any:
        if isinstance(how, Steps):
            y, pull = jax.vjp(act, z)
            (slope,) = pull(jnp.ones_like(y))
            return y, (None, _packed(_nearest(slope, how.slopes), len(how.slopes)))
        y = act(z)
        if isinstance(how, Levels):
            beyond = [_once(z) > jnp.asarray(cut, z.dtype) for cut in how.cuts]
            return y, (None, _packed(beyond, len(how.slopes)))
        y = layouts.given(y, form)
        kept = layouts.kept(y if _is_closed(how) else _once(y), form)
        return y, (kept, _packed(_piece(z, how), len(how.fits)))

    def backward(kept: Any, ct: Any) -> Any:
        y, planes = kept
        shape, ct = ct.shape, layouts.rows(ct, form)
        number = _unpacked(planes, ct)
        if not isinstance(how, Pieces):
            ct = _chosen(number, [_times(ct, s) for s in how.slopes])
            return (ct.astype(dtype).reshape(shape),)
        wide = _widened(layouts.taken(y, form))
        slope = _chosen(number, [evaluate(jnp, fit, wide) for fit in how.fits])
        slope = jnp.where(jnp.isnan(wide), wide, slope)
        return ((ct.astype(wide.dtype) * slope).astype(dtype).reshape(shape),)

    function.defvjp(forward, backward)
    return function


def _is_closed(how: Pieces) -> bool:
    """Say whether the law is the slope's own formula, which can be differentiated in turn."""
    own = ("y", "between", "exp")
    return all(fit.variable in own and len(fit.coefficients) <= 3 for fit in how.fits)


@jax.custom_jvp
def _once(x: Any) -> Any:
    """Pass on what a slope is made of whose own derivative is not the second one of f."""
    return x


@_once.defjvp
def _refused(_primals: Any, _tangents: Any) -> Any:
    raise errors.rejected(
        rule="an activation whose slope is fitted, or told by bits, is differentiated once",
        got="a second derivative (jax.hessian, or a derivative of jax.grad)",
        do="differentiate the function that was made lean",
    )


def _widened(y: Any) -> Any:
    """Give y the precision of float32 at least.

    A bfloat16 by its bits: XLA's products on a CPU are of float32, so it would merge a conversion
    with theirs, and keep the wide copy for the backward pass.
    """
    if y.dtype != jnp.bfloat16 or jax.default_backend() != "cpu":
        return numerics.widened(y)
    bits = jax.lax.bitcast_convert_type(y, np.uint16).astype(np.uint32)
    return jax.lax.bitcast_convert_type(bits << np.uint32(16), np.float32)


def _nearest(slope: Any, slopes: Sequence[float]) -> Any:
    """Number the slopes from 0, smallest first."""
    between = [(low + high) / 2 for low, high in itertools.pairwise(slopes)]
    return [slope > jnp.asarray(edge, slope.dtype) for edge in between]


def _piece(z: Any, how: Pieces) -> list[Any]:
    pairs = zip(how.edges, how.left, strict=True)
    edges = ((jnp.asarray(edge, z.dtype), left) for edge, left in pairs)
    return [z > edge if left else z >= edge for edge, left in edges]


def _packed(beyond: Sequence[Any], n: int) -> list[Any]:
    """Pack how many edges lie below, eight elements to a byte and one array per binary digit."""
    if n < 2:
        return []
    number = sum(flag.astype(jnp.uint8) for flag in beyond)
    rows = jnp.atleast_1d(number)
    return [jnp.packbits((rows >> i) & 1, axis=-1) for i in range(_bits(n))]


def _unpacked(planes: Sequence[Any], like: Any) -> Any:
    if not planes:
        return None
    last = like.shape[-1] if like.shape else 1
    digits = [jnp.unpackbits(plane, axis=-1, count=last) for plane in planes]
    number = digits[0]
    for i, digit in enumerate(digits[1:], start=1):
        number = number + (digit << i)
    return shards.split_like(number.reshape(like.shape), like)


def _chosen(number: Any, ways: Sequence[Any]) -> Any:
    result = ways[0]
    for i, way in enumerate(ways[1:], start=1):
        result = jnp.where(number == i, way, result)
    return result


def _times(ct: Any, slope: float) -> Any:
    """Multiply as a choice does: 0 gives 0, whatever comes back, and 1 changes nothing."""
    if slope == 0:
        return jnp.zeros_like(ct)
    return ct if slope == 1 else ct * jnp.asarray(slope, ct.dtype)
