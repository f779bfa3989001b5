"""What JAX and PyTorch call the catalogue's functions, and where ours differs on purpose.

Every exception stands in docs/conventions.md as well, with its reason: a test compares them.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import nn


class Peer(NamedTuple):
    """A function of a framework that a member of the catalogue has to equal."""

    name: str
    fn: Callable[..., Any]
    params: Mapping[str, float] = MappingProxyType({})
    ulps: tuple[int, int] = (0, 2)  # for value and slope
    where: Callable[[np.ndarray], np.ndarray] | None = None  # the points it is compared at
    why: str = ""

    def held(self, x: np.ndarray) -> np.ndarray:
        """Mark the points where the two have to be equal."""
        return np.ones(x.shape, bool) if self.where is None else self.where(x)


CANCELS = "expm1(x) + 1 loses the digits of e^x below about -1"
ONE_PLUS_TANH = "1 + tanh(u) loses the digits of the gate where it closes or opens fully"
ROUNDED_TWICE = "exp(x - f(x)) multiplies the rounding of f(x) by its size"
ROUNDED_OFTEN = "rounded up to 28 times where the gate opens"
# On JAX 0.12 jax.nn itself is 2.8 roundings off there, so that the exact slope would be as far.
TWO_TERMS = "each half of Φ(x) + x φ(x) has the rounding of an exponential, and they cancel below 0"
SUM_CANCELS = "x + √(x² + b) cancels"
DIFFERENCE = "1/(1 + |x|) - |x|/(1 + |x|)^2 is a difference"
THREE_ROUNDINGS = "x/3 + 1/2 in three roundings"
SLOPE_CANCELS = "1 + x/√(x² + b) cancels"
SQUARE_OVERFLOWS = "x² overflows in float32"
ROUNDS_TO_THE_KINK = "x + 3, or (x + 1)/2, rounds to its value at the kink, in every float type"
BY_VALUE = "the slope is computed from the value, as in jax.nn: it ends where 1 - f rounds to 0"
TORCH_TAIL = "1 + erf(x / sqrt(2)) loses the digits of the tail, below about -1"
NEAR_ZERO = "x - tanh(x) cancels near 0, and its tanh is another approximation"
TORCH_TANH = "its tanh is another approximation: 1 - tanh^2 differs where it cancels"
# Slopes that differ only at the float below or above a kink: name, jax.nn's, sides of each kink.
BESIDE_KINKS = (
    ("hard_sigmoid", nn.hard_sigmoid, {3.0: (-1,)}),
    ("hard_silu", nn.hard_silu, {3.0: (-1,)}),
    ("sparse_sigmoid", nn.sparse_sigmoid, {1.0: (-1, 1)}),
)
JAX = (
    Peer("relu", nn.relu),
    Peer("relu6", nn.relu6),
    Peer("leaky_relu", nn.leaky_relu),
    Peer("leaky_relu", lambda x: nn.leaky_relu(x, 0.2), {"slope": 0.2}),
    Peer("elu", nn.elu, where=lambda x: x > -1, why=CANCELS),
    Peer("selu", nn.selu, where=lambda x: x > -1, why=CANCELS),
    Peer("gelu", lambda x: nn.gelu(x, approximate=False), ulps=(0, 3), why=TWO_TERMS),
    Peer("gelu_tanh", nn.gelu, ulps=(8, 32), where=lambda x: x > -1, why=ONE_PLUS_TANH),
    Peer("silu", nn.silu),
    Peer("softplus", nn.softplus, ulps=(0, 8), why=ROUNDED_TWICE),
    Peer("tanh", jnp.tanh),
    Peer("sigmoid", nn.sigmoid),
    Peer("hard_tanh", nn.hard_tanh),
    Peer("log_sigmoid", nn.log_sigmoid, ulps=(0, 8), why=ROUNDED_TWICE),
    Peer("celu", nn.celu, where=lambda x: x > -1, why=CANCELS),
    Peer("hard_sigmoid", nn.hard_sigmoid),
    Peer("sparse_plus", nn.sparse_plus),
    Peer("sparse_sigmoid", nn.sparse_sigmoid),
    Peer("soft_sign", nn.soft_sign, ulps=(0, 8), why=DIFFERENCE),
    Peer("mish", nn.mish, ulps=(0, 40), why=ROUNDED_OFTEN),
    Peer("squareplus", nn.squareplus, where=lambda x: x > 0, why=SUM_CANCELS),
    Peer("hard_silu", nn.hard_silu, where=lambda x: abs(x + 1.5) > 0.75, why=THREE_ROUNDINGS),
)
TORCH = (
    Peer("relu", lambda t: t.relu, ulps=(4, 4)),
    Peer("relu6", lambda t: t.nn.functional.relu6, ulps=(4, 4)),
    Peer("leaky_relu", lambda t: t.nn.functional.leaky_relu, ulps=(4, 4)),
    Peer("elu", lambda t: t.nn.functional.elu, ulps=(4, 4)),
    Peer("selu", lambda t: t.nn.functional.selu, ulps=(4, 4)),
    Peer(
        "gelu", lambda t: t.nn.functional.gelu, ulps=(4, 4), where=lambda x: x > -1, why=TORCH_TAIL
    ),
    Peer("silu", lambda t: t.nn.functional.silu, ulps=(4, 4)),
    Peer("softplus", lambda t: t.nn.functional.softplus, ulps=(4, 4)),
    Peer("tanh", lambda t: t.tanh, ulps=(4, 4), where=lambda x: abs(x) < 1, why=TORCH_TANH),
    Peer("sigmoid", lambda t: t.sigmoid, ulps=(4, 4)),
    Peer("hard_tanh", lambda t: t.nn.functional.hardtanh, ulps=(4, 4)),
    Peer("log_sigmoid", lambda t: t.nn.functional.logsigmoid, ulps=(4, 4)),
    Peer("absolute", lambda t: t.abs, ulps=(4, 4)),
    Peer("soft_shrink", lambda t: t.nn.functional.softshrink, ulps=(4, 4)),
    Peer("hard_shrink", lambda t: t.nn.functional.hardshrink, ulps=(4, 4)),
    Peer("hard_sigmoid", lambda t: t.nn.functional.hardsigmoid, ulps=(4, 4)),
    Peer("soft_sign", lambda t: t.nn.functional.softsign, ulps=(4, 4)),
    Peer("celu", lambda t: t.nn.functional.celu, ulps=(4, 4)),
    Peer("hard_silu", lambda t: t.nn.functional.hardswish, ulps=(4, 4)),
    Peer("mish", lambda t: t.nn.functional.mish, ulps=(4, 8), why=ROUNDED_OFTEN),
    Peer(
        "gelu_tanh",
        lambda t: partial(t.nn.functional.gelu, approximate="tanh"),
        ulps=(8, 32),
        where=lambda x: x > -1,
        why=ONE_PLUS_TANH,
    ),
    Peer(
        "tanh_shrink",
        lambda t: t.nn.functional.tanhshrink,
        ulps=(4, 8),
        where=lambda x: abs(x) > 1.25,
        why=NEAR_ZERO,
    ),
    Peer(
        "softplus", lambda t: partial(t.nn.functional.softplus, beta=2.0), {"beta": 2}, ulps=(4, 4)
    ),
    Peer(
        "threshold",
        lambda t: partial(t.nn.functional.threshold, threshold=0.5, value=-2.0),
        {"threshold": 0.5, "value": -2.0},
        ulps=(4, 4),
    ),
    Peer("rrelu", lambda t: t.nn.functional.rrelu, ulps=(4, 4)),
    Peer("relu1", lambda t: partial(t.clamp, min=0, max=1), ulps=(4, 4)),
    Peer("relu_n", lambda t: partial(t.clamp, min=0, max=5), {"n": 5}, ulps=(4, 4)),
    Peer("sign", lambda t: t.sign, ulps=(4, 4)),
    Peer("square", lambda t: t.square, ulps=(4, 4)),
    Peer("exponential", lambda t: t.exp, ulps=(4, 4)),
    Peer("sine", lambda t: t.sin, {"frequency": 1}, ulps=(4, 4)),
    Peer("cosine", lambda t: t.cos, {"frequency": 1}, ulps=(4, 4)),
    Peer("arctan", lambda t: t.atan, ulps=(4, 4)),
    Peer("arcsinh", lambda t: t.asinh, ulps=(4, 4)),
    Peer("erf", lambda t: t.erf, ulps=(4, 4)),
    Peer(
        "normal_cdf", lambda t: t.special.ndtr, ulps=(4, 4), where=lambda x: x > -1, why=TORCH_TAIL
    ),
)
