"""Do the kernels of every activation of the catalogue agree with random draws?"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import CATALOGUE, get
from relu_jax.theory.kernels import dual, dual_slope

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every quadrature; test_tracers.py has it for this one"
)
DRAWS = 500_000
Q1, Q2, RHO = (np.array(x) for x in ((1.0, 0.4, 0.7), (1.0, 1.5, 0.7), (0.5, -0.8, 0.99)))
# With closed forms, by quadrature, with jumps.
USUAL = ("relu", "leaky_relu", "sine", "hard_tanh", "sign")
thorough = pytest.mark.thorough("two quadratures in the plane for each activation: minutes")
# E f'(u) f'(v) of lif_rate has no bound: f' is infinite at the threshold.
ENDLESS = {"lif_rate"}


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@cache
def normal():
    return np.random.default_rng(11).standard_normal((2, DRAWS))


def drawn(g, q1, q2, rho):
    """Average g(u) g(v), and tell the standard error."""
    z = normal()
    u = np.sqrt(q1) * z[0]
    v = np.sqrt(q2) * (rho * z[0] + np.sqrt(1 - rho**2) * z[1])
    product = np.asarray(g(jnp.asarray(u)) * g(jnp.asarray(v)))
    return product.mean(), product.std() / np.sqrt(DRAWS)


every_function = pytest.mark.parametrize(
    "act",
    [
        pytest.param(act, id=act.name, marks=() if act.name in USUAL else thorough)
        for act in CATALOGUE
    ],
)


def worst(kernel, g, act):
    """Tell by how many standard errors the kernel is off at its worst pair."""
    found = np.asarray(kernel(act, Q1, Q2, RHO * np.sqrt(Q1 * Q2)))
    scores = []
    for value, *pair in zip(found, Q1, Q2, RHO, strict=True):
        mean, error = drawn(g, *pair)
        # What does not vary, such as a slope of 0, is met to rounding.
        scores.append(abs(value - mean) / (error + 1e-13 * abs(mean) + 1e-300))
    return max(scores)


@every_function
def test_kernels_lie_within_five_standard_errors_of_draws(act):
    assert worst(dual, act, act) < 5


@every_function
def test_kernels_of_slopes_lie_within_five_standard_errors_of_draws(act):
    if act.name in ENDLESS:
        with pytest.raises(ValueError, match="for lif_rate at variances"):
            dual_slope(act, Q1, Q2, RHO * np.sqrt(Q1 * Q2))
    else:
        assert worst(dual_slope, act.derivative, act) < 5


def test_the_usual_functions_are_of_the_catalogue():
    assert {*USUAL, *ENDLESS} <= {act.name for act in CATALOGUE}


def test_draws_tell_a_kernel_from_one_that_is_two_hundredths_off():
    assert worst(lambda *args: 1.02 * dual(*args), get("relu"), get("relu")) > 5
