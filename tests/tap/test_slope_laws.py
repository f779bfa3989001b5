"""Is the law of a slope found, short and right, and refused where there is none?"""

import numpy as np
import pytest

from relu_jax.core import handover
from relu_jax.tap import slope_laws
from relu_jax.tap.slope_fits import evaluate
from relu_jax.tap.slope_laws import Pieces, Steps


def _law(f, slope, kinks=(), bends=(), limit=4e-7):
    """Find a law; the functions may overflow far out, the search for it may not."""
    quiet = np.errstate(over="ignore")
    return slope_laws.law(quiet(f), quiet(slope), kinks, bends, limit)


def _slope(found: Pieces, f, z):
    """Evaluate a law in NumPy, from y and the number of the piece alone."""
    y, number = f(z), np.searchsorted(np.array(found.edges), z)
    slope = np.zeros_like(z)
    for i, fit in enumerate(found.fits):
        here = number == i
        slope[here] = evaluate(np, fit, y[here])
    return slope


@pytest.mark.parametrize(
    ("slope", "kinks", "slopes"),
    [
        (lambda z: np.where(z > 0, 1.0, 0.0), (0.0,), (0.0, 1.0)),
        (lambda z: np.where(z > 0, 1.0, np.where(z < 0, 0.0, 0.5)), (0.0,), (0.0, 0.5, 1.0)),
        (lambda z: np.where(abs(z - 1.3) < 1, -2.0, 3.0), (), (-2.0, 3.0)),
        (np.zeros_like, (), (0.0,)),
    ],
    ids=["relu", "maximum", "kinks nobody named", "constant"],
)
def test_a_slope_of_few_values_is_one_of_them(slope, kinks, slopes):
    assert _law(np.zeros_like, slope, kinks) == Steps(slopes)


def test_the_slope_at_a_kink_that_nobody_named_is_found():
    found = _law(lambda z: np.maximum(z, 6), lambda z: np.where(z == 6, 0.5, z > 6).astype(float))
    assert found == Steps((0.0, 0.5, 1.0))


def _logistic(z):
    return 1 / (1 + np.exp(-z))


SMOOTH = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2, 1, {"between"}),
    "sigmoid": (_logistic, lambda z: _logistic(z) * _logistic(-z), 1, {"between"}),
    "softplus": (lambda z: np.logaddexp(0, z), _logistic, 1, {"exp"}),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z: np.exp(np.minimum(z, 0)), 1, {"y"},
    ),
    "silu": (
        lambda z: z * _logistic(z),
        lambda z: _logistic(z) * (1 + z * _logistic(-z)), 2, {"log", "far root"},
    ),
    "square": (np.square, lambda z: 2 * z, 2, {"power"}),
    "cube": (lambda z: z**3, lambda z: 3 * z**2, 1, {"power"}),
    "exponential": (np.exp, np.exp, 1, {"power"}),
    "soft sign": (
        lambda z: z / (1 + abs(z)), lambda z: (1 + abs(z)) ** -2.0, 1, {"decay"},
    ),
    "square plus": (
        lambda z: (z + np.sqrt(z * z + 4)) / 2, lambda z: (1 + z / np.sqrt(z * z + 4)) / 2, 1,
        {"far"},
    ),
    "bell": (
        lambda z: (z * z - 1) * np.exp(-z * z / 2), lambda z: (3 - z * z) * z * np.exp(-z * z / 2),
        4, {"log", "arc"},
    ),
    "tanh shrink": (lambda z: z - np.tanh(z), lambda z: np.tanh(z) ** 2, 2, {"cube root"}),
    "a bend at 1.7": (
        lambda z: np.where(z < 1.7, (z - 1.7) / (2.7 - np.minimum(z, 1.7)),
                           (z - 1.7) / (1 + 2 * np.maximum(z - 1.7, 0))),
        lambda z: np.where(z < 1.7, (2.7 - np.minimum(z, 1.7)) ** -2.0,
                           (1 + 2 * np.maximum(z - 1.7, 0)) ** -2.0), 2, {"y"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("f", "slope", "pieces", "variables"), SMOOTH.values(), ids=SMOOTH)
def test_a_smooth_slope_is_a_short_sum_over_y(f, slope, pieces, variables):
    found = _law(f, slope)
    assert isinstance(found, Pieces)
    assert len(found.fits) == pieces
    assert {fit.variable for fit in found.fits} == variables
    z = np.random.default_rng(0).normal(scale=4, size=20_000)
    rtol = 1e-6 if "power" in variables else 0  # their slopes have no bound
    np.testing.assert_allclose(_slope(found, f, z), slope(z), rtol=rtol, atol=1e-6)


def test_what_has_exact_laws_has_them_in_double_precision_too():
    assert _law(np.tanh, lambda z: 1 - np.tanh(z) ** 2, limit=1e-12) is not None
    f, slope, _, _ = SMOOTH["silu"]
    assert _law(f, slope, limit=1e-12) is None


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (np.sin, np.cos),
        (lambda z: z, lambda z: np.full_like(z, np.nan)),
        (np.cbrt, lambda z: 1 / (3 * np.cbrt(z + (z == 0)) ** 2)),
    ],
    ids=["many pieces", "no slope to be had", "a slope without bound"],
)
def test_what_has_no_short_law_is_none(f, slope):
    assert _law(f, slope) is None


def test_a_kink_with_a_slope_of_its_own_beside_curves_is_no_law():
    act = handover.lookup()("elu", alpha=2.0)

    def values(z):
        return np.where(z > 0, z, 2 * np.expm1(np.minimum(z, 0)))

    def curve(z):
        return np.where(z > 0, 1.0, 2 * np.exp(np.minimum(z, 0)))

    assert _law(values, curve, act.kinks) is not None
    assert _law(values, lambda z: np.where(z == 0, 1.5, curve(z)), act.kinks) is None


NARROW = {
    "clip": (lambda z: np.clip(z, 0.401, 0.409), lambda z: ((z > 0.401) & (z < 0.409)) * 1.0),
    "near 0": (lambda z: np.clip(z, 1e-6, 1e-3), lambda z: ((z > 1e-6) & (z < 1e-3)) * 1.0),
    "steep": (
        lambda z: 200 * np.minimum(np.maximum(z, 0), 0.005),
        lambda z: ((z > 0) & (z < 0.005)) * 200.0,
    ),
}


@pytest.mark.parametrize(("f", "slope"), NARROW.values(), ids=NARROW)
def test_a_piece_between_two_arguments_that_were_looked_at_is_found(f, slope):
    assert _law(f, slope) == Steps((0.0, slope(np.float64([0.405, 5e-4])).max()))


def test_kinks_that_are_named_are_looked_at_wherever_they_are():
    found = _law(np.zeros_like, lambda z: ((z > 2e4) & (z < 3e4)) * 1.0, (2e4, 3e4))
    assert found == Steps((0.0, 1.0))


@pytest.mark.parametrize("d", [0.01, 0.001])
def test_a_narrow_bend_is_fitted_or_left(d):
    found = _law(
        lambda z: np.where(abs(z) < d, z * z / 2 / d, abs(z) - d / 2),
        lambda z: np.clip(z / d, -1, 1),
    )
    if found is not None:
        z = np.linspace(-2 * d, 2 * d, 41)
        told = _slope(found, lambda z: np.where(abs(z) < d, z * z / 2 / d, abs(z) - d / 2), z)
        np.testing.assert_allclose(told, np.clip(z / d, -1, 1), atol=1e-5)


def test_the_slope_of_another_function_is_taken_as_it_is():
    assert _law(lambda z: np.clip(z, -1, 1), np.ones_like) == Steps((1.0,))
