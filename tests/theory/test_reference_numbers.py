"""Is every reference number met to the digits given?

What was seen in simulations is met where they are simulated again: test_born_dead.py and
test_spectrum_simulated.py. Least values and places are in tests/activations/test_extremes.py.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import get
from relu_jax.theory.arc_cosine import arc_cosine
from relu_jax.theory.born_dead import born_dead_at_least, born_dead_at_most
from relu_jax.theory.critical import critical_init
from relu_jax.theory.maps import trajectory
from relu_jax.theory.moments import moments
from relu_jax.theory.transform import tat_slope
from tests import published
from tests.published import half_unit, meets, missed

by_quadrature = pytest.mark.thorough("a program for each activation: half a minute")


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def test_a_number_is_met_to_half_a_unit_of_its_last_digit():
    assert [half_unit(text) for text in ("0.398942", ".870", "-1.2", "3")] == [
        5e-7,
        5e-4,
        0.05,
        0.5,
    ]
    assert meets(0.3989425, "0.398942")
    assert not meets(0.3989426, "0.398942")
    assert not meets(math.nan, ".5")
    assert missed((0.4, 0.56), (".4", ".5")) == [(".5", 0.56)]


@by_quadrature
@pytest.mark.parametrize("name", published.AVERAGES)
def test_averages_over_a_normal_input(name):
    found = moments(get(name))
    mean, second = float(found.mean), float(found.second)
    ours = (mean, second, second - mean**2, second**-0.5, found.slope_second)
    assert missed(ours, published.AVERAGES[name]) == []


@by_quadrature
@pytest.mark.parametrize("name", published.GAINS)
def test_gains_and_means(name):
    act = get("leaky_relu", slope=0.25) if name == "prelu" else get(name)
    found = moments(act)
    assert missed((float(found.second) ** -0.5, found.mean), published.GAINS[name]) == []


def test_bounds_on_dead_networks():
    for width, texts in published.BORN_DEAD.items():
        ours = (born_dead_at_least(width, 9), born_dead_at_most([width] * 9))
        assert missed(ours, texts) == [], width
    assert meets(born_dead_at_most([10] * 9), published.BORN_DEAD_AT_TEN)


@by_quadrature
def test_edge_of_chaos_of_tanh_at_a_bias():
    edge = jax.vmap(lambda bias: critical_init(get("tanh"), bias_std=bias))
    biases = jnp.sqrt(jnp.array(list(published.TANH_EDGE)))
    found = edge(biases)
    np.testing.assert_array_equal(found.bias_std, biases)
    assert missed(found.weight_std**2, tuple(published.TANH_EDGE.values())) == []
    usual = list(published.TANH_EDGE).index(0.05)
    assert missed((found.weight_std[usual], found.q[usual]), published.TANH_USUAL) == []
    # Without a bias it is at 1, where the variance that stays is 0.
    assert float(critical_init(get("tanh"), bias_std=0.0).weight_std) == pytest.approx(1, abs=1e-6)


@by_quadrature
@pytest.mark.parametrize(("name", "q"), published.CRITICAL_PAIRS)
def test_edge_of_chaos_at_a_variance(name, q):
    found = critical_init(get(name), variance=q)
    ours = (found.weight_std**2, found.bias_std**2)
    assert missed(ours, published.CRITICAL_PAIRS[name, q]) == []


@by_quadrature
def test_correlations_behind_layers_of_relu():
    c = np.asarray(trajectory(get("relu"), 1000, weight_std=math.sqrt(2)).c)
    layers = list(published.RELU_CORRELATIONS)
    assert missed(c[layers], tuple(published.RELU_CORRELATIONS.values())) == []
    deep = np.array(list(published.RELU_RATIOS))
    ratios = (1 - c[deep]) * 2 * deep**2 / (9 * math.pi**2)
    assert missed(ratios, tuple(published.RELU_RATIOS.values())) == []


@pytest.mark.thorough("four million draws")
@pytest.mark.parametrize("order", [0, 1, 2])
def test_arc_cosine_kernels_agree_with_four_million_draws(order):
    n, (q1, q2) = 4_000_000, (0.7, 1.6)
    z = np.random.default_rng(order).standard_normal((2, n))
    rho = np.array([-0.4, 0.0, 0.5, 0.9])
    c = rho * math.sqrt(q1 * q2)
    kernel = arc_cosine(order, jnp.full(4, q1), jnp.full(4, q2), jnp.array(c))
    u = math.sqrt(q1) * z[0]
    for one, ours in zip(rho, np.asarray(kernel), strict=True):
        v = math.sqrt(q2) * (one * z[0] + math.sqrt(1 - one**2) * z[1])
        product = 2 * np.where((u > 0) & (v > 0), (u * v) ** order, 0.0)
        assert abs(product.mean() - ours) < 5 * product.std() / math.sqrt(n), one
        assert abs(product.mean() / ours - 1) < 5e-3, one  # 3 digits


@pytest.mark.parametrize(("eta", "depth"), published.TAT_SLOPES)
def test_slopes_of_a_tailored_network(eta, depth):
    assert meets(tat_slope(depth, eta=eta), published.TAT_SLOPES[eta, depth])


@pytest.mark.parametrize(("eta", "depth"), published.TAT_NONE)
def test_a_shallow_network_has_no_slope(eta, depth):
    with pytest.raises(ValueError, match=r"eta=0\.9 or above; got 0\.[0-9]{4}, .*; use relu"):
        tat_slope(depth, eta=eta)
