"""What is the spectrum of a Jacobian at its limits, between the kinks, and on bad input?"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import get
from relu_jax.theory.spectrum import (
    GAUSSIAN,
    ORTHOGONAL,
    jacobian_spectrum,
    largest_squared_singular_value,
    log_norm_law,
)

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

RELU, TANH = get("relu"), get("tanh")
LAWS = {"gaussian": GAUSSIAN, "orthogonal": ORTHOGONAL}


def test_linear_orthogonal_network_is_an_isometry():
    found = jacobian_spectrum(get("identity"), 50, weight_std=1.0, s_1=ORTHOGONAL)
    np.testing.assert_allclose(found, [1, 0, 0, 0], atol=1e-4)


def test_mean_is_the_gradient_factor_to_the_depth():
    found = jacobian_spectrum(RELU, 10, weight_std=1.0)
    assert float(found.mean) == pytest.approx(2.0**-10, rel=1e-4)
    assert float(found.variance) == pytest.approx(20 * 2.0**-20, rel=1e-4)


def test_spectrum_is_differentiated_in_a_parameter():
    # With μ_k = (1 + a^2k) / 2: relative variance = L (2 (1 + a⁴) / (1 + a²)² - 1) + L
    def relative(slope):
        leaky = get("leaky_relu")
        found = jacobian_spectrum(leaky, 3, weight_std=1.0, params={"slope": slope})
        return found.relative_variance

    a = 0.5
    expected = 3 * (8 * a**3 * (1 + a**2) - 8 * a * (1 + a**4)) / (1 + a**2) ** 3
    assert float(jax.jit(jax.grad(relative))(a)) == pytest.approx(expected, rel=1e-4)


def test_vmap_over_variances_works():
    found = jax.vmap(lambda q: jacobian_spectrum(TANH, 2, weight_std=1.0, variance=q).mean)(
        jnp.array([0.1, 1.0])
    )
    assert found[0] > found[1]


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"depth is at least 1; got 0; count the layers"):
        jacobian_spectrum(RELU, 0, weight_std=1.0)
    with pytest.raises(TypeError, match=r"depth is an integer; got float 1\.5"):
        jacobian_spectrum(RELU, 1.5, weight_std=1.0)
    with pytest.raises(ValueError, match=r"two kinds of weights; got s_1=0\.5; pass s_1=GAUSS"):
        largest_squared_singular_value(RELU, 1, weight_std=1.0, s_1=0.5)
    with pytest.raises(ValueError, match=r"a network has a hidden layer; got no width"):
        log_norm_law([])
    with pytest.raises(ValueError, match=r"a width is at least 1; got 0; give the layer"):
        log_norm_law([3, 0])
    with pytest.raises(ValueError, match=r"s_1 is at most 0, as .*; got s_1=3\.0; pass s_1=GAUSS"):
        jacobian_spectrum(RELU, 1, weight_std=1.0, s_1=3.0)
    with pytest.raises(ValueError, match=r"integrated to 1\.2e-4 of their size; got snake, whose"):
        jacobian_spectrum(get("snake", frequency=1e4), 1, weight_std=1.0)


@pytest.mark.parametrize("law", LAWS)
def test_upper_end_is_found_where_the_slope_peaks_between_the_kinks(law):
    # gelu' peaks at √2 with 1.129. The same bound on a plain grid, in float64.
    z = np.linspace(-12, 12, 200_001)
    p = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    d = (special.ndtr(z) + z * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)) ** 2

    def log_value(log_gap: float) -> float:
        x = d.max() * (1 + math.exp(log_gap))
        m = (p * d / (x - d)).sum()
        return math.log1p(1 / m) + 3 * math.log(x * m if law == "gaussian" else x * m / (1 + m))

    expected = math.exp(min(map(log_value, np.linspace(-7, 9, 200))))
    found = largest_squared_singular_value(get("gelu"), 3, weight_std=1.0, s_1=LAWS[law])
    assert float(found) == pytest.approx(expected, rel=1e-3)


def test_what_underflows_is_no_zero_and_what_is_flat_is():
    # At variance 100 tanh' is 0 in float32 for 42 % of the inputs.
    assert jacobian_spectrum(TANH, 1, weight_std=1.0, variance=100.0).zeros == 0
    zeros = jacobian_spectrum(
        get("relu6"), 1, weight_std=1.0, variance=jnp.array([1.0, 100.0])
    ).zeros
    np.testing.assert_allclose(zeros, 0.5 + special.ndtr([-6, -0.6]), rtol=1e-6)
    assert jacobian_spectrum(get("sign"), 1, weight_std=1.0).zeros == 1


def test_a_spread_far_below_1_keeps_its_digits():
    # tanh' ~ 1 - x², so the relative variance of f'² at a small variance q is 8 q².
    found = jacobian_spectrum(TANH, 3, weight_std=1.0, variance=1e-3, s_1=ORTHOGONAL)
    with jax.enable_x64(True):
        exact = jacobian_spectrum(TANH, 3, weight_std=1.0, variance=1e-3, s_1=ORTHOGONAL)
    assert float(exact.relative_variance) == pytest.approx(24e-6, rel=2e-2)
    assert float(found.relative_variance) == pytest.approx(float(exact.relative_variance), rel=1e-3)


def test_what_a_traced_parameter_moves_is_refused_here_too():
    with pytest.raises(ValueError, match="a traced high, which moves them"):
        jax.jit(
            lambda high: (
                jacobian_spectrum(get("hard_tanh"), 1, weight_std=1.0, params={"high": high}).mean
            )
        )(2.0)


def test_the_upper_end_is_that_of_one_network():
    with pytest.raises(ValueError, match=r"variance is one number; got float32 array .*vmap"):
        largest_squared_singular_value(RELU, 1, weight_std=1.0, variance=jnp.ones(2))
