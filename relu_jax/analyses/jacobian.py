"""How does each output change with each input, example by example?

Functions are those of a batch, unedited: examples lead in what goes in and in what comes out, and
do not meet on the way. One cotangent for all examples at once then gives a row of every Jacobian.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Float

from relu_jax.analyses.between import once
from relu_jax.core import errors
from relu_jax.core.types import Array

Batched: TypeAlias = Callable[[Any], Any]
MAX_BYTES = 2**30


class Plan(NamedTuple):
    """What Jacobians of a function take, told before anything runs.

    Example:
        >>> import jax
        >>> x = jax.ShapeDtypeStruct((100, 784), "float32")
        >>> print(plan(lambda x: x[:, :10], x))
        100 Jacobians of 10 × 784: 3.14 MB, 31.4 kB each, by 10 backward passes
    """

    examples: int
    n_out: int
    n_in: int
    each: int  # bytes of one example's Jacobian

    @property
    def backward(self) -> bool:
        """Whether rows are fewer than columns, so that backward passes are taken."""
        return self.n_out <= self.n_in

    @property
    def total(self) -> int:
        """Bytes of all Jacobians."""
        return self.examples * self.each

    def __str__(self) -> str:
        passes = "backward" if self.backward else "forward"
        return (
            f"{self.examples} Jacobians of {self.n_out} × {self.n_in}: {_bytes(self.total)}, "
            f"{_bytes(self.each)} each, by {min(self.n_out, self.n_in)} {passes} passes"
        )


def plan(f: Any, x: Any) -> Plan:
    """Tell what the Jacobians of a function take, without running it.

    Args:
        f: a function of a batch: x, of (N, ...), to (N, ...).
        x: an array, or `jax.ShapeDtypeStruct`.

    Raises:
        ValueError: no example, or a result without the examples of x in front.
        TypeError: f is no function, or x or the result no array of real floats.

    Example:
        >>> import jax.numpy as jnp
        >>> plan(jnp.tanh, jnp.ones((2, 3))).each
        36
    """
    f = once(f)
    _check("x", jax.eval_shape(lambda x: x, x))
    given, made = f.shaped(x)
    if len(jax.tree.leaves(made)) != 1 or not hasattr(made, "shape"):
        raise errors.rejected(
            rule="f returns one array", got=errors.describe(made), do="pick one in a lambda",
            kind=TypeError,
        )  # fmt: skip
    _check("f(x)", made)
    if made.shape[0] != given.shape[0]:
        raise errors.rejected(
            rule="f keeps the examples in front",
            got=f"{made.shape} for x of {given.shape}",
            do="move that axis to the front, and do not sum over it",
        )
    n_out, n_in = math.prod(made.shape[1:]), math.prod(given.shape[1:])
    return Plan(given.shape[0], n_out, n_in, n_out * n_in * made.dtype.itemsize)


def jacobian(f: Batched, x: ArrayLike, *, max_bytes: int = MAX_BYTES) -> Float[Array, "N C D"]:
    """Take the Jacobian of every example.

    Args:
        f: a function of a batch: x, of (N, ...), to (N, ...); what follows the examples is laid
            out as one axis. Any network: `lambda x: model(params, x)`; a part of it: `between`.
        x: N examples.
        max_bytes: what all Jacobians together may take.

    Returns:
        J[n, i, j] = ∂ f(x)[n, i] / ∂ x[n, j]; jit, vmap and differentiate it.

    Raises:
        ValueError: they do not fit (the size is told, and nothing runs), or examples meet, as in
            a batch norm that is trained.
        TypeError: x or the result is no array of real floats.

    Edges: at a kink it is the slope that the program uses there.

    Example:
        >>> import jax.numpy as jnp
        >>> jacobian(jnp.square, jnp.array([[1.0, 2.0]])).tolist()
        [[[2.0, 0.0], [0.0, 4.0]]]
    """
    f = once(f)
    planned = plan(f, x)
    if planned.total > max_bytes:
        raise errors.rejected(
            rule=f"the Jacobians fit into max_bytes={max_bytes}",
            got=str(planned),
            do="pass fewer examples or a larger max_bytes; rj.analyses.singular_values takes them "
            "a few examples at a time, or with k= without any Jacobian",
        )
    refuse_empty(planned)
    refuse_meeting(f, x)
    return rows(f, planned, jnp.asarray(x))


def rows(f: Batched, planned: Plan, x: Array) -> Float[Array, "N C D"]:
    """Take all Jacobians, whatever they take.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((2, 3))
        >>> rows(jnp.tanh, plan(jnp.tanh, x), x).shape
        (2, 3, 3)
    """
    onward, start = once(f).opened(x)
    flat = start.reshape(len(x), planned.n_in)

    def flattened(flat: Array) -> Array:
        return onward(flat.reshape(-1, *start.shape[1:])).reshape(-1, planned.n_out)

    if planned.backward:
        y, pull = jax.vjp(flattened, flat)
        of_each = jax.vmap(lambda e: pull(jnp.broadcast_to(e, y.shape))[0], out_axes=1)
        return of_each(jnp.eye(planned.n_out, dtype=y.dtype))
    push = jax.linearize(flattened, flat)[1]
    of_each = jax.vmap(lambda e: push(jnp.broadcast_to(e, flat.shape)), out_axes=2)
    return of_each(jnp.eye(planned.n_in, dtype=flat.dtype))


def chunks(planned: Plan, x: Array, most: int) -> Iterator[Array]:
    """Cut the examples into runs of at most so many.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((5, 3))
        >>> [len(part) for part in chunks(plan(jnp.tanh, x), x, 2)]
        [2, 2, 1]
    """
    for start in range(0, planned.examples, most):
        yield x[start : start + most]


def refuse_empty(planned: Plan) -> None:
    """Refuse a Jacobian without rows or columns.

    Raises:
        ValueError: the input or the result of an example has no elements.

    Example:
        >>> refuse_empty(Plan(3, 0, 5, 0))
        Traceback (most recent call last):
        ValueError: a Jacobian has rows and columns; got 3 Jacobians of 0 × 5: ...
    """
    if not planned.n_in or not planned.n_out:
        raise errors.rejected(
            rule="a Jacobian has rows and columns", got=str(planned), do="leave such results out"
        )


def refuse_meeting(f: Batched, x: ArrayLike) -> None:
    """Refuse a function in which one example reaches the result of another.

    Example:
        >>> import jax.numpy as jnp
        >>> refuse_meeting(lambda x: x - x.mean(axis=0), jnp.ones((2, 3)))
        Traceback (most recent call last):
        ValueError: examples do not meet in f; ...
    """
    x = jnp.asarray(x)
    if len(x) < 2 or isinstance(x, Tracer):
        return

    f = once(f)
    where, result = f.shaped(x)
    backward = math.prod(result.shape) <= math.prod(where.shape)  # as in a plan
    handed = result if backward else where

    @jax.jit
    def moved(x: Any, t: Any) -> Any:
        onward, start = f.opened(x)
        if backward:  # the way that the rows are taken: a rule of the user's may know no other
            return jax.vjp(onward, start)[1](t)[0]
        return jax.jvp(onward, (start,), (t,))[1]

    # Every example is moved once while it is among others that stay, at random: a sum that is taken
    # away, of features or of examples, does not hide it.
    rng = np.random.default_rng(0)
    some = rng.permutation(len(x)) < len(x) // 2
    for chosen in (some, ~some):
        some_move = rng.standard_normal(handed.shape) * chosen.reshape(-1, *[1] * (handed.ndim - 1))
        found = moved(x, jnp.asarray(some_move, handed.dtype))
        met = (found != 0) & ~jnp.isnan(found)  # 0 times an infinite slope is NaN
        if bool(jnp.any(met[~chosen])):
            raise errors.rejected(
                rule="examples do not meet in f",
                got="a result that changes with another example's input",
                do="evaluate what depends on the batch (batch norm) with its running statistics",
            )


def _check(name: str, array: Any) -> None:
    if not jnp.issubdtype(getattr(array, "dtype", bool), jnp.floating):
        raise errors.rejected(
            rule=f"{name} is an array of real floats", got=errors.describe(array),
            do="convert it", kind=TypeError,
        )  # fmt: skip
    if len(array.shape) < 1 or array.shape[0] == 0:
        raise errors.rejected(
            rule=f"{name} has a leading axis of examples, one or more",
            got=errors.describe(array),
            do="pass x[None] for a single one",
        )


def _bytes(n: int) -> str:
    size = float(n)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
