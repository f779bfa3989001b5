"""Has the law of a product of free matrices the closed forms that are known of it?"""

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

from relu_jax.theory.free_products import (
    Factors,
    law_of,
    log_mean,
    quantiles,
    upper_end,
    zeros_of,
)

SHARES = np.array([1e-4, 0.01, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99])


def linear(layers, gaussian=True):
    return Factors(np.ones(1), np.ones(1), layers, gaussian)


def projections(share, layers, gaussian=False):
    return Factors(np.array([0.0, 1.0]), np.array([1 - share, share]), layers, gaussian)


def integral(f, low, high):
    """Integrate a smooth function from `low` to each of `high`."""
    x, w = leggauss(100)
    half = (np.asarray(high) - low) / 2
    return (f(low + half[:, None] * (1 + x)) @ w) * half


def test_one_gaussian_layer_has_the_singular_values_of_a_quarter_circle():
    s = np.exp(quantiles(law_of(linear(1)), SHARES) / 2)
    below = (s / 2 * np.sqrt(4 - s**2) + 2 * np.arcsin(s / 2)) / np.pi
    np.testing.assert_allclose(1 - below, SHARES, atol=1e-6)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_rows_of_one_gaussian_layer_have_the_law_of_marchenko_and_pastur(share):
    law = law_of(projections(share, 1, gaussian=True))
    # x = 1 + c + 2 √c cos θ, of density √((x₊ - x)(x - x₋)) / 2π x.
    x = np.exp(quantiles(law, share * SHARES))
    angles = np.arccos((x - 1 - share) / (2 * share**0.5))
    above = integral(
        lambda t: 2 * share * np.sin(t) ** 2 / (1 + share + 2 * share**0.5 * np.cos(t)) / np.pi,
        0.0,
        angles,
    )
    np.testing.assert_allclose(above, share * SHARES, atol=1e-6)
    lower = quantiles(law, np.array([share]))[0]
    assert lower == pytest.approx(2 * np.log(1 - share**0.5), abs=1e-4)


@pytest.mark.parametrize("layers", [1, 2, 3, 10, 100])
def test_deep_linear_networks_have_the_law_of_fuss_and_catalan(layers):
    k = layers + 1
    t = np.linspace(0.02, 0.95, 40) * np.pi / k
    log_x = k * np.log(np.sin(k * t)) - np.log(np.sin(t)) - layers * np.log(np.sin(layers * t))

    def density(t):  # of ln x, times its slope in t
        slope = k**2 / np.tan(k * t) - 1 / np.tan(t) - layers**2 / np.tan(layers * t)
        return -slope * np.sin(t) * np.sin(k * t) / np.sin(layers * t) / np.pi

    found = quantiles(law_of(linear(layers)), integral(density, 1e-12, t))
    np.testing.assert_allclose(found, log_x, atol=2e-6 * layers)
    assert upper_end(linear(layers)) == pytest.approx(
        k * np.log(k) - layers * np.log(layers), abs=1e-10
    )


@pytest.mark.parametrize("share", [0.3, 0.5, 0.75])
def test_two_free_projections_have_their_law(share):
    # sin²: density √(x₊ / x - 1) / 2π (1 - x) on [0, x₊], x₊ = 4 c (1 - c), and an atom at 1.
    atom, end = max(0.0, 2 * share - 1), 4 * share * (1 - share)
    angles = np.linspace(0.05, 1.5, 20)
    above = atom + integral(
        lambda t: end * np.sin(t) ** 2 / (1 - end * np.cos(t) ** 2) / np.pi, 0.0, angles
    )
    law = law_of(projections(share, 2))
    np.testing.assert_allclose(np.exp(quantiles(law, above) / 2), end**0.5 * np.cos(angles), 1e-5)
    if atom:
        inside = quantiles(law, atom * np.array([0.0, 0.01, 0.5, 0.99]))
        np.testing.assert_allclose(inside, 0, atol=1e-7)
    assert log_mean(law) == pytest.approx(2 * np.log(share), abs=1e-6)


@pytest.mark.parametrize(("share", "layers"), [(0.75, 3), (0.9, 5), (0.999, 100)])
def test_the_kept_directions_of_all_layers_are_an_atom(share, layers):
    law = law_of(projections(share, layers))
    atom = 1 - layers * (1 - share)
    inside, beyond = quantiles(law, atom + np.array([-1e-3, 1e-3]))
    assert inside == pytest.approx(0, abs=1e-7)
    assert beyond < -1e-3
    assert law.above[0] == pytest.approx(share, abs=1e-7)


def test_two_slopes_turned_freely_are_those_of_planes():
    # In two dimensions: diag(1, a) R(θ) diag(1, a), θ uniform.
    a, angle = 0.1, np.linspace(0.01, 0.99, 30) * np.pi / 2
    law = law_of(Factors(np.array([a**2, 1.0]), np.array([0.5, 0.5]), 2, False))
    squares = np.cos(angle) ** 2 * (1 + a**4) + 2 * a**2 * np.sin(angle) ** 2
    larger = (squares + np.sqrt(squares**2 - 4 * a**4)) / 2
    np.testing.assert_allclose(quantiles(law, angle / np.pi), np.log(larger), atol=1e-5)
    np.testing.assert_allclose(quantiles(law, 1 - angle / np.pi), np.log(a**4 / larger), atol=1e-5)


def test_a_rotation_has_one_singular_value():
    law = law_of(linear(7, gaussian=False))
    np.testing.assert_allclose(quantiles(law, np.array([0, *SHARES, 1])), 0, atol=1e-7)


@pytest.mark.parametrize("gaussian", [True, False])
@pytest.mark.parametrize("layers", [2, 5, 300])
def test_mean_mass_and_spread_are_those_of_the_factors(layers, gaussian):
    rng = np.random.default_rng(layers)
    d, p = rng.exponential(size=6) ** 2, rng.dirichlet(np.ones(6))
    d[0] = 0
    factors = Factors(d, p, layers, gaussian)
    law, mu_1, mu_2 = law_of(factors), p @ d, p @ d**2
    assert zeros_of(factors) == p[0]
    assert law.above[0] == pytest.approx(1 - p[0], abs=1e-7)
    assert log_mean(law) == pytest.approx(layers * np.log(mu_1), abs=1e-5)
    # Over shares u = v³, in which an end of the law is smooth.
    v, w = leggauss(200)
    v, w = (1 + v) / 2, w / 2
    x = np.exp(quantiles(law, v**3 * (1 - p[0])) - log_mean(law))
    square = (1 - p[0]) * (3 * v**2 * w) @ x**2
    expected = 1 + layers * (mu_2 / mu_1**2 - 1 + gaussian)
    assert square == pytest.approx(expected, rel=1e-3)


def test_a_law_of_two_parts_leaves_the_gap_between_them():
    # One orthogonal matrix more than the slopes have: most of them 1, the others far below.
    law = law_of(Factors(np.array([1e-6, 1.0]), np.array([0.1, 0.9]), 2, False))
    values = quantiles(law, np.array([0.5, 0.79, 0.81, 0.99, 1.0]))
    assert values[1] == pytest.approx(0, abs=1e-7)
    assert values[2] < -1
    assert (np.diff(values) <= 1e-9).all()
