"""TAT and DKS constants equal published ones, and their conditions hold by other quadrature."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.theory.moments import moments
from relu_jax.theory.transform import (
    chain,
    dks,
    leaky_correlation,
    tat,
    tat_leaky_relu,
    tat_slope,
)
from tests.theory.compiling import compilations

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

Z, W = np.polynomial.hermite_e.hermegauss(100)
W = W / W.sum()


def resnet(x, layer):
    """Pass a number through the network of the authors' tests: 33 residual blocks of 3 layers."""

    def three(y):
        return layer(layer(layer(y)))

    branch = three(x)
    for blocks in (3, 4, 23, 3):
        for block in range(blocks):
            x = 0.36 * (x if block else layer(x)) + 0.64 * three(x)
    return max(layer(x), branch)


def test_tat_slope_of_the_authors_residual_network():
    assert tat_slope(resnet, eta=0.75) == pytest.approx(0.6291800290346146, abs=1e-8)
    act = tat_leaky_relu(resnet, eta=0.75)
    assert float(act(1.0)) == pytest.approx(1.196996549778802, rel=1e-6)


def test_leaky_correlation_is_right_at_its_ends():
    for slope in (0.0, 0.3, 1.0):
        assert leaky_correlation(1.0, slope) == pytest.approx(1)
    assert leaky_correlation(0.0, 0.0) == pytest.approx(1 / math.pi)
    assert leaky_correlation(-1.0, 0.0) == pytest.approx(0, abs=1e-15)


def test_leaky_correlation_equals_monte_carlo():
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, 400_000))
    v = 0.3 * u + math.sqrt(1 - 0.09) * v
    a = 0.25
    f, g = np.where(u >= 0, u, a * u), np.where(v >= 0, v, a * v)
    product = f * g / ((1 + a**2) / 2)
    error = product.std() / math.sqrt(product.size)
    assert abs(product.mean() - leaky_correlation(0.3, a)) < 5 * error


def test_tat_leaky_relu_keeps_power_and_knows_its_kink():
    act = tat_leaky_relu(50)
    z = np.random.default_rng(0).standard_normal(400_000).astype(np.float32)
    square = np.asarray(act(z), np.float64) ** 2
    assert abs(square.mean() - 1) < 5 * square.std() / math.sqrt(square.size)
    scale = math.sqrt(2 / (1 + act.params["slope"] ** 2))
    assert act.slope_at_kinks == (pytest.approx(scale),)
    assert float(act.derivative(0.0)) == pytest.approx(scale, rel=1e-6)
    assert act.with_params(slope=1.0).kinks == ()


# alpha, beta, gamma, delta, as the authors' own program finds them for `resnet`
DKS = {
    "softplus": (0.18761008168, 0.40688063442, 8.87867254367, -0.92134661514),
    "tanh": (0.07461073058, 0.55669152000, 18.00263596444, -0.50343787687),
    "gelu": (0.07043253127, 0.25948929793, 20.21158902316, -0.15815378962),
}
TAT = {
    "softplus": (0.15011489795, 0.53745999011, 10.54880187881, -0.99648101447),
    "tanh": (0.05802052186, 0.52186398041, 22.36066261763, -0.47964307044),
}


@pytest.mark.parametrize("name", DKS)
def test_dks_constants_equal_the_authors(name):
    params = dks(get(name), resnet, slope=1.2).params
    assert tuple(params.values()) == pytest.approx(DKS[name], rel=3e-7)


@pytest.mark.parametrize("name", TAT)
def test_tat_constants_equal_the_authors(name):
    params = tat(get(name), resnet, curvature=0.2).params
    assert tuple(params.values()) == pytest.approx(TAT[name], rel=3e-7)


def averages(alpha: float, beta: float, gamma: float, delta: float) -> dict[str, float]:
    """Average a transformed tanh, with derivatives written by hand."""
    t = np.tanh(alpha * Z + beta)
    y, first = gamma * (t + delta), gamma * alpha * (1 - t**2)
    second = -2 * gamma * alpha**2 * t * (1 - t**2)
    return {
        "mean": W @ y,
        "Q(1)": W @ y**2,
        "Q'(1)": W @ (y * first * Z),
        "C'(1)": W @ first**2,
        "C''(1)": W @ second**2,
    }


def test_dks_conditions_hold_for_tanh():
    found = averages(**dks(get("tanh"), 50).params)
    expected = {"mean": 0.0, "Q(1)": 1.0, "Q'(1)": 1.0, "C'(1)": 1.5 ** (1 / 50)}
    assert {k: found[k] for k in expected} == pytest.approx(expected, abs=1e-9)


def test_tat_conditions_hold_for_tanh():
    found = averages(**tat(get("tanh"), 50).params)
    expected = {"Q(1)": 1.0, "Q'(1)": 1.0, "C'(1)": 1.0, "C''(1)": 0.3 / 50}
    assert {k: found[k] for k in expected} == pytest.approx(expected, abs=1e-9)


def test_transformed_activation_is_a_whole_activation():
    selu = get("selu")
    act = dks(selu, 20)
    assert act.name == "dks_selu"
    (kink,) = act.kinks
    alpha, beta, gamma, delta = act.params.values()
    assert kink == pytest.approx(-beta / alpha)
    x = jnp.float32(0.3)
    expected = gamma * (float(selu(alpha * x + beta)) + delta)
    assert float(act(x)) == pytest.approx(expected, rel=1e-5)
    slope = gamma * alpha * float(selu.derivative(alpha * x + beta))
    assert float(jax.jit(act.derivative)(x)) == pytest.approx(slope, rel=1e-5)
    assert act.slope_at_kinks == (pytest.approx(gamma * alpha * selu.slope_at_kinks[0]),)


def test_chain_passes_a_number_through_each_layer():
    assert chain(4)(0.0, lambda x: x + 1) == 4


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"depth is at least 1; got 0; count the layers"):
        chain(0)
    with pytest.raises(TypeError, match=r"depth is an integer; got float 2\.5"):
        tat_slope(2.5)
    with pytest.raises(ValueError, match=r"eta, a correlation, .*; got float 1\.0; pass eta=0\.9"):
        tat_slope(50, eta=1.0)
    with pytest.raises(ValueError, match=r"slope is finite and above 1; got 1\.0; pass a larger"):
        dks(get("tanh"), 50, slope=1.0)
    with pytest.raises(ValueError, match=r"curvature is finite and above 0; got 0\.0"):
        tat(get("tanh"), 50, curvature=0.0)
    with pytest.raises(ValueError, match=r"without kinks; got relu with kinks at 0\.0; take tat_l"):
        tat(get("relu"), 50)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("relu", "take tat_leaky_relu, which bends less with depth, in place of a rectifier"),
        ("leaky_relu", "take tat_leaky_relu"),
        ("identity", "no constants bend what is linear: take another activation"),
    ],
)
def test_advice_is_what_helps(name, advice):
    with pytest.raises(ValueError, match=advice):
        dks(get(name), 10)
    if get(name).kinks:
        with pytest.raises(ValueError, match=advice):
            tat(get(name), 10)


def test_advice_for_kinks_that_a_transformation_takes_is_that_one():
    with pytest.raises(ValueError, match=r"got selu with kinks at 0.0; use dks, which takes kinks"):
        tat(get("selu"), 10)
    assert dks(get("selu"), 10).params["gamma"] > 0


def test_equal_transformations_are_one_and_share_what_is_compiled():
    one, two = (dks(get("tanh"), 20) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert one.with_params(delta=0.0) != two
    moments(one, 1.0)
    with compilations() as compiled:
        moments(two, 1.0)
        moments(dks(get("tanh"), 20), 1.0)
    assert compiled == []


def test_what_jumps_and_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="for continuous activations; got hard_shrink, whose jump"):
        dks(get("hard_shrink"), 20)
    with pytest.raises(ValueError, match="alpha is not 0; got 0; pass the one"):
        dks(get("tanh"), 20).with_params(alpha=0.0)
