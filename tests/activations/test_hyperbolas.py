"""Square-root activations: jax.nn's bits above 0, all digits below, exact right triangles."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations.hyperbolas import (
    PFLU,
    SMU1,
    SQUAREPLUS,
    bent_identity,
    pflu,
    smu1,
    squareplus,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

X = np.linspace(-12, 12, 97)


def test_squareplus_equals_jax_nn_bit_for_bit_from_zero_up():
    x = jnp.asarray(X, "float32")
    ours, theirs = squareplus(x), jax.nn.squareplus(x)
    np.testing.assert_array_equal(ours[x >= 0], theirs[x >= 0])
    gap = np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))
    assert (gap <= tolerance("float32") * np.abs(X)).all()  # where jax.nn cancels


def test_squareplus_keeps_its_digits_and_limits_where_jax_nn_loses_them():
    x = np.float32([-1e4, -80, -3])
    wide = x.astype(np.float64)
    exact = 2 / (np.sqrt(wide**2 + 4) - wide)
    np.testing.assert_allclose(squareplus(x), exact, rtol=tolerance("float32"))
    assert jax.nn.squareplus(x[0]) == 0
    assert jnp.isnan(jax.nn.squareplus(-jnp.inf))
    assert squareplus(-jnp.inf) == 0
    assert jax.nn.squareplus(jnp.float16(300)) == jnp.inf
    assert squareplus(jnp.float16(300)) == 300
    assert jax.grad(squareplus)(jnp.float32(1e20)) == 1
    assert jax.grad(jax.nn.squareplus)(jnp.float32(1e20)) != 1


@pytest.mark.parametrize("b", [4.0, 1e30])
def test_squareplus_is_right_where_the_square_begins_to_overflow(b):
    x = np.float32(np.outer([-1, 1], [1e18, 9.2e18, 9.3e18, 1.8e19, 1.9e19]).ravel())
    wide = x.astype(np.float64)
    r = np.sqrt(wide**2 + b)
    value = np.where(wide < 0, b / (r + abs(wide)) / 2, (r + wide) / 2)
    rtol = tolerance("float32")
    np.testing.assert_allclose(squareplus(x, b=b), value, rtol=rtol)
    slope = jax.vmap(jax.grad(partial(squareplus, b=b)))(x)
    flushed = float(np.finfo(np.float32).tiny)  # what is smaller is 0
    np.testing.assert_allclose(slope, value / r, rtol=rtol, atol=flushed)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_no_finite_x_overflows(dtype):
    top = jnp.finfo(dtype).max
    assert squareplus(top) == top
    assert jax.grad(squareplus)(top) == 1


@pytest.mark.parametrize("x", [2e4, 3e38, np.inf, -2e4, -np.inf, 0.0])
def test_the_gradient_in_the_width_is_a_number_wherever_x_is(x):
    exact = 0.25 / np.sqrt(np.float64(x) ** 2 + 4)
    got = jax.grad(lambda b: squareplus(jnp.float32(x), b=b))(4.0)
    assert float(got) == pytest.approx(exact, rel=1e-3, abs=1e-19)
    assert np.isfinite(jax.grad(lambda mu: smu1(jnp.float32(x), mu=mu))(1.0))


def test_right_triangles_give_exact_values():
    # 3-4-5, 5-12-13 and 8-15-17: sqrt(x^2 + 1) is rational
    x = np.float32([-0.75, 0.75, -2.4, 2.4, 8 / 15])
    r = np.float64([1.25, 1.25, 2.6, 2.6, 17 / 15])
    rtol = tolerance("float32")
    np.testing.assert_allclose(squareplus(x, b=1.0), (x + r) / 2, rtol=rtol)
    np.testing.assert_allclose(bent_identity(x), x + (r - 1) / 2, rtol=rtol)
    np.testing.assert_allclose(pflu(x), x / 2 * (1 + x / r), rtol=rtol)
    np.testing.assert_allclose(smu1(x, alpha=-1.0, mu=2.0), r, rtol=rtol)


def test_bent_identity_keeps_the_small_part_near_zero():
    with jax.enable_x64(True):
        x = np.float64(1e-6)
        assert float(bent_identity(x) - x) == pytest.approx(x**2 / 4, rel=1e-9)


def test_smu1_contains_squareplus_and_is_above_the_maximum_it_smooths():
    x = X.astype(np.float32)
    np.testing.assert_array_equal(smu1(x, alpha=0.0, mu=3.0), squareplus(x, b=9.0))
    gap = np.asarray(smu1(x, alpha=0.25, mu=0.5)) - np.maximum(x, 0.25 * x)
    assert gap.min() > -1e-6
    assert gap.max() == pytest.approx(0.25)  # mu / 2, at 0


@pytest.mark.parametrize(("alpha", "left"), [(0.25, -np.inf), (0.0, 0.0), (-0.5, np.inf)])
def test_smu1_has_its_limits_for_every_sign_of_alpha(alpha, left):
    ends = jnp.array([-jnp.inf, jnp.inf])
    np.testing.assert_array_equal(smu1(ends, alpha=alpha), [left, np.inf])
    slopes = jax.vmap(jax.grad(lambda x: smu1(x, alpha=alpha)))(ends)
    np.testing.assert_allclose(slopes, [alpha, 1], rtol=tolerance("float32"))


def test_gate_of_pflu_is_the_slope_of_squareplus():
    x = X.astype(np.float32)
    gate = SQUAREPLUS.with_params(b=1).derivative(x)
    np.testing.assert_allclose(pflu(x), x * gate, rtol=tolerance("float32"))
    tail = np.float32([-1e3, -1e5])
    np.testing.assert_allclose(pflu(tail), 1 / (4 * tail), rtol=1e-5)
    assert PFLU.derivative(0.0) == 0.5


@pytest.mark.parametrize("x", [-1.3, 0.8])
@pytest.mark.parametrize(
    ("f", "params"), [(squareplus, {"b": 4.0}), (smu1, {"alpha": 0.25, "mu": 1.0})]
)
def test_gradients_in_parameters_equal_finite_differences(f, params, x):
    with jax.enable_x64(True):
        for name, value in params.items():
            up, down = (f(x, **(params | {name: value + step})) for step in (1e-5, -1e-5))
            slope = jax.grad(lambda v, name=name: f(x, **(params | {name: v})))(value)
            assert float(slope) == pytest.approx(float(up - down) / 2e-5, rel=1e-7)


@pytest.mark.standard_promotion("jax.hessian of arguments of two dtypes promotes by itself")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_second_derivatives_in_x_and_b_are_those_of_the_formula_however_small_b_is(dtype):
    x = np.float64([-3e19, -1e4, -3, -1e-8, 0, 1, 3.25, 1e4, 3e19])
    x, b = (a.ravel() for a in np.meshgrid(jnp.asarray(x, dtype), np.float32([1e-20, 1e-6, 4])))

    @jax.jit
    @jax.vmap
    def ours(x, b):
        return jax.hessian(lambda x, b: squareplus(x, b=b), (0, 1))(x, b)

    (xx, xb), (bx, bb) = ours(x, b)
    wide, parts = np.float64(x), np.float64(b)
    r = np.sqrt(wide**2 + parts)
    room = {"atol": 1e-37}
    np.testing.assert_allclose(np.float64(xx), parts / r**3 / 2, rtol=tolerance(dtype), **room)
    np.testing.assert_allclose(np.float64(xb), -wide / r**3 / 4, rtol=tolerance(dtype), **room)
    np.testing.assert_allclose(bx, -wide / r**3 / 4, rtol=tolerance("float32"), **room)
    np.testing.assert_allclose(bb, -1 / r**3 / 8, rtol=tolerance("float32"), **room)


def test_the_derivative_in_b_is_right_at_every_x():
    x = np.float32([-1e38, -3e19, -5, 0, 5, 3e19, 1e37])
    slopes = jax.vmap(jax.grad(lambda b, x: squareplus(x, b=b)), (None, 0))(4.0, x)
    exact = 0.25 / np.sqrt(np.float64(x) ** 2 + 4)
    np.testing.assert_allclose(slopes, exact, rtol=tolerance("float32"), atol=1.2e-38)


@pytest.mark.parametrize(
    ("act", "params", "text"),
    [
        (SQUAREPLUS, {"b": 0}, r"squareplus needs b > 0; got b=0.0; pass a positive b"),
        (SMU1, {"alpha": 1.5}, r"smu1 needs alpha < 1; got alpha=1.5"),
        (SMU1, {"mu": -1}, r"smu1 needs mu > 0; got mu=-1.0"),
        (SQUAREPLUS, {"b": 1e31}, r"squareplus needs b <= 1e\+30; got b=1e\+31"),
        (SMU1, {"mu": 1e16}, r"smu1 needs mu <= 1e\+15; got mu=1e\+16"),
    ],
)
def test_impossible_parameters_are_refused(act, params, text):
    with pytest.raises(ValueError, match=text):
        act.with_params(**params)


@pytest.mark.parametrize("f", [np.zeros_like, lambda x: x * np.nan, lambda x: x + np.inf])
def test_nothing_is_proposed_where_nothing_fits(f):
    assert SQUAREPLUS.fit(f) is None
    assert SMU1.fit(f) is None


def test_tails_in_float16_are_those_of_the_formula():
    x = np.float16([-65504, -6e4, -3e4, -300, 300, 6e4])
    wide = x.astype(np.float64)
    b, room = 1e4, {"rtol": tolerance("float16"), "atol": 2.0**-23}
    r = np.sqrt(wide**2 + b)
    above = np.where(wide > 0, (r + wide) / 2, b / (r + abs(wide)) / 2)
    act = SQUAREPLUS.with_params(b=b)
    np.testing.assert_allclose(act(x), above, **room)
    np.testing.assert_allclose(act.derivative(x), above / r, **room)
    np.testing.assert_allclose(act.derivative(x, 2), b / r**3 / 2, **room)
    assert act.derivative(np.float16(-np.inf)) == 0
    np.testing.assert_allclose(pflu(x[:4]), 1 / (4 * wide[:4]), **room)


def test_a_negative_slope_at_minus_infinity_makes_no_finite_x_overflow():
    x = np.float16([-4e4, 4e4, 65504])
    np.testing.assert_array_equal(smu1(x, alpha=-1.0), abs(x))
    np.testing.assert_array_equal(SMU1.with_params(alpha=-1).derivative(x), [-1, 1, 1])
