"""Which learned activations are made of straight or exponential pieces?"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from relu_jax.activations import powers
from relu_jax.activations.celu import celu
from relu_jax.activations.exponential import elu
from relu_jax.activations.inputs import as_float
from relu_jax.activations.piecewise import RRELU_HIGH, RRELU_LOW
from relu_jax.activations.ranges import finite_number, refuse_unless
from relu_jax.activations.rectifiers import LEAKY_RELU, leaky_relu
from relu_jax.activations.starts import Arrays, Start
from relu_jax.activations.trainable import Trainable
from relu_jax.core.numerics import wide_dtype
from relu_jax.core.types import Key

# Where each source lets the slope of a PReLU start.
PRELU_STARTS = {
    "he2015": 0.25,
    "torch": 0.25,
    "equinox": 0.25,
    "flax": 0.01,
    "keras": 0.0,
}
# Scale and bias: as published for learning, and those that keep a standard normal's variance.
STAR_RELU_STARTS = {
    "metaformer": (1.0, 0.0),
    "unit_variance": (powers.STAR_SCALE, powers.STAR_BIAS),
}


def prelu(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn the slope of the negative side: x for x >= 0, else slope * x.

    Edges: the derivative at 0 is 1 in x and 0 in the slope (PyTorch takes the slope in x).

    Source: He, Zhang, Ren & Sun 2015, equation 1; they train the slope without weight decay.

    Example:
        >>> float(prelu({"slope": jnp.float32(0.25)}, jnp.float32(-2.0)))
        -0.5
    """
    return leaky_relu(x, slope=params["slope"])


def sample_rrelu(
    key: Key, x: ArrayLike, *, low: float = RRELU_LOW, high: float = RRELU_HIGH
) -> jax.Array:
    """Draw the slope of each negative element, as RReLU does while it trains.

    x for x >= 0, else slope * x with slope uniform in [low, high). Evaluation is a leaky_relu of
    slope (low + high) / 2.

    Args:
        key: for the slopes.
        x: any shape; integers and bools become float32.
        low: smallest slope.
        high: largest slope, not below `low`.

    Raises:
        TypeError: a bound that is no finite number.
        ValueError: low > high.

    Edges: the slope at 0 is 1. NaN gives NaN.

    Source: Xu, Wang, Chen & Li 2015; the defaults are PyTorch's.

    Example:
        >>> y = sample_rrelu(jax.random.key(0), jnp.array([-24.0, 2.0]))
        >>> bool(-8 <= y[0] <= -3), float(y[1])
        (True, 2.0)
    """
    x = as_float(x)
    low, high = (finite_number("a bound of rrelu", v, do="pass a float") for v in (low, high))
    refuse_unless(low <= high, "rrelu", "low <= high", low=low, high=high)
    # In half precision there are few uniform numbers, whose mean is too low.
    return leaky_relu(x, slope=jax.random.uniform(key, x.shape, wide_dtype(x.dtype), low, high))


def pelu(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn both sides of an elu, kept smooth: a/b * x for x >= 0, else a * (e^(x/b) - 1).

    Edges: the slope at 0 is a/b from both sides; -inf gives -a. Both parameters are positive;
    the authors keep them above 0.1 in training.

    Source: Trottier, Giguère & Chaib-draa 2017.

    Example:
        >>> float(pelu({"a": jnp.float32(2.0), "b": jnp.float32(4.0)}, jnp.float32(3.0)))
        1.5
    """
    return params["a"] / params["b"] * celu(x, alpha=params["b"])


def mpelu(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn between relu, prelu and elu: x for x > 0, else alpha * (e^(beta x) - 1).

    Edges: the slope at 0 is alpha * beta, a kink unless that is 1; -inf gives -alpha. beta is
    positive.

    Source: Li, Fan, Li, Wu & Ming 2018.

    Example:
        >>> p = {"alpha": jnp.float32(2.0), "beta": jnp.float32(1.0)}
        >>> float(mpelu(p, jnp.float32(-jnp.inf)))
        -2.0
    """
    below = elu(params["beta"] * jnp.where(x > 0, 0, x))
    return jnp.where(x > 0, x, params["alpha"] * below)


def srelu(params: Arrays, x: jax.Array) -> jax.Array:
    """Bend the identity below `low` and above `high`, each with a slope of its own.

    low + low_slope * (x - low) for x <= low, high + high_slope * (x - high) for x >= high,
    x between.

    Edges: at a kink the slope is that of the outer side.

    Source: Jin, Xu, Feng, Wei, Xiong & Yan 2016. The start is ours: a leaky_relu of
    slope 0.2 whose upper bend is straight.

    Example:
        >>> float(srelu(SRELU.init(), jnp.float32(-2.0))) == float(jnp.float32(-0.4))
        True
    """
    low, high = params["low"], params["high"]
    below = low + params["low_slope"] * (x - low)
    above = high + params["high_slope"] * (x - high)
    return jnp.where(x >= high, above, jnp.where(x <= low, below, x))


def star_relu(params: Arrays, x: jax.Array) -> jax.Array:
    """Scale and shift a squared relu: scale * max(x, 0)^2 + bias.

    Edges: no kink; the second derivative at 0 is 0.

    Source: Yu et al. 2022, MetaFormer baselines for vision.

    Example:
        >>> float(star_relu(STAR_RELU.init(), jnp.float32(3.0)))
        9.0
    """
    return powers.star_relu(x, scale=params["scale"], bias=params["bias"])


def _pelu_facts(a: float, b: float) -> dict[str, Any]:
    refuse_unless(a > 0 and b > 0, "pelu", "a > 0 and b > 0", a=a, b=b)
    return {}


def _mpelu_facts(alpha: float, beta: float) -> dict[str, Any]:
    refuse_unless(beta > 0, "mpelu", "beta > 0", beta=beta)
    slope = alpha * beta
    kinks = () if slope == 1 else (0.0,)
    return {"kinks": kinks, "slope_at_kinks": (slope,) * len(kinks), "flat": alpha == 0}


def _srelu_facts(low: float, low_slope: float, high: float, high_slope: float) -> dict[str, Any]:
    refuse_unless(low < high, "srelu", "low < high", low=low, high=high)
    bends = [(at, slope) for at, slope in ((low, low_slope), (high, high_slope)) if slope != 1]
    return {
        "kinks": tuple(at for at, _ in bends),
        "slope_at_kinks": tuple(slope for _, slope in bends),
        "flat": 0 in (low_slope, high_slope),
    }


def _star_relu_facts(scale: float, bias: float) -> dict[str, Any]:
    del scale, bias
    return {"flat": True}


PRELU = Trainable(
    "prelu",
    prelu,
    Start((("slope", PRELU_STARTS["he2015"]),), facts=LEAKY_RELU.facts),
    "x for x >= 0, else slope * x",
    "He, Zhang, Ren & Sun 2015, equation 1",
    ("slope",),
    facts=LEAKY_RELU.facts,
)
PELU = Trainable(
    "pelu",
    pelu,
    Start((("a", 1.0), ("b", 1.0)), facts=_pelu_facts),
    "a/b * x for x >= 0, else a * (e^(x/b) - 1)",
    "Trottier, Giguère & Chaib-draa 2017",
    ("a", "b"),
    facts=_pelu_facts,
)
MPELU = Trainable(
    "mpelu",
    mpelu,
    Start((("alpha", 1.0), ("beta", 1.0)), facts=_mpelu_facts),
    "x for x > 0, else alpha * (e^(beta x) - 1)",
    "Li, Fan, Li, Wu & Ming 2018",
    ("alpha", "beta"),
    facts=_mpelu_facts,
)
SRELU = Trainable(
    "srelu",
    srelu,
    Start(
        (("low", 0.0), ("low_slope", 0.2), ("high", 1.0), ("high_slope", 1.0)),
        facts=_srelu_facts,
    ),
    "x between low and high, straight lines of other slopes beyond",
    "Jin, Xu, Feng, Wei, Xiong & Yan 2016",
    ("low", "low_slope", "high", "high_slope"),
    facts=_srelu_facts,
)
STAR_RELU = Trainable(
    "star_relu",
    star_relu,
    Start(
        tuple(zip(("scale", "bias"), STAR_RELU_STARTS["metaformer"], strict=True)),
        facts=_star_relu_facts,
    ),
    "scale * max(x, 0)^2 + bias",
    "Yu et al. 2022, MetaFormer baselines for vision",
    ("scale", "bias"),
    facts=_star_relu_facts,
)
