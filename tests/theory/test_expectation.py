"""Are means of functions of a normal variable right, and errors seen?"""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from relu_jax.theory.expectation import expectation, expectation_with_error

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def adaptive(g, q, kinks):
    """Average g(x) over x ~ N(0, q) with SciPy, between the kinks."""
    ends = sorted({*(k for k in kinks if abs(k) < 12 * q**0.5), 0.0, -12 * q**0.5, 12 * q**0.5})

    def integrand(x):
        return g(x) * np.exp(-(x**2) / (2 * q)) / np.sqrt(2 * np.pi * q)

    pieces = pairwise(ends)
    options = {"epsabs": 1e-15, "epsrel": 1e-13, "limit": 200}
    return sum(integrate.quad(integrand, a, b, **options)[0] for a, b in pieces)


def gate(x):
    return special.expit(x) * special.expit(-x)


CLOSED = {
    "square": (jnp.square, lambda q: q),
    "cube_squared": (lambda x: x**6, lambda q: 15 * q**3),
    "cosine": (jnp.cos, lambda q: np.exp(-q / 2)),
    "exponential": (jnp.exp, lambda q: np.exp(q / 2)),
    "bell": (lambda x: jnp.exp(-(x**2)), lambda q: (1 + 2 * q) ** -0.5),
    "erf_squared": (
        lambda x: jax.lax.erf(x) ** 2,
        lambda q: 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q)),
    ),
    "magnitude": (jnp.abs, lambda q: np.sqrt(2 * q / np.pi)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_expectations_equal_closed_forms(name):
    f, closed = CLOSED[name]
    q = np.array([1e-6, 0.3, 1.0, 9.0])
    got = jax.jit(lambda q: expectation(f, q))(jnp.array(q))
    np.testing.assert_allclose(got, closed(q), rtol=1e-12)


def test_fast_waves_and_steep_steps_are_resolved():
    wave = jax.jit(lambda: expectation(lambda x: jnp.sin(30 * x) ** 2))()
    np.testing.assert_allclose(wave, (1 - np.exp(-1800)) / 2, rtol=3e-12)
    # E σ(a z) is 1/2 for every a; E σ'(a z) goes to φ(0)/a with relative error π²/(6 a²).
    steep = jax.jit(
        lambda: expectation(lambda x: jax.nn.sigmoid(40 * x) * jax.nn.sigmoid(-40 * x))
    )()
    exact = adaptive(lambda x: gate(40 * x), 1.0, (-0.3, 0.3))
    np.testing.assert_allclose(steep, exact, rtol=1e-12)


def test_a_jump_that_is_named_is_integrated_exactly():
    step = partial(expectation, lambda x: jnp.where(x > 0.7, 1.0, 0.0), kinks=(0.7,))
    above = jax.jit(step)(2.0)
    np.testing.assert_allclose(above, special.ndtr(-0.7 / np.sqrt(2)), rtol=1e-13)


def test_a_negative_variance_is_refused_where_it_is_seen():
    with pytest.raises(ValueError, match=r"a variance is at least 0 and finite; got -2; pass"):
        expectation(jnp.tanh, jnp.array([1.0, -2.0]))
    assert np.isnan(jax.jit(lambda q: expectation(jnp.tanh, q))(-1.0))


def test_an_accuracy_that_is_not_reached_is_refused():
    def jump(x):
        return jnp.sign(x - 1.0)

    assert expectation(jump, rtol=1e-12, kinks=(1.0,)) < 0
    rule = r"is accurate to 1e-12 of E \|f\|; got an estimated error of .* in float64 for it at"
    with pytest.raises(ValueError, match=rule):
        expectation(jump, rtol=1e-12)
    with pytest.raises(ValueError, match="enable float64"):
        expectation(jnp.tanh, jnp.float32(1), rtol=1e-12)
    with pytest.raises(ValueError, match="lower the variance"):  # most of it lies beyond the cut
        expectation(jnp.exp, 400.0, rtol=1e-6)
    traced = jax.jit(lambda q: expectation(jump, q, rtol=1e-12))
    assert np.isnan(traced(1.0))


def test_a_divergent_integral_is_refused_however_its_halves_cancel():
    with pytest.raises(ValueError, match="none of which helps where it diverges"):
        expectation(lambda x: 1 / x, rtol=1e-3)
    assert np.isnan(jax.jit(lambda q: expectation(lambda x: 1 / x, q))(1.0))


def test_finer_panels_take_over_where_nothing_is_traced():
    wave = partial(expectation, lambda x: jnp.sin(1000 * x) ** 2)
    np.testing.assert_allclose(wave(jnp.array([1.0, 2.0])), 0.5, rtol=1e-10)
    assert np.isnan(jax.jit(wave)(1.0))
    # E |x|^-½ = 2^(-¼) Γ(¼) / √π
    root = expectation(lambda x: jnp.abs(x) ** -0.5)
    np.testing.assert_allclose(root, 2**-0.25 * special.gamma(0.25) / np.pi**0.5, rtol=1e-6)


def test_the_estimated_error_bounds_the_true_one():
    for f, exact in ((jnp.exp, np.exp(50.0)), (lambda x: jnp.sin(10 * x) ** 2, 0.5)):
        got = expectation_with_error(f, 100.0)
        assert abs(float(got.value) - exact) <= float(got.error)
        assert got.size > 0


@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_estimated_error_of_what_breaks_between_the_nodes_is_near_the_true_one(power):
    def spline(x):
        return jnp.where(x > 0.7, (x - 0.7) ** power, 0)

    true = expectation(spline, kinks=(0.7,))
    got = expectation_with_error(spline, rtol=1e9)
    assert abs(got.value - true) < got.error < 1e4 * abs(got.value - true)


@pytest.mark.parametrize(
    ("f", "kinks", "words"),
    [
        (jnp.sum, (), r"giving float64 array of shape \(\) for float64 array of shape"),
        (lambda x: x > 0, (), "giving bool array"),
        (jnp.tanh, (1j,), "each of kinks is a real number; got complex 1j"),
    ],
)
def test_what_is_no_function_and_no_kink_is_refused(f, kinks, words):
    with pytest.raises(TypeError, match=words):
        expectation(f, kinks=kinks)


@pytest.mark.parametrize("kink", [np.nan, jnp.ones(2)])
def test_a_kink_is_one_point(kink):
    with pytest.raises(ValueError, match="each of kinks is one point; got"):
        expectation(jnp.tanh, kinks=(kink,))


def test_a_jump_that_no_panel_sees_is_refused():
    # Panels meet at 13 / 8, and the next node is 2.8e-4 further on.
    def step(x):
        return jnp.sign(x - 1.6251)

    found = expectation_with_error(step, rtol=1e9)
    assert 1e-5 < abs(found.value - (1 - 2 * special.ndtr(1.6251))) < found.error
    with pytest.raises(ValueError, match="name the kinks"):
        expectation(step, rtol=1e-9)
