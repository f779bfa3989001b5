"""Is a product of two functions of normal variables averaged over the plane, and its error told?"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.theory.plane import PAIRS_AT_ONCE, over_plane

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("rho", [-1.0, -0.4, 0.0, 0.9, 1.0])
def test_moments_of_a_pair_are_those_of_isserlis(rho):
    """E u^2 v^2 is q1 q2 + 2 c^2, and E (u^2)' (v^2)' is 4 c."""
    q1, q2 = jnp.float64(0.7), jnp.float64(2.0)
    c = rho * jnp.sqrt(q1 * q2)
    value = over_plane(jnp.square, 0, (q1, q2, c), (), 12)
    assert float(value.value) == pytest.approx(float(q1 * q2 + 2 * c**2), rel=1e-12)
    assert float(value.size) == pytest.approx(float(value.value), rel=1e-12)
    slope = over_plane(jnp.square, 1, (q1, q2, c), (), 12)
    assert float(slope.value) == pytest.approx(float(4 * c), abs=1e-12)


def test_the_size_is_that_of_the_magnitude():
    one = jnp.float64(1.0)
    found = over_plane(lambda x: x, 0, (one, one, 0 * one), (), 12)
    assert float(found.value) == pytest.approx(0, abs=1e-14)
    assert float(found.size) == pytest.approx(2 / np.pi, rel=1e-3)  # |u v| has kinks


@pytest.mark.parametrize("nodes", [12, 24, 48])
def test_the_error_is_no_less_than_what_it_is_off_by(nodes):
    one = jnp.float64(1.0)
    rough = over_plane(lambda x: jnp.abs(x - 0.3), 0, (one, one, one / 2), (), nodes)
    fine = over_plane(lambda x: jnp.abs(x - 0.3), 0, (one, one, one / 2), (0.3,), nodes)
    off = abs(float(rough.value - fine.value))
    assert 0 < off <= float(rough.error)
    assert float(fine.error) < 1e-3 * float(rough.error)


def test_more_pairs_than_fit_at_once_keep_their_order_and_shape():
    q = jnp.linspace(0.1, 2.0, 3 * PAIRS_AT_ONCE + 1)
    found = over_plane(jnp.square, 0, (q, q, 0.5 * q), (), 12)
    np.testing.assert_allclose(found.value, 1.5 * q**2, rtol=1e-12)
    grid = tuple(x.reshape(5, 5) for x in (q, q, 0.5 * q))
    np.testing.assert_array_equal(
        over_plane(jnp.square, 0, grid, (), 12).value.ravel(), found.value
    )


def test_error_and_size_are_constants_of_the_gradient():
    def parts(c):
        one = jnp.ones_like(c)
        return over_plane(jnp.sin, 0, (one, one, c), (), 12)

    slopes = jax.jacfwd(parts)(jnp.float64(0.3))
    assert float(slopes.value) == pytest.approx(float(np.exp(-1) * np.cosh(0.3)), rel=1e-9)
    assert float(slopes.error) == float(slopes.size) == 0


def test_half_precision_is_integrated_in_single():
    found = over_plane(jnp.square, 0, 3 * (jnp.float16(1.0),), (), 12)
    assert found.value.dtype == jnp.float16
