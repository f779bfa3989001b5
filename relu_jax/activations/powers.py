"""Which activations are a power of x, or of its positive part?

Their derivatives grow without a bound: so do gradients where the input does.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from relu_jax.activations.activation import Activation, Params, proposal, samples
from relu_jax.activations.inputs import elementwise
from relu_jax.activations.rectifiers import relu
from relu_jax.activations.slopes import with_slope
from relu_jax.core import errors

# MetaFormer's constants: mean 0 and variance 1 under a standard normal input.
STAR_SCALE, STAR_BIAS = 1.25**-0.5, -0.5 * 1.25**-0.5


@elementwise
def square(x: jax.Array) -> jax.Array:
    """Square x: x^2.

    Edges: both infinities give inf with derivative ±inf; the second derivative is 2.

    Source: Livni, Shalev-Shwartz & Shamir 2014.

    Example:
        >>> square(jnp.array([-3.0, 2.0])).tolist()
        [9.0, 4.0]
    """
    return x * x


@elementwise
def cube(x: jax.Array) -> jax.Array:
    """Cube x: x^3.

    Edges: ±inf gives ±inf with derivative inf and second derivative ±inf.

    Source: Chen & Manning 2014, section 3.

    Example:
        >>> cube(jnp.array([-3.0, 2.0])).tolist()
        [-27.0, 8.0]
    """
    return _cube(x)


@with_slope(lambda x: 3 * (x * x))
def _cube(x: jax.Array) -> jax.Array:
    return x * x * x


@elementwise
def squared_relu(x: jax.Array) -> jax.Array:
    """Square the positive part: max(x, 0)^2.

    Edges: the slope at 0 is 0 from both sides; the second derivative jumps there from 0 to 2
    and is 0 at 0. -inf gives 0, inf gives inf with derivative inf; NaN gives NaN in both.

    Source: So, Mańke, Liu, Dai, Shazeer & Le 2021 (Primer).

    Example:
        >>> squared_relu(jnp.array([-3.0, 2.0])).tolist()
        [0.0, 4.0]
    """
    return _squared_relu(x)


@with_slope(lambda x: 2 * relu(x))
def _squared_relu(x: jax.Array) -> jax.Array:
    above = jnp.maximum(x, 0)
    return above * above


@elementwise
def star_relu(
    x: jax.Array, *, scale: ArrayLike = STAR_SCALE, bias: ArrayLike = STAR_BIAS
) -> jax.Array:
    """Scale and shift a squared relu: scale * max(x, 0)^2 + bias.

    Args:
        x: any shape.
        scale: not 0; 1 / sqrt(1.25) gives variance 1 under a standard normal input.
        bias: the value for x <= 0; -scale / 2 gives mean 0 there.

    Edges: as `squared_relu`. -inf gives bias with derivative 0, inf gives inf (scale > 0).

    Source: Yu et al. 2022 (MetaFormer baselines), StarReLU; trained from scale 1 and bias 0.

    Example:
        >>> star_relu(jnp.array([-3.0, 2.0]), scale=0.5, bias=-1.0).tolist()
        [-1.0, 1.0]
    """
    return _star_relu(x, scale, bias)


@with_slope(lambda x, scale, _: 2 * scale * relu(x))
def _star_relu(x: jax.Array, scale: ArrayLike, bias: ArrayLike) -> jax.Array:
    above = jnp.maximum(x, 0)
    return above * scale * above + bias


@elementwise
def repu(x: jax.Array, *, power: ArrayLike = 3.0) -> jax.Array:
    """Raise the positive part to a power: max(x, 0)^power.

    Args:
        x: any shape.
        power: at least 2; 2 is squared_relu, 1 would be relu.

    Edges: the slope at 0 is 0. -inf gives 0, inf gives inf with derivative inf; NaN gives NaN
    in both.

    Source: Li, Tang & Yu 2020 (rectified power units).

    Example:
        >>> repu(jnp.array([-3.0, 2.0])).tolist()
        [0.0, 8.0]
    """
    return _repu(x, power)


@with_slope(lambda x, power: power * _power(relu(x), power - 1))
def _repu(x: jax.Array, power: ArrayLike) -> jax.Array:
    # One power serves value and slope.
    above = relu(x)
    return above * _power(above, power - 1)


def _power(x: jax.Array, power: ArrayLike) -> jax.Array:
    return jnp.power(x, jnp.asarray(power, x.dtype))


def _star_relu_facts(scale: float, bias: float) -> dict[str, Any]:
    del bias  # it changes no slope
    if scale:
        return {}
    raise errors.rejected(
        rule="star_relu needs scale other than 0",
        got="scale=0.0, which is a constant",
        do="pass scale=1",
    )


def _star_relu_fit(f: Callable[..., Any]) -> Params | None:
    bias, high = samples(f, -1.0, 64.0)
    scale = (high - bias) / 4096
    return proposal(scale=scale, bias=bias) if scale else None


def _repu_facts(power: float) -> dict[str, Any]:
    if power >= 2:
        return {}
    raise errors.rejected(
        rule="repu needs power >= 2",
        got=f"power={power}",
        do="pass power=2, or take relu",
    )


def _repu_fit(f: Callable[..., Any]) -> Params | None:
    high = samples(f, 2.0)[0]
    found = proposal(power=np.log2(high).item()) if high > 0 else None
    return found if found and found["power"] >= 2 else None


SQUARE = Activation("square", square, "x^2", "Livni, Shalev-Shwartz & Shamir 2014", plain=True)
CUBE = Activation("cube", cube, "x^3", "Chen & Manning 2014, section 3", plain=True)
SQUARED_RELU = Activation(
    "squared_relu",
    squared_relu,
    "max(x, 0)^2",
    "So, Mańke, Liu, Dai, Shazeer & Le 2021",
    flat=True,
)
STAR_RELU = Activation(
    "star_relu",
    star_relu,
    "scale * max(x, 0)^2 + bias",
    "Yu et al. 2022 (MetaFormer baselines)",
    {"scale": STAR_SCALE, "bias": STAR_BIAS},
    flat=True,
    facts=_star_relu_facts,
    fit=_star_relu_fit,
)
REPU = Activation(
    "repu",
    repu,
    "max(x, 0)^power",
    "Li, Tang & Yu 2020",
    {"power": 3.0},
    flat=True,
    facts=_repu_facts,
    fit=_repu_fit,
)
