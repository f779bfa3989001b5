"""What JAX and PyTorch call the catalogue's functions, and where ours differs on purpose.

Every exception stands in docs/conventions.md as well, with its reason: a test compares them.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import nn


class Peer(NamedTuple):
    """A function of a framework that a member of the catalogue has to equal.

    It is held to the framework's numbers, unless a reason says why they differ: then to the exact
    ones, which it has to come at least as near to as the framework does.
    """

    name: str
    fn: Callable[..., Any]
    params: Mapping[str, float] = MappingProxyType({})
    value: str = ""  # why its value is another
    slope: str = ""  # why its derivative is


FASTER = "made of operations that XLA does not write to memory, in 0.5 to 0.9 of the time"
CANCELS = "expm1(x) + 1 loses the digits of e^x below about -1"
ONE_PLUS_TANH = "1 + tanh(u) loses the digits of the gate where it closes or opens fully"
ROUNDED_TWICE = "exp(x - f(x)) multiplies the rounding of f(x) by its size"
ROUNDED_OFTEN = "rounded up to 28 times where the gate opens"
TWO_TERMS = "near its zero the sum of its two terms cancels"
SUM_CANCELS = "x + √(x² + b) cancels below 0"
DIFFERENCE = "1/(1 + |x|) - |x|/(1 + |x|)^2 is a difference"
THREE_ROUNDINGS = "x/3 + 1/2 in three roundings, near its zero at -1.5"
SLOPE_CANCELS = "1 + x/√(x² + b) cancels below 0"
SQUARE_OVERFLOWS = "x² overflows in float32"
ROUNDS_TO_THE_KINK = "x + 3, or (x + 1)/2, rounds to its value at the kink, in every float type"
BY_VALUE = "the slope is computed from the value, as in jax.nn: it ends where 1 - f rounds to 0"
TORCH_TAIL = "1 + erf(x / sqrt(2)) loses the digits of the tail, below about -1"
NEAR_ZERO = "x - tanh(x) cancels near 0"
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
    Peer("elu", nn.elu, slope=CANCELS),
    Peer("elu", lambda x: nn.elu(x, 0.5), {"alpha": 0.5}, slope=CANCELS),
    Peer("selu", nn.selu, slope=CANCELS),
    Peer("gelu", lambda x: nn.gelu(x, approximate=False), value=FASTER, slope=TWO_TERMS),
    Peer("gelu_tanh", nn.gelu, value=ONE_PLUS_TANH, slope=ONE_PLUS_TANH),
    Peer("silu", nn.silu, slope=TWO_TERMS),
    Peer("softplus", nn.softplus, value=FASTER, slope=ROUNDED_TWICE),
    Peer("tanh", jnp.tanh),
    Peer("sigmoid", nn.sigmoid),
    Peer("hard_tanh", nn.hard_tanh),
    Peer("log_sigmoid", nn.log_sigmoid, value=FASTER, slope=ROUNDED_TWICE),
    Peer("celu", nn.celu, slope=CANCELS),
    Peer("celu", lambda x: nn.celu(x, 0.5), {"alpha": 0.5}, slope=CANCELS),
    Peer("hard_sigmoid", nn.hard_sigmoid),
    Peer("sparse_plus", nn.sparse_plus),
    Peer("sparse_sigmoid", nn.sparse_sigmoid),
    Peer("soft_sign", nn.soft_sign, slope=DIFFERENCE),
    Peer("mish", nn.mish, value=FASTER, slope=ROUNDED_OFTEN),
    Peer("squareplus", nn.squareplus, value=SUM_CANCELS, slope=SLOPE_CANCELS),
    Peer("squareplus", lambda x: nn.squareplus(x, 1.0), {"b": 1.0}, SUM_CANCELS, SLOPE_CANCELS),
    Peer("hard_silu", nn.hard_silu, slope=THREE_ROUNDINGS),
)
TORCH = (
    Peer("relu", lambda t: t.relu),
    Peer("relu6", lambda t: t.nn.functional.relu6),
    Peer("leaky_relu", lambda t: t.nn.functional.leaky_relu),
    Peer("elu", lambda t: t.nn.functional.elu),
    Peer("selu", lambda t: t.nn.functional.selu),
    Peer("gelu", lambda t: t.nn.functional.gelu, value=TORCH_TAIL, slope=TORCH_TAIL),
    Peer("silu", lambda t: t.nn.functional.silu),
    Peer("softplus", lambda t: t.nn.functional.softplus),
    Peer("tanh", lambda t: t.tanh, slope=TORCH_TANH),
    Peer("sigmoid", lambda t: t.sigmoid),
    Peer("hard_tanh", lambda t: t.nn.functional.hardtanh),
    Peer("log_sigmoid", lambda t: t.nn.functional.logsigmoid),
    Peer("absolute", lambda t: t.abs),
    Peer("soft_shrink", lambda t: t.nn.functional.softshrink),
    Peer("hard_shrink", lambda t: t.nn.functional.hardshrink),
    Peer("hard_sigmoid", lambda t: t.nn.functional.hardsigmoid),
    Peer("soft_sign", lambda t: t.nn.functional.softsign, slope=DIFFERENCE),
    Peer("celu", lambda t: t.nn.functional.celu),
    Peer("hard_silu", lambda t: t.nn.functional.hardswish, slope=THREE_ROUNDINGS),
    Peer("mish", lambda t: t.nn.functional.mish, slope=TWO_TERMS),
    Peer(
        "gelu_tanh",
        lambda t: partial(t.nn.functional.gelu, approximate="tanh"),
        value=ONE_PLUS_TANH,
        slope=ONE_PLUS_TANH,
    ),
    Peer("tanh_shrink", lambda t: t.nn.functional.tanhshrink, value=NEAR_ZERO, slope=NEAR_ZERO),
    Peer("softplus", lambda t: partial(t.nn.functional.softplus, beta=2.0), {"beta": 2}),
    Peer(
        "threshold",
        lambda t: partial(t.nn.functional.threshold, threshold=0.5, value=-2.0),
        {"threshold": 0.5, "value": -2.0},
    ),
    Peer("rrelu", lambda t: t.nn.functional.rrelu),
    Peer("relu1", lambda t: partial(t.clamp, min=0, max=1)),
    Peer("relu_n", lambda t: partial(t.clamp, min=0, max=5), {"n": 5}),
    Peer("sign", lambda t: t.sign),
    Peer("square", lambda t: t.square),
    Peer("exponential", lambda t: t.exp),
    Peer("sine", lambda t: t.sin, {"frequency": 1}),
    Peer("cosine", lambda t: t.cos, {"frequency": 1}),
    Peer("arctan", lambda t: t.atan),
    Peer("arcsinh", lambda t: t.asinh),
    Peer("erf", lambda t: t.erf),
    Peer("normal_cdf", lambda t: t.special.ndtr, value=TORCH_TAIL, slope=TORCH_TAIL),
)
