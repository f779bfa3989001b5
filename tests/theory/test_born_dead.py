"""The bounds hold against simulated networks, the published table and exact small cases."""

import math
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy import stats

from relu_jax.theory.born_dead import (
    born_dead_at_least,
    born_dead_at_most,
    width_against_birth_death,
)
from tests import published

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

NETWORKS, MANY = 40_000, 400_000
WIDTHS, DEPTHS = (2, 3, 4, 5, 7, 10), (4, 9, 19)  # 18 networks, as many as the notes looked at
ASSUMED = 5000  # networks behind a published number, which does not tell it


@cache
def simulated(width: int, hidden: int, features: int) -> float:
    """Count networks that are 0 on both sides of every line through the origin we draw."""
    rng = np.random.default_rng(width)
    sides = 1 if features == 1 else 50
    x = rng.standard_normal((features, sides)).astype(np.float32)
    h = np.broadcast_to(np.concatenate([x, -x], axis=1), (NETWORKS, features, 2 * sides))
    for _ in range(hidden):
        w = rng.standard_normal((NETWORKS, width, h.shape[1]), dtype=np.float32)
        h = np.maximum(w @ h, 0)
    return float((h == 0).all(axis=(1, 2)).mean())


@cache
def dead_by_depth(width: int) -> dict[int, float]:
    """Count dead networks of one feature, drawing what a layer makes of x and -x, not its weights.

    Normal weights turn two vectors into pairs of normal numbers that have their products.
    """
    rng = np.random.default_rng(width)
    first = rng.standard_normal((MANY, width), dtype=np.float32)
    h, dead = (np.maximum(first, 0), np.maximum(-first, 0)), {}
    for layer in range(1, max(DEPTHS) + 1):
        dead[layer] = float((~(h[0].any(1) | h[1].any(1))).mean())
        one, other = h
        size = np.sqrt((one**2).sum(1, keepdims=True))
        along = (one * other).sum(1, keepdims=True) / np.where(size > 0, size, 1)
        across = np.sqrt(np.maximum((other**2).sum(1, keepdims=True) - along**2, 0))
        z = rng.standard_normal((2, MANY, width), dtype=np.float32)
        h = np.maximum(size * z[0], 0), np.maximum(along * z[0] + across * z[1], 0)
    return {layer: dead[layer] for layer in DEPTHS}


def standard_error(p: float, n: int) -> float:
    return float(np.sqrt(max(p, 1 / n) * (1 - p) / n))


def test_what_layers_make_of_both_sides_is_what_networks_of_weights_make():
    whole, by_layers = simulated(3, 9, 1), dead_by_depth(3)[9]
    error = np.hypot(standard_error(whole, NETWORKS), standard_error(by_layers, MANY))
    assert abs(whole - by_layers) < 5 * error


@pytest.mark.parametrize("width", published.BORN_DEAD_SEEN)
def test_the_published_simulation_is_one_of_ours(width):
    # How likely are so few or so many dead of 5,000? At z = 5 it is 3e-7 to each side.
    p, seen = dead_by_depth(width)[9], round(published.BORN_DEAD_SEEN[width] * ASSUMED)
    law = stats.binom(ASSUMED, p)
    assert min(law.cdf(seen), law.sf(seen - 1)) > 3e-7


@pytest.mark.parametrize("hidden", DEPTHS)
@pytest.mark.parametrize("width", WIDTHS)
def test_eighteen_simulated_networks_lie_between_the_bounds(width, hidden):
    # Every one by 4 standard errors and more, so that chance has no part in it.
    least, most = born_dead_at_least(width, hidden), born_dead_at_most([width] * hidden)
    assert least < dead_by_depth(width)[hidden] < most


def test_upper_bound_holds_for_several_input_features():
    p = simulated(2, 4, 3)
    assert 0 < p < born_dead_at_most([2] * 4) + 5 * standard_error(p, NETWORKS)


def test_one_unit_per_layer_is_solved_exactly():
    # One feature, one unit: the first layer passes one side, each later one with chance 1/2.
    for hidden in (1, 2, 5):
        assert born_dead_at_least(1, hidden) == pytest.approx(1 - 0.5 ** (hidden - 1), abs=1e-15)
    assert born_dead_at_most([1]) == 0.5


@pytest.mark.parametrize("width", [2, 3, 5, 9])
def test_two_layers_of_one_feature_are_solved_exactly(width):
    # The first layer's units split to the two sides, all to one with chance 2^(1-N). A later
    # unit stays silent with chance 1/2 for one side, and 1/4 for two, whose units are disjoint.
    one_sided = 2.0 ** (1 - width)
    exact = one_sided * 2.0**-width + (1 - one_sided) * 4.0**-width
    assert born_dead_at_least(width, 2) == pytest.approx(exact, rel=1e-12)
    assert exact < born_dead_at_most([width] * 2)


def lower_bound_in_fractions(width: int, hidden: int) -> Fraction:
    half, later = Fraction(1, 2**width), hidden - 1
    a, b = 1 - half, 1 - 2 * half - (width - 1) * half**2
    share = (1 - 2 * half) * a / (1 + (width - 1) * half)
    return 1 - a**later + share * (b**later - a**later)


@pytest.mark.parametrize("width", [1, 2, 3, 10, 30, 60, 200])
@pytest.mark.parametrize("hidden", [1, 2, 3, 9, 100])
def test_the_lower_bound_is_that_of_exact_fractions(width, hidden):
    exact = lower_bound_in_fractions(width, hidden)
    assert born_dead_at_least(width, hidden) == pytest.approx(float(exact), rel=1e-13, abs=0)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_the_signs_of_two_layers_of_one_feature_can_be_counted(width):
    # A second unit is silent on a side when its weights there add up to less than 0: half of
    # all draws, for each side that the first layer passes.
    dead = Fraction(0)
    for signs in product((-1, 1), repeat=width):
        dead += Fraction(1, 2 ** len(set(signs))) ** width / 2**width
    assert born_dead_at_least(width, 2) == pytest.approx(float(dead), rel=1e-14)
    assert dead <= 1 - (1 - Fraction(1, 2**width)) ** 2


def test_a_width_is_found_for_any_number_of_layers():
    assert width_against_birth_death(1e-6, 10**9) == 50
    assert width_against_birth_death(1e-300, 1) == 997


def test_small_probabilities_keep_their_digits():
    assert born_dead_at_most([60] * 4) == pytest.approx(4 * 2.0**-60, rel=1e-12)


def test_deep_networks_die_almost_surely():
    assert born_dead_at_least(5, 10_000) > 1 - 1e-12


@pytest.mark.parametrize(("probability", "hidden"), [(0.01, 9), (1e-6, 100), (0.5, 1), (0.3, 7)])
def test_width_is_enough_and_one_less_is_not(probability, hidden):
    width = width_against_birth_death(probability, hidden)
    assert born_dead_at_most([width] * hidden) <= probability
    assert width == 1 or born_dead_at_most([width - 1] * hidden) > probability
    assert width <= np.ceil(np.log2(hidden / probability))


def test_bad_input_is_answered():
    with pytest.raises(ValueError, match=r"has a hidden layer; got no width; give one width"):
        born_dead_at_most([])
    with pytest.raises(ValueError, match=r"width is at least 1; got 0; give the layer"):
        born_dead_at_most([3, 0])
    with pytest.raises(TypeError, match=r"width is an integer; got float 2\.5"):
        born_dead_at_most([2.5])
    with pytest.raises(ValueError, match=r"hidden is at least 1; got -1"):
        born_dead_at_least(3, -1)
    with pytest.raises(ValueError, match=r"lies between 0 and 1; got float 1\.0; pass"):
        width_against_birth_death(1.0, 9)
    with pytest.raises(TypeError, match=r"probability is a finite number; got float nan; pass"):
        width_against_birth_death(math.nan, 9)
