"""Does a probe miss what it misses when each sample is really left out?"""

import numpy as np
import pytest

from relu_jax.analyses import separability


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def left_out(code, labels, ridge):
    """Count what ridge regression misses, made anew without each sample: the slow way."""
    x = (code - code.mean(axis=0)) / code.std(axis=0)
    scale = np.trace(x @ x.T) / len(x)
    targets = np.where(labels[:, None] == np.arange(labels.max() + 1), 1.0, -1.0)
    rows = np.concatenate([x / np.sqrt(scale), np.full((len(x), 1), np.sqrt(1e3))], axis=1)
    missed = 0
    for i in range(len(x)):
        kept = np.arange(len(x)) != i
        a = rows[kept]
        w = np.linalg.solve(a.T @ a + ridge * np.eye(a.shape[1]), a.T @ targets[kept])
        missed += int((rows[i] @ w).argmax() != labels[i])
    return missed


@pytest.mark.parametrize("ridge", [1e-3, 0.1, 10.0])
def test_the_linear_probe_is_that_of_leaving_one_out(draw, ridge):
    labels = draw.integers(0, 3, size=40)
    code = draw.normal(size=(40, 5)) + labels[:, None]
    found = separability(code, labels, ridges=[ridge])
    assert found.linear.errors == left_out(code, labels, ridge)
    assert 0 < found.linear.errors < 40
    assert found.linear.ridge == ridge


def test_two_normals_have_the_error_that_theory_gives(draw):
    labels = np.arange(1200) % 2
    code = draw.normal(size=(1200, 3)) + labels[:, None] * [2.0, 0.0, 0.0]
    found = separability(code, labels)
    expected = 0.158655  # Φ(-1)
    assert found.linear.low < expected < found.linear.high
    assert found.linear.error == found.linear.errors / 1200
    assert (found.n, found.units, found.classes, found.chance) == (1200, 3, 2, 0.5)


def test_a_ring_is_told_by_a_curved_probe_alone(draw):
    angle = draw.uniform(0, 2 * np.pi, size=300)
    radius = np.where(np.arange(300) % 3 == 0, 0.3, 1.0) + draw.normal(scale=0.05, size=300)
    code = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found = separability(code, np.arange(300) % 3 == 0)
    assert found.linear.error > 0.25
    assert found.kernel.errors == 0
    assert found.gap == found.linear.error
    assert found.kernel.high < 0.02


def test_scale_place_and_names_of_classes_change_nothing(draw):
    labels = draw.integers(0, 3, size=60)
    code = draw.normal(size=(60, 4)) + labels[:, None]
    first = separability(code, labels)
    second = separability(code * [1e6, 1e-6, 3, -1] + 7, 10 - 4 * labels)
    assert (first.linear.errors, first.kernel.errors) == (
        second.linear.errors,
        second.kernel.errors,
    )


def test_a_code_that_never_varies_tells_nothing():
    found = separability(np.ones((10, 3)), np.arange(10) % 2)
    assert found.linear.errors >= 5
    assert found.kernel.errors >= 5


def test_the_gap_of_relu_is_smaller_than_that_of_the_input(draw):
    angle = draw.uniform(0, 2 * np.pi, size=200)
    inner = np.arange(200) % 2 == 0
    x = np.where(inner, 0.4, 1.0)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    code = np.maximum(x @ draw.normal(size=(2, 64)) - 0.3, 0)
    assert separability(code, inner).linear.error < 0.05 < separability(x, inner).linear.error


@pytest.mark.parametrize(
    ("code", "labels", "error", "told"),
    [
        (np.ones((4, 2)), np.ones(3, int), ValueError, "(N, H)"),
        (np.ones((4, 2)), np.ones(4, int), ValueError, "with 1 classes"),
        (np.ones((2, 2)), np.arange(2), ValueError, "3 to 4,000"),
        (np.ones((4, 0)), np.arange(4), ValueError, "(N, H)"),
        (np.ones((4001, 1)), np.arange(4001) % 2, ValueError, "3 to 4,000"),
        (np.full((4, 2), np.nan), np.arange(4), ValueError, "8 of 8 values"),
        (np.ones((4, 2)), np.ones(4), TypeError, "whole numbers"),
    ],
)
def test_what_cannot_be_probed_is_refused(code, labels, error, told):
    with pytest.raises(error, match=told.replace("(", r"\(").replace(")", r"\)")):
        separability(code, labels)


@pytest.mark.parametrize("ridge", [0.0, -1.0, np.nan, np.inf])
def test_a_ridge_is_above_0(draw, ridge):
    with pytest.raises(ValueError, match="above 0"):
        separability(draw.normal(size=(4, 2)), np.arange(4) % 2, ridges=[ridge])
