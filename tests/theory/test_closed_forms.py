"""Does every closed kernel equal the integral over the plane that it replaces?"""

from functools import partial

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from jax import lax

from relu_jax.activations import CATALOGUE, get
from relu_jax.theory.closed_forms import CLOSED_FORMS, polynomial
from relu_jax.theory.kernels import closed_form, dual
from tests.theory.closed import PARAMS

pytestmark = pytest.mark.thorough("quadratures in the plane, wide networks: minutes")

Q1 = np.array([0.4, 1.0, 1.0, 2.0, 0.1, 3.0, 1.0, 1.0])
Q2 = np.array([0.4, 1.0, 2.0, 0.5, 3.0, 3.0, 1.0, 1.0])
RHO = np.array([1.0, -1.0, 0.5, -0.8, 0.0, 0.99, 0.1, -0.3])


def lines(below, above=1.0):
    return lambda x: jnp.where(x < 0, below * x, above * x)


IN_JAX = {
    "identity": lambda x: x,
    "square": jnp.square,
    "cube": lambda x: x**3,
    "relu": lambda x: jnp.maximum(x, 0),
    "absolute": jnp.abs,
    "leaky_relu": lines(0.3),
    "two_slope": lines(-0.2, 1.4),
    "rrelu": lines(0.25),
    "squared_relu": lambda x: jnp.maximum(x, 0) ** 2,
    "star_relu": lambda x: 0.9 * jnp.maximum(x, 0) ** 2 - 0.4,
    "heaviside": lambda x: jnp.where(x > 0, 1.0, 0.0),
    "sign": jnp.sign,
    "erf": lax.erf,
    "normal_cdf": lambda x: lax.erfc(-x * 0.5**0.5) / 2,
    "sine": lambda x: jnp.sin(1.7 * x),
    "cosine": lambda x: jnp.cos(1.7 * x),
    "exponential": jnp.exp,
    "gaussian": lambda x: jnp.exp(-(x**2) / 1.28),
    "gaussian_square": lambda x: jnp.exp(-(x**2)),
}
WAVES = ("sine", "cosine")  # need more nodes than what bends once
JUMPS = ("heaviside", "sign")


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def label(row):
    return f"{row.name}({','.join(row.params)})"


@pytest.mark.parametrize("row", CLOSED_FORMS, ids=label)
def test_the_kernel_equals_the_integral_over_the_plane(row):
    f, params = IN_JAX[row.name], {k: PARAMS[k] for k in row.params}
    x = np.array([-1.3, -0.2, 0.4, 2.0])
    np.testing.assert_allclose(f(jnp.array(x)), row.formula(x, **params), rtol=1e-12)
    q1, q2, c = jnp.array(Q1), jnp.array(Q2), jnp.array(RHO * np.sqrt(Q1 * Q2))
    closed = jax.jit(row.dual)(q1, q2, c, **params)
    nodes = 24 if row.name in WAVES else 12
    plane = jax.jit(partial(dual, f, nodes=nodes))(q1, q2, c)
    size = np.abs(np.asarray(closed)).max()
    np.testing.assert_allclose(closed, plane, rtol=1e-12, atol=1e-13 * size)


@pytest.mark.parametrize("row", CLOSED_FORMS, ids=label)
def test_the_slope_kernel_is_the_derivative_in_the_covariance(row):
    params = {k: PARAMS[k] for k in row.params}
    q1, q2, c = jnp.array(Q1), jnp.array(Q2), jnp.array(RHO * np.sqrt(Q1 * Q2))
    got = row.slope(q1, q2, c, **params)
    assert got.shape == c.shape
    if row.name in JUMPS:  # f' is 0 wherever it exists
        assert not got.any()
        return
    slope = jax.jit(jax.vmap(jax.grad(lambda *qqc: row.dual(*qqc, **params), argnums=2)))
    np.testing.assert_allclose(got, slope(q1, q2, c), rtol=1e-12, atol=1e-14)


def test_names_are_known_to_the_tests():
    assert {row.name for row in CLOSED_FORMS} == set(IN_JAX)


def test_a_polynomial_equals_the_integral_over_the_plane():
    a = (0.5, -1.0, 0.0, 0.25, 0.1)
    q1, q2, c = jnp.array(Q1), jnp.array(Q2), jnp.array(RHO * np.sqrt(Q1 * Q2))
    plane = jax.jit(partial(dual, lambda x: jnp.polyval(jnp.array(a[::-1]), x)))(q1, q2, c)
    closed = jax.jit(partial(polynomial, a))(q1, q2, c)
    np.testing.assert_allclose(closed, plane, rtol=1e-12, atol=1e-13)


def test_a_polynomial_of_one_variable_has_the_moments_of_wick():
    q = jnp.float64(2.0)
    got = jax.jit(jax.vmap(lambda a: polynomial(list(a), q, q, q)))(jnp.eye(5))
    np.testing.assert_allclose(got, [1, 2, 3 * 4, 15 * 8, 105 * 16], rtol=1e-14)


def test_a_polynomial_is_differentiable_in_its_coefficients():
    one = jnp.float64(1.0)
    slope = jax.jit(jax.grad(lambda a: polynomial([0.0, a, a], one, one, one)))(2.0)
    assert slope == 2 * 2.0 * (1 + 3)


def test_waves_of_large_variance_do_not_overflow():
    sine = next(row for row in CLOSED_FORMS if row.name == "sine")
    q = jnp.float64(1e6)
    np.testing.assert_allclose(sine.dual(q, q, q, frequency=3.0), 0.5, rtol=1e-12)


def test_every_member_of_the_catalogue_that_bears_a_name_of_the_table_has_its_kernel():
    rows = {row.name for row in CLOSED_FORMS}
    named = [act for act in CATALOGUE if act.name in rows]
    assert {closed_form(act).name for act in named} == {act.name for act in named}
    assert len(named) >= 3


def test_a_step_at_variance_0_is_its_value_at_0():
    step = get("heaviside", at_zero=0.25)
    got = dual(step, jnp.array([0.0, 0.0, 2.0]), jnp.array([0.0, 3.0, 0.0]), 0.0)
    np.testing.assert_allclose(got, [1 / 16, 1 / 8, 1 / 8], rtol=1e-15)


@pytest.mark.parametrize("q", [1e4, 1e6, 1e10])
def test_single_precision_keeps_the_slope_of_saturated_functions(q):
    one = jnp.float32(q)
    erf, bell = (next(r for r in CLOSED_FORMS if r.name == n) for n in ("erf", "gaussian_square"))
    expected = 4 / np.pi / np.sqrt(1 + 4 * q)
    np.testing.assert_allclose(erf.slope(one, one, one), expected, rtol=1e-6)
    np.testing.assert_allclose(bell.dual(one, one, one), (1 + 4 * q) ** -0.5, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(erf.dual, 2)(one, one, one), expected, rtol=1e-6)


def test_a_small_sine_keeps_its_digits():
    sine = next(row for row in CLOSED_FORMS if row.name == "sine")
    q = jnp.float32(1e-8)
    np.testing.assert_allclose(sine.dual(q, q, -q, frequency=2.0), -4e-8, rtol=1e-6)


@pytest.mark.parametrize("bad", [{"width": 0.0}, {"width": -1.0}])
def test_parameters_of_a_closed_form_are_checked(bad):
    with pytest.raises(ValueError, match=r"gaussian needs width > 0; got width=.*; pass"):
        dual(get("gaussian"), 1.0, 1.0, 0.5, params=bad)


def test_coefficients_are_a_sequence_of_any_float_type():
    one = jnp.float32(1.0)
    assert polynomial(np.array([0.0, 0.0, 1.0]), one, 1, 1.0).dtype == jnp.float32
    assert float(polynomial([0.0] * 40 + [1.0], 1.0, 1.0, 0.0)) == pytest.approx(
        float(mp.fac2(39)) ** 2
    )
    with pytest.raises(TypeError, match=r"a sequence of coefficients, from a_0 on; got float 2"):
        polynomial(2.0, one, one, one)
