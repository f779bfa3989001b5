"""Initialisers keep orthogonality, variance and criticality; Flax takes them as they are."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from jax import lax

from relu_jax.activations import CATALOGUE, get
from relu_jax.core.fans import normal
from relu_jax.theory.initialise import (
    critical,
    delta,
    gain_of,
    gaussian,
    he,
    lecun,
    orthogonal,
    variance_preserving,
    xavier,
)

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

KEY = jax.random.key(0)


@pytest.mark.parametrize("shape", [(6, 6), (6, 4), (4, 6), (3, 2, 2, 5)])
def test_orthogonal_kernel_is_an_isometry_up_to_its_scale(shape):
    w = np.asarray(orthogonal(1.5)(KEY, shape)).reshape(-1, shape[-1])
    inputs, outputs = w.shape
    square = w.T @ w if inputs >= outputs else w @ w.T
    scale = 1.5**2 * max(inputs, outputs) / inputs
    np.testing.assert_allclose(square, scale * np.eye(len(square)), atol=1e-5)


@pytest.mark.parametrize("shape", [(40, 90), (90, 40)])
def test_orthogonal_and_gaussian_weights_have_the_same_variance(shape):
    for law in (orthogonal, gaussian):
        w = np.asarray(law(2.0)(KEY, shape), np.float64)
        assert abs((w**2).mean() * shape[0] / 4 - 1) < 5 * math.sqrt(2 / w.size)


def test_orthogonal_matrices_have_no_preferred_direction():
    w = jax.vmap(lambda key: orthogonal()(key, (2, 2)))(jax.random.split(KEY, 2000))
    # Under the uniform law each entry has mean 0 and a determinant of either sign.
    assert (abs(np.asarray(w).mean(0)) < 5 / math.sqrt(2 * 2000)).all()
    assert abs(float((jnp.linalg.det(w) > 0).mean()) - 0.5) < 5 * 0.5 / math.sqrt(2000)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtype_is_kept(dtype):
    assert orthogonal()(KEY, (4, 3), dtype).dtype == dtype
    assert gaussian()(KEY, (4, 3), dtype).dtype == dtype
    init = critical(get("relu"))
    assert init.kernel(KEY, (4, 3), dtype).dtype == dtype
    assert init.bias(KEY, (3,), dtype).dtype == dtype


def test_delta_kernel_is_a_dense_layer_at_each_pixel():
    x = jax.random.normal(KEY, (2, 5, 4, 3))
    for window in ((3, 3), (2, 4)):
        kernel = delta(orthogonal())(KEY, (*window, 3, 3))
        y = lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        np.testing.assert_allclose(y, x @ orthogonal()(KEY, (3, 3)), atol=1e-5)


GAINS = {
    "relu": 1.41421,
    "leaky_relu": 1.41414,
    "elu": 1.24520,
    "selu": 1.00000,
    "gelu": 1.53353,
    "silu": 1.67653,
    "tanh": 1.59254,
    "sigmoid": 1.84623,
    "softplus": 1.04187,
}


@pytest.mark.parametrize("name", GAINS)
def test_gain_is_the_published_one(name):
    assert float(gain_of(get(name))) == pytest.approx(GAINS[name], abs=8e-6)


def test_gain_of_prelu_at_its_published_slope():
    gain = gain_of(get("leaky_relu"), params={"slope": 0.25})
    assert float(gain) == pytest.approx(1.37199, abs=6e-6)


def test_variance_preserving_relu_is_he():
    w = variance_preserving(get("relu"))(KEY, (300, 200))
    np.testing.assert_allclose(w, gaussian(math.sqrt(2))(KEY, (300, 200)), rtol=1e-5)


def passed(init, weights_key, depth: int = 30, width: int = 300, inputs: int = 20) -> float:
    """Return the mean square of the last pre-activations of a tanh network that starts at 1."""
    kernel, bias = init
    x = jax.random.normal(jax.random.key(9), (inputs, width))

    def layer(h, key):
        w, b = kernel(key, (width, width)), bias(jax.random.fold_in(key, 1), (width,))
        h = jnp.tanh(h) @ w + b[None]
        return h, (h**2).mean()

    return float(lax.scan(layer, x, jax.random.split(weights_key, depth))[1][-10:].mean())


@pytest.mark.parametrize("law", [gaussian, orthogonal])
def test_critical_network_keeps_its_variance_where_lecun_loses_it(law):
    kept = passed(critical(get("tanh"), variance=1.0, weights=law), jax.random.key(2))
    lost = passed((law(), jax.nn.initializers.zeros), jax.random.key(2))
    assert kept == pytest.approx(1, abs=0.1)
    assert lost < 0.1


def test_flax_takes_kernel_and_bias():
    init = critical(get("tanh"), bias_std=0.2, weights=orthogonal)
    layer = linen.Dense(5, kernel_init=init.kernel, bias_init=init.bias)
    params = layer.init(KEY, jnp.ones((1, 7)))["params"]
    w = np.asarray(params["kernel"])
    assert (w.shape, params["bias"].shape) == ((7, 5), (5,))
    np.testing.assert_allclose(w.T @ w, w[:, 0] @ w[:, 0] * np.eye(5), atol=1e-5)


def test_gain_may_be_trained():
    def total(slope):
        act = get("leaky_relu")
        return variance_preserving(act, params={"slope": slope})(KEY, (4, 3)).sum()

    # gain = √2 (1 + a²)^(-1/2), so d ln gain / da = -a / (1 + a²)
    value, slope = jax.value_and_grad(total)(0.5)
    assert float(slope / value) == pytest.approx(-0.5 / 1.25, rel=1e-4)


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"kernel has the axes .*; got shape \(3,\); initialise"):
        orthogonal()(KEY, (3,))
    with pytest.raises(ValueError, match=r"kernel has the axes .*; got shape \(3, 0\)"):
        delta(orthogonal())(KEY, (3, 0))
    with pytest.raises(ValueError, match=r"a signal that a gain can keep; got hard_tanh with E f²"):
        gain_of(get("hard_tanh", low=-1e-30, high=1e-30))
    for builder in (gaussian, orthogonal, lambda gain: xavier(gain=gain)):
        for gain in (-1.0, math.nan, math.inf):
            with pytest.raises(ValueError, match=r"gain is finite and at least 0; got .*; pass"):
                builder(gain)
        with pytest.raises(ValueError, match=r"gain is one number; got float32 array of shape"):
            builder(jnp.ones(3))
    with pytest.raises(ValueError, match=r"square of the slope is finite and at least 0; got inf"):
        he(slope=math.inf)
    for dtype in ("int32", "bool", "complex64"):
        for init in (gaussian(), orthogonal(), xavier(), delta(orthogonal())):
            with pytest.raises(TypeError, match=f"weights have a real float type; got {dtype}"):
                init(KEY, (4, 3), dtype)
    with pytest.raises(ValueError, match=r"χ₁ = 1 and a variance that stays; got sigmoid"):
        critical(get("sigmoid"))


def off_by(w, variance):
    """Return by how many standard errors the mean square of normal weights is off."""
    w = np.asarray(w, np.float64)
    return abs((w**2).mean() / variance - 1) / math.sqrt(2 / w.size)


RULES = {
    "he": (lambda law: he(weights=law), lambda i, o: 2 / i),
    "he of a leaky one": (lambda law: he(slope=0.5, weights=law), lambda i, o: 2 / (1.25 * i)),
    "lecun": (lambda law: lecun(weights=law), lambda i, o: 1 / i),
    "xavier": (lambda _: xavier(), lambda i, o: 2 / (i + o)),
    "xavier, normal": (lambda _: xavier(normal, gain=2.0), lambda i, o: 8 / (i + o)),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("law", [gaussian, orthogonal])
@pytest.mark.parametrize(
    ("shape", "ins", "outs"), [((400, 300), 400, 300), ((5, 4, 30, 200), 600, 4000)]
)
def test_named_rules_have_the_variances_of_their_papers(rule, law, shape, ins, outs):
    init, variance = RULES[rule]
    w = init(law)(jax.random.key(3), shape, jnp.float32)
    assert (w.shape, w.dtype) == (shape, jnp.float32)
    assert off_by(w, variance(ins, outs)) < 5
    # The bound can fail: at this size it sees a deviation that is off by 1 in 50.
    assert off_by(1.02 * w, variance(ins, outs)) > 5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_in_half_precision_have_mean_0_and_their_variance(dtype):
    w = np.asarray(he()(KEY, (1000, 1000), dtype), np.float64)
    assert off_by(w, 2 / 1000) < 5
    assert abs(w.mean()) < 5 * math.sqrt(2 / 1000 / w.size)


LIBRARY = jax.nn.initializers


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3, 4, 5)])
def test_the_rules_of_jax_give_the_same_weights(shape):
    for scale, ours in ((1.0, lecun()), (2.0, he())):
        theirs = LIBRARY.variance_scaling(scale, "fan_in", "normal")
        np.testing.assert_array_equal(ours(KEY, shape), theirs(KEY, shape))
    for theirs, ours in (
        (LIBRARY.glorot_uniform(), xavier()),
        (LIBRARY.variance_scaling(1.0, "fan_avg", "normal"), xavier(normal)),
    ):
        np.testing.assert_allclose(ours(KEY, shape), theirs(KEY, shape), rtol=1e-5, atol=1e-7)
    ins = math.prod(shape[:-1])
    size = math.sqrt(max(ins, shape[-1]) / ins)
    theirs = LIBRARY.orthogonal()(KEY, shape)
    np.testing.assert_allclose(orthogonal()(KEY, shape), size * theirs, rtol=1e-5)


@pytest.mark.parametrize("act", CATALOGUE[::4], ids=lambda act: act.name)
def test_gains_of_the_catalogue_keep_the_variance(act):
    with jax.enable_x64(True):
        gain = float(gain_of(act))
        z, step = np.linspace(-13, 13, 400_001, retstep=True)
        bell = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        second = float(np.sum(np.asarray(act(jnp.array(z))) ** 2 * bell) * step)
    assert gain**2 * second == pytest.approx(1, rel=1e-4)  # a jump is worth half a step


def test_xavier_is_even_within_its_bound():
    w = xavier()(jax.random.key(0), (100, 100), jnp.float32)
    assert 0.99 * (6 / 200) ** 0.5 < float(abs(w).max()) <= (6 / 200) ** 0.5
