"""The edge of chaos has closed forms, and its two conditions hold by others' quadrature."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.theory.critical import critical_init
from relu_jax.theory.mean_field import CRITICAL, mean_field

pytestmark = pytest.mark.thorough("quadratures in the plane, wide networks: minutes")

TANH = get("tanh")
Z, W = np.polynomial.hermite_e.hermegauss(120)
W = W / W.sum()


@pytest.mark.parametrize("q", [0.1, 1.0, 30.0])
def test_relu_has_a_single_pair_for_every_variance(q):
    found = critical_init(get("relu"), variance=q)
    assert float(found.weight_std) == pytest.approx(math.sqrt(2), rel=1e-6)
    assert (float(found.bias_std), float(found.q)) == (0, pytest.approx(q))


def test_leaky_relu_has_the_closed_form():
    found = critical_init(get("leaky_relu"), params={"slope": 0.25})
    assert float(found.weight_std) == pytest.approx(math.sqrt(2 / 1.0625), rel=1e-6)
    assert float(found.bias_std) == 0


def test_relu_without_bias_is_given_the_variance_1():
    assert float(critical_init(get("relu"), bias_std=0.0).q) == 1


def test_both_conditions_hold_for_tanh_by_another_quadrature():
    weight_std, bias_std, q = (float(x) for x in critical_init(TANH, variance=2.5))
    y = np.tanh(math.sqrt(q) * Z)
    assert weight_std**2 * W @ (1 - y**2) ** 2 == pytest.approx(1, rel=1e-5)
    assert weight_std**2 * W @ y**2 + bias_std**2 == pytest.approx(q, rel=1e-5)


def test_mean_field_finds_the_pair_critical():
    found = critical_init(TANH, bias_std=0.4)
    settled = mean_field(TANH, weight_std=found.weight_std, bias_std=found.bias_std)
    assert int(settled.phase) == CRITICAL
    assert float(settled.q) == pytest.approx(float(found.q), rel=1e-4)


def test_float64_holds_the_two_ways_together():
    with jax.enable_x64(True):
        at_bias = critical_init(TANH, bias_std=0.4)
        back = critical_init(TANH, variance=at_bias.q)
        np.testing.assert_allclose(back, at_bias, rtol=1e-12)


def test_pair_is_differentiated_as_differences_say():
    def at_variance(q):
        return jnp.stack(critical_init(TANH, variance=q))

    def at_bias(b):
        return jnp.stack(critical_init(TANH, bias_std=b))

    step = 0.01
    for f, x in ((at_variance, 1.0), (at_bias, 0.4)):
        differences = (f(x + step) - f(x - step)) / (2 * step)
        np.testing.assert_allclose(jax.jit(jax.jacfwd(f))(x), differences, rtol=2e-3)


def test_derivative_in_a_parameter_has_the_closed_form():
    def weight_std(slope):
        return critical_init(get("leaky_relu"), params={"slope": slope}).weight_std

    # σ_w = √2 (1 + a²)^(-1/2)
    expected = -math.sqrt(2) * 0.5 * 1.25**-1.5
    assert float(jax.grad(weight_std)(0.5)) == pytest.approx(expected, rel=1e-5)


def test_derivative_stays_finite_where_the_bias_vanishes():
    slopes = jax.jacfwd(lambda q: jnp.stack(critical_init(get("relu"), variance=q)))(1.0)
    np.testing.assert_allclose(slopes, [0, 0, 1], atol=1e-6)


def test_vmap_gives_the_line_of_all_pairs():
    line = jax.vmap(lambda q: critical_init(TANH, variance=q))(jnp.array([0.5, 1.0]))
    np.testing.assert_allclose(line.weight_std[1] ** 2, 2.1533, atol=6e-5)
    assert line.bias_std.shape == (2,)


@pytest.mark.parametrize(("bias", "expected"), [(1e-3, 9.2504e-3), (1e-4, 1.9651e-3)])
def test_small_biases_have_their_small_variance(bias, expected):
    # By the same search in float64; rounding of bias_std² is 1e-7 q.
    q = critical_init(TANH, bias_std=bias).q
    assert float(q) == pytest.approx(expected, rel=1e-3 + 3e-7 * expected / bias**2)


def test_finer_panels_take_over_at_a_known_variance():
    # snake: E f = 1/(2a), E f'² = 3/2, and E f² = q + 3/(8 a²), up to e^(-2 a² q)
    with jax.enable_x64(True):
        found = critical_init(get("snake", frequency=300.0))
        bias2 = 1 - 2 / 3 * (1 + 3 / 8 / 300**2)
        np.testing.assert_allclose(found, ((2 / 3) ** 0.5, bias2**0.5, 1), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "asked"), [("sign", {}), ("threshold", {"variance": 0.3}), ("sign", {"bias_std": 0.1})]
)
def test_what_jumps_has_no_edge(name, asked):
    with pytest.raises(ValueError, match=rf"got {name} with .*, f jumps, or the averages"):
        critical_init(get(name), **asked)


@pytest.mark.parametrize(("name", "asked"), [("sigmoid", {}), ("relu", {"bias_std": 1.0})])
def test_activation_without_an_edge_is_answered(name, asked):
    with pytest.raises(
        ValueError, match=rf"χ₁ = 1 and a variance that stays; got {name} with .*; ask at another"
    ):
        critical_init(get(name), **asked)


def test_missing_edge_is_nan_where_traced():
    found = jax.jit(lambda b: critical_init(get("relu"), bias_std=b))(1.0)
    assert np.isnan(found).all()
    found = jax.jit(lambda q: critical_init(get("sigmoid"), variance=q))(1.0)
    assert np.isnan(found).all()


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"at a variance or at a bias_std; got .*; leave one out"):
        critical_init(TANH, variance=1.0, bias_std=0.1)
    with pytest.raises(ValueError, match=r"the variance is finite and above 0; got 0\.0"):
        critical_init(TANH, variance=0.0)
    with pytest.raises(ValueError, match=r"bias_std is finite and at least 0; got -0\.1"):
        critical_init(TANH, bias_std=-0.1)


def test_an_integral_that_diverges_is_refused_in_words():
    with pytest.raises(ValueError, match=r"the integral is accurate to .* of lif_rate at variance"):
        critical_init(get("lif_rate"))
