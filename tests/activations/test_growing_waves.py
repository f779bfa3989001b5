"""Waves that grow: identities, double zeros of the slope, no limit where there is none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.growing_waves import GCU, SINLU, SNAKE, gcu, sinlu, snake

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.linspace(-9, 9, 181, dtype=np.float32)


def test_gcu_is_zero_at_the_zeros_of_the_cosine_and_odd():
    np.testing.assert_allclose(gcu(np.float32([np.pi / 2, 4.5 * np.pi])), 0, atol=3e-5)
    np.testing.assert_array_equal(gcu(-X), -np.asarray(gcu(X)))
    assert GCU.derivative(0.0) == 1


def test_sinlu_minus_its_mirror_image_is_x_and_the_wave():
    difference = np.asarray(sinlu(X, amplitude=0.7, frequency=1.3))
    difference = difference - np.asarray(sinlu(-X, amplitude=0.7, frequency=1.3))
    wide = X.astype(np.float64)
    np.testing.assert_allclose(difference, wide + 0.7 * np.sin(1.3 * wide), atol=5e-6)


def test_snake_is_the_published_cosine_form():
    wide = X.astype(np.float64)
    for a in (0.5, 3.0):
        np.testing.assert_allclose(
            snake(X, frequency=a), wide + (1 - np.cos(2 * a * wide)) / (2 * a), atol=5e-6
        )


def test_snake_never_falls_and_its_slope_keeps_its_digits_where_it_touches_zero():
    x = np.float64(3 * np.pi / 4) + np.float64([-1e-3, 1e-3])
    slope = SNAKE.derivative(np.float32(x))
    exact = 1 + np.sin(2 * np.float32(x).astype(np.float64))
    np.testing.assert_allclose(slope, exact, rtol=1e-3)  # 1 + sin(2 x) in float32 is 6% off
    assert np.asarray(SNAKE.derivative(X)).min() >= 0


@pytest.mark.parametrize(
    ("act", "values"),
    [(GCU, [np.nan, np.nan]), (SINLU, [0, np.inf]), (SNAKE, [-np.inf, np.inf])],
)
def test_a_wave_has_no_derivative_at_infinity(act, values):
    ends = np.float32([-np.inf, np.inf])
    np.testing.assert_array_equal(act(ends), values)
    left = 0 if act is SINLU else np.nan
    for order in (1, 2):
        np.testing.assert_array_equal(act.derivative(ends, order), [left, np.nan])


def test_steep_waves_stay_finite_for_huge_numbers():
    x = jnp.array([-6e4, 6e4], jnp.float16)
    for f in (snake, sinlu):
        y, slope = jax.jvp(lambda x, f=f: f(x, frequency=30.0), (x,), (jnp.ones_like(x),))
        assert jnp.isfinite(y).all()
        assert jnp.isfinite(slope).all()


@pytest.mark.parametrize("x", [-1.3, 0.8])
@pytest.mark.parametrize(
    ("f", "params"),
    [(snake, {"frequency": 1.0}), (sinlu, {"amplitude": 0.7, "frequency": 1.3})],
)
def test_gradients_in_parameters_equal_finite_differences(f, params, x):
    with jax.enable_x64(True):
        for name, value in params.items():
            up, down = (f(x, **(params | {name: value + step})) for step in (1e-5, -1e-5))
            slope = jax.grad(lambda v, name=name: f(x, **(params | {name: v})))(value)
            assert float(slope) == pytest.approx(float(up - down) / 2e-5, rel=1e-7)


@pytest.mark.parametrize(
    ("act", "params", "text"),
    [
        (SINLU, {"amplitude": 0}, r"sinlu needs an amplitude other than 0; .*which is silu"),
        (SINLU, {"frequency": 0}, r"sinlu needs frequency > 0; got frequency=0.0"),
        (SNAKE, {"frequency": -1}, r"snake needs frequency > 0; got frequency=-1.0"),
    ],
)
def test_impossible_parameters_are_refused(act, params, text):
    with pytest.raises(ValueError, match=text):
        act.with_params(**params)


@pytest.mark.parametrize(
    "f", [np.zeros_like, lambda x: x, lambda x: x * np.nan, lambda x: x * np.inf]
)
def test_nothing_is_proposed_where_no_wave_is(f):
    assert SNAKE.fit(f) is None
    assert SINLU.fit(f) is None


def test_in_float16_the_wave_goes_on_to_the_largest_number():
    x = np.float16([-65440, 16400, 26208, 50400])
    both = 1 + np.sin(2 * x.astype(np.float64))
    np.testing.assert_allclose(SNAKE.derivative(x), both, atol=4e-3)
    np.testing.assert_allclose(SINLU.derivative(x[1:]), 1 + np.cos(np.float64(x[1:])), atol=4e-3)


def test_gradient_in_the_frequency_of_a_closed_gate_is_zero():
    slope = jax.jacfwd(lambda w: sinlu(np.float16(-6e4), amplitude=np.float16(3), frequency=w))
    assert slope(np.float16(0.01)) == 0
