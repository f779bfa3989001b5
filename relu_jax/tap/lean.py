"""How does an activation keep, for the backward pass, nothing but its result and a few bits?

Autodiff keeps the argument z of an activation for its derivative, while the next product keeps the
result y. But f′(z) follows from y and from the piece of f on which z lies. The number of the piece
is packed into bits: an array of flags XLA would compute again from z, and so keep z after all.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.core import errors, numerics
from relu_jax.tap import change, eyes, late, layouts, packed
from relu_jax.tap.placed import Placed
from relu_jax.tap.program import Program
from relu_jax.tap.site_laws import DIFFERENTIATED, OWN, Law, laws
from relu_jax.tap.slope_fits import evaluate
from relu_jax.tap.slope_laws import Pieces, Steps
from relu_jax.tap.slope_levels import Levels

_BITS = (1, 2, 3, 4)


def lean(f: Callable[..., Any], *, bits: int | None = None) -> Callable[..., Any]:
    """Build the function whose activations keep next to nothing for the backward pass.

    Args:
        f: any JAX function; it is not edited.
        bits: from 1 to 4: keep for every smooth activation not its result but so many bits an
            element, which tell one of 2^bits numbers for the slope (Novikov et al. 2023). The
            gradient is an estimate then: with 3 bits the slope of gelu is off by up to 0.13.

    Returns:
        a plain JAX function of f's arguments, with the values of f. Under `jax.grad` it keeps, per
        activation, the result and at most three bits an element: a gain where something else keeps
        the result anyway, as a product does. `memory` tells what becomes of each site.

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
    on [-4, 4] or on [-100, 100], such as that of tanh with 1 bit. On a CPU XLA copies what a
    convolution, or a product of matrices in half precision, reads into another form ahead, and
    keeps the copy; here the result is kept alone, and copied in the backward pass (late.py).
    Before other products it is kept as rows (layouts.py). Make the whole loss lean, not a layer
    that a loop of yours calls, and compile the gradient as a whole. On several devices, and in an
    exported program, XLA's copies stay. State that f changes in a module is changed in a copy, as
    by every verb of the tap: return it beside the loss.

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

    def planned(read: Program) -> eyes.Plan:
        found = laws(read, bits)
        for one, how in found:
            if how == DIFFERENTIATED:
                raise change.too_late(one.site, "jax.grad(rj.lean(loss))")
        products = late.products(read) if any(_is_kept(how) for _, how in found) else {}

        def form(one: Placed) -> str | None:
            _, nodes = layouts.read_by(read, one.piece.y)
            if any(node.outs[0] in products for node in nodes):
                return "late"
            return "rows" if layouts.in_rows(read, one) else None

        chosen = ((one, how) for one, how in found if not isinstance(how, str))
        return eyes.Plan([(one, _change(one, how, form(one))) for one, how in chosen], products)

    return change.rebuilt(f, planned)


def _change(one: Placed, how: Law, form: str | None) -> eyes.Change:
    # Bound to nothing: there are no parameters.
    act = _leaned(one.piece.bound({}), how, jnp.dtype(one.site.dtype), form)

    def changed(_site: Any, _act: Any, pre: Any, post: Any) -> Any:
        return act(pre) if pre.size else post

    return changed


def _leaned(
    act: Callable[[Any], Any], how: Law, dtype: Any, form: str | None
) -> Callable[[Any], Any]:
    """Build act, of arrays of a dtype, with a backward pass of the slope's law."""

    @jax.custom_vjp
    def function(z: Any) -> Any:
        return act(z)

    def forward(z: Any) -> Any:
        if isinstance(how, Steps):
            y, pull = jax.vjp(act, z)
            (slope,) = pull(jnp.ones_like(y))
            return y, (None, packed.pack(_nearest(slope, how.slopes), len(how.slopes)))
        y = act(z)
        if isinstance(how, Levels):
            beyond = [_once(z) > jnp.asarray(cut, z.dtype) for cut in how.cuts]
            return y, (None, packed.pack(beyond, len(how.slopes)))
        # Given to the product too: XLA would give that what y was rounded from.
        kept = y = layouts.written(y) if form else y
        kept = kept if _is_closed(how) else _once(kept)
        kept = layouts.written(layouts.as_rows(kept)) if form == "rows" else kept
        return y, (kept, packed.pack(_piece(z, how), len(how.fits)))

    def backward(kept: Any, ct: Any) -> Any:
        y, planes = kept
        shape, ct = ct.shape, layouts.as_rows(ct) if form == "rows" else ct
        number = packed.unpack(planes, ct)
        if not isinstance(how, Pieces):
            ct = _chosen(number, [_times(ct, s) for s in how.slopes])
            return (ct.astype(dtype).reshape(shape),)
        # XLA may compute the slope ahead, and keep it too.
        wide = _widened(late.late(y, ct) if form == "late" else y)
        slope = _chosen(number, [evaluate(jnp, fit, wide) for fit in how.fits])
        slope = jnp.where(jnp.isnan(wide), wide, slope)
        return ((ct.astype(wide.dtype) * slope).astype(dtype).reshape(shape),)

    function.defvjp(forward, backward)
    return function


def _is_kept(how: Law | str) -> bool:
    """Say whether a site keeps for the backward pass nothing but its result, or its bits."""
    return how == OWN or not isinstance(how, str)


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
    at_once = y.dtype != jnp.bfloat16 or jax.default_backend() != "cpu"
    return numerics.widened(y) if at_once else _widened_by_bits(y)


@jax.custom_jvp
def _widened_by_bits(y: Any) -> Any:
    bits = jax.lax.bitcast_convert_type(y, np.uint16).astype(np.uint32)
    return jax.lax.bitcast_convert_type(bits << np.uint32(16), np.float32)


@_widened_by_bits.defjvp
def _widened_tangent(primals: Any, tangents: Any) -> Any:
    return _widened_by_bits(*primals), tangents[0].astype(np.float32)


def _nearest(slope: Any, slopes: Sequence[float]) -> Any:
    """Number the slopes from 0, smallest first."""
    between = [(low + high) / 2 for low, high in itertools.pairwise(slopes)]
    return [slope > jnp.asarray(edge, slope.dtype) for edge in between]


def _piece(z: Any, how: Pieces) -> list[Any]:
    pairs = zip(how.edges, how.left, strict=True)
    edges = ((jnp.asarray(edge, z.dtype), left) for edge, left in pairs)
    return [z > edge if left else z >= edge for edge, left in edges]


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
