"""Are the rectifier kernels those of Cho and Saul, with true derivatives at correlation ±1?"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from relu_jax.theory.arc_cosine import arc_cosine, correlation, root, two_slope, two_slope_slope

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

KERNEL = jax.jit(arc_cosine, static_argnums=0)
SLOPES = jax.jit(
    jax.vmap(jax.grad(arc_cosine, argnums=(1, 2, 3)), (None, 0, 0, 0)), static_argnums=0
)


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def by_angle(order, theta):
    """Integrate E step(u) u^n step(v) v^n in polar coordinates: the radius gives (2n)!! / 2."""
    radial = {0: 1, 1: 2, 2: 8}[order]
    lower, upper = theta - np.pi / 2, np.pi / 2

    def integrand(a):
        return (np.cos(a) * np.cos(a - theta)) ** order

    return radial * integrate.quad(integrand, lower, upper, epsabs=1e-14)[0] / (2 * np.pi)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_kernels_are_twice_the_integral_over_the_angle(order):
    theta = np.array([0.0, 0.4, np.pi / 2, 2.5, np.pi])
    q1, q2 = 0.7, 5.0
    got = KERNEL(
        order, jnp.full(5, q1), jnp.full(5, q2), jnp.array(np.cos(theta)) * (q1 * q2) ** 0.5
    )
    scale = (q1 * q2) ** (order / 2)
    expected = [2 * scale * by_angle(order, t) for t in theta]
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_of_order_one_an_input_keeps_its_norm_at_every_depth():
    q = jnp.array([1e-6, 0.3, 1.0, 123.0])
    k = q
    for _ in range(50):
        k = KERNEL(1, q, q, k)
    np.testing.assert_allclose(k, q, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_variances_have_correlation_one_to_the_last_bit(dtype):
    q = jnp.logspace(-12, 12, 200, dtype=dtype)
    norm, rho = correlation(q, q, q)
    np.testing.assert_array_equal(norm, q)
    np.testing.assert_array_equal(rho, 1)


@pytest.mark.parametrize("rho", [-1.0, -0.4, 0.0, 0.8, 1.0])
def test_derivatives_are_exact_up_to_the_ends(rho):
    q1, q2 = jnp.array([2.0]), jnp.array([3.0])
    c = rho * jnp.sqrt(q1 * q2)
    theta = np.arccos(np.clip(rho, -1, 1))
    # dk1/dc = k0, dk2/dc = 4 k1, and by Euler's theorem, k homogeneous of degree n in (q, c):
    # q1 dk/dq1 = q2 dk/dq2 = (n k - c dk/dc) / 2.
    k0 = 1 - theta / np.pi
    k1 = np.sqrt(6) / np.pi * (np.sin(theta) + (np.pi - theta) * np.cos(theta))
    for order, slope in ((1, k0), (2, 4 * k1)):
        d1, d2, dc = SLOPES(order, q1, q2, c)
        k = KERNEL(order, q1, q2, c)
        np.testing.assert_allclose(dc, slope, rtol=1e-12, atol=1e-7 if rho == -1 else 0)
        np.testing.assert_allclose(2 * d1, (order * k - c * dc) / 2, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(3 * d2, (order * k - c * dc) / 2, rtol=1e-12, atol=1e-13)


def test_the_infinite_derivative_of_order_zero_is_given_as_zero():
    one = jnp.ones(1)
    assert [float(d[0]) for d in SLOPES(0, one, one, one)] == [0, 0, 0]
    inside = SLOPES(0, one, one, 0.6 * one)[2]
    np.testing.assert_allclose(inside, 1 / (np.pi * 0.8), rtol=1e-12)


def test_second_derivatives_inside_are_those_of_the_formula():
    def k1(c):
        return arc_cosine(1, jnp.float64(1), jnp.float64(1), c)

    bend = jax.jit(jax.grad(jax.grad(k1)))(0.6)
    np.testing.assert_allclose(bend, 1 / (np.pi * 0.8), rtol=1e-12)


def test_an_input_of_zeros_has_finite_values_and_derivatives():
    zero, one = jnp.zeros(1), jnp.ones(1)
    for order in (1, 2):
        assert KERNEL(order, zero, one, zero)[0] == 0
        assert np.isfinite(SLOPES(order, zero, one, zero)).all()
    assert KERNEL(0, zero, one, zero)[0] == 0.5


def test_a_covariance_a_little_too_large_by_rounding_counts_as_equal_inputs():
    q = jnp.ones(1)
    np.testing.assert_allclose(KERNEL(1, q, q, q * (1 + 1e-15)), 1, rtol=1e-14)
    np.testing.assert_allclose(SLOPES(1, q, q, q * (1 + 1e-15))[2], 1, rtol=1e-14)


def test_another_order_is_refused():
    with pytest.raises(ValueError, match=r"has order 0, 1 or 2; got int 3; pass one of them"):
        arc_cosine(3, jnp.ones(1), jnp.ones(1), jnp.ones(1))


@pytest.mark.parametrize(("below", "above"), [(0.0, 1.0), (0.2, 1.0), (-1.0, 1.0), (1.0, 1.0)])
def test_two_slopes_equal_the_map_of_martens_and_his_fellows(below, above):
    # papers.md 6.8: C(c) of a leaky rectifier scaled to E f² = 1
    c = np.linspace(-1, 1, 9)
    one = jnp.ones(9)
    got = two_slope(one, one, jnp.array(c), below=below, above=above)
    bow = (np.sqrt(1 - c**2) + (np.pi - np.arccos(c)) * c) / np.pi
    np.testing.assert_allclose(2 * got, (1 - below) ** 2 * bow + 2 * below * c, atol=1e-14)


def test_the_slope_kernel_is_the_derivative_of_the_kernel():
    one = jnp.ones(5)
    c = jnp.array([-1.0, -0.3, 0.0, 0.7, 1.0])
    slope = jax.jit(jax.vmap(jax.grad(partial(two_slope, one[0], one[0], below=0.3))))(c)
    np.testing.assert_allclose(slope, two_slope_slope(one, one, c, below=0.3), rtol=1e-12)


def test_the_root_has_no_infinite_derivative():
    assert jax.grad(root)(0.0) == 0
    assert jax.grad(root)(4.0) == 0.25


def test_kernels_near_opposite_inputs_keep_their_digits():
    one, c = jnp.ones(3, jnp.float32), jnp.float32([-1 + 2.0**-20, -1 + 2.0**-8, -0.9])
    left = np.pi - np.arccos(np.float64(c))
    square = np.sin(left) ** 2
    first = np.sin(left) - left * np.cos(left)
    second = left * square - 3 * np.cos(left) * first
    for order, exact, rtol in ((0, left, 1e-6), (1, first, 1e-6), (2, second[1:], 1e-4)):
        got = np.pi * KERNEL(order, one, one, c)[-exact.size :]
        np.testing.assert_allclose(got, exact, rtol=rtol)


def test_variances_far_apart_have_a_correlation():
    big, small = jnp.float32(1e30), jnp.float32(1e-30)
    norm, rho = correlation(big, small, jnp.float32(0.5))
    np.testing.assert_allclose((norm, rho), (1, 0.5), rtol=1e-6)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("q", [(-1.0, -1.0), (-1.0, 1.0), (0.0, -1.0), (np.nan, 0.0)])
def test_a_traced_variance_below_0_gives_nan(order, q):
    assert np.isnan(KERNEL(order, *q, 0.0))


def test_numbers_of_python_are_taken():
    assert float(arc_cosine(0, 1, 1, 0)) == pytest.approx(0.5)
    assert float(two_slope(1.0, 1.0, 1.0)) == float(two_slope_slope(1.0, 1, 1.0)) == 0.5
    with pytest.raises(ValueError, match="q1 and q2 are finite variances"):
        two_slope(-1.0, 1.0, 0.5)
