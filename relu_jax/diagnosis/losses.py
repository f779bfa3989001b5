"""Can this loss be called, traced and differentiated? If not, why?"""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from relu_jax.core import errors
from relu_jax.tap import arguments

Loss = Callable[[Any, Any], Any]
_ABOUT_CODE = (jax.errors.JAXTypeError, jax.errors.JAXIndexError)


def check_function(loss: Any) -> None:
    """Check that a loss can be called with parameters and a batch.

    Raises:
        TypeError: it is no function, or takes another number of arguments.
    """
    try:
        inspect.signature(loss).bind(None, None)
    except TypeError as error:
        raise errors.rejected(
            rule="loss is a function of (params, batch)",
            got=errors.describe(loss) + (f": {errors.first_line(error)}" if callable(loss) else ""),
            do="wrap it: lambda params, batch: ...",
            kind=TypeError,
        ) from error
    except ValueError:
        return  # a callable that tells no signature


def check_loss(
    loss: Loss, call: arguments.Arguments, *, has_aux: bool | None, position: int = 0
) -> bool:
    """Trace the loss once: does it take this batch, does it give one number, has it aux?

    Args:
        loss: as in `diagnose`.
        call: its parameters and one batch.
        has_aux: as in `diagnose`.
        position: of the batch, for the words.

    Raises:
        DataError: the loss fails on these params and this batch.
        ValueError: it cannot be traced, or gives neither a scalar nor (scalar, aux).
    """
    try:
        out = jax.eval_shape(call.call(loss), *call.arrays)
    # A user's loss may raise anything; sys.exit(0) would pass for success.
    except (Exception, SystemExit) as error:
        if errors.is_worded(error):
            raise
        raise _failed(error, call, position) from error
    paired = isinstance(out, tuple | list) and len(out) == 2 and _is_number(out[0])
    if paired if has_aux is None else has_aux and paired:
        return True
    if _is_number(out) and not has_aux:
        return False
    raise errors.rejected(
        rule="loss returns one floating number, or (number, aux)",
        got=_worded(out),
        do="reduce it, e.g. with jnp.mean" + (", or drop has_aux" if has_aux else ""),
    )


def check_gradient(loss: Loss, call: arguments.Arguments, *, has_aux: bool) -> None:
    """Trace the gradient once: can this loss be differentiated?

    Raises:
        ValueError: it cannot, such as through a while loop.
    """
    n = sum(leaf.arg == 0 for leaf in call.leaves)

    def gradient(*arrays: Any) -> Any:
        of_own = lambda *own: call.call(loss)(*own, *arrays[n:])  # noqa: E731
        return jax.grad(of_own, argnums=tuple(range(n)), has_aux=has_aux)(*arrays[:n])

    try:
        jax.eval_shape(gradient, *call.arrays)
    except Exception as error:  # a derivative rule of the user's own may raise anything
        if errors.is_worded(error):
            raise
        raise errors.rejected(
            rule="the loss can be differentiated by its parameters",
            got=errors.told(error) + errors.place(error),
            do="look at the operation it names; lax.scan has a gradient where lax.while_loop "
            "has none",
        ) from error


def _failed(error: BaseException, call: arguments.Arguments, position: int) -> Exception:
    """Word what a loss raised: about its code, about what it returns, or about the data."""
    got = errors.told(error) + errors.place(error)
    if isinstance(error, _ABOUT_CODE):
        return errors.rejected(
            rule="JAX can trace the loss",
            got=got,
            do="replace Python's if, while and float() on arrays by jnp.where, lax.cond, lax.scan",
        )
    if type(error).__name__ == "TraceContextError":  # Flax NNX
        return errors.rejected(
            rule="the loss changes nothing but what it makes itself",
            got=got,
            do="call model.eval(), or take a copy: nnx.merge(graph, params, rest, copy=True)",
        )
    if "not a valid JAX type" in got:
        return errors.rejected(
            rule="the loss returns arrays and numbers",
            got=got,
            do="leave names and objects out of what it returns beside its value",
        )
    # One batch in the place of a list of them fails at once.
    hint = "; batches is a list of batches, not one batch" if position == 0 else ""
    return errors.loss_failed(error, position, f"compare {_shapes(call)}{hint}")


def _is_number(out: Any) -> bool:
    return getattr(out, "shape", None) == () and jnp.issubdtype(out.dtype, jnp.floating)


def _worded(out: Any) -> str:
    if isinstance(out, tuple | list):
        return f"{type(out).__name__} of {', '.join(errors.describe(part) for part in out)}"
    return errors.describe(out)


def _shapes(call: arguments.Arguments, most: int = 8) -> str:
    """Word the shapes of the batch and of the first parameters."""
    pairs = list(zip(call.leaves, call.arrays, strict=True))
    shown = [p for p in pairs if p[0].arg == 1] + [p for p in pairs if p[0].arg == 0]
    words = [f"{leaf.path} {errors.describe(array)}" for leaf, array in shown[:most]]
    return ", ".join(words) + (", …" if len(shown) > most else "")
