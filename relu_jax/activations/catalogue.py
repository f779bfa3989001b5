"""Which activations do we know, and by which names?

The order is the order of tests, tables and recognition: a special case comes before the
family that contains it (relu before leaky_relu, relu6 before hard_tanh).
"""

from relu_jax.activations.activation import Activation
from relu_jax.activations.algebraic import ARCSINH, ARCTAN, ELLIOTT, ISRLU, ISRU, SOFT_SIGN, SYMLOG
from relu_jax.activations.bounded import LOG_SIGMOID, SIGMOID, TANH
from relu_jax.activations.celu import CELU
from relu_jax.activations.clipped import HARD_SIGMOID, LINEAR_SIGMOID, RELU1, RELU_N, SPARSE_SIGMOID
from relu_jax.activations.distributions import CLOGLOG, ERF, GOMPERTZ, LAPLACE, NORMAL_CDF
from relu_jax.activations.exponential import ELU, SELU
from relu_jax.activations.gates import LOGISH, MISH, PHISH, SERF, SMISH, TELU
from relu_jax.activations.gates_gelu import CLIPPED_GELU, GELU_FAST, SMU
from relu_jax.activations.gates_sigmoid import ARIA2, ELISH, ESWISH, GOLU, QUICK_GELU
from relu_jax.activations.growing_waves import GCU, SINLU, SNAKE
from relu_jax.activations.hard_gates import HARD_ELISH, HARD_MISH, HARD_SILU
from relu_jax.activations.hyperbolas import BENT_IDENTITY, PFLU, SMU1, SQUAREPLUS
from relu_jax.activations.hyperbolic import LISHT, NLRELU, SHIFTED_SOFTPLUS, TANH_SHRINK
from relu_jax.activations.neurons import LIF_RATE, LIF_RATE_SMOOTH
from relu_jax.activations.parabolas import SMELU, SPARSE_PLUS, SQNL
from relu_jax.activations.piecewise import ABSOLUTE, RRELU, SOFT_SHRINK, TENT, TWO_SLOPE
from relu_jax.activations.powers import CUBE, REPU, SQUARE, SQUARED_RELU, STAR_RELU
from relu_jax.activations.rectifiers import HARD_TANH, IDENTITY, LEAKY_RELU, RELU, RELU6
from relu_jax.activations.smooth import GELU, GELU_TANH, SILU, SOFTPLUS
from relu_jax.activations.squashing import (
    BIPOLAR_SIGMOID,
    DSILU,
    PENALIZED_TANH,
    RECTIFIED_TANH,
    SCALED_TANH,
    SOFT_CLIPPING,
)
from relu_jax.activations.steps import HEAVISIDE, SIGN
from relu_jax.activations.thresholds import HARD_SHRINK, RELU_GENERAL, THRESHOLD, THRESHOLDED_RELU
from relu_jax.activations.waves import (
    COSINE,
    EXPONENTIAL,
    GAUSSIAN,
    GAUSSIAN_SQUARE,
    RICKER,
    SINC,
    SINE,
)

CATALOGUE: tuple[Activation, ...] = (
    # known to everybody
    IDENTITY, RELU, LEAKY_RELU, ELU, SELU, GELU, GELU_TANH, QUICK_GELU, SILU, SOFTPLUS,
    TANH, SIGMOID, RELU6, RELU1, RELU_N, HARD_TANH, LOG_SIGMOID,
    # piecewise linear
    ABSOLUTE, RRELU, TWO_SLOPE, THRESHOLDED_RELU, THRESHOLD, RELU_GENERAL, SOFT_SHRINK,
    HARD_SHRINK, HARD_SIGMOID, SPARSE_SIGMOID, LINEAR_SIGMOID, TENT, HEAVISIDE, SIGN,
    # pieces of parabolas, powers and exponentials
    CELU, HARD_SILU, HARD_MISH, HARD_ELISH, SPARSE_PLUS, SMELU, SQNL, SQUARED_RELU,
    STAR_RELU, REPU, SQUARE, CUBE,
    # x times a gate
    GELU_FAST, CLIPPED_GELU, MISH, SERF, TELU, PHISH, LOGISH, SMISH, ESWISH, ELISH, ARIA2,
    GOLU, SMU, LISHT, GCU, SINLU, SNAKE,
    # smooth rectifiers and lines
    SQUAREPLUS, SMU1, BENT_IDENTITY, PFLU, SHIFTED_SOFTPLUS, NLRELU, TANH_SHRINK, ISRLU,
    # bounded, or growing slowly
    SOFT_SIGN, ELLIOTT, SYMLOG, ISRU, ARCTAN, ARCSINH, BIPOLAR_SIGMOID, SCALED_TANH,
    RECTIFIED_TANH, PENALIZED_TANH, DSILU, SOFT_CLIPPING, ERF, NORMAL_CDF, LAPLACE,
    GOMPERTZ, CLOGLOG,
    # bumps and waves
    GAUSSIAN_SQUARE, GAUSSIAN, RICKER, SINE, COSINE, SINC, EXPONENTIAL,
    # of a neuron
    LIF_RATE, LIF_RATE_SMOOTH,
)  # fmt: skip


def names() -> tuple[str, ...]:
    """List the names of the catalogue, in its order.

    Example:
        >>> names()[:3]
        ('identity', 'relu', 'leaky_relu')
    """
    return tuple(act.name for act in CATALOGUE)
