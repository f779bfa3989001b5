"""Rows of the piecewise linear, exponential and gated activations everybody knows."""

from relu_jax.activations import get
from tests.activations.case import INF, Case
from tests.activations.peers import BY_VALUE

LAMBDA = "1.0507009873554804934193349852946"
ALPHA = "1.6732632423543772848170429916717"
TOP = float(LAMBDA) * float(ALPHA)
ELU = "where(x > 0, x, alpha*(exp(x) - 1))"
BEND = "f″ has a factor 1 - f′, 1 - f² or the like, which is rounded"
HARD_TANH = "clip(x, low, high)"

CASES = (
    Case(get("identity"), "x", (-INF, INF), (1, 1), (-INF, INF), nan_slope=1),
    Case(get("relu"), "relu(x)", (0, INF), (0, 1), (0, INF), kink_slopes=(0,), nan_slope=0),
    Case(
        get("leaky_relu"), "where(x < 0, slope*x, x)", (-INF, INF), (0.01, 1), (-INF, INF),
        kink_slopes=(1,), nan_slope=0.01,
    ),
    Case(
        get("leaky_relu", slope=0.25),
        "where(x < 0, slope*x, x)", (-INF, INF), (0.25, 1), (-INF, INF),
        kink_slopes=(1,), nan_slope=0.25,
    ),
    Case(get("elu"), ELU, (-1, INF), (0, 1), (-1, INF)),
    Case(get("elu", alpha=0.5), ELU, (-0.5, INF), (0, 1), (-0.5, INF), kink_slopes=(0.5,)),
    Case(
        get("selu"), f"{LAMBDA}*where(x > 0, x, {ALPHA}*(exp(x) - 1))",
        (-TOP, INF), (0, float(LAMBDA)), (-TOP, INF),
        kink_slopes=(TOP,),
    ),
    Case(get("gelu"), "x*Phi(x)", (0, INF), (0, 1), (-0.169971, INF)),
    Case(
        get("gelu_tanh"), "x*sigmoid(2*sqrt(2/pi)*(x + 44715*x**3/1000000))",
        (0, INF), (0, 1), (-0.170041, INF),
    ),
    Case(
        get("silu"), "x*sigmoid(beta*x)", (0, INF), (0, 1), (-0.278465, INF), (0, 0, 1), BEND
    ),
    Case(
        get("silu", beta=1.702), "x*sigmoid(beta*x)", (0, INF), (0, 1), (-0.278465 / 1.702, INF),
        (0, 0, 1.5), BEND,
    ),
    Case(
        get("softplus"), "softplus(beta*x)/beta", (0, INF), (0, 1), (0, INF), (0, 0, 0.1), BEND
    ),
    Case(
        get("softplus", beta=4),
        "softplus(beta*x)/beta", (0, INF), (0, 1), (0, INF), (0, 0, 0.4), BEND,
    ),
    Case(get("tanh"), "tanh(x)", (-1, 1), (0, 0), (-1, 1), (0, 0.5, 1), BY_VALUE),
    Case(get("sigmoid"), "sigmoid(x)", (0, 1), (0, 0), (0, 1), (0, 0.1, 0.1), BY_VALUE),
    Case(get("relu6"), "clip(x, 0, 6)", (0, 6), (0, 0), (0, 6), kink_slopes=(0, 0), nan_slope=0),
    Case(get("hard_tanh"), HARD_TANH, (-1, 1), (0, 0), (-1, 1), kink_slopes=(1, 1), nan_slope=1),
    Case(
        get("hard_tanh", low=-2, high=0.5), HARD_TANH, (-2, 0.5), (0, 0), (-2, 0.5),
        kink_slopes=(1, 1), nan_slope=1,
    ),
    Case(
        get("log_sigmoid"), "-softplus(-x)", (-INF, 0), (1, 0), (-INF, 0), (0, 0, 0.1), BEND
    ),
)  # fmt: skip
