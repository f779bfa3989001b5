"""Variations of gelu: its own members, kinks that are solved for, limits on both sides."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import gelu, gelu_tanh, leaky_relu
from relu_jax.activations.gates_gelu import CLIPPED_GELU, SMU, clipped_gelu, gelu_fast, smu
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.linspace(-8, 8, 321, dtype=np.float32)


def test_gelu_fast_is_the_tanh_form():
    np.testing.assert_array_equal(gelu_fast(X), gelu_tanh(X))
    y = 0.5 * X * (1 + np.tanh(0.7978845608 * X * (1 + 0.044715 * X * X)))
    np.testing.assert_allclose(gelu_fast(X), y, atol=tolerance("float32"))


def test_clipping_leaves_the_middle_alone():
    np.testing.assert_array_equal(clipped_gelu(X), gelu(X))
    np.testing.assert_array_equal(clipped_gelu(np.float32([20, np.inf])), [10, 10])


@pytest.mark.parametrize(
    ("low", "high", "count"), [(-10, 10, 1), (-0.1, 2, 3), (0, 1e-3, 2), (-0.16, 50, 3)]
)
def test_kinks_lie_where_gelu_crosses_the_bounds(low, high, count):
    act = CLIPPED_GELU.with_params(low=low, high=high)
    assert len(act.kinks) == count
    assert list(act.kinks) == sorted(act.kinks)
    at = [k * special.ndtr(k) for k in act.kinks]
    assert at == pytest.approx([low] * (count - 1) + [high], abs=1e-14)
    density = np.exp(-np.square(act.kinks) / 2) / np.sqrt(2 * np.pi)
    slopes = special.ndtr(act.kinks) + np.asarray(act.kinks) * density
    assert act.slope_at_kinks == pytest.approx(tuple(slopes), abs=1e-14)


def test_slope_on_a_bound_is_that_of_gelu_and_beyond_it_zero():
    slopes = CLIPPED_GELU.derivative(np.float32([9.99, 10, 10.01]))
    np.testing.assert_array_equal(slopes, [1, 1, 0])


@pytest.mark.parametrize("f", [np.abs, np.zeros_like, lambda x: x * np.nan, lambda x: x])
def test_nothing_is_proposed_where_nothing_fits(f):
    assert CLIPPED_GELU.fit(f) is None
    assert SMU.fit(lambda x: -f(x) - 1) is None


def test_a_bound_out_of_reach_is_proposed_as_usual():
    f = CLIPPED_GELU.with_params(low=-0.5, high=3)
    assert CLIPPED_GELU.fit(lambda x: f(np.float32(x))) == {"low": -10.0, "high": 3.0}


def test_smu_contains_gelu_and_ends_as_leaky_relu():
    y = smu(X, alpha=0.0, mu=np.sqrt(0.5).item())
    np.testing.assert_allclose(y, gelu(X), atol=tolerance("float32"), rtol=tolerance("float32"))
    away = X[np.abs(X) > 0.04]
    np.testing.assert_allclose(smu(away, mu=1e6), leaky_relu(away, slope=0.25), rtol=1e-6)


def test_smu_tail_is_accurate_where_the_sum_of_its_formula_cancels():
    x = np.float32([-5, -3])
    exact = x * special.erfc(-x.astype(np.float64)) / 2
    y = smu(x, alpha=0.0, mu=1.0)
    np.testing.assert_allclose(y, exact, rtol=tolerance("float32", n=8))
    assert np.float32(0.5) * x[0] * (1 + special.erf(x[0])) == 0  # as written, in float32


@pytest.mark.parametrize(("alpha", "left"), [(0.25, -np.inf), (0.0, 0.0), (-0.5, np.inf)])
def test_smu_has_its_limits_for_every_sign_of_alpha(alpha, left):
    ends = jnp.array([-jnp.inf, jnp.inf])
    np.testing.assert_array_equal(smu(ends, alpha=alpha), [left, np.inf])
    slopes = jax.vmap(jax.grad(lambda x: smu(x, alpha=alpha)))(ends)
    np.testing.assert_allclose(slopes, [alpha, 1], rtol=tolerance("float32"))


@pytest.mark.parametrize("name", ["alpha", "mu"])
def test_gradients_in_parameters_equal_finite_differences(name):
    params = {"alpha": 0.25, "mu": 1.0}
    with jax.enable_x64(True):
        up, down = (smu(-0.7, **(params | {name: params[name] + h})) for h in (1e-5, -1e-5))
        slope = jax.grad(lambda v: smu(-0.7, **(params | {name: v})))(params[name])
        assert float(slope) == pytest.approx(float(up - down) / 2e-5, rel=1e-7)


@pytest.mark.parametrize(
    ("act", "params", "text"),
    [
        (CLIPPED_GELU, {"low": 1}, r"clipped_gelu needs low <= 0 < high; got low=1.0 and high=10"),
        (CLIPPED_GELU, {"high": 0}, r"clipped_gelu needs low <= 0 < high"),
        (SMU, {"alpha": 1}, r"smu needs alpha < 1; got alpha=1.0"),
        (SMU, {"mu": 0}, r"smu needs mu > 0; got mu=0.0"),
    ],
)
def test_impossible_parameters_are_refused(act, params, text):
    with pytest.raises(ValueError, match=text):
        act.with_params(**params)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(("alpha", "mu"), [(-1.0, 3.0), (0.25, 1.0)])
def test_far_out_smu_is_its_lines_in_value_and_derivatives(dtype, alpha, mu):
    top = float(jnp.finfo(dtype).max)
    x = jnp.array([-top, -top / 4, -top / 16, top / 16, top / 4, top], dtype)
    act = SMU.with_params(alpha=alpha, mu=mu)
    np.testing.assert_array_equal(act(x), jnp.where(x > 0, x, alpha * x))
    np.testing.assert_array_equal(act.derivative(x), jnp.where(x > 0, 1, alpha))
    np.testing.assert_array_equal(act.derivative(x, 2), 0)
    for name in act.params:
        slope = jax.grad(lambda p, x, name=name: smu(x, **(act.params | {name: p})))
        exact = np.minimum(x, 0) if name == "alpha" else np.zeros(6)
        np.testing.assert_array_equal(jax.vmap(slope, (None, 0))(act.params[name], x), exact)
        mixed = jax.vmap(jax.grad(slope, 1), (None, 0))(act.params[name], x)
        np.testing.assert_array_equal(mixed, np.float32(x < 0) if name == "alpha" else 0)
