"""Neurons are found from their rates, written here a second time in NumPy."""

import numpy as np
import pytest

from relu_jax.activations.neuron_fits import fit_hard, fit_smooth

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

NEURONS = [(90.0, 15.0, 0.03, 0.002), (12.3456, 21.9, 0.0123, 0.0051), (3.0, 8.0, 0.1, 0.01)]


def rate(drive, span, tau, refractory):
    fires = drive > 0
    return fires / (refractory + tau * np.log1p(span / np.where(fires, drive, 1)))


@pytest.mark.parametrize(("resistance", "span", "tau", "refractory"), NEURONS)
def test_hard_threshold(resistance, span, tau, refractory):
    found = fit_hard(lambda x: rate(resistance * x - 15, span, tau, refractory))
    assert found == pytest.approx(
        {
            "rest": -65, "threshold": -50, "reset": -50 - span,
            "resistance": resistance, "tau": tau, "refractory": refractory,
        },
        rel=1e-6,
    )  # fmt: skip


@pytest.mark.parametrize("width", [0.5, 3.3])
@pytest.mark.parametrize(("resistance", "span", "tau", "refractory"), NEURONS)
def test_smooth_threshold(resistance, span, tau, refractory, width):
    def f(x):
        drive = width * np.logaddexp((resistance * x - 15) / width, 0)
        return rate(drive, span, tau, refractory)

    found = fit_smooth(f)
    assert found is not None
    assert [found[k] for k in ("reset", "resistance", "tau", "refractory", "width")] == (
        pytest.approx([-50 - span, resistance, tau, refractory, width], rel=1e-6)
    )


@pytest.mark.parametrize(
    "f",
    [
        np.tanh,
        np.exp,
        np.zeros_like,
        lambda x: np.maximum(x, 0),
        lambda x: np.clip(x, 0, 6),
        lambda x: np.clip(x, 1, 6) - 1,
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x: 1 / (1 + np.exp(3 - x)),
        lambda x: np.where(x > 1, 1.0, 0.0),
        lambda x: x * np.nan,
    ],
)
def test_other_functions_are_no_neuron(f):
    assert fit_hard(f) is None
    assert fit_smooth(f) is None
