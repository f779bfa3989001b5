"""Which activations let x pass beyond a threshold, where some of them jump?

A jump has no derivative. The value there is that of the side that does not pass, and the slope
belongs to the same side: so PyTorch and automatic differentiation take it.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise
from relu_jax.core import errors


@elementwise
def hard_shrink(x: jax.Array, *, width: ArrayLike = 0.5) -> jax.Array:
    """Keep what is far from 0: x for |x| > width, else 0.

    Args:
        x: any shape.
        width: half of the interval that becomes 0, above 0.

    Edges: value and slope at -width and at width are 0, as in PyTorch. NaN stays NaN, with
    derivative 1 (Keras returns 0).

    Source: Donoho & Johnstone 1994, section 2.

    Example:
        >>> hard_shrink(jnp.array([-2.0, 0.5, 1.0])).tolist()
        [-2.0, 0.0, 1.0]
    """
    return jnp.where(jnp.abs(x) <= width, 0, x)


@elementwise
def thresholded_relu(x: jax.Array, *, threshold: ArrayLike = 1.0) -> jax.Array:
    """Keep what is above a threshold: x for x > threshold, else 0.

    Args:
        x: any shape.
        threshold: where it begins; 0 is relu.

    Edges: value and slope at the threshold are 0. NaN stays NaN, with derivative 1.

    Source: Konda, Memisevic & Krueger 2015 (truncated rectifier), with the threshold 1.

    Example:
        >>> thresholded_relu(jnp.array([-2.0, 1.0, 3.0])).tolist()
        [0.0, 0.0, 3.0]
    """
    return jnp.where(x <= threshold, 0, x)


@elementwise
def threshold(x: jax.Array, *, threshold: ArrayLike = 1.0, value: ArrayLike = 0.0) -> jax.Array:
    """Replace what is not above a threshold: x for x > threshold, else value.

    Args:
        x: any shape.
        threshold: where x begins to pass.
        value: what stands below; equal to the threshold it is max(x, threshold).

    Edges: at the threshold the result is `value`, with slope 0. NaN stays NaN, with derivative
    1 (Keras returns `value`).

    Source: PyTorch, torch.nn.Threshold, which has no defaults.

    Example:
        >>> threshold(jnp.array([-2.0, 1.0, 3.0]), threshold=1.0, value=-5.0).tolist()
        [-5.0, -5.0, 3.0]
    """
    return jnp.where(x <= threshold, value, x)


@elementwise
def relu_general(
    x: jax.Array,
    *,
    max_value: ArrayLike = 6.0,
    negative_slope: ArrayLike = 0.0,
    threshold: ArrayLike = 0.0,
) -> jax.Array:
    """Cut, leak and shift a relu: min(x, max_value) for x > threshold, else a leak.

    The leak is negative_slope * (x - threshold). This is ``keras.activations.relu`` with all
    three arguments. Keras says None for no largest value; here it is `jax.numpy.inf` in this
    function, and `two_slope` or `thresholded_relu` among the activations.

    Args:
        x: any shape.
        max_value: the largest value, above the threshold.
        negative_slope: of the part below the threshold.
        threshold: where x begins to pass, at least 0; above 0 the function jumps there.

    Edges: at the threshold the value is 0 and the slope `negative_slope`; at max_value the
    slope is 0. NaN stays NaN, with derivative `negative_slope`.

    Source: Keras 3, keras.activations.relu.

    Example:
        >>> y = relu_general(jnp.array([-2.0, 1.0, 9.0]), negative_slope=0.5, threshold=2.0)
        >>> y.tolist()
        [-2.0, -0.5, 6.0]
    """
    passes = x > threshold
    under = jnp.where(passes, 0, x - threshold)
    # 0 * inf would be NaN, where the limit is 0.
    under = jnp.where((negative_slope == 0) & jnp.isinf(under), 0, under)
    return jnp.where(passes, jnp.where(x >= max_value, max_value, x), negative_slope * under)


def end_of_level(f: Callable[..., Any], low: float, high: float) -> float | None:
    """Find the last place where an unknown f still has the value it has at `low`.

    Returns:
        the place, to 1e-21 of the interval or to the last bit; None where f changes at once, or
        nowhere in the interval.

    Example:
        >>> end_of_level(lambda x: np.where(x > 0.75, x, 0), -1.0, 3.0)
        0.75
    """
    start = low
    for _ in range(8):
        x = np.linspace(low, high, 513)
        y = np.asarray(samples(f, *x.tolist()))
        first = int(np.argmax(y != y[0]))
        if first == 0:
            return None
        low, high = float(x[first - 1]), float(x[first])
    return low if low > start else None


def _hard_shrink_facts(width: float) -> dict[str, Any]:
    if width > 0:
        return {"kinks": (-width, width), "slope_at_kinks": (0.0, 0.0), "flat": True}
    raise errors.rejected(
        rule="hard_shrink needs width > 0",
        got=f"width={width}",
        do="pass width=0.5, or take identity",
    )


def _hard_shrink_fit(f: Callable[..., Any]) -> Params | None:
    if samples(f, 0.0, 1024.0) != [0.0, 1024.0]:
        return None
    width = end_of_level(f, 0.0, 1024.0)
    return proposal(width=width) if width else None


def _threshold_facts(threshold: float, value: float = 0.0) -> dict[str, Any]:
    del value  # it changes no slope
    return {"kinks": (threshold,), "slope_at_kinks": (0.0,), "flat": True}


def _threshold_fit(f: Callable[..., Any]) -> Params | None:
    low, level, high = samples(f, -2048.0, -1024.0, 1024.0)
    if low != level or high != 1024.0 or abs(level) > 1000:  # -1e9 is what masks are filled with
        return None
    # Ends that put no round number on the grid: at x = value the level would seem to go on.
    at = end_of_level(f, -1024.37, 1024.61)
    if at is None:
        return None
    return proposal(threshold=at if abs(at) > 1e-9 else 0.0, value=level)


def _thresholded_relu_fit(f: Callable[..., Any]) -> Params | None:
    found = _threshold_fit(f)
    return {"threshold": found["threshold"]} if found and found["value"] == 0 else None


def _relu_general_facts(
    max_value: float, negative_slope: float, threshold: float
) -> dict[str, Any]:
    if not 0 <= threshold < max_value:
        advice = "pass threshold=0, or more" if threshold < 0 else "swap them, or move them apart"
        raise errors.rejected(
            rule="relu_general needs 0 <= threshold < max_value",
            got=f"threshold={threshold} and max_value={max_value}",
            do=advice if max_value > 0 else "pass a positive max_value, above the threshold",
        )
    straight = threshold == 0 and negative_slope == 1
    kinks, slopes = (max_value,), (0.0,)
    if not straight:
        kinks, slopes = (threshold, *kinks), (negative_slope, *slopes)
    return {"kinks": kinks, "slope_at_kinks": slopes, "flat": True}


def _relu_general_fit(f: Callable[..., Any]) -> Params | None:
    lower, low, zero, high, higher = samples(f, -2.0, -1.0, 0.0, 1e4, 3e4)
    slope = low - lower
    if not (high == higher and high > 0 and np.isfinite(slope)):
        return None
    start = end_of_level(f, 0.0, high) if slope == 0 else -zero / slope
    start = 0.0 if start is None or abs(start) < 1e-7 * high else start
    found = proposal(max_value=high, negative_slope=slope, threshold=start)
    return found if found and 0 <= found["threshold"] < found["max_value"] else None


HARD_SHRINK = Activation(
    "hard_shrink",
    hard_shrink,
    "x for |x| > width, else 0",
    "Donoho & Johnstone 1994, section 2",
    {"width": 0.5},
    kinks=(-0.5, 0.5),
    slope_at_kinks=(0.0, 0.0),
    flat=True,
    facts=_hard_shrink_facts,
    fit=_hard_shrink_fit,
)
THRESHOLDED_RELU = Activation(
    "thresholded_relu",
    thresholded_relu,
    "x for x > threshold, else 0",
    "Konda, Memisevic & Krueger 2015",
    {"threshold": 1.0},
    kinks=(1.0,),
    slope_at_kinks=(0.0,),
    flat=True,
    facts=_threshold_facts,
    fit=_thresholded_relu_fit,
)
THRESHOLD = Activation(
    "threshold",
    threshold,
    "x for x > threshold, else value",
    "PyTorch, torch.nn.Threshold",
    {"threshold": 1.0, "value": 0.0},
    kinks=(1.0,),
    slope_at_kinks=(0.0,),
    flat=True,
    facts=_threshold_facts,
    fit=_threshold_fit,
    plain=True,
)
RELU_GENERAL = Activation(
    "relu_general",
    relu_general,
    "min(x, max_value) for x > threshold, else negative_slope * (x - threshold)",
    "Keras 3, keras.activations.relu",
    {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0},
    kinks=(0.0, 6.0),
    slope_at_kinks=(0.0, 0.0),
    flat=True,
    facts=_relu_general_facts,
    fit=_relu_general_fit,
    plain=True,
)
