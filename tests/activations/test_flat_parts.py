"""Are level stretches found to the last digit, and underflow not taken for one?"""

import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import Activation, get
from relu_jax.activations.curves import curve
from relu_jax.activations.flat_parts import flat_parts, snapped, widened
from tests.activations.shapes import BUMP, SHRINK, STEP

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")
INF = np.inf


@pytest.mark.parametrize(
    ("act", "parts"),
    [
        (get("relu"), [(-INF, 0)]),
        (get("relu6"), [(-INF, 0), (6, INF)]),
        (get("hard_tanh", low=-0.3, high=0.7), [(-INF, -0.3), (0.7, INF)]),
        (SHRINK, [(-0.5, 0.5)]),
        (STEP, [(-INF, 0), (0, INF)]),
        (get("tanh"), []),
    ],
)
def test_flat_parts_end_at_the_kinks(act, parts):
    assert [part[:2] for part in flat_parts(act, curve(act))] == parts


def test_an_edge_without_a_kink_is_refined():
    smooth = Activation(
        "smooth", lambda x: jnp.square(jnp.maximum(x - 0.1234, 0)), "", "made up", flat=True
    )
    [part] = flat_parts(smooth, curve(smooth))
    assert part.high == pytest.approx(0.1234, abs=1e-9)


def test_a_tail_that_underflows_is_not_flat():
    liar = Activation("liar", BUMP.fn, "", "", flat=True)
    assert (curve(liar).order(1)[1] == 0).sum() > 10
    assert flat_parts(liar, curve(liar)) == ()


def test_the_ends_of_a_level_maximum_are_found():
    act = get("hard_tanh", low=-0.3337, high=0.7771)
    x, slope = curve(act).order(1)
    level = np.flatnonzero(slope == 1).tolist()
    where, value = widened(act, 1, x, slope, level[0], level[-1])
    assert where[:2] == pytest.approx((-0.3337, 0.7771), abs=1e-9)
    assert value == 1


def test_points_beside_a_kink_or_zero_move_onto_it():
    seen = curve(get("relu6"))
    assert [snapped(seen, x) for x in (6 + 1e-10, -1e-10, 5.9)] == [6.0, 0.0, 5.9]
