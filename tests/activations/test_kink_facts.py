"""Are the slopes around a kink those of the formula, infinite ones and jumps included?"""

import numpy as np
import pytest

from relu_jax.activations import CATALOGUE, get
from relu_jax.activations.curves import curve
from relu_jax.activations.kink_facts import Kink, kink_facts, singular
from tests.activations.shapes import ROOT, SHRINK, STEP

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def of(act):
    return kink_facts(act, curve(act))


def test_slopes_before_at_and_after():
    assert of(get("leaky_relu", slope=0.25)) == (Kink(0.0, 0.25, 1.0, 1.0, 0.0),)
    [kink] = of(get("selu"))
    assert kink[1:4] == pytest.approx((1.7580993, 1.7580993, 1.0507010), abs=1e-6)
    assert of(get("tanh")) == ()


def test_a_jump_is_told_with_its_height():
    assert of(STEP) == (Kink(0.0, 0.0, 0.0, 0.0, 1.0),)
    assert [kink.jump for kink in of(SHRINK)] == pytest.approx([0.5, 0.5], abs=1e-11)


def test_an_infinite_slope_is_no_jump():
    [kink] = of(ROOT)
    assert (kink.left, kink.taken, kink.right, kink.jump) == (0.0, 0.0, np.inf, 0.0)
    assert singular(curve(ROOT), 0.2, 1, 1)
    assert not singular(curve(ROOT), 0.2, 0, 1)


@pytest.mark.parametrize("act", [a for a in CATALOGUE if a.kinks], ids=lambda act: act.name)
def test_the_slope_taken_is_the_documented_one(act):
    assert tuple(kink.taken for kink in of(act)) == act.slope_at_kinks
