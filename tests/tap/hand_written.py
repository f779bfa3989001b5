"""The less known members of the catalogue as people spell them: one row per spelling.

Those everybody knows, with the slopes that each spelling takes at a kink, are in spellings.py.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax import lax, nn
from jax.scipy.stats import norm

from tests.tap.spellings import ALL, Spelling

ROOT = math.sqrt(2)


def _recip(x):
    return 1 / (1 + jnp.exp(-x))


LINES = (
    Spelling("relu1", "clip", lambda x: jnp.clip(x, 0, 1)),
    Spelling("relu1", "min of relu", lambda x: jnp.minimum(nn.relu(x), 1)),
    Spelling("relu_n", "min of relu", lambda x: jnp.minimum(nn.relu(x), 8), {"n": 8}),
    Spelling("relu_n", "wide clip", lambda x: jnp.clip(x, 0, 255), {"n": 255}),
    Spelling("hard_tanh", "wide clip", lambda x: jnp.clip(x, -100, 100),
             {"low": -100, "high": 100}),
    Spelling("absolute", "maximum", lambda x: jnp.maximum(x, -x)),
    Spelling("absolute", "root of square", lambda x: jnp.sqrt(x * x)),
    Spelling("absolute", "sign times x", lambda x: jnp.sign(x) * x),
    Spelling("two_slope", "two halves", lambda x: 2 * nn.relu(x) - 0.3 * nn.relu(-x),
             {"left": 0.3, "right": 2}),
    Spelling("rrelu", "mean slope", lambda x: jnp.where(x >= 0, x, x * (1 / 8 + 1 / 3) / 2),
             {"low": 1 / 8, "high": 1 / 3}),
    Spelling("thresholded_relu", "masked", lambda x: x * (x > 0.3), {"threshold": 0.3}),
    Spelling("threshold", "where", lambda x: jnp.where(x > 0.1, x, 20.0),
             {"threshold": 0.1, "value": 20}),
    Spelling("threshold", "maximum", lambda x: jnp.maximum(x, -0.25),
             {"threshold": -0.25, "value": -0.25}),
    Spelling("relu_general", "keras",
             lambda x: jnp.where(x > 0.5, jnp.minimum(x, 6), 0.1 * (x - 0.5)),
             {"max_value": 6, "negative_slope": 0.1, "threshold": 0.5}),
    Spelling("soft_shrink", "sign times relu",
             lambda x: jnp.sign(x) * jnp.maximum(jnp.abs(x) - 0.3, 0), {"width": 0.3}),
    Spelling("soft_shrink", "two relus", lambda x: nn.relu(x - 0.3) - nn.relu(-x - 0.3),
             {"width": 0.3}),
    Spelling("soft_shrink", "x minus clip", lambda x: x - jnp.clip(x, -0.3, 0.3), {"width": 0.3}),
    Spelling("hard_shrink", "masked", lambda x: x * (jnp.abs(x) > 0.3), {"width": 0.3}),
    Spelling("hard_sigmoid", "line", lambda x: jnp.clip(x / 6 + 0.5, 0, 1)),
    Spelling("hard_sigmoid", "relu6", lambda x: nn.relu6(x + 3) / 6),
    Spelling("hard_sigmoid", "keras", lambda x: nn.relu6(x + 3) * 0.16666667),
    Spelling("linear_sigmoid", "keras 2", lambda x: jnp.clip(0.2 * x + 0.5, 0, 1),
             {"slope": 0.2, "offset": 0.5}),
    Spelling("sparse_sigmoid", "half", lambda x: 0.5 * jnp.clip(x + 1, 0, 2)),
    Spelling("tent", "relu", lambda x: nn.relu(1 - jnp.abs(x))),
    Spelling("heaviside", "cast", lambda x: (x > 0).astype(x.dtype), {"at_zero": 0}),
    Spelling("heaviside", "jax.numpy", lambda x: jnp.heaviside(x, 0.5), {"at_zero": 0.5}),
    Spelling("sign", "jax.numpy", jnp.sign),
    Spelling("sign", "of integers", lambda x: jnp.where(x > 0, 1, jnp.where(x < 0, -1, 0)) * 1.0),
    Spelling("sign", "two casts", lambda x: (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)),
)  # fmt: skip
CURVES = (
    Spelling("celu", "two halves",
             lambda x: jnp.maximum(x, 0) + jnp.minimum(0, 0.5 * jnp.expm1(x / 0.5)),
             {"alpha": 0.5}),
    Spelling("hard_silu", "relu6", lambda x: x * nn.relu6(x + 3) / 6),
    Spelling("hard_silu", "clip", lambda x: x * jnp.clip(x / 6 + 0.5, 0, 1)),
    Spelling("hard_mish", "timm", lambda x: 0.5 * x * jnp.clip(x + 2, 0, 2)),
    Spelling("sparse_plus", "square of clip",
             lambda x: jnp.where(x >= 1, x, jnp.clip(x + 1, 0, 2) ** 2 / 4)),
    Spelling("smelu", "where", lambda x: jnp.where(
        jnp.abs(x) < 1.5, (x + 1.5) ** 2 / 6, nn.relu(x)), {"beta": 1.5}),
    Spelling("squared_relu", "square", lambda x: jnp.square(nn.relu(x))),
    Spelling("squared_relu", "relu times x", lambda x: nn.relu(x) * x),
    Spelling("star_relu", "MetaFormer", lambda x: 0.8944 * nn.relu(x) ** 2 - 0.4472,
             {"scale": 0.8944, "bias": -0.4472}),
    Spelling("repu", "power", lambda x: nn.relu(x) ** 4, {"power": 4}),
    Spelling("square", "times itself", lambda x: x * x),
    Spelling("cube", "times itself", lambda x: x * x * x),
    Spelling("gelu_tanh", "gelu_fast's constants", lambda x: 0.5 * x * (
        1 + jnp.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x)))),
    Spelling("clipped_gelu", "clip", lambda x: jnp.clip(nn.gelu(x, approximate=False), -10, 10),
             {"low": -10, "high": 10}),
    Spelling("quick_gelu", "sigmoid", lambda x: x * nn.sigmoid(1.702 * x)),
    Spelling("silu", "quotient", lambda x: x / (1 + jnp.exp(-2.5 * x)), {"beta": 2.5}),
    Spelling("mish", "log1p", lambda x: x * jnp.tanh(jnp.log1p(jnp.exp(x)))),
    Spelling("serf", "log1p", lambda x: x * lax.erf(jnp.log1p(jnp.exp(x)))),
    Spelling("telu", "exp", lambda x: x * jnp.tanh(jnp.exp(x))),
    Spelling("phish", "gelu", lambda x: x * jnp.tanh(nn.gelu(x, approximate=False))),
    Spelling("logish", "log", lambda x: x * jnp.log(1 + nn.sigmoid(x))),
    Spelling("smish", "log1p", lambda x: x * jnp.tanh(jnp.log1p(_recip(x)))),
    Spelling("eswish", "silu", lambda x: 1.25 * nn.silu(x), {"beta": 1.25}),
    Spelling("elish", "where", lambda x: jnp.where(x >= 0, nn.silu(x), jnp.expm1(x) * _recip(x))),
    Spelling("hard_elish", "where", lambda x: jnp.where(
        x >= 0, x, jnp.exp(x) - 1) * jnp.clip((x + 1) / 2, 0, 1)),
    Spelling("aria2", "power", lambda x: x * (1 + jnp.exp(-1.5 * x)) ** -2.0,
             {"alpha": 2, "beta": 1.5}),
    Spelling("golu", "Gompertz", lambda x: x * jnp.exp(-jnp.exp(-x))),
    Spelling("smu", "erf", lambda x: (
        1.25 * x + 0.75 * x * lax.erf(0.8 * 0.75 * x)) / 2, {"alpha": 0.25, "mu": 0.8}),
    Spelling("smu1", "root", lambda x: (
        1.25 * x + jnp.sqrt((0.75 * x) ** 2 + 0.5**2)) / 2, {"alpha": 0.25, "mu": 0.5}),
    Spelling("gcu", "cos", lambda x: x * jnp.cos(x)),
    Spelling("sinlu", "silu", lambda x: nn.silu(x) + jnp.sin(2 * x) * nn.sigmoid(x),
             {"amplitude": 1, "frequency": 2}),
    Spelling("snake", "cosine", lambda x: x + (1 - jnp.cos(2 * x)) / 2, {"frequency": 1}),
    Spelling("snake", "square", lambda x: x + jnp.sin(0.7 * x) ** 2 / 0.7, {"frequency": 0.7}),
    Spelling("squareplus", "root", lambda x: 0.5 * (x + jnp.sqrt(x**2 + 2)), {"b": 2}),
    Spelling("bent_identity", "root", lambda x: (jnp.sqrt(x**2 + 1) - 1) / 2 + x),
    Spelling("pflu", "rsqrt", lambda x: x * (1 + x * lax.rsqrt(1 + x * x)) / 2),
    Spelling("shifted_softplus", "SchNet", lambda x: nn.softplus(x) - math.log(2)),
    Spelling("shifted_softplus", "one log", lambda x: jnp.log(0.5 * jnp.exp(x) + 0.5)),
    Spelling("nlrelu", "log", lambda x: jnp.log(2 * nn.relu(x) + 1), {"beta": 2}),
    Spelling("lisht", "tanh", lambda x: x * jnp.tanh(x)),
    Spelling("tanh_shrink", "tanh", lambda x: x - jnp.tanh(x)),
)  # fmt: skip
BOUNDED = (
    Spelling("isrlu", "rsqrt", lambda x: jnp.where(x >= 0, x, x * lax.rsqrt(1 + 2 * x**2)),
             {"alpha": 2}),
    Spelling("isru", "rsqrt", lambda x: x * lax.rsqrt(1 + x**2), {"alpha": 1}),
    Spelling("isru", "root", lambda x: x / jnp.sqrt(1 + 0.5 * x * x), {"alpha": 0.5}),
    Spelling("soft_sign", "quotient", lambda x: x / (jnp.abs(x) + 1)),
    Spelling("elliott", "half", lambda x: 0.5 * x / (1 + jnp.abs(x)) + 0.5),
    Spelling("symlog", "sign", lambda x: jnp.sign(x) * jnp.log1p(jnp.abs(x))),
    Spelling("arctan", "jax.numpy", jnp.arctan),
    Spelling("arcsinh", "log", lambda x: jnp.log(x + jnp.sqrt(x**2 + 1))),
    Spelling("bipolar_sigmoid", "sigmoid", lambda x: 2 * nn.sigmoid(x) - 1),
    Spelling("bipolar_sigmoid", "quotient", lambda x: (1 - jnp.exp(-x)) / (1 + jnp.exp(-x))),
    Spelling("scaled_tanh", "LeCun", lambda x: 1.7159 * jnp.tanh(2 / 3 * x),
             {"scale": 1.7159, "rate": 2 / 3}),
    Spelling("rectified_tanh", "relu", lambda x: jnp.tanh(nn.relu(x))),
    Spelling("rectified_tanh", "maximum", lambda x: jnp.maximum(0, jnp.tanh(x))),
    Spelling("penalized_tanh", "leaky", lambda x: nn.leaky_relu(jnp.tanh(x), 0.25),
             {"slope": 0.25}),
    Spelling("dsilu", "sigmoid", lambda x: nn.sigmoid(x) * (1 + x * (1 - nn.sigmoid(x)))),
    Spelling("soft_clipping", "log", lambda x: jnp.log(
        (1 + jnp.exp(5 * x)) / (1 + jnp.exp(5 * (x - 1)))) / 5, {"sharpness": 5}),
    Spelling("sqnl", "clip", lambda x: jnp.clip(x, -2, 2) * (1 - jnp.abs(jnp.clip(x, -2, 2)) / 4)),
    Spelling("erf", "jax.lax", lax.erf),
    Spelling("normal_cdf", "jax.scipy", norm.cdf),
    Spelling("normal_cdf", "erf", lambda x: 0.5 * (1 + lax.erf(x / ROOT))),
    Spelling("laplace", "MEGA", lambda x: 0.5 * (1 + lax.erf((x - 0.707107) / (0.282095 * ROOT))),
             {"mu": 0.707107, "sigma": 0.282095}),
    Spelling("gompertz", "exp", lambda x: jnp.exp(-3 * jnp.exp(-0.5 * x)), {"b": 3, "c": 0.5}),
    Spelling("cloglog", "exp", lambda x: 1 - jnp.exp(-jnp.exp(x))),
    Spelling("cloglog", "expm1", lambda x: -jnp.expm1(-jnp.exp(x))),
    Spelling("gaussian_square", "square", lambda x: jnp.exp(-jnp.square(x))),
    Spelling("gaussian", "width", lambda x: jnp.exp(-(x**2) / (2 * 0.3**2)), {"width": 0.3}),
    Spelling("ricker", "bell", lambda x: (1 - x**2) * jnp.exp(-0.5 * x**2)),
    Spelling("sine", "SIREN", lambda x: jnp.sin(30 * x), {"frequency": 30}),
    Spelling("cosine", "jax.numpy", jnp.cos, {"frequency": 1}),
    Spelling("sinc", "jax.numpy", lambda x: jnp.sinc(x / np.pi)),
    Spelling("sinc", "guarded", lambda x: jnp.where(
        x == 0, 1.0, jnp.sin(x) / jnp.where(x == 0, 1.0, x))),
    Spelling("exponential", "jax.numpy", jnp.exp),
    Spelling("lif_rate", "Dayan & Abbott", lambda x: jnp.where(
        10 * x > 15, 1 / (0.002 + 0.01 * jnp.log(
            (10 * x + 5) / jnp.where(10 * x > 15, 10 * x - 15, 1))), 0),
        {"rest": -65, "threshold": -50, "reset": -70, "resistance": 10, "tau": 0.01,
         "refractory": 0.002}),
    Spelling("lif_rate_smooth", "softplus", lambda x: 1 / (
        0.002 + 0.01 * jnp.log1p(20 / (2 * nn.softplus((10 * x - 15) / 2)))),
        {"rest": -65, "threshold": -50, "reset": -70, "resistance": 10, "tau": 0.01,
         "refractory": 0.002, "width": 2}),
)  # fmt: skip
HAND_WRITTEN = (*(row for row in ALL if row.kind != "identity"), *LINES, *CURVES, *BOUNDED)
