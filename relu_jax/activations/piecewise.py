"""Which activations are made of straight halves, with a slope of their own on each side?

`two_slope` holds every function with one corner at 0: relu (left 0, right 1), leaky_relu (right
1), absolute (left -1, right 1) and rrelu at evaluation.
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

RRELU_LOW, RRELU_HIGH = 1 / 8, 1 / 3


@elementwise
def two_slope(x: jax.Array, *, left: ArrayLike, right: ArrayLike) -> jax.Array:
    """Take one slope on each side of 0: right * x for x >= 0, else left * x.

    Args:
        x: any shape.
        left: slope of the negative side.
        right: slope of the positive side.

    Edges: the slope at 0 is `right`. A side of slope 0 is 0 at its infinity too. NaN stays NaN,
    with derivative `left`.

    Source: definition; relu, leaky_relu and absolute are its members.

    Example:
        >>> two_slope(jnp.array([-1.0, 2.0, jnp.inf]), left=0.5, right=-2.0).tolist()
        [-0.5, -4.0, -inf]
    """
    slope = jnp.where(x >= 0, right, left)
    # 0 * inf would be NaN, where the limit is 0.
    return slope * jnp.where((slope == 0) & jnp.isinf(x), 0, x)


@elementwise
def absolute(x: jax.Array) -> jax.Array:
    """Drop the sign: |x|.

    Edges: the slope at 0 is 1, as in jax.numpy (PyTorch takes 0). NaN stays NaN, with
    derivative -1.

    Source: Jarrett, Kavukcuoglu, Ranzato & LeCun 2009, section 2 (rectification layer).

    Example:
        >>> absolute(jnp.array([-3.0, 2.0])).tolist()
        [3.0, 2.0]
    """
    return jnp.abs(x)


@elementwise
def rrelu(x: jax.Array, *, low: ArrayLike = RRELU_LOW, high: ArrayLike = RRELU_HIGH) -> jax.Array:
    """Evaluate a randomised leaky relu: x for x >= 0, else (low + high) / 2 * x.

    In training the slope of each element is drawn between `low` and `high`; this is what
    PyTorch computes at evaluation. The paper divides by a number drawn from [3, 8] instead,
    and at evaluation by its mean 5.5: that is ``leaky_relu(x, slope=2 / 11)``.

    Args:
        x: any shape.
        low: smallest slope of the negative side.
        high: largest slope of the negative side.

    Edges: the slope at 0 is 1 (PyTorch takes that of the negative side). NaN stays NaN,
    with derivative (low + high) / 2.

    Source: Xu, Wang, Chen & Li 2015, section 2.

    Example:
        >>> rrelu(jnp.array([-2.0, 2.0]), low=0.0, high=0.5).tolist()
        [-0.5, 2.0]
    """
    return two_slope(x, left=(low + high) / 2, right=1.0)


@elementwise
def soft_shrink(x: jax.Array, *, width: ArrayLike = 0.5) -> jax.Array:
    """Pull x towards 0 by `width`, and to 0 what is nearer: sign(x) * max(|x| - width, 0).

    Args:
        x: any shape.
        width: half of the interval that becomes 0, above 0.

    Edges: the slope at -width and at width is 0, as in PyTorch. NaN stays NaN, with derivative
    0 (Keras returns 0).

    Source: Donoho & Johnstone 1994, section 2.

    Example:
        >>> soft_shrink(jnp.array([-2.0, 0.25, 1.0])).tolist()
        [-1.5, 0.0, 0.5]
    """
    minus = jnp.negative(width)
    return x - jnp.where(x > width, width, jnp.where(x < minus, minus, x))


@elementwise
def tent(x: jax.Array) -> jax.Array:
    """Answer near 0 only: max(0, 1 - |x|).

    Edges: the slope is 0 at -1, at 1 and at the top, 0 (``relu(1 - abs(x))`` would take -1
    there). Both infinities give 0. NaN stays NaN, with derivative 0.

    Source: Rozsa & Boult 2019 (with the width 1).

    Example:
        >>> tent(jnp.array([-3.0, 0.0, 0.25])).tolist()
        [0.0, 1.0, 0.75]
    """
    return _tent(x)


@with_slope(lambda x: jnp.where(jnp.abs(x) < 1, -jnp.sign(x), 0))
def _tent(x: jax.Array) -> jax.Array:
    return jnp.maximum(1 - jnp.abs(x), 0)


def _two_slope_facts(left: float, right: float) -> dict[str, Any]:
    kinks = () if left == right else (0.0,)
    return {
        "kinks": kinks,
        "slope_at_kinks": (right,) * len(kinks),
        "flat": left == 0 or right == 0,
    }


def _two_slope_fit(f: Callable[..., Any]) -> Params | None:
    below, above = samples(f, -1.0, 1.0)
    return proposal(left=0.0 - below, right=above)


def _rrelu_facts(low: float, high: float) -> dict[str, Any]:
    if low > high:
        raise errors.rejected(
            rule="rrelu needs low <= high",
            got=f"low={low} and high={high}",
            do="swap them",
        )
    return _two_slope_facts((low + high) / 2, 1.0)


def _rrelu_fit(f: Callable[..., Any]) -> Params | None:
    # One slope does not tell two ends: they are the usual ones where it is theirs, else the slope.
    slope, usual = 0.0 - samples(f, -1.0)[0], (RRELU_LOW + RRELU_HIGH) / 2
    if abs(slope - usual) <= 3e-6 * usual:
        return {"low": RRELU_LOW, "high": RRELU_HIGH}
    return proposal(low=slope, high=slope)


def _soft_shrink_facts(width: float) -> dict[str, Any]:
    if width > 0:
        return {"kinks": (-width, width), "slope_at_kinks": (0.0, 0.0), "flat": True}
    raise errors.rejected(
        rule="soft_shrink needs width > 0",
        got=f"width={width}",
        do="pass width=0.5, or take identity",
    )


def _soft_shrink_fit(f: Callable[..., Any]) -> Params | None:
    # x - width loses no digit where x is the first power of 2 above the width.
    x = 2.0 ** np.arange(-20, 15)
    y = np.asarray(samples(f, *x.tolist()))
    first = int(np.argmax(y != 0))
    width = float(x[first] - y[first])
    return proposal(width=width) if 0 < width < x[first] else None


TWO_SLOPE = Activation(
    "two_slope",
    two_slope,
    "right * x for x >= 0, else left * x",
    "definition",
    {"left": 0.25, "right": 1.0},
    kinks=(0.0,),
    slope_at_kinks=(1.0,),
    facts=_two_slope_facts,
    fit=_two_slope_fit,
)
ABSOLUTE = Activation(
    "absolute",
    absolute,
    "|x|",
    "Jarrett, Kavukcuoglu, Ranzato & LeCun 2009, section 2",
    kinks=(0.0,),
    slope_at_kinks=(1.0,),
    plain=True,
)
RRELU = Activation(
    "rrelu",
    rrelu,
    "x for x >= 0, else (low + high) / 2 * x",
    "Xu, Wang, Chen & Li 2015, section 2",
    {"low": RRELU_LOW, "high": RRELU_HIGH},
    kinks=(0.0,),
    slope_at_kinks=(1.0,),
    facts=_rrelu_facts,
    fit=_rrelu_fit,
)
SOFT_SHRINK = Activation(
    "soft_shrink",
    soft_shrink,
    "sign(x) * max(|x| - width, 0)",
    "Donoho & Johnstone 1994, section 2",
    {"width": 0.5},
    kinks=(-0.5, 0.5),
    slope_at_kinks=(0.0, 0.0),
    flat=True,
    facts=_soft_shrink_facts,
    fit=_soft_shrink_fit,
    plain=True,
)
TENT = Activation(
    "tent",
    tent,
    "max(0, 1 - |x|)",
    "Rozsa & Boult 2019",
    kinks=(-1.0, 0.0, 1.0),
    slope_at_kinks=(0.0, 0.0, 0.0),
    flat=True,
)
