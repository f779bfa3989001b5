"""Each activation as people spell it: one row per spelling, with the slope it takes at a kink.

The slopes are those that were measured for JAX 0.10.2 and 0.12 (float32); they differ between
spellings of one function, and the tap has to report the program's own.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772
ROOT = float(np.sqrt(2 / np.pi))


class Spelling(NamedTuple):
    """One way to write an activation."""

    kind: str
    words: str  # distinguishes the row
    f: Callable[[Any], Any]
    params: dict[str, float] = {}  # noqa: RUF012 - a NamedTuple default, never written to
    slopes: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """Name the row."""
        return f"{self.kind}: {self.words}"


@jax.custom_jvp
def _straight_through_clip(x):
    return jnp.clip(x, -1, 1)


_straight_through_clip.defjvps(lambda t, _ans, _x: t)


def _exp_tanh(x):
    return (jnp.exp(x) - jnp.exp(-x)) / (jnp.exp(x) + jnp.exp(-x))


def _masked_elu(x):
    return jnp.where(x > 0, x, 1.5 * (jnp.exp(jnp.minimum(x, 0)) - 1))


def _clamped(x):
    return lax.clamp(jnp.array(-1, x.dtype), x, jnp.array(1, x.dtype))


def _selected(x):
    return jnp.select([x < 0, x < 6], [jnp.zeros_like(x), x], 6)


RELU = (
    Spelling("relu", "jax.nn", nn.relu, {}, (0.0,)),
    Spelling("relu", "maximum", lambda x: jnp.maximum(x, 0), {}, (0.5,)),
    Spelling("relu", "where >", lambda x: jnp.where(x > 0, x, 0), {}, (0.0,)),
    Spelling("relu", "where >=", lambda x: jnp.where(x >= 0, x, 0.0), {}, (1.0,)),
    Spelling("relu", "masked", lambda x: x * (x > 0), {}, (0.0,)),
    Spelling("relu", "half sum", lambda x: (x + jnp.abs(x)) / 2, {}, (1.0,)),
    Spelling("relu", "clip", lambda x: jnp.clip(x, 0), {}, (0.5,)),
    Spelling("relu", "lax.max", lambda x: lax.max(x, jnp.zeros_like(x)), {}, (0.5,)),
    Spelling("relu", "select", lambda x: jnp.select([x < 0], [0.0], x), {}, (1.0,)),
    Spelling("relu", "minus minimum", lambda x: -jnp.minimum(-x, 0), {}, (0.5,)),
)
LEAKY_RELU = (
    Spelling("leaky_relu", "jax.nn", nn.leaky_relu, {"slope": 0.01}, (1.0,)),
    Spelling("leaky_relu", "where", lambda x: jnp.where(x > 0, x, 0.2 * x), {"slope": 0.2}, (0.2,)),
    Spelling("leaky_relu", "maximum", lambda x: jnp.maximum(x, 0.1 * x), {"slope": 0.1}, (0.55,)),
    Spelling(
        "leaky_relu",
        "two halves",
        lambda x: jnp.maximum(x, 0) + 0.3 * jnp.minimum(x, 0),
        {"slope": 0.3},
        (0.65,),
    ),
    Spelling("absolute", "jax.numpy", jnp.abs, {}, (1.0,)),
)
ELU = (
    Spelling("elu", "jax.nn", nn.elu, {"alpha": 1.0}),
    Spelling("elu", "guarded exp", _masked_elu, {"alpha": 1.5}, (0.75,)),
    Spelling(
        "elu",
        "two halves",
        lambda x: jnp.maximum(x, 0) + jnp.minimum(0, jnp.expm1(x)),
        {"alpha": 1.0},
    ),
    Spelling("elu", "celu", nn.celu, {"alpha": 1.0}),
)
SELU = (
    Spelling("selu", "jax.nn", nn.selu, {}, (LAMBDA * ALPHA,)),
    Spelling(
        "selu",
        "scaled where",
        lambda x: LAMBDA * jnp.where(x > 0, x, ALPHA * jnp.expm1(x)),
        {},
        (LAMBDA * ALPHA,),
    ),
    Spelling(
        "selu",
        "exp",
        lambda x: jnp.where(x > 0, LAMBDA * x, LAMBDA * ALPHA * (jnp.exp(x) - 1)),
        {},
        (LAMBDA * ALPHA,),
    ),
)
GELU = (
    Spelling("gelu", "jax.nn", lambda x: nn.gelu(x, approximate=False)),
    Spelling("gelu", "erf", lambda x: 0.5 * x * (1 + lax.erf(x / np.sqrt(2).item()))),
    Spelling("gelu", "erfc", lambda x: x * 0.5 * lax.erfc(-x * 0.70710678)),
    Spelling("gelu", "normal cdf", lambda x: x * jax.scipy.stats.norm.cdf(x)),
)
GELU_TANH = (
    Spelling("gelu_tanh", "jax.nn", nn.gelu),
    Spelling("gelu_tanh", "cube", lambda x: 0.5 * x * (1 + jnp.tanh(ROOT * (x + 0.044715 * x**3)))),
    Spelling(
        "gelu_tanh",
        "factored",
        lambda x: 0.5 * x * (1 + jnp.tanh(0.7978845608 * x * (1 + 0.044715 * x * x))),
    ),
    Spelling("gelu_tanh", "logistic", lambda x: x * nn.sigmoid(2 * ROOT * (x + 0.044715 * x**3))),
)
SILU = (
    Spelling("silu", "jax.nn", nn.silu, {"beta": 1.0}),
    Spelling("silu", "times sigmoid", lambda x: x * nn.sigmoid(x), {"beta": 1.0}),
    Spelling("silu", "quotient", lambda x: x / (1 + jnp.exp(-x)), {"beta": 1.0}),
    Spelling("silu", "sharp", lambda x: x * nn.sigmoid(1.5 * x), {"beta": 1.5}),
    Spelling("quick_gelu", "times sigmoid", lambda x: x * nn.sigmoid(1.702 * x)),
)
SOFTPLUS = (
    Spelling("softplus", "jax.nn", nn.softplus, {"beta": 1.0}),
    Spelling("softplus", "log", lambda x: jnp.log(1 + jnp.exp(x)), {"beta": 1.0}),
    Spelling("softplus", "logaddexp", lambda x: jnp.logaddexp(x, 0), {"beta": 1.0}),
    Spelling(
        "softplus",
        "stable",
        lambda x: jnp.log1p(jnp.exp(-jnp.abs(x))) + jnp.maximum(x, 0),
        {"beta": 1.0},
    ),
    Spelling("softplus", "sharp", lambda x: jnp.log1p(jnp.exp(2 * x)) / 2, {"beta": 2.0}),
)
LOG_SIGMOID = (
    Spelling("log_sigmoid", "jax.nn", nn.log_sigmoid),
    Spelling("log_sigmoid", "log of sigmoid", lambda x: jnp.log(nn.sigmoid(x))),
    Spelling("log_sigmoid", "minus log1p", lambda x: -jnp.log1p(jnp.exp(-x))),
)
TANH = (
    Spelling("tanh", "jax.nn", nn.tanh),
    Spelling("tanh", "exponentials", _exp_tanh),
    Spelling("tanh", "from sigmoid", lambda x: 2 * nn.sigmoid(2 * x) - 1),
    Spelling("tanh", "sinh by cosh", lambda x: jnp.sinh(x) / jnp.cosh(x)),
)
SIGMOID = (
    Spelling("sigmoid", "jax.nn", nn.sigmoid),
    Spelling("sigmoid", "quotient", lambda x: 1 / (1 + jnp.exp(-x))),
    Spelling("sigmoid", "exponentials", lambda x: jnp.exp(x) / (1 + jnp.exp(x))),
    Spelling("sigmoid", "from tanh", lambda x: 0.5 * (jnp.tanh(x / 2) + 1)),
)
RELU6 = (
    Spelling("relu6", "jax.nn", nn.relu6, {}, (0.0, 0.0)),
    Spelling("relu6", "min of max", lambda x: jnp.minimum(jnp.maximum(x, 0), 6), {}, (0.5, 0.5)),
    Spelling("relu6", "select", _selected, {}, (1.0, 0.0)),
    Spelling("relu6", "clip", lambda x: jnp.clip(x, 0, 6), {}, (0.5, 0.5)),
)
HARD = {"low": -1.0, "high": 1.0}
HARD_TANH = (
    Spelling("hard_tanh", "jax.nn", nn.hard_tanh, HARD, (1.0, 1.0)),
    Spelling("hard_tanh", "clip", lambda x: jnp.clip(x, -1, 1), HARD, (0.5, 0.5)),
    Spelling(
        "hard_tanh", "max of min", lambda x: jnp.maximum(-1, jnp.minimum(1, x)), HARD, (0.5, 0.5)
    ),
    Spelling("hard_tanh", "lax.clamp", _clamped, HARD, (0.0, 0.0)),
    Spelling("hard_tanh", "straight through", _straight_through_clip, HARD, (1.0, 1.0)),
    Spelling(
        "hard_tanh", "wide", lambda x: jnp.clip(x, -2, 3), {"low": -2.0, "high": 3.0}, (0.5, 0.5)
    ),
)
IDENTITY = (
    Spelling("identity", "jax.nn", nn.identity),
    Spelling("identity", "plus 0", lambda x: x + 0),
    Spelling("identity", "half of twice", lambda x: (x + x) / 2),
)

SPELLINGS: tuple[tuple[Spelling, ...], ...] = (
    RELU, LEAKY_RELU, ELU, SELU, GELU, GELU_TANH, SILU, SOFTPLUS, LOG_SIGMOID, TANH, SIGMOID,
    RELU6, HARD_TANH, IDENTITY,
)  # fmt: skip
ALL: tuple[Spelling, ...] = tuple(row for rows in SPELLINGS for row in rows)
