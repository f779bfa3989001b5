"""Are averages, gains and fixed points those of an integral that shares no code with ours?"""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, optimize, special

from relu_jax.activations import get
from relu_jax.activations.curves import curve
from relu_jax.activations.gains import averages, fixed_points, gains, mean_and_power, torch_gain
from tests import published
from tests.activations.shapes import ROOT, STEP

pytestmark = pytest.mark.thorough("with its neighbours it takes minutes; the examples run anyway")


def of(act, variance=1.0):
    seen = curve(act)
    return seen, averages(act, seen, variance)


def mean(f, variance):
    """Average over a normal input by scipy."""
    s = np.sqrt(variance)

    def density(x):
        return np.exp(-x * x / 2 / variance) / (s * np.sqrt(2 * np.pi))

    return sum(
        integrate.quad(lambda x: f(x) * density(x), *ends, epsabs=1e-13)[0]
        for ends in ((-40 * s, 0), (0, 40 * s))
    )


@pytest.mark.parametrize("name", published.AVERAGES)
def test_averages_and_the_gain_are_the_published_ones(name):
    act = get(name)
    _, found = of(act)
    spread = found.second - found.mean**2
    told = (found.mean, found.second, spread, gains(act, found).signal, found.slope_second)
    assert published.missed(told, published.AVERAGES[name]) == []


def test_averages_at_another_variance_agree_with_scipy():
    _, found = of(get("tanh"), 2.5)

    def sech(x):
        return 1 / np.cosh(x) ** 2

    assert found.second == pytest.approx(mean(lambda x: np.tanh(x) ** 2, 2.5), rel=1e-10)
    assert found.slope_second == pytest.approx(mean(lambda x: sech(x) ** 2, 2.5), rel=1e-10)
    _, found = of(get("silu"), 2.5)

    def slope(x):
        return special.expit(x) * (1 + x * special.expit(-x))

    cross = mean(lambda x: x * special.expit(x) * slope(x), 2.5)
    assert found.cross == pytest.approx(cross, rel=1e-10)


def test_the_signal_gain_keeps_the_variance_it_is_for():
    act = get("tanh")
    _, found = of(act, 2.5)
    gain = gains(act, found).signal
    assert gain is not None
    assert gain**2 * mean(lambda x: np.tanh(x) ** 2, 2.5) == pytest.approx(2.5, rel=1e-10)


def test_torch_gains_are_those_of_its_table():
    expected = {"identity": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": 2**0.5, "selu": 0.75}
    assert {name: torch_gain(get(name)) for name in expected} == pytest.approx(expected)
    assert torch_gain(get("leaky_relu", slope=0.2)) == pytest.approx((2 / 1.04) ** 0.5)
    assert torch_gain(get("gelu")) is None


@pytest.mark.torch
def test_torch_gains_are_those_of_torch():
    init = pytest.importorskip("torch.nn.init")
    for ours, theirs in {"identity": "linear", "leaky_relu": "leaky_relu", "selu": "selu"}.items():
        slope = get(ours).params.get("slope")
        assert torch_gain(get(ours)) == pytest.approx(init.calculate_gain(theirs, slope))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("relu", "both agree, as q E f'^2 = E f^2. PyTorch's is the same."),
        ("tanh", "they differ, as q E f'^2 is not E f^2. PyTorch's is a convention that keeps"),
        ("gelu", "PyTorch has none."),
    ],
)
def test_why_gains_differ_is_said(name, words):
    _, found = of(get(name))
    assert words in gains(get(name), found).why


def test_no_gain_where_an_average_is_zero_or_endless():
    _, found = of(STEP)
    assert gains(STEP, found).gradient is None
    assert "leaves none" in gains(STEP, found).why
    _, found = of(ROOT)
    assert found.slope_second == np.inf
    assert gains(ROOT, found).gradient is None


def test_every_variance_is_kept_by_what_is_homogeneous():
    for name in ("relu", "leaky_relu", "identity"):
        seen, found = of(get(name))
        assert fixed_points(get(name), seen, found)[1:] == ((), True, False)


def test_fixed_points_are_the_roots_of_the_map():
    act = get("gelu")
    seen, found = of(act)
    told = fixed_points(act, seen, found)
    assert [point.q for point in told.points] == pytest.approx([0, 1])
    assert [point.kind for point in told.points] == ["stable", "unstable"]

    def gelu(x):
        return x * special.ndtr(x)

    step = 1e-4
    ahead, behind = (mean(lambda x: gelu(x) ** 2, 1 + h) for h in (step, -step))
    assert told.gain is not None
    slope = told.gain**2 * (ahead - behind) / (2 * step)
    assert told.points[1].slope == pytest.approx(slope, rel=1e-6)
    assert told.points[0].slope == pytest.approx(told.gain**2 / 4, rel=1e-9)


def test_a_fixed_point_apart_from_the_variance_is_found():
    act = get("elu")
    seen, found = of(act, 4.0)
    told = fixed_points(act, seen, found)
    assert told.gain is not None
    gain2 = told.gain**2

    def elu(x):
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))

    def drift(q):
        return gain2 * mean(lambda x: elu(x) ** 2, q) / q - 1

    signs = {q: np.sign(drift(q)) for q in (0.05, 0.5, 2.0, 8.0, 100.0)}
    others = [point.q for point in told.points if point.q not in (0.0, 4.0)]
    crossings = sum(
        a != b for a, b in zip(list(signs.values()), list(signs.values())[1:], strict=False)
    )
    assert len(others) + 1 == crossings
    for q in others:
        root = optimize.brentq(drift, 0.9 * q, 1.1 * q, xtol=1e-12)
        assert q == pytest.approx(root, rel=1e-8)


@pytest.mark.parametrize(("frequency", "variance"), [(1000.0, 1.0), (100.0, 1.0), (30.0, 10.0)])
def test_fast_waves_have_the_averages_of_their_closed_form(frequency, variance):
    act = get("sine", frequency=frequency)
    seen, found = of(act, variance)
    assert found.second == pytest.approx(0.5, rel=1e-12)
    assert found.slope_second == pytest.approx(frequency**2 / 2, rel=1e-12)
    told = fixed_points(act, seen, found)
    assert [point.q for point in told.points] == [0, variance]
    assert not told.unseen


def test_averages_that_no_rule_reaches_are_told_as_none():
    act = get("snake", frequency=1e6)
    seen, found = of(act)
    assert np.isnan(found.slope_second)
    told = gains(act, found)
    assert told.gradient is None
    assert told.why.endswith("an average that is not to be had leaves none.")
    assert np.isnan(mean_and_power(act, 1.0)).all()
    assert fixed_points(act, seen, found).gain is None
    assert mean_and_power(get("snake", frequency=300.0), 1.0)[0] == pytest.approx(1 / 600)


def test_an_unbounded_slope_leaves_what_f_alone_tells():
    # Both by parts, as E f f' = E f² x / 2q: f² has a bound
    act = get("lif_rate")
    seen, found = of(act)
    assert np.isinf(found.slope_second)

    def square(x):
        return float(act(x)) ** 2

    ends = (1 / 6, 0.2, 0.5, 2, 12)

    def density(x):
        return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)

    pairs = list(pairwise(ends))
    with np.errstate(all="ignore"):
        cross = sum(
            integrate.quad(lambda x: square(x) * x / 2 * density(x), *pair, limit=200)[0]
            for pair in pairs
        )
    assert found.cross == pytest.approx(cross, rel=1e-5)
    assert fixed_points(act, seen, found).points[-1].slope == pytest.approx(0.730765, abs=2e-6)


def test_a_steep_rise_beside_0_needs_no_finer_rule(monkeypatch):
    monkeypatch.setattr("relu_jax.activations.gains._averages", lambda *_: pytest.fail("finer"))
    mean, second = mean_and_power(get("lif_rate_smooth"), 1.0)
    assert (mean, second) == pytest.approx((49.545564812, 7129.0436399), rel=1e-9)
