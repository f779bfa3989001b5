"""Is a fit read in JAX as it was found in NumPy, and refused where it does not hold?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.tap.slope_fits import VARIABLES, Fit, evaluate, fitted

Y = np.linspace(-0.99, 2.5, 500)
FITS = [
    Fit(name, a, b, 0.0, 1.5, (0.4, 0.3, -0.2, 0.1))
    for name in VARIABLES
    for a, b in [(3.0, -1.0) if name in ("log", "arc") else (-1.0, 0.5)]
]


@pytest.mark.parametrize("fit", FITS, ids=VARIABLES)
def test_jax_and_numpy_read_a_fit_alike(fit):
    with jax.enable_x64(True):
        got = evaluate(jnp, fit, jnp.asarray(Y))
    np.testing.assert_allclose(got, evaluate(np, fit, Y), rtol=1e-12, atol=1e-14)


def _found(y, d, everywhere=None, **ends):
    settings = {"closed": (), "limits": (y[0], y[-1]), "error": 1e-6} | ends
    return fitted(y, d, everywhere=everywhere or (y, d), **settings)


def test_a_power_is_found_with_its_exponent():
    y = np.geomspace(1e-6, 1e6, 2000)
    fit = _found(y, 3 * y ** (2 / 3))
    assert (fit.variable, fit.b, fit.coefficients) == ("power", 2 / 3, (pytest.approx(3.0),))
    assert _found(y, y**-0.5) is None  # without bound at 0


def test_a_fit_has_to_go_on_as_the_slope_does():
    y = np.linspace(0.0, 1.0, 2000)
    far = np.array([5.0, 50.0])
    assert _found(y, y).variable == "y"
    assert _found(y, y, (far, np.ones(2))).variable == "y"  # held at its end
    assert _found(y, y, (far, np.zeros(2))).variable == "root"  # of 1 - y, which ends at 1
    assert _found(y, y, (far, np.array([3.0, 7.0]))) is None


def test_at_an_end_its_derivative_is_that_from_inside():
    fit = Fit("y", 0.0, 0.0, -1.0, 0.0, (0.5, 0.5))  # 1 + y up to 0, as elu has it
    assert [float(jax.grad(lambda y: evaluate(jnp, fit, y))(y)) for y in (-0.5, 0.0)] == [1, 1]


def test_at_its_limit_nothing_is_divided_by_zero():
    fit = Fit("log", 3.0, -1.0, 0.0, 1.5, (0.4, 0.3))
    with jax.debug_infs(True):
        assert float(evaluate(jnp, fit, jnp.float32(-1.0))) == 0.0


def test_a_quotient_is_taken_where_it_is_shorter():
    y = np.linspace(0.0, 4.0, 2001)
    bell = 1 / (1 + (y / 2 - 1) ** 2)
    fit = _found(y, bell, error=1e-9)
    assert (len(fit.coefficients), len(fit.below)) == (3, 3)
    np.testing.assert_allclose(evaluate(np, fit, y), bell, atol=1e-9)
    assert not _found(y, 1 - y / 8).below
    narrow = 1 / (1 + 60 * (y / 2 - 1) ** 2)  # its denominator comes near to 0
    fit = _found(y, narrow, error=0.05)
    assert len(fit.coefficients) > 20
    assert not fit.below
