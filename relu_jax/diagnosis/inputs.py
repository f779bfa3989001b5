"""Are params, batches and loss what a diagnosis can work with? If not, why?"""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.core import errors
from relu_jax.core.errors import DataError
from relu_jax.tap import arguments

Loss = Callable[[Any, Any], Any]
_ABOUT_CODE = (jax.errors.JAXTypeError, jax.errors.JAXIndexError)


class Batch(NamedTuple):
    """One batch, parted into arrays and settings, and what tells its program from others."""

    tree: Any
    arrays: list[Any]
    examples: int
    signature: tuple[Any, ...]


def stream(batches: Any) -> Iterator[Batch]:
    """Hand batches out one by one, checked.

    Args:
        batches: an iterable of batches; anything else is refused in words.

    Raises:
        DataError: there is none, one has no examples, or what came is no iterable of batches.
    """
    position = -1
    for position, tree in enumerate(_read(_iterated(batches))):
        yield _batch(tree, position)
    if position < 0:
        raise errors.rejected(
            rule="a diagnosis runs on at least one batch",
            got="no batches",
            do="pass a list of batches; an iterator that was used before is empty",
            kind=DataError,
        )


def check_params(call: arguments.Arguments) -> list[str]:
    """Check that every array among the parameters is a float, and list their paths.

    Raises:
        DataError: one is not, or there is none.
    """
    own = [
        (leaf.path, array)
        for leaf, array in zip(call.leaves, call.arrays, strict=True)
        if leaf.arg == 0
    ]
    for path, array in own:
        if not jnp.issubdtype(jnp.result_type(array), jnp.floating):
            raise errors.rejected(
                rule="params hold floating numbers, which have a gradient",
                got=f"{path}, {errors.describe(array)}",
                do="keep it out of params (close over it), or convert it with .astype(float)",
                kind=DataError,
            )
    if not own:
        raise errors.rejected(
            rule="params hold at least one array of floats",
            got=errors.describe(call.filled(call.arrays)[0][0]),
            do="pass what the loss is differentiated by as its first argument",
            kind=DataError,
        )
    return [path for path, _ in own]


def check_loss(loss: Loss, call: arguments.Arguments, *, has_aux: bool | None) -> bool:
    """Trace the loss once: does it take this batch, does it give one number, has it aux?

    Raises:
        DataError: the loss fails on these params and this batch.
        ValueError: it cannot be traced, or gives neither a scalar nor (scalar, aux).
    """
    try:
        out = jax.eval_shape(call.call(loss), *call.arrays)
    except Exception as error:  # a user's loss may raise anything, and so may its framework
        if errors.is_worded(error):
            raise
        raise _failed(error, call) from error
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


def _failed(error: Exception, call: arguments.Arguments) -> Exception:
    """Word what a loss raised: about its code, about what it returns, or about the data."""
    got = f"{type(error).__name__}: {_first_line(error)}"
    if isinstance(error, _ABOUT_CODE):
        return errors.rejected(
            rule="JAX can trace the loss",
            got=got,
            do="replace Python's if, while and float() on arrays by jnp.where, lax.cond, lax.scan",
        )
    if "not a valid JAX type" in str(error):
        return errors.rejected(
            rule="the loss returns arrays and numbers",
            got=got,
            do="leave names and objects out of what it returns beside its value",
        )
    return errors.rejected(
        rule="loss(params, batch) works on every batch",
        got=got,
        do=f"compare {_shapes(call)}; batches is a list of batches, not one batch",
        kind=DataError,
    )


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
            got=f"{errors.describe(loss)}: {_first_line(error)}",
            do="wrap it: lambda params, batch: ...",
            kind=TypeError,
        ) from error
    except ValueError:
        return  # a callable that tells no signature


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
    except (TypeError, ValueError, NotImplementedError) as error:
        if errors.is_worded(error):
            raise
        raise errors.rejected(
            rule="the loss can be differentiated by its parameters",
            got=f"{type(error).__name__}: {_first_line(error)}",
            do="look at the operation it names; lax.scan has a gradient where lax.while_loop "
            "has none",
        ) from error


def _iterated(batches: Any) -> Iterable[Any]:
    lone = isinstance(batches, Mapping | str | bytes | np.ndarray | jax.Array)
    if isinstance(batches, Iterable) and not lone:
        return batches
    raise errors.rejected(
        rule="batches is an iterable of batches",
        got=errors.describe(batches),
        do="wrap a single batch in a list: [batch]",
        kind=DataError,
    )


def _read(batches: Iterable[Any]) -> Iterator[Any]:
    """Hand on what an iterable gives; word whatever it raises."""
    position, each = 0, iter(batches)
    while True:
        try:
            tree = next(each)
        except StopIteration:
            return
        except Exception as error:  # a user's reader may raise anything
            if errors.is_worded(error):
                raise
            raise errors.rejected(
                rule="batches can be read to their end",
                got=f"{type(error).__name__}: {_first_line(error)}, at batch {position}",
                do="go through the batches by themselves to see the whole traceback",
                kind=DataError,
            ) from error
        yield tree
        position += 1


def _batch(tree: Any, position: int) -> Batch:
    leaves, structure = jax.tree.flatten(tree)
    leaves = [_as_array(leaf) for leaf in leaves]
    arrays = [leaf for leaf in leaves if arguments.is_array(leaf)]
    sizes = [leaf.shape[0] for leaf in arrays if leaf.ndim]
    if not arrays or 0 in sizes:
        raise errors.rejected(
            rule="a batch holds examples",
            got=f"batch {position}, {_leaves_worded(arrays)}",
            do="leave empty batches out",
            kind=DataError,
        )
    signature = (structure, *(_word(leaf) for leaf in leaves))
    whole = jax.tree.unflatten(structure, leaves)
    return Batch(whole, arrays, _examples(arrays), signature)


def _examples(arrays: Sequence[Any]) -> int:
    """Count the examples: the leading size that most arrays have, or else the largest array.

    A random key, a table of class weights or a mask of positions has another.
    """
    votes: Counter[int] = Counter()
    for array in arrays:
        if array.ndim and not _is_key(array):
            votes[array.shape[0]] += 1
    most = max(votes.values(), default=0)
    tied = [array for array in arrays if array.ndim and votes[array.shape[0]] == most > 0]
    return max(tied, key=lambda array: array.size).shape[0] if tied else 1


def _is_key(array: Any) -> bool:
    raw = array.dtype == np.uint32 and array.shape == (2,)
    return raw or jnp.issubdtype(array.dtype, jax.dtypes.prng_key)


def _as_array(leaf: Any) -> Any:
    """Take numbers as jit does; flags and names stay settings of the program."""
    if isinstance(leaf, bool | str):
        return leaf
    if isinstance(leaf, int | float):
        return jnp.asarray(leaf)  # weakly typed, so it does not widen what it meets
    if arguments.is_array(leaf) and getattr(leaf.dtype, "kind", "") not in "OSUmM":
        return leaf
    raise errors.rejected(
        rule="a batch is made of arrays and numbers",
        got=errors.describe(leaf),
        do="convert it with numpy.asarray, or let the loss close over it",
        kind=DataError,
    )


def _word(leaf: Any) -> Any:
    if not arguments.is_array(leaf):
        return (type(leaf).__name__, leaf)
    return (leaf.shape, str(leaf.dtype), bool(getattr(leaf, "weak_type", False)))


def _is_number(out: Any) -> bool:
    return getattr(out, "shape", None) == () and jnp.issubdtype(out.dtype, jnp.floating)


def _worded(out: Any) -> str:
    if isinstance(out, tuple | list):
        return f"{type(out).__name__} of {', '.join(errors.describe(part) for part in out)}"
    return errors.describe(out)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else "no message"


def _shapes(call: arguments.Arguments, most: int = 8) -> str:
    """Word the shapes of the batch and of the first parameters."""
    pairs = list(zip(call.leaves, call.arrays, strict=True))
    shown = [p for p in pairs if p[0].arg == 1] + [p for p in pairs if p[0].arg == 0]
    words = [f"{leaf.path} {errors.describe(array)}" for leaf, array in shown[:most]]
    return ", ".join(words) + (", …" if len(shown) > most else "")


def _leaves_worded(arrays: Sequence[Any]) -> str:
    return ", ".join(errors.describe(array) for array in arrays[:4]) or "without any array"
