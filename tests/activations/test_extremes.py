"""Are bounds and falling stretches those of the functions we know by heart?"""

import numpy as np
import pytest

from relu_jax.activations import CATALOGUE, Activation, get
from relu_jax.activations.curves import curve
from relu_jax.activations.extremes import MOST, extremes, falls
from relu_jax.activations.flat_parts import flat_parts
from tests import published
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


@pytest.mark.parametrize("name", published.SLOPES)
def test_slopes_have_the_published_bounds(name):
    low, high = of(get(name), 1)[:2]
    told = (low.value, high.value, low.where.low, high.where.low)
    assert published.missed(told, published.SLOPES[name]) == []


@pytest.mark.parametrize("name", published.MINIMA)
def test_minima_are_the_published_ones(name):
    found = of(get(name))
    [turn] = found.turns
    assert published.missed((turn.value, turn.where.low), published.MINIMA[name]) == []
    assert found.lowest.value == turn.value


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
