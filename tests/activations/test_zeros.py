"""Are zeros found: crossings, touches, intervals; and steps over 0 left out?"""

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import Activation, get
from relu_jax.activations.curves import curve
from relu_jax.activations.extremes import extremes
from relu_jax.activations.flat_parts import flat_parts
from relu_jax.activations.zeros import zeros
from tests.activations.shapes import BUMP, SHRINK, SINE, SQUARE, STEP, WAVE

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
INF = np.inf


def of(act):
    seen = curve(act)
    level = flat_parts(act, seen)
    return zeros(act, seen, level, extremes(act, seen, 0, level))


@pytest.mark.parametrize(
    ("act", "points", "intervals"),
    [
        (get("tanh"), [0], []),
        (get("gelu"), [0], []),
        (get("sigmoid"), [], []),
        (get("relu"), [], [(-INF, 0, (False, True))]),
        (SHRINK, [], [(-0.5, 0.5, (True, True))]),
        (SQUARE, [0], []),
        (BUMP, [], []),
    ],
    ids=lambda act: getattr(act, "name", None),
)
def test_zero_sets(act, points, intervals):
    found = of(act)
    assert list(found.points) == points
    assert list(found.intervals) == intervals
    assert found.more == 0


def test_the_end_that_does_not_belong_is_open():
    half = Activation(
        "half", lambda x: jnp.where(x >= 0, jnp.ones_like(x), jnp.zeros_like(x)), "", "made up",
        kinks=(0.0,), slope_at_kinks=(0.0,), flat=True,
    )  # fmt: skip
    assert of(half).intervals == ((-INF, 0.0, (False, False)),)
    assert of(STEP).intervals == ((-INF, 0.0, (False, True)),)


def test_a_step_over_zero_is_no_zero():
    sign = Activation(
        "sign", lambda x: jnp.where(x > 0.3, jnp.ones_like(x), -jnp.ones_like(x)), "", "made up",
        kinks=(0.3,), slope_at_kinks=(0.0,), flat=True,
    )  # fmt: skip
    assert of(sign).points == ()


def test_zeros_are_exact_and_the_rest_is_counted():
    found = of(WAVE)
    expected = [-1.5 * np.pi, -np.pi / 2, 0, np.pi / 2, 1.5 * np.pi]
    np.testing.assert_allclose(found.points[:5], expected, atol=1e-11)
    assert found.more > 100
    assert 0.0 in of(SINE).points
