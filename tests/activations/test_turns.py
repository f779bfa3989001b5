"""Are turns found where they are, and rounding not taken for one?"""

import numpy as np
import pytest
from scipy import optimize, special

from relu_jax.activations import get
from relu_jax.activations.curves import curve
from relu_jax.activations.turns import refined, turning
from tests.activations.shapes import SQUARE

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def turns(act, order):
    seen = curve(act)
    return [turn for turn, _ in refined(act, seen, order, list(turning(seen.order(order)[1])))]


def slope_of_silu(x):
    return special.expit(x) * (1 + x * special.expit(-x))


def bend_of_silu(x):
    s = special.expit(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))


@pytest.mark.parametrize(
    ("order", "f", "near"),
    [
        (0, lambda x: x * special.expit(x), [-1.2]),
        (1, slope_of_silu, [-2.4, 2.4]),
        (2, bend_of_silu, [-3.4, 0.05, 3.4]),
    ],
)
def test_turns_are_where_a_minimiser_finds_them(order, f, near):
    found = turns(get("silu"), order)
    assert len(found) == len(near)
    for turn, x in zip(found, near, strict=True):
        sign = 1 if turn.kind == "minimum" else -1
        best = optimize.minimize_scalar(
            lambda x, sign=sign: sign * f(x), (x - 0.2, x, x + 0.2), tol=1e-12
        )
        assert turn.where.low == pytest.approx(best.x, abs=1e-6)
        assert turn.value == pytest.approx(sign * best.fun, rel=1e-12)


def test_places_to_the_last_digits():
    [left, right] = turns(get("gelu"), 1)
    assert (left.where.low, right.where.low) == pytest.approx((-np.sqrt(2), np.sqrt(2)), abs=1e-12)
    [low, _, high] = turns(get("gelu"), 2)
    assert (low.where.low, high.where.low) == pytest.approx((-2, 2), abs=1e-7)


def test_a_turn_at_zero_is_at_zero():
    [turn] = turns(SQUARE, 0)
    assert turn == ("minimum", 0.0, (0.0, 0.0, (False, False)))


def test_a_turn_at_a_kink_is_at_the_kink():
    [turn] = turns(get("leaky_relu", slope=-0.3), 0)
    assert (turn.kind, turn.where.low, turn.value) == ("minimum", 0.0, 0.0)


def test_a_level_turn_is_an_interval():
    [turn] = turns(get("relu6"), 1)
    assert (turn.kind, turn.where[:2], turn.value) == ("maximum", (0.0, 6.0), 1.0)


def test_noise_is_no_turn():
    x = np.linspace(0, 1, 1000)
    noise = 1e-12 * np.random.default_rng(0).standard_normal(1000)
    assert list(turning(x + noise)) == []
    assert len(list(turning(x + 1e10 * noise))) > 100
