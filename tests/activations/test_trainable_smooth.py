"""Learned smooth activations: their special cases, and the digits a first writing loses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import leaky_relu
from relu_jax.activations.trainable import frozen
from relu_jax.activations.trainable_smooth import (
    ACON_C,
    DYT,
    SMU,
    SNAKE,
    SQUAREPLUS,
    SWISH,
    XIELU,
)

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
X = np.linspace(-4, 4, 33, dtype=np.float32)


def at(trainable, **params):
    """Fix the parameters."""
    return lambda x: trainable({k: jnp.asarray(v, jnp.float32) for k, v in params.items()}, x)


@pytest.mark.parametrize(
    ("ours", "special_case"),
    [
        (at(SWISH, beta=1.0), jax.nn.silu),
        (at(SWISH, beta=0.0), lambda x: x / 2),
        (at(ACON_C, p1=1.0, p2=0.0, beta=1.0), jax.nn.silu),
        (at(ACON_C, p1=1.0, p2=0.25, beta=1e3), lambda x: np.maximum(x, x / 4)),
        (at(ACON_C, p1=1.0, p2=0.25, beta=0.0), lambda x: 0.625 * x),
        (at(SQUAREPLUS, b=4.0), jax.nn.squareplus),
        (at(SMU, alpha=0.25, mu=1e6), lambda x: leaky_relu(x, slope=0.25)),
        (at(SMU, alpha=0.0, mu=np.sqrt(0.5)), lambda x: jax.nn.gelu(x, approximate=False)),
        (at(DYT, alpha=1.0, gamma=1.0, beta=0.0), np.tanh),
    ],
)
def test_special_cases_are_the_functions_they_are_named_for(ours, special_case):
    np.testing.assert_allclose(ours(X), special_case(X), rtol=1e-6, atol=1e-6)


def test_squareplus_neither_overflows_nor_cancels():
    x = np.float32([-1e30, -1e4, -300, 300, 1e4, 1e30])
    exact = np.where(x > 0, x, 0) + 1 / np.abs(np.float64(x))
    np.testing.assert_allclose(at(SQUAREPLUS, b=4.0)(x), exact, rtol=5e-5)
    assert at(SQUAREPLUS, b=4.0)(jnp.float16(300)) == 300
    assert jnp.isinf(jax.nn.squareplus(jnp.float16(300)))
    slope = jax.grad(at(SQUAREPLUS, b=4.0))
    assert slope(-1e4) == pytest.approx(1e-8, rel=1e-5)
    assert (slope(np.inf), slope(-np.inf)) == (1, 0)
    assert np.isnan(jax.grad(jax.nn.squareplus)(np.inf))


def test_squareplus_learns_its_roundness_where_the_corner_is_far_below():
    of_b = jax.grad(lambda b, x: SQUAREPLUS({"b": b}, x))
    for x in (-1e4, 1e4, 2.0, 0.0):
        exact = 1 / (4 * np.sqrt(x**2 + 4))
        assert float(of_b(4.0, x)) == pytest.approx(exact, rel=1e-6)


def test_squareplus_bends_twice_as_the_formula_does_where_x_is_the_root_of_b():
    bend = jax.vmap(jax.grad(jax.grad(at(SQUAREPLUS, b=4.0))))(jnp.float32([-2, -0.0, 0, 2]))
    np.testing.assert_allclose(bend, 2 / (np.array([4, 0, 0, 4]) + 4) ** 1.5, rtol=1e-6)


def test_snake_without_a_ripple_is_the_identity_and_can_still_learn_one():
    value, slope = jax.value_and_grad(lambda a: SNAKE({"a": a}, 3.0))(0.0)
    assert (value, slope) == (3, 9)
    near = jax.grad(lambda a: SNAKE({"a": a}, 3.0))(1e-2)
    assert near == pytest.approx(9, rel=1e-3)


def test_acon_takes_the_right_line_at_infinity():
    acon = at(ACON_C, p1=1.5, p2=-0.5, beta=1.0)
    np.testing.assert_array_equal(acon(np.float32([-np.inf, np.inf])), [np.inf, np.inf])
    as_the_paper_has_it = 2 * jax.nn.silu(jnp.inf) - 0.5 * jnp.inf
    assert np.isnan(as_the_paper_has_it)


def test_xielu_starts_as_apertus_does_and_differs_from_its_code_by_the_clip_alone():
    y = XIELU(XIELU.init(), X)
    z = np.float64(X)
    code = np.where(z > 0, 0.8 * z**2 + 0.5 * z, 0.8 * (np.expm1(np.minimum(z, -1e-6)) - z) + z / 2)
    np.testing.assert_allclose(y, code, rtol=1e-6, atol=0.8e-6)
    act = frozen(XIELU, XIELU.init())
    assert float(act.derivative(0.0)) == pytest.approx(0.5, abs=1e-7)
    assert float(act.derivative(-np.inf)) == pytest.approx(-0.3, abs=1e-6)


@pytest.mark.parametrize(
    ("trainable", "numbers", "text"),
    [
        (SQUAREPLUS, {"b": 0.0}, r"squareplus needs b > 0; got b=0.0; keep to b > 0"),
        (SMU, {"alpha": 0.25, "mu": 0.0}, r"smu needs mu > 0 and alpha other than 1; got alpha="),
        (SMU, {"alpha": 1.0, "mu": 1.0}, r"smu needs mu > 0 and .*; got alpha=1.0 and mu=1.0"),
    ],
)
def test_numbers_out_of_range_are_refused(trainable, numbers, text):
    with pytest.raises(ValueError, match=text):
        frozen(trainable, numbers)


def test_a_tanh_without_rate_or_size_is_flat():
    for numbers in ({"alpha": 0.0, "gamma": 1.0}, {"alpha": 1.0, "gamma": 0.0}):
        assert frozen(DYT, numbers | {"beta": 0.5}).flat
