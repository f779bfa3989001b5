"""Variations of silu: the members they share with it, closed extremes, refused parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import gelu, silu
from relu_jax.activations.gates_sigmoid import (
    ARIA2,
    ELISH,
    ESWISH,
    GOLU,
    aria2,
    elish,
    eswish,
    golu,
    quick_gelu,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.linspace(-8, 8, 1601, dtype=np.float32)
EPS = tolerance("float32")


def test_quick_gelu_is_silu_and_as_far_from_gelu_as_published():
    np.testing.assert_array_equal(quick_gelu(X), silu(X, beta=1.702))
    gap = np.abs(np.asarray(quick_gelu(X)) - np.asarray(gelu(X)))
    assert gap.max() == pytest.approx(0.02033, abs=1e-5)
    assert abs(X[gap.argmax()]) == pytest.approx(2.27, abs=0.02)


def test_members_that_are_silu():
    np.testing.assert_array_equal(eswish(X, beta=1.0), silu(X))
    np.testing.assert_allclose(aria2(X, alpha=1.0, beta=1.7), silu(X, beta=1.7), rtol=4 * EPS)


def test_elish_has_its_minimum_where_the_derivative_says():
    y = np.asarray(elish(X))
    assert y.min() == pytest.approx(-(3 - 2 * np.sqrt(2)), abs=1e-6)
    assert X[y.argmin()] == pytest.approx(-np.log(1 + np.sqrt(2)), abs=0.01)


def test_elish_bends_differently_on_both_sides_of_zero_with_one_slope():
    x = np.float32([-1e-6, 0, 1e-6])
    np.testing.assert_allclose(ELISH.derivative(x), 0.5, atol=1e-5)
    np.testing.assert_allclose(ELISH.derivative(x, order=2), [1, 0.5, 0.5], atol=1e-5)


def test_golu_has_its_minimum_at_minus_the_omega_constant():
    omega = special.lambertw(1).real  # 1 + x e^-x = 0
    assert GOLU.derivative(np.float32(-omega)) == pytest.approx(0, abs=EPS)
    assert golu(np.float32(-omega)) == pytest.approx(-omega * np.exp(-1 / omega), rel=EPS)
    assert GOLU.derivative(0.0) == pytest.approx(np.exp(-1), rel=EPS)


def test_golu_keeps_its_slope_where_the_gate_alone_underflows():
    x = -np.log(88)
    u = np.exp(-x)
    slope = GOLU.derivative(np.float32(x))
    assert np.float32(np.exp(-u)) < np.finfo(np.float32).tiny
    assert slope == pytest.approx(np.exp(-u) * (1 + x * u), rel=u * u * 2e-7)


@pytest.mark.parametrize("x", [-1.3, 0.8])
@pytest.mark.parametrize(
    ("f", "params"), [(eswish, {"beta": 1.375}), (aria2, {"alpha": 1.5, "beta": 2.0})]
)
def test_gradients_in_parameters_equal_finite_differences(f, params, x):
    with jax.enable_x64(True):
        for name, value in params.items():
            up, down = (f(x, **(params | {name: value + step})) for step in (1e-5, -1e-5))
            slope = jax.grad(lambda v, name=name: f(x, **(params | {name: v})))(value)
            assert float(slope) == pytest.approx(float(up - down) / 2e-5, rel=1e-7)


def test_aria2_does_not_overflow_where_its_products_would():
    x = jnp.array([-6e4, 6e4], jnp.float16)
    np.testing.assert_array_equal(aria2(x, alpha=3.0, beta=100.0), [0, 6e4])
    slopes = jax.vmap(jax.grad(lambda x: aria2(x, alpha=3.0, beta=100.0)))(x)
    np.testing.assert_array_equal(slopes, [0, 1])


@pytest.mark.parametrize(
    ("act", "params", "text"),
    [
        (ESWISH, {"beta": 0}, r"eswish needs beta > 0; got beta=0.0; pass a positive beta"),
        (ARIA2, {"alpha": -1}, r"aria2 needs alpha > 0; got alpha=-1.0"),
        (ARIA2, {"beta": -2}, r"aria2 needs beta > 0; got beta=-2.0"),
    ],
)
def test_impossible_parameters_are_refused(act, params, text):
    with pytest.raises(ValueError, match=text):
        act.with_params(**params)


@pytest.mark.parametrize(
    "f", [np.zeros_like, lambda x: x * np.nan, lambda x: -np.abs(x), lambda x: x * np.inf]
)
def test_nothing_is_proposed_where_no_gate_fits(f):
    assert ESWISH.fit(f) is None
    assert ARIA2.fit(f) is None


@pytest.mark.parametrize("beta", [0.02, 2.0])
@pytest.mark.parametrize("x", [-6e4, 6e4])
def test_gradients_of_aria2_in_its_parameters_end_with_its_gate(x, beta):
    params = {"alpha": np.float16(1.5), "beta": np.float16(beta)}
    for differentiated in (jax.grad, jax.jacfwd):
        slopes = differentiated(lambda p: aria2(np.float16(x), **p))(params)
        assert all(slope == 0 for slope in slopes.values())
