"""Which activations are a straight line cut off below and above?

Like relu6, each is level at both kinks: there the slope is 0, except where jax.nn takes another.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise
from relu_jax.activations.slopes import with_slope
from relu_jax.core import errors


@elementwise
def relu1(x: jax.Array) -> jax.Array:
    """Clip to [0, 1]: min(max(x, 0), 1), also called brelu.

    Edges: the slope is 0 at 0 and at 1. NaN stays NaN, with derivative 1.

    Source: Liew, Khalil-Hani & Bakhteri 2016 (bounded relu).

    Example:
        >>> relu1(jnp.array([-1.0, 0.25, 7.0])).tolist()
        [0.0, 0.25, 1.0]
    """
    return relu_n(x, n=1.0)


@elementwise
def relu_n(x: jax.Array, *, n: ArrayLike = 20.0) -> jax.Array:
    """Clip to [0, n]: min(max(x, 0), n).

    Args:
        x: any shape.
        n: the largest value, above 0.

    Edges: the slope is 0 at 0 and at n. NaN stays NaN, with derivative 1.

    Source: Hannun et al. 2014 (Deep Speech), section 2, with n = 20.

    Example:
        >>> relu_n(jnp.array([-1.0, 2.0, 7.0]), n=5.0).tolist()
        [0.0, 2.0, 5.0]
    """
    return jnp.where(x >= n, n, jnp.where(x <= 0, 0, x))


@elementwise
def hard_sigmoid(x: jax.Array) -> jax.Array:
    """Draw the sigmoid with straight lines: min(max(x + 3, 0), 6) / 6.

    Keras 2 and Theano called another line by this name: `linear_sigmoid`.

    Edges: the slope is 0 at -3 and at 3. NaN stays NaN, with derivative 0.

    Source: Howard et al. 2019 (MobileNetV3), section 5.2.

    Example:
        >>> hard_sigmoid(jnp.array([-4.0, 0.0, 4.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    return _hard_sigmoid(x)


# Read off x, not off the rounded x + 3.
@with_slope(lambda x: jnp.where(jnp.abs(x) < 3, 1 / 6, 0))
def _hard_sigmoid(x: jax.Array) -> jax.Array:
    return jnp.minimum(jnp.maximum(x + 3, 0), 6) / 6


@elementwise
def linear_sigmoid(x: jax.Array, *, slope: ArrayLike = 0.2, offset: ArrayLike = 0.5) -> jax.Array:
    """Clip a line to [0, 1]: min(max(slope * x + offset, 0), 1).

    The hard sigmoid of Keras 2 and Theano; that of jax.nn, Flax, PyTorch and Keras 3 has slope
    1/6: `hard_sigmoid`.

    Args:
        x: any shape.
        slope: above 0.
        offset: the value at 0.

    Edges: the slope is 0 at both kinks. NaN stays NaN, with derivative `slope`.

    Source: Theano and Keras 2, hard_sigmoid.

    Example:
        >>> linear_sigmoid(jnp.array([-4.0, 0.0, 4.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    y = slope * x + offset
    return jnp.where(y >= 1, 1, jnp.where(y <= 0, 0, y))


@elementwise
def sparse_sigmoid(x: jax.Array) -> jax.Array:
    """Take the derivative of sparse_plus: min(max((x + 1) / 2, 0), 1).

    Edges: the slope is 0.25 at -1 and at 1, as in jax.nn. NaN stays NaN, with derivative 0.

    Source: Blondel, Martins & Niculae 2020, section 6.2.

    Example:
        >>> sparse_sigmoid(jnp.array([-2.0, 0.0, 0.5])).tolist()
        [0.0, 0.5, 0.75]
    """
    return _sparse_sigmoid(x)


def _sparse_sigmoid_slope(x: jax.Array) -> jax.Array:
    size = jnp.abs(x)
    return jnp.where(size < 1, 0.5, jnp.where(size == 1, 0.25, 0))


@with_slope(_sparse_sigmoid_slope)
def _sparse_sigmoid(x: jax.Array) -> jax.Array:
    return 0.5 * jnp.minimum(jnp.maximum(x + 1, 0), 2)


def _relu_n_facts(n: float) -> dict[str, Any]:
    if n > 0:
        return {"kinks": (0.0, n), "slope_at_kinks": (0.0, 0.0), "flat": True}
    raise errors.rejected(
        rule="relu_n needs n > 0", got=f"n={n}", do="pass n=6, or another n above 0"
    )


def _relu_n_fit(f: Callable[..., Any]) -> Params | None:
    near, far = samples(f, 1e4, 3e4)
    return proposal(n=near) if near == far and near > 0 else None


def _linear_sigmoid_facts(slope: float, offset: float) -> dict[str, Any]:
    if slope > 0:
        kinks = (-offset / slope + 0.0, (1 - offset) / slope)
        return {"kinks": kinks, "slope_at_kinks": (0.0, 0.0), "flat": True}
    raise errors.rejected(
        rule="linear_sigmoid needs slope > 0",
        got=f"slope={slope}",
        do="pass slope=0.2, or another slope above 0",
    )


def _linear_sigmoid_fit(f: Callable[..., Any]) -> Params | None:
    # The line between the outermost powers of 2 that are not cut off, as seen from its middle.
    reach = 2.0 ** np.arange(-20, 15)
    steps = np.concatenate([-reach[::-1], [0.0], reach])
    middle = _middle(f, steps)
    if middle is None:
        return None
    x = middle + steps
    y = np.asarray(samples(f, *x.tolist()))
    inside = np.flatnonzero((y > 0) & (y < 1))
    if len(inside) < 2:
        return None
    first, last = inside[0], inside[-1]
    slope = float((y[last] - y[first]) / (x[last] - x[first]))
    offset = float(y[len(reach)]) - slope * middle
    return proposal(slope=slope, offset=round(offset, 12) + 0.0) if slope > 0 else None


def _middle(f: Callable[..., Any], x: np.ndarray) -> float | None:
    """Find a place where f, cut off at 0 and 1, is neither: 0, or where it passes 1/2."""
    low, at_zero, high = samples(f, -1e9, 0.0, 1e9)
    if (low, high) != (0, 1):
        return None
    if 0 < at_zero < 1:
        return 0.0
    for _ in range(4):
        above = int(np.argmax(np.asarray(samples(f, *x.tolist())) >= 0.5))
        if above == 0:
            return None
        x = np.linspace(x[above - 1], x[above], 65).astype(np.float32).astype(np.float64)
    return float(x[32])


RELU1 = Activation(
    "relu1",
    relu1,
    "min(max(x, 0), 1)",
    "Liew, Khalil-Hani & Bakhteri 2016",
    kinks=(0.0, 1.0),
    slope_at_kinks=(0.0, 0.0),
    flat=True,
)
RELU_N = Activation(
    "relu_n",
    relu_n,
    "min(max(x, 0), n)",
    "Hannun et al. 2014, section 2",
    {"n": 20.0},
    kinks=(0.0, 20.0),
    slope_at_kinks=(0.0, 0.0),
    flat=True,
    facts=_relu_n_facts,
    fit=_relu_n_fit,
)
HARD_SIGMOID = Activation(
    "hard_sigmoid",
    hard_sigmoid,
    "min(max(x + 3, 0), 6) / 6",
    "Howard et al. 2019, section 5.2",
    kinks=(-3.0, 3.0),
    slope_at_kinks=(0.0, 0.0),
    flat=True,
)
LINEAR_SIGMOID = Activation(
    "linear_sigmoid",
    linear_sigmoid,
    "min(max(slope * x + offset, 0), 1)",
    "Theano and Keras 2, hard_sigmoid",
    {"slope": 0.2, "offset": 0.5},
    kinks=(-2.5, 2.5),
    slope_at_kinks=(0.0, 0.0),
    flat=True,
    facts=_linear_sigmoid_facts,
    fit=_linear_sigmoid_fit,
)
SPARSE_SIGMOID = Activation(
    "sparse_sigmoid",
    sparse_sigmoid,
    "min(max((x + 1) / 2, 0), 1)",
    "Blondel, Martins & Niculae 2020, section 6.2",
    kinks=(-1.0, 1.0),
    slope_at_kinks=(0.25, 0.25),
    flat=True,
)
