"""Learned rectifiers: what they contain as special cases, how frameworks start them."""

from inspect import unwrap

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from relu_jax.activations import elu, leaky_relu, relu
from relu_jax.activations.trainable import frozen
from relu_jax.activations.trainable_rectifiers import (
    MPELU,
    PELU,
    PRELU,
    PRELU_STARTS,
    SRELU,
    STAR_RELU,
    STAR_RELU_STARTS,
    sample_rrelu,
)
from relu_jax.core.numerics import tolerance

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
X = np.linspace(-4, 4, 33, dtype=np.float32)


def moments(f):
    """Integrate f and f^2 under a standard normal input."""
    z = np.linspace(-12, 12, 200_000)
    weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    y = np.asarray(f(np.float32(z)), np.float64)
    return (weight * y).sum(), (weight * y**2).sum()


def test_prelu_starts_where_flax_and_equinox_let_it_start():
    params = linen.PReLU().init(jax.random.key(0), X)["params"]
    assert float(params["negative_slope"]) == pytest.approx(PRELU_STARTS["flax"])
    assert float(equinox.nn.PReLU().negative_slope) == PRELU_STARTS["equinox"]
    assert float(PRELU.init()["slope"]) == PRELU_STARTS["he2015"]


def test_prelu_starts_where_torch_lets_it_start():
    torch = pytest.importorskip("torch", reason="torch is in the test extra only")
    assert float(torch.nn.PReLU().weight.detach()) == PRELU_STARTS["torch"]


def test_prelu_equals_flax_in_value_and_both_gradients():
    theirs = linen.PReLU()

    def loss(slope, x):
        return (theirs.apply({"params": {"negative_slope": slope}}, x) ** 2).sum()

    def ours(slope, x):
        return (PRELU({"slope": slope}, x) ** 2).sum()

    for a, b in zip(
        jax.value_and_grad(ours, (0, 1))(jnp.float32(0.25), X),
        jax.value_and_grad(loss, (0, 1))(jnp.float32(0.25), X),
        strict=True,
    ):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), a, b)


def test_prelu_has_the_published_mean_and_gain_at_its_start():
    mean, second = moments(frozen(PRELU, PRELU.init()))
    assert mean == pytest.approx(0.29921, abs=5e-6)
    assert 1 / np.sqrt(second) == pytest.approx(1.37199, abs=5e-6)


def test_star_relu_keeps_a_standard_normal_at_mean_0_and_variance_1():
    scale, bias = STAR_RELU_STARTS["unit_variance"]
    assert moments(frozen(STAR_RELU, {"scale": scale, "bias": bias})) == pytest.approx(
        (0, 1), abs=1e-6
    )
    assert tuple(STAR_RELU.init().values()) == STAR_RELU_STARTS["metaformer"]


@pytest.mark.parametrize(
    ("trainable", "params", "special"),
    [
        (PRELU, {"slope": -1.0}, np.abs),
        (PELU, {"a": 1.0, "b": 1.0}, elu),
        (MPELU, {"alpha": 0.5, "beta": 1.0}, lambda x: elu(x, alpha=0.5)),
        (MPELU, {"alpha": 0.0, "beta": 1.0}, relu),
        (SRELU, {"low": -1.0, "low_slope": 1.0, "high": 1.0, "high_slope": 1.0}, lambda x: x),
        (
            SRELU,
            {"low": 0.0, "low_slope": 0.0, "high": 3.0, "high_slope": 0.0},
            lambda x: np.clip(x, 0, 3),
        ),
        (SRELU, SRELU.init(), lambda x: leaky_relu(x, slope=0.2)),
    ],
)
def test_special_cases_are_the_functions_they_are_named_for(trainable, params, special):
    params = {k: jnp.asarray(v) for k, v in params.items()}
    np.testing.assert_allclose(trainable(params, X), special(X), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("trainable", "numbers", "text"),
    [
        (PELU, {"a": 0.0}, r"pelu needs a > 0 and b > 0; got a=0.0 and b=1.0; keep to"),
        (PELU, {"b": -1.0}, r"pelu needs a > 0 and b > 0; got a=1.0 and b=-1.0"),
        (MPELU, {"beta": 0.0}, r"mpelu needs beta > 0; got beta=0.0"),
        (SRELU, {"low": 1.0}, r"srelu needs low < high; got low=1.0 and high=1.0"),
    ],
)
def test_numbers_out_of_range_are_refused_at_the_start_and_when_frozen(trainable, numbers, text):
    with pytest.raises(ValueError, match=text):
        trainable.init(None, (), **numbers)
    with pytest.raises(ValueError, match=text):
        frozen(trainable, trainable.init() | numbers)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rrelu_draws_slopes_uniformly_between_its_bounds(dtype):
    x = -jnp.ones(1_000_000, dtype)
    slopes = -np.float64(sample_rrelu(jax.random.key(0), x, low=0.25, high=0.75))
    assert slopes.min() >= 0.25
    assert slopes.max() < 0.75 or dtype == "bfloat16"  # where it may be rounded up
    # Mean 1/2, variance 1/48, fourth central moment 1/1280: within 5 standard errors.
    assert abs(slopes.mean() - 0.5) < 5 * np.sqrt(1 / 48 / len(x))
    error = np.sqrt((1 / 1280 - (1 / 48) ** 2) / len(x))
    assert abs(slopes.var() - 1 / 48) < 5 * error


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_rrelu_keeps_the_dtype_and_the_positive_side_and_its_gradient_is_the_slope(dtype):
    x = jnp.asarray([-2.0, -1.0, 0.0, 3.0], dtype)
    y, back = jax.vjp(lambda x: sample_rrelu(jax.random.key(3), x), x)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(np.float32(y[2:]), [0, 3])
    slopes = np.float32(back(jnp.ones_like(y))[0])
    np.testing.assert_allclose(slopes[:2] * [-2, -1], np.float32(y[:2]), rtol=1e-2)
    assert (np.abs(slopes[:2] - 11 / 48) <= 5 / 48 + 2e-3).all()
    np.testing.assert_array_equal(slopes[2:], 1)


def test_rrelu_without_room_to_draw_is_a_leaky_relu():
    y = sample_rrelu(jax.random.key(0), X, low=0.25, high=0.25)
    np.testing.assert_array_equal(y, leaky_relu(X, slope=0.25))


def test_rrelu_refuses_bounds_the_wrong_way_round_and_complex_numbers():
    with pytest.raises(ValueError, match=r"rrelu needs low <= high; got low=0.5 and high=0.25"):
        sample_rrelu(jax.random.key(0), X, low=0.5, high=0.25)
    for bound in (np.nan, np.inf, None, "a"):
        with pytest.raises(TypeError, match=r"a bound of rrelu is a finite number; got .*; pass a"):
            unwrap(sample_rrelu)(jax.random.key(0), X, low=0.5, high=bound)
    with pytest.raises(TypeError, match=r"takes real numbers"):
        sample_rrelu(jax.random.key(0), np.zeros(2, np.complex64))


def test_a_slope_is_learned_by_gradient_descent():
    def loss(params):
        return jnp.mean((PRELU(params, X) - leaky_relu(X, slope=0.6)) ** 2)

    step = jax.jit(lambda p: jax.tree.map(lambda v, g: v - 0.2 * g, p, jax.grad(loss)(p)))
    params = PRELU.init()
    for _ in range(30):
        params = step(params)
    assert float(params["slope"]) == pytest.approx(0.6, abs=1e-5)


def test_pelu_is_finite_where_a_quotient_by_its_width_overflows():
    x, quarter = jnp.float32([-3e38, -1, 0.5, 3e38]), jnp.float32(0.25)
    params = {"a": quarter, "b": quarter}
    exact = [-0.25, 0.25 * np.expm1(-4), 0.5, 3e38]
    np.testing.assert_allclose(PELU(params, x), exact, rtol=tolerance("float32"))
    slopes = jax.grad(PELU)(params, x[0])
    assert {name: float(slope) for name, slope in slopes.items()} == {"a": -1, "b": 0}
