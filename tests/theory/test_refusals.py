"""What do users without the shape checks of these tests read when they pass the wrong thing?"""

import subprocess
import sys

import pytest

CALLS = """
import warnings
import jax, jax.numpy as jnp, numpy as np
import relu_jax as rj
T, relu, one = rj.theory, rj.activations.get("relu"), jnp.ones((2, 3))
K = T.Kernels(jnp.eye(4), jnp.ones((1, 4)), jnp.ones((1, 1)))
def told(call):
    try:
        call()
        print("nothing refused")
    except (TypeError, ValueError) as error:  # what is refused; anything else fails the test
        print(type(error).__name__, error)
for f in ("relu", jnp.tanh, jax.nn.relu, lambda x: x, 3):
    for call in (
        lambda: T.moments(f),
        lambda: T.average(f, 1.0, "second"),
        lambda: T.chi_1(f, weight_std=1.0),
        lambda: T.mean_field(f, weight_std=1.0),
        lambda: T.phase_diagram(f, jnp.ones(1), jnp.ones(1)),
        lambda: T.variance_fixed_points(f, weight_std=1.0),
        lambda: T.variance_map(f, 1.0, weight_std=1.0),
        lambda: T.critical_init(f),
        lambda: T.critical(f),
        lambda: T.gain_of(f),
        lambda: T.variance_preserving(f),
        lambda: T.nngp(f, one, depth=1, weight_std=1.0),
        lambda: T.ntk(f, one, depth=1, weight_std=1.0),
        lambda: T.jacobian_spectrum(f, 1, weight_std=1.0),
        lambda: T.largest_squared_singular_value(f, 1, weight_std=1.0),
        lambda: T.singular_value_law(f, 1, weight_std=1.0, shares=0.5),
        lambda: T.dks(f, 10),
        lambda: T.tat(f, 10),
    ):
        told(call)
print("---")
told(lambda: T.nngp(relu, one * 1j, depth=1, weight_std=1.0))
told(lambda: T.nngp(relu, jnp.ones((2, 3), int), depth=1, weight_std=1.0))
told(lambda: T.nngp(relu, [[1.0]], depth=1, weight_std=1.0))
told(lambda: T.dual(relu, 1j, 1.0, 0.0))
told(lambda: T.dual("relu", 1.0, 1.0, 0.0))
told(lambda: T.dual(rj.activations.get("tanh"), 1.0, 1.0, 0.0, nodes=0))
told(lambda: T.correlation_map(relu, 1j, q=1.0, weight_std=1.0))
told(lambda: T.posterior(K, jnp.ones((3, 1))))
told(lambda: T.posterior(K, jnp.ones(4)))
told(lambda: T.gradient_flow(K.train, K.cross, jnp.ones((4, 1)) * 1j))
told(lambda: T.gradient_flow(*K[:2], jnp.ones((4, 1)), start=(jnp.ones((4, 1)), jnp.ones((4, 1)))))
told(lambda: T.trained(K._replace(cross=jnp.ones((2, 4))), K, jnp.ones((4, 1))))
told(lambda: T.expectation(3.0))
told(lambda: T.expectation(jnp.tanh, kinks=1.0))
told(lambda: T.average(relu, 1.0))
told(lambda: T.average(relu, 1.0, "variance"))
told(lambda: T.dks(rj.activations.get("tanh"), 20, slope=jnp.ones(2)))
told(lambda: jax.jit(lambda eta: T.tat_slope(50, eta=eta))(0.9))
told(lambda: T.jacobian_spectrum(relu, 1, weight_std=1.0, s_1="orthogonal"))
told(lambda: T.depth_scale(1j))
told(lambda: T.born_dead_at_most(3))
told(lambda: T.log_norm_law(3))
told(lambda: T.dual(relu, 1.0, 1.0, 0.0, params=3))
told(lambda: T.dual(jnp.tanh, 1.0, 1.0, 0.0, kinks="0"))
told(lambda: T.variance_map(relu, None, weight_std=1.0))
told(lambda: T.he(weights="normal"))
told(lambda: T.xavier("uniform"))
told(lambda: T.lecun()(jax.random.key(0), 3))
"""
EXPECTED = (
    "TypeError inputs are rows of one number of features and one float type; got complex64 array",
    "ValueError inputs are rows of one number of features and one float type; got int32 array",
    "ValueError inputs are rows of one number of features and one float type; got list of length",
    "TypeError q1 is a real number; got complex 1j; pass variances and a covariance of real",
    "TypeError theory takes an Activation, which knows its kinks; got str 'relu'; pass relu_jax.",
    "ValueError a panel has at least 4 nodes; got nodes=0",
    "TypeError a correlation is a real number; got complex 1j; pass a number from -1 to 1",
    "ValueError N examples have a kernel (N, N), one with test inputs (M, N) and targets (N, C); "
    "got shapes (4, 4), (1, 4) and (3, 1); take",
    "ValueError N examples have a kernel",
    "TypeError targets is a real number; got complex64 array of shape (4, 1); pass matrices",
    "ValueError N examples have a kernel (N, N), one with test inputs (M, N) and targets (N, C), "
    "start[0] (N, C), start[1] (M, C); got shapes (4, 4), (1, 4), (4, 1), (4, 1) and (4, 1); take",
    "ValueError N examples have a kernel (N, N), one with test inputs (M, N) and targets (N, C), "
    "test (M, M); got shapes (4, 4), (2, 4), (4, 1) and (1, 1); take",
    "TypeError what is averaged is a function that gives a float for each number; got float 3.0",
    "TypeError kinks is a sequence of numbers; got float 1.0; pass kinks=(0.0, 6.0), say",
    "ValueError an average is one of mean, second, slope, slope_second, cross, bend; got no name",
    "ValueError an average is one of mean, second, slope, slope_second, cross, bend; got variance",
    "TypeError slope is one number, known before it runs; got float32 array of shape (2,); pass",
    "TypeError eta is one number, known before it runs; got float32 array of shape (); pass eta=",
    "TypeError s_1 is a real number; got str 'orthogonal'; pass s_1=GAUSSIAN or s_1=ORTHOGONAL",
    "TypeError the factor is a real number; got complex 1j; pass chi_1, or V'(q)",
    "TypeError widths hold the units of each hidden layer; got int 3; pass a list, [3] for one",
    "TypeError widths hold the units of each hidden layer; got int 3; pass a list",
    "TypeError params names parameters and their values; got int 3; pass a dict, {'slope': 0.2}",
    "TypeError kinks is a sequence of numbers; got str '0'; pass kinks=(0.0, 6.0), say",
    "TypeError the variance q is a real number; got None; pass a variance",
    "TypeError a law of weights is a function; got str 'normal'; pass gaussian or orthogonal",
    "TypeError a distribution is a function; got str 'uniform'; pass uniform or normal of",
    "TypeError a shape is a sequence of integers; got int 3; pass (inputs, outputs)",
)
FUNCTIONS = {
    "str 'relu'": "relu_jax.activations.get('relu')",
    "PjitFunction tanh": "relu_jax.activations.get('tanh')",
    "custom_jvp relu": "relu_jax.activations.get('relu')",
    "function <lambda>": "relu_jax.activations.get(name)",
    "int 3": "relu_jax.activations.get(name)",
}


@pytest.mark.thorough("it starts a Python of its own")
def test_every_refusal_says_rule_finding_and_remedy():
    done = subprocess.run(
        [sys.executable, "-c", CALLS], capture_output=True, text=True, check=True, timeout=300
    )
    named, others = (part.strip().splitlines() for part in done.stdout.split("---"))
    assert len(named) == 18 * len(FUNCTIONS)
    for i, line in enumerate(named):
        got, do = list(FUNCTIONS.items())[i // 18]
        start = f"TypeError theory takes an Activation, which knows its kinks; got {got}; pass {do}"
        assert line.startswith(start), line
        assert line.endswith("or Activation(name, fn, formula, source) for a function of your own")
    assert len(others) == len(EXPECTED)
    for line, expected in zip(others, EXPECTED, strict=True):
        assert line.startswith(expected), line
