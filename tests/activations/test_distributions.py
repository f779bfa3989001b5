"""Distribution functions: SciPy's tails, and what is known at one point of each."""

import math

import jax
import numpy as np
import pytest
from scipy import special

from relu_jax.activations.distributions import (
    GOMPERTZ,
    LAPLACE,
    cloglog,
    erf,
    gompertz,
    laplace,
    normal_cdf,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-12, -5, -1.5, -0.3, 0, 0.3, 1.5, 5, 12])
RTOL = tolerance("float32")
WIDE = tolerance("float32", n=150)  # e^-x²/2 carries the rounding of x²/2, up to 72


def test_error_function_and_normal_distribution_equal_scipy():
    np.testing.assert_allclose(erf(X), special.erf(X), rtol=RTOL)
    np.testing.assert_allclose(normal_cdf(X), special.ndtr(X.astype(np.float64)), rtol=WIDE)


def test_normal_distribution_is_the_standard_laplace():
    np.testing.assert_allclose(laplace(X, mu=0.0, sigma=1.0), normal_cdf(X), rtol=WIDE)


def test_laplace_meets_the_squared_relu_in_value_and_slope():
    """Ma et al. 2023 choose mu and sigma so; at sqrt(1/2) that is 1/2 and sqrt(2)."""
    assert float(laplace(math.sqrt(0.5))) == pytest.approx(0.5, abs=1e-6)
    assert float(LAPLACE.derivative(math.sqrt(0.5))) == pytest.approx(math.sqrt(2), rel=1e-5)


def test_gompertz_turns_at_one_over_e():
    act = GOMPERTZ.with_params(b=3, c=0.5)
    turn = math.log(3) / 0.5
    assert float(act(turn)) == pytest.approx(1 / math.e, rel=RTOL)
    assert float(act.derivative(turn)) == pytest.approx(0.5 / math.e, rel=RTOL)
    assert float(act.derivative(turn, 2)) == pytest.approx(0, abs=1e-6)


def test_cloglog_is_gompertz_turned_around():
    np.testing.assert_allclose(cloglog(X), 1 - gompertz(-X), atol=2e-7)
    assert float(cloglog(math.log(math.log(2)))) == pytest.approx(0.5, rel=RTOL)


def test_cloglog_keeps_the_digits_of_its_tail():
    assert float(cloglog(-80.0)) == pytest.approx(math.exp(-80), rel=RTOL)


def test_gradients_in_parameters_equal_finite_differences():
    cases = [
        (lambda p: laplace(0.4, mu=p), 0.7),
        (lambda p: laplace(0.4, sigma=p), 0.3),
        (lambda p: gompertz(0.4, b=p), 2.0),
        (lambda p: gompertz(0.4, c=p), 2.0),
    ]
    with jax.enable_x64(True):
        for f, p in cases:
            h = 1e-6
            slope = (f(p + h) - f(p - h)) / (2 * h)
            assert float(jax.grad(f)(p)) == pytest.approx(float(slope), rel=1e-7, abs=1e-9)


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match=r"laplace needs sigma > 0; got sigma=0.0"):
        LAPLACE.with_params(sigma=0)
    with pytest.raises(ValueError, match=r"gompertz needs b > 0; got b=-1.0"):
        GOMPERTZ.with_params(b=-1)


@pytest.mark.parametrize(("mu", "sigma"), [(-3.0, 0.2), (0.1, 0.1), (2.0, 5.0)])
def test_place_and_width_are_found_near_and_far(mu, sigma):
    found = LAPLACE.fit(lambda x: special.ndtr((x - mu) / sigma))
    assert found == pytest.approx({"mu": mu, "sigma": sigma}, rel=1e-6)


@pytest.mark.parametrize("f", [np.zeros_like, lambda x: x * np.nan, lambda x: 0.5 + 0 * x])
def test_nothing_is_proposed_where_nothing_fits(f):
    assert LAPLACE.fit(f) is None
    assert GOMPERTZ.fit(f) is None


def test_gradients_in_parameters_are_numbers_where_a_step_overflows():
    for x in np.float16([-6e4, -0.1, 0.1, 6e4]):
        slope = jax.grad(lambda s, x=x: laplace(x, mu=np.float16(0), sigma=s))(np.float16(2e-3))
        assert slope == 0
    steep = jax.grad(lambda c: gompertz(np.float16(-914.5), b=np.float16(0.01), c=c))
    assert steep(np.float16(0.012)) == 0
    assert jax.grad(lambda x: gompertz(x, c=np.float16(200)))(np.float16(-0.033)) == 0
