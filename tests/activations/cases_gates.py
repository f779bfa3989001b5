"""Rows of the smooth gates: x times something, hyperbolas, growing waves."""

import numpy as np

from relu_jax.activations.gates import LOGISH, MISH, PHISH, SERF, SMISH, TELU
from relu_jax.activations.gates_gelu import CLIPPED_GELU, GELU_FAST, SMU
from relu_jax.activations.gates_sigmoid import ARIA2, ELISH, ESWISH, GOLU, QUICK_GELU
from relu_jax.activations.growing_waves import GCU, SINLU, SNAKE
from relu_jax.activations.hyperbolas import BENT_IDENTITY, PFLU, SMU1, SQUAREPLUS
from relu_jax.activations.hyperbolic import LISHT, NLRELU, SHIFTED_SOFTPLUS, TANH_SHRINK
from tests.activations.case import INF, Case

NONE = np.nan  # no limit: the function returns NaN, and so do its higher derivatives
LOG2 = np.log(2).item()
BEND = "f″ has a factor 1 - gate or 1 - tanh², which is rounded"
TANH = "1 - tanh^2 is rounded before x multiplies it; an exponential more would avoid it"
GELU_TANH = "x*sigmoid(2*sqrt(2/pi)*(x + 44715*x**3/1000000))"
CLIPPED = "clip(x*Phi(x), low, high)"
SINLU_ = "(x + amplitude*sin(frequency*x))*sigmoid(x)"
SMU_ = "alpha*x + (1 - alpha)*x*Phi(sqrt(2)*mu*(1 - alpha)*x)"
SMU1_ = "((1 + alpha)*x + sqrt((1 - alpha)**2*x**2 + mu**2))/2"

CASES = (
    Case(MISH, "x*tanh(softplus(x))", (0, INF), (0, 1), (-0.308843, INF), (0, 0, 1e-4), BEND),
    Case(
        QUICK_GELU, "x*sigmoid(1.702*x)", (0, INF), (0, 1), (-0.278465 / 1.702, INF),
        (0, 0, 1.5), BEND,
    ),
    Case(GELU_FAST, GELU_TANH, (0, INF), (0, 1), (-0.170041, INF)),
    Case(CLIPPED_GELU, CLIPPED, (0, 10), (0, 0), (-0.169972, 10), kink_slopes=(1,)),
    Case(
        CLIPPED_GELU.with_params(low=0, high=6), CLIPPED, (0, 6), (0, 0), (0, 6),
        kink_slopes=(0.5, 1 + 3.54687082e-8),
    ),
    Case(SERF, "x*erf(softplus(x))", (0, INF), (0, 1), (-0.348438, INF)),
    Case(TELU, "x*tanh(exp(x))", (0, INF), (0, 1), (-0.353286, INF), (0, 0, 3), BEND),
    Case(PHISH, "x*tanh(x*Phi(x))", (0, INF), (0, 1), (0, INF), (0, 8, 16), TANH),
    Case(
        LOGISH, "x*softplus(-softplus(-x))", (0, INF), (0, LOG2), (-0.252769, INF)
    ),
    Case(SMISH, "x*tanh(softplus(-softplus(-x)))", (0, INF), (0, 0.6), (-0.249994, INF)),
    Case(
        ESWISH, "beta*x*sigmoid(x)", (0, INF), (0, 1.375), (-0.278465 * 1.375, INF),
        (0, 0, 1.5), BEND,
    ),
    Case(
        ESWISH.with_params(beta=1.75),
        "beta*x*sigmoid(x)", (0, INF), (0, 1.75), (-0.278465 * 1.75, INF),
        (0, 0, 1.5), BEND,
    ),
    Case(
        ELISH, "where(x >= 0, x, exp(x) - 1)*sigmoid(x)",
        (0, INF), (0, 1), (2 * np.sqrt(2) - 3, INF),
    ),
    Case(ARIA2, "x*sigmoid(beta*x)**alpha", (0, INF), (0, 1), (-0.069978, INF)),
    Case(
        ARIA2.with_params(alpha=0.5, beta=1),
        "x*sigmoid(beta*x)**alpha", (0, INF), (0, 1), (-0.694860, INF),
    ),
    Case(GOLU, "x*exp(-exp(-x))", (0, INF), (0, 1), (-0.097260, INF)),
    Case(SMU, SMU_, (-INF, INF), (0.25, 1), (-INF, INF)),
    Case(
        SMU.with_params(alpha=0, mu=2), SMU_, (0, INF), (0, 1), (-0.169972 / np.sqrt(8), INF)
    ),
    Case(SQUAREPLUS, "(x + sqrt(x**2 + b))/2", (0, INF), (0, 1), (0, INF)),
    Case(SQUAREPLUS.with_params(b=0.25), "(x + sqrt(x**2 + b))/2", (0, INF), (0, 1), (0, INF)),
    Case(SMU1, SMU1_, (-INF, INF), (0.25, 1), (-INF, INF)),
    Case(SMU1.with_params(alpha=0, mu=3), SMU1_, (0, INF), (0, 1), (0, INF)),
    Case(BENT_IDENTITY, "x + (sqrt(x**2 + 1) - 1)/2", (-INF, INF), (0.5, 1.5), (-INF, INF)),
    Case(PFLU, "x*(1 + x/sqrt(1 + x**2))/2", (0, INF), (0, 1), (-0.150142, INF)),
    Case(LISHT, "x*tanh(x)", (INF, INF), (-1, 1), (0, INF), (0, 0, 0.5), BEND),
    Case(
        TANH_SHRINK, "x - tanh(x)", (-INF, INF), (1, 1), (-INF, INF), (0, 0, 1), BEND
    ),
    Case(
        SHIFTED_SOFTPLUS, "softplus(x) - log(2)", (-LOG2, INF), (0, 1), (-LOG2, INF),
        (0, 0, 0.1), BEND,
    ),
    Case(
        NLRELU, "log(1 + beta*relu(x))", (0, INF), (0, 0), (0, INF),
        kink_slopes=(0,), nan_slope=0,
    ),
    Case(
        NLRELU.with_params(beta=4), "log(1 + beta*relu(x))", (0, INF), (0, 0), (0, INF),
        kink_slopes=(0,), nan_slope=0,
    ),
    Case(
        GCU, "x*cos(x)", (NONE, NONE), (NONE, NONE), (-INF, INF), bends=(NONE, NONE)
    ),
    Case(SINLU, SINLU_, (0, INF), (0, NONE), (-0.497371, INF), bends=(0, NONE)),
    Case(
        SINLU.with_params(amplitude=0.5, frequency=1.5),
        SINLU_, (0, INF), (0, NONE), (-0.403188, INF), bends=(0, NONE),
    ),
    Case(
        SNAKE, "x + sin(frequency*x)**2/frequency",
        (-INF, INF), (NONE, NONE), (-INF, INF), bends=(NONE, NONE),
    ),
    Case(
        SNAKE.with_params(frequency=0.5),
        "x + sin(frequency*x)**2/frequency",
        (-INF, INF), (NONE, NONE), (-INF, INF), bends=(NONE, NONE),
    ),
)  # fmt: skip
