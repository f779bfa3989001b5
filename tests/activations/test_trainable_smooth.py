"""Learned smooth activations: their special cases, and the digits a first writing loses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import leaky_relu, smu, snake, squareplus, star_relu
from relu_jax.activations.trainable import frozen
from relu_jax.activations.trainable_rectifiers import STAR_RELU
from relu_jax.activations.trainable_smooth import (
    ACON_C,
    DYT,
    SMU,
    SNAKE,
    SQUAREPLUS,
    SWISH,
    XIELU,
)
from relu_jax.core.numerics import tolerance

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


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(
    ("trainable", "numbers", "twin", "names"),
    [
        (SNAKE, {"a": 1.5}, snake, ("frequency",)),
        (SQUAREPLUS, {"b": 4.0}, squareplus, ("b",)),
        (SQUAREPLUS, {"b": 100.0}, squareplus, ("b",)),
        (SMU, {"alpha": 0.25, "mu": 2.0}, smu, ("alpha", "mu")),
        (SMU, {"alpha": 0.0, "mu": 1.0}, smu, ("alpha", "mu")),
        (STAR_RELU, {"scale": 2**-10, "bias": 0.5}, star_relu, ("scale", "bias")),
    ],
)
def test_a_learned_twin_of_a_catalogue_function_is_that_function(
    trainable, numbers, twin, names, dtype
):
    top = float(jnp.finfo(dtype).max)
    x = jnp.asarray([-np.inf, -top, -1e4, *X, 300.0, 1e4, top, np.inf], dtype)
    params = {k: jnp.asarray(v, dtype) for k, v in numbers.items()}
    ones = jnp.ones_like(x)
    y, slope = jax.jvp(lambda x: trainable(params, x), (x,), (ones,))
    fixed = dict(zip(names, params.values(), strict=True))
    np.testing.assert_array_equal((y, slope), jax.jvp(lambda x: twin(x, **fixed), (x,), (ones,)))
    assert not np.isnan(y).any()


def normal(z):
    return np.exp(-(z**2)) / np.sqrt(np.pi)


def smu_in_alpha(x, alpha, mu):
    v = mu * (1 - alpha) * x
    return x * special.erfc(v) / 2 - v * x * normal(v)


def smu_in_mu(x, mu, alpha):
    return (1 - alpha) ** 2 * x**2 * normal(mu * (1 - alpha) * x)


def snake_in_a(x, a):
    ring = np.sinc(a * x / np.pi)
    return x**2 * ring * (2 * np.cos(a * x) - ring)


def squareplus_in_b(x, b):
    return 1 / (4 * np.sqrt(x**2 + b))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(
    ("trainable", "numbers", "exact", "rounded"),  # in the first parameter; what is rounded in it
    [
        (SNAKE, {"a": 2**-9}, snake_in_a, lambda x: x**2),
        (SNAKE, {"a": 0.0}, lambda x, a: x**2, None),
        (SQUAREPLUS, {"b": 4.0}, squareplus_in_b, None),
        (SQUAREPLUS, {"b": 2**-20}, squareplus_in_b, None),
        (SMU, {"alpha": -0.5, "mu": 2.0}, smu_in_alpha, np.abs),
        (SMU, {"alpha": 0.25, "mu": 2.0}, smu_in_alpha, np.abs),
        (SMU, {"alpha": 1.5, "mu": 2.0}, smu_in_alpha, np.abs),
        (SMU, {"mu": 2.0, "alpha": 0.0}, smu_in_mu, lambda x: 4 * x**2 * smu_in_mu(x, 2.0, 0.0)),
        (STAR_RELU, {"scale": 2**-10, "bias": 0.5}, lambda x, **_: np.maximum(x, 0) ** 2, None),
    ],
)
def test_a_twin_is_differentiated_in_its_parameters_at_every_finite_x(
    trainable, numbers, exact, rounded, dtype
):
    top = float(jnp.finfo(dtype).max)
    x = jnp.asarray([-top, -1e4, -300, -1e-3, *X, 1e-3, 0.25, 300, 1e4, top], dtype)
    params = {k: jnp.asarray(v, dtype) for k, v in numbers.items()}
    name, value = next(iter(params.items()))
    found = jax.jvp(lambda v: trainable(params | {name: v}, x), (value,), (jnp.ones((), dtype),))[1]
    at = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        true = exact(at, **numbers) + 0 * at
        slack = tolerance(dtype) * (np.abs(true) + (rounded(at) if rounded else 0))
    seen = np.abs(true) < top / 4
    off = np.abs(np.asarray(found, np.float64) - true)
    assert (off[seen] <= slack[seen] + 2 * float(jnp.finfo(dtype).tiny)).all()
    assert not np.isnan(found).any()


def test_squareplus_neither_overflows_nor_cancels():
    x = np.float32([-1e30, -1e4, -300, 300, 1e4, 1e30])
    exact = np.where(x > 0, x, 0) + 1 / np.abs(np.float64(x))
    np.testing.assert_allclose(at(SQUAREPLUS, b=4.0)(x), exact, rtol=5e-5)


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
        (SQUAREPLUS, {"b": 0.0}, r"squareplus needs b > 0; got b=0.0; pass a pos"),
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
