"""Which piecewise linear activations are there, and which slope do they take at a kink?

Each keeps the slope that `jax.nn` takes, whatever automatic differentiation would make of
the formula.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise
from relu_jax.core import errors


@elementwise
def identity(x: jax.Array) -> jax.Array:
    """Return `x` itself, as floats.

    Example:
        >>> float(identity(-2.0))
        -2.0
    """
    return x


@elementwise
def relu(x: jax.Array) -> jax.Array:
    """Keep what is positive: max(x, 0).

    Edges: relu(-0.0) is 0.0; NaN stays NaN, with derivative 0. The slope at 0 is 0.

    Source: Fukushima 1969; Glorot, Bordes & Bengio 2011, section 3. Slope at 0: Bertoin,
    Bolte, Gerchinovitz & Pauwels 2021.

    Example:
        >>> relu(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return _relu(x)


@jax.custom_jvp
def _relu(x: jax.Array) -> jax.Array:
    return jnp.maximum(x, 0)


_relu.defjvps(lambda t, _, x: jnp.where(x > 0, t, jnp.zeros_like(t)))


@elementwise
def leaky_relu(x: jax.Array, *, slope: ArrayLike = 0.01) -> jax.Array:
    """Keep what is positive, shrink the rest: x for x >= 0, else slope * x.

    Args:
        x: any shape.
        slope: of the negative side; -1 gives the absolute value.

    Edges: the slope at 0 is 1 (PyTorch takes `slope`). With slope 0, -inf gives NaN: that is
    `relu`. NaN stays NaN, with derivative `slope`.

    Source: Maas, Hannun & Ng 2013, section 2; He et al. 2015, equation 1.

    Example:
        >>> leaky_relu(jnp.array([-1.0, 2.0]), slope=0.5).tolist()
        [-0.5, 2.0]
    """
    return jnp.where(x >= 0, x, slope * x)


@elementwise
def relu6(x: jax.Array) -> jax.Array:
    """Clip to [0, 6]: min(max(x, 0), 6).

    Edges: the slope is 0 at 0 and at 6. NaN stays NaN, with derivative 0.

    Source: Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10.

    Example:
        >>> relu6(jnp.array([-1.0, 2.0, 7.0])).tolist()
        [0.0, 2.0, 6.0]
    """
    return _relu6(x)


@jax.custom_jvp
def _relu6(x: jax.Array) -> jax.Array:
    return jnp.minimum(jnp.maximum(x, 0), 6)


_relu6.defjvps(lambda t, _, x: jnp.where((x > 0) & (x < 6), t, jnp.zeros_like(t)))


@elementwise
def hard_tanh(x: jax.Array, *, low: ArrayLike = -1.0, high: ArrayLike = 1.0) -> jax.Array:
    """Clip to [low, high].

    Edges: the slope is 1 at both kinks (PyTorch takes 0). NaN stays NaN, with derivative 1.

    Source: Collobert 2004, Large scale machine learning (thesis).

    Example:
        >>> hard_tanh(jnp.array([-3.0, 0.5, 3.0])).tolist()
        [-1.0, 0.5, 1.0]
    """
    return jnp.where(x > high, high, jnp.where(x < low, low, x))


def _leaky_facts(slope: float) -> dict[str, Any]:
    kinks = () if slope == 1 else (0.0,)
    return {"kinks": kinks, "slope_at_kinks": (1.0,) * len(kinks), "flat": slope == 0}


def _leaky_fit(f: Callable[..., Any]) -> Params | None:
    return proposal(slope=-samples(f, -1.0)[0])


def _hard_tanh_facts(low: float, high: float) -> dict[str, Any]:
    if not low < high:
        raise errors.rejected(
            rule="hard_tanh needs low < high",
            got=f"low={low} and high={high}",
            do="swap them, or move them apart",
        )
    return {"kinks": (low, high), "slope_at_kinks": (1.0, 1.0), "flat": True}


def _hard_tanh_fit(f: Callable[..., Any]) -> Params | None:
    far_low, low, high, far_high = samples(f, -3e4, -1e4, 1e4, 3e4)
    level = far_low == low and far_high == high and low < high
    return proposal(low=low, high=high) if level else None


IDENTITY = Activation("identity", identity, "x", "definition")
RELU = Activation(
    "relu",
    relu,
    "max(x, 0)",
    "Fukushima 1969; Glorot, Bordes & Bengio 2011, section 3",
    kinks=(0.0,),
    slope_at_kinks=(0.0,),
    flat=True,
)
LEAKY_RELU = Activation(
    "leaky_relu",
    leaky_relu,
    "x for x >= 0, else slope * x",
    "Maas, Hannun & Ng 2013, section 2; He et al. 2015, equation 1",
    {"slope": 0.01},
    kinks=(0.0,),
    slope_at_kinks=(1.0,),
    facts=_leaky_facts,
    fit=_leaky_fit,
)
RELU6 = Activation(
    "relu6",
    relu6,
    "min(max(x, 0), 6)",
    "Krizhevsky 2010",
    kinks=(0.0, 6.0),
    slope_at_kinks=(0.0, 0.0),
    flat=True,
)
HARD_TANH = Activation(
    "hard_tanh",
    hard_tanh,
    "min(max(x, low), high)",
    "Collobert 2004",
    {"low": -1.0, "high": 1.0},
    kinks=(-1.0, 1.0),
    slope_at_kinks=(1.0, 1.0),
    flat=True,
    facts=_hard_tanh_facts,
    fit=_hard_tanh_fit,
)
