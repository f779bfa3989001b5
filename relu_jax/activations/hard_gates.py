"""Which activations weigh x with a gate of straight lines?

Below the gate's first corner the product is 0, at -inf too, where x * 0 has no value. At a
corner the slope is that of the straight side, as jax.nn takes it for hard_silu.
"""

import jax
import jax.numpy as jnp

from relu_jax.activations.activation import Activation
from relu_jax.activations.inputs import elementwise
from relu_jax.activations.slopes import with_slope


@elementwise
def hard_silu(x: jax.Array) -> jax.Array:
    """Weigh x with a hard sigmoid, also called hard_swish: x * min(max(x + 3, 0), 6) / 6.

    Edges: the slope is 0 at -3 and 1 at 3. -inf gives 0 with derivative 0 (NaN in jax.nn), inf
    gives inf with derivative 1; NaN gives NaN in both.

    Source: Howard et al. 2019 (MobileNetV3), section 5.2.

    Example:
        >>> hard_silu(jnp.array([-4.0, 1.5, 4.0])).tolist()
        [-0.0, 1.125, 4.0]
    """
    return _hard_silu(x)


def _hard_silu_slope(x: jax.Array) -> jax.Array:
    # x + 1.5 is exact near -1.5, where jax.nn's gate + x * gate' cancels.
    return jnp.where(x >= 3, 1, jnp.where(x <= -3, 0, (x + 1.5) / 3))


@with_slope(_hard_silu_slope)
def _hard_silu(x: jax.Array) -> jax.Array:
    return jnp.maximum(x, -3) * (jnp.minimum(jnp.maximum(x + 3, 0), 6) / 6)


@elementwise
def hard_mish(x: jax.Array) -> jax.Array:
    """Weigh x with a line from -2 to 0: x/2 * min(max(x + 2, 0), 2).

    Edges: the slope is 0 at -2 and 1 at 0, where it does not jump. -inf gives 0 with derivative
    0, inf gives inf with derivative 1; NaN gives NaN in both.

    Source: Wightman, PyTorch Image Models (timm), hard_mish.

    Example:
        >>> hard_mish(jnp.array([-3.0, -1.0, 2.0])).tolist()
        [0.0, -0.5, 2.0]
    """
    return _hard_mish(x)


def _hard_mish_slope(x: jax.Array) -> jax.Array:
    return jnp.where(x > 0, 1, jnp.where(x <= -2, 0, x + 1))


@with_slope(_hard_mish_slope)
def _hard_mish(x: jax.Array) -> jax.Array:
    return jnp.where(x >= 0, x, jnp.where(x <= -2, 0, 0.5 * x * (x + 2)))


@elementwise
def hard_elish(x: jax.Array) -> jax.Array:
    """Weigh an elu with a line from -1 to 1: elu(x) * min(max((x + 1) / 2, 0), 1).

    Edges: the slope is 0 at -1 and 1 at 1; at 0 it is 0.5 from both sides. -inf gives 0 with
    derivative 0, inf gives inf with derivative 1; NaN gives NaN in both.

    Source: Basirat & Roth 2018 (HardELiSH).

    Example:
        >>> hard_elish(jnp.array([0.5, 2.0])).tolist()
        [0.375, 2.0]
    """
    return _hard_elish(x)


def _hard_elish_slope(x: jax.Array) -> jax.Array:
    low = jnp.where((x > 0) | (x <= -1), 0, x)
    below = ((low + 2) * jnp.exp(low) - 1) / 2
    inside = jnp.where(x > 0, x + 0.5, below)
    return jnp.where(x >= 1, 1, jnp.where(x <= -1, 0, inside))


@with_slope(_hard_elish_slope)
def _hard_elish(x: jax.Array) -> jax.Array:
    elu = jnp.where(x > 0, x, jnp.expm1(jnp.where(x > 0, 0, x)))
    return elu * jnp.minimum(jnp.maximum((x + 1) / 2, 0), 1)


HARD_SILU = Activation(
    "hard_silu",
    hard_silu,
    "x * min(max(x + 3, 0), 6) / 6",
    "Howard et al. 2019, section 5.2",
    kinks=(-3.0, 3.0),
    slope_at_kinks=(0.0, 1.0),
    flat=True,
)
HARD_MISH = Activation(
    "hard_mish",
    hard_mish,
    "x/2 * min(max(x + 2, 0), 2)",
    "Wightman, PyTorch Image Models (timm), hard_mish",
    kinks=(-2.0,),
    slope_at_kinks=(0.0,),
    flat=True,
)
HARD_ELISH = Activation(
    "hard_elish",
    hard_elish,
    "(x for x > 0, else e^x - 1) * min(max((x + 1) / 2, 0), 1)",
    "Basirat & Roth 2018",
    kinks=(-1.0, 1.0),
    slope_at_kinks=(0.0, 1.0),
    flat=True,
)
