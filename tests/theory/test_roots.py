"""Roots are all found, in order, and move as the implicit function theorem says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.theory.roots import bisect, differentiable, roots, slack

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def found(*places: float, dtype: str = "float32") -> np.ndarray:
    def f(q):
        factors = [(q - place) / (q + place) for place in places]
        return jnp.prod(jnp.stack(factors))

    return np.asarray(jax.jit(lambda: roots(f, dtype=dtype))())


@pytest.mark.parametrize("places", [(0.3,), (1e-20, 5.0), (1e-9, 1.0, 1e9), (1.0, 1.5, 2.5, 40.0)])
def test_all_roots_are_found_in_ascending_order(places):
    expected = [*places, *[np.nan] * (4 - len(places))]
    np.testing.assert_allclose(found(*places), expected, rtol=3e-6)


def test_search_in_float64_is_as_accurate_as_its_type():
    with jax.enable_x64(True):
        np.testing.assert_allclose(found(0.3, 7.0, dtype="float64")[:2], [0.3, 7.0], rtol=1e-14)


def test_function_without_change_of_sign_has_no_root():
    assert np.isnan(np.asarray(roots(lambda q: q + 1, dtype="float32"))).all()
    assert np.isnan(np.asarray(roots(jnp.zeros_like, dtype="float32"))).all()


def test_values_within_rounding_are_no_change_of_sign():
    small = slack("float32") / 2
    wavy = roots(lambda q: small * jnp.sin(9 * jnp.log(q)), dtype="float32")
    assert np.isnan(np.asarray(wavy)).all()
    wavy = roots(lambda q: 4 * small * jnp.sin(9 * jnp.log(q)), dtype="float32")
    assert np.isfinite(np.asarray(wavy)).all()


def test_nan_of_the_function_is_passed_over():
    lost = roots(lambda q: jnp.where((q > 0.2) & (q < 0.4), jnp.nan, q - 3), dtype="float32")
    assert lost[0] == pytest.approx(3, rel=1e-6)


def test_bisection_takes_no_derivative():
    def root_of(a):
        return bisect(lambda q: q - a, jnp.float32(0.1), jnp.float32(9), jnp.float32(-1))

    value, slope = jax.value_and_grad(root_of)(2.0)
    assert (float(value), float(slope)) == (pytest.approx(2, rel=1e-6), 0)


def test_derivative_of_a_root_is_the_closed_form_to_second_order():
    def root_of(a):
        return roots(lambda q: q * q - a, most=1, dtype="float32")[0]

    # d√a/da = 1/(2 √a), d²√a/da² = -1/(4 a√a)
    assert jax.grad(root_of)(4.0) == pytest.approx(0.25, rel=1e-5)
    assert jax.grad(jax.grad(root_of))(4.0) == pytest.approx(-1 / 32, rel=1e-5)


def test_missing_root_does_not_spoil_the_gradient_of_others():
    def total(a):
        return jnp.nansum(roots(lambda q: q * q - a, dtype="float32"))

    assert jax.grad(total)(4.0) == pytest.approx(0.25, rel=1e-5)


def test_flat_function_gives_its_root_no_derivative():
    slope = jax.grad(lambda a: differentiable(lambda q: (q - 1) ** 3 * a, jnp.float32(1)))(2.0)
    assert slope == 0
