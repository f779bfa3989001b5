"""Do the scores order activations as the three properties of a neuron say, with exact values?"""

import numpy as np
import pytest
from scipy import integrate, stats

from relu_jax.activations import CATALOGUE, get
from relu_jax.activations.curves import curve
from relu_jax.activations.extremes import extremes
from relu_jax.activations.flat_parts import flat_parts
from relu_jax.activations.neuron_scores import neuron_scores
from relu_jax.activations.zeros import zeros
from tests.activations.shapes import BUMP, SHRINK, STEP

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def of(act, variance=1.0):
    seen = curve(act)
    level = flat_parts(act, seen)
    return neuron_scores(act, zeros(act, seen, level, extremes(act, seen, 0, level)), variance)


def test_the_textbook_neuron_is_near_relu_and_far_from_tanh():
    relu, softplus, sigmoid, tanh = map(of, map(get, ("relu", "softplus", "sigmoid", "tanh")))
    assert relu.one_sidedness > softplus.one_sidedness > sigmoid.one_sidedness > tanh.one_sidedness
    assert relu.width == softplus.width > sigmoid.width > tanh.width
    assert relu.sparsity > softplus.sparsity == sigmoid.sparsity == tanh.sparsity == 0


def test_scores_of_relu_are_exact():
    assert of(get("relu")) == pytest.approx((1, 1, 0.5))


def test_one_sidedness_is_the_ratio_of_two_integrals():
    def answer(side):
        def f(z):
            return np.log1p(np.exp(side * z)) * stats.norm.pdf(z)

        return integrate.quad(f, 0, 30)[0]

    assert of(get("softplus")).one_sidedness == pytest.approx(1 - answer(-1) / answer(1), rel=1e-9)
    assert of(get("leaky_relu", slope=0.25)).one_sidedness == pytest.approx(0.75)
    assert of(get("leaky_relu", slope=-2)).one_sidedness == 0
    assert of(BUMP).one_sidedness == pytest.approx(0, abs=1e-12)


def test_width_is_twice_the_drive_of_half_the_answer():
    assert of(get("tanh")).width == pytest.approx(2 * np.arctanh(0.5) / 10, abs=1e-6)
    assert of(get("sigmoid")).width == pytest.approx(2 * np.log(3) / 10, abs=1e-4)
    assert of(get("relu6")).width == pytest.approx(0.6, abs=1e-6)
    assert of(get("tanh"), 4.0).width == pytest.approx(2 * np.arctanh(0.5) / 20, abs=1e-6)
    assert of(STEP).width == 0
    assert of(BUMP).width == 0


def test_sparsity_is_the_chance_of_an_exact_zero():
    assert of(SHRINK).sparsity == pytest.approx(stats.norm.cdf(0.5) - stats.norm.cdf(-0.5))
    assert of(SHRINK, 4.0).sparsity == pytest.approx(2 * stats.norm.cdf(0.25) - 1)


def test_scores_are_between_zero_and_one():
    for act in CATALOGUE:
        assert all(0 <= score <= 1 for score in of(act)), act.name
