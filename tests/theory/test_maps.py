"""The maps equal quadrature by others, closed forms and networks of finite width."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from relu_jax.activations import get
from relu_jax.theory.maps import correlation_map, trajectory, variance_map
from tests import published

pytestmark = pytest.mark.thorough("quadratures in the plane, wide networks: minutes")

RELU, TANH = get("relu"), get("tanh")
CRITICAL = {"weight_std": math.sqrt(2)}


def relu_map(c: float) -> float:
    return (math.sqrt(1 - c * c) + (math.pi - math.acos(c)) * c) / math.pi


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("tanh", np.tanh),
        ("gelu", lambda x: x * special.ndtr(x)),
        ("hard_tanh", lambda x: np.clip(x, -1, 1)),
    ],
)
def test_variance_map_equals_adaptive_quadrature(name, f):
    q, weight_std, bias_std = 2.3, 1.4, 0.3

    def integrand(z):
        return f(math.sqrt(q) * z) ** 2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    second = integrate.quad(integrand, -12, 12, points=[-1 / math.sqrt(q), 1 / math.sqrt(q)])[0]
    expected = weight_std**2 * second + bias_std**2
    ours = variance_map(get(name), q, weight_std=weight_std, bias_std=bias_std)
    assert float(ours) == pytest.approx(expected, rel=1e-5)


def test_correlation_map_equals_a_product_of_hermite_rules():
    x, w = np.polynomial.hermite_e.hermegauss(80)
    w = w / w.sum()
    q, c, weight_std, bias_std = 1.7, 0.6, 1.3, 0.4
    u, v = np.meshgrid(x, x, indexing="ij")
    pair = np.tanh(math.sqrt(q) * u) * np.tanh(math.sqrt(q) * (c * u + math.sqrt(1 - c * c) * v))
    alone = np.tanh(math.sqrt(q) * x) ** 2
    expected = weight_std**2 * (w[:, None] * w * pair).sum() + bias_std**2
    expected /= weight_std**2 * (w * alone).sum() + bias_std**2
    ours = correlation_map(TANH, c, q=q, weight_std=weight_std, bias_std=bias_std)
    assert float(ours) == pytest.approx(expected, rel=1e-5)


def test_correlation_map_of_relu_is_the_arc_cosine_form():
    c = np.linspace(-1, 1, 9)
    ours = correlation_map(RELU, jnp.float32(c), q=3.0, **CRITICAL)
    np.testing.assert_allclose(ours, [relu_map(one) for one in c], atol=2e-6)


def test_single_precision_follows_the_published_correlations_of_relu():
    path = trajectory(RELU, 100, **CRITICAL)
    for layer, c in published.RELU_CORRELATIONS.items():
        assert float(path.c[layer]) == pytest.approx(float(c), abs=6e-5), layer
    np.testing.assert_allclose(path.q, 1, rtol=1e-4)


def test_correlation_map_of_relu_expands_as_published():
    gap = 1e-4
    with jax.enable_x64(True):
        left = 1 - float(correlation_map(RELU, 1 - gap, q=1.0, **CRITICAL))
    lost = 2 * math.sqrt(2) / (3 * math.pi) * gap**1.5
    assert gap - left == pytest.approx(lost, rel=1e-3)


def test_networks_of_finite_width_follow_the_trajectory():
    width, depth, networks = 400, 5, 24
    weight_std, bias_std = 1.5, 0.3
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, networks, width)).astype(np.float32)
    # The mean over units is over samples, not exact: correct it, so that layer 0 is as asked.
    first /= np.sqrt((first**2).mean(-1, keepdims=True))
    second -= (first * second).mean(-1, keepdims=True) * first
    second /= np.sqrt((second**2).mean(-1, keepdims=True))
    h = np.stack([first, 0.4 * first + math.sqrt(1 - 0.16) * second], -1)
    path = trajectory(
        TANH, depth, weight_std=weight_std, bias_std=bias_std, correlation=0.4, variance=1.0
    )
    for layer in range(1, depth + 1):
        w = rng.standard_normal((networks, width, width), dtype=np.float32)
        b = rng.standard_normal((networks, width, 1), dtype=np.float32)
        h = weight_std / math.sqrt(width) * (w @ np.tanh(h)) + bias_std * b
        q, covariance = (h[..., 0] ** 2).mean(-1), (h[..., 0] * h[..., 1]).mean(-1)
        for measured, expected in (
            (q, float(path.q[layer])),
            (covariance, float(path.q[layer] * path.c[layer])),
        ):
            error = measured.std(ddof=1) / math.sqrt(networks)
            # Terms of order 1 / width are not part of the theory.
            assert abs(measured.mean() - expected) < 5 * error + 3 / width


def test_trajectory_is_jitted_vmapped_and_differentiated():
    def last(weight_std):
        return trajectory(RELU, 3, weight_std=weight_std, variance=2.0).q[-1]

    value = jax.jit(jax.vmap(last))(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(value, [2 / 8, 2 * 8], rtol=1e-5)
    # q_3 = 2 (σ²/2)³, so dq_3/dσ = 12 (σ²/2)³ / σ
    assert jax.grad(last)(2.0) == pytest.approx(48, rel=1e-5)


def test_parameter_of_the_activation_is_differentiated():
    # E f² = q (1 + a²) / 2, E f(u) f(v) at c = 0 = q (1 - a)² / (2 π)
    def both(slope):
        options = {"weight_std": 1.0, "params": {"slope": slope}}
        leaky = get("leaky_relu")
        q = variance_map(leaky, 3.0, **options)
        return q, q * correlation_map(leaky, 0.0, q=3.0, **options)

    slopes = jax.jit(jax.jacfwd(both))(0.25)
    np.testing.assert_allclose(slopes, [3 * 0.25, -3 * 0.75 / math.pi], rtol=1e-4)


def test_known_parameters_move_the_kinks():
    wide = variance_map(get("hard_tanh"), 1.0, weight_std=1.0, params={"high": 9.0, "low": -9.0})
    assert float(wide) == pytest.approx(1, rel=1e-5)


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"weight_std is finite and at least 0; got -1\.0; pass"):
        variance_map(TANH, 1.0, weight_std=-1.0)
    with pytest.raises(ValueError, match=r"bias_std is finite and at least 0; got nan"):
        variance_map(TANH, 1.0, weight_std=1.0, bias_std=math.nan)
    with pytest.raises(ValueError, match=r"the variance q is finite and above 0; got 0\.0"):
        correlation_map(TANH, 0.5, q=0.0, weight_std=1.0)
    with pytest.raises(ValueError, match=r"between -1 and 1; got 1\.5; divide the covariance"):
        correlation_map(TANH, np.array([0.5, 1.5]), q=1.0, weight_std=1.0)
    with pytest.raises(ValueError, match=r"bias_std is one number; got float32 array of shape"):
        trajectory(TANH, 2, weight_std=1.0, bias_std=jnp.ones(2))
    with pytest.raises(ValueError, match=r"depth is at least 0; got -1; count"):
        trajectory(TANH, -1, weight_std=1.0)
    with pytest.raises(TypeError, match=r"depth is an integer; got float 2\.5"):
        trajectory(TANH, 2.5, weight_std=1.0)
    with pytest.raises(TypeError, match=r"the parameters of tanh are none; got slope"):
        variance_map(TANH, 1.0, weight_std=1.0, params={"slope": 1.0})


def test_a_layer_that_ends_the_signal_has_no_correlation():
    with pytest.raises(ValueError, match=r"share of the variance .*; got V\(q\) = 0\.0 of tanh at"):
        correlation_map(TANH, 0.5, q=1.0, weight_std=0.0)
    assert np.isnan(jax.jit(lambda w: correlation_map(TANH, 0.5, q=1.0, weight_std=w))(0.0))
    assert float(correlation_map(TANH, 0.5, q=1.0, weight_std=0.0, bias_std=0.1)) == 1


def test_the_variance_is_averaged_once_for_all_correlations():
    c = jnp.linspace(0, 0.9, 7)
    jaxpr = jax.make_jaxpr(lambda q: correlation_map(RELU, c, q=q, weight_std=1.0))(1.0)
    assert "f32[7," not in str(jaxpr)  # the nodes of a quadrature, once for each
