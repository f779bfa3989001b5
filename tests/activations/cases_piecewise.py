"""Rows of activations made of straight lines, parabolas, powers and jumps."""

from relu_jax.activations.celu import CELU
from relu_jax.activations.clipped import (
    HARD_SIGMOID,
    LINEAR_SIGMOID,
    RELU1,
    RELU_N,
    SPARSE_SIGMOID,
)
from relu_jax.activations.hard_gates import HARD_ELISH, HARD_MISH, HARD_SILU
from relu_jax.activations.parabolas import SMELU, SPARSE_PLUS, SQNL
from relu_jax.activations.piecewise import ABSOLUTE, RRELU, SOFT_SHRINK, TENT, TWO_SLOPE
from relu_jax.activations.powers import CUBE, REPU, SQUARE, SQUARED_RELU, STAR_RELU
from relu_jax.activations.steps import HEAVISIDE, SIGN
from relu_jax.activations.thresholds import (
    HARD_SHRINK,
    RELU_GENERAL,
    THRESHOLD,
    THRESHOLDED_RELU,
)
from tests.activations.case import INF, Case

ALL = (-INF, INF)
CELU_TEXT = "where(x > 0, x, alpha*(exp(x/alpha) - 1))"
GENERAL = "where(x > threshold, clip(x, threshold, max_value), negative_slope*(x - threshold))"
HARD_ELISH_TEXT = "where(x > 0, x, exp(x) - 1)*clip((x + 1)/2, 0, 1)"
HEAVISIDE_TEXT = "where(x > 0, 1, where(x < 0, 0, at_zero))"
LINEAR = "clip(slope*x + offset, 0, 1)"
REPU_TEXT = "where(x > 0, x**power, 0)"
SHRINK = "where(x > width, x - width, where(x < -width, x + width, 0))"
SMELU_TEXT = "where(x >= beta, x, where(x <= -beta, 0, (x + beta)**2/(4*beta)))"
SQNL_TEXT = "where(x > 2, 1, where(x < -2, -1, where(x < 0, x + x**2/4, x - x**2/4)))"
STAR = "where(x > 0, scale*x**2, 0) + bias"
TENT_TEXT = "where(x < -1, 0, where(x < 0, 1 + x, where(x < 1, 1 - x, 0)))"
THRESHOLD_TEXT = "where(x > threshold, x, value)"
TWO_SLOPE_TEXT = "where(x < 0, left*x, right*x)"
RRELU_TEXT = "where(x < 0, (low + high)/2*x, x)"
OUTSIDE = "where(Abs(x) > width, x, 0)"

CASES = (
    Case(
        ABSOLUTE, "where(x < 0, -x, x)", (INF, INF), (-1, 1), (0, INF),
        kink_slopes=(1,), nan_slope=-1,
    ),
    Case(RRELU, RRELU_TEXT, ALL, (11 / 48, 1), ALL, kink_slopes=(1,), nan_slope=11 / 48),
    Case(TWO_SLOPE, TWO_SLOPE_TEXT, ALL, (0.25, 1), ALL, kink_slopes=(1,), nan_slope=0.25),
    Case(
        TWO_SLOPE.with_params(left=0, right=-1.5), TWO_SLOPE_TEXT, (0, -INF), (0, -1.5), (-INF, 0),
        kink_slopes=(-1.5,), nan_slope=0,
    ),
    Case(CELU, CELU_TEXT, (-1, INF), (0, 1), (-1, INF)),
    Case(CELU.with_params(alpha=0.3), CELU_TEXT, (-0.3, INF), (0, 1), (-0.3, INF)),
    Case(RELU1, "clip(x, 0, 1)", (0, 1), (0, 0), (0, 1), kink_slopes=(0, 0), nan_slope=1),
    Case(RELU_N, "clip(x, 0, n)", (0, 20), (0, 0), (0, 20), kink_slopes=(0, 0), nan_slope=1),
    Case(
        RELU_N.with_params(n=2.5), "clip(x, 0, n)", (0, 2.5), (0, 0), (0, 2.5),
        kink_slopes=(0, 0), nan_slope=1,
    ),
    Case(RELU_GENERAL, GENERAL, (0, 6), (0, 0), (0, 6), kink_slopes=(0, 0), nan_slope=0),
    Case(
        RELU_GENERAL.with_params(max_value=4.5, negative_slope=0.25, threshold=1.3),
        GENERAL, (-INF, 4.5), (0.25, 0), (-INF, 4.5),
        kink_slopes=(0.25, 0), nan_slope=0.25,
    ),
    Case(
        RELU_GENERAL.with_params(max_value=5, threshold=0.7), GENERAL, (0, 5), (0, 0), (0, 5),
        kink_slopes=(0, 0), nan_slope=0,
    ),
    Case(
        THRESHOLDED_RELU, "where(x > threshold, x, 0)", (0, INF), (0, 1), (0, INF),
        kink_slopes=(0,), nan_slope=1,
    ),
    Case(
        THRESHOLDED_RELU.with_params(threshold=-0.7),
        "where(x > threshold, x, 0)", (0, INF), (0, 1), (-0.7, INF),
        kink_slopes=(0,), nan_slope=1,
    ),
    Case(THRESHOLD, THRESHOLD_TEXT, (0, INF), (0, 1), (0, INF), kink_slopes=(0,), nan_slope=1),
    Case(
        THRESHOLD.with_params(threshold=0.1, value=20),
        THRESHOLD_TEXT, (20, INF), (0, 1), (0.1, INF),
        kink_slopes=(0,), nan_slope=1,
    ),
    Case(SOFT_SHRINK, SHRINK, ALL, (1, 1), ALL, kink_slopes=(0, 0), nan_slope=0),
    Case(
        SOFT_SHRINK.with_params(width=1.7), SHRINK, ALL, (1, 1), ALL,
        kink_slopes=(0, 0), nan_slope=0,
    ),
    Case(HARD_SHRINK, OUTSIDE, ALL, (1, 1), ALL, kink_slopes=(0, 0), nan_slope=1),
    Case(
        HARD_SHRINK.with_params(width=1.7), OUTSIDE, ALL, (1, 1), ALL,
        kink_slopes=(0, 0), nan_slope=1,
    ),
    Case(
        HARD_SIGMOID, "clip(x + 3, 0, 6)/6", (0, 1), (0, 0), (0, 1),
        kink_slopes=(0, 0), nan_slope=0,
    ),
    Case(
        SPARSE_SIGMOID, "clip(x + 1, 0, 2)/2", (0, 1), (0, 0), (0, 1),
        kink_slopes=(0.25, 0.25), nan_slope=0,
    ),
    Case(LINEAR_SIGMOID, LINEAR, (0, 1), (0, 0), (0, 1), kink_slopes=(0, 0), nan_slope=0.2),
    Case(
        LINEAR_SIGMOID.with_params(slope=0.75, offset=0.375), LINEAR, (0, 1), (0, 0), (0, 1),
        kink_slopes=(0, 0), nan_slope=0.75,
    ),
    Case(HARD_SILU, "x*clip(x + 3, 0, 6)/6", (0, INF), (0, 1), (-0.375, INF), kink_slopes=(0, 1)),
    Case(HARD_MISH, "x*clip(x + 2, 0, 2)/2", (0, INF), (0, 1), (-0.5, INF), kink_slopes=(0,)),
    Case(HARD_ELISH, HARD_ELISH_TEXT, (0, INF), (0, 1), (-0.099674, INF), kink_slopes=(0, 1)),
    Case(SPARSE_PLUS, SMELU_TEXT.replace("beta", "1"), (0, INF), (0, 1), (0, INF)),
    Case(SMELU, SMELU_TEXT, (0, INF), (0, 1), (0, INF)),
    Case(SMELU.with_params(beta=0.3), SMELU_TEXT, (0, INF), (0, 1), (0, INF)),
    Case(SQNL, SQNL_TEXT, (-1, 1), (0, 0), (-1, 1)),
    Case(SQUARED_RELU, "where(x > 0, x**2, 0)", (0, INF), (0, INF), (0, INF), bends=(0, 2)),
    Case(
        STAR_RELU,
        STAR, (-(5**-0.5), INF), (0, INF), (-(5**-0.5), INF), bends=(0, 2 * 1.25**-0.5),
    ),
    Case(
        STAR_RELU.with_params(scale=-0.5, bias=2),
        STAR, (2, -INF), (0, -INF), (-INF, 2), bends=(0, -1),
    ),
    Case(REPU, REPU_TEXT, (0, INF), (0, INF), (0, INF), bends=(0, INF)),
    Case(REPU.with_params(power=2.5), REPU_TEXT, (0, INF), (0, INF), (0, INF), bends=(0, INF)),
    Case(SQUARE, "x**2", (INF, INF), (-INF, INF), (0, INF), bends=(2, 2)),
    Case(CUBE, "x**3", ALL, (INF, INF), ALL, bends=(-INF, INF)),
    Case(HEAVISIDE, HEAVISIDE_TEXT, (0, 1), (0, 0), (0, 1), kink_slopes=(0,), nan_slope=0),
    Case(
        HEAVISIDE.with_params(at_zero=0.5), HEAVISIDE_TEXT, (0, 1), (0, 0), (0, 1),
        kink_slopes=(0,), nan_slope=0,
    ),
    Case(
        SIGN, "where(x > 0, 1, where(x < 0, -1, 0))", (-1, 1), (0, 0), (-1, 1),
        kink_slopes=(0,), nan_slope=0,
    ),
    Case(TENT, TENT_TEXT, (0, 0), (0, 0), (0, 1), kink_slopes=(0, 0, 0), nan_slope=0),
)  # fmt: skip
