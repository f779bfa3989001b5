"""Is E f(u) f(v) right for any f and any correlation, and are its derivatives?"""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import Activation, get
from relu_jax.theory.kernels import closed_form, dual, dual_slope
from relu_jax.theory.moments import moments

pytestmark = pytest.mark.thorough("quadratures in the plane, wide networks: minutes")

Q1 = np.array([0.4, 1.0, 1.0, 2.0, 0.1, 3.0, 1.0, 1.0])
Q2 = np.array([0.4, 1.0, 2.0, 0.5, 3.0, 3.0, 1.0, 1.0])
RHO = np.array([1.0, -1.0, 0.5, -0.8, 0.0, 0.99, 0.999999, -0.3])
C = RHO * np.sqrt(Q1 * Q2)
DRAWS = 400_000
IN_NUMPY = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x < 0, 0.01 * x, x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "relu6": lambda x: np.clip(x, 0, 6),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "gelu": lambda x: x * special.ndtr(x),
    "tanh": np.tanh,
}
SMOOTH = {
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "softplus": (lambda x: np.logaddexp(x, 0), special.expit),
}


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@lru_cache
def at_pairs(kernel, name):
    """Compile each kernel once for all tests, and return its values at the eight pairs."""
    return np.asarray(kernel(get(name), jnp.array(Q1), jnp.array(Q2), jnp.array(C)))


def trapezoid(g, q1, q2, c):
    """Integrate over the plane on an even grid, which converges exponentially for smooth g."""
    z = np.arange(-10, 10, 0.08)
    w = np.exp(-(z**2) / 2) * 0.08 / np.sqrt(2 * np.pi)
    u = np.sqrt(q1) * z[:, None] + 0 * z[None]
    v = c / np.sqrt(q1) * z[:, None] + np.sqrt(max(q2 - c**2 / q1, 0)) * z[None]
    return np.einsum("i,j,ij,ij->", w, w, g(u), g(v))


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_kernels_equal_the_trapezoid_rule(name):
    for kernel, g in zip((dual, dual_slope), SMOOTH[name], strict=True):
        expected = [trapezoid(g, *pair) for pair in zip(Q1, Q2, C, strict=True)]
        np.testing.assert_allclose(at_pairs(kernel, name), expected, rtol=1e-12, atol=1e-14)


def below(h, k, rho):
    """Return P(u < h, v < k) by Owen's function, for h and k of which none is 0."""
    root = np.sqrt(1 - rho**2)
    tails = special.owens_t(h, (k - rho * h) / (h * root)) + special.owens_t(
        k, (h - rho * k) / (k * root)
    )
    return (special.ndtr(h) + special.ndtr(k)) / 2 - tails - (0.5 if h * k < 0 else 0)


@pytest.mark.parametrize("rho", [-0.95, -0.3, 0.6, 0.9999])
def test_slopes_of_a_clipped_line_equal_the_mass_of_a_rectangle(rho):
    s1, s2 = 1.2, 0.7
    ends = [(a / s1, b / s2, a * b) for a in (-1, 1) for b in (-1, 1)]
    expected = sum(sign * below(a, b, rho) for a, b, sign in ends)
    got = dual_slope(get("hard_tanh"), s1**2, s2**2, rho * s1 * s2)
    np.testing.assert_allclose(got, expected, rtol=1e-11)


@pytest.mark.parametrize("name", IN_NUMPY)
def test_kernels_agree_with_random_draws(name):
    z = np.random.default_rng(7).standard_normal((2, DRAWS))
    for q1, q2, rho, got in zip(Q1, Q2, RHO, at_pairs(dual, name), strict=True):
        u = np.sqrt(q1) * z[0]
        v = np.sqrt(q2) * (rho * z[0] + np.sqrt(1 - rho**2) * z[1])
        product = IN_NUMPY[name](u) * IN_NUMPY[name](v)
        error = product.std() / np.sqrt(DRAWS)  # 0 for relu at correlation -1
        assert abs(got - product.mean()) <= 5 * error, (q1, q2, rho)


@pytest.mark.parametrize("name", ["relu6", "tanh"])
def test_at_correlation_one_the_kernels_are_the_moments(name):
    got = moments(get(name), Q1[0])
    np.testing.assert_allclose(at_pairs(dual, name)[0], got.second, rtol=1e-12)
    np.testing.assert_allclose(at_pairs(dual_slope, name)[0], got.slope_second, rtol=1e-12)


def test_derivatives_at_any_correlation_are_the_slope_kernel():
    act = get("relu6")
    rows = jax.jit(jax.vmap(jax.grad(partial(dual, act), argnums=(0, 1, 2))))
    d1, d2, dc = rows(jnp.array(Q1), jnp.array(Q2), jnp.array(C))
    np.testing.assert_allclose(dc, at_pairs(dual_slope, "relu6"), rtol=1e-9)
    assert np.isfinite([d1, d2]).all()
    # Along q1 = q2 = c the kernel is E f², whose derivative the moments know.
    got = moments(act, Q1[0])
    along = d1[0] + d2[0] + dc[0]
    np.testing.assert_allclose(along, got.slope_second + got.bend, rtol=1e-9)


def test_kernels_are_differentiable_in_the_parameters():
    kernel = partial(jax.jit, static_argnums=(0, 2))(
        lambda act, value, name: dual(act, 1.0, 2.0, 0.5, params={name: value})
    )
    for act, value, name in ((get("leaky_relu"), 0.2, "slope"), (get("silu"), 1.3, "beta")):
        step = 1e-4
        above, below = kernel(act, value + step, name), kernel(act, value - step, name)
        slope = jax.jit(jax.grad(partial(kernel, act)), static_argnums=1)(value, name)
        np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-7)


def test_an_unknown_function_is_integrated_between_the_kinks_it_is_given():
    def tent(x):
        return jnp.maximum(0, 1 - jnp.abs(x - 0.7))

    kinks = (-0.3, 0.7, 1.7)
    got = jax.jit(partial(dual, tent, kinks=kinks))(1.0, 1.0, 1.0)
    z = np.linspace(-0.3, 1.7, 2_000_001)
    inside = np.maximum(0, 1 - np.abs(z - 0.7)) ** 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(got, np.trapezoid(inside, z), rtol=1e-10)


def test_a_variance_of_zero_gives_the_value_at_zero_times_the_mean():
    def kernel(q1, q2):
        return dual(get("softplus"), q1, q2, 0.0)

    (value, slopes) = jax.jit(jax.value_and_grad(kernel, argnums=(0, 1)))(0.0, 2.0)
    got = moments(get("softplus"), 2.0)
    np.testing.assert_allclose(value, np.log(2) * got.mean, rtol=1e-12)
    assert slopes[0] == 0
    assert np.isfinite(slopes[1])


def test_many_pairs_are_padded_without_a_trace():
    q = jnp.linspace(0.5, 2.0, 3)
    got = dual(get("tanh"), q[:, None], q[None], 0.3)
    assert got.shape == (3, 3)
    np.testing.assert_allclose(got, got.T, rtol=1e-13)
    np.testing.assert_allclose(got[2, 1], dual(get("tanh"), 2.0, q[1], 0.3), rtol=1e-14)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_half_precision_comes_in_and_goes_out(name):
    got = dual(get(name), *(jnp.array(x, jnp.bfloat16) for x in (Q1, Q2, C * (1 - 2**-7))))
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(got.astype("float64"), at_pairs(dual, name), atol=0.05)
    with jax.enable_x64(False):
        assert dual(get("relu"), 1, 1, 0.5).dtype == jnp.float32


def test_a_name_alone_makes_no_closed_form():
    assert closed_form(get("leaky_relu", slope=0.2)).name == "leaky_relu"
    false_relu = Activation("relu", lambda x: jnp.maximum(x, 0.5), "max(x, 1/2)", "test")
    assert closed_form(false_relu) is None
    # E max(z, h)² = h² Φ(h) + Φ(-h) + h φ(h)
    bell = np.exp(-0.125) / np.sqrt(2 * np.pi)
    expected = 0.25 * special.ndtr(0.5) + special.ndtr(-0.5) + 0.5 * bell
    np.testing.assert_allclose(dual(false_relu, 1.0, 1.0, 1.0, kinks=(0.5,)), expected, rtol=1e-12)


def test_what_no_normal_pair_has_is_refused():
    rule = r"\|covariance\| is at most sqrt\(q1 q2\); got q1 from 1, q2 from 1, \|covariance\| to 2"
    with pytest.raises(ValueError, match=rule):
        dual(get("relu"), 1.0, 1.0, -2.0)
    with pytest.raises(ValueError, match="q1 and q2 are finite variances"):
        dual_slope(get("relu"), -1.0, 1.0, 0.0)


def test_parameters_of_a_bare_function_are_refused():
    with pytest.raises(TypeError, match=r"params belong to an Activation; got params of"):
        dual(jnp.tanh, 1.0, 1.0, 0.0, params={"slope": 1.0})
    with pytest.raises(TypeError, match="parameters of relu are none; got slope"):
        dual(get("relu"), 1.0, 1.0, 0.0, params={"slope": 1.0})


def test_kinks_may_be_an_array():
    kinks = (-0.3, 0.7, 1.7)

    def tent(x):
        return jnp.maximum(0, 1 - jnp.abs(x - 0.7))

    many = [jax.jit(partial(dual, tent, kinks=k))(1.0, 1.0, 0.5) for k in (kinks, np.array(kinks))]
    assert many[0] == many[1]
