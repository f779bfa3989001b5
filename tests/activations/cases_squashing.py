"""Rows of the bounded, the oscillating and the biological activations."""

from math import pi

from relu_jax.activations.algebraic import ARCSINH, ARCTAN, ELLIOTT, ISRLU, ISRU, SOFT_SIGN, SYMLOG
from relu_jax.activations.distributions import CLOGLOG, ERF, GOMPERTZ, LAPLACE, NORMAL_CDF
from relu_jax.activations.neurons import LIF_RATE, LIF_RATE_SMOOTH
from relu_jax.activations.squashing import (
    BIPOLAR_SIGMOID,
    DSILU,
    PENALIZED_TANH,
    RECTIFIED_TANH,
    SCALED_TANH,
    SOFT_CLIPPING,
)
from relu_jax.activations.waves import (
    COSINE,
    EXPONENTIAL,
    GAUSSIAN,
    GAUSSIAN_SQUARE,
    RICKER,
    SINC,
    SINE,
)
from tests.activations.case import INF, Case
from tests.activations.peers import BY_VALUE

NO_LIMIT = (float("nan"), float("nan"))  # a wave is NaN at ±inf, and so are its derivatives
ISR = "x/sqrt(1 + alpha*x**2)"
PENALIZED = "where(x > 0, tanh(x), slope*tanh(x))"
LEFT = "(softplus(sharpness*x) - softplus(sharpness*(x - 1)))/sharpness"
RIGHT = "(softplus(sharpness*(1 - x)) - softplus(-sharpness*x))/sharpness"
CLIPPING = f"where(2*x > 1, 1 - {RIGHT}, {LEFT})"  # one formula, which cancels on one side each
DRIVE = "(resistance*x + rest - threshold)"
LIF = f"where({DRIVE} > 0, 1/(refractory + tau*log(1 + (threshold - reset)/{DRIVE})), 0)"
SOFT_LIF = f"1/(refractory + tau*log(1 + (threshold - reset)/(width*softplus({DRIVE}/width))))"
SUM = "the terms of f″ cancel where it is 0"
NORMAL = "Phi((x - mu)/sigma)"
GROWTH = "exp(-b*exp(-c*x))"
# 1 - e^-u loses the digits of a small u, e^(-u/2) sinh(u/2) those of a large one
CLOGLOG_TEXT = "where(x > 1, 1 - exp(-exp(x)), 2*exp(-exp(x)/2)*sinh(exp(x)/2))"
SINE_TEXT, COSINE_TEXT = "sin(frequency*x)", "cos(frequency*x)"
BELL = "exp(-(x/width)**2/2)"

CASES = (
    Case(
        SOFT_SIGN, "where(x < 0, x/(1 - x), x/(1 + x))", (-1, 1), (0, 0), (-1, 1)
    ),
    Case(
        ELLIOTT, "where(x < 0, 1/(2 - 2*x), 1 - 1/(2 + 2*x))", (0, 1), (0, 0), (0, 1)
    ),
    Case(
        SYMLOG, "where(x < 0, -log(1 - x), log(1 + x))", (-INF, INF), (0, 0), (-INF, INF)
    ),
    Case(ISRU, ISR, (-1, 1), (0, 0), (-1, 1)),
    Case(ISRU.with_params(alpha=3), ISR, (-(3**-0.5), 3**-0.5), (0, 0), (-(3**-0.5), 3**-0.5)),
    Case(ISRLU, f"where(x < 0, {ISR}, x)", (-1, INF), (0, 1), (-1, INF)),
    Case(
        ISRLU.with_params(alpha=0.25), f"where(x < 0, {ISR}, x)", (-2, INF), (0, 1), (-2, INF)
    ),
    Case(ARCTAN, "atan(x)", (-pi / 2, pi / 2), (0, 0), (-pi / 2, pi / 2)),
    Case(ARCSINH, "asinh(x)", (-INF, INF), (0, 0), (-INF, INF)),
    Case(
        BIPOLAR_SIGMOID, "tanh(x/2)", (-1, 1), (0, 0), (-1, 1), (0, 0.25, 0.25), BY_VALUE
    ),
    Case(
        SCALED_TANH, "scale*tanh(rate*x)", (-1.7159, 1.7159), (0, 0), (-1.7159, 1.7159),
        (0, 0.75, 1), BY_VALUE,
    ),
    Case(
        SCALED_TANH.with_params(scale=0.5, rate=3), "scale*tanh(rate*x)",
        (-0.5, 0.5), (0, 0), (-0.5, 0.5), (0, 1.5, 9), BY_VALUE,
    ),
    Case(
        RECTIFIED_TANH, "where(x > 0, tanh(x), 0)", (0, 1), (0, 0), (0, 1), (0, 0.5, 1), BY_VALUE,
        kink_slopes=(0,),
    ),
    Case(
        PENALIZED_TANH, PENALIZED, (-0.25, 1), (0, 0), (-0.25, 1), (0, 0.5, 1), BY_VALUE,
        kink_slopes=(0.25,),
    ),
    Case(
        PENALIZED_TANH.with_params(slope=0.6), PENALIZED,
        (-0.6, 1), (0, 0), (-0.6, 1), (0, 0.5, 1), BY_VALUE,
        kink_slopes=(0.6,),
    ),
    Case(
        DSILU, "sigmoid(x)*(1 + x*sigmoid(-x))", (0, 1), (0, 0), (-0.0998394, 1.0998394),
        (0, 0, 0.05), SUM,
    ),
    Case(SOFT_CLIPPING, CLIPPING, (0, 1), (0, 0), (0, 1)),
    Case(SOFT_CLIPPING.with_params(sharpness=4), CLIPPING, (0, 1), (0, 0), (0, 1)),
    Case(ERF, "erf(x)", (-1, 1), (0, 0), (-1, 1)),
    Case(NORMAL_CDF, "Phi(x)", (0, 1), (0, 0), (0, 1)),
    Case(
        LAPLACE, NORMAL, (0, 1), (0, 0), (0, 1),
        (2e-4, 0, 0), "near 0, x - mu has the rounding of mu",
    ),
    Case(LAPLACE.with_params(mu=-0.5, sigma=2), NORMAL, (0, 1), (0, 0), (0, 1)),
    Case(GOMPERTZ, GROWTH, (0, 1), (0, 0), (0, 1), (0, 0, 0.02), SUM),
    Case(GOMPERTZ.with_params(b=2, c=0.5), GROWTH, (0, 1), (0, 0), (0, 1)),
    Case(CLOGLOG, CLOGLOG_TEXT, (0, 1), (0, 0), (0, 1), (0, 0, 0.02), SUM),
    Case(GAUSSIAN_SQUARE, "exp(-x**2)", (0, 0), (0, 0), (0, 1)),
    Case(GAUSSIAN, BELL, (0, 0), (0, 0), (0, 1)),
    Case(GAUSSIAN.with_params(width=1.7), BELL, (0, 0), (0, 0), (0, 1)),
    Case(RICKER, "(1 - x**2)*exp(-x**2/2)", (0, 0), (0, 0), (-0.4462603, 1)),
    Case(
        SINE, SINE_TEXT, NO_LIMIT, NO_LIMIT, (-1, 1),
        bends=NO_LIMIT,
    ),
    Case(
        SINE.with_params(frequency=1.5), SINE_TEXT, NO_LIMIT, NO_LIMIT, (-1, 1), bends=NO_LIMIT
    ),
    Case(COSINE, COSINE_TEXT, NO_LIMIT, NO_LIMIT, (-1, 1), bends=NO_LIMIT),
    Case(
        COSINE.with_params(frequency=2.5), COSINE_TEXT, NO_LIMIT, NO_LIMIT, (-1, 1), bends=NO_LIMIT
    ),
    Case(SINC, "where(Abs(x) > 0, sin(x)/x, 1 - x**2/6)", (0, 0), (0, 0), (-0.2172337, 1)),
    Case(EXPONENTIAL, "exp(x)", (0, INF), (0, INF), (0, INF), bends=(0, INF)),
    Case(LIF_RATE, LIF, (0, 500), (0, 0), (0, 500), kink_slopes=(0,)),
    Case(
        LIF_RATE.with_params(reset=-60, resistance=10, tau=0.01, refractory=0.005), LIF,
        (0, 200), (0, 0), (0, 200),
        kink_slopes=(0,),
    ),
    Case(LIF_RATE_SMOOTH, SOFT_LIF, (0, 500), (0, 0), (0, 500)),
    Case(
        LIF_RATE_SMOOTH.with_params(
            reset=-60, resistance=10, tau=0.01, refractory=0.005, width=2.5
        ),
        SOFT_LIF, (0, 200), (0, 0), (0, 200),
    ),
)  # fmt: skip
