"""Powers: one another's special cases, published constants, gradients in the parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from relu_jax.activations.powers import (
    REPU,
    STAR_BIAS,
    STAR_RELU,
    STAR_SCALE,
    cube,
    repu,
    square,
    squared_relu,
    star_relu,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.float32([-np.inf, -3, -0.5, -0.0, 0, 0.3, 1, 2, 9, np.inf])


def both(f, x=X):
    """Value and slope."""
    return jax.jit(lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),)))(jnp.asarray(x))


@pytest.mark.parametrize(
    ("ours", "by_jax"),
    [
        (square, jnp.square),
        (cube, lambda x: x**3),
        (squared_relu, lambda x: jnp.square(jax.nn.relu(x))),
        (lambda x: star_relu(x, scale=1.0, bias=0.0), squared_relu),
    ],
)
def test_value_and_slope_equal_the_usual_spelling_bit_for_bit(ours, by_jax):
    for a, b in zip(both(ours), both(by_jax), strict=True):
        np.testing.assert_array_equal(a, b)


def test_repu_of_power_two_and_three_is_the_squared_and_the_cubed_relu():
    finite = X[np.isfinite(X)]
    for power, special in ((2.0, squared_relu), (3.0, lambda x: jax.nn.relu(x) ** 3)):
        ours = both(lambda x, p=power: repu(x, power=p), finite)
        for a, b in zip(ours, both(special, finite), strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance("float32"))


def test_constants_of_star_relu_are_the_published_ones_and_standardise():
    assert pytest.approx(0.8944271909999159) == STAR_SCALE
    assert pytest.approx(-0.4472135954999579) == STAR_BIAS
    density = stats.norm.pdf

    def f(z):
        return STAR_SCALE * max(z, 0) ** 2 + STAR_BIAS

    mean = integrate.quad(lambda z: f(z) * density(z), -12, 12, points=[0])[0]
    second = integrate.quad(lambda z: f(z) ** 2 * density(z), -12, 12, points=[0])[0]
    assert (mean, second) == pytest.approx((0, 1), abs=1e-9)


def test_star_relu_does_not_overflow_before_its_value_does():
    x = jnp.float16(256)
    assert jnp.isinf(squared_relu(x))
    assert float(star_relu(x)) == pytest.approx(STAR_SCALE * 65536 + STAR_BIAS, rel=2e-3)


@pytest.mark.parametrize("x", [-2.0, 0.0, 0.7, 3.0])
def test_gradients_in_the_parameters_are_the_closed_forms(x):
    above = max(x, 0.0)
    by_scale, by_bias = jax.grad(lambda s, b: star_relu(x, scale=s, bias=b), (0, 1))(0.5, 2.0)
    assert (float(by_scale), float(by_bias)) == (pytest.approx(above**2), 1)
    by_power = jax.grad(lambda p: repu(x, power=p))(2.5)
    closed = above**2.5 * np.log(above) if above else 0.0
    assert float(by_power) == pytest.approx(closed, rel=1e-5)


@pytest.mark.parametrize("power", [2.0, 2.5, 7.3])
def test_powers_are_found_from_a_float32_program(power):
    f = REPU.with_params(power=power)
    assert REPU.fit(lambda x: np.asarray(f(np.float32(x)))) == pytest.approx(
        {"power": power}, rel=1e-6
    )


@pytest.mark.parametrize("f", [np.abs, lambda x: -x, lambda x: x * np.nan, np.zeros_like])
def test_repu_proposes_nothing_below_a_square(f):
    assert REPU.fit(f) is None


@pytest.mark.parametrize("f", [np.ones_like, lambda x: x * np.nan, lambda x: np.exp(20 * x)])
def test_star_relu_proposes_nothing_without_growth_to_measure(f):
    with np.errstate(all="ignore"):
        assert STAR_RELU.fit(f) is None


@pytest.mark.parametrize(
    ("act", "params", "rule"),
    [
        (REPU, {"power": 1.5}, r"repu needs power >= 2; got power=1.5; pass power=2, or take relu"),
        (STAR_RELU, {"scale": 0}, r"star_relu needs scale other than 0; got scale=0.0, which is"),
    ],
)
def test_parameters_out_of_range_are_refused(act, params, rule):
    with pytest.raises(ValueError, match=rule):
        act.with_params(**params)
