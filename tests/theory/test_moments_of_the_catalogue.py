"""Are the moments of every member of the catalogue those of a rule that shares no code with ours?

The rule: Gauss and Legendre's nodes in panels of 1/40 of a deviation, cut at kinks and bends, and
graded by factors of 4 towards every cut.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from relu_jax.activations import CATALOGUE
from relu_jax.theory.moments import Moments, moments_with_error

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")

VARIANCES = (0.05, 1.0, 30.0)
NODES, LAST = np.polynomial.legendre.leggauss(24)
# f' grows without end beside the threshold, and E f'² has no bound.
ENDLESS = {"lif_rate": ("slope", "slope_second", "cross", "bend")}
# E f² lies beyond 13 standard deviations.
FAR = {"exponential"}


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@cache
def rule(cuts, q):
    deviation = q**0.5
    near = [c / deviation for c in {0.0, *cuts} if abs(c) < 12 * deviation]
    graded = [c + side * 4.0**-k / 40 for c in near for side in (-1, 1) for k in range(12)]
    ends = np.unique(np.clip([*np.arange(-520, 521) / 40, *near, *graded], -13, 13))
    half = np.diff(ends)[:, None] / 2
    z = (ends[:-1, None] + half * (1 + NODES)).ravel()
    return deviation * z, (half * LAST).ravel() * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def expected(act, q):
    x, w = rule((*act.kinks, *act.bends), q)
    f, slope = (np.asarray(part) for part in (act(jnp.asarray(x)), act.derivative(jnp.asarray(x))))
    slope_second = w @ slope**2
    # d(E f²)/dq = E f² (x²/q - 1) / 2q needs no derivative, and holds where f or f' jumps.
    bend = w @ (f**2 * (x**2 / q - 1)) / (2 * q) - slope_second
    value = (w @ f, w @ f**2, w @ slope, slope_second, w @ (f * slope), bend)
    rounding = (w @ (f**2 * (x**2 / q + 1)) / (2 * q)) + slope_second
    size = (w @ abs(f), w @ f**2, w @ abs(slope), slope_second, w @ abs(f * slope), rounding)
    return Moments(*value), Moments(*size)


@pytest.mark.parametrize("act", CATALOGUE, ids=lambda act: act.name)
def test_moments_equal_those_of_another_rule(act):
    got = moments_with_error(act, jnp.array(VARIANCES))
    for i, q in enumerate(VARIANCES):
        if act.name in FAR and q > 1:
            continue
        value, size = expected(act, q)
        for name in set(Moments._fields) - set(ENDLESS.get(act.name, ())):
            ours, true, scale = (getattr(part, name) for part in (got.value, value, size))
            off = abs(float(ours[i]) - true)
            assert off <= 1e-11 * scale, (name, q, float(ours[i]), true, off / scale)
            assert off <= float(getattr(got.error, name)[i]) + 1e-11 * scale


@pytest.mark.parametrize("name", ENDLESS)
def test_an_average_without_a_bound_is_seen(name):
    act = next(act for act in CATALOGUE if act.name == name)
    found = moments_with_error(act, 1.0)
    assert found.error.slope_second > 1e-3 * found.size.slope_second


@pytest.mark.parametrize("name", ["sqnl", "sparse_plus", "smelu"])
def test_without_the_bends_accuracy_is_lost(name):
    act = next(act for act in CATALOGUE if act.name == name)
    value, size = expected(act, 1.0)
    without = moments_with_error(act, 1.0, kinks=act.kinks).value
    lost = [abs(float(a) - b) / c for a, b, c in zip(without, value, size, strict=True) if c]
    assert max(lost) > 1e-11
