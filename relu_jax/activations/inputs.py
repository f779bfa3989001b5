"""What may the x of an activation be, and in which precision is the function computed?"""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from relu_jax.core import errors
from relu_jax.core.numerics import is_half, narrowed, wide_dtype, widened

P = ParamSpec("P")
Formula = Callable[Concatenate[jax.Array, P], jax.Array]
Function = Callable[Concatenate[ArrayLike, P], jax.Array]


def as_float(x: ArrayLike) -> jax.Array:
    """Turn `x` into a float array: floats keep their dtype, integers and bools become float32.

    jax.nn keeps int32 for relu and hard_tanh, promotes for most others and refuses sigmoid
    and silu; here every activation does the same.

    Raises:
        TypeError: `x` is no array, or complex, where an order, and so a kink, has no meaning.

    Example:
        >>> as_float(3).dtype
        dtype('float32')
    """
    refuse_no_array(x)
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.floating):
        return x
    if jnp.issubdtype(x.dtype, jnp.integer) or x.dtype == jnp.bool_:
        return x.astype(jnp.float32)
    if not jnp.issubdtype(x.dtype, jnp.complexfloating):
        raise _no_array(x)
    raise errors.rejected(
        rule="an activation takes real numbers",
        got=errors.describe(x),
        do="apply it to both parts, as complex_relu does, or to the modulus, as mod_relu does",
        kind=TypeError,
    )


def refuse_no_array(x: Any) -> None:
    """Refuse what is no number and no array of numbers: None, text, a mapping."""
    words = isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "OSUMm"
    if x is None or words or isinstance(x, (str, bytes, Mapping)):
        raise _no_array(x)


def _no_array(x: Any) -> Exception:
    return errors.rejected(
        rule="an activation takes an array of real numbers",
        got=errors.describe(x),
        do="pass an array or a number",
        kind=TypeError,
    )


def elementwise(formula: Formula[P]) -> Function[P]:
    """Make a function of the catalogue of a formula, which is given float32 or float64.

    Half precision is computed in float32 and rounded once, and so are its derivatives; jax.nn
    rounds after every operation. Integers and bools become float32. The result has the dtype of
    a float `x`, whatever that of the parameters. It is compiled.

    Example:
        >>> @elementwise
        ... def doubled(x):
        ...     return 2 * x
        >>> doubled(jnp.bfloat16(1.5)).dtype, doubled(True).tolist()
        (dtype(bfloat16), 2.0)
    """
    return in_half_by(formula)(formula)


def in_half_by(half: Callable[..., jax.Array]) -> Callable[[Formula[P]], Function[P]]:
    """Do as `elementwise`, with another formula in float32 for what is rounded to half precision.

    Example:
        >>> @in_half_by(lambda x: 2.0001 * x)
        ... def doubled(x):
        ...     return 2 * x
        >>> float(doubled(jnp.float16(1.5))), float(doubled(jnp.float32(1.5)))
        (3.0, 3.0)
    """

    def decorate(formula: Formula[P]) -> Function[P]:
        computed = cast(Callable[..., jax.Array], formula)

        @jax.jit
        @wraps(formula)
        def function(x: ArrayLike, **params: Any) -> jax.Array:
            x = as_float(x)
            wide = {name: _in_dtype(value, wide_dtype(x.dtype)) for name, value in params.items()}
            if is_half(x.dtype):
                return rounded_once(half, x, wide)
            return computed(x, **wide)

        return cast(Function[P], function)

    return decorate


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def rounded_once(
    formula: Callable[..., jax.Array], x: jax.Array, params: dict[str, Any]
) -> jax.Array:
    """Compute in float32 and round; what differentiation keeps for later is half precision as well.

    Args:
        formula: ``formula(x, **params)``, elementwise, in float32.
        x: in half precision.
        params: in float32.

    Example:
        >>> rounded_once(lambda x, scale: scale * x, jnp.float16(2.0), {"scale": 1.5}).dtype
        dtype('float16')
    """
    return narrowed(formula(widened(x), **params), x.dtype)


def _rounded_once_rule(
    formula: Callable[..., jax.Array], primals: tuple[Any, Any], tangents: tuple[Any, Any]
) -> tuple[jax.Array, jax.Array]:
    (x, params), (t, moves) = primals, tangents
    wide = widened(x)
    if isinstance(t, SymbolicZero):
        y, total = formula(wide, **params), jnp.zeros_like(x)
    else:
        y, slope = jax.jvp(lambda x: formula(x, **params), (wide,), (jnp.ones_like(wide),))
        total = narrowed(slope, x.dtype) * t
    moved = {name: t for name, t in moves.items() if not isinstance(t, SymbolicZero)}
    if moved:
        # Computed again backward, from x and the parameters: its factors are float32.
        again = jax.checkpoint(lambda p: formula(widened(x), **params | p), prevent_cse=False)
        at = {name: params[name] for name in moved}
        total = total + jax.jvp(again, (at,), (moved,))[1].astype(x.dtype)
    return narrowed(y, x.dtype), total


rounded_once.defjvp(_rounded_once_rule, symbolic_zeros=True)


def _in_dtype(value: Any, dtype: np.dtype) -> Any:
    value = jnp.asarray(value)  # under jax.disable_jit it may be a float of Python
    return value.astype(dtype) if jnp.issubdtype(value.dtype, jnp.floating) else value
