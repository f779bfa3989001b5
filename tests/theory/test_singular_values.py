"""Has a network's Jacobian the singular values that the law says, and what does it refuse?"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from scipy import special

from relu_jax.activations import get
from relu_jax.theory import singular_values
from relu_jax.theory.singular_values import singular_value_law
from relu_jax.theory.spectrum import (
    GAUSSIAN,
    ORTHOGONAL,
    jacobian_spectrum,
    largest_squared_singular_value,
)

pytestmark = pytest.mark.leaks_unchecked(
    "it retraces every primitive; test_tracers.py has it for what is traced here"
)

RELU, TANH = get("relu"), get("tanh")
LAWS = {"gaussian": GAUSSIAN, "orthogonal": ORTHOGONAL}
WIDTH = 400
RANKS = (np.arange(WIDTH) + 0.5) / WIDTH
NORMAL = special.ndtri(RANKS)


class Network(NamedTuple):
    """Hold a network, and f' written out a second time."""

    name: str
    depth: int
    variance: float
    slope: np.ndarray  # at WIDTH normal quantiles


def normal_density(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


NETWORKS = (
    Network("relu", 4, 1.0, (NORMAL > 0) * 1.0),
    Network("tanh", 3, 0.5, 1 - np.tanh(0.5**0.5 * NORMAL) ** 2),
    Network("leaky_relu", 3, 1.0, np.where(NORMAL > 0, 1, 0.01)),
    Network("gelu", 3, 1.0, special.ndtr(NORMAL) + NORMAL * normal_density(NORMAL)),
)
slowly = pytest.mark.thorough("each law and network; the examples here run anyway")
every_law = pytest.mark.parametrize("law", LAWS)
every_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda one: one.name)


def law_at(network, law, shares, **more):
    options = {"weight_std": 1.0, "variance": network.variance, "s_1": LAWS[law]} | more
    return singular_value_law(get(network.name), network.depth, shares=shares, **options)


def drawn(network, law, networks=2):
    """Multiply matrices of one width, and take the mean logarithm of each singular value."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(networks):
        jacobian = np.eye(WIDTH)
        for _ in range(network.depth):
            w = rng.standard_normal((WIDTH, WIDTH)) / WIDTH**0.5
            w = w if law == "gaussian" else np.linalg.qr(w)[0]
            jacobian = rng.permutation(network.slope)[:, None] * (w @ jacobian)
        rows.append(np.linalg.svd(jacobian, compute_uv=False))
    return np.log(np.maximum(rows, 1e-30)).mean(axis=0)


@every_network
def test_random_gaussian_matrices_have_these_singular_values(network):
    compare_with_drawn(network, "gaussian")


@slowly
@every_network
def test_random_rotations_have_these_singular_values(network):
    compare_with_drawn(network, "orthogonal")


def compare_with_drawn(network, law):
    seen = drawn(network, law)
    dense = np.linspace(0, 1, 20_001)

    def off(depth):
        values = np.log(np.maximum(law_at(network._replace(depth=depth), law, dense), 1e-30))
        return np.abs(np.interp(-seen, -values, dense) - RANKS)[np.exp(seen) > 1e-12]

    right = off(network.depth)
    # In shares, of which a rank is 1 / 400.
    assert np.median(right) < 1 / WIDTH
    assert right.max() < 4 / WIDTH
    assert off(network.depth + 1).max() > 12 / WIDTH


@slowly
@every_law
@every_network
def test_mean_and_variance_are_those_of_the_spectrum(network, law):
    options = {"weight_std": 1.2, "variance": network.variance, "s_1": LAWS[law]}
    found = jacobian_spectrum(get(network.name), network.depth, **options)
    kept = 1 - float(found.zeros)
    v, w = leggauss(200)
    v, w = (1 + v) / 2, kept * w / 2
    # Over shares v³, in which an upper end is smooth.
    x = law_at(network, law, kept * v**3, weight_std=1.2) ** 2
    mean = (3 * v**2 * w) @ x
    assert mean == pytest.approx(float(found.mean), rel=1e-4)
    assert (3 * v**2 * w) @ x**2 / mean**2 - 1 == pytest.approx(
        float(found.relative_variance), rel=2e-3
    )


@slowly
@every_law
@every_network
def test_share_0_is_the_upper_end(network, law):
    expected = largest_squared_singular_value(
        get(network.name), 3, weight_std=1.0, variance=network.variance, s_1=LAWS[law]
    )
    found = law_at(network._replace(depth=3), law, 0.0)
    assert found**2 == pytest.approx(float(expected), rel=1e-3)


@slowly
@every_law
@pytest.mark.parametrize("name", ["sigmoid", "hard_tanh", "snake", "squared_relu", "elu", "sine"])
def test_a_deep_law_does_not_depend_on_its_nodes(name, law, monkeypatch):
    shares = np.array([0.01, 0.1, 0.25, 0.4, 0.6, 0.9])
    options = {"weight_std": 1.0, "s_1": LAWS[law], "shares": shares}
    found = singular_value_law(get(name), 10, **options)
    monkeypatch.setattr(singular_values, "NODES", (30, 60, 90))
    np.testing.assert_allclose(singular_value_law(get(name), 10, **options), found, rtol=1e-4)


def test_critical_relu_of_one_gaussian_layer_ends_where_marchenko_and_pastur_say():
    found = singular_value_law(RELU, 1, weight_std=2**0.5, shares=np.array([0.0, 0.5, 0.51]))
    np.testing.assert_allclose(found, [1 + 2**0.5, 2**0.5 - 1, 0], atol=1e-4)


def test_two_orthogonal_layers_of_relu_have_cosines():
    # Two projections on half of the space: the angles between them are uniform.
    shares = np.linspace(0, 0.49, 50)
    found = singular_value_law(RELU, 2, weight_std=1.0, s_1=ORTHOGONAL, shares=shares)
    np.testing.assert_allclose(found, np.cos(np.pi * shares), atol=1e-6)


def test_one_orthogonal_layer_has_the_slopes_themselves():
    shares = np.array([[0.0, 0.1, 0.3], [0.5, 0.9, 0.999]])
    options = {"weight_std": 3.0, "s_1": ORTHOGONAL, "shares": shares}
    found = singular_value_law(TANH, 1, **options)
    assert found.dtype == np.float64
    # tanh' falls with |z|, which is below t for a share of 2 Φ(t) - 1.
    expected = 3 / np.cosh(special.ndtri((1 + shares) / 2)) ** 2
    np.testing.assert_allclose(found, expected, rtol=5e-3)
    np.testing.assert_allclose(found[:, :2], expected[:, :2], rtol=1e-4)
    leaky = singular_value_law(get("leaky_relu"), 1, **options)
    np.testing.assert_allclose(leaky, [[3, 3, 3], [3, 0.03, 0.03]], rtol=1e-6)
    relu = singular_value_law(RELU, 1, **options)
    np.testing.assert_allclose(relu, [[3, 3, 3], [3, 0, 0]], rtol=1e-12)


@pytest.mark.parametrize("name", ["identity", "absolute"])
@pytest.mark.parametrize("depth", [1, 2, 30])
def test_slopes_of_one_size_and_rotations_make_all_values_one(name, depth):
    found = singular_value_law(
        get(name), depth, weight_std=0.9, s_1=ORTHOGONAL, shares=np.linspace(0, 1, 7)
    )
    np.testing.assert_allclose(found, 0.9**depth, rtol=1e-7)


def test_values_scale_with_the_weights_and_fall_with_the_share():
    shares = np.linspace(0, 1, 101)
    one = singular_value_law(get("gelu"), 20, weight_std=1.0, shares=shares)
    two = singular_value_law(get("gelu"), 20, weight_std=2.0, shares=shares)
    np.testing.assert_allclose(two, 2.0**20 * one, rtol=1e-9)
    assert (np.diff(one) <= 0).all()
    assert 0 < one[-2] < 1e-20 < one[0]


@pytest.mark.parametrize("name", ["sign", "identity"])
def test_what_passes_no_gradient_has_zeros_alone(name):
    std = 0.0 if name == "identity" else 1.0
    found = singular_value_law(get(name), 3, weight_std=std, shares=np.array([0.0, 0.5, 1.0]))
    np.testing.assert_array_equal(found, 0)


def test_slopes_that_nearly_underflow_are_zeros():
    # gelu' is below 1e-60 left of -16.5, here 5 % of the inputs.
    shares = np.array([0.5, 0.94, 0.96])
    found = singular_value_law(get("gelu"), 2, weight_std=1.0, variance=100.0, shares=shares)
    assert found[0] > 1e-3
    assert 0 < found[1] < 1e-50
    assert found[2] == 0


def test_parameters_scalars_and_other_callers_are_served():
    options = {"weight_std": 1.0, "s_1": ORTHOGONAL}
    leaky = get("leaky_relu")
    found = singular_value_law(leaky, 2, shares=0.25, params={"slope": 0.5}, **options)
    assert found.shape == ()
    again = singular_value_law(leaky.with_params(slope=0.5), 2, shares=jnp.float32(0.25), **options)
    assert found == again
    assert singular_value_law(RELU, 2, shares=np.zeros((0, 3)), **options).shape == (0, 3)
    with jax.enable_x64(True):
        assert singular_value_law(leaky, 2, shares=0.25, params={"slope": 0.5}, **options) == found
    inside = jax.jit(
        lambda x: x + singular_value_law(RELU, 2, shares=0.25, **options).astype(np.float32)
    )
    assert float(inside(jnp.float32(0))) == pytest.approx(0.5**0.5, rel=1e-5)


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"depth is at least 1; got 0; count the layers"):
        singular_value_law(RELU, 0, weight_std=1.0, shares=0.5)
    with pytest.raises(TypeError, match=r"depth is an integer; got float 1\.5"):
        singular_value_law(RELU, 1.5, weight_std=1.0, shares=0.5)
    with pytest.raises(ValueError, match=r"two kinds of weights; got s_1=-0\.5; pass s_1=GAUSS"):
        singular_value_law(RELU, 1, weight_std=1.0, s_1=-0.5, shares=0.5)
    for bad in (-0.1, 1.5, np.nan):
        with pytest.raises(ValueError, match=rf"is from 0 to 1; got {bad}; pass \(np.arange\(n\)"):
            singular_value_law(RELU, 1, weight_std=1.0, shares=np.array([0.5, bad]))
    with pytest.raises(TypeError, match="each of the shares is a real number; got complex 1j"):
        singular_value_law(RELU, 1, weight_std=1.0, shares=1j)
    with pytest.raises(ValueError, match=r"is finite and above 0; got -1\.0; pass a fixed"):
        singular_value_law(RELU, 1, weight_std=1.0, variance=-1.0, shares=0.5)
    with pytest.raises(TypeError, match=r"variance is one number, .*; got float32 array"):
        singular_value_law(RELU, 1, weight_std=1.0, variance=jnp.ones(2), shares=0.5)
    with pytest.raises(ValueError, match=r"weight_std is finite and at least 0; got nan"):
        singular_value_law(RELU, 1, weight_std=np.nan, shares=0.5)
    with pytest.raises(ValueError, match=r"integrated to 1\.2e-4 of their size; got snake, whose"):
        singular_value_law(get("snake", frequency=1e4), 1, weight_std=1.0, shares=0.5)


def test_what_is_traced_is_refused():
    with pytest.raises(TypeError, match=r"shares of a law .* known before it runs; got float32"):
        jax.jit(lambda x: singular_value_law(RELU, 1, weight_std=1.0, shares=x))(0.5)
    with pytest.raises(TypeError, match=r"weight_std is one number, known before it runs"):
        jax.jit(lambda x: singular_value_law(RELU, 1, weight_std=x, shares=0.5))(1.0)
    with pytest.raises(TypeError, match=r"slope of a law .* outside of jax.jit"):
        jax.jit(
            lambda x: singular_value_law(
                get("leaky_relu"), 1, weight_std=1.0, shares=0.5, params={"slope": x}
            )
        )(0.5)


def test_a_law_of_other_mass_or_mean_is_refused(monkeypatch):
    law_of = singular_values.law_of

    def broken(**changed):
        def other(factors):
            law = law_of(factors)
            return law._replace(**{k: change(getattr(law, k)) for k, change in changed.items()})

        monkeypatch.setattr(singular_values, "law_of", other)

    for changed in (
        {"above": lambda x: 0.999 * x},
        {"log_x": lambda x: x + 0.01},
        {"above": lambda x: np.where(np.arange(len(x)) == 5, np.nan, x)},
    ):
        broken(**changed)
        with pytest.raises(ValueError, match="the mass and the mean of its network; got relu"):
            singular_value_law(RELU, 3, weight_std=1.0, shares=0.5)
