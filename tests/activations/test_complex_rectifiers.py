"""Rectifiers of complex numbers: both parts, or the modulus, in value and derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import complex_relu, mod_relu, relu, soft_shrink

pytestmark = pytest.mark.leaks_unchecked(
    "the check retraces every primitive, 7 times the time; test_activation.py runs under it"
)

draw = np.random.default_rng(0)
Z = (draw.standard_normal(50) + 1j * draw.standard_normal(50)).astype(np.complex64)


def test_both_parts_are_rectified():
    expected = np.maximum(Z.real, 0) + 1j * np.maximum(Z.imag, 0)
    np.testing.assert_array_equal(complex_relu(Z), expected)


@pytest.mark.parametrize("bias", [-0.5, 0.0, 0.7])
def test_the_modulus_moves_and_the_phase_stays(bias):
    size = np.abs(Z)
    expected = np.maximum(size + bias, 0) * Z / size
    np.testing.assert_allclose(mod_relu(Z, bias), expected, rtol=1e-5, atol=1e-6)


def test_a_bias_of_its_own_for_each_unit():
    bias = np.linspace(-1, 1, 50, dtype=np.float32)
    alone = [complex(mod_relu(z, b)) for z, b in zip(Z, bias, strict=True)]
    np.testing.assert_allclose(mod_relu(Z, bias), alone, rtol=1e-6)


@pytest.mark.parametrize("f", [complex_relu, lambda z: mod_relu(z, -0.4)], ids=["both", "modulus"])
def test_gradients_are_those_of_two_real_numbers(f):
    def energy(x, y):
        out = f(jax.lax.complex(x, y))
        return jnp.sum(out.real * jnp.cos(x) + out.imag * 0.3)

    x, y = jnp.asarray(Z.real), jnp.asarray(Z.imag)
    with jax.enable_x64(True):
        x64, y64, h = jnp.float64(Z.real), jnp.float64(Z.imag), 1e-6
        each = jax.vmap(energy)
        central = [
            np.asarray(each(x64 + h, y64) - each(x64 - h, y64)),
            np.asarray(each(x64, y64 + h) - each(x64, y64 - h)),
        ]
    for got, want in zip(jax.grad(energy, (0, 1))(x, y), central, strict=True):
        np.testing.assert_allclose(got, want / (2 * h), rtol=1e-4, atol=1e-4)


def test_zero_has_no_phase_and_finite_gradients():
    assert complex(mod_relu(0j, 1.0)) == 0
    slope = jax.grad(lambda z: mod_relu(z, 1.0).real, holomorphic=False)(jnp.complex64(0))
    assert complex(slope) == 0
    assert complex(jax.grad(lambda z: mod_relu(z, -5.0).real)(jnp.complex64(3 + 4j))) == 0


def test_real_numbers_have_one_part():
    x = np.linspace(-2, 2, 9, dtype=np.float32)
    np.testing.assert_array_equal(complex_relu(x), relu(x))
    np.testing.assert_allclose(mod_relu(x, -0.5), soft_shrink(x, width=0.5), atol=1e-7)
    assert complex_relu(3).dtype == mod_relu(3, 0.5).dtype == jnp.float32


@pytest.mark.parametrize(
    ("x", "slope"),
    [
        (jnp.float16(300), 1), (jnp.float16(1e4), 1), (jnp.float16(1e-4), 0),
        (jnp.float32(1e-20), 0), (jnp.float32(-1e22), 1), (jnp.float32(jnp.inf), 1),
    ],
)  # fmt: skip
def test_the_slope_of_a_real_number_needs_no_square(x, slope):
    assert float(jax.grad(lambda x: mod_relu(x, -1.0))(x)) == slope


@pytest.mark.parametrize(
    ("z", "bias", "slope"), [(1e-20, -1.0, 0), (1e-20, 0.0, 1), (1e19, -1.0, 1), (1e30, 1.0, 1)]
)
def test_the_slope_of_a_complex_number_needs_no_square(z, bias, slope):
    z = jnp.complex64(z * (1 + 1j))
    value, pull = jax.vjp(lambda z: mod_relu(z, bias), z)
    assert complex(value) == pytest.approx(slope * complex(z), rel=1e-5)
    assert complex(pull(jnp.complex64(1))[0]) == pytest.approx(slope, abs=1e-5)
