"""Where does a framework let learned parameters start, and which slope has it at the kink?

Facts of Flax 0.12, PyTorch 2.13 and Keras 3, as data. A name that is not listed for a framework
means the registry's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from relu_jax.activations.frameworks import checked
from relu_jax.activations.starts import Arrays, Start
from relu_jax.activations.trainable import Trainable
from relu_jax.activations.trainable_rectifiers import PRELU, PRELU_STARTS, prelu

AtZero = Callable[[Any], Any]  # the slope at 0, by that of the negative side


def prelu_at_zero(params: Arrays, x: jax.Array, *, at_zero: AtZero) -> jax.Array:
    """Apply `prelu` with another derivative at 0.

    Args:
        params: the slope.
        x: any shape.
        at_zero: the derivative in x there, by the slope.

    Example:
        >>> f = partial(prelu_at_zero, at_zero=lambda slope: 0 * slope)
        >>> float(jax.grad(f, 1)({"slope": jnp.float32(0.25)}, jnp.float32(0.0)))
        0.0
    """
    return jnp.where(x == 0, at_zero(params["slope"]) * x, prelu(params, x))


def _facts(at_zero: AtZero, slope: float) -> dict[str, Any]:
    there = float(at_zero(slope))
    kinks = () if slope == there == 1 else (0.0,)
    return {"kinks": kinks, "slope_at_kinks": (there,) * len(kinks), "flat": slope == 0}


def _prelu(source: str, at_zero: AtZero) -> Trainable:
    facts = partial(_facts, at_zero)
    fn = partial(prelu_at_zero, at_zero=at_zero)
    return replace(PRELU, fn=fn, init=_start(source, facts), facts=facts)


def _start(source: str, facts: Callable[..., Any] | None) -> Start:
    return Start((("slope", PRELU_STARTS[source]),), facts=facts)


TRAINABLE_FRAMEWORKS: Mapping[str, Mapping[str, Trainable]] = {
    # flax.linen.PReLU: x for x >= 0, as ours
    "jax": {"prelu": replace(PRELU, init=_start("flax", PRELU.facts))},
    # torch.nn.PReLU: x for x > 0
    "torch": {"prelu": _prelu("torch", lambda slope: slope)},
    # keras.layers.PReLU: relu(x) - slope * relu(-x), and relu has the slope 0 at 0
    "keras": {"prelu": _prelu("keras", lambda slope: 0 * slope)},
}


def as_in(trainable: Trainable, framework: str | None) -> Trainable:
    """Turn an entry of the registry into what a framework means by its name.

    Args:
        trainable: the registry's.
        framework: one of `TRAINABLE_FRAMEWORKS`; None leaves it as it is.

    Raises:
        ValueError: a framework that is not listed.

    Example:
        >>> as_in(PRELU, "torch").facts(slope=0.25)["slope_at_kinks"]
        (0.25,)
    """
    if framework is None:
        return trainable
    return TRAINABLE_FRAMEWORKS[checked(framework)].get(trainable.name, trainable)
