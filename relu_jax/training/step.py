"""What does one update carry to the next, and what does it report?"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Float, Int

from relu_jax.core import errors, numerics
from relu_jax.core.types import Array, Key, PyTree

Loss: TypeAlias = Callable[..., Any]
Step: TypeAlias = Callable[["State", Any], tuple["State", "Info"]]


class State(NamedTuple):
    """Carry what the next update needs: nothing else decides it but the batch."""

    params: PyTree
    opt_state: PyTree
    step: Int[Array, ""]  # updates made so far
    key: Key | None = None  # root of the noise, the same at every step; None: no noise


class Info(NamedTuple):
    """Report one update, or a run of them with T in front of each shape."""

    loss: Float[Array, "*T"]  # of the batch, before the update
    grad_norm: Float[Array, "*T"]  # Euclidean, over all parameters
    update_norm: Float[Array, "*T"]  # of what the optimiser adds to the parameters
    step: Int[Array, "*T"]  # updates made before this one
    aux: PyTree = ()  # what the loss returned beside its value


def start(
    params: PyTree, optimizer: optax.GradientTransformation, *, key: Key | None = None
) -> State:
    """Build the state before the first update.

    Args:
        params: float arrays, nested as you like; they are copied where a conversion is due.
        optimizer: any optax transformation.
        key: makes the loss stochastic: it is called with a third argument, a key that is a
            pure function of this one and the step.

    Raises:
        TypeError: a parameter is not a float array.
        ValueError: there is no parameter.

    Example:
        >>> state = start({"w": jnp.ones(3)}, optax.sgd(0.1))
        >>> int(state.step)
        0
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    if not leaves:
        raise errors.rejected(
            rule="training needs at least one parameter", got="none", do="pass a tree of arrays"
        )
    for path, leaf in leaves:
        if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            raise errors.rejected(
                rule="every parameter is a float array",
                got=f"{errors.describe(leaf)} at params{jax.tree_util.keystr(path)}",
                do="keep counters and flags outside params",
                kind=TypeError,
            )
    # A strong dtype from the start: a weak one would compile the step twice.
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf)), params)
    return State(params, optimizer.init(params), jnp.zeros((), jnp.int32), key)


def build_step(
    loss: Loss, optimizer: optax.GradientTransformation, *, has_aux: bool = False
) -> Step:
    """Build the update: step(state, batch) -> (state, info), a pure function; jit is the caller's.

    Args:
        loss: loss(params, batch), or loss(params, batch, key) where the state has a key, gives
            a scalar, or (scalar, aux) with `has_aux`.
        optimizer: any optax transformation.
        has_aux: whether the loss returns a pair.

    Raises:
        ValueError: the loss is no scalar (when the step is traced).
        TypeError: the loss is no float, or no pair under `has_aux` (likewise).

    Edges: a non-finite loss is reported, not hidden; the parameters take what follows from it.

    Example:
        >>> step = build_step(lambda w, x: jnp.sum((w - x) ** 2), optax.sgd(0.5))
        >>> state, info = step(start(jnp.zeros(2), optax.sgd(0.5)), jnp.ones(2))
        >>> state.params.tolist(), float(info.loss)
        ([1.0, 1.0], 2.0)
    """

    def checked(params: PyTree, batch: Any, *noise: Key) -> tuple[Array, PyTree]:
        out = loss(params, batch, *noise)
        value, aux = _pair(out) if has_aux else (out, ())
        return _scalar(value), aux

    def step(state: State, batch: Any) -> tuple[State, Info]:
        noise = () if state.key is None else (jax.random.fold_in(state.key, state.step),)
        (value, aux), grads = jax.value_and_grad(checked, has_aux=True)(state.params, batch, *noise)
        # Optax mixes floats and counters: strict promotion is for the caller's own code.
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
        info = Info(value, norm(grads), norm(updates), state.step, aux)
        return State(params, opt_state, state.step + 1, state.key), info

    return step


def check_optimizer(optimizer: Any) -> None:
    """Check that an optimiser is an optax transformation.

    Raises:
        TypeError: it is none, such as its name, or a function that builds one.

    Example:
        >>> check_optimizer(optax.adam(1e-3))
    """
    if not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
        raise errors.rejected(
            rule="optimizer is an optax transformation",
            got=errors.describe(optimizer),
            do="pass e.g. optax.adam(1e-3)",
            kind=TypeError,
        )


def norm(tree: PyTree) -> Float[Array, ""]:
    """Take the Euclidean norm over all leaves, in float32 or better.

    Edges: neither overflows nor vanishes while the result is a number of its type. An empty
    tree has norm 0. Any NaN gives NaN, any inf gives inf.

    Example:
        >>> float(norm({"a": jnp.array([3.0]), "b": jnp.array([4.0])}))
        5.0
    """
    leaves = [leaf for leaf in jax.tree.leaves(tree) if leaf.size]
    if not leaves:
        return jnp.zeros((), jnp.float32)
    wide = jnp.float64 if any(leaf.dtype == jnp.float64 for leaf in leaves) else jnp.float32
    parts = [numerics.rms(leaf.astype(wide)) * leaf.size**0.5 for leaf in leaves]
    return numerics.rms(jnp.stack(parts)) * len(parts) ** 0.5


def _pair(out: Any) -> tuple[Any, Any]:
    if isinstance(out, tuple) and len(out) == 2:
        return out
    raise errors.rejected(
        rule="with has_aux the loss returns (scalar, aux)",
        got=errors.describe(out),
        do="return a pair, or leave has_aux out",
        kind=TypeError,
    )


def _scalar(value: Any) -> Array:
    if isinstance(value, tuple | list | dict):
        raise errors.rejected(
            rule="the loss returns a scalar",
            got=errors.describe(value),
            do="pass has_aux=True where it returns (scalar, aux)",
            kind=TypeError,
        )
    if jnp.shape(value) != ():
        raise errors.rejected(
            rule="the loss returns a scalar",
            got=errors.describe(value),
            do="reduce it, e.g. with jnp.mean",
        )
    if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise errors.rejected(
            rule="the loss is a float",
            got=errors.describe(value),
            do="compute it in the dtype of the parameters",
            kind=TypeError,
        )
    return jnp.asarray(value)
