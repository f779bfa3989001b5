"""How is a training run watched by the step that it makes anyway?"""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from relu_jax import tap
from relu_jax.core import errors
from relu_jax.core.integers import integer
from relu_jax.core.numerics import widened
from relu_jax.diagnosis import losses, vitals
from relu_jax.diagnosis.vitals import Stats
from relu_jax.tap import arguments
from relu_jax.tap.selectors import Selectable


def value_and_grad(
    loss: Callable[..., Any],
    *,
    has_aux: bool = False,
    only: Selectable | None = None,
    every: int = 1,
) -> Callable[..., tuple[tuple[Any, Stats], Any]]:
    """Build `jax.value_and_grad(loss)` that also tells how its activations are.

    Args:
        loss: loss(params, *rest, **kwargs) → scalar, or (scalar, aux) with `has_aux`; any
            framework, not edited.
        has_aux: whether the loss returns a pair.
        only: a selector of sites; None watches all.
        every: measure each step whose number is a multiple of this; the function then takes the
            number as ``step=``, which a loss with an argument of that name gets too. With 1 it may
            be left out.

    Returns:
        ``g(params, *rest, **kwargs) = ((value, stats), grads)``; `value` is (value, aux) with
        `has_aux`. Value and gradients are those of `jax.value_and_grad`. It is to be jitted, and
        may stand in a scan, under a mesh, in any training step; nothing leaves the device.

    Raises:
        ValueError: every below 1; when called: a loss that is no scalar, or a selector that means
            no site.
        TypeError: a loss that is no function; a step that is missing.

    Edges: what a site does in a branch that is not taken, and gradients that cannot be had (in a
    while loop), are NaN. Leaves of params that are no arrays get None, as gradient too. Under a
    vmap, every step of each is measured.

    Example:
        >>> import jax, jax.numpy as jnp, relu_jax as rj
        >>> def loss(w, x):
        ...     return jnp.mean(jax.nn.relu(x @ w))
        >>> step = jax.jit(rj.monitor.value_and_grad(loss))
        >>> (value, stats), grads = step(jnp.eye(2), jnp.array([[3.0, -4.0]]))
        >>> site = stats.sites["w"]
        >>> round(float(site.rms_pre), 3), float(site.zeros), site.active.tolist()
        (3.536, 0.5, [True, False])
    """
    number = integer("every", every)
    if number < 1:
        raise errors.rejected(
            rule="every is at least 1", got=str(number), do="pass 1 for all steps"
        )

    @arguments.named_like(loss)
    def watched(params: Any, *rest: Any, **kwargs: Any) -> tuple[tuple[Any, Stats], Any]:
        on, kwargs = _asked(loss, number, kwargs)
        whole = _with_keywords(loss, kwargs)
        call = arguments.part(whole, (params, *rest), {})
        met: dict[str, tap.Site] = {}
        value, grads, ahead, back = tap.observed_value_and_grad(
            whole, vitals.forward(on, met), vitals.backward, only, has_aux=has_aux,
            given=None if on is True else on,
        )(params, *rest)  # fmt: skip
        pairs = list(zip(call.leaves, call.arrays, strict=True))
        own = [(leaf.path, array) for leaf, array in pairs if leaf.arg == 0]
        stats = Stats(
            measured=jnp.asarray(on),
            loss=widened(jnp.asarray(value[0] if has_aux else value)),
            sites=vitals.of_sites(met, ahead, back),
            parameters=vitals.of_leaves(
                on, [path for path, _ in own], [jnp.asarray(x) for _, x in own],
                jax.tree.leaves(grads),
            ),
            nonfinite_data=vitals.any_nonfinite(
                on, [*(array for leaf, array in pairs if leaf.arg != 0), *_arrays(kwargs)]
            ),
        )  # fmt: skip
        return (value, stats), grads

    return watched


def _asked(loss: losses.Loss, every: int, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Say whether this step is measured: True, or an array that says so."""
    if every == 1 and "step" not in kwargs:
        return True, kwargs
    if "step" in kwargs:
        own = "step" in inspect.signature(loss).parameters
        rest = {name: value for name, value in kwargs.items() if own or name != "step"}
        return every == 1 or jnp.asarray(kwargs["step"]) % every == 0, rest
    raise errors.rejected(
        rule=f"with every={every} the number of the step says whether it is measured",
        got="no step",
        do="call it as g(params, batch, step=i)",
        kind=TypeError,
    )


def _arrays(tree: Any) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(tree) if arguments.is_array(leaf)]


def _with_keywords(loss: losses.Loss, kwargs: dict[str, Any]) -> losses.Loss:
    """Bind keywords, which are neither watched nor differentiated."""
    if not kwargs:
        return loss

    @arguments.named_like(loss)
    def bound(*args: Any) -> Any:
        return loss(*args, **kwargs)

    return bound
