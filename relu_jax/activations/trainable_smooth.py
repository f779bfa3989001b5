"""Which learned activations have no kink at any setting of their parameters?"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from relu_jax.activations import gates_gelu, growing_waves, hyperbolas
from relu_jax.activations.bounded import tanh
from relu_jax.activations.ranges import refuse_unless
from relu_jax.activations.slopes import with_slope
from relu_jax.activations.smooth import silu
from relu_jax.activations.starts import Arrays, Drawn, Start
from relu_jax.activations.tails import settled
from relu_jax.activations.trainable import Trainable

XIELU_BETA = 0.5


def swish(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn the steepness of the gate: x / (1 + e^(-beta x)).

    Edges: beta = 0 is x/2. For beta > 0, -inf gives 0 with derivative 0, and inf gives inf with
    derivative 1.

    Source: Ramachandran, Zoph & Le 2017.

    Example:
        >>> float(swish({"beta": jnp.float32(0.0)}, jnp.float32(3.0)))
        1.5
    """
    return silu(x, beta=params["beta"])


def acon_c(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn to switch between two lines: (p1 - p2) x * sigmoid(beta (p1 - p2) x) + p2 x.

    Edges: beta = 0 gives the mean of the two lines, large beta their maximum. With beta > 0 and
    p1 > p2 the limits at ±inf are those of p1 x at inf and of p2 x at -inf.

    Source: Ma, Zhang, Liu & Sun 2021, Activate or not (ACON-C).

    Example:
        >>> p = {"p1": jnp.float32(2.0), "p2": jnp.float32(1.0), "beta": jnp.float32(0.0)}
        >>> float(acon_c(p, jnp.float32(2.0)))
        3.0
    """
    rate = params["beta"] * (params["p1"] - params["p2"])
    # Each line with its own gate: of two infinite terms one would take the other away.
    return params["p1"] * silu(x, beta=rate) + params["p2"] * silu(x, beta=-rate)


def snake(params: Arrays, x: jax.Array) -> jax.Array:
    """Add a learned ripple to the identity: x + sin(a x)^2 / a.

    Edges: a = 0 gives x with its derivative x^2 in a. ±inf gives ±inf; its derivatives are NaN.

    Source: Ziyin, Hartwig & Ueda 2020.

    Example:
        >>> float(snake({"a": jnp.float32(0.0)}, jnp.float32(3.0)))
        3.0
    """
    return growing_waves.snake(x, frequency=params["a"])


def squareplus(params: Arrays, x: jax.Array) -> jax.Array:
    """Learn how round the corner of a relu is: (x + sqrt(x^2 + b)) / 2.

    Edges: b is positive. -inf gives 0 with derivative 0, inf gives inf with derivative 1. The
    derivative in b is 1 / (4 sqrt(x^2 + b)) for every x.

    Source: Barron 2021; b starts at 4, as in jax.nn.

    Example:
        >>> float(squareplus({"b": jnp.float32(4.0)}, jnp.float32(0.0)))
        1.0
    """
    return hyperbolas.squareplus(x, b=params["b"])


def smu(params: Arrays, x: jax.Array) -> jax.Array:
    """Round off a leaky_relu: ((1 + alpha) x + (1 - alpha) x * erf(mu (1 - alpha) x)) / 2.

    Edges: large mu gives max(x, alpha x), mu = 0 the line (1 + alpha) x / 2. For mu > 0 the slope
    is the smaller one of alpha and 1 at -inf, the larger one at inf.

    Source: Biswas, Kumar, Banerjee & Pandey 2022, SMU. mu = 1 at the start is ours;
    public code starts at 1e6, which is a leaky_relu to rounding.

    Example:
        >>> float(smu({"alpha": jnp.float32(0.5), "mu": jnp.float32(0.0)}, jnp.float32(4.0)))
        3.0
    """
    return gates_gelu.smu(x, alpha=params["alpha"], mu=params["mu"])


def xielu(params: Arrays, x: jax.Array) -> jax.Array:
    """Integrate a learned slope: p x^2 + x/2 for x > 0, else (e^x - 1 - x) n + x/2.

    p = softplus(positive) and n = 1/2 + softplus(negative): the slope is 1/2 at 0 and rises from
    -softplus(negative) at -inf.

    Edges: both infinities give inf. Hugging Face clips x at -1e-6 inside e^x, which moves the
    value by at most 1e-6 n and the slope at 0 to 1/2 - n; here it is 1/2.

    Source: Huang & Schlag 2024, Deriving activation functions using integration; p = n = 0.8 at
    the start, as in Apertus.

    Example:
        >>> round(float(xielu(XIELU.init(), jnp.float32(2.0))), 6)
        4.2
    """
    return _xielu(x, jax.nn.softplus(params["positive"]), jax.nn.softplus(params["negative"]))


def _xielu_slope(x: jax.Array, above: jax.Array, below: jax.Array) -> jax.Array:
    left = (below + XIELU_BETA) * jnp.exp(jnp.where(x > 0, 0, x)) - below
    return jnp.where(x > 0, 2 * above * x + XIELU_BETA, left)


@with_slope(_xielu_slope)
def _xielu(x: jax.Array, above: jax.Array, below: jax.Array) -> jax.Array:
    # -n x + x/2 is written -below x: at -inf the two would be inf - inf.
    left = (below + XIELU_BETA) * jnp.expm1(jnp.where(x > 0, 0, x)) - below * x
    return jnp.where(x > 0, above * x * x + XIELU_BETA * x, left)


def dyt(params: Arrays, x: jax.Array) -> jax.Array:
    """Squash with a learned rate, in place of a normalisation: gamma * tanh(alpha x) + beta.

    alpha is one number for the layer, gamma and beta are one for each unit.

    Edges: ±inf gives beta ± gamma for alpha > 0, with derivative 0 in x and alpha.

    Source: Zhu, Chen, He, LeCun & Liu 2025, Transformers without normalization;
    alpha starts at 0.5 outside language models.

    Example:
        >>> float(dyt(DYT.init(), jnp.float32(jnp.inf)))
        1.0
    """
    return params["gamma"] * tanh(settled(params["alpha"] * x)) + params["beta"]


def _smu_facts(alpha: float, mu: float) -> dict[str, Any]:
    refuse_unless(mu > 0 and alpha != 1, "smu", "mu > 0 and alpha other than 1", alpha=alpha, mu=mu)
    return {}


def _dyt_facts(alpha: float, gamma: float, beta: float) -> dict[str, Any]:
    del beta
    return {"flat": alpha * gamma == 0}


SWISH = Trainable(
    "swish",
    swish,
    Start((("beta", 1.0),)),
    "x / (1 + e^(-beta x))",
    "Ramachandran, Zoph & Le 2017",
    ("beta",),
)
ACON_C = Trainable(
    "acon_c",
    acon_c,
    Drawn(jax.random.normal, ("p1", "p2"), (("beta", 1.0),)),
    "(p1 - p2) x * sigmoid(beta (p1 - p2) x) + p2 x",
    "Ma, Zhang, Liu & Sun 2021",
    ("p1", "p2", "beta"),
)
SNAKE = Trainable(
    "snake",
    snake,
    Start((("a", 1.0),)),
    "x + sin(a x)^2 / a",
    "Ziyin, Hartwig & Ueda 2020",
    ("a",),
)
SQUAREPLUS = Trainable(
    "squareplus",
    squareplus,
    Start((("b", 4.0),), facts=hyperbolas.SQUAREPLUS.facts),
    "(x + sqrt(x^2 + b)) / 2",
    "Barron 2021",
    ("b",),
    facts=hyperbolas.SQUAREPLUS.facts,
)
SMU = Trainable(
    "smu",
    smu,
    Start((("alpha", 0.25), ("mu", 1.0)), facts=_smu_facts),
    "((1 + alpha) x + (1 - alpha) x * erf(mu (1 - alpha) x)) / 2",
    "Biswas, Kumar, Banerjee & Pandey 2022",
    ("alpha", "mu"),
    facts=_smu_facts,
)
XIELU = Trainable(
    "xielu",
    xielu,
    Start((("positive", np.log(np.expm1(0.8)).item()), ("negative", np.log(np.expm1(0.3)).item()))),
    "p x^2 + x/2 for x > 0, else (e^x - 1 - x) n + x/2",
    "Huang & Schlag 2024",
    ("positive", "negative"),
)
DYT = Trainable(
    "dyt",
    dyt,
    Start((("alpha", 0.5), ("gamma", 1.0), ("beta", 0.0)), shared=("alpha",)),
    "gamma * tanh(alpha x) + beta",
    "Zhu, Chen, He, LeCun & Liu 2025",
    ("alpha", "gamma", "beta"),
    facts=_dyt_facts,
    in_steps=True,
)
