"""Is every public function of a traced activation parameter the same under jit, vmap and grad?

Each is taken along one parameter: compiled it gives what it gives plainly, batched too, its
derivative is that of differences, and a second call compiles nothing.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax import theory
from relu_jax.activations import get
from tests.theory.compiling import compilations

pytestmark = pytest.mark.thorough("every function is compiled in four ways: minutes")

LEAKY = get("leaky_relu")
X = jnp.eye(2) + 0.5
Y = jnp.array([[1.0], [-1.0]])
W = {"weight_std": 1.1, "bias_std": 0.3}


def of(slope):
    return {"params": {"slope": slope}}


def kernel(slope):
    both = theory.ntk(LEAKY, X, depth=1, **W, **of(slope))
    return theory.Kernels(both, both, both)


CASES = {
    "moments": lambda a: theory.moments(LEAKY, 2.0, **of(a)).slope_second,
    "moments_with_error": lambda a: theory.moments_with_error(LEAKY, 2.0, **of(a)).value.mean,
    "average": lambda a: theory.average(LEAKY, 2.0, "second", **of(a)),
    "average_with_error": lambda a: theory.average_with_error(LEAKY, 2.0, "mean", **of(a)).value[0],
    "expectation": lambda a: theory.expectation(lambda x: LEAKY.fn(x, slope=a) ** 2, 2.0),
    "chi_1": lambda a: theory.chi_1(LEAKY, weight_std=1.3, **of(a)),
    "mean_field": lambda a: theory.mean_field(LEAKY, **W, **of(a)).q,
    "phase_diagram": lambda a: theory.phase_diagram(
        LEAKY, jnp.array([1.1]), jnp.array([0.3]), **of(a)
    ).q[0, 0],
    "critical_init": lambda a: theory.critical_init(LEAKY, **of(a)).weight_std,
    "jacobian_spectrum": lambda a: (
        theory.jacobian_spectrum(LEAKY, 3, weight_std=1.1, **of(a)).relative_variance
    ),
    "gradient_flow": lambda a: theory.gradient_flow(kernel(a).train, X, Y, time=0.3)[0, 0],
    "trained": lambda a: theory.trained(kernel(a), kernel(a), Y, time=0.3).covariance[0, 0],
    "posterior": lambda a: theory.posterior(kernel(a), Y, noise=0.1).mean[0, 0],
}


@pytest.mark.parametrize("name", CASES)
def test_a_function_is_the_same_under_every_transformation(name):
    f = CASES[name]
    step, at = 0.01, jnp.array([0.19, 0.2, 0.21])
    plain = [float(f(a)) for a in (0.19, 0.2, 0.21)]
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(f)))(at)
    np.testing.assert_allclose(values, plain, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(
        slopes[1], (values[2] - values[0]) / (2 * step), rtol=2e-2, atol=2e-4
    )
    with compilations() as compiled:
        f(0.2)
    assert compiled == []


def test_the_upper_end_is_compiled_and_batched_and_has_no_derivative():
    def end(a):
        return theory.largest_squared_singular_value(LEAKY, 2, weight_std=1.1, **of(a))

    ends, slopes = jax.jit(jax.vmap(jax.value_and_grad(end)))(jnp.array([0.2, 0.5]))
    assert float(end(0.2)) == pytest.approx(float(ends[0]), rel=1e-5)
    assert slopes.tolist() == [0, 0]
