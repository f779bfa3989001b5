"""Smooth rectifiers: jax.nn's values where those are right, the limits where they are NaN."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from relu_jax.activations import get
from relu_jax.activations.smooth import gelu, gelu_tanh, silu, softplus
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)

PAIRS = {
    "gelu": (gelu, partial(jax.nn.gelu, approximate=False)),
    "gelu_tanh": (gelu_tanh, jax.nn.gelu),
    "silu": (silu, jax.nn.silu),
    "softplus": (softplus, jax.nn.softplus),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", PAIRS)
def test_value_equals_jax_nn_to_rounding(name, dtype):
    ours, theirs = PAIRS[name]
    x = jnp.linspace(-12, 12, 97, dtype=dtype)
    a, b = (np.asarray(f(x), np.float64) for f in (ours, theirs))
    assert (np.abs(a - b) <= tolerance(dtype) * (1 + np.abs(np.asarray(x, np.float64)))).all()


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu"])
def test_infinities_are_right_where_jax_nn_gives_nan(name):
    ours, theirs = PAIRS[name]
    assert jnp.isnan(theirs(-jnp.inf))
    assert ours(-jnp.inf) == 0
    assert jnp.isnan(jax.grad(theirs)(jnp.inf))
    assert jax.grad(ours)(jnp.inf) == 1


def test_tanh_form_keeps_its_gradient_in_float16_where_the_cube_overflows():
    x = jnp.float16(300)
    assert jnp.isnan(jax.grad(jax.nn.gelu)(x))
    assert jax.grad(gelu_tanh)(x) == 1


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (gelu, lambda x: x * special.ndtr(x)),
        (silu, lambda x: x * special.expit(x)),
        (softplus, lambda x: np.log1p(np.exp(x))),
        (
            gelu_tanh,
            lambda x: x * special.expit(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)),
        ),
    ],
)
def test_negative_tail_is_accurate_to_its_own_size(f, exact):
    x = np.float32([-8, -6.5, -5, -3])
    # e^-z^2 carries the rounding of z^2: up to 32 here, and 3 times that in the cube.
    np.testing.assert_allclose(f(x), exact(x.astype(np.float64)), rtol=tolerance("float32", n=12))


def test_the_two_forms_of_gelu_differ_by_the_published_amount():
    x = np.linspace(-5, 5, 4001, dtype=np.float32)
    gap = np.abs(np.asarray(gelu(x)) - np.asarray(gelu_tanh(x)))
    assert gap.max() == pytest.approx(4.73e-4, abs=1e-6)
    assert abs(x[gap.argmax()]) == pytest.approx(2.699, abs=0.05)


def test_steep_silu_has_the_right_limits():
    steep = get("silu", beta=-3.0)
    np.testing.assert_array_equal(steep(np.float32([-np.inf, np.inf])), [-np.inf, 0])


def test_shape_parameters_can_be_trained():
    slope = jax.grad(lambda b: silu(jnp.float32(1), beta=b))(1.0)
    assert slope == pytest.approx(0.196612, abs=1e-6)
    slope = jax.grad(lambda b: softplus(jnp.float32(0), beta=b))(1.0)
    assert slope == pytest.approx(-np.log(2), abs=1e-6)


@pytest.mark.parametrize("f", [np.abs, np.zeros_like, lambda x: x / 2, lambda x: x * np.nan])
def test_silu_proposes_nothing_where_no_gate_fits(f):
    assert get("silu").fit(f) is None


def test_softplus_proposes_nothing_for_a_function_that_is_zero_at_zero():
    assert get("softplus").fit(lambda x: np.maximum(x, 0)) is None
