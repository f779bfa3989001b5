"""Are bounds and falling stretches those of the functions we know by heart?"""

import numpy as np
import pytest
from scipy import optimize

from relu_jax.activations import CATALOGUE, Activation, get
from relu_jax.activations.curves import curve
from relu_jax.activations.extremes import MOST, extremes, falls
from relu_jax.activations.flat_parts import flat_parts
from tests.activations.cases import CASES, LABELS
from tests.activations.shapes import BUMP, FALLING, ROOT, SHRINK, SINE, SQUARE, STEP, WAVE

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
INF = np.inf


def of(act, order=0):
    seen = curve(act)
    return extremes(act, seen, order, flat_parts(act, seen))


def falling(act):
    seen = curve(act)
    level = flat_parts(act, seen)
    return [tuple(part[:2]) for part in falls(seen, extremes(act, seen, 0, level), level)]


@pytest.mark.parametrize("case", CASES, ids=LABELS)
def test_bounds_are_those_of_the_battery(case):
    found = of(case.act)
    assert (found.lowest.value, found.highest.value) == pytest.approx(case.ends, abs=2e-6)


@pytest.mark.parametrize(
    ("act", "low", "high"),
    [
        (get("relu"), (0, True), (INF, False)),
        (get("relu6"), (0, True), (6, True)),
        (get("tanh"), (-1, False), (1, False)),
        (get("sigmoid"), (0, False), (1, False)),
        (get("log_sigmoid"), (-INF, False), (0, False)),
        (BUMP, (0, False), (1, True)),
        (SQUARE, (0, True), (INF, False)),
        (STEP, (0, True), (1, True)),
        (SINE, (-1, True), (1, True)),
        (WAVE, (-INF, False), (INF, False)),
    ],
    ids=lambda act: getattr(act, "name", None),
)
def test_bounds_say_whether_they_are_attained(act, low, high):
    found = of(act)
    assert (found.lowest.value, found.lowest.attained) == pytest.approx(low, abs=1e-12)
    assert (found.highest.value, found.highest.attained) == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "low", "high", "at"),
    [  # activations.md 2.6; the place of the first is measured to more digits in test_turns.py
        ("gelu", -0.128904, 1.128904, (-1.414214, 1.414214)),
        ("silu", -0.099839, 1.099839, (-2.39936, 2.39936)),
    ],
)
def test_slopes_have_the_published_bounds(name, low, high, at):
    found = of(get(name), 1)
    assert (found.lowest.value, found.highest.value) == pytest.approx((low, high), abs=5e-7)
    assert (found.lowest.where.low, found.highest.where.low) == pytest.approx(at, abs=4e-6)


@pytest.mark.parametrize(
    ("name", "value", "at"),
    [("silu", -0.278465, -1.278465), ("gelu", -0.169971, -0.751792)],
)
def test_minima_are_the_published_ones(name, value, at):
    [turn] = of(get(name)).turns
    assert (turn.value, turn.where.low) == pytest.approx((value, at), abs=1e-6)


def test_the_minimum_of_gelu_tanh_is_that_of_its_formula():
    def f(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    best = optimize.minimize_scalar(f, (-0.8, -0.75, -0.7), tol=1e-12)
    [turn] = of(get("gelu_tanh")).turns
    assert turn.value == pytest.approx(best.fun, abs=1e-12)
    assert turn.where.low == pytest.approx(best.x, abs=1e-6)


def test_what_has_no_bound_says_so():
    assert of(SQUARE, 1).highest.value == INF
    assert of(WAVE, 1).highest.value == INF
    assert of(ROOT, 1).highest.value == INF
    assert of(ROOT, 1).highest.where.low == 0.2
    assert of(SQUARE, 2).lowest.value == of(SQUARE, 2).highest.value == 2.0


def test_oscillation_is_told_near_zero_and_counted():
    found = of(SINE)
    assert len(found.turns) == MOST
    assert found.more > 100
    nearest = min(abs(turn.where.low) for turn in found.turns)
    assert nearest == pytest.approx(np.pi / 60, abs=1e-9)
    assert of(SINE, 1).highest.value == pytest.approx(30, abs=1e-9)


@pytest.mark.parametrize(
    ("act", "parts"),
    [
        (get("relu"), []),
        (FALLING, [(-INF, INF)]),
        (BUMP, [(0, INF)]),
        (SQUARE, [(-INF, 0)]),
        (get("leaky_relu", slope=-1), [(-INF, 0)]),
        (SHRINK, []),
        (STEP, []),
    ],
)
def test_falling_stretches(act, parts):
    assert falling(act) == parts


def test_a_step_down_falls_at_a_point():
    down = Activation(
        "down", lambda x: -STEP.fn(x), "-(x > 0)", "made up", kinks=(0.0,), slope_at_kinks=(0.0,),
        flat=True,
    )  # fmt: skip
    assert (of(down).lowest.value, of(down).highest.value) == (-1, 0)
    assert falling(down) == [(-INF, INF)]


def test_every_curve_of_the_catalogue_has_bounds():
    for act in CATALOGUE:
        for order in (0, 1, 2):
            found = of(act, order)
            assert found.lowest.value <= found.highest.value, (act.name, order)
